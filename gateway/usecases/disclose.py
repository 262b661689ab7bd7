"""Reading protected values: the facts, the decision, the trail, and only then the key."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from audit.events import Event
from gateway.domain.entry import SPECS, spec_of
from gateway.domain.entry.values import read
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.errors import Problem, Refusal
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.disclosure import Disclose, Disclosure, Query, RecordOut, RecordPage, Verified, Verify, Withheld
from gateway.sealing.blind import search_tokens
from gateway.sealing.envelope import Place, SealedRecord, open_
from gateway.sealing.masks import mask
from gateway.store import blind
from gateway.store import disclosure as store
from gateway.store.db import Tx
from gateway.store.disclosure import GrantRow, Row, Standing, Wanted
from gateway.usecases import _facts
from gateway.usecases._facts import UNKNOWN_FIELD, FieldClass, View
from policies.decision import REASONS, Allowed, Refused
from policies.vocabulary import Facts, Object, Resource

__all__ = ["disclose", "query", "verify"]

DATASET = "records"
_ABSENT = "suppressed-or-absent"
_CANDIDATES = 1000  # most rows that a search in sealed values compares
_EXTENTS = 10_000  # grants whose extent is kept in mind
_SUPERVISING = frozenset({"supervision", "audit"})
# How the masks call the kinds of fields.
_MASK_KINDS = {"person": "name", "name": "name", "mobile": "mobile", "phone": "phone", "email": "email", "wechat": "account",
               "id_no": "identity", "uscc": "identity", "staff": "staff", "amount": "amount", "number": "amount",
               "integer": "amount", "date": "date", "enum": "enum", "enums": "enum", "line": "text", "text": "text", "json": "json"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ruling:
    """One decision about fields that are decided together, on the rows of one class, with the grant it rests on."""

    decision: Allowed | Refused
    fields: FieldClass
    grant: GrantRow | None
    owner_unit: str
    told: Refused | None = None  # what the reader is told of a refusal that rests on a list of compliance's
    facts: Facts | None = None  # what was decided upon; None where the refusal is not the rules' own


async def disclose(gw: Gateway, by: Principal, ask: Disclose) -> Disclosure | Refusal:
    """Read one record: afterwards the read is on the trail, and only allowed fields have left their seal.

    A refusal is recorded the same way. An unknown record, a suppressed client's and one that `by` may not know of get
    the same answer. Raises `Problem` when the trail, a key or the database fails: then nothing was disclosed.
    """
    _known_fields(ask.fields)
    read_id = random_id()
    async with gw.db.glance() as tx:
        # 1. the facts: standing, record, grants, wall; all of one moment
        found = await store.facts_of_read(tx, ask.record_id, by.id)
        held = _facts.still_standing(found.standing, by)
        row = found.row if found.row is not None and found.row.state == "active" else None
        now = tx.now
        rulings: list[Ruling] = []
        grants: list[GrantRow] = []
        key = None
        if row is not None:
            seen = await _facts.view(gw, tx, held.catalogue_version)
            names = None if ask.fields is None else frozenset(ask.fields)
            grants = found.grants
            # 2. the decisions, one per class of fields
            rulings = rule(gw, by, held, seen, [row], names, grants, "read", ask.purpose, read_id, now)
            rulings = [await _within_cap(gw, tx, ruling, row) for ruling in rulings]
        allowed = [ruling for ruling in rulings if isinstance(ruling.decision, Allowed)]
        if row is not None and allowed and row.key_id:
            key = await gw.keyring.for_opening(tx, row.key_id)
    absent: Refused | None = None
    if row is None or not allowed:  # finding the nearest rules of a refusal takes longer than the decision
        absent = _decide_absent(gw, by, held, read_id, "read", ask.purpose, now)
    if row is None or not rulings:
        assert absent is not None
        events = [_absent_event(by, "disclose", absent, now, ask.purpose, read_id, ask.record_id)]
    else:
        events = [_event(by, "disclose", ruling, now, ask.purpose, read_id, [row]) for ruling in rulings]
    # 3. the trail, and what a use costs: durable before anything leaves
    refused = await settle(gw, by, allowed, events, _touching([row] if row else [], {row.record_id: allowed} if row else {}), 1)
    if refused is not None:
        return refused
    if row is None or absent is not None:
        assert absent is not None
        return _refused(gw, by, held, row, rulings, grants, absent, ask, read_id, now)
    # 4. the key, bound to record, compartment, owner and generation
    try:
        values, masked = open_row(row, key, allowed)
    except Exception:
        await gw.recorded(replace(events[0], event_id=random_id(), action="disclose:failed", outcome="failed"))
        raise
    grant = next((ruling.grant for ruling in allowed if ruling.grant), None)
    return Disclosure(
        record=_out(row, values, masked), withheld=_withheld(rulings), decision_id=read_id,
        grant_id=grant.grant_id if grant else None, obligations=_duties(allowed),
        uses_left=None if grant is None or grant.use_limit is None else max(0, grant.use_limit - grant.use_count - 1),
    )  # fmt: skip


async def query(gw: Gateway, by: Principal, ask: Query) -> RecordPage | Refusal:
    """Read up to a page of records of one field group, in the order of their identifiers.

    The page rests on one basis: a grant, ownership, supervision or audit, or the open mode. Rows of a class that is
    refused are left out and said to be withheld; when nothing is allowed the answer is a refusal. `end` marks the end.
    """
    read_id = random_id()
    async with gw.db.read() as tx:
        held = await _facts.known_standing(tx, by)
        seen = await _facts.view(gw, tx, held.catalogue_version)
        page = await page_of(gw, tx, by, held, seen, ask, "read", read_id)
    if isinstance(page, Denied):
        return await denied(gw, by, "query", page, ask.field_group, ask.purpose, read_id)
    refused = await settle(gw, by, page.allowed, page.events, page.touching, len(page.released))
    if refused is not None:
        return refused
    items = []
    try:
        for row in page.released:
            if ask.match_field is None or _matches(row, page, ask.match_field, ask.match_value or ""):
                items.append(_out(row, *open_row(row, page.keys.get(row.key_id or ""), page.by_row[row.record_id])))
    except Exception:
        await _failed(gw, page.events, "query:failed")
        raise
    following = page.next
    if len(items) > ask.limit:  # candidates of a search are compared only now
        items = items[: ask.limit]
        following = items[-1].record_id
    closing = event_of(by, "query:closed", page.now, target_kind="group", target_id=_group(ask.field_group), purpose=_code(ask.purpose),
                       outcome="done", record_count=len(items), read_id=read_id, grant_id=page.grant_id)  # fmt: skip
    await gw.recorded(closing)
    return RecordPage(
        items=tuple(items), withheld=_withheld(page.rulings), next=following, end=following is None, read_id=read_id,
        grant_id=page.grant_id or None, obligations=_duties(page.allowed),
    )  # fmt: skip


async def verify(gw: Gateway, by: Principal, ask: Verify) -> Verified | Refusal:
    """Yes or no: does any record of the client in this group hold this value in this field? The value never leaves."""
    read_id = random_id()
    asked = Query(
        field_group=ask.field_group, purpose=ask.purpose, fields=(ask.field,), client_id=ask.client_id, limit=1000
    )
    async with gw.db.read() as tx:
        held = await _facts.known_standing(tx, by)
        seen = await _facts.view(gw, tx, held.catalogue_version)
        page = await page_of(gw, tx, by, held, seen, asked, "verify", read_id)
    if isinstance(page, Denied):
        return await denied(gw, by, "verify", page, ask.field_group, ask.purpose, read_id)
    refused = await settle(gw, by, page.allowed, page.events, page.touching, len(page.released))
    if refused is not None:
        return refused
    sought = _normal(ask.field_group, ask.field, ask.value)
    matches = False
    try:
        for row in page.released:
            values, _ = open_row(row, page.keys.get(row.key_id or ""), page.by_row[row.record_id], unmasked=True)
            matches |= _same(_normal(ask.field_group, ask.field, values.get(ask.field)), sought)
    except Exception:
        await _failed(gw, page.events, "verify:failed")
        raise
    return Verified(matches=matches and sought is not None, decision_id=read_id, grant_id=page.grant_id or None)


# --- the steps ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PageOfRows:
    """The rows of a page with everything decided about them, before anything is opened."""

    rows: list[Row]
    released: list[Row]
    rulings: list[Ruling]
    allowed: list[Ruling]
    by_row: dict[str, list[Ruling]]
    events: list[Event]
    touching: list[Row]  # one row for each conflict class that is touched for the first time
    keys: dict[str, Any]
    grant_id: str
    next: str | None
    now: int


@dataclass(frozen=True, slots=True)
class Denied:
    """A refusal of the whole page, and the moment of it."""

    decision: Refused
    now: int


async def page_of(
    gw: Gateway,
    tx: Tx,
    by: Principal,
    held: Standing,
    seen: View,
    ask: Query,
    action: str,
    read_id: str,
    *,
    first: bool = True,
) -> PageOfRows | Denied:
    """The next page of rows under one basis, with every class of them decided and nothing opened yet.

    Whoever is not the owner is decided upon before any row is looked for, so that a refusal does not depend on what
    there is. Rows that may not even be known of are as if they were not there, in the list and in its paging.
    """
    now = tx.now
    names = _names(seen, ask.field_group, ask.fields)
    basis, owner, own = await _basis(tx, by, held, seen, ask, action)
    if ask.grant_id and basis is None:
        return _nothing(gw, by, held, ask, action, read_id, now)
    before: list[Ruling] = []
    if not own:
        before = await _beforehand(gw, tx, by, held, seen, ask, names, basis, action, read_id)
        if not any(isinstance(ruling.decision, Allowed) for ruling in before):
            return Denied(_first_refused(before, gw, by, held, ask, action, read_id, now), now)
    wanted = Wanted(
        field_group=ask.field_group, client_id=ask.client_id, owner_unit=owner, park_id=ask.park_id,
        grant_id=basis.grant_id if basis else None, tokens=await _tokens(gw, tx, ask, basis, owner),
        show_suppressed=bool(by.roles & {"compliance", "cco"}) or (own and owner is not None),
        up_to=await _cap(gw, tx, basis, ask.field_group) if basis else None,
    )  # fmt: skip

    def hidden(row: Row) -> bool:
        if not (row.restricted or row.quiet):
            return False
        found = rule(gw, by, held, seen, [row], names, [basis] if basis else [], action, ask.purpose, read_id, now)
        return all(each.told is not None and each.told.reason == _ABSENT for each in found)

    limit = _CANDIDATES if ask.match_field else ask.limit
    rows = await _visible(tx, wanted, by.id, ask.after or "", limit + 1, hidden)
    more = len(rows) > limit
    rows = rows[:limit]
    rulings, by_row, events, touching = _ruled(gw, by, held, seen, rows, names, basis, action, ask.purpose, read_id, now)
    if ask.match_field:  # a row whose field is not released must not be told from one that does not match
        by_row = {record: good for record, good in by_row.items() if _releases(good, ask.match_field)}
        rulings = [ruling for good in by_row.values() for ruling in good]
        touching = [row for row in touching if row.record_id in by_row]
    allowed = [ruling for ruling in rulings if isinstance(ruling.decision, Allowed)]
    if not by_row:
        if rows and not ask.match_field:
            return Denied(_first_refused(rulings, gw, by, held, ask, action, read_id, now), now)
        # Nothing there, which is an answer: it stands on the trail and costs a use.
        if own and first and ask.owner_unit is None and not await store.owns_any(tx, held.unit_id, ask.field_group):
            return _nothing(gw, by, held, ask, action, read_id, now)
        allowed = [ruling for ruling in before if isinstance(ruling.decision, Allowed)]
        rulings = [] if ask.match_field else before
        events = events or [_event_of_none(gw, by, ask, action, basis, now, read_id)]
    if action == "verify" and basis and not rows:
        return Denied(Refused(read_id, "ABSENT", _ABSENT, gw.policy.epoch), now)
    released = [row for row in rows if row.record_id in by_row]
    keys = {key_id: await gw.keyring.for_opening(tx, key_id) for key_id in {row.key_id for row in released} if key_id}
    return PageOfRows(
        rows, released, rulings, allowed, by_row, events, touching, keys, basis.grant_id if basis else "",
        rows[-1].record_id if more and rows else None, now,
    )  # fmt: skip


async def _basis(
    tx: Tx, by: Principal, held: Standing, seen: View, ask: Query, action: str
) -> tuple[GrantRow | None, str | None, bool]:
    """On what the page rests: a grant, and whose rows it walks (None: anybody's), and whether they are one's own."""
    if ask.purpose in _SUPERVISING and ask.owner_unit != held.unit_id and ask.grant_id is None:
        return None, ask.owner_unit, False
    asked = frozenset(ask.fields or ())
    of_group = _group_fields(seen, ask.field_group)
    if of_group and ask.grant_id is None and all(
        (item := seen.item(ask.field_group, name)) is not None and item.mode == "catalogue_open" for name in asked or of_group
    ):  # fmt: skip
        return None, ask.owner_unit, False
    if ask.owner_unit == held.unit_id and ask.grant_id is None:
        return None, held.unit_id, True
    grants = await store.grants_for(tx, held.unit_id, by.id, ask.field_group, None)
    if ask.grant_id is None and ask.owner_unit is None and not grants:
        some_open = any(
            (item := seen.item(ask.field_group, name)) is not None and item.mode == "catalogue_open" for name in asked or of_group
        )
        if some_open and not await store.owns_any(tx, held.unit_id, ask.field_group):
            return None, None, False  # the open fields of everybody's rows; the others are withheld
        return None, held.unit_id, True
    grants = [grant for grant in grants if ask.grant_id in {None, grant.grant_id}]
    owners = [ask.owner_unit] if ask.owner_unit else sorted({unit for grant in grants for unit, _, _ in grant.items})
    found = (_facts.best_grant(grants, unit, asked, ask.purpose, action, by.channel, tx.now) for unit in owners)
    basis = max(
        (grant for grant in found if grant is not None),
        key=lambda grant: (grant.purpose == ask.purpose, grant.not_before <= tx.now < grant.not_after, grant.not_after),
        default=None,
    )
    return basis, ask.owner_unit, False


async def _beforehand(
    gw: Gateway, tx: Tx, by: Principal, held: Standing, seen: View, ask: Query, names: frozenset[str] | None,
    basis: GrantRow | None, action: str, read_id: str,
) -> list[Ruling]:  # fmt: skip
    """The decisions on a row that has every field and no wall: what the basis allows, whatever rows there are."""
    rulings: list[Ruling] = []
    if basis is None:
        owners = [ask.owner_unit or ""]
    else:
        owners = sorted({unit for unit, _, _ in basis.items if ask.owner_unit in {None, unit}})
    asked = names | {ask.match_field} if names is not None and ask.match_field else names
    for unit in owners:
        kind = await store.kind_of(tx, unit)
        found = rule(
            gw, by, held, seen, [_any_row(ask.field_group, unit, kind, tuple(_group_fields(seen, ask.field_group)), basis)],
            asked, [basis] if basis else [], action, ask.purpose, read_id, tx.now,
        )  # fmt: skip
        if ask.match_field and not _releases(found, ask.match_field):
            found = [replace(each, decision=_not_released(each.decision)) for each in found]
        elif ask.match_field and basis and basis.masked and "verify" not in basis.uses:
            # To be told that a guessed value is right is more than its masked form says.
            found = [replace(each, decision=_not_released(each.decision, "use-not-granted")) for each in found]
        rulings.extend(found)
    return rulings


def _not_released(decision: Allowed | Refused, reason: str = "no-grant") -> Refused:
    if isinstance(decision, Refused):
        return decision
    return Refused(decision.decision_id, "", reason, decision.epoch)


def _any_row(group: str, owner: str, kind: str, fields: tuple[str, ...], basis: GrantRow | None) -> Row:
    some = next(iter(basis.persons or ()), "") if basis else ""  # persons' consents are judged row by row
    return Row(
        record_id=some, client_id="", owner_unit=owner, owner_institution="", owner_side="none", owner_kind=kind, field_group=group,
        state="active", generation=0, fields=tuple(sorted(fields)), open_values=None, sealed=None, wrapped=None, key_id=None,
        park_id=None, tags=(), natural_person=False, institutional=True, conflict_class="", suppressed=False, watch=False,
        restricted=False, quiet=False, crossed=False, touched=None,
    )  # fmt: skip


async def _visible(
    tx: Tx, wanted: Wanted, person_id: str, after: str, count: int, hidden: Callable[[Row], bool]
) -> list[Row]:
    """The first `count` rows above `after` that are not hidden."""
    rows: list[Row] = []
    while True:
        asked = count - len(rows)
        batch = await store.rows_of(tx, wanted, person_id, after, asked)
        rows.extend(row for row in batch if not hidden(row))
        if len(batch) < asked or len(rows) >= count:
            return rows
        after = batch[-1].record_id


def _ruled(
    gw: Gateway, by: Principal, held: Standing, seen: View, rows: Sequence[Row], names: frozenset[str] | None,
    basis: GrantRow | None, action: str, purpose: str, read_id: str, now: int,
) -> tuple[list[Ruling], dict[str, list[Ruling]], list[Event], list[Row]]:  # fmt: skip
    """Every class of rows decided: all rulings, the allowing ones by record, the events, the rows of first touches."""
    classes: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        # Of two clients of one conflict class that nobody touched, only the first may be: they are decided one by one.
        fresh = row.client_id if row.conflict_class and row.touched is None and not row.crossed else ""
        kind = (row.owner_unit, row.natural_person, row.suppressed, row.watch, row.restricted, row.quiet, row.crossed,
                _facts.wall_of(row).conflict, row.fields, basis is not None and basis.carries(row.record_id), fresh)  # fmt: skip
        classes.setdefault(kind, []).append(row)
    rulings: list[Ruling] = []
    by_row: dict[str, list[Ruling]] = {}
    events: list[Event] = []
    touched: dict[str, Row] = {}
    for alike in classes.values():
        first = touched.get(alike[0].conflict_class)
        taken = first is not None and alike[0].touched is None and not alike[0].crossed
        members = [replace(row, touched=first.client_id) for row in alike] if first is not None and taken else alike
        found = rule(gw, by, held, seen, members, names, [basis] if basis else [], action, purpose, read_id, now)
        rulings.extend(found)
        named = "query" if action == "read" else action
        events.extend(_event(by, named, ruling, now, purpose, read_id, members) for ruling in found)
        good = [ruling for ruling in found if isinstance(ruling.decision, Allowed)]
        if good:
            by_row.update((member.record_id, good) for member in members)
            for row in _touching(members[:1], by_row):
                touched.setdefault(row.conflict_class, row)
    return rulings, by_row, events, list(touched.values())


def _touching(rows: Sequence[Row], by_row: Mapping[str, Sequence[Ruling]]) -> list[Row]:
    """The rows whose protected fields are about to be seen, of clients in a conflict class that is untouched yet."""
    return [
        row for row in rows
        if row.conflict_class and row.touched is None and not row.crossed
        and any(ruling.fields.mode != "catalogue_open" for ruling in by_row.get(row.record_id, ())
                if isinstance(ruling.decision, Allowed))
    ]  # fmt: skip


def _releases(rulings: Iterable[Ruling], field: str) -> bool:
    return any(isinstance(each.decision, Allowed) and field in each.decision.resource.fields for each in rulings)


def _first_refused(
    rulings: Sequence[Ruling], gw: Gateway, by: Principal, held: Standing, ask: Query, action: str, read_id: str, now: int
) -> Refused:
    for ruling in rulings:
        if isinstance(ruling.decision, Refused):
            return ruling.decision if _facts.explained(by) else ruling.told or ruling.decision
    return _nothing(gw, by, held, ask, action, read_id, now).decision


async def _cap(gw: Gateway, tx: Tx, grant: GrantRow, group: str) -> str | None:
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


async def _within_cap(gw: Gateway, tx: Tx, ruling: Ruling, row: Row) -> Ruling:
    """The ruling, unless the record lies beyond the row cap of the grant that it rests on."""
    if not isinstance(ruling.decision, Allowed) or ruling.grant is None:
        return ruling
    last = await _cap(gw, tx, ruling.grant, row.field_group)
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
        found = _rule_class(gw, by, held, seen, rows, fields, names, grants, action, purpose, read_id, now)
        levels = sorted({found.fields.levels[name] for name in found.fields.fields})
        if names is None and isinstance(found.decision, Refused) and len(levels) > 1:
            # What is refused for its highest level may be allowed below it: nobody insisted on all of it.
            parts = [
                _rule_class(gw, by, held, seen, rows, part, frozenset(part.fields), grants, action, purpose, read_id, now)
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


def _rule_class(
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


def _decide_absent(
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


def _nothing(gw: Gateway, by: Principal, held: Standing, ask: Query, action: str, read_id: str, now: int) -> Denied:
    """No basis at all: decided on a gated row of the group that nobody granted, so that it reads like any other denial."""
    decision = gw.policy.decide(
        _facts.facts(read_id, _facts.subject(by, held, now),
                     Object("approval_gated", ask.field_group, 3, "", ""), action, purpose=ask.purpose, now=now,
                     channel=by.channel, resource=Resource(ask.field_group, frozenset(), frozenset(ask.fields or ())))
    )  # fmt: skip
    if isinstance(decision, Allowed):
        return Denied(Refused(read_id, "ABSENT", "no-grant", decision.epoch), now)
    return Denied(decision, now)


async def denied(
    gw: Gateway, by: Principal, action: str, page: Denied, group: str, purpose: str, read_id: str
) -> Refusal:
    refused = page.decision
    await gw.recorded(
        event_of(by, action, page.now, target_kind="group", target_id=_group(group), purpose=_code(purpose), outcome="refused",
                 rule=refused.rule, reason=refused.reason, policy_epoch=refused.epoch, read_id=read_id)
    )  # fmt: skip
    return _facts.refusal(by, refused)


class _Lost(Exception):
    """Somebody was first to the last use or to a competitor of this client: the transaction is undone."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def settle(
    gw: Gateway, by: Principal, allowed: Sequence[Ruling], events: Sequence[Event], touching: Sequence[Row], count: int, *,
    spend: bool = True,
) -> Refusal | None:  # fmt: skip
    """The events are durable; the grants' uses are spent; first touches of conflict classes are taken. None: go on.

    All of it or, when a use or a touch was lost to somebody else, none: then the read is refused and recorded so.
    A grant without limits costs no write of its own: its event joins the replica's next group commit.
    """
    grants = {ruling.grant.grant_id: ruling.grant for ruling in allowed if ruling.grant} if spend else {}
    limited = [each for _, each in sorted(grants.items()) if each.use_limit is not None or each.rate_per_hour is not None]
    touches = {} if by.side == "control" else {row.conflict_class: row for row in reversed(touching)}
    if not limited and not touches:
        await gw.recorded(*events)
    else:
        try:
            async with gw.begin() as tx:
                await _spend(tx, by, limited, touches, count)
                for event in events:
                    tx.record(event)
        except _Lost as lost:
            await gw.recorded(*(_lost_event(event, lost.reason) for event in events))
            return _facts.refusal(by, Refused(allowed[0].decision.decision_id, "", lost.reason, gw.policy.epoch))
    for grant_id in grants.keys() - {each.grant_id for each in limited}:
        _count_later(gw, grant_id, count)
    return None


async def _spend(tx: WriteTx, by: Principal, limited: Sequence[GrantRow], touches: dict[str, Row], count: int) -> None:
    """Every use is counted and every touch is ours, else `_Lost`."""
    for conflict_class, row in sorted(touches.items()):
        if await store.touch(tx, by.id, conflict_class, row.client_id) != row.client_id:
            raise _Lost("not-permitted")
    for grant in limited:
        if not await store.spend_use(tx, grant.grant_id, count, grant.rate_per_hour):
            raise _Lost("exhausted")


def _lost_event(event: Event, reason: str) -> Event:
    if event.outcome != "allowed":
        return event
    return replace(event, outcome="refused", rule="", reason=reason, event_id=random_id())


async def _failed(gw: Gateway, events: Sequence[Event], action: str) -> None:
    """A second event says that what was allowed could not be opened."""
    await gw.recorded(replace(events[0], event_id=random_id(), action=action, outcome="failed"))


def _matches(row: Row, page: PageOfRows, field: str, value: str) -> bool:
    """Whether the row holds the value that was searched for, in a field that the decision releases.

    The index only names candidates; and a search in a field that is not released would answer what may not be read.
    """
    rulings = page.by_row[row.record_id]
    if not any(isinstance(each.decision, Allowed) and field in each.decision.resource.fields for each in rulings):
        return False
    values, _ = open_row(row, page.keys.get(row.key_id or ""), rulings, unmasked=True)
    return _normal(row.field_group, field, values.get(field)) == _normal(row.field_group, field, value)


def _count_later(gw: Gateway, grant_id: str, rows: int) -> None:
    """Uses of unlimited grants are counted in the process and written by the worker; the trail is their proof."""
    counts: dict[str, list[int]] = gw.state.setdefault("grant-uses", {})
    held = counts.setdefault(grant_id, [0, 0])
    held[0] += 1
    held[1] += rows


def open_row(
    row: Row, key: Any, rulings: Sequence[Ruling], *, unmasked: bool = False
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The allowed values of one row, masked where the decision says so, and the names of the masked fields."""
    values: dict[str, Any] = {}
    masked: set[str] = set()
    clear: dict[str, Any] = orjson.loads(row.open_values) if row.open_values else {}
    for ruling in rulings:
        decision = ruling.decision
        if not isinstance(decision, Allowed):
            continue
        found = {name: value for name, value in clear.items() if name in decision.resource.fields}
        if (
            key is not None
            and row.sealed is not None
            and row.wrapped is not None
            and decision.resource.fields - clear.keys()
        ):
            place = Place(DATASET, row.record_id, row.field_group, row.owner_unit, row.generation)
            found |= open_(key, SealedRecord(row.sealed, row.wrapped, row.key_id or ""), place, decision)
        if (decision.obligations.mask or (ruling.grant is not None and ruling.grant.masked)) and not unmasked:
            for name in list(found):
                level = ruling.fields.levels.get(name, 5)
                shown = mask(name, found[name], level, _MASK_KINDS.get(spec_of(row.field_group, name).kind, ""))
                if shown != found[name]:
                    masked.add(name)
                found[name] = shown
        values |= found
    return values, tuple(sorted(masked))


async def _tokens(
    gw: Gateway, tx: Tx, ask: Query, basis: GrantRow | None, owner: str | None
) -> tuple[tuple[str, bytes], ...]:
    if ask.match_field is None:
        return ()
    owners = [owner] if owner else sorted({unit for unit, _, _ in basis.items} if basis else ())
    tokens: list[tuple[str, bytes]] = []
    for unit in owners:
        key = await gw.keyring.find_index_key(tx, ask.field_group, unit)
        if key is not None:
            lengths = await blind.find_lengths(tx, unit, ask.field_group, ask.match_field)
            found = search_tokens(key, ask.match_field, ask.match_field, ask.match_value or "", lengths)
            tokens.extend((ask.match_field, token) for token in found)
    return tuple(tokens) or ((ask.match_field, b""),)  # no key yet: nothing can match


def _group_fields(seen: View, group: str) -> frozenset[str]:
    return frozenset(spec.name for spec in SPECS.get(group, ()) if seen.item(group, spec.name) is not None)


def _normal(group: str, field: str, value: object) -> object:
    """The value as records keep it, so that two spellings of one value are the same; None when it is none."""
    if value is None or not isinstance(value, str):
        return value
    kept, _, _ = read(spec_of(group, field), value)
    return kept


def _same(kept: object, sought: object) -> bool:
    """Whether there is a value and it is the one sought: two that are missing are not the same."""
    return kept is not None and kept == sought


def _event(
    by: Principal, action: str, ruling: Ruling, now: int, purpose: str, read_id: str, rows: Sequence[Row]
) -> Event:
    decision = ruling.decision
    clients = {row.client_id for row in rows}
    return event_of(
        by, action, now, target_kind="record" if len(rows) == 1 else "group",
        target_id=rows[0].record_id if len(rows) == 1 else rows[0].field_group,
        client_id=rows[0].client_id if len(clients) == 1 else "", items=ruling.fields.items, fields=tuple(sorted(ruling.fields.fields)),
        record_count=len(rows), purpose=_code(purpose), grant_id=ruling.grant.grant_id if ruling.grant else "",
        outcome="allowed" if isinstance(decision, Allowed) else "refused", rule=decision.rule, reason=decision.reason,
        policy_epoch=decision.epoch, read_id=read_id,
    )  # fmt: skip


def _code(purpose: str) -> str:
    """The purpose as it may stand on the trail: a code, or that it was none."""
    return purpose if purpose.isascii() and purpose.replace("-", "").replace("_", "").isalnum() else "not-a-code"


def _refused(
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


def _known_fields(asked: tuple[str, ...] | None) -> None:
    """Refuses names that are no field of any group: said before any record is looked at, so that it tells of none."""
    for name in asked or ():
        if not any(spec.name == name for specs in SPECS.values() for spec in specs):
            raise Problem(UNKNOWN_FIELD, field=name if name.isidentifier() and name.isascii() else "fields")


def _names(seen: View, group: str, asked: tuple[str, ...] | None) -> frozenset[str] | None:
    """The fields that were asked for by name, checked against the catalogue; None when none were named."""
    if asked is None:
        return None
    for name in asked:
        if seen.item(group, name) is None:
            raise Problem(UNKNOWN_FIELD, field=name if name.isidentifier() and name.isascii() else "fields")
    return frozenset(asked)


def _absent_event(
    by: Principal, action: str, decision: Refused, now: int, purpose: str, read_id: str, target: str
) -> Event:
    known = target if target.isascii() and target.replace("-", "").isalnum() else "not-an-identifier"
    return event_of(
        by, action, now, target_kind="record", target_id=known, record_count=0, purpose=_code(purpose), outcome="refused",
        rule=decision.rule, reason=decision.reason, policy_epoch=decision.epoch, read_id=read_id,
    )  # fmt: skip


def _withheld(rulings: Iterable[Ruling]) -> tuple[Withheld, ...]:
    kept: dict[str, set[str]] = {}
    for ruling in rulings:
        if isinstance(ruling.decision, Refused):
            kept.setdefault((ruling.told or ruling.decision).reason, set()).update(ruling.fields.fields)
    return tuple(
        Withheld(
            fields=tuple(sorted(fields)), reason=reason, how_zh=REASONS[reason].how_zh, how_en=REASONS[reason].how_en
        )
        for reason, fields in sorted(kept.items())
    )


def _duties(allowed: Iterable[Ruling]) -> tuple[str, ...]:
    """The reader's obligations under the allowing decisions, united. `alert` is ours alone: it would tell who is watched."""
    names = ("mask", "watermark", "quota", "log")
    given = [ruling for ruling in allowed if isinstance(ruling.decision, Allowed)]
    masked = any(ruling.grant is not None and ruling.grant.masked for ruling in given)
    return tuple(
        name for name in names
        if any(getattr(ruling.decision.obligations, name) for ruling in given) or (name == "mask" and masked)
    )  # fmt: skip


def _event_of_none(
    gw: Gateway, by: Principal, ask: Query, action: str, basis: GrantRow | None, now: int, read_id: str
) -> Event:
    return event_of(by, "query" if action == "read" else action, now, target_kind="group", target_id=_group(ask.field_group),
                    purpose=_code(ask.purpose), outcome="allowed", reason="allowed", record_count=0, policy_epoch=gw.policy.epoch,
                    read_id=read_id, grant_id=basis.grant_id if basis else "")  # fmt: skip


def _group(group: str) -> str:
    return group if group in SPECS else "not-a-group"


def _out(row: Row, values: dict[str, Any], masked: tuple[str, ...]) -> RecordOut:
    return RecordOut.model_construct(
        record_id=row.record_id, client_id=row.client_id, field_group=row.field_group, owner_unit=row.owner_unit,
        generation=row.generation, values=values, masked=masked,
    )  # fmt: skip
