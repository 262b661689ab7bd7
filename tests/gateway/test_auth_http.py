"""Sign-in over HTTP: cookies and their flags, what other sites cannot do, keys in headers, addresses behind proxies."""

from types import SimpleNamespace

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from starlette.requests import Request

from gateway.errors import Refusal
from gateway.schemas import ROUTES
from gateway.schemas.sessions import CreateApiKey, RegisterClientKey
from gateway.usecases.api_keys import create_api_key, register_client_key
from gateway.web.auth import source_address
from tests.gateway.doors import PASSWORD, browser, events, give_password
from tests.world import World

SIGN_IN = {"login": "analyst", "password": PASSWORD}
NEW = "another sentence, longer than 12"


async def test_the_cookie_is_bound_to_the_host_and_no_script_reads_it() -> None:
    async with World(catalogue=False, public_url="https://gw.example") as w, browser(w) as b:
        await give_password(w, "analyst")
        answer = await b.post("/v1/session", json=SIGN_IN)
        assert answer.status_code == 200
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-lianqiao=lqs_")
        for flag in ("HttpOnly", "Secure", "Path=/", "SameSite=lax"):
            assert flag in cookie
        assert "Domain" not in cookie
        assert b.cookies["__Host-lianqiao"] not in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert (await b.get("/v1/session")).json()["person"]["login"] == "analyst"
    async with World(catalogue=False) as w, browser(w) as b:
        await give_password(w, "analyst")
        answer = await b.post("/v1/session", json=SIGN_IN)
        assert answer.headers["set-cookie"].startswith("lianqiao=lqs_")
        assert "Secure" not in answer.headers["set-cookie"]


def holding(token: str) -> dict[str, str]:
    return {"cookie": f"lianqiao={token}"}


async def test_signing_in_and_out_and_in_again_never_keeps_a_session() -> None:
    async with World(catalogue=False) as w, browser(w) as b:
        await give_password(w, "analyst", "auditor")
        planted = "lqs_" + "A" * 43
        assert (await b.get("/v1/session", headers=holding(planted))).status_code == 401
        # a session that somebody planted is not taken over
        first = await b.post("/v1/session", json=SIGN_IN, headers=holding(planted))
        one = b.cookies["lianqiao"]
        assert one != planted
        # signing in again, as whoever, ends the session before
        await b.post("/v1/session", json={"login": "auditor", "password": PASSWORD})
        two = b.cookies["lianqiao"]
        assert two != one
        who = await b.get("/v1/session")
        assert who.json()["person"]["login"] == "auditor"
        csrf = who.json()["csrf_token"]
        assert csrf != first.json()["csrf_token"]
        out = await b.delete("/v1/session", headers={"x-csrf-token": csrf})
        assert out.status_code == 200
        assert 'lianqiao=""' in out.headers["set-cookie"]
        assert "lianqiao" not in b.cookies
        for token in (one, two):
            answer = await b.get("/v1/session", headers=holding(token))
            assert answer.status_code == 401
            assert answer.json()["code"] == "not-signed-in"
            assert answer.headers["www-authenticate"].startswith("Bearer")


CSRF = [
    ({"x-csrf-token": "right"}, 201),
    ({"x-csrf-token": "right", "sec-fetch-site": "same-origin", "origin": "own"}, 201),
    ({"x-csrf-token": "right", "sec-fetch-site": "none"}, 201),
    ({}, 403),
    ({"x-csrf-token": ""}, 403),
    ({"x-csrf-token": "wrong"}, 403),
    ({"x-csrf-token": "another's"}, 403),
    ({"x-csrf-token": "right", "sec-fetch-site": "cross-site"}, 403),
    ({"x-csrf-token": "right", "sec-fetch-site": "same-site"}, 403),
    ({"x-csrf-token": "right", "origin": "https://evil.example"}, 403),
    ({"x-csrf-token": "right", "origin": "null"}, 403),
    ({"x-csrf-token": "right", "origin": "http://127.0.0.1:9999"}, 403),
]


async def test_a_write_by_cookie_needs_the_sessions_own_value_and_our_own_page() -> None:
    async with World(catalogue=False) as w, browser(w) as b, browser(w) as other:
        await give_password(w, "analyst", "auditor")
        right = (await b.post("/v1/session", json=SIGN_IN)).json()["csrf_token"]
        signed = await other.post("/v1/session", json={"login": "auditor", "password": PASSWORD})
        values = {"right": right, "another's": signed.json()["csrf_token"], "own": w.gw.settings.url}
        made = 0
        for headers, status in CSRF:
            sent = {name: values.get(value, value) for name, value in headers.items()}
            answer = await b.post("/v1/api-keys", json={"label": "own"}, headers=sent)
            assert answer.status_code == status, headers
            made += status == 201
            if status == 403:
                assert answer.json()["code"] == "cross-site-request"
            assert len((await b.get("/v1/api-keys")).json()["items"]) == made
        # reading needs none of it
        assert (await b.get("/v1/session", headers={"sec-fetch-site": "cross-site"})).status_code == 200


async def test_no_other_site_signs_somebody_in() -> None:
    async with World(catalogue=False) as w, browser(w) as b:
        await give_password(w, "analyst")
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}):
            answer = await b.post(
                "/v1/session", content=orjson.dumps(SIGN_IN), headers={**headers, "content-type": "text/plain"}
            )
            assert answer.json()["code"] == "cross-site-request"
        assert await events(w, "sign-in:succeeded") == []


async def test_a_header_goes_before_a_cookie_and_needs_no_csrf() -> None:
    async with World(catalogue=False) as w, browser(w) as b:
        await give_password(w, "analyst")
        made = await create_api_key(w.gw, w.person("sysadmin"), CreateApiKey(person_id=w.id_of("model-svc"), label="x"))
        assert not isinstance(made, Refusal)
        await b.post("/v1/session", json=SIGN_IN)
        bearer = {"authorization": f"Bearer {made.api_key}"}
        who = await b.get("/v1/session", headers=bearer)
        assert who.json()["person"]["login"] == "model-svc"
        assert who.json()["csrf_token"] == ""
        assert (await b.post("/v1/api-keys", json={"label": "own"}, headers=bearer)).status_code == 201
        session = b.cookies["lianqiao"]
        for wrong in (
            "Bearer",
            "Bearer ",
            "Basic YTpi",
            f"Bearer {session}",
            "Bearer lqk_x",
            "Bearer \xe9",
            made.api_key,
        ):
            answer = await b.get("/v1/session", headers={"authorization": wrong.encode("latin-1")})
            assert answer.status_code == 401, wrong
        # the session behind the cookie is not ended by a key that signs in, nor the key by the sign-in
        assert (await b.post("/v1/session", json=SIGN_IN, headers=bearer)).status_code == 200
        assert (await b.get("/v1/session", headers=bearer)).status_code == 200


async def test_every_route_but_the_public_ones_wants_somebody() -> None:
    async with World(catalogue=False) as w, browser(w) as b:
        public = {route.name for route in ROUTES if route.public}
        assert {"sign_in", "set_password", "issue_token", "start_oidc", "finish_oidc"} <= public
        for route in ROUTES:
            if route.public:
                continue
            path = route.path
            for name in route.path_fields:
                path = path.replace("{" + name + "}", "00000000-0000-4000-8000-000000000000")
            answer = await b.request(route.method, path, json=None if route.safe else {})
            assert answer.status_code == 401, route.name
            assert answer.json()["code"] == "not-signed-in"


async def test_a_forced_change_of_password_comes_before_everything_else() -> None:
    async with World(catalogue=False) as w, browser(w) as b:
        await give_password(w, "analyst", must_change=True)
        signed = (await b.post("/v1/session", json=SIGN_IN)).json()
        assert signed["must"] == "change-password"
        answer = await b.get("/v1/people")
        assert (answer.status_code, answer.json()["code"], answer.json()["must"]) == (
            403,
            "first-do",
            "change-password",
        )
        headers = {"x-csrf-token": signed["csrf_token"]}
        body = {"old_password": PASSWORD, "password": NEW}
        assert (await b.post("/v1/password", json=body)).json()["code"] == "cross-site-request"
        assert (await b.post("/v1/password", json=body, headers=headers)).status_code == 200
        assert (await b.get("/v1/people")).status_code == 200
        assert (await b.get("/v1/session")).json()["must"] == ""


async def test_a_new_person_comes_in_with_the_one_time_token_and_no_answer_keeps_it() -> None:
    async with World(catalogue=False) as w, browser(w) as b, browser(w) as newcomer:
        await give_password(w, "sysadmin")
        signed = (await b.post("/v1/session", json={"login": "sysadmin", "password": PASSWORD})).json()
        headers = {"x-csrf-token": signed["csrf_token"], "idempotency-key": "k-1"}
        body = {"login": "new.one", "name": "新人", "unit_id": "research", "roles": ["requester"]}
        made = await b.post("/v1/people", json=body, headers=headers)
        assert made.status_code == 201
        token = made.json()["one_time_token"]
        again = await b.post("/v1/people", json=body, headers=headers)
        assert again.json()["code"] == "idempotent-answer-lost"
        for secret in (token, PASSWORD):
            for path in w.home.rglob("*"):
                assert not path.is_file() or secret.encode() not in path.read_bytes(), path
        weak = await newcomer.post("/v1/password", json={"one_time_token": token, "password": "newone123456"})
        assert (weak.status_code, weak.json()["code"]) == (422, "weak-password")
        assert "newone123456" not in weak.text
        done = await newcomer.post("/v1/password", json={"one_time_token": token, "password": NEW})
        assert done.status_code == 200
        assert (await newcomer.post("/v1/session", json={"login": "new.one", "password": NEW})).status_code == 200


async def test_failures_and_delays_have_their_status() -> None:
    async with World(catalogue=False, lockout_failures=2) as w, browser(w) as b:
        await give_password(w, "analyst")
        wrong = {"login": "analyst", "password": "wrong"}
        answer = await b.post("/v1/session", json=wrong)
        assert (answer.status_code, answer.json()["code"]) == (401, "sign-in-failed")
        assert "set-cookie" not in answer.headers
        await b.post("/v1/session", json=wrong)
        answer = await b.post("/v1/session", json=SIGN_IN)
        assert (answer.status_code, answer.json()["code"]) == (429, "sign-in-delayed")
        assert 1 <= int(answer.headers["retry-after"]) <= 30
        for body in ({}, {"login": "x"}, {"login": "a", "password": "b", "admin": True}, {"login": 1, "password": []}):
            answer = await b.post("/v1/session", json=body)
            assert answer.status_code == 422
        assert (await b.post("/v1/session", content=b"\xff")).status_code == 422


async def test_oauth_clients_send_forms() -> None:
    async with World(catalogue=False) as w, browser(w) as b:
        key = ECKey.generate_key("P-256")
        ask = RegisterClientKey(person_id=w.id_of("model-svc"), jwk=key.as_dict(private=False))
        assert not isinstance(await register_client_key(w.gw, w.person("sysadmin"), ask), Refusal)
        now = w.clock.now // 1_000_000
        claims = {
            "iss": "model-svc",
            "sub": "model-svc",
            "aud": w.gw.settings.url,
            "exp": now + 30,
            "jti": "jti-by-form",
        }
        form = {
            "grant_type": "client_credentials", "client_id": "model-svc",
            "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            "client_assertion": jwt.encode({"alg": "ES256"}, claims, key),
        }  # fmt: skip
        answer = await b.post("/v1/token", data=form)
        assert answer.status_code == 200
        assert answer.json()["token_type"] == "Bearer"
        bearer = {"authorization": f"Bearer {answer.json()['access_token']}"}
        assert (await b.get("/v1/session", headers=bearer)).json()["person"]["login"] == "model-svc"
        again = await b.post("/v1/token", data=form)
        assert (again.status_code, again.json()["error"]) == (401, "invalid_client")
        missing = await b.post("/v1/token", data={"grant_type": "client_credentials"})
        assert missing.status_code == 422
        assert form["client_assertion"] not in again.text


@pytest.mark.parametrize(
    ("peer", "trusted", "forwarded", "seen"),
    [
        ("203.0.113.9", "", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.0/8", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.0/8", "6.6.6.6, 198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.0/8", "6.6.6.6, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "10.0.0.0/8", "198.51.100.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.0/8, ::1", None, "10.0.0.1"),
        ("::1", "10.0.0.0/8, ::1", "2001:db8::7", "2001:db8::7"),
        ("203.0.113.9", "10.0.0.0/8", "198.51.100.1", "203.0.113.9"),
    ],
)
def test_only_trusted_proxies_say_where_somebody_comes_from(
    peer: str, trusted: str, forwarded: str | None, seen: str
) -> None:
    headers = [(b"x-forwarded-for", forwarded.encode())] if forwarded else []
    request = Request({"type": "http", "client": (peer, 1), "headers": headers})
    gateway = SimpleNamespace(settings=SimpleNamespace(trusted_proxies=trusted))
    assert source_address(gateway, request) == seen  # type: ignore[arg-type]  # all that it reads


async def test_channels_tell_people_from_machines() -> None:
    async with World(catalogue=False) as w, browser(w) as b:
        await give_password(w, "analyst")
        signed = (await b.post("/v1/session", json=SIGN_IN)).json()
        headers = {"x-csrf-token": signed["csrf_token"]}
        key = (await b.post("/v1/api-keys", json={"label": "cli"}, headers=headers)).json()["api_key"]
        made = await create_api_key(w.gw, w.person("sysadmin"), CreateApiKey(person_id=w.id_of("model-svc"), label="x"))
        assert not isinstance(made, Refusal)
        b.cookies.clear()
        for token, client in ((key, "cli"), (key, ""), (made.api_key, "cli")):
            body = {"label": f"made by {client or 'none'}"}
            sent = {"authorization": f"Bearer {token}", **({"x-lianqiao-client": client} if client else {})}
            assert (await b.post("/v1/api-keys", json=body, headers=sent)).status_code == 201
        channels = [row["channel"] for row in await events(w, "api-key:created")]
        assert channels == ["console", "console", "cli", "api", "api"]
