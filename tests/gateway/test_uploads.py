"""Supplying by file: all or nothing, skipped rows, one flip, dirty sheets, dead processes, and both ways over HTTP."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.domain.synthetic import DIRTY, clients, tenant_sheet, text_rows, write_csv
from gateway.errors import Problem, Refusal
from gateway.runtime import open_gateway
from gateway.schemas.disclosure import GetClient, SearchClients
from gateway.schemas.records import (
    CorrectRecord,
    EnterRecord,
    GetUpload,
    RecordHistory,
    UploadErrors,
    UploadFile,
    UploadOut,
    WithdrawUpload,
)
from gateway.store.db import open_database
from gateway.store.tables import keys, records
from gateway.usecases import uploads
from gateway.usecases.checks import check_all
from gateway.worker import run_jobs_once
from tests.gateway.reading import CODES, Stage, console, fields_of, outcome
from tests.world import World

HEAD = ["统一社会信用代码", "企业名称", "联系人姓名", "联系人职务", "手机号码", "电子邮箱"]
MORE = [code for code in (each.uscc for each in clients(40)) if code[:2] == "91"]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with World() as w:
        yield Stage(w)


@pytest.fixture
async def both(database_url: str) -> AsyncIterator[Stage]:
    async with World(database_url) as w:
        yield Stage(w)


def sheet(rows: Iterable[list[str]], encoding: str = "utf-8-sig") -> io.BytesIO:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEAD, *rows])
    return io.BytesIO(text.getvalue().encode(encoding))


def row(n: int, mobile: str = "", title: str = "经理") -> list[str]:
    return [
        MORE[n % len(MORE)],
        f"东莞市示例{n % len(MORE)}号制造有限公司",
        f"示例{'甲乙丙丁戊己庚辛'[n % 8]}",
        title,
        mobile or f"138{n:08}",
        "",
    ]


async def send(
    stage: Stage, who: str, source: io.BytesIO, *, kind: str = "contact", wait: bool = True, **ask: Any
) -> UploadOut:
    answer = await uploads.upload_file(
        stage.w.gw, stage.w.person(who), UploadFile(kind=kind, **ask), source=source, file_name="联系人.csv", wait=wait
    )
    assert isinstance(answer, UploadOut), answer
    return answer


async def left_over(stage: Stage) -> dict[str, int]:
    """Rows of an upload that is not in force: none may be left."""
    async with stage.w.db.read() as tx:

        async def count(table: Any, *where: Any) -> int:
            return (await tx.execute(sa.select(sa.func.count()).select_from(table).where(*where))).scalar() or 0

        return {
            "staged records": await count(records.record, records.record.c.state == "staged"),
            "staged versions": await count(records.record_version, records.record_version.c.act == "staged"),
            "staged tokens": await count(records.blind_index, records.blind_index.c.field.contains("@")),
            "strange clients": await count(records.client, records.client.c.registered_by.startswith("upload:")),
            "waiting cards": await count(records.upload_card),
            "keys without record": await count(
                keys.data_key, keys.data_key.c.record_id.not_in(sa.select(records.record.c.record_id))
            ),
        }


NOTHING = {
    "staged records": 0,
    "staged versions": 0,
    "staged tokens": 0,
    "strange clients": 0,
    "waiting cards": 0,
    "keys without record": 0,
}


async def test_all_or_nothing(both: Stage) -> None:
    good = await send(both, "brokerage-rm", sheet(row(n) for n in range(8)))
    assert (good.state, good.rows_new, good.rows_bad) == ("done", 8, 0)
    before = [(each.record_id, each.values) for each in (await both.query("brokerage-rm")).items]
    # changed rows and new ones, and one bad row at the very end
    rows = [row(n, title="总监") for n in range(8)] + [row(n) for n in range(9, 700)] + [row(8, mobile="12")]
    bad = await send(both, "brokerage-rm", sheet(rows))
    assert (bad.state, bad.rows_bad) == ("refused", 1)
    assert [(each.record_id, each.values) for each in (await both.query("brokerage-rm")).items] == before
    assert await left_over(both) == NOTHING
    found = await both.query("brokerage-rm", match_field="mobile", match_value="13800000001")
    assert len(found.items) == 1, "the index of what stands must not suffer from what did not come to be"
    assert isinstance(await both.do("search_clients", "analyst", SearchClients(q="示例9号")), object)
    async with both.w.db.read() as tx:
        count = (await tx.execute(sa.select(sa.func.count()).select_from(records.client))).scalar()
    assert count == 8
    # the same with the bad row left out by choice
    some = await send(both, "brokerage-rm", sheet(rows[:20] + rows[-1:]), mode="skip_bad")
    assert (some.state, some.rows_bad, some.rows_changed) == ("done", 1, 8)
    assert {each.values["title"] for each in (await both.query("brokerage-rm", limit=8)).items} <= {"总监", "经理"}
    found = await both.query("brokerage-rm", match_field="mobile", match_value="13800000001")
    assert [each.values["title"] for each in found.items] == ["总监"]
    assert await left_over(both) == NOTHING
    # and once more: nothing changes
    again = await send(both, "brokerage-rm", sheet(rows[:20]))
    assert (again.state, again.rows_new, again.rows_changed, again.rows_same) == ("done", 0, 0, 20)
    dry = await send(both, "brokerage-rm", sheet([row(30)]), dry_run=True)
    assert (dry.state, dry.rows_total) == ("checked", 1)
    assert await left_over(both) == NOTHING
    assert (await check_all(both.w.gw))["sound"]


async def test_the_flip_is_one_for_readers(both: Stage) -> None:
    await send(both, "brokerage-rm", sheet(row(n) for n in range(6)))
    seen: list[tuple[int, frozenset[str]]] = []
    done = asyncio.Event()

    async def reader() -> None:
        while not done.is_set():
            page = await both.query("brokerage-rm", limit=1000)
            seen.append((len(page.items), frozenset(each.values["title"] for each in page.items)))
            await asyncio.sleep(0)

    async def writer() -> None:
        rows = [row(n, title="总监") for n in range(6)] + [row(n, title="总监") for n in range(6, 1300)]
        answer = await send(both, "brokerage-rm", sheet(rows))
        assert answer.state == "done"
        done.set()

    await asyncio.gather(reader(), writer())
    await both.query("brokerage-rm")
    last = await both.query("brokerage-rm", limit=1000)
    states = set(seen)
    assert states <= {(6, frozenset({"经理"})), (len(last.items), frozenset({"总监"}))}, states
    assert (6, frozenset({"经理"})) in states


async def test_rows_of_one_person_in_many_chunks(both: Stage) -> None:
    """The same person in the first, second and third chunk, each time with another title: the last one stands."""
    rows = []
    for part in range(3):
        rows.append(row(0, title=f"职务{'甲乙丙'[part]}"))
        rows += [row(n + 100 + 600 * part) for n in range(600)]
    answer = await send(both, "brokerage-rm", sheet(rows))
    assert answer.state == "done", answer.problem
    found = await both.query("brokerage-rm", match_field="mobile", match_value="13800000000")
    assert [each.values["title"] for each in found.items] == ["职务丙"]
    assert await left_over(both) == NOTHING
    assert (await check_all(both.w.gw))["sound"]


async def test_dirty_gb18030_sheet_of_a_park(stage: Stage) -> None:
    source = io.BytesIO()
    table = list(text_rows("tenants", tenant_sheet(400, park=0), style="park", dirt=DIRTY))
    table.append(["91441900MA00T0400X", *table[-1][1:]])
    write_csv(source, table, encoding="gb18030")
    source.seek(0)
    answer = await send(stage, "park-user", source, kind="tenants", mode="skip_bad")
    assert answer.state == "done", answer
    assert answer.rows_new > 10
    content = await uploads.upload_errors(
        stage.w.gw, stage.w.person("park-user"), UploadErrors(upload_id=answer.upload_id)
    )
    table = list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))
    assert table[0][0] == "数据行"
    assert len(table) > 1
    assert all(line[0].isdigit() and line[3] for line in table[1:])
    values = {cell.strip() for line in csv.reader(io.StringIO(source.getvalue().decode("gb18030"))) for cell in line}
    mobiles = {cell for cell in values if len(cell) == 11 and cell.isdigit()}
    assert mobiles
    assert not any(mobile in content.decode() for mobile in mobiles), "an error report must not carry values"
    twice = await send(stage, "park-user", io.BytesIO(source.getvalue()), kind="tenants", mode="skip_bad")
    assert (twice.rows_new, twice.rows_changed) == (0, 0)


async def test_two_at_once_and_a_hand_in_between(both: Stage) -> None:
    await both.enter(1)
    slow = await send(both, "brokerage-rm", sheet(row(n) for n in range(1200)), wait=False)
    assert slow.state == "running"
    assert await outcome(uploads.upload_file(
        both.w.gw, both.w.person("brokerage-owner"), UploadFile(kind="contact"), source=sheet([row(1)]), file_name="x.csv", wait=True
    )) == "upload-running"  # fmt: skip
    other = await send(both, "wealth-rm", sheet([row(3)]))
    assert other.state == "done", "another unit does not wait"
    ended = await _until_done(both, "brokerage-rm", slow.upload_id)
    assert ended.state == "done", ended.problem
    assert await left_over(both) == NOTHING


async def _until_done(stage: Stage, who: str, upload_id: str) -> UploadOut:
    for _ in range(600):
        now = await uploads.get_upload(stage.w.gw, stage.w.person(who), GetUpload(upload_id=upload_id))
        if now.state != "running":
            return now
        await asyncio.sleep(0.05)
    raise AssertionError("the upload does not end")


async def test_a_staged_record_is_not_corrected_underneath(both: Stage) -> None:
    """Who corrects a record that an upload has staged is told so, and nothing breaks."""
    await send(both, "brokerage-rm", sheet([row(0)]))
    record = (await both.query("brokerage-rm")).items[0].record_id
    slow = await send(
        both, "brokerage-rm", sheet([row(0, title="总监"), *(row(n) for n in range(1, 1500))]), wait=False
    )
    codes = set()
    ask = CorrectRecord(
        record_id=record, values={"name": "示例甲", "mobile": "13800000000", "title": "手改"}, reason="手工更正"
    )
    for _ in range(20):
        codes.add(await outcome(both.do("correct_record", "brokerage-rm", ask)))
        await asyncio.sleep(0.01)
    ended = await _until_done(both, "brokerage-rm", slow.upload_id)
    assert ended.state == "done", ended.problem
    assert codes <= {"allowed", "conflict"}, codes
    assert fields_of(await both.read("brokerage-rm", record)) >= {"name", "title"}
    assert (await check_all(both.w.gw))["sound"]


async def test_a_dead_process_leaves_nothing(stage: Stage) -> None:
    await send(stage, "brokerage-rm", sheet([row(0)]))
    slow = await send(
        stage, "brokerage-rm", sheet([row(0, title="总监"), *(row(n) for n in range(1, 3000))]), wait=False
    )
    for _ in range(400):
        if (await left_over(stage))["staged records"]:
            break
        await asyncio.sleep(0.01)
    for task in stage.w.gw.state["uploads"]:
        task.cancel()
    await asyncio.sleep(0.1)
    assert (await left_over(stage))["staged records"] > 0
    assert (await stage.query("brokerage-rm")).items[0].values["title"] == "经理"
    # the process that comes after it: nothing of the upload is left, and the unit may send again
    w = stage.w
    await w.gw.close()
    w.db = open_database(w.settings.database_url, clock=w.clock, durable=False)
    object.__setattr__(w, "gw", await open_gateway(w.settings, clock=w.clock, database=w.db, provider=w.provider))
    assert (await run_jobs_once(w.gw))["uploads"] == 1
    assert await left_over(stage) == NOTHING
    ended = await uploads.get_upload(w.gw, w.person("brokerage-rm"), GetUpload(upload_id=slow.upload_id))
    assert (ended.state, ended.problem) == ("failed", "interrupted")
    assert len((await stage.query("brokerage-rm", match_field="mobile", match_value="13800000000")).items) == 1
    assert (await send(stage, "brokerage-rm", sheet([row(0), row(1)]))).state == "done"


async def test_withdrawing_an_upload_leaves_what_was_corrected(stage: Stage) -> None:
    sent = await send(stage, "brokerage-rm", sheet([row(0), row(1)]))
    kept = (await stage.query("brokerage-rm", match_field="mobile", match_value="13800000000")).items[0].record_id
    ask = CorrectRecord(
        record_id=kept, values={"name": "示例甲", "mobile": "13800000000", "title": "手改"}, reason="手工更正"
    )
    await stage.do("correct_record", "brokerage-rm", ask)
    gone = await stage.do(
        "withdraw_upload", "brokerage-rm", WithdrawUpload(upload_id=sent.upload_id, reason="文件有误")
    )
    assert gone.state == "withdrawn"
    assert [each.record_id for each in (await stage.query("brokerage-rm")).items] == [kept]
    assert (
        await outcome(
            stage.do("withdraw_upload", "brokerage-rm", WithdrawUpload(upload_id=sent.upload_id, reason="再来一次"))
        )
        == "conflict"
    )
    assert (
        await outcome(
            stage.do("withdraw_upload", "wealth-rm", WithdrawUpload(upload_id=sent.upload_id, reason="不是我的"))
        )
        == "not-found"
    )
    async with stage.w.db.read() as tx:
        other = (
            await tx.execute(sa.select(records.record.c.record_id).where(records.record.c.state == "withdrawn"))
        ).scalar()
    told = (await stage.do("record_history", "brokerage-rm", RecordHistory(record_id=str(other)))).items
    assert (told[0].act, told[0].reason) == ("withdrawn", "文件有误")
    assert (
        await stage.do("list_uploads", "wealth-rm", __import__("gateway.schemas.base", fromlist=["Paged"]).Paged())
    ).items == ()


async def test_a_department_makes_a_tenant_the_firms_client(stage: Stage) -> None:
    """A name that a park brought in is on the firm's list once a department has records about it, not before."""
    await send(stage, "park-user", sheet([row(0)]))
    assert (await stage.do("search_clients", "analyst", SearchClients(q=MORE[0]))).items == ()
    await send(stage, "brokerage-rm", sheet([row(0)]))
    found = (await stage.do("search_clients", "analyst", SearchClients(q=MORE[0]))).items
    assert [each.uscc for each in found] == [MORE[0]]
    assert not isinstance(await stage.do("get_client", "analyst", GetClient(client_id=found[0].client_id)), Refusal)


BROKEN = [
    (b"", {"broken-file", "heading-not-found", "unsupported-file"}),
    (b"\x00\x01\x02" * 50, None),
    (b"PK\x03\x04 not a workbook", None),
    ("姓名,无关列\r\n甲,乙\r\n".encode(), None),
    (("统一社会信用代码,联系人姓名,偏好与关系备注\r\n" + MORE[0] + ",示例甲," + "长" * 10_000_000).encode(), None),
]


@pytest.mark.parametrize(("content", "codes"), BROKEN, ids=["empty", "binary", "half a zip", "no column", "10 MB cell"])
async def test_broken_files_get_a_clear_problem(stage: Stage, content: bytes, codes: Any) -> None:
    try:
        answer = await send(stage, "brokerage-rm", io.BytesIO(content))
    except Problem as problem:
        assert problem.code.remedy_zh  # noqa: PT017 - a file may also be refused without one
        assert codes is None or problem.code.name in codes  # noqa: PT017
    else:
        assert answer.state in {"failed", "refused"}, answer
        assert answer.problem or answer.rows_bad
    assert await left_over(stage) == NOTHING
    assert await stage.query("brokerage-rm")
    with pytest.raises(Problem):
        await send(stage, "brokerage-rm", sheet([row(0)]), kind="no-such-kind")


async def test_exchange_works_both_ways_over_http(stage: Stage) -> None:
    """A park supplies its tenants over HTTP; a bank reads what the park granted it, and no more."""
    w = stage.w
    async with console(w, "park-user") as park:
        sent = await park.post(
            "/v1/uploads", data={"kind": "contact", "mode": "all_or_nothing"},
            files={"file": ("租户.csv", sheet([row(0), row(1)]).getvalue(), "text/csv")},
        )  # fmt: skip
        assert sent.status_code == 202, sent.text
        upload = sent.json()
        for _ in range(200):
            if upload["state"] != "running":
                break
            await asyncio.sleep(0.02)
            upload = (await park.get(f"/v1/uploads/{upload['upload_id']}")).json()
        assert (upload["state"], upload["rows_new"]) == ("done", 2)
        mine = (await park.post("/v1/query", json={"field_group": "contact", "purpose": "client-referral"})).json()
        assert len(mine["items"]) == 2
        record = mine["items"][0]
        none = (await park.get(f"/v1/records/{record['record_id']}/receivers")).json()
        assert none["items"] == []
        assert (await park.post("/v1/uploads", data={"kind": "contact"})).json()["code"] == "file-missing"
        wrong = await park.post(
            "/v1/uploads", data={"kind": "contact", "mode": "perhaps"}, files={"file": ("a.csv", b"x", "text/csv")}
        )
        assert wrong.status_code == 422
        report = await park.get(f"/v1/uploads/{upload['upload_id']}/errors")
        assert report.headers["content-disposition"].startswith("attachment")
    async with console(w, "bank-user") as bank:
        body = {"purpose": "credit-due-diligence"}
        assert (await bank.post(f"/v1/records/{record['record_id']}/disclose", json=body)).status_code == 403
        await _grant_to_bank(stage, record["client_id"], record["record_id"])
        got = await bank.post(f"/v1/records/{record['record_id']}/disclose", json=body)
        assert got.status_code == 200, got.text
        assert got.json()["record"]["values"]["name"] == record["values"]["name"]
        other = mine["items"][1]["record_id"]
        assert (await bank.post(f"/v1/records/{other}/disclose", json=body)).status_code == 403
        page = (await bank.post("/v1/query", json={"field_group": "contact", **body})).json()
        assert [each["record_id"] for each in page["items"]] == [record["record_id"]]
    async with console(w, "park-user") as park:
        seen = (await park.get(f"/v1/records/{record['record_id']}/receivers")).json()
        assert [each["grantee_unit"] for each in seen["items"]] == ["bank-yuejiang"]


async def _grant_to_bank(stage: Stage, client: str, record: str) -> None:
    from gateway.schemas.consents import RegisterConsent
    from gateway.schemas.grants import Scope
    from gateway.schemas.requests import ItemAsk
    from tests.gateway.scene import EVIDENCE

    now = stage.w.clock.now
    ask = RegisterConsent(
        kind="separate", client=client, record_id=record, receiver="bank-yuejiang", purpose="credit-due-diligence",
        items=("PRK-CON-001",), notice_version="2026-1", evidence_hash=EVIDENCE, not_before=now, not_after=now + 90 * 86_400_000_000,
    )  # fmt: skip
    consent = await stage.do("register_consent", "park-user", ask)
    assert not isinstance(consent, Refusal), consent
    sent = await stage.endorsed(
        "bank-user", "bank-head", items=(ItemAsk(item_code="PRK-CON-001"),), purpose="credit-due-diligence", scope=Scope(clients=(client,)),
        consents=(consent.consent_id,), legal_basis="PIPL 13-1(1), 23", assessment_ref="PIA-2026-001", safety_officer="D0001",
    )  # fmt: skip
    stands_for = {
        "owner_review": "park-user",
        "compliance_review": "compliance",
        "cco_review": "cco",
        "pi_review": "pi-officer",
    }
    while sent.grant is None:
        assert sent.state in stands_for, sent.state
        sent = await stage.approve(sent.request_id, stands_for[sent.state])


async def test_a_hundred_wrong_codes_and_look_alikes(stage: Stage) -> None:
    rows = [["91441900MA00T0400X", "东莞市错码有限公司", "示例甲", "经理", "13800000001", ""],
            [CODES[0].replace("0", "Ｏ"), "东莞市形近有限公司", "示例乙", "经理", "13800000002", ""],
            ["９１４４１９００ＭＡ００Ｔ０１Ａ３Ｆ", "东莞市全角有限公司", "示例丙", "经理", "１３８０００００００３", ""]]  # fmt: skip
    answer = await send(stage, "brokerage-rm", sheet(rows), mode="skip_bad")
    assert answer.state == "done"
    assert answer.rows_new >= 1, "full-width digits are digits"
    assert answer.rows_bad >= 1
    assert {each.client_id for each in (await stage.query("brokerage-rm")).items}
    enter = EnterRecord(client_id="x", field_group="contact", values={"name": "甲"})
    assert await outcome(stage.do("enter_record", "brokerage-rm", enter)) in {"not-found", "invalid-input"}
