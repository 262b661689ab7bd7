"""The gateway's own secrets at rest (seeds of second factors, partners' tag keys): sealed under keys of their own.

They are no shared data: nothing a decision could release, so they are opened without one, and never leave the process.
Layout: magic `LT`, format 1, suite, lineage (8 bytes), key version (4, big-endian), nonce (12), ciphertext and tag.
"""

import os
import struct

from cryptography.exceptions import InvalidTag

from gateway.keys.suites import NONCE_BYTES
from gateway.sealing.errors import KeyUnusable, SealBroken
from gateway.sealing.groupkey import GroupKey, key_id_of

_HEAD = struct.Struct(">2sBB8sI12s")
_BOUND = _HEAD.size - NONCE_BYTES
_MAGIC, _FORMAT = b"LT", 1
SIGN_IN = "sign-in"  # compartment of the seeds of second factors
PARTY_TAG = "party-tag"  # compartment of the keys with which partners find their entries on the ledger
WEBHOOK = "webhook"  # compartment of the secrets that sign what is posted to partners
ATTACHMENT = "attachment"  # compartment of the documents that come with access requests
OWN_COMPARTMENTS = frozenset({SIGN_IN, PARTY_TAG, WEBHOOK, ATTACHMENT})


def seal_secret(key: GroupKey, subject: str, secret: bytes) -> bytes:
    """`secret` sealed for `subject` (an identifier) in the key's compartment. Counts as one use of the key."""
    _own(key)
    nonce = os.urandom(NONCE_BYTES)
    head = _HEAD.pack(_MAGIC, _FORMAT, key.suite.id, bytes.fromhex(key.lineage), key.version, nonce)
    return head + key.aead.encrypt(nonce, secret, _bound(key, subject, head))


def secret_key_id(sealed: bytes) -> str:
    """The key that opens it. Raises `SealBroken` for bytes of another form."""
    if len(sealed) <= _HEAD.size or sealed[:2] != _MAGIC or sealed[2] != _FORMAT:
        raise SealBroken("this is not a sealed secret of a known format")
    _, _, _, lineage, version, _ = _HEAD.unpack_from(sealed)
    return key_id_of(lineage.hex(), version)


def open_secret(key: GroupKey, subject: str, sealed: bytes) -> bytes:
    """The secret. Raises `SealBroken` when it was changed, or belongs to another subject, compartment or key."""
    _own(key)
    if secret_key_id(sealed) != key.key_id or sealed[3] != key.suite.id:
        raise SealBroken("the secret is sealed under another key")
    nonce = sealed[_BOUND : _HEAD.size]
    try:
        return key.aead.decrypt(nonce, sealed[_HEAD.size :], _bound(key, subject, sealed))
    except InvalidTag:
        raise SealBroken("the sealed secret was changed or belongs elsewhere") from None


def _own(key: GroupKey) -> None:
    if key.use != "seal" or key.compartment not in OWN_COMPARTMENTS:
        raise KeyUnusable(f"key {key.key_id} is not for the gateway's own secrets")


def _bound(key: GroupKey, subject: str, head: bytes) -> bytes:
    compartment, raw = key.compartment.encode(), subject.encode()
    lengths = struct.pack(">HH", len(compartment), len(raw))
    return b"lianqiao own secret 1\x00" + lengths + compartment + raw + head[:_BOUND]
