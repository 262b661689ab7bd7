"""Erasure by destroying keys: unreadable at once, final at the next shred horizon. The promise says exactly that.

A deleted data key is still in the write-ahead log and in backups. It is worth nothing once the group key version that
wrapped it is destroyed, and the root version that wrapped that one.
"""

from dataclasses import dataclass

from gateway.sealing.errors import KeyUnusable
from gateway.sealing.keyring import Keyring
from gateway.sealing.rotation import DAY, destroy, rewrap_batch, rotate
from gateway.store import shred
from gateway.store.db import Tx
from gateway.store.keys import get_group_key

HORIZON = 30 * DAY  # by default; from the erasure to the destruction of the keys


@dataclass(frozen=True, slots=True)
class Erased:
    """What can be promised about an erased record at this moment. Times in microseconds since the epoch, UTC.

    `final`: no key exists any more that could open it from an old backup, except backups of a key file.
    """

    record_id: str
    erased_at: int
    due_at: int
    final: bool
    keys_waiting: tuple[str, ...]
    roots_waiting: tuple[int, ...]


async def erase(tx: Tx, record_id: str, horizon: int = HORIZON) -> int:
    """Blob, data keys and tokens of the record and its history are deleted; returns how many keys await the horizon.

    Unreadable through the gateway from the commit on. The record's state, its open values and the ledger entry are the
    caller's.
    """
    return await shred.delete_data_keys(tx, record_id, tx.now + horizon)


async def shred_step(tx: Tx, keyring: Keyring, key_id: str, limit: int = 500) -> bool:
    """One step on the way to the end of a key version whose horizon has come; True when it is destroyed.

    Rotates it if it is active, then rewraps what is left, then destroys it: one of these a call, each resumable.
    """
    row = await get_group_key(tx, key_id)
    if row.state == "destroyed":
        return True
    if row.state == "active":
        await rotate(tx, keyring, key_id)
        return False
    if row.state != "decrypt_only":
        raise KeyUnusable(f"key {key_id} is {row.state} and was never used")
    if await rewrap_batch(tx, keyring, key_id, limit):
        return False
    await destroy(tx, keyring, key_id)
    return True


async def standing(tx: Tx, keyring: Keyring, record_id: str) -> Erased | None:
    """How far the erasure of a record has come, or None when it was not erased. Asks the provider for its versions."""
    erasures = await shred.find_erasures(tx, record_id)
    if not erasures:
        return None
    waiting = tuple(each.key_id for each in erasures if each.key_state != "destroyed")
    # A key may have been wrapped by every root version up to its last one.
    last = max(each.root_version for each in erasures)
    alive = await keyring.ask(keyring.provider.versions)
    roots = tuple(version for version in alive if version <= last)
    return Erased(
        record_id, max(each.erased_at for each in erasures), max(each.due_at for each in erasures),
        not waiting and not roots, waiting, roots,
    )  # fmt: skip
