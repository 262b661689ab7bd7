"""What every request passes: an id, a size limit, security headers, a log line, numbers. Plain ASGI, no wrapping tasks."""

import time
import traceback
import uuid
from collections.abc import Callable
from typing import Any

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.errors import UNAVAILABLE, Problem, declare
from gateway.web.problems import problem_response

BODY_TOO_LARGE = declare(
    "body-too-large", "too-large",
    zh="请求体过大", en="The body is too large",
    remedy_zh="请拆分后分批提交", remedy_en="Split it and send the parts",
)  # fmt: skip

_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"geolocation=(), camera=(), microphone=()"),
]
_log = structlog.get_logger("lianqiao.http")


class Numbers:
    """The metrics of one process, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "lianqiao_http_requests", "Requests answered.", ("route", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "lianqiao_http_seconds", "Seconds from request to the last byte.", ("route",), registry=self.registry,
            buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )  # fmt: skip
        self._kept: dict[tuple[str, int], tuple[Counter, Histogram]] = {}  # looked up once: routes and statuses are few

    def answered(self, route: str, status: int, seconds: float) -> None:
        """One more request was answered."""
        found = self._kept.get((route, status))
        if found is None:
            found = self._kept[route, status] = self.requests.labels(route, str(status)), self.seconds.labels(route)
        found[0].inc()
        found[1].observe(seconds)


class Edge:
    """The outermost ASGI application."""

    def __init__(self, app: ASGIApp, *, numbers: Numbers, max_body: Callable[[], int], secure: bool) -> None:
        self._app = app
        self._numbers = numbers
        self._max_body = max_body
        self._headers = [*_HEADERS, (b"strict-transport-security", b"max-age=31536000")] if secure else _HEADERS

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = scope["request_id"] = uuid.uuid4().hex
        status = 500
        started = False
        left = self._max_body()

        async def bounded() -> Message:
            nonlocal left
            message = await receive()
            if message["type"] == "http.request":
                left -= len(message.get("body", b""))
                if left < 0:
                    raise Problem(BODY_TOO_LARGE, extra={"limit_bytes": self._max_body()})
            return message

        async def outward(message: Message) -> None:
            nonlocal status, started
            if message["type"] == "http.response.start":
                status, started = message["status"], True
                headers = list(message.get("headers", ()))
                have = {name for name, _ in headers}
                headers += [pair for pair in self._headers if pair[0] not in have]
                headers.append((b"x-request-id", request_id.encode()))
                if b"cache-control" not in have:
                    headers.append((b"cache-control", b"no-store"))
                message["headers"] = headers
            await send(message)

        try:
            await self._app(scope, bounded, outward)
        except Problem as problem:
            if not started:
                await problem_response(problem, instance=request_id)(scope, receive, outward)
        except Exception as error:
            # The message may quote a value; the places in the code cannot.
            places = [
                f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}"
                for frame in traceback.extract_tb(error.__traceback__)
            ]
            _log.error("request-failed", request_id=request_id, error=type(error).__name__, places=places[-6:])
            if not started:
                await problem_response(Problem(UNAVAILABLE), instance=request_id)(scope, receive, outward)
        finally:
            self._account(scope, status, time.perf_counter() - began, request_id)

    def _account(self, scope: Scope, status: int, seconds: float, request_id: str) -> None:
        route: Any = scope.get("route")
        name = getattr(route, "name", "") or "none"
        self._numbers.answered(name, status, seconds)
        if status >= 500 or not name.startswith(("health", "ready", "metrics", "console")):
            _log.info(
                "request",
                request_id=request_id,
                route=name,
                method=scope["method"],
                status=status,
                ms=round(seconds * 1000, 2),
            )
