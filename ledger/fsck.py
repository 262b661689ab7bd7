"""Recompute a log from its entries and compare it with everything that was ever derived from them.

Compared are leaf hashes, tiles, the head, every checkpoint and its signature, cosignatures and anchors. Memory stays
flat: entries and checkpoints are read in pages.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select

from ledger.checkpoint import Checkpoint, parse_signed
from ledger.errors import LedgerError, MalformedError, NotInLogError, VerificationError
from ledger.log import Log, Tx
from ledger.merkle import HASH_SIZE, CompactRange, leaf_hash
from ledger.note import Verifier, open_note, parse_signature
from ledger.tables import log_anchor, log_checkpoint, log_cosignature, log_entry, log_head, log_tile
from ledger.tiles import FULL, Place, added_to

PAGE = 1024
_MAX_FAULTS = 100

_HEAD = select(log_head).where(log_head.c.origin == bindparam("o"))
_ENTRIES = (
    select(log_entry.c.seq, log_entry.c.leaf, log_entry.c.leaf_hash)
    .where(log_entry.c.origin == bindparam("o"), log_entry.c.seq >= bindparam("at"))
    .order_by(log_entry.c.seq)
    .limit(PAGE)
)
_CHECKPOINTS = (
    select(log_checkpoint)
    .where(log_checkpoint.c.origin == bindparam("o"), log_checkpoint.c.size >= bindparam("at"))
    .where(log_checkpoint.c.size <= bindparam("to"))
    .order_by(log_checkpoint.c.size)
)
_BEYOND = select(log_checkpoint.c.size).where(
    log_checkpoint.c.origin == bindparam("o"), log_checkpoint.c.size > bindparam("to")
)
_COSIGNATURES = select(log_cosignature).where(
    log_cosignature.c.origin == bindparam("o"),
    log_cosignature.c.size >= bindparam("at"),
    log_cosignature.c.size <= bindparam("to"),
)
_ANCHORS = select(log_anchor).where(
    log_anchor.c.origin == bindparam("o"), log_anchor.c.size >= bindparam("at"), log_anchor.c.size <= bindparam("to")
)
_TILE = select(log_tile.c.hashes).where(
    log_tile.c.origin == bindparam("o"), log_tile.c.level == bindparam("l"), log_tile.c.idx == bindparam("i")
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is not what the entries say. It concerns an entry of [index, until): one entry, when exact."""

    what: str
    index: int
    until: int
    expected: str
    got: str

    def __str__(self) -> str:
        return f"{self.what} at {self.index}: expected {self.expected}, got {self.got}"


@dataclass(slots=True)
class Report:
    """What was looked at, and what was found wrong, first entry first."""

    origin: str
    entries: int = 0
    checkpoints: int = 0
    tiles: int = 0
    cosignatures: int = 0
    anchors: int = 0
    root: bytes = b""
    faults: list[Fault] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        return not self.faults

    @property
    def first(self) -> Fault | None:
        """The fault that concerns the earliest entry, as exactly as it is known."""
        earliest = min(self.faults, key=lambda f: f.index, default=None)
        if earliest is None:
            return None
        within = [f for f in self.faults if earliest.index <= f.index < earliest.until]
        return min(within, key=lambda f: (f.until - f.index, f.index))

    def add(self, what: str, index: int, expected: object, got: object, until: int | None = None) -> None:
        if len(self.faults) < _MAX_FAULTS:
            end = index + 1 if until is None else until
            self.faults.append(Fault(what, index, end, _shown(expected), _shown(got)))


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)


async def stored_leaf_hashes(tx: Tx, origin: str, report: Report) -> AsyncIterator[bytes]:
    """The leaf hashes of a log that keeps its entries here, recomputed from the leaves; faults go into the report."""
    expected = 0
    while True:
        rows = (await tx.execute(_ENTRIES, {"o": origin, "at": expected})).all()
        for row in rows:
            if row.seq != expected:
                report.add("missing entry", expected, expected, row.seq)
                return
            hashed = leaf_hash(row.leaf)
            if hashed != row.leaf_hash:
                report.add("leaf hash of an entry", row.seq, hashed, row.leaf_hash)
            yield hashed
            expected += 1
        if len(rows) < PAGE:
            return


async def check_log(
    tx: Tx,
    log: Log,
    *,
    leaf_hashes: AsyncIterator[bytes] | None = None,
    keys: Sequence[Verifier] = (),
    witnesses: Sequence[Verifier] = (),
) -> Report:
    """Recompute everything of one log kept in a database. `keys`: all that ever signed for it; none: signatures unread.

    For a log whose entries are kept elsewhere, `leaf_hashes` gives them recomputed, in order.
    """
    report = Report(log.origin)
    head = (await tx.execute(_HEAD, {"o": log.origin})).first()
    if head is None:
        raise NotInLogError(f"{log.origin}: there is no such log here")
    source = leaf_hashes if leaf_hashes is not None else stored_leaf_hashes(tx, log.origin, report)
    checker = _Checker(tx, report, keys, witnesses)
    batch: list[bytes] = []
    async for hashed in source:
        batch.append(hashed)
        if len(batch) == PAGE:
            await checker.extend(batch)
            batch = []
    await checker.extend(batch)
    await checker.finish(head.size, head.frontier, head.signed_size)
    report.faults.sort(key=lambda f: f.index)
    return report


class _Checker:
    """Grows the recomputed tree page by page and compares each page with what is stored about it."""

    def __init__(self, tx: Tx, report: Report, keys: Sequence[Verifier], witnesses: Sequence[Verifier]) -> None:
        self._tx = tx
        self._report = report
        self._keys = keys
        self._witnesses = witnesses
        self._tree = CompactRange()
        self._open: dict[Place, bytes] = {}  # tiles that are not full yet
        self._trusted = 0  # the largest size whose checkpoint agreed
        self._differs = False  # whether a root has differed

    async def extend(self, leaf_hashes: Sequence[bytes]) -> None:
        at, origin = self._tree.size, self._report.origin
        span = {"o": origin, "at": 0 if at == 0 else at + 1, "to": at + len(leaf_hashes)}
        roots = await self._check_checkpoints(leaf_hashes, span)
        await self._check_cosignatures(span, roots)
        for row in (await self._tx.execute(_ANCHORS, span)).all():
            self._report.anchors += 1
            if row.size in roots and roots[row.size].root != row.root:
                self._report.add(f"anchor in {row.place}", row.size - 1, roots[row.size].root, row.root)
        await self._check_tiles(leaf_hashes)
        self._report.entries = self._tree.size

    async def _check_checkpoints(self, leaf_hashes: Sequence[bytes], span: dict[str, object]) -> dict[int, Checkpoint]:
        """Compare the checkpoints in a span with the tree at their sizes; returns what they should have said."""
        report, tree, at = self._report, self._tree, self._tree.size
        roots = {}
        for row in (await self._tx.execute(_CHECKPOINTS, span)).all():
            tree, _ = tree.extend(leaf_hashes[tree.size - at : row.size - at])
            wanted = roots[row.size] = Checkpoint(report.origin, row.size, tree.root())
            report.checkpoints += 1
            if row.root != wanted.root:
                # nothing before the last checkpoint that agreed can have changed; all later ones differ with it
                if not self._differs:
                    report.add(f"root at size {row.size}", self._trusted, wanted.root, row.root, row.size)
                self._differs = True
                continue
            self._trusted = row.size
            try:
                signed, note = parse_signed(row.note)
                if signed.checkpoint != wanted:
                    report.add("checkpoint note", max(row.size - 1, 0), wanted.text(), signed.checkpoint.text())
                if self._keys:
                    open_note(note, self._keys)
            except (MalformedError, VerificationError) as error:
                report.add("checkpoint signature", max(row.size - 1, 0), "valid", error)
        return roots

    async def _check_cosignatures(self, span: dict[str, object], roots: dict[int, Checkpoint]) -> None:
        known = {(w.name, w.key_id): w for w in self._witnesses}
        for row in (await self._tx.execute(_COSIGNATURES, span)).all():
            self._report.cosignatures += 1
            signature = parse_signature(row.line.removesuffix("\n"))
            witness = known.get((signature.name, signature.key_id))
            if row.size not in roots:
                self._report.add("cosignature", row.size - 1, "a checkpoint of its size", row.size)
            elif witness is not None and not witness.verify(roots[row.size].text(), signature.payload):
                self._report.add(f"cosignature of {row.witness}", row.size - 1, "valid", "invalid")

    async def _check_tiles(self, leaf_hashes: Sequence[bytes]) -> None:
        self._tree, completed = self._tree.extend(leaf_hashes)
        for place, (_, hashes) in added_to(completed).items():
            self._open[place] = self._open.get(place, b"") + hashes
            if len(self._open[place]) == FULL:
                await self._compare_tile(place, self._open.pop(place))

    async def _compare_tile(self, place: Place, wanted: bytes) -> None:
        level, idx = place
        self._report.tiles += 1
        held = (await self._tx.execute(_TILE, {"o": self._report.origin, "l": level, "i": idx})).scalar() or b""
        if held == wanted:
            return
        for offset in range(0, max(len(held), len(wanted)), HASH_SIZE):
            expected, got = wanted[offset : offset + HASH_SIZE], held[offset : offset + HASH_SIZE]
            if expected != got:
                index = (idx * 256 + offset // HASH_SIZE) << 8 * level
                self._report.add(f"tile {level}/{idx}", index, expected, got, index + (1 << 8 * level))
                return

    async def finish(self, size: int, frontier: bytes, signed_size: int) -> None:
        """Compare what stands at the end: tiles still growing, the head row, and that nothing was signed beyond."""
        report = self._report
        for place, wanted in sorted(self._open.items()):
            await self._compare_tile(place, wanted)
        report.root = self._tree.root()
        if size != self._tree.size:
            report.add("size of the log", min(size, self._tree.size), self._tree.size, size)
        elif frontier != self._tree.encode():
            end = max(size, self._trusted + 1)
            report.add("frontier of the log", self._trusted, self._tree.encode(), frontier, end)
        if signed_size != size:
            report.add("signed size", min(signed_size, size), size, signed_size)
        for beyond in (await self._tx.execute(_BEYOND, {"o": report.origin, "to": self._tree.size})).scalars():
            report.add("checkpoint beyond the entries", self._tree.size, self._tree.size, beyond)


def require_sound(report: Report) -> None:
    """True afterwards: the log is what its entries say. Else `LedgerError` naming the first entry concerned."""
    if report.first is not None:
        raise LedgerError(f"{report.origin}: {report.first}")
