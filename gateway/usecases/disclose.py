"""Reading protected values: the facts, the decision, the trail, and only then the key."""

from dataclasses import replace

from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.errors import Refusal
from gateway.runtime import Gateway, event_of
from gateway.schemas.disclosure import Disclose, Disclosure, Query, RecordPage, Verified, Verify
from gateway.store import disclosure as store
from gateway.store.disclosure import GrantRow
from gateway.usecases import _facts
from gateway.usecases._opening import duties, matches, normal_value, open_row, record_out, same_value, withheld
from gateway.usecases._pages import page_of, touching
from gateway.usecases._rulings import Denied, Ruling, decide_absent, known_fields, refused_whole, rule, within_cap
from gateway.usecases._settling import absent_event, denied, failed_event, group_code, purpose_code, read_event, settle
from policies.decision import Allowed, Refused

__all__ = ["disclose", "query", "verify"]


async def disclose(gw: Gateway, by: Principal, ask: Disclose) -> Disclosure | Refusal:
    """Read one record: afterwards the read is on the trail, and only allowed fields have left their seal.

    A refusal is recorded the same way. An unknown record, a suppressed client's and one that `by` may not know of get
    the same answer. Raises `Problem` when the trail, a key or the database fails: then nothing was disclosed.
    """
    known_fields(ask.fields)
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
            rulings = [await within_cap(gw, tx, ruling, row) for ruling in rulings]
        allowed = [ruling for ruling in rulings if isinstance(ruling.decision, Allowed)]
        if row is not None and allowed and row.key_id:
            key = await gw.keyring.for_opening(tx, row.key_id)
    absent: Refused | None = None
    if row is None or not allowed:  # finding the nearest rules of a refusal takes longer than the decision
        absent = decide_absent(gw, by, held, read_id, "read", ask.purpose, now)
    if row is None or not rulings:
        assert absent is not None
        events = [absent_event(by, "disclose", absent, now, ask.purpose, read_id, ask.record_id)]
    else:
        events = [read_event(by, "disclose", ruling, now, ask.purpose, read_id, [row]) for ruling in rulings]
    # 3. the trail, and what a use costs: durable before anything leaves
    refused = await settle(
        gw, by, allowed, events, touching([row] if row else [], {row.record_id: allowed} if row else {}), 1
    )
    if refused is not None:
        return refused
    if row is None or absent is not None:
        assert absent is not None
        return refused_whole(gw, by, held, row, rulings, grants, absent, ask, read_id, now)
    # 4. the key, bound to record, compartment, owner and generation
    try:
        values, masked = open_row(row, key, allowed)
    except Exception:
        await gw.recorded(replace(events[0], event_id=random_id(), action="disclose:failed", outcome="failed"))
        raise
    grant = next((ruling.grant for ruling in allowed if ruling.grant), None)
    return Disclosure(
        record=record_out(row, values, masked), withheld=withheld(rulings), decision_id=read_id,
        grant_id=grant.grant_id if grant else None, obligations=duties(allowed),
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
            if ask.match_field is None or matches(row, page, ask.match_field, ask.match_value or ""):
                items.append(
                    record_out(row, *open_row(row, page.keys.get(row.key_id or ""), page.by_row[row.record_id]))
                )
    except Exception:
        await failed_event(gw, page.events, "query:failed")
        raise
    following = page.next
    if len(items) > ask.limit:  # candidates of a search are compared only now
        items = items[: ask.limit]
        following = items[-1].record_id
    closing = event_of(by, "query:closed", page.now, target_kind="group", target_id=group_code(ask.field_group), purpose=purpose_code(ask.purpose),
                       outcome="done", record_count=len(items), read_id=read_id, grant_id=page.grant_id)  # fmt: skip
    await gw.recorded(closing)
    return RecordPage(
        items=tuple(items), withheld=withheld(page.rulings), next=following, end=following is None, read_id=read_id,
        grant_id=page.grant_id or None, obligations=duties(page.allowed),
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
    sought = normal_value(ask.field_group, ask.field, ask.value)
    matches = False
    try:
        for row in page.released:
            values, _ = open_row(row, page.keys.get(row.key_id or ""), page.by_row[row.record_id], unmasked=True)
            matches |= same_value(normal_value(ask.field_group, ask.field, values.get(ask.field)), sought)
    except Exception:
        await failed_event(gw, page.events, "verify:failed")
        raise
    return Verified(matches=matches and sought is not None, decision_id=read_id, grant_id=page.grant_id or None)
