"""The log in memory, for small worlds and tests. It keeps what it is given, whatever becomes of the transaction."""

from collections.abc import Sequence

from ledger.checkpoint import Checkpoint, SignedCheckpoint
from ledger.cosignature import CosignatureVerifier, MldsaVerifier
from ledger.entry import Opening
from ledger.errors import LedgerError, NotInLogError, RollbackError, VerificationError
from ledger.log import NewEntry, Position, RollbackGuard, StoredEntry, Tx
from ledger.merkle import HASH_SIZE, CompactRange, consistency_ranges, inclusion_ranges, leaf_hash
from ledger.note import NoteSigner, Verifier, parse_signature, sign_note
from ledger.policy import TrustPolicy
from ledger.proof import TlogProof
from ledger.receipt import Receipt
from ledger.tiles import Place, added_to, roots_in


class MemoryLog:
    """One log, named by its origin; the same promises as `ledger.sql.SqlLog`, except that nothing is ever undone."""

    def __init__(
        self,
        origin: str,
        signer: NoteSigner,
        *,
        also: Sequence[NoteSigner] = (),
        guard: RollbackGuard | None = None,
    ) -> None:
        if signer.name != origin:
            raise LedgerError(f"the key of a log is named by its origin: {origin}, not {signer.name}")
        self.origin = origin
        self.signers = (signer, *also)
        self._guard = guard
        self._tree = CompactRange()
        self._entries: dict[int, StoredEntry] = {}
        self._by_id: dict[str, int] = {}
        self._tiles: dict[Place, bytes] = {}
        self._checkpoints: dict[int, SignedCheckpoint] = {}
        self._signed_at: dict[int, int] = {}
        self._lines: dict[int, dict[tuple[str, bytes], str]] = {}

    async def ensure(self, tx: Tx) -> SignedCheckpoint:
        """True afterwards: the log exists, and its latest checkpoint is returned."""
        await self._ask_guard()
        if not self._checkpoints:
            self._sign(tx)
        return await self.checkpoint(tx)

    async def append(self, tx: Tx, kind: str, entry_id: str, leaf: bytes) -> Position:
        """True afterwards: the leaf has the next index, and a signed checkpoint covers it."""
        return (await self.append_many(tx, [NewEntry(kind, entry_id, leaf)]))[0]

    async def append_many(self, tx: Tx, entries: Sequence[NewEntry]) -> list[Position]:
        """Append entries in order, under one checkpoint that covers them all."""
        taken = {e.entry_id for e in entries}
        if len(taken) < len(entries) or taken & self._by_id.keys():
            raise LedgerError(f"{self.origin}: an entry with one of these ids is there already")
        hashes = [leaf_hash(entry.leaf) for entry in entries]
        first = await self.integrate(tx, hashes)
        placed = []
        for index, (entry, hashed) in enumerate(zip(entries, hashes, strict=True), first):
            self._entries[index] = StoredEntry(entry.entry_id, index, entry.kind, entry.leaf, hashed, tx.now)
            self._by_id[entry.entry_id] = index
            placed.append(Position(entry.entry_id, index, hashed, self._checkpoints[first + len(entries)]))
        return placed

    async def integrate(self, tx: Tx, leaf_hashes: Sequence[bytes]) -> int:
        """Append leaves that are kept elsewhere, under one checkpoint; returns the index of the first."""
        if not self._checkpoints:
            raise NotInLogError(f"{self.origin}: there is no such log here yet")
        await self._ask_guard()
        first = self._tree.size
        self._tree, completed = self._tree.extend(leaf_hashes)
        for place, (_, hashes) in added_to(completed).items():
            self._tiles[place] = self._tiles.get(place, b"") + hashes
        if leaf_hashes:
            self._sign(tx)
        return first

    async def _ask_guard(self) -> None:
        if self._guard is not None:
            seen = await self._guard()
            if seen > self._tree.size:
                raise RollbackError(self.origin, self._tree.size, seen)
            self._guard = None

    def _sign(self, tx: Tx) -> None:
        checkpoint = Checkpoint(self.origin, self._tree.size, self._tree.root())
        note = sign_note(checkpoint.text(), self.signers, tx.now)
        self._checkpoints[self._tree.size] = SignedCheckpoint(checkpoint, note)
        self._signed_at[self._tree.size] = tx.now

    async def checkpoint(self, tx: Tx) -> SignedCheckpoint:
        """The latest, with the cosignatures it has. `NotInLogError` before `ensure`."""
        return await self.checkpoint_at(tx, self._tree.size)

    async def checkpoint_at(self, tx: Tx, size: int) -> SignedCheckpoint:
        """The one signed at exactly this size, with its cosignatures; else `NotInLogError`."""
        if size not in self._checkpoints:
            raise NotInLogError(f"{self.origin}: no checkpoint of size {size}")
        lines = sorted(self._lines.get(size, {}).items())
        return self._checkpoints[size].with_lines([line for _, line in lines])

    async def root_at(self, tx: Tx, size: int) -> bytes:
        """The root of the tree of the first `size` entries, whether or not it was signed; `NotInLogError` beyond."""
        if not 0 <= size <= self._tree.size:
            raise NotInLogError(f"{self.origin}: the log has no {size} entries")
        return roots_in(self._tiles, [(0, size)])[0]

    async def prove_inclusion(self, tx: Tx, index: int, size: int) -> list[bytes]:
        """The path of a leaf in the tree of `size`; `NotInLogError` outside the log."""
        if not 0 <= index < size <= self._tree.size:
            raise NotInLogError(f"{self.origin}: no leaf {index} in a tree of {size}")
        return roots_in(self._tiles, inclusion_ranges(index, size))

    async def prove_consistency(self, tx: Tx, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `old` is a prefix of that of `new`; `NotInLogError` outside the log."""
        if not 0 <= old <= new <= self._tree.size:
            raise NotInLogError(f"{self.origin}: {old} is no prefix of {new}")
        return roots_in(self._tiles, consistency_ranges(old, new))

    async def tile(self, tx: Tx, level: int, index: int, width: int) -> bytes:
        """The first `width` hashes of a tile; `NotInLogError` when there are fewer."""
        held = self._tiles.get((level, index), b"")
        if not 0 < width * HASH_SIZE <= len(held):
            raise NotInLogError(f"{self.origin}: no tile {level}/{index} of width {width}")
        return held[: width * HASH_SIZE]

    async def entry(self, tx: Tx, index: int) -> StoredEntry:
        """The entry at an index; `NotInLogError` when there is none, or it is kept elsewhere."""
        if index not in self._entries:
            raise NotInLogError(f"{self.origin}: no entry {index}")
        return self._entries[index]

    async def find_entry(self, tx: Tx, entry_id: str) -> StoredEntry | None:
        """The entry with this id in this log, if any."""
        index = self._by_id.get(entry_id)
        return None if index is None else self._entries[index]

    async def entries(self, tx: Tx, begin: int, end: int) -> list[StoredEntry]:
        """Those entries of [begin, end) that the log keeps itself, in order."""
        return [self._entries[i] for i in range(begin, min(end, self._tree.size)) if i in self._entries]

    async def cosign(self, tx: Tx, size: int, lines: Sequence[str], witnesses: Sequence[Verifier]) -> int:
        """Keep those cosignature lines that these witnesses made for the checkpoint of this size; returns how many."""
        checkpoint = (await self.checkpoint_at(tx, size)).checkpoint
        known = {(w.name, w.key_id): w for w in witnesses if isinstance(w, CosignatureVerifier | MldsaVerifier)}
        held, before = self._lines.setdefault(size, {}), len(self._lines[size])
        for line in lines:
            signature = parse_signature(line.removesuffix("\n"))
            witness = known.get((signature.name, signature.key_id))
            if witness is None:
                continue
            if not witness.verify(checkpoint.text(), signature.payload):
                raise VerificationError(f"cosignature of {signature.name}", "valid", "invalid")
            held.setdefault((signature.name, signature.key_id), signature.line())
        return len(held) - before

    async def covering(self, tx: Tx, index: int, trust: TrustPolicy | None = None) -> SignedCheckpoint | None:
        """The smallest checkpoint that covers a leaf and satisfies `trust` (if given); None while there is none."""
        for size in sorted(size for size in self._checkpoints if size > index):
            signed = await self.checkpoint_at(tx, size)
            if trust is None or trust.met_by({c.witness for c in trust.cosignatures(signed.note)}):
                return signed
        return None

    async def cosigned(self, tx: Tx, trust: TrustPolicy) -> SignedCheckpoint | None:
        """The largest checkpoint with the quorum of `trust`; None while there is none."""
        for size in sorted(self._checkpoints, reverse=True):
            signed = await self.checkpoint_at(tx, size)
            if trust.met_by({c.witness for c in trust.cosignatures(signed.note)}):
                return signed
        return None

    async def signed_at(self, tx: Tx, size: int) -> int | None:
        """When the smallest checkpoint of at least this size was signed, in microseconds; None while there is none."""
        larger = [s for s in self._checkpoints if s >= size]
        return self._signed_at[min(larger)] if larger else None

    async def receipt(
        self, tx: Tx, entry_id: str, *, trust: TrustPolicy | None = None, openings: Sequence[Opening] = ()
    ) -> Receipt:
        """The entry under the smallest checkpoint that covers it (and satisfies `trust`); else `NotInLogError`."""
        stored = await self.find_entry(tx, entry_id)
        if stored is None:
            raise NotInLogError(f"{self.origin}: no entry {entry_id}")
        signed = await self.covering(tx, stored.index, trust)
        if signed is None:
            raise NotInLogError(f"{self.origin}: no checkpoint with the witnesses needed covers {entry_id} yet")
        path = await self.prove_inclusion(tx, stored.index, signed.size)
        return Receipt(stored.leaf, TlogProof(stored.index, tuple(path), signed), tuple(openings))
