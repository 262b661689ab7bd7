"""From streams to the log: order, gaps, leases, and receipts that verify without us."""

import asyncio

import pytest
import sqlalchemy as sa

from audit.entry import row_hash
from audit.sealer import LEASE_MICROSECONDS, seal_once, stalls
from audit.tables import trail_event, trail_stream
from audit.verify import verify_trail
from ledger.errors import NotInLogError, VerificationError
from ledger.note import Ed25519Signer
from ledger.policy import TrustPolicy, parse_policy
from ledger.receipt import verify_receipt
from tests.audit.conftest import ORIGIN, CutOff, Room, event


def trust() -> TrustPolicy:
    return parse_policy(f"log {Ed25519Signer(ORIGIN, bytes(range(32))).vkey()}\nquorum none\n")


async def stalled(room: Room) -> list[tuple[int, str]]:
    async with room.db.read() as tx:
        return [(s.seq, s.why) for s in await stalls(tx, ORIGIN)]


async def test_events_are_sealed_in_the_order_of_their_stream(room: Room) -> None:
    trail = await room.trail()
    for n in range(10):
        await trail.queue(event(n))
    assert [await room.seal(limit=4) for _ in range(4)] == [4, 4, 2, 0]
    found = (await room.search(limit=100)).events
    assert [(e.seq, e.index) for e in reversed(found)] == [(n + 1, n) for n in range(10)]
    assert await stalled(room) == []


async def test_a_busy_stream_does_not_starve_the_others(sqlite_room: Room) -> None:
    room = sqlite_room
    busy, quiet = await room.trail("busy"), await room.trail("quiet")
    for n in range(20):
        await busy.queue(event(n))
    await quiet.queue(event(50, actor="p-quiet"))
    assert await room.seal(limit=6) == 6
    assert await room.seal(limit=6) == 6  # all of it, though one of the streams is empty
    (found,) = (await room.search(actor="p-quiet")).events
    assert found.index is not None


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("DELETE FROM trail_event WHERE seq = 3 AND actor = 'p-analyst'", "missing"),
        ("UPDATE trail_event SET client_id = 'c-2' WHERE seq = 3 AND actor = 'p-analyst'", "altered"),
    ],
)
async def test_a_gap_or_an_altered_row_stops_its_stream_and_no_other(room: Room, statement: str, why: str) -> None:
    hurt, whole = await room.trail("r1"), await room.trail("r2")
    for n in range(5):
        await hurt.queue(event(n))
        await whole.queue(event(n, actor="p-other"))
    assert await room.run(statement) == 1
    assert await room.seal_all() == 2 + 5
    assert await stalled(room) == [(3, why)]
    await whole.queue(event(9, actor="p-other"))
    assert await room.seal_all() == 1


@pytest.mark.parametrize(("actor", "why"), [("张三", "printable"), ("p-2", "not chained")])
async def test_what_was_forged_before_it_was_sealed_is_not_sealed(sqlite_room: Room, actor: str, why: str) -> None:
    """A row altered and hashed anew: its successor no longer fits; one that no event can have made goes nowhere."""
    trail = await sqlite_room.trail()
    for n in range(3):
        await trail.queue(event(n))
    row = dict((await sqlite_room.rows())[1]) | {"actor": actor}
    await sqlite_room.run("UPDATE trail_event SET actor = :a, row_hash = :h WHERE seq = 2", a=actor, h=row_hash(row))
    assert await sqlite_room.seal_all() == (1 if why == "printable" else 2)
    ((seq, said),) = await stalled(sqlite_room)
    assert seq == (2 if why == "printable" else 3)
    assert why in said


async def test_a_seal_that_is_not_committed_leaves_no_trace(room: Room) -> None:
    trail = await room.trail()
    for n in range(3):
        await trail.queue(event(n))

    async def broken() -> None:
        async with room.db.begin() as tx:
            assert await seal_once(tx, room.log, "sealer") == 3
            raise CutOff

    with pytest.raises(CutOff):
        await broken()
    assert (await room.search()).events[0].index is None
    assert await room.seal() == 3
    assert (await verify_trail(room.db, room.log)).clean


async def test_one_holder_at_a_time_until_the_lease_runs_out(room: Room) -> None:
    trail = await room.trail()
    await trail.queue(event(0))
    assert await room.seal(holder="first") == 1
    await trail.queue(event(1))
    assert await room.seal(holder="second") == 0
    assert await room.seal(holder="first") == 1
    await trail.queue(event(2))
    room.clock.now += LEASE_MICROSECONDS + 10_000
    assert await room.seal(holder="second") == 1
    assert await room.seal(holder="first") == 0


@pytest.mark.parametrize("holders", [("one", "one"), ("one", "two")])
async def test_sealers_that_run_at_once_seal_each_event_once(room: Room, holders: tuple[str, str]) -> None:
    trails = [await room.trail("r1"), await room.trail("r2")]

    async def read(n: int) -> None:
        for k in range(25):
            await trails[n % 2].queue(event(k))

    async def seal(holder: str) -> int:
        total = 0
        for _ in range(12):
            total += await room.seal(holder=holder, limit=16)
            await asyncio.sleep(0)
        return total

    await asyncio.gather(*(read(n) for n in range(4)), *(seal(holder) for holder in holders))
    room.clock.now += LEASE_MICROSECONDS * 2
    await room.seal_all()
    check = await verify_trail(room.db, room.log)
    assert check.clean, list(map(str, check.faults))
    assert check.sealed == check.log_size == 100


async def test_a_receipt_verifies_offline_and_shows_only_what_it_opens(room: Room) -> None:
    trail = await room.trail()
    sent = [event(n) for n in range(7)]
    for one in sent:
        await trail.queue(one)
    await room.seal(limit=3)
    await room.seal()
    for n, one in enumerate(sent):
        proven = verify_receipt((await room.receipt(one.event_id)).encode(), trust())
        assert (proven.entry.entry_id, proven.entry.at, proven.index) == (one.event_id, one.at, n)
        assert proven.fields == one.content()
        assert proven.size == (3 if n < 3 else 7)  # the first checkpoint that covers it
    shown = await room.receipt(sent[2].event_id, fields=["actor", "outcome"])
    assert verify_receipt(shown, trust()).fields == {"actor": "p-analyst", "outcome": "allowed"}
    assert b"c-1" not in shown.encode()
    assert verify_receipt(await room.receipt(sent[2].event_id, fields=()), trust()).fields == {}


async def test_no_receipt_for_what_is_unknown_unsealed_or_altered(room: Room) -> None:
    trail = await room.trail()
    sent = event()
    await trail.queue(sent)
    with pytest.raises(NotInLogError, match="no event"):
        await room.receipt(event().event_id)
    with pytest.raises(NotInLogError, match="not sealed"):
        await room.receipt(sent.event_id)
    await room.seal()
    async with room.db.begin() as tx:
        await tx.execute(sa.update(trail_event).values(actor="p-nobody"))
    with pytest.raises(VerificationError):
        await room.receipt(sent.event_id)


async def test_a_log_that_holds_entries_of_its_own_keeps_its_places(room: Room) -> None:
    """A hand-over of the log's key is an entry of the log itself, between two events."""
    from ledger.entry import Entry

    trail = await room.trail()
    await trail.queue(event(0))
    await room.seal()
    own = event().event_id
    async with room.db.begin() as tx:
        await room.log.append(tx, "key:added", own, Entry("key:added", own, 1).encode())
    await trail.queue(event(1))
    await room.seal()
    assert [e.index for e in (await room.search()).events] == [2, 0]
    assert (await verify_trail(room.db, room.log)).clean


async def test_sealing_touches_no_event(sqlite_room: Room) -> None:
    trail = await sqlite_room.trail()
    await trail.queue(event())
    before = await sqlite_room.rows()
    await sqlite_room.run(
        "CREATE TRIGGER untouched BEFORE UPDATE ON trail_event BEGIN SELECT RAISE(ABORT, 'never updated'); END"
    )
    assert await sqlite_room.seal() == 1
    assert await sqlite_room.rows() == before
    async with sqlite_room.db.read() as tx:
        assert (await tx.execute(sa.select(sa.func.sum(trail_stream.c.sealed_seq)))).scalar() == 1
