"""A proof of inclusion that travels alone (C2SP tlog-proof v1): index, path and checkpoint, as text."""

from dataclasses import dataclass

from ledger.checkpoint import SignedCheckpoint, parse_hash, parse_signed, parse_size
from ledger.errors import MalformedError
from ledger.merkle import verify_inclusion
from ledger.note import b64, unb64

HEADER = "c2sp.org/tlog-proof@v1"
_WHAT = "tlog-proof"
_MAX_PATH = 63


@dataclass(frozen=True, slots=True)
class TlogProof:
    """Where an entry stands under a checkpoint. `extra` comes with it and is not authenticated."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: SignedCheckpoint
    extra: bytes | None = None

    def encode(self) -> str:
        """The text form; by convention in a file named *.tlog-proof."""
        lines = [HEADER]
        if self.extra is not None:
            lines.append(f"extra {b64(self.extra)}")
        lines.append(f"index {self.index}")
        lines += [b64(h) for h in self.path]
        return "\n".join(lines) + "\n\n" + self.checkpoint.note

    def check(self, leaf: bytes) -> None:
        """True afterwards: the checkpoint's tree has this leaf hash at the index. Signatures are not looked at here."""
        verify_inclusion(leaf, self.index, self.checkpoint.size, self.path, self.checkpoint.root)


def parse_proof(text: str | bytes) -> TlogProof:
    """The proof in its text form, nothing verified; `MalformedError` for whatever the format does not allow."""
    try:
        whole = text.decode() if isinstance(text, bytes) else text
    except UnicodeDecodeError as error:
        raise MalformedError(_WHAT, "not UTF-8") from error
    head, gap, note = whole.partition("\n\n")
    lines = head.split("\n")
    if not gap or lines[0] != HEADER:
        raise MalformedError(_WHAT, f"does not begin with {HEADER}, or holds no checkpoint")
    rest, extra = lines[1:], None
    if rest and rest[0].startswith("extra "):
        extra = unb64(rest[0].removeprefix("extra "), _WHAT)
        rest = rest[1:]
    if not rest or not rest[0].startswith("index "):
        raise MalformedError(_WHAT, "no index line")
    if len(rest) - 1 > _MAX_PATH:
        raise MalformedError(_WHAT, f"more than {_MAX_PATH} hashes")
    index = parse_size(rest[0].removeprefix("index "), _WHAT)
    path = tuple(parse_hash(line, _WHAT) for line in rest[1:])
    signed, _ = parse_signed(note)
    return TlogProof(index, path, signed, extra)
