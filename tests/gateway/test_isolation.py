"""No protected value outside its seal: every field of every compartment planted, then everything that is kept is searched."""

import asyncio
import io
import logging
import shutil
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.domain.entry import SPECS
from gateway.errors import Refusal
from gateway.logging import configure_logging
from gateway.schemas.disclosure import Export
from gateway.schemas.records import CorrectRecord, UploadFile
from gateway.store.tables import keys, records
from gateway.usecases import uploads
from gateway.worker import run_jobs_once
from tests.gateway.reading import PURPOSE, Stage, console, outcome
from tests.world import World

MOBILE, OTHER_MOBILE, FILE_MOBILE = "13987654321", "13987650000", "13987651111"
VALUES: dict[str, dict[str, str]] = {
    "contact": {
        "name": "欧阳金丝雀", "title": "金丝雀头衔", "mobile": MOBILE, "phone": "0769-98761234", "email": "canary-mail@canary.example",
        "wechat": "wx_canary_4711", "id_no": "110105199003078035", "preference": "金丝雀偏好备注",
    },
    "visit": {
        "date": "2026-03-02", "channel": "现场", "staff": "D9876", "memo": "金丝雀纪要全文:客户谈及扩产与可转债安排,约定下月再访", "next_action": "金丝雀跟进",
        "feedback": "金丝雀反馈内容:客户有意向,需补充材料", "recording": "金丝雀录音说明", "due_date": "2026-03-20",
    },
    "cooperation": {
        "agreement_no": "CANARY-AGR-77", "agreement": "金丝雀协议摘要", "amount": "7317317", "fee": "7417417", "project_code": "CANARY-PRJ-88",
        "project_progress": "金丝雀项目进展", "trading_profile": "金丝雀交易概况", "holdings": "7517517", "credit_line": "7617617",
        "pledge": "金丝雀质押说明", "pledge_amount": "7717717", "purchases": "金丝雀购买记录", "purchase_amount": "7817817",
        "contribution": "7917917", "split": "金丝雀分成", "business_type": "投行", "start_date": "2026-01-15", "end_date": "2026-12-15",
    },
}  # fmt: skip
_COMMON = {"2026-03-02", "现场", "2026-03-20", "投行", "2026-01-15", "2026-12-15"}  # words that stand elsewhere rightly
CORRECTED, SHEET_NAME, SHEET_NOTE = "金丝雀更正值", "司马表格雀", "表格金丝雀备注"
CANARIES = {value for values in VALUES.values() for value in values.values()} - _COMMON
CANARIES |= {OTHER_MOBILE, FILE_MOBILE, CORRECTED, SHEET_NAME, SHEET_NOTE}


def forms(canary: str) -> list[bytes]:
    """The bytes under which a value may lie about."""
    escaped = canary.encode("unicode_escape").decode().encode()
    return list(
        {canary.encode(), canary.encode("utf-16-le"), canary.encode("gb18030"), escaped, canary.encode().hex().encode()}
    )


def found_in(name: str, content: bytes) -> list[str]:
    return [f"{canary} in {name}" for canary in sorted(CANARIES) if any(form in content for form in forms(canary))]


async def planted(w: World) -> Stage:
    """Every field of the three compartments by hand, corrected, searched, by file good and bad, refused, exported."""
    stage = await Stage(w).enter(1)
    client = stage.clients[0]
    made = {group: await stage.put("brokerage-owner", client, values, group) for group, values in VALUES.items()}
    assert set(VALUES["contact"]) | {"decision_role", "individual_client"} == {spec.name for spec in SPECS["contact"]}
    better = {**VALUES["contact"], "mobile": OTHER_MOBILE, "title": CORRECTED}
    await stage.do(
        "correct_record", "brokerage-owner", CorrectRecord(record_id=made["contact"], values=better, reason="更正职务")
    )
    head = "统一社会信用代码,企业名称,联系人姓名,手机号码,偏好与关系备注\r\n"
    good = f"91441900MA00T0400W,东莞市岚山精密有限公司,{SHEET_NAME},{FILE_MOBILE},{SHEET_NOTE}\r\n"
    for body, mode in (
        (good, "all_or_nothing"),
        (good + f"91441900MA00T0400X,坏行公司,{SHEET_NAME},{FILE_MOBILE}9,{SHEET_NOTE}\r\n", "skip_bad"),
    ):
        await uploads.upload_file(
            w.gw, w.person("brokerage-owner"), UploadFile(kind="contact", mode=mode), source=io.BytesIO((head + body).encode()),  # type: ignore[arg-type]
            file_name="contacts.csv", wait=True,
        )  # fmt: skip
    await stage.query("brokerage-owner", match_field="mobile", match_value=OTHER_MOBILE)
    await outcome(stage.query("wealth-rm", match_field="mobile", match_value=OTHER_MOBILE))
    await outcome(stage.read("analyst", made["contact"]))
    await outcome(stage.put("brokerage-owner", client, {**VALUES["contact"], "email": "not a mail"}))
    await outcome(stage.put("brokerage-owner", client, better))  # a likely duplicate
    taken = await stage.do(
        "export",
        "compliance",
        Export(field_group="contact", purpose="supervision", format="xlsx", reason="合规例行检查"),
    )
    assert isinstance(taken, Refusal) or taken.content
    async with console(w, "brokerage-owner") as http:
        for record in made.values():
            assert (await http.post(f"/v1/records/{record}/disclose", json={"purpose": PURPOSE})).status_code == 200
        for bad in ({"name": VALUES["contact"]["name"], "mobile": MOBILE + "9"}, {"zzz": CORRECTED}):
            sent = {"client_id": client, "field_group": "contact", "values": bad}
            answer = await http.post("/v1/records", json=sent)
            assert answer.status_code == 422
            assert not found_in("the answer", answer.content)
        assert (await http.get("/v1/clients", params={"q": VALUES["contact"]["mobile"]})).status_code == 200
    await run_jobs_once(w.gw)
    read = await stage.read("brokerage-owner", made["cooperation"])
    assert read.record.values["project_code"] == "CANARY-PRJ-88", "the canaries are really in there"
    return stage


async def test_sqlite_file_logs_mail_and_backups_hold_no_value(
    capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with World(log_level="debug") as w:
        configure_logging("debug")
        await planted(w)
        seen: list[str] = []
        copy = w.home / "backup.db"
        target = sqlite3.connect(copy)
        w.db._writer.connection.driver_connection.backup(target)  # type: ignore[attr-defined]
        target.close()
        files = [each for each in w.home.rglob("*") if each.is_file()]
        assert any(each.name.endswith("-wal") for each in files)
        for each in files:
            seen += found_in(each.name, each.read_bytes())
        captured = capfd.readouterr()
        for name, text in (("stdout", captured.out), ("stderr", captured.err), ("log", caplog.text)):
            seen += found_in(name, text.encode())
        assert seen == []
        # the search itself works: what is open is found
        assert any("东莞市岚山精密有限公司".encode() in each.read_bytes() for each in files)
        async with w.db.read() as tx:
            names = (await tx.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'table'"))).scalars().all()
            for name in names:
                rows = (await tx.execute(sa.text(f'SELECT * FROM "{name}"'))).all()
                seen += found_in(name, repr(rows).encode())
        assert seen == []


@pytest.mark.postgres
async def test_postgres_heap_and_dump_hold_no_value(fresh_postgres: str, postgres_server: Any) -> None:
    async with World(fresh_postgres) as w:
        await planted(w)
        async with w.db.begin() as tx:
            tables = (
                (await tx.execute(sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")))
                .scalars()
                .all()
            )
            seen = []
            for name in tables:
                rows = (await tx.execute(sa.text(f'SELECT t::text FROM "{name}" t'))).scalars().all()
                seen += found_in(name, "\n".join(rows).encode())
        assert seen == []
        postgres_server.psql("CHECKPOINT;")
        home = Path(str(postgres_server.pgdata))
        heap = [each for part in ("base", "pg_wal") for each in (home / part).rglob("*") if each.is_file()]
        clear = 0
        for each in heap:
            content = each.read_bytes()
            clear += "东莞市岚山精密有限公司".encode() in content
            seen += found_in(each.name, content)
        assert clear, "the heap files were not those of this server"
        assert seen == []
        dump = shutil.which("pg_dump")
        if dump:  # where the client tools are installed, what they write is searched as well
            written = (
                await asyncio.to_thread(subprocess.run, [dump, fresh_postgres], capture_output=True, check=False)
            ).stdout
            assert found_in("pg_dump", written) == []


async def test_blobs_do_not_open_in_another_place() -> None:
    """Blobs, keys, owners, groups and generations changed about: nothing opens, and nobody gets a value."""
    async with World() as w:
        stage = await Stage(w).enter(2)
        one, two = stage.contacts
        r, k = records.record, keys.data_key

        async def row(table: Any, record: str) -> dict[str, Any]:
            async with w.db.read() as tx:
                return dict((await tx.execute(sa.select(table).where(table.c.record_id == record))).mappings().one())

        async def write(table: Any, record: str, **values: Any) -> None:
            async with w.db.begin() as tx:
                await tx.execute(sa.update(table).where(table.c.record_id == record).values(**values))

        blob, key = await row(r, one), await row(k, one)
        theirs, their_key = await row(r, two), await row(k, two)
        tampered: list[tuple[str, list[tuple[Any, dict[str, Any]]]]] = [
            ("another record's blob", [(r, {"sealed": theirs["sealed"]})]),
            (
                "another record's blob and key",
                [(r, {"sealed": theirs["sealed"]}), (k, {"wrapped": their_key["wrapped"]})],
            ),
            ("another record's key", [(k, {"wrapped": their_key["wrapped"]})]),
            ("another generation", [(r, {"generation": 7}), (k, {"generation": 7})]),
            ("another owner", [(r, {"owner_unit": "wealth"})]),
            ("a cut blob", [(r, {"sealed": blob["sealed"][:-20]})]),
        ]
        for name, changes in tampered:
            for table, values in changes:
                await write(table, one, **values)
            who = "wealth-rm" if name == "another owner" else "brokerage-rm"
            assert await outcome(stage.read(who, one)) not in {"allowed"}, name
            await write(r, one, sealed=blob["sealed"], generation=blob["generation"], owner_unit=blob["owner_unit"])
            await write(k, one, wrapped=key["wrapped"], generation=key["generation"])
            assert await outcome(stage.read("brokerage-rm", one)) == "allowed", name
        # the same record put back to what it was before a correction
        await stage.do(
            "correct_record",
            "brokerage-rm",
            CorrectRecord(record_id=one, values={"name": "王新名", "mobile": MOBILE}, reason="更正姓名"),
        )
        await write(r, one, sealed=blob["sealed"], fields=blob["fields"])
        assert await outcome(stage.read("brokerage-rm", one)) != "allowed"
