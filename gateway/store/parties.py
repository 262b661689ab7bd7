"""Institutions, units, people and their roles. Rows in, dataclasses out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gateway.domain.parties import Institution, Person, Unit
from gateway.errors import CONFLICT, NOT_FOUND, Problem, declare
from gateway.store.db import Tx
from gateway.store.tables import parties as t

ALREADY_EXISTS = declare(
    "already-exists", "conflict",
    zh="已经存在", en="There is one already",
    remedy_zh="请换一个标识,或使用已有的条目", remedy_en="Choose another identifier, or use the one that exists",
)  # fmt: skip

T = TypeVar("T")

_INSTITUTION = [c for c in t.institution.c if c.name != "tag_key"]
_PERSON = sa.select(t.person)


@dataclass(frozen=True, slots=True)
class Standing:
    """A person with everything its rights rest on, as of one moment."""

    person: Person
    institution_kind: str
    institution_state: str
    unit_active: bool

    @property
    def active(self) -> bool:
        """Whether the person, its unit and its institution are all in good standing."""
        return self.person.state == "active" and self.institution_state == "live" and self.unit_active


async def add_institution(tx: Tx, institution: Institution, tag_key: bytes) -> None:
    """Stored. Raises `Problem(already-exists)` for a taken identifier. `tag_key` is sealed."""
    values = {c.name: getattr(institution, c.name) for c in _INSTITUTION} | {"tag_key": tag_key}
    await _insert(tx, t.institution, values, "institution_id")


async def find_institution(tx: Tx, institution_id: str) -> Institution | None:
    row = (
        (await tx.execute(sa.select(*_INSTITUTION).where(t.institution.c.institution_id == institution_id)))
        .mappings()
        .first()
    )
    return None if row is None else Institution(**row)


async def get_institution(tx: Tx, institution_id: str) -> Institution:
    return _there(await find_institution(tx, institution_id), "institution_id")


async def get_tag_key(tx: Tx, institution_id: str) -> bytes:
    """The sealed key with which the institution finds its entries on the ledger (gateway/sealing/secret.py)."""
    found = (
        await tx.execute(sa.select(t.institution.c.tag_key).where(t.institution.c.institution_id == institution_id))
    ).scalar()
    return bytes(_there(found, "institution_id"))


async def list_institutions(
    tx: Tx, *, after: str | None, limit: int, kind: str | None = None, only: str | None = None
) -> list[Institution]:
    """By identifier. `only` keeps that one and the firm: what a partner may see."""
    statement = sa.select(*_INSTITUTION).order_by(t.institution.c.institution_id).limit(limit)
    if kind is not None:
        statement = statement.where(t.institution.c.kind == kind)
    if only is not None:
        statement = statement.where(sa.or_(t.institution.c.institution_id == only, t.institution.c.kind == "firm"))
    if after is not None:
        statement = statement.where(t.institution.c.institution_id > after)
    return [Institution(**row) for row in (await tx.execute(statement)).mappings()]


async def set_institution_state(tx: Tx, institution: Institution, old: str) -> None:
    """The state of `institution`, if it still was `old`, else `Problem(conflict)`; its people's generation grows."""
    changed = await tx.execute(
        sa.update(t.institution)
        .where(t.institution.c.institution_id == institution.institution_id, t.institution.c.state == old)
        .values(state=institution.state, changed_by=institution.changed_by)
    )
    _moved(changed.rowcount)
    await tx.execute(
        sa.update(t.person)
        .where(t.person.c.institution_id == institution.institution_id)
        .values(generation=t.person.c.generation + 1)
    )


async def add_unit(tx: Tx, unit: Unit) -> None:
    await _insert(tx, t.unit, {c.name: getattr(unit, c.name) for c in t.unit.c}, "unit_id")


async def find_unit(tx: Tx, unit_id: str) -> Unit | None:
    row = (await tx.execute(sa.select(t.unit).where(t.unit.c.unit_id == unit_id))).mappings().first()
    return None if row is None else Unit(**row)


async def get_unit(tx: Tx, unit_id: str) -> Unit:
    return _there(await find_unit(tx, unit_id), "unit_id")


async def list_units(
    tx: Tx, *, after: str | None, limit: int, institution_id: str | None = None, only: str | None = None
) -> list[Unit]:
    """By identifier. `only` keeps that institution's and the firm's."""
    statement = sa.select(t.unit).order_by(t.unit.c.unit_id).limit(limit)
    if institution_id is not None:
        statement = statement.where(t.unit.c.institution_id == institution_id)
    if only is not None:
        firm = sa.select(t.institution.c.institution_id).where(t.institution.c.kind == "firm")
        statement = statement.where(sa.or_(t.unit.c.institution_id == only, t.unit.c.institution_id.in_(firm)))
    if after is not None:
        statement = statement.where(t.unit.c.unit_id > after)
    return [Unit(**row) for row in (await tx.execute(statement)).mappings()]


async def add_person(tx: Tx, person: Person, by: str) -> None:
    """Stored with its roles. Raises `Problem(already-exists)` for a taken login."""
    await _insert(tx, t.person, {c.name: getattr(person, c.name) for c in t.person.c}, "login")
    await _add_roles(tx, person.person_id, person.roles, by, person.created_at)


async def set_person(tx: Tx, old: Person, new: Person, by: str) -> None:
    """`new` in the place of `old`, roles included. `Problem(conflict)` when somebody was first."""
    changed = await tx.execute(
        sa.update(t.person)
        .where(t.person.c.person_id == old.person_id, t.person.c.generation == old.generation)
        .values({c.name: getattr(new, c.name) for c in t.person.c if c.name not in {"person_id", "created_at"}})
    )
    _moved(changed.rowcount)
    lost = old.roles - new.roles
    if lost:
        await tx.execute(
            sa.delete(t.person_role).where(
                t.person_role.c.person_id == old.person_id, t.person_role.c.role.in_(sorted(lost))
            )
        )
    await _add_roles(tx, old.person_id, new.roles - old.roles, by, new.updated_at)


async def _add_roles(tx: Tx, person_id: str, roles: frozenset[str], by: str, now: int) -> None:
    if roles:
        rows = [{"person_id": person_id, "role": role, "granted_by": by, "granted_at": now} for role in sorted(roles)]
        await tx.execute(sa.insert(t.person_role), rows)


async def find_person(tx: Tx, person_id: str) -> Person | None:
    return await _person(tx, t.person.c.person_id == person_id)


async def find_person_by_login(tx: Tx, login: str) -> Person | None:
    return await _person(tx, t.person.c.login == login)


async def get_person(tx: Tx, person_id: str) -> Person:
    return _there(await find_person(tx, person_id), "person_id")


async def _person(tx: Tx, condition: sa.ColumnElement[bool]) -> Person | None:
    row = (await tx.execute(_PERSON.where(condition))).mappings().first()
    if row is None:
        return None
    return _with_roles(row, (await _roles(tx, [row["person_id"]])).get(row["person_id"], frozenset()))


async def list_people(
    tx: Tx, *, after: str | None, limit: int, institution_id: str | None = None, unit_id: str | None = None,
    role: str | None = None, state: str | None = None, kind: str | None = None,
) -> list[Person]:  # fmt: skip
    """By login."""
    statement = _PERSON.order_by(t.person.c.login).limit(limit)
    c = t.person.c
    for column, value in ((c.institution_id, institution_id), (c.unit_id, unit_id), (c.state, state), (c.kind, kind)):
        if value is not None:
            statement = statement.where(column == value)
    if role is not None:
        statement = statement.where(
            c.person_id.in_(sa.select(t.person_role.c.person_id).where(t.person_role.c.role == role))
        )
    if after is not None:
        statement = statement.where(c.login > after)
    rows = (await tx.execute(statement)).mappings().all()
    roles = await _roles(tx, [row["person_id"] for row in rows])
    return [_with_roles(row, roles.get(row["person_id"], frozenset())) for row in rows]


async def count_people(tx: Tx) -> int:
    return int((await tx.execute(sa.select(sa.func.count()).select_from(t.person))).scalar() or 0)


async def find_standing(tx: Tx, person_id: str) -> Standing | None:
    """The person with what its rights rest on, read now."""
    rows = (await tx.execute(_STANDING, {"person": person_id})).mappings().all()
    return standing_of(rows)


STANDING_COLUMNS = (
    *t.person.c,
    t.institution.c.kind.label("institution_kind"),
    t.institution.c.state.label("institution_state"),
    t.unit.c.active.label("unit_active"),
    t.person_role.c.role,
)
STANDING_FROM = (
    t.person.join(t.institution, t.institution.c.institution_id == t.person.c.institution_id)
    .join(t.unit, t.unit.c.unit_id == t.person.c.unit_id)
    .outerjoin(t.person_role, t.person_role.c.person_id == t.person.c.person_id)
)
_STANDING = (
    sa.select(*STANDING_COLUMNS).select_from(STANDING_FROM).where(t.person.c.person_id == sa.bindparam("person"))
)
_PERSON_NAMES = tuple(c.name for c in t.person.c)


def standing_of(rows: Any) -> Standing | None:
    """The standing in rows that repeat the person for each of its roles."""
    if not rows:
        return None
    first: Mapping[str, Any] = rows[0]
    roles = frozenset(row["role"] for row in rows if row["role"] is not None)
    person = Person(**{name: first[name] for name in _PERSON_NAMES}, roles=roles)
    return Standing(person, first["institution_kind"], first["institution_state"], bool(first["unit_active"]))


async def add_membership(tx: Tx, *, entry_id: str, person: Person, changed_by: str, at: int) -> None:
    """The change of roles is kept beside its ledger entry."""
    values = {
        "entry_id": entry_id, "person_id": person.person_id, "institution_id": person.institution_id,
        "unit_id": person.unit_id,
        "roles": " ".join(sorted(person.roles)), "changed_by": changed_by, "at": at,
    }  # fmt: skip
    await tx.execute(sa.insert(t.membership), values)


async def list_memberships(tx: Tx, person_id: str) -> list[Any]:
    """Every change of this person's roles, oldest first."""
    statement = (
        sa.select(t.membership)
        .where(t.membership.c.person_id == person_id)
        .order_by(t.membership.c.at, t.membership.c.entry_id)
    )
    return list((await tx.execute(statement)).mappings())


async def _roles(tx: Tx, people: list[str]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    if people:
        statement = sa.select(t.person_role.c.person_id, t.person_role.c.role).where(
            t.person_role.c.person_id.in_(people)
        )
        for row in (await tx.execute(statement)).mappings():
            found.setdefault(row["person_id"], set()).add(row["role"])
    return {person_id: frozenset(roles) for person_id, roles in found.items()}


def _with_roles(row: Any, roles: frozenset[str]) -> Person:
    return Person(**row, roles=roles)


async def _insert(tx: Tx, table: sa.Table, values: dict[str, Any], field: str) -> None:
    # Asked first, since a broken constraint would end the transaction on PostgreSQL; the constraint settles races.
    column = table.c[field]
    if (await tx.execute(sa.select(column).where(column == values[field]))).first() is not None:
        raise Problem(ALREADY_EXISTS, field=field)
    try:
        await tx.execute(sa.insert(table), values)
    except IntegrityError as error:
        raise Problem(ALREADY_EXISTS, field=field) from error


def _there(found: T | None, field: str) -> T:
    if found is None:
        raise Problem(NOT_FOUND, field=field)
    return found


def _moved(rows: int) -> None:
    if not rows:
        raise Problem(CONFLICT)
