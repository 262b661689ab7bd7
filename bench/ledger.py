"""The ledger beside its peers and its limits: appends, sealing, proofs, verification and memory, in one run.

`run(short)` returns rows {name, ours, against, against_name, unit, ratio, target, met, note}; a ratio above 1 is better
for us. The limits are the database without a ledger, and SHA-256 itself. A peer that is not installed has no ratio and
says so. What waits for the disk is measured by the clock, what computes by processor time. Trust the ratios of one run.
"""

import asyncio
import hashlib
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from gateway.store.db import Database, open_database
from ledger import merkle
from ledger.cosignature import Cosigner
from ledger.entry import Entry, commit
from ledger.log import NewEntry
from ledger.note import Ed25519Signer
from ledger.policy import parse_policy
from ledger.receipt import verify_receipt
from ledger.sql import SqlLog
from ledger.tables import log_entry, metadata
from ledger.tiles import entries_path, tile_path, widths_at

ORIGIN = "bench.example/grants"
LEAF = 200  # bytes


def signer() -> Ed25519Signer:
    return Ed25519Signer(ORIGIN, bytes(32))


@contextmanager
def database() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{folder}/bench.sqlite"


async def prepared(url: str, durable: bool = True) -> tuple[Database, SqlLog]:
    """A database with the tables of the logs and an empty log."""
    db, log = open_database(url, durable=durable), SqlLog(ORIGIN, signer())
    async with db.begin() as tx:
        for table in metadata.sorted_tables:
            if table.name.startswith("log_"):
                await tx.execute(sa.schema.CreateTable(table))
        await log.ensure(tx)
    return db, log


def entries(count: int) -> list[NewEntry]:
    return [NewEntry("x", str(uuid.uuid4()), os.urandom(LEAF)) for _ in range(count)]


async def clocked(work: Callable[[int], Awaitable[None]], seconds: float) -> float:
    """How many times a second `work` runs, by the clock, for about this long after one run to warm up."""
    await work(0)
    start, done = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        done += 1
        await work(done)
    return done / (time.perf_counter() - start)


async def raw_inserts(group: int, seconds: float) -> float:
    """Entries a second into the same table, durably, without any ledger."""
    with database() as url:
        db, _ = await prepared(url)
        statement = sa.insert(log_entry)

        async def work(_: int) -> None:
            rows = [
                {"entry_id": e.entry_id, "origin": ORIGIN, "seq": None, "kind": e.kind, "leaf": e.leaf,
                 "leaf_hash": hashlib.sha256(e.leaf).digest(), "created_at": 0}
                for e in entries(group)
            ]  # fmt: skip
            async with db.begin() as tx:
                await tx.execute(statement, rows)

        found = await clocked(work, seconds) * group
        await db.close()
    return found


async def appends(group: int, seconds: float) -> float:
    """Entries a second into a log, durably, each group with tiles and a signed checkpoint."""
    with database() as url:
        db, log = await prepared(url)

        async def work(_: int) -> None:
            async with db.begin() as tx:
                await log.append_many(tx, entries(group))

        found = await clocked(work, seconds) * group
        await db.close()
    return found


async def sealing(seconds: float) -> float:
    """Leaf hashes a second that the trail's sealer integrates, a thousand at a time, durably."""
    with database() as url:
        db, log = await prepared(url)
        hashes = [os.urandom(32) for _ in range(1_000)]

        async def work(_: int) -> None:
            async with db.begin() as tx:
                await log.integrate(tx, hashes)

        found = await clocked(work, seconds) * 1_000
        await db.close()
    return found


def hashing(count: int) -> float:
    """Leaf and node hashes a second, as pairs: what SHA-256 in Python allows at most."""
    leaf, left, right = bytes(LEAF + 1), bytes(32), bytes(32)
    start = time.process_time()
    for _ in range(count):
        hashlib.sha256(leaf).digest()
        hashlib.sha256(b"\x01" + left + right).digest()
    return count / (time.process_time() - start)


async def proofs(url: str, size: int, count: int) -> tuple[float, float]:
    """(inclusion, consistency) proofs a second out of a log of `size` in a database, cold tiles included."""
    db, log = await prepared(url, durable=False)
    at = 0
    while at < size:
        step = min(50_000, size - at)
        async with db.begin() as tx:
            await log.integrate(tx, [merkle.leaf_hash(str(i).encode()) for i in range(at, at + step)])
        at += step
    timed = []
    for number in range(2):
        start = time.perf_counter()
        async with db.read() as tx:
            for i in range(count):
                index = (i * 7_919_017) % size
                if number == 0:
                    await log.prove_inclusion(tx, index, size)
                else:
                    await log.prove_consistency(tx, index + 1, size)
        timed.append(count / (time.perf_counter() - start))
    await db.close()
    return timed[0], timed[1]


def verification(count: int) -> tuple[float, float]:
    """(receipts with one log signature and one witness, bare inclusion proofs of 20 hashes) verified a second."""
    witness = Cosigner("witness.example", bytes(32))
    policy = parse_policy(f"log {signer().vkey()}\nwitness w {witness.vkey()}\nquorum w\n")

    async def made() -> bytes:
        with database() as url:
            db, log = await prepared(url, durable=False)
            identifier = str(uuid.uuid4())
            sealed = commit({"purpose": "P01"}, bytes(32))
            leaf = Entry("grant:approved", identifier, 1, sealed.digests).encode()
            async with db.begin() as tx:
                await log.integrate(tx, [os.urandom(32) for _ in range(700_000)])
                signed = (await log.append(tx, "grant:approved", identifier, leaf)).checkpoint
                line = witness.sign(signed.checkpoint.text(), 1).line()
                await log.cosign(tx, signed.size, [line], [witness.verifier])
                receipt = await log.receipt(tx, identifier, trust=policy, openings=sealed.openings)
            await db.close()
        return receipt.encode()

    receipt = asyncio.run(made())
    start = time.process_time()
    for _ in range(count):
        verify_receipt(receipt, policy)
    whole = count / (time.process_time() - start)
    proof = [os.urandom(32) for _ in range(20)]
    leaf = os.urandom(32)
    root = merkle.root_from_inclusion(leaf, 1_000_000 - 1 >> 1, 1 << 20, proof)
    start = time.process_time()
    for _ in range(count * 10):
        merkle.verify_inclusion(leaf, 1_000_000 - 1 >> 1, 1 << 20, proof, root)
    return whole, count * 10 / (time.process_time() - start)


def ed25519_verifications(count: int) -> float:
    """Ed25519 verifications a second: the part of a receipt that is not ours to make faster."""
    key = signer()
    signature = key.sign("text\n").payload
    start = time.process_time()
    for _ in range(count):
        key.verifier.verify("text\n", signature)
    return count / (time.process_time() - start)


_GROW = """
import asyncio, sys
from bench.ledger import memory_of
asyncio.run(memory_of(sys.argv[1], int(sys.argv[2])))
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


async def memory_of(url: str, size: int) -> None:
    """Grow a log to `size`, a thousand leaves at a time, and prove from it once."""
    db, log = await prepared(url, durable=False)
    for at in range(0, size, 1_000):
        async with db.begin() as tx:
            await log.integrate(tx, [merkle.leaf_hash(str(i).encode()) for i in range(at, at + 1_000)])
    async with db.read() as tx:
        await log.prove_inclusion(tx, size // 2, size)
    await db.close()


def memory(size: int) -> float:
    """Megabytes that a process needs at most to grow a log to this size, in a process of its own."""
    with database() as url:
        command = [sys.executable, "-c", _GROW, url, str(size)]
        root = str(Path(__file__).resolve().parent.parent)
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=root)
    return int(done.stdout.split()[-1]) / 1024  # /proc counts in kibibytes


def scales_appends(count: int) -> float:
    """tlog-scales: appends a second into tiles in files, a thousand a commit, not made durable."""
    from tlog_scales.signing import PlainEd25519Signer
    from tlog_scales.writer import TilesWriter

    leaves = [os.urandom(LEAF) for _ in range(count)]
    with tempfile.TemporaryDirectory() as folder:
        writer = TilesWriter.create(Path(folder) / "log", ORIGIN)
        keys = [PlainEd25519Signer(ORIGIN, bytes(32))]
        start = time.perf_counter()
        for at in range(0, count, 1_000):
            for leaf in leaves[at : at + 1_000]:
                writer.add_leaf(leaf)
            writer.commit(keys)
        return count / (time.perf_counter() - start)


def scales_proofs(size: int, count: int) -> float:
    """tlog-scales: inclusion proofs a second from tiles in memory, with its own cache."""
    from tlog_scales.reader import TilesReader

    files: dict[str, bytes] = {}
    hashes = [merkle.leaf_hash(str(i).encode()) for i in range(size)]
    level = 0
    while size >> 8 * level:
        tiles, width = widths_at(size, level)
        for index in range(tiles + (width > 0)):
            packed = b"".join(hashes[index * 256 : index * 256 + 256])
            files[tile_path(level, index, len(packed) // 32)] = packed
        hashes = [merkle.root_of(hashes[i * 256 : i * 256 + 256]) for i in range(len(hashes) // 256)]
        level += 1
    assert entries_path(0) not in files

    class Files:
        def get(self, *path: str) -> bytes | None:
            return files.get("/".join(path))

    reader = TilesReader(Files())
    reader.set_size(size)
    start = time.perf_counter()
    for i in range(count):
        reader.get_inclusion_proof((i * 7_919_017) % size, size)
    return count / (time.perf_counter() - start)


def pymerkle_appends(seconds: float, group: int) -> float:
    """pymerkle's SQLite tree: durable appends a second, one by one or in bulk."""
    from pymerkle import SqliteTree

    with tempfile.TemporaryDirectory() as folder:
        tree = SqliteTree(str(Path(folder) / "tree.db"))
        start, done = time.perf_counter(), 0
        while time.perf_counter() - start < seconds:
            batch = [os.urandom(LEAF) for _ in range(group)]
            if group == 1:
                tree.append_entry(batch[0])
            else:
                tree.append_entries(batch)
            done += group
        return done / (time.perf_counter() - start)


def pymerkle_proofs(size: int, count: int) -> float:
    """pymerkle's SQLite tree: inclusion proofs a second."""
    from pymerkle import SqliteTree

    with tempfile.TemporaryDirectory() as folder:
        tree = SqliteTree(str(Path(folder) / "tree.db"))
        tree.append_entries([str(i).encode() for i in range(size)])
        start = time.perf_counter()
        for i in range(count):
            tree.prove_inclusion((i * 7_919_017) % size + 1)
        return count / (time.perf_counter() - start)


def _row(
    name: str, unit: str, mine: float, against_name: str = "", peer: Callable[[], float] | None = None,
    target: float | None = None, *, less: bool = False,
) -> dict[str, Any]:  # fmt: skip
    """One row; `less`: smaller numbers are better, and the ratio is turned round."""
    against, note = None, ""
    if peer is not None:
        try:
            against = peer()
        except (ImportError, AttributeError, TypeError) as error:
            note = f"not compared: {type(error).__name__} {error}"
    ratio = (against / mine if less else mine / against) if against else None
    return {
        "name": name, "ours": round(mine, 3), "against": round(against, 3) if against else None,
        "against_name": against_name, "unit": unit, "ratio": round(ratio, 2) if ratio else None, "target": target,
        "met": None if ratio is None or target is None else ratio >= target, "note": note,
    }  # fmt: skip


def run(short: bool) -> list[dict[str, Any]]:
    """All rows; `short` takes about half a minute with 10^5 entries, the long run some minutes with 10^6."""
    seconds, size, count = (1.0, 100_000, 300) if short else (4.0, 1_000_000, 2_000)
    rows = []
    for group in (1, 10, 100, 1_000):
        mine = asyncio.run(appends(group, seconds))
        unit, target = "entries/s, durable", 0.5 if group >= 100 else None
        rows.append(_row(f"append, groups of {group}", unit, mine, "the same rows without a ledger",
                         lambda group=group: asyncio.run(raw_inserts(group, seconds)), target))  # fmt: skip
        if group in (1, 1_000):
            rows.append(_row(f"append, groups of {group}", unit, mine, "pymerkle SqliteTree",
                             lambda group=group: pymerkle_appends(seconds, group)))  # fmt: skip
    seal = asyncio.run(sealing(seconds))
    rows.append(_row("append, groups of 1000", "entries/s", mine, "tlog-scales, files, not durable",
                     lambda: scales_appends(20_000)))  # fmt: skip
    rows.append(_row("seal, groups of 1000", "leaf hashes/s, durable", seal, "SHA-256 of a leaf and a node",
                     lambda: hashing(200_000)))  # fmt: skip
    with database() as url:
        inclusion, consistency = asyncio.run(proofs(url, size, count))
    unit = f"proofs/s from {size} entries"
    rows.append(_row("inclusion proof", unit, inclusion, "pymerkle SqliteTree", lambda: pymerkle_proofs(size, 20)))
    rows.append(_row("inclusion proof", unit, inclusion, "tlog-scales, tiles in memory",
                     lambda: scales_proofs(size, min(count, 200))))  # fmt: skip
    rows.append(_row("inclusion proof, time", "ms", 1_000 / inclusion, "the goal of 2 ms", lambda: 2.0, 1.0, less=True))
    rows.append(
        _row("consistency proof, time", "ms", 1_000 / consistency, "the goal of 2 ms", lambda: 2.0, 1.0, less=True)
    )
    whole, bare = verification(count)
    signatures = ed25519_verifications(count)
    beside = 1_000 / whole - 2 * 1_000 / signatures
    rows.append(_row("verify a receipt, without its two signatures", "ms", max(beside, 0.001), "the goal of 0.3 ms",
                     lambda: 0.3, 1.0, less=True))  # fmt: skip
    rows.append(_row("verify a receipt", "receipts/s", whole, "two Ed25519 verifications", lambda: signatures / 2))
    rows.append(_row("verify an inclusion proof of 20 hashes", "proofs/s", bare))
    small = memory(10_000)
    rows.append(_row(f"memory to grow to {size} entries", "MB", memory(size), "to grow to 10000", lambda: small, 0.9,
                     less=True))  # fmt: skip
    return rows


if __name__ == "__main__":
    for row in run("--short" in sys.argv):
        print(json.dumps(row, ensure_ascii=False), flush=True)
