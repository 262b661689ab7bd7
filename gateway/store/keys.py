"""Rows of wrapped keys. Nothing here unwraps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from gateway.errors import NOT_FOUND, Problem
from gateway.store.db import Tx
from gateway.store.tables.keys import data_key, group_key, group_key_use


@dataclass(frozen=True, slots=True)
class GroupKeyRow:
    """One version of a group key as stored. Times: microseconds since the epoch, UTC; `wrapped`: b"" once destroyed."""

    key_id: str
    lineage: str
    owner: str
    compartment: str
    use: str
    version: int
    suite: str
    state: str
    wrapped: bytes
    provider: str
    root_version: int
    created_at: int
    activated_at: int | None = None
    retired_at: int | None = None
    destroyed_at: int | None = None


@dataclass(frozen=True, slots=True)
class DataKeyRow:
    """The wrapped data key of one record's compartment."""

    record_id: str
    compartment: str
    generation: int
    key_id: str
    wrapped: bytes


_GROUP = sa.select(group_key)
_BY_ID = _GROUP.where(group_key.c.key_id == sa.bindparam("key_id"))
_ACTIVE = _GROUP.where(
    group_key.c.owner == sa.bindparam("owner"),
    group_key.c.compartment == sa.bindparam("compartment"),
    group_key.c.use == sa.bindparam("use_"),
    group_key.c.state == "active",
)
_ACTIVE_AND_USES = (
    sa.select(group_key, sa.func.coalesce(group_key_use.c.uses, 0).label("uses"))
    .select_from(
        group_key.outerjoin(
            group_key_use,
            sa.and_(group_key_use.c.key_id == group_key.c.key_id, group_key_use.c.holder == sa.bindparam("holder")),
        )
    )
    .where(*_ACTIVE._where_criteria)
)
# A rotation waits for whoever is about to seal with the old version, and those who come later find the new one.
_ACTIVE_HELD = _ACTIVE_AND_USES.with_for_update(read=True, of=group_key)
_DATA_KEYS = sa.select(data_key).where(
    data_key.c.compartment == sa.bindparam("compartment"),
    data_key.c.record_id.in_(sa.bindparam("records", expanding=True)),
)
# Both SQLite and PostgreSQL know this clause; the second writer of the same key waits, and then finds the first one's.
_ADD_GROUP = postgresql.insert(group_key).on_conflict_do_nothing()
_put_uses = postgresql.insert(group_key_use)
_PUT_USES = _put_uses.on_conflict_do_update(index_elements=["key_id", "holder"], set_={"uses": _put_uses.excluded.uses})
_put_data = postgresql.insert(data_key)
_PUT_DATA = _put_data.on_conflict_do_update(
    index_elements=["record_id", "compartment"],
    set_={name: _put_data.excluded[name] for name in ("generation", "key_id", "wrapped")},
)


def _group_row(row: Mapping[str, Any]) -> GroupKeyRow:
    return GroupKeyRow(**{column.name: row[column.name] for column in group_key.columns})


async def find_group_key(tx: Tx, key_id: str) -> GroupKeyRow | None:
    """The key version with this id, in whatever state, or None."""
    row = (await tx.execute(_BY_ID, {"key_id": key_id})).mappings().first()
    return _group_row(dict(row)) if row else None


async def get_group_key(tx: Tx, key_id: str) -> GroupKeyRow:
    """As `find_group_key`; raises `Problem(not-found)` when there is none."""
    row = await find_group_key(tx, key_id)
    if row is None:
        raise Problem(NOT_FOUND, field="key_id")
    return row


async def find_active_key(tx: Tx, owner: str, compartment: str, use: str) -> GroupKeyRow | None:
    """The version that seals (or indexes) now, or None when this compartment has no key yet."""
    found = await tx.execute(_ACTIVE, {"owner": owner, "compartment": compartment, "use_": use})
    row = found.mappings().first()
    return _group_row(dict(row)) if row else None


async def find_active_key_and_uses(
    tx: Tx, owner: str, compartment: str, use: str, holder: str, *, hold: bool = False
) -> tuple[GroupKeyRow, int] | None:
    """The active version and the uses `holder` has written down for it; `hold` keeps it active until the commit."""
    parameters = {"owner": owner, "compartment": compartment, "use_": use, "holder": holder}
    row = (await tx.execute(_ACTIVE_HELD if hold else _ACTIVE_AND_USES, parameters)).mappings().first()
    return (_group_row(dict(row)), int(row["uses"])) if row else None


async def find_group_keys(
    tx: Tx, *, use: str | None = None, state: str | None = None, lineage: str | None = None
) -> list[GroupKeyRow]:
    """Key versions that match, by owner, compartment, use and version."""
    query = _GROUP.order_by(group_key.c.owner, group_key.c.compartment, group_key.c.use, group_key.c.version)
    if use is not None:
        query = query.where(group_key.c.use == use)
    if state is not None:
        query = query.where(group_key.c.state == state)
    if lineage is not None:
        query = query.where(group_key.c.lineage == lineage)
    return [_group_row(dict(row)) for row in (await tx.execute(query)).mappings().all()]


async def add_group_key(tx: Tx, row: GroupKeyRow) -> bool:
    """True when the row was added; False when another transaction has made the same version first."""
    added = await tx.execute(_ADD_GROUP, [{column.name: getattr(row, column.name) for column in group_key.columns}])
    return bool(added.rowcount)


async def set_group_key_state(
    tx: Tx, key_id: str, state: str, *, was: Sequence[str], times: Mapping[str, int] | None = None
) -> bool:
    """True when the key was in one of the states `was` and is now in `state`. Destroying also empties `wrapped`."""
    values: dict[str, Any] = {"state": state, **(times or {})}
    if state == "destroyed":
        values["wrapped"] = b""
    changed = await tx.execute(
        sa.update(group_key).where(group_key.c.key_id == key_id, group_key.c.state.in_(list(was))).values(**values)
    )
    return bool(changed.rowcount)


async def set_group_key_wrap(
    tx: Tx, key_id: str, before: bytes, wrapped: bytes, root_version: int, provider: str
) -> bool:
    """True when `wrapped` took the place of `before`; False when somebody was first or the key was destroyed."""
    changed = await tx.execute(
        sa.update(group_key)
        .where(group_key.c.key_id == key_id, group_key.c.wrapped == before)
        .values(wrapped=wrapped, root_version=root_version, provider=provider)
    )
    return bool(changed.rowcount)


async def set_key_uses(tx: Tx, key_id: str, holder: str, uses: int) -> None:
    """`holder` has used the key at most `uses` times."""
    await tx.execute(_PUT_USES, {"key_id": key_id, "holder": holder, "uses": uses})


async def get_key_uses(tx: Tx, key_id: str) -> int:
    """The uses of a key by all processes, at most that many; 0 for an unknown one."""
    total = await tx.execute(
        sa.select(sa.func.coalesce(sa.func.sum(group_key_use.c.uses), 0)).where(group_key_use.c.key_id == key_id)
    )
    return int(total.scalar() or 0)


async def get_all_uses(tx: Tx) -> dict[str, int]:
    """The uses of every key that was used, at most that many, by key id."""
    total = sa.func.sum(group_key_use.c.uses).label("total")
    query = sa.select(group_key_use.c.key_id, total).group_by(group_key_use.c.key_id)
    return {str(row["key_id"]): int(row["total"]) for row in (await tx.execute(query)).mappings().all()}


async def find_data_keys(tx: Tx, compartment: str, records: Iterable[str]) -> dict[str, DataKeyRow]:
    """Wrapped data keys by record id; records without one are left out."""
    found: dict[str, DataKeyRow] = {}
    wanted = list(records)
    for start in range(0, len(wanted), 500):
        result = await tx.execute(_DATA_KEYS, {"compartment": compartment, "records": wanted[start : start + 500]})
        found.update((row["record_id"], DataKeyRow(**row)) for row in result.mappings().all())
    return found


async def set_data_keys(tx: Tx, rows: Sequence[DataKeyRow]) -> None:
    """Each row stands, in place of an older data key of the same record and compartment."""
    if rows:
        names = [column.name for column in data_key.columns]
        await tx.execute(_PUT_DATA, [{name: getattr(row, name) for name in names} for row in rows])
