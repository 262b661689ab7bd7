"""Institutions, units and people: who may take them in, what is on trail and ledger, what ends when somebody goes."""

import pytest
import sqlalchemy as sa

from gateway.domain.parties import EXCLUDING, PARTNER_ROLES, check_roles
from gateway.errors import Problem, Refusal
from gateway.schemas.grants import GetGrant
from gateway.schemas.parties import (
    ChangePerson,
    CreateInstitution,
    CreatePerson,
    CreateServiceAccount,
    CreateUnit,
    GetPerson,
    LeavePerson,
    ListInstitutions,
    ListPeople,
    ListUnits,
    MembershipsOf,
    SetInstitutionState,
    SuspendPerson,
    TransferPerson,
)
from gateway.schemas.sessions import CreateApiKey
from gateway.store import auth, parties
from gateway.store.tables.parties import institution
from gateway.usecases.api_keys import create_api_key
from gateway.usecases.grants import get_grant
from gateway.usecases.parties import (
    bootstrap,
    create_institution,
    create_unit,
    list_institutions,
    list_units,
    set_institution_state,
)
from gateway.usecases.people import (
    change_person,
    create_person,
    create_service_account,
    get_person,
    leave_person,
    list_memberships,
    list_people,
    suspend_person,
    transfer_person,
)
from ledger.entry import parse_entry, party_tag
from tests.gateway.doors import bearer, enter, events, give_password, refused
from tests.gateway.scene import Scene
from tests.world import World


@pytest.mark.parametrize("pair", sorted(map(sorted, EXCLUDING)))
def test_keepers_neither_use_nor_judge_data(pair: list[str]) -> None:
    with pytest.raises(Problem) as caught:
        check_roles(frozenset(pair), "firm")
    assert caught.value.code.name == "roles-exclude-each-other"


def test_roles_fit_the_kind_of_institution_and_of_account() -> None:
    assert check_roles(PARTNER_ROLES, "park") == PARTNER_ROLES
    for roles, kind, account in (
        ({"compliance"}, "bank", "person"),
        ({"regulator"}, "bank", "person"),
        ({"partner_user"}, "firm", "person"),
        ({"data_owner"}, "firm", "service"),
        ({"partner_admin"}, "park", "service"),
    ):
        with pytest.raises(Problem) as caught:
            check_roles(frozenset(roles), kind, account)
        assert caught.value.code.name == "role-not-for-institution"
    assert check_roles(frozenset({"regulator"}), "government")


async def test_bootstrap_happens_once_and_on_an_empty_installation() -> None:
    async with World(catalogue=False) as w:
        told = {"login": "root.admin", "name": "首位管理员", "firm_zh": "某证券"}
        assert await refused(bootstrap(w.gw, **told)) == "already-bootstrapped"
        async with w.db.begin() as tx:
            for table in ("person_role", "person", "unit", "institution"):
                await tx.execute(sa.text(f"DELETE FROM {table}"))
        made = await bootstrap(w.gw, **told)
        async with w.db.read() as tx:
            standing = await parties.find_standing(tx, made.person_id)
        assert standing is not None
        assert standing.active
        assert standing.person.roles == {"sysadmin"}
        assert await refused(bootstrap(w.gw, **told)) == "already-bootstrapped"


async def test_a_partner_is_admitted_by_a_second_person_and_its_people_follow_its_state() -> None:
    async with World(catalogue=False) as w:
        admin, compliance = w.person("sysadmin"), w.person("compliance")
        ask = CreateInstitution(
            institution_id="lessor-qinghe", kind="lessor", name_zh="清和租赁", uscc="91441900MA00T01A3F"
        )
        assert isinstance(await create_institution(w.gw, w.person("analyst"), ask), Refusal)
        made = await create_institution(w.gw, admin, ask)
        assert not isinstance(made, Refusal)
        assert made.state == "applied"
        assert await refused(create_institution(w.gw, admin, ask)) == "already-exists"
        live = SetInstitutionState(institution_id="lessor-qinghe", state="live")
        assert isinstance(await set_institution_state(w.gw, admin, live), Refusal)  # who proposed does not admit
        person = await create_person(
            w.gw, admin, CreatePerson(login="qh.user", name="租赁员", unit_id="lessor-qinghe", roles={"partner_user"})
        )
        assert not isinstance(person, Refusal)
        key = await _service_key(w, "lessor-qinghe")
        assert await refused(bearer(w, key)) == "not-signed-in"  # not yet admitted
        admitted = await set_institution_state(w.gw, compliance, live)
        assert not isinstance(admitted, Refusal)
        assert (await bearer(w, key)).login == "qh-feed"
        for state, ok in (("suspended", False), ("live", True), ("exited", False)):
            by = w.person("compliance-2" if state == "live" else "compliance")
            done = await set_institution_state(
                w.gw, by, SetInstitutionState(institution_id="lessor-qinghe", state=state)
            )
            assert not isinstance(done, Refusal)
            if ok:
                assert (await bearer(w, key)).login == "qh-feed"
            else:
                assert await refused(bearer(w, key)) == "not-signed-in"
        assert await refused(set_institution_state(w.gw, w.person("compliance-2"), live)) == "wrong-transition"
        assert len(await events(w, "institution:suspended")) == 1
        assert len(await events(w, "party:admit-institution")) == 1  # the refusal


async def _service_key(w: World, unit_id: str, login: str = "qh-feed") -> str:
    admin = w.person("sysadmin")
    account = await create_service_account(
        w.gw, admin, CreateServiceAccount(login=login, name="数据接口", unit_id=unit_id, roles={"partner_user"})
    )
    assert not isinstance(account, Refusal)
    made = await create_api_key(w.gw, admin, CreateApiKey(person_id=account.person_id, label="feed"))
    assert not isinstance(made, Refusal)
    return made.api_key


async def test_bad_input_names_field_and_leaves_nothing() -> None:
    async with World(catalogue=False) as w:
        admin = w.person("sysadmin")

        async def code(**changes: object) -> str:
            given = {"login": "new.one", "name": "新人", "unit_id": "research", "roles": ["requester"], **changes}
            return await refused(create_person(w.gw, admin, CreatePerson.model_validate(given)))

        assert await code(login="analyst") == "already-exists"
        assert await code(login="Ä bad login") == "invalid-input"
        assert await code(name="\u202ename") == "invalid-input"
        assert await code(unit_id="nowhere") == "not-found"
        assert await code(email="nobody") == "invalid-input"
        assert await code(roles=["sysadmin", "auditor"]) == "roles-exclude-each-other"
        assert await code(roles=["partner_user"]) == "role-not-for-institution"
        firm = CreateInstitution(kind="firm", name_zh="另一家")
        assert await refused(create_institution(w.gw, admin, firm)) == "invalid-input"
        wrong = CreateInstitution(kind="bank", name_zh="某行", uscc="91441900MA00T01A3X")
        assert await refused(create_institution(w.gw, admin, wrong)) == "invalid-uscc"
        async with w.db.read() as tx:
            assert await parties.find_person_by_login(tx, "new.one") is None


async def test_partner_administrators_look_after_their_own_people_alone() -> None:
    async with World(catalogue=False) as w:
        park = w.person("park-admin")
        made = await create_person(
            w.gw, park, CreatePerson(login="park.two", name="园区二号", unit_id="park-songlan", roles={"partner_user"})
        )
        assert not isinstance(made, Refusal)
        other = CreatePerson(login="bank.two", name="不应成功", unit_id="bank-yuejiang", roles={"partner_user"})
        assert isinstance(await create_person(w.gw, park, other), Refusal)
        inside = CreatePerson(login="firm.two", name="不应成功", unit_id="research", roles={"requester"})
        assert isinstance(await create_person(w.gw, park, inside), Refusal)
        bank = w.id_of("bank-user")
        for verb, ask in (
            (get_person, GetPerson(person_id=bank)),
            (change_person, ChangePerson(person_id=bank, clearance=5)),
            (suspend_person, SuspendPerson(person_id=bank)),
            (leave_person, LeavePerson(person_id=bank)),
        ):
            assert await refused(verb(w.gw, park, ask)) == "not-found"
        everybody = await list_people(w.gw, park, ListPeople(institution_id="bank-yuejiang"))
        assert {each.institution_id for each in everybody.items} == {"park-songlan"}
        seen = await list_institutions(w.gw, park, ListInstitutions())
        assert {each.institution_id for each in seen.items} == {"firm", "park-songlan"}
        units = await list_units(w.gw, park, ListUnits(limit=1000))
        assert {each.institution_id for each in units.items} == {"firm", "park-songlan"}
        assert (await list_units(w.gw, park, ListUnits(institution_id="bank-yuejiang"))).items == ()


async def test_people_are_listed_page_by_page_and_by_role() -> None:
    async with World(catalogue=False) as w:
        admin, seen, after = w.person("sysadmin"), [], None
        while True:
            page = await list_people(w.gw, admin, ListPeople(limit=7, after=after))
            seen += [each.login for each in page.items]
            after = page.next
            if after is None:
                break
        assert seen == sorted(w.people)
        owners = await list_people(w.gw, admin, ListPeople(role="data_owner", institution_id="firm"))
        assert {each.login for each in owners.items} == {"ib-owner", "brokerage-owner", "wealth-owner", "ops"}
        made = await create_unit(w.gw, admin, CreateUnit(unit_id="new-desk", institution_id="firm", name_zh="新部门"))
        assert not isinstance(made, Refusal)
        assert isinstance(
            await create_unit(w.gw, w.person("park-admin"), CreateUnit(institution_id="park-songlan", name_zh="二部")),
            Refusal,
        )


async def test_a_change_of_roles_is_a_ledger_entry_that_its_institution_recognises() -> None:
    async with World(catalogue=False) as w:
        admin, analyst = w.person("sysadmin"), w.id_of("analyst")
        changed = await change_person(
            w.gw, admin, ChangePerson(person_id=analyst, roles={"requester", "lead_rm"}, clearance=4)
        )
        assert not isinstance(changed, Refusal)
        assert changed.roles == ("lead_rm", "requester")
        held = await list_memberships(w.gw, admin, MembershipsOf(person_id=analyst))
        assert [each.roles for each in held.items] == [("lead_rm", "requester")]
        async with w.db.read() as tx:
            stored = await w.gw.grants_log.find_entry(tx, held.items[0].entry_id)
            assert stored is not None
            entry = parse_entry(stored.leaf)
            from gateway.usecases._entries import _tag_key

            assert entry.tags == (party_tag(await _tag_key(w.gw, tx, "firm"), entry.entry_id),)
            assert entry.tags != (party_tag(await _tag_key(w.gw, tx, "park-songlan"), entry.entry_id),)
        assert entry.kind == "membership:changed"
        assert analyst.encode() not in stored.leaf
        assert b"lead_rm" not in stored.leaf
        # what is no change of roles is no entry
        await change_person(w.gw, w.person("sysadmin"), ChangePerson(person_id=analyst, email="a@b.example"))
        again = await list_memberships(w.gw, admin, MembershipsOf(person_id=analyst))
        assert len(again.items) == 1
        fields = [row["fields"] for row in await events(w, "person:changed")]
        assert "roles" in fields[0]
        assert "email" in fields[1]


async def test_nobody_changes_oneself_and_operators_do_not_make_themselves_readers() -> None:
    async with World(catalogue=False) as w:
        admin = w.person("sysadmin")
        own = ChangePerson(person_id=admin.id, roles={"requester"})
        assert isinstance(await change_person(w.gw, admin, own), Refusal)
        assert await refused(suspend_person(w.gw, admin, SuspendPerson(person_id=admin.id))) == "invalid-input"
        assert isinstance(await change_person(w.gw, w.person("analyst"), ChangePerson(person_id=admin.id)), Refusal)
        refusals = await events(w, "party:change-user")
        assert [row["outcome"] for row in refusals] == ["refused", "refused"]


async def test_two_changes_at_once_do_not_overwrite_each_other() -> None:
    async with World(catalogue=False) as w, w.gw.begin() as tx:
        old = await parties.get_person(tx, w.id_of("analyst"))
        from dataclasses import replace

        await parties.set_person(tx, old, replace(old, clearance=5, generation=2), "x")
        assert await refused(parties.set_person(tx, old, replace(old, clearance=1, generation=2), "x")) == "conflict"


@pytest.mark.parametrize("how", ["leave", "transfer", "suspend"])
async def test_rights_end_with_the_very_commit(how: str) -> None:
    async with World(catalogue=False) as w:
        await give_password(w, "analyst")
        admin, analyst = w.person("sysadmin"), w.id_of("analyst")
        session = (await enter(w, "analyst")).token.get_secret_value()
        own = await bearer(w, session, by_cookie=True)
        key = await create_api_key(w.gw, own, CreateApiKey(label="own"))
        assert not isinstance(key, Refusal)
        for cached in (False, True):
            assert (await bearer(w, session, by_cookie=True, cached=cached)).id == analyst
            assert (await bearer(w, key.api_key, cached=cached)).id == analyst
        if how == "leave":
            done = await leave_person(w.gw, admin, LeavePerson(person_id=analyst, reason="离职"))
        elif how == "transfer":
            done = await transfer_person(
                w.gw, admin, TransferPerson(person_id=analyst, unit_id="wealth", roles={"lead_rm"})
            )
        else:
            done = await suspend_person(w.gw, admin, SuspendPerson(person_id=analyst))
        assert not isinstance(done, Refusal)
        for cached in (True, False):
            assert await refused(bearer(w, session, by_cookie=True, cached=cached)) == "not-signed-in"
            assert await refused(bearer(w, key.api_key, cached=cached)) == "not-signed-in"
        async with w.db.read() as tx:
            person = await parties.get_person(tx, analyst)
            password = await auth.find_password(tx, analyst)
        assert person.generation > own.generation
        if how == "leave":
            assert (person.state, person.roles, password) == ("left", frozenset(), None)
            assert await refused(enter(w, "analyst")) == "sign-in-failed"
            assert (
                await refused(suspend_person(w.gw, admin, SuspendPerson(person_id=analyst, suspended=False)))
                == "wrong-transition"
            )
            assert (
                await refused(change_person(w.gw, admin, ChangePerson(person_id=analyst, clearance=5)))
                == "invalid-input"
            )
        elif how == "transfer":
            again = await bearer(w, (await enter(w, "analyst")).token.get_secret_value(), by_cookie=True)
            assert (again.unit_id, again.roles) == ("wealth", {"lead_rm"})
        else:
            assert await refused(enter(w, "analyst")) == "sign-in-failed"
            await suspend_person(w.gw, admin, SuspendPerson(person_id=analyst, suspended=False))
            assert (await bearer(w, key.api_key)).id == analyst  # the key waited; the session did not
            assert await refused(bearer(w, session, by_cookie=True)) == "not-signed-in"


async def test_what_was_granted_to_a_leaver_by_name_ends_with_the_commit_and_on_the_ledger() -> None:
    async with World() as w:
        granted = await (await Scene(w).enter()).granted()
        left = await leave_person(w.gw, w.person("sysadmin"), LeavePerson(person_id=w.id_of("analyst")))
        assert not isinstance(left, Refusal)
        seen = await get_grant(w.gw, w.person("compliance"), GetGrant(grant_id=granted.grant_id))
        assert not isinstance(seen, Refusal)
        assert seen.state == "revoked"
        assert [row["reason"] for row in await events(w, "grant:revoked")] == ["left"]


async def test_partners_keys_are_sealed_in_the_database() -> None:
    async with World(catalogue=False) as w, w.db.read() as tx:
        rows = (await tx.execute(sa.select(institution.c.institution_id, institution.c.tag_key))).all()
        from gateway.usecases._entries import _tag_key

        for name, kept in rows:
            opened = await _tag_key(w.gw, tx, name)
            assert len(opened) == 32
            assert opened not in bytes(kept)
