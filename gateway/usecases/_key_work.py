"""The background work on keys: rotation by age and uses, rewrap, change of suite, erasure on time, shredding.

Every step is a transaction of its own that leaves nothing to remember: what is still under an old key is what is left.
A process that is killed in between has done some of the steps; whoever comes next does the rest.
"""

import asyncio

import structlog

from gateway.domain.ids import random_id
from gateway.domain.principal import system_principal
from gateway.domain.workdays import day_of
from gateway.errors import Problem
from gateway.keys.logkey import rewrap_log_keys, wrapped_log_keys
from gateway.keys.suites import SUITES_BY_NAME
from gateway.runtime import Gateway, event_of
from gateway.sealing.erasure import shred_step
from gateway.sealing.rotation import (
    DAY,
    Due,
    count_left,
    destroy_root,
    due_for_rotation,
    reseal_batch,
    rewrap_batch,
    rewrap_root,
    rotate,
)
from gateway.store import key_orders as store
from gateway.store import shred
from gateway.store.key_orders import KeyOrder
from gateway.store.keys import find_group_keys, get_all_uses, get_group_key
from gateway.usecases import _entries
from gateway.usecases._intake import DATASET
from gateway.usecases._key_orders import moved, root_of
from gateway.usecases.erasure import erase_now, records_of

__all__: list[str] = []

# Backups made in the last days before a horizon still open after it: they are wrapped by the new root version, and
# hold nothing that the horizon is about.
OVERLAP = 7 * DAY
BATCH = 500

_log = structlog.get_logger("lianqiao.keys")
_ME = system_principal("keys")


async def tend_keys(gw: Gateway) -> int:
    """One round of all of it; returns how many rows and keys were touched, 0 when nothing was left to do.

    What cannot be done now (a damaged record, a provider that is away) stops that step, not the others.
    """
    done = 0
    for step in (rotate_due, rewrap, reseal, erase_due, shred_due, tend_roots, close_erasures):
        try:
            done += await step(gw)
        except Problem as problem:
            _log.warning("keys-postponed", step=step.__name__, reason=problem.code.name)
    return done


async def rotate_due(gw: Gateway) -> int:
    """Sealing keys that are due by uses or age, or of another suite than the setting, have a new active version."""
    async with gw.db.read() as tx:
        rows, uses = await find_group_keys(tx, use="seal", state="active"), await get_all_uses(tx)
        due = due_for_rotation([(row, uses.get(row.key_id, 0)) for row in rows], tx.now)
    named = {each.key_id for each in due}
    due += [Due(row.key_id, "suite") for row in rows if row.suite != gw.settings.suite and row.key_id not in named]
    for each in due:
        async with gw.begin() as tx:
            if (await get_group_key(tx, each.key_id)).state != "active":
                continue
            order = KeyOrder(random_id(), "rotation", each.key_id, "proposed", _ME.id, tx.now, each.why)
            await store.add_order(tx, order)
            await rotate(tx, gw.keyring, each.key_id, SUITES_BY_NAME[gw.settings.suite])
            await moved(gw, tx, _ME, order, "key:rotated", data={"why": each.why}, state="active")
            tx.after_commit(gw.keyring.flush)
    return len(due)


async def rewrap(gw: Gateway) -> int:
    """A batch of every retired key's data keys is under the active version; rotations with none left are done."""
    async with gw.db.read() as tx:
        old = await find_group_keys(tx, use="seal", state="decrypt_only")
        left = {row.key_id: await count_left(tx, row) for row in old}
        waiting = await store.find_orders(tx, ["rotation"], state="active")
    count = 0
    for key_id in (key_id for key_id, rows in left.items() if rows):
        try:
            async with gw.db.begin() as tx:
                count += await rewrap_batch(tx, gw.keyring, key_id, BATCH)
        except Problem as problem:
            _log.warning("rewrap-postponed", key=key_id, reason=problem.code.name)
        else:
            gw.keyring.flush()
    for order in waiting:
        if root_of(order.target) is None:
            count += await _close_rotation(gw, order)
    return count


async def _close_rotation(gw: Gateway, order: KeyOrder) -> int:
    async with gw.begin() as tx:
        row = await get_group_key(tx, order.target)
        if row.state == "active" or (row.state == "decrypt_only" and await count_left(tx, row)):
            return 0
        await moved(gw, tx, _ME, order, "key:rewrapped", state="done", done_at=tx.now)
    return 1


async def reseal(gw: Gateway) -> int:
    """After a change of suite: records of the old one are sealed anew. Looked for once a process and compartment."""
    seen: set[tuple[str, str, str]] = gw.state.setdefault("resealed", set())
    async with gw.db.read() as tx:
        rows = await find_group_keys(tx, use="seal")
    mixed = {(row.owner, row.compartment) for row in rows if row.suite != gw.settings.suite and row.owner}
    count = 0
    for row in rows:
        place = (row.owner, row.compartment, row.suite)
        if (
            row.state != "active"
            or row.suite != gw.settings.suite
            or place in seen
            or (row.owner, row.compartment) not in mixed
        ):
            continue
        async with gw.db.begin() as tx:
            further = await reseal_batch(tx, gw.keyring, DATASET, row.owner, row.compartment, limit=200)
        if further is None:
            seen.add(place)
        else:
            count += 200
            gw.keyring.flush()
    return count


async def erase_due(gw: Gateway) -> int:
    """Restricted records whose duty to be kept has ended are erased, as was confirmed when they were restricted."""
    async with gw.db.read() as tx:
        today = day_of(tx.now).isoformat()
        waiting = await store.find_orders(tx, ["erasure"], state="restricted")
    due = [order for order in waiting if order.retain_until is None or order.retain_until < today]
    for order in due:
        async with gw.begin() as tx:
            await erase_now(gw, tx, _ME, order, await records_of(tx, order))
    return len(due)


async def shred_due(gw: Gateway) -> int:
    """One step towards the end of each key version whose horizon comes within the overlap."""
    async with gw.db.read() as tx:
        due = await shred.find_due_shreds(tx, tx.now + OVERLAP)
    done = 0
    for key_id in due:
        try:
            await _shred(gw, key_id)
        except Problem as problem:
            _log.warning("shred-postponed", key=key_id, reason=problem.code.name)
        else:
            done += BATCH  # there may be a next step: it follows at once
    return done


async def _shred(gw: Gateway, key_id: str) -> None:
    async with gw.begin() as tx:
        before = (await get_group_key(tx, key_id)).state
        gone = await shred_step(tx, gw.keyring, key_id, BATCH)
        if before == "active" or gone:
            kind = "key:destroyed" if gone else "key:rotated"
            await _entries.enter(gw, tx, kind, {"target": key_id, "by": _ME.id}, data={"why": "erasure"})
            tx.record(
                event_of(_ME, kind, tx.now, target_kind="key", target_id=key_id, outcome="done", reason="erasure")
            )
        tx.after_commit(gw.keyring.flush)


async def tend_roots(gw: Gateway) -> int:
    """Ordered rotations and destructions of root versions are carried out, and those that erasures wait for."""
    async with gw.db.read() as tx:
        orders = await store.find_orders(tx, ["rotation", "destruction"], state="active")
    ready, gone = await _shredded_roots(gw)
    done = 0
    for order in orders:
        version = root_of(order.target)
        if version is None:
            continue
        if order.act == "rotation":
            await _rotate_root(gw, version)
            kind = "key:rotated"
        else:
            await _destroy_roots(gw, version, only=True)
            kind = "key:destroyed"
        async with gw.begin() as tx:
            await moved(gw, tx, _ME, order, kind, state="done", done_at=tx.now)
        done += 1
    if ready:
        done += await _rotate_root(gw, ready)
    if gone:
        done += await _destroy_roots(gw, gone)
    return done


async def _shredded_roots(gw: Gateway) -> tuple[int, int]:
    """The root versions up to which erasures want a new one to wrap, and up to which none may be left; 0: none.

    Only when all keys of the erasure are destroyed: a key that still stands would be wrapped by the new version too.
    """
    ready = gone = 0
    async with gw.db.read() as tx:
        for order in await store.find_orders(tx, ["erasure"], state="done"):
            keys = await store.shred_keys(tx, order.order_id)
            if not keys or any(key.state != "destroyed" for key in keys):
                continue
            last = max(key.root_version for key in keys)
            ready = max(ready, last)
            if tx.now >= max(key.due_at for key in keys):
                gone = max(gone, last)
    return ready, gone


async def _rotate_root(gw: Gateway, version: int) -> int:
    """A newer root version than `version` wraps every key there is, those of the logs too; 1 when one was made."""
    provider = gw.keyring.provider
    made = 0
    if (await gw.keyring.ask(provider.versions))[-1] <= version:
        await gw.keyring.ask(provider.rotate)
        made = 1
    await _rewrap_all(gw)
    return made


async def _rewrap_all(gw: Gateway) -> None:
    provider = gw.keyring.provider
    newest = (await gw.keyring.ask(provider.versions))[-1]
    async with gw.db.begin() as tx:
        if await rewrap_root(tx, gw.keyring):
            _log.info("root-rewrapped", version=newest)
    held = await asyncio.to_thread(wrapped_log_keys, gw.settings.log_key_path)
    if any(provider.version_of(each) != newest for each in held):
        await gw.keyring.ask(rewrap_log_keys, provider, gw.settings.log_key_path)


async def _destroy_roots(gw: Gateway, version: int, *, only: bool = False) -> int:
    """Root versions up to `version` (`only`: just that one) are gone at the provider; returns how many went.

    All that exists is wrapped anew first. Doing it again changes nothing: a version that is gone is not asked for.
    """
    alive = await gw.keyring.ask(gw.keyring.provider.versions)
    doomed = [each for each in alive if each == version or (each < version and not only)]
    if not doomed:
        return 0
    await _rewrap_all(gw)
    elsewhere = await asyncio.to_thread(wrapped_log_keys, gw.settings.log_key_path)
    for each in doomed:
        async with gw.begin() as tx:
            await destroy_root(tx, gw.keyring, each, elsewhere)
            await _entries.enter(gw, tx, "key:destroyed", {"target": f"root.{each}", "by": _ME.id})
            tx.record(
                event_of(_ME, "key:destroyed", tx.now, target_kind="key", target_id=f"root.{each}", outcome="done")
            )
    gw.keyring.flush()
    return len(doomed)


async def close_erasures(gw: Gateway) -> int:
    """Erasures of which no key is left, at the horizon or before, are final."""
    alive = await gw.keyring.ask(gw.keyring.provider.versions)
    closed = 0
    async with gw.db.read() as tx:
        waiting = [
            (order, await store.shred_keys(tx, order.order_id))
            for order in await store.find_orders(tx, ["erasure"], state="done")
        ]
    for order, keys in waiting:
        last = max((key.root_version for key in keys), default=0)
        if any(key.state != "destroyed" for key in keys) or any(version <= last for version in alive):
            continue
        async with gw.begin() as tx:
            owners = tuple(await store.owners_of(tx, order.order_id))
            await moved(gw, tx, _ME, order, "record:shredded", institutions=owners, state="final")
        closed += 1
    return closed
