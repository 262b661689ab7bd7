"""Clients and records as they are written: one by one, in staged chunks, and the one flip that activates a chunked upload."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from gateway.errors import NOT_FOUND, Problem
from gateway.store import blind
from gateway.store.db import Tx
from gateway.store.tables import access, keys, records

_c, _r, _v, _k, _b = records.client, records.record, records.record_version, keys.data_key, records.blind_index


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A record's row; `state` staged or active."""

    record_id: str
    client_id: str
    owner_unit: str
    owner_institution: str
    field_group: str
    state: str
    generation: int
    fields: str
    open_values: str | None
    sealed: bytes | None
    natural_key: bytes
    content_key: bytes
    upload_id: str | None
    created_by: str
    created_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class Version:
    """What a record was at one generation, for its history; for staged changes, what it will be."""

    record_id: str
    generation: int
    act: str
    reason: str
    fields: str
    open_values: str | None
    sealed: bytes | None
    wrapped: bytes | None
    key_id: str | None
    content_key: bytes
    upload_id: str | None
    actor: str
    at: int


@dataclass(frozen=True, slots=True)
class Known:
    """What an import must know about a record that is there already."""

    record_id: str
    client_id: str
    natural_key: bytes
    content_key: bytes | None
    generation: int
    state: str


async def clients_by_uscc(tx: Tx, codes: Iterable[str]) -> dict[str, str]:
    """Client ids by code, of those that are registered."""
    wanted = list(set(codes))
    if not wanted:
        return {}
    found = await tx.execute(sa.select(_c.c.uscc, _c.c.client_id).where(_c.c.uscc.in_(wanted)))
    return {str(row.uscc): str(row.client_id) for row in found.all()}


async def find_client(tx: Tx, client_id: str) -> Any | None:
    """The client's row, whoever asks."""
    return (await tx.execute(sa.select(_c).where(_c.c.client_id == client_id))).mappings().first()


async def similar_clients(tx: Tx, name_key: str) -> int:
    """How many registered clients have the same normalised name."""
    return int((await tx.execute(sa.select(sa.func.count()).where(_c.c.name_key == name_key))).scalar() or 0)


async def add_clients(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await tx.execute(sa.insert(_c), list(rows))


async def add_missing_clients(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """Those whose codes nobody registered are there; the others stay as they are."""
    names = list(rows[0])
    statement = sa.text(
        f"INSERT INTO client ({', '.join(names)}) VALUES ({', '.join(':' + name for name in names)}) ON CONFLICT DO NOTHING"
    )
    await tx.execute(statement, list(rows))


async def set_client(tx: Tx, client_id: str, values: dict[str, Any]) -> None:
    """The client has `values`, one version on."""
    statement = sa.update(_c).where(_c.c.client_id == client_id)
    await tx.execute(statement.values(**values, updated_at=tx.now, version=_c.c.version + 1))


async def set_tags(tx: Tx, client_id: str, tags: Iterable[str]) -> None:
    """The client has exactly these tags."""
    named = sorted(set(tags))
    await tx.execute(sa.delete(records.client_tag).where(records.client_tag.c.client_id == client_id))
    if named:
        await tx.execute(sa.insert(records.client_tag), [{"tag": tag, "client_id": client_id} for tag in named])
    await tx.execute(sa.update(_c).where(_c.c.client_id == client_id).values(tags=" ".join(named)))


async def known_records(tx: Tx, owner_unit: str, group: str, natural_keys: Iterable[bytes]) -> dict[bytes, Known]:
    """The unit's records of the group with these natural keys, whatever their state."""
    wanted = list(natural_keys)
    if not wanted:
        return {}
    statement = sa.select(
        _r.c.record_id, _r.c.client_id, _r.c.natural_key, _r.c.content_key, _r.c.generation, _r.c.state
    ).where(_r.c.owner_unit == owner_unit, _r.c.field_group == group, _r.c.natural_key.in_(wanted))
    found = (await tx.execute(statement)).all()
    return {
        bytes(row.natural_key): Known(
            row.record_id,
            row.client_id,
            bytes(row.natural_key),
            bytes(row.content_key) if row.content_key else None,
            row.generation,
            row.state,
        )
        for row in found
    }


async def add_records(tx: Tx, rows: Sequence[NewRecord]) -> None:
    if rows:
        await tx.execute(sa.insert(_r), [asdict(row) for row in rows])


async def add_versions(tx: Tx, rows: Sequence[Version]) -> None:
    if rows:
        await tx.execute(sa.insert(_v), [asdict(row) for row in rows])


async def drop_staged(tx: Tx, upload_id: str) -> None:
    """Nothing of the upload is left that was not activated: neither records, changes, cards nor clients it brought."""
    changed = sa.select(_v.c.record_id).where(_v.c.upload_id == upload_id, _v.c.act == "staged")
    await blind.drop_staged(tx, changed)
    staged = sa.select(_r.c.record_id).where(_r.c.upload_id == upload_id, _r.c.state == "staged").scalar_subquery()
    for table in (_b, _k, _v):
        await tx.execute(sa.delete(table).where(table.c.record_id.in_(staged)))
    await tx.execute(sa.delete(_v).where(_v.c.upload_id == upload_id, _v.c.act == "staged"))
    await tx.execute(sa.delete(_r).where(_r.c.upload_id == upload_id, _r.c.state == "staged"))
    await tx.execute(sa.delete(records.upload_card).where(records.upload_card.c.upload_id == upload_id))
    mark = f"upload:{upload_id}"
    used = sa.select(_r.c.client_id).where(_r.c.client_id == _c.c.client_id).exists()
    await tx.execute(sa.delete(_c).where(_c.c.registered_by == mark, sa.not_(used)))
    owner = sa.select(sa.func.min(_r.c.owner_unit)).where(_r.c.client_id == _c.c.client_id).scalar_subquery()
    await tx.execute(sa.update(_c).where(_c.c.registered_by == mark).values(registered_by=owner))


async def activate(tx: Tx, upload_id: str, unit: str, *, institutional: bool) -> None:
    """Everything the upload staged is in force: one flip, in the caller's transaction."""
    ids = sa.select(_v.c.record_id).where(_v.c.upload_id == upload_id, _v.c.act == "staged")
    changed = ids.scalar_subquery()
    await blind.put_in_force(tx, ids)
    await tx.execute(
        sa.update(_r)
        .where(_r.c.upload_id == upload_id, _r.c.state == "staged")
        .values(state="active", updated_at=tx.now)
    )

    def staged(column: sa.Column[Any]) -> sa.ScalarSelect[Any]:
        return (
            sa.select(column)
            .where(_v.c.record_id == _r.c.record_id, _v.c.upload_id == upload_id, _v.c.act == "staged")
            .correlate(_r)
            .scalar_subquery()
        )

    await tx.execute(
        sa.update(_r)
        .where(_r.c.record_id.in_(changed))
        .values(
            state="active", sealed=staged(_v.c.sealed), open_values=staged(_v.c.open_values), fields=staged(_v.c.fields),
            generation=staged(_v.c.generation), content_key=staged(_v.c.content_key), upload_id=upload_id, updated_at=tx.now,
            ended_by=None, ended_reason=None, ended_at=None,
        )
    )  # fmt: skip

    # A generation has its own data key or, when all of it is open, none: the key before it must not stay either way.
    await tx.execute(sa.delete(_k).where(_k.c.record_id.in_(changed)))
    fresh = (
        sa.select(_v.c.record_id, _r.c.field_group, _v.c.generation, _v.c.key_id, _v.c.wrapped)
        .join(_r, _r.c.record_id == _v.c.record_id)
        .where(_v.c.upload_id == upload_id, _v.c.act == "staged", _v.c.wrapped.is_not(None))
    )
    names = ["record_id", "compartment", "generation", "key_id", "wrapped"]
    await tx.execute(sa.insert(_k).from_select(names, fresh))
    await tx.execute(sa.update(_v).where(_v.c.upload_id == upload_id, _v.c.act == "staged").values(act="imported"))
    mark = f"upload:{upload_id}"
    brought = _c.c.registered_by == mark
    await tx.execute(
        sa.update(_c).where(brought).values(registered_by=unit, institutional=institutional, updated_at=tx.now)
    )
    if institutional:  # a department's records about a client make it the firm's, whoever brought its name in first
        about = sa.select(_r.c.client_id).where(_r.c.upload_id == upload_id, _r.c.state == "active")
        firms = sa.and_(_c.c.client_id.in_(about), _c.c.natural_person.is_(False), _c.c.institutional.is_(False))
        await tx.execute(sa.update(_c).where(firms).values(institutional=True, updated_at=tx.now))


async def set_park(tx: Tx, upload_id: str, park_id: str) -> None:
    """Clients that the upload is about, that have no park and are not the firm's, are this park's tenants.

    A park cannot claim the firm's clients: that would widen every grant whose scope is the park to what others hold of
    them. Their park is for the firm to say.
    """
    about = sa.select(_r.c.client_id).where(_r.c.upload_id == upload_id)
    free = sa.and_(_c.c.park_id.is_(None), _c.c.institutional.is_(False))
    await tx.execute(sa.update(_c).where(free, _c.c.client_id.in_(about)).values(park_id=park_id))


async def stage_card(tx: Tx, upload_id: str, client_id: str, content: str) -> None:
    """The card waits; a later row about the same client replaces it."""
    t = records.upload_card
    here = sa.and_(t.c.upload_id == upload_id, t.c.client_id == client_id)
    if not (await tx.execute(sa.update(t).where(here).values(content=content))).rowcount:
        await tx.execute(sa.insert(t), {"upload_id": upload_id, "client_id": client_id, "content": content})


async def staged_cards(tx: Tx, upload_id: str, after: str, limit: int) -> list[tuple[str, str]]:
    t = records.upload_card
    statement = sa.select(t.c.client_id, t.c.content).where(t.c.upload_id == upload_id, t.c.client_id > after)
    return [
        (str(row.client_id), str(row.content))
        for row in (await tx.execute(statement.order_by(t.c.client_id).limit(limit))).all()
    ]


async def get_record(tx: Tx, record_id: str, owner_unit: str) -> Any:
    """The unit's own record; `Problem(not-found)` for any other, whether or not it exists."""
    statement = sa.select(_r).where(_r.c.record_id == record_id, _r.c.owner_unit == owner_unit, _r.c.state != "staged")
    row = (await tx.execute(statement)).mappings().first()
    if row is None:
        raise Problem(NOT_FOUND, field="record_id")
    return row


async def set_record(tx: Tx, record_id: str, generation: int, values: dict[str, Any]) -> bool:
    """`values` stand when the record is still at `generation`, and neither restricted nor erased; else False."""
    here = (_r.c.record_id == record_id, _r.c.generation == generation, _r.c.state.not_in(("restricted", "erased")))
    return bool((await tx.execute(sa.update(_r).where(*here).values(**values))).rowcount)


async def history(tx: Tx, record_id: str) -> list[Any]:
    """Every generation, newest first, without values; the withdrawal, if it is withdrawn, before them."""
    columns = (_v.c.generation, _v.c.act, _v.c.actor, _v.c.reason, _v.c.at)
    statement = sa.select(*columns).where(_v.c.record_id == record_id, _v.c.act != "staged")
    rows: list[Any] = list((await tx.execute(statement.order_by(_v.c.generation.desc()))).mappings().all())
    ended = sa.select(
        _r.c.generation, sa.literal("withdrawn").label("act"), _r.c.ended_by.label("actor"),
        _r.c.ended_reason.label("reason"), _r.c.ended_at.label("at"),
    ).where(_r.c.record_id == record_id, _r.c.state == "withdrawn", _r.c.ended_at.is_not(None))  # fmt: skip
    return [*(await tx.execute(ended)).mappings().all(), *rows]


async def receivers(tx: Tx, record_id: str) -> list[Any]:
    """The live grants that cover this record now, with their last use."""
    g, gi, gs = access.access_grant, access.grant_item, access.grant_scope
    scope = sa.or_(
        gs.c.scope == sa.literal("client:") + _c.c.client_id,
        gs.c.scope == sa.literal("park:") + _c.c.park_id,
        gs.c.scope.in_(
            sa.select(sa.literal("tag:") + records.client_tag.c.tag)
            .where(records.client_tag.c.client_id == _c.c.client_id)
            .correlate(_c)
        ),
    )
    statement = (
        sa.select(g.c.grant_id, g.c.grantee_unit, g.c.purpose, g.c.not_after, g.c.last_used_at)
        .select_from(
            _r.join(_c, _c.c.client_id == _r.c.client_id)
            .join(gs, sa.and_(gs.c.field_group == _r.c.field_group, scope))
            .join(g, g.c.grant_id == gs.c.grant_id)
            .join(gi, sa.and_(gi.c.grant_id == g.c.grant_id, gi.c.field_group == _r.c.field_group, gi.c.owner_unit == _r.c.owner_unit))
        )
        .where(_r.c.record_id == record_id, g.c.state == "active", g.c.not_before <= tx.now, g.c.not_after > tx.now)
        .distinct()
        .order_by(g.c.grant_id)
    )  # fmt: skip
    return list((await tx.execute(statement)).mappings().all())


async def count_records(tx: Tx, owner_unit: str, group: str) -> int:
    """Records of the unit in the group, for planning an index."""
    counted = sa.select(sa.func.count()).where(_r.c.owner_unit == owner_unit, _r.c.field_group == group)
    return int((await tx.execute(counted)).scalar() or 0)


# --- uploads


async def add_upload(tx: Tx, row: dict[str, Any]) -> None:
    await tx.execute(sa.insert(records.upload), row)


async def set_upload(tx: Tx, upload_id: str, **values: Any) -> None:
    await tx.execute(sa.update(records.upload).where(records.upload.c.upload_id == upload_id).values(**values))


async def get_upload(tx: Tx, upload_id: str, unit_id: str) -> Any:
    """The unit's own upload, else `Problem(not-found)`."""
    t = records.upload
    row = (await tx.execute(sa.select(t).where(t.c.upload_id == upload_id, t.c.unit_id == unit_id))).mappings().first()
    if row is None:
        raise Problem(NOT_FOUND, field="upload_id")
    return row


async def running_upload(tx: Tx, unit_id: str) -> str | None:
    t = records.upload
    statement = sa.select(t.c.upload_id).where(t.c.unit_id == unit_id, t.c.state == "running", t.c.dry_run.is_(False))
    return (await tx.execute(statement)).scalar()


async def running_uploads(tx: Tx) -> list[tuple[str, str]]:
    """Uploads that are being worked on, with the process that said so."""
    t = records.upload
    found = await tx.execute(sa.select(t.c.upload_id, t.c.replica).where(t.c.state == "running"))
    return [(row["upload_id"], row["replica"]) for row in found.mappings().all()]


async def list_uploads(tx: Tx, unit_id: str, after: str | None, limit: int) -> list[Any]:
    t = records.upload
    statement = sa.select(t).where(t.c.unit_id == unit_id)
    if after:
        statement = statement.where(t.c.upload_id < after)
    return list((await tx.execute(statement.order_by(t.c.upload_id.desc()).limit(limit))).mappings().all())


async def add_upload_errors(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        await tx.execute(sa.insert(records.upload_error), list(rows))


async def list_upload_errors(tx: Tx, upload_id: str, after: int, limit: int) -> list[Any]:
    t = records.upload_error
    statement = sa.select(t).where(t.c.upload_id == upload_id, t.c.n > after).order_by(t.c.n).limit(limit)
    return list((await tx.execute(statement)).mappings().all())


async def withdraw_upload(tx: Tx, upload_id: str, actor: str, reason: str) -> int:
    """Records that still stand as the upload brought them are withdrawn; returns how many."""
    here = sa.and_(_r.c.upload_id == upload_id, _r.c.state == "active")
    ended = {"state": "withdrawn", "updated_at": tx.now, "ended_by": actor, "ended_reason": reason, "ended_at": tx.now}
    return int((await tx.execute(sa.update(_r).where(here).values(**ended))).rowcount)


async def drop_staged_changes(tx: Tx, upload_id: str, record_ids: Iterable[str]) -> None:
    """What the upload staged for these records is gone: a later row of the same file takes its place."""
    named = list(record_ids)
    if named:
        await tx.execute(
            sa.delete(_v).where(_v.c.upload_id == upload_id, _v.c.act == "staged", _v.c.record_id.in_(named))
        )
