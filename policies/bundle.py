"""Rule sets that travel: a manifest of hashes, signed by at least m of the people whose keys are trusted.

Format: docs/formats/policy-bundle.md. Verifying needs public keys only; signing is done by whoever holds a key,
outside.
"""

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from policies.texts import Texts

FORMAT: Final = "lianqiao-policy-bundle/1"
_AT_MOST: Final = 4 * 1024 * 1024
_DEEPEST: Final = 8
_BRACKETS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{\]}]')


class BundleError(Exception):
    """The bundle is not to be used; `code` says why in a stable word."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose signatures count (key id -> raw Ed25519 public key, 32 bytes), and how many different ones are needed."""

    keys: Mapping[str, bytes]
    threshold: int

    def __post_init__(self) -> None:
        if not 1 <= self.threshold <= len(self.keys):
            raise ValueError("the threshold must be between 1 and the number of keys")
        if len(set(self.keys.values())) != len(self.keys):
            raise ValueError("one key stands under two ids")


@dataclass(frozen=True, slots=True)
class Installed:
    """What is in force: the number of the last bundle and the hash of its manifest; `NOTHING` before the first."""

    sequence: int
    digest: str


NOTHING: Final = Installed(0, "")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A verified bundle: its texts, and what to remember as installed."""

    texts: Texts
    installed: Installed
    signers: tuple[str, ...]


def manifest(texts: Texts, after: Installed, created: int) -> bytes:
    """The bytes to sign for putting these texts in force after what is installed. `created` in microseconds, UTC."""
    return _canonical(
        {
            "format": FORMAT,
            "sequence": after.sequence + 1,
            "parent": after.digest,
            "created": created,
            "epoch": texts.epoch,
            "files": {path: hashlib.sha256(body.encode()).hexdigest() for path, body in texts.files.items()},
        }
    )


def message(manifest_bytes: bytes) -> bytes:
    """What an Ed25519 key signs: the format's name, a line feed, the manifest."""
    return FORMAT.encode() + b"\n" + manifest_bytes


def pack(texts: Texts, manifest_bytes: bytes, signatures: Mapping[str, bytes]) -> bytes:
    """The bundle as bytes, from a manifest and signatures by key id."""
    return _canonical(
        {
            "format": FORMAT,
            "manifest": manifest_bytes.decode(),
            "signatures": {key: base64.b64encode(value).decode() for key, value in signatures.items()},
            "files": dict(texts.files),
        }
    )


def verify(data: bytes, trust: Trust, installed: Installed) -> Bundle:
    """The texts of a bundle that may follow what is installed. `BundleError` otherwise; nothing in it is used before.

    Refused: too few trusted signatures, any byte changed, a file added or missing, an older or equal sequence
    (rollback), another parent (a fork).
    """
    raw = _object(data)
    if raw.get("format") != FORMAT or set(raw) != {"format", "manifest", "signatures", "files"}:
        raise BundleError("format", "not a policy bundle of this version")
    signed, files = raw["manifest"], raw["files"]
    if not isinstance(signed, str) or not isinstance(files, dict) or not isinstance(raw["signatures"], dict):
        raise BundleError("format", "manifest, files or signatures are of the wrong type")
    signers = _signers(signed.encode(), raw["signatures"], trust)
    if len(signers) < trust.threshold:
        raise BundleError("signatures", f"{len(signers)} of {trust.threshold} needed signatures are good")
    stated = _object(signed.encode())
    if _canonical(stated) != signed.encode() or stated.get("format") != FORMAT:
        raise BundleError("format", "the manifest is not in canonical form")
    hashes = {path: hashlib.sha256(str(body).encode()).hexdigest() for path, body in files.items()}
    if hashes != stated.get("files"):
        changed = sorted(set(hashes.items()) ^ set((stated.get("files") or {}).items()))
        raise BundleError("files", f"differs from the manifest: {changed[0][0] if changed else ''}")
    sequence = stated.get("sequence")
    if type(sequence) is not int or sequence <= installed.sequence:
        raise BundleError("rollback", f"number {sequence} is not after {installed.sequence}")
    if stated.get("parent") != installed.digest or sequence != installed.sequence + 1:
        raise BundleError("parent", "it follows another version than the one in force")
    texts = Texts({str(path): str(body) for path, body in files.items()})
    if stated.get("epoch") != texts.epoch:
        raise BundleError("files", "the epoch differs from the texts")
    return Bundle(texts, Installed(sequence, hashlib.sha256(signed.encode()).hexdigest()), signers)


def _signers(signed: bytes, signatures: Mapping[str, Any], trust: Trust) -> tuple[str, ...]:
    good: list[str] = []
    for key_id, value in sorted(signatures.items()):
        public = trust.keys.get(key_id)
        if public is None or not isinstance(value, str):
            continue
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(base64.b64decode(value, validate=True), message(signed))
        except (InvalidSignature, binascii.Error, ValueError):
            continue
        good.append(key_id)
    return tuple(good)


def _object(data: bytes) -> dict[str, Any]:
    if len(data) > _AT_MOST:
        raise BundleError("format", "larger than any rule set")
    if _nesting(data) > _DEEPEST:
        raise BundleError("format", "nested deeper than any bundle")
    try:
        raw = json.loads(data.decode("utf-8"), object_pairs_hook=_once)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError):
        raise BundleError("format", "not JSON") from None
    if not isinstance(raw, dict):
        raise BundleError("format", "not a JSON object")
    return raw


def _nesting(data: bytes) -> int:
    """How deep brackets nest outside strings. Asked before the reader recurses: some libraries raise Python's recursion
    limit, and then deep nesting ends the process instead of raising.
    """
    depth = deepest = 0
    for part in _BRACKETS.finditer(data):
        if part[0] in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif part[0] in b"]}":
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise BundleError("format", "a key stands twice")
    return result


def _canonical(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
