"""A log as plain files under a prefix (C2SP tlog-tiles), whoever asks: a partner, a mirror, a static site."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ledger.errors import NotInLogError
from ledger.log import Log, Tx
from ledger.tiles import WIDTH, encode_bundle, parse_path

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
