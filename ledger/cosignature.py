"""What a witness adds under a checkpoint (C2SP tlog-cosignature): "the largest consistent tree I have seen, and when".

Two kinds: Ed25519 (0x04) over the note text and a time, and ML-DSA-44 (0x06) over a binary message, which a log may
also put under its own checkpoints as a second, post-quantum signature.
"""

import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey

from ledger.checkpoint import MAX_SIZE, Checkpoint, parse_checkpoint
from ledger.errors import MalformedError
from ledger.note import (
    ED25519,
    Ed25519Verifier,
    NamedKey,
    Signature,
    Verifier,
    decode_vkey,
    ed25519_ok,
    public_of,
)

COSIGNATURE_ED25519 = 0x04
COSIGNATURE_MLDSA44 = 0x06
_MICROSECONDS = 1_000_000


def ed25519_message(text: str, seconds: int) -> bytes:
    """What an Ed25519 cosigner signs: a header, the time, and the whole note text."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def mldsa_message(name: str, checkpoint: Checkpoint, seconds: int) -> bytes:
    """What an ML-DSA-44 cosigner signs: header, its own name, the time, and the subtree [0, size) of the log."""
    cosigner, origin = name.encode(), checkpoint.origin.encode()
    if max(len(cosigner), len(origin)) > 255:
        raise MalformedError("cosignature", "names have at most 255 bytes")
    return b"".join(
        (
            b"subtree/v1\n\0",
            bytes([len(cosigner)]) + cosigner,
            struct.pack(">Q", seconds),
            bytes([len(origin)]) + origin,
            struct.pack(">QQ", 0, checkpoint.size),
            checkpoint.root,
        )
    )


def seconds_of(signature: Signature) -> int:
    """The time in a cosignature, seconds since the epoch by the witness's clock; `MalformedError` if it cannot be
    one.
    """
    if len(signature.payload) <= 8:
        raise MalformedError("cosignature", "holds no time and signature")
    seconds = int(struct.unpack(">Q", signature.payload[:8])[0])
    if seconds > MAX_SIZE:
        raise MalformedError("cosignature", "time out of range")
    return seconds


class CosignatureVerifier(NamedKey):
    """Checks timestamped Ed25519 cosignatures (kind 0x04)."""

    __slots__ = ()
    kind, algorithm, size = COSIGNATURE_ED25519, "Ed25519", 32
    load = staticmethod(Ed25519PublicKey.from_public_bytes)

    def verify(self, text: str, payload: bytes) -> bool:
        """Whether time and signature in the payload are this key's over the text."""
        if len(payload) != 72:
            return False
        seconds = int(struct.unpack(">Q", payload[:8])[0])
        return seconds <= MAX_SIZE and ed25519_ok(self._key, payload[8:], ed25519_message(text, seconds))


class MldsaVerifier(NamedKey):
    """Checks timestamped ML-DSA-44 cosignatures (kind 0x06, FIPS 204)."""

    __slots__ = ()
    kind, algorithm, size = COSIGNATURE_MLDSA44, "ML-DSA-44", 1312
    load = staticmethod(MLDSA44PublicKey.from_public_bytes)

    def verify(self, text: str, payload: bytes) -> bool:
        """Whether time and signature in the payload are this key's over the checkpoint in the text."""
        if len(payload) != 8 + 2420:
            return False
        seconds = int(struct.unpack(">Q", payload[:8])[0])
        if seconds > MAX_SIZE:
            return False
        try:
            self._key.verify(payload[8:], mldsa_message(self.name, parse_checkpoint(text), seconds))
        except (InvalidSignature, MalformedError):
            return False
        return True


class Cosigner:
    """Signs as a witness with an Ed25519 seed held in memory (kind 0x04). One key a cosigner: the message names
    none.
    """

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.verifier = CosignatureVerifier(name, public_of(self._key))

    @property
    def name(self) -> str:
        return self.verifier.name

    @property
    def key_id(self) -> bytes:
        return self.verifier.key_id

    def vkey(self) -> str:
        return self.verifier.vkey()

    def sign(self, text: str, at: int) -> Signature:
        """The cosignature of a checkpoint text at `at` microseconds, cut to whole seconds."""
        seconds = at // _MICROSECONDS
        raw = struct.pack(">Q", seconds) + self._key.sign(ed25519_message(text, seconds))
        return Signature(self.name, self.key_id, raw)


class MldsaSigner:
    """Signs checkpoints with an ML-DSA-44 seed of 32 bytes held in memory (kind 0x06)."""

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = MLDSA44PrivateKey.from_seed_bytes(seed)
        self.verifier = MldsaVerifier(name, self._key.public_key().public_bytes_raw())

    @property
    def name(self) -> str:
        return self.verifier.name

    @property
    def key_id(self) -> bytes:
        return self.verifier.key_id

    def vkey(self) -> str:
        return self.verifier.vkey()

    def sign(self, text: str, at: int) -> Signature:
        """The signature of a checkpoint text at `at` microseconds, cut to whole seconds."""
        seconds = at // _MICROSECONDS
        message = mldsa_message(self.name, parse_checkpoint(text), seconds)
        return Signature(self.name, self.key_id, struct.pack(">Q", seconds) + self._key.sign(message))


def parse_verifier(vkey: str) -> Verifier:
    """The verifier of a vkey of any kind we know; `MalformedError` for others."""
    name, kind, public = decode_vkey(vkey)
    if kind == ED25519:
        return Ed25519Verifier(name, public)
    if kind == COSIGNATURE_ED25519:
        return CosignatureVerifier(name, public)
    if kind == COSIGNATURE_MLDSA44:
        return MldsaVerifier(name, public)
    raise MalformedError("vkey", f"unknown kind 0x{kind:02x}")
