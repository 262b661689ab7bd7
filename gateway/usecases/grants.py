"""Grants: who holds which, on whose data, with which evidence; ended at once, or renewed before the end."""

from collections.abc import Sequence

from gateway.domain.access import NOT_RENEWABLE, Grant, entry_fields, renew, revoke
from gateway.domain.ids import random_id
from gateway.domain.notices import day_text
from gateway.domain.principal import Principal
from gateway.domain.workdays import DAY
from gateway.errors import INVALID_INPUT, NOT_FOUND, Problem, Refusal
from gateway.runtime import Gateway, WriteTx
from gateway.schemas.base import Page
from gateway.schemas.grants import (
    GetGrant,
    GrantMoved,
    GrantOut,
    GrantReceipt,
    GrantsAboutToExpire,
    ListGrants,
    ReadershipOut,
    ReceiptOut,
    RenewGrant,
    RevokeGrant,
    WhoReadsMyData,
)
from gateway.store import grants as store
from gateway.store.db import Tx
from gateway.store.grants import StoredGrant
from gateway.store.names import people_named, units_named
from gateway.usecases import _granting, _moves
from gateway.usecases._catalogue import snapshot
from gateway.usecases._entries import enter, receipt, receipt_text
from gateway.usecases._grants_out import grant_out, shown, state_of
from gateway.usecases._notify import notify
from gateway.usecases._paging import key_of, read_key
from gateway.usecases._requests import watches
from policies.decision import Allowed, Refused
from policies.vocabulary import MoveObject, Subject

__all__ = [
    "get_grant",
    "grant_receipt",
    "grants_about_to_expire",
    "list_grants",
    "renew_grant",
    "revoke_grant",
    "who_reads_my_data",
]


def thing_of(grant: Grant, who: Subject, requester: str, state: str) -> MoveObject:
    """The grant as a workflow rule sees it."""
    owner = who.unit if who.unit in grant.grantors else next(iter(grant.grantors), "")
    return MoveObject(
        "grant", state=state, requester=requester, requester_unit=grant.grantee.unit, owner_unit=owner,
        level=grant.level, personal=any(item.personal for item in grant.items), partner=grant.grantee.partner,
        institution=grant.grantee.institution,
    )  # fmt: skip


async def _thing(tx: Tx, grant: Grant, who: Subject) -> MoveObject:
    # Who gains is the one it was given to; of a unit's grant, the one who asked.
    requester = grant.grantee.id if grant.grantee.kind == "person" else await store.requester_of(tx, grant.request_id)
    return thing_of(grant, who, requester or "", state_of(grant, tx.now))


async def _seen(gw: Gateway, tx: Tx, who: Subject, grant_id: str) -> StoredGrant:
    """The grant. Raises `Problem(not-found)` for those who are no party to it and may not look at everything."""
    stored = await store.get_grant(tx, grant_id)
    grant = stored.grant
    party = who.unit == grant.grantee.unit or who.unit in grant.grantors
    if party or watches(gw, who, tx.now):
        return stored
    # Who may end it may look at it: the personal-information officer, where persons are concerned.
    if isinstance(_moves.decide(gw, who, "grant:revoke", await _thing(tx, grant, who), tx.now), Refused):
        raise Problem(NOT_FOUND, field="grant_id")
    return stored


def _acts(gw: Gateway, who: Subject, thing: MoveObject, stored: StoredGrant, now: int) -> tuple[str, ...]:
    if thing.state != "active":
        return ()
    acts = [act for act in ("revoke",) if isinstance(_moves.decide(gw, who, f"grant:{act}", thing, now), Allowed)]
    near = stored.grant.not_after - now <= 15 * DAY
    for act, word in (("grant:renew", "renew"), ("grant:ask-renewal", "ask-renewal")):
        if near and isinstance(_moves.decide(gw, who, act, thing, now), Allowed):
            acts.append(word)
    return tuple(acts)


async def _shown(gw: Gateway, tx: Tx, who: Subject, rows: Sequence[StoredGrant]) -> list[GrantOut]:
    units = await units_named(tx, [each.grant.grantee.unit for each in rows])
    people = await people_named(tx, [each.grant.grantee.id for each in rows])
    catalogue = (await snapshot(gw, tx)).catalogue
    found = []
    for each in rows:
        acts = _acts(gw, who, await _thing(tx, each.grant, who), each, tx.now)
        found.append(shown(gw, each, catalogue, units, people, tx.now, acts))
    return found


async def list_grants(gw: Gateway, by: Principal, ask: ListGrants) -> Page[GrantOut] | Refusal:
    """Grants held by the caller or its unit, given on its unit's data, or all, newest first."""
    async with gw.db.read() as tx:
        who = await _moves.acting(tx, by)
        if ask.view == "all":
            act, thing = "trail:search", MoveObject("trail")
            decision = _moves.decide(gw, who, act, thing, tx.now)
            if isinstance(decision, Refused):
                return await _moves.refuse_look(gw, by, act, thing, "grants", decision, tx.now)
        held, given = ask.view == "held", ask.view == "given"
        rows = await store.list_grants(
            tx, grantee_unit=who.unit if held else None, person=by.id if held else None,
            owner_unit=who.unit if given else None, state=ask.state, item=ask.item_code, client=ask.client,
            purpose=ask.purpose, below=read_key(ask.after), limit=ask.limit + 1,
        )  # fmt: skip
        return await _page(gw, tx, who, rows, ask.limit)


async def grants_about_to_expire(gw: Gateway, by: Principal, ask: GrantsAboutToExpire) -> Page[GrantOut]:
    """Live grants of the caller and its unit that end within the days given."""
    async with gw.db.read() as tx:
        who = await _moves.acting(tx, by)
        rows = await store.list_grants(
            tx, grantee_unit=who.unit, person=by.id, ends_before=tx.now + ask.days * DAY, below=read_key(ask.after),
            limit=ask.limit + 1,
        )  # fmt: skip
        return await _page(gw, tx, who, rows, ask.limit)


async def _page(gw: Gateway, tx: Tx, who: Subject, rows: list[StoredGrant], limit: int) -> Page[GrantOut]:
    items = await _shown(gw, tx, who, rows[:limit])
    return Page[GrantOut](items=tuple(items), next=store.page_key(rows[:limit]) if len(rows) > limit else None)


async def get_grant(gw: Gateway, by: Principal, ask: GetGrant) -> GrantOut:
    """One grant, for its parties and for those who may look at everything. Raises `Problem(not-found)` otherwise."""
    async with gw.db.read() as tx:
        who = await _moves.acting(tx, by)
        (found,) = await _shown(gw, tx, who, [await _seen(gw, tx, who, ask.grant_id)])
        return found


async def grant_receipt(gw: Gateway, by: Principal, ask: GrantReceipt) -> ReceiptOut:
    """The evidence of a grant, as of the newest thing that happened to it: given, renewed, revoked or expired."""
    async with gw.db.read() as tx:
        who = await _moves.acting(tx, by)
        stored = await _seen(gw, tx, who, ask.grant_id)
        entry_id = stored.ended_entry_id or stored.entry_id
        proof = await receipt(gw, tx, entry_id)
        entry = await gw.grants_log.find_entry(tx, entry_id)
    return ReceiptOut(
        grant_id=stored.grant.id, entry_id=entry_id, kind=entry.kind if entry else "", receipt=proof.encode().decode(),
        openings={each.name: str(each.value) for each in proof.openings},
    )  # fmt: skip


async def revoke_grant(gw: Gateway, by: Principal, ask: RevokeGrant) -> GrantMoved | Refusal:
    """The grant has ended for every read that begins after this commits; entry, event and notices come with it."""
    async with gw.begin() as tx:
        who = await _moves.acting(tx, by)
        stored = await _seen(gw, tx, who, ask.grant_id)
        thing = await _thing(tx, stored.grant, who)
        decision = _moves.decide(gw, who, "grant:revoke", thing, tx.now)
        if isinstance(decision, Refused):
            return await _moves.refuse(tx, by, "grant:revoke", thing, stored.grant.id, decision)
        ended = revoke(stored.grant, by=by.id, reason=ask.reason, now=tx.now)
        own = by.unit_id == stored.grant.grantee.unit and by.unit_id not in stored.grant.grantors
        entry_id = await _granting.end(gw, tx, by, ended, "grant:revoked", "given-back" if own else "revoked")
        return await _moved(gw, tx, who, ask.grant_id, entry_id)


async def renew_grant(gw: Gateway, by: Principal, ask: RenewGrant) -> GrantMoved | Refusal:
    """The unit whose data it is renews the grant: a new one in its place, for the same purpose and rights.

    The holder may only ask: its owners are told, and the answer says so (`renewal_asked`). Raises
    `Problem(grant-not-renewable)` outside the last 15 days, unused for 90 days, after two renewals, or when several
    units gave it, who would all have to agree anew.
    """
    async with gw.begin() as tx:
        who = await _moves.acting(tx, by)
        stored = await _seen(gw, tx, who, ask.grant_id)
        grant, thing = stored.grant, await _thing(tx, stored.grant, who)
        # Checked first: whether it can be renewed at all does not depend on who wants it.
        ended, fresh = renew(
            grant, grant_id=random_id(), purpose=grant.purpose, now=tx.now, last_used_at=stored.last_used_at,
            catalogue=(await snapshot(gw, tx)).catalogue, policy_epoch=gw.policy.epoch, term_days=ask.term_days,
        )  # fmt: skip
        decision = _moves.decide(gw, who, "grant:renew", thing, tx.now)
        if isinstance(decision, Refused):
            asking = _moves.decide(gw, who, "grant:ask-renewal", thing, tx.now)
            if isinstance(asking, Refused):
                return await _moves.refuse(tx, by, "grant:renew", thing, grant.id, decision)
            return await _ask_renewal(gw, tx, by, who, stored)
        if grant.grantors != (who.unit,):
            raise Problem(NOT_RENEWABLE, extra={"why": "several-owners"})
        entry_id = await _put_in_place(gw, tx, by, ended, fresh)
        return await _moved(gw, tx, who, fresh.id, entry_id)


async def _put_in_place(gw: Gateway, tx: WriteTx, by: Principal, ended: Grant, fresh: Grant) -> str:
    """`fresh` holds, `ended` does not; one entry on the ledger says both. Returns its id."""
    fields = {**entry_fields(fresh), "supersedes": ended.id, "renewed_by": by.id}
    institutions = {fresh.grantee.institution, by.institution_id}
    entry_id = await enter(gw, tx, "grant:renewed", fields, institutions=institutions)
    await store.end_grant(tx, ended, entry_id)
    await store.add_grant(tx, fresh, entry_id)
    tx.record(_granting.event_of_grant(gw, tx, by, "grant:renewed", fresh))
    people = await _granting.holders_of_grant(tx, fresh)
    await notify(
        tx, "grant-renewed", people, subject=("grant", fresh.id), besides=by.id, old=ended.id, grant=fresh.id,
        until=day_text(fresh.not_after),
    )  # fmt: skip
    return entry_id


async def _ask_renewal(gw: Gateway, tx: WriteTx, by: Principal, who: Subject, stored: StoredGrant) -> GrantMoved:
    grant = stored.grant
    tx.record(_granting.event_of_grant(gw, tx, by, "grant:renewal-asked", grant))
    owners = await _granting.owners_of(tx, grant)
    await notify(
        tx, "renewal-asked", owners, subject=("grant", grant.id), besides=by.id, grant=grant.id,
        until=day_text(grant.not_after),
    )  # fmt: skip
    (found,) = await _shown(gw, tx, who, [stored])
    return GrantMoved(**found.model_dump(), renewal_asked=True)


async def _moved(gw: Gateway, tx: Tx, who: Subject, grant_id: str, entry_id: str) -> GrantMoved:
    stored = await store.get_grant(tx, grant_id)
    acts = _acts(gw, who, await _thing(tx, stored.grant, who), stored, tx.now)
    found = await grant_out(gw, tx, stored, (await snapshot(gw, tx)).catalogue, acts)
    return GrantMoved(**found.model_dump(), receipt=await receipt_text(gw, tx, entry_id))


async def who_reads_my_data(gw: Gateway, by: Principal, ask: WhoReadsMyData) -> Page[ReadershipOut] | Refusal:
    """How much each grant on the data of the caller's unit was used, newest grant first."""
    async with gw.db.read() as tx:
        who = await _moves.acting(tx, by)
        act, thing = "trail:read-own-items", MoveObject("trail", owner_unit=who.unit)
        decision = _moves.decide(gw, who, act, thing, tx.now)
        if isinstance(decision, Refused):
            return await _moves.refuse_look(gw, by, act, thing, who.unit, decision, tx.now)
        until = tx.now if ask.until is None else ask.until
        since = until - 30 * DAY if ask.since is None else ask.since
        if since >= until:
            raise Problem(INVALID_INPUT, field="since", detail_zh="起始须早于截止", detail_en="must lie before until")
        rows = await store.readership(
            tx, who.unit, since=since, until=until, item=ask.item_code, below=read_key(ask.after), limit=ask.limit + 1
        )
        units = await units_named(tx, [each.stored.grant.grantee.unit for each in rows])
        people = await people_named(tx, [each.stored.grant.grantee.id for each in rows])
        now = tx.now
    items = []
    for each in rows[: ask.limit]:
        grant, unit = each.stored.grant, units.get(each.stored.grant.grantee.unit)
        items.append(
            ReadershipOut(
                grant_id=grant.id, state=state_of(grant, now), grantee_unit=grant.grantee.unit,
                grantee_unit_zh=unit.zh if unit else "", grantee_unit_en=unit.en if unit else "",
                grantee_name=people.get(grant.grantee.id) if grant.grantee.kind == "person" else None,
                purpose=grant.purpose, items=tuple(i.code for i in grant.items if who.unit in i.owners),
                uses=each.uses, rows=each.rows, last_used_at=each.stored.last_used_at, not_after=grant.not_after,
            )
        )  # fmt: skip
    last = rows[ask.limit - 1].stored.grant if len(rows) > ask.limit else None
    return Page[ReadershipOut](items=tuple(items), next=key_of(last.granted_at, last.id) if last else None)
