"""A grant is what its entry says, holds for what it says, and ends when it is ended."""

import pytest
import sqlalchemy as sa

from gateway.domain.access import approve_step
from gateway.domain.workdays import default_calendar
from gateway.errors import Refusal
from gateway.schemas.disclosure import Disclose, Disclosure
from gateway.schemas.grants import (
    GetGrant,
    GrantMoved,
    GrantOut,
    GrantReceipt,
    GrantsAboutToExpire,
    ListGrants,
    RenewGrant,
    RevokeGrant,
    Scope,
    WhoReadsMyData,
)
from gateway.schemas.records import EnterRecord
from gateway.schemas.requests import ItemAsk
from gateway.store.tables import access
from gateway.usecases import clocks, grants
from gateway.usecases._granting import end_grants_of, give
from gateway.usecases._requests import open_case
from gateway.usecases.disclose import disclose
from gateway.usecases.people import leave_person, transfer_person
from gateway.usecases.records import enter_record
from gateway.worker import write_grant_uses
from ledger.entry import party_tag
from ledger.errors import VerificationError
from ledger.receipt import parse_receipt, verify_receipt
from tests.gateway.scene import MOBILE, Scene, code_of, problem_of
from tests.gateway.test_requests import count, kinds_for, trust
from tests.world import World

DAY = 86_400_000_000


async def reads(w: World, s: Scene, login: str = "analyst", n: int = 0, purpose: str = "collaboration") -> str:
    """`values`, or the reason of the refusal."""
    found = await disclose(w.gw, w.person(login), Disclose(record_id=s.contacts[n], purpose=purpose))
    return found.reason if isinstance(found, Refusal) else "values" if found.record.values else "nothing"


async def test_revoked_means_not_at_the_next_read_with_entry_event_and_notice() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        grant = await s.granted()
        assert await reads(w, s) == "values"
        done = await grants.revoke_grant(
            w.gw, w.person("brokerage-owner"), RevokeGrant(grant_id=grant.grant_id, reason="合作终止")
        )
        assert isinstance(done, GrantMoved), done
        assert done.state == "revoked"
        assert done.revoked_reason == "合作终止"
        assert await reads(w, s) == "no-grant"
        verified = verify_receipt(done.receipt or "", trust(w))
        assert verified.entry.kind == "grant:revoked"
        assert verified.fields["grant"] == grant.grant_id
        assert verified.fields["reason"] == "revoked"
        assert "grant-revoked" in await kinds_for(w, "analyst")
        again = RevokeGrant(grant_id=grant.grant_id, reason="再撤一次")
        assert await code_of(grants.revoke_grant(w.gw, w.person("brokerage-owner"), again)) == "grant-ended"


@pytest.mark.parametrize(
    ("login", "answer"),
    [
        ("compliance", ""), ("cco", ""), ("pi-officer", ""), ("research-head", ""), ("analyst", ""),
        ("ib-owner", "not-found"), ("bank-user", "not-found"), ("sysadmin", "not-found"),
        ("auditor", "refused:not-permitted"), ("brokerage-rm", "refused:not-permitted"),
    ],
)  # fmt: skip
async def test_who_may_revoke(login: str, answer: str) -> None:
    async with World() as w:
        s = await Scene(w).enter()
        grant = await s.granted()
        ask = RevokeGrant(grant_id=grant.grant_id, reason="不再需要")
        if answer:
            found = await code_of(grants.revoke_grant(w.gw, w.person(login), ask))
            assert found.split(":")[0] == answer.split(":", maxsplit=1)[0]
            assert await reads(w, s) == "values"
        else:
            assert isinstance(await grants.revoke_grant(w.gw, w.person(login), ask), GrantMoved)
            assert await reads(w, s) == "no-grant"


async def test_the_receipt_shows_the_terms_to_the_parties_and_nothing_to_the_log() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        grant = await s.granted()
        shown = await grants.grant_receipt(w.gw, w.person("brokerage-owner"), GrantReceipt(grant_id=grant.grant_id))
        assert shown.kind == "grant:approved"
        assert shown.openings["terms_hash"] == grant.terms_hash
        verify_receipt(shown.receipt, trust(w))
        leaf = parse_receipt(shown.receipt).leaf.decode()
        for secret in (grant.grant_id, "research", "brokerage", "collaboration", s.clients[0], "INT-CON-001", MOBILE):
            assert secret not in leaf
        for other in ("ib-rm", "bank-user"):
            ask = GrantReceipt(grant_id=grant.grant_id)
            assert await code_of(grants.grant_receipt(w.gw, w.person(other), ask)) == "not-found"
        forged = shown.receipt.replace('"term', '"ter\\u006d', 1)
        with pytest.raises(VerificationError):
            verify_receipt(forged, trust(w))


async def test_both_parties_find_the_entry_by_their_tag_and_others_do_not() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        await s.consent()
        grant = await bank_grant(s)
        from gateway.usecases._entries import _tag_key

        async with w.db.read() as tx:
            entry = await w.gw.grants_log.find_entry(tx, grant.entry_id)
            assert entry is not None
            leaf = entry.leaf.decode()
            for institution, there in (("firm", True), ("bank-yuejiang", True), ("park-songlan", False)):
                assert (party_tag(await _tag_key(w.gw, tx, institution), grant.entry_id) in leaf) is there


async def bank_grant(s: Scene, **changes: object) -> GrantOut:
    """The bank's application for one client's contact, with consent and assessment, all the way."""
    sent = await s.endorsed(
        "bank-user", "bank-head",
        **{
            "purpose": "credit-due-diligence", "legal_basis": "PIPL 13-1(1); PIPL 23", "assessment_ref": "PIA-2026-001",
            "safety_officer": "D0021", "consents": await consents_of(s), **changes,
        },
    )  # fmt: skip
    for login in ("brokerage-owner", "compliance"):
        await s.approve(sent.request_id, login)
    done = await s.approve(sent.request_id, "pi-officer")
    assert done.grant is not None, done.state
    return done.grant


async def consents_of(s: Scene) -> tuple[str, ...]:
    async with s.w.db.read() as tx:
        return tuple((await tx.execute(sa.select(access.consent.c.consent_id))).scalars().all())


async def test_a_masked_grant_gives_masked_values() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        items = (ItemAsk(item_code="INT-CON-001"), ItemAsk(item_code="INT-CON-003"))
        await s.granted(items=items, masked=True)
        found = await disclose(w.gw, w.person("analyst"), Disclose(record_id=s.contacts[0], purpose="collaboration"))
        assert isinstance(found, Disclosure)
        assert found.record.values["mobile"] != MOBILE[:-1] + "0"
        assert "****" in str(found.record.values["mobile"])
        assert "mask" in found.obligations


async def test_the_use_limit_holds() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        await s.granted(use_limit=2)
        assert [await reads(w, s) for _ in range(3)] == ["values", "values", "exhausted"]


async def test_a_grant_for_the_unit_serves_colleagues_and_one_for_a_person_does_not() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        await s.granted(grantee="unit")
        assert await reads(w, s, "research-head") == "values"
        assert await reads(w, s, "ib-rm") == "no-grant"


async def test_a_grant_covers_the_listed_client_and_no_other() -> None:
    async with World() as w:
        s = await Scene(w).enter(2)
        await s.granted(scope=Scope(clients=(s.clients[0],)))
        assert await reads(w, s, n=0) == "values"
        assert await reads(w, s, n=1) == "no-grant"


async def test_expiry_stops_reads_by_itself_and_the_clock_writes_it_down_once() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        grant = await s.granted(term_days=10)
        w.clock.advance(days=10)
        assert await reads(w, s) != "values"
        shown = await grants.get_grant(w.gw, w.person("analyst"), GetGrant(grant_id=grant.grant_id))
        assert shown.state == "expired"
        assert await clocks.expire_due(w.gw) == 1
        assert await clocks.expire_due(w.gw) == 0
        after = await grants.grant_receipt(w.gw, w.person("analyst"), GrantReceipt(grant_id=grant.grant_id))
        assert after.kind == "grant:expired"
        verify_receipt(after.receipt, trust(w))
        assert "grant-expired" in await kinds_for(w, "analyst")


async def test_the_end_is_announced_once_in_the_window_of_renewal() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        await s.granted(term_days=60)
        await clocks.expire_due(w.gw)
        assert "grant-expiring" not in await kinds_for(w, "analyst")
        w.clock.advance(days=46)
        await clocks.expire_due(w.gw)
        await clocks.expire_due(w.gw)
        assert (await kinds_for(w, "analyst")).count("grant-expiring") == 1
        near = await grants.grants_about_to_expire(w.gw, w.person("analyst"), GrantsAboutToExpire(days=15))
        assert len(near.items) == 1
        near = await grants.grants_about_to_expire(w.gw, w.person("analyst"), GrantsAboutToExpire(days=5))
        assert near.items == ()


async def test_renewal_by_the_owner_in_the_last_days_after_use_and_twice_at_most() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        grant = await s.granted(term_days=20)
        owner, holder = w.person("brokerage-owner"), w.person("analyst")
        ask = RenewGrant(grant_id=grant.grant_id)
        problem = await problem_of(grants.renew_grant(w.gw, owner, ask))
        assert problem.extra["why"] == "too-early"
        w.clock.advance(days=10)
        problem = await problem_of(grants.renew_grant(w.gw, owner, ask))
        assert problem.extra["why"] == "not-used"
        assert await reads(w, s) == "values"
        await write_grant_uses(w.gw)
        asked = await grants.renew_grant(w.gw, holder, ask)
        assert isinstance(asked, GrantMoved)
        assert asked.renewal_asked
        assert asked.grant_id == grant.grant_id
        assert "renewal-asked" in await kinds_for(w, "brokerage-owner")
        fresh = await grants.renew_grant(w.gw, owner, ask)
        assert isinstance(fresh, GrantMoved)
        assert fresh.grant_id != grant.grant_id
        assert fresh.renewals == 1
        assert fresh.not_after - fresh.not_before == 20 * DAY
        assert verify_receipt(fresh.receipt or "", trust(w)).entry.kind == "grant:renewed"
        old = await grants.get_grant(w.gw, owner, GetGrant(grant_id=grant.grant_id))
        assert old.state == "superseded"
        assert await reads(w, s) == "values"
        for _ in range(2):
            w.clock.advance(days=18)
            await reads(w, s)
            await write_grant_uses(w.gw)
            again = await grants_or_why(w, fresh.grant_id)
            if isinstance(again, str):
                assert again == "renewed-twice"
                break
            fresh = again
        else:
            raise AssertionError("renewed three times")


async def test_data_of_two_units_takes_both_owners_and_is_renewed_by_neither_alone() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        values = {"name": "钱示例", "mobile": "13800007777", "title": "财务负责人"}
        ask = EnterRecord(client_id=s.clients[0], field_group="contact", values=values, duplicate_ok=True)
        second = await enter_record(w.gw, w.person("wealth-rm"), ask)
        assert not isinstance(second, Refusal)
        sent = await s.endorsed(term_days=20)
        await s.approve(sent.request_id, "brokerage-owner")
        half = await s.approve(sent.request_id, "wealth-owner")
        assert half.state == "compliance_review"
        done = await s.approve(sent.request_id, "compliance")
        assert done.grant is not None
        assert done.grant.grantors == ("brokerage", "wealth")
        s.contacts.append(second.record_id)
        assert [await reads(w, s, n=0), await reads(w, s, n=1)] == ["values", "values"]
        await write_grant_uses(w.gw)
        w.clock.advance(days=10)
        assert await grants_or_why(w, done.grant.grant_id) == "several-owners"


async def test_data_that_another_unit_brings_in_later_is_not_in_the_grant() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        await s.granted()
        values = {"name": "钱示例", "mobile": "13800007777", "title": "财务负责人"}
        ask = EnterRecord(client_id=s.clients[0], field_group="contact", values=values, duplicate_ok=True)
        second = await enter_record(w.gw, w.person("wealth-rm"), ask)
        assert not isinstance(second, Refusal)
        s.contacts.append(second.record_id)
        assert await reads(w, s, n=0) == "values"
        assert await reads(w, s, n=1) != "values"


async def grants_or_why(w: World, grant_id: str) -> GrantMoved | str:
    from gateway.errors import Problem

    try:
        found = await grants.renew_grant(w.gw, w.person("brokerage-owner"), RenewGrant(grant_id=grant_id))
    except Problem as problem:
        return str(problem.extra["why"])
    assert isinstance(found, GrantMoved)
    return found


async def test_lists_by_side_state_client_and_item() -> None:
    async with World() as w:
        s = await Scene(w).enter(2)
        grant = await s.granted(scope=Scope(clients=(s.clients[0],)))

        async def ids(login: str, **ask: object) -> list[str]:
            page = await grants.list_grants(w.gw, w.person(login), ListGrants(**ask))  # type: ignore[arg-type]
            assert not isinstance(page, Refusal)
            return [each.grant_id for each in page.items]

        one = [grant.grant_id]
        assert await ids("analyst") == one
        assert await ids("research-head") == []  # a person's own grant is not the unit's
        assert await ids("brokerage-owner", view="given") == one
        assert await ids("ib-owner", view="given") == []
        assert await ids("compliance", view="all") == one
        assert await ids("analyst", client=s.clients[0]) == one
        assert await ids("analyst", client=s.clients[1]) == []
        assert await ids("analyst", item_code="INT-CON-002") == one
        assert await ids("analyst", item_code="INT-CON-003") == []
        assert await ids("analyst", state="expired") == []
        w.clock.advance(days=31)
        assert await ids("analyst", state="expired") == one
        assert await ids("analyst", state="active") == []
        page = await grants.list_grants(w.gw, w.person("ib-rm"), ListGrants(view="all"))
        assert isinstance(page, Refusal)


async def test_who_reads_my_data_counts_uses_and_rows() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        grant = await s.granted()
        for _ in range(3):
            await reads(w, s)
        await write_grant_uses(w.gw)
        w.clock.advance(hours=2)
        page = await grants.who_reads_my_data(w.gw, w.person("brokerage-owner"), WhoReadsMyData())
        assert not isinstance(page, Refusal)
        (found,) = page.items
        assert (found.grant_id, found.uses, found.rows) == (grant.grant_id, 3, 3)
        assert found.grantee_name == "林知夏"
        other = await grants.who_reads_my_data(w.gw, w.person("ib-owner"), WhoReadsMyData())
        assert not isinstance(other, Refusal)
        assert other.items == ()
        before = await grants.who_reads_my_data(
            w.gw, w.person("brokerage-owner"), WhoReadsMyData(since=w.clock.now - 60 * DAY, until=w.clock.now - DAY)
        )
        assert not isinstance(before, Refusal)
        assert before.items == ()
        assert isinstance(await grants.who_reads_my_data(w.gw, w.person("analyst"), WhoReadsMyData()), Refusal)


async def test_leaver_and_transfer_lose_their_own_grants_at_once() -> None:
    from gateway.schemas.parties import LeavePerson, TransferPerson

    async with World() as w:
        s = await Scene(w).enter()
        await s.granted()
        await leave_person(w.gw, w.person("sysadmin"), LeavePerson(person_id=w.id_of("analyst")))
        async with w.db.read() as tx:
            states = (await tx.execute(sa.select(access.access_grant.c.state))).scalars().all()
        assert states == ["revoked"]
    async with World() as w:
        s = await Scene(w).enter()
        await s.granted(grantee="unit")
        ask = TransferPerson(person_id=w.id_of("analyst"), unit_id="wealth")
        await transfer_person(w.gw, w.person("sysadmin"), ask)
        assert await reads(w, s, "research-head") == "values"  # the unit's grant stays with the unit


async def test_ending_by_unit_institution_and_client_names_each_entry() -> None:
    async with World() as w:
        s = await Scene(w).enter(2)
        await s.granted(scope=Scope(clients=(s.clients[0],)))
        await s.granted(scope=Scope(clients=(s.clients[1],)))
        async with w.gw.begin() as tx:
            assert await end_grants_of(w.gw, tx, None, client=s.clients[0], reason="suppressed") == 1
        assert await reads(w, s, n=0) == "no-grant"
        assert await reads(w, s, n=1) == "values"
        async with w.gw.begin() as tx:
            assert await end_grants_of(w.gw, tx, None, institution="firm", reason="agreement-ended") == 1
            assert await end_grants_of(w.gw, tx, None, unit="research", reason="agreement-ended") == 0
            assert await end_grants_of(w.gw, tx, None, reason="nothing-named") == 0
        assert await reads(w, s, n=1) == "no-grant"


async def test_no_grant_without_entry_and_no_entry_without_grant() -> None:
    """The commit fails at its very end: neither row, nor entry, nor event, nor notice is there."""
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.endorsed()
        await s.approve(sent.request_id, "brokerage-owner")
        from audit.tables import trail_event
        from gateway.store.tables import operation
        from ledger.tables import log_entry

        tables = (access.access_grant, access.grant_item, log_entry, trail_event, operation.notice, operation.outbox)
        before = [await count(w, table) for table in tables]
        with pytest.raises(RuntimeError, match="broken"):
            await give_and_break(w, sent.request_id)
        assert [await count(w, table) for table in tables] == before
        done = await s.approve(sent.request_id, "compliance")
        assert done.grant is not None


async def give_and_break(w: World, request_id: str) -> None:
    """The last signature is given, and the transaction breaks before its commit."""
    async with w.gw.begin() as tx:
        case = await open_case(w.gw, tx, w.person("compliance"), request_id)
        approver = case.approver(case.mine()[0])
        after = approve_step(case.request, by=approver, now=tx.now, calendar=default_calendar())
        await give(w.gw, tx, w.person("compliance"), after)
        raise RuntimeError("broken")
