"""Reading: who gets which fields, on which ground, and what everybody else is told; on both databases where it matters."""

import asyncio
import csv
import dataclasses
import io
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.errors import Problem, Refusal
from gateway.keys.interface import ProviderUnavailable
from gateway.schemas.consents import WithdrawConsent
from gateway.schemas.disclosure import Disclose, Disclosure, Export, GetClient, Query, SearchClients, Verify
from gateway.schemas.grants import RevokeGrant
from gateway.schemas.records import RecordReceivers, RegisterClient
from gateway.schemas.requests import ItemAsk
from gateway.store.tables import barrier, parties, records
from gateway.usecases import VERBS
from gateway.worker import write_grant_uses
from tests.gateway.reading import CODES, CONTACT, PURPOSE, Stage, anonymous, console, fields_of, outcome
from tests.world import World

ALL_CONTACT = set(CONTACT)
VISIT = {
    "date": "2026-03-02", "channel": "现场", "staff": "D0011", "memo": "谈及可转债安排与下一步工作计划", "feedback": "客户有意向",
    "next_action": "送方案", "due_date": "2026-03-20",
}  # fmt: skip
NAME_TITLE = (ItemAsk(item_code="INT-CON-001"), ItemAsk(item_code="INT-CON-002"))
WITH_MOBILE = (*NAME_TITLE, ItemAsk(item_code="INT-CON-003"))


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with World() as w:
        stage = Stage(w)
        await stage.enter(2)
        yield stage


@pytest.fixture
async def both(database_url: str) -> AsyncIterator[Stage]:
    async with World(database_url) as w:
        stage = Stage(w)
        await stage.enter(2)
        yield stage


# --- who gets what -------------------------------------------------------------------------------------------------


async def test_truth_table(stage: Stage) -> None:
    w = stage.w
    client = await stage.client("brokerage-rm", "91441900MA00T0400W", "东莞市岚山精密有限公司")
    gated = await stage.put("brokerage-rm", client, CONTACT)
    stage.clients, stage.contacts = [client], [gated]
    await stage.granted()
    released = {"name", "title"}
    table: list[tuple[Any, str, set[str] | str]] = [
        # who, purpose -> the fields, or the reason of the refusal
        ("brokerage-rm", PURPOSE, ALL_CONTACT - {"id_no"}),
        ("brokerage-owner", PURPOSE, ALL_CONTACT - {"id_no"}),
        ("analyst", PURPOSE, released),
        ("analyst", "client-service", "purpose-mismatch"),
        ("analyst", "supervision", "purpose-mismatch"),
        ("research-head", PURPOSE, "no-grant"),  # the grant is the analyst's own
        ("wealth-rm", PURPOSE, "no-grant"),
        ("ib-rm", PURPOSE, "no-grant"),
        ("ops", PURPOSE, "role-without-data"),
        ("sysadmin", PURPOSE, "role-without-data"),
        ("custodian", PURPOSE, "role-without-data"),
        ("park-user", PURPOSE, "no-grant"),
        ("bank-user", PURPOSE, "no-grant"),
        ("samr-user", PURPOSE, "no-grant"),
        ("park-user", "supervision", "no-grant"),
        ("compliance", "supervision", ALL_CONTACT - {"id_no"}),
        ("cco", "supervision", ALL_CONTACT - {"id_no"}),
        ("compliance", PURPOSE, "no-grant"),
        ("auditor", "audit", ALL_CONTACT - {"id_no"}),
        ("auditor", "supervision", "no-grant"),
        ("auditor", PURPOSE, "no-grant"),
        ("steward", PURPOSE, "no-grant"),
    ]
    for who, purpose, expected in table:
        answer = await stage.read(who, gated, purpose)
        if isinstance(expected, set):
            assert fields_of(answer) == expected, (who, purpose, answer)
        else:
            assert isinstance(answer, Refusal), (who, purpose, answer)
            assert answer.reason == expected, (who, purpose, answer)
            assert bool(answer.rule or answer.explanation) == (who in {"compliance", "cco"}), (who, answer)
    # the auditor and the fourth level see masks, never the value
    masked = await stage.read("auditor", gated, "audit")
    assert masked.record.values["mobile"] == "138****1230"
    assert "mask" in masked.obligations
    assert set(masked.record.masked) >= {"mobile", "name"}
    # what is not shared is its owner's, asked for by name, and nobody else's
    own = await stage.read("brokerage-owner", gated, fields=("id_no",))
    assert own.record.values == {"id_no": CONTACT["id_no"]}
    assert await outcome(stage.read("brokerage-rm", gated, fields=("id_no",))) == "refused:clearance"
    for who, purpose in (("analyst", PURPOSE), ("compliance", "supervision"), ("auditor", "audit")):
        assert not fields_of(await stage.read(who, gated, purpose, fields=("id_no",))), who
    allowed = await stage.trail("disclose")
    assert len({row["read_id"] for row in allowed}) == len(table) + 6
    assert {row["outcome"] for row in allowed} == {"allowed", "refused"}
    assert all(row["read_id"] and row["actor"] and row["source"] for row in allowed)
    assert w.id_of("analyst") in {row["actor"] for row in allowed if row["grant_id"] and row["outcome"] == "allowed"}


async def test_standing_is_read_at_every_read(stage: Stage) -> None:
    await stage.granted()

    async def set_person(**values: Any) -> None:
        async with stage.w.db.begin() as tx:
            who = parties.person.c.person_id == stage.w.id_of("analyst")
            await tx.execute(sa.update(parties.person).where(who).values(**values))

    assert await outcome(stage.read("analyst")) == "allowed"
    await set_person(state="suspended")
    assert await outcome(stage.read("analyst")) in {"refused:inactive", "refused:suppressed-or-absent"}
    await set_person(state="active", trained_until=stage.w.clock.now)  # exclusive: lapsed at this very microsecond
    assert fields_of(await stage.read("analyst")) == {"title"}, "the second level asks for no training"
    assert await outcome(stage.read("analyst", fields=("name",))) == "refused:training-lapsed"
    await set_person(trained_until=stage.w.clock.now + 1)
    assert await outcome(stage.read("analyst")) == "allowed"
    await set_person(clearance=2)
    # the name is of the third level; the title, of the second, may still be read
    assert fields_of(await stage.read("analyst")) == {"title"}
    await set_person(clearance=1)
    assert await outcome(stage.read("analyst")) == "refused:clearance"
    await set_person(clearance=3, generation=2)
    assert await outcome(stage.read("analyst")) == "rights-changed"


async def test_exactly_the_granted_fields_purpose_and_term(stage: Stage) -> None:
    grant = await stage.granted()
    assert fields_of(await stage.read("analyst")) == {"name", "title"}
    assert fields_of(await stage.read("analyst", fields=("title",))) == {"title"}
    assert await outcome(stage.read("analyst", fields=("name", "mobile"))) == "refused:no-grant"
    assert await outcome(stage.query("analyst", fields=("mobile",))) == "refused:no-grant"
    assert await outcome(stage.read("analyst", fields=("no_such_field",))) == "unknown-field"
    for purpose in ("", "none", "credit-due-diligence", "no-such-purpose", "协作", "a b", "x" * 40):
        answer = await stage.read("analyst", purpose=purpose)
        assert isinstance(answer, Refusal), purpose
    assert await outcome(stage.read(stage.w.person("analyst", channel="api"))) == "refused:use-not-granted"
    # the term: to the microsecond, both ends
    now = stage.w.clock.now
    await stage.alter(grant.grant_id, not_before=now + 1)
    assert await outcome(stage.read("analyst")) == "refused:expired"
    await stage.alter(grant.grant_id, not_before=now, not_after=now + 1)
    assert await outcome(stage.read("analyst")) == "allowed"
    await stage.alter(grant.grant_id, not_after=now)
    assert await outcome(stage.read("analyst")) == "refused:expired"
    assert await outcome(stage.query("analyst")) == "refused:expired"
    # a clock that goes back does not bring anything to life that has not been so then
    await stage.alter(grant.grant_id, not_before=now, not_after=now + 10)
    stage.w.clock.now = now - 1
    assert await outcome(stage.read("analyst")) == "refused:expired"


async def test_a_masked_grant_releases_masks_on_every_path(stage: Stage) -> None:
    grant = await stage.granted(items=WITH_MOBILE, uses=("view", "export"), masked=True)
    assert grant.masked
    one = await stage.read("analyst")
    assert one.record.values["mobile"] == "138****1230"
    assert "mask" in one.obligations
    page = await stage.query("analyst")
    assert {row.values["mobile"] for row in page.items} == {"138****1230", "138****1231"}
    taken = await stage.do(
        "export", "analyst", Export(field_group="contact", purpose=PURPOSE, format="csv", reason="存档备查用")
    )
    assert b"13800001230" not in taken.content
    # to be told that a guess is right would undo the mask
    found = await outcome(stage.query("analyst", match_field="mobile", match_value="13800001230"))
    assert found == "refused:use-not-granted"


async def test_open_mode_and_its_withheld_neighbours(stage: Stage) -> None:
    public = await stage.put(
        "samr-user", await _client_of(stage, "samr-user"), {"reg_status": "存续", "scope": "电子元件"}, "public_credit"
    )
    for who in ("analyst", "park-user", "bank-user", "compliance"):
        assert fields_of(await stage.read(who, public, "client-referral")) == {"reg_status", "scope"}, who
        page = await stage.query(who, "client-referral", field_group="public_credit")
        assert fields_of(page) == {"reg_status", "scope"}, who
        assert page.end
    async with stage.w.db.read() as tx:  # in clear, and nothing sealed with it
        row = (await tx.execute(sa.select(records.record).where(records.record.c.record_id == public))).mappings().one()
    assert row["sealed"] is None
    assert "存续" in row["open_values"]


async def _client_of(stage: Stage, login: str) -> str:
    return await stage.client(login, "91441900MA00T05078", "东莞市示范新材料有限公司")


# --- limits --------------------------------------------------------------------------------------------------------


async def test_use_limit_under_concurrency(both: Stage) -> None:
    n = 6
    grant = await both.granted(use_limit=n)
    answers = await asyncio.gather(*(both.read("analyst", both.contacts[i % 2]) for i in range(2 * n)))
    good = [each for each in answers if isinstance(each, Disclosure)]
    assert len(good) == n
    assert {each.reason for each in answers if isinstance(each, Refusal)} == {"exhausted"}
    assert (await both.grant_row(grant.grant_id))["use_count"] == n
    stood = await both.trail("disclose")
    assert len([row for row in stood if row["outcome"] == "allowed"]) == n
    assert len([row for row in stood if row["outcome"] == "refused"]) == n
    assert await outcome(both.query("analyst")) == "refused:exhausted"


async def test_rate_costs_nothing_when_refused(both: Stage) -> None:
    grant = await both.granted(use_limit=10, rate_per_hour=2)
    answers = await asyncio.gather(*(both.read("analyst") for _ in range(5)))
    assert len([each for each in answers if isinstance(each, Disclosure)]) == 2
    assert (await both.grant_row(grant.grant_id))["use_count"] == 2, "a refused read must not use the grant up"
    both.w.clock.advance(hours=1)
    assert await outcome(both.read("analyst")) == "allowed"
    assert (await both.grant_row(grant.grant_id))["use_count"] == 3


async def test_row_cap_holds_over_pages_filters_and_single_reads(stage: Stage) -> None:
    for n in range(6):
        stage.contacts.append(
            await stage.put("brokerage-rm", stage.clients[n % 2], {"name": f"示例{'甲乙丙丁戊己'[n]}", "title": "经理"})
        )
    await stage.granted(row_cap=5, uses=("view", "export"))
    seen: list[str] = []
    after = None
    while True:
        page = await stage.query("analyst", after=after, limit=2)
        seen += [row.record_id for row in page.items]
        assert page.end == (page.next is None)
        if page.end:
            break
        after = page.next
    assert seen == sorted(stage.contacts)[:5]
    by_client = {
        row.record_id for client in stage.clients for row in (await stage.query("analyst", client_id=client)).items
    }
    assert by_client == set(seen), "narrowing the query must not widen the grant"
    singly = {record for record in stage.contacts if fields_of(await stage.read("analyst", record))}
    assert singly == set(seen), "nor must reading one by one"
    far = await stage.query("analyst", after="00000000")
    assert {row.record_id for row in far.items} <= set(seen)
    taken = await stage.do(
        "export", "analyst", Export(field_group="contact", purpose=PURPOSE, format="csv", reason="存档备查用")
    )
    assert taken.rows == 5


async def test_unlimited_grants_count_later_but_they_count(stage: Stage) -> None:
    grant = await stage.granted()
    for _ in range(3):
        await stage.read("analyst")
    await stage.query("analyst")
    assert await write_grant_uses(stage.w.gw) == 1
    assert (await stage.grant_row(grant.grant_id))["use_count"] == 4
    assert await write_grant_uses(stage.w.gw) == 0


# --- ends ----------------------------------------------------------------------------------------------------------


async def test_revocation_holds_for_every_read_that_begins_after_it(both: Stage) -> None:
    grant = await both.granted()
    log: list[tuple[str, bool]] = []
    revoked = asyncio.Event()

    async def reader() -> None:
        for _ in range(12):
            begun_after = revoked.is_set()
            answer = await (both.read("analyst") if len(log) % 2 else both.query("analyst"))
            log.append(("after" if begun_after else "before", not isinstance(answer, Refusal)))
            await asyncio.sleep(0)

    async def ender() -> None:
        await asyncio.sleep(0.02)
        done = await both.do(
            "revoke_grant", "brokerage-owner", RevokeGrant(grant_id=grant.grant_id, reason="项目结束了")
        )
        assert done.state == "revoked"
        revoked.set()

    await asyncio.gather(reader(), reader(), ender())
    log.append(("after", not isinstance(await both.read("analyst"), Refusal)))
    assert not any(allowed for when, allowed in log if when == "after")
    assert any(allowed for when, allowed in log if when == "before")


async def test_withdrawn_consent_stops_the_next_read(stage: Stage) -> None:
    w = stage.w
    consent = await stage.consent()
    stage.clients, stage.contacts = stage.clients[:1], stage.contacts[:1]
    form = {
        "purpose": "credit-due-diligence", "consents": (consent.consent_id,), "uses": ("view", "verify"),
        "legal_basis": "PIPL 13-1(1), 23", "assessment_ref": "PIA-2026-001", "safety_officer": "D0001",
    }  # fmt: skip
    sent = await stage.endorsed("bank-user", "bank-head", **form)
    await stage.approve(sent.request_id, "brokerage-owner")
    done = await stage.approve(sent.request_id, "compliance")
    while done.grant is None and done.state in {"cco_review", "pi_review"}:
        done = await stage.approve(sent.request_id, {"cco_review": "cco", "pi_review": "pi-officer"}[done.state])
    assert done.grant is not None, done.state
    asked = Verify(
        client_id=stage.clients[0], field_group="contact", field="name", value="王示例", purpose="credit-due-diligence"
    )
    assert fields_of(await stage.read("bank-user", purpose="credit-due-diligence")) == {"name", "title"}
    assert (await stage.do("verify", "bank-user", asked)).matches
    ended = await stage.do(
        "withdraw_consent", "brokerage-rm", WithdrawConsent(consent_id=consent.consent_id, reason="本人要求撤回")
    )
    assert not isinstance(ended, Refusal), ended
    assert isinstance(await stage.read("bank-user", purpose="credit-due-diligence"), Refusal)
    assert isinstance(await stage.query("bank-user", "credit-due-diligence"), Refusal)
    assert isinstance(await stage.do("verify", "bank-user", asked), Refusal)
    assert w.gw.trail.failed == 0


# --- what nobody is told -------------------------------------------------------------------------------------------


async def test_forbidden_suppressed_and_unknown_look_alike_over_http(stage: Stage) -> None:
    """Byte for byte, status and headers, on every path that names a record or a client."""
    w = stage.w
    hidden_client, hidden = stage.clients[1], stage.contacts[1]
    visit = await stage.put("brokerage-rm", stage.clients[0], VISIT, "visit")
    await stage.suppress(hidden_client)
    unknown = str(uuid.uuid4())
    for login in ("park-user", "analyst"):
        async with console(w, login) as http:

            async def post(path: str, body: Any, http: Any = http) -> tuple[Any, ...]:
                return _plain(await http.post(path, json=body))

            async def get(path: str, http: Any = http) -> tuple[Any, ...]:
                return _plain(await http.get(path))

            # a partner: forbidden = unknown; a department: suppressed = unknown
            records_ = [hidden, unknown] + ([stage.contacts[0], visit] if login == "park-user" else [])
            clients = [hidden_client, unknown] + ([stage.clients[0]] if login == "park-user" else [])
            for fields in (None, ["name"], ["mobile", "title"], ["memo"], ["id_no"], ["nonsense"]):
                body = {"purpose": PURPOSE, "fields": fields}
                assert len({await post(f"/v1/records/{r}/disclose", body) for r in records_}) == 1, (login, fields)
            for group in ("contact", "visit", "cooperation", "model_output"):
                for purpose in (PURPOSE, "supervision", "audit"):
                    page = {"field_group": group, "purpose": purpose}
                    assert len({await post("/v1/query", {**page, "client_id": c}) for c in clients}) == 1, (
                        login,
                        group,
                        purpose,
                    )
                    search = {**page, "match_field": "mobile", "match_value": "13800001231"}
                    missing = {**search, "match_value": "13900009999"}
                    if group == "contact":
                        assert await post("/v1/query", search) == await post("/v1/query", missing), (login, purpose)
                    verify = {**page, "field": "name" if group == "contact" else "memo", "value": "王示例"}
                    if group in {"contact", "visit"}:
                        assert len({await post("/v1/verify", {**verify, "client_id": c}) for c in clients}) == 1, (
                            login,
                            group,
                        )
                    export = {**page, "reason": "存档备查用", "format": "csv"}
                    assert len({await post("/v1/export", {**export, "client_id": c}) for c in clients}) == 1, (
                        login,
                        group,
                    )
            assert len({await get(f"/v1/clients/{c}") for c in clients}) == 1, login
            for r in records_:
                assert await get(f"/v1/records/{r}/receivers") == await get(f"/v1/records/{unknown}/receivers")
                assert await get(f"/v1/records/{r}/history") == await get(f"/v1/records/{unknown}/history")
            # the list, its length and its paging
            listed = await http.get("/v1/clients?limit=1")
            assert listed.status_code == 200, listed.text
            names = [item["client_id"] for item in listed.json()["items"]]
            assert hidden_client not in names
            assert names == ([stage.clients[0]] if login == "analyst" else [])
            assert listed.json()["next"] is None
            for q in ("莞芯乙", CODES[1], CODES[1][:15], "13800001231"):
                assert (await http.get("/v1/clients", params={"q": q})).json()["items"] == [], q


def _plain(response: Any) -> tuple[Any, ...]:
    """Everything that a caller sees of an answer, without what is random in each."""
    assert response.status_code not in {401, 429, 500, 503}, response.text
    body = response.json() if "json" in response.headers.get("content-type", "") else response.text
    if isinstance(body, dict):
        body = {k: v for k, v in body.items() if k not in {"decision_id", "instance", "read_id"}}
    told = {k: v for k, v in response.headers.items() if k not in {"x-request-id", "x-read-id"}}
    return response.status_code, repr(body), repr(sorted(told.items()))


async def test_registering_does_not_tell_what_is_there(stage: Stage) -> None:
    await stage.suppress(stage.clients[1])
    taken = await stage.do(
        "register_client", "wealth-rm", RegisterClient(uscc=CODES[1], name="东莞市莞芯乙微电子有限公司")
    )
    alike = await stage.do(
        "register_client", "wealth-rm", RegisterClient(uscc="91441900MA00T0400W", name="东莞市莞芯乙微电子有限公司")
    )
    partner = await stage.do(
        "register_client", "park-user", RegisterClient(uscc=CODES[0], name="东莞市莞芯甲微电子有限公司")
    )
    assert taken == alike == partner
    assert (taken.state, taken.client_id) == ("pending", None)


async def test_listed_clients_are_as_if_nothing_were_granted(stage: Stage) -> None:
    """A quiet period or a restricted listing is not to be told from a client that is not there; watching shows nothing."""
    await stage.granted(purpose=PURPOSE)
    await stage.list_it(stage.clients[0], "watch")
    before = await stage.read("analyst", stage.contacts[0])
    unwatched = await stage.read("analyst", stage.contacts[1])
    assert before.obligations == unwatched.obligations, "a watched client must not be known by its obligations"
    await stage.list_it(stage.clients[0], "restricted")
    absent = await stage.read("analyst", str(uuid.uuid4()))
    assert anonymous(await stage.read("analyst", stage.contacts[0])) == anonymous(absent)
    page = await stage.query("analyst", limit=1)
    assert [row.record_id for row in page.items] == [stage.contacts[1]]
    assert (page.next, page.end, page.withheld) == (None, True, ())
    # without any grant it reads as every other client does
    assert anonymous(await stage.read("wealth-rm", stage.contacts[0])) == anonymous(
        await stage.read("wealth-rm", stage.contacts[1])
    )
    # the trail knows better, and compliance is told
    rules = {row["rule"] for row in await stage.trail("disclose") if row["outcome"] == "refused"}
    assert any((rule or "").startswith("WALL") for rule in rules), rules
    # the mandatory card stays, whatever is listed, proposed or granted
    for kind in ("quiet", "watch"):
        await stage.list_it(stage.clients[0], kind)
    for who in ("analyst", "wealth-rm", "ops", "auditor", "steward"):
        view = await stage.do("get_client", who, GetClient(client_id=stage.clients[0]))
        assert view.card.name == "东莞市莞芯甲微电子有限公司", who
        found = await stage.do("search_clients", who, SearchClients(q="莞芯甲"))
        assert [card.client_id for card in found.items] == [stage.clients[0]], who


async def test_suppression_hides_the_card_everywhere_and_ends(stage: Stage) -> None:
    await stage.granted()
    barrier_id = await stage.suppress(stage.clients[0])
    assert isinstance(await stage.do("get_client", "analyst", GetClient(client_id=stage.clients[0])), Refusal)
    assert isinstance(await stage.read("analyst"), Refusal), "a live grant does not outlive a suppression"
    page = await stage.query("analyst", limit=1)
    assert [row.client_id for row in page.items] == [stage.clients[1]]
    assert page.end
    assert fields_of(await stage.read("compliance", purpose="supervision"))
    assert fields_of(await stage.read("brokerage-rm")), "its owner goes on reading its own"
    own = await stage.do("get_client", "brokerage-rm", GetClient(client_id=stage.clients[0]))
    assert isinstance(own, Refusal) or all(each.owner_unit == "brokerage" for each in own.holdings)
    async with stage.w.db.begin() as tx:  # it ends by itself, at its very microsecond
        here = barrier.name_suppression.c.suppression_id == barrier_id
        await tx.execute(sa.update(barrier.name_suppression).where(here).values(not_after=stage.w.clock.now))
    assert fields_of(await stage.read("analyst")) == {"name", "title"}
    assert not isinstance(await stage.do("get_client", "analyst", GetClient(client_id=stage.clients[0])), Refusal)


async def test_search_is_no_oracle_for_fields_that_are_not_granted(stage: Stage) -> None:
    await stage.granted(uses=("view", "verify"))  # names and titles, not mobiles
    hit = await stage.query("analyst", match_field="mobile", match_value="13800001230")
    miss = await stage.query("analyst", match_field="mobile", match_value="13900000000")
    assert anonymous(hit) == anonymous(miss)
    right = Verify(
        client_id=stage.clients[0], field_group="contact", field="mobile", value="13800001230", purpose=PURPOSE
    )
    wrong = right.model_copy(update={"value": "13900000000"})
    assert anonymous(await stage.do("verify", "analyst", right)) == anonymous(
        await stage.do("verify", "analyst", wrong)
    )
    nobody = Verify(client_id=str(uuid.uuid4()), field_group="contact", field="name", value="王示例", purpose=PURPOSE)
    assert isinstance(await stage.do("verify", "analyst", nobody), Refusal), "a client out of scope is no `no`"


async def test_search_in_granted_fields(stage: Stage) -> None:
    grant = await stage.granted(items=WITH_MOBILE, uses=("view", "verify"), use_limit=5)
    found = await stage.query("analyst", match_field="mobile", match_value=" 138-0000-1231 ", limit=1)
    assert [row.record_id for row in found.items] == [stage.contacts[1]]
    assert found.end
    missed = await stage.query("analyst", match_field="mobile", match_value="13900000000")
    assert missed.items == ()
    assert missed.end
    assert (await stage.grant_row(grant.grant_id))["use_count"] == 2, "a guess costs a use, right or wrong"
    for value, expected in (("王示例", True), (" 王示例 ", True), ("王示", False), ("", False)):
        ask = Verify(client_id=stage.clients[0], field_group="contact", field="name", value=value, purpose=PURPOSE)
        answer = await stage.do("verify", "analyst", ask) if value else None
        assert answer is None or answer.matches is expected, value
        assert answer is None or "王示例" not in answer.model_dump_json()
    own = await stage.query("brokerage-rm", match_field="mobile", match_value="13800001230")
    assert [row.record_id for row in own.items] == [stage.contacts[0]]


# --- walls between competitors -------------------------------------------------------------------------------------


async def test_first_touch_race_has_one_winner(both: Stage) -> None:
    await both.granted()
    await both.conflict("chips", *both.clients)
    answers = await asyncio.gather(*(both.read("analyst", record) for record in both.contacts * 3))
    won = {each.record.record_id for each in answers if isinstance(each, Disclosure)}
    assert len(won) == 1, "competitors of one class were both read"
    async with both.w.db.read() as tx:
        touched = (await tx.execute(sa.select(barrier.conflict_touch))).mappings().all()
    assert len(touched) == 1
    other = next(record for record in both.contacts if record not in won)
    assert isinstance(await both.read("analyst", other), Refusal)
    assert fields_of(await both.read("analyst", won.pop())) == {"name", "title"}


async def test_one_page_does_not_bring_two_competitors(stage: Stage) -> None:
    await stage.granted(uses=("view", "export"))
    await stage.conflict("chips", *stage.clients)
    page = await stage.query("analyst")
    assert len({row.client_id for row in page.items}) == 1
    again = await stage.query("analyst")
    assert [row.record_id for row in again.items] == [row.record_id for row in page.items]
    taken = await stage.do(
        "export", "analyst", Export(field_group="contact", purpose=PURPOSE, format="csv", reason="存档备查用")
    )
    assert isinstance(taken, Refusal) or taken.rows == 1
    # whoever supervises has no side
    assert len({row.client_id for row in (await stage.query("compliance", "supervision")).items}) == 2


async def test_reading_what_is_open_is_no_touch(stage: Stage) -> None:
    public = await stage.put("samr-user", await _client_of(stage, "samr-user"), {"reg_status": "存续"}, "public_credit")
    async with stage.w.db.read() as tx:
        client = (
            await tx.execute(sa.select(records.record.c.client_id).where(records.record.c.record_id == public))
        ).scalar()
    await stage.conflict("chips", stage.clients[0], str(client))
    await stage.granted()
    assert fields_of(await stage.read("analyst", public, "client-referral"))
    assert fields_of(await stage.read("analyst", stage.contacts[0])), "the public register closed no door"


# --- durable or nothing --------------------------------------------------------------------------------------------


async def test_nothing_leaves_without_a_trail(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = await stage.granted(use_limit=9)
    await stage.w.gw.trail.stop()
    opened: list[str] = []
    real = __import__("gateway.usecases._opening", fromlist=["open_"]).open_
    monkeypatch.setattr("gateway.usecases._opening.open_", lambda *a: opened.append("!") or real(*a))
    verify = Verify(client_id=stage.clients[0], field_group="contact", field="name", value="王示例", purpose=PURPOSE)
    asks = [
        ("disclose", "analyst", Disclose(record_id=stage.contacts[0], purpose=PURPOSE)),
        ("disclose", "brokerage-rm", Disclose(record_id=stage.contacts[0], purpose=PURPOSE)),
        ("disclose", "park-user", Disclose(record_id=stage.contacts[0], purpose=PURPOSE)),
        ("query", "brokerage-rm", Query(field_group="contact", purpose=PURPOSE)),
        ("verify", "brokerage-rm", verify),
        ("export", "compliance", Export(field_group="contact", purpose="supervision", reason="存档备查用")),
        ("search_clients", "analyst", SearchClients(q="莞芯")),
        ("get_client", "analyst", GetClient(client_id=stage.clients[0])),
    ]
    for verb, who, ask in asks:
        assert await outcome(stage.do(verb, who, ask)) == "trail-unavailable", (verb, who)
    assert opened == []
    assert (await stage.grant_row(grant.grant_id))["use_count"] == 0
    await stage.w.gw.trail.start()
    assert await outcome(stage.read("analyst")) == "allowed"


async def test_nothing_leaves_without_the_key(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    grant = await stage.granted(use_limit=9)
    stage.w.gw.keyring.flush()

    def away(*_: Any) -> bytes:
        raise ProviderUnavailable("the device does not answer")

    monkeypatch.setattr(stage.w.provider, "unwrap", away)
    with pytest.raises(Problem) as caught:
        await stage.read("analyst")
    assert caught.value.code.name == "key-provider-unavailable"
    assert caught.value.code.remedy_zh
    assert (await stage.grant_row(grant.grant_id))["use_count"] == 0
    assert await outcome(stage.query("brokerage-rm")) == "key-provider-unavailable"
    assert await outcome(stage.read("wealth-rm")) == "refused:no-grant", "a refusal needs no key"
    monkeypatch.undo()
    assert await outcome(stage.read("analyst")) == "allowed"


async def test_what_cannot_be_opened_leaves_a_second_event(stage: Stage) -> None:
    await stage.granted(uses=("view", "verify", "export"))
    async with stage.w.db.begin() as tx:
        here = records.record.c.record_id == stage.contacts[0]
        blob = bytes((await tx.execute(sa.select(records.record.c.sealed).where(here))).scalar() or b"")
        await tx.execute(sa.update(records.record).where(here).values(sealed=blob[:-1] + bytes([blob[-1] ^ 1])))
    assert await outcome(stage.read("analyst")) not in {"allowed"}
    first, second = await stage.trail("disclose"), await stage.trail("disclose:failed")
    assert [row["outcome"] for row in first] == ["allowed"]
    assert [row["outcome"] for row in second] == ["failed"]
    assert first[0]["read_id"] == second[0]["read_id"]
    assert await outcome(stage.query("analyst")) != "allowed"
    assert len(await stage.trail("query:failed")) == 1
    verify = Verify(client_id=stage.clients[0], field_group="contact", field="name", value="王示例", purpose=PURPOSE)
    assert await outcome(stage.do("verify", "analyst", verify)) != "allowed"
    assert len(await stage.trail("verify:failed")) == 1
    ask = Export(field_group="contact", purpose=PURPOSE, reason="存档备查用")
    assert await outcome(stage.do("export", "analyst", ask)) != "allowed"
    assert len(await stage.trail("export:failed")) == 1


async def test_every_answer_stands_on_the_trail(stage: Stage) -> None:
    """Each verb that may disclose leaves exactly one opening event per decision, allowed or refused, with its read id."""
    await stage.granted(uses=("view", "verify", "export"))
    verify = Verify(client_id=stage.clients[0], field_group="contact", field="name", value="王示例", purpose=PURPOSE)
    export = Export(field_group="contact", purpose=PURPOSE, format="csv", reason="存档备查用")
    for verb, ask, action in (
        ("disclose", Disclose(record_id=stage.contacts[0], purpose=PURPOSE), "disclose"),
        ("query", Query(field_group="contact", purpose=PURPOSE), "query"),
        ("verify", verify, "verify"),
        ("export", export, "export"),
        ("search_clients", SearchClients(q="莞芯"), "search"),
        ("get_client", GetClient(client_id=stage.clients[0]), "card"),
    ):
        for who in ("analyst", "wealth-rm", "park-user", "sysadmin"):
            known = len(await stage.trail(action))
            answer = await stage.do(verb, who, ask)
            added = (await stage.trail(action))[known:]
            assert added, (verb, who)
            expected = "refused" if isinstance(answer, Refusal) else "allowed"
            assert expected in {row["outcome"] for row in added}, (verb, who, answer)
            assert {row["read_id"] for row in added} == {getattr(answer, "decision_id", "") or answer.read_id}, (
                verb,
                who,
            )
    closing = await stage.trail("query:closed")
    assert [row["record_count"] for row in closing] == [2]


async def test_export_is_marked_and_harmless(stage: Stage) -> None:
    nasty = await stage.put("brokerage-rm", stage.clients[0], {"name": "示例丁", "title": "=HYPERLINK(1)"})
    await stage.granted(uses=("view", "export"))
    assert (
        await outcome(
            stage.do("export", "wealth-rm", Export(field_group="contact", purpose=PURPOSE, reason="存档备查用"))
        )
        == "refused:no-grant"
    )
    ask = Export(field_group="contact", purpose=PURPOSE, format="csv", reason="存档备查用")
    taken = await stage.do("export", "analyst", ask)
    rows = list(csv.reader(io.StringIO(taken.content.decode("utf-8-sig"))))
    body = next(row for row in rows if row and row[0].startswith(nasty))
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in body)
    assert "林知夏" in taken.content.decode("utf-8-sig"), "the reader's mark"
    sheet = await stage.do("export", "analyst", ask.model_copy(update={"format": "xlsx"}))
    assert sheet.content[:2] == b"PK"
    assert len(await stage.trail("export:closed")) == 2


async def test_owners_see_who_receives(stage: Stage) -> None:
    grant = await stage.granted()
    seen = await stage.do("record_receivers", "brokerage-rm", RecordReceivers(record_id=stage.contacts[0]))
    assert [each.grant_id for each in seen.items] == [grant.grant_id]
    await stage.do("revoke_grant", "brokerage-owner", RevokeGrant(grant_id=grant.grant_id, reason="项目结束了"))
    seen = await stage.do("record_receivers", "brokerage-rm", RecordReceivers(record_id=stage.contacts[0]))
    assert seen.items == ()
    assert (
        await outcome(stage.do("record_receivers", "analyst", RecordReceivers(record_id=stage.contacts[0])))
        == "not-found"
    )


async def test_a_grant_that_is_named_and_gone_is_not_replaced(stage: Stage) -> None:
    """Naming a grant that does not hold must not fall back on another ground."""
    await stage.put(
        "ib-rm", await stage.client("ib-rm", "91441900MA00T0400W", "东莞市岚山精密有限公司"), {"name": "示例戊"}
    )
    assert fields_of(await stage.query("ib-rm")) == {"name"}
    assert isinstance(await stage.query("ib-rm", grant_id=str(uuid.uuid4())), Refusal)
    assert isinstance(await stage.query("compliance", "supervision", grant_id=str(uuid.uuid4())), Refusal)


async def test_searching_names(stage: Stage) -> None:
    async def found(who: str, q: str) -> int:
        return len((await stage.do("search_clients", who, SearchClients(q=q))).items)

    assert await found("analyst", "莞芯") == 2
    assert await found("analyst", CODES[0]) == 1
    assert await found("analyst", CODES[0].lower()) == 1
    assert await found("analyst", "") == 2
    for q in ("!!!", "%", "_", "'; DROP TABLE client;--", "（）", "　"):
        assert await found("analyst", q) in ({0} if q.strip() else {2}), q
    assert await found("park-user", "莞芯") == 0


def test_verbs_are_the_registered_ones() -> None:
    assert {"disclose", "query", "verify", "export", "search_clients", "get_client"} <= VERBS.keys()
    assert dataclasses.is_dataclass(Refusal)
