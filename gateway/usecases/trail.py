"""Seeing what was done: search the trail, take evidence out, show the heads, check a receipt."""

from audit.entry import Placed
from audit.export import bundle_bytes
from audit.search import BadCursor, Found, Wanted, search
from gateway.domain.principal import Principal
from gateway.errors import INVALID_INPUT, Problem, Refusal
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.base import Nothing, Page
from gateway.schemas.trail import EventOut, ExportEvidence, Heads, ReceiptVerdict, SearchTrail, VerifyReceipt
from gateway.store import parties
from gateway.store.db import Tx
from gateway.usecases import _facts, _moves
from ledger.errors import LedgerError, VerificationError
from ledger.policy import parse_policy
from ledger.receipt import verify_receipt as check_receipt
from policies.decision import Allowed
from policies.vocabulary import MoveObject

__all__ = ["export_evidence", "ledger_heads", "search_trail", "verify_receipt"]


async def search_trail(gw: Gateway, by: Principal, ask: SearchTrail) -> Page[EventOut] | Refusal:
    """The events that match, newest first. Compliance and auditors see all; an owner sees events on its own items.

    The search itself is an event on the trail. Raises `Problem(invalid-input)` for an `after` that is not ours.
    """
    wanted = Wanted(
        actor=ask.actor, actor_unit=ask.actor_unit, client_id=ask.client_id, grant_id=ask.grant_id, item=ask.item, action=ask.action,
        outcome=ask.outcome, read_id=ask.read_id, target_id=ask.target_id, purpose=ask.purpose, since=ask.since, until=ask.until,
    )  # fmt: skip
    async with gw.begin() as tx:
        refused = await _may_search(gw, tx, by, ask.item)
        if refused:
            return refused
        tx.record(
            event_of(by, "trail:searched", tx.now, target_kind="trail", client_id=ask.client_id, grant_id=ask.grant_id,
                     items=(ask.item,) if ask.item else (), outcome="done")
        )  # fmt: skip
    async with gw.db.read() as tx:
        try:
            found: Found = await search(tx, wanted, after=ask.after, limit=ask.limit)
        except BadCursor:
            raise Problem(INVALID_INPUT, field="after") from None
        names = await _names(tx, found.events)
    items = tuple(_out(each, names) for each in found.events)
    return Page[EventOut](items=items, next=found.next)


async def _may_search(gw: Gateway, tx: WriteTx, by: Principal, item: str) -> Refusal | None:
    """Everything for those who watch; one's own items for their owners."""
    who = await _moves.acting(tx, by)
    everything = MoveObject("trail", institution=by.institution_id)
    decision = _moves.decide(gw, who, "trail:search", everything, tx.now)
    if isinstance(decision, Allowed):
        return None
    if item:
        held = await _facts.known_standing(tx, by)
        seen = await _facts.view(gw, tx, held.catalogue_version)
        known = seen.items.get(item)
        owner = known.owner_unit if known is not None else ""
        own = MoveObject("trail", owner_unit=owner, institution=by.institution_id)
        narrower = _moves.decide(gw, who, "trail:read-own-items", own, tx.now)
        if isinstance(narrower, Allowed):
            return None
    return await _moves.refuse(tx, by, "trail:search", everything, "trail", decision)


async def export_evidence(gw: Gateway, by: Principal, ask: ExportEvidence) -> bytes | Refusal:
    """A zip of the matching sealed events, each with its receipt, the checkpoint and how to verify without us."""
    wanted = Wanted(
        actor=ask.actor, client_id=ask.client_id, grant_id=ask.grant_id, item=ask.item, action=ask.action, since=ask.since,
        until=ask.until,
    )  # fmt: skip
    thing = MoveObject("evidence", institution=by.institution_id)
    async with gw.begin() as tx:
        refused = await _moves.may(gw, tx, by, "evidence:export", thing, "trail")
        if refused:
            return refused
        tx.record(
            event_of(by, "evidence:exported", tx.now, target_kind="trail", client_id=ask.client_id, outcome="done")
        )
    return await bundle_bytes(gw.db, gw.trail.log, wanted, made_by=by.id)


async def ledger_heads(gw: Gateway, by: Principal, ask: Nothing) -> Heads:
    """The heads of both logs and what a partner needs to verify against them."""
    async with gw.db.read() as tx:
        grants = await gw.grants_log.checkpoint(tx)
        trail = await gw.trail.log.checkpoint(tx)
    vkeys = verifier_keys(gw)
    return Heads(
        grants=grants.note,
        trail=trail.note,
        grants_size=grants.size,
        trail_size=trail.size,
        vkeys=vkeys,
        trust=trust_text(gw),
    )


async def verify_receipt(gw: Gateway, by: Principal, ask: VerifyReceipt) -> ReceiptVerdict:
    """What `lianqiao verify` says of the receipt, with this gateway's own keys as the trust file."""
    trust = parse_policy(trust_text(gw))
    try:
        verified = check_receipt(ask.receipt, trust)
    except VerificationError as error:
        return ReceiptVerdict(valid=False, expected=str(error.expected), found=str(error.got))
    except LedgerError as error:
        return ReceiptVerdict(valid=False, expected="a receipt", found=str(error)[:200])
    return ReceiptVerdict(
        valid=True, kind=verified.entry.kind, index=verified.index, size=verified.size, origin=verified.origin,
        fields=dict(verified.fields), steps=verified.steps,
    )  # fmt: skip


def verifier_keys(gw: Gateway) -> tuple[str, ...]:
    """The public keys of both logs, as note verifier keys."""
    logs = (gw.grants_log, gw.trail.log)
    return tuple(signer.vkey() for log in logs for signer in getattr(log, "signers", ()))


def trust_text(gw: Gateway) -> str:
    """The trust file that a partner is handed (C2SP tlog-policy)."""
    return "".join(f"log {vkey}\n" for vkey in verifier_keys(gw)) + "quorum none\n"


async def _names(tx: Tx, events: tuple[Placed, ...]) -> dict[str, str]:
    names: dict[str, str] = {}
    for person_id in {each.event.actor for each in events}:
        person = await parties.find_person(tx, person_id)
        if person is not None:
            names[person_id] = person.name
    return names


def _out(each: Placed, names: dict[str, str]) -> EventOut:
    event = each.event
    return EventOut(
        event_id=event.event_id, at=event.at, actor=event.actor, actor_name=names.get(event.actor, ""), actor_unit=event.actor_unit,
        on_behalf_of=event.on_behalf_of, action=event.action, target_kind=event.target_kind, target_id=event.target_id,
        client_id=event.client_id, items=event.items, fields=event.fields, record_count=event.record_count, purpose=event.purpose,
        grant_id=event.grant_id, outcome=event.outcome, rule=event.rule, reason=event.reason, policy_epoch=event.policy_epoch,
        source=event.source, channel=event.channel, read_id=event.read_id, details=dict(event.details), stream_id=each.stream_id,
        seq=each.seq, log_index=each.index,
    )  # fmt: skip
