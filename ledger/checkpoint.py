"""What a log commits to at one size (C2SP tlog-checkpoint): its origin, its size, its root, in three lines."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ledger.errors import MalformedError, VerificationError
from ledger.merkle import EMPTY_ROOT, HASH_SIZE
from ledger.note import Note, Verifier, b64, check_name, open_note, parse_note, unb64

MAX_SIZE = 2**63 - 1  # what a signed 64-bit column and every other implementation can hold
_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A size and the root at that size of the log named `origin`."""

    origin: str
    size: int
    root: bytes

    def __post_init__(self) -> None:
        check_name(self.origin)
        if not 0 <= self.size <= MAX_SIZE:
            raise MalformedError("checkpoint", "size out of range")
        if len(self.root) != HASH_SIZE:
            raise MalformedError("checkpoint", "the root has 32 bytes")

    def text(self) -> str:
        """The note text that is signed."""
        return f"{self.origin}\n{self.size}\n{b64(self.root)}\n"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint and the note it stands in, signatures included."""

    checkpoint: Checkpoint
    note: str

    @property
    def origin(self) -> str:
        return self.checkpoint.origin

    @property
    def size(self) -> int:
        return self.checkpoint.size

    @property
    def root(self) -> bytes:
        return self.checkpoint.root

    def with_lines(self, lines: Sequence[str]) -> "SignedCheckpoint":
        """The same checkpoint with more signature lines under it, each ending in a newline."""
        return SignedCheckpoint(self.checkpoint, self.note + "".join(lines))


def parse_size(text: str, what: str = "checkpoint") -> int:
    """A decimal number without sign, spaces or leading zeros, at most 2^63 - 1; else `MalformedError`."""
    if not _SIZE.fullmatch(text) or int(text) > MAX_SIZE:
        raise MalformedError(what, "not a plain decimal number of at most 2^63 - 1")
    return int(text)


def parse_hash(text: str, what: str) -> bytes:
    """Base64 of exactly 32 bytes; else `MalformedError`."""
    raw = unb64(text, what)
    if len(raw) != HASH_SIZE:
        raise MalformedError(what, "a hash has 32 bytes")
    return raw


def parse_checkpoint(text: str) -> Checkpoint:
    """The checkpoint in a note text. Extension lines are refused: implementations disagree on who signs them."""
    lines = text.split("\n")
    if lines[-1] or len(lines) < 4:
        raise MalformedError("checkpoint", "needs three lines, each ending in a newline")
    if len(lines) > 4:
        raise MalformedError("checkpoint", "extension lines are not accepted")
    return Checkpoint(lines[0], parse_size(lines[1]), parse_hash(lines[2], "checkpoint"))


def parse_signed(note: str | bytes) -> tuple[SignedCheckpoint, Note]:
    """A checkpoint with its note, nothing verified; else `MalformedError`."""
    parsed = parse_note(note)
    return SignedCheckpoint(parse_checkpoint(parsed.text), parsed.encode()), parsed


def open_checkpoint(note: str | bytes, verifiers: Sequence[Verifier]) -> SignedCheckpoint:
    """A checkpoint signed by at least one of these keys of its log; else `MalformedError` or `VerificationError`.

    Keys count only under the origin as their name, so that one log cannot speak for another.
    """
    signed, parsed = parse_signed(note)
    open_note(parsed, [v for v in verifiers if v.name == signed.origin])
    if signed.size == 0 and signed.root != EMPTY_ROOT:
        raise VerificationError("root of the empty tree", EMPTY_ROOT, signed.root)
    return signed
