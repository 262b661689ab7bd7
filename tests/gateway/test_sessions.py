"""Signing in: what counts, what ends, what is refused the same way, and what is remembered of it."""

import asyncio
import statistics
import time

import pyotp
import pytest
import sqlalchemy as sa
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import SecretStr

from gateway.domain.tokens import mint
from gateway.errors import Refusal
from gateway.schemas.base import Nothing
from gateway.schemas.parties import CreateServiceAccount
from gateway.schemas.sessions import (
    ConfirmTotp,
    CreateApiKey,
    IssueToken,
    LinkIdentity,
    ListApiKeys,
    ListClientKeys,
    ListSessions,
    RegisterClientKey,
    RemoveTotp,
    ResetPassword,
    RevokeApiKey,
    RevokeClientKey,
    RevokeSession,
    SetPassword,
)
from gateway.store import auth, tokens
from gateway.store.tables import auth as t
from gateway.usecases.api_keys import (
    create_api_key,
    issue_token,
    list_api_keys,
    list_client_keys,
    register_client_key,
    revoke_api_key,
    revoke_client_key,
)
from gateway.usecases.credentials import (
    confirm_totp,
    enrol_totp,
    link_identity,
    remove_totp,
    reset_password,
    set_password,
)
from gateway.usecases.people import create_service_account
from gateway.usecases.sessions import list_sessions, require_ready, revoke_session, sign_out, whoami
from tests.gateway.doors import NOBODY, PASSWORD, bearer, enter, events, give_password, refused
from tests.world import World

NEW = "another sentence, longer than 12"


def secret(text: str) -> SecretStr:
    return SecretStr(text)


async def test_a_session_begins_lasts_and_ends() -> None:
    async with World(catalogue=False) as w:
        await give_password(w, "analyst")
        signed = await enter(w, " Analyst ")  # logins have one spelling
        token = signed.token.get_secret_value()
        assert token not in signed.model_dump_json()
        assert token not in repr(signed)
        by = await bearer(w, token, by_cookie=True)
        assert (by.login, by.roles, by.channel, by.csrf) == ("analyst", {"requester"}, "console", signed.csrf_token)
        assert (await whoami(w.gw, by, Nothing())).person.login == "analyst"
        # a session is a cookie's, and a key is a header's
        assert await refused(bearer(w, token)) == "not-signed-in"
        # only the digest is kept
        async with w.db.read() as tx:
            rows = (await tx.execute(sa.select(t.token))).mappings().all()
        assert token.encode() not in repr(rows).encode()
        # use keeps it alive until its end; disuse ends it
        for _ in range(3):
            w.clock.advance(seconds=1700)
            by = await bearer(w, token, by_cookie=True)
        w.clock.advance(seconds=1801)
        assert await refused(bearer(w, token, by_cookie=True)) == "not-signed-in"
        signed = await enter(w, "analyst")
        token = signed.token.get_secret_value()
        for _ in range(22):
            w.clock.advance(seconds=1600)
            await bearer(w, token, by_cookie=True)
        w.clock.advance(seconds=1600)  # ten hours are over
        assert await refused(bearer(w, token, by_cookie=True)) == "not-signed-in"
        signed = await enter(w, "analyst")
        by = await bearer(w, signed.token.get_secret_value(), by_cookie=True)
        await sign_out(w.gw, by, Nothing())
        for cached in (True, False):
            assert (
                await refused(bearer(w, signed.token.get_secret_value(), by_cookie=True, cached=cached))
                == "not-signed-in"
            )


async def test_every_failure_says_the_same_and_is_on_the_trail() -> None:
    async with World(catalogue=False, lockout_failures=50) as w:
        await give_password(w, "analyst", "custodian", "research-head")
        async with w.gw.begin() as tx:
            await tx.execute(sa.text("UPDATE person SET state = 'suspended' WHERE login = 'custodian'"))
            await tx.execute(sa.text("UPDATE unit SET active = false WHERE unit_id = 'ib'"))
        await give_password(w, "ib-head")
        cases = (
            ("analyst", "wrong"), ("nobody.here", PASSWORD), ("custodian", PASSWORD), ("model-svc", PASSWORD),
            ("sysadmin", PASSWORD), ("ib-head", PASSWORD), ("林" * 150, PASSWORD),
        )  # fmt: skip
        for login, password in cases:
            assert await refused(enter(w, login, password)) == "sign-in-failed"
        failed = await events(w, "sign-in:failed")
        assert len(failed) == len(cases)
        assert {row["source"] for row in failed} == {"203.0.113.7"}
        assert PASSWORD not in repr(failed)
        await enter(w, "analyst")
        assert [row["actor"] for row in await events(w, "sign-in:succeeded")] == [w.id_of("analyst")]


async def test_failures_lock_known_and_unknown_logins_alike_for_a_growing_time() -> None:
    async with World(catalogue=False, sign_in_per_minute=10_000) as w:
        await give_password(w, "analyst")
        for login in ("analyst", "nobody.here"):
            for _ in range(5):
                assert await refused(enter(w, login, "wrong")) == "sign-in-failed"
            assert await refused(enter(w, login, PASSWORD)) == "sign-in-delayed"  # even with the right one
            w.clock.advance(seconds=29)
            assert await refused(enter(w, login, "wrong")) == "sign-in-delayed"
            w.clock.advance(seconds=2)
            assert await refused(enter(w, login, "wrong")) == "sign-in-failed"
            w.clock.advance(seconds=31)
            assert await refused(enter(w, login, "wrong")) == "sign-in-delayed"
            w.clock.advance(seconds=30)
        await enter(w, "analyst")
        for _ in range(4):
            assert await refused(enter(w, "analyst", "wrong")) == "sign-in-failed"
        await enter(w, "analyst")  # success forgets the failures
        assert len(await events(w, "sign-in:delayed")) == 6


async def test_many_guesses_at_once_are_many_guesses() -> None:
    async with World(catalogue=False, sign_in_per_minute=10_000) as w:
        await give_password(w, "analyst")
        codes = await asyncio.gather(*(refused(enter(w, "analyst", f"wrong {n}")) for n in range(20)))
        assert sorted(codes) == ["sign-in-delayed"] * 15 + ["sign-in-failed"] * 5


async def test_an_address_that_tries_many_logins_is_stopped() -> None:
    async with World(catalogue=False, sign_in_per_minute=10_000) as w:
        codes = [await refused(enter(w, f"guess-{n}", "wrong")) for n in range(32)]
        assert codes == ["sign-in-failed"] * 30 + ["sign-in-delayed"] * 2
    async with World(catalogue=False, sign_in_per_minute=3) as w:
        codes = [await refused(enter(w, f"guess-{n}", "wrong")) for n in range(5)]
        assert codes == ["sign-in-failed"] * 3 + ["too-many-requests"] * 2


async def test_requests_of_one_principal_are_limited() -> None:
    async with World(catalogue=False, rate_per_minute=5) as w:
        await give_password(w, "analyst", "auditor")
        token = (await enter(w, "analyst")).token.get_secret_value()
        other = (await enter(w, "auditor")).token.get_secret_value()
        for _ in range(5):
            await bearer(w, token, by_cookie=True, cached=True)
        assert await refused(bearer(w, token, by_cookie=True, cached=True)) == "too-many-requests"
        await bearer(w, other, by_cookie=True)


async def test_the_second_factor_counts_once_confirmed_and_each_code_once() -> None:
    async with World(catalogue=False, lockout_failures=50, sign_in_per_minute=10_000) as w:
        await give_password(w, "analyst")
        by = await bearer(w, (await enter(w, "analyst")).token.get_secret_value(), by_cookie=True)
        offered = await enrol_totp(w.gw, by, Nothing())
        totp = pyotp.TOTP(offered.secret)
        assert offered.uri.startswith("otpauth://totp/Lianqiao:analyst?secret=")
        async with w.db.read() as tx:
            kept = await auth.find_second_factor(tx, by.id)
        assert kept is not None
        assert offered.secret.encode() not in kept.sealed
        await enter(w, "analyst")  # offered only: does not count yet

        def code(steps: int = 0) -> str:
            return totp.at(w.clock.now // 1_000_000 + 30 * steps)

        assert await refused(confirm_totp(w.gw, by, ConfirmTotp(totp="000000"))) == "wrong-one-time-code"
        await confirm_totp(w.gw, by, ConfirmTotp(totp=code()))
        assert await refused(enrol_totp(w.gw, by, Nothing())) == "conflict"
        assert await refused(enter(w, "analyst")) == "second-factor-needed"
        assert await refused(enter(w, "analyst", "wrong", totp=code(1))) == "sign-in-failed"
        assert await refused(enter(w, "analyst", totp=code())) == "sign-in-failed"  # used to confirm
        w.clock.advance(seconds=30)
        signed = await enter(w, "analyst", totp=code())
        assert (await events(w, "sign-in:succeeded"))[-1]["outcome"] == "done"
        assert await refused(enter(w, "analyst", totp=code())) == "sign-in-failed"  # replay
        w.clock.advance(seconds=60)
        assert await refused(enter(w, "analyst", totp=code(-2))) == "sign-in-failed"  # too old
        assert await refused(enter(w, "analyst", totp=code(2))) == "sign-in-failed"  # too new
        await enter(w, "analyst", totp=code(1))  # a phone that is a little fast
        assert await refused(enter(w, "analyst", totp=code())) == "sign-in-failed"  # older than the last one used
        w.clock.advance(seconds=60)
        both = await asyncio.gather(*(enter(w, "analyst", totp=code()) for _ in range(4)), return_exceptions=True)
        assert sum(not isinstance(each, BaseException) for each in both) == 1
        # a lost device is somebody else's to remove
        by = await bearer(w, signed.token.get_secret_value(), by_cookie=True)
        assert isinstance(await remove_totp(w.gw, by, RemoveTotp(person_id=by.id)), Refusal)
        removed = await remove_totp(w.gw, w.person("sysadmin"), RemoveTotp(person_id=by.id))
        assert not isinstance(removed, Refusal)
        assert await refused(bearer(w, signed.token.get_secret_value(), by_cookie=True)) == "not-signed-in"
        await enter(w, "analyst")


async def test_a_reset_hands_out_one_token_that_works_once() -> None:
    async with World(catalogue=False, sign_in_per_minute=10_000) as w:
        await give_password(w, "analyst")
        admin, analyst = w.person("sysadmin"), w.id_of("analyst")
        session = (await enter(w, "analyst")).token.get_secret_value()
        await bearer(w, session, by_cookie=True, cached=True)
        assert isinstance(await reset_password(w.gw, w.person("compliance"), ResetPassword(person_id=analyst)), Refusal)
        first = await reset_password(w.gw, admin, ResetPassword(person_id=analyst))
        second = await reset_password(w.gw, admin, ResetPassword(person_id=analyst))
        assert not isinstance(first, Refusal)
        assert not isinstance(second, Refusal)
        assert await refused(enter(w, "analyst")) == "sign-in-failed"
        for cached in (True, False):
            assert await refused(bearer(w, session, by_cookie=True, cached=cached)) == "not-signed-in"

        async def use(token: str, password: str = NEW) -> str:
            return await refused(
                set_password(w.gw, NOBODY, SetPassword(one_time_token=secret(token), password=secret(password)))
            )

        assert await use(first.one_time_token) == "wrong-password"  # the second made it void
        assert await use(second.one_time_token, "analyst-12345") == "weak-password"
        assert await use("lqo_" + "A" * 43) == "wrong-password"
        done = await set_password(
            w.gw, NOBODY, SetPassword(one_time_token=secret(second.one_time_token), password=secret(NEW))
        )
        assert done.state == "set"
        assert await use(second.one_time_token) == "wrong-password"
        await enter(w, "analyst", NEW)
        third = await reset_password(w.gw, admin, ResetPassword(person_id=analyst))
        assert not isinstance(third, Refusal)
        w.clock.advance(days=3.1)
        assert await use(third.one_time_token) == "wrong-password"
        service = ResetPassword(person_id=w.id_of("model-svc"))
        assert await refused(reset_password(w.gw, admin, service)) == "only-for-people"
        async with w.db.read() as tx:
            rows = repr((await tx.execute(sa.select(t.one_time))).all())
        assert second.one_time_token not in rows


async def test_the_row_of_a_one_time_token_gives_way_once() -> None:
    async with World(catalogue=False) as w, w.gw.begin() as tx:
        minted = mint("one_time")
        await tokens.add_one_time(tx, minted.digest, w.id_of("analyst"), "x", tx.now + 1)
        assert await tokens.use_one_time(tx, minted.digest) == w.id_of("analyst")
        assert await tokens.use_one_time(tx, minted.digest) is None
        assert await tokens.find_one_time(tx, minted.digest) is None


async def test_two_uses_of_one_token_at_once_set_one_password() -> None:
    async with World(catalogue=False, sign_in_per_minute=10_000) as w:
        made = await reset_password(w.gw, w.person("sysadmin"), ResetPassword(person_id=w.id_of("analyst")))
        assert not isinstance(made, Refusal)
        tries = await asyncio.gather(
            *(
                set_password(
                    w.gw, NOBODY, SetPassword(one_time_token=secret(made.one_time_token), password=secret(f"{NEW} {n}"))
                )
                for n in range(3)
            ),
            return_exceptions=True,
        )
        assert sum(not isinstance(each, BaseException) for each in tries) == 1


async def test_a_changed_password_ends_other_sessions_and_a_forced_change_comes_first() -> None:
    async with World(catalogue=False, sign_in_per_minute=10_000) as w:
        await give_password(w, "analyst", must_change=True)
        one, two = await enter(w, "analyst"), await enter(w, "analyst")
        assert one.must == "change-password"
        by = await bearer(w, one.token.get_secret_value(), by_cookie=True)
        with pytest.raises(Exception, match="first-do"):
            require_ready(by, "list_people")
        require_ready(by, "set_password")
        old = secret(PASSWORD)
        assert (
            await refused(set_password(w.gw, by, SetPassword(old_password=secret("x"), password=secret(NEW))))
            == "wrong-password"
        )
        assert await refused(set_password(w.gw, by, SetPassword(old_password=old, password=old))) == "wrong-password"
        assert (
            await refused(set_password(w.gw, NOBODY, SetPassword(old_password=old, password=secret(NEW))))
            == "wrong-password"
        )
        await set_password(w.gw, by, SetPassword(old_password=old, password=secret(NEW)))
        again = await bearer(w, one.token.get_secret_value(), by_cookie=True)
        assert again.must == ""
        require_ready(again, "list_people")
        assert await refused(bearer(w, two.token.get_secret_value(), by_cookie=True)) == "not-signed-in"
        # an open session is no place to try passwords
        codes = [
            await refused(
                set_password(w.gw, again, SetPassword(old_password=secret(f"no {n}"), password=secret(PASSWORD)))
            )
            for n in range(6)
        ]
        assert codes == ["wrong-password"] * 5 + ["sign-in-delayed"]


async def test_where_a_second_factor_is_demanded_it_comes_before_anything_else() -> None:
    async with World(catalogue=False, require_totp=True, sign_in_per_minute=10_000) as w:
        await give_password(w, "analyst", must_change=True)
        signed = await enter(w, "analyst")
        token = signed.token.get_secret_value()
        by = await bearer(w, token, by_cookie=True)
        await set_password(w.gw, by, SetPassword(old_password=secret(PASSWORD), password=secret(NEW)))
        by = await bearer(w, token, by_cookie=True)
        assert by.must == "enrol-totp"
        offered = await enrol_totp(w.gw, by, Nothing())
        code = pyotp.TOTP(offered.secret).at(w.clock.now // 1_000_000)
        await confirm_totp(w.gw, by, ConfirmTotp(totp=code))
        assert (await bearer(w, token, by_cookie=True)).must == ""


async def test_sessions_are_listed_and_revoked_by_their_person_or_its_administrator() -> None:
    async with World(catalogue=False) as w:
        await give_password(w, "analyst", "ib-rm")
        one, two = await enter(w, "analyst"), await enter(w, "analyst")
        by = await bearer(w, one.token.get_secret_value(), by_cookie=True)
        listed = await list_sessions(w.gw, by, ListSessions())
        assert not isinstance(listed, Refusal)
        assert sorted(each.current for each in listed.items) == [False, True]
        other = next(each.token_id for each in listed.items if not each.current)
        stranger = await bearer(w, (await enter(w, "ib-rm")).token.get_secret_value(), by_cookie=True)
        assert isinstance(await revoke_session(w.gw, stranger, RevokeSession(token_id=other)), Refusal)
        assert isinstance(await list_sessions(w.gw, stranger, ListSessions(person_id=by.id)), Refusal)
        assert await refused(revoke_session(w.gw, w.person("park-admin"), RevokeSession(token_id=other))) == "not-found"
        await revoke_session(w.gw, by, RevokeSession(token_id=other))
        for cached in (True, False):
            assert (
                await refused(bearer(w, two.token.get_secret_value(), by_cookie=True, cached=cached)) == "not-signed-in"
            )
        done = await revoke_session(w.gw, w.person("sysadmin"), RevokeSession(token_id=by.session_id))
        assert not isinstance(done, Refusal)
        assert await refused(bearer(w, one.token.get_secret_value(), by_cookie=True)) == "not-signed-in"


async def test_api_keys_are_shown_once_kept_as_digest_and_end() -> None:
    async with World(catalogue=False) as w:
        admin, service = w.person("sysadmin"), w.id_of("model-svc")
        made = await create_api_key(w.gw, admin, CreateApiKey(person_id=service, label="打分", days=30))
        assert not isinstance(made, Refusal)
        by = await bearer(w, made.api_key)
        assert (by.id, by.kind, by.channel, by.csrf) == (service, "service", "api", "")
        assert await refused(bearer(w, made.api_key, by_cookie=True)) == "not-signed-in"
        assert await refused(bearer(w, mint("api_key").text)) == "not-signed-in"
        listed = await list_api_keys(w.gw, admin, ListApiKeys(person_id=service))
        assert not isinstance(listed, Refusal)
        assert made.api_key not in listed.model_dump_json()
        assert made.api_key.startswith(listed.items[0].hint)
        async with w.db.read() as tx:
            assert made.api_key not in repr((await tx.execute(sa.select(t.token))).all())
        # nobody makes keys for another person, or for a service that is not theirs
        person = CreateApiKey(person_id=w.id_of("analyst"), label="x")
        assert await refused(create_api_key(w.gw, admin, person)) == "only-for-services"
        assert isinstance(
            await create_api_key(w.gw, w.person("analyst"), CreateApiKey(person_id=service, label="x")), Refusal
        )
        assert (
            await refused(create_api_key(w.gw, w.person("park-admin"), CreateApiKey(person_id=service, label="x")))
            == "not-found"
        )
        w.clock.advance(days=30)
        assert await refused(bearer(w, made.api_key)) == "not-signed-in"
        again = await create_api_key(w.gw, admin, CreateApiKey(person_id=service, label="打分"))
        assert not isinstance(again, Refusal)
        await bearer(w, again.api_key, cached=True)
        await revoke_api_key(w.gw, admin, RevokeApiKey(key_id=again.key_id))
        assert await refused(bearer(w, again.api_key, cached=True)) == "not-signed-in"


async def test_an_assertion_buys_one_short_token() -> None:
    async with World(catalogue=False, sign_in_per_minute=10_000) as w:
        admin = w.person("park-admin")
        account = await create_service_account(
            w.gw,
            admin,
            CreateServiceAccount(login="songlan-feed", name="接口", unit_id="park-songlan", roles={"partner_user"}),
        )
        assert not isinstance(account, Refusal)
        key = ECKey.generate_key("P-256")
        public = key.as_dict(private=False)
        kept = await register_client_key(w.gw, admin, RegisterClientKey(person_id=account.person_id, jwk=public))
        assert not isinstance(kept, Refusal)
        assert kept.kid == key.thumbprint()
        assert (
            await refused(register_client_key(w.gw, admin, RegisterClientKey(person_id=account.person_id, jwk=public)))
            == "already-exists"
        )
        leaked = RegisterClientKey(person_id=account.person_id, jwk=key.as_dict(private=True))
        assert await refused(register_client_key(w.gw, admin, leaked)) == "client-key-refused"
        person = RegisterClientKey(person_id=w.id_of("park-user"), jwk=public)
        assert await refused(register_client_key(w.gw, admin, person)) == "only-for-services"

        def assertion(jti: str, *, signer: ECKey = key, **changes: object) -> IssueToken:
            now = w.clock.now // 1_000_000
            claims = {
                "iss": "songlan-feed",
                "sub": "songlan-feed",
                "aud": w.gw.settings.url + "/v1/token",
                "exp": now + 60,
                "jti": jti,
            }
            text = jwt.encode({"alg": "ES256", "kid": signer.thumbprint()}, {**claims, **changes}, signer)
            return IssueToken(
                client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
                client_assertion=secret(text),
            )

        once = assertion("jti-number-1")
        issued = await issue_token(w.gw, NOBODY, once)
        by = await bearer(w, issued.access_token)
        assert (by.login, by.channel, issued.expires_in) == ("songlan-feed", "api", 600)
        assert await refused(issue_token(w.gw, NOBODY, once)) == "assertion-refused"  # replay
        assert await refused(issue_token(w.gw, NOBODY, assertion("jti-number-1"))) == "assertion-refused"  # same jti
        assert (
            await refused(issue_token(w.gw, NOBODY, assertion("jti-number-2", aud="https://other.example")))
            == "assertion-refused"
        )
        assert (
            await refused(issue_token(w.gw, NOBODY, assertion("jti-number-3", signer=ECKey.generate_key("P-256"))))
            == "assertion-refused"
        )
        assert (
            await refused(issue_token(w.gw, NOBODY, assertion("jti-number-4", iss="nobody", sub="nobody")))
            == "assertion-refused"
        )
        late = assertion("jti-number-5")
        w.clock.advance(seconds=95)
        assert await refused(issue_token(w.gw, NOBODY, late)) == "assertion-refused"
        w.clock.advance(seconds=600)
        assert await refused(bearer(w, issued.access_token)) == "not-signed-in"
        more = await asyncio.gather(*[issue_token(w.gw, NOBODY, assertion("jti-number-6"))] * 1, return_exceptions=True)
        token = more[0]
        assert not isinstance(token, BaseException)
        await revoke_client_key(w.gw, admin, RevokeClientKey(person_id=account.person_id, kid=kept.kid))
        assert await refused(bearer(w, token.access_token)) == "not-signed-in"
        assert await refused(issue_token(w.gw, NOBODY, assertion("jti-number-7"))) == "assertion-refused"
        listed = await list_client_keys(w.gw, admin, ListClientKeys(person_id=account.person_id))
        assert not isinstance(listed, Refusal)
        assert listed.items[0].revoked_at is not None


async def test_the_same_assertion_at_once_buys_one_token() -> None:
    async with World(catalogue=False, sign_in_per_minute=10_000) as w:
        key = ECKey.generate_key("P-256")
        service = RegisterClientKey(person_id=w.id_of("model-svc"), jwk=key.as_dict(private=False))
        assert not isinstance(await register_client_key(w.gw, w.person("sysadmin"), service), Refusal)
        now = w.clock.now // 1_000_000
        claims = {
            "iss": "model-svc",
            "sub": "model-svc",
            "aud": w.gw.settings.url,
            "exp": now + 30,
            "jti": "jti-at-once",
        }
        ask = IssueToken(
            client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            client_assertion=secret(jwt.encode({"alg": "ES256"}, claims, key)),
        )
        tries = await asyncio.gather(*(issue_token(w.gw, NOBODY, ask) for _ in range(6)), return_exceptions=True)
        assert sum(not isinstance(each, BaseException) for each in tries) == 1


async def test_an_identity_is_linked_to_one_person() -> None:
    async with World(catalogue=False, oidc_issuer="https://idp.example", oidc_client_id="gw") as w:
        admin = w.person("sysadmin")
        one = LinkIdentity(person_id=w.id_of("analyst"), subject="s-1")
        assert not isinstance(await link_identity(w.gw, admin, one), Refusal)
        two = LinkIdentity(person_id=w.id_of("ib-rm"), subject="s-1")
        assert await refused(link_identity(w.gw, admin, two)) == "already-exists"
        assert isinstance(await link_identity(w.gw, w.person("analyst"), two), Refusal)


async def test_what_is_stale_is_forgotten_and_what_is_live_stays() -> None:
    async with World(catalogue=False) as w:
        await give_password(w, "analyst")
        await enter(w, "analyst")
        await refused(enter(w, "nobody.here"))
        w.clock.advance(days=2)
        token = (await enter(w, "analyst")).token.get_secret_value()
        async with w.gw.begin() as tx:
            day = w.clock.now - 86_400_000_000
            assert await auth.forget_stale(tx, ended_before=day, tried_before=day) >= 2
        assert (await bearer(w, token, by_cookie=True)).login == "analyst"


async def test_timing_of_unknown_logins_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    async with World(catalogue=False, lockout_failures=10_000, sign_in_per_minute=100_000) as w:
        await give_password(w, "analyst")
        times: dict[str, list[float]] = {"analyst": [], "nobody.here": []}
        for n in range(24):
            login = ("analyst", "nobody.here")[n % 2]
            begin = time.perf_counter()
            await refused(enter(w, login, "wrong password here"))
            times[login].append(time.perf_counter() - begin)
        with capsys.disabled():
            told = {login: f"{statistics.median(each) * 1000:.1f} ms" for login, each in times.items()}
            print(f"\nsign-in with a wrong password, median of 12: {told}")
