"""Algorithm suites: what seals, what digests, and how long the keys are. International by default, GM by choice."""

import hashlib
import hmac as _hmac
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, AESGCMSIV

NONCE_BYTES = 12
TAG_BYTES = 16


class Aead(Protocol):
    """One key, ready for use. `decrypt` raises `cryptography.exceptions.InvalidTag` on anything that was changed."""

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...
    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes: ...


class Sm4Gcm:
    """SM4-GCM (RFC 8998; GB/T 32907-2016) in the shape of the one-shot AEAD classes, which lack it."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        self._key = algorithms.SM4(key)

    def encrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        encryptor = Cipher(self._key, modes.GCM(nonce)).encryptor()
        if associated_data:
            encryptor.authenticate_additional_data(associated_data)
        return encryptor.update(data) + encryptor.finalize() + encryptor.tag

    def decrypt(self, nonce: bytes, data: bytes, associated_data: bytes | None) -> bytes:
        if len(data) < TAG_BYTES:
            raise InvalidTag
        decryptor = Cipher(self._key, modes.GCM(nonce, data[-TAG_BYTES:])).decryptor()
        if associated_data:
            decryptor.authenticate_additional_data(associated_data)
        plaintext = decryptor.update(data[:-TAG_BYTES])
        # The text is only handed out after the tag has been checked.
        return plaintext + decryptor.finalize()


@dataclass(frozen=True, slots=True)
class Suite:
    """A set of algorithms under one number, which stands in every sealed blob and never changes its meaning."""

    id: int
    name: str
    key_bytes: int
    gm: bool
    cipher: type[AESGCM] | type[AESGCMSIV] | type[Sm4Gcm]

    def aead(self, key: bytes) -> Aead:
        """The cipher with `key` set. Raises `ValueError` when the key has the wrong length."""
        if len(key) != self.key_bytes:
            raise ValueError(f"{self.name} takes a key of {self.key_bytes} bytes, not {len(key)}")
        return self.cipher(key)

    def seal(self, key: bytes, nonce: bytes, plaintext: bytes, aad: bytes) -> bytes:
        """Ciphertext and tag (16 bytes). The nonce (12 bytes) must never be used twice with one key."""
        if len(nonce) != NONCE_BYTES:
            raise ValueError("the nonce has 12 bytes")
        return self.aead(key).encrypt(nonce, plaintext, aad)

    def open(self, key: bytes, nonce: bytes, ciphertext: bytes, aad: bytes) -> bytes:
        """The plaintext. Raises `cryptography.exceptions.InvalidTag` when anything was changed."""
        return self.aead(key).decrypt(nonce, ciphertext, aad)

    def digest(self, data: bytes) -> bytes:
        """SHA-256, or SM3 (GB/T 32905-2016) in the GM suite; 32 bytes either way."""
        if not self.gm:
            return hashlib.sha256(data).digest()
        return hashes.Hash.hash(hashes.SM3(), data)

    def mac(self, key: bytes, data: bytes) -> bytes:
        """HMAC over SHA-256 or SM3, 32 bytes."""
        if not self.gm:
            return _hmac.digest(key, data, "sha256")
        keyed = hmac.HMAC(key, hashes.SM3())
        keyed.update(data)
        return keyed.finalize()

    def hash(self) -> hashes.HashAlgorithm:
        """The hash of this suite for key derivation."""
        return hashes.SM3() if self.gm else hashes.SHA256()


AES_256_GCM = Suite(0x01, "AES-256-GCM", 32, False, AESGCM)
AES_256_GCM_SIV = Suite(0x02, "AES-256-GCM-SIV", 32, False, AESGCMSIV)
SM4_GCM = Suite(0x11, "SM4-GCM", 16, True, Sm4Gcm)

SUITES: dict[int, Suite] = {suite.id: suite for suite in (AES_256_GCM, AES_256_GCM_SIV, SM4_GCM)}
SUITES_BY_NAME: dict[str, Suite] = {suite.name: suite for suite in SUITES.values()}
DEFAULT_SUITE = AES_256_GCM


def suite_named(name: str) -> Suite:
    """The suite called `name`. Raises `ValueError` naming the known ones."""
    if name not in SUITES_BY_NAME:
        raise ValueError(f"unknown suite {name!r}; known: {', '.join(SUITES_BY_NAME)}")
    return SUITES_BY_NAME[name]
