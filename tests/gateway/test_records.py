"""Supplying by hand: entered, corrected, withdrawn, told; what is kept of each step, and what bad input gets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.errors import Problem, Refusal
from gateway.schemas.disclosure import GetClient
from gateway.schemas.records import CorrectRecord, EnterRecord, RecordHistory, RegisterClient, WithdrawRecord
from gateway.store.tables import keys, records
from gateway.usecases.checks import check_all
from tests.gateway.reading import PURPOSE, Stage, console, fields_of, outcome
from tests.world import World

WHY = "对方更正了联系方式"


@pytest.fixture
async def stage(database_url: str) -> AsyncIterator[Stage]:
    async with World(database_url) as w:
        stage = Stage(w)
        await stage.enter(1)
        yield stage


@pytest.fixture
async def small() -> AsyncIterator[Stage]:
    async with World() as w:
        stage = Stage(w)
        await stage.enter(1)
        yield stage


def enter(stage: Stage, **ask: Any) -> EnterRecord:
    values = {"name": "赵示例", "mobile": "13800004321", "title": "总监"}
    return EnterRecord(**{"client_id": stage.clients[0], "field_group": "contact", "values": values, **ask})


async def test_a_record_through_its_life(stage: Stage) -> None:
    entered = await stage.do("enter_record", "brokerage-rm", enter(stage))
    assert (entered.state, entered.generation) == ("active", 1)
    record = entered.record_id
    # the same person again is likely a duplicate: said without a value, and with the record that is there
    with pytest.raises(Problem) as caught:
        await stage.do("enter_record", "brokerage-rm", enter(stage))
    assert caught.value.code.name == "likely-duplicate"
    assert caught.value.extra == {"record_id": record}
    again = await stage.do("enter_record", "brokerage-rm", enter(stage, duplicate_ok=True))
    assert (again.record_id, again.generation) in {(record, 1), (record, 2)}
    # corrected, also in what makes it the same person
    fixed = {"name": "赵示例", "mobile": "13800009876", "title": "副总"}
    ask = CorrectRecord(record_id=record, values=fixed, reason=WHY)
    corrected = await stage.do("correct_record", "brokerage-rm", ask)
    assert corrected.generation == again.generation + 1
    assert (await stage.read("brokerage-rm", record)).record.values == fixed
    for value, hits in (("13800009876", 1), ("13800004321", 0)):
        found = await stage.query("brokerage-rm", match_field="mobile", match_value=value)
        assert len(found.items) == hits, value
    # withdrawn: nobody reads it any more, and its history says who, when and why
    gone = await stage.do("withdraw_record", "brokerage-rm", WithdrawRecord(record_id=record, reason="该人已离职"))
    assert gone.state == "withdrawn"
    for who, purpose in (("brokerage-rm", PURPOSE), ("compliance", "supervision")):
        assert isinstance(await stage.read(who, record, purpose), Refusal)
    assert (
        await outcome(stage.do("withdraw_record", "brokerage-rm", WithdrawRecord(record_id=record, reason="再撤一次")))
        == "conflict"
    )
    assert await outcome(stage.do("correct_record", "brokerage-rm", ask)) == "conflict"
    told = (await stage.do("record_history", "brokerage-rm", RecordHistory(record_id=record))).items
    assert [each.act for each in told][:2] == ["withdrawn", "corrected"]
    assert told[-1].act == "entered"
    assert told[0].reason == "该人已离职"
    assert told[1].reason == WHY
    assert {each.actor for each in told} == {stage.w.id_of("brokerage-rm")}
    # entered anew it stands again
    back = await stage.do("enter_record", "brokerage-rm", enter(stage, values=fixed))
    assert back.record_id == record
    assert fields_of(await stage.read("brokerage-rm", record)) == set(fixed)
    assert (await stage.do("record_history", "brokerage-rm", RecordHistory(record_id=record))).items[
        0
    ].act == "corrected"
    report = await check_all(stage.w.gw)
    assert report["sound"], report


async def test_two_corrections_at_once_have_one_winner(stage: Stage) -> None:
    async def correct(n: int) -> str:
        ask = CorrectRecord(
            record_id=stage.contacts[0],
            reason=WHY,
            values={"name": "王示例", "mobile": f"1380000{n:04}", "title": "董秘"},
        )
        return await outcome(stage.do("correct_record", "brokerage-rm", ask))

    came = await asyncio.gather(*(correct(n) for n in range(5)))
    assert set(came) <= {"allowed", "conflict"}
    won = came.count("allowed")
    assert won >= 1
    history = (await stage.do("record_history", "brokerage-rm", RecordHistory(record_id=stage.contacts[0]))).items
    assert len(history) == won + 1
    assert fields_of(await stage.read("brokerage-rm")) == {"name", "mobile", "title"}
    async with stage.w.db.read() as tx:
        stored = (await tx.execute(sa.select(keys.data_key.c.generation))).scalars().all()
    assert stored == [won + 1]


async def test_only_the_unit_itself(small: Stage) -> None:
    record = small.contacts[0]
    for who in ("wealth-rm", "park-user", "ops", "sysadmin", "auditor"):
        for verb, ask in (
            ("correct_record", CorrectRecord(record_id=record, values={"name": "钱示例"}, reason=WHY)),
            ("withdraw_record", WithdrawRecord(record_id=record, reason="不属于我")),
            ("record_history", RecordHistory(record_id=record)),
        ):
            assert await outcome(small.do(verb, who, ask)) != "allowed", (who, verb)
    assert fields_of(await small.read("brokerage-rm")) == {"name", "mobile", "title"}
    # a partner enters only about clients that it may know of
    assert await outcome(small.do("enter_record", "park-user", enter(small))) == "not-found"
    assert await outcome(small.do("enter_record", "wealth-rm", enter(small))) == "allowed"
    assert await outcome(small.do("enter_record", "auditor", enter(small))) != "allowed"


async def test_bad_input_names_the_field_and_keeps_nothing(small: Stage) -> None:
    before = await _counts(small)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"values": {}}, "invalid-input"),
        ({"values": {"name": "赵示例"}, "field_group": "no-group"}, "invalid-input"),
        ({"values": {"name": "赵示例"}, "field_group": "client_name"}, "invalid-input"),
        ({"values": {"name": "赵示例", "mobile": "12"}}, "invalid-input"),
        ({"values": {"name": "赵示例", "no_field": "x"}}, "invalid-input"),
        ({"values": {"name": "赵" * 10_000_000}}, "invalid-input"),
        ({"values": {"name": "赵示例", "preference": "x" * 10_000_000}}, "invalid-input"),
        ({"client_id": "not-a-client"}, "not-found"),
    ]
    for change, code in cases:
        with pytest.raises(Problem) as caught:
            await small.do("enter_record", "brokerage-rm", enter(small, **change))
        assert caught.value.code.name == code, change.keys()
        assert caught.value.field, change.keys()
        assert caught.value.code.remedy_zh
        assert len(str(caught.value)) < 500
        assert "赵示例" not in str(caught.value)
    assert await _counts(small) == before


async def test_bad_input_over_http(small: Stage) -> None:
    before = await _counts(small)
    async with console(small.w, "brokerage-rm") as http:
        body = enter(small).model_dump()
        for values in ({"name": "赵\x00示例"}, {"na\x00me": "x"}):
            answer = await http.post("/v1/records", json={**body, "values": values})
            assert answer.status_code == 422
            assert answer.json()["code"] == "invalid-input"
        answer = await http.post("/v1/records", json={**body, "client_id": "a\x00b"})
        assert answer.status_code == 422
        assert (await http.get("/v1/clients", params={"q": "a\x00b"})).status_code == 422
        assert (await http.get("/v1/clients/a%00b")).status_code in {404, 422}
        for name in ("东莞\u200b市莞芯\u202e丁有限公司", "\ufeff东莞市莞芯甲微电子有限公司"):
            sent = RegisterClient(uscc="91441900MA00T0400W", name=name).model_dump()
            told = (await http.post("/v1/clients", json=sent)).json()
            assert "client_id" in told or told["code"].startswith("invalid"), told
            if told.get("client_id"):
                kept = (await small.do("get_client", "brokerage-rm", GetClient(client_id=told["client_id"]))).card.name
                assert not set(kept) & set("\u200b\u202e\ufeff"), repr(kept)
    after = await _counts(small)
    assert (after[0] - before[0], after[1:]) in {(0, before[1:]), (1, before[1:])}


async def test_look_alike_names_wait_for_somebody(small: Stage) -> None:
    for name in (
        "东莞市莞芯甲微电子有限公司",
        "东莞市莞芯甲微电子有限公司 ",
        "东莞市 莞芯甲 微电子有限公司",
        "東莞市莞芯甲微電子有限公司",
    ):
        told = await outcome(
            small.do("register_client", "wealth-rm", RegisterClient(uscc="91441900MA00T0400W", name=name))
        )
        assert told == "allowed", name
        async with small.w.db.read() as tx:
            count = (await tx.execute(sa.select(sa.func.count()).select_from(records.client))).scalar()
        assert count == 1, name
    for code in ("91441900MA00T0400X", "１２３", "91441900MA00T0400W\u0000", "9144-1900"):
        assert await outcome(_register(small, code)) in {"invalid-uscc", "raised"}, code


async def _register(stage: Stage, code: str) -> Any:
    try:
        ask = RegisterClient(uscc=code, name="东莞市云桥科技有限公司")
    except ValueError:
        raise Problem(__import__("gateway.domain.uscc", fromlist=["INVALID_USCC"]).INVALID_USCC) from None
    return await stage.do("register_client", "wealth-rm", ask)


async def _counts(stage: Stage) -> tuple[int, int, int, int]:
    async with stage.w.db.read() as tx:
        found = [
            (await tx.execute(sa.select(sa.func.count()).select_from(table))).scalar() or 0
            for table in (records.client, records.record, records.record_version, records.blind_index)
        ]
    return found[0], found[1], found[2], found[3]
