"""Supplying by file: read as a stream, checked row by row, staged in chunks, and put in force by one flip."""

import asyncio
import hashlib
import itertools
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import orjson
from sqlalchemy.exc import IntegrityError

from gateway.domain.ids import new_id, random_id
from gateway.domain.intake import Limits, Options, Row, RowError, Sheet, dataset_of, open_sheet
from gateway.domain.intake.report import label
from gateway.domain.intake.templates import template
from gateway.domain.names import is_natural_person
from gateway.domain.principal import Principal
from gateway.domain.problems import FIELD_PROBLEMS
from gateway.domain.text import safe_cell
from gateway.domain.workdays import day_of
from gateway.errors import CONFLICT, FieldError, Problem, Refusal, declare
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.base import Page, Paged
from gateway.schemas.records import DownloadTemplate, GetUpload, UploadErrors, UploadFile, UploadOut, WithdrawUpload
from gateway.store import operation, parties
from gateway.store import records as store
from gateway.store.db import TransientConflict, Tx
from gateway.usecases import _facts, _intake, _moves, _notify
from gateway.usecases._intake import Incoming
from gateway.usecases.records import client_row, own

__all__ = [
    "download_template", "get_upload", "list_uploads", "upload_errors", "upload_file", "withdraw_upload",
]  # fmt: skip

UPLOAD_RUNNING = declare(
    "upload-running", "conflict",
    zh="本单位有上传正在处理", en="An upload of your unit is being worked on",
    remedy_zh="请等待其完成后再上传", remedy_en="Wait until it is done",
)  # fmt: skip
_CHUNK = 500
_ATTEMPTS = 5
_MAX_ERRORS = 20_000  # findings kept a file; more are counted, not listed
_CARD = "client_name"
_SILENCE = 600_000_000  # microseconds after which a process that said nothing is taken for dead


async def download_template(gw: Gateway, by: Principal, ask: DownloadTemplate) -> bytes:
    """An empty sheet of the kind, with headings and, as XLSX, an explaining page."""
    return await asyncio.to_thread(template, ask.kind, ask.format)


async def upload_file(
    gw: Gateway, by: Principal, ask: UploadFile, *, source: BinaryIO, file_name: str, wait: bool = False
) -> UploadOut | Refusal:
    """The file is being worked on; `get_upload` tells how far. With `wait` the answer comes when it is done.

    Afterwards either every good row is in force (and, all-or-nothing, every row was good), or nothing of the file is.
    Sent again, rows that have not changed are left as they are. Raises `Problem` for a file that cannot be read at all.
    """
    dataset_of(ask.kind)
    digest = await asyncio.to_thread(_digest, source)
    async with gw.begin() as tx:
        refused = await _moves.may(gw, tx, by, "import:stage", own("import", by), ask.kind)
        if refused:
            return refused
        if not ask.dry_run and await store.running_upload(tx, by.unit_id):
            raise Problem(UPLOAD_RUNNING)
        today = day_of(tx.now).isoformat()
        sheet = await asyncio.to_thread(
            open_sheet, source, ask.kind, Options(encoding=ask.encoding, today=today, limits=Limits())
        )
        upload_id = new_id()
        row = {
            "upload_id": upload_id, "unit_id": by.unit_id, "kind": ask.kind, "file_name": _plain_name(file_name), "file_digest": digest,
            "mode": ask.mode, "dry_run": ask.dry_run, "state": "running", "created_by": by.id, "created_at": tx.now,
            "replica": gw.replica,
        }  # fmt: skip
        await store.add_upload(tx, row)
        await _alive(gw, tx)
        _event(tx, by, "upload:received", upload_id, ask.kind)
    work = asyncio.create_task(_work(gw, by, ask, upload_id, sheet), name=f"upload-{upload_id}")
    running: set[asyncio.Task[None]] = gw.state.setdefault("uploads", set())
    running.add(work)
    work.add_done_callback(running.discard)
    if wait:
        await work
    return await get_upload(gw, by, GetUpload(upload_id=upload_id))


async def get_upload(gw: Gateway, by: Principal, ask: GetUpload) -> UploadOut:
    """How far the unit's own upload is."""
    async with gw.db.read() as tx:
        await _facts.known_standing(tx, by)
        return UploadOut.model_validate(dict(await store.get_upload(tx, ask.upload_id, by.unit_id)))


async def list_uploads(gw: Gateway, by: Principal, ask: Paged) -> Page[UploadOut]:
    """The unit's own uploads, newest first."""
    async with gw.db.read() as tx:
        await _facts.known_standing(tx, by)
        rows = await store.list_uploads(tx, by.unit_id, ask.after, ask.limit + 1)
    items = tuple(UploadOut.model_validate(dict(row)) for row in rows[: ask.limit])
    return Page[UploadOut](items=items, next=items[-1].upload_id if len(rows) > ask.limit else None)


async def upload_errors(gw: Gateway, by: Principal, ask: UploadErrors) -> bytes:
    """The error report as CSV: row, column, problem, remedy; no value of the file."""
    lines = ["\ufeff数据行,列,类别,问题,Problem,处理办法,Remedy\r\n"]
    after = 0
    async with gw.db.read() as tx:
        await _facts.known_standing(tx, by)
        await store.get_upload(tx, ask.upload_id, by.unit_id)
        while rows := await store.list_upload_errors(tx, ask.upload_id, after, 1000):
            lines.extend(map(_error_line, rows))
            after = rows[-1]["n"]
    return "".join(lines).encode()


async def withdraw_upload(gw: Gateway, by: Principal, ask: WithdrawUpload) -> UploadOut | Refusal:
    """Records that still stand as this upload brought them are withdrawn; later corrections stay."""
    async with gw.begin() as tx:
        refused = await _moves.may(gw, tx, by, "import:cancel", own("import", by), ask.upload_id)
        if refused:
            return refused
        there = await store.get_upload(tx, ask.upload_id, by.unit_id)
        if there["state"] != "done":
            raise Problem(CONFLICT, field="upload_id", detail_zh="该上传未生效", detail_en="it is not in force")
        count = await store.withdraw_upload(tx, ask.upload_id, by.id, ask.reason)
        await store.set_upload(tx, ask.upload_id, state="withdrawn")
        _event(tx, by, "upload:withdrawn", ask.upload_id, there["kind"], count=count)
    return await get_upload(gw, by, GetUpload(upload_id=ask.upload_id))


async def end_orphaned_uploads(gw: Gateway) -> int:
    """Uploads whose process died are failed, and nothing of them is left. For the worker, and at start.

    A process that works on uploads holds a lease; one that has let it run out is taken for dead. On SQLite there is
    one process, so any other is.
    """
    working = {task.get_name() for task in gw.state.get("uploads", ())}
    orphans = []
    async with gw.db.begin() as tx:
        for upload_id, replica in await store.running_uploads(tx):
            if replica == gw.replica:
                if f"upload-{upload_id}" not in working:
                    orphans.append(upload_id)
            elif gw.db.dialect == "sqlite" or not await operation.lease_holds(tx, _lease(replica)):
                orphans.append(upload_id)
        if working:
            await _alive(gw, tx)
    for upload_id in orphans:
        async with gw.begin() as tx:
            await store.drop_staged(tx, upload_id)
            await store.set_upload(tx, upload_id, state="failed", problem="interrupted", finished_at=tx.now)
    return len(orphans)


def _lease(replica: str) -> str:
    return f"up:{replica}"[:40]


async def _alive(gw: Gateway, tx: Tx) -> None:
    await operation.take_lease(tx, _lease(gw.replica), gw.replica, tx.now + _SILENCE)


# --- the work


async def _work(gw: Gateway, by: Principal, ask: UploadFile, upload_id: str, sheet: Sheet) -> None:
    counts = {"rows_total": 0, "rows_done": 0, "rows_new": 0, "rows_changed": 0, "rows_same": 0, "rows_bad": 0}
    problem = ""
    try:
        rows = iter(sheet)
        while chunk := await asyncio.to_thread(_take, rows):
            await _chunk(gw, by, ask, upload_id, chunk, counts)
        for attempt in range(_ATTEMPTS):
            try:
                state = await _finish(gw, by, ask, upload_id, counts)
                break
            except TransientConflict:
                if attempt == _ATTEMPTS - 1:
                    raise
    except Problem as found:
        state, problem = "failed", found.code.name
    except Exception as error:  # whatever it was, the staged rows must go
        state, problem = "failed", type(error).__name__
    if state in {"failed", "refused", "checked"}:
        async with gw.begin() as tx:
            await store.drop_staged(tx, upload_id)
            await store.set_upload(tx, upload_id, state=state, problem=problem[:60], finished_at=tx.now, **counts)
            _event(tx, by, f"upload:{state}", upload_id, ask.kind, count=counts["rows_bad"])
            if state != "checked":
                await _notify.notify(
                    tx,
                    "upload-failed",
                    [by.id],
                    subject=("upload", upload_id),
                    upload=upload_id,
                    rows=counts["rows_bad"],
                )


def _take(rows: Iterator[Row | RowError]) -> list[Row | RowError]:
    return list(itertools.islice(rows, _CHUNK))


async def _chunk(
    gw: Gateway, by: Principal, ask: UploadFile, upload_id: str, chunk: Sequence[Row | RowError], counts: dict[str, int]
) -> None:
    """One chunk, tried again when it met another transaction: somebody who corrects a record, or brings in a client."""
    before = dict(counts)
    for attempt in range(_ATTEMPTS):
        try:
            return await _chunk_once(gw, by, ask, upload_id, chunk, counts)
        except (TransientConflict, IntegrityError, Problem) as error:
            if attempt == _ATTEMPTS - 1 or (isinstance(error, Problem) and error.code is not CONFLICT):
                raise
        counts.clear()
        counts.update(before)
        await asyncio.sleep(0.05 * 2**attempt)
    raise AssertionError("unreachable")


async def _chunk_once(
    gw: Gateway, by: Principal, ask: UploadFile, upload_id: str, chunk: Sequence[Row | RowError], counts: dict[str, int]
) -> None:
    """One chunk checked and, unless nothing will come of it, staged: one transaction."""
    findings = [found for item in chunk for found in _findings(item)]
    good = [item for item in chunk if isinstance(item, Row)]
    counts["rows_total"] += len(chunk)
    counts["rows_bad"] += len(chunk) - len(good)
    hopeless = ask.dry_run or (ask.mode == "all_or_nothing" and counts["rows_bad"] > 0)
    async with gw.begin() as tx:
        listed = int(counts.get("listed", 0))
        room = max(0, _MAX_ERRORS - listed)
        await store.add_upload_errors(
            tx, [{"upload_id": upload_id, "n": listed + n, **found} for n, found in enumerate(findings[:room], start=1)]
        )
        if not hopeless:
            await _stage(gw, tx, by, ask, upload_id, [row for row in good if row.duplicate_of is None], counts)
        counts["rows_same"] += sum(1 for row in good if row.duplicate_of is not None)
        counts["rows_done"] += len(chunk)
        await _alive(gw, tx)
        told = {name: value for name, value in counts.items() if name != "listed"}
        await store.set_upload(tx, upload_id, **told)
        counts["listed"] = listed + min(len(findings), room)


async def _stage(
    gw: Gateway,
    tx: WriteTx,
    by: Principal,
    ask: UploadFile,
    upload_id: str,
    rows: Sequence[Row],
    counts: dict[str, int],
) -> None:
    held = await _facts.known_standing(tx, by)
    seen = await _facts.view(gw, tx, held.catalogue_version)
    clients = await _clients(tx, by, upload_id, rows)
    for group in dataset_of(ask.kind).groups:
        if group == _CARD:
            continue
        incoming = [Incoming(clients[row.uscc], row.values[group]) for row in rows if row.values.get(group)]
        done = await _intake.write(
            gw, tx, seen, owner=by.unit_id, institution=by.institution_id, institution_kind=by.institution_kind, group=group,
            rows=incoming, actor=by.id, upload_id=upload_id,
        )  # fmt: skip
        counts["rows_new"] += done.new
        counts["rows_changed"] += done.changed
        counts["rows_same"] += done.same
    if _CARD in dataset_of(ask.kind).groups and by.internal:
        for row in rows:
            card = row.values.get(_CARD)
            if card:
                await store.stage_card(tx, upload_id, clients[row.uscc], orjson.dumps(dict(card)).decode())


async def _clients(tx: WriteTx, by: Principal, upload_id: str, rows: Sequence[Row]) -> dict[str, str]:
    """Client ids by code; unknown enterprises are added, unseen by anybody until the upload is in force."""
    known = await store.clients_by_uscc(tx, (row.uscc for row in rows))
    added = {}
    for row in rows:
        if row.uscc not in known and row.uscc not in added:
            name = row.name or str(row.values.get(_CARD, {}).get("name", "")) or row.uscc
            natural = is_natural_person(name, row.uscc)
            added[row.uscc] = client_row(
                random_id(), row.uscc, name, tx.now, f"upload:{upload_id}", natural=natural, institutional=False
            )
    if added:
        await store.add_missing_clients(tx, [added[code] for code in sorted(added)])
        known |= await store.clients_by_uscc(tx, added)  # another upload may have brought some of them in first
    return known


async def _finish(gw: Gateway, by: Principal, ask: UploadFile, upload_id: str, counts: dict[str, int]) -> str:
    """The state of the upload; everything staged is in force when it is `done`."""
    counts.pop("listed", None)
    if ask.dry_run:
        return "checked"
    if ask.mode == "all_or_nothing" and counts["rows_bad"]:
        return "refused"
    async with gw.begin() as tx:
        refused = await _moves.may(gw, tx, by, "import:activate", own("import", by), upload_id)
        if refused:
            return "refused"
        await store.activate(tx, upload_id, by.unit_id, institutional=by.internal)
        if by.institution_kind == "park":
            await store.set_park(tx, upload_id, by.institution_id)
        await _apply_cards(tx, by, upload_id)
        await store.set_upload(tx, upload_id, state="done", finished_at=tx.now, **counts)
        _event(tx, by, "upload:done", upload_id, ask.kind, count=counts["rows_new"] + counts["rows_changed"])
    return "done"


async def _apply_cards(tx: WriteTx, by: Principal, upload_id: str) -> None:
    units = {unit.name_zh: unit.unit_id for unit in await parties.list_units(tx, after=None, limit=1000)}
    after = ""
    while cards := await store.staged_cards(tx, upload_id, after, 1000):
        for client_id, content in cards:
            await store.set_client(tx, client_id, _card_values(orjson.loads(content), units, by))
        after = cards[-1][0]


def _card_values(card: dict[str, Any], units: dict[str, str], by: Principal) -> dict[str, Any]:
    natural = is_natural_person(str(card.get("name", "")), str(card.get("uscc", "")))
    values: dict[str, Any] = {"institutional": not natural, "natural_person": natural}
    values["lead_unit"] = units.get(str(card.get("lead_dept", "")), by.unit_id)
    for ours, theirs in (
        ("lead_rm", "lead_rm"), ("recognition", "recognition_status"), ("recognised_on", "recognition_date"),
        ("protected_from", "protection_from"), ("protected_to", "protection_to"),
    ):  # fmt: skip
        if theirs in card:
            values[ours] = card[theirs]
    return values


def _findings(item: Row | RowError) -> Iterator[dict[str, Any]]:
    errors: Sequence[FieldError] = item.errors if isinstance(item, RowError) else ()
    for warning, found in [(False, errors), (True, item.warnings)]:
        for error in found:
            yield {
                "row_number": item.line, "column_name": (label(error.field) or error.field)[:100], "code": error.code[:40],
                "message_zh": error.message_zh, "message_en": error.message_en, "warning": warning,
            }  # fmt: skip


def _error_line(row: Any) -> str:
    remedy = FIELD_PROBLEMS.get(row["code"])
    cells = (
        str(row["row_number"]), row["column_name"], "提示" if row["warning"] else "错误", row["message_zh"], row["message_en"],
        remedy.remedy_zh if remedy else "", remedy.remedy_en if remedy else "",
    )  # fmt: skip
    return ",".join('"' + safe_cell(cell).replace('"', '""') + '"' for cell in cells) + "\r\n"


def _plain_name(file_name: str) -> str:
    """The name without what no file system shows, at most 255 characters."""
    return "".join(c for c in file_name if c.isprintable())[:255]


def _digest(source: BinaryIO) -> bytes:
    source.seek(0)
    digest = hashlib.sha256()
    while part := source.read(1 << 20):
        digest.update(part)
    source.seek(0)
    return digest.digest()


def _event(tx: WriteTx, by: Principal, action: str, upload_id: str, kind: str, count: int | None = None) -> None:
    tx.record(
        event_of(by, action, tx.now, target_kind="upload", target_id=upload_id, outcome="done", record_count=count,
                 details={"kind": kind})
    )  # fmt: skip
