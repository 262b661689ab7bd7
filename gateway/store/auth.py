"""Passwords, second factors, attempts, client keys, identities. Rows in, dataclasses out; nothing in clear."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from gateway.domain.assertion import PublicKey
from gateway.domain.throttle import Attempts
from gateway.errors import Problem
from gateway.store.db import Tx
from gateway.store.parties import ALREADY_EXISTS
from gateway.store.tables import auth as t


@dataclass(frozen=True, slots=True)
class Password:
    hash: str
    must_change: bool


@dataclass(frozen=True, slots=True)
class SecondFactor:
    sealed: bytes
    confirmed_at: int | None
    last_step: int


@dataclass(frozen=True, slots=True)
class KeptFlow:
    """An OIDC sign-in under way, without what the browser holds."""

    binding_digest: bytes
    nonce: str
    verifier: str
    return_to: str
    expires_at: int


async def find_password(tx: Tx, person_id: str) -> Password | None:
    row = (
        (
            await tx.execute(
                sa.select(t.password.c.hash, t.password.c.must_change).where(t.password.c.person_id == person_id)
            )
        )
        .mappings()
        .first()
    )
    return None if row is None else Password(row["hash"], bool(row["must_change"]))


async def set_password(tx: Tx, person_id: str, hashed: str, *, must_change: bool) -> None:
    values = {"hash": hashed, "must_change": must_change, "set_at": tx.now}
    await _put(tx, t.password, {"person_id": person_id}, values)


async def set_password_rehashed(tx: Tx, person_id: str, old: str, new: str) -> None:
    """The same password under today's parameters, unless it was changed meanwhile."""
    await tx.execute(
        sa.update(t.password).where(t.password.c.person_id == person_id, t.password.c.hash == old).values(hash=new)
    )


async def remove_password(tx: Tx, person_id: str) -> None:
    await tx.execute(sa.delete(t.password).where(t.password.c.person_id == person_id))


async def find_second_factor(tx: Tx, person_id: str) -> SecondFactor | None:
    c = t.second_factor.c
    row = (
        (await tx.execute(sa.select(c.sealed, c.confirmed_at, c.last_step).where(c.person_id == person_id)))
        .mappings()
        .first()
    )
    return None if row is None else SecondFactor(bytes(row["sealed"]), row["confirmed_at"], row["last_step"])


async def set_second_factor(tx: Tx, person_id: str, sealed: bytes) -> None:
    """Enrolled anew; it counts once a code has been shown."""
    values = {"sealed": sealed, "confirmed_at": None, "last_step": 0, "created_at": tx.now}
    await _put(tx, t.second_factor, {"person_id": person_id}, values)


async def remove_second_factor(tx: Tx, person_id: str) -> bool:
    return bool((await tx.execute(sa.delete(t.second_factor).where(t.second_factor.c.person_id == person_id))).rowcount)


async def use_step(tx: Tx, person_id: str, step: int, *, confirm: bool = False) -> bool:
    """True when `step` is newer than every step used before; it is used now. Two at once: one wins."""
    values: dict[str, Any] = {"last_step": step} | ({"confirmed_at": tx.now} if confirm else {})
    changed = await tx.execute(
        sa.update(t.second_factor)
        .where(t.second_factor.c.person_id == person_id, t.second_factor.c.last_step < step)
        .values(values)
    )
    return bool(changed.rowcount)


async def find_attempts(tx: Tx, subject: bytes) -> Attempts:
    """What is remembered. The row is locked until the transaction ends: attempts at once are counted one by one."""
    await _added(tx, t.attempt, {"subject": subject, "failures": 0, "last_at": tx.now, "locked_until": 0})
    c = t.attempt.c
    wanted = sa.select(c.failures, c.last_at, c.locked_until).where(c.subject == subject).with_for_update()
    row = (await tx.execute(wanted)).mappings().one()
    return Attempts(row["failures"], row["last_at"], row["locked_until"])


async def set_attempts(tx: Tx, subject: bytes, attempts: Attempts) -> None:
    values = {"failures": attempts.failures, "last_at": attempts.last_at, "locked_until": attempts.locked_until}
    await _put(tx, t.attempt, {"subject": subject}, values)


async def add_client_key(tx: Tx, person_id: str, key: PublicKey, by: str) -> None:
    """Registered. Raises `Problem(already-exists)` for a key that this account has or once had."""
    values = {
        "person_id": person_id,
        "kid": key.kid,
        "jwk": key.jwk,
        "algorithm": key.algorithm,
        "created_by": by,
        "created_at": tx.now,
    }
    if not await _added(tx, t.client_key, values):
        raise Problem(ALREADY_EXISTS, field="jwk")


async def list_client_keys(tx: Tx, person_id: str, *, live: bool = False) -> list[Any]:
    """Rows with `kid, jwk, algorithm, created_at, revoked_at`, oldest first."""
    statement = (
        sa.select(t.client_key)
        .where(t.client_key.c.person_id == person_id)
        .order_by(t.client_key.c.created_at, t.client_key.c.kid)
    )
    if live:
        statement = statement.where(t.client_key.c.revoked_at.is_(None))
    return list((await tx.execute(statement)).mappings())


async def set_client_keys_revoked(tx: Tx, person_id: str, kid: str | None = None) -> int:
    """This key, or every key of the account, no longer counts; returns how many did until now."""
    statement = sa.update(t.client_key).where(
        t.client_key.c.person_id == person_id, t.client_key.c.revoked_at.is_(None)
    )
    if kid is not None:
        statement = statement.where(t.client_key.c.kid == kid)
    return int((await tx.execute(statement.values(revoked_at=tx.now))).rowcount)


async def use_assertion(tx: Tx, use: bytes, expires_at: int) -> bool:
    """True when this assertion is new; it is used now. Two at once: one wins."""
    return await _added(tx, t.assertion, {"digest": use, "expires_at": expires_at})


async def link_identity(tx: Tx, issuer: str, subject: str, person_id: str, by: str) -> None:
    """`(issuer, subject)` is this person. Raises `Problem(already-exists)` when it is anybody already."""
    values = {"issuer": issuer, "subject": subject, "person_id": person_id, "linked_by": by, "linked_at": tx.now}
    if not await _added(tx, t.identity, values):
        raise Problem(ALREADY_EXISTS, field="subject")


async def find_identity(tx: Tx, issuer: str, subject: str) -> str | None:
    c = t.identity.c
    return (await tx.execute(sa.select(c.person_id).where(c.issuer == issuer, c.subject == subject))).scalar()


async def remove_identities(tx: Tx, person_id: str) -> int:
    return int((await tx.execute(sa.delete(t.identity).where(t.identity.c.person_id == person_id))).rowcount)


async def add_flow(tx: Tx, state_digest: bytes, flow: KeptFlow) -> None:
    values = {
        "state_digest": state_digest, "binding_digest": flow.binding_digest, "nonce": flow.nonce,
        "verifier": flow.verifier,
        "return_to": flow.return_to, "created_at": tx.now, "expires_at": flow.expires_at,
    }  # fmt: skip
    await tx.execute(sa.insert(t.oidc_flow), values)


async def take_flow(tx: Tx, state_digest: bytes) -> KeptFlow | None:
    """The flow, which is gone now: a state counts once. None for an unknown one or one that has run out."""
    c = t.oidc_flow.c
    row = (await tx.execute(sa.select(t.oidc_flow).where(c.state_digest == state_digest))).mappings().first()
    gone = await tx.execute(sa.delete(t.oidc_flow).where(c.state_digest == state_digest))
    if row is None or not gone.rowcount or row["expires_at"] <= tx.now:
        return None
    return KeptFlow(bytes(row["binding_digest"]), row["nonce"], row["verifier"], row["return_to"], row["expires_at"])


async def forget_stale(tx: Tx, *, ended_before: int, tried_before: int) -> int:
    """Tokens that ended before `ended_before`, and flows, assertions and attempts of before `tried_before`, are gone.

    Returns how many rows.
    """
    gone = 0
    for column, before in (
        (t.token.c.expires_at, ended_before),
        (t.one_time.c.expires_at, ended_before),
        (t.oidc_flow.c.expires_at, tried_before),
        (t.assertion.c.expires_at, tried_before),
        (t.attempt.c.last_at, tried_before),
    ):
        gone += int((await tx.execute(sa.delete(column.table).where(column < before))).rowcount)
    return gone


async def _put(tx: Tx, table: sa.Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    # Both SQLite and PostgreSQL know the clause; two at once end as one after the other.
    row = postgresql.insert(table).values({**key, **values})
    await tx.execute(row.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


async def _added(tx: Tx, table: sa.Table, values: Mapping[str, Any]) -> bool:
    """True when the row is new; False, and nothing happened, when its key was taken."""
    return bool((await tx.execute(postgresql.insert(table).values(dict(values)).on_conflict_do_nothing())).rowcount)
