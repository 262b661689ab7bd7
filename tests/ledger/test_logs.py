"""One suite for every keeper of a log: in memory, on SQLite, on PostgreSQL."""

import asyncio
import hashlib
import random

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from gateway.domain.ids import random_id
from ledger import merkle
from ledger.checkpoint import open_checkpoint
from ledger.cosignature import Cosigner
from ledger.entry import Entry, commit
from ledger.errors import ForkError, LedgerError, NotInLogError, RollbackError, VerificationError
from ledger.log import NewEntry
from ledger.memory import MemoryLog
from ledger.policy import parse_policy
from ledger.receipt import verify_receipt
from ledger.sql import SqlLog
from ledger.tables import log_checkpoint, log_entry, log_head, log_key, log_tile
from ledger.tiles import split_hashes
from tests.ledger.conftest import ORIGIN, Kept, signer


def hashes(count: int, salt: str = "") -> list[bytes]:
    return [merkle.leaf_hash(f"{salt}{i}".encode()) for i in range(count)]


async def test_an_empty_log_is_signed_and_grows(kept: Kept) -> None:
    async with kept.db.begin() as tx:
        first = await kept.log.ensure(tx)
        assert (first.size, first.root) == (0, merkle.EMPTY_ROOT)
        assert await kept.log.ensure(tx) == first
        position = await kept.log.append(tx, "grant:approved", "a", b"leaf a")
    assert (position.index, position.checkpoint.size) == (0, 1)
    assert position.checkpoint.root == merkle.leaf_hash(b"leaf a")
    async with kept.db.read() as tx:
        assert await kept.log.checkpoint(tx) == position.checkpoint
        assert await kept.log.checkpoint_at(tx, 0) == first
        stored = await kept.log.entry(tx, 0)
        assert (stored.entry_id, stored.kind, stored.leaf) == ("a", "grant:approved", b"leaf a")
        assert stored.created_at == kept.clock.now
        assert await kept.log.find_entry(tx, "a") == stored
        assert await kept.log.find_entry(tx, "b") is None
    open_checkpoint(position.checkpoint.note, [signer().verifier])


async def test_a_log_that_was_not_made_answers_nothing(kept: Kept) -> None:
    async with kept.db.begin() as tx:
        with pytest.raises(NotInLogError):
            await kept.log.append(tx, "x", "a", b"")
    async with kept.db.read() as tx:
        with pytest.raises(NotInLogError):
            await kept.log.checkpoint(tx)
        with pytest.raises(NotInLogError):
            await kept.log.prove_inclusion(tx, 0, 1)


@pytest.mark.parametrize("batches", [[1] * 9, [3, 253, 1, 255, 256, 1, 700], [66_000]])
async def test_roots_and_proofs_equal_the_definition(kept: Kept, batches: list[int]) -> None:
    leaves = hashes(sum(batches))
    sizes, at = [0], 0
    async with kept.db.begin() as tx:
        await kept.log.ensure(tx)
        for batch in batches:
            assert await kept.log.integrate(tx, leaves[at : at + batch]) == at
            at += batch
            sizes.append(at)
    choose = random.Random(7)
    async with kept.db.read() as tx:
        for size in sizes:
            signed = await kept.log.checkpoint_at(tx, size)
            assert signed.root == merkle.root_of(leaves[:size])
        final = await kept.log.checkpoint(tx)
        for index in {0, at - 1, *(choose.randrange(at) for _ in range(5))}:
            size = choose.randint(index + 1, at)
            path = await kept.log.prove_inclusion(tx, index, at)
            merkle.verify_inclusion(leaves[index], index, at, path, final.root)
            assert await kept.log.prove_inclusion(tx, index, size) == merkle.inclusion_proof(leaves, index, size)
        for old in {0, 1, at, *(choose.randrange(at) for _ in range(3))}:
            proof = await kept.log.prove_consistency(tx, old, at)
            merkle.verify_consistency(old, at, proof, merkle.root_of(leaves[:old]), final.root)
        for index, size in [(at, at), (0, at + 1), (-1, 1)]:
            with pytest.raises(NotInLogError):
                await kept.log.prove_inclusion(tx, index, size)
        for old, new in [(0, at + 1), (2, 1), (-1, 1)]:
            with pytest.raises(NotInLogError):
                await kept.log.prove_consistency(tx, old, new)


async def test_tiles_are_prefixes_and_full_ones_stay(kept: Kept) -> None:
    leaves = hashes(600)
    async with kept.db.begin() as tx:
        await kept.log.ensure(tx)
        await kept.log.integrate(tx, leaves[:300])
    async with kept.db.read() as tx:
        full = await kept.log.tile(tx, 0, 0, 256)
        part = await kept.log.tile(tx, 0, 1, 44)
        top = await kept.log.tile(tx, 1, 0, 1)
        with pytest.raises(NotInLogError):
            await kept.log.tile(tx, 0, 1, 45)
    assert split_hashes(full) == leaves[:256]
    assert split_hashes(part) == leaves[256:300]
    assert top == merkle.root_of(leaves[:256])
    async with kept.db.begin() as tx:
        await kept.log.integrate(tx, leaves[300:])
    async with kept.db.read() as tx:
        assert await kept.log.tile(tx, 0, 0, 256) == full
        assert await kept.log.tile(tx, 0, 1, 44) == part
        assert split_hashes(await kept.log.tile(tx, 1, 0, 2)) == [
            merkle.root_of(leaves[:256]),
            merkle.root_of(leaves[256:512]),
        ]


async def test_an_empty_batch_signs_nothing(kept: Kept) -> None:
    async with kept.db.begin() as tx:
        before = await kept.log.ensure(tx)
        assert await kept.log.integrate(tx, []) == 0
        assert await kept.log.checkpoint(tx) == before


async def test_many_entries_under_one_checkpoint(kept: Kept) -> None:
    entries = [NewEntry("x", f"e{i}", str(i).encode()) for i in range(300)]
    async with kept.db.begin() as tx:
        await kept.log.ensure(tx)
        await kept.log.append(tx, "x", "first", b"first")
        placed = await kept.log.append_many(tx, entries)
        assert await kept.log.append_many(tx, []) == []
    assert [(p.entry_id, p.index) for p in placed] == [(f"e{i}", i + 1) for i in range(300)]
    assert {p.checkpoint.size for p in placed} == {301}
    async with kept.db.read() as tx:
        assert (await kept.log.covering(tx, 5)).size == 301
        receipt = await kept.log.receipt(tx, "e4")
        assert (receipt.leaf, receipt.proof.index) == (b"4", 5)
        receipt.proof.check(merkle.leaf_hash(b"4"))
        with pytest.raises(NotInLogError):
            await kept.log.checkpoint_at(tx, 100)
        assert await kept.log.signed_at(tx, 2) == kept.clock.now
        assert await kept.log.signed_at(tx, 302) is None
        assert await kept.log.root_at(tx, 2) == merkle.root_of([merkle.leaf_hash(b"first"), merkle.leaf_hash(b"0")])
        with pytest.raises(NotInLogError):
            await kept.log.root_at(tx, 302)
        with pytest.raises(NotInLogError):
            await kept.log.entry(tx, 301)


async def test_the_newest_checkpoint_with_its_quorum(kept: Kept) -> None:
    witness = Cosigner("witness.example.test/1", bytes(32))
    trust = parse_policy(f"log {signer().vkey()}\nwitness w {witness.vkey()}\nquorum w\n")
    async with kept.db.begin() as tx:
        await kept.log.ensure(tx)
        assert await kept.log.cosigned(tx, trust) is None
        for i in range(450):
            signed = (await kept.log.append(tx, "x", str(i), b"x")).checkpoint
            if i % 2:
                line = witness.sign(signed.checkpoint.text(), kept.clock.now).line()
                await kept.log.cosign(tx, signed.size, [line], [witness.verifier])
        assert (await kept.log.cosigned(tx, trust)).size == 450
        assert (await kept.log.covering(tx, 0, trust)).size == 2
        stranger = Cosigner("witness.example.test/2", bytes([2]) * 32)
        other = parse_policy(f"log {signer().vkey()}\nwitness w {stranger.vkey()}\nquorum w\n")
        assert await kept.log.cosigned(tx, other) is None
        line = stranger.sign((await kept.log.checkpoint_at(tx, 3)).checkpoint.text(), kept.clock.now).line()
        await kept.log.cosign(tx, 3, [line], [stranger.verifier])
        assert (await kept.log.cosigned(tx, other)).size == 3


async def test_receipt_with_witnesses(kept: Kept) -> None:
    witnesses = [Cosigner(f"witness.example.test/{i}", bytes([i]) * 32) for i in (1, 2, 3)]
    policy = "".join(
        [f"log {signer().vkey()}\n"]
        + [f"witness w{i} {w.vkey()}\n" for i, w in enumerate(witnesses)]
        + ["group two 2 w0 w1 w2\nquorum two\n"]
    )
    trust, entry_id = parse_policy(policy), random_id()
    commitment = commit({"purpose": "P01", "until": 5}, bytes(32))
    entry = Entry("grant:approved", entry_id, kept.clock.now, commitment.digests)
    async with kept.db.begin() as tx:
        await kept.log.ensure(tx)
        position = await kept.log.append(tx, entry.kind, entry_id, entry.encode())
        later = await kept.log.append(tx, "x", "later", b"later")
        with pytest.raises(NotInLogError, match="witnesses needed"):
            await kept.log.receipt(tx, entry_id, trust=trust)
        alone = [witnesses[0].sign(position.checkpoint.checkpoint.text(), kept.clock.now).line()]
        known = [w.verifier for w in witnesses]
        assert await kept.log.cosign(tx, 1, alone, known) == 1
        assert await kept.log.cosign(tx, 1, alone, known) == 0
        assert await kept.log.cosign(tx, 1, alone, known[1:]) == 0
        assert await kept.log.covering(tx, 0, trust) is None
        lines = [w.sign(later.checkpoint.checkpoint.text(), kept.clock.now).line() for w in witnesses[1:]]
        with pytest.raises(VerificationError):
            await kept.log.cosign(tx, 1, lines, known)
        assert await kept.log.cosign(tx, 2, lines, known) == 2
        covering = await kept.log.covering(tx, 0, trust)
        assert covering is not None
        assert covering.size == 2
        receipt = await kept.log.receipt(tx, entry_id, trust=trust, openings=commitment.openings[:1])
        with pytest.raises(NotInLogError):
            await kept.log.receipt(tx, random_id())
        with pytest.raises(NotInLogError):
            await kept.log.cosign(tx, 9, lines, known)
    verified = verify_receipt(receipt.encode(), trust)
    assert (verified.index, verified.size, verified.fields) == (0, 2, {"purpose": "P01"})
    assert {c.witness for c in verified.cosignatures} == {"w1", "w2"}


async def test_a_copy_that_is_older_than_what_others_saw_must_not_sign(kept: Kept) -> None:
    async with kept.db.begin() as tx:
        await kept.log.ensure(tx)
        await kept.log.integrate(tx, hashes(3))
    seen, asked = 4, 0

    async def guard() -> int:
        nonlocal asked
        asked += 1
        return seen

    again = kept.log if isinstance(kept.log, MemoryLog) else SqlLog(ORIGIN, signer())
    again._guard = guard
    with pytest.raises(RollbackError, match="we hold 3 entries, others saw 4"):
        async with kept.db.begin() as tx:
            await again.ensure(tx)
    with pytest.raises(RollbackError):
        async with kept.db.begin() as tx:
            await again.append(tx, "x", "a", b"a")
    seen = 3
    again._guard = guard
    async with kept.db.begin() as tx:
        assert (await again.ensure(tx)).size in (3, 4)
        before = asked
        await again.append(tx, "x", "b", b"b")
    assert asked == before  # asked once a process, not once a signature


async def test_the_key_bears_the_name_of_the_log() -> None:
    for keeper in (SqlLog, MemoryLog):
        with pytest.raises(LedgerError):
            keeper("another.example.test/log", signer())


async def test_one_entry_id_once(kept: Kept) -> None:
    async with kept.db.begin() as tx:
        await kept.log.ensure(tx)
        await kept.log.append(tx, "x", "same", b"1")
    with pytest.raises((IntegrityError, LedgerError)):
        async with kept.db.begin() as tx:
            await kept.log.append(tx, "x", "same", b"2")
    async with kept.db.read() as tx:
        assert (await kept.log.checkpoint(tx)).size == 1


async def test_what_is_rolled_back_was_never_there(db) -> None:
    log = SqlLog(ORIGIN, signer())
    async with db.begin() as tx:
        await log.ensure(tx)
        await log.integrate(tx, hashes(255))
    with pytest.raises(RuntimeError):  # noqa: PT012
        async with db.begin() as tx:
            await log.append(tx, "x", "lost", b"lost")
            raise RuntimeError
    async with db.begin() as tx:
        position = await log.append(tx, "x", "kept", b"kept")
        assert position.index == 255
        assert position.checkpoint.root == merkle.root_of([*hashes(255), merkle.leaf_hash(b"kept")])
        assert await log.find_entry(tx, "lost") is None


async def test_concurrent_writers_leave_one_history(db) -> None:
    """Eight writers, some of which give up: indices without gaps, and every checkpoint equal to the recomputed root."""
    async with db.begin() as tx:
        await SqlLog(ORIGIN, signer()).ensure(tx)

    async def writer(number: int) -> list[str]:
        log, done = SqlLog(ORIGIN, signer()), []
        for turn in range(12):
            name = f"{number}-{turn}"
            try:
                async with db.begin() as tx:
                    await log.append(tx, "x", name, name.encode())
                    if (number + turn) % 7 == 0:
                        raise RuntimeError
            except RuntimeError:
                continue
            done.append(name)
        return done

    written = [name for names in await asyncio.gather(*(writer(i) for i in range(8))) for name in names]
    log = SqlLog(ORIGIN, signer())
    async with db.read() as tx:
        stored = await log.entries(tx, 0, 10_000)
        assert [s.index for s in stored] == list(range(len(written)))
        assert sorted(s.entry_id for s in stored) == sorted(written)
        leaves = [s.leaf_hash for s in stored]
        signed = (await tx.execute(sa.select(log_checkpoint).where(log_checkpoint.c.origin == ORIGIN))).all()
        assert {row.size for row in signed} == set(range(len(written) + 1))
        assert all(row.root == merkle.root_of(leaves[: row.size]) for row in signed)


async def test_a_second_root_for_one_size_cannot_be_signed(db) -> None:
    log = SqlLog(ORIGIN, signer())
    async with db.begin() as tx:
        await log.ensure(tx)
        await log.integrate(tx, hashes(5))
    async with db.begin() as tx:  # somebody with the database in hand turns the head back
        shorter = merkle.CompactRange().extend(hashes(2))[0].encode()
        await tx.execute(sa.update(log_head).values(size=2, frontier=shorter, signed_size=2))
        await tx.execute(sa.delete(log_tile))
        tile = {"origin": ORIGIN, "level": 0, "idx": 0, "hashes": b"".join(hashes(2))}
        await tx.execute(sa.insert(log_tile), [tile])
    with pytest.raises(ForkError, match="size 3 or more was signed already"):
        async with db.begin() as tx:
            await log.append(tx, "x", "other", b"another history")
    async with db.begin() as tx:
        await tx.execute(sa.update(log_head).values(size=6, frontier=bytes(64), signed_size=6))
    with pytest.raises(LedgerError, match="tile 0/0 holds 64 bytes"):
        async with db.begin() as tx:
            await log.append(tx, "x", "other", b"another history")
    async with db.begin() as tx:
        with pytest.raises(ForkError):
            await log._sign(tx, merkle.CompactRange().extend(hashes(2))[0], 5)


async def test_keys_are_listed_from_the_size_at_which_they_came(db) -> None:
    old, new = signer(), signer(seed=8)
    async with db.begin() as tx:
        await SqlLog(ORIGIN, old).ensure(tx)
        await SqlLog(ORIGIN, old).integrate(tx, hashes(4))
    async with db.begin() as tx:
        both = SqlLog(ORIGIN, old, also=[new])
        await both.ensure(tx)
        await both.integrate(tx, hashes(1, "later"))
        note = (await both.checkpoint(tx)).note
        keys = {row.key_id: row for row in (await tx.execute(sa.select(log_key))).all()}
    assert keys[old.key_id.hex()].valid_from_size == 0
    assert keys[new.key_id.hex()].valid_from_size == 4
    for key in (old, new):
        open_checkpoint(note, [key.verifier])


async def test_two_logs_share_the_tables(db) -> None:
    one, two = SqlLog(ORIGIN, signer()), SqlLog("log.example.test/trail", signer("log.example.test/trail"))
    async with db.begin() as tx:
        for log in (one, two):
            await log.ensure(tx)
        await one.append(tx, "x", "1", b"1")
        await two.integrate(tx, hashes(300))
        assert (await one.checkpoint(tx)).size == 1
        assert (await two.checkpoint(tx)).size == 300
        assert await two.find_entry(tx, "1") is None
        with pytest.raises(NotInLogError):
            await two.entry(tx, 0)


async def test_the_database_refuses_what_no_log_would_write(db) -> None:
    row = {
        "entry_id": "e",
        "origin": ORIGIN,
        "seq": 0,
        "kind": "x",
        "leaf": b"",
        "leaf_hash": bytes(32),
        "created_at": 0,
    }
    for wrong in ({"leaf": bytes(65_536)}, {"leaf_hash": bytes(31)}, {"seq": -1}):
        with pytest.raises(IntegrityError):
            async with db.begin() as tx:
                await tx.execute(sa.insert(log_entry), [row | wrong])


def test_the_tables_speak_portable_sql() -> None:
    from sqlalchemy.dialects import postgresql, sqlite

    for dialect in (postgresql.dialect(), sqlite.dialect()):
        for table in (log_head, log_entry, log_tile, log_checkpoint):
            ddl = str(sa.schema.CreateTable(table).compile(dialect=dialect))
            assert "SERIAL" not in ddl
            assert hashlib.sha256(ddl.encode()).digest()
