"""A page of rows under one basis, with every class of them decided and nothing opened yet."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from audit.events import Event
from gateway.domain.principal import Principal
from gateway.runtime import Gateway
from gateway.schemas.disclosure import Query
from gateway.sealing.blind import search_tokens
from gateway.store import blind
from gateway.store import disclosure as store
from gateway.store.db import Tx
from gateway.store.disclosure import GrantRow, Row, Standing, Wanted
from gateway.usecases import _facts
from gateway.usecases._facts import View
from gateway.usecases._rulings import (
    Denied,
    Ruling,
    any_row,
    asked_names,
    first_refused,
    group_fields,
    not_released,
    nothing_there,
    releases,
    row_cap_reason,
    rule,
)
from gateway.usecases._settling import event_of_none, read_event
from policies.decision import Allowed, Refused

_ABSENT = "suppressed-or-absent"
_CANDIDATES = 1000  # most rows that a search in sealed values compares
_SUPERVISING = frozenset({"supervision", "audit"})


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
    names = asked_names(seen, ask.field_group, ask.fields)
    basis, owner, own = await basis_of(tx, by, held, seen, ask, action)
    if ask.grant_id and basis is None:
        return nothing_there(gw, by, held, ask, action, read_id, now)
    before: list[Ruling] = []
    if not own:
        before = await beforehand(gw, tx, by, held, seen, ask, names, basis, action, read_id)
        if not any(isinstance(ruling.decision, Allowed) for ruling in before):
            return Denied(first_refused(before, gw, by, held, ask, action, read_id, now), now)
    wanted = Wanted(
        field_group=ask.field_group, client_id=ask.client_id, owner_unit=owner, park_id=ask.park_id,
        grant_id=basis.grant_id if basis else None, tokens=await search_tokens_of(gw, tx, ask, basis, owner),
        show_suppressed=bool(by.roles & {"compliance", "cco"}) or (own and owner is not None),
        up_to=await row_cap_reason(gw, tx, basis, ask.field_group) if basis else None,
    )  # fmt: skip

    def hidden(row: Row) -> bool:
        if not (row.restricted or row.quiet):
            return False
        found = rule(gw, by, held, seen, [row], names, [basis] if basis else [], action, ask.purpose, read_id, now)
        return all(each.told is not None and each.told.reason == _ABSENT for each in found)

    limit = _CANDIDATES if ask.match_field else ask.limit
    rows = await visible_rows(tx, wanted, by.id, ask.after or "", limit + 1, hidden)
    more = len(rows) > limit
    rows = rows[:limit]
    rulings, by_row, events, touching = ruled_classes(
        gw, by, held, seen, rows, names, basis, action, ask.purpose, read_id, now
    )
    if ask.match_field:  # a row whose field is not released must not be told from one that does not match
        by_row = {record: good for record, good in by_row.items() if releases(good, ask.match_field)}
        rulings = [ruling for good in by_row.values() for ruling in good]
        touching = [row for row in touching if row.record_id in by_row]
    allowed = [ruling for ruling in rulings if isinstance(ruling.decision, Allowed)]
    if not by_row:
        if rows and not ask.match_field:
            return Denied(first_refused(rulings, gw, by, held, ask, action, read_id, now), now)
        # Nothing there, which is an answer: it stands on the trail and costs a use.
        if own and first and ask.owner_unit is None and not await store.owns_any(tx, held.unit_id, ask.field_group):
            return nothing_there(gw, by, held, ask, action, read_id, now)
        allowed = [ruling for ruling in before if isinstance(ruling.decision, Allowed)]
        rulings = [] if ask.match_field else before
        events = events or [event_of_none(gw, by, ask, action, basis, now, read_id)]
    if action == "verify" and basis and not rows:
        return Denied(Refused(read_id, "ABSENT", _ABSENT, gw.policy.epoch), now)
    released = [row for row in rows if row.record_id in by_row]
    keys = {key_id: await gw.keyring.for_opening(tx, key_id) for key_id in {row.key_id for row in released} if key_id}
    return PageOfRows(
        rows, released, rulings, allowed, by_row, events, touching, keys, basis.grant_id if basis else "",
        rows[-1].record_id if more and rows else None, now,
    )  # fmt: skip


async def basis_of(
    tx: Tx, by: Principal, held: Standing, seen: View, ask: Query, action: str
) -> tuple[GrantRow | None, str | None, bool]:
    """On what the page rests: a grant, and whose rows it walks (None: anybody's), and whether they are one's own."""
    if ask.purpose in _SUPERVISING and ask.owner_unit != held.unit_id and ask.grant_id is None:
        return None, ask.owner_unit, False
    asked = frozenset(ask.fields or ())
    of_group = group_fields(seen, ask.field_group)
    if of_group and ask.grant_id is None and all(
        (item := seen.item(ask.field_group, name)) is not None and item.mode == "catalogue_open" for name in asked or of_group
    ):  # fmt: skip
        return None, ask.owner_unit, False
    if ask.owner_unit == held.unit_id and ask.grant_id is None:
        return None, held.unit_id, True
    grants = await store.grants_for(tx, held.unit_id, by.id, ask.field_group, None)
    if ask.grant_id is None and ask.owner_unit is None and not grants:
        some_open = any(
            (item := seen.item(ask.field_group, name)) is not None and item.mode == "catalogue_open"
            for name in asked or of_group
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


async def beforehand(
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
            gw, by, held, seen, [any_row(ask.field_group, unit, kind, tuple(group_fields(seen, ask.field_group)), basis)],
            asked, [basis] if basis else [], action, ask.purpose, read_id, tx.now,
        )  # fmt: skip
        if ask.match_field and not releases(found, ask.match_field):
            found = [replace(each, decision=not_released(each.decision)) for each in found]
        elif ask.match_field and basis and basis.masked and "verify" not in basis.uses:
            # To be told that a guessed value is right is more than its masked form says.
            found = [replace(each, decision=not_released(each.decision, "use-not-granted")) for each in found]
        rulings.extend(found)
    return rulings


async def visible_rows(
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


def ruled_classes(
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
        events.extend(read_event(by, named, ruling, now, purpose, read_id, members) for ruling in found)
        good = [ruling for ruling in found if isinstance(ruling.decision, Allowed)]
        if good:
            by_row.update((member.record_id, good) for member in members)
            for row in touching(members[:1], by_row):
                touched.setdefault(row.conflict_class, row)
    return rulings, by_row, events, list(touched.values())


def touching(rows: Sequence[Row], by_row: Mapping[str, Sequence[Ruling]]) -> list[Row]:
    """The rows whose protected fields are about to be seen, of clients in a conflict class that is untouched yet."""
    return [
        row for row in rows
        if row.conflict_class and row.touched is None and not row.crossed
        and any(ruling.fields.mode != "catalogue_open" for ruling in by_row.get(row.record_id, ())
                if isinstance(ruling.decision, Allowed))
    ]  # fmt: skip


async def search_tokens_of(
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
