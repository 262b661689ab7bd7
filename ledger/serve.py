"""A log as plain files under a prefix (C2SP tlog-tiles), whoever asks: a partner, a mirror, a static site."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ledger.errors import MalformedError, NotInLogError
from ledger.log import Log, Tx
from ledger.tiles import WIDTH, encode_bundle, entries_path, parse_path, tile_path, widths_at

CHECKPOINT_PATH = "checkpoint"
CHECKPOINT_TYPE = "text/plain; charset=utf-8"
TILE_TYPE = "application/octet-stream"

# gives the leaves of [begin, end) of a log whose entries are kept elsewhere
Leaves = Callable[[Tx, int, int], Awaitable[Sequence[bytes]]]


@dataclass(frozen=True, slots=True)
class ServedFile:
    """A file of the log. An immutable one may be cached for ever; the checkpoint for seconds."""

    body: bytes
    media_type: str
    immutable: bool


async def serve(tx: Tx, log: Log, path: str, leaves: Leaves | None = None) -> ServedFile:
    """The file at `path` below the log's prefix: checkpoint, tile/<L>/<N>[.p/<W>] or tile/entries/<N>[.p/<W>].

    `MalformedError` for a path that can never exist, `NotInLogError` for one that does not exist yet.
    """
    signed = await log.checkpoint(tx)
    if path == CHECKPOINT_PATH:
        return ServedFile(signed.note.encode(), CHECKPOINT_TYPE, False)
    wanted = parse_path(path)
    if not wanted.available(signed.size):
        raise NotInLogError(f"{log.origin}: {path} does not exist at size {signed.size}")
    if wanted.level is not None:
        return ServedFile(await log.tile(tx, wanted.level, wanted.index, wanted.width), TILE_TYPE, True)
    begin = wanted.index * WIDTH
    end = begin + wanted.width
    found = await leaves(tx, begin, end) if leaves else [e.leaf for e in await log.entries(tx, begin, end)]
    if len(found) != wanted.width:
        raise NotInLogError(f"{log.origin}: the entries of {path} are not kept here")
    return ServedFile(encode_bundle(found), TILE_TYPE, True)


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
