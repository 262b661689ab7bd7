"""Erasure as people order it: proposed by owner or privacy officer, confirmed by a second person, final at the horizon.

While a statutory duty to keep runs, the records are restricted instead (个人信息保护法 47, second paragraph): kept,
and read by nobody. They are erased when the duty ends, by the background work.
"""

from dataclasses import replace
from typing import Any

from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.domain.workdays import day_of
from gateway.errors import CONFLICT, INVALID_INPUT, NOT_FOUND, Problem, Refusal
from gateway.runtime import Gateway, WriteTx
from gateway.schemas.base import Page
from gateway.schemas.keys import ErasureOut, ErasureReceipt, ListOrders, OrderId, ProposeErasure
from gateway.sealing.erasure import HORIZON, erase
from gateway.store import key_orders as store
from gateway.store.db import Tx
from gateway.store.key_orders import KeyOrder, RecordFacts
from gateway.store.tables.parties import institution
from gateway.usecases import _entries, _facts, _moves
from gateway.usecases._key_orders import moved, open_proposal, propose
from gateway.usecases._paging import key_of, read_key
from policies.decision import Refused
from policies.vocabulary import MoveObject, Subject

__all__ = ["confirm_erasure", "erasure_receipt", "list_erasures", "propose_erasure"]


async def propose_erasure(gw: Gateway, by: Principal, ask: ProposeErasure) -> ErasureOut | Refusal:
    """The erasure of a record, or of a client's records of one group, waits for the privacy officer's confirmation.

    A unit proposes it for its own records, the privacy officer for everybody's; records that are not the caller's are
    `not-found`, whether or not they exist.
    """
    if (ask.record_id is None) == (ask.client_id is None) or (ask.client_id is None) != (ask.field_group is None):
        raise Problem(
            INVALID_INPUT, field="record_id", detail_zh="请指明一条记录,或客户与数据组",
            detail_en="name one record, or a client and a field group",
        )  # fmt: skip
    async with gw.begin() as tx:
        who = await _moves.acting(tx, by)
        own = MoveObject("record", owner_unit=by.unit_id, institution=by.institution_id)
        decision = _moves.decide(gw, who, "record:withdraw", own, tx.now)
        if isinstance(decision, Refused) and not _decides(gw, who, by, tx.now):
            return await _moves.refuse(tx, by, "record:withdraw", own, ask.record_id or "record", decision)
        order = KeyOrder(
            random_id(), "erasure", f"record:{ask.record_id}" if ask.record_id else f"client:{ask.client_id}", "proposed",
            by.id, tx.now, ask.reason, ask.field_group or "", "" if _decides(gw, who, by, tx.now) else by.unit_id, ask.basis,
            None if ask.retain_until == "none" else ask.retain_until,
        )  # fmt: skip
        records = await _meant(tx, order)
        if not records:
            raise Problem(NOT_FOUND, field="record_id" if ask.record_id else "client_id")
        if ask.record_id:
            order = replace(order, field_group=records[0].field_group)
        await propose(tx, by, order)
        return await _out(gw, tx, by, order, ())


async def confirm_erasure(gw: Gateway, by: Principal, ask: OrderId) -> ErasureOut | Refusal:
    """From the commit on nobody reads the records. With no duty to keep them they are erased, else restricted.

    Raises `Problem(conflict)` while an upload is changing one of them.
    """
    versions = tuple(await gw.keyring.ask(gw.keyring.provider.versions))
    async with gw.begin() as tx:
        order = await store.get_order(tx, ask.order_id, ["erasure"])
        thing = MoveObject("record", state=order.state, proposer=order.proposed_by, institution=by.institution_id)
        refused = await _moves.may(gw, tx, by, "record:erase", thing, order.order_id)
        if refused:
            return refused
        order = await open_proposal(tx, ask.order_id, "erasure")
        records = await _meant(tx, order)
        if not records:
            raise Problem(NOT_FOUND, field="order_id")
        await store.add_records(tx, order.order_id, [each.record_id for each in records])
        signed: dict[str, Any] = {"confirmed_by": by.id, "confirmed_at": tx.now}
        if order.retain_until is not None and day_of(tx.now).isoformat() <= order.retain_until:
            for each in records:
                if await store.is_being_changed(tx, each.record_id):
                    raise _changed()
                if not await store.restrict_record(tx, each.record_id, each.generation):
                    raise _changed()
            done = await moved(
                gw, tx, by, order, "record:restricted", institutions=_owners(records), data={"records": len(records)},
                count=len(records), state="restricted", **signed,
            )  # fmt: skip
        else:
            done = await erase_now(gw, tx, by, order, records, **signed)
        return await _out(gw, tx, by, done, versions)


async def list_erasures(gw: Gateway, by: Principal, ask: ListOrders) -> Page[ErasureOut] | Refusal:
    """Erasures, newest first: everybody's for the privacy officer and watchers, those of one's unit for anybody else."""
    versions = tuple(await gw.keyring.ask(gw.keyring.provider.versions))
    async with gw.db.read() as tx:
        who = await _moves.acting(tx, by)
        unit = "" if _sees_all(gw, who, by, tx.now) else by.unit_id
        rows = await store.find_orders(
            tx, ["erasure"], state=ask.state, owner_unit=unit, after=read_key(ask.after), limit=ask.limit + 1
        )
        items = tuple([await _out(gw, tx, by, row, versions) for row in rows[: ask.limit]])
    return Page[ErasureOut](
        items=items, next=key_of(items[-1].created_at, items[-1].order_id) if len(rows) > ask.limit else None
    )


async def erasure_receipt(gw: Gateway, by: Principal, ask: OrderId) -> ErasureReceipt:
    """The evidence of the newest step of an erasure: restricted, erased, or shredded for good."""
    async with gw.db.read() as tx:
        who = await _moves.acting(tx, by)
        order = await store.get_order(tx, ask.order_id, ["erasure"])
        visible = _sees_all(gw, who, by, tx.now) or order.owner_unit == by.unit_id
        if order.entry_id is None or not visible:
            raise Problem(NOT_FOUND, field="order_id")
        entry = await gw.grants_log.find_entry(tx, order.entry_id)
        text = await _entries.receipt_text(gw, tx, order.entry_id)
    return ErasureReceipt(
        order_id=order.order_id, entry_id=order.entry_id, kind=entry.kind if entry else "", receipt=text
    )


# --- the steps, also for the background work


async def erase_now(
    gw: Gateway, tx: WriteTx, by: Principal, order: KeyOrder, records: list[RecordFacts], **values: Any
) -> KeyOrder:
    """Keys, blobs, tokens, open values and history of the records are gone; entry and event say so.

    Raises `Problem(conflict)` when one of them was written meanwhile: then nothing is erased.
    """
    for each in records:
        if not await store.take_for_erasure(tx, each.record_id, each.generation):
            raise _changed()
        await erase(tx, each.record_id, HORIZON)
        await store.forget_history(tx, each.record_id, each.generation + 1, by.id)
    due_at = tx.now + HORIZON
    return await moved(
        gw, tx, by, order, "record:erased", institutions=_owners(records),
        data={"records": len(records), "due_at": due_at}, count=len(records),
        state="done", done_at=tx.now, due_at=due_at, **values,
    )  # fmt: skip


async def records_of(tx: Tx, order: KeyOrder) -> list[RecordFacts]:
    """The records that a confirmed order is about and that are not erased yet."""
    return await store.find_records(tx, institution, order_id=order.order_id)


async def _meant(tx: Tx, order: KeyOrder) -> list[RecordFacts]:
    """The records that a proposal is about now."""
    kind, _, name = order.target.partition(":")
    if kind == "record":
        return await store.find_records(tx, institution, record_id=name, owner_unit=order.owner_unit)
    return await store.find_records(
        tx, institution, client_id=name, field_group=order.field_group, owner_unit=order.owner_unit
    )


def _owners(records: list[RecordFacts]) -> tuple[str, ...]:
    return tuple(sorted({each.owner_institution for each in records}))


def _changed() -> Problem:
    return Problem(
        CONFLICT, field="order_id", detail_zh="其中一条记录正被修改,请稍后重试",
        detail_en="one of the records is being changed: try again",
    )  # fmt: skip


def _decides(gw: Gateway, who: Subject, by: Principal, now: int) -> bool:
    thing = MoveObject("subject-request", institution=by.institution_id)
    return not isinstance(_moves.decide(gw, who, "subject-request:decide", thing, now), Refused)


def _sees_all(gw: Gateway, who: Subject, by: Principal, now: int) -> bool:
    watch = MoveObject("trail", institution=by.institution_id)
    seen = not isinstance(_moves.decide(gw, who, "trail:search", watch, now), Refused)
    return seen or _decides(gw, who, by, now)


async def _out(gw: Gateway, tx: Tx, by: Principal, order: KeyOrder, versions: tuple[int, ...]) -> ErasureOut:
    keys = await store.shred_keys(tx, order.order_id)
    members = await store.record_ids(tx, order.order_id)
    pending = await _meant(tx, order) if order.state == "proposed" else []
    last = max((key.root_version for key in keys), default=0)
    codes = set()
    if pending:
        held = await _facts.known_standing(tx, by)
        seen = await _facts.view(gw, tx, held.catalogue_version)
        for each in pending:
            found = (seen.item(each.field_group, name, each.owner_kind) for name in each.fields.split())
            codes |= {item.retention for item in found if item is not None}
    known = {
        name: getattr(order, name)
        for name in ErasureOut.model_fields
        if name not in {"records", "retention", "keys_waiting", "roots_waiting"}
    }
    return ErasureOut(
        **known, records=len(members) or len(pending), retention=tuple(sorted(codes)),
        keys_waiting=tuple(key.key_id for key in keys if key.state != "destroyed"),
        roots_waiting=tuple(version for version in versions if version <= last),
    )  # fmt: skip
