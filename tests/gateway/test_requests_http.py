"""The way of a request over HTTP: what the wire says is what the verbs said."""

from typing import Any

import httpx2

from gateway.schemas.requests import CreateRequest
from ledger.receipt import verify_receipt
from tests.gateway.doors import PASSWORD, browser, give_password
from tests.gateway.scene import MOBILE, Scene
from tests.gateway.test_requests import trust
from tests.world import World


async def signed_in(w: World, login: str, client: httpx2.AsyncClient) -> dict[str, str]:
    """The headers of somebody signed in with this client."""
    answer = await client.post("/v1/session", json={"login": login, "password": PASSWORD})
    assert answer.status_code in {200, 201}, answer.text
    return {"X-CSRF-Token": answer.json()["csrf_token"]}


async def call(client: httpx2.AsyncClient, method: str, path: str, headers: dict[str, str], **kw: Any) -> Any:
    answer = await client.request(method, path, headers={**headers, "Origin": str(client.base_url).rstrip("/")}, **kw)
    return answer


async def test_from_draft_to_receipt_over_http() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        logins = ("analyst", "research-head", "brokerage-owner", "compliance")
        await give_password(w, *logins)
        form = CreateRequest(**s.form()).model_dump(mode="json")
        async with browser(w) as a, browser(w) as b, browser(w) as c, browser(w) as d:
            one, two, three, four = [
                await signed_in(w, login, each) for login, each in zip(logins, (a, b, c, d), strict=True)
            ]
            key = {"Idempotency-Key": "first-draft"}
            made = await call(a, "POST", "/v1/requests", one | key, json=form)
            assert made.status_code == 201, made.text
            again = await call(a, "POST", "/v1/requests", one | key, json=form)
            assert again.json()["request_id"] == made.json()["request_id"]
            other = await call(a, "POST", "/v1/requests", one | key, json=form | {"row_cap": 7})
            assert other.status_code == 409
            at = f"/v1/requests/{made.json()['request_id']}"
            assert made.json()["form"]["scope"]["clients"] == s.clients
            sent = await call(a, "POST", f"{at}/submit", one, json={})
            assert sent.status_code == 200, sent.text
            assert sent.json()["level"] == "L3"
            assert sent.json()["due_at"].endswith("Z")
            refused = await call(b, "POST", f"{at}/approve", two, json={"reason_code": "x", "made_up": 1})
            assert refused.status_code == 422
            assert refused.headers["content-type"].startswith("application/problem+json")
            assert (await call(b, "POST", f"{at}/endorse", two, json={})).status_code == 200
            inbox = (await call(c, "GET", "/v1/requests?view=inbox", three)).json()
            assert [each["request_id"] for each in inbox["items"]] == [made.json()["request_id"]]
            assert (await call(c, "POST", f"{at}/approve", three, json={"opinion": "同意"})).status_code == 200
            stale = await call(d, "POST", f"{at}/approve", four, json={"version": 1})
            assert stale.status_code == 409
            assert stale.json()["first"] == "何景行"
            done = await call(d, "POST", f"{at}/approve", four, json={})
            assert done.status_code == 200, done.text
            verify_receipt(done.json()["receipt"], trust(w))
            grant = done.json()["grant"]
            shown = await call(a, "GET", f"/v1/grants/{grant['grant_id']}/receipt", one)
            assert shown.json()["receipt"] == done.json()["receipt"]
            missing = await call(d, "GET", "/v1/grants/no-such-grant", four)
            assert missing.status_code == 404
            no = await call(
                a, "POST", "/v1/catalogue/items/INT-CON-001/changes", one, json={"reason": "改", "level": "L4"}
            )
            assert no.status_code in {403, 422}
            for answer in (made, sent, done, shown, stale):
                assert MOBILE[:-1] not in answer.text
            notices = (await call(a, "GET", "/v1/notices", one)).json()
            assert notices["unread"] == 1
            read = await call(a, "POST", f"/v1/notices/{notices['items'][0]['notice_id']}/read", one, json={})
            assert read.json()["state"] == "read"
