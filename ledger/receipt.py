"""A receipt: one entry, whichever of its fields the holder may show, and the proof that it is in the log.

This module and all it imports need the standard library and `cryptography` only, so that a partner can verify offline.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from ledger.entry import Entry, Json, Opening, Value, canonical, check_nesting, parse_canonical, parse_entry
from ledger.errors import MalformedError, VerificationError
from ledger.merkle import leaf_hash
from ledger.note import parse_note
from ledger.policy import Cosignature, TrustPolicy
from ledger.proof import TlogProof, parse_proof

FORMAT = "lianqiao-receipt@v1"
MEDIA_TYPE = "application/vnd.lianqiao.receipt+json"
_MEMBERS = {"format", "entry", "openings", "proof"}


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is handed to both parties of a grant. Without openings it shows that something was recorded, not what."""

    leaf: bytes
    proof: TlogProof
    openings: tuple[Opening, ...] = ()

    def encode(self) -> bytes:
        """The canonical JSON form: the entry as a string, the proof as a string, openings as [salt, name, value]."""
        return canonical(
            {
                "format": FORMAT,
                "entry": self.leaf.decode(),
                "openings": [o.encode() for o in self.openings],
                "proof": self.proof.encode(),
            }
        )

    def showing(self, openings: Sequence[Opening]) -> "Receipt":
        """The same receipt with exactly these fields open."""
        return Receipt(self.leaf, self.proof, tuple(openings))


@dataclass(frozen=True, slots=True)
class Verified:
    """What a receipt proves, and the steps that were taken to know it."""

    entry: Entry
    index: int
    origin: str
    size: int
    root: bytes
    fields: dict[str, Value]
    cosignatures: tuple[Cosignature, ...]
    steps: tuple[str, ...]


def parse_receipt(raw: bytes | str) -> Receipt:
    """The receipt whose canonical form is exactly these bytes, nothing verified; else `MalformedError`."""
    value = parse_canonical(raw.encode() if isinstance(raw, str) else raw)
    if not isinstance(value, dict) or set(value) != _MEMBERS:
        raise MalformedError("receipt", f"needs exactly the members {', '.join(sorted(_MEMBERS))}")
    match value:
        case {"format": str(fmt), "entry": str(entry), "openings": list(openings), "proof": str(proof)}:
            if fmt != FORMAT:
                raise MalformedError("receipt", f"is not of the format {FORMAT}")
            return Receipt(entry.encode(), parse_proof(proof), _openings(openings))
    raise MalformedError("receipt", "a member of the wrong type")


def _openings(raw: list[Json]) -> tuple[Opening, ...]:
    openings = tuple(Opening.decode(o) for o in raw)
    if len({o.name for o in openings}) != len(openings):
        raise MalformedError("receipt", "a field opened twice")
    return openings


@contextmanager
def _step(done: list[str], name: str) -> Iterator[None]:
    """Number the check and put its name into whatever it raises, so that people can say which one failed."""
    label = f"{len(done) + 1} {name}"
    try:
        yield
    except VerificationError as error:
        raise VerificationError(f"{label}: {error.step}", error.expected, error.got) from error
    except MalformedError as error:
        raise VerificationError(label, f"a {error.what} as its format says", error.reason) from error
    done.append(label)


def verify_receipt(receipt: Receipt | bytes | str, trust: TrustPolicy, *, allow_unknown: bool = False) -> Verified:
    """True afterwards: a log that `trust` names recorded this entry with these fields, and its quorum saw it.

    Raises `VerificationError` with the number of the step, what was expected and what was found. Signatures by keys
    that `trust` does not name are refused, so that no byte of a receipt goes unchecked; `allow_unknown` passes over
    them.
    """
    done: list[str] = []
    with _step(done, "the receipt is well-formed"):
        parsed = receipt if isinstance(receipt, Receipt) else parse_receipt(receipt)
    proof = parsed.proof
    with _step(done, "the entry is canonical"):
        if proof.extra is not None:
            raise VerificationError("extra data in the proof", "none", "some")
        entry = parse_entry(parsed.leaf)
    with _step(done, "the opened fields are those committed to"):
        for opening in parsed.openings:
            if opening.digest() != entry.digests.get(opening.name):
                wanted = entry.digests.get(opening.name, "no such field")
                raise VerificationError(f"commitment to {opening.name}", wanted, opening.digest())
    with _step(done, "the log signed the checkpoint, and the witnesses agree"):
        signed, cosignatures = trust.open(proof.checkpoint.note)
        if (signed.size, signed.root) != (proof.checkpoint.size, proof.checkpoint.root):
            raise VerificationError("checkpoint", signed.checkpoint.text(), proof.checkpoint.checkpoint.text())
        if not allow_unknown:
            _refuse_unknown(proof.checkpoint.note, trust, signed.origin)
    with _step(done, "the entry is in the tree of the checkpoint"):
        proof.check(leaf_hash(parsed.leaf))
    fields = {o.name: o.value for o in parsed.openings}
    return Verified(entry, proof.index, signed.origin, signed.size, signed.root, fields, cosignatures, tuple(done))


def _refuse_unknown(note: str, trust: TrustPolicy, origin: str) -> None:
    known = [(v.name, v.key_id) for v in trust.keys_of(origin)]
    known += [(w.verifier.name, w.verifier.key_id) for w in trust.witnesses.values()]
    seen = set()
    for signature in parse_note(note).signatures:
        key = (signature.name, signature.key_id)
        if key not in known or key in seen:
            raise VerificationError("signatures", "known keys, each once", f"{key[0]}+{key[1].hex()}")
        seen.add(key)


def looks_like_receipt(raw: bytes) -> bool:
    """Whether the bytes claim to be a receipt of this format; says nothing about their being right."""
    try:
        check_nesting(raw)
        value = json.loads(raw)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and value.get("format") == FORMAT
