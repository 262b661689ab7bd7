"""The ASGI application: the API from the routes, health and metrics, the log's public files, the console."""

import contextlib
from collections.abc import AsyncIterator

import orjson
from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp

from gateway import __version__
from gateway.errors import INVALID_INPUT, NOT_FOUND, UNAVAILABLE, Problem
from gateway.runtime import Gateway
from gateway.web import api, auth, openapi
from gateway.web.files import RAW
from gateway.web.hot import HotReads
from gateway.web.ledger import mount_ledger
from gateway.web.middleware import BODY_TOO_LARGE, Edge, Numbers
from gateway.web.pages import mount_console
from gateway.web.problems import METHOD_NOT_ALLOWED, problem_response
from gateway.web.sign_in import SIGN_IN
from gateway.web.witness import mount_witness
from gateway.worker import Worker


def create_app(gateway: Gateway, *, worker: bool | None = None) -> ASGIApp:
    """The whole gateway as one ASGI application over an open `gateway`; `worker` overrides `worker_in_server`."""
    numbers = Numbers()
    run_worker = gateway.settings.worker_in_server if worker is None else worker

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            if run_worker:
                await stack.enter_async_context(Worker(gateway))
            yield

    app = FastAPI(
        title="Lianqiao", version=__version__, docs_url=None, redoc_url=None, openapi_url=None, lifespan=lifespan
    )
    app.state.gateway = gateway
    app.state.numbers = numbers
    api.mount(app, {**RAW, **SIGN_IN})
    _mount_operation(app, gateway, numbers)
    mount_ledger(app)
    mount_witness(app)
    mount_console(app)

    @app.exception_handler(HTTPException)
    async def not_served(request: Request, error: HTTPException) -> Response:
        code = {404: NOT_FOUND, 405: METHOD_NOT_ALLOWED, 413: BODY_TOO_LARGE}.get(error.status_code, INVALID_INPUT)
        headers = {"allow": error.headers["Allow"]} if error.headers and "Allow" in error.headers else {}
        return problem_response(Problem(code), api.locale_of(request), headers=headers)

    @app.exception_handler(Exception)
    async def defect(request: Request, _error: Exception) -> Response:
        # What went wrong is logged at the edge, without its message; the caller learns that nothing was kept.
        return problem_response(
            Problem(UNAVAILABLE), api.locale_of(request), instance=request.scope.get("request_id", "")
        )

    limit = gateway.settings.max_body
    hot = HotReads(app, RAW)
    return Edge(hot, numbers=numbers, max_body=lambda: limit, secure=gateway.settings.url.startswith("https:"))


def _mount_operation(app: FastAPI, gateway: Gateway, numbers: Numbers) -> None:
    description = orjson.dumps(openapi.document(gateway.settings.url))

    async def health(_request: Request) -> Response:
        """Alive: the process answers."""
        return Response(b'{"status":"alive"}', media_type="application/json")

    async def ready(_request: Request) -> Response:
        """Ready: the database answers and the trail can be written; without a trail nothing may be disclosed."""
        try:
            async with gateway.db.read():
                pass
            if not gateway.trail.ready:
                return Response(b'{"status":"not-ready","part":"trail"}', 503, media_type="application/json")
        except Problem as problem:
            return problem_response(problem)
        return Response(b'{"status":"ready"}', media_type="application/json")

    async def metrics(request: Request) -> Response:
        """To this machine and the trusted proxies only, and not through them: it tells how much is done, and when."""
        forwarded = "x-forwarded-for" in request.headers or "forwarded" in request.headers
        if forwarded or not auth.is_near(gateway, request):
            return problem_response(Problem(NOT_FOUND), api.locale_of(request))
        return Response(generate_latest(numbers.registry), media_type=CONTENT_TYPE_LATEST)

    async def interface(_request: Request) -> Response:
        return Response(description, media_type="application/json")

    app.add_api_route("/health", health, include_in_schema=False, name="health")
    app.add_api_route("/ready", ready, include_in_schema=False, name="ready")
    if gateway.settings.metrics:
        app.add_api_route("/metrics", metrics, include_in_schema=False, name="metrics")
    app.add_api_route("/v1/openapi.json", interface, include_in_schema=False, name="openapi")
