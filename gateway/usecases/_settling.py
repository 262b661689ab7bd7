"""What a read costs and leaves behind: events on the trail, uses of grants, first touches of conflict classes."""

from collections.abc import Sequence
from dataclasses import replace

from audit.events import Event
from gateway.domain.entry import SPECS
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.errors import Refusal
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.disclosure import Query
from gateway.store import disclosure as store
from gateway.store.disclosure import GrantRow, Row
from gateway.usecases import _facts
from gateway.usecases._rulings import Denied, Ruling
from policies.decision import Allowed, Refused


async def denied(
    gw: Gateway, by: Principal, action: str, page: Denied, group: str, purpose: str, read_id: str
) -> Refusal:
    refused = page.decision
    await gw.recorded(
        event_of(by, action, page.now, target_kind="group", target_id=group_code(group), purpose=purpose_code(purpose), outcome="refused",
                 rule=refused.rule, reason=refused.reason, policy_epoch=refused.epoch, read_id=read_id)
    )  # fmt: skip
    return _facts.refusal(by, refused)


class Lost(Exception):
    """Somebody was first to the last use or to a competitor of this client: the transaction is undone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def settle(
    gw: Gateway, by: Principal, allowed: Sequence[Ruling], events: Sequence[Event], touching: Sequence[Row], count: int, *,
    spend: bool = True,
) -> Refusal | None:  # fmt: skip
    """The events are durable; the grants' uses are spent; first touches of conflict classes are taken. None: go on.

    All of it or, when a use or a touch was lost to somebody else, none: then the read is refused and recorded so.
    A grant without limits costs no write of its own: its event joins the replica's next group commit.
    """
    grants = {ruling.grant.grant_id: ruling.grant for ruling in allowed if ruling.grant} if spend else {}
    limited = [
        each for _, each in sorted(grants.items()) if each.use_limit is not None or each.rate_per_hour is not None
    ]
    touches = {} if by.side == "control" else {row.conflict_class: row for row in reversed(touching)}
    if not limited and not touches:
        await gw.recorded(*events)
    else:
        try:
            async with gw.begin() as tx:
                await spend_uses(tx, by, limited, touches, count)
                for event in events:
                    tx.record(event)
        except Lost as lost:
            await gw.recorded(*(lost_event(event, lost.reason) for event in events))
            return _facts.refusal(by, Refused(allowed[0].decision.decision_id, "", lost.reason, gw.policy.epoch))
    for grant_id in grants.keys() - {each.grant_id for each in limited}:
        count_later(gw, grant_id, count)
    return None


async def spend_uses(
    tx: WriteTx, by: Principal, limited: Sequence[GrantRow], touches: dict[str, Row], count: int
) -> None:
    """Every use is counted and every touch is ours, else `Lost`."""
    for conflict_class, row in sorted(touches.items()):
        if await store.touch(tx, by.id, conflict_class, row.client_id) != row.client_id:
            raise Lost("not-permitted")
    for grant in limited:
        if not await store.spend_use(tx, grant.grant_id, count, grant.rate_per_hour):
            raise Lost("exhausted")


def lost_event(event: Event, reason: str) -> Event:
    if event.outcome != "allowed":
        return event
    return replace(event, outcome="refused", rule="", reason=reason, event_id=random_id())


async def failed_event(gw: Gateway, events: Sequence[Event], action: str) -> None:
    """A second event says that what was allowed could not be opened."""
    await gw.recorded(replace(events[0], event_id=random_id(), action=action, outcome="failed"))


def count_later(gw: Gateway, grant_id: str, rows: int) -> None:
    """Uses of unlimited grants are counted in the process and written by the worker; the trail is their proof."""
    counts: dict[str, list[int]] = gw.state.setdefault("grant-uses", {})
    held = counts.setdefault(grant_id, [0, 0])
    held[0] += 1
    held[1] += rows


def read_event(
    by: Principal, action: str, ruling: Ruling, now: int, purpose: str, read_id: str, rows: Sequence[Row]
) -> Event:
    decision = ruling.decision
    clients = {row.client_id for row in rows}
    return event_of(
        by, action, now, target_kind="record" if len(rows) == 1 else "group",
        target_id=rows[0].record_id if len(rows) == 1 else rows[0].field_group,
        client_id=rows[0].client_id if len(clients) == 1 else "", items=ruling.fields.items, fields=tuple(sorted(ruling.fields.fields)),
        record_count=len(rows), purpose=purpose_code(purpose), grant_id=ruling.grant.grant_id if ruling.grant else "",
        outcome="allowed" if isinstance(decision, Allowed) else "refused", rule=decision.rule, reason=decision.reason,
        policy_epoch=decision.epoch, read_id=read_id,
    )  # fmt: skip


def purpose_code(purpose: str) -> str:
    """The purpose as it may stand on the trail: a code, or that it was none."""
    return purpose if purpose.isascii() and purpose.replace("-", "").replace("_", "").isalnum() else "not-a-code"


def absent_event(
    by: Principal, action: str, decision: Refused, now: int, purpose: str, read_id: str, target: str
) -> Event:
    known = target if target.isascii() and target.replace("-", "").isalnum() else "not-an-identifier"
    return event_of(
        by, action, now, target_kind="record", target_id=known, record_count=0, purpose=purpose_code(purpose), outcome="refused",
        rule=decision.rule, reason=decision.reason, policy_epoch=decision.epoch, read_id=read_id,
    )  # fmt: skip


def event_of_none(
    gw: Gateway, by: Principal, ask: Query, action: str, basis: GrantRow | None, now: int, read_id: str
) -> Event:
    return event_of(by, "query" if action == "read" else action, now, target_kind="group", target_id=group_code(ask.field_group),
                    purpose=purpose_code(ask.purpose), outcome="allowed", reason="allowed", record_count=0, policy_epoch=gw.policy.epoch,
                    read_id=read_id, grant_id=basis.grant_id if basis else "")  # fmt: skip


def group_code(group: str) -> str:
    return group if group in SPECS else "not-a-group"
