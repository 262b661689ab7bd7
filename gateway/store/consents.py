"""Consents of persons and authorisations of enterprises. Rows in, dataclasses out."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from gateway.domain.consent import ENTERPRISE_KIND, Authorisation, Consent, Permission
from gateway.errors import CONFLICT, NOT_FOUND, Problem
from gateway.store.db import Tx
from gateway.store.tables import access as t
from gateway.store.tables import records

_c = t.consent


@dataclass(frozen=True, slots=True)
class StoredPermission:
    """A consent or an authorisation, and who registered it. Times are microseconds."""

    permission: Permission
    registered_by: str


async def add_consent(tx: Tx, permission: Permission, registered_by: str) -> None:
    """The consent or authorisation is on file."""
    record_id = permission.record_id if isinstance(permission, Consent) else None
    await tx.execute(
        sa.insert(_c),
        {
            "consent_id": permission.id, "kind": permission.kind, "client_id": permission.client_id,
            "record_id": record_id, "receiver": permission.receiver, "purpose": permission.purpose,
            "items": " ".join(permission.items), "notice_version": permission.notice_version,
            "evidence_hash": bytes.fromhex(permission.evidence_hash), "not_before": permission.not_before,
            "not_after": permission.not_after, "withdrawn_at": None, "registered_by": registered_by,
            "created_at": permission.given_at,
        },
    )  # fmt: skip


async def get_consent(tx: Tx, consent_id: str) -> StoredPermission:
    """The consent. Raises `Problem(not-found)`."""
    row = (await tx.execute(sa.select(_c).where(_c.c.consent_id == consent_id))).mappings().first()
    if row is None:
        raise Problem(NOT_FOUND, field="consent_id")
    return _stored(row)


async def consents_named(tx: Tx, ids: Collection[str]) -> list[Permission]:
    """Those of `ids` that are on file."""
    if not ids:
        return []
    found = await tx.execute(sa.select(_c).where(_c.c.consent_id.in_(sorted(ids))))
    return [_stored(row).permission for row in found.mappings().all()]


async def list_consents(
    tx: Tx, *, client: str = "", record: str = "", receiver: str = "", unit: str = "", institution: str = "",
    state: str | None = None, below: tuple[int, str] | None = None, limit: int,
) -> list[StoredPermission]:  # fmt: skip
    """Consents that fulfil every condition given, newest first. With `unit` or `institution`: those about clients
    whose records the unit owns, or of which the institution is the receiver.
    """
    statement = sa.select(_c).order_by(_c.c.created_at.desc(), _c.c.consent_id.desc()).limit(limit)
    for column, value in ((_c.c.client_id, client), (_c.c.record_id, record), (_c.c.receiver, receiver)):
        if value:
            statement = statement.where(column == value)
    if unit or institution:
        owned = sa.select(records.record.c.client_id).where(records.record.c.owner_unit == unit)
        led = sa.select(records.client.c.client_id).where(
            sa.or_(records.client.c.lead_unit == unit, records.client.c.registered_by == unit)
        )
        statement = statement.where(
            sa.or_(_c.c.client_id.in_(owned), _c.c.client_id.in_(led), _c.c.receiver == institution)
        )
    if state == "withdrawn":
        statement = statement.where(_c.c.withdrawn_at.is_not(None))
    elif state:
        statement = statement.where(_c.c.withdrawn_at.is_(None), _in_state(state, tx.now))
    if below is not None:
        at, consent_id = below
        statement = statement.where(
            sa.or_(_c.c.created_at < at, sa.and_(_c.c.created_at == at, _c.c.consent_id < consent_id))
        )
    return [_stored(row) for row in (await tx.execute(statement)).mappings().all()]


def _in_state(state: str, now: int) -> sa.ColumnElement[bool]:
    if state == "future":
        return _c.c.not_before > now
    if state == "ended":
        return _c.c.not_after <= now
    return sa.and_(_c.c.not_before <= now, _c.c.not_after > now)


async def set_withdrawn(tx: Tx, consent_id: str, at: int) -> None:
    """Withdrawn from `at` on. Raises `Problem(conflict)` when it was already."""
    changed = await tx.execute(
        sa.update(_c).where(_c.c.consent_id == consent_id, _c.c.withdrawn_at.is_(None)).values(withdrawn_at=at)
    )
    if not changed.rowcount:
        raise Problem(CONFLICT, field="consent_id", detail_zh="已撤回", detail_en="it was withdrawn already")


async def keepers_of(tx: Tx, client_id: str) -> frozenset[str]:
    """The units that keep consents of a client: those that own records of it, lead it, or brought it in."""
    owners = await tx.execute(
        sa.select(records.record.c.owner_unit).where(records.record.c.client_id == client_id).distinct()
    )
    client = records.client
    card = (
        await tx.execute(sa.select(client.c.lead_unit, client.c.registered_by).where(client.c.client_id == client_id))
    ).first()
    return frozenset({*owners.scalars().all(), *((each for each in card if each) if card else ())})


async def owner_of_record(tx: Tx, client_id: str, record_id: str) -> str | None:
    """The unit that owns the record of this client, or None when there is no such record."""
    r = records.record
    statement = sa.select(r.c.owner_unit).where(r.c.record_id == record_id, r.c.client_id == client_id)
    return (await tx.execute(statement)).scalar()


def _stored(row: Any) -> StoredPermission:
    content: dict[str, Any] = {
        "id": row["consent_id"], "kind": row["kind"], "client_id": row["client_id"], "receiver": row["receiver"],
        "purpose": row["purpose"], "items": tuple(row["items"].split()), "notice_version": row["notice_version"],
        "evidence_hash": bytes(row["evidence_hash"]).hex(), "not_before": row["not_before"],
        "not_after": row["not_after"], "given_at": row["created_at"], "withdrawn_at": row["withdrawn_at"],
    }  # fmt: skip
    if row["kind"] == ENTERPRISE_KIND:
        return StoredPermission(Authorisation(**content, signed_by=row["registered_by"]), row["registered_by"])
    return StoredPermission(Consent(**content, record_id=row["record_id"] or ""), row["registered_by"])
