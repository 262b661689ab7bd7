"""The trail checked against itself and its log: every row, every chain, every leaf, every signed root.

Needs nothing but the database and the log's keys, changes nothing, and names the first event that is wrong. It looks at
what was there when it began, in short reads, so that it can run beside the gateway.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from audit.entry import Head, Row, head_of, leaf_hash_of, row_hash, stream_hash
from audit.events import UnfitEvent
from audit.sealer import items_of
from audit.tables import trail_event, trail_item, trail_seal, trail_stream
from audit.trail import Db
from audit.verify_log import LogWalk
from ledger.errors import LedgerError
from ledger.log import Log, Tx
from ledger.merkle import HASH_SIZE
from ledger.note import Verifier
from ledger.tables import log_head

_PAGE = 512
_TILE = 256


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is not as it was written. `index` is a position in the log; what does not apply is "" or None."""

    what: str
    stream_id: str = ""
    seq: int | None = None
    event_id: str = ""
    index: int | None = None

    def __str__(self) -> str:
        where = [f"event {self.event_id}" if self.event_id else ""]
        where.append(f"stream {self.stream_id}" if self.stream_id else "")
        where.append(f"seq {self.seq}" if self.seq is not None else "")
        where.append(f"log index {self.index}" if self.index is not None else "")
        return f"{', '.join(w for w in where if w) or 'trail'}: {self.what}"


@dataclass(slots=True)
class TrailCheck:
    """What was looked at, and what was wrong with it, first things first."""

    events: int = 0
    streams: int = 0
    sealed: int = 0
    log_size: int = 0
    checkpoints: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not self.faults


class _TooMany(Exception):
    pass


@dataclass(frozen=True, slots=True)
class _Seal:
    first_index: int
    stream_id: str
    first_seq: int
    last_seq: int


async def verify_trail(
    db: Db,
    log: Log,
    *,
    verifiers: Sequence[Verifier] = (),
    max_faults: int = 20,
    progress: Callable[[int], None] | None = None,
) -> TrailCheck:
    """Check everything that stands on the trail now. `faults` is empty exactly when nothing was altered, deleted, added
    or moved, as far as chains, log and signatures can tell.

    What they cannot: the deletion of the last events of a stream before the sealer or the stream's successor saw them.
    `verifiers` are the log's keys; without them the signatures on the checkpoints are not looked at. `progress` is
    called with the number of events checked so far. Stops after `max_faults`.
    """
    return await _Walk(db, log, verifiers, max_faults, progress).run()


class _Walk:
    def __init__(
        self,
        db: Db,
        log: Log,
        verifiers: Sequence[Verifier],
        max_faults: int,
        progress: Callable[[int], None] | None,
    ) -> None:
        self.db = db
        self.log = log
        self.verifiers = verifiers
        self.max_faults = max_faults
        self.progress = progress or (lambda _: None)
        self.check = TrailCheck()
        self.tile: tuple[int, bytes] = (-1, b"")

    def fault(self, what: str, **where: Any) -> None:
        self.check.faults.append(Fault(what, **where))
        if len(self.check.faults) >= self.max_faults:
            raise _TooMany

    async def run(self) -> TrailCheck:
        try:
            async with self.db.read() as tx:
                streams = (await tx.execute(self._streams())).mappings().all()
                bounds = {row.stream_id: row.last for row in (await tx.execute(_BOUNDS)).all()}
                self.check.log_size = await self._log_size(tx)
            self.check.streams = len(streams)
            known = {stream["stream_id"]: stream for stream in streams}
            for stream in streams:
                await self._stream(stream, bounds.pop(stream["stream_id"], 0), known)
            await self._unknown(bounds)
            await LogWalk(self.db, self.log, self.check, known.keys(), self.verifiers, self.fault).run()
        except _TooMany:
            pass
        return self.check

    def _streams(self) -> sa.Select[Any]:
        own = sa.select(trail_stream).where(trail_stream.c.origin == self.log.origin)
        return own.order_by(trail_stream.c.opened_at, trail_stream.c.stream_id)

    async def _log_size(self, tx: Tx) -> int:
        size = (await tx.execute(sa.select(log_head.c.size).where(log_head.c.origin == self.log.origin))).scalar()
        return int(size or 0)

    async def _unknown(self, bounds: dict[str, int]) -> None:
        """Events whose stream is not this trail's: either another trail's in the same database, or nobody's."""
        async with self.db.read() as tx:
            others = set((await tx.execute(sa.select(trail_stream.c.stream_id))).scalars().all())
        for stream_id in sorted(bounds.keys() - others):
            self.fault("the record of the stream is missing", stream_id=stream_id, seq=1)

    async def _stream(self, stream: Row, last: int, known: dict[str, Any]) -> None:
        async with self.db.read() as tx:
            of_stream = sa.select(trail_seal).where(
                trail_seal.c.stream_id == stream["stream_id"], trail_seal.c.first_index < self.check.log_size
            )
            found = (await tx.execute(of_stream.order_by(trail_seal.c.first_seq))).mappings().all()
            await self._predecessor(tx, stream, known)
        seals = [_Seal(s["first_index"], s["stream_id"], s["first_seq"], s["last_seq"]) for s in found]
        bookmark = 0
        for seal in seals:
            if seal.first_seq != bookmark + 1:
                self.fault("not sealed in the order of its stream", stream_id=seal.stream_id, seq=bookmark + 1)
            bookmark = seal.last_seq
        head = Head(stream["stream_id"], 0, stream_hash(stream))
        if stream["sealed_seq"] != bookmark or (bookmark == 0 and stream["sealed_head"] != head.hash):
            self.fault("the sealer's bookmark was moved", stream_id=stream["stream_id"], seq=stream["sealed_seq"])
        head = await self._rows(stream, head, last, seals)
        for missing in range(head.seq + 1, min(bookmark, head.seq + self.max_faults) + 1):
            index = _index(seals, missing)
            self.fault("sealed, and gone", stream_id=stream["stream_id"], seq=missing, index=index)

    async def _predecessor(self, tx: Tx, stream: Row, known: dict[str, Any]) -> None:
        before, seq = stream["after_stream"], stream["after_seq"]
        if not before:
            return
        if before not in known:
            self.fault("the record of the stream is missing", stream_id=before)
            return
        at = sa.and_(trail_event.c.stream_id == before, trail_event.c.seq == seq)
        row = (await tx.execute(sa.select(trail_event.c.row_hash).where(at))).first()
        held = stream_hash(known[before]) if seq == 0 else None if row is None else row.row_hash
        if held is None:
            self.fault("gone, though the next stream is chained to it", stream_id=before, seq=seq)
        elif held != stream["after_head"]:
            self.fault("not what the next stream is chained to", stream_id=before, seq=seq)

    async def _rows(self, stream: Row, head: Head, last: int, seals: Sequence[_Seal]) -> Head:
        """Check the rows after `head` up to `last`; returns the head they lead to. Goes on behind a fault with what the
        row itself claims, so that one altered row is one fault."""
        genesis = head
        while head.seq < last:
            page = (
                sa.select(trail_event)
                .where(trail_event.c.stream_id == stream["stream_id"], trail_event.c.seq > head.seq)
                .where(trail_event.c.seq <= last)
                .order_by(trail_event.c.seq)
                .limit(_PAGE)
            )
            async with self.db.read() as tx:
                rows = (await tx.execute(page)).mappings().all()
                if not rows:
                    return head
                sealed = []
                for row in rows:
                    if await self._row(tx, row, head, genesis, stream, seals):
                        sealed.append(row)
                    head = head_of(row)
                if sealed:
                    await self._items(tx, sealed)
            self.check.events += len(rows)
            self.progress(self.check.events)
        return head

    async def _row(self, tx: Tx, row: Row, head: Head, genesis: Head, stream: Row, seals: Sequence[_Seal]) -> bool:
        """Whether the row is sealed and unaltered."""
        where = {"stream_id": row["stream_id"], "seq": row["seq"], "event_id": row["event_id"]}
        index = _index(seals, row["seq"])
        if row["seq"] != head.seq + 1:
            self.fault("gone", stream_id=head.stream_id, seq=head.seq + 1, index=_index(seals, head.seq + 1))
        elif row["prev_hash"] != head.hash:
            first = head == genesis
            self.fault("the record of its stream was altered" if first else "not chained to the event before", **where)
        if row_hash(row) != row["row_hash"]:
            self.fault("altered", index=index, **where)
            return False
        if row["seq"] == stream["sealed_seq"] and row["row_hash"] != stream["sealed_head"]:
            self.fault("not where the sealer's bookmark lies", index=index, **where)
        if index is None:
            return False
        self.check.sealed += 1
        try:
            leaf = leaf_hash_of(row)
        except UnfitEvent as error:
            self.fault(f"no event of ours: {error}", index=index, **where)
            return False
        if leaf != await self._logged(tx, index):
            self.fault("not what the log holds at its position", index=index, **where)
        return True

    async def _logged(self, tx: Tx, index: int) -> bytes:
        """The leaf hash that the log holds at `index`; b"" when it holds none."""
        number, offset = divmod(index, _TILE)
        if self.tile[0] != number or len(self.tile[1]) <= offset * HASH_SIZE:
            width = min(_TILE, self.check.log_size - number * _TILE)
            try:
                held = await self.log.tile(tx, 0, number, width) if width > 0 else b""
            except LedgerError:
                held = b""
            self.tile = (number, held)
        return self.tile[1][offset * HASH_SIZE : (offset + 1) * HASH_SIZE]

    async def _items(self, tx: Tx, sealed: Sequence[Row]) -> None:
        """The item index finds each of these sealed events by each of its items, and by nothing else."""
        wanted = {(item, row["at"], row["seq"]) for row in sealed for item in items_of(row)}
        i = trail_item.c
        times = [row["at"] for row in sealed]
        query = sa.select(i.item, i.at, i.seq).where(
            i.stream_id == sealed[0]["stream_id"],
            i.seq.between(sealed[0]["seq"], sealed[-1]["seq"]),
            i.item.in_({item for item, _, _ in wanted}),
            i.at.between(min(times), max(times)),
        )
        by_seq = {row["seq"]: row["event_id"] for row in sealed}
        held = {(row.item, row.at, row.seq) for row in (await tx.execute(query)).all() if row.seq in by_seq}
        if held != wanted:
            seq = min(seq for _, _, seq in held ^ wanted)
            self.fault("not found by its items", stream_id=sealed[0]["stream_id"], seq=seq, event_id=by_seq[seq])


_BOUNDS = sa.select(trail_event.c.stream_id, sa.func.max(trail_event.c.seq).label("last")).group_by(
    trail_event.c.stream_id
)


def _index(seals: Sequence[_Seal], seq: int) -> int | None:
    low, high = 0, len(seals)
    while low < high:  # the last seal that begins at or before seq
        middle = (low + high) // 2
        if seals[middle].first_seq <= seq:
            low = middle + 1
        else:
            high = middle
    if low == 0 or seq > seals[low - 1].last_seq:
        return None
    return seals[low - 1].first_index + seq - seals[low - 1].first_seq
