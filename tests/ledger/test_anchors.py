"""Anchors: in a file, on py-evm in process, and on a real node with reorganisations and stuck transactions."""

import asyncio
import json
import threading
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import sqlalchemy as sa

from ledger import merkle
from ledger.anchors.contract import LocalSender, keccak, origin_key, read_head
from ledger.anchors.evm import ChainSettings, EvmAnchor
from ledger.anchors.file import FileAnchor, line_hash
from ledger.anchors.indexer import ChainIndex, check_against_chain
from ledger.anchors.interface import anchor_evidence, anchored, due, enqueue, verify_anchor
from ledger.anchors.rpc import RpcError, hexed, http_rpc, number
from ledger.checkpoint import Checkpoint
from ledger.entry import b64url, canonical
from ledger.errors import ForkError, LedgerError, MalformedError, RollbackError, VerificationError
from ledger.memory import MemoryLog
from ledger.sql import SqlLog
from ledger.tables import chain_event, log_anchor
from tests.ledger.chains import ANVIL, KEEPER_KEY, Line, anvil, deploy
from tests.ledger.conftest import ORIGIN, Clock, NoTx, signer

TRAIL = "log.example.test/trail"
needs_anvil = pytest.mark.skipif(
    not ANVIL.exists(), reason="anvil is not installed: scripts/contracts.py check installs it"
)


async def grow(db, log: SqlLog, count: int) -> None:
    async with db.begin() as tx:
        size = (await log.ensure(tx)).size
        await log.integrate(tx, [merkle.leaf_hash(str(i).encode()) for i in range(size, size + count)])


async def queue(db, log, anchor) -> bool:
    async with db.begin() as tx:
        return await enqueue(tx, await log.checkpoint(tx), anchor.place)


async def rows(db) -> list:
    async with db.read() as tx:
        return list((await tx.execute(sa.select(log_anchor).order_by(log_anchor.c.size))).all())


@pytest.fixture
async def log(sqlite_db) -> SqlLog:
    made = SqlLog(ORIGIN, signer())
    await grow(sqlite_db, made, 5)
    return made


async def test_a_file_keeps_heads(sqlite_db, log, tmp_path) -> None:
    anchor = FileAnchor(tmp_path / "worm" / "heads.jsonl")
    assert await anchor.largest(ORIGIN) == 0
    assert await queue(sqlite_db, log, anchor)
    assert not await queue(sqlite_db, log, anchor)
    assert [p.status for p in await anchor.advance(sqlite_db)] == ["final"]
    assert await anchor.advance(sqlite_db) == []
    await grow(sqlite_db, log, 3)
    assert await queue(sqlite_db, log, anchor)
    await grow(sqlite_db, log, 3)
    assert await queue(sqlite_db, log, anchor)  # the one that waited gives way
    assert [p.size for p in await anchor.advance(sqlite_db)] == [11]
    assert await anchor.largest(ORIGIN) == 11
    async with sqlite_db.read() as tx:
        assert (await anchored(tx, ORIGIN, 4)).size == 5
        assert (await anchored(tx, ORIGIN, 5, anchor.place)).size == 11
        assert await anchored(tx, ORIGIN, 11) is None
        assert await anchored(tx, ORIGIN, 0, "elsewhere") is None
        evidence = await anchor_evidence(tx, log, 7)
        checkpoint = Checkpoint(ORIGIN, 7, await log.root_at(tx, 7))
        assert await anchor_evidence(tx, log, 12) is None
    held = (11, merkle.root_of(merkle.leaf_hash(str(i).encode()) for i in range(11)))
    verify_anchor(checkpoint, evidence, held)
    with pytest.raises(VerificationError, match="anchored head"):
        verify_anchor(checkpoint, evidence, (11, bytes(32)))
    with pytest.raises(VerificationError, match="consistency"):
        verify_anchor(Checkpoint(ORIGIN, 7, bytes(32)), evidence, held)


async def test_a_file_that_was_touched_is_noticed(sqlite_db, log, tmp_path) -> None:
    anchor = FileAnchor(tmp_path / "heads.jsonl")
    for _ in range(3):
        await grow(sqlite_db, log, 1)
        await queue(sqlite_db, log, anchor)
        await anchor.advance(sqlite_db)
    lines = anchor.path.read_bytes().splitlines(keepends=True)
    for wrong in (
        lines[1:],
        lines[:1] + lines[2:],
        [lines[0].replace(b'"size":6', b'"size":5'), *lines[1:]],
        [*lines, b"{}\n"],
    ):
        anchor.path.write_bytes(b"".join(wrong))
        with pytest.raises(MalformedError):
            await anchor.largest(ORIGIN)
    smaller = canonical(
        {"at": 1, "origin": ORIGIN, "prev": line_hash(lines[2][:-1]), "root": b64url(bytes(32)), "size": 8}
    )
    anchor.path.write_bytes(b"".join(lines) + smaller + b"\n")
    with pytest.raises(MalformedError, match="does not grow"):
        await anchor.largest(ORIGIN)
    anchor.path.write_bytes(b"".join(lines) + b'{"at":1')  # the power failed in the middle of a line
    assert await anchor.largest(ORIGIN) == 8
    await grow(sqlite_db, log, 1)
    await queue(sqlite_db, log, anchor)
    assert [p.status for p in await anchor.advance(sqlite_db)] == ["final"]
    assert await anchor.largest(ORIGIN) == 9


async def test_a_line_written_before_a_crash_counts(sqlite_db, log, tmp_path) -> None:
    anchor = FileAnchor(tmp_path / "heads.jsonl")
    await queue(sqlite_db, log, anchor)
    await anchor.advance(sqlite_db)
    async with sqlite_db.begin() as tx:  # the line is durable, the row never heard of it
        await tx.execute(sa.update(log_anchor).values(status="queued", reference=None, final_at=None))
    before = anchor.path.read_bytes()
    assert [p.status for p in await anchor.advance(sqlite_db)] == ["final"]
    assert anchor.path.read_bytes() == before
    assert (await rows(sqlite_db))[0].reference


async def test_a_file_that_knows_better(sqlite_db, log, tmp_path) -> None:
    anchor = FileAnchor(tmp_path / "heads.jsonl")
    await queue(sqlite_db, log, anchor)
    await anchor.advance(sqlite_db)
    async with sqlite_db.begin() as tx:
        await tx.execute(sa.update(log_anchor).values(status="queued", root=bytes(32)))
    with pytest.raises(ForkError, match="another root"):
        await anchor.advance(sqlite_db)
    async with sqlite_db.begin() as tx:
        await tx.execute(sa.update(log_anchor).values(size=3))
    with pytest.raises(RollbackError):
        await anchor.advance(sqlite_db)
    blocked = FileAnchor(tmp_path / "heads.jsonl" / "below a file")
    async with sqlite_db.begin() as tx:
        await tx.execute(sa.update(log_anchor).values(place=blocked.place))
    assert [(p.status, p.detail) for p in await blocked.advance(sqlite_db)] == [("queued", "FileExistsError")]


async def test_two_replicas_write_one_line(sqlite_db, log, tmp_path) -> None:
    one, two = FileAnchor(tmp_path / "heads.jsonl"), FileAnchor(tmp_path / "heads.jsonl")
    await queue(sqlite_db, log, one)
    done = await asyncio.gather(one.advance(sqlite_db), two.advance(sqlite_db))
    assert sum(len(progress) for progress in done) in (1, 2)
    assert len(one.path.read_bytes().splitlines()) == 1
    assert [r.status for r in await rows(sqlite_db)] == ["final"]


async def test_when_an_anchor_is_due(sqlite_db, log, clock) -> None:
    async with sqlite_db.begin() as tx:
        rule = {"interval": 60_000_000, "entries": 10}
        assert (await due(tx, log, "p", **rule)).size == 5
        await enqueue(tx, await log.checkpoint(tx), "p")
        assert await due(tx, log, "p", **rule) is None
    await grow(sqlite_db, log, 9)
    async with sqlite_db.begin() as tx:
        assert await due(tx, log, "p", **rule) is None
    await grow(sqlite_db, log, 1)
    async with sqlite_db.begin() as tx:
        assert (await due(tx, log, "p", **rule)).size == 15
        await enqueue(tx, await log.checkpoint(tx), "p")
    await grow(sqlite_db, log, 1)
    clock.now += 60_000_000
    async with sqlite_db.begin() as tx:
        assert (await due(tx, log, "p", **rule)).size == 16
        empty = SqlLog(TRAIL, signer(TRAIL))
        await empty.ensure(tx)
        assert await due(tx, empty, "p", **rule) is None
        assert not await enqueue(tx, await empty.checkpoint(tx), "p")


@pytest.fixture
async def chain(module_chain):
    """A contract of its own on the shared chain, with the log open."""
    line = Line(module_chain)
    contract = await deploy(line, [ORIGIN, TRAIL], 10**10)
    return line, contract


def evm(line, contract: str, *logs, **settings) -> EvmAnchor:
    chosen = {"chain_id": 131277322940537, "confirmations": 0, "gas_price": 10**10} | settings
    return EvmAnchor(line, ChainSettings(contract=contract, **chosen), LocalSender(KEEPER_KEY), logs)


@pytest.mark.evm
async def test_a_chain_keeps_heads(sqlite_db, log, chain) -> None:
    line, contract = chain
    anchor = evm(line, contract, log)
    assert await anchor.largest(ORIGIN) == 0
    await queue(sqlite_db, log, anchor)
    assert [(p.size, p.status) for p in await anchor.advance(sqlite_db)] == [(5, "final")]
    await grow(sqlite_db, log, 40)
    await queue(sqlite_db, log, anchor)
    assert [(p.size, p.status) for p in await anchor.advance(sqlite_db)] == [(45, "final")]
    assert await anchor.advance(sqlite_db) == []
    assert await anchor.largest(ORIGIN) == 45
    head = await read_head(line, contract, ORIGIN)
    async with sqlite_db.read() as tx:
        assert head.root == await log.root_at(tx, 45)
        found = await anchored(tx, ORIGIN, 10)
        evidence = await anchor_evidence(tx, log, 7)
        checkpoint = Checkpoint(ORIGIN, 7, await log.root_at(tx, 7))
    assert found.block_number is not None
    assert found.place == f"evm:131277322940537:{contract.lower()}"
    verify_anchor(checkpoint, evidence, (head.size, head.root))
    nonces = [r.nonce for r in await rows(sqlite_db)]
    assert nonces[1] == nonces[0] + 1


@pytest.mark.evm
async def test_wherever_the_line_is_cut_the_anchor_arrives_once(sqlite_db, log, chain) -> None:
    """Each call of a whole anchoring fails once, before or after the node acted on it; then the line is whole again."""
    line, contract = chain
    anchor = evm(line, contract, log)
    await queue(sqlite_db, log, anchor)
    line.calls.clear()
    await anchor.advance(sqlite_db)
    methods = set(line.calls)
    assert "eth_sendRawTransaction" in methods
    for method in sorted(methods - {"eth_chainId"}):
        await grow(sqlite_db, log, 1)
        await queue(sqlite_db, log, anchor)
        line.lose = {method}
        (stopped,) = await anchor.advance(sqlite_db)
        assert "unreachable" in stopped.detail
        line.lose = set()
        (done,) = await evm(line, contract, log).advance(sqlite_db)  # as after a restart
        assert done.status == "final"
    line.cut = True
    await grow(sqlite_db, log, 1)
    await queue(sqlite_db, log, anchor)
    for _ in range(3):
        assert [p.status for p in await anchor.advance(sqlite_db)] == ["queued"]
    with pytest.raises(OSError, match="cut"):
        await anchor.largest(ORIGIN)
    line.cut = False
    assert [p.status for p in await anchor.advance(sqlite_db)] == ["final"]
    kept = await rows(sqlite_db)
    assert {r.status for r in kept} == {"final"}
    assert len({r.reference for r in kept}) == len(kept)


@pytest.mark.evm
async def test_two_replicas_race(sqlite_db, log, chain) -> None:
    line, contract = chain
    replicas = [evm(line, contract, log) for _ in range(4)]
    for _ in range(3):
        await grow(sqlite_db, log, 2)
        await queue(sqlite_db, log, replicas[0])
        await asyncio.gather(*(r.advance(sqlite_db) for r in replicas))
        await replicas[0].advance(sqlite_db)
    kept = await rows(sqlite_db)
    assert [r.status for r in kept] == ["final"] * 3
    assert await replicas[0].largest(ORIGIN) == 11


@pytest.mark.evm
async def test_a_head_that_somebody_else_anchored(sqlite_db, log, chain) -> None:
    """A replica with another database delivered the same step: it is found, and counts."""
    line, contract = chain
    anchor = evm(line, contract, log)
    await queue(sqlite_db, log, anchor)
    await anchor.advance(sqlite_db)
    async with sqlite_db.begin() as tx:
        values = {"status": "queued", "raw": None, "nonce": None, "sender": None, "reference": None}
        await tx.execute(sa.update(log_anchor).values(**values))
    (done,) = await anchor.advance(sqlite_db)
    assert done.status == "final"
    (row,) = await rows(sqlite_db)
    assert row.reference.startswith("0x")
    await grow(sqlite_db, log, 2)
    async with sqlite_db.begin() as tx:
        await tx.execute(sa.delete(log_anchor))
        await enqueue(tx, Checkpoint(ORIGIN, 3, await log.root_at(tx, 3)), anchor.place)
    (done,) = await anchor.advance(sqlite_db)
    assert (done.status, done.detail) == ("failed", "5 is anchored already")


@pytest.mark.evm
async def test_a_chain_that_knows_better(sqlite_db, log, chain) -> None:
    line, contract = chain
    anchor = evm(line, contract, log)
    await grow(sqlite_db, log, 5)
    await queue(sqlite_db, log, anchor)
    await anchor.advance(sqlite_db)
    older = MemoryLog(ORIGIN, signer())  # our database as it was before
    await older.ensure(NoTx())
    await older.integrate(NoTx(), [merkle.leaf_hash(str(i).encode()) for i in range(7)])
    behind = evm(line, contract, older)
    async with sqlite_db.begin() as tx:
        await tx.execute(sa.delete(log_anchor))
        await enqueue(tx, await older.checkpoint(NoTx()), anchor.place)
    with pytest.raises(RollbackError, match="we hold 7 entries, others saw 10"):
        await behind.advance(sqlite_db)
    await older.integrate(NoTx(), [merkle.leaf_hash(b"another")] * 3)
    async with sqlite_db.begin() as tx:
        await tx.execute(sa.delete(log_anchor))
        await enqueue(tx, await older.checkpoint(NoTx()), anchor.place)
    with pytest.raises(ForkError, match="another root for size 10"):
        await behind.advance(sqlite_db)
    await older.integrate(NoTx(), [merkle.leaf_hash(b"another")] * 3)
    async with sqlite_db.begin() as tx:
        await tx.execute(sa.delete(log_anchor))
        await enqueue(tx, await older.checkpoint(NoTx()), anchor.place)
    with pytest.raises(ForkError, match="another root for size 10"):
        await behind.advance(sqlite_db)


@pytest.mark.evm
async def test_what_the_contract_refuses(sqlite_db, chain) -> None:
    line, contract = chain
    closed = SqlLog("log.example.test/closed", signer("log.example.test/closed"))
    await grow(sqlite_db, closed, 2)
    anchor = evm(line, contract, closed)
    await queue(sqlite_db, closed, anchor)
    (stopped,) = await anchor.advance(sqlite_db)
    assert stopped.status == "queued"
    assert stopped.detail.startswith("node error")
    with pytest.raises(LedgerError, match="the node is on chain"):
        await evm(line, contract, closed, chain_id=1).largest(ORIGIN)
    stranger = evm(line, contract)
    assert await stranger.advance(sqlite_db) == []


@pytest.mark.evm
async def test_the_index_is_a_copy_of_the_events(sqlite_db, log, chain) -> None:
    line, contract = chain
    anchor = evm(line, contract, log)
    for _ in range(3):
        await grow(sqlite_db, log, 3)
        await queue(sqlite_db, log, anchor)
        await anchor.advance(sqlite_db)
    top = number(await line("eth_blockNumber", []))
    index = ChainIndex(line, anchor.place, contract, first=max(0, top - 6), span=2)
    first = await index.poll(sqlite_db)
    assert (first.block_number, first.taken_back) == (top, 0)
    assert await index.poll(sqlite_db) == first
    async with sqlite_db.begin() as tx:
        found = (await tx.execute(sa.select(chain_event).order_by(chain_event.c.size))).all()
        assert [(e.size, e.origin_hash) for e in found] == [(n, hexed(origin_key(ORIGIN))) for n in (8, 11, 14)]
        assert await check_against_chain(tx, log, anchor.place) == 3
        await tx.execute(sa.update(chain_event).where(chain_event.c.size == 11).values(root=bytes(32)))
        with pytest.raises(LedgerError, match="another root for size 11"):
            await check_against_chain(tx, log, anchor.place)


@pytest.fixture
async def node(sqlite_db) -> AsyncIterator[str]:
    with anvil("--chain-id", "20200", "--hardfork", "paris", "--slots-in-an-epoch", "1") as url:
        yield url


@needs_anvil
@pytest.mark.evm
async def test_a_block_that_is_reorganised_away(sqlite_db, log, node) -> None:
    rpc = http_rpc(node)
    contract = await deploy(rpc, [ORIGIN], 2 * 10**9)
    anchor = evm(rpc, contract, log, chain_id=20200, confirmations=3, gas_price=None)
    index = ChainIndex(rpc, anchor.place, contract)
    await queue(sqlite_db, log, anchor)
    (done,) = await anchor.advance(sqlite_db)
    assert (done.status, done.detail) == ("mined", "0 of 3 confirmations")
    await index.poll(sqlite_db)
    first = (await rows(sqlite_db))[0]
    await rpc("anvil_mine", [hex(1)])
    await index.poll(sqlite_db)
    await rpc("anvil_reorg", [2, []])
    seen = await index.poll(sqlite_db)
    assert seen.taken_back >= 1
    async with sqlite_db.read() as tx:
        assert (await tx.execute(sa.select(sa.func.count()).select_from(chain_event))).scalar() == 0
        assert await anchored(tx, ORIGIN, 0) is None
    (done,) = await anchor.advance(sqlite_db)
    assert done.status in ("sent", "mined")
    (done,) = await anchor.advance(sqlite_db)
    again = (await rows(sqlite_db))[0]
    assert (again.status, again.reference) == ("mined", first.reference)
    assert again.block_hash != first.block_hash
    await rpc("anvil_mine", [hex(3)])
    assert [p.status for p in await anchor.advance(sqlite_db)] == ["final"]
    await index.poll(sqlite_db)
    async with sqlite_db.read() as tx:
        assert await check_against_chain(tx, log, anchor.place) == 1


@needs_anvil
@pytest.mark.evm
async def test_a_stuck_transaction_is_replaced(sqlite_db, log, node, clock: Clock) -> None:
    rpc = http_rpc(node)
    contract = await deploy(rpc, [ORIGIN], 2 * 10**9)
    await rpc("evm_setAutomine", [False])
    anchor = evm(rpc, contract, log, chain_id=20200, gas_price=None, stuck_after=60_000_000)
    await queue(sqlite_db, log, anchor)
    assert [p.status for p in await anchor.advance(sqlite_db)] == ["sent"]
    first = (await rows(sqlite_db))[0]
    assert [p.detail for p in await anchor.advance(sqlite_db)] == ["waiting to be mined"]
    clock.now += 61_000_000
    assert [(p.status, p.detail) for p in await anchor.advance(sqlite_db)] == [("sent", "waiting to be mined")]
    second = (await rows(sqlite_db))[0]
    assert second.nonce == first.nonce
    assert second.reference != first.reference
    assert int(second.gas_price) >= int(first.gas_price) * 9 // 8
    await rpc("anvil_mine", [hex(1)])
    assert [p.status for p in await anchor.advance(sqlite_db)] == ["final"]
    assert (await read_head(rpc, contract, ORIGIN)).size == 5


@needs_anvil
@pytest.mark.evm
async def test_the_replaced_transaction_may_win_after_all(sqlite_db, log, node, clock: Clock) -> None:
    rpc = http_rpc(node)
    contract = await deploy(rpc, [ORIGIN], 2 * 10**9)
    await rpc("evm_setAutomine", [False])
    anchor = evm(rpc, contract, log, chain_id=20200, gas_price=None)
    await queue(sqlite_db, log, anchor)
    await anchor.advance(sqlite_db)
    await rpc("anvil_mine", [hex(1)])
    async with sqlite_db.begin() as tx:  # we had stored another transaction of the same nonce, which never arrived
        await tx.execute(sa.update(log_anchor).values(reference="0x" + "12" * 32))
    (done,) = await anchor.advance(sqlite_db)
    assert done.status == "final"
    (row,) = await rows(sqlite_db)
    assert row.reference != "0x" + "12" * 32


@needs_anvil
@pytest.mark.evm
async def test_a_chain_without_gas_price_and_a_node_that_restarts(sqlite_db, log, tmp_path) -> None:
    """The consortium profile: paris, gas price 0, an account without a coin; the node is down for a while."""
    profile = ["--chain-id", "20200", "--hardfork", "paris", "--gas-price", "0", "--block-base-fee-per-gas", "0"]
    profile += ["--disable-min-priority-fee", "--state", str(tmp_path / "state.json")]
    with anvil(*profile) as url:
        rpc = http_rpc(url)
        contract = await deploy(rpc, [ORIGIN], 0)
        anchor = evm(rpc, contract, log, chain_id=20200, gas_price=0)
        await queue(sqlite_db, log, anchor)
        assert [p.status for p in await anchor.advance(sqlite_db)] == ["final"]
        assert number(await rpc("eth_getBalance", [LocalSender(KEEPER_KEY).address, "latest"])) == 0
    await grow(sqlite_db, log, 3)
    await queue(sqlite_db, log, anchor)
    (down,) = await anchor.advance(sqlite_db)
    assert (down.status, down.detail) == ("queued", "node unreachable: OSError")
    with anvil(*profile) as url:
        anchor = evm(http_rpc(url), contract, log, chain_id=20200, gas_price=0)
        assert [p.status for p in await anchor.advance(sqlite_db)] == ["final"]
        assert await anchor.largest(ORIGIN) == 8


def test_the_line_to_a_node_speaks_json_rpc() -> None:
    """Against a small server: results, errors, a block with the long extraData of proof of authority, and nonsense."""
    block = {"hash": "0x" + "ab" * 32, "parentHash": "0x" + "cd" * 32, "extraData": "0x" + "ee" * 200}
    replies = {
        "block": {"result": block},
        "refused": {"error": {"code": -32000, "message": "nonce too low", "data": "0x1234"}},
        "nothing": {"result": None},
    }

    class Node(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if asked["method"] != "status" else 503)
            self.end_headers()
            known = asked["method"] in replies
            self.wfile.write(json.dumps(replies[asked["method"]]).encode() if known else b"<html>")

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Node)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    rpc = http_rpc(f"http://127.0.0.1:{server.server_port}")
    try:
        assert asyncio.run(rpc("block", []))["hash"] == block["hash"]
        assert asyncio.run(rpc("nothing", [])) is None
        with pytest.raises(RpcError) as caught:
            asyncio.run(rpc("refused", []))
        assert (caught.value.code, caught.value.data) == (-32000, "0x1234")
        with pytest.raises(OSError, match="no JSON"):
            asyncio.run(rpc("nonsense", []))
        with pytest.raises(OSError, match="503"):
            asyncio.run(rpc("status", []))
    finally:
        server.shutdown()
        server.server_close()
    with pytest.raises(OSError, match="cannot be reached"):
        asyncio.run(rpc("block", []))
    with pytest.raises(LedgerError):
        http_rpc("file:///etc/passwd")


def test_names_on_the_chain() -> None:
    assert keccak(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert origin_key(ORIGIN) == keccak(ORIGIN.encode())
    assert (number("0x10"), number(16), hexed(b"\x01"), hexed("AB")) == (16, 16, "0x01", "0xab")
