"""Durable or not disclosed: the trail under load, cancellation, broken commits and restarts."""

import asyncio
import time
from typing import Any

import pytest
import sqlalchemy as sa

from audit.entry import event_of
from audit.events import Event
from audit.trail import Trail, TrailUnavailable
from audit.verify import verify_trail
from tests.audit.conftest import ORIGIN, CutOff, Room, event


async def check(room: Room) -> None:
    """Whatever happened, what is on the trail is whole."""
    found = await verify_trail(room.db, room.log)
    assert found.clean, list(map(str, found.faults))


async def ids(room: Room) -> list[str]:
    return [row["event_id"] for row in await room.rows()]


async def test_a_read_is_durable_when_its_future_resolves(room: Room) -> None:
    trail = await room.trail()
    sent = event()
    await trail.queue(sent)
    (row,) = await room.rows()
    assert event_of(row) == sent
    assert row["seq"] == 1
    assert (trail.written, trail.failed, trail.pending) == (1, 0, 0)
    await check(room)


async def test_events_that_arrive_during_a_commit_form_the_next_batch(room: Room) -> None:
    trail = await room.trail()
    room.faulty.plan.append("held")
    commits = room.faulty.commits
    first = trail.queue(event())
    await room.faulty.holding.wait()
    others = [trail.queue(event(n)) for n in range(1, 40)]
    assert trail.pending == 39
    await asyncio.sleep(0)
    assert not first.done()
    room.faulty.gate.set()
    await asyncio.gather(first, *others)
    assert room.faulty.commits - commits == 2
    assert [row["at"] for row in await room.rows()] == [event(n).at for n in range(40)]
    await check(room)


async def test_no_batch_is_larger_than_its_limit(sqlite_room: Room) -> None:
    trail = await sqlite_room.trail(batch_limit=4)
    commits = sqlite_room.faulty.commits
    await asyncio.gather(*(trail.queue(event(n)) for n in range(10)))
    assert sqlite_room.faulty.commits - commits == 3


async def test_a_lost_commit_fails_all_its_readers_and_keeps_nothing(room: Room) -> None:
    trail = await room.trail()
    await trail.queue(event())
    room.faulty.plan.append("lost")
    answers = await asyncio.gather(*(trail.queue(event(n)) for n in range(5)), return_exceptions=True)
    assert all(isinstance(a, TrailUnavailable) and isinstance(a.__cause__, CutOff) for a in answers)
    assert len(await room.rows()) == 1
    assert trail.failed == 5
    await trail.queue(event(9))
    assert len(await room.rows()) == 2
    await check(room)


async def test_a_commit_that_was_kept_though_it_failed_counts(room: Room) -> None:
    trail = await room.trail()
    await trail.queue(event())
    room.faulty.plan.append("kept")
    await asyncio.gather(*(trail.queue(event(n)) for n in range(1, 4)))
    await trail.queue(event(9))
    assert len(await room.rows()) == 5
    await check(room)


async def test_a_commit_that_lands_after_we_looked_does_not_break_the_chain(room: Room) -> None:
    trail = await room.trail()
    await trail.queue(event())
    room.faulty.plan.append("late")
    late = event(1)
    with pytest.raises(TrailUnavailable):
        await trail.queue(late)
    after = event(2)
    await trail.queue(after)
    assert (await ids(room))[1:] == [late.event_id, after.event_id]
    await check(room)


@pytest.mark.parametrize("fate", ["lost", "kept"])
async def test_nothing_is_disclosed_while_nobody_can_tell_what_was_kept(room: Room, fate: str) -> None:
    trail = await room.trail()
    await trail.queue(event())
    room.faulty.plan.append(fate)
    room.faulty.blind = True
    with pytest.raises(TrailUnavailable):
        await trail.queue(event(1))
    with pytest.raises(TrailUnavailable):  # still blind: nothing is even tried
        await trail.queue(event(2))
    room.faulty.blind = False
    await trail.queue(event(3))
    assert len(await room.rows()) == (3 if fate == "kept" else 2)
    await check(room)


async def test_a_reader_that_goes_away_does_not_take_its_event_back(room: Room) -> None:
    trail = await room.trail()
    room.faulty.plan.append("held")
    gone, stays = event(0), event(1)

    async def read(sent: Event) -> None:
        await trail.queue(sent)

    first, second = asyncio.create_task(read(gone)), asyncio.create_task(read(stays))
    await room.faulty.holding.wait()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    room.faulty.gate.set()
    await second
    await trail.queue(event(2))
    assert (await ids(room))[:2] == [gone.event_id, stays.event_id]
    await check(room)


async def test_a_full_queue_and_a_stopped_trail_refuse(sqlite_room: Room) -> None:
    trail = await sqlite_room.trail(queue_limit=3)
    sqlite_room.faulty.plan.append("held")
    first = trail.queue(event())
    await sqlite_room.faulty.holding.wait()
    waiting = [trail.queue(event(n)) for n in range(3)]
    assert not trail.ready
    with pytest.raises(TrailUnavailable, match="wait for the disk"):
        trail.queue(event(9))
    sqlite_room.faulty.gate.set()
    await asyncio.gather(first, *waiting)
    assert trail.ready
    await trail.stop()
    assert not trail.ready
    with pytest.raises(TrailUnavailable, match="not running"):
        trail.queue(event(9))
    with pytest.raises(TrailUnavailable, match="not running"):
        await sqlite_room.write(trail, event(9))
    assert len(await sqlite_room.rows()) == 4


async def test_stop_drains(room: Room) -> None:
    trail = await room.trail(batch_limit=7)
    futures = [trail.queue(event(n)) for n in range(50)]
    await trail.stop()
    assert all(f.done() and f.exception() is None for f in futures)
    assert len(await room.rows()) == 50


async def test_a_killed_flush_leaves_nobody_waiting(sqlite_room: Room) -> None:
    trail = await sqlite_room.trail()
    sqlite_room.faulty.plan.append("held")
    first = trail.queue(event())
    await sqlite_room.faulty.holding.wait()
    second = trail.queue(event(1))
    assert trail._flushing is not None
    trail._flushing.cancel()
    for future in (first, second):
        with pytest.raises(TrailUnavailable):
            await future
    await trail.queue(event(2))
    await check(sqlite_room)


async def test_a_write_stands_and_falls_with_its_transaction(room: Room) -> None:
    trail = await room.trail()
    done, undone = event(0, action="grant:approved", outcome="done"), event(1, action="grant:revoked", outcome="done")
    await room.write(trail, done, event(2))

    async def changes_its_mind() -> None:
        async with trail.write_chain() as chain, room.faulty.begin() as tx:
            await chain.append(tx, [undone])
            raise CutOff

    with pytest.raises(CutOff):
        await changes_its_mind()
    room.faulty.plan.append("lost")
    with pytest.raises(CutOff):
        await room.write(trail, undone)
    await room.write(trail, event(3))
    assert [row["seq"] for row in await room.rows()] == [1, 2, 3]
    assert undone.event_id not in await ids(room)
    await check(room)


async def test_a_write_that_was_kept_though_it_failed_is_followed(room: Room) -> None:
    trail = await room.trail()
    room.faulty.plan.append("kept")
    kept = event(0)
    with pytest.raises(CutOff):
        await room.write(trail, kept)
    await room.write(trail, event(1))
    assert (await ids(room))[0] == kept.event_id
    assert len(await room.rows()) == 2
    await check(room)


async def test_an_error_swallowed_inside_the_context_does_not_leave_a_gap(room: Room) -> None:
    trail = await room.trail()
    async with trail.write_chain() as chain:
        try:
            async with room.faulty.begin() as tx:
                await chain.append(tx, [event(0)])
                raise CutOff
        except CutOff:
            pass
    await room.write(trail, event(1))
    assert [row["seq"] for row in await room.rows()] == [1]
    await check(room)


async def test_two_appends_in_one_transaction_are_chained(room: Room) -> None:
    trail = await room.trail()
    async with trail.write_chain() as chain, room.faulty.begin() as tx:
        await chain.append(tx, [])
        assert not trail.writing.locked()
        await chain.append(tx, [event(0)])
        await chain.append(tx, [event(1)])
        assert trail.writing.locked()
    assert not trail.writing.locked()
    await check(room)


@pytest.mark.postgres
async def test_business_transactions_of_one_replica_overlap_until_their_events(postgres_room: Room) -> None:
    room = postgres_room
    trail = await room.trail()
    inside = 0
    most = 0

    async def act(n: int) -> None:
        nonlocal inside, most
        async with trail.write_chain() as chain, room.db.begin() as tx:
            inside += 1
            most = max(most, inside)
            await tx.execute(sa.text("SELECT pg_sleep(0.01)"))
            await chain.append(tx, [event(n)])
            inside -= 1

    await asyncio.gather(*(act(n) for n in range(20)))
    assert most > 1
    assert len(await room.rows()) == 20
    await check(room)


async def test_replicas_write_at_once_and_each_chain_is_whole(room: Room) -> None:
    first, second = await room.trail("r1"), await room.trail("r2")

    async def read(trail: Trail, start: int) -> None:
        for n in range(start, start + 15):
            await trail.queue(event(n))

    async def act(trail: Trail, start: int) -> None:
        for n in range(start, start + 10):
            await room.write(trail, event(n), event(n))

    await asyncio.gather(
        *(read(t, 100 * i) for t in (first, second) for i in range(4)),
        *(act(t, 0) for t in (first, second) for _ in range(2)),
    )
    rows = await room.rows()
    assert len(rows) == 2 * 4 * 15 + 2 * 2 * 10 * 2
    assert len({row["stream_id"] for row in rows}) == 4
    await check(room)
    assert await room.seal_all() == len(rows)
    await check(room)


@pytest.mark.parametrize("name", ["r1", "another-name"])
async def test_after_a_restart_the_chain_goes_on_whatever_the_replica_is_called(room: Room, name: str) -> None:
    trail = await room.trail()
    await trail.queue(event(0))
    await trail.queue(event(1))
    await trail.stop()
    await (await room.trail(name)).queue(event(2))  # and a third whose predecessor is this one
    await room.trail()
    await trail.stop()
    await check(room)
    assert await room.run("DELETE FROM trail_event WHERE at = :at", at=event(1).at) == 1
    (fault, *_) = (await verify_trail(room.db, room.log)).faults
    assert (fault.seq, "gone" in fault.what) == (2, True)


async def test_the_trail_belongs_to_its_log(sqlite_room: Room) -> None:
    with pytest.raises(ValueError, match="cannot be sealed"):
        Trail("other.example/trail", sqlite_room.log, sqlite_room.db, "r1")
    trail = await sqlite_room.trail()
    with pytest.raises(RuntimeError, match="already"):
        await trail.start()
    assert trail.origin == ORIGIN


async def test_throughput_is_printed(room: Room, capsys: pytest.CaptureFixture[str]) -> None:
    trail = await room.trail()
    events = [event(n) for n in range(2_000)]

    async def reader(mine: list[Event]) -> None:
        for sent in mine:
            await trail.queue(sent)

    began = time.perf_counter()
    await asyncio.gather(*(reader(events[i::16]) for i in range(16)))
    queued = time.perf_counter() - began
    began = time.perf_counter()
    sealed = await room.seal_all()
    with capsys.disabled():
        print(f"\n{type(room.db).__name__}: {2_000 / queued:.0f} read events/s from 16 readers,"
              f" sealed {sealed / (time.perf_counter() - began):.0f} events/s")  # fmt: skip
    assert sealed == 2_000
    assert trail.written == 2_000


async def test_a_write_that_meets_a_late_commit_is_refused_whole(room: Room) -> None:
    trail = await room.trail()
    late, other = event(0), event(1)
    room.faulty.plan.append("late")
    with pytest.raises(CutOff):
        await room.write(trail, late)

    async def meets_it() -> None:
        async with trail.write_chain() as chain, room.db.begin() as tx:
            # what the cut connection had under way appears between our look and our insert
            strange = _Late(tx, room.faulty.late())
            await chain.append(strange, [other])

    with pytest.raises(TrailUnavailable, match="came late"):
        await meets_it()
    assert await ids(room) == []  # nothing of ours; the stand-in for the late one was undone with it
    assert not trail.writing.locked()
    await room.write(trail, event(2))
    await check(room)


class _Late:
    """Runs the late statements in front of the first insert."""

    def __init__(self, tx: Any, late: list[tuple[Any, Any]]) -> None:
        self.tx, self.now, self.late = tx, tx.now, late

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        if isinstance(statement, sa.Insert):
            for late, values in self.late:
                if isinstance(late, sa.Insert):
                    await self.tx.execute(late, values)
        return await self.tx.execute(statement, parameters)


async def test_nobody_waits_for_ever_for_the_write_stream(sqlite_room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audit.trail._LOCK_SECONDS", 0.01)
    trail = await sqlite_room.trail()
    await trail.writing.acquire()
    with pytest.raises(TrailUnavailable, match="stayed locked"):
        await sqlite_room.write(trail, event())
    trail.writing.release()
    await sqlite_room.write(trail, event())
    assert len(await sqlite_room.rows()) == 1
