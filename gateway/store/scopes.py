"""Which clients a scope means, and whose records it touches. Suppressed clients are not there, for anybody."""

from collections.abc import Collection, Iterable

import sqlalchemy as sa

from gateway.domain.access import Scope
from gateway.store.db import Tx
from gateway.store.tables import barrier, parties, records

_c, _r = records.client, records.record
_CHUNK = 5_000  # parameters of one statement; both databases take more

_SUPPRESSED = sa.exists().where(
    barrier.name_suppression.c.client_id == _c.c.client_id,
    barrier.name_suppression.c.state == "active",
    barrier.name_suppression.c.not_after > sa.bindparam("now", type_=sa.BigInteger),
)


async def resolve_clients(tx: Tx, names: Iterable[str]) -> dict[str, str]:
    """Client ids by the name given (an id or a unified social credit code); unknown and suppressed are left out."""
    wanted = list(dict.fromkeys(names))
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        for column in (_c.c.client_id, _c.c.uscc):
            statement = sa.select(column.label("name"), _c.c.client_id).where(column.in_(part), sa.not_(_SUPPRESSED))
            for row in (await tx.execute(statement, {"now": tx.now})).mappings().all():
                found[row["name"]] = row["client_id"]
    return found


async def clients_within(tx: Tx, clients: Collection[str], scope: Scope) -> frozenset[str]:
    """Those of `clients` that have a tag or a park of `scope`."""
    inside: set[str] = set()
    wanted = sorted(clients)
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        statement = sa.select(_c.c.client_id).where(_c.c.client_id.in_(part), _in(Scope((), scope.tags, scope.parks)))
        inside.update((await tx.execute(statement)).scalars().all())
    return frozenset(inside)


async def owners_within(tx: Tx, groups: Collection[str], scope: Scope) -> dict[tuple[str, str], tuple[str, ...]]:
    """For each field group and kind of institution, the units that own active records of clients in `scope`."""
    found: dict[tuple[str, str], set[str]] = {}
    parts = [scope.clients[start : start + _CHUNK] for start in range(0, len(scope.clients), _CHUNK)] or [()]
    house = parties.institution
    for n, part in enumerate(parts):
        piece = Scope(part, scope.tags if n == 0 else (), scope.parks if n == 0 else ())
        statement = (
            sa.select(_r.c.field_group, house.c.kind, _r.c.owner_unit)
            .join(_c, _c.c.client_id == _r.c.client_id)
            .join(house, house.c.institution_id == _r.c.owner_institution)
            .where(_r.c.state == "active", _r.c.field_group.in_(sorted(groups)), _in(piece), sa.not_(_SUPPRESSED))
            .distinct()
        )
        for row in (await tx.execute(statement, {"now": tx.now})).mappings().all():
            found.setdefault((row["field_group"], row["kind"]), set()).add(row["owner_unit"])
    return {key: tuple(sorted(units)) for key, units in found.items()}


async def lead_units(tx: Tx, clients: Collection[str]) -> frozenset[str]:
    """The lead departments of these clients."""
    found: set[str] = set()
    wanted = sorted(clients)
    for start in range(0, len(wanted), _CHUNK):
        part = wanted[start : start + _CHUNK]
        statement = sa.select(_c.c.lead_unit).where(_c.c.client_id.in_(part), _c.c.lead_unit.is_not(None)).distinct()
        found.update((await tx.execute(statement)).scalars().all())
    return frozenset(found)


async def live_units(tx: Tx, units: Collection[str]) -> frozenset[str]:
    """Those of `units` that exist and are active."""
    statement = sa.select(parties.unit.c.unit_id).where(
        parties.unit.c.unit_id.in_(sorted(units)), parties.unit.c.active.is_(True)
    )
    return frozenset((await tx.execute(statement)).scalars().all())


def _in(scope: Scope) -> sa.ColumnElement[bool]:
    conditions: list[sa.ColumnElement[bool]] = []
    if scope.clients:
        conditions.append(_c.c.client_id.in_(scope.clients))
    if scope.parks:
        conditions.append(_c.c.park_id.in_(scope.parks))
    if scope.tags:
        tagged = sa.select(records.client_tag.c.client_id).where(records.client_tag.c.tag.in_(scope.tags))
        conditions.append(_c.c.client_id.in_(tagged))
    return sa.or_(*conditions) if conditions else sa.false()
