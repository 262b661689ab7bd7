"""The life of a request: nobody reaches approval but by every signature of the route, and nothing ever widens."""

from dataclasses import replace
from typing import Any

import pytest
from asking import (
    CALENDAR,
    CCO,
    COMPLIANCE,
    HEAD,
    IB,
    NOW,
    PI,
    TERMS,
    WEALTH,
    approved,
    context,
    draft,
    in_review,
    sign,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from gateway.domain.access import (
    CLOCK_RAN_OUT,
    CLOCK_STILL_RUNS,
    FINAL_STATES,
    NO_OPEN_STEP,
    NOT_YOUR_ITEMS,
    NOT_YOUR_REQUEST,
    NOTE_NEEDED,
    NOTHING_LEFT,
    REVIEW_STATES,
    SAME_PERSON,
    STATES,
    TERMS_WIDENED,
    UNKNOWN_REASON,
    WRONG_STATE,
    AccessRequest,
    Approver,
    ItemTerms,
    PastApproval,
    Scope,
    accept_offer,
    amend,
    approve_step,
    decline_part,
    endorse,
    grant_from,
    is_ring,
    open_review,
    past_approvals,
    previous_approvers,
    refusal_reasons,
    reject,
    request_from,
    return_for_correction,
    route,
    step_views,
    submit,
    time_out,
    to_plain,
    withdraw,
)
from gateway.domain.catalogue import default_catalogue
from gateway.domain.workdays import DAY
from gateway.errors import Code, Problem

FEWER = replace(TERMS, items=TERMS.items[:1] + TERMS.items[2:], term_days=30)


def refused(code: Code, call: Any, *args: Any, **options: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        call(*args, **options)
    assert caught.value.code is code
    return caught.value


def test_the_whole_way() -> None:
    request = in_review()
    assert (request.state, request.revision) == ("dept_review", 1)
    request = endorse(request, by=HEAD, now=NOW, calendar=CALENDAR)
    assert request.state == "owner_review"
    request = sign(request, WEALTH)
    assert request.state == "owner_review", "the other owner has not signed"
    request = sign(request, IB)
    assert request.state == "compliance_review"
    request = sign(request, COMPLIANCE)
    assert (request.state, request.due, request.decided_at) == ("approved", 0, NOW)
    assert not request.narrowed
    assert previous_approvers(request) == {"head", "ivo", "wen", "cora"}


def test_what_approvers_narrow_is_offered_and_taken() -> None:
    request = sign(in_review(), HEAD)
    request = sign(request, IB, terms=replace(TERMS, items=FEWER.items), reason="not-needed")
    request = sign(request, WEALTH)
    request = sign(request, COMPLIANCE, terms=FEWER, reason="term-too-long", note="先给三十天")
    assert request.state == "offered"
    assert request.terms.hash == FEWER.hash
    assert request.asked.hash == TERMS.hash
    refused(NOT_YOUR_REQUEST, accept_offer, request, by="bob", now=NOW)
    refused(WRONG_STATE, sign, request, COMPLIANCE)
    taken = accept_offer(request, by="ana", now=NOW)
    assert (taken.state, taken.terms.hash) == ("approved", FEWER.hash)
    assert withdraw(request, by="ana", now=NOW).state == "withdrawn"
    refused(CLOCK_RAN_OUT, accept_offer, request, by="ana", now=request.due)
    assert time_out(request, now=request.due).state == "timed_out"


def test_terms_written_in_another_order_are_no_counter_offer() -> None:
    same = replace(TERMS, items=TERMS.items[::-1], uses=TERMS.uses[::-1])
    request = sign(in_review(), HEAD, terms=same)
    assert (request.opinions[-1].outcome, request.narrowed) == ("approved", False)


@pytest.mark.parametrize(
    "wider",
    [
        {"term_days": 61},
        {"row_cap": 101},
        {"uses": ("view", "verify", "export")},
        {"scope": Scope(clients=("c1", "c9"))},
        {"scope": Scope(clients=("c1",), tags=("t",))},
        {"scope": Scope(parks=("p",))},
        {"items": (*TERMS.items, ItemTerms("INT-CON-005", ("email",)))},
        {"items": (ItemTerms("INT-CON-001", ("name", "title")), *TERMS.items[1:])},
    ],
)
def test_nobody_widens(wider: dict[str, Any]) -> None:
    request = in_review()
    refused(TERMS_WIDENED, sign, request, HEAD, terms=replace(TERMS, **wider), reason="not-needed")


@pytest.mark.parametrize(
    "nothing",
    [
        {"items": ()}, {"uses": ()}, {"scope": Scope()}, {"row_cap": 0}, {"term_days": 0}, {"use_limit": 0},
        {"items": (ItemTerms("INT-CON-001", ()),)},
    ],
)  # fmt: skip
def test_narrowing_leaves_something(nothing: dict[str, Any]) -> None:
    refused(NOTHING_LEFT, sign, in_review(), HEAD, terms=replace(TERMS, **nothing), reason="not-needed")


def test_a_limit_once_set_stays() -> None:
    limited = replace(TERMS, use_limit=5, rate_per_hour=2, masked=True)
    request = sign(in_review(), HEAD, terms=limited, reason="not-needed")
    for looser in ({"use_limit": 6}, {"use_limit": None}, {"rate_per_hour": None}, {"masked": False}):
        refused(TERMS_WIDENED, sign, request, IB, terms=replace(limited, **looser), reason="not-needed")


def test_a_tag_is_narrowed_to_clients_that_the_caller_knows_to_have_it() -> None:
    tagged = replace(TERMS, scope=Scope(tags=("专精特新",)))
    listed = replace(tagged, scope=Scope(clients=("c1", "c2")))
    request = in_review(draft(tagged))
    refused(TERMS_WIDENED, sign, request, HEAD, terms=listed, reason="scope-too-wide", inside={"c1"})
    assert sign(request, HEAD, terms=listed, reason="scope-too-wide", inside={"c1", "c2", "c3"}).terms == listed


def test_an_owner_narrows_only_its_own_items() -> None:
    request = sign(in_review(), HEAD)
    refused(NOT_YOUR_ITEMS, sign, request, WEALTH, terms=replace(TERMS, items=FEWER.items), reason="not-needed")
    own = replace(TERMS, items=(*TERMS.items[:2], ItemTerms("INT-VIS-001", ("date",))))
    assert sign(request, WEALTH, terms=own, reason="not-needed").terms == own


def test_an_owner_with_nothing_left_to_sign_is_skipped() -> None:
    without_visits = replace(TERMS, items=TERMS.items[:2])
    request = sign(in_review(), HEAD, terms=without_visits, reason="not-needed")
    assert [step.unit for step in request.open_steps] == ["ib"]
    assert {v.step.unit: v.state for v in step_views(request) if v.step.role == "data_owner"} == {
        "ib": "open", "wealth": "skipped",
    }  # fmt: skip
    refused(NO_OPEN_STEP, sign, request, WEALTH)
    assert sign(sign(request, IB), COMPLIANCE).state == "offered"


def shared_by_two() -> AccessRequest:
    """In owner review: contacts of clients whose records belong to two departments, and visits that belong to one."""
    items = [default_catalogue().get(code) for code in TERMS.codes]
    owners = {"INT-CON-001": ["ib", "wealth"], "INT-CON-003": ["ib", "wealth"], "INT-VIS-001": ["wealth"]}
    steps = route(items, requester_unit="research", partner=False, rows=100, owners=owners)
    handed_in = submit(draft(), by="ana", context=context())
    return sign(open_review(handed_in, steps, now=NOW, calendar=CALENDAR), HEAD)


def test_one_owner_declines_and_the_others_part_goes_on() -> None:
    no = {"now": NOW, "calendar": CALENDAR, "reason": "client-confidentiality"}
    request = decline_part(shared_by_two(), by=WEALTH, **no)  # type: ignore[arg-type]
    assert request.state == "owner_review"
    assert request.terms.codes == ("INT-CON-001", "INT-CON-003"), "nobody is left who answers for the visits"
    assert [view.state for view in step_views(request)] == ["done", "open", "done", "waiting"]
    refused(NO_OPEN_STEP, sign, request, WEALTH)
    refused(NOTHING_LEFT, decline_part, request, by=IB, **no)
    refused(SAME_PERSON, sign, request, replace(IB, id="wen"))
    offered = sign(sign(request, IB), COMPLIANCE)
    assert (offered.state, offered.narrowed) == ("offered", True)
    taken = accept_offer(offered, by="ana", now=NOW)
    grant = grant_from(taken, grant_id="g", now=NOW, catalogue=default_catalogue(), policy_epoch="e")
    assert grant.grantors == ("ib",), "no right to records of the owner that declined"
    assert request_from(to_plain(taken)) == taken


def test_a_part_declined_is_offered_even_where_every_item_stays() -> None:
    request = decline_part(shared_by_two(), by=IB, now=NOW, calendar=CALENDAR, reason="not-needed")
    assert request.terms.hash == TERMS.hash
    assert sign(sign(request, WEALTH), COMPLIANCE).state == "offered"


def test_only_owners_decline_a_part_and_with_a_reason() -> None:
    request = shared_by_two()
    refused(UNKNOWN_REASON, decline_part, request, by=IB, now=NOW, calendar=CALENDAR, reason="not-our-business")
    refused(NO_OPEN_STEP, decline_part, in_review(), by=HEAD, now=NOW, calendar=CALENDAR, reason="not-needed")


def test_narrowing_and_refusing_want_a_reason_that_the_role_may_give() -> None:
    request = in_review()
    for reason in ("", "because", "compliance-objection"):
        refused(UNKNOWN_REASON, sign, request, HEAD, terms=FEWER, reason=reason)
        refused(UNKNOWN_REASON, reject, request, by=HEAD, now=NOW, reason=reason)
    done = reject(request, by=HEAD, now=NOW, reason="not-our-business", note="由投行部申请")
    assert (done.state, done.outcome_reason) == ("rejected", "not-our-business")
    assert done.opinions[-1].by == "head"


def test_reasons_are_whole_and_none_speaks_of_the_wall() -> None:
    reasons = refusal_reasons()
    used = set()
    for reason in reasons.values():
        assert all((reason.zh, reason.en, reason.how_zh, reason.how_en))
        assert reason.roles <= set(REVIEW_STATES)
        used |= reason.roles
        for word in ("墙", "观察", "限制名单", "内幕", "wall", "watch", "restricted", "insider"):
            assert word not in reason.zh + reason.en + reason.how_zh + reason.how_en.lower()
    assert used == set(REVIEW_STATES), "every role can say no"


@pytest.mark.parametrize(
    "by", [IB, COMPLIANCE, Approver("x", "dept_head", "ib"), Approver("x", "requester", "research")]
)
def test_only_the_open_step_is_signed(by: Approver) -> None:
    refused(NO_OPEN_STEP, sign, in_review(), by)


@pytest.mark.parametrize(
    "by",
    [
        replace(HEAD, id="ana"),  # the requester
        replace(HEAD, id="boss"),  # for whom it is made
        replace(HEAD, id="deputy", on_behalf_of="ana"),  # somebody acting for the requester
    ],
)
def test_who_gains_does_not_sign(by: Approver) -> None:
    refused(SAME_PERSON, sign, in_review(draft(on_behalf_of="boss")), by)


def test_nobody_signs_twice_in_whatever_role() -> None:
    request = sign(in_review(), HEAD)
    refused(SAME_PERSON, sign, request, replace(IB, id="head"))
    refused(SAME_PERSON, sign, request, replace(IB, id="x", on_behalf_of="head"))


def test_a_clock_that_ran_out_ends_the_request_and_never_grants() -> None:
    request = in_review()
    refused(CLOCK_STILL_RUNS, time_out, request, now=request.due - 1)
    refused(CLOCK_RAN_OUT, sign, request, HEAD, now=request.due)
    refused(CLOCK_RAN_OUT, reject, request, by=HEAD, now=request.due, reason="not-needed")
    over = time_out(request, now=request.due)
    assert over.state == "timed_out"
    refused(WRONG_STATE, time_out, over, now=request.due + DAY)
    refused(WRONG_STATE, grant_from, over, grant_id="g", now=NOW, catalogue=default_catalogue(), policy_epoch="e")
    refused(CLOCK_STILL_RUNS, time_out, draft(), now=NOW + 1000 * DAY)


def test_the_clock_of_two_owners_runs_from_the_department_head_on() -> None:
    request = sign(in_review(), HEAD)
    assert request.due == sign(request, WEALTH, now=NOW + DAY).due


def test_return_correct_submit_again_and_every_signature_is_wanted_anew() -> None:
    request = sign(in_review(), HEAD)
    refused(NOTE_NEEDED, return_for_correction, request, by=IB, now=NOW, note=" ", calendar=CALENDAR)
    back = return_for_correction(request, by=IB, now=NOW, note="请补充场景", calendar=CALENDAR)
    assert (back.state, back.outcome_note) == ("returned", "请补充场景")
    again = in_review(amend(back, by="ana", now=NOW, scenario="园区拜访", asked=FEWER))
    assert (again.state, again.revision, again.signatures) == ("dept_review", 2, ())
    assert len(again.opinions) == 2, "what was said is kept"
    assert again.asked == FEWER
    refused(NO_OPEN_STEP, sign, again, IB)
    refused(CLOCK_RAN_OUT, amend, back, by="ana", now=back.due, scenario="x")
    refused(CLOCK_RAN_OUT, submit, back, by="ana", context=context(back.due))
    assert time_out(back, now=back.due).state == "timed_out"


def test_only_the_department_head_endorses_and_a_note_is_clean_and_short() -> None:
    refused(NO_OPEN_STEP, endorse, sign(in_review(), HEAD), by=IB, now=NOW, calendar=CALENDAR)
    for note in ("x" * 2001, "好\0的", "\u202e"):
        refused(NOTE_NEEDED, sign, in_review(), HEAD, note=note)


def test_only_the_form_is_amended_and_only_by_its_author_before_submission() -> None:
    with pytest.raises(ValueError, match="not part of the form"):
        amend(draft(), by="ana", now=NOW, state="approved")
    refused(NOT_YOUR_REQUEST, amend, draft(), by="bob", now=NOW, scenario="x")
    refused(WRONG_STATE, amend, in_review(), by="ana", now=NOW, scenario="x")


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_what_has_ended_moves_no_more(state: str) -> None:
    ended = replace(in_review(), state=state)
    for move in (
        lambda: sign(ended, HEAD),
        lambda: reject(ended, by=HEAD, now=NOW, reason="not-needed"),
        lambda: withdraw(ended, by="ana", now=NOW),
        lambda: accept_offer(ended, by="ana", now=NOW),
        lambda: time_out(ended, now=NOW + 99 * DAY),
        lambda: submit(ended, by="ana", context=context()),
        lambda: amend(ended, by="ana", now=NOW, scenario="x"),
    ):
        refused(WRONG_STATE, move)


def test_a_route_must_have_a_head_and_an_owner_for_every_item() -> None:
    handed_in = submit(draft(), by="ana", context=context())
    steps = in_review().steps
    for broken in ((), steps[:1], steps[1:], steps[:2], (*steps, steps[0])):
        with pytest.raises(ValueError, match=r"route|owner"):
            open_review(handed_in, broken, now=NOW, calendar=CALENDAR)


def test_rings_are_seen_for_seven_days() -> None:
    request = in_review()
    history = [PastApproval(requester="ivo", approver="ana", at=NOW)]
    assert is_ring("ivo", request, history, NOW)
    assert is_ring("ivo", request, history, NOW + 7 * DAY)
    assert not is_ring("ivo", request, history, NOW + 7 * DAY + 1)
    assert not is_ring("wen", request, history, NOW)
    assert not is_ring("ivo", request, [PastApproval("ana", "ivo", NOW)], NOW), "the same direction is no ring"
    for_boss = in_review(draft(on_behalf_of="boss"))
    assert is_ring("ivo", for_boss, [PastApproval("ivo", "boss", NOW)], NOW)
    signed = past_approvals(sign(sign(request, HEAD), replace(IB, on_behalf_of="ida")))
    assert signed == (
        PastApproval("ana", "head", NOW), PastApproval("ana", "ida", NOW), PastApproval("ana", "ivo", NOW),
    )  # fmt: skip


def test_a_request_survives_being_kept() -> None:
    offered = sign(sign(sign(sign(in_review(), HEAD), IB), WEALTH), COMPLIANCE, terms=FEWER, reason="not-needed")
    for request in (draft(), in_review(), approved(), offered):
        assert request_from(to_plain(request)) == request


PEOPLE = ["ana", "boss", "head", "ivo", "wen", "cora", "carl", "pia"]
APPROVERS = [HEAD, IB, WEALTH, COMPLIANCE, CCO, PI]
REASONS = sorted(refusal_reasons())


class RequestLife(RuleBasedStateMachine):
    """Random people make random moves at random times. Whatever they try, the promises of the module hold."""

    @initialize(level=st.sampled_from(["INT-CON-003", "INT-COO-005"]), boss=st.booleans())
    def start(self, level: str, boss: bool) -> None:
        terms = replace(TERMS, items=(*TERMS.items[::2], ItemTerms(level, ("x", "y"))), uses=("view",), term_days=30)
        self.request: AccessRequest = draft(terms, on_behalf_of="boss" if boss else "")
        self.now = NOW
        self.trace: list[AccessRequest] = [self.request]

    def attempt(self, move: Any, *args: Any, **options: Any) -> None:
        before = self.request
        try:
            after = move(before, *args, **options)
        except Problem:
            return
        assert before.state not in FINAL_STATES, "an ended request moved"
        if before.due and self.now >= before.due:
            assert after.state in ("timed_out", "withdrawn"), "a move after the clock ran out"
        if after.revision == before.revision and before.revision:
            assert after.terms.within(before.terms, inside=("c1", "c2")) or before.state == "returned", "terms widened"
        self.request = after
        self.trace.append(after)

    @rule(hours=st.sampled_from([1, 5, 12, 24, 200]))
    def wait(self, hours: int) -> None:
        self.now += hours * DAY // 24

    @rule()
    def hand_in(self) -> None:
        if self.request.state in ("draft", "returned"):
            self.attempt(lambda request: in_review(request, self.now))

    def waiting(self) -> list[Approver]:
        """Who could sign now, if they were the right people; everybody where nobody can."""
        wanted = {(step.role, step.unit) for step in self.request.open_steps}
        return [by for by in APPROVERS if (by.role, by.unit) in wanted or (by.role, "") in wanted] or APPROVERS

    @rule(data=st.data())
    def sign_as_wanted(self, data: st.DataObject) -> None:
        self.attempt(approve_step, by=data.draw(st.sampled_from(self.waiting())), now=self.now, calendar=CALENDAR)

    @rule(data=st.data(), person=st.sampled_from(PEOPLE), deputy=st.sampled_from(["", "ana", "boss", "head", "ivo"]))
    def sign_as_somebody_else(self, data: st.DataObject, person: str, deputy: str) -> None:
        by = replace(data.draw(st.sampled_from(self.waiting())), id=person, on_behalf_of=deputy)
        self.attempt(approve_step, by=by, now=self.now, calendar=CALENDAR)

    @rule(by=st.sampled_from(APPROVERS))
    def sign_out_of_turn(self, by: Approver) -> None:
        self.attempt(approve_step, by=by, now=self.now, calendar=CALENDAR)

    @rule(
        data=st.data(), days=st.integers(0, 40), reason=st.sampled_from(["not-needed", "term-too-long", "no-consent"])
    )
    def counter(self, data: st.DataObject, days: int, reason: str) -> None:
        by = data.draw(st.sampled_from(self.waiting()))
        present = self.request.terms
        items = tuple(data.draw(st.lists(st.sampled_from(present.items), unique=True), label="items"))
        terms = replace(present, items=items, term_days=days)
        self.attempt(approve_step, by=by, now=self.now, calendar=CALENDAR, terms=terms, reason=reason)

    @rule(
        by=st.sampled_from(APPROVERS),
        reason=st.sampled_from(REASONS),
        note=st.sampled_from(["", "请补充"]),
        luck=st.integers(0, 3),
    )
    def refuse_or_return(self, by: Approver, reason: str, note: str, luck: int) -> None:
        if luck:
            return  # most requests are neither
        if note:
            self.attempt(return_for_correction, by=by, now=self.now, note=note, calendar=CALENDAR)
        else:
            self.attempt(reject, by=by, now=self.now, reason=reason)

    @rule(by=st.sampled_from([IB, WEALTH]), luck=st.integers(0, 2))
    def decline(self, by: Approver, luck: int) -> None:
        if not luck:
            self.attempt(decline_part, by=by, now=self.now, calendar=CALENDAR, reason="not-needed")

    @rule(person=st.sampled_from(PEOPLE))
    def accept(self, person: str) -> None:
        self.attempt(accept_offer, by=person, now=self.now)

    @rule(person=st.sampled_from(PEOPLE[:3]), luck=st.integers(0, 9))
    def take_back(self, person: str, luck: int) -> None:
        if not luck:
            self.attempt(withdraw, by=person, now=self.now)

    @rule()
    def clock(self) -> None:
        self.attempt(time_out, now=self.now)
        assert self.request.state != "approved" or self.trace[-1] is self.request

    @invariant()
    def promises(self) -> None:
        request = getattr(self, "request", None)
        if request is None:
            return
        assert request.state in STATES
        assert request.terms.within(request.asked, inside=())
        assert (request.due > 0) == (request.state in {*REVIEW_STATES.values(), "offered", "returned"})
        assert request_from(to_plain(request)) == request
        people = [person for opinion in request.signatures for person in opinion.people]
        assert len(people) == len(set(people)), "one person signed twice"
        assert not set(people) & request.interested, "who gains has signed"
        if request.state == "approved":
            self.check_approval(request)
        else:
            with pytest.raises(Problem):
                grant_from(request, grant_id="g", now=self.now, catalogue=default_catalogue(), policy_epoch="e")

    def check_approval(self, request: AccessRequest) -> None:
        assert self.trace[-2].state != "timed_out"
        signed = {(opinion.role, opinion.unit) for opinion in request.signatures}
        for step in request.steps:
            skipped = step.role == "data_owner" and not set(step.items) & set(request.terms.codes)
            assert (step.role, step.unit) in signed or skipped, f"{step.role} of {step.unit} never signed"
        assert not request.narrowed or self.trace[-2].state == "offered", "the requester was not asked"
        grant = grant_from(request, grant_id="g", now=self.now, catalogue=default_catalogue(), policy_epoch="e")
        assert set(grant.codes) == set(request.terms.codes)
        assert grant.not_after - grant.not_before <= request.asked.term_days * DAY
        assert all(request.asked.fields_of(item.code) >= set(item.fields) for item in grant.items)


TestRequestLife = RequestLife.TestCase
TestRequestLife.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
