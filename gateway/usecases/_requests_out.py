"""How a request is shown: to those who take part in it, and less of it to a partner."""

from collections.abc import Collection, Iterable

from gateway.domain.access import AccessRequest, Terms, refusal_reasons, step_views
from gateway.runtime import Gateway
from gateway.schemas.grants import ItemGrantOut, Scope, ScopeOut
from gateway.schemas.requests import (
    AttachmentOut,
    ItemAsk,
    RequestForm,
    RequestOut,
    RequestSummary,
    StepOut,
    TermsOut,
)
from gateway.store import access as store
from gateway.store import grants
from gateway.store.access import Stored
from gateway.store.db import Tx
from gateway.store.names import people_named, units_named
from gateway.usecases._catalogue import Snapshot, purposes_of
from gateway.usecases._requests import Case, acts_of


def form_of(request: AccessRequest) -> RequestForm:
    """The form as it was filled in."""
    asked = request.asked
    return RequestForm(
        items=tuple(ItemAsk(item_code=item.code, fields=item.fields) for item in asked.items), purpose=request.purpose,
        reason=request.reason, scenario=request.scenario,
        scope=Scope(clients=asked.scope.clients, tags=asked.scope.tags, parks=asked.scope.parks),
        row_cap=asked.row_cap, uses=asked.uses, term_days=asked.term_days, use_limit=asked.use_limit,
        rate_per_hour=asked.rate_per_hour, grantee=request.grantee.kind, legal_basis=request.legal_basis,
        consents=request.consents, project_ref=request.project_ref, crossing_ref=request.crossing_ref,
        assessment_ref=request.assessment_ref, safety_officer=request.safety_officer,
        pledge=request.pledge_signed_at > 0, masked=asked.masked,
    )  # fmt: skip


def items_out(seen: Snapshot, terms: Terms) -> tuple[ItemGrantOut, ...]:
    """Items with their names."""
    shown = []
    for asked in terms.items:
        item = seen.catalogue.find(asked.code)
        if item is None:
            shown.append(ItemGrantOut(item_code=asked.code, fields=asked.fields))
            continue
        shown.append(
            ItemGrantOut(
                item_code=item.code, name_zh=item.name_zh, name_en=item.name_en, group=item.group, level=item.level,
                owner_unit=item.owner_unit, fields=asked.fields,
            )
        )  # fmt: skip
    return tuple(shown)


async def summaries(
    gw: Gateway, tx: Tx, seen: Snapshot, rows: Iterable[Stored], waiting: Collection[str]
) -> list[RequestSummary]:
    """Requests as lists show them."""
    rows = list(rows)
    people = await people_named(tx, [each.request.requester for each in rows])
    units = await units_named(tx, [each.request.requester_unit for each in rows])
    known = purposes_of(gw).purposes
    shown = []
    for each in rows:
        request, unit = each.request, units.get(each.request.requester_unit)
        items = [item for code in request.terms.codes if (item := seen.catalogue.find(code))]
        purpose = known.get(request.purpose)
        shown.append(
            RequestSummary(
                request_id=request.id, state=request.state, version=each.version, requester=request.requester,
                requester_name=people.get(request.requester, ""), requester_unit=request.requester_unit,
                unit_zh=unit.zh if unit else "", unit_en=unit.en if unit else "", purpose=request.purpose,
                purpose_zh=purpose.zh if purpose else "", purpose_en=purpose.en if purpose else "",
                items=len(request.terms.items), level=max((item.level for item in items), default=1),
                personal=any(item.personal for item in items), partner=request.grantee.partner,
                due_at=request.due or None, waiting_for_me=request.id in waiting, created_at=request.created_at,
                updated_at=each.updated_at,
            )
        )  # fmt: skip
    return shown


async def request_out(gw: Gateway, tx: Tx, case: Case) -> RequestOut:
    """The request in full, as the one who looks may see it."""
    request = case.request
    mine = [row for row in case.mine() if case.by.id not in request.interested]
    own_turn = request.requester == case.by.id and request.state in ("offered", "returned")
    (summary,) = await summaries(gw, tx, case.seen, [case.stored], [request.id] if mine or own_turn else [])
    given = await grants.find_grant_of_request(tx, request.id) if request.state == "approved" else None
    reason = refusal_reasons().get(request.outcome_reason)
    attached = await store.list_attachments(tx, request.id)
    return RequestOut(
        **summary.model_dump(), form=form_of(request), asked=items_out(case.seen, request.asked),
        steps=await _steps_out(tx, case), offer=_offer(case) if request.narrowed else None,
        attachments=tuple(
            AttachmentOut(
                attachment_id=each.attachment_id, file_name=each.file_name, media_type=each.media_type,
                digest=each.digest.hex(), added_by=each.added_by, added_at=each.added_at,
            )
            for each in attached
        ),
        reason_code=request.outcome_reason or None, reason_zh=reason.zh if reason else None,
        reason_en=reason.en if reason else None, remark=request.outcome_note or None,
        acts=acts_of(gw, case, tx.now), grant_id=given.grant.id if given else None,
    )  # fmt: skip


def _offer(case: Case) -> TermsOut:
    terms = case.request.terms
    return TermsOut(
        items=items_out(case.seen, terms),
        scope=ScopeOut(clients=terms.scope.clients, tags=terms.scope.tags, parks=terms.scope.parks),
        row_cap=terms.row_cap, uses=terms.uses, term_days=terms.term_days, masked=terms.masked,
        use_limit=terms.use_limit, rate_per_hour=terms.rate_per_hour,
    )  # fmt: skip


async def _steps_out(tx: Tx, case: Case) -> tuple[StepOut, ...]:
    """The steps. A partner sees its own in full and of the others only that there is a step of such a role, once:
    whose records there are about a client is not for it to learn from the route.
    """
    rows = {(row.role, row.unit_id): row for row in case.steps}
    views = step_views(case.request)
    units = await units_named(tx, [view.step.unit for view in views])
    people = await people_named(tx, [each for view in views if view.opinion for each in view.opinion.people])
    shown: list[StepOut] = []
    for n, view in enumerate(views):
        step, opinion = view.step, view.opinion
        row, unit = rows.get((step.role, step.unit)), units.get(step.unit)
        state = row.state if row else view.state
        hidden = not case.by.internal and step.unit != case.who.unit
        same = next((k for k, each in enumerate(shown) if hidden and each.role == step.role), None)
        if same is not None:
            if state == "open":
                shown[same] = shown[same].model_copy(update={"state": state})
            continue
        shown.append(
            StepOut(
                n=len(shown) if not case.by.internal else n, role=step.role, unit_id="" if hidden else step.unit,
                unit_zh=unit.zh if unit and not hidden else "", unit_en=unit.en if unit and not hidden else "",
                state=state, decision=opinion.outcome if opinion and not hidden else None,
                actor=opinion.by if opinion and not hidden else None,
                actor_name=people.get(opinion.by) if opinion and not hidden else None,
                delegate=row.delegate if row and not hidden else None,
                opinion=opinion.note or None if opinion and not hidden else None, working_days=step.days,
                due_at=row.due_at if row else None, acted_at=opinion.at if opinion and not hidden else None,
            )
        )  # fmt: skip
    return tuple(shown)
