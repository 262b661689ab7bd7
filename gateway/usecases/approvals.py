"""The steps of a request: each signed by somebody else, wholly or in part; returned, rejected, handed over."""

from dataclasses import replace

from gateway.domain.access import (
    NO_OPEN_STEP,
    AccessRequest,
    Scope,
    Terms,
    approve_step,
    reject,
    return_for_correction,
)
from gateway.domain.notices import day_text
from gateway.domain.principal import Principal
from gateway.domain.workdays import default_calendar
from gateway.errors import INVALID_INPUT, FieldError, Problem, Refusal
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.requests import (
    ApproveRequest,
    DelegateStep,
    EndorseRequest,
    RejectRequest,
    RequestOut,
    ReturnRequest,
)
from gateway.store import access as store
from gateway.store import parties, scopes
from gateway.store.access import StepRow
from gateway.store.db import Tx
from gateway.usecases import _asking, _granting, _requests
from gateway.usecases._notify import notify
from gateway.usecases._requests import SIGNING, Case, check_version, may, open_case, record
from gateway.usecases._requests_out import request_out

__all__ = ["approve_request", "delegate_step", "endorse_request", "reject_request", "return_request"]


async def _my_step(tx: Tx, case: Case, role: str = "") -> StepRow:
    """The open step that the one who looks may take.

    Raises `Problem(conflict)` naming who was first when it was taken meanwhile, `Problem(no-open-step)` when there is
    none for this role and unit.
    """
    for step in case.mine():
        if not role or step.role == role:
            return step
    if any(not role or step.role == role for step in case.mine(("done",))):
        raise await store.who_was_first(tx, case.request.id)
    raise Problem(NO_OPEN_STEP, extra={"state": case.request.state})


async def endorse_request(gw: Gateway, by: Principal, ask: EndorseRequest) -> RequestOut | Refusal:
    """The head of the requester's department stands behind the request; its owners are asked next."""
    async with gw.begin() as tx:
        case = await open_case(gw, tx, by, ask.request_id)
        await check_version(tx, case, ask.version)
        step = await _my_step(tx, case, "dept_head")
        return await _sign(gw, tx, case, step, "endorse", None, "", ask.opinion)


async def approve_request(gw: Gateway, by: Principal, ask: ApproveRequest) -> RequestOut | Refusal:
    """The step of the caller is signed, on the terms as they stand or on narrower ones.

    With the last signature the grant holds: its receipt is in the answer. Where anybody narrowed the terms, they are
    offered to the requester first. Raises `Problem(conflict)` naming who was first.
    """
    async with gw.begin() as tx:
        case = await open_case(gw, tx, by, ask.request_id)
        await check_version(tx, case, ask.version)
        step = await _my_step(tx, case)
        terms = narrowed(case.request, ask)
        act = "endorse" if step.role == "dept_head" else "approve"
        return await _sign(gw, tx, case, step, act, terms, ask.reason_code, ask.opinion)


def narrowed(request: AccessRequest, ask: ApproveRequest) -> Terms | None:
    """The terms that the approver agrees to; None when nothing was taken away."""
    given = ask.model_dump(include={"row_cap", "term_days", "use_limit", "rate_per_hour", "masked"}, exclude_none=True)
    terms = replace(request.terms, **given)
    if ask.items is not None:
        terms = replace(terms, items=_asking.item_terms(ask.items))
    if ask.uses is not None:
        terms = replace(terms, uses=tuple(dict.fromkeys(ask.uses)))
    if ask.clients is not None:
        terms = replace(terms, scope=Scope(tuple(dict.fromkeys(ask.clients))))
    return None if terms.hash == request.terms.hash else terms


async def _sign(
    gw: Gateway, tx: WriteTx, case: Case, step: StepRow, act: str, terms: Terms | None, reason: str, opinion: str
) -> RequestOut | Refusal:
    # 1. may this one sign, and narrow
    wanted = [SIGNING[step.role]]
    if terms is not None and step.role != "dept_head":
        wanted.append("request:counter-offer")
    for each in wanted:
        refused = await may(gw, tx, case, each, step)
        if refused is not None:
            return refused
    # 2. the signature
    inside = frozenset[str]()
    if terms is not None:
        added = set(terms.scope.clients) - set(case.request.terms.scope.clients)
        inside = await scopes.clients_within(tx, added, case.request.terms.scope)
    approver = case.approver(step)
    before = _requests.open_keys(case.request)
    after = approve_step(
        case.request, by=approver, now=tx.now, calendar=default_calendar(), terms=terms, inside=inside, reason=reason,
        note=opinion,
    )  # fmt: skip
    await store.set_request(
        tx, case.stored, after, act=act, by=case.by.id, on_behalf_of=approver.on_behalf_of, text=opinion
    )
    done = "narrowed" if terms is not None else "endorsed" if act == "endorse" else "signed"
    record(gw, tx, case, done, after, approver.on_behalf_of)
    # 3. what follows: the next step, the counter-offer, or the grant
    given = None
    if after.state == "approved":
        given = await _granting.give(gw, tx, case.by, after)
    elif after.state == "offered":
        await notify(
            tx, "request-offered", [after.requester], subject=("request", after.id), besides=case.by.id,
            request=after.id, due=day_text(after.due),
        )  # fmt: skip
    else:
        await _requests.tell_open_steps(tx, after, case.by.id, before)
    shown = await request_out(gw, tx, await open_case(gw, tx, case.by, after.id))
    return shown.model_copy(update={"grant": given.grant, "receipt": given.receipt}) if given else shown


async def return_request(gw: Gateway, by: Principal, ask: ReturnRequest) -> RequestOut | Refusal:
    """The request is back with its requester, who corrects and submits it again; signatures lose their force."""
    return await _turn_down(gw, by, ask, "return")


async def reject_request(gw: Gateway, by: Principal, ask: RejectRequest) -> RequestOut | Refusal:
    """The request is refused for good, with a reason of the closed list that this role may give."""
    return await _turn_down(gw, by, ask, "reject")


async def _turn_down(gw: Gateway, by: Principal, ask: ReturnRequest | RejectRequest, act: str) -> RequestOut | Refusal:
    async with gw.begin() as tx:
        case = await open_case(gw, tx, by, ask.request_id)
        await check_version(tx, case, ask.version)
        step = await _my_step(tx, case)
        refused = await may(gw, tx, case, f"request:{act}", step)
        if refused is not None:
            return refused
        approver = case.approver(step)
        if isinstance(ask, RejectRequest):
            after = reject(case.request, by=approver, now=tx.now, reason=ask.reason_code, note=ask.opinion)
            text = f"{ask.reason_code} {ask.opinion}".strip()
        else:
            after = return_for_correction(
                case.request, by=approver, now=tx.now, note=ask.reason, calendar=default_calendar()
            )
            text = ask.reason
        await store.set_request(
            tx, case.stored, after, act=act, by=by.id, on_behalf_of=approver.on_behalf_of, text=text
        )
        record(gw, tx, case, "rejected" if act == "reject" else "returned", after, approver.on_behalf_of)
        words = {"reason": after.outcome_reason} if act == "reject" else {"due": day_text(after.due)}
        kind = "request-rejected" if act == "reject" else "request-returned"
        subject = ("request", after.id)
        await notify(tx, kind, [after.requester], subject=subject, besides=by.id, request=after.id, **words)
        return await request_out(gw, tx, await open_case(gw, tx, by, after.id))


async def delegate_step(gw: Gateway, by: Principal, ask: DelegateStep) -> RequestOut | Refusal:
    """A colleague of the same unit may take the step on behalf of the caller.

    Only who could sign the step may hand it over, and only once; not to the requester nor to one who signed before.
    """
    async with gw.begin() as tx:
        case = await open_case(gw, tx, by, ask.request_id)
        await check_version(tx, case, ask.version)
        step = await _my_step(tx, case)
        refused = await may(gw, tx, case, SIGNING[step.role], step)
        if refused is not None:
            return refused
        await _check_delegate(tx, case, step, ask)
        await store.set_request(tx, case.stored, case.request, act="delegate", by=by.id, text=ask.reason)
        await store.set_delegate(tx, case.request.id, step.n, ask.person_id, by.id)
        tx.record(
            event_of(
                by, "request:delegated", tx.now, target_kind="request", target_id=case.request.id, outcome="done",
                policy_epoch=gw.policy.epoch, details={"role": step.role, "delegate": ask.person_id},
            )
        )  # fmt: skip
        await notify(
            tx, "step-delegated", [ask.person_id], subject=("request", case.request.id), request=case.request.id,
            role=step.role, due=day_text(case.request.due),
        )  # fmt: skip
        return await request_out(gw, tx, await open_case(gw, tx, by, case.request.id))


async def _check_delegate(tx: Tx, case: Case, step: StepRow, ask: DelegateStep) -> None:
    standing = await parties.find_standing(tx, ask.person_id)
    fit = (
        standing is not None
        and standing.active
        and standing.person.kind == "person"
        and standing.person.unit_id == case.who.unit
        and ask.person_id != case.by.id
        and ask.person_id not in case.request.interested
        and all(ask.person_id not in opinion.people for opinion in case.request.signatures)
    )
    if step.delegate is not None or not fit:
        zh, en = (
            "请选择本单位在岗且与申请无关的同事,且只能委托一次",
            "choose an active, uninvolved colleague of your unit; once only",
        )
        raise Problem(INVALID_INPUT, errors=(FieldError("person_id", zh, en, None, "unfit-delegate"),))
