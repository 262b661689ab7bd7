"""What keeps a log honest over years: rollback guard, key hand-over, state leaves, fsck."""

import asyncio

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.ids import random_id
from ledger import merkle
from ledger.checkpoint import Checkpoint
from ledger.cosignature import Cosigner
from ledger.entry import Entry, canonical, parse_entry
from ledger.errors import LedgerError, MalformedError, NotInLogError, RollbackError, VerificationError
from ledger.fsck import check_log, require_sound
from ledger.note import sign_note
from ledger.rollback import SeenFile, largest_seen, witness_source
from ledger.rotation import KIND, follow, open_hand_over, retire, rotate, sign_hand_over
from ledger.sql import SqlLog
from ledger.state import StateLeaf, StateMap, StateProof, parse_state_proof, sealed_state, verify_state
from ledger.tables import log_anchor, log_checkpoint, log_cosignature, log_entry, log_head, log_key, log_tile
from ledger.witness import origin_hash
from tests.ledger.conftest import NOW, ORIGIN, signer


async def answers(size: int):
    async def ask() -> int:
        return size

    return ask


async def test_the_guard_asks_everybody() -> None:
    async def down() -> int:
        raise ConnectionError

    async def lying() -> int:
        raise VerificationError("signature", "valid", "invalid")

    three, five = await answers(3), await answers(5)
    assert await largest_seen({})() == 0
    assert await largest_seen({"a": three, "b": five, "c": down})() == 5
    assert await largest_seen({"a": three, "b": lying}, needed=1)() == 3
    with pytest.raises(LedgerError, match=r"no answer from b \(ConnectionError\), c \(VerificationError\)"):
        await largest_seen({"a": three, "b": down, "c": lying}, needed=2)()


async def test_a_witness_counts_only_with_our_own_signature() -> None:
    note = sign_note(Checkpoint(ORIGIN, 9, bytes(32)).text(), [signer()], NOW)
    replies = {}

    async def get(url: str) -> tuple[int, bytes]:
        return replies[url]

    url = f"https://w.example.test/{origin_hash(ORIGIN)}/checkpoint"
    ask = witness_source(get, "https://w.example.test/", ORIGIN, [signer().verifier])
    replies[url] = (200, note.encode())
    assert await ask() == 9
    replies[url] = (404, b"")
    assert await ask() == 0
    replies[url] = (500, b"")
    with pytest.raises(OSError, match="500"):
        await ask()
    replies[url] = (200, note.replace("9", "99", 1).encode())
    with pytest.raises(VerificationError):
        await ask()
    other = signer("log.example.test/other")
    replies[url] = (200, sign_note(Checkpoint(other.name, 9, bytes(32)).text(), [other], NOW).encode())
    both = witness_source(get, "https://w.example.test", ORIGIN, [signer().verifier, other.verifier])
    with pytest.raises(VerificationError, match="origin"):
        await both()


async def test_the_file_outside_the_database(tmp_path, sqlite_db) -> None:
    seen = SeenFile(tmp_path / "outside" / "seen.json")
    assert await seen.source(ORIGIN)() == 0
    log = SqlLog(ORIGIN, signer())
    async with sqlite_db.begin() as tx:
        await log.ensure(tx)
        position = await log.append(tx, "x", "a", b"a")
        first = position.checkpoint
        await log.append(tx, "x", "b", b"b")
        second = await log.checkpoint(tx)
    seen.note(second)
    seen.note(first)  # a smaller one changes nothing
    seen.note(second)
    assert await seen.source(ORIGIN)() == 2
    with pytest.raises(VerificationError, match="same size"):
        seen.note(Checkpoint(ORIGIN, 2, bytes(32)))
    seen.note(Checkpoint("log.example.test/other", 7, bytes(32)))
    assert set(seen.read()) == {ORIGIN, "log.example.test/other"}
    async with sqlite_db.begin() as tx:  # the database is put back to what it was at size 1
        for table in (log_entry, log_tile, log_checkpoint, log_head):
            await tx.execute(sa.delete(table))
        await log.ensure(tx)
        await log.append(tx, "x", "a", b"a")
    guarded = SqlLog(ORIGIN, signer(), guard=largest_seen({"file": seen.source(ORIGIN)}, needed=1))
    with pytest.raises(RollbackError):
        async with sqlite_db.begin() as tx:
            await guarded.append(tx, "x", "c", b"c")
    for text in ("{", "[]", '{"a": 1}', '{"a": [1, "x"]}'):
        seen.path.write_text(text)
        with pytest.raises(MalformedError):
            seen.read()


async def test_a_key_is_handed_over_in_the_log(db) -> None:
    old, new, third = signer(), signer(seed=8), signer(seed=9)
    log = SqlLog(ORIGIN, old)
    async with db.begin() as tx:
        await log.ensure(tx)
        await log.append(tx, "x", random_id(), Entry("x", random_id(), 1).encode())
    both = SqlLog(ORIGIN, new, also=[old])
    async with db.begin() as tx:
        await both.ensure(tx)
        position = await rotate(tx, both, old, new, random_id())
        await retire(tx, ORIGIN, old.key_id, position.index + 1)
        with pytest.raises(NotInLogError):
            await retire(tx, ORIGIN, old.key_id, 99)
        row = (await tx.execute(sa.select(log_key).where(log_key.c.key_id == old.key_id.hex()))).one()
        leaves = [e.leaf for e in await both.entries(tx, 0, 10)]
    assert (row.valid_from_size, row.retired_at_size) == (0, 2)
    forged = Entry(KIND, random_id(), 1, data={"note": sign_hand_over(ORIGIN, third, new, 2, 1)}).encode()
    later = Entry(KIND, random_id(), 1, data={"note": sign_hand_over(ORIGIN, new, third, 2, 1)}).encode()
    assert [h.new.vkey() for h in follow(old.verifier, [forged, *leaves])] == [new.vkey()]
    assert [h.new.vkey() for h in follow(old.verifier, [*leaves, forged, later])] == [new.vkey(), third.vkey()]
    assert follow(signer(seed=5).verifier, leaves) == []


def test_hand_overs_that_are_none() -> None:
    old, new = signer(), signer(seed=8)
    note = sign_hand_over(ORIGIN, old, new, 5, NOW)
    assert open_hand_over(note).size == 5
    text, lines = note.split("\n\n")
    for wrong in (
        note.replace("\n5\n", "\n05\n"),
        note.replace("rotation/v1", "rotation/v2"),
        text + "\nmore\n\n" + lines,
    ):
        with pytest.raises(MalformedError):
            open_hand_over(wrong)
    for one in lines.splitlines():
        with pytest.raises(VerificationError):
            open_hand_over(f"{text}\n\n{one}\n")
    with pytest.raises(VerificationError):
        open_hand_over(note.replace("\n5\n", "\n6\n"))
    with pytest.raises(MalformedError):
        sign_hand_over(ORIGIN, old, old, 5, NOW)
    with pytest.raises(MalformedError):
        sign_hand_over("another", old, new, 5, NOW)
    same = sign_note(text.replace(new.vkey(), old.vkey()) + "\n", [old], NOW)
    with pytest.raises(MalformedError, match="different"):
        open_hand_over(same)
    with pytest.raises(MalformedError, match="holds no note"):
        follow(old.verifier, [Entry(KIND, random_id(), 1).encode()])


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=3), st.text("xy", max_size=2), max_size=12),
    st.text("abc", min_size=1, max_size=3),
)
def test_the_map_proves_presence_and_absence(items: dict[str, str], key: str) -> None:
    state = StateMap(items)
    proof = parse_state_proof(state.prove(key).encode())
    assert verify_state(proof, key, state.root, state.size) == items.get(key)
    # the same proof says nothing about any other key on the other side
    for other in items:
        if other != key and key in items:
            with pytest.raises(VerificationError):
                verify_state(proof, other, state.root, state.size) if state.size > 1 and not _edge(
                    proof, other, state.size
                ) else _fail()


def _edge(proof: StateProof, key: str, size: int) -> bool:
    leaf = proof.leaves[0]
    return (leaf.index == 0 and key < leaf.key) or (leaf.index == size - 1 and key > leaf.key)


def _fail() -> None:
    raise VerificationError("not asked", 0, 0)


def test_absence_cannot_be_faked() -> None:
    state = StateMap({"a": "1", "c": "2", "e": "3", "g": "4"})
    a, c, e, g = (state.prove(k).leaves[0] for k in "aceg")
    assert verify_state(StateProof((c, e)), "d", state.root, 4) is None
    assert verify_state(StateProof((a,)), "A", state.root, 4) is None
    assert verify_state(StateProof((g,)), "z", state.root, 4) is None
    for leaves, key in [
        ((c, g), "e"),
        ((a, e), "c"),
        ((e, c), "d"),
        ((c,), "d"),
        ((g,), "a0"),
        ((), "c"),
        ((c, e), "c"),
    ]:
        with pytest.raises(VerificationError):
            verify_state(StateProof(leaves), key, state.root, 4)
    moved = StateLeaf(1, "d", "2", c.path)
    with pytest.raises(VerificationError):
        verify_state(StateProof((moved,)), "d", state.root, 4)
    assert verify_state(StateProof(()), "x", StateMap({}).root, 0) is None
    with pytest.raises(VerificationError):
        verify_state(StateProof(()), "x", bytes(32), 0)
    for raw in ({}, [1], [[0, "a", "b"]], [[True, "a", "b", []]], [[0, "a", "b", []]] * 3):
        with pytest.raises(MalformedError):
            parse_state_proof(canonical(raw))


def test_the_state_stands_in_the_log() -> None:
    state = StateMap({"a": "1"})
    entry = parse_entry(state.entry(random_id(), NOW, 12).encode())
    sealed = sealed_state(entry)
    assert (sealed.root, sealed.size, sealed.log_size, sealed.at) == (state.root, 1, 12, NOW)
    with pytest.raises(MalformedError):
        sealed_state(Entry("x", random_id(), 1, data=entry.data))


COUNT = 300
WITNESS = Cosigner("witness.example.test/1", bytes(32))


async def filled(db) -> SqlLog:
    log = SqlLog(ORIGIN, signer())
    async with db.begin() as tx:
        await log.ensure(tx)
        for i in range(COUNT):
            await log.append(tx, "x", f"e{i}", f"entry {i}".encode())
        signed = await log.checkpoint(tx)
        await log.cosign(tx, COUNT, [WITNESS.sign(signed.checkpoint.text(), NOW).line()], [WITNESS.verifier])
        anchor = {"anchor_id": "1", "origin": ORIGIN, "size": COUNT, "root": signed.root, "place": "file:x"}
        await tx.execute(sa.insert(log_anchor), [anchor | {"status": "final", "attempts": 1, "created_at": NOW}])
    return log


async def report_of(db, log):
    async with db.read() as tx:
        return await check_log(tx, log, keys=[signer().verifier], witnesses=[WITNESS.verifier])


async def test_fsck_finds_nothing_in_a_sound_log(db) -> None:
    log = await filled(db)
    report = await report_of(db, log)
    assert report.sound, report.faults
    require_sound(report)
    assert (report.entries, report.checkpoints, report.tiles) == (COUNT, COUNT + 1, 3)
    assert (report.cosignatures, report.anchors) == (1, 1)
    assert report.root == merkle.root_of(merkle.leaf_hash(f"entry {i}".encode()) for i in range(COUNT))


BAD = b"\x01" * 32
DAMAGES = {
    "leaf": (sa.update(log_entry).where(log_entry.c.seq == 41).values(leaf=b"other"), 41),
    "leaf and its hash": (
        sa.update(log_entry).where(log_entry.c.seq == 42).values(leaf=b"other", leaf_hash=merkle.leaf_hash(b"other")),
        42,
    ),
    "entry removed": (sa.delete(log_entry).where(log_entry.c.seq == 43), 43),
    "last entry removed": (sa.delete(log_entry).where(log_entry.c.seq == COUNT - 1), COUNT - 1),
    "leaf hash": (sa.update(log_entry).where(log_entry.c.seq == 44).values(leaf_hash=BAD), 44),
    "full tile": (sa.update(log_tile).where(log_tile.c.idx == 0, log_tile.c.level == 0).values(hashes=BAD * 256), 0),
    "growing tile": (sa.update(log_tile).where(log_tile.c.idx == 1).values(hashes=BAD * 44), 256),
    "upper tile": (sa.update(log_tile).where(log_tile.c.level == 1).values(hashes=BAD), 0),
    "tile removed": (sa.delete(log_tile).where(log_tile.c.level == 0, log_tile.c.idx == 1), 256),
    "frontier": (sa.update(log_head).values(frontier=BAD * 4), COUNT),
    "head": (sa.update(log_head).values(size=COUNT + 1), COUNT),
    "checkpoint root": (sa.update(log_checkpoint).where(log_checkpoint.c.size == 7).values(root=BAD), 6),
    "checkpoint note": (sa.update(log_checkpoint).where(log_checkpoint.c.size == 8).values(note="x"), 7),
    "checkpoint of another": (
        sa.update(log_checkpoint)
        .where(log_checkpoint.c.size == 9)
        .values(note=sign_note(Checkpoint(ORIGIN, 9, BAD).text(), [signer(seed=5)], NOW)),
        8,
    ),
    "cosignature": (
        sa.update(log_cosignature).values(line=WITNESS.sign("another\n", NOW).line()),
        COUNT - 1,
    ),
    "cosignature of nothing": (sa.update(log_cosignature).values(size=COUNT - 1), COUNT - 2),
    "anchor": (sa.update(log_anchor).values(root=BAD), COUNT - 1),
}


@pytest.mark.parametrize("damage", DAMAGES)
async def test_fsck_names_the_first_entry_concerned(sqlite_db, damage: str) -> None:
    log = await filled(sqlite_db)
    statement, first = DAMAGES[damage]
    async with sqlite_db.begin() as tx:
        assert (await tx.execute(statement)).rowcount >= 1
    report = await report_of(sqlite_db, log)
    assert report.first is not None
    assert report.first.index == first, report.faults[:3]
    with pytest.raises(LedgerError, match=ORIGIN):
        require_sound(report)


async def test_fsck_finds_a_checkpoint_beyond_the_entries(sqlite_db) -> None:
    log = await filled(sqlite_db)
    async with sqlite_db.begin() as tx:
        row = {"origin": ORIGIN, "size": 999, "root": BAD, "note": "x", "created_at": 0}
        await tx.execute(sa.insert(log_checkpoint), [row])
        with pytest.raises(NotInLogError):
            await check_log(tx, SqlLog("log.example.test/none", signer("log.example.test/none")))
    report = await report_of(sqlite_db, log)
    assert [f.what for f in report.faults] == ["checkpoint beyond the entries"]


async def test_fsck_of_a_log_whose_entries_are_elsewhere(db) -> None:
    log, leaves = SqlLog(ORIGIN, signer()), [merkle.leaf_hash(str(i).encode()) for i in range(2500)]
    async with db.begin() as tx:
        await log.ensure(tx)
        for at in range(0, 2500, 700):
            await log.integrate(tx, leaves[at : at + 700])

    async def recomputed(changed: int | None = None):
        for i, leaf in enumerate(leaves):
            await asyncio.sleep(0)
            yield BAD if i == changed else leaf

    async with db.read() as tx:
        report = await check_log(tx, log, leaf_hashes=recomputed(), keys=[signer().verifier])
        assert report.sound, report.faults
        assert (report.entries, report.checkpoints) == (2500, 5)
        report = await check_log(tx, log, leaf_hashes=recomputed(1234))
    # the tile names the entry; the checkpoints only bound it
    assert report.first is not None
    assert (report.first.index, report.first.what) == (1234, "tile 0/4")
    assert [(f.index, f.until) for f in report.faults if f.what.startswith("root")] == [(700, 1400)]
