"""Keys as people order them: two persons, rewrap beside reads and writes and over kills, roots, suites, watermarks."""

import asyncio
import dataclasses
import os
import random
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.keys.file import FileProvider
from gateway.keys.interface import ProviderUnavailable
from gateway.keys.logkey import open_log_keys, wrapped_log_keys
from gateway.keys.memory import InsecureMemoryProvider
from gateway.keys.suites import SUITES_BY_NAME
from gateway.runtime import open_gateway
from gateway.schemas.base import Nothing
from gateway.schemas.disclosure import Disclosure, Export
from gateway.schemas.keys import ListKeys, ListOrders, OrderId, ProposeKeyDestruction, ProposeKeyOrder
from gateway.sealing.keyring import Keyring
from gateway.sealing.rotation import MAX_USES
from gateway.store import keys as key_store
from gateway.store.tables.keys import data_key, group_key
from gateway.store.tables.records import record, record_version
from gateway.usecases import _key_work
from gateway.usecases._key_work import tend_keys
from gateway.usecases.checks import check_all
from ledger.tables import log_entry
from tests.gateway.reading import CONTACT, PURPOSE, Stage, console
from tests.gateway.scene import code_of
from tests.world import World

WHY = "年度轮换"


async def active_key(s: Stage, compartment: str = "contact") -> str:
    found = await s.do("list_keys", "custodian", ListKeys(compartment=compartment, state="active"))
    (key,) = [each for each in found.items if each.use == "seal"]
    return str(key.key_id)


async def rotated(s: Stage, key_id: str) -> Any:
    order = await s.do("propose_key_rotation", "custodian", ProposeKeyOrder(key_id=key_id, reason=WHY))
    return await s.do("confirm_key_rotation", "cco", OrderId(order_id=order.order_id))


async def destroyed(s: Stage, key_id: str) -> Any:
    order = await s.do("propose_key_destruction", "custodian", ProposeKeyDestruction(key_id=key_id, reason=WHY))
    return await s.do("confirm_key_destruction", "cco", OrderId(order_id=order.order_id))


async def entries(w: World) -> list[str]:
    async with w.db.read() as tx:
        return list((await tx.execute(sa.select(log_entry.c.kind).order_by(log_entry.c.seq))).scalars())


async def opens(s: Stage, record_id: str) -> bool:
    found = await s.read("brokerage-rm", record_id)
    return isinstance(found, Disclosure) and found.record.values["mobile"].startswith("1380000")


async def many(s: Stage, count: int) -> list[str]:
    """`count` more contacts of the first client."""
    return [
        await s.put("brokerage-rm", s.clients[0], {**CONTACT, "mobile": f"138{n:08}", "email": f"w{n}@example.invalid"})
        for n in range(1, count + 1)
    ]


async def test_a_rotation_takes_two_persons_and_each_step_is_on_ledger_and_trail() -> None:
    async with World() as w:
        s = await Stage(w).enter(2)
        key_id = await active_key(s)
        ask = ProposeKeyOrder(key_id=key_id, reason=WHY)
        for nobody in ("sysadmin", "auditor", "analyst", "compliance", "cco"):
            assert (await code_of(s.do("propose_key_rotation", nobody, ask))).startswith("refused:"), nobody
        order = await s.do("propose_key_rotation", "custodian", ask)
        yes = OrderId(order_id=order.order_id)
        assert await code_of(s.do("confirm_key_rotation", "custodian", yes)) == "refused:separation-of-duties"
        for nobody in ("sysadmin", "auditor", "compliance"):
            assert (await code_of(s.do("confirm_key_rotation", nobody, yes))).startswith("refused:"), nobody
        assert await active_key(s) == key_id
        done = await s.do("confirm_key_rotation", "cco", yes)
        assert (done.state, done.left) == ("active", 2 + 2)  # of each record the present and its history
        assert await active_key(s) != key_id
        assert await code_of(s.do("confirm_key_rotation", "cco", yes)) == "conflict"
        assert all([await opens(s, each) for each in s.contacts])
        await tend_keys(w.gw)
        (order,) = (await s.do("list_key_orders", "custodian", ListOrders())).items
        assert (order.state, order.left, order.confirmed_by) == ("done", 0, w.id_of("cco"))
        assert [kind for kind in await entries(w) if kind.startswith("key:")] == ["key:rotated", "key:rewrapped"]
        for action in ("rotation:proposed", "key:rotated", "key:rewrapped"):
            assert len(await s.trail(action)) == 1, action
        assert all([await opens(s, each) for each in s.contacts])
        assert (await check_all(w.gw))["sound"]


async def test_a_proposal_ends_by_itself_after_a_week() -> None:
    async with World() as w:
        s = await Stage(w).enter()
        order = await s.do("propose_key_rotation", "custodian", ProposeKeyOrder(key_id=await active_key(s), reason=WHY))
        w.clock.advance(days=8)
        assert await code_of(s.do("confirm_key_rotation", "cco", OrderId(order_id=order.order_id))) == "order-expired"


async def test_reads_and_writes_go_on_while_keys_are_rewrapped(
    monkeypatch: pytest.MonkeyPatch, database_url: str
) -> None:
    monkeypatch.setattr(_key_work, "BATCH", 3)
    async with World(database_url) as w:
        s = await Stage(w).enter()
        known = [*s.contacts, *await many(s, 8)]
        old = await active_key(s)
        assert (await rotated(s, old)).left == 18
        for n in range(6):
            await asyncio.gather(tend_keys(w.gw), *(opens(s, each) for each in known))
            known.append(
                await s.put(
                    "brokerage-rm", s.clients[0], {**CONTACT, "mobile": f"138{n:08}", "name": "赵" + "甲乙丙丁戊己"[n]}
                )
            )
        assert all([await opens(s, each) for each in known])
        status = await s.do("key_status", "custodian", Nothing())
        assert (status.healthy, status.rewrapping, status.due) == (True, {}, ())
        async with w.db.read() as tx:
            for table in (data_key, record_version):
                under = await tx.execute(sa.select(sa.func.count()).where(table.c.key_id == old))
                assert under.scalar() == 0


async def test_a_key_is_destroyed_by_two_persons_and_never_while_something_stands_under_it() -> None:
    async with World() as w:
        s = await Stage(w).enter()
        old = await active_key(s)
        ask = ProposeKeyDestruction(key_id=old, reason=WHY)
        assert await code_of(s.do("propose_key_destruction", "custodian", ask)) == "conflict"  # it is active
        await rotated(s, old)
        order = await s.do("propose_key_destruction", "custodian", ask)
        yes = OrderId(order_id=order.order_id)
        assert await code_of(s.do("confirm_key_destruction", "custodian", yes)) == "refused:separation-of-duties"
        assert await code_of(s.do("confirm_key_destruction", "sysadmin", yes)) == "refused:separation-of-duties"
        assert await code_of(s.do("confirm_key_destruction", "cco", yes)) == "key-in-use"
        await tend_keys(w.gw)
        assert (await s.do("confirm_key_destruction", "cco", yes)).state == "done"
        async with w.db.read() as tx:
            row = await key_store.get_group_key(tx, old)
        assert (row.state, row.wrapped) == ("destroyed", b"")
        assert await opens(s, s.contacts[0])
        assert "key:destroyed" in await entries(w)


async def test_root_keys_are_rotated_and_destroyed_with_all_that_they_wrap() -> None:
    async with World() as w:
        s = await Stage(w).enter()
        log_keys = w.settings.log_key_path
        await rotated(s, "root")
        await tend_keys(w.gw)
        assert w.provider.versions() == (1, 2)
        assert {w.provider.version_of(each) for each in wrapped_log_keys(log_keys)} == {2}
        assert await code_of(destroyed(s, "root.2")) == "conflict"  # the newest
        assert (await destroyed(s, "root.1")).state == "active"
        await tend_keys(w.gw)
        assert w.provider.versions() == (2,)
        assert {each.state for each in (await s.do("list_key_orders", "cco", ListOrders())).items} == {"done"}
        w.gw.keyring.flush()
        assert await opens(s, s.contacts[0])
        assert set(open_log_keys(w.provider, log_keys)) == {w.settings.origin, w.settings.trail_origin}
        await tend_keys(w.gw)
        assert w.provider.versions() == (2,)  # doing it again changes nothing


@pytest.mark.parametrize("why", ["age", "uses"])
async def test_keys_rotate_by_themselves_when_they_are_due(why: str) -> None:
    async with World() as w:
        s = await Stage(w).enter()
        old = await active_key(s)
        if why == "age":
            w.clock.advance(days=91)
        else:
            async with w.db.begin() as tx:
                await key_store.set_key_uses(tx, old, "another-process", MAX_USES)
        assert old in (await s.do("key_status", "auditor", Nothing())).due
        await tend_keys(w.gw)
        assert await active_key(s) != old
        assert await opens(s, s.contacts[0])
        orders = (await s.do("list_key_orders", "custodian", ListOrders())).items
        assert {(each.target, each.reason, each.proposed_by, each.state) for each in orders} >= {
            (old, why, "system:keys", "done")
        }


async def test_another_suite_takes_over_while_serving() -> None:
    async with World() as w:
        s = await Stage(w).enter(2)
        settings = w.settings.model_copy(update={"suite": "SM4-GCM"})
        ring = Keyring(w.provider, SUITES_BY_NAME["SM4-GCM"])
        w.gw = dataclasses.replace(w.gw, settings=settings, keyring=ring, state={})
        for _ in range(3):
            await tend_keys(w.gw)
            assert all([await opens(s, each) for each in s.contacts])
        wanted = SUITES_BY_NAME["SM4-GCM"].id
        async with w.db.read() as tx:
            for table in (record, record_version):
                for blob in (await tx.execute(sa.select(table.c.sealed).where(table.c.sealed.is_not(None)))).scalars():
                    assert bytes(blob)[3] == wanted
            used = await tx.execute(
                sa.select(group_key.c.suite).where(group_key.c.state == "active", group_key.c.use == "seal")
            )
            assert set(used.scalars()) == {"SM4-GCM"}


_CHILD = """
import asyncio, sys, time
from pathlib import Path
from gateway.runtime import open_gateway
from gateway.settings import Settings
from gateway.store import shred
from gateway.usecases import _key_work

_key_work.BATCH = 3
calls = []
write = shred.set_rewrapped

async def slow(tx, rows):
    await write(tx, rows)
    calls.append(len(rows))
    if len(calls) == 3:
        print("in the third batch", flush=True)
        time.sleep(60)

shred.set_rewrapped = slow

async def main():
    gw = await open_gateway(Settings(mode="test", home=Path(sys.argv[1])))
    while True:
        await _key_work.rewrap(gw)

asyncio.run(main())
"""


async def test_a_rewrap_goes_on_after_a_kill_in_the_middle() -> None:
    w = World()
    w.settings = w.settings.model_copy(update={"key_provider": ""})
    (w.home / "passphrase").write_text("a passphrase of the test\n")
    (w.home / "passphrase").chmod(0o600)
    w.provider = FileProvider.create(w.home / "root.key", lambda: "a passphrase of the test")  # type: ignore[assignment]
    async with w:
        s = await Stage(w).enter()
        known = [*s.contacts, *await many(s, 11)]
        order = await rotated(s, await active_key(s))
        assert order.left == 24
        await w.gw.close()  # an SQLite file has one owner
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", _CHILD, str(w.home), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            cwd=Path(__file__).parents[2], env={"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2])},
        )  # fmt: skip
        try:
            assert child.stdout is not None
            assert (await asyncio.wait_for(child.stdout.readline(), 60)).startswith(b"in the third")
        finally:
            child.send_signal(signal.SIGKILL)
            await child.wait()
        w.gw = await open_gateway(w.settings, clock=w.clock, provider=w.provider)
        w.db = w.gw.db
        (order,) = (await s.do("list_key_orders", "custodian", ListOrders())).items
        assert (order.state, order.left) == ("active", 24 - 2 * 3)  # whole batches, and the third not at all
        assert all([await opens(s, each) for each in known])
        await tend_keys(w.gw)
        (order,) = (await s.do("list_key_orders", "custodian", ListOrders())).items
        assert (order.state, order.left) == ("done", 0)
        assert all([await opens(s, each) for each in known])
        assert (await check_all(w.gw))["sound"]


async def test_a_provider_that_is_away_stops_the_work_and_nothing_is_lost_or_told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    async with World() as w:
        s = await Stage(w).enter()
        await rotated(s, await active_key(s))
        w.gw.keyring.flush()

        def away(*_: object) -> bytes:
            raise ProviderUnavailable("nobody answers")

        with monkeypatch.context() as broken:
            for name in ("unwrap", "wrap", "check", "versions"):
                broken.setattr(InsecureMemoryProvider, name, away)
            await tend_keys(w.gw)
            status = await s.do("key_status", "custodian", Nothing())
            assert (status.healthy, status.problem) == (False, "key-provider-unavailable")
            assert len(status.rewrapping) == 1
        async with w.db.begin() as tx:  # and a damaged data key
            await tx.execute(sa.update(data_key).values(wrapped=b"\x00" * 76))
        await tend_keys(w.gw)
        async with w.db.read() as tx:
            secrets = [await w.gw.keyring.for_opening(tx, await active_key(s))]
        said = "".join(capfd.readouterr())
        assert "rewrap-postponed" in said
        for canary in ("13800001230", "王示例", *(key.secret.hex() for key in secrets)):
            assert canary not in said


async def test_custodian_and_administrator_read_no_data_and_outsiders_see_no_keys() -> None:
    async with World() as w:
        s = await Stage(w).enter()
        for operator in ("custodian", "sysadmin"):
            assert (await code_of(s.read(operator))).startswith("refused:")
        for outsider in ("analyst", "bank-user", "sysadmin"):
            for verb, ask in (("list_keys", ListKeys()), ("key_status", Nothing()), ("list_key_orders", ListOrders())):
                assert (await code_of(s.do(verb, outsider, ask))).startswith("refused:"), (outsider, verb)
        told = (await s.do("list_keys", "custodian", ListKeys())).model_dump_json()
        async with w.db.read() as tx:
            key = await w.gw.keyring.for_opening(tx, await active_key(s))
        assert key.secret.hex() not in told
        assert "wrapped" not in told


@pytest.mark.parametrize("form", ["csv", "xlsx"])
async def test_a_leaked_file_names_who_took_it_out(form: Any) -> None:
    async with World() as w:
        s = await Stage(w).enter()
        await many(s, 20)
        grant = await s.granted(uses=("view", "export"))
        taken = await s.do(
            "export", "analyst", Export(field_group="contact", purpose=PURPOSE, format=form, reason="存档备查用")
        )
        content = taken.content
        if form == "csv":  # half of the rows, in another order
            head, *rows = content.decode("utf-8-sig").splitlines(keepends=True)
            random.Random(7).shuffle(rows)
            content = (head + "".join(rows[: len(rows) // 2])).encode()
        async with console(w, "compliance") as http:
            answer = await http.post("/v1/watermarks", files={"file": (f"leak.{form}", content)})
            assert answer.status_code == 200, answer.text
            (mark,) = answer.json()["items"]
            assert (mark["reader"], mark["login"], mark["genuine"]) == (w.id_of("analyst"), "analyst", True)
            assert mark["grant"] == grant.grant_id
            empty = await http.post("/v1/watermarks", files={"file": ("leak.csv", b"a,b\n1,2\n")})
            assert (empty.status_code, empty.json()["code"]) == (404, "watermark-not-found")
        async with console(w, "ib-rm") as http:
            refused = await http.post("/v1/watermarks", files={"file": (f"leak.{form}", content)})
            assert refused.status_code == 403
        assert len(await s.trail("watermark:read")) == 1
