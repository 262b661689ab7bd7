"""Access requests in the database: the request, its steps, its timeline, its attachments. Nothing decides here."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from gateway.domain.access import FINAL_STATES, AccessRequest, request_from, step_views, to_plain
from gateway.domain.canonical import canonical
from gateway.errors import CONFLICT, NOT_FOUND, Problem
from gateway.store.db import Tx
from gateway.store.tables import access as t
from gateway.store.tables import parties

_r, _s, _e, _o = t.access_request, t.request_step, t.request_event, t.request_owner
_ONE = sa.select(_r.c.content, _r.c.version, _r.c.updated_at).where(_r.c.request_id == sa.bindparam("id"))
_STEPS = sa.select(_s).where(_s.c.request_id == sa.bindparam("id")).order_by(_s.c.n)
_ADD = sa.insert(_r)
_ADD_STEP = sa.insert(_s)
_ADD_EVENT = sa.insert(_e)
_ADD_OWNER = sa.insert(_o)


@dataclass(frozen=True, slots=True)
class Stored:
    """A request as stored. `version` rises with every change of it."""

    request: AccessRequest
    version: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class StepRow:
    """Where a step stands, and to whom it was handed."""

    n: int
    role: str
    unit_id: str
    state: str
    delegate: str | None
    delegated_by: str | None
    due_at: int | None
    reminded_at: int | None


@dataclass(frozen=True, slots=True)
class Passage:
    """One line of the timeline."""

    at: int
    act: str
    actor: str
    on_behalf_of: str
    from_state: str
    to_state: str
    text: str


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment; its content is sealed."""

    attachment_id: str
    request_id: str
    file_name: str
    media_type: str
    digest: bytes
    size: int
    sealed: bytes
    added_by: str
    added_at: int


@dataclass(frozen=True, slots=True)
class Seat:
    """Whose requests a list shows: a person with roles in a unit."""

    person_id: str
    unit_id: str
    roles: frozenset[str]


def request_text(request: AccessRequest) -> str:
    """The request as canonical JSON."""
    return canonical(to_plain(request)).decode()


async def find_request(tx: Tx, request_id: str) -> Stored | None:
    """The request, or None."""
    row = (await tx.execute(_ONE, {"id": request_id})).first()
    return None if row is None else Stored(request_from(json.loads(row.content)), row.version, row.updated_at)


async def get_request(tx: Tx, request_id: str) -> Stored:
    """The request. Raises `Problem(not-found)`."""
    stored = await find_request(tx, request_id)
    if stored is None:
        raise Problem(NOT_FOUND, field="request_id")
    return stored


async def add_request(tx: Tx, request: AccessRequest, by: str) -> Stored:
    """The draft is on file, at version 1."""
    row = {**_columns(request), "request_id": request.id, "version": 1, "created_at": tx.now, "updated_at": tx.now}
    await tx.execute(_ADD, row)
    await _add_event(tx, request.id, 1, Passage(tx.now, "create", by, "", "", request.state, ""))
    return Stored(request, 1, tx.now)


async def set_request(
    tx: Tx, before: Stored, after: AccessRequest, *, act: str, by: str, on_behalf_of: str = "", text: str = ""
) -> Stored:
    """`after` in the place of `before`, with its steps and a line on its timeline.

    Raises `Problem(conflict)` naming who was first when somebody changed it meanwhile.
    """
    version = before.version + 1
    changed = await tx.execute(
        sa.update(_r)
        .where(_r.c.request_id == after.id, _r.c.version == before.version)
        .values(**_columns(after), version=version, updated_at=tx.now)
    )
    if not changed.rowcount:
        raise await who_was_first(tx, after.id)
    passage = Passage(tx.now, act, by, on_behalf_of, before.request.state, after.state, text)
    await _add_event(tx, after.id, version, passage)
    await _set_steps(tx, before.request, after)
    return Stored(after, version, tx.now)


async def who_was_first(tx: Tx, request_id: str) -> Problem:
    """The problem that names the act which changed the request meanwhile."""
    statement = (
        sa.select(_e.c.act, _e.c.actor, parties.person.c.name, _e.c.to_state)
        .outerjoin(parties.person, parties.person.c.person_id == _e.c.actor)
        .where(_e.c.request_id == request_id)
        .order_by(_e.c.n.desc())
        .limit(1)
    )
    row = (await tx.execute(statement)).first()
    if row is None:
        return Problem(CONFLICT, field="version")
    name = row.name or row.actor
    return Problem(
        CONFLICT, field="version", extra={"first": name, "act": row.act, "state": row.to_state},
        detail_zh=f"{name} 已先行办理({row.act}),当前状态为 {row.to_state}",
        detail_en=f"{name} was first ({row.act}); the request is {row.to_state} now",
    )  # fmt: skip


async def set_owners(tx: Tx, request_id: str, owners: Collection[str]) -> None:
    """The request is about data of exactly these units."""
    await tx.execute(sa.delete(_o).where(_o.c.request_id == request_id))
    if owners:
        await tx.execute(_ADD_OWNER, [{"request_id": request_id, "owner_unit": unit} for unit in sorted(owners)])


async def list_steps(tx: Tx, request_id: str) -> list[StepRow]:
    """The steps of the present route, in order."""
    return [
        StepRow(row.n, row.role, row.unit_id, row.state, row.delegate, row.delegated_by, row.due_at, row.reminded_at)
        for row in (await tx.execute(_STEPS, {"id": request_id})).all()
    ]


async def set_delegate(tx: Tx, request_id: str, n: int, delegate: str, by: str) -> None:
    """The open step `n` is in the hands of `delegate`. Raises `Problem(conflict)` when it is no longer open."""
    changed = await tx.execute(
        sa.update(_s)
        .where(_s.c.request_id == request_id, _s.c.n == n, _s.c.state == "open")
        .values(delegate=delegate, delegated_by=by)
    )
    if not changed.rowcount:
        raise await who_was_first(tx, request_id)


async def timeline(tx: Tx, request_id: str) -> list[Passage]:
    """Everything that happened to the request, oldest first."""
    statement = sa.select(_e).where(_e.c.request_id == request_id).order_by(_e.c.n)
    return [
        Passage(row.at, row.act, row.actor, row.on_behalf_of, row.from_state, row.to_state, row.text)
        for row in (await tx.execute(statement)).all()
    ]


async def list_requests(
    tx: Tx, view: str, seat: Seat, *, state: str | None, purpose: str, below: tuple[int, str] | None, limit: int
) -> list[Stored]:
    """Requests of one view, newest first, below the last one seen. Drafts are shown to their requester alone."""
    statement = sa.select(_r.c.content, _r.c.version, _r.c.updated_at).where(_shown(view, seat))
    if view != "mine":
        statement = statement.where(sa.or_(_r.c.state != "draft", _r.c.requester == seat.person_id))
    if state:
        statement = statement.where(_r.c.state == state)
    if purpose:
        statement = statement.where(_r.c.purpose == purpose)
    if below is not None:
        at, request_id = below
        statement = statement.where(
            sa.or_(_r.c.created_at < at, sa.and_(_r.c.created_at == at, _r.c.request_id < request_id))
        )
    statement = statement.order_by(_r.c.created_at.desc(), _r.c.request_id.desc()).limit(limit)
    return [
        Stored(request_from(json.loads(row.content)), row.version, row.updated_at)
        for row in (await tx.execute(statement)).all()
    ]


def _shown(view: str, seat: Seat) -> sa.ColumnElement[bool]:
    if view == "mine":
        return _r.c.requester == seat.person_id
    if view == "inbox":
        own = sa.and_(_r.c.requester == seat.person_id, _r.c.state.in_(("offered", "returned")))
        return sa.or_(_r.c.request_id.in_(sa.select(_s.c.request_id).where(_for(seat))), own)
    if view == "unit":
        return _r.c.requester_unit == seat.unit_id
    if view == "owned":
        return _r.c.request_id.in_(sa.select(_o.c.request_id).where(_o.c.owner_unit == seat.unit_id))
    return sa.true()


def _for(seat: Seat) -> sa.ColumnElement[bool]:
    mine = sa.and_(_s.c.role.in_(sorted(seat.roles)), _s.c.unit_id.in_(("", seat.unit_id)), _s.c.delegate.is_(None))
    return sa.and_(_s.c.state == "open", sa.or_(mine, _s.c.delegate == seat.person_id))


async def waiting_for(tx: Tx, seat: Seat, request_ids: Collection[str]) -> frozenset[str]:
    """Those of `request_ids` whose open step the seat may take."""
    if not request_ids:
        return frozenset()
    statement = sa.select(_s.c.request_id).where(_s.c.request_id.in_(sorted(request_ids)), _for(seat)).distinct()
    return frozenset((await tx.execute(statement)).scalars().all())


async def list_due(tx: Tx, now: int, limit: int) -> list[str]:
    """Requests whose running clock has ended at `now`."""
    statement = (
        sa.select(_r.c.request_id)
        .where(_r.c.due_at.is_not(None), _r.c.due_at <= now)
        .order_by(_r.c.due_at)
        .limit(limit)
    )
    return list((await tx.execute(statement)).scalars().all())


async def list_running_out(tx: Tx, now: int, until: int, limit: int) -> list[tuple[str, int]]:
    """Open steps whose clock ends before `until` and about which nobody was reminded yet: (request, n)."""
    statement = (
        sa.select(_s.c.request_id, _s.c.n)
        .where(_s.c.state == "open", _s.c.due_at > now, _s.c.due_at <= until, _s.c.reminded_at.is_(None))
        .order_by(_s.c.due_at)
        .limit(limit)
    )
    return [(row.request_id, row.n) for row in (await tx.execute(statement)).all()]


async def set_reminded(tx: Tx, request_id: str, n: int) -> bool:
    """True once for each step: the caller reminds its people."""
    changed = await tx.execute(
        sa.update(_s)
        .where(_s.c.request_id == request_id, _s.c.n == n, _s.c.state == "open", _s.c.reminded_at.is_(None))
        .values(reminded_at=tx.now)
    )
    return bool(changed.rowcount)


async def approved_for(tx: Tx, approver: str, requester: str, since: int) -> bool:
    """Whether `approver` signed a request of `requester` at or after `since` (ring approval, finding R04)."""
    statement = (
        sa.select(_e.c.n)
        .join(_r, _r.c.request_id == _e.c.request_id)
        .where(
            _e.c.actor == approver, _e.c.act.in_(("endorse", "approve")), _e.c.at >= since, _r.c.requester == requester
        )
        .limit(1)
    )
    return (await tx.execute(statement)).first() is not None


async def people_in_unit(tx: Tx, people: Collection[str], unit_id: str) -> list[str]:
    """Those of `people` who sit in a unit."""
    p = parties.person
    statement = sa.select(p.c.person_id).where(p.c.person_id.in_(sorted(people)), p.c.unit_id == unit_id)
    return list((await tx.execute(statement)).scalars().all())


async def add_attachment(tx: Tx, attachment: Attachment) -> None:
    """The sealed attachment is on file."""
    await tx.execute(sa.insert(t.attachment), asdict(attachment))


async def list_attachments(tx: Tx, request_id: str) -> list[Attachment]:
    """The attachments of a request, oldest first."""
    a = t.attachment
    statement = sa.select(a).where(a.c.request_id == request_id).order_by(a.c.added_at, a.c.attachment_id)
    return [Attachment(**row) for row in (await tx.execute(statement)).mappings().all()]


async def get_attachment(tx: Tx, request_id: str, attachment_id: str) -> Attachment:
    """The attachment of this request. Raises `Problem(not-found)`."""
    a = t.attachment
    statement = sa.select(a).where(a.c.request_id == request_id, a.c.attachment_id == attachment_id)
    row = (await tx.execute(statement)).mappings().first()
    if row is None:
        raise Problem(NOT_FOUND, field="attachment_id")
    return Attachment(**row)


def _columns(request: AccessRequest) -> dict[str, Any]:
    return {
        "requester": request.requester, "requester_unit": request.requester_unit,
        "requester_institution": request.requester_institution, "state": request.state, "purpose": request.purpose,
        "content": request_text(request), "due_at": request.due or None,
    }  # fmt: skip


async def _add_event(tx: Tx, request_id: str, n: int, passage: Passage) -> None:
    await tx.execute(_ADD_EVENT, {"request_id": request_id, "n": n, **asdict(passage)})


async def _set_steps(tx: Tx, before: AccessRequest, after: AccessRequest) -> None:
    if not after.steps and not before.steps:
        return
    kept = {(row.role, row.unit_id): row for row in await list_steps(tx, after.id)}
    if before.revision != after.revision:
        kept = {}
    await tx.execute(sa.delete(_s).where(_s.c.request_id == after.id))
    rows = []
    for n, view in enumerate(step_views(after)):
        state = "skipped" if after.state in FINAL_STATES and view.state in ("waiting", "open") else view.state
        old = kept.get((view.step.role, view.step.unit))
        goes_on = old is not None and old.state == state == "open"
        rows.append({
            "request_id": after.id, "n": n, "role": view.step.role, "unit_id": view.step.unit, "state": state,
            "delegate": old.delegate if old else None, "delegated_by": old.delegated_by if old else None,
            "due_at": after.due if state == "open" else None,
            "reminded_at": old.reminded_at if old and goes_on else None,
        })  # fmt: skip
    if rows:
        await tx.execute(_ADD_STEP, rows)


def seat_of(person_id: str, unit_id: str, roles: Collection[str]) -> Seat:
    """The seat of a person."""
    return Seat(person_id, unit_id, frozenset(roles))


def page_key(stored: Sequence[Stored]) -> str:
    """What continues a list after its last row."""
    last = stored[-1].request
    return f"{last.created_at}.{last.id}"
