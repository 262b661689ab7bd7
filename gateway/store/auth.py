"""Passwords, second factors, tokens, attempts, client keys, identities. Rows in, dataclasses out; nothing in clear."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from gateway.domain.assertion import PublicKey
from gateway.domain.throttle import Attempts
from gateway.errors import NOT_FOUND, Problem
from gateway.store.db import Tx
from gateway.store.parties import ALREADY_EXISTS, STANDING_COLUMNS, STANDING_FROM, Standing, standing_of
from gateway.store.tables import auth as t
from gateway.store.tables.parties import person


@dataclass(frozen=True, slots=True)
class Token:
    """A token as stored. Times: microseconds since the epoch, UTC; `idle_us` 0: disuse does not end it."""

    token_id: str
    kind: str
    person_id: str
    label: str
    hint: str
    method: str
    must: str
    source_address: str
    created_by: str
    created_at: int
    seen_at: int
    idle_us: int
    expires_at: int
    revoked_at: int | None = None

    def live(self, now: int) -> bool:
        """Whether it still counts at `now`."""
        idle = bool(self.idle_us) and now >= self.seen_at + self.idle_us
        return self.revoked_at is None and now < self.expires_at and not idle


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


_TOKEN = tuple(c for c in t.token.c if c.name != "digest")
_TOKEN_NAMES = tuple(c.name for c in _TOKEN)
# The names that a token and its person have in common stand under the token's prefix.
_BY_DIGEST = (
    sa.select(*(c.label(f"token_{c.name}") for c in _TOKEN), *STANDING_COLUMNS)
    .select_from(STANDING_FROM.join(t.token, t.token.c.person_id == person.c.person_id))
    .where(t.token.c.digest == sa.bindparam("digest"))
)


async def find_token(tx: Tx, digest: bytes) -> tuple[Token, Standing] | None:
    """The token and the standing of its person, in one read by the primary key."""
    rows = (await tx.execute(_BY_DIGEST, {"digest": digest})).mappings().all()
    standing = standing_of(rows)
    if standing is None:
        return None
    return Token(**{name: rows[0][f"token_{name}"] for name in _TOKEN_NAMES}), standing


async def add_token(tx: Tx, digest: bytes, token: Token) -> None:
    await tx.execute(sa.insert(t.token), {name: getattr(token, name) for name in _TOKEN_NAMES} | {"digest": digest})


async def get_token(tx: Tx, token_id: str) -> Token:
    row = (await tx.execute(sa.select(*_TOKEN).where(t.token.c.token_id == token_id))).mappings().first()
    if row is None:
        raise Problem(NOT_FOUND)
    return Token(**row)


async def list_tokens(
    tx: Tx,
    person_id: str,
    *,
    kinds: tuple[str, ...],
    after: str | None = None,
    limit: int = 1000,
    live_at: int | None = None,
) -> list[Token]:
    """By identifier; `live_at` leaves out what no longer counts then."""
    statement = (
        sa.select(*_TOKEN)
        .where(t.token.c.person_id == person_id, t.token.c.kind.in_(kinds))
        .order_by(t.token.c.token_id)
        .limit(limit)
    )
    if live_at is not None:
        used = sa.or_(t.token.c.idle_us == 0, t.token.c.seen_at + t.token.c.idle_us > live_at)
        statement = statement.where(t.token.c.revoked_at.is_(None), t.token.c.expires_at > live_at, used)
    if after is not None:
        statement = statement.where(t.token.c.token_id > after)
    return [Token(**row) for row in (await tx.execute(statement)).mappings()]


async def set_token_revoked(tx: Tx, token_id: str) -> bool:
    """The token no longer counts from this commit on; False when it had been revoked before."""
    return bool((await tx.execute(_revoke().where(t.token.c.token_id == token_id).values(revoked_at=tx.now))).rowcount)


async def set_tokens_revoked(tx: Tx, person_id: str, *, kinds: tuple[str, ...], but: str = "") -> int:
    """No token of these kinds counts any more for this person, except `but`; returns how many there were."""
    statement = _revoke().where(t.token.c.person_id == person_id, t.token.c.kind.in_(kinds), t.token.c.token_id != but)
    return int((await tx.execute(statement.values(revoked_at=tx.now))).rowcount)


def _revoke() -> sa.Update:
    return sa.update(t.token).where(t.token.c.revoked_at.is_(None))


async def set_token_seen(tx: Tx, token_id: str) -> None:
    """Used just now."""
    await tx.execute(
        sa.update(t.token).where(t.token.c.token_id == token_id, t.token.c.seen_at < tx.now).values(seen_at=tx.now)
    )


async def set_token_must(tx: Tx, token_id: str, must: str) -> None:
    await tx.execute(sa.update(t.token).where(t.token.c.token_id == token_id).values(must=must))


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


async def add_one_time(tx: Tx, digest: bytes, person_id: str, by: str, expires_at: int) -> None:
    """Handed out; every one handed out to this person before is void."""
    await tx.execute(
        sa.update(t.one_time)
        .where(t.one_time.c.person_id == person_id, t.one_time.c.used_at.is_(None))
        .values(used_at=tx.now)
    )
    values = {
        "digest": digest,
        "person_id": person_id,
        "created_by": by,
        "created_at": tx.now,
        "expires_at": expires_at,
    }
    await tx.execute(sa.insert(t.one_time), values)


async def use_one_time(tx: Tx, digest: bytes) -> str | None:
    """The person it was made for, if it counts; it never will again. Two at once: one wins."""
    used = await tx.execute(
        sa.update(t.one_time)
        .where(t.one_time.c.digest == digest, t.one_time.c.used_at.is_(None), t.one_time.c.expires_at > tx.now)
        .values(used_at=tx.now)
    )
    if not used.rowcount:
        return None
    return str((await tx.execute(sa.select(t.one_time.c.person_id).where(t.one_time.c.digest == digest))).scalar())


async def find_one_time(tx: Tx, digest: bytes) -> str | None:
    """The person a one-time token that counts was made for."""
    c = t.one_time.c
    return (
        await tx.execute(sa.select(c.person_id).where(c.digest == digest, c.used_at.is_(None), c.expires_at > tx.now))
    ).scalar()


async def void_one_times(tx: Tx, person_id: str) -> None:
    await tx.execute(
        sa.update(t.one_time)
        .where(t.one_time.c.person_id == person_id, t.one_time.c.used_at.is_(None))
        .values(used_at=tx.now)
    )


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


async def forget_stale(tx: Tx, keep_from: int) -> int:
    """Tokens, flows, assertions and attempts that ended before `keep_from` are gone; returns how many rows."""
    gone = 0
    for table, column in (
        (t.token, t.token.c.expires_at),
        (t.one_time, t.one_time.c.expires_at),
        (t.oidc_flow, t.oidc_flow.c.expires_at),
        (t.assertion, t.assertion.c.expires_at),
        (t.attempt, t.attempt.c.last_at),
    ):
        gone += int((await tx.execute(sa.delete(table).where(column < keep_from))).rowcount)
    return gone


async def _put(tx: Tx, table: sa.Table, key: Mapping[str, Any], values: Mapping[str, Any]) -> None:
    # Both SQLite and PostgreSQL know the clause; two at once end as one after the other.
    row = postgresql.insert(table).values({**key, **values})
    await tx.execute(row.on_conflict_do_update(index_elements=list(key), set_=dict(values)))


async def _added(tx: Tx, table: sa.Table, values: Mapping[str, Any]) -> bool:
    """True when the row is new; False, and nothing happened, when its key was taken."""
    return bool((await tx.execute(postgresql.insert(table).values(dict(values)).on_conflict_do_nothing())).rowcount)
