"""The logs in public, as plain files under their names (C2SP tlog-tiles): checkpoint, tiles; entries of the grants log."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.runtime import Gateway
from ledger.errors import LedgerError
from ledger.sql import SqlLog
from ledger.tiles import encode_bundle, parse_path

_SHORT = {"cache-control": "public, max-age=1"}
_FOREVER = {"cache-control": "public, max-age=31536000, immutable"}


def mount_ledger(app: FastAPI) -> None:
    """`/log/grants/...` and `/log/trail/...`: what a mirror, a witness or an auditor reads without signing in.

    Entries hold commitments and random identifiers only, so the files may be public; the trail's entries stay inside
    and leave by an auditor's export.
    """

    def log_of(request: Request) -> SqlLog | None:
        gateway: Gateway = request.app.state.gateway
        return {"grants": gateway.grants_log, "trail": gateway.trail.log}.get(request.path_params["log"])  # type: ignore[return-value]

    async def checkpoint(request: Request) -> Response:
        log = log_of(request)
        if log is None:
            return PlainTextResponse("no such log\n", 404)
        async with request.app.state.gateway.db.read() as tx:
            signed = await log.checkpoint(tx)
        return Response(signed.note.encode(), media_type="text/plain; charset=utf-8", headers=_SHORT)

    async def tile(request: Request) -> Response:
        log = log_of(request)
        if log is None:
            return PlainTextResponse("no such log\n", 404)
        try:
            place = parse_path(f"tile/{request.path_params['path']}")
            async with request.app.state.gateway.db.read() as tx:
                if place.level is None:
                    if request.path_params["log"] != "grants":
                        return PlainTextResponse("the trail's entries are not public\n", 404)
                    begin = place.index * 256
                    entries = await log.entries(tx, begin, begin + place.width)
                    if len(entries) < place.width:
                        return PlainTextResponse("not there yet\n", 404)
                    body = encode_bundle(entry.leaf for entry in entries)
                else:
                    body = await log.tile(tx, place.level, place.index, place.width)
        except LedgerError:
            return PlainTextResponse("no such tile\n", 404)
        return Response(body, media_type="application/octet-stream", headers=_FOREVER)

    app.add_route("/log/{log}/checkpoint", checkpoint, include_in_schema=False, name="log-checkpoint")
    app.add_route("/log/{log}/tile/{path:path}", tile, include_in_schema=False, name="log-tile")
