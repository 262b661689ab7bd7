"""The facts of a read and the sealed rows, in as few statements as possible: nothing is decided or opened here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sqlalchemy as sa

from gateway.store.db import Glance, Prepared, Tx
from gateway.store.tables import access, barrier, catalogue, keys, parties, records

_r, _c, _k = records.record, records.client, keys.data_key
_p, _i, _u = parties.person, parties.institution, parties.unit
_g, _gi, _gs = access.access_grant, access.grant_item, access.grant_scope
_own = _u.alias("owner")
_house = _i.alias("owner_institution_row")

_now = sa.bindparam("now", type_=sa.BigInteger)
_who = sa.bindparam("person_id", type_=sa.String)


@dataclass(frozen=True, slots=True)
class Standing:
    """What is true of the principal at this moment; `generation` differs from the signed-in one when rights changed."""

    generation: int
    active: bool
    unit_id: str
    institution_id: str
    side: str
    clearance: int
    trained_until: int
    catalogue_version: int


@dataclass(frozen=True, slots=True)
class Row:
    """One record as stored, with its client's and its owner's facts."""

    record_id: str
    client_id: str
    owner_unit: str
    owner_institution: str
    owner_side: str
    owner_kind: str
    field_group: str
    state: str
    generation: int
    fields: tuple[str, ...]
    open_values: str | None
    sealed: bytes | None
    wrapped: bytes | None
    key_id: str | None
    park_id: str | None
    tags: tuple[str, ...]
    natural_person: bool
    institutional: bool
    conflict_class: str
    suppressed: bool
    watch: bool
    restricted: bool
    quiet: bool
    crossed: bool
    touched: str | None  # the client of this conflict class that the principal touched first

    def scopes(self) -> tuple[str, ...]:
        """Every scope key under which a grant may cover this row."""
        keys_ = [f"client:{self.client_id}"]
        if self.park_id:
            keys_.append(f"park:{self.park_id}")
        keys_.extend(f"tag:{tag}" for tag in self.tags)
        return tuple(keys_)


@dataclass(frozen=True, slots=True)
class GrantRow:
    """One live grant for one group, with the fields it names per owner unit and item."""

    grant_id: str
    purpose: str
    not_before: int
    not_after: int
    use_limit: int | None
    use_count: int
    rate_per_hour: int | None
    row_cap: int
    uses: frozenset[str]
    approvals: frozenset[str]
    grantee_person: str | None
    consent_ok: bool
    masked: bool
    items: tuple[tuple[str, str, frozenset[str]], ...]  # (owner unit, item code, fields)
    persons: frozenset[str] | None = None  # the records whose persons consented; None: it rests on no person's consent

    def carries(self, record_id: str) -> bool:
        """Whether the consents that it rests on are good, and reach the person of this record (PIPL art. 23)."""
        return self.consent_ok and (self.persons is None or record_id in self.persons)

    def fields(self, owner_unit: str) -> frozenset[str]:
        """The fields that this grant names of `owner_unit`'s records."""
        return frozenset().union(*(fields for owner, _, fields in self.items if owner == owner_unit))


def _listed(kind: str) -> sa.ColumnElement[bool]:
    listing = barrier.wall_listing
    return (
        sa.exists()
        .where(listing.c.client_id == _c.c.client_id, listing.c.kind == kind, listing.c.state == "active",
               listing.c.not_before <= _now, listing.c.not_after > _now)
        .correlate(_c)
    )  # fmt: skip


SUPPRESSED = (
    sa.exists()
    .where(
        barrier.name_suppression.c.client_id == _c.c.client_id,
        barrier.name_suppression.c.state == "active",
        barrier.name_suppression.c.not_after > _now,
    )
    .correlate(_c)
)
_crossing = barrier.wall_crossing
_CROSSED = (
    sa.exists()
    .where(_crossing.c.person_id == _who, _crossing.c.client_id == _c.c.client_id, _crossing.c.state == "active",
           _crossing.c.not_before <= _now, _crossing.c.not_after > _now)
    .correlate(_c)
)  # fmt: skip
_TOUCHED = (
    sa.select(barrier.conflict_touch.c.client_id)
    .where(barrier.conflict_touch.c.person_id == _who, barrier.conflict_touch.c.conflict_class == _c.c.conflict_class)
    .correlate(_c)
    .scalar_subquery()
)

_ROW = sa.select(
    _r.c.record_id, _r.c.client_id, _r.c.owner_unit, _r.c.owner_institution, _own.c.side.label("owner_side"),
    _house.c.kind.label("owner_kind"),
    _r.c.field_group, _r.c.state, _r.c.generation, _r.c.fields, _r.c.open_values, _r.c.sealed,
    _k.c.wrapped, _k.c.key_id, _c.c.park_id, _c.c.tags, _c.c.natural_person, _c.c.institutional, _c.c.conflict_class,
    SUPPRESSED.label("suppressed"), _listed("watch").label("watch"), _listed("restricted").label("restricted"),
    _listed("quiet").label("quiet"), _CROSSED.label("crossed"), _TOUCHED.label("touched"),
).select_from(
    _r.join(_c, _c.c.client_id == _r.c.client_id)
    .join(_own, _own.c.unit_id == _r.c.owner_unit)
    .join(_house, _house.c.institution_id == _r.c.owner_institution)
    .outerjoin(_k, sa.and_(_k.c.record_id == _r.c.record_id, _k.c.compartment == _r.c.field_group))
)  # fmt: skip
_ONE = _ROW.where(_r.c.record_id == sa.bindparam("record_id", type_=sa.String))

_STANDING = (
    sa.select(
        _p.c.generation, _p.c.state, _p.c.unit_id, _p.c.institution_id, _p.c.side, _p.c.clearance, _p.c.trained_until,
        _i.c.state.label("institution_state"), _u.c.active.label("unit_active"), catalogue.catalogue_head.c.version,
    )
    .select_from(
        _p.join(_i, _i.c.institution_id == _p.c.institution_id)
        .join(_u, _u.c.unit_id == _p.c.unit_id)
        .outerjoin(catalogue.catalogue_head, catalogue.catalogue_head.c.name == "head")
    )
    .where(_p.c.person_id == _who)
)  # fmt: skip

_STALE_CONSENT = (
    sa.exists()
    .where(
        access.grant_consent.c.grant_id == _g.c.grant_id,
        access.consent.c.consent_id == access.grant_consent.c.consent_id,
        sa.or_(
            access.consent.c.withdrawn_at.is_not(None),
            access.consent.c.not_after <= _now,
            access.consent.c.not_before > _now,
        ),
    )
    .correlate(_g)
)
_CONSENTS = sa.exists().where(access.grant_consent.c.grant_id == _g.c.grant_id).correlate(_g)
_GRANT_COLUMNS = (
    _g.c.grant_id, _g.c.purpose, _g.c.not_before, _g.c.not_after, _g.c.use_limit, _g.c.use_count, _g.c.rate_per_hour,
    _g.c.row_cap, _g.c.uses, _g.c.approvals, _g.c.grantee_person, _g.c.masked, _gi.c.item_code, _gi.c.owner_unit, _gi.c.fields,
    _STALE_CONSENT.label("stale_consent"), _CONSENTS.label("consents"),
)  # fmt: skip
_GRANTS = (
    sa.select(*_GRANT_COLUMNS)
    .select_from(
        _gs.join(_g, _g.c.grant_id == _gs.c.grant_id).join(
            _gi, sa.and_(_gi.c.grant_id == _g.c.grant_id, _gi.c.field_group == _gs.c.field_group)
        )
    )
    .where(
        _gs.c.grantee_unit == sa.bindparam("unit_id", type_=sa.String),
        _gs.c.field_group == sa.bindparam("field_group", type_=sa.String),
        _g.c.state == "active",
        sa.or_(_g.c.grantee_person.is_(None), _g.c.grantee_person == _who),
    )
)
_PERSONS = (
    sa.select(access.grant_consent.c.grant_id, access.consent.c.record_id)
    .join(access.consent, access.consent.c.consent_id == access.grant_consent.c.consent_id)
    .where(
        access.grant_consent.c.grant_id.in_(sa.bindparam("grants", expanding=True)),
        access.consent.c.record_id.is_not(None),
    )
)
_GRANTS_FOR_SCOPES = _GRANTS.where(_gs.c.scope.in_(sa.bindparam("scopes", expanding=True)))


# All facts of reading one record, in one statement: one row for each grant and item that may cover it. The scopes are
# spelled out first, so that the grants are found by their key whatever their number.
_STANDING_COLUMNS = tuple(_STANDING.selected_columns)
_ROW_COLUMNS = tuple(_ROW.selected_columns)
_found = _ONE.cte("found")
_SCOPES = sa.union_all(
    sa.select((sa.literal("client:") + _found.c.client_id).label("scope")),
    sa.select(sa.literal("park:") + _found.c.park_id).where(_found.c.park_id.is_not(None)),
    sa.select(sa.literal("tag:") + records.client_tag.c.tag).join(
        _found, records.client_tag.c.client_id == _found.c.client_id
    ),
).cte("scopes")
_FACTS = Prepared(
    sa.select(
        *(column.label(f"standing_{column.name}") for column in _STANDING_COLUMNS),
        *(column.label(f"row_{column.name}") for column in _found.c),
        *(column.label(f"grant_{column.name}") for column in _GRANT_COLUMNS),
    )
    .select_from(
        _STANDING.get_final_froms()[0]
        .outerjoin(_found, sa.true())
        .outerjoin(_SCOPES, _p.c.unit_id != _found.c.owner_unit)
        .outerjoin(
            _gs,
            sa.and_(
                _gs.c.grantee_unit == _p.c.unit_id, _gs.c.field_group == _found.c.field_group, _gs.c.scope == _SCOPES.c.scope
            ),
        )
        .outerjoin(
            _g,
            sa.and_(
                _g.c.grant_id == _gs.c.grant_id, _g.c.state == "active",
                sa.or_(_g.c.grantee_person.is_(None), _g.c.grantee_person == _who),
            ),
        )
        .outerjoin(_gi, sa.and_(_gi.c.grant_id == _g.c.grant_id, _gi.c.field_group == _gs.c.field_group))
    )
    .where(_p.c.person_id == _who)
)  # fmt: skip
_STANDING_NAMES = tuple(column.name for column in _STANDING_COLUMNS)
_ROW_NAMES = tuple(column.name for column in _ROW_COLUMNS)
_GRANT_NAMES = tuple(column.name for column in _GRANT_COLUMNS)
_ROW_AT = len(_STANDING_NAMES)
_GRANT_AT = _ROW_AT + len(_ROW_NAMES)
_ITEM = _GRANT_NAMES.index("item_code")


@dataclass(frozen=True, slots=True)
class ReadFacts:
    """The facts of reading one record, all of one moment. `row` None: there is none; `grants` are none of one's own."""

    standing: Standing | None
    row: Row | None
    grants: list[GrantRow]


async def facts_of_read(tx: Glance, record_id: str, person_id: str) -> ReadFacts:
    """Standing, record and grants, in one statement: what `standing` and `grants_for` find, and the record itself."""
    found = await tx.look(_FACTS, {"record_id": record_id, "person_id": person_id, "now": tx.now})
    if not found:
        return ReadFacts(None, None, [])
    first = found[0]
    held = _standing(dict(zip(_STANDING_NAMES, first, strict=False)))
    if first[_ROW_AT] is None:
        return ReadFacts(held, None, [])
    row = _row(dict(zip(_ROW_NAMES, first[_ROW_AT:_GRANT_AT], strict=True)))
    granted = [
        dict(zip(_GRANT_NAMES, each[_GRANT_AT:], strict=True))
        for each in found
        if each[_GRANT_AT] is not None and each[_GRANT_AT + _ITEM] is not None
    ]
    return ReadFacts(held, row, await _grants(tx, granted))


async def standing(tx: Tx, person_id: str) -> Standing | None:
    """The principal's standing now, or None for nobody we know."""
    row = (await tx.execute(_STANDING, {"person_id": person_id})).mappings().first()
    return None if row is None else _standing(row)


def _standing(row: Mapping[Any, Any]) -> Standing:
    return Standing(
        generation=row["generation"],
        active=row["state"] == "active" and row["institution_state"] == "live" and bool(row["unit_active"]),
        unit_id=row["unit_id"], institution_id=row["institution_id"], side=row["side"], clearance=row["clearance"],
        trained_until=row["trained_until"], catalogue_version=row["version"] or 0,
    )  # fmt: skip


async def grants_for(
    tx: Tx, unit_id: str, person_id: str, field_group: str, scopes: Sequence[str] | None
) -> list[GrantRow]:
    """The active grants of the unit or the person in one group that cover any of `scopes` (None: whatever the scope).

    Terms, uses and consents are facts in the rows, not filters: the decision names what a grant lacks.
    """
    parameters: dict[str, Any] = {"unit_id": unit_id, "person_id": person_id, "field_group": field_group, "now": tx.now}
    if scopes is not None:
        parameters["scopes"] = list(scopes)
    found = await tx.execute(_GRANTS if scopes is None else _GRANTS_FOR_SCOPES, parameters)
    return await _grants(tx, found.mappings().all())


async def _grants(tx: Tx, found: Iterable[Mapping[Any, Any]]) -> list[GrantRow]:
    """Grants from rows of grant and item, each grant once."""
    grants: dict[str, GrantRow] = {}
    items: dict[str, dict[tuple[str, str], frozenset[str]]] = {}
    for row in found:
        items.setdefault(row["grant_id"], {})[(row["owner_unit"], row["item_code"])] = frozenset(row["fields"].split())
        if row["grant_id"] not in grants:
            grants[row["grant_id"]] = GrantRow(
                grant_id=row["grant_id"], purpose=row["purpose"], not_before=row["not_before"], not_after=row["not_after"],
                use_limit=row["use_limit"], use_count=row["use_count"], rate_per_hour=row["rate_per_hour"],
                row_cap=row["row_cap"], uses=frozenset(row["uses"].split()), approvals=frozenset(row["approvals"].split()),
                grantee_person=row["grantee_person"], consent_ok=bool(row["consents"]) and not row["stale_consent"],
                masked=bool(row["masked"]), items=(),
            )  # fmt: skip
    persons = await _persons(tx, [grant.grant_id for grant in grants.values() if grant.consent_ok])
    return [
        replace(
            grant, persons=persons.get(grant.grant_id),
            items=tuple((owner, code, fields) for (owner, code), fields in items[grant.grant_id].items()),
        )
        for grant in grants.values()
    ]  # fmt: skip


async def _persons(tx: Tx, grant_ids: Sequence[str]) -> dict[str, frozenset[str]]:
    """The records of those who consented, for each grant that rests on a person's consent."""
    if not grant_ids:
        return {}
    found: dict[str, set[str]] = {}
    for row in (await tx.execute(_PERSONS, {"grants": list(grant_ids)})).mappings().all():
        found.setdefault(row["grant_id"], set()).add(row["record_id"])
    return {grant_id: frozenset(records_) for grant_id, records_ in found.items()}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rows a query walks: one group, and any of the narrowing conditions."""

    field_group: str
    client_id: str | None = None
    owner_unit: str | None = None
    park_id: str | None = None
    grant_id: str | None = None
    tokens: tuple[tuple[str, bytes], ...] = ()  # blind-index candidates: (field, token), any of them
    show_suppressed: bool = False
    up_to: str | None = None  # the last record that may be read


async def rows_of(tx: Tx, wanted: Wanted, person_id: str, after: str, limit: int) -> list[Row]:
    """Up to `limit` active rows with identifiers above `after`, in order. Suppressed clients' rows are not there at all."""
    statement = _ROW.where(_r.c.field_group == wanted.field_group, _r.c.state == "active", _r.c.record_id > after)
    if wanted.client_id:
        statement = statement.where(_r.c.client_id == wanted.client_id)
    if wanted.owner_unit:
        statement = statement.where(_r.c.owner_unit == wanted.owner_unit)
    if wanted.park_id:
        statement = statement.where(_c.c.park_id == wanted.park_id)
    if wanted.grant_id:
        statement = statement.where(_covered(wanted.grant_id, wanted.field_group))
    if wanted.tokens:
        index = records.blind_index
        hit = sa.or_(*(sa.and_(index.c.field == field, index.c.token == token) for field, token in wanted.tokens))
        statement = statement.where(_r.c.record_id.in_(sa.select(index.c.record_id).where(hit)))
    if wanted.up_to is not None:
        statement = statement.where(_r.c.record_id <= wanted.up_to)
    if not wanted.show_suppressed:
        statement = statement.where(sa.not_(SUPPRESSED))
    statement = statement.order_by(_r.c.record_id).limit(limit)
    found = await tx.execute(statement, {"person_id": person_id, "now": tx.now})
    return [_row(row) for row in found.mappings().all()]


def _covered_rows(grant_id: str, group: str) -> sa.Select[Any]:
    return (
        sa.select(_r.c.record_id)
        .select_from(_r.join(_c, _c.c.client_id == _r.c.client_id))
        .where(_r.c.field_group == group, _r.c.state == "active", _covered(grant_id, group))
        .order_by(_r.c.record_id)
    )


async def count_covered(tx: Tx, grant_id: str, group: str, limit: int) -> int:
    """How many active rows of the group the grant covers, counted up to `limit`."""
    some = _covered_rows(grant_id, group).limit(limit).subquery()
    return int((await tx.execute(sa.select(sa.func.count()).select_from(some))).scalar() or 0)


async def covered_at(tx: Tx, grant_id: str, group: str, place: int) -> str | None:
    """The record at this place (from 1) among those that the grant covers, in their order."""
    found = await tx.execute(_covered_rows(grant_id, group).offset(place - 1).limit(1))
    return found.scalar()


async def kind_of(tx: Tx, unit_id: str) -> str:
    """The kind of the institution that the unit belongs to; `firm` for an unknown one."""
    joined = _u.join(_i, _i.c.institution_id == _u.c.institution_id)
    return (
        await tx.execute(sa.select(_i.c.kind).select_from(joined).where(_u.c.unit_id == unit_id))
    ).scalar() or "firm"


async def owns_any(tx: Tx, unit_id: str, group: str) -> bool:
    """Whether the unit has any active record of the group."""
    here = (_r.c.owner_unit == unit_id, _r.c.field_group == group, _r.c.state == "active")
    return (await tx.execute(sa.select(_r.c.record_id).where(*here).limit(1))).first() is not None


def _covered(grant_id: str, group: str) -> sa.ColumnElement[bool]:
    """Whether the grant covers the row: each way of naming its client is one look-up by the key of the scopes."""
    owner = sa.exists().where(
        _gi.c.grant_id == grant_id, _gi.c.field_group == group, _gi.c.owner_unit == _r.c.owner_unit
    )
    unit = sa.select(_g.c.grantee_unit).where(_g.c.grant_id == grant_id).scalar_subquery()
    of_grant = sa.and_(_gs.c.grantee_unit == unit, _gs.c.field_group == group, _gs.c.grant_id == grant_id)
    tag = records.client_tag
    named = sa.or_(
        sa.exists().where(of_grant, _gs.c.scope == sa.literal("client:") + _c.c.client_id).correlate(_c),
        sa.exists().where(of_grant, _gs.c.scope == sa.literal("park:") + _c.c.park_id).correlate(_c),
        sa.exists()
        .where(
            of_grant, _gs.c.scope >= "tag:", _gs.c.scope < "tag;",
            tag.c.tag == sa.func.substr(_gs.c.scope, len("tag:") + 1), tag.c.client_id == _c.c.client_id,
        )
        .correlate(_c),
    )  # fmt: skip
    return sa.and_(owner.correlate(_r), named)


_SPEND = (
    sa.update(_g)
    .where(
        _g.c.grant_id == sa.bindparam("id"),
        _g.c.state == "active",
        sa.or_(_g.c.use_limit.is_(None), _g.c.use_count < _g.c.use_limit),
    )
    .values(use_count=_g.c.use_count + 1, last_used_at=sa.bindparam("at", type_=sa.BigInteger))
)
_HOUR = 3_600_000_000
_HOUR_THERE = sa.text(
    "INSERT INTO grant_use (grant_id, hour, uses, rows) VALUES (:grant_id, :hour, 0, 0) ON CONFLICT DO NOTHING"
)


async def spend_use(tx: Tx, grant_id: str, rows: int, rate_per_hour: int | None) -> bool:
    """One use more of the grant, counted with its rows in this hour. False, and nothing counted, when none is left."""
    if not (await tx.execute(_SPEND, {"id": grant_id, "at": tx.now})).rowcount:
        return False
    return await count_use(tx, grant_id, 1, rows, rate_per_hour)


async def count_use(tx: Tx, grant_id: str, uses: int, rows: int, rate_per_hour: int | None = None) -> bool:
    """Add to the hour's count. False, and nothing added, when the rate is used up."""
    hour = tx.now // _HOUR * _HOUR
    t = access.grant_use
    here = sa.and_(t.c.grant_id == grant_id, t.c.hour == hour)
    under = here if rate_per_hour is None else sa.and_(here, t.c.uses < rate_per_hour)
    await tx.execute(_HOUR_THERE, {"grant_id": grant_id, "hour": hour})  # two first uses of an hour at once: one row
    counted = await tx.execute(sa.update(t).where(under).values(uses=t.c.uses + uses, rows=t.c.rows + rows))
    return bool(counted.rowcount)


async def touch(tx: Tx, person_id: str, conflict_class: str, client_id: str) -> str:
    """The client of this conflict class that the person touched first: this one, unless somebody was there before.

    Insert-or-nothing and read back, so that two simultaneous first touches of competitors cannot both win.
    """
    t = barrier.conflict_touch
    row = {"person_id": person_id, "conflict_class": conflict_class, "client_id": client_id, "touched_at": tx.now}
    names = list(row)
    await tx.execute(
        sa.text(
            f"INSERT INTO conflict_touch ({', '.join(names)}) VALUES ({', '.join(':' + n for n in names)}) ON CONFLICT DO NOTHING"
        ),
        row,
    )
    held = sa.select(t.c.client_id).where(t.c.person_id == person_id, t.c.conflict_class == conflict_class)
    return str((await tx.execute(held)).scalar())


def _row(found: Any) -> Row:
    return Row(
        record_id=found["record_id"], client_id=found["client_id"], owner_unit=found["owner_unit"],
        owner_institution=found["owner_institution"], owner_side=found["owner_side"],
        owner_kind=found["owner_kind"], field_group=found["field_group"],
        state=found["state"], generation=found["generation"], fields=tuple(found["fields"].split()),
        open_values=found["open_values"], sealed=found["sealed"], wrapped=found["wrapped"], key_id=found["key_id"],
        park_id=found["park_id"], tags=tuple(found["tags"].split()), natural_person=bool(found["natural_person"]), institutional=bool(found["institutional"]),
        conflict_class=found["conflict_class"], suppressed=bool(found["suppressed"]), watch=bool(found["watch"]),
        restricted=bool(found["restricted"]), quiet=bool(found["quiet"]), crossed=bool(found["crossed"]),
        touched=found["touched"],
    )  # fmt: skip


async def add_uses(tx: Tx, grant_id: str, uses: int) -> None:
    """`uses` more are counted on the grant itself."""
    await tx.execute(
        sa.update(_g).where(_g.c.grant_id == grant_id).values(use_count=_g.c.use_count + uses, last_used_at=tx.now)
    )
