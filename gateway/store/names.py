"""What people and units are called, for answers that show identifiers with names."""

from collections.abc import Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from gateway.store.db import Tx
from gateway.store.tables import parties as t

_PEOPLE = sa.select(t.person.c.person_id, t.person.c.name).where(
    t.person.c.person_id.in_(sa.bindparam("ids", expanding=True))
)
_UNITS = (
    sa.select(
        t.unit.c.unit_id, t.unit.c.name_zh, t.unit.c.name_en, t.unit.c.side, t.unit.c.active, t.unit.c.institution_id,
        t.institution.c.kind,
    )
    .join(t.institution, t.institution.c.institution_id == t.unit.c.institution_id)
    .where(t.unit.c.unit_id.in_(sa.bindparam("ids", expanding=True)))
)  # fmt: skip
_HOLDERS = (
    sa.select(t.person.c.person_id, t.person.c.name)
    .join(t.person_role, t.person_role.c.person_id == t.person.c.person_id)
    .where(t.person_role.c.role == sa.bindparam("role"), t.person.c.state == "active", t.person.c.kind == "person")
    .order_by(t.person.c.person_id)
)


@dataclass(frozen=True, slots=True)
class UnitName:
    """A unit with its names, wall side and institution."""

    unit_id: str
    zh: str
    en: str
    side: str
    active: bool
    institution_id: str
    institution_kind: str


async def people_named(tx: Tx, ids: Iterable[str | None]) -> dict[str, str]:
    """Names by id; whoever is not known is left out."""
    wanted = sorted({each for each in ids if each})
    if not wanted:
        return {}
    return {row.person_id: row.name for row in (await tx.execute(_PEOPLE, {"ids": wanted})).all()}


async def units_named(tx: Tx, ids: Iterable[str | None]) -> dict[str, UnitName]:
    """Units by id; what is not known is left out."""
    wanted = sorted({each for each in ids if each})
    if not wanted:
        return {}
    return {
        row.unit_id: UnitName(
            row.unit_id, row.name_zh, row.name_en, row.side, bool(row.active), row.institution_id, row.kind
        )
        for row in (await tx.execute(_UNITS, {"ids": wanted})).all()
    }


async def holders_of(tx: Tx, role: str, unit_id: str = "") -> dict[str, str]:
    """Names by id of the active people who hold `role`, of one unit, or of the whole firm and its partners when ""."""
    statement = _HOLDERS if not unit_id else _HOLDERS.where(t.person.c.unit_id == sa.bindparam("unit"))
    parameters = {"role": role} if not unit_id else {"role": role, "unit": unit_id}
    return {row.person_id: row.name for row in (await tx.execute(statement, parameters)).all()}
