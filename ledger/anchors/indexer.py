"""Keep our own copy of what the anchor contract said, and take back what a chain takes back.

Every poll compares the last block seen with the chain; where they differ, blocks are walked back to the last common one
and their events dropped. Events are read in ranges and kept by block hash and log index, so reading twice adds nothing.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, delete, insert, select, text, update

from ledger.anchors.contract import AnchoredEvent, origin_key, read_events
from ledger.anchors.rpc import Rpc, hexed, number
from ledger.errors import LedgerError
from ledger.log import Log, Tx
from ledger.submit import Database
from ledger.tables import chain_block, chain_cursor, chain_event

_KEEP = 256  # blocks whose hashes are remembered: no reorganisation may be deeper
_HERE = chain_block.c.place == bindparam("p")
_CURSOR = select(chain_cursor).where(chain_cursor.c.place == bindparam("p"))
_BELOW = select(chain_block).where(_HERE, chain_block.c.number < bindparam("n")).order_by(chain_block.c.number.desc())
_ADD_EVENT = text(
    "INSERT INTO chain_event (place, block_hash, log_index, block_number, tx_hash, event, origin_hash, size, root)"
    " VALUES (:place, :block_hash, :log_index, :block_number, :tx_hash, :event, :origin_hash, :size, :root)"
    " ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True, slots=True)
class Indexed:
    """The state of the copy: the last block read, and how many blocks had to be taken back this time."""

    block_number: int
    block_hash: str
    taken_back: int


class ChainIndex:
    """A copy of one contract's `Anchored` events, from block `first` on, read `span` blocks at a time."""

    def __init__(self, rpc: Rpc, place: str, contract: str, *, first: int = 0, span: int = 2_000) -> None:
        self._rpc = rpc
        self.place = place
        self._contract = contract
        self._first = first
        self._span = span

    async def poll(self, db: Database) -> Indexed:
        """True afterwards: the copy is what the chain says up to its newest block; each range is one transaction."""
        async with db.read() as tx:
            cursor = (await tx.execute(_CURSOR, {"p": self.place})).first()
        at, taken_back = self._first - 1, 0
        if cursor is not None:
            at, taken_back = await self._common(db, cursor)
        top = number(await self._rpc("eth_blockNumber", []))
        while at < top:
            to = min(at + self._span, top)
            events = await read_events(self._rpc, self._contract, at + 1, to)
            block = await self._block(to)
            if block is None:
                break  # the chain just became shorter: the next poll will see it
            await self._keep(db, events, to, block)
            at = to
        async with db.read() as tx:
            cursor = (await tx.execute(_CURSOR, {"p": self.place})).first()
        if cursor is None:
            return Indexed(at, "", taken_back)
        return Indexed(cursor.block_number, cursor.block_hash, taken_back)

    async def _block(self, height: int) -> Any:
        return await self._rpc("eth_getBlockByNumber", [hex(height), False])

    async def _common(self, db: Database, cursor: Any) -> tuple[int, int]:
        """The last block that we and the chain share; everything after it is dropped from the copy."""
        height, known = cursor.block_number, cursor.block_hash
        while True:
            block = await self._block(height)
            if block is not None and hexed(block["hash"]) == known:
                break
            async with db.read() as tx:
                lower = (await tx.execute(_BELOW.limit(1), {"p": self.place, "n": height})).first()
            if lower is None:
                height, known = self._first - 1, ""
                break
            height, known = lower.number, lower.block_hash
        if height < cursor.block_number:
            async with db.begin() as tx:
                await self._drop(tx, height, known)
        return height, cursor.block_number - height

    async def _drop(self, tx: Tx, height: int, known: str) -> None:
        here = chain_event.c.place == self.place
        await tx.execute(delete(chain_event).where(here, chain_event.c.block_number > height))
        await tx.execute(delete(chain_block).where(chain_block.c.place == self.place, chain_block.c.number > height))
        if known:
            await self._set_cursor(tx, height, known)
        else:
            await tx.execute(delete(chain_cursor).where(chain_cursor.c.place == self.place))

    async def _keep(self, db: Database, events: Any, height: int, block: Any) -> None:
        hashed = hexed(block["hash"])
        async with db.begin() as tx:
            for event in events:
                await tx.execute(_ADD_EVENT, self._row(event))
            await tx.execute(
                delete(chain_block).where(chain_block.c.place == self.place, chain_block.c.number == height)
            )
            row = {"place": self.place, "number": height, "block_hash": hashed}
            await tx.execute(insert(chain_block), [row | {"parent_hash": hexed(block["parentHash"])}])
            old = (chain_block.c.place == self.place) & (chain_block.c.number < height - _KEEP)
            await tx.execute(delete(chain_block).where(old))
            await self._set_cursor(tx, height, hashed)

    async def _set_cursor(self, tx: Tx, height: int, hashed: str) -> None:
        values = {"block_number": height, "block_hash": hashed, "updated_at": tx.now}
        moved = await tx.execute(update(chain_cursor).where(chain_cursor.c.place == self.place).values(**values))
        if moved.rowcount == 0:
            await tx.execute(insert(chain_cursor), [values | {"place": self.place}])

    def _row(self, event: AnchoredEvent) -> dict[str, Any]:
        row = {"place": self.place, "block_hash": event.block_hash, "log_index": event.log_index, "event": "Anchored"}
        row |= {"block_number": event.block_number, "tx_hash": event.tx_hash, "origin_hash": event.origin_hash}
        return row | {"size": event.size, "root": event.root}


async def check_against_chain(tx: Tx, log: Log, place: str) -> int:
    """True afterwards: every event that the chain has of this log says what the log says; returns how many there are.

    `LedgerError` names the first size at which they differ, or that the chain has seen more than the log holds.
    """
    query = select(chain_event).where(
        chain_event.c.place == place, chain_event.c.origin_hash == hexed(origin_key(log.origin))
    )
    rows = (await tx.execute(query.order_by(chain_event.c.size))).all()
    for row in rows:
        root = await log.root_at(tx, row.size)
        if root != row.root:
            raise LedgerError(f"{log.origin}: the chain has another root for size {row.size}")
    return len(rows)
