"""The crash table: every write fails and is lost, or fails and is kept; what was handed out stays true."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.errors import Problem
from gateway.store.db import open_database
from ledger import merkle
from ledger.anchors.file import FileAnchor
from ledger.anchors.interface import enqueue
from ledger.checkpoint import Checkpoint, parse_checkpoint
from ledger.cosignature import Cosigner
from ledger.duties import Duties, tend
from ledger.errors import ForkError, RollbackError
from ledger.fsck import check_log, require_sound
from ledger.note import parse_note, sign_note
from ledger.policy import parse_policy
from ledger.rollback import SeenFile, largest_seen
from ledger.sql import SqlLog
from ledger.tables import log_anchor, log_checkpoint
from ledger.witness import AddCheckpoint, Witness
from tests.ledger.conftest import NOW, ORIGIN, create_tables, signer


class Crash(BaseException):
    """The process ends here."""


class FailingTx:
    """Fails at its statement number `at`, before or after the database has done it."""

    def __init__(self, tx, at: int, after: bool) -> None:
        self._tx, self._at, self._after, self.count = tx, at, after, 0

    @property
    def now(self) -> int:
        return self._tx.now

    async def execute(self, statement, parameters=None):
        self.count += 1
        if self.count == self._at and not self._after:
            raise Crash
        answer = await self._tx.execute(statement, parameters)
        if self.count == self._at:
            raise Crash
        return answer


class FailingDb:
    """The transaction number `at` that writes is lost, or kept although the caller is told that it failed."""

    def __init__(self, db, at: int, kept: bool) -> None:
        self._db, self._at, self._kept, self.count = db, at, kept, 0

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator:
        self.count += 1
        mine = self.count == self._at
        async with self._db.begin() as tx:
            yield tx
            if mine and not self._kept:
                raise Crash
        if mine:
            raise Crash

    def read(self):
        return self._db.read()


async def filled(db, count: int) -> SqlLog:
    log = SqlLog(ORIGIN, signer())
    async with db.begin() as tx:
        await log.ensure(tx)
        for i in range(count):
            await log.append(tx, "x", f"e{i}", f"entry {i}".encode())
    return log


async def sound(db, log: SqlLog) -> int:
    async with db.read() as tx:
        report = await check_log(tx, log, keys=[signer().verifier])
        require_sound(report)
        return report.entries


async def count_statements(db, work) -> int:
    """How many statements it takes; nothing of it is kept."""
    with contextlib.suppress(Crash):
        async with db.begin() as tx:
            counting = FailingTx(tx, 0, False)
            await work(counting)
            raise Crash
    return counting.count


@pytest.mark.parametrize("size", [0, 254, 255, 256])
async def test_a_crash_at_any_statement_of_an_append(db, size: int) -> None:
    """At sizes where a tile begins, fills, and gets a parent: what is not committed never happened."""
    log = await filled(db, size)
    statements = await count_statements(db, lambda tx: log.append(tx, "x", "counted", b"counted"))
    assert 5 <= statements <= 8
    expected = size
    for at in range(1, statements + 1):
        for after in (False, True):
            with pytest.raises(Crash):
                async with db.begin() as tx:
                    await log.append(FailingTx(tx, at, after), "x", "lost", b"lost")
            assert await sound(db, log) == expected
    async with db.begin() as tx:
        position = await SqlLog(ORIGIN, signer()).append(tx, "x", "next", b"next")
    assert position.index == expected


@pytest.mark.parametrize("kept", [False, True])
async def test_a_commit_whose_outcome_is_unknown(db, kept: bool) -> None:
    """The caller was told that it failed; the id of the entry tells whether it did, and a retry cannot double it."""
    log = await filled(db, 3)
    with pytest.raises(Crash):
        async with FailingDb(db, 1, kept).begin() as tx:
            await log.append(tx, "x", "mine", b"mine")
    async with db.begin() as tx:
        found = await log.find_entry(tx, "mine")
        assert (found is not None) == kept
        if found is None:
            await log.append(tx, "x", "mine", b"mine")
    assert await sound(db, log) == 4


async def test_a_crash_while_sealing_a_batch(db) -> None:
    log = await filled(db, 200)
    batch = [merkle.leaf_hash(bytes([i])) for i in range(120)]
    statements = await count_statements(db, lambda tx: log.integrate(tx, []))
    async with db.read() as tx:
        before = await log.checkpoint(tx)
    for at in range(1, statements + 8):
        for after in (False, True):
            with contextlib.suppress(Crash):
                async with db.begin() as tx:
                    await log.integrate(FailingTx(tx, at, after), batch)
                    raise Crash  # even when all statements went through
    async with db.begin() as tx:
        assert await log.checkpoint(tx) == before
        assert await log.integrate(tx, batch) == 200


async def test_a_crash_of_a_witness(db) -> None:
    """It answers only what it kept: after any crash it stands at the old size, and the log asks again."""
    who = Witness([Cosigner("witness.example.test/1", bytes(32))], {ORIGIN: [signer().verifier]})
    leaves = [merkle.leaf_hash(bytes([i])) for i in range(9)]

    def body(old: int, size: int) -> bytes:
        note = sign_note(Checkpoint(ORIGIN, size, merkle.root_of(leaves[:size])).text(), [signer()], NOW)
        return AddCheckpoint(old, tuple(merkle.consistency_proof(leaves, old, size)), note).encode()

    async with db.begin() as tx:
        assert (await who.add_checkpoint(tx, body(0, 4))).status == 200
    for at in (1, 2, 3):
        for after in (False, True):
            with pytest.raises(Crash):
                async with db.begin() as tx:
                    await who.add_checkpoint(FailingTx(tx, at, after), body(4, 9))
            async with db.read() as tx:
                assert (await who.seen(tx, ORIGIN)).size == 4
    with pytest.raises(Crash):
        async with FailingDb(db, 1, True).begin() as tx:
            await who.add_checkpoint(tx, body(4, 9))
    async with db.begin() as tx:
        assert (await who.add_checkpoint(tx, body(4, 9))).status == 409
        assert (await who.add_checkpoint(tx, body(9, 9))).status == 200


@pytest.mark.parametrize("kept", [False, True])
async def test_a_crash_while_anchoring_in_a_file(sqlite_db, tmp_path, kept: bool) -> None:
    log, anchor = await filled(sqlite_db, 5), FileAnchor(tmp_path / "heads.jsonl")
    async with sqlite_db.begin() as tx:
        await enqueue(tx, await log.checkpoint(tx), anchor.place)
    with pytest.raises(Crash):
        await anchor.advance(FailingDb(sqlite_db, 1, kept))
    await anchor.advance(sqlite_db)
    async with sqlite_db.read() as tx:
        (row,) = (await tx.execute(sa.select(log_anchor))).all()
    assert row.status == "final"
    assert len(anchor.path.read_text().splitlines()) == 1


@pytest.mark.evm
@pytest.mark.parametrize("kept", [False, True])
async def test_a_crash_at_any_step_of_anchoring_on_a_chain(sqlite_db, module_chain, kept: bool) -> None:
    """Each transaction of a whole anchoring is lost, or kept unknown to us; then the process starts again."""
    from tests.ledger.chains import deploy
    from tests.ledger.test_anchors import evm, grow

    contract = await deploy(module_chain, [ORIGIN], 10**10)
    log = await filled(sqlite_db, 2)
    for at in range(1, 6):
        await grow(sqlite_db, log, 2)
        anchor = evm(module_chain, contract, log)
        async with sqlite_db.begin() as tx:
            await enqueue(tx, await log.checkpoint(tx), anchor.place)
        failing = FailingDb(sqlite_db, at, kept)
        with contextlib.suppress(Crash):
            await anchor.advance(failing)
        assert failing.count == min(at, 4)  # prepared, sent, mined, final
        await evm(module_chain, contract, log).advance(sqlite_db)
    async with sqlite_db.read() as tx:
        rows = (await tx.execute(sa.select(log_anchor).order_by(log_anchor.c.size))).all()
    assert [(r.size, r.status) for r in rows] == [(n, "final") for n in (4, 6, 8, 10, 12)]
    assert len({r.nonce for r in rows}) == 5


async def test_the_clock_jumps_back(db, clock) -> None:
    log = await filled(db, 3)
    clock.now -= 10 * 86_400_000_000
    async with db.begin() as tx:
        position = await log.append(tx, "x", "early", b"early")
    assert position.index == 3
    assert await sound(db, log) == 4


async def test_the_disk_is_full(tmp_path) -> None:
    """SQLite has no page left in the middle of an append: nothing of it is kept; it goes on when there is room."""
    db = open_database(f"sqlite:///{tmp_path / 'small.sqlite'}", durable=False)
    await create_tables(db)
    log = await filled(db, 5)
    async with db.begin() as tx:
        pages = (await tx.execute(sa.text("PRAGMA page_count"))).scalar()
        await tx.execute(sa.text(f"PRAGMA max_page_count = {pages + 4}"))
    done = 0
    with pytest.raises(Problem, match="database-full"):  # noqa: PT012
        for i in range(100):
            async with db.begin() as tx:
                await log.append(tx, "x", f"big{i}", bytes(20_000))
            done += 1
    assert await sound(db, log) == 5 + done
    async with db.begin() as tx:
        await tx.execute(sa.text("PRAGMA max_page_count = 100000"))
        await log.append(tx, "x", "after", b"after")
    assert await sound(db, log) == 6 + done
    await db.close()


WRITER = textwrap.dedent(
    """
    import asyncio, sys
    from gateway.store.db import open_database
    from ledger.sql import SqlLog
    from tests.ledger.conftest import ORIGIN, signer

    async def main() -> None:
        db = open_database(sys.argv[1])
        log = SqlLog(ORIGIN, signer())
        number = 0
        while True:
            async with db.begin() as tx:
                position = await log.append(tx, "x", f"{sys.argv[2]}-{number}", str(number).encode())
            # handed out only now: after the commit
            print(position.entry_id, position.index, position.checkpoint.checkpoint.text().split()[2], flush=True)
            number += 1

    asyncio.run(main())
    """
)


def write_until_killed(url: str, name: str, seconds: float) -> list[tuple[str, int, str]]:
    """Append in another process, kill it without warning, and return what it had handed out."""
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root)}
    command = [sys.executable, "-c", WRITER, url, name]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=root)
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    lines = (first + process.stdout.read()).splitlines()
    process.wait()
    process.stdout.close()
    whole = [line.split() for line in lines if len(line.split()) == 3]
    return [(entry, int(index), root64) for entry, index, root64 in whole if len(root64) == 44]


async def killed_under_load(url: str, rounds: int) -> None:
    db = open_database(url)
    with contextlib.suppress(Problem, sa.exc.DBAPIError):
        await create_tables(db)
    await filled(db, 0)
    await db.close()
    handed_out: list[tuple[str, int, str]] = []
    for number in range(rounds):
        handed_out += await asyncio.to_thread(write_until_killed, url, f"r{number}", 0.15 + 0.07 * number)
    db = open_database(url)
    log = SqlLog(ORIGIN, signer())
    entries = await sound(db, log)
    assert entries >= len(handed_out) > rounds
    async with db.read() as tx:
        latest = await log.checkpoint(tx)
        stored = {e.entry_id: e for e in await log.entries(tx, 0, entries)}
        assert len(stored) == entries
        for entry_id, index, root64 in handed_out:
            checkpoint = parse_checkpoint(f"{ORIGIN}\n{index + 1}\n{root64}\n")
            assert stored[entry_id].index == index
            proof = await log.prove_consistency(tx, index + 1, entries)
            merkle.verify_consistency(index + 1, entries, proof, checkpoint.root, latest.root)
    await db.close()


async def test_killed_under_load_on_sqlite(tmp_path) -> None:
    await killed_under_load(f"sqlite:///{tmp_path / 'killed.sqlite'}", 3)


@pytest.mark.postgres
async def test_killed_under_load_on_postgresql(postgres_db, postgres_server) -> None:
    uri = sa.make_url(postgres_server.get_uri()).set(drivername="postgresql").render_as_string(False)
    await killed_under_load(uri, 2)


@pytest.mark.deep
async def test_a_storm_of_kills(tmp_path) -> None:
    await killed_under_load(f"sqlite:///{tmp_path / 'storm.sqlite'}", 30)


async def test_a_restored_backup_signs_nothing(tmp_path) -> None:
    """The database is put back; witness, anchor and seen file each alone know that it is old."""
    path = tmp_path / "log.sqlite"
    db = open_database(f"sqlite:///{path}", durable=False)
    await create_tables(db)
    log = await filled(db, 3)
    await db.close()
    backup = path.read_bytes()
    db = open_database(f"sqlite:///{path}", durable=False)
    async with db.begin() as tx:
        await log.append(tx, "x", "later", b"later")
    seen, anchor = SeenFile(tmp_path / "seen.json"), FileAnchor(tmp_path / "heads.jsonl")
    witness = Witness([Cosigner("witness.example.test/1", bytes(32))], {ORIGIN: [signer().verifier]})
    partner = open_database(f"sqlite:///{tmp_path / 'partner.sqlite'}", durable=False)
    await create_tables(partner)

    async def post(url: str, body: bytes) -> tuple[int, bytes]:
        async with partner.begin() as tx:
            answer = await witness.add_checkpoint(tx, body)
        return answer.status, answer.body

    vkey = Cosigner("witness.example.test/1", bytes(32)).vkey()
    trust = parse_policy(f"log {signer().vkey()}\nwitness w {vkey} https://w.example.test\nquorum w\n")
    duties = Duties(log, trust, post, [anchor], seen)
    first = await tend(db, duties)
    assert (first.done, [p.status for p in first.anchored]) == (3, ["final"])
    assert (await tend(db, duties)).done == 0
    await db.close()
    path.write_bytes(backup)
    for leftover in path.parent.glob("log.sqlite-*"):
        leftover.unlink()
    db = open_database(f"sqlite:///{path}", durable=False)

    async def at_witness() -> int:
        async with partner.read() as tx:
            held = await witness.seen(tx, ORIGIN)
        return held.size if held else 0

    async def at_anchor() -> int:
        return await anchor.largest(ORIGIN)

    for source in (at_witness, at_anchor, seen.source(ORIGIN)):
        guarded = SqlLog(ORIGIN, signer(), guard=largest_seen({"one": source}, needed=1))
        with pytest.raises(RollbackError, match="we hold 3 entries, others saw 4"):
            async with db.begin() as tx:
                await guarded.append(tx, "x", "fork", b"fork")
        with pytest.raises(RollbackError):
            async with db.begin() as tx:
                await guarded.ensure(tx)
    with pytest.raises(RollbackError):
        await tend(db, Duties(log, trust, post))
    with pytest.raises((RollbackError, ForkError)):
        await tend(db, Duties(log, parse_policy(f"log {signer().vkey()}\nquorum none\n"), post, [anchor]))
    async with db.read() as tx:
        notes = (await tx.execute(sa.select(log_checkpoint.c.note))).scalars().all()
    sizes = [parse_checkpoint(parse_note(note).text).size for note in notes]
    assert sorted(sizes) == [0, 1, 2, 3]  # nothing was signed
    for one in (db, partner):
        await one.close()
