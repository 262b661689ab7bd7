"""Recognition, protection, dispute, claim: one lead per client and line, one claim per opportunity, clocks that end."""

from dataclasses import replace
from typing import Any

import pytest
from asking import CALENDAR, NOW

from gateway.domain.collab import (
    ALREADY_TAKEN,
    EVIDENCE_MISSING,
    LATE,
    NOT_EXTENDABLE,
    WRONG_MOVE,
    Opportunity,
    Recognition,
    claim,
    close,
    decide_recognition,
    dispatch,
    dispute,
    extend_protection,
    give_feedback,
    lapse,
    next_stage,
    release_to_pool,
    request_recognition,
    settle,
)
from gateway.domain.workdays import DAY, add_working_days
from gateway.errors import Code, Problem

ASKED = Recognition(
    id="k1", client_id="c1", business_line="ib", unit="ib", lead_rm="S1", evidence=("visit",), asked_at=NOW
)
LEAD = decide_recognition(ASKED, [], by="ops", recognise=True, now=NOW)
IDEA = Opportunity(id="o1", client_id="c1", kind="refinancing", unit="")


def refused(code: Code, call: Any, *args: Any, **options: Any) -> None:
    with pytest.raises(Problem) as caught:
        call(*args, **options)
    assert caught.value.code is code


def working(days: int, now: int = NOW) -> int:
    return add_working_days(now, days, CALENDAR).at


def test_a_request_waits_three_working_days_and_wants_evidence() -> None:
    assert request_recognition(ASKED, [], calendar=CALENDAR).due == working(3)
    for evidence in ((), ("hearsay",)):
        refused(EVIDENCE_MISSING, request_recognition, replace(ASKED, evidence=evidence), [], calendar=CALENDAR)


def test_one_lead_per_client_and_line() -> None:
    rival = replace(ASKED, id="k2", unit="wealth")
    refused(ALREADY_TAKEN, request_recognition, rival, [LEAD], calendar=CALENDAR)
    refused(ALREADY_TAKEN, decide_recognition, rival, [LEAD], by="ops", recognise=True, now=NOW)
    assert decide_recognition(rival, [LEAD], by="ops", recognise=False, now=NOW).state == "refused"
    for elsewhere in (replace(rival, business_line="wealth"), replace(rival, client_id="c2")):
        assert decide_recognition(elsewhere, [LEAD], by="ops", recognise=True, now=NOW).holds(NOW)
    after = replace(rival, asked_at=LEAD.protected_to)
    assert request_recognition(after, [LEAD], calendar=CALENDAR).state == "pending"
    refused(WRONG_MOVE, decide_recognition, LEAD, [], by="ops", recognise=True, now=NOW)


def test_protection_runs_ninety_days_is_extended_once_and_ends_in_the_pool() -> None:
    assert [LEAD.holds(at) for at in (NOW - 1, NOW, NOW + 90 * DAY - 1, NOW + 90 * DAY)] == [False, True, True, False]
    refused(WRONG_MOVE, release_to_pool, LEAD, now=LEAD.protected_to - 1)
    assert release_to_pool(LEAD, now=LEAD.protected_to).state == "pool"
    refused(NOT_EXTENDABLE, extend_protection, LEAD, visited_at=None, now=NOW + DAY)
    refused(NOT_EXTENDABLE, extend_protection, LEAD, visited_at=NOW - 1, now=NOW + DAY)
    refused(NOT_EXTENDABLE, extend_protection, LEAD, visited_at=NOW + 2 * DAY, now=NOW + DAY)
    refused(NOT_EXTENDABLE, extend_protection, LEAD, visited_at=NOW, now=LEAD.protected_to)
    longer = extend_protection(LEAD, visited_at=NOW + DAY, now=NOW + 80 * DAY)
    assert longer.protected_to == NOW + 180 * DAY
    refused(NOT_EXTENDABLE, extend_protection, longer, visited_at=NOW + 85 * DAY, now=NOW + 100 * DAY)


def test_a_dispute_climbs_three_stages_and_is_settled_for_one_of_the_two() -> None:
    refused(WRONG_MOVE, dispute, LEAD, rival="ib", now=NOW, calendar=CALENDAR)
    open_ = dispute(LEAD, rival="wealth", now=NOW, calendar=CALENDAR)
    assert (open_.stage, open_.due) == ("statements", working(2))
    assert open_.holds(NOW), "a dispute does not lift the protection"
    refused(WRONG_MOVE, settle, open_, by="ops", unit="ib", lead_rm="S1", now=NOW)
    heard = next_stage(open_, now=NOW, calendar=CALENDAR)
    assert (heard.stage, heard.due) == ("ops", working(3))
    refused(WRONG_MOVE, settle, heard, by="ops", unit="research", lead_rm="S9", now=NOW)
    kept = settle(heard, by="ops", unit="ib", lead_rm="S1", now=NOW + DAY)
    assert (kept.state, kept.unit, kept.protected_to, kept.rival, kept.due) == (
        "recognised", "ib", LEAD.protected_to, "", 0,
    )  # fmt: skip
    last = next_stage(heard, now=NOW, calendar=CALENDAR)
    assert (last.stage, last.due) == ("committee", working(5))
    refused(WRONG_MOVE, next_stage, last, now=NOW, calendar=CALENDAR)
    moved = settle(last, by="committee", unit="wealth", lead_rm="S2", now=NOW + DAY)
    assert (moved.unit, moved.lead_rm, moved.protected_to) == ("wealth", "S2", NOW + 91 * DAY)
    refused(NOT_EXTENDABLE, extend_protection, heard, visited_at=NOW, now=NOW)


def test_an_opportunity_is_claimed_once_in_time_and_by_the_unit_it_went_to() -> None:
    sent = dispatch(IDEA, unit="ib", now=NOW, calendar=CALENDAR)
    assert sent.due == working(2)
    refused(WRONG_MOVE, claim, sent, by="ivo", unit="wealth", now=NOW, calendar=CALENDAR)
    refused(LATE, claim, sent, by="ivo", unit="ib", now=sent.due, calendar=CALENDAR)
    refused(WRONG_MOVE, dispatch, sent, unit="wealth", now=sent.due - 1, calendar=CALENDAR)
    assert dispatch(sent, unit="wealth", now=sent.due, calendar=CALENDAR).unit == "wealth"
    mine = claim(sent, by="ivo", unit="ib", now=NOW, calendar=CALENDAR)
    assert (mine.claimant, mine.claim_ends, mine.due) == ("ivo", NOW + 30 * DAY, working(10))
    refused(ALREADY_TAKEN, claim, mine, by="ida", unit="ib", now=NOW, calendar=CALENDAR)
    refused(WRONG_MOVE, dispatch, mine, unit="wealth", now=NOW + 99 * DAY, calendar=CALENDAR)


def test_a_claim_lives_on_feedback_and_ends_after_thirty_days() -> None:
    mine = claim(dispatch(IDEA, unit="ib", now=NOW, calendar=CALENDAR), by="ivo", unit="ib", now=NOW, calendar=CALENDAR)
    refused(WRONG_MOVE, give_feedback, mine, by="ida", now=NOW, calendar=CALENDAR)
    later = give_feedback(mine, by="ivo", now=NOW + 10 * DAY, calendar=CALENDAR)
    assert later.due == working(10, NOW + 10 * DAY)
    last = give_feedback(later, by="ivo", now=NOW + 20 * DAY, calendar=CALENDAR)
    assert last.due == mine.claim_ends, "feedback does not lengthen the claim"
    refused(WRONG_MOVE, lapse, last, now=last.due - 1)
    released = lapse(last, now=last.due)
    assert released.state == "released"
    assert dispatch(released, unit="wealth", now=NOW, calendar=CALENDAR).claimant == ""
    refused(WRONG_MOVE, give_feedback, mine, by="ivo", now=mine.claim_ends, calendar=CALENDAR)


@pytest.mark.parametrize("outcome", ["won", "lost", "released"])
def test_only_the_claimant_closes(outcome: str) -> None:
    mine = claim(dispatch(IDEA, unit="ib", now=NOW, calendar=CALENDAR), by="ivo", unit="ib", now=NOW, calendar=CALENDAR)
    refused(WRONG_MOVE, close, mine, by="ida", outcome=outcome)
    done = close(mine, by="ivo", outcome=outcome)
    assert (done.state, done.due) == (outcome, 0)
    refused(WRONG_MOVE, close, done, by="ivo", outcome=outcome)
    refused(WRONG_MOVE, close, mine, by="ivo", outcome="stolen")
