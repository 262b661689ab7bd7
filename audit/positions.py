"""Where an event stands in the trail's log, and the receipt that proves it."""

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa

from audit.entry import event_of, leaf_of, openings_of
from audit.tables import trail_event, trail_seal
from ledger.errors import NotInLogError
from ledger.log import Log, Tx
from ledger.merkle import leaf_hash
from ledger.policy import TrustPolicy
from ledger.proof import TlogProof
from ledger.receipt import Receipt


async def positions(tx: Tx, places: Collection[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """The log's index of each (stream, seq) that is sealed; the others are left out."""
    if not places:
        return {}
    spans: dict[str, tuple[int, int]] = {}
    for stream, seq in places:
        low, high = spans.get(stream, (seq, seq))
        spans[stream] = (min(low, seq), max(high, seq))
    s = trail_seal.c
    wanted = [
        sa.and_(s.stream_id == stream, s.last_seq >= low, s.first_seq <= high) for stream, (low, high) in spans.items()
    ]
    seals = (await tx.execute(sa.select(trail_seal).where(sa.or_(*wanted)))).mappings().all()
    found = {}
    for stream, seq in places:
        for seal in seals:
            if seal["stream_id"] == stream and seal["first_seq"] <= seq <= seal["last_seq"]:
                found[stream, seq] = seal["first_index"] + seq - seal["first_seq"]
    return found


async def receipt(
    tx: Tx, log: Log, event_id: str, *, fields: Iterable[str] | None = None, trust: TrustPolicy | None = None
) -> Receipt:
    """The receipt of one event, opening `fields` (names as in `Event.content`; None opens all, `()` none).

    Raises `NotInLogError` when there is no such event or it is not sealed under a checkpoint that satisfies `trust`,
    and `VerificationError` when the row no longer is what was sealed.
    """
    row = (await tx.execute(sa.select(trail_event).where(trail_event.c.event_id == event_id))).mappings().first()
    if row is None:
        raise NotInLogError(f"{log.origin}: no event {event_id}")
    index = (await positions(tx, [(row["stream_id"], row["seq"])])).get((row["stream_id"], row["seq"]))
    if index is None:
        raise NotInLogError(f"{log.origin}: event {event_id} is not sealed yet")
    return await receipt_at(tx, log, row, index, fields=fields, trust=trust)


async def receipt_at(
    tx: Tx,
    log: Log,
    row: Any,
    index: int,
    *,
    fields: Iterable[str] | None = None,
    trust: TrustPolicy | None = None,
    size: int | None = None,
) -> Receipt:
    """As `receipt`, for a row whose index is known; under the checkpoint of `size`, when given."""
    signed = await log.checkpoint_at(tx, size) if size is not None else await log.covering(tx, index, trust)
    if signed is None:
        raise NotInLogError(f"{log.origin}: no checkpoint with the witnesses needed covers entry {index} yet")
    event = event_of(row)
    leaf = leaf_of(event, row["secret"])
    proof = TlogProof(index, tuple(await log.prove_inclusion(tx, index, signed.size)), signed)
    proof.check(leaf_hash(leaf))
    return Receipt(leaf, proof, openings_of(event, row["secret"], None if fields is None else frozenset(fields)))
