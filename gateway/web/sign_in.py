"""Handlers that set or take cookies, or speak OAuth's forms. Parse, call one verb, present."""

from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from gateway.domain.principal import Principal
from gateway.errors import Problem
from gateway.runtime import Gateway
from gateway.schemas import ROUTES, Nothing, Route
from gateway.schemas.sessions import FinishOidc, IssueToken, OidcSignedIn, OidcStarted, SetPassword, SignedIn
from gateway.usecases import VERBS
from gateway.usecases.sessions import authenticate as verified
from gateway.web.api import RawHandler, encode, parse, run_verb
from gateway.web.auth import (
    authenticate,
    binding_name,
    cookie_name,
    credentials_of,
    drop_cookie,
    require_same_site,
    set_cookie,
)
from gateway.web.problems import invalid_ask

_ROUTES: dict[str, Route] = {route.name: route for route in ROUTES}
_OAUTH_EXTRAS = frozenset({"client_id", "scope", "resource", "audience"})  # allowed by OAuth, of no meaning here
_FLOW_SECONDS = 600


async def _sign_in(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    require_same_site(request)
    ask = await parse(_ROUTES["sign_in"], request)
    answer = await run_verb(VERBS["sign_in"], gw, await _former(gw, by, request), ask)
    return _with_session(gw, answer, Response(encode(answer), media_type="application/json"))


async def _sign_out(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    answer = await run_verb(VERBS["sign_out"], gw, by, Nothing())
    response = Response(encode(answer), media_type="application/json")
    drop_cookie(gw, response, cookie_name(gw))
    return response


async def _set_password(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    ask: SetPassword = await parse(_ROUTES["set_password"], request)
    if ask.one_time_token is None:
        by = await authenticate(gw, request)
    else:
        require_same_site(request)
    return Response(encode(await run_verb(VERBS["set_password"], gw, by, ask)), media_type="application/json")


async def _issue_token(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        async with request.form(max_fields=20, max_files=0) as form:
            values = {name: value for name, value in form.items() if name not in _OAUTH_EXTRAS}
        try:
            ask = IssueToken.model_validate(values)
        except ValueError as error:
            raise invalid_ask(error) from None  # type: ignore[arg-type]  # pydantic raises nothing else
    else:
        ask = await parse(_ROUTES["issue_token"], request)
    return Response(encode(await run_verb(VERBS["issue_token"], gw, by, ask)), media_type="application/json")


async def _start_oidc(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    ask = await parse(_ROUTES["start_oidc"], request)
    started: OidcStarted = await run_verb(VERBS["start_oidc"], gw, by, ask)
    response: Response
    if _wants_page(request):
        response = RedirectResponse(started.authorization_url, 303)
    else:
        response = Response(encode(started), media_type="application/json")
    set_cookie(gw, response, binding_name(gw), started.binding.get_secret_value(), _FLOW_SECONDS)
    return response


async def _finish_oidc(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    try:
        # The provider may add parameters of its own; what is not ours is left aside.
        names = ("state", "code", "error", "iss")
        known = {name: request.query_params[name] for name in names if name in request.query_params}
        try:
            ask = FinishOidc(**known, binding=SecretStr(request.cookies.get(binding_name(gw), "")))
        except ValueError as error:
            raise invalid_ask(error) from None  # type: ignore[arg-type]
        answer: OidcSignedIn = await run_verb(VERBS["finish_oidc"], gw, await _former(gw, by, request), ask)
    except Problem as problem:
        if not _wants_page(request):
            raise
        response: Response = RedirectResponse(f"/console/?{urlencode({'problem': problem.code.name})}", 303)
        drop_cookie(gw, response, binding_name(gw))
        return response
    if _wants_page(request):
        response = RedirectResponse(answer.return_to, 303)
    else:
        response = Response(encode(answer), media_type="application/json")
    drop_cookie(gw, response, binding_name(gw))
    return _with_session(gw, answer, response)


def _with_session(gw: Gateway, answer: SignedIn, response: Response) -> Response:
    set_cookie(gw, response, cookie_name(gw), answer.token.get_secret_value())
    return response


async def _former(gw: Gateway, by: Principal, request: Request) -> Principal:
    """`by` with the session that the browser still holds, so that it ends as the new one begins."""
    try:
        credentials = credentials_of(gw, request)
        if not credentials.by_cookie:
            return by
        former = await verified(gw, credentials)
    except Problem:
        return by
    return replace(by, session_id=former.session_id)


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


SIGN_IN: dict[str, RawHandler] = {
    "sign_in": _sign_in,
    "sign_out": _sign_out,
    "set_password": _set_password,
    "issue_token": _issue_token,
    "start_oidc": _start_oidc,
    "finish_oidc": _finish_oidc,
}
