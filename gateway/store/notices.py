"""Notices, webhooks and the outbox. Rows in, dataclasses out."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from gateway.domain.ids import new_id
from gateway.errors import NOT_FOUND, Problem
from gateway.store.db import Tx
from gateway.store.tables import operation as t
from gateway.store.tables import parties

_n, _o, _w, _p = t.notice, t.outbox, t.webhook, parties.person
_ADD = sa.insert(_n)
_QUEUE = sa.insert(_o)


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice in somebody's inbox. Times are microseconds."""

    notice_id: str
    person_id: str
    kind: str
    subject_kind: str
    subject_id: str
    parameters: dict[str, str]
    created_at: int
    read_at: int | None


@dataclass(frozen=True, slots=True)
class Addressee:
    """Somebody who is told: where, and in which language."""

    person_id: str
    unit_id: str
    email: str | None
    locale: str


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where a unit wants its notices posted; the secret that signs them is sealed."""

    webhook_id: str
    unit_id: str
    url: str
    sealed: bytes
    kinds: tuple[str, ...]
    active: bool
    created_by: str
    created_at: int

    def wants(self, kind: str) -> bool:
        """Whether this kind of notice is posted here."""
        return self.active and (not self.kinds or kind in self.kinds)


@dataclass(frozen=True, slots=True)
class Parcel:
    """Something that must leave the house: a mail, or a post to a webhook."""

    outbox_id: str
    channel: str
    target: str
    payload: dict[str, str]
    attempts: int


async def addressees(tx: Tx, people: Collection[str]) -> list[Addressee]:
    """The active ones among `people`."""
    if not people:
        return []
    statement = (
        sa.select(_p.c.person_id, _p.c.unit_id, _p.c.email, _p.c.locale)
        .where(_p.c.person_id.in_(sorted(people)), _p.c.state == "active")
        .order_by(_p.c.person_id)
    )
    return [Addressee(row.person_id, row.unit_id, row.email, row.locale) for row in (await tx.execute(statement)).all()]


async def add_notices(
    tx: Tx, people: Sequence[str], kind: str, subject_kind: str, subject_id: str, parameters: Mapping[str, str]
) -> None:
    """One notice in the inbox of each of `people`."""
    text = json.dumps(dict(parameters), sort_keys=True)
    rows = [
        {
            "notice_id": new_id(), "person_id": person, "kind": kind, "subject_kind": subject_kind,
            "subject_id": subject_id, "parameters": text, "created_at": tx.now,
        }
        for person in people
    ]  # fmt: skip
    if rows:
        await tx.execute(_ADD, rows)


async def list_notices(tx: Tx, person_id: str, *, unread: bool, below: str | None, limit: int) -> list[Notice]:
    """The inbox, newest first, below the last one seen."""
    statement = sa.select(_n).where(_n.c.person_id == person_id).order_by(_n.c.notice_id.desc()).limit(limit)
    if unread:
        statement = statement.where(_n.c.read_at.is_(None))
    if below is not None:
        statement = statement.where(_n.c.notice_id < below)
    return [
        Notice(
            row["notice_id"], row["person_id"], row["kind"], row["subject_kind"], row["subject_id"],
            json.loads(row["parameters"]), row["created_at"], row["read_at"],
        )
        for row in (await tx.execute(statement)).mappings().all()
    ]  # fmt: skip


async def count_unread(tx: Tx, person_id: str) -> int:
    """How many notices the person has not read."""
    statement = sa.select(sa.func.count()).select_from(_n).where(_n.c.person_id == person_id, _n.c.read_at.is_(None))
    return int((await tx.execute(statement)).scalar() or 0)


async def set_read(tx: Tx, person_id: str, notice_id: str) -> None:
    """The notice (`all`: every one of the person's) is read. Raises `Problem(not-found)` for somebody else's."""
    mine = _n.c.person_id == person_id
    if notice_id == "all":
        await tx.execute(sa.update(_n).where(mine, _n.c.read_at.is_(None)).values(read_at=tx.now))
        return
    one = sa.and_(mine, _n.c.notice_id == notice_id)
    if (await tx.execute(sa.select(_n.c.notice_id).where(one))).first() is None:
        raise Problem(NOT_FOUND, field="notice_id")
    await tx.execute(sa.update(_n).where(one, _n.c.read_at.is_(None)).values(read_at=tx.now))


async def add_webhook(tx: Tx, webhook: Webhook) -> None:
    """The webhook is registered."""
    await tx.execute(
        sa.insert(_w),
        {
            "webhook_id": webhook.webhook_id, "unit_id": webhook.unit_id, "url": webhook.url, "sealed": webhook.sealed,
            "kinds": " ".join(webhook.kinds), "active": webhook.active, "created_by": webhook.created_by,
            "created_at": webhook.created_at,
        },
    )  # fmt: skip


async def list_webhooks(tx: Tx, units: Collection[str]) -> list[Webhook]:
    """The webhooks of these units, oldest first."""
    statement = sa.select(_w).where(_w.c.unit_id.in_(sorted(units))).order_by(_w.c.created_at, _w.c.webhook_id)
    return [
        Webhook(
            row["webhook_id"], row["unit_id"], row["url"], bytes(row["sealed"]), tuple(row["kinds"].split()),
            bool(row["active"]), row["created_by"], row["created_at"],
        )
        for row in (await tx.execute(statement)).mappings().all()
    ]  # fmt: skip


async def find_webhook(tx: Tx, webhook_id: str) -> tuple[Webhook, str] | None:
    """The webhook and the kind of institution it belongs to, or None."""
    statement = (
        sa.select(_w, parties.institution.c.kind)
        .join(parties.unit, parties.unit.c.unit_id == _w.c.unit_id)
        .join(parties.institution, parties.institution.c.institution_id == parties.unit.c.institution_id)
        .where(_w.c.webhook_id == webhook_id)
    )
    row = (await tx.execute(statement)).mappings().first()
    if row is None:
        return None
    hook = Webhook(
        row["webhook_id"], row["unit_id"], row["url"], bytes(row["sealed"]), tuple(row["kinds"].split()),
        bool(row["active"]), row["created_by"], row["created_at"],
    )  # fmt: skip
    return hook, row["kind"]


async def remove_webhook(tx: Tx, webhook_id: str) -> None:
    """The webhook is gone; what waits for it is dropped when its turn comes."""
    await tx.execute(sa.delete(_w).where(_w.c.webhook_id == webhook_id))


async def queue_parcels(tx: Tx, parcels: Sequence[tuple[str, str, Mapping[str, str]]]) -> None:
    """Each (channel, target, payload) leaves after the commit, once or more often, never less."""
    rows = [
        {
            "outbox_id": new_id(), "channel": channel, "target": target,
            "payload": json.dumps(dict(payload), sort_keys=True, ensure_ascii=False), "attempts": 0, "due_at": tx.now,
            "created_at": tx.now,
        }
        for channel, target, payload in parcels
    ]  # fmt: skip
    if rows:
        await tx.execute(_QUEUE, rows)


async def list_parcels(tx: Tx, channels: Collection[str], limit: int) -> list[Parcel]:
    """What is due now, oldest first."""
    statement = (
        sa.select(_o)
        .where(_o.c.channel.in_(sorted(channels)), _o.c.done_at.is_(None), _o.c.due_at <= tx.now)
        .order_by(_o.c.due_at, _o.c.outbox_id)
        .limit(limit)
    )
    return [
        Parcel(row["outbox_id"], row["channel"], row["target"], json.loads(row["payload"]), row["attempts"])
        for row in (await tx.execute(statement)).mappings().all()
    ]


async def set_parcel_done(tx: Tx, outbox_id: str, error: str | None = None) -> None:
    """The parcel has left, or with `error` is given up for good."""
    await tx.execute(
        sa.update(_o)
        .where(_o.c.outbox_id == outbox_id)
        .values(done_at=tx.now, last_error=error, attempts=_o.c.attempts + 1)
    )


async def set_parcel_later(tx: Tx, outbox_id: str, due_at: int, error: str) -> None:
    """The parcel did not get through; it is tried again at `due_at`."""
    await tx.execute(
        sa.update(_o)
        .where(_o.c.outbox_id == outbox_id)
        .values(due_at=due_at, last_error=error[:200], attempts=_o.c.attempts + 1)
    )
