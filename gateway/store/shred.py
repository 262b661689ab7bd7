"""Rows that stand under a group key, page by page, and the erasures that wait for its end. Nothing here unwraps."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateway.store.db import Tx
from gateway.store.keys import DataKeyRow
from gateway.store.tables.access import attachment
from gateway.store.tables.auth import second_factor
from gateway.store.tables.keys import data_key, erasure, group_key
from gateway.store.tables.operation import webhook
from gateway.store.tables.parties import institution
from gateway.store.tables.records import blind_index, record, record_version

# The gateway's own secrets, sealed directly under a group key (gateway/sealing/secret.py): subject and sealed bytes.
_OWN: dict[str, tuple[sa.Table, sa.Column[Any], sa.Column[Any]]] = {
    "party-tag": (institution, institution.c.institution_id, institution.c.tag_key),
    "sign-in": (second_factor, second_factor.c.person_id, second_factor.c.sealed),
    "webhook": (webhook, webhook.c.webhook_id, webhook.c.sealed),
    "attachment": (attachment, attachment.c.attachment_id, attachment.c.sealed),
}


@dataclass(frozen=True, slots=True)
class VersionRow:
    """An older (or the present) generation of a record, with its own wrapped data key."""

    record_id: str
    compartment: str
    owner: str
    generation: int
    key_id: str
    wrapped: bytes
    sealed: bytes | None


@dataclass(frozen=True, slots=True)
class BlobRow:
    """A present record: its sealed blob and the data key beside it."""

    record_id: str
    compartment: str
    owner: str
    generation: int
    key_id: str
    wrapped: bytes
    sealed: bytes


@dataclass(frozen=True, slots=True)
class Erasure:
    """A deleted data key. `key_state` and `root_version` are those of the group key version it was wrapped under."""

    record_id: str
    compartment: str
    key_id: str
    erased_at: int
    due_at: int
    key_state: str
    root_version: int
    destroyed_at: int | None


async def count_under(tx: Tx, key_id: str, own_prefix: bytes, compartment: str) -> int:
    """How many data keys, older generations and secrets of our own stand under this key version."""
    keys = await tx.execute(sa.select(sa.func.count()).select_from(data_key).where(data_key.c.key_id == key_id))
    old = await tx.execute(
        sa.select(sa.func.count())
        .select_from(record_version)
        .where(record_version.c.key_id == key_id, record_version.c.wrapped.is_not(None))
    )
    return int(keys.scalar() or 0) + int(old.scalar() or 0) + await _count_own(tx, own_prefix, compartment)


async def _count_own(tx: Tx, own_prefix: bytes, compartment: str) -> int:
    if compartment not in _OWN:
        return 0
    table, _, sealed = _OWN[compartment]
    found = await tx.execute(sa.select(sa.func.count()).select_from(table).where(_key_part(sealed) == own_prefix))
    return int(found.scalar() or 0)


def _key_part(sealed: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Lineage and version in the header of a sealed secret: bytes 5 to 16, counted from 1."""
    return sa.func.substr(sealed, 5, 12, type_=sa.LargeBinary)


async def find_data_keys_under(tx: Tx, key_id: str, limit: int) -> list[DataKeyRow]:
    """Up to `limit` data keys wrapped by this key version. A rewrapped one is no longer among them."""
    query = sa.select(data_key).where(data_key.c.key_id == key_id).order_by(data_key.c.record_id).limit(limit)
    return [DataKeyRow(**dict(row)) for row in (await tx.execute(query)).mappings().all()]


async def set_rewrapped(tx: Tx, rows: Sequence[tuple[DataKeyRow, str, bytes]]) -> None:
    """Each (row as it was, new key, new wrapping) takes its place, unless the row has changed meanwhile."""
    if not rows:
        return
    statement = (
        sa.update(data_key)
        .where(
            data_key.c.record_id == sa.bindparam("b_record"),
            data_key.c.compartment == sa.bindparam("b_compartment"),
            data_key.c.key_id == sa.bindparam("b_key"),
            data_key.c.generation == sa.bindparam("b_generation"),
        )
        .values(key_id=sa.bindparam("b_new_key"), wrapped=sa.bindparam("b_wrapped"))
    )
    await tx.execute(
        statement,
        [
            {"b_record": row.record_id, "b_compartment": row.compartment, "b_key": row.key_id,
             "b_generation": row.generation, "b_new_key": new_key, "b_wrapped": wrapped}
            for row, new_key, wrapped in rows
        ],
    )  # fmt: skip


async def find_versions_under(tx: Tx, key_id: str, limit: int) -> list[VersionRow]:
    """Up to `limit` generations in the history whose data key is wrapped by this key version."""
    query = _versions().where(record_version.c.key_id == key_id).limit(limit)
    return [VersionRow(**dict(row)) for row in (await tx.execute(query)).mappings().all()]


def _versions() -> sa.Select[Any]:
    return (
        sa.select(
            record_version.c.record_id, record.c.field_group.label("compartment"), record.c.owner_unit.label("owner"),
            record_version.c.generation, record_version.c.key_id, record_version.c.wrapped, record_version.c.sealed,
        )
        .join(record, record.c.record_id == record_version.c.record_id)
        .where(record_version.c.wrapped.is_not(None))
        .order_by(record_version.c.record_id, record_version.c.generation)
    )  # fmt: skip


async def set_version(tx: Tx, row: VersionRow, key_id: str, wrapped: bytes, sealed: bytes | None) -> None:
    """The generation stands under `key_id` now, unless it was erased meanwhile."""
    await tx.execute(
        sa.update(record_version)
        .where(
            record_version.c.record_id == row.record_id,
            record_version.c.generation == row.generation,
            record_version.c.key_id == row.key_id,
            record_version.c.wrapped.is_not(None),
        )
        .values(key_id=key_id, wrapped=wrapped, sealed=sealed)
    )


async def find_own_under(tx: Tx, own_prefix: bytes, compartment: str, limit: int) -> list[tuple[str, bytes]]:
    """Up to `limit` (subject, sealed secret) of our own under the key version that `own_prefix` names."""
    if compartment not in _OWN:
        return []
    _, subject, sealed = _OWN[compartment]
    named = sa.select(subject.label("subject"), sealed.label("sealed"))
    found = await tx.execute(named.where(_key_part(sealed) == own_prefix).limit(limit))
    return [(str(row["subject"]), bytes(row["sealed"])) for row in found.mappings().all()]


async def set_own(tx: Tx, compartment: str, subject: str, before: bytes, sealed: bytes) -> None:
    """The secret stands as `sealed`, unless it has changed meanwhile."""
    table, name, column = _OWN[compartment]
    await tx.execute(sa.update(table).where(name == subject, column == before).values({column.name: sealed}))


async def find_blobs_of_other_suite(
    tx: Tx, owner: str, compartment: str, suite: int, after: str, limit: int
) -> list[BlobRow]:
    """Up to `limit` present records of one owner's compartment, after `after`, that were sealed with another suite."""
    query = (
        sa.select(
            record.c.record_id, data_key.c.compartment, record.c.owner_unit.label("owner"), record.c.generation,
            data_key.c.key_id, data_key.c.wrapped, record.c.sealed,
        )
        .join(
            data_key,
            sa.and_(data_key.c.record_id == record.c.record_id, data_key.c.compartment == record.c.field_group),
        )
        .where(
            record.c.owner_unit == owner,
            record.c.field_group == compartment,
            record.c.record_id > after,
            record.c.generation == data_key.c.generation,
            # the suite stands in the fourth byte of a blob
            sa.func.substr(record.c.sealed, 4, 1, type_=sa.LargeBinary) != bytes([suite]),
        )
        .order_by(record.c.record_id)
        .limit(limit)
    )  # fmt: skip
    return [BlobRow(**dict(row)) for row in (await tx.execute(query)).mappings().all()]


async def find_versions_of_other_suite(
    tx: Tx, owner: str, compartment: str, suite: int, limit: int
) -> list[VersionRow]:
    """Up to `limit` generations in the history of one owner's compartment that were sealed with another suite."""
    query = (
        _versions()
        .where(
            record.c.owner_unit == owner,
            record.c.field_group == compartment,
            sa.func.substr(record_version.c.sealed, 4, 1, type_=sa.LargeBinary) != bytes([suite]),
        )
        .limit(limit)
    )
    return [VersionRow(**dict(row)) for row in (await tx.execute(query)).mappings().all()]


async def set_blob(tx: Tx, row: BlobRow, key_id: str, wrapped: bytes, sealed: bytes) -> bool:
    """True when blob and data key were replaced together; False when the record was written or erased meanwhile."""
    # The record first: whoever writes it waits here, and the data key below is then still the one that was read.
    blob = await tx.execute(
        sa.update(record)
        .where(
            record.c.record_id == row.record_id, record.c.generation == row.generation, record.c.sealed == row.sealed
        )
        .values(sealed=sealed)
    )
    if not blob.rowcount:
        return False
    await tx.execute(
        sa.update(data_key)
        .where(data_key.c.record_id == row.record_id, data_key.c.compartment == row.compartment)
        .values(key_id=key_id, wrapped=wrapped)
    )
    return True


async def delete_data_keys(tx: Tx, record_id: str, due_at: int) -> int:
    """The record has no data key any more, neither of now nor of its history, and no blind-index token.

    An erasure is on file for each key version that wrapped one; returns their number. `due_at` is the shred horizon.
    """
    now_keys = await tx.execute(
        sa.select(data_key.c.compartment, data_key.c.key_id).where(data_key.c.record_id == record_id)
    )
    old_keys = await tx.execute(
        sa.select(record.c.field_group, record_version.c.key_id)
        .join(record, record.c.record_id == record_version.c.record_id)
        .where(record_version.c.record_id == record_id, record_version.c.wrapped.is_not(None))
    )
    wrapped_by = {
        (str(group), str(key_id)) for group, key_id in [*map(tuple, now_keys.all()), *map(tuple, old_keys.all())]
    }
    await tx.execute(sa.delete(data_key).where(data_key.c.record_id == record_id))
    await tx.execute(
        sa.update(record_version).where(record_version.c.record_id == record_id).values(wrapped=None, sealed=None)
    )
    await tx.execute(
        sa.update(record).where(record.c.record_id == record_id).values(sealed=None, natural_key=None, content_key=None)
    )
    await tx.execute(sa.delete(blind_index).where(blind_index.c.record_id == record_id))
    for group, key_id in sorted(wrapped_by):
        await tx.execute(
            sa.insert(erasure).values(
                record_id=record_id, compartment=group, key_id=key_id, erased_at=tx.now, due_at=due_at
            )
        )
    return len(wrapped_by)


_ERASURES = sa.select(
    erasure, group_key.c.state.label("key_state"), group_key.c.root_version, group_key.c.destroyed_at
).join(group_key, group_key.c.key_id == erasure.c.key_id)


async def find_erasures(tx: Tx, record_id: str) -> list[Erasure]:
    """The deleted data keys of a record, empty when it was never erased."""
    found = await tx.execute(_ERASURES.where(erasure.c.record_id == record_id).order_by(erasure.c.key_id))
    return [Erasure(**dict(row)) for row in found.mappings().all()]


async def find_due_shreds(tx: Tx, now: int) -> list[str]:
    """The key versions whose horizon has come and that still exist, oldest horizon first."""
    found = await tx.execute(
        sa.select(erasure.c.key_id)
        .join(group_key, group_key.c.key_id == erasure.c.key_id)
        .where(group_key.c.state != "destroyed")
        .group_by(erasure.c.key_id)
        .having(sa.func.min(erasure.c.due_at) <= now)
        .order_by(sa.func.min(erasure.c.due_at), erasure.c.key_id)
    )
    return [str(key_id) for key_id in found.scalars().all()]
