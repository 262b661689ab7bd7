"""Who asks: signing in and out, and what stands behind a token.

A failed sign-in says the same, and takes as long, whatever was wrong. An attempt is counted before it is judged, so
that a thousand at once are a thousand.
"""

from audit.events import token as fingerprint
from gateway.domain.passwords import NOBODY, outdated
from gateway.domain.principal import Principal
from gateway.domain.throttle import SECOND
from gateway.domain.tokens import digest_of, looks_like
from gateway.errors import NOT_FOUND, Problem, Refusal, declare
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.base import Done, Nothing, Page
from gateway.schemas.sessions import ListSessions, RevokeSession, SessionListed, SessionOut, SignedIn, SignIn
from gateway.store import auth as store
from gateway.store import parties, tokens
from gateway.store.auth import SecondFactor
from gateway.store.db import Tx
from gateway.usecases._door import door_of
from gateway.usecases._moves import may
from gateway.usecases._parties import open_factor, thing_of, visible
from gateway.usecases._sign_in import (
    SIGN_IN_DELAYED,
    Credentials,
    count_attempt,
    excuse_attempt,
    matching_step,
    must_of,
    open_session,
    person_out,
    principal_of,
)

NOT_SIGNED_IN = declare(
    "not-signed-in", "unauthenticated",
    zh="请先登录", en="Sign in first",
    remedy_zh="请登录,或使用有效的 API 密钥或访问令牌", remedy_en="Sign in, or send a valid API key or access token",
)  # fmt: skip
SIGN_IN_FAILED = declare(
    "sign-in-failed", "unauthenticated",
    zh="登录失败", en="Sign-in failed",
    remedy_zh="请核对登录名、密码与动态验证码;忘记密码请联系本单位管理员",
    remedy_en="Check login, password and one-time code; for a forgotten password ask your administrator",
)  # fmt: skip
SECOND_FACTOR_NEEDED = declare(
    "second-factor-needed", "unauthenticated",
    zh="还需要动态验证码", en="The one-time code is needed as well",
    remedy_zh="请在 totp 中填写验证器显示的6位数字", remedy_en="Send the six digits of your authenticator as `totp`",
)  # fmt: skip
FIRST_DO = declare(
    "first-do", "forbidden",
    zh="请先完成必须的安全步骤", en="A security step must be taken first",
    remedy_zh="按 must 字段修改密码或启用动态验证码",
    remedy_en="Change the password or enrol a second factor, as `must` says",
)  # fmt: skip

_SEEN_EVERY = 60 * SECOND
_WITHOUT_STEPS = frozenset({"whoami", "sign_out", "set_password", "enrol_totp", "confirm_totp"})


async def authenticate(gw: Gateway, credentials: Credentials, *, cached: bool = False) -> Principal:
    """The principal behind the token, read now; with `cached`, perhaps up to a minute ago.

    `cached` is for verbs that compare the person's generation with the database themselves. Raises
    `Problem(not-signed-in)` for anything that does not count: unknown, ended, idle, of a person, unit or institution
    that is not in good standing; and `Problem(too-many-requests)`.
    """
    kinds = ("session",) if credentials.by_cookie else ("api_key", "access")
    if not looks_like(credentials.token, *kinds):
        raise Problem(NOT_SIGNED_IN)
    door, digest = door_of(gw), digest_of(credentials.token)
    principal = door.find(digest) if cached else None
    if principal is None:
        async with gw.db.read() as tx:
            now, found = tx.now, await tokens.find_token(tx, digest)
        if found is None or not found[0].live(now) or not found[1].active or found[0].kind not in kinds:
            raise Problem(NOT_SIGNED_IN)
        token, standing = found
        principal = principal_of(standing, token, credentials)
        left = token.expires_at - now
        door.keep(digest, principal, min(left, token.seen_at + token.idle_us - now) if token.idle_us else left)
        if now - token.seen_at >= _SEEN_EVERY:
            async with gw.db.begin() as tx:
                await tokens.set_token_seen(tx, token.token_id)
    door.count_request(principal.id)
    return principal


def require_ready(by: Principal, verb: str) -> None:
    """Raises `Problem(first-do)` while the session is only good for changing the password or enrolling a factor."""
    if by.must and verb not in _WITHOUT_STEPS:
        raise Problem(FIRST_DO, extra={"must": by.must})


async def sign_in(gw: Gateway, by: Principal, ask: SignIn) -> SignedIn:
    """A new session for the person, in every case with a new token.

    Raises `Problem`: sign-in-failed, second-factor-needed (the password was right), sign-in-delayed, too-many-requests.
    """
    door = door_of(gw)
    door.count_sign_in(by.source_address)
    login = ask.login.strip().lower()
    # 1 the attempt counts as failed until the contrary is shown
    async with gw.begin() as tx:
        delay = await count_attempt(gw, tx, login, by.source_address)
        person = await parties.find_person_by_login(tx, login) if login.isprintable() else None
        kept = await store.find_password(tx, person.person_id) if person and person.kind == "person" else None
        if delay:
            _record(tx, by, "sign-in:delayed", login, person.person_id if person else "", "refused")
    if delay:
        raise Problem(SIGN_IN_DELAYED, extra={"retry_after": delay})
    # 2 judged outside of any transaction, with the same effort for nobody as for somebody
    right = await door.judge_password(kept.hash if kept else NOBODY, ask.password.get_secret_value())
    rehashed = (
        await door.hash_password(ask.password.get_secret_value()) if right and kept and outdated(kept.hash) else ""
    )
    # 3 concluded on facts of this moment
    problem: Problem | None = None
    answer: SignedIn | None = None
    async with gw.begin() as tx:
        standing = await parties.find_standing(tx, person.person_id) if person else None
        now_kept = await store.find_password(tx, person.person_id) if person else None
        if not right or kept is None or now_kept != kept or standing is None or not standing.active:
            problem = Problem(SIGN_IN_FAILED)
        else:
            factor = await store.find_second_factor(tx, standing.person.person_id)
            problem = await _second_factor(gw, tx, standing.person.person_id, factor, ask.totp)
        if problem is not None:
            if problem.code is SECOND_FACTOR_NEEDED:
                await excuse_attempt(tx, login, by.source_address, wholly=False)
            else:
                _record(tx, by, "sign-in:failed", login, person.person_id if person else "", "failed")
        elif standing is not None:
            if rehashed and kept is not None:
                await store.set_password_rehashed(tx, standing.person.person_id, kept.hash, rehashed)
            await excuse_attempt(tx, login, by.source_address, wholly=True)
            method = "password+totp" if factor is not None and factor.confirmed_at is not None else "password"
            answer = await open_session(gw, tx, by, standing, method)
    if answer is None:
        raise problem or Problem(SIGN_IN_FAILED)
    return answer


async def _second_factor(
    gw: Gateway, tx: Tx, person_id: str, factor: SecondFactor | None, code: str | None
) -> Problem | None:
    if factor is None or factor.confirmed_at is None:
        return None
    if not code:
        return Problem(SECOND_FACTOR_NEEDED)
    step = matching_step(await open_factor(gw, tx, person_id, factor), code, tx.now)
    if step is None or not await store.use_step(tx, person_id, step):
        return Problem(SIGN_IN_FAILED)
    return None


async def sign_out(gw: Gateway, by: Principal, ask: Nothing) -> Done:
    """The session or access token that was shown no longer counts. An API key stays: it is revoked by name."""
    async with gw.begin() as tx:
        token = await tokens.get_token(tx, by.session_id)
        if token.kind != "api_key":
            await tokens.set_token_revoked(tx, token.token_id)
        tx.record(
            event_of(by, "session:ended", tx.now, target_kind="session", target_id=token.token_id, outcome="done")
        )
        tx.after_commit(lambda: door_of(gw).forget(token_id=token.token_id))
    return Done(id=by.session_id, state="signed-out")


async def whoami(gw: Gateway, by: Principal, ask: Nothing) -> SessionOut:
    """The person that is signed in, as it stands now."""
    async with gw.db.read() as tx:
        standing = await parties.find_standing(tx, by.id)
        token = await tokens.get_token(tx, by.session_id) if by.session_id else None
    if standing is None:
        raise Problem(NOT_SIGNED_IN)
    return SessionOut(
        person=person_out(standing.person), institution_kind=standing.institution_kind, csrf_token=by.csrf,
        must=must_of(token.must if token else ""), expires_at=token.expires_at if token else None,
    )  # fmt: skip


async def list_sessions(gw: Gateway, by: Principal, ask: ListSessions) -> Page[SessionListed] | Refusal:
    """The open sessions of oneself, or of somebody whose account one looks after."""
    async with gw.begin() as tx:
        person = await visible(tx, by, ask.person_id or by.id)
        if person.person_id != by.id:
            refused = await may(gw, tx, by, "party:change-user", thing_of(person), person.person_id)
            if refused is not None:
                return refused
        found = await tokens.list_tokens(
            tx, person.person_id, kinds=("session",), after=ask.after, limit=ask.limit + 1, live_at=tx.now
        )
    items = tuple(
        SessionListed(
            token_id=each.token_id, person_id=each.person_id, method=each.method, source_address=each.source_address,
            created_at=each.created_at, seen_at=each.seen_at, expires_at=each.expires_at,
            current=each.token_id == by.session_id,
        )
        for each in found[: ask.limit]
    )  # fmt: skip
    return Page[SessionListed](items=items, next=items[-1].token_id if len(found) > ask.limit else None)


async def revoke_session(gw: Gateway, by: Principal, ask: RevokeSession) -> Done | Refusal:
    """The session is over: one's own, or one of an account one looks after."""
    async with gw.begin() as tx:
        token = await tokens.get_token(tx, ask.token_id)
        if token.kind not in {"session", "access"}:
            raise Problem(NOT_FOUND)
        if token.person_id != by.id:
            person = await visible(tx, by, token.person_id)
            refused = await may(gw, tx, by, "party:change-user", thing_of(person), person.person_id)
            if refused is not None:
                return refused
        await tokens.set_token_revoked(tx, token.token_id)
        tx.record(event_of(by, "session:revoked", tx.now, target_kind="person", target_id=token.person_id,
                           outcome="done", details={"session": token.token_id}))  # fmt: skip
        tx.after_commit(lambda: door_of(gw).forget(person_id=token.person_id))
    return Done(id=ask.token_id, state="revoked")


def _record(tx: WriteTx, by: Principal, action: str, login: str, person_id: str, outcome: str) -> None:
    tx.record(event_of(by, action, tx.now, target_kind="person", target_id=person_id, outcome=outcome,
                       details={"login": fingerprint(login)}))  # fmt: skip


__all__ = ["list_sessions", "revoke_session", "sign_in", "sign_out", "whoami"]
