"""Suppressions, listings and crossings: kept alike, read one by one and in lists."""

from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateway.errors import CONFLICT, NOT_FOUND, Problem
from gateway.store.db import Tx
from gateway.store.tables import barrier as t

_KEY = {"suppression": "suppression_id", "listing": "listing_id", "crossing": "crossing_id"}
_TABLE = {"suppression": t.name_suppression, "listing": t.wall_listing, "crossing": t.wall_crossing}


@dataclass(frozen=True, slots=True)
class Barrier:
    """One of them. `kind` is suppression, watch, restricted, quiet or crossing; times in microseconds."""

    barrier_id: str
    kind: str
    client_id: str
    person_id: str
    project: str
    reason: str
    state: str
    not_before: int
    not_after: int
    proposed_by: str
    confirmed_by: str | None
    created_at: int


async def add(tx: Tx, noun: str, new: Barrier) -> None:
    """It is kept, as proposed."""
    row: dict[str, Any] = {
        _KEY[noun]: new.barrier_id, "client_id": new.client_id, "reason": new.reason, "state": new.state,
        "not_after": new.not_after, "proposed_by": new.proposed_by, "created_at": new.created_at,
    }  # fmt: skip
    if noun != "suppression":
        row["not_before"] = new.not_before
    if noun == "listing":
        row["kind"] = new.kind
    if noun == "crossing":
        row |= {"person_id": new.person_id, "project": new.project}
    await tx.execute(sa.insert(_TABLE[noun]), row)


async def get(tx: Tx, noun: str, barrier_id: str) -> Barrier:
    """It, else `Problem(not-found)`."""
    table = _TABLE[noun]
    row = (await tx.execute(sa.select(table).where(table.c[_KEY[noun]] == barrier_id))).mappings().first()
    if row is None:
        raise Problem(NOT_FOUND, field="barrier_id")
    return _barrier(noun, row)


async def set_state(tx: Tx, noun: str, barrier_id: str, old: str, new: str, confirmed_by: str | None = None) -> None:
    """Its state is `new`. Raises `Problem(conflict)` when it was not `old` any more."""
    table = _TABLE[noun]
    values: dict[str, Any] = {"state": new}
    if confirmed_by is not None:
        values["confirmed_by"] = confirmed_by
    if noun == "suppression" and new == "ended":
        values["ended_at"] = tx.now
    here = sa.and_(table.c[_KEY[noun]] == barrier_id, table.c.state == old)
    if not (await tx.execute(sa.update(table).where(here).values(**values))).rowcount:
        raise Problem(CONFLICT, field="barrier_id")


async def list_of(
    tx: Tx, noun: str, *, client_id: str, state: str, person_id: str, after: str | None, limit: int
) -> list[Barrier]:
    """Newest first; `person_id` limits crossings to one person's."""
    table = _TABLE[noun]
    key = table.c[_KEY[noun]]
    statement = sa.select(table)
    if client_id:
        statement = statement.where(table.c.client_id == client_id)
    if state:
        statement = statement.where(table.c.state == state)
    if person_id and noun == "crossing":
        statement = statement.where(table.c.person_id == person_id)
    if after:
        statement = statement.where(key < after)
    rows = (await tx.execute(statement.order_by(key.desc()).limit(limit))).mappings().all()
    return [_barrier(noun, row) for row in rows]


def _barrier(noun: str, row: Any) -> Barrier:
    return Barrier(
        barrier_id=row[_KEY[noun]], kind=row["kind"] if noun == "listing" else noun, client_id=row["client_id"],
        person_id=row["person_id"] if noun == "crossing" else "", project=row["project"] if noun == "crossing" else "",
        reason=row["reason"], state=row["state"], not_before=row["created_at"] if noun == "suppression" else row["not_before"],
        not_after=row["not_after"], proposed_by=row["proposed_by"], confirmed_by=row["confirmed_by"],
        created_at=row["created_at"],
    )  # fmt: skip
