"""The edge: repeated requests, bad requests, broken databases, headers, and the description of it all."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from gateway.runtime import open_gateway
from gateway.schemas import ROUTES
from gateway.schemas.base import instant_from, instant_text
from gateway.store.db import SteadyClock
from gateway.store.tables import operation, records
from gateway.usecases import VERBS
from gateway.web import openapi, problems
from tests.gateway.doors import browser
from tests.gateway.reading import Stage, console, outcome
from tests.world import World

CLIENT = {"uscc": "91441900MA00T0400W", "name": "东莞市岚山精密有限公司"}


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with World(max_body=100_000) as w:
        yield await Stage(w).enter(1)


@pytest.fixture
async def http(stage: Stage) -> AsyncIterator[httpx2.AsyncClient]:
    async with console(stage.w, "brokerage-rm") as client:
        yield client


async def count(stage: Stage, table: sa.Table) -> int:
    async with stage.w.db.read() as tx:
        return (await tx.execute(sa.select(sa.func.count()).select_from(table))).scalar() or 0


# --- doing once what is asked twice --------------------------------------------------------------------------------


async def test_the_same_key_gives_the_same_answer(stage: Stage, http: httpx2.AsyncClient) -> None:
    key = {"idempotency-key": "k-1"}
    first = await http.post("/v1/clients", json=CLIENT, headers=key)
    again = await http.post("/v1/clients", json=CLIENT, headers=key)
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert "idempotent-replayed" not in first.headers
    assert await count(stage, records.client) == 2
    other = await http.post("/v1/clients", json={**CLIENT, "name": "东莞市别名有限公司"}, headers=key)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency-key-reused")
    verb = await http.post("/v1/records", json={"client_id": "x", "field_group": "contact", "values": {}}, headers=key)
    assert verb.json()["code"] == "idempotency-key-reused"
    async with console(stage.w, "wealth-rm") as somebody:  # a key is its owner's
        theirs = await somebody.post("/v1/clients", json=CLIENT, headers=key)
        assert theirs.json()["state"] == "known"
    long = await http.post("/v1/clients", json=CLIENT, headers={"idempotency-key": "k" * 101})
    assert long.status_code == 422


async def test_twins_at_once_act_once(stage: Stage, http: httpx2.AsyncClient) -> None:
    key = {"idempotency-key": "twins"}
    body = {
        "client_id": stage.clients[0],
        "field_group": "contact",
        "values": {"name": "孙示例", "mobile": "13800007777"},
    }
    answers = await asyncio.gather(*(http.post("/v1/records", json=body, headers=key) for _ in range(6)))
    good = [each for each in answers if each.status_code == 201]
    assert len({each.json()["record_id"] for each in good}) == 1
    assert {each.status_code for each in answers} <= {201, 409}
    assert await count(stage, records.record) == 2
    assert await count(stage, operation.idempotency) == 1


async def test_a_refusal_and_a_failure_are_kept_and_not_kept(stage: Stage, http: httpx2.AsyncClient) -> None:
    async with console(stage.w, "auditor") as auditor:
        key = {"idempotency-key": "refused"}
        answers = [await auditor.post("/v1/clients", json=CLIENT, headers=key) for _ in range(2)]
        assert [each.status_code for each in answers] == [403, 403]
        assert answers[0].content == answers[1].content
        assert answers[1].headers["content-type"] == "application/problem+json"
    # a problem kept nothing, so the key is free for the corrected attempt... of the same body
    key = {"idempotency-key": "failed"}
    bad = {"client_id": stage.clients[0], "field_group": "contact", "values": {"name": "孙示例", "mobile": "1"}}
    assert (await http.post("/v1/records", json=bad, headers=key)).status_code == 422
    assert await count(stage, operation.idempotency) == 1
    good = {**bad, "values": {"name": "孙示例", "mobile": "13800007777"}}
    assert (await http.post("/v1/records", json=good, headers=key)).status_code == 201


async def test_a_crash_between_act_and_answer_is_said(
    stage: Stage, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: Any) -> None:
        raise RuntimeError("power cut")

    monkeypatch.setattr("gateway.store.operation.set_claim_answer", crash)
    key = {"idempotency-key": "crash"}
    assert (await http.post("/v1/clients", json=CLIENT, headers=key)).status_code == 503
    monkeypatch.undo()
    again = await http.post("/v1/clients", json=CLIENT, headers=key)
    assert (again.status_code, again.json()["code"]) == (409, "idempotent-answer-lost")
    assert await count(stage, records.client) == 2


# --- what is not as it should be -----------------------------------------------------------------------------------


async def test_every_bad_request_has_a_code_and_a_remedy_in_both_languages(
    stage: Stage, http: httpx2.AsyncClient
) -> None:
    cases: list[tuple[str, str, dict[str, Any], int, str]] = [
        ("GET", "/v1/no-such-thing", {}, 404, "not-found"),
        ("DELETE", "/v1/clients", {}, 405, "method-not-allowed"),
        ("POST", "/v1/clients", {"content": b"{"}, 422, "body-not-json"),
        ("POST", "/v1/clients", {"content": b"[1]"}, 422, "body-not-json"),
        ("POST", "/v1/clients", {"content": b'{"uscc":"\xff"}'}, 422, "body-not-json"),
        ("POST", "/v1/clients", {"json": {}}, 422, "invalid-input"),
        ("POST", "/v1/clients", {"json": {**CLIENT, "zzz": 1}}, 422, "invalid-input"),
        ("POST", "/v1/clients", {"json": {**CLIENT, "name": "长" * 60_000}}, 413, "body-too-large"),
        ("GET", "/v1/clients?limit=0", {}, 422, "invalid-input"),
        ("GET", "/v1/clients?limit=x", {}, 422, "invalid-input"),
        ("GET", "/v1/clients?zzz=1", {}, 422, "invalid-input"),
        ("POST", "/v1/records/x/disclose", {"json": {"purpose": "a", "record_id": "y"}}, 422, "invalid-input"),
        (
            "POST",
            "/v1/query",
            {"json": {"field_group": "contact", "purpose": "a", "match_field": "mobile"}},
            422,
            "invalid-input",
        ),
        ("POST", "/v1/uploads", {"content": b"no form"}, 422, "file-missing"),
        (
            "POST",
            "/v1/uploads",
            {"content": b"x", "headers": {"content-type": "multipart/form-data"}},
            422,
            "invalid-input",
        ),
    ]
    for method, path, sent, status, code in cases:
        told = {}
        for language in ("zh", "en"):
            headers = {**sent.get("headers", {}), "accept-language": language}
            answer = await http.request(method, path, **{**sent, "headers": headers})
            assert answer.status_code == status, (path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json", path
            told[language] = answer.json()
            assert told[language]["code"] == code, (path, answer.text)
            assert told[language]["status"] == status
            assert told[language]["remedy"]
            assert "长" not in answer.text
        assert told["zh"]["title"] != told["en"]["title"], path
        assert told["zh"]["remedy"] != told["en"]["remedy"], path


async def test_a_defect_is_answered_and_its_message_is_not(
    stage: Stage, http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("13800001230 was here")

    monkeypatch.setattr("gateway.store.clients.search_cards", broken)
    transport = httpx2.ASGITransport(app=http._transport.app, raise_app_exceptions=False)  # type: ignore[attr-defined]
    async with httpx2.AsyncClient(transport=transport, base_url=str(http.base_url), cookies=http.cookies) as calm:
        answer = await calm.get("/v1/clients", params={"q": "莞"})
    assert (answer.status_code, answer.json()["code"]) == (503, "temporarily-unavailable")
    assert "13800001230" not in answer.text
    assert answer.headers["retry-after"]


async def test_headers_on_everything(stage: Stage) -> None:
    async with browser(stage.w) as http:
        for path in (
            "/health",
            "/ready",
            "/v1/openapi.json",
            "/v1/clients",
            "/nowhere",
            "/log/grants/checkpoint",
            "/console/",
        ):
            answer = await http.get(path)
            assert answer.headers["x-content-type-options"] == "nosniff", path
            assert answer.headers["x-frame-options"] == "DENY", path
            assert answer.headers["referrer-policy"] == "no-referrer", path
            assert answer.headers["x-request-id"], path
            assert "cache-control" in answer.headers, path
            assert "server" not in answer.headers, path
            if path == "/console/" and answer.status_code == 200:
                policy = answer.headers["content-security-policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert "frame-ancestors 'none'" in policy
        ready = await http.get("/ready")
        assert ready.status_code == 200
        await stage.w.gw.trail.stop()
        assert (await http.get("/ready")).status_code == 503


# --- a database that does not do its part --------------------------------------------------------------------------


async def test_read_only_full_and_locked_databases_say_so(stage: Stage) -> None:
    w = stage.w
    writer = w.db._writer  # type: ignore[attr-defined]
    ask = {
        "client_id": stage.clients[0],
        "field_group": "contact",
        "values": {"name": "周示例", "mobile": "13800006666"},
    }
    async with console(w, "brokerage-rm") as http:
        before = await count(stage, records.record)

        async def all_refused(code: str) -> None:
            for path, body in (
                ("/v1/records", ask),
                (f"/v1/records/{stage.contacts[0]}/disclose", {"purpose": "collaboration"}),
                ("/v1/query", {"field_group": "contact", "purpose": "collaboration"}),
            ):
                answer = await http.post(path, json=body)
                assert (answer.status_code, answer.json()["code"]) == (503, code), (path, answer.text)
                assert answer.json()["remedy"]
                assert "138" not in answer.text

        writer.exec_driver_sql("PRAGMA query_only=ON")
        await all_refused("database-read-only")
        writer.exec_driver_sql("PRAGMA query_only=OFF")
        pages = writer.exec_driver_sql("PRAGMA page_count").scalar()
        writer.exec_driver_sql(f"PRAGMA max_page_count={pages}")
        big = {**ask, "values": {**ask["values"], "preference": "偏" * 450}}
        codes = set()
        for n in range(40):
            body = {**big, "values": {**big["values"], "mobile": f"1380001{n:04}"}}
            answer = await http.post("/v1/records", json=body)
            if answer.status_code != 201:
                codes.add(answer.json()["code"])
                break
        assert codes == {"database-full"}
        writer.exec_driver_sql("PRAGMA max_page_count=1073741823")
        writer.exec_driver_sql("PRAGMA busy_timeout=50")
        locker = sqlite3.connect(w.db.path, isolation_level=None)  # type: ignore[attr-defined]
        locker.execute("BEGIN IMMEDIATE")
        await all_refused("database-busy")
        locker.execute("ROLLBACK")
        locker.close()
        done = await http.post("/v1/records", json=ask)
        assert done.status_code == 201, done.text
        assert await count(stage, records.record) > before


async def test_missing_keys_stop_the_start(stage: Stage) -> None:
    w = stage.w
    kept = w.settings.log_key_path.read_bytes()
    w.settings.log_key_path.unlink()
    assert (
        await outcome(open_gateway(w.settings, clock=w.clock, database=w.db, provider=w.provider)) == "not-initialised"
    )
    w.settings.log_key_path.write_bytes(kept)
    owned = w.settings.model_copy()
    assert await outcome(open_gateway(owned, provider=w.provider)) == "database-owned"


def test_the_clock_stands_still_when_it_is_set_back() -> None:
    told = iter([1_000, 2_000, 1_500, 10, 2_001])
    clock = SteadyClock(lambda: next(told))
    assert [clock() for _ in range(5)] == [1_000, 2_000, 2_000, 2_000, 2_001]


def test_instants_keep_their_microseconds() -> None:
    for text in (
        "2026-03-05T01:00:00.000001Z",
        "2026-03-05T09:00:00.999999+08:00",
        "1970-01-01T00:00:00Z",
        "9998-12-30T00:00:00Z",
    ):
        assert instant_from(instant_text(instant_from(text))) == instant_from(text)
    assert instant_text(instant_from("2026-03-05T09:00:00.999999+08:00")) == "2026-03-05T01:00:00.999999Z"
    for wrong in (True, 1.5, "2026-03-05T09:00:00", "tomorrow", -1, 2**60, "0001-01-01T00:00:00Z", None):
        with pytest.raises(ValueError):
            instant_from(wrong)


# --- the description -----------------------------------------------------------------------------------------------


def test_the_description_fits_the_routes() -> None:
    document = openapi.document("http://127.0.0.1:8080")
    operations = {
        operation["operationId"]: (method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert operations == {route.name: (route.method, route.path) for route in ROUTES}
    assert operations.keys() <= VERBS.keys()
    known = document["components"]["schemas"]

    def references(node: Any) -> set[str]:
        if isinstance(node, dict):
            found = {node["$ref"]} if isinstance(node.get("$ref"), str) else set()
            return found.union(*(references(value) for value in node.values()))
        if isinstance(node, list):
            return set().union(*(references(value) for value in node))
        return set()

    assert all(each.removeprefix("#/components/schemas/") in known for each in references(document))
    for path, methods in document["paths"].items():
        for operation_ in methods.values():
            named = {each["name"] for each in operation_["parameters"] if each["in"] == "path"}
            assert named == {part[1:-1] for part in path.split("/") if part.startswith("{")}, path
            assert operation_["responses"]["default"]
    assert set(problems.STATUS.values()) >= {401, 403, 404, 409, 413, 422, 429, 503}


def test_the_description_is_valid_openapi() -> None:
    schemathesis = pytest.importorskip("schemathesis")
    schema = schemathesis.openapi.from_dict(openapi.document("http://127.0.0.1:8080"))
    schema.validate()
    assert len(list(schema.get_all_operations())) == len(ROUTES)
