"""The trail's log checked: every index belongs to one event, and every signed root is that of the leaves below it."""

from collections.abc import Callable, Collection, Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from audit.entry import Row
from audit.tables import trail_seal
from audit.trail import Db
from ledger.checkpoint import open_checkpoint
from ledger.errors import LedgerError
from ledger.log import Log, Tx
from ledger.merkle import HASH_SIZE, CompactRange
from ledger.note import Verifier
from ledger.tables import log_checkpoint, log_entry

_PAGE = 512
_TILE = 256


class Counts(Protocol):
    """What the walk reads and adds to: the log's size when it began, the checkpoints it has looked at."""

    log_size: int
    checkpoints: int


class LogWalk:
    """One walk over seals and checkpoints; calls `fault(what, **where)` for whatever is wrong."""

    def __init__(
        self,
        db: Db,
        log: Log,
        check: Counts,
        streams: Collection[str],
        verifiers: Sequence[Verifier],
        fault: Callable[..., None],
    ) -> None:
        self.db = db
        self.log = log
        self.check = check
        self.streams = streams
        self.verifiers = verifiers
        self.fault = fault

    async def run(self) -> None:
        await self._seals()
        await self._roots()

    async def _seals(self) -> None:
        own = trail_seal.c.origin == self.log.origin
        expected = 0
        after = -1
        while True:
            query = sa.select(trail_seal).where(own, trail_seal.c.first_index > after)
            async with self.db.read() as tx:
                page = query.where(trail_seal.c.first_index < self.check.log_size)
                found = (await tx.execute(page.order_by(trail_seal.c.first_index).limit(_PAGE))).mappings().all()
                for seal in found:
                    if seal["stream_id"] not in self.streams:
                        self.fault("the record of its stream is missing", **_place(seal))
                    await self._between(tx, expected, seal["first_index"])
                    expected = seal["first_index"] + seal["last_seq"] - seal["first_seq"] + 1
                    after = seal["first_index"]
                if len(found) < _PAGE:
                    await self._between(tx, expected, self.check.log_size)
                    break

    async def _between(self, tx: Tx, begin: int, end: int) -> None:
        if end < begin:
            self.fault("two events at one position", index=end)
        elif end > begin:
            e = log_entry.c
            own = sa.and_(e.origin == self.log.origin, e.seq >= begin, e.seq < end)
            kept = set((await tx.execute(sa.select(e.seq).where(own))).scalars().all())
            for index in range(begin, end):
                if index not in kept:
                    self.fault("the log holds an entry here whose event is unknown", index=index)

    async def _roots(self) -> None:
        tree, number = CompactRange(), 0
        after = -1
        while True:
            c = log_checkpoint.c
            query = sa.select(log_checkpoint).where(c.origin == self.log.origin, c.size > after)
            async with self.db.read() as tx:
                page = query.where(c.size <= self.check.log_size).order_by(c.size).limit(_PAGE)
                found = (await tx.execute(page)).mappings().all()
                for row in found:
                    while tree.size < row["size"]:
                        number = tree.size // _TILE
                        width = min(_TILE, row["size"] - number * _TILE)
                        hashes = await self._hashes(tx, number, width)
                        fresh = hashes[tree.size - number * _TILE :]
                        if not fresh:
                            self.fault("the log lost its leaves", index=tree.size)
                            return
                        tree, _ = tree.extend(fresh)
                    self._checkpoint(row, tree)
                    after = row["size"]
            if len(found) < _PAGE:
                break
        if after != self.check.log_size and self.check.log_size:
            self.fault(f"no checkpoint of the log's size {self.check.log_size}")

    async def _hashes(self, tx: Tx, number: int, width: int) -> list[bytes]:
        try:
            held = await self.log.tile(tx, 0, number, width)
        except LedgerError:
            return []
        return [held[i : i + HASH_SIZE] for i in range(0, len(held), HASH_SIZE)]

    def _checkpoint(self, row: Row, tree: CompactRange) -> None:
        self.check.checkpoints += 1
        size = row["size"]
        if row["root"] != tree.root():
            self.fault(f"the root of {size} entries is not the one recorded with the checkpoint", index=size - 1)
            return
        if self.verifiers:
            try:
                signed = open_checkpoint(row["note"], self.verifiers)
            except LedgerError as error:
                self.fault(f"the checkpoint of {size} entries is not signed by the log: {error}", index=size - 1)
                return
            if (signed.origin, signed.size, signed.root) != (self.log.origin, size, tree.root()):
                self.fault(f"the signed checkpoint of {size} entries says something else", index=size - 1)


def _place(seal: Row) -> dict[str, Any]:
    return {"stream_id": seal["stream_id"], "seq": seal["first_seq"], "index": seal["first_index"]}
