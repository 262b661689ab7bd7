"""The rules to look at: what is told agrees with what a read does, and nobody is told more than it may know."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.errors import Problem, Refusal
from gateway.schemas.barrier import BarrierId, ProposeListing
from gateway.schemas.disclosure import Disclosure
from gateway.schemas.policy import ExplainAccess, ListRules, WhatCan, WhoCan
from policies.check import EXIT
from policies.texts import read_texts
from tests.gateway.reading import PURPOSE, Stage, events
from tests.world import DAY, World

EVERYBODY = ("analyst", "research-head", "ib-rm", "brokerage-rm", "brokerage-owner", "wealth-rm", "compliance", "auditor", "ops",
             "sysadmin", "custodian", "park-user", "bank-user", "model-svc")  # fmt: skip


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    async with World(database_url) as w:
        yield await Stage(w).enter(2)


async def test_rules_are_listed_to_those_who_watch(stage: Stage) -> None:
    found = await stage.do("list_rules", "compliance", ListRules())
    loaded = stage.w.gw.policy.loaded
    assert found.epoch == loaded.epoch
    assert [each.rule for each in found.rules] == [
        rule.id for kind in ("data_access", "workflow") for rule in loaded.ruleset(kind).rules
    ]
    by_id = {each.rule: each for each in found.rules}
    assert by_id["CLEARANCE"].about.startswith("2. guards: levels")
    assert by_id["TRAINING"].zh == "数据安全培训已过期"
    assert by_id["GRANT-READ"].on["basis"] == "grant"
    only = await stage.do("list_rules", "auditor", ListRules(kind="workflow"))
    assert {each.kind for each in only.rules} == {"workflow"}
    refused = await stage.do("list_rules", "analyst", ListRules())
    assert isinstance(refused, Refusal)
    assert refused.rule == ""


async def test_explanation_agrees_with_the_read(stage: Stage) -> None:
    await stage.granted()
    record = stage.contacts[0]
    for login in EVERYBODY:
        for purpose in (PURPOSE, "supervision", "audit"):
            by = stage.w.person(login)
            told = await stage.do(
                "explain_access", "compliance",
                ExplainAccess(record_id=record, person_id=by.id, purpose=purpose, channel=by.channel),
            )  # fmt: skip
            read = await stage.read(login, record, purpose)
            allowed = {name for each in told.decisions if each.effect == "allow" for name in each.fields}
            released = set(read.record.values) if isinstance(read, Disclosure) else set()
            assert released <= allowed, (login, purpose)
            assert bool(released) == bool(allowed), (login, purpose)
            for each in told.decisions:
                first = each.rules[0]
                if each.effect == "allow":
                    assert (first.rule, first.matched, first.lacking) == (each.rule, True, ()), login
                elif not each.rule:  # nothing allowed it: every allow rule lacks something
                    assert all(rule.lacking for rule in each.rules if rule.effect == "allow"), login


async def test_oneself_is_told_what_a_read_tells(stage: Stage) -> None:
    record = stage.contacts[0]
    refused = await stage.do("explain_access", "analyst", ExplainAccess(record_id=record, purpose=PURPOSE))
    read = await stage.read("analyst", record)
    assert isinstance(refused, Refusal)
    assert (refused.reason, refused.rule, refused.explanation) == (read.reason, "", ())
    other = ExplainAccess(record_id=record, person_id=stage.w.id_of("ib-rm"), purpose=PURPOSE)
    assert isinstance(await stage.do("explain_access", "analyst", other), Refusal)
    await stage.granted()
    told = await stage.do("explain_access", "analyst", ExplainAccess(record_id=record, purpose=PURPOSE))
    assert {each.rule for each in told.decisions} == {""}
    assert {name for each in told.decisions if each.effect == "allow" for name in each.fields} == {"name", "title"}


async def test_a_listing_and_an_absence_look_alike(stage: Stage) -> None:
    await stage.granted()
    ask = ProposeListing(
        client_id=stage.clients[0], kind="restricted", reason="合规名单测试", not_after=stage.w.clock.now + DAY
    )
    listed = await stage.do("propose_listing", "compliance", ask)
    await stage.do("confirm_listing", "compliance-2", BarrierId(barrier_id=listed.barrier_id))
    hidden = await stage.do("explain_access", "analyst", ExplainAccess(record_id=stage.contacts[0], purpose=PURPOSE))
    absent = await stage.do("explain_access", "analyst", ExplainAccess(record_id="0" * 36, purpose=PURPOSE))
    assert isinstance(hidden, Refusal)
    assert isinstance(absent, Refusal)
    assert replace(hidden, decision_id="") == replace(absent, decision_id="")
    why = ExplainAccess(record_id=stage.contacts[0], person_id=stage.w.id_of("analyst"), purpose=PURPOSE)
    told = await stage.do("explain_access", "compliance", why)
    assert {each.rule for each in told.decisions} == {"WALL-RESTRICTED"}
    with pytest.raises(Problem):
        await stage.do("explain_access", "compliance", ExplainAccess(record_id="0" * 36, purpose=PURPOSE))


async def test_who_can_is_everybody_who_reads_it(stage: Stage) -> None:
    await stage.granted()
    ask = WhoCan(client_id=stage.clients[0], item_code="INT-CON-001", limit=3)
    found: dict[str, str] = {}
    while True:
        page = await stage.do("who_can", "compliance", ask)
        assert len(page.items) <= 3
        found |= {each.login: each.purpose for each in page.items}
        if page.next is None:
            break
        ask = ask.model_copy(update={"after": page.next})
    assert "analyst" in found
    assert "sysadmin" not in found
    for login in stage.w.people:
        reads = [
            await stage.read(stage.w.person(login, channel=channel), stage.contacts[0], purpose)
            for purpose in (PURPOSE, "supervision", "audit") for channel in ("console", "api")
        ]  # fmt: skip
        can = any(isinstance(read, Disclosure) and "name" in read.record.values for read in reads)
        assert can == (login in found), login


async def test_what_can_is_every_record_that_is_read(stage: Stage) -> None:
    await stage.granted()
    for login in EVERYBODY:
        by = stage.w.person(login)
        for purpose in (PURPOSE, "supervision"):
            ask = WhatCan(person_id=by.id, field_group="contact", purpose=purpose, channel=by.channel, limit=1)
            found: dict[str, set[str]] = {}
            while True:
                page = await stage.do("what_can", "compliance", ask)
                found |= {each.record_id: set(each.fields) for each in page.items}
                if page.next is None:
                    break
                ask = ask.model_copy(update={"after": page.next})
            for record in stage.contacts:
                read = await stage.read(by, record, purpose)
                assert isinstance(read, Disclosure) == (record in found), (login, purpose)
                if isinstance(read, Disclosure):
                    assert set(read.record.values) <= found[record]
    assert isinstance(
        await stage.do(
            "what_can", "analyst", WhatCan(person_id=stage.w.id_of("analyst"), field_group="contact", purpose=PURPOSE)
        ),
        Refusal,
    )


async def test_asking_stands_on_the_trail(stage: Stage) -> None:
    await stage.do("who_can", "compliance", WhoCan(client_id=stage.clients[0], item_code="INT-CON-001"))
    await stage.do("explain_access", "compliance", ExplainAccess(record_id=stage.contacts[0], purpose=PURPOSE))
    assert len(await events(stage.w, "policy:asked-who")) == 1
    assert len(await events(stage.w, "policy:explained")) == 1


# --- offline


def _folder(target: Path, changes: dict[str, tuple[str, str]]) -> Path:
    for path, shipped in read_texts().files.items():
        old, new = changes.get(path, ("", ""))
        assert old in shipped
        body = shipped.replace(old, new) if old else shipped
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(body, "utf-8")
    return target


RULES = "data_access/policy.csv"


@pytest.mark.parametrize(
    ("changes", "failure"),
    [
        ({}, "ok"),
        ({RULES: ("r.sub.internal && r.ctx.purpose == \"audit\"", "r.sub.internal && r.ctx.porpoise == \"audit\"")}, "text"),
        ({RULES: ("p, L4-VIEW-ONLY, any, export, protected, any, r.obj.level >= 4,", "p, L4-VIEW-ONLY, any, export, protected, any, r.obj.level >= 5,")}, "case"),
    ],
)  # fmt: skip
def test_check_tells_the_class_of_failure(tmp_path: Path, changes: dict[str, tuple[str, str]], failure: str) -> None:
    done = CliRunner().invoke(app, ["policy", "check", str(_folder(tmp_path, changes)), "--json"])
    told = json.loads(done.stdout)
    found = {each["class"] for each in told["findings"]}
    assert done.exit_code == told["exit_code"]
    assert (failure == "ok") == (done.exit_code == 0)
    if failure != "ok":
        assert failure in found or "invariant" in found
        assert done.exit_code == min(EXIT[name] for name in found)
        assert all(each["file"] for each in told["findings"])


def test_matrix_is_the_page_of_the_documents() -> None:
    done = CliRunner().invoke(app, ["policy", "matrix"])
    assert done.exit_code == 0
    assert "GRANT-READ" in done.stdout


def test_compare_finds_what_a_change_opens(tmp_path: Path) -> None:
    pytest.importorskip("z3")
    old = _folder(tmp_path / "old", {})
    new = _folder(tmp_path / "new", {RULES: ("r.ctx.purpose == \"audit\" && r.obj.level <= 3", "r.ctx.purpose == \"audit\" && r.obj.level <= 4")})  # fmt: skip
    done = CliRunner().invoke(app, ["policy", "compare", str(old), str(new), "--json"])
    told = json.loads(done.stdout)
    assert done.exit_code == 0
    assert [change["kind"] for change in told["changes"]] == ["data_access"] * len(told["changes"])
    assert any(change["opens"] and change["new_rule"] == "AUDIT-READ" for change in told["changes"])
    same = CliRunner().invoke(app, ["policy", "compare", str(old), str(old), "--json"])
    assert json.loads(same.stdout)["changes"] == []
