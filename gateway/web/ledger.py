"""The logs in public, as plain files under their names (C2SP tlog-tiles): checkpoint, tiles; entries of the grants log."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.runtime import Gateway
from ledger.errors import LedgerError
from ledger.serve import serve


def mount_ledger(app: FastAPI) -> None:
    """`/log/grants/...` and `/log/trail/...`: what a mirror, a witness or an auditor reads without signing in.

    Entries hold commitments and random identifiers only, so the files may be public; the trail's entries stay inside
    and leave by an auditor's export.
    """

    async def file(request: Request) -> Response:
        name, path = request.path_params["log"], request.path_params["path"]
        gateway: Gateway = request.app.state.gateway
        log = {"grants": gateway.grants_log, "trail": gateway.trail.log}.get(name)
        if log is None or (name == "trail" and path.startswith("tile/entries/")):
            return PlainTextResponse("no such file\n", 404)
        try:
            async with gateway.db.read() as tx:
                served = await serve(tx, log, path)
        except LedgerError:
            return PlainTextResponse("no such file\n", 404)
        caching = "public, max-age=31536000, immutable" if served.immutable else "public, max-age=1"
        return Response(served.body, media_type=served.media_type, headers={"cache-control": caching})

    app.add_route("/log/{log}/{path:path}", file, include_in_schema=False, name="log-file")
