"""Looking at requests: one, many, how one came about, and what would happen to one that is not made yet."""

from gateway.domain.access import AccessRequest, refusal_reasons
from gateway.domain.grading import default_grading
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.domain.workdays import add_working_days, default_calendar
from gateway.errors import Problem, Refusal
from gateway.runtime import Gateway
from gateway.schemas.base import Nothing, Page
from gateway.schemas.requests import (
    GetRequest,
    ItemVerdict,
    ListRequests,
    Need,
    PreviewOut,
    PreviewRequest,
    PreviewStep,
    RefusalReasonOut,
    RequestOut,
    RequestSummary,
    RequestTimeline,
    TimelineEntry,
)
from gateway.store import access as store
from gateway.store.db import Tx
from gateway.store.names import people_named, units_named
from gateway.usecases import _asking, _moves, _requests
from gateway.usecases._asking import NOBODY_SUPPLIES, Ground
from gateway.usecases._catalogue import purposes_of, snapshot
from gateway.usecases._paging import key_of, read_key
from gateway.usecases._requests import Case, open_case
from gateway.usecases._requests_out import request_out, summaries
from gateway.usecases.requests import drafted, flaws
from policies.decision import Refused
from policies.vocabulary import MoveObject

__all__ = [
    "get_request",
    "list_refusal_reasons",
    "list_requests",
    "preview_request",
    "request_timeline",
]


async def get_request(gw: Gateway, by: Principal, ask: GetRequest) -> RequestOut:
    """A request in full, for those who take part in it. Raises `Problem(not-found)` for everybody else."""
    async with gw.db.read() as tx:
        return await request_out(gw, tx, await open_case(gw, tx, by, ask.request_id))


async def list_requests(gw: Gateway, by: Principal, ask: ListRequests) -> Page[RequestSummary] | Refusal:
    """Requests of one view, newest first. `all` is for those who may search the whole trail."""
    async with gw.db.read() as tx:
        who = await _moves.acting(tx, by)
        if ask.view == "all":
            act, thing = "trail:search", MoveObject("trail")
            decision = _moves.decide(gw, who, act, thing, tx.now)
            if isinstance(decision, Refused):
                return await _moves.refuse_look(gw, by, act, thing, "requests", decision, tx.now)
        seat = _requests.seat_of(by, who)
        rows = await store.list_requests(
            tx, ask.view, seat, state=ask.state, purpose=ask.purpose, below=read_key(ask.after), limit=ask.limit + 1
        )
        shown = rows[: ask.limit]
        waiting = await store.waiting_for(tx, seat, [each.request.id for each in shown])
        own = {each.request.id for each in shown if by.id in each.request.interested}
        turn = {each.request.id for each in shown if each.request.state in ("offered", "returned")} & own
        items = await summaries(gw, tx, await snapshot(gw, tx), shown, (waiting - own) | turn)
    last = shown[-1].request if len(rows) > ask.limit else None
    return Page[RequestSummary](items=tuple(items), next=key_of(last.created_at, last.id) if last else None)


async def request_timeline(gw: Gateway, by: Principal, ask: RequestTimeline) -> Page[TimelineEntry]:
    """What happened to a request, oldest first. A partner is told what the firm's people did, not who they are."""
    async with gw.db.read() as tx:
        case = await open_case(gw, tx, by, ask.request_id)
        passages = await store.timeline(tx, ask.request_id)
        names = await people_named(tx, [each for passage in passages for each in (passage.actor, passage.on_behalf_of)])
        own = set(await _colleagues(tx, case)) if not by.internal else set(names)
    entries = []
    for each in passages:
        told = by.internal or each.actor in own
        entries.append(
            TimelineEntry(
                at=each.at, act=each.act, actor=each.actor if told else "",
                actor_name=names.get(each.actor, "") if told else "",
                on_behalf_of=each.on_behalf_of if told else "", from_state=each.from_state, to_state=each.to_state,
                text=each.text if told or each.act in ("return", "reject") else "",
            )
        )  # fmt: skip
    return Page[TimelineEntry](items=tuple(entries))


async def _colleagues(tx: Tx, case: Case) -> list[str]:
    """Those on the timeline who sit in the unit of the one who looks."""
    passages = await store.timeline(tx, case.request.id)
    return await store.people_in_unit(tx, {each.actor for each in passages}, case.who.unit)


async def list_refusal_reasons(gw: Gateway, by: Principal, ask: Nothing) -> Page[RefusalReasonOut]:
    """The closed list of reasons for a rejection or a narrowing."""
    return Page[RefusalReasonOut](
        items=tuple(
            RefusalReasonOut(code=each.code, zh=each.zh, en=each.en, roles=tuple(sorted(each.roles)))
            for each in refusal_reasons().values()
        )
    )


async def preview_request(gw: Gateway, by: Principal, ask: PreviewRequest) -> PreviewOut:
    """Which way a request would take, how long at most, what it still needs; nothing is written."""
    async with gw.db.read() as tx:
        await _moves.acting(tx, by)
        request = await drafted(tx, by, ask, random_id())
        ground = await _asking.ground_of(gw, tx, request)
        found = await flaws(gw, tx, by, request, ground)
        held = await _asking.held_already(tx, request, ground)
        needs = [Need(code=error.code, field=error.field, zh=error.message_zh, en=error.message_en) for error in found]
        steps, due, guessed = await _preview_steps(tx, by, request, ground, needs)
    _hints(by, ground, needs)
    levels = [item.level for item in ground.items]
    return PreviewOut(
        steps=tuple(steps), due_at=due, calendar_warning=guessed, level=ground.level, personal=ground.personal,
        partner=request.grantee.partner, items=_verdicts(gw, request, ground, held), needs=tuple(needs),
        max_term_days=default_grading().max_term_days(levels) if levels else 0,
    )  # fmt: skip


async def _preview_steps(
    tx: Tx, by: Principal, request: AccessRequest, ground: Ground, needs: list[Need]
) -> tuple[list[PreviewStep], int | None, bool]:
    try:
        route = _asking.route_of(request, ground)
    except Problem as problem:
        if problem.code is NOBODY_SUPPLIES:
            words = problem.code
            needs.append(Need(code=words.name, field="items", zh=words.zh, en=words.en))
        return [], None, False
    units = await units_named(tx, [step.unit for step in route])
    steps: list[PreviewStep] = []
    start, end, guessed, role = ground.now, ground.now, False, ""
    for step in route:
        if step.role != role:
            start, role = end, step.role
        deadline = add_working_days(start, step.days, default_calendar())
        end, guessed = max(end, deadline.at), guessed or deadline.guessed
        hidden = not by.internal and step.unit != by.unit_id
        if hidden and steps and steps[-1].role == step.role:
            continue
        unit = None if hidden else units.get(step.unit)
        steps.append(
            PreviewStep(
                role=step.role, unit_id="" if hidden else step.unit, unit_zh=unit.zh if unit else "",
                unit_en=unit.en if unit else "", working_days=step.days, due_at=deadline.at,
            )
        )  # fmt: skip
    return steps, end, guessed


def _hints(by: Principal, ground: Ground, needs: list[Need]) -> None:
    """What does not keep the request from being submitted, but the values from being read."""
    if ground.level > by.clearance:
        needs.append(
            Need(
                code="clearance", zh="数据级别高于您的权限级别", en="The level is above your clearance", blocking=False
            )
        )
    if ground.level >= 3 and by.trained_until <= ground.now:
        needs.append(
            Need(
                code="training-lapsed",
                zh="数据安全培训已过期",
                en="Your data security training has lapsed",
                blocking=False,
            )
        )
    if ground.cross_wall:
        needs.append(
            Need(
                code="wall-crossing", field="crossing_ref", blocking=False,
                zh="数据来自保密侧,读取前须完成跨墙审批",
                en="The data is of the private side: reading needs a wall crossing",
            )
        )  # fmt: skip


def _verdicts(gw: Gateway, request: AccessRequest, ground: Ground, held: dict[str, str]) -> tuple[ItemVerdict, ...]:
    known = purposes_of(gw)
    own = request.requester_unit
    shown = []
    for item in ground.items:
        grant = held.get(item.code)
        if item.mode == "not_shared":
            shown.append(
                ItemVerdict(
                    item_code=item.code, verdict="not-shared", zh=f"不予共享,依据:{item.legal_basis}",
                    en=f"Never shared, by: {item.legal_basis}", held_by=grant,
                )
            )  # fmt: skip
            continue
        if item.readable or ground.owners.get(item.code) == (own,):
            shown.append(
                ItemVerdict(
                    item_code=item.code,
                    verdict="no-request-needed",
                    zh="无需申请",
                    en="No request is needed",
                    held_by=grant,
                )
            )
            continue
        fit = known.match(request.purpose, item.allowed_purposes or ("any",))
        shown.append(
            ItemVerdict(item_code=item.code, verdict=fit.verdict, rule=fit.rule, zh=fit.zh, en=fit.en, held_by=grant)
        )
    return tuple(shown)
