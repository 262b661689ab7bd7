"""What the verbs on requests share: who sees and who may act, how a request is shown, how the next ones are told."""

from collections.abc import Collection
from dataclasses import dataclass, replace

from audit.events import text_details
from gateway.domain.access import (
    FINAL_STATES,
    AccessRequest,
    Approver,
    previous_approvers,
)
from gateway.domain.access.facts import RING_DAYS
from gateway.domain.notices import day_text
from gateway.domain.principal import Principal
from gateway.domain.workdays import DAY
from gateway.errors import NOT_FOUND, Problem, Refusal
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.store import access as store
from gateway.store.access import Seat, StepRow, Stored
from gateway.store.db import Tx
from gateway.store.names import holders_of
from gateway.usecases import _moves
from gateway.usecases._catalogue import Snapshot, snapshot
from gateway.usecases._notify import notify
from policies.decision import Allowed, Refused
from policies.vocabulary import MoveObject, Subject

# The act that signs a step, by the role the step asks for.
SIGNING = {
    "dept_head": "request:endorse",
    "data_owner": "request:approve-owner",
    "compliance": "request:approve-compliance",
    "pi_officer": "request:approve-pi",
    "cco": "request:approve-cco",
}
# Who else may take the step of a role: a partner's administrator heads it, the chief officer may do an officer's part.
_STANDS_FOR = {"dept_head": frozenset({"partner_admin"}), "compliance": frozenset({"cco"})}


@dataclass(frozen=True, slots=True)
class Case:
    """A request before somebody: as stored, its steps, its items, and who looks."""

    stored: Stored
    steps: tuple[StepRow, ...]
    seen: Snapshot
    by: Principal
    who: Subject
    ring: bool

    @property
    def request(self) -> AccessRequest:
        return self.stored.request

    @property
    def owners(self) -> tuple[str, ...]:
        """The owning units on the route."""
        return tuple(step.unit for step in self.request.steps if step.role == "data_owner")

    def mine(self, states: Collection[str] = ("open",)) -> list[StepRow]:
        """The steps in one of `states` that the one who looks holds the role and unit for, or was handed."""
        return [
            row
            for row in self.steps
            if row.state in states
            and (
                row.delegate == self.by.id
                or (
                    row.unit_id in ("", self.who.unit)
                    and not self.who.roles.isdisjoint({row.role, *_STANDS_FOR.get(row.role, ())})
                )
            )
        ]

    def thing(self, step: StepRow | None = None) -> MoveObject:
        """The request as a workflow rule sees it; with `step`, seen from that step."""
        request = self.request
        items = [item for code in request.terms.codes if (item := self.seen.catalogue.find(code))]
        owner = step.unit_id if step is not None and step.role == "data_owner" else ""
        if not owner:
            owner = self.who.unit if self.who.unit in self.owners else next(iter(self.owners), "")
        return MoveObject(
            "request", state=request.state, requester=request.requester, requester_unit=request.requester_unit,
            owner_unit=owner, previous_approvers=previous_approvers(request),
            level=max((item.level for item in items), default=1), personal=any(item.personal for item in items),
            partner=request.grantee.partner, ring=self.ring, institution=request.requester_institution,
        )  # fmt: skip

    def acting(self, step: StepRow | None) -> Subject:
        """The one who looks, with the role of a step that was handed to it."""
        if step is not None and step.delegate == self.by.id:
            return replace(self.who, roles=self.who.roles | {step.role})
        return self.who

    def approver(self, step: StepRow) -> Approver:
        """The one who looks, as the one who takes `step`."""
        handed = step.delegate == self.by.id
        unit = step.unit_id if handed and step.unit_id else self.who.unit
        return Approver(self.by.id, step.role, unit, (step.delegated_by or "") if handed else "")


async def open_case(gw: Gateway, tx: Tx, by: Principal, request_id: str) -> Case:
    """The request as `by` may see it. Raises `Problem(not-found)` for one that is not there, or not for it to see."""
    stored = await store.get_request(tx, request_id)
    steps = tuple(await store.list_steps(tx, request_id))
    who = await _moves.acting(tx, by)
    since = tx.now - RING_DAYS * DAY
    ring = any([await store.approved_for(tx, each, by.id, since) for each in sorted(stored.request.interested)])
    case = Case(stored, steps, await snapshot(gw, tx), by, who, ring)
    if not _sees(gw, case, tx.now):
        raise Problem(NOT_FOUND, field="request_id")
    return case


def _sees(gw: Gateway, case: Case, now: int) -> bool:
    if case.request.requester == case.by.id:
        return True
    if case.request.state == "draft":
        return False
    if case.request.requester_unit == case.who.unit or case.mine(("waiting", "open", "done", "skipped")):
        return True
    return watches(gw, case.who, now)


def watches(gw: Gateway, who: Subject, now: int) -> bool:
    """Whether `who` may look at everything: those who may search the whole trail."""
    return isinstance(_moves.decide(gw, who, "trail:search", MoveObject("trail"), now), Allowed)


async def check_version(tx: Tx, case: Case, version: int | None) -> None:
    """Raises `Problem(conflict)` naming who was first when the caller looked at an older version."""
    if version is not None and version != case.stored.version:
        raise await store.who_was_first(tx, case.request.id)


async def may(gw: Gateway, tx: WriteTx, case: Case, act: str, step: StepRow | None = None) -> Refusal | None:
    """None when the one who looks may do `act`; else the refusal, which is on the trail."""
    thing = case.thing(step)
    decision = _moves.decide(gw, case.acting(step), act, thing, tx.now)
    if isinstance(decision, Refused):
        return await _moves.refuse(tx, case.by, act, thing, case.request.id, decision)
    return None


def record(gw: Gateway, tx: WriteTx, case: Case, act: str, after: AccessRequest, on_behalf_of: str = "") -> None:
    """The act is on the trail; of the reason no more than its length and a fingerprint."""
    said = text_details("purpose_text", after.reason) if act == "submitted" else {}
    event = event_of(
        case.by, f"request:{act}", tx.now, target_kind="request", target_id=after.id, items=after.terms.codes,
        purpose=after.purpose, outcome="done", policy_epoch=gw.policy.epoch,
        details={"state": after.state, "revision": after.revision, "approvals": len(after.signatures), **said},
    )  # fmt: skip
    tx.record(replace(event, on_behalf_of=on_behalf_of or event.on_behalf_of))


async def tell_open_steps(tx: Tx, after: AccessRequest, besides: str = "", before: Collection[str] = ()) -> None:
    """Whoever may take a step that has opened now is told; if nobody holds the role, operations and compliance are."""
    for step in after.open_steps:
        if f"{step.role}@{step.unit}" in before:
            continue
        people = set(await holders_of(tx, step.role, step.unit))
        for role in sorted(_STANDS_FOR.get(step.role, ()) if step.role == "dept_head" else ()):
            people |= set(await holders_of(tx, role, step.unit))
        subject = ("request", after.id)
        told = await notify(
            tx, "request-to-approve", people, subject=subject, besides=besides, units=[step.unit] if step.unit else [],
            request=after.id, role=step.role, due=day_text(after.due),
        )  # fmt: skip
        if not told:
            others = {**await holders_of(tx, "ops"), **await holders_of(tx, "compliance")}
            await notify(tx, "step-without-holder", others, subject=subject, request=after.id, role=step.role)


def open_keys(request: AccessRequest) -> frozenset[str]:
    """The steps that are open, named."""
    return frozenset(f"{step.role}@{step.unit}" for step in request.open_steps)


def acts_of(gw: Gateway, case: Case, now: int) -> tuple[str, ...]:
    """What the one who looks may do now, in the words of the interface."""
    request = case.request

    def allowed(act: str, step: StepRow | None = None) -> bool:
        return isinstance(_moves.decide(gw, case.acting(step), act, case.thing(step), now), Allowed)

    acts: list[str] = []
    if request.requester == case.by.id:
        if request.state in ("draft", "returned"):
            acts += ["change", "attach"]
            acts += ["submit"] if allowed("request:submit") else []
        if request.state == "offered" and allowed("request:accept-offer"):
            acts += ["accept", "decline"]
        if request.state not in FINAL_STATES and allowed("request:withdraw"):
            acts.append("withdraw")
    for step in case.mine():
        if case.by.id in request.interested | previous_approvers(request):
            continue
        if allowed(SIGNING[step.role], step):
            acts.append("endorse" if step.role == "dept_head" else "approve")
            acts += ["delegate"] if step.delegate is None else []
        acts += [word for word in ("return", "reject") if allowed(f"request:{word}", step)]
    return tuple(dict.fromkeys(acts))


def seat_of(by: Principal, who: Subject) -> Seat:
    """Where somebody sits: the unit, the roles it holds and those it stands for."""
    standing = {
        role for role, others in _STANDS_FOR.items() if role == "dept_head" and not who.roles.isdisjoint(others)
    }
    return Seat(by.id, who.unit, who.roles | standing)
