"""Idempotency claims, leases, settings of this installation, the outbox."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gateway.errors import CONFLICT, Problem
from gateway.store.db import Tx
from gateway.store.tables import operation as t

_CLAIM = sa.insert(t.idempotency)
_FIRST_LEASE = sa.text("INSERT INTO lease (name, holder, until) VALUES (:name, :holder, :until) ON CONFLICT DO NOTHING")


async def claim(tx: Tx, person_id: str, key: str, verb: str, digest: bytes, now: int) -> None:
    """The key is this act's from now on. Raises `Problem(conflict)` when a twin request was first."""
    row = {
        "person_id": person_id, "idempotency_key": key, "verb": verb, "body_digest": digest,
        "status": 0, "answer": b"", "created_at": now,
    }  # fmt: skip
    try:
        await tx.execute(_CLAIM, row)
    except IntegrityError as error:
        raise Problem(
            CONFLICT, detail_zh="同一幂等键的请求正在处理", detail_en="a request with this idempotency key is under way"
        ) from error


async def find_claim(tx: Tx, person_id: str, key: str) -> Any | None:
    """The claim with `verb, body_digest, status, answer`, or None. `status` 0: done, but the answer was not kept."""
    statement = sa.select(t.idempotency).where(
        t.idempotency.c.person_id == person_id, t.idempotency.c.idempotency_key == key
    )
    return (await tx.execute(statement)).mappings().first()


async def set_claim_answer(tx: Tx, person_id: str, key: str, status: int, answer: bytes) -> None:
    """The answer of the act is kept beside its key, to be given again."""
    statement = (
        sa.update(t.idempotency)
        .where(t.idempotency.c.person_id == person_id, t.idempotency.c.idempotency_key == key)
        .values(status=status, answer=answer)
    )
    await tx.execute(statement)


async def forget_claims(tx: Tx, before: int) -> int:
    """Claims older than `before` are gone; returns how many."""
    return int((await tx.execute(sa.delete(t.idempotency).where(t.idempotency.c.created_at < before))).rowcount)


async def take_lease(tx: Tx, name: str, holder: str, until: int) -> bool:
    """True when `holder` has the lease `name` until `until`: it was free, run out, or its own already."""
    renewed = await tx.execute(
        sa.update(t.lease)
        .where(t.lease.c.name == name, sa.or_(t.lease.c.holder == holder, t.lease.c.until < tx.now))
        .values(holder=holder, until=until)
    )
    if renewed.rowcount:
        return True
    held = (await tx.execute(sa.select(t.lease.c.holder).where(t.lease.c.name == name))).first()
    if held is not None:
        return False
    # Two replicas may find it free at once: the second waits for the first here, and then gets nothing.
    taken = await tx.execute(_FIRST_LEASE, {"name": name, "holder": holder, "until": until})
    return bool(taken.rowcount)


async def lease_holds(tx: Tx, name: str) -> bool:
    """Whether anybody has the lease now."""
    t_ = t.lease
    return (await tx.execute(sa.select(t_.c.holder).where(t_.c.name == name, t_.c.until >= tx.now))).first() is not None


async def find_setting(tx: Tx, name: str) -> str | None:
    return (await tx.execute(sa.select(t.setting.c.value).where(t.setting.c.name == name))).scalar()


async def set_setting(tx: Tx, name: str, value: str) -> None:
    changed = await tx.execute(sa.update(t.setting).where(t.setting.c.name == name).values(value=value))
    if not changed.rowcount:
        await tx.execute(sa.insert(t.setting), {"name": name, "value": value})
