"""Anchors in a file that only grows: on write-once storage, a share of another department, or paper tape if need be.

Each line names the hash of the line before it, so that a line cannot be taken out unnoticed.
"""

import asyncio
import fcntl
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from ledger.anchors.interface import Progress, move, open_anchors
from ledger.checkpoint import Checkpoint
from ledger.entry import b64url, canonical, parse_canonical, unb64url
from ledger.errors import ForkError, MalformedError, RollbackError
from ledger.submit import Database

_WHAT = "anchor file"
FIRST = b64url(hashlib.sha256(b"").digest())


def parse_line(line: bytes, previous: str) -> Checkpoint:
    """The head in one line that follows a line with this hash; else `MalformedError`."""
    match parse_canonical(line):
        case {"origin": str(origin), "size": int(size), "root": str(root), "prev": str(prev), "at": int()}:
            if prev != previous:
                raise MalformedError(_WHAT, "a line is missing, or was changed")
            return Checkpoint(origin, size, unb64url(root, _WHAT))
    raise MalformedError(_WHAT, "a line without origin, size, root, prev and at")


def line_hash(line: bytes) -> str:
    """What the next line names."""
    return b64url(hashlib.sha256(line).digest())


class FileAnchor:
    """Heads in the file at `path`, each line durable before it counts."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.place = f"file:{path.name}"

    def read(self) -> tuple[dict[str, tuple[Checkpoint, str]], str]:
        """The largest head of each log with its line's hash, and the hash of the last line of all.

        `MalformedError` for a file that was touched. A last line without its newline was never finished: it does not
        count, and the next one overwrites it.
        """
        heads: dict[str, tuple[Checkpoint, str]] = {}
        previous = FIRST
        for line in self._lines():
            found = parse_line(line, previous)
            held = heads.get(found.origin)
            if held is not None and found.size <= held[0].size:
                raise MalformedError(_WHAT, f"{found.origin} does not grow")
            previous = line_hash(line)
            heads[found.origin] = (found, previous)
        return heads, previous

    def _lines(self) -> list[bytes]:
        raw = self.path.read_bytes() if self.path.exists() else b""
        return raw[: raw.rfind(b"\n") + 1].splitlines()

    async def largest(self, origin: str) -> int:
        """The largest size of a log in the file."""
        held = (await asyncio.to_thread(self.read))[0].get(origin)
        return held[0].size if held else 0

    async def advance(self, db: Database) -> Sequence[Progress]:
        """Write every open anchor that is larger than what the file holds; each is final once its line is durable."""
        async with db.read() as tx:
            rows = await open_anchors(tx, self.place)
        done = []
        for row in rows:
            wanted = Checkpoint(row.origin, row.size, row.root)
            try:
                reference = await asyncio.to_thread(self._write, wanted, row.created_at)
            except OSError as error:
                done.append(Progress(row.origin, row.size, row.status, f"{type(error).__name__}"))
                break
            async with db.begin() as tx:
                if await move(tx, row.anchor_id, row.status, status="final", reference=reference, final_at=tx.now):
                    done.append(Progress(row.origin, row.size, "final"))
        return done

    def _write(self, wanted: Checkpoint, at: int) -> str:
        """Append the line unless it is there; returns its hash. One writer at a time, whatever process it is in."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as out:
            fcntl.flock(out, fcntl.LOCK_EX)
            heads, previous = self.read()
            held, reference = heads.get(wanted.origin, (None, ""))
            if held == wanted:
                return reference  # written before a crash, or by another replica
            if held is not None and held.size == wanted.size:
                raise ForkError(f"{wanted.origin}: the anchor file has another root for size {wanted.size}")
            if held is not None and held.size > wanted.size:
                raise RollbackError(wanted.origin, wanted.size, held.size)
            root = b64url(wanted.root)
            line = canonical({"at": at, "origin": wanted.origin, "prev": previous, "root": root, "size": wanted.size})
            out.truncate(sum(len(x) + 1 for x in self._lines()))  # an unfinished line goes
            out.write(line + b"\n")
            out.flush()
            os.fsync(out.fileno())
        return line_hash(line)
