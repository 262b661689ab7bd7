"""Two people, two replicas, one request: exactly one wins, the other is told who was first; on both databases."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import sqlalchemy as sa

from gateway.domain.access import withdraw
from gateway.errors import Problem, Refusal
from gateway.runtime import Gateway, open_gateway
from gateway.schemas.catalogue import ChangeOut, CountersignItemChange, GetItem, ProposeItemChange, RejectItemChange
from gateway.schemas.grants import RevokeGrant, Scope
from gateway.schemas.requests import (
    ApproveRequest,
    EndorseRequest,
    GetRequest,
    RejectRequest,
    SubmitRequest,
    WithdrawRequest,
)
from gateway.store import access as store
from gateway.store.db import TransientConflict, open_database
from gateway.store.tables import access, parties
from gateway.usecases import approvals, catalogue_changes, clocks, grants, request_views, requests
from gateway.usecases.catalogue import get_item
from gateway.web.api import run_verb
from ledger.receipt import verify_receipt
from ledger.tables import log_entry, log_head
from tests.gateway.scene import Scene
from tests.gateway.test_requests import count, trust
from tests.world import World

Act = Callable[[Gateway], Awaitable[object]]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
async def pair(request: pytest.FixtureRequest) -> AsyncIterator[tuple[World, Gateway]]:
    """A world and a second gateway over the same data: another replica on PostgreSQL, the same one on SQLite."""
    if request.param == "sqlite":
        async with World() as w:
            yield w, w.gw
        return
    url = request.getfixturevalue("fresh_postgres")
    async with World(url) as w:
        database = open_database(url, clock=w.clock)
        other = await open_gateway(w.settings, clock=w.clock, database=database, provider=w.provider)
        yield w, other
        await other.close()


async def at_once(pair: tuple[World, Gateway], *acts: Act) -> list[object]:
    """The answers of all acts, begun together on both gateways by turns; a meeting of transactions is tried again."""
    gateways = (pair[0].gw, pair[1])

    async def one(n: int, act: Act) -> object:
        try:
            return await run_verb(lambda gw, _by, _ask: act(gw), gateways[n % 2], None, None)  # type: ignore[arg-type]
        except Problem as problem:
            return problem

    return await asyncio.gather(*(one(n, act) for n, act in enumerate(acts)))


def won(answers: list[object]) -> int:
    return sum(not isinstance(each, (Problem, Refusal)) for each in answers)


def problems(answers: list[object]) -> list[Problem]:
    return [each for each in answers if isinstance(each, Problem)]


async def second_owner(w: World) -> None:
    """The brokerage has a second data owner."""
    async with w.db.begin() as tx:
        row = {"person_id": w.id_of("brokerage-rm"), "role": "data_owner", "granted_by": "x", "granted_at": 0}
        await tx.execute(sa.insert(parties.person_role), row)
    w.people["brokerage-rm"] = w.person("brokerage-rm", roles=frozenset({"requester", "lead_rm", "data_owner"}))


async def sound(w: World) -> None:
    """Every grant has its entry, every entry of a grant its grant, and the log has no gap."""
    async with w.db.read() as tx:
        given = set((await tx.execute(sa.select(access.access_grant.c.entry_id))).scalars().all())
        kinds = sa.select(log_entry.c.entry_id, log_entry.c.seq, log_entry.c.kind, log_entry.c.origin)
        rows = (await tx.execute(kinds)).all()
        head = (await tx.execute(sa.select(log_head.c.size).where(log_head.c.origin == w.settings.origin))).scalar()
    ours = [row for row in rows if row.origin == w.settings.origin]
    assert {row.entry_id for row in ours if row.kind in ("grant:approved", "grant:renewed")} == given
    assert sorted(row.seq for row in ours) == list(range(int(head or 0)))


async def test_two_owners_sign_one_step_and_one_is_first(pair: tuple[World, Gateway]) -> None:
    w, _ = pair
    s = await Scene(w).enter(owner="brokerage-rm")
    await second_owner(w)
    sent = await s.endorsed()
    ask = ApproveRequest(request_id=sent.request_id)
    answers = await at_once(
        pair,
        lambda gw: approvals.approve_request(gw, w.person("brokerage-owner"), ask),
        lambda gw: approvals.approve_request(gw, w.person("brokerage-rm"), ask),
    )
    assert won(answers) == 1
    (lost,) = problems(answers)
    assert lost.code.name == "conflict"
    assert lost.extra["first"] in {"何景行", "罗一舟"}
    assert lost.extra["act"] == "approve"
    now = await request_views.get_request(w.gw, w.person("analyst"), GetRequest(request_id=sent.request_id))
    assert now.state == "compliance_review"
    assert sum(step.state == "done" for step in now.steps) == 2


async def test_the_last_signature_given_twice_gives_one_grant(pair: tuple[World, Gateway]) -> None:
    w, _ = pair
    s = await Scene(w).enter()
    sent = await s.endorsed()
    await s.approve(sent.request_id, "brokerage-owner")
    ask = ApproveRequest(request_id=sent.request_id)
    answers = await at_once(
        pair, *(lambda gw, each=login: approvals.approve_request(gw, w.person(each), ask)
                for login in ("compliance", "compliance-2", "compliance", "cco"))
    )  # fmt: skip
    assert won(answers) == 1
    assert {each.code.name for each in problems(answers)} <= {"conflict", "no-open-step"}
    assert await count(w, access.access_grant) == 1
    (done,) = (each for each in answers if not isinstance(each, Problem))
    assert verify_receipt(done.receipt, trust(w)).entry.kind == "grant:approved"  # type: ignore[attr-defined]
    await sound(w)


async def test_approving_rejecting_and_withdrawing_at_once_has_one_outcome(pair: tuple[World, Gateway]) -> None:
    w, _ = pair
    s = await Scene(w).enter()
    sent = await s.endorsed()
    await s.approve(sent.request_id, "brokerage-owner")
    reject = RejectRequest(request_id=sent.request_id, reason_code="not-needed")
    answers = await at_once(
        pair,
        lambda gw: approvals.approve_request(gw, w.person("compliance"), ApproveRequest(request_id=sent.request_id)),
        lambda gw: approvals.reject_request(gw, w.person("compliance-2"), reject),
        lambda gw: requests.withdraw_request(gw, w.person("analyst"), WithdrawRequest(request_id=sent.request_id)),
    )
    assert won(answers) == 1
    now = await request_views.get_request(w.gw, w.person("analyst"), GetRequest(request_id=sent.request_id))
    assert now.state in {"approved", "rejected", "withdrawn"}
    assert await count(w, access.access_grant) == (now.state == "approved")
    await sound(w)


async def test_submitted_twice_at_once_is_submitted_once(pair: tuple[World, Gateway]) -> None:
    w, _ = pair
    s = await Scene(w).enter()
    made = await s.draft()
    ask = SubmitRequest(request_id=made.request_id)
    answers = await at_once(pair, *[lambda gw: requests.submit_request(gw, w.person("analyst"), ask)] * 4)
    assert won(answers) == 1
    await s.endorse(made.request_id)


async def test_revoked_by_two_at_once_has_one_entry(pair: tuple[World, Gateway]) -> None:
    w, _ = pair
    s = await Scene(w).enter()
    grant = await s.granted()
    ask = RevokeGrant(grant_id=grant.grant_id, reason="合作终止")
    answers = await at_once(
        pair, *(lambda gw, each=login: grants.revoke_grant(gw, w.person(each), ask)
                for login in ("brokerage-owner", "compliance", "analyst"))
    )  # fmt: skip
    assert won(answers) == 1
    assert {each.code.name for each in problems(answers)} <= {"conflict", "grant-ended"}
    async with w.db.read() as tx:
        kinds = (await tx.execute(sa.select(log_entry.c.kind))).scalars().all()
    assert list(kinds).count("grant:revoked") == 1
    await sound(w)


async def test_many_grants_at_once_have_a_log_without_gaps(pair: tuple[World, Gateway]) -> None:
    w, _ = pair
    s = await Scene(w).enter(3)
    waiting = []
    for client in s.clients:
        sent = await s.endorsed(scope=Scope(clients=(client,)))
        await s.approve(sent.request_id, "brokerage-owner")
        waiting.append(sent.request_id)

    def approval(request_id: str) -> Act:
        ask = ApproveRequest(request_id=request_id)
        return lambda gw: approvals.approve_request(gw, w.person("compliance"), ask)

    answers = await at_once(pair, *map(approval, waiting))
    assert won(answers) == 3
    for each in answers:
        verify_receipt(each.receipt, trust(w))  # type: ignore[attr-defined]
    await sound(w)


async def test_a_change_countersigned_by_two_is_applied_once(pair: tuple[World, Gateway]) -> None:
    w, _ = pair
    ask = ProposeItemChange(item_code="INT-COO-001", reason="年度复核", level=3)
    proposed = await catalogue_changes.propose_item_change(w.gw, w.person("steward"), ask)
    assert isinstance(proposed, ChangeOut)
    sign = CountersignItemChange(change_id=proposed.change_id)
    answers = await at_once(
        pair, *(lambda gw, each=login: catalogue_changes.countersign_item_change(gw, w.person(each), sign)
                for login in ("compliance", "compliance-2", "cco"))
    )  # fmt: skip
    assert won(answers) == 1
    assert {each.code.name for each in problems(answers)} == {"conflict"}


async def test_a_change_countersigned_and_rejected_at_once_has_one_outcome(pair: tuple[World, Gateway]) -> None:
    w, _ = pair
    ask = ProposeItemChange(item_code="INT-COO-001", reason="年度复核", level=3)
    proposed = await catalogue_changes.propose_item_change(w.gw, w.person("steward"), ask)
    assert isinstance(proposed, ChangeOut)
    sign = CountersignItemChange(change_id=proposed.change_id)
    reject = RejectItemChange(change_id=proposed.change_id, reason="无必要")
    answers = await at_once(
        pair,
        lambda gw: catalogue_changes.reject_item_change(gw, w.person("compliance-2"), reject),
        lambda gw: catalogue_changes.countersign_item_change(gw, w.person("compliance"), sign),
    )
    assert won(answers) == 1
    (done,) = (each for each in answers if isinstance(each, ChangeOut))
    item = await get_item(w.gw, w.person("compliance"), GetItem(item_code="INT-COO-001"))
    assert item.level == (3 if done.state == "applied" else 2)


async def test_the_clocks_of_two_replicas_do_each_thing_once(pair: tuple[World, Gateway]) -> None:
    w, _ = pair
    s = await Scene(w).enter(2)
    await s.granted(term_days=10, scope=Scope(clients=(s.clients[0],)))
    late = await s.submitted(scope=Scope(clients=(s.clients[1],)))
    w.clock.advance(days=30)
    ask = EndorseRequest(request_id=late.request_id)

    async def tick(gw: Gateway) -> object:
        return await clocks.expire_due(gw)

    answers = await at_once(
        pair, tick, tick, tick, lambda gw: approvals.endorse_request(gw, w.person("research-head"), ask), tick
    )
    assert isinstance(answers[3], Problem)
    await clocks.expire_due(w.gw)
    async with w.db.read() as tx:
        kinds = list((await tx.execute(sa.select(log_entry.c.kind))).scalars().all())
        acts = list((await tx.execute(sa.select(access.request_event.c.act))).scalars().all())
    assert kinds.count("grant:expired") == 1
    assert acts.count("time-out") == 1
    await sound(w)


async def test_a_request_met_by_another_change_says_so(pair: tuple[World, Gateway]) -> None:
    """Somebody commits between our reading and our writing: nothing of ours is kept."""
    w, other = pair
    if other is w.gw:
        pytest.skip("one writer at a time: SQLite cannot meet")
    s = await Scene(w).enter()
    sent = await s.submitted()
    with pytest.raises((Problem, TransientConflict)) as met:
        await withdraw_late(w, other, sent.request_id)
    assert isinstance(met.value, Problem)
    assert met.value.extra["first"] == "周明远"
    now = await request_views.get_request(w.gw, w.person("analyst"), GetRequest(request_id=sent.request_id))
    assert now.state == "owner_review"


async def withdraw_late(w: World, other: Gateway, request_id: str) -> None:
    """The request is read, changed by somebody else, and then withdrawn as it was read."""
    async with w.gw.begin() as tx:
        stored = await store.get_request(tx, request_id)
        ask = EndorseRequest(request_id=request_id)
        done = await approvals.endorse_request(other, w.person("research-head"), ask)
        assert not isinstance(done, Refusal)
        after = withdraw(stored.request, by=w.id_of("analyst"), now=tx.now)
        await store.set_request(tx, stored, after, act="withdraw", by=w.id_of("analyst"))
