"""Every column of every row, altered, deleted, moved or forged: the first wrong event is named."""

from typing import Any

import pytest
import sqlalchemy as sa

from audit.entry import ROW_COLUMNS, Head, head_of, leaf_hash_of, row_hash, row_of
from audit.tables import trail_event
from audit.verify import TrailCheck, verify_trail
from ledger.cosignature import parse_verifier
from ledger.note import Ed25519Signer, Verifier, sign_note
from tests.audit.conftest import ORIGIN, Room, event

SEALED, TOTAL, VICTIM = 6, 10, 3


async def filled(room: Room) -> list[Any]:
    """Ten events in one read stream, six of them sealed, one write event; returns the rows of the read stream."""
    trail = await room.trail()
    for n in range(SEALED):
        await trail.queue(event(n))
    assert await room.seal(limit=4) == 4
    assert await room.seal() == 2
    for n in range(SEALED, TOTAL):
        await trail.queue(event(n))
    await room.write(trail, event(TOTAL, action="grant:approved", outcome="done"))
    rows = await room.rows()
    busy = max({r["stream_id"] for r in rows}, key=lambda s: sum(r["stream_id"] == s for r in rows))
    return [row for row in rows if row["stream_id"] == busy]


async def verify(room: Room, **options: Any) -> TrailCheck:
    return await verify_trail(room.db, room.log, verifiers=[verifier()], **options)


def verifier() -> Verifier:
    return parse_verifier(Ed25519Signer(ORIGIN, bytes(range(32))).vkey())


async def alter(room: Room, row: Any, **values: Any) -> None:
    e = trail_event.c
    where = sa.and_(e.stream_id == row["stream_id"], e.seq == row["seq"])
    async with room.db.begin() as tx:
        assert (await tx.execute(sa.update(trail_event).where(where).values(values))).rowcount == 1


async def test_a_whole_trail_is_clean(room: Room) -> None:
    await filled(room)
    seen: list[int] = []
    check = await verify(room, progress=seen.append)
    assert check.clean
    assert (check.events, check.streams, check.sealed, check.log_size) == (TOTAL + 1, 2, SEALED, SEALED)
    assert check.checkpoints == 3  # of 0, 4 and 6 entries
    assert seen[-1] == TOTAL + 1


async def test_an_empty_trail_is_clean(sqlite_room: Room) -> None:
    assert (await verify(sqlite_room)).clean
    await sqlite_room.trail()
    assert (await verify(sqlite_room)).clean


def another(column: str, was: Any) -> Any:
    if isinstance(was, bytes):
        return bytes([was[0] ^ 1]) + was[1:]
    if column == "seq":
        return was + 100
    if isinstance(was, int):
        return was + 1
    return {
        "outcome": "refused", "action": "export", "event_id": "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        "details": '{"level":4,"mask":true}', "stream_id": "6ba7b810-9dad-41d1-80b4-00c04fd430c8",
    }.get(column, "x")  # fmt: skip


@pytest.mark.parametrize("place", [VICTIM, SEALED + 2])  # one sealed, one not yet
@pytest.mark.parametrize("column", ROW_COLUMNS)
async def test_each_altered_column_is_named_by_its_event(sqlite_room: Room, column: str, place: int) -> None:
    room = sqlite_room
    row = (await filled(room))[place]
    await alter(room, row, **{column: another(column, row[column])})
    first = (await verify(room)).faults[0]
    assert (first.stream_id, first.seq) == (row["stream_id"], row["seq"])
    if column not in {"seq", "stream_id"}:
        assert first.event_id == (row["event_id"] if column != "event_id" else another(column, None))
        if column != "prev_hash":
            assert len((await verify(room)).faults) <= 2  # the event, and perhaps the one chained to it


@pytest.mark.parametrize("column", [c.name for c in trail_event.columns if c.nullable])
async def test_a_field_emptied_or_filled_is_named(sqlite_room: Room, column: str) -> None:
    room = sqlite_room
    rows = await filled(room)
    if rows[VICTIM][column] is None:
        await alter(room, rows[VICTIM], **{column: another(column, "")})
    else:
        await alter(room, rows[VICTIM], **{column: None})
    assert (await verify(room)).faults[0].event_id == rows[VICTIM]["event_id"]


@pytest.mark.parametrize("place", [0, VICTIM, SEALED - 1, SEALED, TOTAL - 2])
async def test_a_deleted_row_is_named(room: Room, place: int) -> None:
    row = (await filled(room))[place]
    await room.run("DELETE FROM trail_event WHERE event_id = :e", e=row["event_id"])
    first = (await verify(room)).faults[0]
    assert (first.stream_id, first.seq) == (row["stream_id"], row["seq"])
    assert "gone" in first.what
    assert first.index == (row["seq"] - 1 if place < SEALED else None)


async def test_a_deleted_sealed_tail_is_named(room: Room) -> None:
    rows = await filled(room)
    await room.run("DELETE FROM trail_event WHERE stream_id = :s AND seq > 4", s=rows[0]["stream_id"])
    faults = (await verify(room)).faults
    assert [(f.seq, f.index) for f in faults[:2]] == [(5, 4), (6, 5)]


async def test_a_tail_deleted_with_its_bookkeeping_is_missed_by_the_log(room: Room) -> None:
    rows = await filled(room)
    stream = rows[0]["stream_id"]
    await room.run("DELETE FROM trail_event WHERE stream_id = :s AND seq > 4", s=stream)
    await room.run("DELETE FROM trail_seal WHERE first_seq > 4")
    await room.run("DELETE FROM trail_item WHERE seq > 4")
    await room.run(
        "UPDATE trail_stream SET sealed_seq = 4, sealed_head = :h WHERE stream_id = :s", h=rows[3]["row_hash"], s=stream
    )
    assert [f.index for f in (await verify(room)).faults] == [4, 5]


async def test_a_whole_stream_removed_is_missed(room: Room) -> None:
    rows = await filled(room)
    stream = rows[0]["stream_id"]
    await room.run("DELETE FROM trail_stream WHERE stream_id = :s", s=stream)
    assert (await verify(room)).faults[0].stream_id == stream
    await room.run("DELETE FROM trail_event WHERE stream_id = :s", s=stream)
    first = (await verify(room)).faults[0]
    assert (first.stream_id, first.index) == (stream, 0)
    await room.run("DELETE FROM trail_seal WHERE stream_id = :s", s=stream)
    assert (await verify(room)).faults[0].index == 0


async def forge(room: Room, rows: list[Any], place: int, **changes: Any) -> list[dict[str, Any]]:
    """What somebody with the database, but without the log's key, would do: alter a row and chain the rest anew."""
    first = rows[place]
    head = Head(first["stream_id"], first["seq"] - 1, first["prev_hash"])
    forged = []
    for row in rows[place:]:
        new = dict(row) | (changes if row is first else {}) | {"prev_hash": head.hash}
        new["row_hash"] = row_hash(new)
        head = head_of(new)
        forged.append(new)
        await alter(room, row, **new)
    return forged


@pytest.mark.parametrize(
    "changes", [{"actor": "张三"}, {"items": " "}, {"at": "soon"}, {"details": "[]"}, {"details": "{"}]
)
async def test_a_forged_row_that_no_event_can_have_made_is_named(sqlite_room: Room, changes: dict[str, Any]) -> None:
    rows = await filled(sqlite_room)
    forged = await forge(sqlite_room, rows, VICTIM, **changes)
    found = (await verify(sqlite_room)).faults[0]
    assert (found.event_id, "no event of ours" in found.what) == (rows[VICTIM]["event_id"], True)
    page = await sqlite_room.search(limit=100)
    assert (rows[VICTIM]["stream_id"], rows[VICTIM]["seq"]) in page.unreadable
    assert len(forged) == TOTAL - VICTIM


async def test_the_head_that_the_next_stream_is_chained_to_is_compared(room: Room) -> None:
    rows = await filled(room)
    await room.trail()
    assert (await verify(room)).clean
    await forge(room, rows, TOTAL - 1, actor="p-nobody")
    (fault,) = (await verify(room)).faults
    assert (fault.seq, fault.what) == (TOTAL, "not what the next stream is chained to")
    await room.run("DELETE FROM trail_event")
    await room.run("DELETE FROM trail_stream WHERE stream_id = :s", s=rows[0]["stream_id"])
    assert "the record of the stream is missing" in [f.what for f in (await verify(room)).faults]


async def test_a_stream_without_events_is_chained_to_too(room: Room) -> None:
    await room.trail()
    await room.trail()
    assert (await verify(room)).clean
    await room.run("UPDATE trail_stream SET after_head = :h WHERE after_stream <> ''", h=bytes(32))
    assert {f.what for f in (await verify(room)).faults} == {
        "not what the next stream is chained to", "the sealer's bookmark was moved",
    }  # fmt: skip


async def test_a_chain_forged_anew_does_not_fit_the_log(room: Room) -> None:
    rows = await filled(room)
    await forge(room, rows, VICTIM, actor="p-nobody")
    first = (await verify(room)).faults[0]
    assert (first.event_id, first.index) == (rows[VICTIM]["event_id"], VICTIM)


async def test_a_log_forged_with_the_chain_does_not_fit_its_signature(room: Room) -> None:
    rows = await filled(room)
    forged = await forge(room, rows, VICTIM, actor="p-nobody")
    head = forged[SEALED - VICTIM - 1]["row_hash"]
    await room.run("UPDATE trail_stream SET sealed_head = :h WHERE sealed_seq = 6", h=head)
    async with room.db.read() as tx:
        tile = bytearray(await room.log.tile(tx, 0, 0, SEALED))
    tile[VICTIM * 32 : VICTIM * 32 + 32] = leaf_hash_of(forged[0])
    await room.run("UPDATE log_tile SET hashes = :h WHERE level = 0", h=bytes(tile))
    faults = (await verify(room)).faults
    assert [f.index for f in faults] == [3, 5]  # the first checkpoint that covers the forged entry is that of four
    assert "root" in faults[0].what


async def test_a_checkpoint_signed_by_another_is_named(room: Room) -> None:
    await filled(room)
    forged = Ed25519Signer(ORIGIN, bytes(32))
    async with room.db.read() as tx:
        text = (await room.log.checkpoint(tx)).checkpoint.text()
    await room.run("UPDATE log_checkpoint SET note = :n WHERE size = 6", n=sign_note(text, [forged], 0))
    assert "not signed by the log" in (await verify(room)).faults[0].what
    assert (await verify_trail(room.db, room.log)).clean  # without keys nobody can tell


async def test_a_checkpoint_of_another_size_under_a_good_signature_is_named(room: Room) -> None:
    await filled(room)
    async with room.db.read() as tx:
        older = (await room.log.checkpoint_at(tx, 4)).note
    await room.run("UPDATE log_checkpoint SET note = :n WHERE size = 6", n=older)
    assert "something else" in (await verify(room)).faults[0].what
    await room.run("DELETE FROM log_checkpoint WHERE size = 6")
    assert "no checkpoint" in (await verify(room)).faults[0].what


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE trail_stream SET replica = 'other' WHERE sealed_seq = 6", "record of its stream was altered"),
        ("UPDATE trail_stream SET opened_at = opened_at - 1", "bookmark was moved"),
        ("UPDATE trail_stream SET after_seq = 1 WHERE sealed_seq = 6", "record of its stream was altered"),
        ("UPDATE trail_stream SET kind = 'write' WHERE sealed_seq = 6", "record of its stream was altered"),
        ("UPDATE trail_stream SET sealed_seq = 5 WHERE sealed_seq = 6", "bookmark was moved"),
        ("UPDATE trail_stream SET sealed_head = zeroblob(32)", "bookmark"),
        ("UPDATE trail_seal SET first_index = 1 WHERE first_index = 0", "not what the log holds"),
        ("UPDATE trail_seal SET last_seq = 3 WHERE first_index = 0", "not sealed in the order"),
        ("UPDATE trail_seal SET first_seq = 2 WHERE first_index = 0", "not sealed in the order"),
        ("DELETE FROM trail_seal WHERE first_index = 4", "bookmark"),
        ("DELETE FROM trail_item WHERE seq = 3 AND item = 'INT-CON-002'", "not found by its items"),
        ("UPDATE trail_item SET seq = 4 WHERE seq = 3 AND item = 'INT-CON-001'", "not found by its items"),
        ("DELETE FROM log_tile", "not what the log holds"),
        ("UPDATE log_head SET size = 7, signed_size = 7", "entry here whose event is unknown"),
    ],
)
async def test_altered_bookkeeping_is_found(sqlite_room: Room, statement: str, what: str) -> None:
    await filled(sqlite_room)
    assert await sqlite_room.run(statement) >= 1
    faults = [str(f) for f in (await verify(sqlite_room)).faults]
    assert any(what in fault for fault in faults), faults


async def test_values_of_a_type_we_never_write_are_named_too(sqlite_room: Room) -> None:
    rows = await filled(sqlite_room)
    victim = rows[VICTIM]["event_id"]
    for change in ("actor = X'00ff'", "secret = 'x' || substr(hex(secret), 1, 31)", "at = 'soon'"):
        await sqlite_room.run(f"UPDATE trail_event SET {change} WHERE event_id = :e", e=victim)
        assert (await verify(sqlite_room)).faults[0].event_id == victim


async def test_a_row_added_to_the_end_without_the_chain_is_named(room: Room) -> None:
    rows = await filled(room)
    strange = row_of(event(99), Head(rows[0]["stream_id"], TOTAL, bytes(32)), bytes(32))
    async with room.db.begin() as tx:
        await tx.execute(sa.insert(trail_event), strange)
    (fault,) = (await verify(room)).faults
    assert (fault.seq, fault.what) == (TOTAL + 1, "not chained to the event before")


async def test_a_stream_nobody_opened_is_named(room: Room) -> None:
    await filled(room)
    strange = row_of(event(99), Head("6ba7b810-9dad-41d1-80b4-00c04fd430c8", 0, bytes(32)), bytes(32))
    async with room.db.begin() as tx:
        await tx.execute(sa.insert(trail_event), strange)
    (fault,) = (await verify(room)).faults
    assert fault.stream_id == strange["stream_id"]


async def test_it_stops_after_as_many_faults_as_asked(sqlite_room: Room) -> None:
    await filled(sqlite_room)
    await sqlite_room.run("UPDATE trail_event SET actor = 'p-nobody'")
    assert len((await verify(sqlite_room, max_faults=3)).faults) == 3
    assert str((await verify(sqlite_room)).faults[0]).startswith("event ")
