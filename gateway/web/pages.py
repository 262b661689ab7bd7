"""Serves the built console: its page with a fresh nonce and a strict policy, its files for ever."""

import gzip
import secrets
from functools import lru_cache
from importlib.resources import files

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response

_DIST = files("gateway.web") / "console" / "dist"
_TYPES = {
    "js": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8", "svg": "image/svg+xml", "png": "image/png",
    "ico": "image/x-icon", "json": "application/json", "woff2": "font/woff2", "webmanifest": "application/manifest+json",
}  # fmt: skip


def policy(nonce: str) -> str:
    """The Content-Security-Policy of the console: our own scripts only, styles by nonce, nobody may frame us."""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self' 'nonce-{nonce}'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; manifest-src 'self'"
    )


_PACKED = frozenset({"js", "css", "svg", "json", "webmanifest"})


@lru_cache(maxsize=256)
def _content(name: str, packed: bool) -> bytes:
    """A file of the build, packed once: the name changes with the content, so nothing here goes stale."""
    raw = (_DIST / "assets" / name).read_bytes()
    return gzip.compress(raw, 9, mtime=0) if packed else raw


def mount_console(app: FastAPI) -> None:
    """`/` leads to the console at `/console`; every address below it can be shared and reloaded."""

    async def start(_request: Request) -> Response:
        return RedirectResponse("/console/", 307)

    async def page(_request: Request) -> Response:
        index = _DIST / "index.html"
        if not index.is_file():
            return PlainTextResponse(
                "控制台尚未构建,请运行 make console。接口可用:/v1/openapi.json\n"
                "The console is not built: run `make console`. The API works: /v1/openapi.json\n", 503,
            )  # fmt: skip
        nonce = secrets.token_urlsafe(16)
        html = index.read_text("utf-8").replace("__NONCE__", nonce)
        return HTMLResponse(html, headers={"content-security-policy": policy(nonce), "cache-control": "no-store"})

    async def asset(request: Request) -> Response:
        name = request.path_params["name"]
        found = _DIST / "assets" / name
        if "/" in name or ".." in name or not found.is_file():
            return PlainTextResponse("not found", 404)
        ending = name.rsplit(".", 1)[-1]
        packed = ending in _PACKED and "gzip" in request.headers.get("accept-encoding", "")
        headers = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
        if packed:
            headers["content-encoding"] = "gzip"
        kind = _TYPES.get(ending, "application/octet-stream")
        return Response(_content(name, packed), media_type=kind, headers=headers)

    app.add_route("/", start, include_in_schema=False, name="console-start")
    app.add_route("/console/assets/{name}", asset, include_in_schema=False, name="console-asset")
    app.add_route("/console", page, include_in_schema=False, name="console")
    app.add_route("/console/{path:path}", page, include_in_schema=False, name="console-page")
