"""The life of keys as people order it: one proposes, another confirms; the work itself is done in the background."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, BinaryIO

from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.errors import Problem, Refusal
from gateway.keys.interface import KeyProviderError
from gateway.keys.suites import SUITES_BY_NAME
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.base import Nothing, Page
from gateway.schemas.keys import (
    KeyOrderOut,
    KeyOut,
    KeyStatus,
    ListKeys,
    ListOrders,
    OrderId,
    ProposeKeyDestruction,
    ProposeKeyOrder,
    WatermarkOut,
    Watermarks,
)
from gateway.sealing.rotation import MAX_AGE, MAX_USES, count_left, destroy, due_for_rotation, rotate
from gateway.sealing.watermark import Watermark, read_watermarks
from gateway.store import key_orders as store
from gateway.store import parties, shred
from gateway.store.db import Tx
from gateway.store.key_orders import KeyOrder
from gateway.store.keys import GroupKeyRow, find_group_keys, get_all_uses, get_group_key
from gateway.usecases import _moves
from gateway.usecases._key_orders import DAY, KEY_IN_USE, ROOT, moved, open_proposal, propose, root_of, wrong_state
from gateway.usecases._paging import key_of, read_key
from policies.decision import Refused
from policies.vocabulary import MoveObject

__all__ = [
    "confirm_key_destruction", "confirm_key_rotation", "key_status", "list_key_orders", "list_keys",
    "propose_key_destruction", "propose_key_rotation", "read_watermark",
]  # fmt: skip

_ACTS = ("rotation", "destruction")


async def list_keys(gw: Gateway, by: Principal, ask: ListKeys) -> Page[KeyOut] | Refusal:
    """Versions of group keys by their ids, with uses, age and what is left to rewrap: for custodians and watchers."""
    async with gw.begin() as tx:
        refused = await _may_look(gw, tx, by)
        if refused:
            return refused
        wanted = [
            row
            for row in sorted(await find_group_keys(tx, state=ask.state or None), key=lambda row: row.key_id)
            if row.key_id > (ask.after or "") and ask.compartment in {"", row.compartment}
        ]
        rows, uses = wanted[: ask.limit], await get_all_uses(tx)
        items = tuple([await _key_out(gw, tx, row, uses.get(row.key_id, 0)) for row in rows])
    return Page[KeyOut](items=items, next=items[-1].key_id if len(wanted) > ask.limit else None)


async def key_status(gw: Gateway, by: Principal, ask: Nothing) -> KeyStatus | Refusal:
    """Whether the provider works, which keys are due, how far a rewrap has come, what waits for its horizon."""
    async with gw.begin() as tx:
        refused = await _may_look(gw, tx, by)
        if refused:
            return refused
        rows, uses = await find_group_keys(tx), await get_all_uses(tx)
        due = {each.key_id for each in due_for_rotation([(row, uses.get(row.key_id, 0)) for row in rows], tx.now)}
        left = {
            row.key_id: await count_left(tx, row) for row in rows if row.state == "decrypt_only" and row.use == "seal"
        }
        waiting = await shred.find_due_shreds(tx, 2**62)
    problem, versions = "", tuple[int, ...]()
    try:  # outside of the transaction: a provider may be slow
        await gw.keyring.ask(gw.keyring.provider.check)
        versions = tuple(await gw.keyring.ask(gw.keyring.provider.versions))
    except KeyProviderError as error:
        problem = error.code.name
    return KeyStatus(
        provider=gw.keyring.provider.name, healthy=not problem, problem=problem, root_versions=versions,
        suite=gw.settings.suite, keys=dict(Counter(row.state for row in rows)), due=tuple(sorted(due)),
        rewrapping={key_id: count for key_id, count in left.items() if count}, shreds_waiting=len(waiting),
    )  # fmt: skip


async def list_key_orders(gw: Gateway, by: Principal, ask: ListOrders) -> Page[KeyOrderOut] | Refusal:
    """Rotations and destructions, newest first, for custodians and watchers."""
    async with gw.begin() as tx:
        refused = await _may_look(gw, tx, by)
        if refused:
            return refused
        rows = await store.find_orders(tx, _ACTS, state=ask.state, after=read_key(ask.after), limit=ask.limit + 1)
        items = tuple([await _out(tx, row) for row in rows[: ask.limit]])
    return Page[KeyOrderOut](
        items=items, next=key_of(items[-1].created_at, items[-1].order_id) if len(rows) > ask.limit else None
    )


async def propose_key_rotation(gw: Gateway, by: Principal, ask: ProposeKeyOrder) -> KeyOrderOut | Refusal:
    """The rotation of a sealing key's active version, or of the root key (`root`), waits for a second person."""
    newest = f"{ROOT}{(await gw.keyring.ask(gw.keyring.provider.versions))[-1]}" if ask.key_id == "root" else ""
    async with gw.begin() as tx:
        refused = await _moves.may(gw, tx, by, "key:propose-rotation", _key(by), "key")
        if refused:
            return refused
        if not newest:
            await _active(tx, ask.key_id)
        order = KeyOrder(
            random_id(), "rotation", newest or ask.key_id, "proposed", by.id, tx.now, ask.reason
        )  # of the root: the version that was the newest now, so that doing it twice changes nothing
        return await _out(tx, await propose(tx, by, order))


async def confirm_key_rotation(gw: Gateway, by: Principal, ask: OrderId) -> KeyOrderOut | Refusal:
    """A new version seals from now on and the old one only opens; what it wraps is wrapped anew in the background."""
    async with gw.begin() as tx:
        order = await store.get_order(tx, ask.order_id, ["rotation"])
        refused = await _moves.may(gw, tx, by, "key:confirm-rotation", _key(by, order), order.target)
        if refused:
            return refused
        order = await open_proposal(tx, ask.order_id, "rotation")
        if root_of(order.target) is None:
            row = await _active(tx, order.target)
            await rotate(tx, gw.keyring, row.key_id, SUITES_BY_NAME[gw.settings.suite])
        done = await moved(gw, tx, by, order, "key:rotated" if root_of(order.target) is None else "key:rotation-confirmed",
                           state="active", confirmed_by=by.id, confirmed_at=tx.now)  # fmt: skip
        tx.after_commit(gw.keyring.flush)
        return await _out(tx, done)


async def propose_key_destruction(gw: Gateway, by: Principal, ask: ProposeKeyDestruction) -> KeyOrderOut | Refusal:
    """The end of a version that only opens, or of an older root version (`root.<n>`), waits for a second person."""
    versions = await gw.keyring.ask(gw.keyring.provider.versions)
    async with gw.begin() as tx:
        refused = await _moves.may(gw, tx, by, "key:propose-destruction", _key(by), "key")
        if refused:
            return refused
        root = root_of(ask.key_id)
        if root is None:
            await _only_opening(tx, ask.key_id)
        elif root not in versions[:-1]:
            raise wrong_state("key_id", "newest" if root in versions else "unknown")
        order = KeyOrder(random_id(), "destruction", ask.key_id, "proposed", by.id, tx.now, ask.reason)
        return await _out(tx, await propose(tx, by, order))


async def confirm_key_destruction(gw: Gateway, by: Principal, ask: OrderId) -> KeyOrderOut | Refusal:
    """The version is gone for good; a root version as soon as the background work has wrapped everything anew.

    Raises `Problem(key-in-use)` while data keys stand under it.
    """
    async with gw.begin() as tx:
        order = await store.get_order(tx, ask.order_id, ["destruction"])
        refused = await _moves.may(gw, tx, by, "key:confirm-destruction", _key(by, order), order.target)
        if refused:
            return refused
        order = await open_proposal(tx, ask.order_id, "destruction")
        signed: dict[str, Any] = {"confirmed_by": by.id, "confirmed_at": tx.now}
        if root_of(order.target) is None:
            row = await _only_opening(tx, order.target)
            left = await count_left(tx, row)
            if left:
                raise Problem(KEY_IN_USE, field="order_id", extra={"left": left})
            await destroy(tx, gw.keyring, row.key_id)
            done = await moved(gw, tx, by, order, "key:destroyed", state="done", done_at=tx.now, **signed)
        else:
            done = await moved(gw, tx, by, order, "key:destruction-confirmed", state="active", **signed)
        tx.after_commit(gw.keyring.flush)
        return await _out(tx, done)


async def read_watermark(
    gw: Gateway, by: Principal, ask: Nothing, *, source: BinaryIO, file_name: str
) -> Watermarks | Refusal:
    """Who took a leaked file out, under which grant. Raises `Problem(watermark-not-found)`. The file is not kept."""
    async with gw.begin() as tx:
        thing = MoveObject("incident", institution=by.institution_id)
        refused = await _moves.may(gw, tx, by, "incident:handle", thing, "watermark")
        if refused:
            return refused
        key = await gw.keyring.token_key(tx, "watermark")
    marks = await asyncio.to_thread(_marks, source, key.secret, Path(file_name).suffix.lower())
    async with gw.begin() as tx:
        items = []
        for mark in marks:
            person = await parties.find_person(tx, mark.reader) if mark.genuine else None
            known = {"login": person.login, "name": person.name, "unit_id": person.unit_id} if person else {}
            items.append(WatermarkOut(reader=mark.reader, grant=mark.grant, genuine=bool(mark.genuine), **known))
            tx.record(
                event_of(by, "watermark:read", tx.now, target_kind="person", target_id=mark.reader, outcome="done",
                         details={"genuine": bool(mark.genuine), "mark": mark.grant})
            )  # fmt: skip
    return Watermarks(items=tuple(items))


# --- the steps they share


def _marks(source: BinaryIO, key: bytes, suffix: str) -> list[Watermark]:
    with tempfile.NamedTemporaryFile(suffix=suffix if suffix in {".csv", ".xlsx", ".txt"} else "") as kept:
        while piece := source.read(1 << 20):
            kept.write(piece)
        kept.flush()
        return read_watermarks(Path(kept.name), key)


def _key(by: Principal, order: KeyOrder | None = None) -> MoveObject:
    return MoveObject(
        "key", state=order.state if order else "", proposer=order.proposed_by if order else "",
        institution=by.institution_id,
    )  # fmt: skip


async def _may_look(gw: Gateway, tx: WriteTx, by: Principal) -> Refusal | None:
    """Whoever may propose a rotation, or watches what is done."""
    who = await _moves.acting(tx, by)
    decision = _moves.decide(gw, who, "key:propose-rotation", _key(by), tx.now)
    if not isinstance(decision, Refused):
        return None
    watch = _moves.decide(gw, who, "trail:search", MoveObject("trail", institution=by.institution_id), tx.now)
    if not isinstance(watch, Refused):
        return None
    return await _moves.refuse(tx, by, "key:propose-rotation", _key(by), "keys", decision)


async def _active(tx: Tx, key_id: str) -> GroupKeyRow:
    row = await get_group_key(tx, key_id)
    if row.state != "active" or row.use != "seal":
        raise wrong_state("key_id", row.state if row.use == "seal" else row.use)
    return row


async def _only_opening(tx: Tx, key_id: str) -> GroupKeyRow:
    row = await get_group_key(tx, key_id)
    if row.state != "decrypt_only":
        raise wrong_state("key_id", row.state)
    return row


async def _key_out(gw: Gateway, tx: Tx, row: GroupKeyRow, uses: int) -> KeyOut:
    due = due_for_rotation([(row, uses)], tx.now, max_age=MAX_AGE, max_uses=MAX_USES)
    stale = row.state == "active" and row.use == "seal" and row.suite != gw.settings.suite
    opening = row.state == "decrypt_only" and row.use == "seal"
    return KeyOut(
        **{name: getattr(row, name) for name in GroupKeyRow.__slots__ if name != "wrapped"},
        uses=uses, age_days=(tx.now - (row.activated_at or row.created_at)) // DAY,
        left=await count_left(tx, row) if opening else None,
        due=due[0].why if due else "suite" if stale else "",
    )  # fmt: skip


async def _out(tx: Tx, order: KeyOrder) -> KeyOrderOut:
    left = None
    if order.act == "rotation" and order.state in {"active", "done"} and root_of(order.target) is None:
        left = await count_left(tx, await get_group_key(tx, order.target))
    known = {name: getattr(order, name) for name in KeyOrderOut.model_fields if name != "left"}
    return KeyOrderOut(**known, left=left)
