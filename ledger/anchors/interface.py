"""What an anchor is, and the rows that carry one from wish to finality. Nothing here is ever on a request's path.

An anchor is queued in a transaction of its own, worked on by `advance` as often as the worker likes, and counts only
when it is final. Each step is stored before the next one is taken, so that a crash repeats a step and never forgets
one.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from sqlalchemy import bindparam, delete, func, insert, select, update

from ledger.checkpoint import Checkpoint, SignedCheckpoint
from ledger.errors import VerificationError
from ledger.log import Log, Tx
from ledger.merkle import verify_consistency
from ledger.submit import Database
from ledger.tables import log_anchor

Status = Literal["queued", "prepared", "sent", "mined", "final", "failed"]
OPEN = ("queued", "prepared", "sent", "mined")


class Anchor(Protocol):
    """A place that keeps heads. `place` names it in the rows, for ever."""

    place: str

    async def advance(self, db: Database) -> Sequence["Progress"]:
        """Take every open anchor of this place as far as it will go now. Raises only when something is wrong with us:
        `RollbackError` or `ForkError` when the place holds what contradicts this log.
        """
        ...

    async def largest(self, origin: str) -> int:
        """The largest size of a log that the place holds; `OSError` or `TimeoutError` when it cannot be asked."""
        ...


@dataclass(frozen=True, slots=True)
class Progress:
    """What happened to one anchor: its status now, and what kept it from going further."""

    origin: str
    size: int
    status: Status
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Anchored:
    """A final anchor: where it is, and what to look for there."""

    origin: str
    size: int
    root: bytes
    place: str
    reference: str
    block_number: int | None
    block_hash: str | None
    final_at: int


@dataclass(frozen=True, slots=True)
class AnchorEvidence:
    """Connects a checkpoint with a larger anchored one: what a holder of a receipt shows besides the receipt."""

    anchored: Anchored
    proof: tuple[bytes, ...]


async def enqueue(tx: Tx, checkpoint: Checkpoint | SignedCheckpoint, place: str) -> bool:
    """True afterwards: the checkpoint will be anchored at the place, unless a larger one is. Returns whether it is new.

    Older ones that wait there and were never sent give way to it: an anchor covers all entries before it.
    """
    mine = (log_anchor.c.origin == checkpoint.origin) & (log_anchor.c.place == place)
    largest = (await tx.execute(select(func.max(log_anchor.c.size)).where(mine))).scalar()
    if checkpoint.size == 0 or (largest is not None and largest >= checkpoint.size):
        return False
    await tx.execute(delete(log_anchor).where(mine, log_anchor.c.status == "queued"))
    row = {"anchor_id": str(uuid.uuid4()), "origin": checkpoint.origin, "size": checkpoint.size, "place": place}
    row |= {"root": checkpoint.root, "status": "queued", "attempts": 0, "created_at": tx.now}
    await tx.execute(insert(log_anchor), [row])
    return True


async def due(tx: Tx, log: Log, place: str, *, interval: int, entries: int) -> SignedCheckpoint | None:
    """The checkpoint to anchor now: after `interval` microseconds or `entries` new entries since the last; else
    None.
    """
    mine = (log_anchor.c.origin == log.origin) & (log_anchor.c.place == place)
    query = select(log_anchor.c.size, log_anchor.c.created_at).where(mine).order_by(log_anchor.c.size.desc()).limit(1)
    last = (await tx.execute(query)).first()
    latest = await log.checkpoint(tx)
    if latest.size == 0 or (last is not None and latest.size <= last.size):
        return None
    if last is None or tx.now - last.created_at >= interval or latest.size - last.size >= entries:
        return latest
    return None


async def anchored(tx: Tx, origin: str, index: int, place: str | None = None) -> Anchored | None:
    """The smallest final anchor that covers the entry at `index`, at one place or at any; None while there is none."""
    query = select(log_anchor).where(
        log_anchor.c.origin == origin, log_anchor.c.size > index, log_anchor.c.status == "final"
    )
    if place is not None:
        query = query.where(log_anchor.c.place == place)
    row = (await tx.execute(query.order_by(log_anchor.c.size).limit(1))).first()
    if row is None:
        return None
    where = (row.place, row.reference or "", row.block_number, row.block_hash)
    return Anchored(row.origin, row.size, row.root, *where, row.final_at or 0)


async def anchor_evidence(tx: Tx, log: Log, size: int, place: str | None = None) -> AnchorEvidence | None:
    """What connects the checkpoint of `size` with the anchor that covers it; None while there is none."""
    found = await anchored(tx, log.origin, size - 1, place)
    if found is None:
        return None
    return AnchorEvidence(found, tuple(await log.prove_consistency(tx, size, found.size)))


def verify_anchor(checkpoint: Checkpoint | SignedCheckpoint, evidence: AnchorEvidence, held: tuple[int, bytes]) -> None:
    """True afterwards: the tree of this checkpoint is part of what the place holds. Else `VerificationError`.

    `held`: size and root that the verifier itself read at the place.
    """
    if held != (evidence.anchored.size, evidence.anchored.root):
        wanted = f"{evidence.anchored.size} {evidence.anchored.root.hex()}"
        raise VerificationError("anchored head", wanted, f"{held[0]} {held[1].hex()}")
    verify_consistency(checkpoint.size, held[0], evidence.proof, checkpoint.root, held[1])


_OPEN = (
    select(log_anchor)
    .where(log_anchor.c.place == bindparam("p"), log_anchor.c.status.in_(OPEN))
    .order_by(log_anchor.c.origin, log_anchor.c.size)
)


async def open_anchors(tx: Tx, place: str) -> Sequence[Any]:
    """The rows of a place that are not final, smallest sizes first within a log."""
    return (await tx.execute(_OPEN, {"p": place})).all()


async def move(tx: Tx, anchor_id: str, before: Status, **values: Any) -> bool:
    """Change an anchor that is still in the status it was read in; returns whether it was (another replica may be
    faster).
    """
    statement = update(log_anchor).where(log_anchor.c.anchor_id == anchor_id, log_anchor.c.status == before)
    return (await tx.execute(statement.values(**values))).rowcount == 1
