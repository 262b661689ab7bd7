"""The Merkle tree of RFC 6962 and RFC 9162 over SHA-256: growing it, proving with it, and checking proofs. Pure.

Leaves count from 0. A subtree is named by the half-open range of leaves it covers; a perfect one also by (level,
index), where level 0 are the leaf hashes. Proofs are first planned as ranges, so that a store can fetch what they
need at once.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from ledger.errors import VerificationError

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()

Range = tuple[int, int]
NodeSource = Callable[[int, int], bytes]  # (level, index) -> hash of that perfect subtree


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 || leaf) (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right) (RFC 9162, 2.1.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class CompactRange:
    """The least that a tree must remember to grow: its size, and the roots of its perfect subtrees, largest first."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count() or any(len(h) != HASH_SIZE for h in self.hashes):
            raise ValueError(f"{len(self.hashes)} hashes are no compact range of {self.size} leaves")

    @classmethod
    def decode(cls, size: int, packed: bytes) -> "CompactRange":
        """The range from its size and its hashes strung together; `ValueError` when they do not fit each other."""
        return cls(size, tuple(packed[i : i + HASH_SIZE] for i in range(0, len(packed), HASH_SIZE)))

    def encode(self) -> bytes:
        """The hashes strung together; the size is kept beside them."""
        return b"".join(self.hashes)

    def extend(self, leaf_hashes: Iterable[bytes]) -> tuple["CompactRange", list[tuple[int, int, bytes]]]:
        """The range after these leaves, and every perfect subtree that they completed as (level, index, hash), in
        order.
        """
        stack, size, done = list(self.hashes), self.size, []
        for leaf in leaf_hashes:
            level, index, current = 0, size, leaf
            done.append((0, index, current))
            while index & 1:
                current = node_hash(stack.pop(), current)
                level, index = level + 1, index >> 1
                done.append((level, index, current))
            stack.append(current)
            size += 1
        return CompactRange(size, tuple(stack)), done

    def root(self) -> bytes:
        """The root of the whole tree; of nothing it is SHA-256 of the empty string."""
        if not self.hashes:
            return EMPTY_ROOT
        current = self.hashes[-1]
        for left in reversed(self.hashes[:-1]):
            current = node_hash(left, current)
        return current


def root_of(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root of the tree with exactly these leaf hashes."""
    return CompactRange().extend(leaf_hashes)[0].root()


def split(size: int) -> int:
    """The largest power of two strictly below `size`, which is at least 2 (RFC 9162, 2.1.1)."""
    return 1 << (size - 1).bit_length() - 1


def perfect_nodes(begin: int, end: int) -> list[tuple[int, int]]:
    """The perfect subtrees (level, index), left to right, that make up a range which is itself a subtree of some
    tree.
    """
    nodes = []
    while begin < end:
        width = 1 << (end - begin).bit_length() - 1
        if begin & (width - 1):
            raise ValueError(f"[{begin}, {end}) is no subtree")
        nodes.append((width.bit_length() - 1, begin // width))
        begin += width
    return nodes


def hash_of(begin: int, end: int, node: NodeSource) -> bytes:
    """The root of the subtree over leaves [begin, end), from its perfect parts."""
    hashes = [node(level, index) for level, index in perfect_nodes(begin, end)]
    if not hashes:
        return EMPTY_ROOT
    current = hashes[-1]
    for left in reversed(hashes[:-1]):
        current = node_hash(left, current)
    return current


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """What the path of a leaf consists of, from its sibling up (RFC 9162, 2.1.3.1). `ValueError` outside the tree."""
    if not 0 <= index < size:
        raise ValueError(f"no leaf {index} in a tree of {size}")
    begin, end, ranges = 0, size, []
    while end - begin > 1:
        middle = begin + split(end - begin)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin = middle
    return ranges[::-1]


def consistency_ranges(old: int, new: int) -> list[Range]:
    """What the proof that `old` is a prefix of `new` consists of (RFC 9162, 2.1.4.1); nothing when they are equal
    or 0.
    """
    if not 0 <= old <= new:
        raise ValueError(f"no proof from {old} to {new}")
    if old in (0, new):
        return []
    begin, end, ranges, whole = 0, new, [], True
    while old != end:
        middle = begin + split(end - begin)
        if old <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((begin, middle))
            begin, whole = middle, False
    if not whole:
        ranges.append((begin, end))
    return ranges[::-1]


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int, size: int) -> list[bytes]:
    """The path of leaf `index` in the tree of the first `size` leaves, from all leaf hashes held in memory."""
    return [root_of(leaf_hashes[begin:end]) for begin, end in inclusion_ranges(index, size)]


def consistency_proof(leaf_hashes: Sequence[bytes], old: int, new: int) -> list[bytes]:
    """The proof that the first `old` leaves are a prefix of the first `new`, from all leaf hashes held in memory."""
    return [root_of(leaf_hashes[begin:end]) for begin, end in consistency_ranges(old, new)]


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """The root that a path leads to (RFC 9162, 2.1.3.2); `VerificationError` when its length or hashes cannot be
    right.
    """
    _check_hashes((leaf, *proof))
    if not 0 <= index < size:
        raise VerificationError("leaf index", f"0 to {size - 1}", index)
    wanted = len(inclusion_ranges(index, size))
    if len(proof) != wanted:
        raise VerificationError("inclusion proof length", wanted, len(proof))
    fn, sn, current = index, size - 1, leaf
    for sibling in proof:
        if fn & 1 or fn == sn:
            current = node_hash(sibling, current)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            current = node_hash(current, sibling)
        fn, sn = fn >> 1, sn >> 1
    return current


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """True afterwards: the tree of `size` leaves with this root has `leaf` (a leaf hash) at `index`. Else
    `VerificationError`.
    """
    _check_hashes((root,))
    got = root_from_inclusion(leaf, index, size, proof)
    if got != root:
        raise VerificationError("root from inclusion proof", root, got)


def verify_consistency(old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> None:
    """True afterwards: the tree of `old` leaves is a prefix of that of `new` (RFC 9162, 2.1.4.2). Else
    `VerificationError`.
    """
    _check_hashes((old_root, new_root, *proof))
    if not 0 <= old <= new:
        raise VerificationError("sizes", f"at least {old}", new)
    wanted = len(consistency_ranges(old, new))
    if len(proof) != wanted:
        raise VerificationError("consistency proof length", wanted, len(proof))
    if old == 0 and old_root != EMPTY_ROOT:
        raise VerificationError("root of the empty tree", EMPTY_ROOT, old_root)
    if old == new and old_root != new_root:
        raise VerificationError("root of the same size", old_root, new_root)
    if old in (0, new):
        return
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    fn, sn = old - 1, new - 1
    while fn & 1:
        fn, sn = fn >> 1, sn >> 1
    from_old = from_new = path[0]
    for sibling in path[1:]:
        if fn & 1 or fn == sn:
            from_old, from_new = node_hash(sibling, from_old), node_hash(sibling, from_new)
            while not fn & 1 and fn:
                fn, sn = fn >> 1, sn >> 1
        else:
            from_new = node_hash(from_new, sibling)
        fn, sn = fn >> 1, sn >> 1
    if from_old != old_root:
        raise VerificationError("old root from consistency proof", old_root, from_old)
    if from_new != new_root:
        raise VerificationError("new root from consistency proof", new_root, from_new)


def _check_hashes(hashes: Iterable[bytes]) -> None:
    for value in hashes:
        if len(value) != HASH_SIZE:
            raise VerificationError("hash length", HASH_SIZE, len(value))
