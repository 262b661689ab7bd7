"""Two whole gateways that witness each other over HTTP: what is cosigned, what is refused, what a restored database may do."""

import asyncio
import contextlib
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.cli.ledger import mirror_log
from gateway.errors import Problem
from gateway.keys.logkey import add_witness_key, create_log_keys, open_log_keys, rewrap_log_keys, wrapped_log_keys
from gateway.keys.memory import InsecureMemoryProvider
from gateway.partners import seen_by_others, trust_of
from gateway.runtime import open_gateway
from gateway.store.db import open_database
from gateway.usecases._entries import enter
from gateway.usecases._witnessing import tend_logs
from gateway.usecases.trail import trust_text
from gateway.web.app import create_app
from ledger.checkpoint import Checkpoint
from ledger.errors import RollbackError
from ledger.export import export_log
from ledger.note import sign_note
from ledger.policy import parse_policy
from ledger.witness import AddCheckpoint, origin_hash
from tests.world import World


class Wire(httpx2.AsyncBaseTransport):
    """The network between the gateways: host name -> application; a host in `down` does not answer, one in `slow` never."""

    def __init__(self) -> None:
        self.hosts: dict[str, Any] = {}
        self.down: set[str] = set()
        self.slow: set[str] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host in self.down or request.url.host not in self.hosts:
            raise httpx2.ConnectError("no route")
        if request.url.host in self.slow:
            await asyncio.sleep(60)
        return await httpx2.ASGITransport(self.hosts[request.url.host]).handle_async_request(request)


class Pair:
    """Gateways `a` and `b`; each witnesses both logs of the other and needs the other's cosignature."""

    def __init__(self, a: World, b: World, wire: Wire) -> None:
        self.a, self.b, self.wire = a, b, wire


async def _joined(one: World, other: World, wire: Wire, host: str) -> None:
    witness = add_witness_key(other.provider, other.settings.log_key_path, other.settings.witness)
    lines = [f"log {s.vkey()}" for s in open_log_keys(other.provider, other.settings.log_key_path).values()]
    path = one.home / "partners.policy"
    path.write_text("\n".join([*lines, f"witness other {witness} http://{host}/witness", "quorum other", ""]))
    await one.gw.close()
    one.settings = one.settings.model_copy(update={"trust_policy": path})
    await _opened(one, wire)


async def _opened(world: World, wire: Wire) -> None:
    world.db = open_database(world.settings.database_url, clock=world.clock, durable=False)
    world.gw = await open_gateway(
        world.settings, clock=world.clock, database=world.db, provider=world.provider, transport=wire
    )


@contextlib.asynccontextmanager
async def _pair() -> AsyncIterator[Pair]:
    names = [{"origin": f"{x}.example/grants", "trail_origin": f"{x}.example/trail"} for x in "ab"]
    async with World(catalogue=False, **names[0]) as a, World(catalogue=False, **names[1]) as b:
        wire = Wire()
        await _joined(a, b, wire, "b.example")
        await _joined(b, a, wire, "a.example")
        wire.hosts = {"a.example": create_app(a.gw, worker=False), "b.example": create_app(b.gw, worker=False)}
        yield Pair(a, b, wire)


async def _grow(world: World, entries: int = 1) -> None:
    async with world.gw.begin() as tx:
        for number in range(entries):
            await enter(world.gw, tx.tx, "policy:changed", {"number": number})


async def _cosigned(world: World) -> int:
    async with world.db.read() as tx:
        found = await world.gw.grants_log.cosigned(tx, world.gw.trust)
    return found.size if found else 0


async def _size(world: World) -> int:
    async with world.db.read() as tx:
        return (await world.gw.grants_log.checkpoint(tx)).size


async def test_two_gateways_witness_each_other() -> None:
    async with _pair() as pair:
        await _grow(pair.a, 3)
        await _grow(pair.b, 2)
        for world in (pair.a, pair.b):
            assert await _cosigned(world) == 0
            assert await tend_logs(world.gw) == 2
            assert await _cosigned(world) == await _size(world) > 0
            assert await tend_logs(world.gw) == 0, "what has its quorum is not submitted again"
        await _grow(pair.a, 300)
        assert await tend_logs(pair.a.gw) == 1
        assert await _cosigned(pair.a) == await _size(pair.a) > 300


async def test_the_read_interface_and_the_status_codes() -> None:
    async with _pair() as pair:
        await _grow(pair.a)
        await tend_logs(pair.a.gw)
        origin = pair.a.settings.origin
        async with httpx2.AsyncClient(transport=pair.wire, base_url="http://b.example/witness") as b:
            seen = await b.get(f"/{origin_hash(origin)}/checkpoint")
            assert seen.status_code == 200
            assert seen.text.startswith(f"{origin}\n{await _size(pair.a)}\n")
            assert pair.b.settings.witness in seen.text
            assert (await b.get(f"/{origin_hash('x.example/log')}/checkpoint")).status_code == 404
            assert (await b.post("/add-checkpoint", content=b"nonsense")).status_code == 400
            assert (await b.post("/add-checkpoint", content=b"x" * 70_000)).status_code == 400
            note = sign_note(Checkpoint("x.example/log", 1, b"\1" * 32).text(), [_stranger("x.example/log")], 0)
            assert (await b.post("/add-checkpoint", content=AddCheckpoint(0, (), note).encode())).status_code == 404
            note = sign_note(Checkpoint(origin, 1, b"\1" * 32).text(), [_stranger(origin)], 0)
            assert (await b.post("/add-checkpoint", content=AddCheckpoint(0, (), note).encode())).status_code == 403
            stale = await b.post("/add-checkpoint", content=await _submission(pair.a, 0))
            assert (stale.status_code, stale.headers["content-type"]) == (409, "text/x.tlog.size")
            assert stale.text == f"{await _size(pair.a)}\n"


async def test_a_split_view_is_refused_and_stands_on_the_trail() -> None:
    async with _pair() as pair:
        await _grow(pair.a)
        await tend_logs(pair.a.gw)
        held, origin = await _size(pair.a), pair.a.settings.origin
        signer = open_log_keys(pair.a.provider, pair.a.settings.log_key_path)[origin]
        other = sign_note(Checkpoint(origin, held, b"\7" * 32).text(), [signer], 0)
        async with httpx2.AsyncClient(transport=pair.wire, base_url="http://b.example/witness") as b:
            answer = await b.post("/add-checkpoint", content=AddCheckpoint(held, (), other).encode())
            assert answer.status_code == 422
            assert b"other" not in answer.content
            kept = await b.get(f"/{origin_hash(origin)}/checkpoint")
            assert "BwcHBwcH" not in kept.text
        import sqlalchemy as sa

        async with pair.b.db.read() as tx:
            count = await tx.execute(sa.text("SELECT count(*) FROM trail_event WHERE action = 'witness:refused'"))
        assert count.scalar() == 1


async def test_a_witness_that_is_down_or_slow_stops_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gateway.partners._PATIENCE", 0.2)
    async with _pair() as pair:
        pair.wire.down.add("b.example")
        await _grow(pair.a)
        assert await tend_logs(pair.a.gw) == 0
        pair.wire.down.clear()
        pair.wire.slow.add("b.example")
        async with asyncio.timeout(10):
            assert await tend_logs(pair.a.gw) == 0
        await _grow(pair.a)
        pair.wire.slow.clear()
        assert await tend_logs(pair.a.gw) == 2
        assert await _cosigned(pair.a) == await _size(pair.a)


async def test_a_restored_old_database_signs_nothing_that_a_witness_has_passed(tmp_path: Path) -> None:
    async with _pair() as pair:
        await _grow(pair.a)
        await pair.a.gw.close()
        file = pair.a.home / "lianqiao.sqlite"
        shutil.copy(file, tmp_path / "old.sqlite")
        await _opened(pair.a, pair.wire)
        await _grow(pair.a, 5)
        await tend_logs(pair.a.gw)
        await pair.a.gw.close()
        for part in pair.a.home.glob("lianqiao.sqlite*"):
            part.unlink()
        shutil.copy(tmp_path / "old.sqlite", file)
        with pytest.raises(Problem) as refused:
            await _opened(pair.a, pair.wire)
        assert refused.value.code.name == "would-fork"
        # the witness away at the start: the first round of asking finds it out, and then nothing is signed
        pair.wire.down.add("b.example")
        await _opened(pair.a, pair.wire)
        pair.wire.down.clear()
        await tend_logs(pair.a.gw)
        with pytest.raises(RollbackError):
            await _grow(pair.a)


async def test_a_file_anchor_guards_as_well(tmp_path: Path) -> None:
    async with World(catalogue=False, anchor_file=tmp_path / "elsewhere" / "heads") as w:
        await _grow(w, 4)
        assert await tend_logs(w.gw) >= 1
        seen = await seen_by_others(w.gw.trust, w.gw.anchors, {w.settings.origin: []}, None)
        assert seen == {w.settings.origin: await _size(w)}


def test_the_witness_key_follows_the_root_key(tmp_path: Path) -> None:
    provider, path = InsecureMemoryProvider(), tmp_path / "log.key"
    create_log_keys(provider, path, ("a.example/grants",))
    vkey = add_witness_key(provider, path, "a.example/witness")
    assert add_witness_key(provider, path, "another.example/witness") == vkey, "what partners trust stays"
    provider.rotate()
    assert rewrap_log_keys(provider, path) == 2
    assert {provider.version_of(each) for each in wrapped_log_keys(path)} == {2}


async def test_a_policy_that_cannot_be_read_is_refused_at_the_start() -> None:
    async with World(catalogue=False) as w:
        path = w.home / "broken"
        path.write_text("quorum nobody\n")
        settings = w.settings.model_copy(update={"trust_policy": path})
        with pytest.raises(Problem) as refused:
            await open_gateway(settings, database=w.db, provider=w.provider)
        assert refused.value.field == "trust_policy"
        assert trust_of(w.settings).met_by(())


def _stranger(origin: str) -> Any:
    from ledger.note import Ed25519Signer

    return Ed25519Signer(origin, b"\5" * 32)


async def _submission(world: World, old: int) -> bytes:
    async with world.db.read() as tx:
        signed = await world.gw.grants_log.checkpoint(tx)
        proof = await world.gw.grants_log.prove_consistency(tx, old, signed.size)
    text, _, lines = signed.note.rpartition("\n\n")
    own = [line for line in lines.splitlines() if f" {world.settings.origin} " in line]
    return AddCheckpoint(old, tuple(proof), text + "\n\n" + "".join(f"{line}\n" for line in own)).encode()


async def test_a_mirror_follows_a_live_gateway_and_the_export_opens_alone(tmp_path: Path) -> None:
    async with World(catalogue=False) as w:
        wire, trust = Wire(), tmp_path / "trust.policy"
        wire.hosts["gw.example"] = create_app(w.gw, worker=False)
        trust.write_text(trust_text(w.gw))
        for entries in (3, 300):
            await _grow(w, entries)
            address = "http://gw.example/log/grants"
            found = await mirror_log(
                address, tmp_path / "mirror", parse_policy(trust.read_bytes()), w.settings.origin, wire
            )
            assert found.size == await _size(w) >= entries
        async with w.db.read() as tx:
            await export_log(tx, w.gw.grants_log, tmp_path / "bundle", parse_policy(trust.read_bytes()))
    verifier = [sys.executable, "-I", "lianqiao-verify.pyz", "log", ".", "--policy", "policy.txt"]
    assert await asyncio.to_thread(subprocess.call, verifier, cwd=tmp_path / "bundle") == 0
    bundle = next((tmp_path / "bundle" / "tile" / "entries").rglob("000"))
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"!")
    assert await asyncio.to_thread(subprocess.call, verifier, cwd=tmp_path / "bundle") == 1
