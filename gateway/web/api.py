"""The dispatcher: each `Route` of the schemas becomes an endpoint that calls the verb of its name, and nothing more."""

import hashlib
import typing
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import orjson
from fastapi import FastAPI
from pydantic import BaseModel, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from gateway.domain.principal import Principal
from gateway.errors import INVALID_INPUT, UNAVAILABLE, Problem, Refusal, declare
from gateway.runtime import IDEMPOTENCY_KEY_REUSED, IDEMPOTENT_ANSWER_LOST, Claim, Gateway, current_claim
from gateway.schemas import ROUTES, Ask, Route
from gateway.store import operation
from gateway.store.db import TransientConflict
from gateway.usecases import VERBS
from gateway.usecases._facts import RIGHTS_CHANGED
from gateway.web.auth import anonymous, authenticate
from gateway.web.problems import invalid_ask, problem_response, refusal_response

RawHandler = Callable[[Gateway, Principal, Request, Any], Awaitable[Response]]
_ATTEMPTS = 4

BODY_NOT_JSON = declare(
    "body-not-json", "invalid",
    zh="请求体不是合法的 JSON 对象", en="The body is not a JSON object",
    remedy_zh="请发送 application/json 的对象", remedy_en="Send an object as application/json",
)  # fmt: skip


def mount(app: FastAPI, raw: Mapping[str, RawHandler]) -> None:
    """Every route of the schemas is served. Raises `LookupError` when a route has no verb, or a raw one no handler."""
    for route in sorted(ROUTES, key=lambda each: "{" in each.path):  # fixed paths win over parameters
        if route.name not in VERBS:
            raise LookupError(f"route {route.name} has no verb")
        if route.raw and route.name not in raw:
            raise LookupError(f"raw route {route.name} has no handler")
        endpoint = endpoint_of(route, raw.get(route.name))
        app.add_api_route(route.path, endpoint, methods=[route.method], include_in_schema=False, name=route.name)


def endpoint_of(route: Route, raw: RawHandler | None) -> Callable[[Request], Awaitable[Response]]:
    """What serves `route`: sign-in, the verb or its raw handler, and problems as answers."""
    verb = VERBS[route.name]
    lists = _list_fields(route.ask)

    async def serve(request: Request) -> Response:
        gw: Gateway = request.app.state.gateway
        locale = locale_of(request)
        try:
            by = anonymous(gw, request) if route.public else await authenticate(gw, request)
            locale = request.query_params.get("lang") or (
                by.locale if not request.headers.get("accept-language") else locale
            )
            if raw is not None:
                try:
                    return await raw(gw, by, request, None)
                except Problem as problem:
                    if route.public or problem.code is not RIGHTS_CHANGED:
                        raise
                # Verified within the last minute, but changed since: nothing was disclosed, so read it anew.
                return await raw(gw, await authenticate(gw, request, fresh=True), request, None)
            ask = await parse(route, request, lists)
            return await _carry_out(gw, route, verb, by, ask, request, locale)
        except Problem as problem:
            return problem_response(problem, locale, instance=request.scope.get("request_id", ""))

    serve.__name__ = route.name
    return serve


async def _carry_out(
    gw: Gateway,
    route: Route,
    verb: Callable[..., Awaitable[Any]],
    by: Principal,
    ask: Ask,
    request: Request,
    locale: str,
) -> Response:
    key = "" if route.safe else request.headers.get("idempotency-key", "")
    claim: Claim | None = None
    if len(key) > 100:
        raise Problem(
            INVALID_INPUT, field="Idempotency-Key", detail_zh="最长100个字符", detail_en="100 characters at most"
        )
    if key:
        claim = Claim(by.id, key, route.name, hashlib.sha256(ask.model_dump_json().encode()).digest())
        again = await _answered_before(gw, claim)
        if again is not None:
            return again
    token = current_claim.set(claim)
    try:
        answer = await run_verb(verb, gw, by, ask)
    finally:
        current_claim.reset(token)
    if isinstance(answer, Refusal):
        response = refusal_response(answer, locale)
    else:
        response = Response(encode(answer), route.status, media_type="application/json")
    if claim is not None and claim.used and not route.secret:
        async with gw.db.begin() as tx:
            await operation.set_claim_answer(tx, by.id, claim.key, response.status_code, bytes(response.body))
    return response


async def run_verb(verb: Callable[..., Awaitable[Any]], gw: Gateway, by: Principal, ask: Ask) -> Any:
    """The verb's answer; run again when two transactions met, since nothing of the first run was kept."""
    for attempt in range(_ATTEMPTS):
        try:
            return await verb(gw, by, ask)
        except TransientConflict:
            if attempt == _ATTEMPTS - 1:
                raise Problem(UNAVAILABLE) from None
    raise AssertionError("unreachable")


async def _answered_before(gw: Gateway, claim: Claim) -> Response | None:
    async with gw.db.read() as tx:
        kept = await operation.find_claim(tx, claim.person_id, claim.key)
    if kept is None:
        return None
    if kept["verb"] != claim.verb or bytes(kept["body_digest"]) != claim.digest:
        raise Problem(IDEMPOTENCY_KEY_REUSED)
    if kept["status"] == 0:
        raise Problem(IDEMPOTENT_ANSWER_LOST)
    return Response(
        bytes(kept["answer"]), kept["status"], {"idempotent-replayed": "true"},
        media_type="application/problem+json" if kept["status"] >= 400 else "application/json",
    )  # fmt: skip


async def parse(route: Route, request: Request, lists: frozenset[str] = frozenset()) -> Any:
    """The verb's input from path, query and body. Raises `Problem(invalid-input)` naming each wrong member."""
    values: dict[str, Any] = {}
    if route.method in {"GET", "DELETE"}:
        for name in request.query_params:
            if name != "lang":
                found = request.query_params.getlist(name)
                values[name] = found if name in lists else found[-1]
    else:
        body = await request.body()
        if body:
            try:
                values = orjson.loads(body)
            except orjson.JSONDecodeError as error:
                raise Problem(BODY_NOT_JSON) from error
            if not isinstance(values, dict):
                raise Problem(BODY_NOT_JSON)
    clash = set(route.path_fields) & values.keys()
    if clash:
        raise Problem(
            INVALID_INPUT,
            field=min(clash),
            detail_zh="该字段只能在路径中给出",
            detail_en="this member belongs in the path alone",
        )
    try:
        return route.ask.model_validate({**values, **request.path_params})
    except ValidationError as error:
        raise invalid_ask(error) from None


def encode(answer: Any) -> bytes:
    """The JSON of an answer model."""
    if isinstance(answer, BaseModel):
        return answer.model_dump_json().encode()
    return orjson.dumps(answer)


def locale_of(request: Request) -> str:
    """`zh` unless the caller asks for English first."""
    wanted = request.query_params.get("lang") or request.headers.get("accept-language", "zh")
    return "en" if wanted.strip().lower().startswith("en") else "zh"


def _list_fields(ask: type[Ask]) -> frozenset[str]:
    def is_list(annotation: Any) -> bool:
        origin = typing.get_origin(annotation)
        return origin in {tuple, list, set, frozenset} or any(
            is_list(part) for part in typing.get_args(annotation) if origin is not dict
        )

    return frozenset(name for name, info in ask.model_fields.items() if is_list(info.annotation))
