"""Keeping the information barrier: proposed by one, in force with the second, ended in time or by order.

In force from the next read on: walls and suppressions are facts that every decision reads afresh, so there is no cache
to empty and no grant to rewrite.
"""

from gateway.domain.ids import new_id
from gateway.domain.principal import Principal
from gateway.errors import CONFLICT, INVALID_INPUT, NOT_FOUND, Problem, Refusal
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.barrier import (
    BarrierId,
    BarrierOut,
    ListBarriers,
    ProposeListing,
    ProposeSuppression,
    RequestCrossing,
)
from gateway.schemas.base import Page
from gateway.store import barrier as store
from gateway.store import clients
from gateway.store.barrier import Barrier
from gateway.usecases import _entries, _moves
from policies.vocabulary import MoveObject

__all__ = [
    "approve_crossing", "confirm_listing", "confirm_suppression", "end_crossing", "end_listing", "end_suppression",
    "list_crossings", "list_listings", "list_suppressions", "propose_listing", "propose_suppression", "request_crossing",
]  # fmt: skip

_YEAR = 366 * 86_400_000_000


async def propose_suppression(gw: Gateway, by: Principal, ask: ProposeSuppression) -> BarrierOut | Refusal:
    """A suppression of the client's name waits for a second person of compliance."""
    return await _propose(gw, by, "suppression", "suppression", ask.client_id, ask.reason, None, ask.not_after)


async def propose_listing(gw: Gateway, by: Principal, ask: ProposeListing) -> BarrierOut | Refusal:
    """A watch or restricted listing, or a quiet period, waits for a second person of compliance."""
    return await _propose(gw, by, "listing", ask.kind, ask.client_id, ask.reason, ask.not_before, ask.not_after)


async def request_crossing(gw: Gateway, by: Principal, ask: RequestCrossing) -> BarrierOut | Refusal:
    """The person's wish to be brought over the wall for this client waits for compliance."""
    return await _propose(gw, by, "crossing", "crossing", ask.client_id, ask.reason, None, ask.not_after, ask.project)


async def confirm_suppression(gw: Gateway, by: Principal, ask: BarrierId) -> BarrierOut | Refusal:
    """From the next read on the client is, for everybody but compliance, as if it were not there."""
    return await _move(gw, by, "suppression", "suppression:confirm", ask.barrier_id, "proposed", "active")


async def confirm_listing(gw: Gateway, by: Principal, ask: BarrierId) -> BarrierOut | Refusal:
    """The listing counts in every decision from the next read on."""
    return await _move(gw, by, "listing", "listing:confirm", ask.barrier_id, "proposed", "active")


async def approve_crossing(gw: Gateway, by: Principal, ask: BarrierId) -> BarrierOut | Refusal:
    """The person may read across the wall until the crossing ends."""
    return await _move(gw, by, "crossing", "crossing:approve", ask.barrier_id, "proposed", "active")


async def end_suppression(gw: Gateway, by: Principal, ask: BarrierId) -> BarrierOut | Refusal:
    """The name is shared again, as it must be, from the next read on."""
    return await _move(gw, by, "suppression", "suppression:end", ask.barrier_id, "active", "ended")


async def end_listing(gw: Gateway, by: Principal, ask: BarrierId) -> BarrierOut | Refusal:
    """The listing counts no more."""
    return await _move(gw, by, "listing", "listing:end", ask.barrier_id, "active", "ended")


async def end_crossing(gw: Gateway, by: Principal, ask: BarrierId) -> BarrierOut | Refusal:
    """The person is back on its own side (回墙) from the next read on."""
    return await _move(gw, by, "crossing", "crossing:end", ask.barrier_id, "active", "ended")


async def list_suppressions(gw: Gateway, by: Principal, ask: ListBarriers) -> Page[BarrierOut] | Refusal:
    """Suppressions, for compliance only."""
    return await _list(gw, by, "suppression", ask)


async def list_listings(gw: Gateway, by: Principal, ask: ListBarriers) -> Page[BarrierOut] | Refusal:
    """Listings, for compliance only: who is on the watch list is itself a secret."""
    return await _list(gw, by, "listing", ask)


async def list_crossings(gw: Gateway, by: Principal, ask: ListBarriers) -> Page[BarrierOut] | Refusal:
    """Crossings: everybody's for compliance, one's own for anybody else."""
    return await _list(gw, by, "crossing", ask)


# --- the steps they share


async def _propose(
    gw: Gateway,
    by: Principal,
    noun: str,
    kind: str,
    client_id: str,
    reason: str,
    not_before: int | None,
    not_after: int,
    project: str = "",
) -> BarrierOut | Refusal:
    async with gw.begin() as tx:
        act = f"{noun}:{'request' if noun == 'crossing' else 'propose'}"
        thing = MoveObject(noun, requester=by.id, requester_unit=by.unit_id, institution=by.institution_id)
        refused = await _moves.may(gw, tx, by, act, thing, client_id if client_id.isascii() else "client")
        if refused:
            return refused
        begins = not_before or tx.now
        if not begins < not_after <= begins + _YEAR:
            raise Problem(
                INVALID_INPUT, field="not_after", detail_zh="终止时刻须晚于起始且不超过一年",
                detail_en="the end lies after the start and within a year",
            )  # fmt: skip
        card = await clients.find_card(tx, client_id, by.unit_id)
        # A crossing is asked for by people who may not learn whether a name is suppressed: their answer is the same.
        if card is None and noun != "crossing":
            raise Problem(NOT_FOUND, field="client_id")
        new = Barrier(
            new_id(), kind, client_id, by.id if noun == "crossing" else "", project, reason, "proposed", begins, not_after, by.id,
            None, tx.now,
        )  # fmt: skip
        await store.add(tx, noun, new)
        _event(tx, by, f"{noun}:proposed", new)
    return _out(new)


async def _move(
    gw: Gateway, by: Principal, noun: str, act: str, barrier_id: str, old: str, new: str
) -> BarrierOut | Refusal:
    async with gw.begin() as tx:
        thing = await store.get(tx, noun, barrier_id)
        moved = MoveObject(
            noun, state=thing.state, requester=thing.proposed_by if noun == "crossing" else "", proposer=thing.proposed_by,
            institution=by.institution_id,
        )  # fmt: skip
        refused = await _moves.may(gw, tx, by, act, moved, barrier_id)
        if refused:
            return refused
        if thing.state != old:
            raise Problem(
                CONFLICT, field="barrier_id", detail_zh=f"状态为 {thing.state}", detail_en=f"it is {thing.state}"
            )
        await store.set_state(tx, noun, barrier_id, old, new, by.id if new == "active" else None)
        # On the ledger stands that something of this kind happened, by whom under commitment; never which client.
        await _entries.enter(
            gw, tx, f"barrier:{new}", {"noun": noun, "barrier": barrier_id, "client": thing.client_id, "by": by.id},
            institutions=[by.institution_id],
        )  # fmt: skip
        _event(tx, by, f"{noun}:{new}", thing)
        changed = await store.get(tx, noun, barrier_id)
    return _out(changed)


async def _list(gw: Gateway, by: Principal, noun: str, ask: ListBarriers) -> Page[BarrierOut] | Refusal:
    async with gw.begin() as tx:
        thing = MoveObject(noun, institution=by.institution_id)
        who = await _moves.acting(tx, by)
        decision = _moves.decide(
            gw, who, f"{'listing' if noun == 'crossing' else noun}:propose", _as(thing, noun), tx.now
        )
        all_of_it = decision.effect == "allow"
        if not all_of_it and noun != "crossing":
            return await _moves.refuse(tx, by, f"{noun}:list", thing, noun, decision)  # type: ignore[arg-type]
        rows = await store.list_of(
            tx, noun, client_id=ask.client_id, state=ask.state, person_id="" if all_of_it else by.id, after=ask.after,
            limit=ask.limit + 1,
        )  # fmt: skip
    items = tuple(_out(row) for row in rows[: ask.limit])
    return Page[BarrierOut](items=items, next=items[-1].barrier_id if len(rows) > ask.limit else None)


def _as(thing: MoveObject, noun: str) -> MoveObject:
    return MoveObject("listing" if noun == "crossing" else noun, institution=thing.institution)


def _event(tx: WriteTx, by: Principal, action: str, thing: Barrier) -> None:
    tx.record(
        event_of(
            by,
            action,
            tx.now,
            target_kind=thing.kind,
            target_id=thing.barrier_id,
            client_id=thing.client_id,
            outcome="done",
        )
    )


def _out(thing: Barrier) -> BarrierOut:
    return BarrierOut(**{name: getattr(thing, name) for name in Barrier.__slots__})
