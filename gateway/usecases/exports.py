"""Taking rows out as a file: the same facts, decisions and trail as a query, under `export`, with the reader's mark in it."""

import asyncio
import io
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from audit.events import text_details
from gateway.domain.entry import spec_of
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.errors import Refusal
from gateway.runtime import Gateway, event_of
from gateway.schemas.disclosure import Export, Query
from gateway.sealing.watermark import Marker, write_csv, write_xlsx
from gateway.usecases import _facts
from gateway.usecases._opening import open_row
from gateway.usecases._pages import PageOfRows, page_of
from gateway.usecases._rulings import Denied
from gateway.usecases._settling import denied, failed_event, purpose_code, settle

__all__ = ["export"]

_PAGE = 1000
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """The file, and the read it belongs to."""

    content: bytes
    file_name: str
    media_type: str
    read_id: str
    rows: int


async def export(gw: Gateway, by: Principal, ask: Export) -> ExportedFile | Refusal:
    """All rows that `by` may take out, up to the grant's row cap, as one watermarked file.

    Each page is decided, settled and recorded before it is opened; a page that is refused ends the export with a
    refusal and no file. The mark names the reader and the grant (or, without a grant, this read).
    """
    read_id = random_id()
    rows: list[dict[str, Any]] = []
    after: str | None = None
    grant_id = ""
    while True:
        asked = Query(
            field_group=ask.field_group, purpose=ask.purpose, fields=ask.fields, client_id=ask.client_id, park_id=ask.park_id,
            after=after, limit=_PAGE, grant_id=grant_id or None,
        )  # fmt: skip
        async with gw.db.read() as tx:
            held = await _facts.known_standing(tx, by)
            seen = await _facts.view(gw, tx, held.catalogue_version)
            page = await page_of(gw, tx, by, held, seen, asked, "export", read_id, first=after is None)
        if isinstance(page, Denied):
            return await denied(gw, by, "export", page, ask.field_group, ask.purpose, read_id)
        refused = await settle(
            gw, by, page.allowed, page.events, page.touching, len(page.released), spend=after is None
        )
        if refused is not None:
            return refused
        try:
            rows.extend(_opened(page))
        except Exception:
            await failed_event(gw, page.events, "export:failed")
            raise
        grant_id = page.grant_id
        after = page.next
        if after is None:
            break
    content = await _file(gw, by, ask, rows, grant_id, read_id)
    await gw.recorded(
        event_of(by, "export:closed", page.now, target_kind="group", target_id=ask.field_group, purpose=purpose_code(ask.purpose),
                 grant_id=grant_id, outcome="done", record_count=len(rows), read_id=read_id,
                 details={"format": ask.format, "watermark": True, **text_details("reason", ask.reason)})
    )  # fmt: skip
    kind = "text/csv; charset=utf-8" if ask.format == "csv" else _XLSX
    return ExportedFile(content, f"{ask.field_group}-{read_id[:8]}.{ask.format}", kind, read_id, len(rows))


def _opened(page: PageOfRows) -> list[dict[str, Any]]:
    found = []
    for row in page.released:
        values, _ = open_row(row, page.keys.get(row.key_id or ""), page.by_row[row.record_id])
        found.append({"record_id": row.record_id, "client_id": row.client_id, **values})
    return found


async def _file(
    gw: Gateway, by: Principal, ask: Export, rows: list[dict[str, Any]], grant_id: str, read_id: str
) -> bytes:
    async with gw.db.begin() as tx:
        key = await gw.keyring.token_key(tx, "watermark")
        at = datetime.fromtimestamp(tx.now / 1_000_000, UTC).strftime("%Y-%m-%d %H:%MZ")
    names = sorted({name for row in rows for name in row if name not in {"record_id", "client_id"}})
    header = ["记录编号", "客户编号", *(spec_of(ask.field_group, name).zh for name in names)]
    table = [[row["record_id"], row["client_id"], *(row.get(name, "") for name in names)] for row in rows]
    marker = Marker(by.id, grant_id or read_id, key.secret, len(table))
    visible = marker.visible(by.name, at)
    return await asyncio.to_thread(_written, ask.format, header, table, marker, visible)


def _written(form: str, header: list[str], table: list[list[Any]], marker: Marker, visible: str) -> bytes:
    if form == "csv":
        text = io.StringIO(newline="")
        write_csv(text, header, table, marker, visible)
        return text.getvalue().encode("utf-8-sig")
    with tempfile.TemporaryDirectory() as folder:  # mode 0700, gone with the block
        path = Path(folder) / "export.xlsx"
        write_xlsx(path, header, table, marker, visible)
        return path.read_bytes()
