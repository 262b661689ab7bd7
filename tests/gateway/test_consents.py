"""A consent is bound to receiver, purpose, item and person; without it a partner reads nothing."""

from typing import Any

import pytest
import sqlalchemy as sa

from gateway.errors import Refusal
from gateway.schemas.consents import ConsentOut, ListConsents, RegisterConsent, WithdrawConsent
from gateway.schemas.disclosure import Disclose, Disclosure
from gateway.schemas.records import EnterRecord
from gateway.schemas.requests import SubmitRequest
from gateway.store.tables import access
from gateway.usecases import consents, records, requests
from gateway.usecases.disclose import disclose
from tests.gateway.scene import EVIDENCE, Scene, code_of, problem_of
from tests.gateway.test_grants import bank_grant, consents_of
from tests.gateway.test_requests import kinds_for
from tests.world import World

DAY = 86_400_000_000
BANK = {
    "purpose": "credit-due-diligence", "legal_basis": "PIPL 13-1(1); PIPL 23", "assessment_ref": "PIA-2026-001",
    "safety_officer": "D0021",
}  # fmt: skip


async def bank_reads(w: World, record_id: str) -> str:
    ask = Disclose(record_id=record_id, purpose="credit-due-diligence")
    found = await disclose(w.gw, w.person("bank-user"), ask)
    return "values" if isinstance(found, Disclosure) and found.record.values else "refused"


async def test_with_consent_a_partner_reads_and_withdrawal_stops_the_next_read() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        given = await s.consent()
        assert given.state == "valid"
        grant = await bank_grant(s)
        assert await bank_reads(w, s.contacts[0]) == "values"
        gone = await consents.withdraw_consent(
            w.gw, w.person("brokerage-rm"), WithdrawConsent(consent_id=given.consent_id, reason="本人要求")
        )
        assert isinstance(gone, ConsentOut), gone
        assert gone.state == "withdrawn"
        assert gone.grants_ended == 1
        assert await bank_reads(w, s.contacts[0]) == "refused"
        async with w.db.read() as tx:
            row = (await tx.execute(sa.select(access.access_grant.c.state, access.access_grant.c.revoked_reason))).one()
        assert tuple(row) == ("revoked", "consent-withdrawn")
        assert "grant-revoked" in await kinds_for(w, "bank-user")
        assert "consent-withdrawn" in await kinds_for(w, "pi-officer")
        again = WithdrawConsent(consent_id=given.consent_id)
        assert await code_of(consents.withdraw_consent(w.gw, w.person("brokerage-rm"), again)) == (
            "consent-already-withdrawn"
        )
        assert grant.state == "active"


async def test_a_person_who_did_not_consent_is_not_read_even_under_the_grant() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        await s.consent()
        await bank_grant(s)
        values = {"name": "赵示例", "mobile": "13800009999", "title": "财务总监"}
        ask = EnterRecord(client_id=s.clients[0], field_group="contact", values=values)
        late = await records.enter_record(w.gw, w.person("brokerage-rm"), ask)
        assert not isinstance(late, Refusal)
        assert await bank_reads(w, s.contacts[0]) == "values"
        assert await bank_reads(w, late.record_id) == "refused"
        from gateway.schemas.disclosure import Query
        from gateway.usecases.disclose import query

        page = await query(w.gw, w.person("bank-user"), Query(field_group="contact", purpose="credit-due-diligence"))
        assert not isinstance(page, Refusal)
        assert [each.record_id for each in page.items] == [s.contacts[0]]
        assert "赵示例" not in page.model_dump_json()


@pytest.mark.parametrize(
    "changes",
    [
        {"receiver": "park-songlan"},
        {"purpose": "financing"},
        {"items": ("INT-CON-001",)},
        {"kind": "general"},
    ],
)
async def test_a_consent_for_something_else_does_not_carry_the_request(changes: dict[str, Any]) -> None:
    async with World() as w:
        s = await Scene(w).enter()
        await s.consent(**changes)
        made = await s.draft("bank-user", **BANK, consents=await consents_of(s))
        ask = SubmitRequest(request_id=made.request_id)
        problem = await problem_of(requests.submit_request(w.gw, w.person("bank-user"), ask))
        assert {error.code for error in problem.errors} == {"consent-not-covering"}


async def test_no_consent_unknown_consent_and_a_tag_instead_of_a_list() -> None:
    from gateway.schemas.grants import Scope

    async with World() as w:
        s = await Scene(w).enter()

        async def flaws(**changes: Any) -> set[str]:
            made = await s.draft("bank-user", **{**BANK, **changes})
            ask = SubmitRequest(request_id=made.request_id)
            problem = await problem_of(requests.submit_request(w.gw, w.person("bank-user"), ask))
            return {error.code for error in problem.errors}

        assert "consent-missing" in await flaws()
        assert "unknown-consent" in await flaws(consents=("no-such-consent",))
        await s.consent()
        held = await consents_of(s)
        assert "list-needed" in await flaws(consents=held, scope=Scope(tags=("x",)))
        assert "assessment-missing" in await flaws(consents=held, assessment_ref="")


async def test_a_consent_that_runs_out_stops_reads_by_itself() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        await s.consent(not_after=w.clock.now + 5 * DAY)
        await bank_grant(s)
        assert await bank_reads(w, s.contacts[0]) == "values"
        w.clock.advance(days=6)
        assert await bank_reads(w, s.contacts[0]) == "refused"


async def test_a_consent_withdrawn_between_submission_and_approval_gives_nothing() -> None:
    from gateway.schemas.requests import ApproveRequest
    from gateway.usecases import approvals

    async with World() as w:
        s = await Scene(w).enter()
        given = await s.consent()
        sent = await s.endorsed("bank-user", "bank-head", **BANK, consents=(given.consent_id,))
        for login in ("brokerage-owner", "compliance"):
            await s.approve(sent.request_id, login)
        await consents.withdraw_consent(w.gw, w.person("brokerage-rm"), WithdrawConsent(consent_id=given.consent_id))
        ask = ApproveRequest(request_id=sent.request_id)
        assert await code_of(approvals.approve_request(w.gw, w.person("pi-officer"), ask)) == "invalid-access-request"


async def test_registering_is_for_those_who_keep_the_client() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        now = w.clock.now
        ask = RegisterConsent(
            kind="separate", client=s.clients[0], record_id=s.contacts[0], receiver="bank-yuejiang",
            purpose="credit-due-diligence", items=("INT-CON-001",), notice_version="2026-1", evidence_hash=EVIDENCE,
            not_before=now, not_after=now + DAY,
        )  # fmt: skip
        assert isinstance(await consents.register_consent(w.gw, w.person("pi-officer"), ask), ConsentOut)
        for login in ("bank-user", "ib-rm"):
            assert await code_of(consents.register_consent(w.gw, w.person(login), ask)) == "not-found"
            unknown = ask.model_copy(update={"client": "91441900MA00T07G0E"})
            assert await code_of(consents.register_consent(w.gw, w.person(login), unknown)) == "not-found"
        by = w.person("brokerage-rm")
        for changes, code in (
            ({"receiver": "nobody"}, "invalid-input"),
            ({"purpose": "made-up"}, "invalid-input"),
            ({"items": ("XXX-001",)}, "unknown-item"),
            ({"record_id": None}, "invalid-consent"),
            ({"record_id": "no-such-record"}, "not-found"),
            ({"not_after": now - 1}, "invalid-consent"),
        ):
            bad = ask.model_copy(update=changes)
            assert await code_of(consents.register_consent(w.gw, by, bad)) == code, changes


async def test_lists_show_what_concerns_the_unit() -> None:
    async with World() as w:
        s = await Scene(w).enter(2)
        first, second = await s.consent(0), await s.consent(1, receiver="park-songlan", purpose="park-service")

        async def ids(login: str, **ask: Any) -> set[str]:
            page = await consents.list_consents(w.gw, w.person(login), ListConsents(**ask))
            return {each.consent_id for each in page.items}

        both = {first.consent_id, second.consent_id}
        assert await ids("brokerage-rm") == both
        assert await ids("pi-officer") == both
        assert await ids("bank-user") == {first.consent_id}
        assert await ids("park-user") == {second.consent_id}
        assert await ids("ib-rm") == set()
        assert await ids("brokerage-rm", client=s.clients[0]) == {first.consent_id}
        assert await ids("brokerage-rm", client="91441900MA00T07G0E") == set()
        assert await ids("brokerage-rm", state="ended") == set()
        w.clock.advance(days=100)
        assert await ids("brokerage-rm", state="ended") == both
        assert await ids("brokerage-rm", state="valid") == set()
