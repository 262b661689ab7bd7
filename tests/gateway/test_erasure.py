"""Erasure: two persons, unreadable at once by every way there is, restricted while the law wants it kept, final in time."""

import sqlite3
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gateway.errors import Problem, Refusal
from gateway.keys.interface import KeyProviderError
from gateway.runtime import open_gateway
from gateway.schemas.disclosure import Disclose, Disclosure, Export, Verify
from gateway.schemas.keys import ErasureOut, ListOrders, OrderId, ProposeErasure
from gateway.schemas.records import CorrectRecord, EnterRecord, RecordHistory, WithdrawRecord
from gateway.store.tables import metadata
from gateway.store.tables.keys import data_key
from gateway.store.tables.records import record, record_version
from gateway.usecases import VERBS
from gateway.usecases._key_work import tend_keys
from gateway.usecases.checks import check_all
from gateway.worker import run_jobs_once, seal_trail
from ledger.receipt import parse_receipt
from tests.gateway.reading import CONTACT, PURPOSE, Stage
from tests.gateway.scene import MOBILE, code_of
from tests.world import World

CANARY = "13987654321"
TYPED = "canary-reason-typed"
HEAD = {"basis": "subject-request", "reason": "本人要求删除", "retain_until": "none"}


async def erased(s: Stage, who: str = "brokerage-rm", **ask: Any) -> ErasureOut:
    order = await s.do("propose_erasure", who, ProposeErasure(**{**HEAD, **ask}))
    assert isinstance(order, ErasureOut), order
    done = await s.do("confirm_erasure", "pi-officer", OrderId(order_id=order.order_id))
    assert isinstance(done, ErasureOut), done
    return done


async def opens(s: Stage, record_id: str, who: str = "brokerage-rm") -> bool:
    found = await s.read(who, record_id)
    return isinstance(found, Disclosure) and bool(found.record.values)


async def tended(w: World) -> None:
    while await tend_keys(w.gw):
        pass


async def everything(w: World) -> str:
    """Every cell of every table, for finding what should not be there."""
    cells = []
    async with w.db.read() as tx:
        for table in metadata.sorted_tables:
            for row in (await tx.execute(sa.select(table))).all():
                cells += [
                    bytes(each).decode("latin1") if isinstance(each, bytes | memoryview) else str(each) for each in row
                ]
    return "\x00".join(cells)


async def test_an_erasure_takes_two_persons_and_the_right_ones() -> None:
    async with World() as w:
        s = await Stage(w).enter(2)
        ask = ProposeErasure(record_id=s.contacts[0], **HEAD)
        for nobody in ("custodian", "sysadmin", "auditor"):
            assert (await code_of(s.do("propose_erasure", nobody, ask))).startswith("refused:"), nobody
        for other in ("ib-rm", "bank-user", "analyst"):  # not theirs: as if it were not there
            assert await code_of(s.do("propose_erasure", other, ask)) == "not-found", other
        order = await s.do("propose_erasure", "brokerage-rm", ask)
        assert order.retention == ("P20Y_AFTER_REL_END",)  # what the catalogue says, for the second person to see
        yes = OrderId(order_id=order.order_id)
        for nobody in ("brokerage-rm", "brokerage-owner", "compliance", "custodian", "sysadmin", "cco"):
            assert (await code_of(s.do("confirm_erasure", nobody, yes))).startswith("refused:"), nobody
        own = await s.do("propose_erasure", "pi-officer", ProposeErasure(record_id=s.contacts[1], **HEAD))
        assert (
            await code_of(s.do("confirm_erasure", "pi-officer", OrderId(order_id=own.order_id)))
            == "refused:separation-of-duties"
        )
        assert await opens(s, s.contacts[0])
        done = await s.do("confirm_erasure", "pi-officer", yes)
        assert (done.state, done.records, done.due_at) == ("done", 1, w.clock.now + 30 * 86_400_000_000)
        assert not await opens(s, s.contacts[0])
        assert await opens(s, s.contacts[1])
        assert await code_of(s.do("confirm_erasure", "pi-officer", yes)) == "conflict"
        for seen_by, count in (("pi-officer", 2), ("auditor", 2), ("brokerage-owner", 1), ("ib-rm", 0)):
            assert len((await s.do("list_erasures", seen_by, ListOrders())).items) == count, seen_by
        both = ProposeErasure(record_id=s.contacts[1], client_id=s.clients[1], field_group="contact", **HEAD)
        assert await code_of(s.do("propose_erasure", "pi-officer", both)) == "invalid-input"


async def test_an_erased_record_is_gone_for_every_verb_and_from_its_history(database_url: str) -> None:
    async with World(database_url) as w:
        s = await Stage(w).enter(2)
        gone = s.contacts[0]
        await s.granted(uses=("view", "verify", "export"))
        values = {**CONTACT, "mobile": CANARY}
        for n in range(2):
            await s.do(
                "correct_record", "brokerage-rm",
                CorrectRecord(record_id=gone, values={**values, "title": f"董秘{n}"}, reason=f"{TYPED} {n}"),
            )  # fmt: skip
        assert await opens(s, gone)
        assert await opens(s, gone, "analyst")
        assert TYPED in await everything(w)
        await erased(s, record_id=gone)
        for who in ("brokerage-rm", "brokerage-owner", "analyst", "compliance", "pi-officer"):
            for purpose in (PURPOSE, "supervision"):
                found = await code_of_read(s, who, gone, purpose)
                assert found.startswith("refused:"), (who, purpose, found)
        page = await s.query("brokerage-rm")
        assert [row.record_id for row in page.items] == [s.contacts[1]]
        hit = await s.query("brokerage-rm", match_field="mobile", match_value=CANARY)
        assert isinstance(hit, Refusal) or not hit.items
        taken = await s.do(
            "export", "analyst", Export(field_group="contact", purpose=PURPOSE, format="csv", reason="存档备查用")
        )
        assert (taken.rows, gone.encode() in taken.content, CANARY.encode() in taken.content) == (1, False, False)
        asked = Verify(client_id=s.clients[0], field_group="contact", field="name", value="王示例", purpose=PURPOSE)
        answer = await s.do("verify", "analyst", asked)
        assert isinstance(answer, Refusal) or not answer.matches
        history = await s.do("record_history", "brokerage-rm", RecordHistory(record_id=gone))
        assert [(each.act, each.reason) for each in history.items] == [
            ("erased", ""), ("corrected", ""), ("corrected", ""), ("entered", "")
        ]  # fmt: skip
        for change in (
            s.do("correct_record", "brokerage-rm", CorrectRecord(record_id=gone, values=values, reason="再次填写内容")),
            s.do("withdraw_record", "brokerage-rm", WithdrawRecord(record_id=gone, reason="再次撤回内容")),
        ):
            assert await code_of(change) == "conflict"
        async with w.db.read() as tx:
            row = (await tx.execute(sa.select(record).where(record.c.record_id == gone))).mappings().one()
            assert (row["state"], row["sealed"], row["open_values"], row["natural_key"], row["content_key"], row["fields"]) == (
                "erased", None, None, None, None, "",
            )  # fmt: skip
            old = (
                (await tx.execute(sa.select(record_version).where(record_version.c.record_id == gone))).mappings().all()
            )
            assert {each[name] for each in old for name in ("sealed", "wrapped", "open_values", "content_key")} == {
                None
            }
            assert not (await tx.execute(sa.select(data_key).where(data_key.c.record_id == gone))).all()
        left = await everything(w)
        for canary in (CANARY, TYPED, CONTACT["email"], CONTACT["id_no"]):
            assert canary not in left
        fresh = await s.put(
            "brokerage-rm", s.clients[0], values
        )  # the same person may be entered anew, as a new record
        assert fresh != gone
        assert await opens(s, fresh)
        await seal_trail(w.gw)
        assert (await check_all(w.gw))["sound"]


async def code_of_read(s: Stage, who: str, record_id: str, purpose: str) -> str:
    return await code_of(s.do("disclose", who, Disclose(record_id=record_id, purpose=purpose)))


async def test_while_the_law_wants_it_kept_a_record_is_restricted_and_then_erased() -> None:
    async with World() as w:
        s = await Stage(w).enter()
        kept = s.contacts[0]
        done = await erased(s, record_id=kept, retain_until="2026-03-31")
        assert (done.state, done.due_at) == ("restricted", None)
        assert not await opens(s, kept)
        values = {"name": "王示例", "mobile": MOBILE[:-1] + "0", "title": "总经理"}
        again = EnterRecord(client_id=s.clients[0], field_group="contact", values=values, duplicate_ok=True)
        for change in (
            s.do("correct_record", "brokerage-rm", CorrectRecord(record_id=kept, values=values, reason="再次填写内容")),
            s.do("withdraw_record", "brokerage-rm", WithdrawRecord(record_id=kept, reason="再次撤回内容")),
            s.do("enter_record", "brokerage-rm", again),
        ):
            assert await code_of(change) == "conflict"
        async with w.db.read() as tx:
            row = (await tx.execute(sa.select(record).where(record.c.record_id == kept))).mappings().one()
        assert (row["state"], row["sealed"] is None) == ("restricted", False)
        w.clock.advance(days=26)  # the last day of the duty
        await tended(w)
        assert (await s.do("list_erasures", "pi-officer", ListOrders())).items[0].state == "restricted"
        w.clock.advance(days=1)
        await tended(w)
        (now,) = (await s.do("list_erasures", "pi-officer", ListOrders())).items
        assert (now.state, now.records) == ("done", 1)
        async with w.db.read() as tx:
            row = (await tx.execute(sa.select(record).where(record.c.record_id == kept))).mappings().one()
        assert (row["state"], row["sealed"]) == ("erased", None)
        assert [len(await s.trail(f"record:{each}")) for each in ("restricted", "erased")] == [1, 1]


async def test_a_clients_compartment_is_erased_with_every_owner_and_nothing_else() -> None:
    async with World() as w:
        s = await Stage(w).enter(2)
        other = await s.put("ib-rm", s.clients[0], {**CONTACT, "mobile": CANARY})
        visit = await s.put(
            "brokerage-rm",
            s.clients[0],
            {
                "date": "2026-03-01",
                "channel": "onsite",
                "staff": "D0007",
                "memo": "与企业财务负责人就融资安排作例行交流,了解其全年计划",
                "feedback": "企业表示有合作意向,愿意在下季度继续沟通具体方案",
            },
            "visit",
        )
        done = await erased(s, client_id=s.clients[0], field_group="contact")
        assert (done.records, done.owner_unit) == (1, "brokerage")  # a unit's order is about its own
        assert await opens(s, other, "ib-rm")
        # everybody's: proposed by one privacy officer, confirmed by a second
        order = await s.do(
            "propose_erasure", "pi-officer", ProposeErasure(client_id=s.clients[0], field_group="contact", **HEAD)
        )
        assert (order.records, order.owner_unit) == (1, "")
        yes = OrderId(order_id=order.order_id)
        assert (await code_of(s.do("confirm_erasure", "cco", yes))).startswith("refused:")
        second = w.person("cco", roles=frozenset({"cco", "pi_officer"}))
        assert (await s.do("confirm_erasure", second, yes)).state == "done"
        assert not await opens(s, other, "ib-rm")
        assert await opens(s, visit)
        assert await opens(s, s.contacts[1])


async def test_old_backups_open_before_the_horizon_and_never_after(tmp_path: Path) -> None:
    async with World() as w:
        s = await Stage(w).enter(2)
        backup = tmp_path / "backup.sqlite"
        _copy(w, backup)
        await erased(s, record_id=s.contacts[0])
        assert await _opens_in(w, backup, s.contacts[0])  # that is why a horizon is told
        w.clock.advance(days=22)
        await tended(w)
        (before,) = (await s.do("list_erasures", "pi-officer", ListOrders())).items
        assert (before.state, len(before.keys_waiting), before.roots_waiting) == ("done", 1, (1,))
        w.clock.advance(days=2)  # within the overlap: keys end, the root has a new version, nothing is cut off yet
        await tended(w)
        (near,) = (await s.do("list_erasures", "pi-officer", ListOrders())).items
        assert (near.state, near.keys_waiting, near.roots_waiting) == ("done", (), (1,))
        late = tmp_path / "late.sqlite"
        _copy(w, late)
        w.clock.advance(days=6)
        await tended(w)
        (final,) = (await s.do("list_erasures", "pi-officer", ListOrders())).items
        assert (final.state, final.keys_waiting, final.roots_waiting) == ("final", (), ())
        assert not await _opens_in(w, backup, s.contacts[0])
        assert await _opens_in(w, late, s.contacts[1])  # a backup from before the horizon is still of use
        assert not await _opens_in(w, late, s.contacts[0])
        assert await opens(s, s.contacts[1])
        await run_jobs_once(w.gw)
        assert (await check_all(w.gw))["sound"]
        told = await s.do("erasure_receipt", "brokerage-owner", OrderId(order_id=final.order_id))
        assert told.kind == "record:shredded"
        assert {each.name: each.value for each in parse_receipt(told.receipt.encode()).openings}[
            "target"
        ] == final.target
        assert await code_of(s.do("erasure_receipt", "ib-rm", OrderId(order_id=final.order_id))) == "not-found"


def _copy(w: World, target: Path) -> None:
    with sqlite3.connect(w.home / "lianqiao.sqlite") as source, sqlite3.connect(target) as copy:
        source.backup(copy)


async def _opens_in(w: World, backup: Path, record_id: str) -> bool:
    """Whether somebody with the backup and the provider could still read the record."""
    settings = w.settings.model_copy(update={"database": f"sqlite:///{backup}"})
    try:
        gw = await open_gateway(settings, clock=w.clock, provider=w.provider)
        try:
            by = w.person("brokerage-rm")
            found = await VERBS["disclose"](gw, by, Disclose(record_id=record_id, purpose=PURPOSE))
        finally:
            await gw.close()
    except (Problem, KeyProviderError):
        return False
    return isinstance(found, Disclosure)
