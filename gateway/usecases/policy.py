"""The rules to look at: which are in force, why they allow or refuse, who can read what.

Nothing is computed beside the rules: every answer comes from the decision that a read itself would get at this moment,
from the same facts.
"""

from collections.abc import Iterable
from dataclasses import replace

from audit.events import Event
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.errors import INVALID_INPUT, NOT_FOUND, Problem, Refusal
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.base import Page
from gateway.schemas.disclosure import Disclose
from gateway.schemas.policy import (
    Channel,
    ExplainAccess,
    ExplainedFields,
    ExplanationOut,
    ListRules,
    ReadableOut,
    ReaderOut,
    RulesOut,
    WhatCan,
    WhoCan,
)
from gateway.store import disclosure as store
from gateway.store import parties
from gateway.store.db import Tx
from gateway.store.disclosure import GrantRow, Row, Standing, Wanted
from gateway.usecases import _facts, _moves, _policy
from gateway.usecases._facts import View
from gateway.usecases._rulings import Ruling, decide_absent, known_fields, refused_whole, rule, within_cap
from gateway.usecases._settling import purpose_code
from policies.decision import Allowed, Refused
from policies.texts import KINDS
from policies.vocabulary import MoveObject

__all__ = ["explain_access", "list_rules", "what_can", "who_can"]

_EXAMINED = 500  # people or records that one page looks at
_CHANNELS: tuple[Channel, ...] = ("console", "api")


async def list_rules(gw: Gateway, by: Principal, ask: ListRules) -> RulesOut | Refusal:
    """Every rule in force, as written, under the epoch that decisions carry."""
    async with gw.begin() as tx:
        refused = await _may_look(gw, tx, by)
        if refused:
            return refused
    loaded = gw.policy.loaded
    kinds = [kind for kind in KINDS if ask.kind in {"", kind}]
    return RulesOut(epoch=loaded.epoch, rules=tuple(rule for kind in kinds for rule in _policy.rules_out(loaded, kind)))


async def explain_access(gw: Gateway, by: Principal, ask: ExplainAccess) -> ExplanationOut | Refusal:
    """What would be decided now, class of fields by class of fields; that it was asked is on the trail.

    Whoever watches is told rules and conditions, of anybody. Anybody else is told of itself, and no more than a read
    would tell: effect and coarse reason, and of a record it may not know of, that there is none.
    """
    known_fields(ask.fields)  # before any record is looked at, so that it tells of none
    async with gw.begin() as tx:
        watching = await _watches(gw, tx, by)
        person_id = ask.person_id or by.id
        if person_id != by.id:
            refused = await _may_look(gw, tx, by)
            if refused:
                return refused
        tx.record(_asked(by, "policy:explained", tx.now, "record", ask.record_id, ask.purpose))
    async with gw.db.glance() as tx:
        who, held = await _other(tx, person_id, ask.channel) if person_id != by.id else (
            replace(by, channel=ask.channel), await _facts.known_standing(tx, by),
        )  # fmt: skip
        seen = await _facts.view(gw, tx, held.catalogue_version)
        found = await store.facts_of_read(tx, ask.record_id, who.id)
        row = found.row if found.row is not None and found.row.state == "active" else None
        names = None if ask.fields is None else frozenset(ask.fields)
        rulings = _rulings(gw, who, held, seen, row, found.grants, names, ask.action, ask.purpose, tx.now)
        if row is not None:
            rulings = [await within_cap(gw, tx, ruling, row) for ruling in rulings]
        now = tx.now
    if not watching:
        refusal = _as_read(gw, who, held, row, found.grants, rulings, ask, now)
        if refusal is not None:
            return refusal
    elif row is None:
        raise Problem(NOT_FOUND, field="record_id")
    return ExplanationOut(
        epoch=gw.policy.epoch, person_id=person_id, record_id=ask.record_id,
        decisions=tuple(_explained(gw, ruling, watching) for ruling in rulings),
    )  # fmt: skip


async def who_can(gw: Gateway, by: Principal, ask: WhoCan) -> Page[ReaderOut] | Refusal:
    """Everybody of this page who can read the item of the client now, each decided as a read would be."""
    async with gw.begin() as tx:
        refused = await _may_look(gw, tx, by)
        if refused:
            return refused
        tx.record(_asked(by, "policy:asked-who", tx.now, "client", ask.client_id, ask.purpose, item=ask.item_code))
    items: list[ReaderOut] = []
    async with gw.db.read() as tx:
        held = await _facts.known_standing(tx, by)
        seen = await _facts.view(gw, tx, held.catalogue_version)
        item = seen.items.get(ask.item_code)
        if item is None:
            raise Problem(NOT_FOUND, field="item_code")
        people = await parties.list_people(tx, after=ask.after, limit=_EXAMINED)
        last = people[-1].login if len(people) == _EXAMINED else None
        for person in people:
            found = await _reader(gw, tx, seen, person.person_id, item.group, ask)
            if found is not None:
                items.append(found)
            if len(items) == ask.limit:
                last = person.login if person.login != people[-1].login else last
                break
    return Page[ReaderOut](items=tuple(items), next=last)


async def what_can(gw: Gateway, by: Principal, ask: WhatCan) -> Page[ReadableOut] | Refusal:
    """The records of this page that the person can read now, with fields, rules and grant; nothing is opened."""
    async with gw.begin() as tx:
        refused = await _may_look(gw, tx, by)
        if refused:
            return refused
        tx.record(_asked(by, "policy:asked-what", tx.now, "person", ask.person_id, ask.purpose))
    items: list[ReadableOut] = []
    async with gw.db.read() as tx:
        who, held = await _other(tx, ask.person_id, ask.channel)
        seen = await _facts.view(gw, tx, held.catalogue_version)
        wanted = Wanted(field_group=ask.field_group, show_suppressed=True)
        rows = await store.rows_of(tx, wanted, who.id, ask.after or "", _EXAMINED)
        last = rows[-1].record_id if len(rows) == _EXAMINED else None
        grants: dict[tuple[str, ...], list[GrantRow]] = {}
        for row in rows:
            scopes = row.scopes()
            if scopes not in grants:
                grants[scopes] = await store.grants_for(tx, held.unit_id, who.id, row.field_group, scopes)
            rulings = _rulings(gw, who, held, seen, row, grants[scopes], None, ask.action, ask.purpose, tx.now)
            found = _readable(row, [await within_cap(gw, tx, each, row) for each in rulings])
            if found is not None:
                items.append(found)
            if len(items) == ask.limit:
                last = row.record_id if row.record_id != rows[-1].record_id else last
                break
    return Page[ReadableOut](items=tuple(items), next=last)


# --- the steps


_TRAIL = MoveObject("trail")


async def _watches(gw: Gateway, tx: WriteTx, by: Principal) -> bool:
    """Whether `by` may see the whole trail: then it may know the rules and whom they let in."""
    thing = replace(_TRAIL, institution=by.institution_id)
    return isinstance(_moves.decide(gw, await _moves.acting(tx, by), "trail:search", thing, tx.now), Allowed)


async def _may_look(gw: Gateway, tx: WriteTx, by: Principal) -> Refusal | None:
    return await _moves.may(gw, tx, by, "trail:search", replace(_TRAIL, institution=by.institution_id), "policy")


async def _other(tx: Tx, person_id: str, channel: str) -> tuple[Principal, Standing]:
    """Somebody else as it would be signed in now, and its standing."""
    known = await parties.find_standing(tx, person_id)
    held = await store.standing(tx, person_id)
    if known is None or held is None:
        raise Problem(NOT_FOUND, field="person_id")
    person = known.person
    who = Principal(
        id=person.person_id, kind=person.kind, login=person.login, name=person.name, unit_id=person.unit_id,
        institution_id=person.institution_id, institution_kind=known.institution_kind, roles=person.roles, side=person.side,
        clearance=person.clearance, trained_until=person.trained_until, active=known.active, generation=person.generation,
        channel=channel,
    )  # fmt: skip
    return who, held


def _rulings(
    gw: Gateway, who: Principal, held: Standing, seen: View, row: Row | None, grants: list[GrantRow],
    names: frozenset[str] | None, action: str, purpose: str, now: int,
) -> list[Ruling]:  # fmt: skip
    if row is None:
        return []
    return rule(gw, who, held, seen, [row], names, grants, action, purpose, random_id(), now)


def _as_read(
    gw: Gateway, who: Principal, held: Standing, row: Row | None, grants: list[GrantRow], rulings: list[Ruling],
    ask: ExplainAccess, now: int,
) -> Refusal | None:  # fmt: skip
    """The refusal that a read would get, or None where it would give something."""
    if any(isinstance(ruling.decision, Allowed) for ruling in rulings):
        return None
    read_id = random_id()
    absent = decide_absent(gw, who, held, read_id, ask.action, ask.purpose, now)
    asked = Disclose(record_id=ask.record_id, purpose=ask.purpose, fields=ask.fields)
    return refused_whole(gw, who, held, row, rulings, grants, absent, asked, read_id, now)


def _explained(gw: Gateway, ruling: Ruling, watching: bool) -> ExplainedFields:
    decision = ruling.decision if watching or ruling.told is None else ruling.told
    words = _policy.words(decision.reason)
    told = ExplainedFields(
        fields=tuple(sorted(ruling.fields.fields)), effect=decision.effect, reason=decision.reason, zh=words.zh, en=words.en,
        how_zh=words.how_zh, how_en=words.how_en, grant_id=ruling.grant.grant_id if ruling.grant else "",
    )  # fmt: skip
    if not watching or ruling.facts is None:
        return told
    explanation = gw.policy.explain(ruling.facts)
    return told.model_copy(update={"rule": decision.rule, "rules": _policy.reports_out(explanation)})


async def _reader(gw: Gateway, tx: Tx, seen: View, person_id: str, group: str, ask: WhoCan) -> ReaderOut | None:
    """The person as a reader on the first ground that lets it read any record, or None."""
    who, held = await _other(tx, person_id, "console")
    if not held.active:
        return None
    wanted = Wanted(field_group=group, client_id=ask.client_id, show_suppressed=True)
    rows = await store.rows_of(tx, wanted, person_id, "", 1000)
    grants = await store.grants_for(tx, held.unit_id, person_id, group, rows[0].scopes()) if rows else []
    for purpose in [ask.purpose] if ask.purpose else _policy.purposes_to_try(who, grants):
        for channel in _CHANNELS:
            able = replace(who, channel=channel)
            allowed = [
                good
                for row in rows
                if (good := _first(_of_item(gw, able, held, seen, row, grants, purpose, ask, tx.now)))
            ]
            if allowed:
                return ReaderOut(
                    person_id=person_id, login=who.login, unit_id=held.unit_id, records=len(allowed), purpose=purpose,
                    channel=channel, rule=allowed[0].decision.rule,
                    grant_id=allowed[0].grant.grant_id if allowed[0].grant else "",
                )  # fmt: skip
    return None


def _of_item(
    gw: Gateway, who: Principal, held: Standing, seen: View, row: Row, grants: list[GrantRow], purpose: str, ask: WhoCan, now: int
) -> list[Ruling]:  # fmt: skip
    """The decisions on those fields of the row that belong to the item."""
    names = frozenset(
        name
        for name in row.fields
        if (item := seen.item(row.field_group, name, row.owner_kind)) is not None and item.code == ask.item_code
    )
    if not names:
        return []
    found = rule(gw, who, held, seen, [row], None, grants, "read", purpose, random_id(), now)
    return [each for each in found if each.fields.fields & names]


def _first(rulings: Iterable[Ruling]) -> Ruling | None:
    return next((each for each in rulings if isinstance(each.decision, Allowed)), None)


def _readable(row: Row, rulings: Iterable[Ruling]) -> ReadableOut | None:
    allowed = [each for each in rulings if not isinstance(each.decision, Refused)]
    if not allowed:
        return None
    grant = next((each.grant for each in allowed if each.grant), None)
    return ReadableOut(
        record_id=row.record_id, client_id=row.client_id, owner_unit=row.owner_unit,
        fields=tuple(sorted(name for each in allowed for name in each.fields.fields)),
        rules=tuple(sorted({each.decision.rule for each in allowed})), grant_id=grant.grant_id if grant else "",
    )  # fmt: skip


def _asked(by: Principal, action: str, now: int, kind: str, target: str, purpose: str, item: str = "") -> Event:
    if not (target.isascii() and target.replace("-", "").isalnum()):
        raise Problem(INVALID_INPUT, field=f"{kind}_id")
    return event_of(
        by, action, now, target_kind=kind, target_id=target, purpose=purpose_code(purpose), items=(item,) if item else (),
        outcome="done",
    )  # fmt: skip
