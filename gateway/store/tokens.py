"""Tokens: sessions, API keys, access tokens, one-time tokens. Known by their digests alone."""

from dataclasses import dataclass

import sqlalchemy as sa

from gateway.errors import NOT_FOUND, Problem
from gateway.store.db import Tx
from gateway.store.parties import STANDING_COLUMNS, STANDING_FROM, Standing, standing_of
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
    found = await tx.execute(sa.select(t.token.c.person_id).where(t.token.c.token_id == token_id))
    await set_generation_raised(tx, str(found.scalar()))
    return bool((await tx.execute(_revoke().where(t.token.c.token_id == token_id).values(revoked_at=tx.now))).rowcount)


async def set_tokens_revoked(tx: Tx, person_id: str, *, kinds: tuple[str, ...], but: str = "") -> int:
    """No token of these kinds counts any more for this person, except `but`; returns how many there were."""
    await set_generation_raised(tx, person_id)
    statement = _revoke().where(t.token.c.person_id == person_id, t.token.c.kind.in_(kinds), t.token.c.token_id != but)
    return int((await tx.execute(statement.values(revoked_at=tx.now))).rowcount)


async def set_generation_raised(tx: Tx, person_id: str) -> None:
    """What any replica remembers of this person's tokens or rights is out of date."""
    await tx.execute(
        sa.update(person).where(person.c.person_id == person_id).values(generation=person.c.generation + 1)
    )


def _revoke() -> sa.Update:
    return sa.update(t.token).where(t.token.c.revoked_at.is_(None))


async def set_token_seen(tx: Tx, token_id: str) -> None:
    """Used just now."""
    await tx.execute(
        sa.update(t.token).where(t.token.c.token_id == token_id, t.token.c.seen_at < tx.now).values(seen_at=tx.now)
    )


async def set_token_must(tx: Tx, token_id: str, must: str) -> None:
    await tx.execute(sa.update(t.token).where(t.token.c.token_id == token_id).values(must=must))


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
