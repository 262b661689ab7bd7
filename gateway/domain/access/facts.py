"""Facts for the separation of duties: who signed before, who gains, and who approves for whom in turn.

Nothing is decided here; `policies/workflow` reads these facts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from gateway.domain.access.form import AccessRequest, Opinion, Step
from gateway.domain.workdays import DAY

RING_DAYS: Final = 7


@dataclass(frozen=True, slots=True)
class PastApproval:
    """`approver` signed a request by which `requester` gains, at `at` (microseconds)."""

    requester: str
    approver: str
    at: int


@dataclass(frozen=True, slots=True)
class StepView:
    """A step and how far it is: waiting, open, done, or skipped (an owner none of whose items are left)."""

    step: Step
    state: str
    opinion: Opinion | None


def previous_approvers(request: AccessRequest) -> frozenset[str]:
    """Who gave an opinion at an earlier step of this revision, with those on whose behalf they did."""
    return frozenset().union(*(opinion.people for opinion in request.given))


def past_approvals(request: AccessRequest) -> tuple[PastApproval, ...]:
    """The signatures of `request` as history: one entry for each pair of one who gains and one who signed."""
    return tuple(
        PastApproval(gains, signs, opinion.at)
        for opinion in request.opinions
        if opinion.outcome in ("approved", "narrowed")
        for gains in sorted(request.interested)
        for signs in sorted(opinion.people)
    )


def is_ring(approver: str, request: AccessRequest, history: Iterable[PastApproval], now: int) -> bool:
    """Whether one who gains by `request` signed for `approver` within the last seven days: A for B, then B for A."""
    since = now - RING_DAYS * DAY
    return any(
        past.requester == approver and past.approver in request.interested and past.at >= since for past in history
    )


def step_views(request: AccessRequest) -> tuple[StepView, ...]:
    """Every step of the route with its state and the opinion last given on it in this revision."""
    unsigned = set(request.unsigned_steps)
    open_now = set(request.open_steps)
    given = {(opinion.role, opinion.unit): opinion for opinion in request.given}
    views: list[StepView] = []
    for step in request.steps:
        opinion = given.get((step.role, step.unit))
        if opinion is not None:
            state = "done"
        elif step in open_now:
            state = "open"
        else:
            state = "waiting" if step in unsigned else "skipped"
        views.append(StepView(step, state, opinion))
    return tuple(views)
