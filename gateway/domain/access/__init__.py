"""Asking and granting: the application form, its route, its moves, and the grants that come of it."""

from gateway.domain.access.check import INVALID_REQUEST, FormContext, check_form, is_meaningful
from gateway.domain.access.facts import (
    PastApproval,
    StepView,
    is_ring,
    past_approvals,
    previous_approvers,
    step_views,
)
from gateway.domain.access.form import (
    FINAL_STATES,
    REVIEW_STATES,
    STATES,
    USES,
    AccessRequest,
    Approver,
    Grantee,
    ItemTerms,
    Opinion,
    Scope,
    Step,
    Terms,
)
from gateway.domain.access.grants import (
    CATALOGUE_MOVED,
    GRANT_ENDED,
    GRANT_STATES,
    NOT_RENEWABLE,
    Grant,
    GrantItem,
    Overlap,
    entry_fields,
    expire,
    grant_from,
    grant_terms,
    obligations_of,
    overlaps,
    renew,
    revoke,
    why_not_renewable,
)
from gateway.domain.access.moves import (
    CLOCK_RAN_OUT,
    CLOCK_STILL_RUNS,
    NO_OPEN_STEP,
    NOT_YOUR_ITEMS,
    NOT_YOUR_REQUEST,
    NOTE_NEEDED,
    NOTHING_LEFT,
    SAME_PERSON,
    TERMS_WIDENED,
    WRONG_STATE,
    accept_offer,
    amend,
    approve_step,
    decline_part,
    endorse,
    open_review,
    reject,
    return_for_correction,
    submit,
    time_out,
    withdraw,
)
from gateway.domain.access.plain import grant_from_plain, request_from, terms_from, to_plain
from gateway.domain.access.reasons import UNKNOWN_REASON, RefusalReason, refusal_reasons, require_reason
from gateway.domain.access.route import (
    BULK_ROWS,
    CANNOT_BE_ASKED,
    Clocks,
    extra_roles,
    needs_request,
    route,
    unaskable,
)

__all__ = [
    "BULK_ROWS", "CANNOT_BE_ASKED", "CATALOGUE_MOVED", "CLOCK_RAN_OUT", "CLOCK_STILL_RUNS", "FINAL_STATES",
    "GRANT_ENDED", "GRANT_STATES", "INVALID_REQUEST", "NOTE_NEEDED", "NOTHING_LEFT", "NOT_RENEWABLE",
    "NOT_YOUR_ITEMS", "NOT_YOUR_REQUEST", "NO_OPEN_STEP", "REVIEW_STATES", "SAME_PERSON", "STATES", "TERMS_WIDENED",
    "UNKNOWN_REASON", "USES", "WRONG_STATE", "AccessRequest", "Approver", "Clocks", "FormContext", "Grant",
    "GrantItem", "Grantee", "ItemTerms", "Opinion", "Overlap", "PastApproval", "RefusalReason", "Scope", "Step",
    "StepView", "Terms", "accept_offer", "amend", "approve_step", "check_form", "decline_part", "endorse",
    "entry_fields", "expire",
    "extra_roles", "grant_from", "grant_from_plain", "grant_terms", "is_meaningful", "is_ring", "needs_request",
    "obligations_of", "open_review", "overlaps", "past_approvals", "previous_approvers", "refusal_reasons", "reject",
    "renew", "request_from", "require_reason", "return_for_correction", "revoke", "route", "step_views", "submit",
    "terms_from", "time_out", "to_plain", "unaskable", "why_not_renewable", "withdraw",
]  # fmt: skip
