"""The trail: no act without its event, and no reader sees a byte before the event of that read is durable.

Reads go through a queue with group commit: events that arrive while a batch commits form the next batch, so the disk
sets the pace and nobody waits for a timer. Writes are chained into the business transaction itself. Each running trail
writes two streams of its own, so no two replicas ever wait for one another.
"""

import asyncio
import contextlib
import os
import uuid
from collections import deque
from collections.abc import AsyncIterator, Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from audit.entry import Head, head_of, row_of, stream_hash
from audit.events import Event
from audit.tables import trail_event, trail_stream
from ledger.log import Log, Tx
from ledger.merkle import HASH_SIZE

_INSERT = sa.insert(trail_event)
_LAST = (
    sa.select(trail_event.c.stream_id, trail_event.c.seq, trail_event.c.row_hash)
    .where(trail_event.c.stream_id == sa.bindparam("s"))
    .order_by(trail_event.c.seq.desc())
    .limit(1)
)
_PREDECESSOR = (
    sa.select(trail_stream)
    .where(trail_stream.c.origin == sa.bindparam("o"), trail_stream.c.kind == sa.bindparam("k"))
    .order_by(trail_stream.c.opened_at.desc(), trail_stream.c.stream_id.desc())
    .limit(1)
)
_ATTEMPTS = 3  # a batch that met a late commit of its predecessor is chained anew
_LOCK_SECONDS = 30.0


class Db(Protocol):
    """Where the rows live. `begin` commits on leaving without an exception, and keeps nothing otherwise."""

    def begin(self) -> contextlib.AbstractAsyncContextManager[Tx]: ...
    def read(self) -> contextlib.AbstractAsyncContextManager[Tx]: ...


class TrailUnavailable(Exception):
    """The trail cannot take this event: nothing may be disclosed, nothing done. `__cause__` is the database's error."""


class WriteChain:
    """The end of the write stream while one business transaction adds to it. Made by `Trail.write_chain`."""

    def __init__(self, trail: "Trail") -> None:
        self._trail = trail
        self._holds = False

    async def append(self, tx: Tx, events: Sequence[Event]) -> None:
        """Chain `events` into the caller's transaction: they stand or fall with it.

        The last thing before the commit: the replica's write stream stays locked until the context is left, and whoever
        took a row lock after that could wait for one who waits here. Raises `TrailUnavailable` when the lock cannot be
        had in time or the trail is not running.
        """
        if not events:
            return
        self._trail.check_running()
        if not self._holds:
            try:
                async with asyncio.timeout(_LOCK_SECONDS):
                    await self._trail.writing.acquire()
            except TimeoutError as error:
                raise TrailUnavailable("the write stream stayed locked") from error
            self._holds = True
        # Read under the lock and never remembered: right after a commit, a rollback, and an outcome nobody learned.
        head = await _head(tx, self._trail.write_genesis)
        try:
            await tx.execute(_INSERT, _chained(head, events))
        except sa.exc.IntegrityError as error:
            # A transaction whose end we were never told (a cut connection) was kept after all, later than we looked.
            raise TrailUnavailable("an earlier act came late; do this one again") from error

    def release(self) -> None:
        """The transaction is over, whichever way: the next writer may read the head."""
        if self._holds:
            self._trail.writing.release()
            self._holds = False


class Trail:
    """Puts events on the trail of this replica. `start` opens its streams, `stop` drains and closes it.

    `queue_limit` events may wait for the disk; the next is refused, so that a stalled disk stops disclosure instead of
    filling memory. `batch_limit` bounds one commit.
    """

    def __init__(
        self, origin: str, log: Log, db: Db, replica: str, *, queue_limit: int = 10_000, batch_limit: int = 1_000
    ) -> None:
        if log.origin != origin:
            raise ValueError(f"the trail {origin} cannot be sealed into the log {log.origin}")
        self.origin = origin
        self.log = log
        self.replica = replica
        self.writing = asyncio.Lock()
        self.written = 0  # read events made durable since the start
        self.failed = 0  # read events refused or lost since the start
        self._db = db
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._waiting: deque[tuple[Event, asyncio.Future[None]]] = deque()
        self._flushing: asyncio.Task[None] | None = None
        self._running = False
        self._read_genesis = self._write_genesis = self._head = Head("", 0, b"")
        self._head_known = False

    @property
    def ready(self) -> bool:
        """Whether an event queued now would be taken."""
        return self._running and len(self._waiting) < self._queue_limit

    @property
    def pending(self) -> int:
        """Events that wait for the next commit."""
        return len(self._waiting)

    @property
    def write_genesis(self) -> Head:
        """The head of the write stream before its first event."""
        return self._write_genesis

    def check_running(self) -> None:
        """Raises `TrailUnavailable` before `start` and after `stop`."""
        if not self._running:
            raise TrailUnavailable("the trail is not running")

    async def start(self) -> None:
        """Two fresh streams are open, each chained to the stream of its kind that was opened last: after a restart,
        whatever the replica is called, what was written before cannot vanish unnoticed."""
        if self._running:
            raise RuntimeError("the trail is running already")
        async with self._db.begin() as tx:
            self._read_genesis = await self._open(tx, "read")
            self._write_genesis = await self._open(tx, "write")
        self._head, self._head_known = self._read_genesis, True
        self._running = True

    async def _open(self, tx: Tx, kind: str) -> Head:
        before = (await tx.execute(_PREDECESSOR, {"o": self.origin, "k": kind})).mappings().first()
        end = Head("", 0, bytes(HASH_SIZE))
        if before is not None:
            end = await _head(tx, Head(before["stream_id"], 0, stream_hash(before)))
        stream: dict[str, Any] = {"stream_id": str(uuid.uuid4()), "origin": self.origin, "kind": kind}
        stream |= {"replica": self.replica, "opened_at": tx.now, "sealed_seq": 0}
        stream |= {"after_stream": end.stream_id, "after_seq": end.seq, "after_head": end.hash}
        stream["sealed_head"] = stream_hash(stream)
        await tx.execute(sa.insert(trail_stream), stream)
        return Head(stream["stream_id"], 0, stream["sealed_head"])

    async def stop(self) -> None:
        """No event is taken any more; those that were are durable, or their readers know that they are not."""
        self._running = False
        while self._flushing is not None and not self._flushing.done():
            await asyncio.wait([self._flushing])

    def queue(self, event: Event) -> "asyncio.Future[None]":
        """Take `event`; await the future before the first byte leaves: it resolves once the event is durable.

        Raises `TrailUnavailable` when the trail is stopped or too far behind; the future raises it when the event was
        not kept. Whether the reader is still there makes no difference: cancelling the future does not take the event
        back. Never await it inside a write transaction: on SQLite that one would wait for itself.
        """
        if not self.ready:
            self.failed += 1
            self.check_running()
            raise TrailUnavailable(f"{self._queue_limit} events wait for the disk")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        future.add_done_callback(_heard)
        self._waiting.append((event, future))
        if self._flushing is None or self._flushing.done():
            self._flushing = loop.create_task(self._flush(), name="trail")
        return future

    async def _flush(self) -> None:
        batch: list[tuple[Event, asyncio.Future[None]]] = []
        try:
            while self._waiting:
                size = min(len(self._waiting), self._batch_limit)
                batch = [self._waiting.popleft() for _ in range(size)]
                try:
                    await self._commit([event for event, _ in batch])
                except Exception as error:
                    self._fail(batch, error)
                else:
                    self.written += len(batch)
                    for _, future in batch:
                        if not future.done():
                            future.set_result(None)
                batch = []
        finally:  # cancelled from outside, when the loop closes: nobody may wait for ever
            batch += self._waiting
            self._waiting.clear()
            if batch:
                self._head_known = False
                self._fail(batch, None)

    def _fail(self, batch: Sequence[tuple[Event, "asyncio.Future[None]"]], cause: Exception | None) -> None:
        self.failed += len(batch)
        for _, future in batch:
            if not future.done():
                error = TrailUnavailable("the event could not be made durable")
                error.__cause__ = cause
                future.set_exception(error)

    async def _commit(self, events: Sequence[Event]) -> None:
        """The events are durable, or this raises and the head is known to be unknown."""
        for attempt in range(1, _ATTEMPTS + 1):
            if not self._head_known:
                await self._reload()
            rows = _chained(self._head, events)
            self._head_known = False
            try:
                async with self._db.begin() as tx:
                    await tx.execute(_INSERT, rows)
            except Exception as error:
                # The commit may have been kept although we were told otherwise: only the rows know.
                await self._reload()
                if self._head == head_of(rows[-1]):
                    return
                if attempt == _ATTEMPTS or not isinstance(error, sa.exc.IntegrityError):
                    raise
            else:
                self._head, self._head_known = head_of(rows[-1]), True
                return

    async def _reload(self) -> None:
        async with self._db.read() as tx:
            self._head = await _head(tx, self._read_genesis)
        self._head_known = True

    @contextlib.asynccontextmanager
    async def write_chain(self) -> AsyncIterator[WriteChain]:
        """Around a business transaction, outermost: `append` inside it; leaving this context lets the next one in."""
        chain = WriteChain(self)
        try:
            yield chain
        finally:
            chain.release()


async def _head(tx: Tx, genesis: Head) -> Head:
    row = (await tx.execute(_LAST, {"s": genesis.stream_id})).mappings().first()
    return genesis if row is None else head_of(row)


def _chained(head: Head, events: Sequence[Event]) -> list[dict[str, Any]]:
    rows = []
    for event in events:
        row = row_of(event, head, os.urandom(32))
        rows.append(row)
        head = head_of(row)
    return rows


def _heard(future: "asyncio.Future[None]") -> None:
    # A reader that went away leaves its future unread; the failure is counted in `failed`, not shouted to stderr.
    if not future.cancelled():
        future.exception()
