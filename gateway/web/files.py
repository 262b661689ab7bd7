"""Handlers for what is not plain JSON in and out: the hot reads, downloads and uploads. Parse, call one verb, present."""

import asyncio
import shutil
import tempfile
from typing import Any, BinaryIO, cast

import orjson
from pydantic import ValidationError
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from gateway.domain.principal import Principal
from gateway.errors import Problem, Refusal, declare
from gateway.runtime import Gateway
from gateway.schemas import ROUTES, Nothing, Route
from gateway.schemas import records as schemas
from gateway.schemas.disclosure import Disclosure, RecordOut, RecordPage, Withheld
from gateway.usecases import VERBS
from gateway.web.api import RawHandler, encode, locale_of, parse, run_verb
from gateway.web.problems import invalid_ask, refusal_response

FILE_MISSING = declare(
    "file-missing", "invalid",
    zh="没有收到文件", en="No file was sent",
    remedy_zh="请以 multipart/form-data 的 file 字段上传", remedy_en="Send it as the part `file` of multipart/form-data",
)  # fmt: skip

_ROUTES: dict[str, Route] = {route.name: route for route in ROUTES}


async def _disclose(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    answer = await _asked(gw, by, request, "disclose")
    if isinstance(answer, Refusal):
        return refusal_response(answer, locale_of(request))
    assert isinstance(answer, Disclosure)
    return _json(
        {
            "record": _record(answer.record),
            "withheld": [_withheld(each) for each in answer.withheld],
            "decision_id": answer.decision_id,
            "grant_id": answer.grant_id,
            "obligations": answer.obligations,
            "uses_left": answer.uses_left,
        }
    )


async def _query(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    answer = await _asked(gw, by, request, "query")
    if isinstance(answer, Refusal):
        return refusal_response(answer, locale_of(request))
    assert isinstance(answer, RecordPage)
    return _json(
        {
            "items": [_record(each) for each in answer.items],
            "withheld": [_withheld(each) for each in answer.withheld],
            "next": answer.next,
            "end": answer.end,
            "read_id": answer.read_id,
            "grant_id": answer.grant_id,
            "obligations": answer.obligations,
        }
    )


async def _export(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    answer = await _asked(gw, by, request, "export")
    if isinstance(answer, Refusal):
        return refusal_response(answer, locale_of(request))
    return download(answer.content, answer.file_name, answer.media_type, {"x-read-id": answer.read_id})


async def _upload(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    async with request.form(max_files=1, max_fields=10, max_part_size=1 << 20) as form:
        sent = form.get("file")
        if not isinstance(sent, UploadFile):
            raise Problem(FILE_MISSING, field="file")
        fields = {name: str(value) for name, value in form.items() if name != "file"}
        try:
            ask = schemas.UploadFile.model_validate(fields)
        except ValidationError as error:
            raise invalid_ask(error) from None
        # The form's file goes with the request; the work goes on. An unlinked file of our own outlives it.
        kept = await asyncio.to_thread(_keep, sent.file)
        name = sent.filename or "upload"
    answer = await VERBS["upload_file"](gw, by, ask, source=kept, file_name=name)
    if isinstance(answer, Refusal):
        return refusal_response(answer, locale_of(request))
    return Response(encode(answer), 202, media_type="application/json")


async def _read_watermark(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    async with request.form(max_files=1, max_fields=2, max_part_size=1 << 20) as form:
        sent = form.get("file")
        if not isinstance(sent, UploadFile):
            raise Problem(FILE_MISSING, field="file")
        answer = await VERBS["read_watermark"](gw, by, Nothing(), source=sent.file, file_name=sent.filename or "")
    if isinstance(answer, Refusal):
        return refusal_response(answer, locale_of(request))
    return Response(encode(answer), media_type="application/json")


def _keep(source: BinaryIO) -> BinaryIO:
    kept = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the upload is done with it
    shutil.copyfileobj(source, kept)
    kept.seek(0)
    return cast(BinaryIO, kept)


async def _upload_errors(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    content = await _asked(gw, by, request, "upload_errors")
    name = f"errors-{request.path_params['upload_id'][:8]}.csv"
    return download(content, name, "text/csv; charset=utf-8")


async def _template(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    content = await _asked(gw, by, request, "download_template")
    form = request.query_params.get("format", "xlsx")
    kind = (
        "text/csv; charset=utf-8"
        if form == "csv"
        else "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    )
    return download(content, f"template-{request.path_params['kind']}.{form}", kind)


async def _evidence(gw: Gateway, by: Principal, request: Request, _: Any) -> Response:
    content = await _asked(gw, by, request, "export_evidence")
    if isinstance(content, Refusal):
        return refusal_response(content, locale_of(request))
    return download(content, "evidence.zip", "application/zip")


async def _asked(gw: Gateway, by: Principal, request: Request, name: str) -> Any:
    ask = await parse(_ROUTES[name], request)
    return await run_verb(VERBS[name], gw, by, ask)


def download(content: bytes, file_name: str, media_type: str, headers: dict[str, str] | None = None) -> Response:
    """A file to keep: never shown inline, never sniffed."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in file_name)
    told = {"content-disposition": f'attachment; filename="{safe}"', **(headers or {})}
    return Response(content, headers=told, media_type=media_type)


def _record(record: RecordOut) -> dict[str, Any]:
    return {
        "record_id": record.record_id,
        "client_id": record.client_id,
        "field_group": record.field_group,
        "owner_unit": record.owner_unit,
        "generation": record.generation,
        "values": record.values,
        "masked": record.masked,
    }


def _withheld(withheld: Withheld) -> dict[str, Any]:
    return {
        "fields": withheld.fields,
        "reason": withheld.reason,
        "how_zh": withheld.how_zh,
        "how_en": withheld.how_en,
    }


def _json(content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), media_type="application/json")


RAW: dict[str, RawHandler] = {
    "disclose": _disclose,
    "query": _query,
    "export": _export,
    "upload_file": _upload,
    "read_watermark": _read_watermark,
    "upload_errors": _upload_errors,
    "download_template": _template,
    "export_evidence": _evidence,
}
