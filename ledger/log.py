"""What a log does, whoever keeps it: append, commit to a size, prove. Two keep it: `ledger.sql` and `ledger.memory`.

A log never signs two roots for one size, nor a smaller size after a larger one.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from ledger.checkpoint import SignedCheckpoint
from ledger.entry import Opening
from ledger.note import Verifier
from ledger.policy import TrustPolicy
from ledger.receipt import Receipt

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import CursorResult, Executable

# asks whoever may have seen more than we hold (witnesses, anchors, a file outside the database) for the largest size
RollbackGuard = Callable[[], Awaitable[int]]


class Tx(Protocol):
    """One open transaction of whatever database the caller uses. `now`: microseconds since the epoch, UTC."""

    @property
    def now(self) -> int: ...

    async def execute(
        self, statement: "Executable", parameters: "Mapping[str, Any] | Sequence[Mapping[str, Any]] | None" = None
    ) -> "CursorResult[Any]": ...


@dataclass(frozen=True, slots=True)
class Position:
    """Where an entry came to stand, and the first checkpoint that covers it."""

    entry_id: str
    index: int
    leaf_hash: bytes
    checkpoint: SignedCheckpoint


@dataclass(frozen=True, slots=True)
class NewEntry:
    """An entry to be appended: its kind and id, beside the leaf that says both again."""

    kind: str
    entry_id: str
    leaf: bytes


@dataclass(frozen=True, slots=True)
class StoredEntry:
    """An entry as the log keeps it. `created_at`: microseconds."""

    entry_id: str
    index: int
    kind: str
    leaf: bytes
    leaf_hash: bytes
    created_at: int


class Log(Protocol):
    """One append-only log. Everything happens inside the caller's transaction and stands or falls with it."""

    origin: str

    async def ensure(self, tx: Tx) -> SignedCheckpoint:
        """True afterwards: the log exists, and its latest checkpoint is returned. `RollbackError` if others saw
        more.
        """
        ...

    async def append(self, tx: Tx, kind: str, entry_id: str, leaf: bytes) -> Position:
        """True after commit: the leaf has the next index, and a signed checkpoint covers it."""
        ...

    async def append_many(self, tx: Tx, entries: Sequence[NewEntry]) -> list[Position]:
        """Append entries in order, under one checkpoint that covers them all."""
        ...

    async def integrate(self, tx: Tx, leaf_hashes: Sequence[bytes]) -> int:
        """Append leaves that are kept elsewhere, under one checkpoint; returns the index of the first."""
        ...

    async def checkpoint(self, tx: Tx) -> SignedCheckpoint:
        """The latest, with the cosignatures it has. `NotInLogError` before `ensure`."""
        ...

    async def checkpoint_at(self, tx: Tx, size: int) -> SignedCheckpoint:
        """The one signed at exactly this size, with its cosignatures; else `NotInLogError`."""
        ...

    async def root_at(self, tx: Tx, size: int) -> bytes:
        """The root of the tree of the first `size` entries, whether or not it was signed; `NotInLogError` beyond."""
        ...

    async def prove_inclusion(self, tx: Tx, index: int, size: int) -> list[bytes]:
        """The path of a leaf in the tree of `size`; `NotInLogError` outside the log."""
        ...

    async def prove_consistency(self, tx: Tx, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `old` is a prefix of that of `new`; `NotInLogError` outside the log."""
        ...

    async def entry(self, tx: Tx, index: int) -> StoredEntry:
        """The entry at an index; `NotInLogError` when there is none, or it is kept elsewhere."""
        ...

    async def find_entry(self, tx: Tx, entry_id: str) -> StoredEntry | None:
        """The entry with this id in this log, if any."""
        ...

    async def entries(self, tx: Tx, begin: int, end: int) -> list[StoredEntry]:
        """Those entries of [begin, end) that the log keeps itself, in order."""
        ...

    async def tile(self, tx: Tx, level: int, index: int, width: int) -> bytes:
        """The first `width` hashes of a tile; `NotInLogError` when there are fewer."""
        ...

    async def cosign(self, tx: Tx, size: int, lines: Sequence[str], witnesses: Sequence[Verifier]) -> int:
        """Keep those cosignature lines that these witnesses made for the checkpoint of this size; returns how many."""
        ...

    async def covering(self, tx: Tx, index: int, trust: TrustPolicy | None = None) -> SignedCheckpoint | None:
        """The smallest checkpoint that covers a leaf and satisfies `trust` (if given); None while there is none."""
        ...

    async def cosigned(self, tx: Tx, trust: TrustPolicy) -> SignedCheckpoint | None:
        """The largest checkpoint with the quorum of `trust`; None while there is none."""
        ...

    async def signed_at(self, tx: Tx, size: int) -> int | None:
        """When the smallest checkpoint of at least this size was signed, in microseconds; None while there is none."""
        ...

    async def receipt(
        self, tx: Tx, entry_id: str, *, trust: TrustPolicy | None = None, openings: Sequence[Opening] = ()
    ) -> Receipt:
        """The entry under the smallest checkpoint that covers it (and satisfies `trust`); else `NotInLogError`."""
        ...
