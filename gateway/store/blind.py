"""Which lengths of blind-index tokens there are, by owner, group and field: planned when rows come in, read by searches."""

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
