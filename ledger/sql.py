"""The log in a database: one locked row, insert-only rows, and tiles, all inside the caller's transaction.

Correct under READ COMMITTED: the first statement of every append updates the head row, and so waits for whoever holds
it and then reads what they left. Proofs read one tile a level.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import and_, bindparam, exists, func, insert, select, text, tuple_, update

from ledger.checkpoint import Checkpoint, SignedCheckpoint
from ledger.cosignature import CosignatureVerifier, MldsaVerifier, seconds_of
from ledger.entry import Opening
from ledger.errors import ForkError, LedgerError, NotInLogError, RollbackError, VerificationError
from ledger.log import NewEntry, Position, RollbackGuard, StoredEntry, Tx
from ledger.merkle import HASH_SIZE, CompactRange, Range, consistency_ranges, inclusion_ranges, leaf_hash
from ledger.note import NoteSigner, Verifier, parse_signature, sign_note
from ledger.policy import TrustPolicy
from ledger.proof import TlogProof
from ledger.receipt import Receipt
from ledger.tables import log_checkpoint, log_cosignature, log_entry, log_head, log_tile
from ledger.tiles import Place, added_to, roots_in, tiles_for

_PAGE = 200

_CREATE = text(
    "INSERT INTO log_head (origin, size, frontier, signed_size) VALUES (:o, 0, :f, -1) ON CONFLICT DO NOTHING"
)
_REGISTER = text(
    "INSERT INTO log_key (origin, key_id, vkey, role, valid_from_size) VALUES (:o, :k, :v, 'log', :s)"
    " ON CONFLICT DO NOTHING"
)
_GROW = (
    update(log_head)
    .where(log_head.c.origin == bindparam("o"))
    .values(size=log_head.c.size + bindparam("n"))
    .returning(log_head.c.size, log_head.c.frontier, log_head.c.signed_size)
)
_SETTLE = (
    update(log_head)
    .where(log_head.c.origin == bindparam("o"))
    .values(frontier=bindparam("f"), signed_size=bindparam("s"))
)
_HEAD = select(log_head).where(log_head.c.origin == bindparam("o"))
_ADD_ENTRY = insert(log_entry)
_ADD_TILE = insert(log_tile)
_NEWER = log_checkpoint.alias("newer")
# nothing is added where a checkpoint of this size or a larger one stands already, whatever the head row says
_ADD_CHECKPOINT = insert(log_checkpoint).from_select(
    [column.name for column in log_checkpoint.columns],
    select(*(bindparam(column.name, type_=column.type) for column in log_checkpoint.columns)).where(
        ~exists().where(_NEWER.c.origin == bindparam("origin"), _NEWER.c.size >= bindparam("size")).select_from(_NEWER)
    ),
)
_ONE_TILE = and_(
    log_tile.c.origin == bindparam("o"), log_tile.c.level == bindparam("l"), log_tile.c.idx == bindparam("i")
)
_TILE = select(log_tile.c.hashes).where(_ONE_TILE)
_TILES = select(log_tile.c.level, log_tile.c.idx, log_tile.c.hashes).where(
    log_tile.c.origin == bindparam("o"),
    tuple_(log_tile.c.level, log_tile.c.idx).in_(bindparam("places", expanding=True)),
)
_EXTEND_TILE = update(log_tile).where(_ONE_TILE).values(hashes=bindparam("h"))
_ADD_COSIGNATURE = text(
    "INSERT INTO log_cosignature (origin, size, witness, key_id, line, witnessed_at, received_at)"
    " VALUES (:o, :s, :w, :k, :l, :t, :r) ON CONFLICT DO NOTHING"
)
_COSIGNATURES = (
    select(log_cosignature.c.line)
    .where(log_cosignature.c.origin == bindparam("o"), log_cosignature.c.size == bindparam("s"))
    .order_by(log_cosignature.c.witness, log_cosignature.c.key_id)
)


class SqlLog:
    """One log, named by its origin, signed by `signer` and by `also` (a key in rotation, a second algorithm).

    `guard` is asked once, before the first signature of this process; `RollbackError` if it saw more than we hold.
    """

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

    async def ensure(self, tx: Tx) -> SignedCheckpoint:
        """True afterwards: the log exists, its keys are listed, and its latest checkpoint is returned."""
        await tx.execute(_CREATE, {"o": self.origin, "f": b""})
        size, signed, frontier = await self._grow(tx, 0)
        await self._ask_guard(signed)
        for signer in self.signers:
            key = {"o": self.origin, "k": signer.key_id.hex(), "v": signer.vkey(), "s": size}
            await tx.execute(_REGISTER, key)
        if signed < size or signed < 0:
            return await self._sign(tx, frontier, signed)
        return await self.checkpoint(tx)

    async def append(self, tx: Tx, kind: str, entry_id: str, leaf: bytes) -> Position:
        """True after commit: the leaf has the next index, and a signed checkpoint covers it."""
        return (await self.append_many(tx, [NewEntry(kind, entry_id, leaf)]))[0]

    async def append_many(self, tx: Tx, entries: Sequence[NewEntry]) -> list[Position]:
        """Append entries in order, under one checkpoint that covers them all."""
        if not entries:
            return []
        hashes = [leaf_hash(entry.leaf) for entry in entries]
        size, signed, frontier = await self._grow(tx, len(entries))
        first, rows = size - len(entries), []
        for seq, (entry, hashed) in enumerate(zip(entries, hashes, strict=True), first):
            row = {"entry_id": entry.entry_id, "origin": self.origin, "seq": seq, "kind": entry.kind}
            rows.append(row | {"leaf": entry.leaf, "leaf_hash": hashed, "created_at": tx.now})
        await tx.execute(_ADD_ENTRY, rows)
        checkpoint = await self._sign(tx, await self._extend(tx, frontier, hashes), signed)
        placed = zip(entries, hashes, strict=True)
        return [Position(entry.entry_id, first + i, hashed, checkpoint) for i, (entry, hashed) in enumerate(placed)]

    async def integrate(self, tx: Tx, leaf_hashes: Sequence[bytes]) -> int:
        """Append leaves that are kept elsewhere, under one checkpoint; returns the index of the first."""
        size, signed, frontier = await self._grow(tx, len(leaf_hashes))
        if leaf_hashes:
            frontier = await self._extend(tx, frontier, leaf_hashes)
            await self._sign(tx, frontier, signed)
        return size - len(leaf_hashes)

    async def _grow(self, tx: Tx, by: int) -> tuple[int, int, CompactRange]:
        """Take the head row until commit: the size after growing, the size last signed, the tree before growing."""
        row = (await tx.execute(_GROW, {"o": self.origin, "n": by})).first()
        if row is None:
            raise NotInLogError(f"{self.origin}: there is no such log here yet")
        return row.size, row.signed_size, CompactRange.decode(row.size - by, row.frontier)

    async def _extend(self, tx: Tx, frontier: CompactRange, leaf_hashes: Sequence[bytes]) -> CompactRange:
        grown, completed = frontier.extend(leaf_hashes)
        fresh = []
        for (level, idx), (offset, hashes) in added_to(completed).items():
            if offset == 0:
                fresh.append({"origin": self.origin, "level": level, "idx": idx, "hashes": hashes})
                continue
            place = {"o": self.origin, "l": level, "i": idx}
            held = (await tx.execute(_TILE, place)).scalar() or b""
            if len(held) != offset * HASH_SIZE:
                raise LedgerError(f"{self.origin}: tile {level}/{idx} holds {len(held)} bytes, not {offset} hashes")
            await tx.execute(_EXTEND_TILE, place | {"h": held + hashes})
        if fresh:
            await tx.execute(_ADD_TILE, fresh)
        return grown

    async def _sign(self, tx: Tx, tree: CompactRange, signed: int) -> SignedCheckpoint:
        """Sign and keep the checkpoint of this tree, which must be larger than what was signed last."""
        if tree.size <= signed:
            raise ForkError(f"{self.origin}: {signed} was signed already, {tree.size} cannot be")
        await self._ask_guard(signed)
        checkpoint = Checkpoint(self.origin, tree.size, tree.root())
        note = sign_note(checkpoint.text(), self.signers, tx.now)
        await tx.execute(_SETTLE, {"o": self.origin, "f": tree.encode(), "s": tree.size})
        row = {"origin": self.origin, "size": tree.size, "root": checkpoint.root, "note": note}
        if (await tx.execute(_ADD_CHECKPOINT, row | {"created_at": tx.now})).rowcount != 1:
            raise ForkError(f"{self.origin}: a checkpoint of size {tree.size} or more was signed already")
        return SignedCheckpoint(checkpoint, note)

    def doubt(self, guard: RollbackGuard) -> None:
        """`guard` is asked before the next signature, and again until it has seen no more than we hold."""
        self._guard = guard

    async def _ask_guard(self, signed: int) -> None:
        if self._guard is not None:
            seen = await self._guard()
            if seen > max(signed, 0):
                raise RollbackError(self.origin, max(signed, 0), seen)
            self._guard = None

    async def checkpoint(self, tx: Tx) -> SignedCheckpoint:
        """The latest, with the cosignatures it has. `NotInLogError` before `ensure`."""
        row = (await tx.execute(_HEAD, {"o": self.origin})).first()
        if row is None or row.signed_size < 0:
            raise NotInLogError(f"{self.origin}: there is no such log here yet")
        return await self.checkpoint_at(tx, row.signed_size)

    async def checkpoint_at(self, tx: Tx, size: int) -> SignedCheckpoint:
        """The one signed at exactly this size, with its cosignatures; else `NotInLogError`."""
        of_size = and_(log_checkpoint.c.origin == self.origin, log_checkpoint.c.size == size)
        row = (await tx.execute(select(log_checkpoint).where(of_size))).first()
        if row is None:
            raise NotInLogError(f"{self.origin}: no checkpoint of size {size}")
        lines = (await tx.execute(_COSIGNATURES, {"o": self.origin, "s": size})).scalars().all()
        return SignedCheckpoint(Checkpoint(self.origin, size, row.root), row.note).with_lines(lines)

    async def root_at(self, tx: Tx, size: int) -> bytes:
        """The root of the tree of the first `size` entries, whether or not it was signed; `NotInLogError` beyond."""
        return (await self._roots(tx, [(0, size)], size))[0]

    async def prove_inclusion(self, tx: Tx, index: int, size: int) -> list[bytes]:
        """The path of a leaf in the tree of `size`; `NotInLogError` outside the log."""
        if not 0 <= index < size:
            raise NotInLogError(f"{self.origin}: no leaf {index} in a tree of {size}")
        return await self._roots(tx, inclusion_ranges(index, size), size)

    async def prove_consistency(self, tx: Tx, old: int, new: int) -> list[bytes]:
        """The proof that the tree of `old` is a prefix of that of `new`; `NotInLogError` outside the log."""
        if not 0 <= old <= new:
            raise NotInLogError(f"{self.origin}: {old} is no prefix of {new}")
        return await self._roots(tx, consistency_ranges(old, new), new)

    async def _roots(self, tx: Tx, ranges: Sequence[Range], size: int) -> list[bytes]:
        head = (await tx.execute(_HEAD, {"o": self.origin})).first()
        if head is None or head.size < size:
            raise NotInLogError(f"{self.origin}: the log has no {size} entries")
        return roots_in(await self._tiles(tx, tiles_for(ranges)), ranges)

    async def _tiles(self, tx: Tx, places: Iterable[Place]) -> dict[Place, bytes]:
        wanted = list(places)
        if not wanted:
            return {}
        rows = (await tx.execute(_TILES, {"o": self.origin, "places": wanted})).all()
        return {(row.level, row.idx): row.hashes for row in rows}

    async def tile(self, tx: Tx, level: int, index: int, width: int) -> bytes:
        """The first `width` hashes of a tile; `NotInLogError` when there are fewer."""
        held = (await self._tiles(tx, [(level, index)])).get((level, index), b"")
        if not 0 < width * HASH_SIZE <= len(held):
            raise NotInLogError(f"{self.origin}: no tile {level}/{index} of width {width}")
        return held[: width * HASH_SIZE]

    async def entry(self, tx: Tx, index: int) -> StoredEntry:
        """The entry at an index; `NotInLogError` when there is none, or it is kept elsewhere."""
        found = await self.entries(tx, index, index + 1)
        if not found:
            raise NotInLogError(f"{self.origin}: no entry {index}")
        return found[0]

    async def find_entry(self, tx: Tx, entry_id: str) -> StoredEntry | None:
        """The entry with this id in this log, if any."""
        query = select(log_entry).where(log_entry.c.entry_id == entry_id, log_entry.c.origin == self.origin)
        row = (await tx.execute(query)).first()
        return None if row is None or row.seq is None else _stored(row)

    async def entries(self, tx: Tx, begin: int, end: int) -> list[StoredEntry]:
        """Those entries of [begin, end) that the log keeps itself, in order."""
        of_range = and_(log_entry.c.origin == self.origin, log_entry.c.seq >= begin, log_entry.c.seq < end)
        rows = (await tx.execute(select(log_entry).where(of_range).order_by(log_entry.c.seq))).all()
        return [_stored(row) for row in rows]

    async def cosign(self, tx: Tx, size: int, lines: Sequence[str], witnesses: Sequence[Verifier]) -> int:
        """Keep those cosignature lines that these witnesses made for the checkpoint of this size; returns how many.

        A line by an unknown key is passed over; one by a known key that fails is `VerificationError`.
        """
        checkpoint = (await self.checkpoint_at(tx, size)).checkpoint
        known = {(w.name, w.key_id): w for w in witnesses if isinstance(w, CosignatureVerifier | MldsaVerifier)}
        kept = 0
        for line in lines:
            signature = parse_signature(line.removesuffix("\n"))
            witness = known.get((signature.name, signature.key_id))
            if witness is None:
                continue
            if not witness.verify(checkpoint.text(), signature.payload):
                raise VerificationError(f"cosignature of {signature.name}", "valid", "invalid")
            row: dict[str, Any] = {"o": self.origin, "s": size, "w": signature.name, "k": signature.key_id.hex()}
            row |= {"l": signature.line(), "t": seconds_of(signature) * 1_000_000, "r": tx.now}
            kept += (await tx.execute(_ADD_COSIGNATURE, row)).rowcount
        return kept

    async def covering(self, tx: Tx, index: int, trust: TrustPolicy | None = None) -> SignedCheckpoint | None:
        """The smallest checkpoint that covers a leaf and satisfies `trust` (if given); None while there is none."""
        own = log_checkpoint.c.origin == self.origin
        if trust is None or trust.met_by(()):
            smallest = select(func.min(log_checkpoint.c.size)).where(own, log_checkpoint.c.size > index)
            size = (await tx.execute(smallest)).scalar()
            return None if size is None else await self.checkpoint_at(tx, size)
        return await self._with_quorum(tx, trust, index, newest=False)

    async def cosigned(self, tx: Tx, trust: TrustPolicy) -> SignedCheckpoint | None:
        """The largest checkpoint with the quorum of `trust`; None while there is none."""
        if trust.met_by(()):
            return await self.checkpoint(tx)
        return await self._with_quorum(tx, trust, -1, newest=True)

    async def _with_quorum(self, tx: Tx, trust: TrustPolicy, above: int, *, newest: bool) -> SignedCheckpoint | None:
        column, edge = log_cosignature.c.size, None
        own = select(column).where(log_cosignature.c.origin == self.origin, column > above).distinct().limit(_PAGE)
        while True:
            query = own.order_by(column.desc() if newest else column)
            if edge is not None:
                query = query.where(column < edge if newest else column > edge)
            sizes = (await tx.execute(query)).scalars().all()
            for size in sizes:
                signed = await self.checkpoint_at(tx, size)
                if trust.met_by({c.witness for c in trust.cosignatures(signed.note)}):
                    return signed
            if len(sizes) < _PAGE:
                return None
            edge = sizes[-1]

    async def signed_at(self, tx: Tx, size: int) -> int | None:
        """When the smallest checkpoint of at least this size was signed, in microseconds; None while there is none."""
        of_size = and_(log_checkpoint.c.origin == self.origin, log_checkpoint.c.size >= size)
        query = select(log_checkpoint.c.created_at).where(of_size).order_by(log_checkpoint.c.size).limit(1)
        return (await tx.execute(query)).scalar()

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


def _stored(row: Any) -> StoredEntry:
    return StoredEntry(row.entry_id, row.seq, row.kind, row.leaf, row.leaf_hash, row.created_at)
