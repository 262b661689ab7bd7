"""Who did what, found again: by actor, client, grant, item, action, outcome, time, read; newest first, page by page."""

import base64
import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from audit.entry import Placed, Row, placed
from audit.events import UnfitEvent
from audit.positions import positions
from audit.tables import trail_event, trail_item, trail_stream
from ledger.log import Tx

MAX_PAGE = 1_000
_CURSOR = re.compile(r"(\d{1,16})/([0-9a-f-]{1,36})/(\d{1,18})")
_e = trail_event.c
_i = trail_item.c
_Key = tuple[int, str, int]
_Columns = tuple[sa.ColumnElement[int], sa.ColumnElement[str], sa.ColumnElement[int]]
_EVENT_KEY: _Columns = (_e.at, _e.stream_id, _e.seq)
_ITEM_KEY: _Columns = (_i.at, _i.stream_id, _i.seq)


class BadCursor(ValueError):
    """The text is no cursor of ours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to look for; "" and None mean any. All that is given must hold.

    `since` is included, `until` is not (microseconds). `action` ending in ":" means every action of that subject
    ("grant:"). `units` limits the search to events of these units' people.
    """

    actor: str = ""
    actor_unit: str = ""
    client_id: str = ""
    grant_id: str = ""
    item: str = ""
    action: str = ""
    outcome: str = ""
    read_id: str = ""
    target_id: str = ""
    purpose: str = ""
    channel: str = ""
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """One page. `next` continues it (None at the end); `unreadable` names rows that no event of ours can have made."""

    events: tuple[Placed, ...]
    next: str | None
    unreadable: tuple[tuple[str, int], ...] = ()


async def search(tx: Tx, wanted: Wanted, *, after: str | None = None, limit: int = 50) -> Found:
    """The events that match, newest first; equal times in a fixed order, so that pages neither repeat nor skip what was
    there when the first was read.

    Raises `BadCursor` for an `after` that did not come from `Found.next`, `ValueError` for a limit outside 1..1000.
    """
    if not 1 <= limit <= MAX_PAGE:
        raise ValueError(f"want a limit from 1 to {MAX_PAGE}")
    page, further = await matching(tx, wanted, after, limit)
    found, unreadable = await _placed(tx, page)
    return Found(tuple(found), further, unreadable)


async def matching(tx: Tx, wanted: Wanted, after: str | None, limit: int) -> tuple[list[Row], str | None]:
    """As `search`, the rows themselves with their secrets, and the cursor of the next page."""
    start = None if after is None else _parse_cursor(after)
    rows = await _rows(tx, wanted, start, limit + 1)
    page = rows[:limit]
    return page, _cursor(*_key(page[-1])) if len(rows) > limit else None


async def _rows(tx: Tx, wanted: Wanted, start: _Key | None, limit: int) -> list[Row]:
    if not wanted.item:
        return await _newest(tx, sa.select(trail_event), _EVENT_KEY, wanted, start, limit)
    # Sealed events through the item index; the few that are not sealed yet by looking into them.
    same = sa.and_(_i.at == _e.at, _i.stream_id == _e.stream_id, _i.seq == _e.seq)
    indexed = sa.select(trail_event).join(trail_item, same).where(trail_item.c.item == wanted.item)
    padded = sa.literal(" ").concat(_e["items"]).concat(" ")
    fresh = (
        sa.select(trail_event)
        .join(trail_stream, trail_stream.c.stream_id == _e.stream_id)
        .where(_e.seq > trail_stream.c.sealed_seq, sa.func.replace(padded, f" {wanted.item} ", "") != padded)
    )
    rows = await _newest(tx, indexed, _ITEM_KEY, wanted, start, limit)
    rows += await _newest(tx, fresh, _EVENT_KEY, wanted, start, limit)
    return sorted({_key(row): row for row in rows}.values(), key=_key, reverse=True)[:limit]


async def _newest(
    tx: Tx, query: sa.Select[Any], columns: _Columns, wanted: Wanted, start: _Key | None, limit: int
) -> list[Row]:
    at, stream, seq = columns
    query = query.where(*_conditions(wanted, at))
    if start is not None:
        # (at, stream, seq) < start, spelled out so that every planner sees the range of times
        query = query.where(
            at <= start[0],
            sa.or_(at < start[0], stream < start[1], sa.and_(stream == start[1], seq < start[2])),
        )
    query = query.order_by(at.desc(), stream.desc(), seq.desc()).limit(limit)
    return list((await tx.execute(query)).mappings().all())


async def _placed(tx: Tx, rows: list[Row]) -> tuple[list[Placed], tuple[tuple[str, int], ...]]:
    where = await positions(tx, [(row["stream_id"], row["seq"]) for row in rows])
    found, unreadable = [], []
    for row in rows:
        place = (row["stream_id"], row["seq"])
        try:
            found.append(placed(row, where.get(place)))
        except UnfitEvent:  # tampered with; the rest of the page must stay readable, and fsck names it
            unreadable.append(place)
    return found, tuple(unreadable)


def _conditions(wanted: Wanted, at: sa.ColumnElement[int]) -> list[sa.ColumnElement[bool]]:
    found: list[sa.ColumnElement[bool]] = []
    for name in (
        "actor",
        "actor_unit",
        "client_id",
        "grant_id",
        "outcome",
        "read_id",
        "target_id",
        "purpose",
        "channel",
    ):
        if value := getattr(wanted, name):
            found.append(_e[name] == value)
    if wanted.action.endswith(":"):
        found += [_e.action >= wanted.action, _e.action < wanted.action[:-1] + ";"]
    elif wanted.action:
        found.append(_e.action == wanted.action)
    if wanted.outcome in ("refused", "failed"):
        # said once more as a constant, so that both databases recognise the partial index
        found.append(_e.outcome.in_([sa.literal_column("'refused'"), sa.literal_column("'failed'")]))
    if wanted.since is not None:
        found.append(at >= wanted.since)
    if wanted.until is not None:
        found.append(at < wanted.until)
    return found


def _key(row: Row) -> _Key:
    return row["at"], row["stream_id"], row["seq"]


def _cursor(at: int, stream: str, seq: int) -> str:
    return base64.urlsafe_b64encode(f"{at}/{stream}/{seq}".encode()).rstrip(b"=").decode()


def _parse_cursor(text: str) -> _Key:
    try:
        plain = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError as error:
        raise BadCursor("not a cursor") from error
    match = _CURSOR.fullmatch(plain)
    if match is None:
        raise BadCursor("not a cursor")
    return int(match[1]), match[2], int(match[3])
