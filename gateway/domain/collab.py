"""Working together on a client: who is recognised as its lead, how long that is protected, who claims an opportunity.

One lead per client and business line, one claim per opportunity: the database holds both unique (the first commit
wins); here stand the moves between the states, and the clocks. Times are microseconds, ends exclusive.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from gateway.domain.workdays import DAY, Calendar, add_working_days
from gateway.errors import Problem, declare

RECOGNITION_STATES: Final = ("pending", "recognised", "disputed", "refused", "pool")
OPPORTUNITY_STATES: Final = ("dispatched", "claimed", "won", "lost", "released")
EVIDENCE: Final = ("agreement", "visit", "account")
PROTECTION_DAYS: Final = 90
CLAIM_DAYS: Final = 30
# The stages of a dispute, with the working days that each may take.
DISPUTE_STAGES: Final = {"statements": 2, "ops": 3, "committee": 5}
DECISION_DAYS: Final = 3
ACCEPT_DAYS: Final = 2
FEEDBACK_DAYS: Final = 10

WRONG_MOVE = declare(
    "collaboration-in-another-state", "conflict",
    zh="当前状态不允许此操作", en="The present state does not allow this",
    remedy_zh="请刷新后查看当前状态", remedy_en="Reload and look at the present state",
)  # fmt: skip
ALREADY_TAKEN = declare(
    "already-taken", "conflict",
    zh="已有有效的认定或认领", en="Somebody holds it already",
    remedy_zh="请与现主办部门协商,或提出争议", remedy_en="Agree with the present lead, or raise a dispute",
)  # fmt: skip
EVIDENCE_MISSING = declare(
    "evidence-missing", "invalid",
    zh="缺少认定依据(协议、拜访记录或账户)", en="There is no evidence: agreement, visit or account",
    remedy_zh="请补充至少一项依据后提交", remedy_en="Add at least one and submit again",
)  # fmt: skip
NOT_EXTENDABLE = declare(
    "protection-not-extendable", "conflict",
    zh="保护期不能延长", en="The protection period cannot be extended",
    remedy_zh="须在保护期内、有拜访反馈且未曾延长", remedy_en="Extend it once, while it runs, with visit feedback",
)  # fmt: skip
LATE = declare(
    "collaboration-clock-ran-out", "conflict",
    zh="办理期限已过", en="The time for this is over",
    remedy_zh="请等待重新分派或重新申请", remedy_en="Wait for it to be dispatched anew, or apply again",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """One unit's claim to lead a client in one business line. `due`: end of the running clock, 0 where none runs.

    Protected while `recognised` and within `protected_from`..`protected_to`; a dispute does not lift the protection.
    """

    id: str
    client_id: str
    business_line: str
    unit: str
    lead_rm: str
    evidence: tuple[str, ...]
    asked_at: int
    state: str = "pending"
    due: int = 0
    protected_from: int = 0
    protected_to: int = 0
    extended: bool = False
    stage: str = ""
    rival: str = ""
    decided_by: str = ""

    def holds(self, now: int) -> bool:
        """Whether the unit is protected as lead at `now`."""
        return self.state in ("recognised", "disputed") and self.protected_from <= now < self.protected_to


def request_recognition(asked: Recognition, held: Iterable[Recognition], *, calendar: Calendar) -> Recognition:
    """The request on its way to operations, with three working days. Raises `evidence-missing` or `already-taken`.

    Whoever presents the second problem to a person must answer as for any request under review: that somebody else
    leads a suppressed client must not show.
    """
    if not asked.evidence or not set(asked.evidence) <= set(EVIDENCE):
        raise Problem(EVIDENCE_MISSING, field="evidence")
    if any(other.holds(asked.asked_at) and _same_line(other, asked) for other in held):
        raise Problem(ALREADY_TAKEN, field="client_id")
    return replace(asked, state="pending", due=add_working_days(asked.asked_at, DECISION_DAYS, calendar).at)


def decide_recognition(
    asked: Recognition, held: Iterable[Recognition], *, by: str, recognise: bool, now: int
) -> Recognition:
    """Recognised and protected for 90 days, or refused. A client taken meanwhile raises `already-taken`."""
    _require(asked.state == "pending")
    if not recognise:
        return replace(asked, state="refused", due=0, decided_by=by)
    if any(other.id != asked.id and other.holds(now) and _same_line(other, asked) for other in held):
        raise Problem(ALREADY_TAKEN, field="client_id")
    return replace(
        asked, state="recognised", due=0, decided_by=by, protected_from=now, protected_to=now + PROTECTION_DAYS * DAY
    )


def extend_protection(lead: Recognition, *, visited_at: int | None, now: int) -> Recognition:
    """The protection for another 90 days from its end, once, if there is visit feedback from within it."""
    visited = visited_at is not None and lead.protected_from <= visited_at <= now
    if lead.state != "recognised" or not lead.holds(now) or lead.extended or not visited:
        raise Problem(NOT_EXTENDABLE)
    return replace(lead, extended=True, protected_to=lead.protected_to + PROTECTION_DAYS * DAY)


def release_to_pool(lead: Recognition, *, now: int) -> Recognition:
    """The client back in the pool, its protection being over. One that still runs raises."""
    _require(lead.state == "recognised" and now >= lead.protected_to)
    return replace(lead, state="pool", due=0)


def dispute(lead: Recognition, *, rival: str, now: int, calendar: Calendar) -> Recognition:
    """The recognition disputed by the unit `rival`: both sides have two working days for their statements."""
    _require(lead.state == "recognised" and lead.holds(now) and rival != lead.unit)
    return _stage(replace(lead, state="disputed", rival=rival), "statements", now, calendar)


def next_stage(lead: Recognition, *, now: int, calendar: Calendar) -> Recognition:
    """The dispute one stage up: statements, operations, committee. Past the last one raises."""
    _require(lead.state == "disputed" and lead.stage != "committee")
    stages = list(DISPUTE_STAGES)
    return _stage(lead, stages[stages.index(lead.stage) + 1], now, calendar)


def settle(lead: Recognition, *, by: str, unit: str, lead_rm: str, now: int) -> Recognition:
    """The dispute ended for `unit`, one of the two sides, by operations or the committee, not while statements come in.

    The one who keeps the client keeps what is left of the period; a new lead begins a whole one.
    """
    _require(lead.state == "disputed" and lead.stage != "statements" and unit in (lead.unit, lead.rival))
    calm = replace(lead, state="recognised", stage="", rival="", due=0, decided_by=by)
    if unit == lead.unit:
        return calm
    end = now + PROTECTION_DAYS * DAY
    return replace(calm, unit=unit, lead_rm=lead_rm, protected_from=now, protected_to=end, extended=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opportunity:
    """A lead passed to a unit to take up. `due`: acceptance, then the next visit feedback, is wanted before it."""

    id: str
    client_id: str
    kind: str
    unit: str
    state: str = "dispatched"
    claimant: str = ""
    due: int = 0
    claim_ends: int = 0


def dispatch(opportunity: Opportunity, *, unit: str, now: int, calendar: Calendar) -> Opportunity:
    """The opportunity with `unit`, which has two working days; also again, after release or when nobody took it up."""
    idle = opportunity.state == "dispatched" and (not opportunity.due or now >= opportunity.due)
    _require(idle or opportunity.state == "released")
    due = add_working_days(now, ACCEPT_DAYS, calendar).at
    return replace(opportunity, state="dispatched", unit=unit, claimant="", due=due, claim_ends=0)


def claim(opportunity: Opportunity, *, by: str, unit: str, now: int, calendar: Calendar) -> Opportunity:
    """The opportunity claimed for 30 days by a person of the unit it was dispatched to. A second claim raises."""
    if opportunity.state == "claimed":
        raise Problem(ALREADY_TAKEN)
    _require(opportunity.state == "dispatched" and unit == opportunity.unit)
    if now >= opportunity.due:
        raise Problem(LATE)
    claimed = replace(opportunity, state="claimed", claimant=by, claim_ends=now + CLAIM_DAYS * DAY)
    return _wait_for_feedback(claimed, now, calendar)


def give_feedback(opportunity: Opportunity, *, by: str, now: int, calendar: Calendar) -> Opportunity:
    """Visit feedback given by the claimant: the next is wanted ten working days on, or by the end of the claim."""
    _require(opportunity.state == "claimed" and by == opportunity.claimant and now < opportunity.claim_ends)
    return _wait_for_feedback(opportunity, now, calendar)


def close(opportunity: Opportunity, *, by: str, outcome: str) -> Opportunity:
    """The opportunity won, lost or released by its claimant."""
    _require(opportunity.state == "claimed" and by == opportunity.claimant and outcome in ("won", "lost", "released"))
    return replace(opportunity, state=outcome, due=0, claim_ends=0)


def lapse(opportunity: Opportunity, *, now: int) -> Opportunity:
    """The claim released because feedback or the end of the claim was let pass. One still in time raises."""
    _require(opportunity.state == "claimed" and now >= opportunity.due)
    return replace(opportunity, state="released", due=0, claim_ends=0)


def _wait_for_feedback(opportunity: Opportunity, now: int, calendar: Calendar) -> Opportunity:
    return replace(opportunity, due=min(add_working_days(now, FEEDBACK_DAYS, calendar).at, opportunity.claim_ends))


def _stage(lead: Recognition, stage: str, now: int, calendar: Calendar) -> Recognition:
    return replace(lead, stage=stage, due=add_working_days(now, DISPUTE_STAGES[stage], calendar).at)


def _same_line(one: Recognition, other: Recognition) -> bool:
    return (one.client_id, one.business_line) == (other.client_id, other.business_line)


def _require(holds: bool) -> None:
    if not holds:
        raise Problem(WRONG_MOVE)
