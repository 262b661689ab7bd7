"""What the ways of signing in share: counting attempts, opening a session, the principal behind a token."""

import hashlib
from dataclasses import dataclass, field
from typing import get_args

import pyotp
from pydantic import SecretStr

from gateway.domain.ids import random_id
from gateway.domain.parties import Person
from gateway.domain.principal import Principal
from gateway.domain.throttle import SECOND, counted, excused, wait
from gateway.domain.tokens import Minted, csrf_of, mint
from gateway.errors import declare
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.parties import PersonOut
from gateway.schemas.sessions import Must, SignedIn
from gateway.store import auth as store
from gateway.store import tokens
from gateway.store.db import Tx
from gateway.store.parties import Standing
from gateway.store.tokens import Token
from gateway.usecases._door import door_of

SIGN_IN_DELAYED = declare(
    "sign-in-delayed", "too-many",
    zh="失败次数过多,暂时不能登录", en="Too many failed attempts: sign-in is delayed",
    remedy_zh="请按 Retry-After 所示秒数后再试", remedy_en="Try again after the seconds named by Retry-After",
)  # fmt: skip
_PER_ADDRESS = 6  # an office behind one address may fail this many times as often as a person
_STEP = 30  # seconds of a one-time code (RFC 6238, 4)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a request brought along: a token, by cookie or by header, and where from."""

    token: str = field(repr=False)
    by_cookie: bool
    source_address: str
    channel: str


def principal_of(standing: Standing, token: Token, credentials: Credentials) -> Principal:
    """The person as the bearer of this token."""
    person = standing.person
    return Principal(
        id=person.person_id, kind=person.kind, login=person.login, name=person.name, unit_id=person.unit_id,
        institution_id=person.institution_id, institution_kind=standing.institution_kind, roles=person.roles,
        side=person.side, clearance=person.clearance, trained_until=person.trained_until, active=standing.active,
        generation=person.generation, staff_no=person.staff_no or "", locale=person.locale,
        channel=credentials.channel if person.kind == "person" else "api",
        source_address=credentials.source_address, session_id=token.token_id, must=token.must,
        csrf=csrf_of(credentials.token) if credentials.by_cookie else "",
    )  # fmt: skip


def matching_step(secret: str, code: str, now: int) -> int | None:
    """The time step whose code this is: the present one, or the one before or after it (RFC 6238, 5.2). Else None."""
    present, found, totp = now // SECOND // _STEP, None, pyotp.TOTP(secret)
    for step in (present - 1, present, present + 1):
        if pyotp.utils.strings_equal(totp.at(step * _STEP), code):
            found = step
    return found


async def open_session(gw: Gateway, tx: WriteTx, by: Principal, standing: Standing, method: str) -> SignedIn:
    """A session that begins with this transaction. A session whose cookie came along is ended: none is taken over."""
    person, minted = standing.person, mint("session")
    must = await what_first(gw, tx, person.person_id, by_password=method.startswith("password"))
    settings = gw.settings
    token = Token(
        token_id=random_id(), kind="session", person_id=person.person_id, label="", hint="", method=method, must=must,
        source_address=by.source_address[:45], created_by=person.person_id, created_at=tx.now, seen_at=tx.now,
        idle_us=settings.session_idle * SECOND, expires_at=tx.now + settings.session_absolute * SECOND,
    )  # fmt: skip
    await tokens.add_token(tx, minted.digest, token)
    if by.session_id:
        await tokens.set_token_revoked(tx, by.session_id)
        tx.after_commit(lambda: door_of(gw).forget(token_id=by.session_id))
    credentials = Credentials(minted.text, True, by.source_address, by.channel)
    principal = principal_of(standing, token, credentials)
    tx.record(event_of(principal, "sign-in:succeeded", tx.now, target_kind="person", target_id=person.person_id,
                       outcome="done", details={"method": method}))  # fmt: skip
    return _signed_in(standing, token, minted)


def _signed_in(standing: Standing, token: Token, minted: Minted) -> SignedIn:
    return SignedIn(
        person=person_out(standing.person), institution_kind=standing.institution_kind,
        csrf_token=csrf_of(minted.text), must=must_of(token.must), expires_at=token.expires_at,
        token=SecretStr(minted.text),
    )  # fmt: skip


async def what_first(gw: Gateway, tx: Tx, person_id: str, *, by_password: bool) -> str:
    """What this person has to do before anything else; "" for nothing."""
    if by_password:
        kept = await store.find_password(tx, person_id)
        if kept is not None and kept.must_change:
            return "change-password"
        if gw.settings.require_totp:
            factor = await store.find_second_factor(tx, person_id)
            if factor is None or factor.confirmed_at is None:
                return "enrol-totp"
    return ""


async def count_attempt(gw: Gateway, tx: WriteTx, login: str, address: str) -> int:
    """The attempt counts against login and address; or, while either is locked, the seconds left, and it does not."""
    allowed = gw.settings.lockout_failures
    found = [
        (subject, limit, await store.find_attempts(tx, subject))
        for subject, limit in _subjects(login, address, allowed)
    ]
    delay = max(wait(attempts, tx.now) for _, _, attempts in found)
    if not delay:
        for subject, limit, attempts in found:
            await store.set_attempts(tx, subject, counted(attempts, limit, tx.now))
    return delay


async def excuse_attempt(tx: WriteTx, login: str, address: str, *, wholly: bool) -> None:
    by_login, by_address = (subject for subject, _ in _subjects(login, address, 1))
    kept = await store.find_attempts(tx, by_login)
    forgiven = excused(kept)
    while wholly and forgiven.failures:
        forgiven = excused(forgiven)
    await store.set_attempts(tx, by_login, forgiven)
    await store.set_attempts(tx, by_address, excused(await store.find_attempts(tx, by_address)))


def _subjects(login: str, address: str, allowed: int) -> tuple[tuple[bytes, int], tuple[bytes, int]]:
    def digest(text: str) -> bytes:
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()

    return (digest(f"login:{login}"), allowed), (digest(f"address:{address}"), allowed * _PER_ADDRESS)


def person_out(person: Person) -> PersonOut:
    """The person on the wire."""
    names = PersonOut.model_fields.keys() - {"roles"}
    return PersonOut(**{name: getattr(person, name) for name in names}, roles=tuple(sorted(person.roles)))


def must_of(text: str) -> Must:
    for known in get_args(Must):
        if text == known:
            return known  # type: ignore[no-any-return]
    raise ValueError(f"{text!r} is nothing that must be done")
