"""A log as a folder of files: what a partner mirrors, what a regulator is handed, what a web server can serve as it is.

Checking one needs the standard library and `cryptography` only. The checkpoint is written last, so that a folder
interrupted while it grows is still the log it was.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ledger.checkpoint import SignedCheckpoint, parse_signed
from ledger.durable import write_durably
from ledger.entry import parse_entry, party_tag
from ledger.errors import ForkError, MalformedError, NotInLogError, VerificationError
from ledger.merkle import CompactRange, inclusion_ranges, leaf_hash
from ledger.policy import Cosignature, TrustPolicy
from ledger.proof import TlogProof
from ledger.tiles import (
    FULL,
    WIDTH,
    added_to,
    decode_bundle,
    entries_path,
    paths_between,
    roots_in,
    tile_path,
    tiles_for,
    widths_at,
)

CHECKPOINT = "checkpoint"
# the file at a path below the log's prefix; `OSError` or `TimeoutError` when it does not arrive
Fetch = Callable[[str], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class CheckedLog:
    """What a folder proves: all entries up to `size`, under a checkpoint that the policy accepts."""

    origin: str
    size: int
    root: bytes
    cosignatures: tuple[Cosignature, ...]


class LogFolder:
    """Files of one log below `path`: checkpoint, tile/..., tile/entries/..."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def checkpoint(self) -> SignedCheckpoint | None:
        """The checkpoint, unverified; None for an empty folder."""
        file = self.path / CHECKPOINT
        return parse_signed(file.read_bytes())[0] if file.exists() else None

    def leaves(self, begin: int, size: int) -> Iterator[bytes]:
        """The entries of [begin, size), bundle by bundle; `NotInLogError` when one is missing or too short."""
        full, rest = divmod(size, WIDTH)
        for number in range(begin // WIDTH, full + (rest > 0)):
            width = WIDTH if number < full else rest
            found = decode_bundle(self._read(entries_path(number, width)))
            if len(found) != width:
                raise NotInLogError(f"{entries_path(number, width)} holds {len(found)} entries")
            yield from found[max(begin - number * WIDTH, 0) :]

    def _read(self, path: str) -> bytes:
        file = self.path / path
        if not file.exists():
            raise NotInLogError(f"{path} is not in this folder")
        return file.read_bytes()

    def check(self, trust: TrustPolicy) -> CheckedLog:
        """True afterwards: every entry and every tile here belongs to the tree that the checkpoint signs.

        `VerificationError` with the first file that differs; memory holds the tiles that are still growing.
        """
        raw = self._read(CHECKPOINT)
        signed, cosignatures = trust.open(raw)
        tree, growing = CompactRange(), dict[tuple[int, int], bytes]()
        for leaf in self.leaves(0, signed.size):
            tree, completed = tree.extend([leaf_hash(leaf)])
            for place, (_, hashes) in added_to(completed).items():
                growing[place] = growing.get(place, b"") + hashes
                if len(growing[place]) == FULL:
                    self._compare(tile_path(*place), growing.pop(place))
        for (level, index), hashes in growing.items():
            self._compare(tile_path(level, index, len(hashes) // 32), hashes)
        if tree.root() != signed.root:
            raise VerificationError("root of the entries", signed.root, tree.root())
        return CheckedLog(signed.origin, signed.size, signed.root, cosignatures)

    def _compare(self, path: str, wanted: bytes) -> None:
        held = self._read(path)
        if held != wanted:
            raise VerificationError(path, wanted[:32], held[:32])

    def tree(self, size: int) -> CompactRange:
        """The tree of the first `size` entries, recomputed."""
        return CompactRange().extend(leaf_hash(leaf) for leaf in self.leaves(0, size))[0]

    def prove(self, index: int) -> TlogProof:
        """The proof of one entry under the folder's checkpoint, from the tiles here."""
        signed = self.checkpoint()
        if signed is None or not 0 <= index < signed.size:
            raise NotInLogError(f"no entry {index} in this folder")
        ranges = inclusion_ranges(index, signed.size)
        tiles = {}
        for level, number in tiles_for(ranges):
            full, width = widths_at(signed.size, level)
            tiles[level, number] = self._read(tile_path(level, number, WIDTH if number < full else width))
        return TlogProof(index, tuple(roots_in(tiles, ranges)), signed)

    def mine(self, party_key: bytes) -> Iterator[tuple[int, bytes]]:
        """The entries that bear the tag of the partner with this key, as (index, leaf)."""
        signed = self.checkpoint()
        for index, leaf in enumerate(self.leaves(0, signed.size if signed else 0)):
            entry = parse_entry(leaf)
            if party_tag(party_key, entry.entry_id) in entry.tags:
                yield index, leaf


async def mirror(fetch: Fetch, folder: LogFolder, trust: TrustPolicy, origin: str) -> CheckedLog:
    """True afterwards: the folder holds all of the log at its present checkpoint, which contains all it held before.

    `ForkError` when the log now shows fewer entries or another history than it did; the folder then stays as it was,
    and with the refused checkpoint (in the file checkpoint.refused) proves it to others.
    """
    held = folder.checkpoint()
    raw = await fetch(CHECKPOINT)
    signed, cosignatures = trust.open(raw)
    if signed.origin != origin:
        raise VerificationError("origin", origin, signed.origin)
    old = held.size if held else 0
    tree = folder.tree(old)
    try:
        if held is not None and held.origin != origin:
            raise VerificationError("origin of this folder", held.origin, origin)
        if signed.size < old:
            raise VerificationError("size of the log", f"at least {old}", signed.size)
        await _fetch_new(fetch, folder, tree, signed)
    except VerificationError as error:
        write_durably(folder.path / "checkpoint.refused", raw)
        raise ForkError(f"{origin} contradicts what it showed before: {error}") from error
    write_durably(folder.path / CHECKPOINT, raw)
    _drop_partial(folder, old, signed.size)
    return CheckedLog(origin, signed.size, signed.root, cosignatures)


async def _fetch_new(fetch: Fetch, folder: LogFolder, tree: CompactRange, signed: SignedCheckpoint) -> None:
    old = tree.size
    files = {path: await fetch(path) for path in paths_between(old, signed.size) if path.startswith("tile/entries/")}
    # what was there before is there still: a bundle that grew begins with the entries it had
    hashes: list[bytes] = []
    for path, raw in files.items():
        found = decode_bundle(raw)
        if not found or len(found) > WIDTH:
            raise MalformedError(path, f"holds {len(found)} entries")
        hashes += [leaf_hash(leaf) for leaf in found]
    skip = old % WIDTH
    if len(hashes) != signed.size - (old - skip if signed.size > old else old):
        raise VerificationError("entries fetched", signed.size - old + skip, len(hashes))
    known = [leaf_hash(leaf) for leaf in folder.leaves(old - skip, old)] if signed.size > old else []
    if hashes[: len(known)] != known:
        raise VerificationError("entries seen before", "unchanged", "changed")
    grown, _ = tree.extend(hashes[len(known) :])
    if grown.root() != signed.root:
        raise VerificationError("root of the entries", signed.root, grown.root())
    tiles = await _tiles(fetch, old, signed.size)
    for path, raw in {**files, **tiles}.items():
        write_durably(folder.path / path, raw)


async def _tiles(fetch: Fetch, old: int, new: int) -> dict[str, bytes]:
    return {path: await fetch(path) for path in paths_between(old, new) if not path.startswith("tile/entries/")}


def _drop_partial(folder: LogFolder, old: int, new: int) -> None:
    """Remove partial files that a larger one now replaces; the new checkpoint is written already."""
    for level in range(64):
        (tiles, width), now = widths_at(old, level), widths_at(new, level)
        if width and now != (tiles, width):
            (folder.path / tile_path(level, tiles, width)).unlink(missing_ok=True)
            if level == 0:
                (folder.path / entries_path(tiles, width)).unlink(missing_ok=True)
