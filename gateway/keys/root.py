"""How a root key held by this process wraps: the same bytes for the key file and the in-memory provider."""

import os
import struct
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag

from gateway.keys.interface import ProviderWrongKey
from gateway.keys.suites import NONCE_BYTES, SUITES, TAG_BYTES, Suite

# magic, format version, suite, root version; docs/formats/wrapped-key.md
_HEAD = struct.Struct(">2sBBI")
_MAGIC = b"LW"
_FORMAT = 1


def _bound(head: bytes, context: bytes) -> bytes:
    return b"lianqiao root wrap 1\x00" + head + context


def wrap_under(root: bytes, version: int, suite: Suite, key: bytes, context: bytes) -> bytes:
    """`key` sealed under the root key `root`, bound to `context`; layout in docs/formats/wrapped-key.md."""
    head = _HEAD.pack(_MAGIC, _FORMAT, suite.id, version)
    nonce = os.urandom(NONCE_BYTES)
    return head + nonce + suite.seal(root, nonce, key, _bound(head, context))


def wrapped_version(wrapped: bytes) -> int:
    """The root version named in `wrapped`. Raises `ProviderWrongKey` when these are no wrapped bytes of ours."""
    if len(wrapped) < _HEAD.size + NONCE_BYTES + TAG_BYTES:
        raise ProviderWrongKey("the wrapped key is too short")
    magic, form, suite_id, version = _HEAD.unpack_from(wrapped)
    if magic != _MAGIC or form != _FORMAT or suite_id not in SUITES:
        raise ProviderWrongKey("the wrapped key is not in a format this provider writes")
    return int(version)


def unwrap_under(roots: Mapping[int, bytes], wrapped: bytes, context: bytes) -> bytes:
    """The key inside. Raises `ProviderWrongKey` when the version is gone, or key, context or bytes do not fit."""
    version = wrapped_version(wrapped)
    root = roots.get(version)
    if root is None:
        raise ProviderWrongKey(f"root key version {version} is not held here (destroyed, or another key file)")
    head, nonce = wrapped[: _HEAD.size], wrapped[_HEAD.size : _HEAD.size + NONCE_BYTES]
    suite = SUITES[head[3]]
    if len(root) != suite.key_bytes:
        raise ProviderWrongKey("the wrapped key names a suite that this root key does not belong to")
    try:
        return suite.open(root, nonce, wrapped[_HEAD.size + NONCE_BYTES :], _bound(head, context))
    except InvalidTag:
        raise ProviderWrongKey("the wrapped key, its context or the root key do not belong together") from None
