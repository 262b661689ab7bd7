"""Signing in through an OpenID provider, against a provider of its own on loopback."""

import contextlib
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from gateway.schemas.sessions import LinkIdentity
from gateway.usecases.credentials import link_identity
from tests.gateway.doors import PASSWORD, browser, events, give_password
from tests.world import World

pytestmark = pytest.mark.filterwarnings("ignore")  # the provider's own


@pytest.fixture
def provider() -> Iterator[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from oidc_provider_mock import User, run_server_in_thread

        users = [
            User(sub="s-analyst", claims={"preferred_username": "analyst"}),
            User(sub="s-boss", claims={"email": "ib-head", "email_verified": False}),
        ]
        with run_server_in_thread(user_claims=users) as server:
            yield f"http://localhost:{server.server_port}"


@contextlib.asynccontextmanager
async def world(issuer: str, **settings: Any) -> AsyncIterator[World]:
    settings |= {"oidc_issuer": issuer, "oidc_client_id": "gw", "oidc_client_secret": "with: %signs"}
    async with World(catalogue=False, sign_in_per_minute=10_000, **settings) as w:
        w.clock.now = time.time_ns() // 1000  # the provider has its own clock
        yield w


async def begun(b: httpx2.AsyncClient, return_to: str = "/console/requests") -> str:
    answer = await b.get("/v1/oidc/start", params={"return_to": return_to})
    assert answer.status_code == 200
    assert set(answer.json()) == {"authorization_url"}
    return str(answer.json()["authorization_url"])


async def consent(url: str, sub: str = "s-analyst") -> dict[str, str]:
    """The person signs in at the provider; what it sends back through the browser."""
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(url, data={"sub": sub})
    assert answer.status_code == 302
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


async def back(b: httpx2.AsyncClient, query: dict[str, str], **headers: str) -> httpx2.Response:
    return await b.get("/v1/oidc/callback", params=query, headers=headers)


async def link(w: World, login: str = "analyst", subject: str = "s-analyst") -> None:
    await link_identity(w.gw, w.person("sysadmin"), LinkIdentity(person_id=w.id_of(login), subject=subject))


async def test_a_linked_identity_signs_in_with_code_pkce_state_and_nonce(provider: str) -> None:
    async with world(provider) as w, browser(w) as b:
        await link(w)
        url = await begun(b)
        query = parse_qs(urlsplit(url).query)
        assert query["code_challenge_method"] == ["S256"]
        assert len(query["code_challenge"][0]) == 43
        assert query["redirect_uri"] == [w.gw.settings.url + "/v1/oidc/callback"]
        binding = b.cookies["lianqiao-oidc"]
        answered = await consent(url)
        page = await back(b, answered, accept="text/html")
        assert (page.status_code, page.headers["location"]) == (303, "/console/requests")
        assert "lianqiao-oidc" not in b.cookies
        who = (await b.get("/v1/session")).json()
        assert (who["person"]["login"], who["must"]) == ("analyst", "")
        assert "oidc" in repr([row["details"] for row in await events(w, "sign-in:succeeded")])
        # the code and the state count once
        again = await b.get("/v1/oidc/callback", params=answered, headers={"cookie": f"lianqiao-oidc={binding}"})
        assert again.json()["code"] == "oidc-sign-in-failed"
        assert answered["code"] not in again.text


async def test_state_belongs_to_one_browser_and_ten_minutes(provider: str) -> None:
    async with world(provider) as w, browser(w) as b, browser(w) as victim:
        await link(w)
        mine = await consent(await begun(b))
        # somebody else's answer in the victim's browser would sign the victim in as somebody else
        await begun(victim)
        assert (await back(victim, mine)).json()["code"] == "oidc-sign-in-failed"
        assert (await back(b, mine)).json()["code"] == "oidc-sign-in-failed"  # and is burnt
        late = await consent(await begun(b))
        w.clock.advance(seconds=601)
        assert (await back(b, late)).json()["code"] == "oidc-sign-in-failed"
        for broken in ({"state": "lqf_" + "A" * 43, "code": "x"}, {"state": "", "code": "x"}, {}):
            assert (await back(b, broken)).json()["code"] == "oidc-sign-in-failed"
        page = await back(b, {"state": "x", "error": "access_denied"}, accept="text/html")
        assert page.headers["location"] == "/console/?problem=oidc-sign-in-failed"
        assert "lianqiao=" not in page.headers.get("set-cookie", "")
        assert await events(w, "sign-in:succeeded") == []


async def test_answers_of_another_issuer_refusals_and_wrong_codes_do_not_sign_in(provider: str) -> None:
    async with world(provider) as w, browser(w) as b:
        await link(w)
        for change in ({"iss": "https://evil.example"}, {"code": "wrong"}, {"code": ""}, {"error": "access_denied"}):
            answered = await consent(await begun(b))
            answer = await back(b, {**answered, **change})
            assert (answer.status_code, answer.json()["code"]) == (401, "oidc-sign-in-failed"), change


async def test_the_nonce_is_this_flows(provider: str) -> None:
    import sqlalchemy as sa

    from gateway.store.tables.auth import oidc_flow

    async with world(provider) as w, browser(w) as b:
        await link(w)
        for change in ({"nonce": "another"}, {"nonce": ""}):
            answered = await consent(await begun(b))
            async with w.gw.begin() as tx:
                await tx.execute(sa.update(oidc_flow).values(change))
            answer = await back(b, answered, **{"accept-language": "en"})
            assert answer.json()["code"] == "oidc-sign-in-failed", change
            assert answer.json()["detail"] == "the id_token belongs to another sign-in"


async def test_who_is_not_linked_is_nobody_here_and_a_trusted_claim_links_once(provider: str) -> None:
    async with world(provider) as w, browser(w) as b:
        answer = await back(b, await consent(await begun(b)))
        assert (answer.status_code, answer.json()["code"]) == (401, "identity-not-linked")
        assert len(await events(w, "sign-in:failed")) == 1
    async with world(provider, oidc_login_claim="preferred_username") as w, browser(w) as b:
        answer = await back(b, await consent(await begun(b)))
        assert answer.json()["person"]["login"] == "analyst"
        assert len(answer.json()["csrf_token"]) == 43
        # from now on the subject counts, whatever the claim says
        async with w.gw.begin() as tx:
            from gateway.store import auth

            assert await auth.find_identity(tx, provider, "s-analyst") == w.id_of("analyst")
    async with world(provider, oidc_login_claim="email") as w, browser(w) as b:
        answer = await back(b, await consent(await begun(b), "s-boss"))
        assert answer.json()["code"] == "identity-not-linked"  # an address that nobody verified


async def test_a_person_that_is_suspended_does_not_come_in_through_the_provider(provider: str) -> None:
    import sqlalchemy as sa

    async with world(provider) as w, browser(w) as b:
        await link(w)
        async with w.gw.begin() as tx:
            await tx.execute(sa.text("UPDATE person SET state = 'suspended' WHERE login = 'analyst'"))
        assert (await back(b, await consent(await begun(b)))).json()["code"] == "identity-not-linked"


async def test_a_session_in_the_browser_ends_when_another_begins(provider: str) -> None:
    async with world(provider) as w, browser(w) as b:
        await link(w)
        await give_password(w, "auditor")
        await b.post("/v1/session", json={"login": "auditor", "password": PASSWORD})
        former = b.cookies["lianqiao"]
        await back(b, await consent(await begun(b)))
        assert (await b.get("/v1/session")).json()["person"]["login"] == "analyst"
        b.cookies.clear()
        assert (await b.get("/v1/session", headers={"cookie": f"lianqiao={former}"})).status_code == 401


async def test_a_provider_that_is_down_wrong_or_missing_is_said_so() -> None:
    async with world("http://127.0.0.1:9") as w, browser(w) as b:
        answer = await b.get("/v1/oidc/start")
        assert (answer.status_code, answer.json()["code"]) == (503, "oidc-provider-unavailable")
    async with world("http://idp.example") as w, browser(w) as b:
        assert (await b.get("/v1/oidc/start")).json()["code"] == "oidc-provider-unavailable"
    async with World(catalogue=False) as w, browser(w) as b:
        answer = await b.get("/v1/oidc/start")
        assert (answer.status_code, answer.json()["code"]) == (422, "oidc-not-configured")


async def test_the_browser_is_sent_straight_on_and_never_to_another_site(provider: str) -> None:
    async with world(provider) as w, browser(w) as b:
        await link(w)
        answer = await b.get("/v1/oidc/start", params={"return_to": "//evil.example"}, headers={"accept": "text/html"})
        assert answer.status_code == 303
        assert answer.headers["location"].startswith(provider + "/oauth2/authorize?")
        page = await back(b, await consent(answer.headers["location"]), accept="text/html")
        assert page.headers["location"] == "/console/"
