"""Grants in the database: the grant, the keys it is looked up by, how it was used, and what opens its ledger entry."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateway.domain.access import Grant, grant_from_plain, to_plain
from gateway.domain.canonical import canonical
from gateway.errors import CONFLICT, NOT_FOUND, Problem
from gateway.store.db import Tx
from gateway.store.tables import access as t
from gateway.store.tables import parties, records

_g, _i, _s, _u, _c = t.access_grant, t.grant_item, t.grant_scope, t.grant_use, t.grant_consent
_ONE = sa.select(_g).where(_g.c.grant_id == sa.bindparam("id"))
_ADD = sa.insert(_g)
_ADD_ITEM = sa.insert(_i)
_ADD_SCOPE = sa.insert(_s)
_ADD_CONSENT = sa.insert(_c)
_ADD_OPENING = sa.insert(t.entry_opening)


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """A grant with what only its row knows: uses, entries of the ledger, how it ended. Times are microseconds."""

    grant: Grant
    entry_id: str
    ended_entry_id: str | None
    use_count: int
    last_used_at: int | None


@dataclass(frozen=True, slots=True)
class Readership:
    """How much one grant was used within a time."""

    stored: StoredGrant
    uses: int
    rows: int


@dataclass(frozen=True, slots=True)
class Opened:
    """What opens the commitments of one entry."""

    secret: bytes
    fields: dict[str, str | int | bool]


async def add_grant(tx: Tx, grant: Grant, entry_id: str) -> None:
    """The grant holds, with every key it is looked up by. Its ledger entry must be there already."""
    await tx.execute(_ADD, {**_columns(grant), "grant_id": grant.id, "entry_id": entry_id, "created_at": tx.now})
    await tx.execute(
        _ADD_ITEM,
        [
            {
                "grant_id": grant.id, "item_code": item.code, "owner_unit": owner, "field_group": item.group,
                "fields": " ".join(item.fields),
            }
            for item in grant.items
            for owner in item.owners
        ],
    )  # fmt: skip
    scopes = [
        *(f"client:{client}" for client in grant.scope.clients),
        *(f"tag:{tag}" for tag in grant.scope.tags),
        *(f"park:{park}" for park in grant.scope.parks),
    ]
    groups = sorted({item.group for item in grant.items})
    rows = [
        {"grantee_unit": grant.grantee.unit, "field_group": group, "scope": scope, "grant_id": grant.id}
        for group in groups
        for scope in dict.fromkeys(scopes)
    ]
    if rows:
        await tx.execute(_ADD_SCOPE, rows)
    if grant.consents:
        await tx.execute(_ADD_CONSENT, [{"grant_id": grant.id, "consent_id": each} for each in grant.consents])


async def find_grant(tx: Tx, grant_id: str) -> StoredGrant | None:
    """The grant, or None."""
    row = (await tx.execute(_ONE, {"id": grant_id})).mappings().first()
    return None if row is None else _stored(row)


async def get_grant(tx: Tx, grant_id: str) -> StoredGrant:
    """The grant. Raises `Problem(not-found)`."""
    stored = await find_grant(tx, grant_id)
    if stored is None:
        raise Problem(NOT_FOUND, field="grant_id")
    return stored


async def requester_of(tx: Tx, request_id: str) -> str | None:
    """Who asked for it, or None when there is no such request."""
    r = t.access_request
    return (await tx.execute(sa.select(r.c.requester).where(r.c.request_id == request_id))).scalar()


async def find_grant_of_request(tx: Tx, request_id: str) -> StoredGrant | None:
    """The newest grant that came of a request, or None."""
    statement = sa.select(_g).where(_g.c.request_id == request_id).order_by(_g.c.created_at.desc()).limit(1)
    row = (await tx.execute(statement)).mappings().first()
    return None if row is None else _stored(row)


async def end_grant(tx: Tx, grant: Grant, entry_id: str | None) -> None:
    """The active grant has ended as `grant` says; no read that begins after the commit rests on it.

    Raises `Problem(conflict)` when it was ended already.
    """
    changed = await tx.execute(
        sa.update(_g)
        .where(_g.c.grant_id == grant.id, _g.c.state == "active")
        .values(
            state=grant.state, content=_text(grant), ended_entry_id=entry_id, revoked_at=grant.ended_at,
            revoked_by=grant.ended_by or None, revoked_reason=grant.end_reason or None,
        )
    )  # fmt: skip
    if not changed.rowcount:
        raise Problem(CONFLICT, field="grant_id", detail_zh="该授权已终止", detail_en="the grant has ended already")


async def list_grants(
    tx: Tx, *, grantee_unit: str | None = None, person: str | None = None, owner_unit: str | None = None,
    state: str | None = None, item: str = "", client: str = "", purpose: str = "", ends_before: int | None = None,
    below: tuple[int, str] | None = None, limit: int,
) -> list[StoredGrant]:  # fmt: skip
    """Grants that fulfil every condition given, newest first, below the last one seen.

    With `grantee_unit` and `person`: those of the unit as a whole and those of this person alone. `state` is what
    holds at `tx.now`: an active grant past its end is found as expired. `ends_before` leaves out what has ended.
    """
    statement = sa.select(_g)
    if grantee_unit is not None:
        statement = statement.where(_g.c.grantee_unit == grantee_unit)
    if person is not None:
        statement = statement.where(sa.or_(_g.c.grantee_person.is_(None), _g.c.grantee_person == person))
    if owner_unit is not None:
        statement = statement.where(_g.c.grant_id.in_(sa.select(_i.c.grant_id).where(_i.c.owner_unit == owner_unit)))
    if item:
        statement = statement.where(_g.c.grant_id.in_(sa.select(_i.c.grant_id).where(_i.c.item_code == item)))
    if client:
        statement = statement.where(_covering(client))
    if purpose:
        statement = statement.where(_g.c.purpose == purpose)
    if state:
        statement = statement.where(_in_state(state, tx.now))
    if ends_before is not None:
        statement = statement.where(_in_state("active", tx.now), _g.c.not_after <= ends_before)
    if below is not None:
        at, grant_id = below
        statement = statement.where(
            sa.or_(_g.c.created_at < at, sa.and_(_g.c.created_at == at, _g.c.grant_id < grant_id))
        )
    statement = statement.order_by(_g.c.created_at.desc(), _g.c.grant_id.desc()).limit(limit)
    return [_stored(row) for row in (await tx.execute(statement)).mappings().all()]


async def live_grants_of(tx: Tx, grantee_unit: str, codes: Collection[str]) -> list[Grant]:
    """The live grants of a unit or its people that name one of these items."""
    named = sa.select(_i.c.grant_id).where(_i.c.item_code.in_(sorted(codes)))
    statement = sa.select(_g).where(
        _g.c.grantee_unit == grantee_unit, _in_state("active", tx.now), _g.c.grant_id.in_(named)
    )
    return [_stored(row).grant for row in (await tx.execute(statement)).mappings().all()]


async def active_grants_of(
    tx: Tx, *, person: str = "", unit: str = "", institution: str = "", consent: str = "", client: str = ""
) -> list[StoredGrant]:  # fmt: skip
    """The active grants held by a person, a unit or an institution, resting on a consent, or naming a client."""
    conditions = []
    if person:
        conditions.append(_g.c.grantee_person == person)
    if unit:
        conditions.append(_g.c.grantee_unit == unit)
    if institution:
        units = sa.select(parties.unit.c.unit_id).where(parties.unit.c.institution_id == institution)
        conditions.append(_g.c.grantee_unit.in_(units))
    if consent:
        conditions.append(_g.c.grant_id.in_(sa.select(_c.c.grant_id).where(_c.c.consent_id == consent)))
    if client:
        conditions.append(_g.c.grant_id.in_(sa.select(_s.c.grant_id).where(_s.c.scope == f"client:{client}")))
    if not conditions:
        return []
    statement = sa.select(_g).where(_g.c.state == "active", sa.or_(*conditions)).order_by(_g.c.grant_id)
    return [_stored(row) for row in (await tx.execute(statement)).mappings().all()]


async def list_past(tx: Tx, now: int, limit: int) -> list[StoredGrant]:
    """Grants written down as active whose term is over at `now`."""
    statement = sa.select(_g).where(_g.c.state == "active", _g.c.not_after <= now).order_by(_g.c.not_after).limit(limit)
    return [_stored(row) for row in (await tx.execute(statement)).mappings().all()]


async def list_to_remind(tx: Tx, now: int, until: int, limit: int) -> list[StoredGrant]:
    """Live grants that end before `until` and about which nobody was told yet."""
    statement = (
        sa.select(_g)
        .where(_g.c.state == "active", _g.c.not_after > now, _g.c.not_after <= until, _g.c.reminded_at.is_(None))
        .order_by(_g.c.not_after)
        .limit(limit)
    )
    return [_stored(row) for row in (await tx.execute(statement)).mappings().all()]


async def set_reminded(tx: Tx, grant_id: str) -> bool:
    """True once for each grant: the caller tells its holder."""
    changed = await tx.execute(
        sa.update(_g).where(_g.c.grant_id == grant_id, _g.c.reminded_at.is_(None)).values(reminded_at=tx.now)
    )
    return bool(changed.rowcount)


async def readership(
    tx: Tx, owner_unit: str, *, since: int, until: int, item: str, below: tuple[int, str] | None, limit: int
) -> list[Readership]:
    """The grants on data of `owner_unit`, newest first, with uses and rows counted in hours from `since` to `until`."""
    owned = sa.select(_i.c.grant_id).where(_i.c.owner_unit == owner_unit)
    if item:
        owned = owned.where(_i.c.item_code == item)
    counted = (
        sa.select(
            _u.c.grant_id, sa.func.sum(_u.c.uses).label("counted_uses"), sa.func.sum(_u.c.rows).label("counted_rows")
        )
        .where(_u.c.hour >= since, _u.c.hour < until)
        .group_by(_u.c.grant_id)
        .subquery()
    )
    statement = (
        sa.select(_g, counted.c.counted_uses, counted.c.counted_rows)
        .outerjoin(counted, counted.c.grant_id == _g.c.grant_id)
        .where(_g.c.grant_id.in_(owned), _g.c.created_at < until)
        .order_by(_g.c.created_at.desc(), _g.c.grant_id.desc())
        .limit(limit)
    )
    if below is not None:
        at, grant_id = below
        statement = statement.where(
            sa.or_(_g.c.created_at < at, sa.and_(_g.c.created_at == at, _g.c.grant_id < grant_id))
        )
    return [
        Readership(_stored(row), int(row["counted_uses"] or 0), int(row["counted_rows"] or 0))
        for row in (await tx.execute(statement)).mappings().all()
    ]


async def users_of_item(tx: Tx, code: str) -> list[str]:
    """The units that hold a live grant on an item."""
    statement = (
        sa.select(_g.c.grantee_unit)
        .join(_i, _i.c.grant_id == _g.c.grant_id)
        .where(_i.c.item_code == code, _in_state("active", tx.now))
        .distinct()
        .order_by(_g.c.grantee_unit)
    )
    return list((await tx.execute(statement)).scalars().all())


async def add_opening(tx: Tx, entry_id: str, secret: bytes, fields: Mapping[str, str | int | bool]) -> None:
    """What opens the commitments of a ledger entry is kept beside it."""
    row = {"entry_id": entry_id, "secret": secret, "fields": canonical(dict(fields)).decode()}
    await tx.execute(_ADD_OPENING, row)


async def find_opening(tx: Tx, entry_id: str) -> Opened | None:
    """What opens an entry, or None when it was dropped or never kept."""
    o = t.entry_opening
    row = (await tx.execute(sa.select(o.c.secret, o.c.fields).where(o.c.entry_id == entry_id))).first()
    return None if row is None else Opened(bytes(row.secret), json.loads(row.fields))


def page_key(grants: Sequence[StoredGrant]) -> str:
    """What continues a list after its last row."""
    last = grants[-1].grant
    return f"{last.granted_at}.{last.id}"


def _in_state(state: str, now: int) -> sa.ColumnElement[bool]:
    if state == "active":
        return sa.and_(_g.c.state == "active", _g.c.not_after > now)
    if state == "expired":
        return sa.or_(_g.c.state == "expired", sa.and_(_g.c.state == "active", _g.c.not_after <= now))
    return _g.c.state == state


def _covering(client: str) -> sa.ColumnElement[bool]:
    tags = sa.select(sa.literal("tag:") + records.client_tag.c.tag).where(records.client_tag.c.client_id == client)
    park = sa.select(sa.literal("park:") + records.client.c.park_id).where(records.client.c.client_id == client)
    named = sa.or_(_s.c.scope == f"client:{client}", _s.c.scope.in_(tags), _s.c.scope.in_(park))
    return _g.c.grant_id.in_(sa.select(_s.c.grant_id).where(named))


def _columns(grant: Grant) -> dict[str, Any]:
    return {
        "request_id": grant.request_id, "grantee_unit": grant.grantee.unit,
        "grantee_person": grant.grantee.id if grant.grantee.kind == "person" else None, "purpose": grant.purpose,
        "state": grant.state, "not_before": grant.not_before, "not_after": grant.not_after,
        "use_limit": grant.use_limit, "rate_per_hour": grant.rate_per_hour, "row_cap": grant.row_cap,
        "uses": " ".join(grant.uses), "approvals": " ".join(grant.approvals), "content": _text(grant),
        "masked": "mask" in grant.obligations, "renewals": grant.renewals,
    }  # fmt: skip


def _text(grant: Grant) -> str:
    return canonical(to_plain(grant)).decode()


def _stored(row: Any) -> StoredGrant:
    return StoredGrant(
        grant_from_plain(json.loads(row["content"])), row["entry_id"], row["ended_entry_id"], row["use_count"],
        row["last_used_at"],
    )  # fmt: skip
