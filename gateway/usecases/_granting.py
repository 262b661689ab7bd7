"""How a grant comes to be and ends: its row, its keys, its entry on the ledger, its event and its notices, as one."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from audit.events import Event
from gateway.domain.access import INVALID_REQUEST, AccessRequest, Grant, entry_fields, grant_from, revoke
from gateway.domain.ids import random_id
from gateway.domain.notices import day_text
from gateway.domain.principal import Principal, system_principal
from gateway.errors import CONFLICT, Problem
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.grants import GrantOut
from gateway.store import grants as store
from gateway.store import parties
from gateway.store.db import Tx
from gateway.store.grants import StoredGrant
from gateway.store.names import holders_of, units_named
from gateway.usecases import _asking
from gateway.usecases._entries import enter, receipt_text
from gateway.usecases._grants_out import grant_out
from gateway.usecases._notify import notify


@dataclass(frozen=True, slots=True)
class Given:
    """A grant that has come to be, as it is shown, with the receipt of its entry."""

    grant: GrantOut
    receipt: str


async def give(gw: Gateway, tx: WriteTx, by: Principal, request: AccessRequest) -> Given:
    """The grant of an approved request holds with this transaction: row, look-up keys, ledger entry, event, notices.

    Consents, the grading of the items and the standing of the receiver are looked at once more. Raises `Problem` when
    they do not carry it any longer; then nothing of the approval is kept either.
    """
    # 1. still fit
    ground = await _asking.ground_of(gw, tx, request)
    errors = await _asking.consent_errors(tx, request, ground)
    if errors:
        raise Problem(INVALID_REQUEST, errors=errors)
    await _check_receiver(tx, request)
    # 2. the grant, on the clients that the scope means now
    meant = replace(request, proposed=replace(request.terms, scope=ground.scope))
    grant = grant_from(
        meant, grant_id=random_id(), now=tx.now, catalogue=ground.seen.catalogue, policy_epoch=gw.policy.epoch
    )
    # 3. ledger, row, trail
    entry_id = await enter(gw, tx, "grant:approved", entry_fields(grant), institutions=await _parties(tx, grant))
    await store.add_grant(tx, grant, entry_id)
    tx.record(event_of_grant(gw, tx, by, "grant:given", grant))
    # 4. who is told
    owners = await owners_of(tx, grant)
    words = {"request": request.id, "grant": grant.id, "until": day_text(grant.not_after)}
    await notify(tx, "request-approved", [request.requester], subject=("grant", grant.id), besides=by.id, **words)
    await notify(tx, "grant-given", owners, subject=("grant", grant.id), besides=by.id, **words)
    stored = StoredGrant(grant, entry_id, None, 0, None)
    return Given(await grant_out(gw, tx, stored, ground.seen.catalogue), await receipt_text(gw, tx, entry_id))


async def end(gw: Gateway, tx: WriteTx, by: Principal, ended: Grant, kind: str, reason: str) -> str:
    """The grant has ended as `ended` says: entry, row, event, notices. Returns the id of the ledger entry.

    `kind` is that of the entry (`grant:revoked`, `grant:expired`), `reason` a code for the notices. Raises
    `Problem(conflict)` when it had ended already.
    """
    # The entry first: whoever ends or gives a grant takes the head of the log before any row of a grant.
    fields = {**entry_fields(ended), "ended_at": ended.ended_at, "ended_by": ended.ended_by, "reason": reason}
    entry_id = await enter(gw, tx, kind, fields, institutions=await _parties(tx, ended))
    await store.end_grant(tx, ended, entry_id)
    tx.record(event_of_grant(gw, tx, by, kind, ended, reason))
    subject, until = ("grant", ended.id), day_text(ended.not_after)
    people = await holders_and_owners(tx, ended)
    if kind == "grant:expired":
        await notify(tx, "grant-expired", people, subject=subject, grant=ended.id, until=until)
    else:
        await notify(
            tx, "grant-revoked", people, subject=subject, besides=by.id, grant=ended.id, reason=reason,
            units=[ended.grantee.unit],
        )  # fmt: skip
    return entry_id


async def end_grants_of(
    gw: Gateway, tx: WriteTx, by: Principal | None, *, reason: str, person: str = "", unit: str = "",
    institution: str = "", consent: str = "", client: str = "",
) -> int:  # fmt: skip
    """Every active grant of the person by name, the unit, the institution or the consent, or that names the client by
    its id, is revoked for `reason` (a code: `left`, `transferred`, `consent-withdrawn`, `suppressed`).

    Holds for every read that begins after the commit. Returns how many ended.
    """
    who = by or system_principal("clocks")
    found = await store.active_grants_of(
        tx, person=person, unit=unit, institution=institution, consent=consent, client=client
    )
    for stored in found:
        ended = revoke(stored.grant, by=who.id, reason=reason, now=tx.now)
        await end(gw, tx, who, ended, "grant:revoked", reason)
    return len(found)


def event_of_grant(gw: Gateway, tx: WriteTx, by: Principal, action: str, grant: Grant, reason: str = "") -> Event:
    """What became of a grant, for the trail."""
    return event_of(
        by, action, tx.now, target_kind="grant", target_id=grant.id, grant_id=grant.id, items=grant.codes,
        fields=tuple(dict.fromkeys(name for item in grant.items for name in item.fields)), purpose=grant.purpose,
        outcome="done", reason=reason, policy_epoch=gw.policy.epoch,
        details={"request": grant.request_id, "grantee_unit": grant.grantee.unit, "level": grant.level},
    )  # fmt: skip


async def owners_of(tx: Tx, grant: Grant) -> set[str]:
    """The people who answer for the data of a grant."""
    people: set[str] = set()
    for unit in grant.grantors:
        people |= set(await holders_of(tx, "data_owner", unit))
    return people


async def holders_and_owners(tx: Tx, grant: Grant) -> set[str]:
    """Everybody whom the end of a grant concerns: receiver, requester, owners."""
    return await owners_of(tx, grant) | set(await holders_of_grant(tx, grant))


async def holders_of_grant(tx: Tx, grant: Grant) -> Iterable[str]:
    """Who reads under a grant and is told about it: the person, or requester and head of the unit."""
    if grant.grantee.kind == "person":
        return {grant.grantee.id}
    requester = await store.requester_of(tx, grant.request_id)
    return {*([requester] if requester else []), *await holders_of(tx, "dept_head", grant.grantee.unit)}


async def _parties(tx: Tx, grant: Grant) -> set[str]:
    """The institutions that find the entry by their tags."""
    units = await units_named(tx, [grant.grantee.unit, *grant.grantors])
    return {grant.grantee.institution, *(unit.institution_id for unit in units.values())}


async def _check_receiver(tx: Tx, request: AccessRequest) -> None:
    """Raises `Problem(conflict)` when requester or receiver have left, moved or been suspended meanwhile."""
    standing = await parties.find_standing(tx, request.requester)
    if standing is None or not standing.active or standing.person.unit_id != request.grantee.unit:
        raise Problem(
            CONFLICT, field="request_id",
            detail_zh="申请人已离岗、调岗或停用,不能授权", detail_en="the requester has left, moved or is suspended",
        )  # fmt: skip
