"""Institutions and their units: who takes part, how that begins, and what ends when it ends."""

from dataclasses import dataclass

from gateway.domain.catalogue import owner_units
from gateway.domain.ids import random_id
from gateway.domain.parties import Institution, Person, Unit, clean_code, clean_name, moved_institution, wrong
from gateway.domain.principal import Principal, system_principal
from gateway.domain.uscc import parse_uscc
from gateway.errors import Problem, Refusal, declare
from gateway.runtime import Gateway
from gateway.schemas.base import Page
from gateway.schemas.parties import (
    CreateInstitution,
    CreateUnit,
    InstitutionOut,
    ListInstitutions,
    ListUnits,
    SetInstitutionState,
    UnitOut,
)
from gateway.store import parties as store
from gateway.store.db import Tx
from gateway.usecases._door import door_of
from gateway.usecases._granting import end_grants_of
from gateway.usecases._moves import may
from gateway.usecases._parties import (
    add_person,
    end_credentials,
    new_one_time,
    new_person,
    new_tag_key,
    record,
)
from policies.vocabulary import MoveObject

BOOTSTRAPPED = declare(
    "already-bootstrapped", "conflict",
    zh="首位管理员已经存在", en="There is a first administrator already",
    remedy_zh="请由现有系统管理员新建人员", remedy_en="Let a system administrator create further people",
)  # fmt: skip
FIRM = "firm"


@dataclass(frozen=True, slots=True)
class Bootstrapped:
    """The first administrator, and what the password is set with. Shown once."""

    person_id: str
    login: str
    one_time_token: str
    expires_at: int


async def bootstrap(gw: Gateway, *, login: str, name: str, firm_zh: str, firm_en: str = "") -> Bootstrapped:
    """The firm with the departments of the default catalogue, and its first system administrator.

    Works once: raises `Problem(already-bootstrapped)` when there is anybody. No route leads here: it takes the
    database itself.
    """
    by = system_principal("init")
    async with gw.begin() as tx:
        if await store.count_people(tx):
            raise Problem(BOOTSTRAPPED)
        firm = Institution(
            FIRM, "firm", clean_name(firm_zh, "firm_zh"), clean_name(firm_en, "firm_en", required=False), None, "live",
            by.id, tx.now,
        )  # fmt: skip
        await store.add_institution(tx, firm, await new_tag_key(gw, tx, FIRM))
        departments = [
            unit for unit in owner_units().values() if unit.kind == "firm" and not unit.stands_for_owner_of_record
        ]
        for unit in departments:
            await store.add_unit(tx, Unit(unit.unit, FIRM, unit.name_zh, unit.name_en, unit.side, True, tx.now))
        home = "it" if any(unit.unit == "it" for unit in departments) else departments[0].unit
        person = new_person(
            tx, kind="person", login=login, name=name, unit=await store.get_unit(tx, home), clearance=1,
            roles=frozenset({"sysadmin"}),
        )  # fmt: skip
        await add_person(gw, tx, by, person)
        token, expires_at = await new_one_time(tx, person.person_id, by.id)
        record(tx, by, "party:bootstrapped", "person", person.person_id)
    return Bootstrapped(person.person_id, person.login, token, expires_at)


async def create_institution(gw: Gateway, by: Principal, ask: CreateInstitution) -> InstitutionOut | Refusal:
    """The partner has applied, with itself as its one unit. It has no rights until somebody else admits it."""
    if ask.kind == "firm":
        raise wrong("kind", "本机构只有一家,初始化时已登记", "there is one firm, made at installation")
    institution_id = clean_code(ask.institution_id, "institution_id") if ask.institution_id else random_id()
    name_zh, name_en = clean_name(ask.name_zh, "name_zh"), clean_name(ask.name_en, "name_en", required=False)
    uscc = str(parse_uscc(ask.uscc)[0]) if ask.uscc else None
    async with gw.begin() as tx:
        thing = MoveObject(kind="party", requester=by.id, institution=institution_id)
        refused = await may(gw, tx, by, "party:add-institution", thing, institution_id)
        if refused is not None:
            return refused
        institution = Institution(institution_id, ask.kind, name_zh, name_en, uscc, "applied", by.id, tx.now)
        await store.add_institution(tx, institution, await new_tag_key(gw, tx, institution_id))
        await store.add_unit(tx, Unit(institution_id, institution_id, name_zh, name_en, "none", True, tx.now))
        record(tx, by, "institution:applied", "institution", institution_id)
    return InstitutionOut.model_validate(institution)


async def list_institutions(gw: Gateway, by: Principal, ask: ListInstitutions) -> Page[InstitutionOut]:
    """All of them for the firm's people; a partner sees itself and the firm, never another partner."""
    async with gw.db.read() as tx:
        found = await store.list_institutions(
            tx, after=ask.after, limit=ask.limit + 1, kind=ask.kind, only=None if by.internal else by.institution_id
        )
    items = tuple(InstitutionOut.model_validate(each) for each in found[: ask.limit])
    return Page[InstitutionOut](items=items, next=items[-1].institution_id if len(found) > ask.limit else None)


async def set_institution_state(gw: Gateway, by: Principal, ask: SetInstitutionState) -> InstitutionOut | Refusal:
    """Admitted, suspended, readmitted or ended; the rights of its people follow at once, its grants end with it."""
    async with gw.begin() as tx:
        old = await store.get_institution(tx, ask.institution_id)
        act = "party:admit-institution" if ask.state == "live" else "party:suspend-institution"
        thing = MoveObject(kind="party", proposer=old.changed_by, institution=old.institution_id)
        refused = await may(gw, tx, by, act, thing, old.institution_id)
        if refused is not None:
            return refused
        if old.institution_id == by.institution_id and ask.state != "live":
            raise wrong("institution_id", "不能停用本机构", "one's own institution cannot be suspended")
        new = moved_institution(old, ask.state, by.id)
        await store.set_institution_state(tx, new, old.state)
        if new.state == "exited":
            await end_grants_of(gw, tx, reason="institution-exited", by=by, institution=new.institution_id)
            for person in await _everybody(tx, new.institution_id):
                await end_credentials(gw, tx, person.person_id)
        record(tx, by, f"institution:{new.state}", "institution", new.institution_id)
        tx.after_commit(door_of(gw).forget_all)
    return InstitutionOut.model_validate(new)


async def create_unit(gw: Gateway, by: Principal, ask: CreateUnit) -> UnitOut | Refusal:
    """A further unit of an institution."""
    unit_id = clean_code(ask.unit_id, "unit_id") if ask.unit_id else random_id()
    name_zh, name_en = clean_name(ask.name_zh, "name_zh"), clean_name(ask.name_en, "name_en", required=False)
    async with gw.begin() as tx:
        institution = await store.get_institution(tx, ask.institution_id)
        thing = MoveObject(kind="party", requester=by.id, institution=institution.institution_id)
        refused = await may(gw, tx, by, "party:add-institution", thing, unit_id)
        if refused is not None:
            return refused
        unit = Unit(unit_id, institution.institution_id, name_zh, name_en, ask.side, True, tx.now)
        await store.add_unit(tx, unit)
        record(tx, by, "unit:created", "unit", unit_id)
    return UnitOut.model_validate(unit)


async def list_units(gw: Gateway, by: Principal, ask: ListUnits) -> Page[UnitOut]:
    """Units by identifier; a partner sees the firm's and its own."""
    async with gw.db.read() as tx:
        found = await store.list_units(
            tx, after=ask.after, limit=ask.limit + 1, institution_id=ask.institution_id,
            only=None if by.internal else by.institution_id,
        )  # fmt: skip
    items = tuple(UnitOut.model_validate(each) for each in found[: ask.limit])
    return Page[UnitOut](items=items, next=items[-1].unit_id if len(found) > ask.limit else None)


async def _everybody(tx: Tx, institution_id: str) -> list[Person]:
    people: list[Person] = []
    after: str | None = None
    while page := await store.list_people(tx, after=after, limit=1000, institution_id=institution_id):
        people += page
        after = page[-1].login
    return people


__all__ = ["create_institution", "create_unit", "list_institutions", "list_units", "set_institution_state"]
