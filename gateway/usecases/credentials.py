"""What proves who a person is: passwords, second factors, identities at the provider."""

import pyotp

from gateway.domain.parties import Person
from gateway.domain.passwords import check_password
from gateway.domain.principal import Principal
from gateway.domain.tokens import digest_of, looks_like
from gateway.errors import CONFLICT, NOT_FOUND, Problem, Refusal, declare
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.base import Done, Nothing
from gateway.schemas.sessions import (
    ConfirmTotp,
    LinkIdentity,
    OneTimeOut,
    RemoveTotp,
    ResetPassword,
    SetPassword,
    TotpOffered,
)
from gateway.store import auth as store
from gateway.store import parties, tokens
from gateway.usecases._door import door_of
from gateway.usecases._moves import may
from gateway.usecases._parties import (
    SESSIONS,
    end_tokens,
    new_one_time,
    open_factor,
    record,
    seal_factor,
    thing_of,
    visible,
)
from gateway.usecases._sign_in import SIGN_IN_DELAYED, count_attempt, excuse_attempt, matching_step, what_first
from gateway.usecases.oidc import NO_OIDC

WRONG_PASSWORD = declare(
    "wrong-password", "invalid",
    zh="原密码或一次性口令不正确", en="The old password or one-time token is not right",
    remedy_zh="请核对后重试;一次性口令只能用一次,3天内有效",
    remedy_en="Check it; a one-time token works once, within three days",
)  # fmt: skip
WRONG_CODE = declare(
    "wrong-one-time-code", "invalid",
    zh="动态验证码不正确或已用过", en="The one-time code is wrong or was used before",
    remedy_zh="请等待验证器显示下一个6位数字后重试;同时核对手机时间",
    remedy_en="Wait for the next six digits and try again; check the clock of the device",
)  # fmt: skip
ONLY_FOR_PEOPLE = declare(
    "only-for-people", "invalid",
    zh="服务账户没有此类凭据", en="A service account has no such credential",
    remedy_zh="服务账户请使用 API 密钥或 private_key_jwt",
    remedy_en="Use an API key or private_key_jwt for service accounts",
)  # fmt: skip


async def reset_password(gw: Gateway, by: Principal, ask: ResetPassword) -> OneTimeOut | Refusal:
    """The old password and every open session are void; the one-time token sets a new one. The second factor stays."""
    async with gw.begin() as tx:
        person = await visible(tx, by, ask.person_id)
        refused = await may(gw, tx, by, "party:change-user", thing_of(person), person.person_id)
        if refused is not None:
            return refused
        _people_only(person)
        await store.remove_password(tx, person.person_id)
        await end_tokens(gw, tx, person.person_id, SESSIONS)
        token, expires_at = await new_one_time(tx, person.person_id, by.id)
        record(tx, by, "password:reset", "person", person.person_id)
    return OneTimeOut(person_id=person.person_id, one_time_token=token, expires_at=expires_at)


async def set_password(gw: Gateway, by: Principal, ask: SetPassword) -> Done:
    """The password is set, by one-time token or by the old one; every other session of the person is over.

    Raises `Problem`: wrong-password, weak-password, only-for-people, too-many-requests.
    """
    door, text = door_of(gw), ask.password.get_secret_value()
    one_time = ask.one_time_token.get_secret_value() if ask.one_time_token else ""
    door.count_sign_in(by.source_address)
    # 1 whose password it is, and whether it may be set
    async with gw.db.read() as tx:
        person_id: str | None = by.id if by.kind == "person" and not one_time else None
        if one_time and looks_like(one_time, "one_time"):
            person_id = await tokens.find_one_time(tx, digest_of(one_time))
        person = await parties.find_person(tx, person_id) if person_id else None
        kept = await store.find_password(tx, person_id) if person_id else None
    if person is None or person.state != "active":
        raise Problem(WRONG_PASSWORD, field="one_time_token")
    _people_only(person)
    if not one_time:
        old = ask.old_password.get_secret_value() if ask.old_password else ""
        await _counted(gw, by, person)
        if kept is None or not await door.judge_password(kept.hash, old):
            raise Problem(WRONG_PASSWORD, field="old_password")
        async with gw.begin() as tx:
            await excuse_attempt(tx, person.login, by.source_address, wholly=True)
    # 2 judged and hashed outside of any transaction
    password = check_password(text, person.login, person.name, person.staff_no or "", person.email or "")
    if kept is not None and await door.judge_password(kept.hash, password):
        raise Problem(
            WRONG_PASSWORD, field="password", detail_zh="新密码不得与原密码相同", detail_en="the new one is the old one"
        )
    hashed = await door.hash_password(password)
    # 3 set, unless the token was used or the old one changed meanwhile
    async with gw.begin() as tx:
        used = await tokens.use_one_time(tx, digest_of(one_time)) == person.person_id if one_time else True
        if not used or await store.find_password(tx, person.person_id) != kept:
            raise Problem(CONFLICT)
        await store.set_password(tx, person.person_id, hashed, must_change=False)
        await tokens.void_one_times(tx, person.person_id)
        await end_tokens(gw, tx, person.person_id, SESSIONS, but=by.session_id)
        await _step_done(gw, tx, by, person.person_id)
        actor = person.person_id if one_time else by.id
        tx.record(event_of(by, "password:set", tx.now, target_kind="person", target_id=actor, outcome="done",
                           details={"by_one_time_token": bool(one_time)}))  # fmt: skip
    return Done(id=person.person_id, state="set")


async def enrol_totp(gw: Gateway, by: Principal, ask: Nothing) -> TotpOffered:
    """A second factor is offered; it counts, and replaces none, until a code of it has been shown.

    Raises `Problem(conflict)` when there is a confirmed one: it is removed by an administrator first.
    """
    secret = pyotp.random_base32(32)
    async with gw.begin() as tx:
        person = await parties.get_person(tx, by.id)
        _people_only(person)
        factor = await store.find_second_factor(tx, by.id)
        if factor is not None and factor.confirmed_at is not None:
            raise Problem(CONFLICT, detail_zh="已启用动态验证码", detail_en="a second factor is enrolled already")
        await store.set_second_factor(tx, by.id, await seal_factor(gw, tx, by.id, secret))
        record(tx, by, "second-factor:offered", "person", by.id)
    uri = pyotp.TOTP(secret).provisioning_uri(name=person.login, issuer_name="Lianqiao")
    return TotpOffered(secret=secret, uri=uri)


async def confirm_totp(gw: Gateway, by: Principal, ask: ConfirmTotp) -> Done:
    """The second factor counts from now on. Raises `Problem(wrong-one-time-code)`."""
    door_of(gw).count_sign_in(by.source_address)
    async with gw.begin() as tx:
        factor = await store.find_second_factor(tx, by.id)
        if factor is None or factor.confirmed_at is not None:
            raise Problem(
                CONFLICT, detail_zh="没有待确认的动态验证码", detail_en="no second factor waits to be confirmed"
            )
        step = matching_step(await open_factor(gw, tx, by.id, factor), ask.totp, tx.now)
        if step is None or not await store.use_step(tx, by.id, step, confirm=True):
            raise Problem(WRONG_CODE, field="totp")
        await end_tokens(gw, tx, by.id, SESSIONS, but=by.session_id)
        await _step_done(gw, tx, by, by.id)
        record(tx, by, "second-factor:confirmed", "person", by.id)
    return Done(id=by.id, state="confirmed")


async def remove_totp(gw: Gateway, by: Principal, ask: RemoveTotp) -> Done | Refusal:
    """Somebody else's lost second factor is gone, with every session."""
    async with gw.begin() as tx:
        person = await visible(tx, by, ask.person_id)
        refused = await may(gw, tx, by, "party:change-user", thing_of(person), person.person_id)
        if refused is not None:
            return refused
        if not await store.remove_second_factor(tx, person.person_id):
            raise Problem(NOT_FOUND)
        await end_tokens(gw, tx, person.person_id, SESSIONS)
        record(tx, by, "second-factor:removed", "person", person.person_id)
    return Done(id=person.person_id, state="removed")


async def link_identity(gw: Gateway, by: Principal, ask: LinkIdentity) -> Done | Refusal:
    """Who comes from the provider as `subject` is this person. Raises `Problem(already-exists)` if it is anybody."""
    issuer = ask.issuer or gw.settings.oidc_issuer
    if not issuer:
        raise Problem(NO_OIDC, field="issuer")
    async with gw.begin() as tx:
        person = await visible(tx, by, ask.person_id)
        refused = await may(gw, tx, by, "party:change-user", thing_of(person), person.person_id)
        if refused is not None:
            return refused
        _people_only(person)
        await store.link_identity(tx, issuer, ask.subject, person.person_id, by.id)
        record(tx, by, "identity:linked", "person", person.person_id)
    return Done(id=person.person_id, state="linked")


async def _counted(gw: Gateway, by: Principal, person: Person) -> None:
    """The guess counts like one at sign-in: whoever finds an open session learns no password by trying."""
    async with gw.begin() as tx:
        delay = await count_attempt(gw, tx, person.login, by.source_address)
    if delay:
        raise Problem(SIGN_IN_DELAYED, extra={"retry_after": delay})


async def _step_done(gw: Gateway, tx: WriteTx, by: Principal, person_id: str) -> None:
    if by.session_id:
        await tokens.set_token_must(tx, by.session_id, await what_first(gw, tx, person_id, by_password=True))
        tx.after_commit(lambda: door_of(gw).forget(person_id=person_id))


def _people_only(person: Person) -> None:
    if person.kind != "person":
        raise Problem(ONLY_FOR_PEOPLE, field="person_id")


__all__ = ["confirm_totp", "enrol_totp", "link_identity", "remove_totp", "reset_password", "set_password"]
