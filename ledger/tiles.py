"""The tree cut into tiles of 256 hashes (C2SP tlog-tiles): where a hash lives, what growing adds, and the paths of
files.

Tile (level, idx) holds at offset i the root of the perfect subtree over leaves [(idx*256+i) * 256^level, ... +
256^level).
"""

import re
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ledger.errors import LedgerError, MalformedError
from ledger.merkle import HASH_SIZE, Range, hash_of, node_hash, perfect_nodes

WIDTH = 256
FULL = WIDTH * HASH_SIZE
Place = tuple[int, int]  # (tile level, tile index)
_MAX_INDEX = 2**63 - 1


def place_of(level: int, index: int) -> tuple[Place, int, int]:
    """For the perfect subtree (level, index): its tile, the first offset there, and how many hashes it spans."""
    tile_level, height = divmod(level, 8)
    first = index << height
    return (tile_level, first // WIDTH), first % WIDTH, 1 << height


def tiles_for(ranges: Iterable[Range]) -> set[Place]:
    """The tiles that hold everything needed to compute the roots of these subtrees."""
    return {place_of(*node)[0] for begin, end in ranges for node in perfect_nodes(begin, end)}


def node_in(tiles: Mapping[Place, bytes]) -> Callable[[int, int], bytes]:
    """A source of subtree roots that reads from these tiles; `LedgerError` where a tile is missing or too short."""

    def node(level: int, index: int) -> bytes:
        place, first, count = place_of(level, index)
        tile = tiles.get(place, b"")
        if len(tile) == FULL:
            at = first // count * HASH_SIZE
            return _inner(tile)[count.bit_length() - 1][at : at + HASH_SIZE]
        packed = tile[first * HASH_SIZE : (first + count) * HASH_SIZE]
        if len(packed) != count * HASH_SIZE:
            raise LedgerError(f"tile {tile_path(*place)} lacks hashes {first} to {first + count - 1}")
        while len(packed) > HASH_SIZE:
            packed = _paired(packed)
        return packed

    return node


def _paired(packed: bytes) -> bytes:
    """The hashes above these, two and two."""
    return b"".join(
        node_hash(packed[i : i + HASH_SIZE], packed[i + HASH_SIZE : i + 2 * HASH_SIZE])
        for i in range(0, len(packed), 2 * HASH_SIZE)
    )


@lru_cache(maxsize=512)
def _inner(tile: bytes) -> tuple[bytes, ...]:
    """All levels of a full tile, from its 256 hashes to their root. Kept by content, so nothing can be out of date; at
    most 12 MB.
    """
    levels = [tile]
    while len(levels[-1]) > HASH_SIZE:
        levels.append(_paired(levels[-1]))
    return tuple(levels)


def roots_in(tiles: Mapping[Place, bytes], ranges: Iterable[Range]) -> list[bytes]:
    """The roots of these subtrees, from tiles that hold what `tiles_for` named."""
    node = node_in(tiles)
    return [hash_of(begin, end, node) for begin, end in ranges]


def added_to(completed: Iterable[tuple[int, int, bytes]]) -> dict[Place, tuple[int, bytes]]:
    """What newly completed subtrees (level, index, hash) append to each tile: the offset of the first hash, and
    hashes.
    """
    starts: dict[Place, int] = {}
    parts: dict[Place, list[bytes]] = {}
    for level, index, value in completed:
        if level % 8 == 0:
            place = (level // 8, index // WIDTH)
            starts.setdefault(place, index % WIDTH)
            parts.setdefault(place, []).append(value)
    return {place: (starts[place], b"".join(hashes)) for place, hashes in parts.items()}


def widths_at(size: int, level: int) -> tuple[int, int]:
    """How many full tiles a tree of `size` has at a level, and the width of the partial one after them (0: none)."""
    return divmod(size >> 8 * level, WIDTH)


@dataclass(frozen=True, slots=True)
class TilePath:
    """A file of the log: `level` is None for entry bundles; `width` below 256 for a partial one."""

    level: int | None
    index: int
    width: int = WIDTH

    def available(self, size: int) -> bool:
        """Whether a log of this size can serve it: full tiles when complete, partial ones as any prefix that
        existed.
        """
        return self.index * WIDTH + self.width <= size >> 8 * (self.level or 0)


def tile_path(level: int, index: int, width: int = WIDTH) -> str:
    """tile/<L>/<N>[.p/<W>]"""
    return f"tile/{level}/{_number(index)}{_partial(width)}"


def entries_path(index: int, width: int = WIDTH) -> str:
    """tile/entries/<N>[.p/<W>]"""
    return f"tile/entries/{_number(index)}{_partial(width)}"


def _number(index: int) -> str:
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        groups.append(f"x{index % 1000:03d}")
    return "/".join(reversed(groups))


def _partial(width: int) -> str:
    return "" if width == WIDTH else f".p/{width}"


_PATH = re.compile(r"tile/(entries|0|[1-9][0-9]?)/((?:x[0-9]{3}/)*[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


def parse_path(path: str) -> TilePath:
    """The file that a path names; `MalformedError` for any path that is not the one canonical spelling of it."""
    found = _PATH.fullmatch(path)
    if not found:
        raise MalformedError("tile path", "not tile/<L>/<N>[.p/<W>] or tile/entries/<N>[.p/<W>]")
    level = None if found[1] == "entries" else int(found[1])
    index = int(found[2].replace("x", "").replace("/", ""))
    width = int(found[3]) if found[3] else WIDTH
    if (level or 0) > 63 or (found[3] and width >= WIDTH) or index > _MAX_INDEX:
        raise MalformedError("tile path", "level, index or width out of range")
    if (entries_path(index, width) if level is None else tile_path(level, index, width)) != path:
        raise MalformedError("tile path", "not the canonical spelling of its number")
    return TilePath(level, index, width)


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """An entry bundle: each entry after its length in 16 bits, big-endian."""
    return b"".join(struct.pack(">H", len(entry)) + entry for entry in entries)


def decode_bundle(raw: bytes) -> list[bytes]:
    """The entries of a bundle; `MalformedError` when it does not end where an entry ends."""
    entries, at = [], 0
    while at < len(raw):
        end = at + 2 + int.from_bytes(raw[at : at + 2])
        if len(raw) < at + 2 or len(raw) < end:
            raise MalformedError("entry bundle", "ends inside an entry")
        entries.append(raw[at + 2 : end])
        at = end
    return entries


def split_hashes(tile: bytes) -> Sequence[bytes]:
    """The hashes of a tile; `MalformedError` when it is no whole number of them, or none, or too many."""
    if not tile or len(tile) % HASH_SIZE or len(tile) > FULL:
        raise MalformedError("tile", "not 1 to 256 hashes of 32 bytes")
    return [tile[i : i + HASH_SIZE] for i in range(0, len(tile), HASH_SIZE)]


def paths_between(old: int, new: int) -> list[str]:
    """The files that a reader who holds all of a log at size `old` still needs at size `new`, partial tiles last."""
    if not 0 <= old <= new:
        raise MalformedError("log sizes", f"{old} is no prefix of {new}")
    full: list[str] = []
    partial: list[str] = []
    for level in range(64):
        (first, _), (tiles, width) = widths_at(old, level), widths_at(new, level)
        if new >> 8 * level == 0:
            break
        full += [tile_path(level, index) for index in range(first, tiles)]
        if width and (new >> 8 * level) > (old >> 8 * level):
            partial.append(tile_path(level, tiles, width))
        if level == 0:
            full += [entries_path(index) for index in range(first, tiles)]
            if width and new > old:
                partial.append(entries_path(tiles, width))
    return full + partial
