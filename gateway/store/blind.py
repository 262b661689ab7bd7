"""Which lengths of blind-index tokens there are, by owner, group and field: planned when rows come in, read by searches."""

from typing import Any

import sqlalchemy as sa

from gateway.store.db import Tx
from gateway.store.operation import find_setting, set_setting
from gateway.store.tables.records import blind_index


def _name(owner: str, group: str, field: str) -> str:
    return f"blind:{owner[:20]}:{group}:{field}"[:60]


async def find_lengths(tx: Tx, owner: str, group: str, field: str) -> frozenset[int]:
    """The lengths in bits under which values may stand, empty when nothing was indexed yet."""
    text = await find_setting(tx, _name(owner, group, field))
    return frozenset(int(part) for part in (text or "").split())


async def add_length(tx: Tx, owner: str, group: str, field: str, bits: int) -> None:
    """`bits` is among the lengths from now on, as the last one: the one that new rows take."""
    text = await find_setting(tx, _name(owner, group, field))
    kept = [part for part in (text or "").split() if int(part) != bits]
    await set_setting(tx, _name(owner, group, field), " ".join([*kept, str(bits)]))


async def newest_length(tx: Tx, owner: str, group: str, field: str) -> int | None:
    """The length that new rows take, or None when it has not been planned."""
    text = await find_setting(tx, _name(owner, group, field))
    return int(text.split()[-1]) if text else None


async def set_tokens(tx: Tx, record_id: str, tokens: dict[str, bytes]) -> None:
    """The record's tokens are exactly `tokens` (field -> token)."""
    await tx.execute(sa.delete(blind_index).where(blind_index.c.record_id == record_id))
    if tokens:
        rows = [{"record_id": record_id, "field": field, "token": token} for field, token in tokens.items()]
        await tx.execute(sa.insert(blind_index), rows)


_STAGED = "@staged"  # behind the name of a field: the token of a value that is not in force yet


async def stage_tokens(tx: Tx, record_id: str, tokens: dict[str, bytes]) -> None:
    """The tokens wait beside those in force, found by no search, until `put_in_force` or `drop_staged`."""
    await drop_staged(tx, sa.literal(record_id))
    if tokens:
        rows = [{"record_id": record_id, "field": field + _STAGED, "token": token} for field, token in tokens.items()]
        await tx.execute(sa.insert(blind_index), rows)


async def drop_staged(tx: Tx, record_ids: Any) -> None:
    """No staged token of these records (an expression, or a selection of identifiers) is left."""
    t = blind_index
    await tx.execute(
        sa.delete(t).where(
            t.c.record_id.in_(record_ids if isinstance(record_ids, sa.Select) else [record_ids]),
            t.c.field.endswith(_STAGED),
        )
    )


async def put_in_force(tx: Tx, record_ids: "sa.Select[Any]") -> None:
    """The staged tokens of these records are their tokens, and no other is."""
    t = blind_index
    await tx.execute(sa.delete(t).where(t.c.record_id.in_(record_ids), sa.not_(t.c.field.endswith(_STAGED))))
    plain = sa.func.substr(t.c.field, 1, sa.func.length(t.c.field) - len(_STAGED))
    await tx.execute(sa.update(t).where(t.c.record_id.in_(record_ids), t.c.field.endswith(_STAGED)).values(field=plain))
