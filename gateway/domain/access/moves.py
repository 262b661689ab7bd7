"""How a request moves: each function takes a request and gives the next one, or raises a `Problem` and changes nothing.

Whether somebody may make a move is decided by `policies/workflow`; here stands what no rule may loosen: every step of
the route is signed, each by another person and none by one who gains by it; terms only narrow; a clock that has run
out ends the request and never grants.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Final

from gateway.domain.access.check import INVALID_REQUEST, FormContext, check_form
from gateway.domain.access.form import FINAL_STATES, REVIEW_STATES, AccessRequest, Approver, Opinion, Step, Terms
from gateway.domain.access.reasons import require_reason
from gateway.domain.access.route import Clocks
from gateway.domain.text import find_flaw, squeeze
from gateway.domain.workdays import Calendar, add_working_days
from gateway.errors import Problem, declare

WRONG_STATE = declare(
    "request-in-another-state", "conflict",
    zh="申请的当前状态不允许此操作", en="The request is in a state that does not allow this",
    remedy_zh="请刷新后查看申请的当前状态", remedy_en="Reload and look at the present state",
)  # fmt: skip
NOT_YOUR_REQUEST = declare(
    "not-your-request", "forbidden",
    zh="只有申请人可以执行此操作", en="Only the requester may do this",
    remedy_zh="请由申请人本人操作", remedy_en="Ask the requester to do it",
)  # fmt: skip
NO_OPEN_STEP = declare(
    "no-open-step", "conflict",
    zh="没有等待该角色与部门处理的步骤", en="No step waits for this role and unit",
    remedy_zh="请查看申请正在等待谁处理", remedy_en="See whom the request is waiting for",
)  # fmt: skip
SAME_PERSON = declare(
    "same-person", "forbidden",
    zh="申请的受益人或已签署人不得再行审批", en="Who gains by a request, or signed it already, cannot approve it",
    remedy_zh="请由另一位有权人员审批", remedy_en="Let another person with the role do it",
)  # fmt: skip
CLOCK_RAN_OUT = declare(
    "clock-ran-out", "conflict",
    zh="办理期限已过,申请不再有效", en="The clock has run out; the request can no longer be granted",
    remedy_zh="请重新提出申请", remedy_en="Apply again",
)  # fmt: skip
CLOCK_STILL_RUNS = declare(
    "clock-still-runs", "conflict",
    zh="办理期限未到", en="The clock has not run out",
    remedy_zh="请等待期限届满", remedy_en="Wait until it has",
)  # fmt: skip
TERMS_WIDENED = declare(
    "terms-widened", "invalid",
    zh="审批只能限缩,不得扩大申请内容", en="An approver may narrow the terms, never widen them",
    remedy_zh="请在现有条件之内选择", remedy_en="Stay within the terms as they stand",
)  # fmt: skip
NOT_YOUR_ITEMS = declare(
    "not-your-items", "forbidden",
    zh="只能限缩本部门主责的数据项", en="An owner may narrow only the items it answers for",
    remedy_zh="请保留其他部门的数据项不变", remedy_en="Leave the items of other units as they are",
)  # fmt: skip
NOTHING_LEFT = declare(
    "nothing-left", "invalid",
    zh="限缩后没有剩余内容", en="Nothing would be left of the request",
    remedy_zh="如全部不同意,请选择拒绝", remedy_en="To allow nothing, reject the request",
)  # fmt: skip
NOTE_NEEDED = declare(
    "note-needed", "invalid",
    zh="请写明需要补正的内容", en="Say what has to be corrected",
    remedy_zh="请填写意见,不超过2000字", remedy_en="Write a note of at most 2000 characters",
)  # fmt: skip

_EDITABLE: Final = frozenset({
    "purpose", "reason", "scenario", "asked", "legal_basis", "consents", "on_behalf_of", "project_ref", "crossing_ref",
    "assessment_ref", "safety_officer", "pledge_signed_at", "attachments",
})  # fmt: skip


def amend(request: AccessRequest, *, by: str, now: int, **changes: object) -> AccessRequest:
    """The draft or returned request with `changes` to its form. Other states raise `request-in-another-state`."""
    _own(request, by)
    _in_time(_in(request, "draft", "returned"), now)
    if not changes.keys() <= _EDITABLE:
        raise ValueError(f"not part of the form: {sorted(changes.keys() - _EDITABLE)}")
    return replace(request, **changes)  # type: ignore[arg-type]


def submit(request: AccessRequest, *, by: str, context: FormContext) -> AccessRequest:
    """The request handed in: complete, in a new revision, all former opinions without force.

    Raises `invalid-access-request` naming every flaw of the form.
    """
    _own(request, by)
    _in_time(_in(request, "draft", "returned"), context.now)
    errors = check_form(request, context)
    if errors:
        raise Problem(INVALID_REQUEST, errors=errors)
    return replace(
        request, state="submitted", revision=request.revision + 1, proposed=None, steps=(), due=0, due_guessed=False,
        submitted_at=context.now, catalogue_version=context.catalogue.version, outcome_reason="", outcome_note="",
    )  # fmt: skip


def open_review(request: AccessRequest, steps: tuple[Step, ...], *, now: int, calendar: Calendar) -> AccessRequest:
    """The submitted request on its route, waiting for the first step. An empty or doubled route raises `ValueError`."""
    _in(request, "submitted")
    keys = [(step.role, step.unit) for step in steps]
    roles = {step.role for step in steps}
    if not {"dept_head", "data_owner"} <= roles or len(set(keys)) != len(keys) or not roles <= set(REVIEW_STATES):
        raise ValueError("a route has a department head, an owner, and each step once")
    if {code for s in steps if s.role == "data_owner" for code in s.items} != set(request.asked.codes):
        raise ValueError("every item asked for needs an owner on the route, and no other item has one")
    return _advance(replace(request, steps=steps), now, calendar)


def approve_step(
    request: AccessRequest,
    *,
    by: Approver,
    now: int,
    calendar: Calendar,
    terms: Terms | None = None,
    inside: Collection[str] = (),
    reason: str = "",
    note: str = "",
    clocks: Clocks | None = None,
) -> AccessRequest:
    """The request with this step signed, on the terms as they stand or on narrower `terms` (then with a `reason`).

    After the last step it is approved, or, where anybody narrowed it, offered to the requester. An owner narrows only
    its own items; others may take away anything. `inside`: clients that the caller knows to have a tag or a park of
    the scope, so that a tag may be narrowed to a list. Nothing is signed after the clock has run out.
    """
    step = _step(request, by, now)
    if terms is not None and terms.hash == request.terms.hash:
        terms = None
    if terms is not None:
        require_reason(reason, by.role)
        _check_narrowing(request, step, terms, inside)
    left = terms or request.terms
    outcome = "narrowed" if terms is not None else "approved"
    opinion = _opinion(request, by, step, now, outcome, reason if terms is not None else "", note, left.hash)
    return _advance(
        replace(request, proposed=left, opinions=(*request.opinions, opinion)), now, calendar, clocks or Clocks()
    )


def endorse(request: AccessRequest, *, by: Approver, now: int, calendar: Calendar, note: str = "") -> AccessRequest:
    """The department head's signature without limits; see `approve_step`."""
    if by.role != "dept_head":
        raise Problem(NO_OPEN_STEP)
    return approve_step(request, by=by, now=now, calendar=calendar, note=note)


def return_for_correction(
    request: AccessRequest, *, by: Approver, now: int, note: str, calendar: Calendar, clocks: Clocks | None = None
) -> AccessRequest:
    """The request back with its requester, who may amend and submit it again; all signatures lose their force."""
    step = _step(request, by, now)
    if not squeeze(note):
        raise Problem(NOTE_NEEDED, field="note")
    opinion = _opinion(request, by, step, now, "returned", "", note, "")
    deadline = add_working_days(now, (clocks or Clocks()).correction, calendar)
    return replace(
        request, state="returned", opinions=(*request.opinions, opinion), outcome_note=note,
        due=deadline.at, due_guessed=deadline.guessed,
    )  # fmt: skip


def reject(request: AccessRequest, *, by: Approver, now: int, reason: str, note: str = "") -> AccessRequest:
    """The request refused for good, with a reason of the closed list that this role may give."""
    step = _step(request, by, now)
    require_reason(reason, by.role)
    opinion = _opinion(request, by, step, now, "rejected", reason, note, "")
    return _end(replace(request, opinions=(*request.opinions, opinion)), "rejected", now, reason, note)


def decline_part(
    request: AccessRequest,
    *,
    by: Approver,
    now: int,
    calendar: Calendar,
    reason: str,
    note: str = "",
    clocks: Clocks | None = None,
) -> AccessRequest:
    """One owner's no to its own records, while the request goes on about those of the other owners.

    Items that no owner is left for are taken out; what remains is offered to the requester in the end. Where nothing
    would remain, `nothing-left` is raised: that is a rejection.
    """
    step = _step(request, by, now)
    if step.role != "data_owner":
        raise Problem(NO_OPEN_STEP, extra={"state": request.state})
    require_reason(reason, by.role)
    out = {opinion.unit for opinion in request.given if opinion.outcome == "declined"} | {step.unit}
    left = {code for s in request.steps if s.role == "data_owner" and s.unit not in out for code in s.items}
    items = request.terms.only(left)
    if not items:
        raise Problem(NOTHING_LEFT, field="items")
    opinion = _opinion(request, by, step, now, "declined", reason, note, "")
    fewer = replace(request, proposed=replace(request.terms, items=items), opinions=(*request.opinions, opinion))
    return _advance(fewer, now, calendar, clocks or Clocks())


def accept_offer(request: AccessRequest, *, by: str, now: int) -> AccessRequest:
    """The counter-offer taken by the requester: approved on the terms as the approvers left them."""
    _own(request, by)
    _in_time(_in(request, "offered"), now)
    return _end(request, "approved", now)


def withdraw(request: AccessRequest, *, by: str, now: int) -> AccessRequest:
    """The request taken back by its requester, from any state that has not ended; so is a counter-offer declined."""
    _own(request, by)
    if request.state in FINAL_STATES:
        raise Problem(WRONG_STATE, extra={"state": request.state})
    return _end(request, "withdrawn", now)


def time_out(request: AccessRequest, *, now: int) -> AccessRequest:
    """The request ended because its clock has run out. It never grants anything.

    A clock that still runs, or none, raises `clock-still-runs`.
    """
    if request.state in FINAL_STATES:
        raise Problem(WRONG_STATE, extra={"state": request.state})
    if not request.due or now < request.due:
        raise Problem(CLOCK_STILL_RUNS)
    return _end(request, "timed_out", now)


def _advance(request: AccessRequest, now: int, calendar: Calendar, clocks: Clocks | None = None) -> AccessRequest:
    """To the first review state with an unsigned step; past the last one, approved or offered."""
    unsigned = request.unsigned_steps
    if unsigned:
        state = next(state for state in REVIEW_STATES.values() if any(step.state == state for step in unsigned))
        if state == request.state:
            return request  # other owners still have to sign; their clock runs on
        days = max(step.days for step in unsigned if step.state == state)
    elif request.narrowed:
        state, days = "offered", (clocks or Clocks()).offer
    else:
        return _end(request, "approved", now)
    deadline = add_working_days(now, days, calendar)
    return replace(request, state=state, due=deadline.at, due_guessed=deadline.guessed)


def _end(request: AccessRequest, state: str, now: int, reason: str = "", note: str = "") -> AccessRequest:
    return replace(
        request, state=state, due=0, due_guessed=False, decided_at=now, outcome_reason=reason, outcome_note=note
    )


def _in(request: AccessRequest, *states: str) -> AccessRequest:
    if request.state not in states:
        raise Problem(WRONG_STATE, extra={"state": request.state})
    return request


def _in_time(request: AccessRequest, now: int) -> None:
    if request.due and now >= request.due:
        raise Problem(CLOCK_RAN_OUT)


def _own(request: AccessRequest, by: str) -> None:
    if by != request.requester:
        raise Problem(NOT_YOUR_REQUEST)


def _step(request: AccessRequest, by: Approver, now: int) -> Step:
    """The open step that `by` may sign: right role and unit, in time, a person who neither gains nor signed before."""
    _in(request, *REVIEW_STATES.values())
    step = next((s for s in request.open_steps if s.role == by.role and s.unit in ("", by.unit)), None)
    if step is None:
        raise Problem(NO_OPEN_STEP, extra={"state": request.state})
    _in_time(request, now)
    signed = frozenset().union(*(opinion.people for opinion in request.given))
    if by.people & (request.interested | signed):
        raise Problem(SAME_PERSON)
    return step


def _check_narrowing(request: AccessRequest, step: Step, terms: Terms, inside: Collection[str]) -> None:
    empty = not (terms.items and terms.scope and terms.uses and all(item.fields for item in terms.items))
    numbers = (terms.row_cap, terms.term_days, terms.use_limit, terms.rate_per_hour)
    if empty or any(number is not None and number < 1 for number in numbers):
        raise Problem(NOTHING_LEFT, field="terms")
    if len(set(terms.codes)) != len(terms.codes) or not terms.within(request.terms, inside):
        raise Problem(TERMS_WIDENED, field="terms")
    if step.role == "data_owner":
        others = [code for code in request.terms.codes if code not in step.items]
        if any(terms.fields_of(code) != request.terms.fields_of(code) for code in others):
            raise Problem(NOT_YOUR_ITEMS, field="items")


def _opinion(
    request: AccessRequest, by: Approver, step: Step, now: int, outcome: str, reason: str, note: str, terms_hash: str
) -> Opinion:
    if len(note) > 2_000 or find_flaw(note, lines=True):
        raise Problem(NOTE_NEEDED, field="note")
    return Opinion(
        request.revision, by.role, step.unit, by.id, now, outcome, reason, note, terms_hash, by.on_behalf_of
    )  # fmt: skip
