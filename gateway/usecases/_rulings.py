"""Decisions about one class of rows: field classes against the rules, the cap of a grant, what an absent record is told."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gateway.domain.entry import SPECS
from gateway.domain.principal import Principal
from gateway.errors import Problem, Refusal
from gateway.runtime import Gateway
from gateway.schemas.disclosure import Disclose, Query
from gateway.store import disclosure as store
from gateway.store.db import Tx
from gateway.store.disclosure import GrantRow, Row, Standing
from gateway.usecases import _facts
from gateway.usecases._facts import UNKNOWN_FIELD, FieldClass, View
from policies.decision import Allowed, Refused
from policies.vocabulary import Facts, Object, Resource

_ABSENT = "suppressed-or-absent"
_EXTENTS = 10_000  # grants whose extent is kept in mind


@dataclass(frozen=True, slots=True)
class Ruling:
    """One decision about fields that are decided together, on the rows of one class, with the grant it rests on."""

    decision: Allowed | Refused
    fields: FieldClass
    grant: GrantRow | None
    owner_unit: str
    told: Refused | None = None  # what the reader is told of a refusal that rests on a list of compliance's
    facts: Facts | None = None  # what was decided upon; None where the refusal is not the rules' own


@dataclass(frozen=True, slots=True)
class Denied:
    """A refusal of the whole page, and the moment of it."""

    decision: Refused
    now: int


def not_released(decision: Allowed | Refused, reason: str = "no-grant") -> Refused:
    if isinstance(decision, Refused):
        return decision
    return Refused(decision.decision_id, "", reason, decision.epoch)


def any_row(group: str, owner: str, kind: str, fields: tuple[str, ...], basis: GrantRow | None) -> Row:
    some = next(iter(basis.persons or ()), "") if basis else ""  # persons' consents are judged row by row
    return Row(
        record_id=some, client_id="", owner_unit=owner, owner_institution="", owner_side="none", owner_kind=kind, field_group=group,
        state="active", generation=0, fields=tuple(sorted(fields)), open_values=None, sealed=None, wrapped=None, key_id=None,
        park_id=None, tags=(), natural_person=False, institutional=True, conflict_class="", suppressed=False, watch=False,
        restricted=False, quiet=False, crossed=False, touched=None,
    )  # fmt: skip


def releases(rulings: Iterable[Ruling], field: str) -> bool:
    return any(isinstance(each.decision, Allowed) and field in each.decision.resource.fields for each in rulings)


def first_refused(
    rulings: Sequence[Ruling],
    gw: Gateway,
    by: Principal,
    held: Standing,
    ask: Query,
    action: str,
    read_id: str,
    now: int,
) -> Refused:
    for ruling in rulings:
        if isinstance(ruling.decision, Refused):
            return ruling.decision if _facts.explained(by) else ruling.told or ruling.decision
    return nothing_there(gw, by, held, ask, action, read_id, now).decision


async def row_cap_reason(gw: Gateway, tx: Tx, grant: GrantRow, group: str) -> str | None:
    """The last record, in their order, that the grant's row cap lets be read; None: all that it covers.

    How many rows a grant covers is counted once a minute in a process: rows of the last minute may be read above it.
    """
    counted: dict[tuple[str, str], tuple[int, float]] = gw.state.setdefault("grant-extents", {})
    rows, until = counted.get((grant.grant_id, group), (0, 0.0))
    if until < time.monotonic():
        rows = await store.count_covered(tx, grant.grant_id, group, grant.row_cap + 1)
        if len(counted) > _EXTENTS:
            counted.clear()
        counted[grant.grant_id, group] = (rows, time.monotonic() + 60.0)
    return None if rows <= grant.row_cap else await store.covered_at(tx, grant.grant_id, group, grant.row_cap)


async def within_cap(gw: Gateway, tx: Tx, ruling: Ruling, row: Row) -> Ruling:
    """The ruling, unless the record lies beyond the row cap of the grant that it rests on."""
    if not isinstance(ruling.decision, Allowed) or ruling.grant is None:
        return ruling
    last = await row_cap_reason(gw, tx, ruling.grant, row.field_group)
    if last is None or row.record_id <= last:
        return ruling
    return replace(ruling, decision=Refused(ruling.decision.decision_id, "ROW-CAP", "exhausted", ruling.decision.epoch))


def rule(
    gw: Gateway, by: Principal, held: Standing, seen: View, rows: Sequence[Row], names: frozenset[str] | None,
    grants: Sequence[GrantRow], action: str, purpose: str, read_id: str, now: int,
) -> list[Ruling]:  # fmt: skip
    """One decision per class of fields on rows that are alike in everything a rule may look at.

    `names` None: nobody named fields, so the question is about all of the record's fields that could be released:
    the granted ones of another unit's gated fields, and never a field that is not shared.
    """
    row = rows[0]
    asked = names if names is not None else frozenset(row.fields)
    rulings: list[Ruling] = []
    for fields in _facts.field_classes(seen, row.field_group, row.owner_kind, asked):
        if names is None and fields.mode == "not_shared":
            continue
        found = rule_class(gw, by, held, seen, rows, fields, names, grants, action, purpose, read_id, now)
        levels = sorted({found.fields.levels[name] for name in found.fields.fields})
        if names is None and isinstance(found.decision, Refused) and len(levels) > 1:
            # What is refused for its highest level may be allowed below it: nobody insisted on all of it.
            parts = [
                rule_class(
                    gw, by, held, seen, rows, part, frozenset(part.fields), grants, action, purpose, read_id, now
                )
                for level in levels
                for part in _facts.field_classes(
                    seen, row.field_group, row.owner_kind, {n for n, at in found.fields.levels.items() if at == level}
                )
            ]
            if any(isinstance(part.decision, Allowed) for part in parts):
                rulings.extend(parts)
                continue
        rulings.append(found)
    return rulings


def rule_class(
    gw: Gateway, by: Principal, held: Standing, seen: View, rows: Sequence[Row], fields: FieldClass, names: frozenset[str] | None,
    grants: Sequence[GrantRow], action: str, purpose: str, read_id: str, now: int,
) -> Ruling:  # fmt: skip
    row = rows[0]
    grant = None
    if fields.mode == "approval_gated" and row.owner_unit != held.unit_id:
        grant = _facts.best_grant(grants, row.owner_unit, fields.fields, purpose, action, by.channel, now)
        granted = fields.fields & grant.fields(row.owner_unit) if grant is not None else frozenset[str]()
        if names is None and granted:
            (fields,) = _facts.field_classes(seen, row.field_group, row.owner_kind, granted)
    facts = _facts.facts(
        read_id, _facts.subject(by, held, now), _facts.object_of(fields, row.field_group, row), action, purpose=purpose, now=now,
        channel=by.channel, resource=Resource(row.field_group, frozenset(each.record_id for each in rows), fields.fields),
        grant=_facts.grant_facts(grant, row.owner_unit, fields.fields, row.record_id), wall=_facts.wall_of(row),
    )  # fmt: skip
    decision = gw.policy.decide(facts)
    told = None
    if isinstance(decision, Refused) and (row.restricted or row.quiet):
        # Which client is on a list is itself a secret: the reader gets the answer there would be without the list,
        # and where that would be the values, the answer for a client that is not there.
        without = gw.policy.decide(replace(facts, wall=replace(facts.wall, restricted=False, quiet=False)))
        told = without if isinstance(without, Refused) else Refused(read_id, "", _ABSENT, decision.epoch)
    return Ruling(decision, fields, grant, row.owner_unit, told, facts)


def decide_absent(
    gw: Gateway, by: Principal, held: Standing, read_id: str, action: str, purpose: str, now: int
) -> Refused:
    """The refusal of a record that is not there: it depends on who asks and on nothing else."""
    decision = gw.policy.decide(
        _facts.facts(read_id, _facts.subject(by, held, now), _facts.absent("contact"), action, purpose=purpose, now=now,
                     channel=by.channel, resource=Resource("contact", frozenset(), frozenset()))
    )  # fmt: skip
    if isinstance(decision, Allowed):  # compliance may see the suppressed, but there is nothing to see
        return Refused(read_id, "ABSENT", _ABSENT, decision.epoch)
    return decision


def nothing_there(
    gw: Gateway, by: Principal, held: Standing, ask: Query, action: str, read_id: str, now: int
) -> Denied:
    """No basis at all: decided on a gated row of the group that nobody granted, so that it reads like any other denial."""
    decision = gw.policy.decide(
        _facts.facts(read_id, _facts.subject(by, held, now),
                     Object("approval_gated", ask.field_group, 3, "", ""), action, purpose=ask.purpose, now=now,
                     channel=by.channel, resource=Resource(ask.field_group, frozenset(), frozenset(ask.fields or ())))
    )  # fmt: skip
    if isinstance(decision, Allowed):
        return Denied(Refused(read_id, "ABSENT", "no-grant", decision.epoch), now)
    return Denied(decision, now)


def group_fields(seen: View, group: str) -> frozenset[str]:
    return frozenset(spec.name for spec in SPECS.get(group, ()) if seen.item(group, spec.name) is not None)


def refused_whole(
    gw: Gateway, by: Principal, held: Standing, row: Row | None, rulings: Sequence[Ruling], grants: Sequence[GrantRow],
    absent: Refused, ask: Disclose, read_id: str, now: int,
) -> Refusal:  # fmt: skip
    """The refusal of a whole read: for somebody who may not even know of the record, the answer for one that is not there.

    Its owner knows of it; so does whoever holds a grant on its client; so does everybody who may see the client's card.
    """
    if row is None or not rulings:
        return _facts.refusal(by, absent)
    first = next((ruling for ruling in rulings if isinstance(ruling.decision, Refused)), rulings[0])
    assert isinstance(first.decision, Refused)
    reason = first.decision if first.told is None or _facts.explained(by) else first.told
    if reason.reason == _ABSENT:
        return _facts.refusal(by, absent)
    if row.owner_unit == held.unit_id and row.owner_institution == held.institution_id:
        return _facts.refusal(by, reason)
    card = Object(
        "mandatory_name_share", "client_name", 2, "", "", readable=True, suppressed=row.suppressed,
        natural_person=row.natural_person or not row.institutional,
    )  # fmt: skip
    known = gw.policy.decide(
        _facts.facts(read_id, _facts.subject(by, held, now), card, "read", purpose="none", now=now, channel=by.channel,
                     resource=Resource("client_name", frozenset(), frozenset()))
    )  # fmt: skip
    aware = isinstance(known, Allowed) or (not row.suppressed and any(each.fields(row.owner_unit) for each in grants))
    return _facts.refusal(by, reason if aware else absent)


def known_fields(asked: tuple[str, ...] | None) -> None:
    """Refuses names that are no field of any group: said before any record is looked at, so that it tells of none."""
    for name in asked or ():
        if not any(spec.name == name for specs in SPECS.values() for spec in specs):
            raise Problem(UNKNOWN_FIELD, field=name if name.isidentifier() and name.isascii() else "fields")


def asked_names(seen: View, group: str, asked: tuple[str, ...] | None) -> frozenset[str] | None:
    """The fields that were asked for by name, checked against the catalogue; None when none were named."""
    if asked is None:
        return None
    for name in asked:
        if seen.item(group, name) is None:
            raise Problem(UNKNOWN_FIELD, field=name if name.isidentifier() and name.isascii() else "fields")
    return frozenset(asked)
