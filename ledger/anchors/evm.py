"""Anchors on an EVM chain: one transaction at a time, stored before it is sent, counted when it is final.

Steps of an anchor: queued -> prepared (signed and stored) -> sent -> mined -> final. A crash or a node that is down
repeats a step; a block that is reorganised away puts a mined one back to sent; a stuck one is sent again for a higher
price under the same nonce. Two replicas race for each step by conditional updates, and the loser does nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ledger.anchors.contract import ChainHead, Sender, call_data, error_names, origin_key, read_events, read_head
from ledger.anchors.interface import Progress, Status, move, open_anchors
from ledger.anchors.rpc import Rpc, RpcError, hexed, number
from ledger.errors import ForkError, LedgerError, RollbackError
from ledger.log import Log
from ledger.submit import Database

_KNOWN = ("already known", "known transaction", "already imported", "nonce too low", "alreadyknown")
_STEPS = 8  # of one anchor in one round
_LOOK_BACK = 2_000  # blocks searched for an event that somebody else's transaction made


@dataclass(frozen=True, slots=True)
class ChainSettings:
    """How to behave on one chain. `gas_price` in wei: 0 on chains without gas, None to ask the node.

    `confirmations`: blocks on top before an anchor is final (0: final when mined, for chains with immediate finality).
    `stuck_after`: microseconds before a transaction is sent again for 12.5 % more (the least that nodes accept).
    """

    chain_id: int
    contract: str
    gas_price: int | None = None
    confirmations: int = 12
    stuck_after: int = 120_000_000
    gas_limit: int = 500_000
    max_gas_price: int = 500_000_000_000


class EvmAnchor:
    """Anchors the given logs through one contract and one sending account, which nothing else may use."""

    def __init__(self, rpc: Rpc, settings: ChainSettings, sender: Sender, logs: Sequence[Log]) -> None:
        self.place = f"evm:{settings.chain_id}:{settings.contract.lower()}"
        self._rpc = rpc
        self._settings = settings
        self._sender = sender
        self._logs = {log.origin: log for log in logs}
        self._chain_checked = False

    async def largest(self, origin: str) -> int:
        """The largest size that the contract holds; `OSError` when the node cannot be asked."""
        return (await self._head(origin)).size

    async def _head(self, origin: str) -> ChainHead:
        await self._check_chain()
        return await read_head(self._rpc, self._settings.contract, origin)

    async def _check_chain(self) -> None:
        if not self._chain_checked:
            found = number(await self._rpc("eth_chainId", []))
            if found != self._settings.chain_id:
                raise LedgerError(f"the node is on chain {found}, not {self._settings.chain_id}")
            self._chain_checked = True

    async def advance(self, db: Database) -> Sequence[Progress]:
        """Take the open anchors as far as they go now; at most one transaction is under way for this account."""
        done: list[Progress] = []
        async with db.read() as tx:
            rows = list(await open_anchors(tx, self.place))
        # what is under way comes first: nothing new is signed before it is settled
        rows.sort(key=lambda row: row.status == "queued")
        for row in rows:
            if row.origin not in self._logs:
                continue
            try:
                progress = await self._one(db, row)
            except (OSError, TimeoutError) as error:
                done.append(Progress(row.origin, row.size, row.status, f"node unreachable: {type(error).__name__}"))
                break
            except RpcError as error:
                done.append(Progress(row.origin, row.size, row.status, str(error)))
                break
            done.append(progress)
            if progress.status in ("prepared", "sent"):
                break
        return done

    async def _one(self, db: Database, row: Any) -> Progress:
        await self._check_chain()
        status: Status = row.status
        detail = ""
        for _ in range(_STEPS):
            before = status
            if status == "queued":
                status, detail = await self._prepare(db, row)
            elif status == "prepared":
                status, detail = await self._send(db, row)
            elif status == "sent":
                status, detail = await self._look(db, row)
            else:
                status, detail = await self._confirm(db, row)
            if status == before:
                return Progress(row.origin, row.size, status, detail)
            async with db.read() as tx:
                fresh = [r for r in await open_anchors(tx, self.place) if r.anchor_id == row.anchor_id]
            if not fresh or status in ("final", "failed"):
                return Progress(row.origin, row.size, status, detail)
            row, status = fresh[0], fresh[0].status
        return Progress(row.origin, row.size, status, detail)

    async def _prepare(self, db: Database, row: Any) -> tuple[Status, str]:
        """Sign the transaction that moves the contract's head to this size, and store it."""
        log, head = self._logs[row.origin], await self._head(row.origin)
        if head.size >= row.size:
            return await self._settled_by_others(db, row, head)
        async with db.read() as tx:
            if head.size > 0 and head.root != (await log.root_at(tx, head.size)):
                raise ForkError(f"{row.origin}: the contract holds another root for size {head.size}")
        nonce = number(await self._rpc("eth_getTransactionCount", [self._sender.address, "latest"]))
        price = await self._price()
        raw, tx_hash = await self._signed(db, row, head, nonce, price, estimate=True)
        values = {"nonce": nonce, "raw": raw, "reference": tx_hash, "sender": self._sender.address}
        values |= {"gas_price": str(price), "error": None}
        async with db.begin() as tx:
            others = [r for r in await open_anchors(tx, self.place) if r.status in ("prepared", "sent", "mined")]
            if any(r.sender == self._sender.address and r.status != "mined" for r in others):
                return "queued", "another anchor is under way"
            if not await move(tx, row.anchor_id, "queued", status="prepared", **values):
                return "queued", "another replica was faster"
        return "prepared", ""

    async def _signed(
        self, db: Database, row: Any, head: ChainHead, nonce: int, price: int, *, estimate: bool
    ) -> tuple[bytes, str]:
        """The transaction, signed, that moves the contract from `head` to this anchor; and its hash."""
        async with db.read() as tx:
            proof = await self._logs[row.origin].prove_consistency(tx, head.size, row.size)
        data = call_data("anchor", origin_key(row.origin), row.size, row.root, proof)
        transaction = {"chainId": self._settings.chain_id, "nonce": nonce, "to": self._settings.contract, "value": 0}
        gas = await self._gas(data) if estimate else self._settings.gas_limit
        transaction |= {"gas": gas, "gasPrice": price, "data": hexed(data)}
        return self._sender.sign(transaction)

    async def _gas(self, data: bytes) -> int:
        """The gas limit: what the node estimates and a quarter more, within our own limit; `RpcError` if it would
        fail.
        """
        call = {"from": self._sender.address, "to": self._settings.contract, "data": hexed(data)}
        try:
            estimated = number(await self._rpc("eth_estimateGas", [call]))
        except RpcError as error:
            name = error_names().get(error.data[:10].lower())
            raise RpcError(error.code, name or error.message, error.data) from error
        return min(self._settings.gas_limit, estimated * 5 // 4)

    async def _price(self) -> int:
        if self._settings.gas_price is not None:
            return self._settings.gas_price
        return min(self._settings.max_gas_price, number(await self._rpc("eth_gasPrice", [])))

    async def _settled_by_others(self, db: Database, row: Any, head: ChainHead) -> tuple[Status, str]:
        """The contract is there already, or further: find out whether that is our history, and close this anchor."""
        log = self._logs[row.origin]
        async with db.read() as tx:
            ours = (await log.checkpoint(tx)).size
            if head.size > ours:
                raise RollbackError(row.origin, ours, head.size)
            if head.root != await log.root_at(tx, head.size):
                raise ForkError(f"{row.origin}: the contract holds another root for size {head.size}")
        if head.size > row.size:
            async with db.begin() as tx:
                await move(tx, row.anchor_id, row.status, status="failed", error=f"{head.size} is anchored already")
            return "failed", f"{head.size} is anchored already"
        top = number(await self._rpc("eth_blockNumber", []))
        events = await read_events(self._rpc, self._settings.contract, max(0, top - _LOOK_BACK), top)
        wanted = hexed(origin_key(row.origin))
        event = next((e for e in events if (e.origin_hash, e.size, e.root) == (wanted, row.size, row.root)), None)
        if event is None:
            return row.status, "anchored by another transaction that is not found"
        values = {"reference": event.tx_hash, "block_number": event.block_number, "block_hash": event.block_hash}
        async with db.begin() as tx:
            await move(tx, row.anchor_id, row.status, status="mined", **values)
        return "mined", ""

    async def _send(self, db: Database, row: Any) -> tuple[Status, str]:
        """Broadcast the stored bytes: the same ones however often this is repeated."""
        await self._broadcast(row)
        async with db.begin() as tx:
            await move(tx, row.anchor_id, "prepared", status="sent", sent_at=tx.now, attempts=row.attempts + 1)
        return "sent", ""

    async def _broadcast(self, row: Any) -> None:
        try:
            await self._rpc("eth_sendRawTransaction", [hexed(row.raw)])
        except RpcError as error:
            # the node has it, or its nonce is used: by this very transaction, or else `_look` will find out
            if any(word in error.message.lower() for word in _KNOWN):
                return
            if number(await self._rpc("eth_getTransactionCount", [self._sender.address, "latest"])) <= row.nonce:
                raise

    async def _look(self, db: Database, row: Any) -> tuple[Status, str]:
        """Look for the receipt; send again, for more, what does not get through."""
        receipt = await self._receipt(row.reference)
        if receipt is not None:
            block = {"block_number": number(receipt["blockNumber"]), "block_hash": hexed(receipt["blockHash"])}
            if number(receipt["status"]) != 1:
                return await self._failed(db, row, "the transaction was reverted")
            async with db.begin() as tx:
                await move(tx, row.anchor_id, "sent", status="mined", **block)
            return "mined", ""
        used = number(await self._rpc("eth_getTransactionCount", [self._sender.address, "latest"]))
        if used > row.nonce:
            return await self._failed(db, row, "the nonce was used by another transaction")
        async with db.read() as tx:
            now = tx.now
        if row.sent_at is not None and now - row.sent_at >= self._settings.stuck_after:
            return await self._replace(db, row)
        await self._broadcast(row)  # the node may have restarted and forgotten it
        return "sent", "waiting to be mined"

    async def _receipt(self, tx_hash: str) -> Any:
        try:
            return await self._rpc("eth_getTransactionReceipt", [tx_hash])
        except RpcError:
            return None  # some nodes answer an unknown hash with an error

    async def _failed(self, db: Database, row: Any, why: str) -> tuple[Status, str]:
        """Back to the queue: the head is read again, and either a new transaction is signed or the anchor settled."""
        cleared: dict[str, Any] = {"raw": None, "nonce": None, "sender": None, "reference": None, "sent_at": None}
        async with db.begin() as tx:
            await move(tx, row.anchor_id, row.status, status="queued", error=why, **cleared)
        return "queued", why

    async def _replace(self, db: Database, row: Any) -> tuple[Status, str]:
        """Sign the same step again under the same nonce for a higher price, store it, and send it."""
        price = int(row.gas_price) * 9 // 8 + 1
        if self._settings.gas_price == 0 or price > self._settings.max_gas_price:
            await self._broadcast(row)
            return "sent", "stuck; sent again unchanged"
        head = await self._head(row.origin)
        if head.size >= row.size:
            return await self._settled_by_others(db, row, head)
        # no estimate: the node would count the stuck transaction in, and say that ours must fail
        raw, tx_hash = await self._signed(db, row, head, row.nonce, price, estimate=False)
        values = {"raw": raw, "reference": tx_hash, "gas_price": str(price), "attempts": row.attempts + 1}
        async with db.begin() as tx:
            # prepared again: if we die here, the new bytes are the ones that are sent
            await move(tx, row.anchor_id, "sent", status="prepared", **values)
        return "prepared", "replaced for a higher price"

    async def _confirm(self, db: Database, row: Any) -> tuple[Status, str]:
        """Final when the block is still the one at its height, with enough blocks on top."""
        block = await self._rpc("eth_getBlockByNumber", [hex(row.block_number), False])
        if block is None or hexed(block["hash"]) != row.block_hash:
            gone: dict[str, Any] = {"block_number": None, "block_hash": None}
            async with db.begin() as tx:
                if row.raw is None:  # it was somebody else's transaction: begin again
                    await move(tx, row.anchor_id, "mined", status="queued", reference=None, **gone)
                    return "queued", "its block was reorganised away"
                await move(tx, row.anchor_id, "mined", status="sent", sent_at=tx.now, **gone)
            return "sent", "its block was reorganised away"
        top = number(await self._rpc("eth_blockNumber", []))
        if top - row.block_number < self._settings.confirmations:
            return "mined", f"{top - row.block_number} of {self._settings.confirmations} confirmations"
        async with db.begin() as tx:
            await move(tx, row.anchor_id, "mined", status="final", final_at=tx.now)
        return "final", ""
