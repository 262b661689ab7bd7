"""Orders about keys and records: proposed, confirmed, carried out; and the records an erasure is about."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from gateway.errors import NOT_FOUND, Problem
from gateway.store.db import Tx
from gateway.store.tables.keys import erasure, group_key, key_order, key_order_record
from gateway.store.tables.records import record, record_version

_o, _m, _r, _v = key_order, key_order_record, record, record_version


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """One order. Times: microseconds since the epoch, UTC; `retain_until`: ISO date, the last day of a duty to keep."""

    order_id: str
    act: str
    target: str
    state: str
    proposed_by: str
    created_at: int
    reason: str = ""
    field_group: str = ""
    owner_unit: str = ""
    basis: str = ""
    retain_until: str | None = None
    confirmed_by: str | None = None
    confirmed_at: int | None = None
    done_at: int | None = None
    due_at: int | None = None
    entry_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """What an erasure must know of a record; no values."""

    record_id: str
    client_id: str
    owner_unit: str
    owner_institution: str
    owner_kind: str
    field_group: str
    state: str
    generation: int
    fields: str


async def add_order(tx: Tx, order: KeyOrder) -> None:
    await tx.execute(sa.insert(_o), asdict(order))


async def get_order(tx: Tx, order_id: str, acts: Iterable[str]) -> KeyOrder:
    """The order of one of these acts. Raises `Problem(not-found)`."""
    query = sa.select(_o).where(_o.c.order_id == order_id, _o.c.act.in_(list(acts)))
    row = (await tx.execute(query)).mappings().first()
    if row is None:
        raise Problem(NOT_FOUND, field="order_id")
    return KeyOrder(**dict(row))


async def find_orders(
    tx: Tx,
    acts: Iterable[str],
    *,
    state: str = "",
    target: str = "",
    owner_unit: str = "",
    after: tuple[int, str] | None = None,
    limit: int = 1000,
) -> list[KeyOrder]:
    """Orders of these acts that match, newest first."""
    query = sa.select(_o).where(_o.c.act.in_(list(acts)))
    for column, wanted in ((_o.c.state, state), (_o.c.target, target), (_o.c.owner_unit, owner_unit)):
        if wanted:
            query = query.where(column == wanted)
    if after is not None:
        query = query.where(
            sa.or_(_o.c.created_at < after[0], sa.and_(_o.c.created_at == after[0], _o.c.order_id < after[1]))
        )
    query = query.order_by(_o.c.created_at.desc(), _o.c.order_id.desc()).limit(limit)
    return [KeyOrder(**dict(row)) for row in (await tx.execute(query)).mappings().all()]


async def set_order(tx: Tx, order_id: str, was: str, **values: Any) -> bool:
    """`values` stand when the order was still in the state `was`; False when somebody was first."""
    changed = await tx.execute(sa.update(_o).where(_o.c.order_id == order_id, _o.c.state == was).values(**values))
    return bool(changed.rowcount)


async def add_records(tx: Tx, order_id: str, records: Sequence[str]) -> None:
    if records:
        await tx.execute(sa.insert(_m), [{"order_id": order_id, "record_id": each} for each in records])


async def record_ids(tx: Tx, order_id: str) -> list[str]:
    """The records the order was confirmed for."""
    query = sa.select(_m.c.record_id).where(_m.c.order_id == order_id).order_by(_m.c.record_id)
    return [str(each) for each in (await tx.execute(query)).scalars().all()]


async def owners_of(tx: Tx, order_id: str) -> list[str]:
    """The institutions whose records the order was confirmed for."""
    query = (
        sa.select(_r.c.owner_institution)
        .join(_m, _m.c.record_id == _r.c.record_id)
        .where(_m.c.order_id == order_id)
        .distinct()
        .order_by(_r.c.owner_institution)
    )
    return [str(each) for each in (await tx.execute(query)).scalars().all()]


async def find_records(
    tx: Tx,
    kinds: sa.Table,
    *,
    record_id: str = "",
    client_id: str = "",
    field_group: str = "",
    owner_unit: str = "",
    order_id: str = "",
    limit: int = 10_000,
) -> list[RecordFacts]:
    """Records that are neither staged nor erased, by record, by client and group, or those an order was confirmed for.

    `kinds` is the table of institutions, for the kind of each owner.
    """
    query = (
        sa.select(
            _r.c.record_id, _r.c.client_id, _r.c.owner_unit, _r.c.owner_institution, kinds.c.kind.label("owner_kind"),
            _r.c.field_group, _r.c.state, _r.c.generation, _r.c.fields,
        )
        .join(kinds, kinds.c.institution_id == _r.c.owner_institution)
        .where(_r.c.state.not_in(("staged", "erased")))
        .order_by(_r.c.record_id)
        .limit(limit)
    )  # fmt: skip
    for column, wanted in (
        (_r.c.record_id, record_id), (_r.c.client_id, client_id), (_r.c.field_group, field_group),
        (_r.c.owner_unit, owner_unit),
    ):  # fmt: skip
        if wanted:
            query = query.where(column == wanted)
    if order_id:
        query = query.where(_r.c.record_id.in_(sa.select(_m.c.record_id).where(_m.c.order_id == order_id)))
    return [RecordFacts(**dict(row)) for row in (await tx.execute(query)).mappings().all()]


async def is_being_changed(tx: Tx, record_id: str) -> bool:
    """Whether an upload holds back a change of the record that it has not put in force yet."""
    staged = sa.select(sa.func.count()).where(_v.c.record_id == record_id, _v.c.act == "staged")
    return bool((await tx.execute(staged)).scalar())


async def restrict_record(tx: Tx, record_id: str, generation: int) -> bool:
    """Kept, and read by nobody: True; False when the record was changed meanwhile."""
    changed = await tx.execute(
        sa.update(_r)
        .where(_r.c.record_id == record_id, _r.c.generation == generation, _r.c.state != "erased")
        .values(state="restricted", updated_at=tx.now)
    )
    return bool(changed.rowcount)


async def take_for_erasure(tx: Tx, record_id: str, generation: int) -> bool:
    """The record is `erased`, a generation on, without anything in clear: True; False when it was changed meanwhile.

    The generation makes whoever was about to write an older one come too late.
    """
    changed = await tx.execute(
        sa.update(_r)
        .where(_r.c.record_id == record_id, _r.c.generation == generation, _r.c.state != "erased")
        .values(
            state="erased", generation=generation + 1, fields="", open_values=None, ended_reason=None, updated_at=tx.now
        )
    )
    return bool(changed.rowcount)


async def forget_history(tx: Tx, record_id: str, generation: int, actor: str) -> None:
    """No generation holds anything in clear; the last one, `generation`, says that the record was erased.

    What people typed as a reason may name the person and goes too; who changed the record and when stays.
    Call it after the keys were deleted: an upload's changes, whose keys count too, are dropped here.
    """
    await tx.execute(sa.delete(_v).where(_v.c.record_id == record_id, _v.c.act == "staged"))
    await tx.execute(
        sa.update(_v)
        .where(_v.c.record_id == record_id)
        .values(fields="", reason="", open_values=None, content_key=None)
    )
    row = {"record_id": record_id, "generation": generation, "act": "erased", "actor": actor, "at": tx.now}
    await tx.execute(sa.insert(_v), row)


@dataclass(frozen=True, slots=True)
class ShredKey:
    """A group key version that had wrapped a data key of an erasure."""

    key_id: str
    state: str
    root_version: int
    due_at: int


async def shred_keys(tx: Tx, order_id: str) -> list[ShredKey]:
    """The key versions whose end makes this erasure final."""
    query = (
        sa.select(
            group_key.c.key_id,
            group_key.c.state,
            group_key.c.root_version,
            sa.func.max(erasure.c.due_at).label("due_at"),
        )
        .select_from(
            _m.join(erasure, erasure.c.record_id == _m.c.record_id).join(
                group_key, group_key.c.key_id == erasure.c.key_id
            )
        )
        .where(_m.c.order_id == order_id)
        .group_by(group_key.c.key_id, group_key.c.state, group_key.c.root_version)
        .order_by(group_key.c.key_id)
    )
    return [ShredKey(**dict(row)) for row in (await tx.execute(query)).mappings().all()]
