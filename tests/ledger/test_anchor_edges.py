"""A chain that answers strangely: reverted, forgotten, unknown, too dear; and what a second replica finds."""

from typing import Any

import pytest
import sqlalchemy as sa

from ledger.anchors.contract import call_data
from ledger.anchors.indexer import ChainIndex
from ledger.anchors.interface import enqueue, open_anchors
from ledger.anchors.rpc import RpcError
from ledger.sql import SqlLog
from ledger.tables import chain_block, log_anchor
from tests.ledger.chains import Line, deploy
from tests.ledger.conftest import ORIGIN, Clock, signer
from tests.ledger.test_anchors import evm, grow, queue, rows

pytestmark = pytest.mark.evm


@pytest.fixture
async def chain(module_chain) -> tuple[Line, str]:
    line = Line(module_chain)
    return line, await deploy(line, [ORIGIN], 10**10)


@pytest.fixture
async def log(sqlite_db) -> SqlLog:
    made = SqlLog(ORIGIN, signer())
    await grow(sqlite_db, made, 5)
    return made


def refuse(message: str) -> Any:
    def twisted(_: Any) -> Any:
        raise RpcError(-32000, message)

    return twisted


async def test_a_reverted_transaction_goes_back_to_the_queue(sqlite_db, log, chain) -> None:
    line, contract = chain
    anchor = evm(line, contract, log)
    await queue(sqlite_db, log, anchor)
    line.twist["eth_getTransactionReceipt"] = lambda real: {**real, "status": 0} if real else None
    (stopped,) = await anchor.advance(sqlite_db)
    # our transaction did go through: the head says so, and its event is found
    assert stopped.status == "final"
    (row,) = await rows(sqlite_db)
    assert (row.error, row.raw) == ("the transaction was reverted", None)


async def test_a_step_that_never_settles_ends_the_round(sqlite_db, log, chain) -> None:
    line, contract = chain
    anchor = evm(line, contract, log)
    await queue(sqlite_db, log, anchor)
    line.twist["eth_getTransactionReceipt"] = lambda real: {**real, "status": 0} if real else None
    line.twist["eth_call"] = lambda _: "0x" + "00" * 96  # a node that shows the contract as it was
    line.twist["eth_estimateGas"] = lambda _: "0x30000"
    line.twist["eth_sendRawTransaction"] = lambda real: real
    (stopped,) = await anchor.advance(sqlite_db)
    assert stopped.status in ("queued", "prepared", "sent")


async def test_a_node_that_refuses_the_transaction(sqlite_db, log, chain) -> None:
    line, contract = chain
    anchor = evm(line, contract, log)
    await queue(sqlite_db, log, anchor)

    def unfunded(_: Any) -> Any:
        raise RpcError(-32000, "insufficient funds for gas")

    real = line._rpc

    async def rpc(method, parameters):
        return unfunded(None) if method == "eth_sendRawTransaction" else await real(method, parameters)

    line._rpc = rpc
    (stopped,) = await anchor.advance(sqlite_db)
    assert stopped.detail == "node error -32000: insufficient funds for gas"
    assert (await rows(sqlite_db))[0].status == "prepared"
    line._rpc = real
    (done,) = await anchor.advance(sqlite_db)
    assert done.status == "final"


@pytest.mark.parametrize("words", ["already known", "Nonce too low", "some unheard-of words"])
async def test_a_node_that_has_it_already(sqlite_db, log, chain, words: str) -> None:
    line, contract = chain
    anchor = evm(line, contract, log)
    await queue(sqlite_db, log, anchor)
    line.twist["eth_sendRawTransaction"] = refuse(words)  # after it took the transaction
    (done,) = await anchor.advance(sqlite_db)
    assert done.status == "final"


async def test_a_node_that_knows_no_receipt_by_an_error(sqlite_db, log, chain) -> None:
    line, contract = chain
    anchor = evm(line, contract, log)
    await queue(sqlite_db, log, anchor)
    line.twist["eth_getTransactionReceipt"] = refuse("unknown transaction")
    (done,) = await anchor.advance(sqlite_db)
    assert done.status == "final"  # by the event, since the nonce was used


async def test_an_event_that_cannot_be_found(sqlite_db, log, chain) -> None:
    line, contract = chain
    anchor = evm(line, contract, log)
    await queue(sqlite_db, log, anchor)
    await anchor.advance(sqlite_db)
    async with sqlite_db.begin() as tx:
        cleared = {"raw": None, "nonce": None, "sender": None, "reference": None}
        await tx.execute(sa.update(log_anchor).values(status="queued", **cleared))
    line.twist["eth_getLogs"] = lambda _: []
    (stopped,) = await anchor.advance(sqlite_db)
    assert (stopped.status, stopped.detail) == ("queued", "anchored by another transaction that is not found")
    line.twist.clear()
    (done,) = await evm(line, contract, log, confirmations=5).advance(sqlite_db)
    assert done.status == "mined"
    # the block of that other transaction is reorganised away: begin again
    line.twist["eth_getBlockByNumber"] = lambda real: {**real, "hash": "0x" + "00" * 32}
    (again,) = await anchor.advance(sqlite_db)
    assert again.detail in ("its block was reorganised away", "")


async def test_stuck_where_nothing_costs_more(sqlite_db, log, chain, clock: Clock) -> None:
    """On a chain without gas price, or at our highest price, the same bytes are sent again."""
    line, contract = chain
    for settings in ({"max_gas_price": 10**10}, {"gas_price": 0}):
        anchor = evm(line, contract, log, **{"gas_price": 10**10, "stuck_after": 1} | settings)
        await grow(sqlite_db, log, 1)
        await queue(sqlite_db, log, anchor)
        line.twist = {"eth_getTransactionReceipt": lambda _: None, "eth_getTransactionCount": lambda real: real}
        async with sqlite_db.begin() as tx:
            await tx.execute(
                sa.update(log_anchor)
                .where(log_anchor.c.status == "queued")
                .values(status="sent", raw=b"\x01", nonce=10**6, gas_price=str(10**10), reference="0x00", sent_at=0)
            )
        line.twist["eth_sendRawTransaction"] = lambda real: real
        real = line._rpc

        async def rpc(method, parameters, real=real):
            return "0x00" if method == "eth_sendRawTransaction" else await real(method, parameters)

        line._rpc = rpc
        (stopped,) = await anchor.advance(sqlite_db)
        line._rpc = real
        assert (stopped.status, stopped.detail) == ("sent", "stuck; sent again unchanged")
        async with sqlite_db.begin() as tx:
            await tx.execute(sa.delete(log_anchor))


async def test_stuck_while_somebody_else_anchored(sqlite_db, log, chain, clock: Clock) -> None:
    line, contract = chain
    anchor = evm(line, contract, log, stuck_after=1)
    await queue(sqlite_db, log, anchor)
    await anchor.advance(sqlite_db)
    async with sqlite_db.begin() as tx:
        values = {"status": "sent", "reference": "0x" + "11" * 32, "nonce": 10**6, "sent_at": 0, "sender": "0x1"}
        await tx.execute(sa.update(log_anchor).values(**values))
    (done,) = await anchor.advance(sqlite_db)
    assert done.status == "final"


async def test_a_replica_that_comes_second(sqlite_db, log, chain) -> None:
    """Two replicas read the same row; the second finds the anchor prepared, or the account busy with another one."""
    line, contract = chain
    trail = SqlLog("log.example.test/trail2", signer("log.example.test/trail2"))
    await grow(sqlite_db, trail, 3)
    contract = await deploy(line, [ORIGIN, trail.origin], 10**10)
    anchor = evm(line, contract, log, trail)
    await queue(sqlite_db, log, anchor)
    await queue(sqlite_db, trail, anchor)
    async with sqlite_db.read() as tx:
        mine, other = await open_anchors(tx, anchor.place)
    assert await anchor._prepare(sqlite_db, mine) == ("prepared", "")
    assert await anchor._prepare(sqlite_db, other) == ("queued", "another anchor is under way")
    async with sqlite_db.begin() as tx:
        await tx.execute(sa.update(log_anchor).where(log_anchor.c.anchor_id == mine.anchor_id).values(sender="0x2"))
    assert await anchor._prepare(sqlite_db, mine) == ("queued", "another replica was faster")
    async with sqlite_db.begin() as tx:
        await tx.execute(
            sa.update(log_anchor).where(log_anchor.c.anchor_id == mine.anchor_id).values(sender=anchor._sender.address)
        )
    await anchor.advance(sqlite_db)
    assert {r.status for r in await rows(sqlite_db)} == {"final"}


async def test_the_index_of_a_chain_that_is_cut_short(sqlite_db, log, chain) -> None:
    line, contract = chain
    anchor = evm(line, contract, log)
    await queue(sqlite_db, log, anchor)
    await anchor.advance(sqlite_db)
    index = ChainIndex(line, anchor.place, contract)
    line.twist["eth_getBlockByNumber"] = lambda _: None
    nothing = await index.poll(sqlite_db)
    assert (nothing.block_number, nothing.block_hash) == (-1, "")
    line.twist.clear()
    assert (await index.poll(sqlite_db)).block_number >= 0
    line.twist["eth_getBlockByNumber"] = lambda real: {**real, "hash": "0x" + "ee" * 32}
    emptied = await index.poll(sqlite_db)  # another chain altogether: everything is taken back, and read again
    assert emptied.taken_back > 0
    line.twist.clear()
    await index.poll(sqlite_db)
    async with sqlite_db.read() as tx:
        assert (await tx.execute(sa.select(sa.func.count()).select_from(chain_block))).scalar() == 1


async def test_an_anchor_of_a_log_that_shrank_to_it(sqlite_db, log, chain) -> None:
    line, contract = chain
    anchor = evm(line, contract, log)
    async with sqlite_db.begin() as tx:
        await enqueue(tx, await log.checkpoint(tx), anchor.place)
    assert [p.status for p in await anchor.advance(sqlite_db)] == ["final"]
    with pytest.raises(KeyError):
        call_data("nothing")
