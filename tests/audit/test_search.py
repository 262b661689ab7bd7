"""Search against the plainest possible filter, pages that neither repeat nor skip, and indexes that are used."""

import random
from typing import Any

import pytest
import sqlalchemy as sa

from audit.events import Event
from audit.search import BadCursor, Wanted, _conditions, _e, search
from audit.tables import trail_event
from tests.audit.conftest import START, Room, event

SECOND = 1_000_000


def made(n: int, chance: random.Random) -> Event:
    outcome = chance.choice(["allowed", "allowed", "refused", "failed", "done"])
    return event(
        chance.randrange(40),  # many share a time
        actor=chance.choice(["p-1", "p-2", "p-3"]),
        client_id=chance.choice(["c-1", "c-2", ""]),
        grant_id=chance.choice(["g-1", "g-2", ""]),
        read_id=chance.choice(["r-1", f"r-{n}"]),
        action=chance.choice(["disclose", "query", "grant:approved", "grant:revoked", "grants"]),
        outcome=outcome,
        items=tuple(chance.sample(["INT-CON-001", "INT-CON-002", "INT-CON-00", "int-con-001"], chance.randrange(4))),
    )


def holds(sent: Event, wanted: dict[str, Any]) -> bool:
    for name, value in wanted.items():
        if name == "item":
            right = value in sent.items
        elif name == "since":
            right = sent.at >= value
        elif name == "until":
            right = sent.at < value
        elif name == "action" and value.endswith(":"):
            right = sent.action.startswith(value)
        else:
            right = getattr(sent, name) == value
        if not right:
            return False
    return True


WANTED: list[dict[str, Any]] = [
    {},
    {"actor": "p-1"},
    {"client_id": "c-2"},
    {"grant_id": "g-1"},
    {"read_id": "r-1"},
    {"outcome": "refused"},
    {"outcome": "allowed"},
    {"action": "disclose"},
    {"action": "grant:"},
    {"item": "INT-CON-001"},
    {"item": "INT-CON-00"},
    {"item": "int-con-001"},
    {"item": "INT-CON-00_"},
    {"item": "INT%"},
    {"item": "INT-CON-002", "actor": "p-2", "outcome": "refused"},
    {"since": START + 10 * SECOND, "until": START + 20 * SECOND},
    {"actor": "p-3", "since": START + 10 * SECOND},
    {"item": "INT-CON-001", "until": START + 10 * SECOND},
    {"actor": "nobody"},
]


async def test_pages_put_together_are_what_a_plain_filter_finds(room: Room) -> None:
    chance = random.Random(7)
    first, second = await room.trail("r1"), await room.trail("r2")
    sent = [made(n, chance) for n in range(160)]
    for n, one in enumerate(sent):
        await (first if chance.random() < 0.5 else second).queue(one)
        if n == 100:
            await room.seal_all()
    for wanted in WANTED:
        right = {one.event_id: one for one in sent if holds(one, wanted)}
        for limit in (1, 7, 1000):
            if limit == 1 and len(right) > 30:
                continue
            seen: list[Event] = []
            after = None
            while True:
                page = await room.search(after, limit, **wanted)
                assert len(page.events) <= limit
                seen += [found.event for found in page.events]
                after = page.next
                if after is None:
                    break
                assert len(page.events) == limit
            assert len(seen) == len({one.event_id for one in seen})
            assert {one.event_id: one for one in seen} == right, wanted
            assert [one.at for one in seen] == sorted((one.at for one in seen), reverse=True)


async def test_events_that_arrive_between_two_pages_shift_nothing(room: Room) -> None:
    trail = await room.trail()
    for n in range(20):
        await trail.queue(event(n))
    page = await room.search(limit=8)
    seen = [found.event.at for found in page.events]
    for n in range(20, 30):
        await trail.queue(event(n))
    while page.next:
        page = await room.search(page.next, 8)
        seen += [found.event.at for found in page.events]
    assert seen == [event(n).at for n in reversed(range(20))]


async def test_a_row_no_event_can_have_made_does_not_hide_the_others(sqlite_room: Room) -> None:
    trail = await sqlite_room.trail()
    for n in range(3):
        await trail.queue(event(n))
    await sqlite_room.run("UPDATE trail_event SET actor = '张 三' WHERE seq = 2")
    page = await sqlite_room.search()
    assert [found.seq for found in page.events] == [3, 1]
    assert [seq for _, seq in page.unreadable] == [2]


@pytest.mark.parametrize("cursor", ["", "x", "é", "AAAA", "MS8yLzM", "LTEvYS8x", "OTk5OTk5OTk5OTk5OTk5OTk5OTk5L2EvMQ"])
async def test_a_cursor_that_is_not_ours_is_refused(sqlite_room: Room, cursor: str) -> None:
    if cursor == "MS8yLzM":  # "1/2/3" is well-formed, and merely finds nothing
        assert (await sqlite_room.search(cursor)).events == ()
        return
    with pytest.raises(BadCursor):
        await sqlite_room.search(cursor)


@pytest.mark.parametrize("limit", [0, -1, 1001])
async def test_a_page_has_a_sensible_size(sqlite_room: Room, limit: int) -> None:
    with pytest.raises(ValueError, match="limit"):
        await sqlite_room.search(limit=limit)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({}, "ix_trail_event_at_stream_id_seq"),
        ({"actor": "p-1"}, "ix_trail_event_actor_at"),
        ({"client_id": "c-1"}, "ix_trail_event_client_id_at"),
        ({"grant_id": "g-1"}, "ix_trail_event_grant_id_at"),
        ({"read_id": "r-1"}, "ix_trail_event_read_id_at"),
        ({"action": "export"}, "ix_trail_event_action_at"),
        ({"outcome": "refused"}, "ix_trail_event_no"),
        ({"since": START}, "ix_trail_event_at_stream_id_seq"),
    ],
)
async def test_each_search_walks_an_index(sqlite_room: Room, wanted: dict[str, Any], index: str) -> None:
    query = sa.select(trail_event.c.seq).where(*_conditions(Wanted(**wanted), _e.at)).order_by(_e.at.desc())
    text = str(query.compile(compile_kwargs={"literal_binds": True}))
    async with sqlite_room.db.read() as tx:
        plan = " ".join(row[3] for row in (await tx.execute(sa.text("EXPLAIN QUERY PLAN " + text))).all())
    assert index in plan, plan
    assert "TEMP B-TREE" not in plan


async def test_a_search_by_item_walks_the_item_index(sqlite_room: Room) -> None:
    plans = []

    class Explaining:
        def __init__(self, tx: Any) -> None:
            self.tx, self.now = tx, tx.now

        async def execute(self, statement: Any, parameters: Any = None) -> Any:
            text = str(statement.compile(compile_kwargs={"literal_binds": True}))
            plans.append([row[3] for row in (await self.tx.execute(sa.text("EXPLAIN QUERY PLAN " + text))).all()])
            return await self.tx.execute(statement, parameters)

    async with sqlite_room.db.read() as tx:
        await search(Explaining(tx), Wanted(item="INT-CON-001"))
    assert "trail_item" in plans[0][0]
    assert "item=?" in plans[0][0]
    assert "trail_event" in plans[0][1]
    assert "SCAN" not in plans[0][1]
