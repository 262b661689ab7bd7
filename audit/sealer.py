"""From streams to one Merkle log: whoever holds the lease puts durable events into it, in the order of their streams.

An event is sealed only when its row is what was chained: a gap or an altered row stops its stream there, and every
later event of that stream waits for somebody to look (`stalls`, and rule R20).
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from audit.entry import Head, Row, event_of, head_of, leaf_of, row_hash
from audit.events import UnfitEvent
from audit.tables import trail_event, trail_item, trail_seal, trail_sealer, trail_stream
from ledger.log import Log, Tx
from ledger.merkle import leaf_hash

LEASE_MICROSECONDS = 30_000_000
_BREATH = 32  # leaves made between two turns of the loop: about two milliseconds

_CREATE_LEASE = sa.text(
    "INSERT INTO trail_sealer (origin, holder, until) VALUES (:o, :h, :u) ON CONFLICT (origin) DO NOTHING"
)
_TAKE_LEASE = (
    sa.update(trail_sealer)
    .where(
        trail_sealer.c.origin == sa.bindparam("o"),
        sa.or_(trail_sealer.c.holder == sa.bindparam("h"), trail_sealer.c.until < sa.bindparam("n")),
    )
    .values(holder=sa.bindparam("h"), until=sa.bindparam("u"))
)
_last_seq = (
    sa.select(sa.func.max(trail_event.c.seq))
    .where(trail_event.c.stream_id == trail_stream.c.stream_id)
    .correlate(trail_stream)
    .scalar_subquery()
)
_UNSEALED = (
    sa.select(
        trail_stream.c.stream_id, trail_stream.c.sealed_seq, trail_stream.c.sealed_head, _last_seq.label("last_seq")
    )
    .where(
        trail_stream.c.origin == sa.bindparam("o"),
        sa.exists().where(
            trail_event.c.stream_id == trail_stream.c.stream_id, trail_event.c.seq > trail_stream.c.sealed_seq
        ),
    )
    .order_by(trail_stream.c.stream_id)
)
_NEXT = (
    sa.select(trail_event)
    .where(trail_event.c.stream_id == sa.bindparam("s"), trail_event.c.seq > sa.bindparam("after"))
    .order_by(trail_event.c.seq)
    .limit(sa.bindparam("n"))
)
_BOOKMARK = (
    sa.update(trail_stream)
    .where(trail_stream.c.stream_id == sa.bindparam("s"), trail_stream.c.sealed_seq == sa.bindparam("was"))
    .values(sealed_seq=sa.bindparam("seq"), sealed_head=sa.bindparam("head"))
)


@dataclass(frozen=True, slots=True)
class Stall:
    """Why a stream is not sealed any further, and at which event."""

    stream_id: str
    seq: int
    why: str


@dataclass(frozen=True, slots=True)
class _Run:
    """Events of one stream that may be sealed next, and what stopped the run, if anything did."""

    before: Head
    after: Head
    rows: Sequence[Row]
    leaves: Sequence[bytes]
    stall: Stall | None


async def seal_once(tx: Tx, log: Log, holder: str, *, limit: int = 256) -> int:
    """Seal at most about `limit` events in this write transaction; returns how many. 0: nothing waits, or another holds
    the lease.

    True after commit: each sealed event has its position in `log` under a signed checkpoint, and is found by its items.
    Two sealers can run at once; the lease row makes one wait, and then find nothing of what the other did.
    """
    lease = {"o": log.origin, "h": holder, "n": tx.now, "u": tx.now + LEASE_MICROSECONDS}
    taken = (await tx.execute(_TAKE_LEASE, lease)).rowcount
    if not taken and not (await tx.execute(_CREATE_LEASE, {k: lease[k] for k in "ohu"})).rowcount:
        return 0
    streams = (await tx.execute(_UNSEALED, {"o": log.origin})).all()
    quotas = _shares([s.last_seq - s.sealed_seq for s in streams], limit)
    runs = [
        await _run(tx, Head(s.stream_id, s.sealed_seq, s.sealed_head), quota)
        for s, quota in zip(streams, quotas, strict=True)
    ]
    runs = [run for run in runs if run.leaves]
    if not runs:
        return 0
    index = await log.integrate(tx, [leaf for run in runs for leaf in run.leaves])
    for run in runs:
        await _note(tx, log.origin, run, index)
        index += len(run.leaves)
    return sum(len(run.leaves) for run in runs)


def _shares(waiting: Sequence[int], limit: int) -> list[int]:
    """How many of each stream to take, `limit` together, at least one: what a short one leaves goes to the longer."""
    shares = [0] * len(waiting)
    left = limit
    shortest_first = sorted(range(len(waiting)), key=waiting.__getitem__)
    for rank, position in enumerate(shortest_first):
        shares[position] = max(1, min(waiting[position], left // (len(waiting) - rank)))
        left = max(0, left - shares[position])
    return shares


async def _run(tx: Tx, before: Head, limit: int) -> _Run:
    found = (await tx.execute(_NEXT, {"s": before.stream_id, "after": before.seq, "n": limit})).mappings().all()
    head, leaves, stall = before, [], None
    for row in found:
        why = _mismatch(row, head)
        if why is None:
            try:
                leaves.append(leaf_hash(leaf_of(event_of(row), row["secret"])))
            except UnfitEvent as error:
                why = str(error)
        if why is not None:
            stall = Stall(before.stream_id, head.seq + 1, why)
            break
        head = head_of(row)
        if len(leaves) % _BREATH == 0:
            await asyncio.sleep(0)
    return _Run(before, head, found[: len(leaves)], leaves, stall)


def _mismatch(row: Row, head: Head) -> str | None:
    if row["seq"] != head.seq + 1:
        return "missing"
    if row["prev_hash"] != head.hash:
        return "not chained to the event before"
    if row_hash(row) != row["row_hash"]:
        return "altered"
    return None


async def _note(tx: Tx, origin: str, run: _Run, index: int) -> None:
    seal = {"origin": origin, "first_index": index, "stream_id": run.before.stream_id, "sealed_at": tx.now}
    seal |= {"first_seq": run.before.seq + 1, "last_seq": run.after.seq}
    await tx.execute(sa.insert(trail_seal), seal)
    items = [
        {"item": item, "at": row["at"], "stream_id": row["stream_id"], "seq": row["seq"]}
        for row in run.rows
        for item in items_of(row)
    ]
    if items:
        await tx.execute(sa.insert(trail_item), items)
    bookmark: dict[str, Any] = {"s": run.before.stream_id, "was": run.before.seq}
    moved = await tx.execute(_BOOKMARK, bookmark | {"seq": run.after.seq, "head": run.after.hash})
    if moved.rowcount != 1:  # impossible while the lease row is locked; sealing twice would be worse than failing
        raise RuntimeError(f"stream {run.before.stream_id} was sealed by somebody else")


def items_of(row: Row) -> list[str]:
    """The catalogue items of an event's row, each once."""
    return list(dict.fromkeys(row["items"].split(" "))) if row["items"] else []


async def stalls(tx: Tx, origin: str) -> list[Stall]:
    """The streams that cannot be sealed, each with the event that stops it. Empty when all is well."""
    found = []
    for stream in (await tx.execute(_UNSEALED, {"o": origin})).all():
        run = await _run(tx, Head(stream.stream_id, stream.sealed_seq, stream.sealed_head), 1)
        if run.stall is not None:
            found.append(run.stall)
    return found
