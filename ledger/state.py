"""What holds now: the root of a sorted map of all active grants, logged from time to time, with proofs of absence.

A log proves that something was recorded; it cannot prove that nothing revoked it since. The map's leaves are sorted by
key, so two neighbours prove that nothing lies between them. The tree is that of RFC 9162, over canonical [key, value].
"""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

from ledger.entry import Entry, Json, b64url, canonical, parse_canonical, unb64url
from ledger.errors import MalformedError, VerificationError
from ledger.merkle import EMPTY_ROOT, inclusion_proof, leaf_hash, root_of, verify_inclusion

KIND = "state:sealed"
_WHAT = "state proof"


@dataclass(frozen=True, slots=True)
class StateLeaf:
    """One key of the map with its value and its place."""

    index: int
    key: str
    value: str
    path: tuple[bytes, ...]

    def check(self, root: bytes, size: int) -> None:
        """True afterwards: the map has this key and value at this place. Else `VerificationError`."""
        verify_inclusion(leaf_hash(canonical([self.key, self.value])), self.index, size, self.path, root)


@dataclass(frozen=True, slots=True)
class StateProof:
    """Either the leaf of the key, or its neighbours: the last before and the first after, as far as there are any."""

    leaves: tuple[StateLeaf, ...]

    def encode(self) -> bytes:
        """Canonical JSON: a list of [index, key, value, path]."""
        return canonical([[x.index, x.key, x.value, [b64url(h) for h in x.path]] for x in self.leaves])


def parse_state_proof(raw: bytes) -> StateProof:
    """The proof whose canonical form is exactly these bytes; else `MalformedError`."""
    value = parse_canonical(raw)
    if not isinstance(value, list) or len(value) > 2:
        raise MalformedError(_WHAT, "needs a list of at most two leaves")
    return StateProof(tuple(_leaf(x) for x in value))


def _leaf(raw: Json) -> StateLeaf:
    match raw:
        case [int(index), str(key), str(value), list(path)] if not isinstance(index, bool):
            hashes = [unb64url(h, _WHAT) if isinstance(h, str) else b"" for h in path]
            return StateLeaf(index, key, value, tuple(hashes))
    raise MalformedError(_WHAT, "a leaf needs an index, a key, a value and a path")


class StateMap:
    """A map from grant ids to what may be said about them, held in memory while it is sealed or proved from."""

    def __init__(self, items: Mapping[str, str]) -> None:
        self._items = dict(items)
        self._keys = sorted(items)
        self._hashes = [leaf_hash(canonical([key, self._items[key]])) for key in self._keys]
        self.size = len(self._keys)
        self.root = root_of(self._hashes)

    def prove(self, key: str) -> StateProof:
        """That the map has the key, or that it has not."""
        at = bisect_left(self._keys, key)
        if at < self.size and self._keys[at] == key:
            return StateProof((self._at(at),))
        return StateProof(tuple(self._at(i) for i in (at - 1, at) if 0 <= i < self.size))

    def _at(self, index: int) -> StateLeaf:
        key = self._keys[index]
        path = inclusion_proof(self._hashes, index, self.size)
        return StateLeaf(index, key, self._items[key], tuple(path))

    def entry(self, entry_id: str, at: int, log_size: int) -> Entry:
        """The state leaf for the log: root and size of the map, true when the log had `log_size` entries."""
        data: dict[str, Json] = {"root": b64url(self.root), "size": self.size, "log_size": log_size}
        return Entry(KIND, entry_id, at, data=data)


@dataclass(frozen=True, slots=True)
class SealedState:
    """What a state entry commits to."""

    root: bytes
    size: int
    log_size: int
    at: int


def sealed_state(entry: Entry) -> SealedState:
    """The commitment in a state entry; `MalformedError` for any other entry."""
    match entry.data:
        case {"root": str(root), "size": int(size), "log_size": int(log_size)} if entry.kind == KIND:
            return SealedState(unb64url(root, "state entry"), size, log_size, entry.at)
    raise MalformedError("state entry", f"no {KIND} with root, size and log_size")


def verify_state(proof: StateProof, key: str, root: bytes, size: int) -> str | None:
    """The key's value in the map with this root and size, or None when it is proved absent; else
    `VerificationError`.
    """
    for leaf in proof.leaves:
        leaf.check(root, size)
    found = [(leaf.index, leaf.key) for leaf in proof.leaves]
    if len(found) == 1 and found[0][1] == key:
        return proof.leaves[0].value
    if size == 0:
        if found or root != EMPTY_ROOT:
            raise VerificationError("empty map", EMPTY_ROOT, root)
        return None
    match found:
        case [(index, only)] if (index == 0 and key < only) or (index == size - 1 and only < key):
            return None
        case [(first, before), (second, after)] if second == first + 1 and before < key < after:
            return None
    raise VerificationError("neighbours of the absent key", "adjacent leaves on both sides of it", str(found))
