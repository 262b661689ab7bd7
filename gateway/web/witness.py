"""Our witness in public (C2SP tlog-witness v1): plain bodies, the protocol's own status codes, nobody signs in."""

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from gateway.errors import Problem
from gateway.runtime import Gateway
from gateway.store.db import TransientConflict
from gateway.usecases._witnessing import add_checkpoint, latest_checkpoint
from ledger.witness import MAX_BODY_BYTES, Answer


def mount_witness(app: FastAPI) -> None:
    """`POST /witness/add-checkpoint`, `GET /witness/<hex SHA-256 of the origin>/checkpoint`; only with a witness key."""

    async def add(request: Request) -> Response:
        gateway: Gateway = request.app.state.gateway
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > MAX_BODY_BYTES:
                return PlainTextResponse("too long\n", 400)
        try:
            return _response(await add_checkpoint(gateway, body))
        except (Problem, TransientConflict):
            return PlainTextResponse("the witness cannot keep anything now\n", 503)

    async def latest(request: Request) -> Response:
        try:
            return _response(await latest_checkpoint(request.app.state.gateway, request.path_params["log"]))
        except Problem:
            return PlainTextResponse("the witness cannot be read now\n", 503)

    if app.state.gateway.witness is not None:
        app.add_route("/witness/add-checkpoint", add, methods=["POST"], include_in_schema=False, name="witness-add")
        app.add_route("/witness/{log}/checkpoint", latest, include_in_schema=False, name="witness-checkpoint")


def _response(answer: Answer) -> Response:
    # not `media_type`: the framework would put a charset after the type of a size
    return Response(
        answer.body, answer.status, headers={"content-type": answer.media_type, "cache-control": "no-store"}
    )
