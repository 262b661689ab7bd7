"""Name cards: searched, read, and counted by what there may be to ask for."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateway.store.db import Tx
from gateway.store.disclosure import SUPPRESSED
from gateway.store.tables import parties, records

_c, _u = records.client, parties.unit


@dataclass(frozen=True, slots=True)
class Card:
    """What the mandatory card may carry, with the facts that decide who sees it."""

    client_id: str
    name: str
    uscc: str
    lead_unit: str | None
    lead_unit_name: str | None
    lead_rm: str | None
    recognition: str
    recognised_on: str | None
    protected_from: str | None
    protected_to: str | None
    institutional: bool
    natural_person: bool
    known: bool  # the unit that asks brought it in, or holds records about it
    suppressed: bool
    park_id: str | None
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Held:
    """Active records of one client, by group and owner."""

    field_group: str
    owner_unit: str
    owner_institution: str
    owner_kind: str
    owner_name: str


_unit = sa.bindparam("unit", type_=sa.String)
_KNOWN = sa.or_(
    _c.c.registered_by == _unit,
    sa.exists()
    .where(
        records.record.c.client_id == _c.c.client_id,
        records.record.c.owner_unit == _unit,
        records.record.c.state == "active",
    )
    .correlate(_c),
)
_CARD = sa.select(
    _c.c.client_id,
    _c.c.name,
    _c.c.uscc,
    _c.c.lead_unit,
    _u.c.name_zh.label("lead_unit_name"),
    _c.c.lead_rm,
    _c.c.recognition,
    _c.c.recognised_on,
    _c.c.protected_from,
    _c.c.protected_to,
    _c.c.institutional,
    _c.c.natural_person,
    _KNOWN.label("known"),
    SUPPRESSED.label("suppressed"),
    _c.c.park_id,
    _c.c.tags,
).select_from(_c.outerjoin(_u, _u.c.unit_id == _c.c.lead_unit))
_ONE = _CARD.where(_c.c.client_id == sa.bindparam("client_id"))
_BY_CODE = _CARD.where(_c.c.uscc == sa.bindparam("uscc"))


async def find_card(tx: Tx, client_id: str, unit: str) -> Card | None:
    """The card as it concerns `unit`; the caller decides whether it may be seen."""
    return _card((await tx.execute(_ONE, {"client_id": client_id, "now": tx.now, "unit": unit})).mappings().first())


async def find_card_by_uscc(tx: Tx, uscc: str, unit: str) -> Card | None:
    """As `find_card`, by code."""
    return _card((await tx.execute(_BY_CODE, {"uscc": uscc, "now": tx.now, "unit": unit})).mappings().first())


@dataclass(frozen=True, slots=True)
class Sought:
    """Conditions of a search. Keys are normalised already; any of them may match, each as a prefix or inside the name."""

    uscc: str = ""
    name_key: str = ""
    initials: str = ""
    english: str = ""
    park_id: str | None = None
    tag: str | None = None
    institutional: bool = False  # only the firm's mandatory list
    known_to: str | None = None  # or also what this unit knows by itself
    show_suppressed: bool = False

    @property
    def terms(self) -> bool:
        """Whether anything of a name or a code is sought."""
        return bool(self.uscc or self.name_key or self.initials or self.english)


async def search_cards(tx: Tx, sought: Sought, after: str, limit: int) -> list[Card]:
    """Cards by client id above `after`. A suppressed client is not there: not in the list, not in its length."""
    statement = _CARD.where(_c.c.client_id > after)
    terms: list[sa.ColumnElement[bool]] = []
    if sought.uscc:
        terms.append(
            _c.c.uscc == sought.uscc if len(sought.uscc) == 18 else _c.c.uscc.startswith(sought.uscc, autoescape=True)
        )
    if sought.name_key:
        terms.append(_c.c.name_key.contains(sought.name_key, autoescape=True))
    if sought.initials:
        terms.append(_c.c.initials.startswith(sought.initials, autoescape=True))
    if sought.english:
        terms.append(sa.func.lower(_c.c.english).contains(sought.english, autoescape=True))
    if terms:
        statement = statement.where(sa.or_(*terms))
    if sought.park_id:
        statement = statement.where(_c.c.park_id == sought.park_id)
    if sought.tag:
        tagged = sa.select(records.client_tag.c.client_id).where(records.client_tag.c.tag == sought.tag)
        statement = statement.where(_c.c.client_id.in_(tagged))
    visible: list[sa.ColumnElement[bool]] = []
    if sought.institutional:
        visible.append(sa.and_(_c.c.institutional.is_(True), _c.c.natural_person.is_(False)))
    if sought.known_to:
        visible.append(_KNOWN)
    statement = statement.where(sa.or_(sa.false(), *visible))
    if not sought.show_suppressed:
        statement = statement.where(sa.not_(SUPPRESSED))
    found = await tx.execute(
        statement.order_by(_c.c.client_id).limit(limit), {"now": tx.now, "unit": sought.known_to or ""}
    )
    return [card for row in found.mappings().all() if (card := _card(row)) is not None]


async def holdings(tx: Tx, client_id: str) -> list[Held]:
    """Which groups of which owners hold active records about the client."""
    _r, owner, house = records.record, parties.unit, parties.institution
    statement = (
        sa.select(_r.c.field_group, _r.c.owner_unit, _r.c.owner_institution, house.c.kind, owner.c.name_zh)
        .join(owner, owner.c.unit_id == _r.c.owner_unit)
        .join(house, house.c.institution_id == _r.c.owner_institution)
        .where(_r.c.client_id == client_id, _r.c.state == "active")
        .distinct()
        .order_by(_r.c.field_group, _r.c.owner_unit)
    )
    rows: Sequence[Any] = (await tx.execute(statement)).all()
    return [Held(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def _card(row: Any) -> Card | None:
    if row is None:
        return None
    values = {name: row[name] for name in Card.__slots__ if name != "tags"}
    for name in ("institutional", "natural_person", "known", "suppressed"):
        values[name] = bool(values[name])
    return Card(**values, tags=tuple(row["tags"].split()))
