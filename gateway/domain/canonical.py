"""One value, one byte string: the form in which terms and catalogues are hashed."""

import hashlib
import json
from collections.abc import Mapping


def canonical(value: Mapping[str, object]) -> bytes:
    """`value` as canonical JSON (RFC 8785), for strings, integers, booleans, lists and mappings with ASCII keys.

    Anything else, `None` and floats above all, raises `TypeError`: a value with two spellings must not be signed.
    """
    _check(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def fingerprint(value: Mapping[str, object]) -> str:
    """SHA-256 of the canonical form, 64 lower-case hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _check(value: object) -> None:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise TypeError(f"canonical JSON takes ASCII keys only, not {key!r}")
            _check(inner)
    elif isinstance(value, (list, tuple)):
        for inner in value:
            _check(inner)
    elif not isinstance(value, (str, int)):
        raise TypeError(f"canonical JSON takes no {type(value).__name__}")
    elif isinstance(value, int) and abs(value) > 2**53 - 1:
        raise TypeError("canonical JSON takes integers up to 2**53 - 1 only")
