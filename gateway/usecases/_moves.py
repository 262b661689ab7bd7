"""Who may do an act: the workflow decision, its refusal on the trail, and the words that the caller gets."""

from dataclasses import replace

from audit.events import Event
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.errors import Refusal
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.store.db import Tx
from gateway.usecases import _facts
from policies.decision import Decision, Refused
from policies.vocabulary import MoveFacts, MoveObject, Subject


async def acting(tx: Tx, by: Principal, *, roles: frozenset[str] = frozenset()) -> Subject:
    """`by` as the rules see it at this moment; `roles` are added for an act that was handed to it.

    Raises `Problem(rights-changed)` when its rights are not those it signed in with.
    """
    who = _facts.subject(by, await _facts.known_standing(tx, by), tx.now)
    return replace(who, roles=who.roles | roles) if roles else who


def decide(gw: Gateway, who: Subject, act: str, thing: MoveObject, now: int) -> Decision:
    """Whether `who` may do `act` to `thing`."""
    return gw.policy.decide_move(MoveFacts(random_id(), who, act, thing, now))


async def refuse(tx: WriteTx, by: Principal, act: str, thing: MoveObject, target_id: str, decision: Refused) -> Refusal:
    """The refusal, on the trail with this transaction."""
    tx.record(_event(by, act, thing, target_id, decision, tx.now))
    return _facts.refusal(by, decision)


async def refuse_look(
    gw: Gateway, by: Principal, act: str, thing: MoveObject, target_id: str, decision: Refused, now: int
) -> Refusal:
    """The refusal of a mere look, durable on the trail by itself: looking takes no write transaction."""
    await gw.trail.queue(_event(by, act, thing, target_id, decision, now))
    return _facts.refusal(by, decision)


def _event(by: Principal, act: str, thing: MoveObject, target_id: str, decision: Refused, now: int) -> Event:
    return event_of(
        by, act, now, target_kind=thing.kind, target_id=target_id, outcome="refused", rule=decision.rule,
        reason=decision.reason, policy_epoch=decision.epoch,
    )  # fmt: skip


async def may(gw: Gateway, tx: WriteTx, by: Principal, act: str, thing: MoveObject, target_id: str) -> Refusal | None:
    """None when `by` may do `act`; else the refusal, which is on the trail with this transaction."""
    decision = decide(gw, await acting(tx, by), act, thing, tx.now)
    return await refuse(tx, by, act, thing, target_id, decision) if isinstance(decision, Refused) else None
