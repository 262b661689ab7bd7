"""Reading protected values: the facts, the decision, the trail, and only then the key."""

import asyncio
from collections.abc import Iterable, Sequence
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
from policies.vocabulary import Object, Resource

__all__ = ["disclose", "query", "verify"]

DATASET = "records"
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


async def disclose(gw: Gateway, by: Principal, ask: Disclose) -> Disclosure | Refusal:
    """Read one record: afterwards the read is on the trail, and only allowed fields have left their seal.

    A refusal is recorded the same way. An unknown record, a suppressed client's and one that `by` may not know of get
    the same answer. Raises `Problem` when the trail, a key or the database fails: then nothing was disclosed.
    """
    read_id = random_id()
    async with gw.db.read() as tx:
        # 1. the facts: standing, record, grants, wall; all of one moment
        held = await _facts.known_standing(tx, by)
        row = await store.find_row(tx, ask.record_id, by.id)
        if row is not None and row.state != "active":
            row = None
        now = tx.now
        rulings: list[Ruling] = []
        key = None
        if row is not None:
            seen = await _facts.view(gw, tx, held.catalogue_version)
            names = _names(seen, row.field_group, ask.fields)
            grants = []
            if row.owner_unit != held.unit_id:
                grants = await store.grants_for(tx, held.unit_id, by.id, row.field_group, row.scopes())
            # 2. the decisions, one per class of fields
            rulings = rule(gw, by, held, seen, [row], names, grants, "read", ask.purpose, read_id, now)
        allowed = [ruling for ruling in rulings if isinstance(ruling.decision, Allowed)]
        if row is not None and allowed and row.key_id:
            key = await gw.keyring.for_opening(tx, row.key_id)
    absent: Refused | None = None
    if row is None or not allowed:  # finding the nearest rules of a refusal takes longer than the decision
        group = row.field_group if row else "contact"
        absent = _decide_absent(gw, by, held, read_id, group, "read", ask.purpose, now)
    if row is None or not rulings:
        assert absent is not None
        events = [_absent_event(by, "disclose", absent, now, ask.purpose, read_id, ask.record_id)]
    else:
        events = [_event(by, "disclose", ruling, now, ask.purpose, read_id, [row]) for ruling in rulings]
    # 3. the trail, and what a use costs: durable before anything leaves
    refused = await settle(gw, by, allowed, events, [row] if row else [], 1)
    if refused is not None:
        return refused
    if row is None or absent is not None:
        assert absent is not None
        return _refused(gw, by, held, row, rulings, absent, ask.purpose, read_id, now)
    # 4. the key, bound to record, compartment, owner and generation
    try:
        values, masked = open_row(row, key, allowed)
    except Exception:
        await gw.trail.queue(replace(events[0], event_id=random_id(), action="disclose:failed", outcome="failed"))
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
    refused = await settle(gw, by, page.allowed, page.events, page.rows, len(page.rows))
    if refused is not None:
        return refused
    items = []
    for row in page.released:
        if ask.match_field is None or _matches(row, page, ask.match_field, ask.match_value or ""):
            items.append(_out(row, *open_row(row, page.keys.get(row.key_id or ""), page.by_row[row.record_id])))
    closing = event_of(by, "query:closed", page.now, target_kind="group", target_id=ask.field_group, purpose=_code(ask.purpose),
                       outcome="done", record_count=len(items), read_id=read_id, grant_id=page.grant_id)  # fmt: skip
    await gw.trail.queue(closing)
    return RecordPage(
        items=tuple(items), withheld=_withheld(page.rulings), next=page.next, end=page.next is None, read_id=read_id,
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
    refused = await settle(gw, by, page.allowed, page.events, page.rows, len(page.rows))
    if refused is not None:
        return refused
    sought = _normal(ask.field_group, ask.field, ask.value)
    matches = False
    for row in page.released:
        values, _ = open_row(row, page.keys.get(row.key_id or ""), page.by_row[row.record_id], unmasked=True)
        matches |= _normal(ask.field_group, ask.field, values.get(ask.field)) == sought
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
    keys: dict[str, Any]
    grant_id: str
    next: str | None
    now: int
    row_cap: int | None


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
    """The next page of rows under one basis, with every class of them decided and nothing opened yet."""
    names = _names(seen, ask.field_group, ask.fields)
    grants = await store.grants_for(tx, held.unit_id, by.id, ask.field_group, None)
    if ask.grant_id:
        grants = [grant for grant in grants if grant.grant_id == ask.grant_id]
    wanted_fields = frozenset(ask.fields or ())
    own = ask.owner_unit == held.unit_id or (ask.owner_unit is None and not grants and ask.purpose not in _SUPERVISING)
    fields_of_group = _group_fields(seen, ask.field_group)
    open_only = bool(fields_of_group) and all(
        (item := seen.item(ask.field_group, name)) is not None and item.mode == "catalogue_open"
        for name in wanted_fields or fields_of_group
    )
    basis: GrantRow | None = None
    owner = ask.owner_unit
    if not own and not open_only and ask.purpose not in _SUPERVISING:
        owners = (
            [ask.owner_unit] if ask.owner_unit else sorted({unit for grant in grants for unit, _, _ in grant.items})
        )
        basis = max(
            (found for unit in owners
             if (found := _facts.best_grant(grants, unit, wanted_fields, ask.purpose, action, by.channel, tx.now)) is not None),
            key=lambda grant: (grant.purpose == ask.purpose, grant.not_before <= tx.now < grant.not_after, grant.not_after),
            default=None,
        )  # fmt: skip
    elif own and not open_only:
        owner = held.unit_id
    if basis is None and not own and not open_only and ask.purpose not in _SUPERVISING:
        return _nothing(gw, by, held, ask, action, read_id, tx.now)
    left = ask.limit + 1
    if basis:  # the cap holds for the rows of the grant, however many pages they are read in
        left = basis.row_cap - (
            await store.count_rows(tx, basis.grant_id, ask.field_group, ask.after) if ask.after else 0
        )
    limit = min(ask.limit, left)
    tokens = await _tokens(gw, tx, ask, basis, owner)
    rows = await store.rows_of(
        tx,
        Wanted(
            field_group=ask.field_group, client_id=ask.client_id, owner_unit=owner, park_id=ask.park_id,
            grant_id=basis.grant_id if basis else None, tokens=tokens,
            show_suppressed=bool(by.roles & {"compliance", "cco"}),
        ),
        by.id, ask.after or "", max(0, limit) + 1,
    )  # fmt: skip
    more = len(rows) > limit and limit < left
    rows = rows[: max(0, limit)]
    if not rows:
        # An empty answer is a decision too: what would have been allowed on nothing is refused like the absent.
        if basis is None and first and (not own or ask.owner_unit is None):
            return _nothing(gw, by, held, ask, action, read_id, tx.now)
        event = event_of(by, "query", tx.now, target_kind="group", target_id=ask.field_group, purpose=_code(ask.purpose), outcome="allowed",
                         reason="allowed", record_count=0, policy_epoch=gw.policy.epoch, read_id=read_id,
                         grant_id=basis.grant_id if basis else "")  # fmt: skip
        grant_id = basis.grant_id if basis else ""
        return PageOfRows([], [], [], [], {}, [event], {}, grant_id, None, tx.now, basis.row_cap if basis else None)
    classes: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        kind = (row.owner_unit, row.natural_person, row.suppressed, row.watch, row.restricted, row.quiet, row.crossed,
                _facts.wall_of(row).conflict, row.fields, basis is not None and basis.carries(row.record_id))  # fmt: skip
        classes.setdefault(kind, []).append(row)
    rulings: list[Ruling] = []
    by_row: dict[str, list[Ruling]] = {}
    events: list[Event] = []
    for members in classes.values():
        ruled = rule(gw, by, held, seen, members, names, [basis] if basis else [], action, ask.purpose, read_id, tx.now)
        rulings.extend(ruled)
        events.extend(
            _event(by, "query" if action == "read" else action, ruling, tx.now, ask.purpose, read_id, members)
            for ruling in ruled
        )
        good = [ruling for ruling in ruled if isinstance(ruling.decision, Allowed)]
        if good:
            by_row.update((member.record_id, good) for member in members)
    allowed = [ruling for ruling in rulings if isinstance(ruling.decision, Allowed)]
    if not allowed:
        refused = rulings[0].decision
        assert isinstance(refused, Refused)
        return Denied(refused, tx.now)
    released = [row for row in rows if row.record_id in by_row]
    keys = {key_id: await gw.keyring.for_opening(tx, key_id) for key_id in {row.key_id for row in released} if key_id}
    return PageOfRows(
        rows, released, rulings, allowed, by_row, events, keys, basis.grant_id if basis else "",
        rows[-1].record_id if more else None, tx.now, basis.row_cap if basis else None,
    )  # fmt: skip


def rule(
    gw: Gateway, by: Principal, held: Standing, seen: View, rows: Sequence[Row], names: frozenset[str] | None,
    grants: Sequence[GrantRow], action: str, purpose: str, read_id: str, now: int,
) -> list[Ruling]:  # fmt: skip
    """One decision per class of fields on rows that are alike in everything a rule may look at.

    `names` None: nobody named fields, so the question is about all of the record's fields that could be released:
    the granted ones of another unit's gated fields, and never a field that is not shared.
    """
    row = rows[0]
    own = row.owner_unit == held.unit_id
    who = _facts.subject(by, held, now)
    asked = names if names is not None else frozenset(row.fields)
    rulings = []
    for fields in _facts.field_classes(seen, row.field_group, row.owner_kind, asked):
        if names is None and fields.mode == "not_shared":
            continue
        grant = None
        if fields.mode == "approval_gated" and not own:
            grant = _facts.best_grant(grants, row.owner_unit, fields.fields, purpose, action, by.channel, now)
            granted = fields.fields & grant.fields(row.owner_unit) if grant is not None else frozenset[str]()
            if names is None and granted:
                (fields,) = _facts.field_classes(seen, row.field_group, row.owner_kind, granted)
        decision = gw.policy.decide(
            _facts.facts(
                read_id, who, _facts.object_of(fields, row.field_group, row), action, purpose=purpose, now=now, channel=by.channel,
                resource=Resource(row.field_group, frozenset(each.record_id for each in rows), fields.fields),
                grant=_facts.grant_facts(grant, row.owner_unit, fields.fields, row.record_id), wall=_facts.wall_of(row),
            )
        )  # fmt: skip
        rulings.append(Ruling(decision, fields, grant, row.owner_unit))
    return rulings


def _decide_absent(
    gw: Gateway, by: Principal, held: Standing, read_id: str, group: str, action: str, purpose: str, now: int
) -> Refused:
    decision = gw.policy.decide(
        _facts.facts(read_id, _facts.subject(by, held, now), _facts.absent(group), action, purpose=purpose, now=now,
                     channel=by.channel, resource=Resource(group, frozenset(), frozenset()))
    )  # fmt: skip
    if isinstance(decision, Allowed):  # compliance may see the suppressed, but there is nothing to see
        return Refused(read_id, "ABSENT", "suppressed-or-absent", decision.epoch)
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
    await gw.trail.queue(
        event_of(by, action, page.now, target_kind="group", target_id=group, purpose=_code(purpose), outcome="refused",
                 rule=refused.rule, reason=refused.reason, policy_epoch=refused.epoch, read_id=read_id)
    )  # fmt: skip
    return _facts.refusal(by, refused)


async def settle(
    gw: Gateway, by: Principal, allowed: Sequence[Ruling], events: Sequence[Event], rows: Sequence[Row], count: int
) -> Refusal | None:
    """The events are durable; the grant's use is spent; the first touch of a conflict class is taken. None: go on.

    A grant without limits costs no write of its own: its event joins the replica's next group commit.
    """
    limited = {ruling.grant.grant_id: ruling.grant for ruling in allowed
               if ruling.grant and (ruling.grant.use_limit is not None or ruling.grant.rate_per_hour is not None)}  # fmt: skip
    touches = {
        row.conflict_class: row
        for row in rows
        if allowed and row.conflict_class and row.touched is None and not row.crossed
    }
    if not limited and not touches:
        await asyncio.gather(*(gw.trail.queue(event) for event in events))
        for ruling in allowed:
            if ruling.grant:
                _count_later(gw, ruling.grant.grant_id, count)
        return None
    async with gw.begin() as tx:
        lost = await _spend(tx, by, limited.values(), touches, count)
        if lost:
            events = [replace(event, outcome="refused", reason=lost, event_id=random_id()) for event in events]
        for event in events:
            tx.record(event)
    if not lost:
        return None
    decision = allowed[0].decision
    return _facts.refusal(by, Refused(decision.decision_id, "", lost, decision.epoch))


async def _spend(tx: WriteTx, by: Principal, limited: Iterable[GrantRow], touches: dict[str, Row], count: int) -> str:
    """ "" when every use was counted and every touch was ours, else the reason of the refusal."""
    for conflict_class, row in sorted(touches.items()):
        if await store.touch(tx, by.id, conflict_class, row.client_id) != row.client_id:
            return "not-permitted"
    for grant in limited:
        if not await store.spend_use(tx, grant.grant_id, count, grant.rate_per_hour):
            return "exhausted"
    return ""


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
    gw: Gateway, by: Principal, held: Standing, row: Row | None, rulings: Sequence[Ruling], absent: Refused, purpose: str,
    read_id: str, now: int,
) -> Refusal:  # fmt: skip
    """The refusal of a whole read: for somebody who may not even know of the record, the answer for one that is not there."""
    first = next((ruling.decision for ruling in rulings if isinstance(ruling.decision, Refused)), absent)
    if row is None:
        return _facts.refusal(by, absent)
    card = Object(
        "mandatory_name_share", "client_name", 2, "", "", readable=True, suppressed=row.suppressed,
        natural_person=row.natural_person or not row.institutional,
    )  # fmt: skip
    known = gw.policy.decide(
        _facts.facts(read_id, _facts.subject(by, held, now), card, "read", purpose=purpose, now=now, channel=by.channel,
                     resource=Resource("client_name", frozenset(), frozenset()))
    )  # fmt: skip
    return _facts.refusal(by, first if isinstance(known, Allowed) else absent)


def _names(seen: View, group: str, asked: tuple[str, ...] | None) -> frozenset[str] | None:
    """The fields that were asked for by name, checked against the catalogue; None when none were named."""
    if asked is None:
        return None
    for name in asked:
        if seen.item(group, name) is None:
            raise Problem(UNKNOWN_FIELD, field=name if name.isidentifier() else "fields")
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
            kept.setdefault(ruling.decision.reason, set()).update(ruling.fields.fields)
    return tuple(
        Withheld(
            fields=tuple(sorted(fields)), reason=reason, how_zh=REASONS[reason].how_zh, how_en=REASONS[reason].how_en
        )
        for reason, fields in sorted(kept.items())
    )


def _duties(allowed: Iterable[Ruling]) -> tuple[str, ...]:
    """The obligations of the allowing decisions and of the grants they rest on, united."""
    names = ("mask", "watermark", "quota", "log", "alert")
    owed = {name for name in names if any(getattr(ruling.decision.obligations, name) for ruling in allowed)}
    if any(ruling.grant is not None and ruling.grant.masked for ruling in allowed):
        owed.add("mask")
    return tuple(name for name in names if name in owed)


def _out(row: Row, values: dict[str, Any], masked: tuple[str, ...]) -> RecordOut:
    return RecordOut.model_construct(
        record_id=row.record_id, client_id=row.client_id, field_group=row.field_group, owner_unit=row.owner_unit,
        generation=row.generation, values=values, masked=masked,
    )  # fmt: skip
