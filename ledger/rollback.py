"""Before the first signature: has anybody seen a larger log than this database holds?

A restored backup would otherwise sign a second history. Witnesses, anchors and a small file outside the database are
asked; each answers with the largest checkpoint it has seen, signed by us, or with nothing.
"""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

from ledger.checkpoint import Checkpoint, SignedCheckpoint, open_checkpoint, parse_hash
from ledger.durable import write_durably
from ledger.errors import LedgerError, MalformedError, VerificationError
from ledger.log import RollbackGuard
from ledger.note import Verifier, b64
from ledger.witness import origin_hash

# the size a source has seen, 0 if it never saw the log; `OSError` or `TimeoutError` when it cannot be asked
Source = Callable[[], Awaitable[int]]
# GET an address; answers (status, body). What does not arrive is `OSError` or `TimeoutError`.
Get = Callable[[str], Awaitable[tuple[int, bytes]]]


def largest_seen(sources: Mapping[str, Source], *, needed: int = 0) -> RollbackGuard:
    """A guard that asks every source; `LedgerError` when fewer than `needed` of them could be asked.

    A source that fails counts as one that could not be asked, whatever way it fails.
    """

    async def guard() -> int:
        sizes, silent = [0], []
        for name, ask in sources.items():
            try:
                sizes.append(await ask())
            except (OSError, TimeoutError, LedgerError) as error:
                silent.append(f"{name} ({type(error).__name__})")
        if len(sources) - len(silent) < needed:
            raise LedgerError(f"must not sign before {needed} can be asked; no answer from {', '.join(silent)}")
        return max(sizes)

    return guard


def witness_source(get: Get, prefix: str, origin: str, keys: Sequence[Verifier]) -> Source:
    """What a witness has seen, from its read interface; counts only with a signature by one of our own keys."""

    async def ask() -> int:
        status, body = await get(f"{prefix.rstrip('/')}/{origin_hash(origin)}/checkpoint")
        if status == 404:
            return 0
        if status != 200:
            raise OSError(f"status {status}")
        signed = open_checkpoint(body, keys)
        if signed.origin != origin:
            raise VerificationError("origin", origin, signed.origin)
        return signed.size

    return ask


class SeenFile:
    """The largest checkpoint of each log, in a file that lives elsewhere than the database and its backups."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> dict[str, Checkpoint]:
        """All that was noted; empty when there is no file yet. `MalformedError` for a file we did not write."""
        try:
            value = json.loads(self.path.read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise MalformedError("seen file", "not JSON") from error
        try:
            return {o: Checkpoint(o, size, parse_hash(root, "seen file")) for o, (size, root) in value.items()}
        except (AttributeError, TypeError, ValueError) as error:
            raise MalformedError("seen file", "not a size and a root for each log") from error

    def note(self, checkpoint: Checkpoint | SignedCheckpoint) -> None:
        """True afterwards, and after a crash: this checkpoint is noted, unless a larger one was. Call after commit."""
        seen = self.read()
        held = seen.get(checkpoint.origin)
        if held is not None and held.size >= checkpoint.size:
            if held.size == checkpoint.size and held.root != checkpoint.root:
                raise VerificationError("root noted for the same size", held.root, checkpoint.root)
            return
        seen[checkpoint.origin] = Checkpoint(checkpoint.origin, checkpoint.size, checkpoint.root)
        text = json.dumps({o: [c.size, b64(c.root)] for o, c in sorted(seen.items())}, indent=1)
        write_durably(self.path, text.encode())

    def source(self, origin: str) -> Source:
        """What this file has seen of a log."""

        async def ask() -> int:
            held = self.read().get(origin)
            return held.size if held else 0

        return ask
