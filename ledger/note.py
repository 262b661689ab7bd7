"""The signed note of C2SP (signed-note v1.0.0): a text, an empty line, and signature lines that anybody may add to.

Parsing is strict: what two implementations could read differently is refused. Keys are Ed25519, type 0x01; the
timestamped kinds of witnesses are in `ledger.cosignature`.
"""

import base64
import binascii
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ledger.errors import MalformedError, VerificationError

ED25519 = 0x01
MAX_SIGNATURES = 100
MAX_NOTE_BYTES = 1_000_000
_DASH = "\u2014 "
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line: who says it signed, with which key, and what the kind of key defines."""

    name: str
    key_id: bytes
    payload: bytes

    def line(self) -> str:
        """The line as it stands in a note, with its newline."""
        return f"{_DASH}{self.name} {b64(self.key_id + self.payload)}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A text ending in a newline, and the signatures found under it; nothing is verified yet."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> str:
        """The note as it travels."""
        return self.text + "\n" + "".join(s.line() for s in self.signatures)


class Verifier(Protocol):
    """Checks the signatures of one key."""

    @property
    def name(self) -> str: ...
    @property
    def key_id(self) -> bytes: ...
    def vkey(self) -> str: ...
    def verify(self, text: str, payload: bytes) -> bool: ...


class NoteSigner(Protocol):
    """Signs note texts with one key, wherever that key lives. `at`: microseconds since the epoch, for timestamped
    kinds.
    """

    @property
    def name(self) -> str: ...
    @property
    def key_id(self) -> bytes: ...
    def vkey(self) -> str: ...
    def sign(self, text: str, at: int) -> Signature: ...


def b64(value: bytes) -> str:
    """Standard base64 with padding (RFC 4648, 4)."""
    return base64.b64encode(value).decode("ascii")


def unb64(value: str, what: str = "base64") -> bytes:
    """The bytes of the one canonical spelling; any other spelling (missing padding, stray bits) is `MalformedError`."""
    try:
        raw = base64.b64decode(value.encode("ascii"), validate=True)
    except (ValueError, binascii.Error) as error:
        raise MalformedError(what, "not base64") from error
    if b64(raw) != value:
        raise MalformedError(what, "not the canonical base64 of its bytes")
    return raw


@lru_cache(1024)  # the same few names again and again
def check_name(name: str) -> str:
    """The key name itself if it is allowed (not empty, no space of any kind, no control character, no plus sign)."""
    if not name or "+" in name or any(c.isspace() or unicodedata.category(c) in ("Cc", "Cs") for c in name):
        raise MalformedError("key name", "empty, or holds a space, a control character or a plus sign")
    return name


def key_id(name: str, kind: int, public: bytes) -> bytes:
    """The first four bytes of SHA-256(name || 0x0A || kind || public key)."""
    return hashlib.sha256(name.encode() + b"\n" + bytes([kind]) + public).digest()[:4]


def encode_vkey(name: str, kind: int, public: bytes) -> str:
    """The text form of a public key: name, key id in hexadecimal, base64 of kind and key, joined by plus signs."""
    return f"{check_name(name)}+{key_id(name, kind, public).hex()}+{b64(bytes([kind]) + public)}"


def decode_vkey(text: str) -> tuple[str, int, bytes]:
    """(name, kind, public key) of a vkey whose key id fits them; else `MalformedError`."""
    parts = text.split("+", 2)
    if len(parts) != 3:
        raise MalformedError("vkey", "needs a name, a key id and a key")
    name, identifier, rest = parts
    raw = unb64(rest, "vkey")
    if len(raw) < 2:
        raise MalformedError("vkey", "holds no key")
    if encode_vkey(name, raw[0], raw[1:]) != text:
        raise MalformedError("vkey", f"key id {identifier[:16]} does not fit name and key")
    return name, raw[0], raw[1:]


@dataclass(frozen=True, slots=True)
class NamedKey:
    """A public key under its name in notes; what every verifier shares. Subclasses say its kind and how it is loaded."""

    kind: ClassVar[int]
    algorithm: ClassVar[str]
    size: ClassVar[int]  # bytes of the public key

    name: str
    public: bytes
    _key: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.public) != self.size:
            raise MalformedError("vkey", f"an {self.algorithm} key has {self.size} bytes")
        object.__setattr__(self, "_key", self.load(self.public))

    @staticmethod
    def load(public: bytes, /) -> Any:
        """The key that `public` stands for."""
        raise NotImplementedError

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.kind, self.public)

    def vkey(self) -> str:
        return encode_vkey(self.name, self.kind, self.public)


class Ed25519Verifier(NamedKey):
    """Checks plain Ed25519 signatures over note texts (kind 0x01)."""

    __slots__ = ()
    kind, algorithm, size = ED25519, "Ed25519", 32
    load = staticmethod(Ed25519PublicKey.from_public_bytes)

    def verify(self, text: str, payload: bytes) -> bool:
        """Whether the payload is this key's signature over the text."""
        return ed25519_ok(self._key, payload, text.encode())


class Ed25519Signer:
    """Signs note texts with an Ed25519 seed held in memory (kind 0x01)."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self._seed = seed
        self.verifier = Ed25519Verifier(name, public_of(self._key))

    @classmethod
    def from_skey(cls, text: str) -> "Ed25519Signer":
        """From the text form PRIVATE+KEY+name+id+base64 of the Go implementation; else `MalformedError`."""
        parts = text.split("+", 4)
        if len(parts) != 5 or parts[:2] != ["PRIVATE", "KEY"]:
            raise MalformedError("private key", "does not begin with PRIVATE+KEY+")
        raw = unb64(parts[4], "private key")
        if len(raw) != 33 or raw[0] != ED25519:
            raise MalformedError("private key", "is no Ed25519 seed")
        signer = cls(check_name(parts[2]), raw[1:])
        if signer.key_id.hex() != parts[3]:
            raise MalformedError("private key", "key id does not fit name and key")
        return signer

    def skey(self) -> str:
        """The text form of the private key: a secret."""
        return f"PRIVATE+KEY+{self.name}+{self.key_id.hex()}+{b64(bytes([ED25519]) + self._seed)}"

    @property
    def name(self) -> str:
        return self.verifier.name

    @property
    def key_id(self) -> bytes:
        return self.verifier.key_id

    def vkey(self) -> str:
        return self.verifier.vkey()

    def sign(self, text: str, at: int = 0) -> Signature:
        """This key's signature over the text; the time plays no part in this kind."""
        return Signature(self.name, self.key_id, self._key.sign(text.encode()))


def public_of(key: Ed25519PrivateKey) -> bytes:
    """The 32 bytes of the public half."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def ed25519_ok(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    """Whether `signature` is right, as a value instead of an exception."""
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def check_text(text: str) -> str:
    """The text itself if a note may hold it: ends in a newline, no control character but newlines."""
    if not text.endswith("\n"):
        raise MalformedError("signed note", "the text does not end in a newline")
    if _CONTROL.search(text):
        raise MalformedError("signed note", "control character")
    return text


def sign_note(text: str, signers: Iterable[NoteSigner], at: int) -> str:
    """The note with one signature line a signer, in the order given."""
    return Note(check_text(text), tuple(s.sign(text, at) for s in signers)).encode()


def parse_signature(line: str) -> Signature:
    """One signature line without its newline; else `MalformedError`."""
    if not line.startswith(_DASH):
        raise MalformedError("signature line", "does not begin with an em dash and a space")
    parts = line.removeprefix(_DASH).split(" ")
    if len(parts) != 2:
        raise MalformedError("signature line", "needs a name and base64, with one space between")
    raw = unb64(parts[1], "signature line")
    if len(raw) < 5:
        raise MalformedError("signature line", "holds no signature")
    return Signature(check_name(parts[0]), raw[:4], raw[4:])


def parse_note(note: str | bytes) -> Note:
    """Text and signatures of a note, nothing verified; `MalformedError` for whatever the format does not allow."""
    if len(note) > MAX_NOTE_BYTES:
        raise MalformedError("signed note", "too long")
    try:
        whole = note.decode() if isinstance(note, bytes) else note
        whole.encode()
    except UnicodeError as error:
        raise MalformedError("signed note", "not UTF-8") from error
    if _CONTROL.search(whole):
        raise MalformedError("signed note", "control character")
    # the last empty line parts text from signatures, so the text may hold empty lines itself
    cut = whole.rfind("\n\n")
    if cut < 0 or not whole.endswith("\n"):
        raise MalformedError("signed note", "no signatures, or no newline at the end")
    text, lines = whole[: cut + 1], whole[cut + 2 : -1].split("\n")
    if len(lines) > MAX_SIGNATURES:
        raise MalformedError("signed note", f"more than {MAX_SIGNATURES} signatures")
    return Note(check_text(text), tuple(parse_signature(line) for line in lines))


def open_note(note: str | bytes | Note, verifiers: Sequence[Verifier]) -> tuple[Note, tuple[Signature, ...]]:
    """The note, and those of its signatures that known keys made, each key once.

    Unknown keys are passed over; a known key whose signature fails rejects the whole note, and so does the absence of
    any known key (C2SP signed-note): `VerificationError`.
    """
    parsed = note if isinstance(note, Note) else parse_note(note)
    known = {(v.name, v.key_id): v for v in verifiers}
    good: dict[tuple[str, bytes], Signature] = {}
    for signature in parsed.signatures:
        verifier = known.get((signature.name, signature.key_id))
        if verifier is None or (signature.name, signature.key_id) in good:
            continue
        if not verifier.verify(parsed.text, signature.payload):
            raise VerificationError(f"signature of {signature.name}", "valid", "invalid")
        good[signature.name, signature.key_id] = signature
    if not good:
        wanted = ", ".join(sorted(f"{v.name}+{v.key_id.hex()}" for v in verifiers)) or "nobody"
        found = ", ".join(f"{s.name}+{s.key_id.hex()}" for s in parsed.signatures)
        raise VerificationError("known signature", wanted, found)
    return parsed, tuple(good.values())
