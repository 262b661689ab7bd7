"""Asking for access: a draft, its submission on a route, its withdrawal, the answer to a counter-offer."""

from dataclasses import replace
from typing import Any

from gateway.domain.access import INVALID_REQUEST, AccessRequest, amend, check_form, open_review, submit, withdraw
from gateway.domain.access import accept_offer as take_offer
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.domain.workdays import default_calendar
from gateway.errors import FieldError, Problem, Refusal
from gateway.runtime import Gateway
from gateway.schemas.requests import (
    AcceptOffer,
    ChangeRequest,
    CreateRequest,
    DeclineOffer,
    RequestForm,
    RequestOut,
    SubmitRequest,
    WithdrawRequest,
)
from gateway.store import access as store
from gateway.store.db import Tx
from gateway.store.names import holders_of
from gateway.usecases import _asking, _granting, _moves, _requests
from gateway.usecases._asking import Ground
from gateway.usecases._notify import notify
from gateway.usecases._requests import check_version, may, open_case, record
from gateway.usecases._requests_out import request_out

__all__ = [
    "accept_offer",
    "change_request",
    "create_request",
    "decline_offer",
    "submit_request",
    "withdraw_request",
]


async def drafted(tx: Tx, by: Principal, form: RequestForm, request_id: str) -> AccessRequest:
    """The form as a draft that is not kept yet."""
    return AccessRequest(
        id=request_id, requester=by.id, requester_unit=by.unit_id, requester_institution=by.institution_id,
        grantee=_asking.grantee_of(by, form), asked=await _asking.terms_of(tx, by, form), created_at=tx.now,
        on_behalf_of=by.on_behalf_of, **_texts(form, tx.now),
    )  # fmt: skip


def _texts(form: RequestForm, now: int) -> dict[str, Any]:
    """The parts of the form that the domain keeps under the same name."""
    return {
        "purpose": form.purpose, "reason": form.reason, "scenario": form.scenario, "legal_basis": form.legal_basis,
        "consents": tuple(dict.fromkeys(form.consents)), "project_ref": form.project_ref,
        "crossing_ref": form.crossing_ref, "assessment_ref": form.assessment_ref,
        "safety_officer": form.safety_officer, "pledge_signed_at": now if form.pledge else 0,
    }  # fmt: skip


async def create_request(gw: Gateway, by: Principal, ask: CreateRequest) -> RequestOut | Refusal:
    """A draft of the requester's own; it may leave anything open, and nobody else sees it."""
    async with gw.begin() as tx:
        await _moves.acting(tx, by)
        request = await drafted(tx, by, ask, random_id())
        stored = await store.add_request(tx, request, by.id)
        case = await open_case(gw, tx, by, request.id)
        record(gw, tx, case, "drafted", stored.request)
        return await request_out(gw, tx, case)


async def change_request(gw: Gateway, by: Principal, ask: ChangeRequest) -> RequestOut | Refusal:
    """The draft, or the request that was returned, reads as given. Raises `Problem(conflict)` on an old version."""
    async with gw.begin() as tx:
        case = await open_case(gw, tx, by, ask.request_id)
        await check_version(tx, case, ask.version)
        if ask.grantee != case.request.grantee.kind:
            fresh = replace(case.request, grantee=_asking.grantee_of(by, ask))
        else:
            fresh = case.request
        after = amend(fresh, by=by.id, now=tx.now, asked=await _asking.terms_of(tx, by, ask), **_texts(ask, tx.now))
        stored = await store.set_request(tx, case.stored, after, act="change", by=by.id)
        record(gw, tx, case, "changed", after)
        return await request_out(gw, tx, replace(case, stored=stored))


async def submit_request(gw: Gateway, by: Principal, ask: SubmitRequest) -> RequestOut | Refusal:
    """The complete form is on its route, its first approver told, its clock running.

    Raises `Problem(invalid-access-request)` naming every flaw; `Problem(conflict)` when a live grant covers all of it.
    """
    async with gw.begin() as tx:
        case = await open_case(gw, tx, by, ask.request_id)
        await check_version(tx, case, ask.version)
        refused = await may(gw, tx, case, "request:submit")
        if refused is not None:
            return refused
        # 1. complete: form, consents, not held already
        ground = await _asking.ground_of(gw, tx, replace(case.request, proposed=None))
        errors = await flaws(gw, tx, by, case.request, ground)
        if errors:
            raise Problem(INVALID_REQUEST, errors=errors)
        _asking.check_not_held(await _asking.held_already(tx, case.request, ground))
        # 2. on its route
        request = submit(case.request, by=by.id, context=_asking.form_context(gw, by, ground))
        after = open_review(request, _asking.route_of(request, ground), now=tx.now, calendar=default_calendar())
        stored = await store.set_request(tx, case.stored, after, act="submit", by=by.id)
        await store.set_owners(tx, after.id, {step.unit for step in after.steps if step.role == "data_owner"})
        # 3. on the trail; the next ones told
        record(gw, tx, case, "submitted", after)
        await _requests.tell_open_steps(tx, after, by.id)
        return await request_out(gw, tx, await open_case(gw, tx, by, stored.request.id))


async def flaws(gw: Gateway, tx: Tx, by: Principal, request: AccessRequest, ground: Ground) -> tuple[FieldError, ...]:
    """Everything that keeps the request from being submitted, by the names that the form has on the wire."""
    found = check_form(replace(request, proposed=None), _asking.form_context(gw, by, ground))
    named = {error.field for error in found}
    if "consents" not in named:
        found += await _asking.consent_errors(tx, request, ground)
    return tuple(replace(error, field="pledge") if error.field == "pledge_signed_at" else error for error in found)


async def withdraw_request(gw: Gateway, by: Principal, ask: WithdrawRequest) -> RequestOut | Refusal:
    """The requester takes the request back; nobody needs to act on it any more."""
    return await _taken_back(gw, by, ask.request_id, ask.version, "withdraw", ask.reason)


async def decline_offer(gw: Gateway, by: Principal, ask: DeclineOffer) -> RequestOut | Refusal:
    """The requester does not want what the approvers left: the request ends as withdrawn."""
    return await _taken_back(gw, by, ask.request_id, ask.version, "decline", ask.reason)


async def _taken_back(
    gw: Gateway, by: Principal, request_id: str, version: int | None, act: str, reason: str
) -> RequestOut | Refusal:
    async with gw.begin() as tx:
        case = await open_case(gw, tx, by, request_id)
        await check_version(tx, case, version)
        refused = await may(gw, tx, case, "request:withdraw")
        if refused is not None:
            return refused
        waited = [step for step in case.steps if step.state == "open"]
        after = withdraw(case.request, by=by.id, now=tx.now)
        await store.set_request(tx, case.stored, after, act=act, by=by.id, text=reason)
        record(gw, tx, case, "withdrawn" if act == "withdraw" else "declined", after)
        people: set[str] = set()
        for step in waited:
            people |= {step.delegate} if step.delegate else set(await holders_of(tx, step.role, step.unit_id))
        await notify(tx, "request-withdrawn", people, subject=("request", after.id), besides=by.id, request=after.id)
        return await request_out(gw, tx, await open_case(gw, tx, by, after.id))


async def accept_offer(gw: Gateway, by: Principal, ask: AcceptOffer) -> RequestOut | Refusal:
    """The requester takes what the approvers left; the grant holds from now, and its receipt is in the answer."""
    async with gw.begin() as tx:
        case = await open_case(gw, tx, by, ask.request_id)
        await check_version(tx, case, ask.version)
        refused = await may(gw, tx, case, "request:accept-offer")
        if refused is not None:
            return refused
        after = take_offer(case.request, by=by.id, now=tx.now)
        stored = await store.set_request(tx, case.stored, after, act="accept", by=by.id)
        record(gw, tx, case, "offer-accepted", after)
        given = await _granting.give(gw, tx, by, after)
        shown = await request_out(gw, tx, await open_case(gw, tx, by, stored.request.id))
        return shown.model_copy(update={"grant": given.grant, "receipt": given.receipt})
