"""Consents of persons and authorisations of enterprises: registered with evidence, withdrawn as easily as given."""

from typing import Any

from gateway.domain.consent import ENTERPRISE_KIND, Authorisation, Consent, Permission, check, withdraw
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.errors import INVALID_INPUT, NOT_FOUND, Problem, Refusal
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.base import Page
from gateway.schemas.consents import ConsentOut, ListConsents, RegisterConsent, WithdrawConsent
from gateway.store import consents as store
from gateway.store import scopes
from gateway.store.consents import StoredPermission
from gateway.store.db import Tx
from gateway.store.names import holders_of
from gateway.store.parties import find_institution
from gateway.usecases import _granting, _moves
from gateway.usecases._catalogue import purposes_of, snapshot
from gateway.usecases._entries import enter
from gateway.usecases._notify import notify
from gateway.usecases._paging import key_of, read_key
from gateway.usecases._requests import watches
from ledger.entry import Value
from policies.decision import Allowed
from policies.vocabulary import MoveObject, Subject

__all__ = ["list_consents", "register_consent", "withdraw_consent"]


async def register_consent(gw: Gateway, by: Principal, ask: RegisterConsent) -> ConsentOut | Refusal:
    """The consent is on file, and committed to on the ledger. Only a unit that keeps the client's data registers one.

    An unknown client, a suppressed one and one that the caller's unit has nothing to do with get the same answer.
    """
    async with gw.begin() as tx:
        client_id = await _client(gw, tx, by, ask.client)
        await _check_references(gw, tx, ask)
        permission = _permission(ask, client_id, random_id(), tx.now, by)
        check(permission)
        thing = await _thing(tx, by, permission)
        act = "authorisation:give" if isinstance(permission, Authorisation) else "consent:record"
        refused = await _moves.may(gw, tx, by, act, thing, permission.id)
        if refused is not None:
            return refused
        await store.add_consent(tx, permission, by.id)
        await _enter(gw, tx, by, permission, "consent:registered")
        return _out(StoredPermission(permission, by.id), tx.now)


async def withdraw_consent(gw: Gateway, by: Principal, ask: WithdrawConsent) -> ConsentOut | Refusal:
    """Withdrawn from now on: every grant that rests on it has ended for reads that begin after this commits.

    What was read before stays lawful and on the trail (PIPL art. 15). Raises `Problem` when withdrawn already.
    """
    async with gw.begin() as tx:
        stored = await _seen(gw, tx, by, ask.consent_id)
        thing = await _thing(tx, by, stored.permission)
        act = "authorisation:withdraw" if isinstance(stored.permission, Authorisation) else "consent:withdraw"
        refused = await _moves.may(gw, tx, by, act, thing, ask.consent_id)
        if refused is not None:
            return refused
        gone = withdraw(stored.permission, now=tx.now)
        await store.set_withdrawn(tx, gone.id, tx.now)
        await _enter(gw, tx, by, gone, "consent:withdrawn")
        ended = await _granting.end_grants_of(gw, tx, by, consent=gone.id, reason="consent-withdrawn")
        people = {*await holders_of(tx, "pi_officer"), stored.registered_by}
        await notify(
            tx, "consent-withdrawn", people, subject=("consent", gone.id), besides=by.id, consent=gone.id, grants=ended
        )
        return _out(StoredPermission(gone, stored.registered_by), tx.now, ended)


async def list_consents(gw: Gateway, by: Principal, ask: ListConsents) -> Page[ConsentOut]:
    """Consents about clients whose data the caller's unit keeps, or that name its institution as receiver; the
    personal-information officer and those who may look at everything see all of them.
    """
    async with gw.db.read() as tx:
        who = await _moves.acting(tx, by)
        wide = _keeps_all(gw, who, tx.now)
        client = ""
        if ask.client:
            client = (await scopes.resolve_clients(tx, [ask.client])).get(ask.client, "-")
        rows = await store.list_consents(
            tx, client=client, record=ask.record_id, receiver=ask.receiver, unit="" if wide else who.unit,
            institution="" if wide else who.institution, state=ask.state, below=read_key(ask.after),
            limit=ask.limit + 1,
        )  # fmt: skip
        now = tx.now
    last = rows[ask.limit - 1].permission if len(rows) > ask.limit else None
    return Page[ConsentOut](
        items=tuple(_out(each, now) for each in rows[: ask.limit]),
        next=key_of(last.given_at, last.id) if last else None,
    )


async def _client(gw: Gateway, tx: Tx, by: Principal, name: str) -> str:
    """The client, for those who keep data of it. Raises `Problem(not-found)` alike for all other reasons."""
    who = await _moves.acting(tx, by)
    found = (await scopes.resolve_clients(tx, [name])).get(name)
    if found is None or not (who.unit in await store.keepers_of(tx, found) or _keeps_all(gw, who, tx.now)):
        raise Problem(NOT_FOUND, field="client")
    return found


async def _check_references(gw: Gateway, tx: Tx, ask: RegisterConsent) -> None:
    if await find_institution(tx, ask.receiver) is None:
        raise Problem(
            INVALID_INPUT, field="receiver", detail_zh="没有这个机构", detail_en="there is no such institution"
        )
    if ask.purpose not in purposes_of(gw).purposes:
        raise Problem(
            INVALID_INPUT, field="purpose", detail_zh="没有这个用途代码", detail_en="there is no such purpose"
        )
    catalogue = (await snapshot(gw, tx)).catalogue
    for code in ask.items:
        catalogue.get(code)


def _permission(ask: RegisterConsent, client_id: str, consent_id: str, now: int, by: Principal) -> Permission:
    content: dict[str, Any] = {
        "id": consent_id, "kind": ask.kind, "client_id": client_id, "receiver": ask.receiver, "purpose": ask.purpose,
        "items": tuple(dict.fromkeys(ask.items)), "notice_version": ask.notice_version,
        "evidence_hash": ask.evidence_hash, "not_before": ask.not_before, "not_after": ask.not_after, "given_at": now,
    }  # fmt: skip
    if ask.kind == ENTERPRISE_KIND:
        return Authorisation(**content, signed_by=by.id)
    return Consent(**content, record_id=ask.record_id or "")


async def _thing(tx: Tx, by: Principal, permission: Permission) -> MoveObject:
    """The permission as a workflow rule sees it. Raises `Problem(not-found)` for a record that is not this client's."""
    keepers = await store.keepers_of(tx, permission.client_id)
    owner = by.unit_id if by.unit_id in keepers else next(iter(sorted(keepers)), "")
    kind = "authorisation" if isinstance(permission, Authorisation) else "consent"
    if isinstance(permission, Consent):
        owner_of_record = await store.owner_of_record(tx, permission.client_id, permission.record_id)
        if owner_of_record is None:
            raise Problem(NOT_FOUND, field="record_id")
        owner = owner_of_record
    return MoveObject(kind, owner_unit=owner, personal=kind == "consent", institution=permission.receiver)


async def _seen(gw: Gateway, tx: Tx, by: Principal, consent_id: str) -> StoredPermission:
    who = await _moves.acting(tx, by)
    stored = await store.get_consent(tx, consent_id)
    keepers = await store.keepers_of(tx, stored.permission.client_id)
    party = who.unit in keepers or who.institution == stored.permission.receiver
    if not party and not _keeps_all(gw, who, tx.now):
        raise Problem(NOT_FOUND, field="consent_id")
    return stored


def _keeps_all(gw: Gateway, who: Subject, now: int) -> bool:
    officer = _moves.decide(gw, who, "consent:record", MoveObject("consent", owner_unit="-"), now)
    return isinstance(officer, Allowed) or watches(gw, who, now)


async def _enter(gw: Gateway, tx: WriteTx, by: Principal, permission: Permission, kind: str) -> None:
    fields: dict[str, Value] = {
        "consent": permission.id, "kind": permission.kind, "receiver": permission.receiver,
        "purpose": permission.purpose, "items": " ".join(permission.items), "evidence": permission.evidence_hash,
        "not_before": permission.not_before, "not_after": permission.not_after, "by": by.id,
    }  # fmt: skip
    await enter(gw, tx, kind, fields, institutions={permission.receiver, by.institution_id})
    tx.record(
        event_of(
            by, kind, tx.now, target_kind="consent", target_id=permission.id, client_id=permission.client_id,
            items=permission.items, purpose=permission.purpose, outcome="done", policy_epoch=gw.policy.epoch,
            details={"kind": permission.kind, "receiver": permission.receiver},
        )
    )  # fmt: skip


def _out(stored: StoredPermission, now: int, ended: int = 0) -> ConsentOut:
    each = stored.permission
    return ConsentOut(
        consent_id=each.id, kind=each.kind, client_id=each.client_id,
        record_id=each.record_id if isinstance(each, Consent) else None, receiver=each.receiver, purpose=each.purpose,
        items=each.items, notice_version=each.notice_version, evidence_hash=each.evidence_hash,
        not_before=each.not_before, not_after=each.not_after, withdrawn_at=each.withdrawn_at, state=each.state(now),
        registered_by=stored.registered_by, created_at=each.given_at, grants_ended=ended,
    )  # fmt: skip
