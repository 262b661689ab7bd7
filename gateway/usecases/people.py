"""People and service accounts: their rights, and how these end at once when somebody moves or goes."""

from dataclasses import replace

from gateway.domain.parties import Person, check_roles, clean_email, clean_name, moved_person, wrong
from gateway.domain.principal import Principal
from gateway.errors import Refusal
from gateway.runtime import Gateway, WriteTx
from gateway.schemas.base import Page
from gateway.schemas.parties import (
    ChangePerson,
    CreatePerson,
    CreateServiceAccount,
    GetPerson,
    LeavePerson,
    ListPeople,
    MembershipOut,
    MembershipsOf,
    PersonCreated,
    PersonOut,
    SuspendPerson,
    TransferPerson,
)
from gateway.store import parties as store
from gateway.usecases._door import door_of
from gateway.usecases._granting import end_grants_of
from gateway.usecases._moves import may
from gateway.usecases._parties import (
    ALL_TOKENS,
    SESSIONS,
    add_person,
    end_credentials,
    end_tokens,
    new_one_time,
    new_person,
    record,
    thing_of,
    visible,
    write_membership,
)
from gateway.usecases._sign_in import person_out

_CHANGEABLE = ("roles", "clearance", "side", "trained_until", "name", "email", "staff_no", "locale")


async def create_person(gw: Gateway, by: Principal, ask: CreatePerson) -> PersonCreated | Refusal:
    """A person who can set a password with the one-time token, or come in through a linked identity."""
    async with gw.begin() as tx:
        unit = await store.get_unit(tx, ask.unit_id)
        person = new_person(
            tx, kind="person", login=ask.login, name=ask.name, unit=unit, roles=frozenset(ask.roles), side=ask.side,
            clearance=ask.clearance, trained_until=ask.trained_until, email=ask.email, staff_no=ask.staff_no,
            locale=ask.locale,
        )  # fmt: skip
        refused = await may(gw, tx, by, "party:add-user", thing_of(person), person.person_id)
        if refused is not None:
            return refused
        await add_person(gw, tx, by, person)
        token, expires_at = await new_one_time(tx, person.person_id, by.id) if ask.with_token else (None, None)
        record(tx, by, "person:created", "person", person.person_id)
    return PersonCreated(**person_out(person).model_dump(), one_time_token=token, token_expires_at=expires_at)


async def create_service_account(gw: Gateway, by: Principal, ask: CreateServiceAccount) -> PersonOut | Refusal:
    """An account for a machine. It approves nothing; give it an API key or register its public key."""
    async with gw.begin() as tx:
        unit = await store.get_unit(tx, ask.unit_id)
        person = new_person(
            tx, kind="service", login=ask.login, name=ask.name, unit=unit, roles=frozenset(ask.roles), side=ask.side,
            clearance=ask.clearance, trained_until=ask.trained_until,
        )  # fmt: skip
        refused = await may(gw, tx, by, "party:add-user", thing_of(person), person.person_id)
        if refused is not None:
            return refused
        await add_person(gw, tx, by, person)
        record(tx, by, "service-account:created", "person", person.person_id)
    return person_out(person)


async def list_people(gw: Gateway, by: Principal, ask: ListPeople) -> Page[PersonOut]:
    """People by login; a partner sees its own alone."""
    institution_id = ask.institution_id if by.internal else by.institution_id
    async with gw.db.read() as tx:
        found = await store.list_people(
            tx, after=ask.after, limit=ask.limit + 1, institution_id=institution_id, unit_id=ask.unit_id, role=ask.role,
            state=ask.state, kind=ask.kind,
        )  # fmt: skip
    items = tuple(person_out(each) for each in found[: ask.limit])
    return Page[PersonOut](items=items, next=items[-1].login if len(found) > ask.limit else None)


async def get_person(gw: Gateway, by: Principal, ask: GetPerson) -> PersonOut:
    """The person; to a partner, people of others do not exist."""
    async with gw.db.read() as tx:
        return person_out(await visible(tx, by, ask.person_id))


async def change_person(gw: Gateway, by: Principal, ask: ChangePerson) -> PersonOut | Refusal:
    """What was given is changed, from the next request on. A change of roles is an entry on the grants log."""
    async with gw.begin() as tx:
        old = await visible(tx, by, ask.person_id)
        refused = await may(gw, tx, by, "party:change-user", thing_of(old), old.person_id)
        if refused is not None:
            return refused
        _staying(old)
        roles = old.roles if ask.roles is None else frozenset[str](ask.roles)
        check_roles(roles, (await store.get_institution(tx, old.institution_id)).kind, old.kind)
        new = replace(
            old,
            roles=roles,
            name=old.name if ask.name is None else clean_name(ask.name, "name"),
            email=old.email if ask.email is None else clean_email(ask.email),
            staff_no=old.staff_no
            if ask.staff_no is None
            else clean_name(ask.staff_no, "staff_no", required=False) or None,
            clearance=ask.clearance or old.clearance,
            side=ask.side or old.side,
            trained_until=old.trained_until if ask.trained_until is None else ask.trained_until,
            locale=ask.locale or old.locale,
            generation=old.generation + 1,
            updated_at=tx.now,
        )
        await _put(gw, tx, by, old, new)
        changed = tuple(name for name in _CHANGEABLE if getattr(old, name) != getattr(new, name))
        record(tx, by, "person:changed", "person", old.person_id, changed)
    return person_out(new)


async def transfer_person(gw: Gateway, by: Principal, ask: TransferPerson) -> PersonOut | Refusal:
    """In another unit of the same institution with the roles named; whatever the old place gave has ended."""
    async with gw.begin() as tx:
        old = await visible(tx, by, ask.person_id)
        refused = await may(gw, tx, by, "party:change-user", thing_of(old), old.person_id)
        if refused is not None:
            return refused
        _staying(old)
        unit = await store.get_unit(tx, ask.unit_id)
        if unit.institution_id != old.institution_id:
            raise wrong("unit_id", "只能在本机构内调动", "a transfer stays within the institution")
        if unit.unit_id == old.unit_id:
            raise wrong("unit_id", "已在该部门", "is where the person is already")
        roles = check_roles(frozenset(ask.roles), (await store.get_institution(tx, old.institution_id)).kind, old.kind)
        new = replace(
            old, unit_id=unit.unit_id, roles=roles, side=ask.side or unit.side,
            clearance=ask.clearance or old.clearance,
            generation=old.generation + 1, updated_at=tx.now,
        )  # fmt: skip
        await _put(gw, tx, by, old, new)
        await end_tokens(gw, tx, old.person_id, ALL_TOKENS)
        await end_grants_of(gw, tx, reason="transferred", by=by, person=old.person_id)
        record(tx, by, "person:transferred", "person", old.person_id)
    return person_out(new)


async def suspend_person(gw: Gateway, by: Principal, ask: SuspendPerson) -> PersonOut | Refusal:
    """Suspended: sessions and tokens are gone, keys and grants wait. Restored: those count again."""
    async with gw.begin() as tx:
        old = await visible(tx, by, ask.person_id)
        act = "party:deactivate-user" if ask.suspended else "party:change-user"
        refused = await may(gw, tx, by, act, thing_of(old), old.person_id)
        if refused is not None:
            return refused
        _not_oneself(by, old)
        new = moved_person(old, "suspended" if ask.suspended else "active", tx.now)
        await _put(gw, tx, by, old, new)
        if ask.suspended:
            await end_tokens(gw, tx, old.person_id, SESSIONS)
        record(tx, by, "person:suspended" if ask.suspended else "person:restored", "person", old.person_id)
    return person_out(new)


async def leave_person(gw: Gateway, by: Principal, ask: LeavePerson) -> PersonOut | Refusal:
    """Gone for good: from this commit on nothing proves to be this person, and nothing is granted to it."""
    async with gw.begin() as tx:
        old = await visible(tx, by, ask.person_id)
        refused = await may(gw, tx, by, "party:deactivate-user", thing_of(old), old.person_id)
        if refused is not None:
            return refused
        _not_oneself(by, old)
        new = moved_person(old, "left", tx.now)
        await _put(gw, tx, by, old, new)
        await end_credentials(gw, tx, old.person_id)
        await end_grants_of(gw, tx, reason="left", by=by, person=old.person_id)
        record(tx, by, "person:left", "person", old.person_id)
    return person_out(new)


async def list_memberships(gw: Gateway, by: Principal, ask: MembershipsOf) -> Page[MembershipOut]:
    """Every change of this person's roles with its ledger entry, oldest first."""
    async with gw.db.read() as tx:
        person = await visible(tx, by, ask.person_id)
        found = await store.list_memberships(tx, person.person_id)
    items = tuple(
        MembershipOut(
            entry_id=row["entry_id"], roles=tuple(row["roles"].split()), unit_id=row["unit_id"],
            changed_by=row["changed_by"], at=row["at"],
        )
        for row in found
    )  # fmt: skip
    return Page[MembershipOut](items=items)


async def _put(gw: Gateway, tx: WriteTx, by: Principal, old: Person, new: Person) -> None:
    await store.set_person(tx, old, new, by.id)
    if (old.roles, old.unit_id) != (new.roles, new.unit_id):
        await write_membership(gw, tx, by, new)
    tx.after_commit(lambda: door_of(gw).forget(person_id=old.person_id))


def _staying(person: Person) -> None:
    if person.state == "left":
        raise wrong("person_id", "该人员已离职", "this person has left")


def _not_oneself(by: Principal, person: Person) -> None:
    if by.id == person.person_id:
        raise wrong("person_id", "不能停用本人账户", "nobody suspends oneself")


__all__ = [
    "change_person",
    "create_person",
    "create_service_account",
    "get_person",
    "leave_person",
    "list_memberships",
    "list_people",
    "suspend_person",
    "transfer_person",
]
