"""The hot reads before the framework: they are found by one look at the path, instead of a walk along all routes."""

import re
from collections.abc import Mapping

from fastapi import FastAPI
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.schemas import ROUTES
from gateway.web.api import RawHandler, endpoint_of

HOT = ("disclose", "query")
_PARAMETER = re.compile(r"\{(\w+)\}")


class HotReads:
    """Answers the routes named in `HOT`, by the same endpoints that `app` serves; everything else goes on to `app`."""

    def __init__(self, app: FastAPI, raw: Mapping[str, RawHandler]) -> None:
        self._app: ASGIApp = app
        self._owner = app
        self._found = tuple(
            (re.compile(_PARAMETER.sub(r"(?P<\1>[^/]+)", route.path)), route, endpoint_of(route, raw[route.name]))
            for route in ROUTES
            if route.name in HOT
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["method"] == "POST":
            path = scope["path"]
            for pattern, route, endpoint in self._found:
                match = pattern.fullmatch(path)
                if match is not None:
                    scope["app"], scope["route"], scope["path_params"] = self._owner, route, match.groupdict()
                    response = await endpoint(Request(scope, receive, send))
                    await response(scope, receive, send)
                    return
        await self._app(scope, receive, send)
