"""Building blocks for the tests of requests and grants: a form that is complete, its route, and people who sign."""

from dataclasses import replace
from typing import Any

from gateway.domain.access import (
    AccessRequest,
    Approver,
    FormContext,
    Grantee,
    ItemTerms,
    Scope,
    Terms,
    approve_step,
    open_review,
    route,
    submit,
)
from gateway.domain.catalogue import Catalogue, default_catalogue
from gateway.domain.workdays import default_calendar

CATALOGUE = default_catalogue()
CALENDAR = default_calendar()
NOW = 1_772_672_400_000_000  # 2026-03-05 09:00 in Shanghai, a Thursday
REASON = "为松山湖园区专精特新企业准备投贷联动方案并安排首次拜访"

TERMS = Terms(
    items=(
        ItemTerms("INT-CON-001", ("name",)),
        ItemTerms("INT-CON-003", ("mobile",)),
        ItemTerms("INT-VIS-001", ("date", "channel")),
    ),
    scope=Scope(clients=("c1", "c2")),
    row_cap=100,
    uses=("view", "verify"),
    term_days=60,
)
OWNERS = {"INT-CON-001": ("ib",), "INT-CON-003": ("ib",), "INT-VIS-001": ("wealth",)}
INSIDE = Grantee("person", "ana", "research", "firm", "firm")
PARTNER = Grantee("unit", "bank-sme", "bank-sme", "bank", "bank")

HEAD = Approver("head", "dept_head", "research")
IB = Approver("ivo", "data_owner", "ib")
WEALTH = Approver("wen", "data_owner", "wealth")
COMPLIANCE = Approver("cora", "compliance", "compliance")
CCO = Approver("carl", "cco", "compliance")
PI = Approver("pia", "pi_officer", "compliance")


def draft(terms: Terms = TERMS, **changes: Any) -> AccessRequest:
    """A request of the analyst `ana` that lacks nothing."""
    whole = AccessRequest(
        id="r1", requester="ana", requester_unit="research", requester_institution="firm", grantee=INSIDE,
        purpose="visit-preparation", reason=REASON, scenario="拜访准备", asked=terms, created_at=NOW,
        legal_basis="contract", pledge_signed_at=NOW,
    )  # fmt: skip
    return replace(whole, **changes)


def context(now: int = NOW, catalogue: Catalogue = CATALOGUE, **options: Any) -> FormContext:
    return FormContext(catalogue, now, **options)


def in_review(request: AccessRequest | None = None, now: int = NOW) -> AccessRequest:
    """The request submitted and on its route."""
    asked = submit(request or draft(), by="ana", context=context(now))
    items = [CATALOGUE.get(code) for code in asked.asked.codes]
    owners = {code: OWNERS.get(code, ("ib",)) for code in asked.asked.codes}
    steps = route(
        items, requester_unit=asked.requester_unit, partner=asked.grantee.partner, rows=asked.asked.row_cap,
        owners=owners,
    )  # fmt: skip
    return open_review(asked, steps, now=now, calendar=CALENDAR)


def sign(request: AccessRequest, by: Approver, now: int = NOW, **options: Any) -> AccessRequest:
    return approve_step(request, by=by, now=now, calendar=CALENDAR, **options)


def approved(request: AccessRequest | None = None) -> AccessRequest:
    """The request signed by everybody it needs, on the terms asked."""
    moving = in_review(request)
    for by in (HEAD, IB, WEALTH, COMPLIANCE, PI, CCO):
        if any(step.role == by.role and step.unit in ("", by.unit) for step in moving.open_steps):
            moving = sign(moving, by)
    assert moving.state == "approved", moving.state
    return moving
