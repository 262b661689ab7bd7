"""The life of a group key: a new version takes over, all is wrapped anew in small steps, the old one is destroyed.

Each step is one transaction of the caller's and leaves nothing to remember: what is still under the old version is what
is left to do. So a rewrap goes on where it was after any kill, and reads and writes go on meanwhile. Who may order it
(two persons) is the policies' to say, and the ledger entry is the verb's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count as numbers

from gateway.keys.suites import Suite
from gateway.sealing.envelope import Place, SealedRecord, reseal, unwrap_data_key, wrap_data_key
from gateway.sealing.errors import KeyUnusable
from gateway.sealing.groupkey import GroupKey, wrap_context
from gateway.sealing.keyring import HARD_STOP, Keyring
from gateway.sealing.secret import open_secret, seal_secret
from gateway.store import shred
from gateway.store.db import Tx
from gateway.store.keys import (
    GroupKeyRow,
    add_group_key,
    find_group_keys,
    get_group_key,
    set_group_key_state,
    set_group_key_wrap,
)

DAY = 86_400_000_000  # microseconds
MAX_AGE = 90 * DAY
MAX_USES = HARD_STOP // 2


@dataclass(frozen=True, slots=True)
class Due:
    """A key that should be rotated, and why: "age" or "uses"."""

    key_id: str
    why: str


def due_for_rotation(
    keys: Iterable[tuple[GroupKeyRow, int]], now: int, *, max_age: int = MAX_AGE, max_uses: int = MAX_USES
) -> list[Due]:
    """Which active sealing keys are due, of (row, uses); uses before age, since those end in a hard stop."""
    due = []
    for row, uses in keys:
        if row.state != "active" or row.use != "seal":
            continue
        if uses >= max_uses:
            due.append(Due(row.key_id, "uses"))
        elif now - (row.activated_at or row.created_at) >= max_age:
            due.append(Due(row.key_id, "age"))
    return due


async def rotate(tx: Tx, keyring: Keyring, key_id: str, suite: Suite | None = None) -> str:
    """A new version (of `suite`, by default the same) seals from now on, `key_id` only opens; returns the new key id.

    Raises `KeyUnusable` when `key_id` is not the active version of a sealing key. `keyring.flush()` after the commit.
    """
    row = await get_group_key(tx, key_id)
    if row.use != "seal":
        raise KeyUnusable("an index key is not rotated but replaced, by building the index anew")
    if not await set_group_key_state(tx, key_id, "decrypt_only", was=["active"], times={"retired_at": tx.now}):
        raise KeyUnusable(f"key {key_id} is {row.state}, only the active version is rotated")
    versions = await find_group_keys(tx, lineage=row.lineage)
    made = keyring.made(
        row.lineage, max(each.version for each in versions) + 1, row.owner, row.compartment, "seal",
        suite or keyring.suite_of(row),
    )  # fmt: skip
    if not await add_group_key(tx, await keyring.wrapped_row(made, "active", tx.now)):
        raise KeyUnusable(f"another rotation of {key_id} was first")
    return made.key_id


async def rewrap_batch(tx: Tx, keyring: Keyring, key_id: str, limit: int = 500) -> int:
    """Up to `limit` data keys, generations and secrets of `key_id` stand under the active version; returns how many.

    0 means that nothing is left. Blobs are not touched. Raises `KeyUnusable` unless `key_id` is only for opening.
    """
    row = await get_group_key(tx, key_id)
    if row.state != "decrypt_only" or row.use != "seal":
        raise KeyUnusable(f"key {key_id} is {row.state}: rotate it before its data keys are rewrapped")
    keys = await shred.find_data_keys_under(tx, key_id, limit)
    versions = await shred.find_versions_under(tx, key_id, limit - len(keys)) if len(keys) < limit else []
    room = limit - len(keys) - len(versions)
    own = await shred.find_own_under(tx, own_prefix(row), row.compartment, room) if room else []
    count = len(keys) + len(versions) + len(own)
    if not count:
        return 0
    old = await keyring.for_opening(tx, key_id)
    new = await keyring.for_sealing(tx, row.owner, row.compartment, uses=count)
    await shred.set_rewrapped(
        tx,
        [
            (each, new.key_id, _again(old, new, each.wrapped, each.record_id, each.compartment, each.generation))
            for each in keys
        ],
    )
    for version in versions:
        wrapped = _again(old, new, version.wrapped, version.record_id, version.compartment, version.generation)
        await shred.set_version(tx, version, new.key_id, wrapped, version.sealed)
    for subject, sealed in own:
        secret = seal_secret(new, subject, open_secret(old, subject, sealed))
        await shred.set_own(tx, row.compartment, subject, sealed, secret)
    return count


def _again(old: GroupKey, new: GroupKey, wrapped: bytes, record: str, compartment: str, generation: int) -> bytes:
    return wrap_data_key(
        new, unwrap_data_key(old, wrapped, record, compartment, generation), record, compartment, generation
    )


async def count_left(tx: Tx, row: GroupKeyRow) -> int:
    """How many data keys, generations and secrets are still under this version."""
    return await shred.count_under(tx, row.key_id, own_prefix(row), row.compartment)


def own_prefix(row: GroupKeyRow) -> bytes:
    """How the header of a secret of our own names the key version (gateway/sealing/secret.py)."""
    return bytes.fromhex(row.lineage) + row.version.to_bytes(4, "big")


async def destroy(tx: Tx, keyring: Keyring, key_id: str) -> None:
    """The wrapped key is gone from its row for good. Call `keyring.flush()` after the commit.

    Raises `KeyUnusable` while the version is active or anything stands under it. What older backups hold ends with the
    root version it was wrapped under: `rewrap_root`, then `destroy_root`.
    """
    row = await get_group_key(tx, key_id)
    left = await count_left(tx, row)
    if left:
        raise KeyUnusable(f"{left} data keys are still under key {key_id}")
    if not await set_group_key_state(
        tx, key_id, "destroyed", was=["decrypt_only", "pending"], times={"destroyed_at": tx.now}
    ):
        raise KeyUnusable(f"key {key_id} is {row.state} and cannot be destroyed")


async def reseal_batch(
    tx: Tx, keyring: Keyring, dataset: str, owner: str, compartment: str, after: str = "", limit: int = 200
) -> str | None:
    """Up to `limit` records of another suite than the active key's are sealed anew with it (a change of suite).

    Returns where to go on, or None when nothing is left. Values, generation and place stay; nobody sees the values.
    """
    new = await keyring.for_sealing(tx, owner, compartment, uses=2 * limit)
    blobs = await shred.find_blobs_of_other_suite(tx, owner, compartment, new.suite.id, after, limit)
    for blob in blobs:
        fresh = await _resealed(tx, keyring, new, dataset, blob)
        await shred.set_blob(tx, blob, fresh.key_id, fresh.wrapped, fresh.blob)
    versions = await shred.find_versions_of_other_suite(tx, owner, compartment, new.suite.id, limit)
    for version in versions:
        fresh = await _resealed(tx, keyring, new, dataset, version)
        await shred.set_version(tx, version, fresh.key_id, fresh.wrapped, fresh.blob)
    if not blobs and not versions:
        return None
    return blobs[-1].record_id if blobs else after


async def _resealed(
    tx: Tx, keyring: Keyring, new: GroupKey, dataset: str, row: shred.BlobRow | shred.VersionRow
) -> SealedRecord:
    old = await keyring.for_opening(tx, row.key_id)
    place = Place(dataset, row.record_id, row.compartment, row.owner, row.generation)
    return reseal(old, SealedRecord(row.sealed or b"", row.wrapped, row.key_id), place, new)


async def rewrap_root(tx: Tx, keyring: Keyring) -> int:
    """Every group key that exists is wrapped by the provider's newest root version; returns how many were not."""
    newest = (await keyring.ask(keyring.provider.versions))[-1]
    done = numbers()
    for row in await find_group_keys(tx):
        if row.state == "destroyed" or (row.root_version == newest and row.provider == keyring.provider.name):
            continue
        context = wrap_context(row.lineage, row.version, row.suite, row.owner, row.compartment, row.use)
        secret = await keyring.ask(keyring.provider.unwrap, row.wrapped, context)
        wrapped = await keyring.ask(keyring.provider.wrap, secret, context)
        version = keyring.provider.version_of(wrapped)
        if await set_group_key_wrap(tx, row.key_id, row.wrapped, wrapped, version, keyring.provider.name):
            next(done)
    return next(done)


async def destroy_root(tx: Tx, keyring: Keyring, version: int, elsewhere: Iterable[bytes]) -> None:
    """The root version is gone at the provider. Raises `KeyUnusable` while anything is wrapped by it.

    `elsewhere` is what the provider has wrapped outside the database: the signing keys of the logs
    (`gateway.keys.logkey.wrapped_log_keys`). The transaction only looks: its rollback does not bring the version back.
    """
    if any(keyring.provider.version_of(wrapped) == version for wrapped in elsewhere):
        raise KeyUnusable(f"keys outside the database are still wrapped by root version {version}")
    under = [
        row.key_id for row in await find_group_keys(tx) if row.state != "destroyed" and row.root_version == version
    ]
    if under:
        raise KeyUnusable(f"{len(under)} group keys are still wrapped by root version {version}")
    await keyring.ask(keyring.provider.destroy, version)
