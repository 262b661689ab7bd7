"""The four edges against one demonstration server: command line, SDK, HTTP and the verb say the same."""

import asyncio
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import typer
from typer.testing import CliRunner

from gateway.cli import remote
from gateway.cli.main import app
from gateway.client import AsyncClient, Client, GatewayProblem, GatewayRefusal, verify_receipt
from gateway.demo.seed import password_of, person_id_of
from gateway.domain.principal import Principal
from gateway.domain.synthetic import clients, contacts_of, text_rows, write_csv
from gateway.runtime import open_gateway
from gateway.schemas import ROUTES
from gateway.schemas.disclosure import Disclose, GetClient, Query, SearchClients
from gateway.schemas.grants import RevokeGrant, Scope
from gateway.schemas.requests import AcceptOffer, ApproveRequest, CreateRequest, EndorseRequest, ItemAsk, SubmitRequest
from gateway.settings import Settings
from gateway.store import parties
from gateway.usecases import VERBS
from tests.operation.running import Server, lianqiao, serving

PURPOSE = "client-referral"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("edges")


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    with serving(home, "--demo", mode="demo") as running:
        yield running


def _signed_in(server: Server, login: str) -> Client:
    client = Client(server.url)
    client.sign_in_as(login, password_of(login))
    return client


@pytest.fixture
def cli(server: Server, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """`cli("analyst", "clients", "search-clients", ...)` in this process, which knows no other gateway."""
    monkeypatch.setattr(remote, "URL", server.url)
    monkeypatch.setattr(sys.modules["gateway.cli.main"], "URL", server.url)  # the package names its function so

    def run(login: str, *arguments: str) -> Any:
        session = home / f"{login}.json"
        monkeypatch.setenv("LIANQIAO_SESSION", str(session))
        if not session.exists():
            monkeypatch.setenv("LIANQIAO_PASSWORD", password_of(login))
            signed = CliRunner().invoke(app, ["login", login])
            assert signed.exit_code == 0, signed.output
            assert session.stat().st_mode & 0o077 == 0
        return CliRunner().invoke(app, list(arguments))

    return run


def _record_of(server: Server) -> tuple[str, str]:
    """A whole contact of the brokerage that the analyst may not read yet: its record and its client."""
    with _signed_in(server, "brokerage-owner") as owner, _signed_in(server, "analyst") as analyst:
        rows = owner.query(Query(field_group="contact", purpose=PURPOSE, limit=200)).items
        for row in reversed(rows):
            if {"name", "title", "mobile", "email"} <= row.values.keys():
                try:
                    analyst.disclose(Disclose(record_id=row.record_id, purpose=PURPOSE))
                except GatewayRefusal:
                    return row.record_id, row.client_id
    raise AssertionError("the analyst reads every contact there is")


def test_every_command_explains_itself() -> None:
    tree = typer.main.get_command(app)
    seen = 0
    for name, command in tree.commands.items():  # type: ignore[attr-defined]
        for path in [[name], *([name, each] for each in getattr(command, "commands", ()))]:
            shown = CliRunner().invoke(app, [*path, "--help"])
            assert shown.exit_code == 0, path
            assert re.search(r"[一-鿿]", shown.output), path
            seen += 1
    served = {route.name.replace("_", "-") for route in ROUTES if route.name not in remote._BY_HAND}
    there = {each for command in tree.commands.values() for each in getattr(command, "commands", ())}  # type: ignore[attr-defined]
    assert served <= there
    assert seen > len(served)


def test_exit_codes(cli: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    record_id, client_id = _record_of(server)
    assert cli("analyst", "clients", "get-client", client_id).exit_code == 0
    refused = cli("analyst", "disclosure", "disclose", record_id, "--purpose", PURPOSE)
    assert refused.exit_code == 3
    failed = cli("analyst", "grants", "get-grant", "00000000-0000-4000-8000-000000000000")
    assert failed.exit_code == 1
    assert cli("analyst", "disclosure", "disclose", record_id).exit_code == 2  # no purpose
    assert cli("analyst", "disclosure", "disclose", record_id, "--no-such-option", "x").exit_code == 2
    monkeypatch.setattr(remote, "URL", "http://127.0.0.1:9")
    assert cli("analyst", "clients", "get-client", client_id).exit_code == 1  # nobody there


def test_tables_and_json(cli: Any) -> None:
    table = cli("analyst", "catalogue", "search-catalogue", "--text", "联系人", "--limit", "3")
    assert table.exit_code == 0
    plain = cli("analyst", "catalogue", "search-catalogue", "--text", "联系人", "--limit", "3", "--json")
    assert plain.exit_code == 0
    answer = json.loads(plain.output)
    assert 1 <= len(answer["items"]) <= 3


def test_a_file_is_sent_and_watched(cli: Any, tmp_path: Path) -> None:
    sheet = tmp_path / "contacts.csv"
    made = [record for client in list(clients(240))[160:200] for record in contacts_of(client)]
    with sheet.open("wb") as file:
        write_csv(file, text_rows("contact", made))
    tried = cli("wealth-rm", "uploads", "send", str(sheet), "--kind", "contact", "--dry-run", "--json")
    assert tried.exit_code == 0, tried.output
    assert json.loads(tried.output)["state"] == "checked"
    sent = cli("wealth-rm", "uploads", "send", str(sheet), "--kind", "contact")
    assert sent.exit_code == 0, sent.output
    assert "contacts.csv" in sent.output  # the progress bar names the file
    broken = tmp_path / "broken.csv"
    broken.write_text("社会信用代码,姓名\n123,某某\n", "utf-8")
    report = tmp_path / "report.csv"
    bad = cli("wealth-rm", "uploads", "send", str(broken), "--kind", "contact", "--report", str(report), "--json")
    assert bad.exit_code == 1


def test_one_story_by_every_edge(server: Server, home: Path, cli: Any) -> None:
    """Asked by SDK, given by SDK, read by HTTP, SDK (both), command line and at last by the verb: the same values."""
    record_id, client_id = _record_of(server)
    codes = ("INT-CON-001", "INT-CON-002", "INT-CON-003")
    with _signed_in(server, "analyst") as analyst:
        found = analyst.search_clients(SearchClients(q=analyst.get_client(GetClient(client_id=client_id)).card.name))
        assert client_id in {each.client_id for each in found.items}
        with pytest.raises(GatewayRefusal) as refused:
            analyst.disclose(Disclose(record_id=record_id, purpose=PURPOSE))
        assert refused.value.decision_id
        assert refused.value.remedy
        ask = CreateRequest(
            items=tuple(ItemAsk(item_code=code) for code in codes), purpose=PURPOSE,
            reason="为行业研究报告约访企业董秘,需要核实联系人姓名与职务并取得联系方式", scenario="行业研究访谈",
            scope=Scope(clients=(client_id,)), row_cap=20, uses=("view", "api"), term_days=20,
            legal_basis="PIPL 13-1(2)", pledge=True, safety_officer="D0002",
        )  # fmt: skip
        request_id = analyst.submit_request(SubmitRequest(request_id=analyst.create_request(ask).request_id)).request_id
        with _signed_in(server, "research-head") as head:
            head.endorse_request(EndorseRequest(request_id=request_id, opinion="情况属实,同意"))
        fewer = tuple(ItemAsk(item_code=code) for code in codes[:2])
        with _signed_in(server, "brokerage-owner") as owner:
            owner.approve_request(
                ApproveRequest(request_id=request_id, items=fewer, reason_code="not-needed", opinion="手机号非必需")
            )
        with _signed_in(server, "compliance") as compliance:
            compliance.approve_request(ApproveRequest(request_id=request_id, opinion="符合最小必要"))
        given = analyst.accept_offer(AcceptOffer(request_id=request_id))
        assert given.grant is not None
        grant_id = given.grant.grant_id

        by_sdk = analyst.disclose(Disclose(record_id=record_id, purpose=PURPOSE)).record.values
        assert set(by_sdk) == {"name", "title"}
        by_async = asyncio.run(_read_async(server, record_id))
        by_http = _read_http(server, record_id)
        by_cli = json.loads(cli("analyst", "disclosure", "disclose", record_id, "--purpose", PURPOSE, "--json").output)
        assert by_sdk == by_async == by_http == by_cli["record"]["values"]

        receipt = home / "receipt.json"
        receipt.write_text(given.receipt)
        assert verify_receipt(receipt.read_bytes(), home / "home" / "trust.policy").entry.kind == "grant:approved"
        verify = ["verify", str(receipt), "--trust", str(home / "home" / "trust.policy")]
        assert CliRunner().invoke(app, verify).exit_code == 0
        receipt.write_text(given.receipt.replace("grant:approved", "grant:approvee"))
        assert CliRunner().invoke(app, verify).exit_code == 1

    server.stop()
    _by_the_verb(home, record_id, by_sdk)
    _nothing_in_the_backup(home, by_sdk)
    with serving(home, mode="demo") as again:
        with _signed_in(again, "brokerage-owner") as owner:
            owner.revoke_grant(RevokeGrant(grant_id=grant_id, reason="项目提前结束"))
        with _signed_in(again, "analyst") as analyst, pytest.raises(GatewayProblem) as gone:
            analyst.disclose(Disclose(record_id=record_id, purpose=PURPOSE))
        assert isinstance(gone.value, GatewayRefusal)


async def _read_async(server: Server, record_id: str) -> dict[str, Any]:
    async with AsyncClient(server.url) as client:
        await client.sign_in_as("analyst", password_of("analyst"))
        return (await client.disclose(Disclose(record_id=record_id, purpose=PURPOSE))).record.values


def _read_http(server: Server, record_id: str) -> dict[str, Any]:
    with httpx2.Client(base_url=server.url) as http:
        signed = http.post("/v1/session", json={"login": "analyst", "password": password_of("analyst")}).json()
        headers = {"x-csrf-token": signed["csrf_token"]}
        answer = http.post(f"/v1/records/{record_id}/disclose", json={"purpose": PURPOSE}, headers=headers)
        values: dict[str, Any] = answer.json()["record"]["values"]
        return values


def _by_the_verb(home: Path, record_id: str, wanted: dict[str, Any]) -> None:
    async def read() -> Any:
        gateway = await open_gateway(Settings(mode="demo", home=home / "home"))
        try:
            async with gateway.db.read() as tx:
                one = await parties.get_person(tx, person_id_of("analyst"))
            analyst = Principal(
                id=one.person_id, kind=one.kind, login=one.login, name=one.name, unit_id=one.unit_id,
                institution_id=one.institution_id, institution_kind="firm", roles=one.roles, side=one.side,
                clearance=one.clearance, trained_until=one.trained_until, generation=one.generation,
                staff_no=one.staff_no or "", channel="api", source_address="127.0.0.1",
            )  # fmt: skip
            return await VERBS["disclose"](gateway, analyst, Disclose(record_id=record_id, purpose=PURPOSE))
        finally:
            await gateway.close()

    assert asyncio.run(read()).record.values == wanted


def _nothing_in_the_backup(home: Path, values: dict[str, Any]) -> None:
    """What was read as a protected value, and every key, is not in the folder of the database's backup."""
    target = home / "backup"
    done = lianqiao(home, "backup", str(target), mode="demo")
    assert done.code == 0, done.err
    content = b"".join(path.read_bytes() for path in target.rglob("*") if path.is_file())
    keys = [(home / "home" / name).read_bytes().strip() for name in ("root.key", "passphrase", "log.key")]
    assert not [key for key in keys if key in content]
    for value in values.values():
        assert str(value).encode() not in content
