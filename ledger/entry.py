"""What stands in a log: canonical JSON with salted commitments, so that a field can be shown alone and nothing guessed.

An entry names nobody. Parties appear as tags that only they can recognise, fields as digests of (salt, name, value)
in the way of SD-JWT (RFC 9901); the openings are kept elsewhere, sealed, and shredding them leaves the log
verifiable.
"""

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

from ledger.errors import MalformedError

Value = str | int | bool
Json = str | int | bool | list["Json"] | dict[str, "Json"]

VERSION = 1
MAX_ENTRY_BYTES = 65_534  # below 65,535: the length prefix of an entry bundle has 16 bits
MAX_INTEGER = 2**53 - 1  # what every JSON reader keeps exactly (RFC 8785, 3.2.2.3)
SALT_BYTES = 16
SECRET_BYTES = 32
_MAX_DEPTH = 16
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")
_KIND = re.compile(r"[a-z][a-z0-9_-]*(?:[:.][a-z0-9_-]+)*")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_UUID4 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
_TAG = re.compile(r"[A-Za-z0-9_-]{22}")


def b64url(value: bytes) -> str:
    """URL-safe base64 without padding (RFC 4648, 5)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def unb64url(text: str, what: str) -> bytes:
    """The bytes of the one canonical spelling; else `MalformedError`."""
    if re.fullmatch(r"[A-Za-z0-9_-]*", text) is None or len(text) % 4 == 1:
        raise MalformedError(what, "not base64url")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if b64url(raw) != text:
        raise MalformedError(what, "not the canonical base64url of its bytes")
    return raw


def canonical(value: Json | Sequence[Json] | Mapping[str, Json]) -> bytes:
    """The one byte form of a value made of strings, integers, booleans, lists and objects (a subset of RFC 8785).

    Keys are ASCII. There are no nulls and no fractions, and integers stay below 2^53, so that no reader can differ.
    `MalformedError` for anything else.
    """
    _check(value, 0)
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise MalformedError("canonical JSON", "a lone surrogate") from error


def _check(value: object, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise MalformedError("canonical JSON", "nested too deeply")
    if isinstance(value, bool | str):
        return
    if isinstance(value, int):
        if abs(value) > MAX_INTEGER:
            raise MalformedError("canonical JSON", "an integer beyond 2^53 - 1")
    elif isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise MalformedError("canonical JSON", "a key that is not ASCII")
            _check(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(inner, depth + 1)
    else:
        raise MalformedError("canonical JSON", f"a {type(value).__name__} has no place here")


def parse_canonical(raw: bytes) -> Json:
    """The value whose canonical form is exactly these bytes; `MalformedError` when there is none."""
    check_nesting(raw)
    try:
        value = json.loads(raw.decode(), parse_constant=_refuse, parse_float=_refuse)
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        if isinstance(error, MalformedError):
            raise
        raise MalformedError("canonical JSON", "not JSON") from error
    if canonical(value) != raw:
        raise MalformedError("canonical JSON", "another spelling than the canonical one")
    return cast(Json, value)


def check_nesting(raw: bytes) -> None:
    """True afterwards: no list or object lies deeper than 16 levels. Else `MalformedError`.

    Looked at before the JSON reader sees it: that one recurses, and where a library has raised the interpreter's limit,
    deep nesting ends the process.
    """
    depth = 0
    for bracket in _BRACKET.finditer(_STRING.sub(b"", raw)):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > _MAX_DEPTH + 1:
            raise MalformedError("canonical JSON", "nested too deeply")


def _refuse(text: str) -> None:
    raise MalformedError("canonical JSON", f"the number {text[:20]} is no integer")


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens one commitment: whoever holds it can show this field, and no other."""

    salt: str
    name: str
    value: Value

    def digest(self) -> str:
        """The commitment it opens: base64url of SHA-256(canonical([salt, name, value]))."""
        return b64url(hashlib.sha256(canonical([self.salt, self.name, self.value])).digest())

    def encode(self) -> list[Json]:
        """The form in which it travels."""
        return [self.salt, self.name, self.value]

    @classmethod
    def decode(cls, raw: Json) -> "Opening":
        """From the form in which it travels; else `MalformedError`."""
        match raw:
            case [str(salt), str(name), bool() | int() | str() as value]:
                if len(unb64url(salt, "opening")) < SALT_BYTES:
                    raise MalformedError("opening", f"a salt has at least {SALT_BYTES} bytes")
                return cls(salt, name, value)
        raise MalformedError("opening", "needs a salt, a name and a value")


@dataclass(frozen=True, slots=True)
class Commitment:
    """Digests for the entry, which says nothing, and openings for those who are entitled to them."""

    digests: dict[str, str]
    openings: tuple[Opening, ...]


def commit(fields: Mapping[str, Value], secret: bytes) -> Commitment:
    """Commit to each field under its own salt, drawn from a secret of 32 random bytes that belongs to this entry alone.

    The same secret gives the same salts again, so keeping it (sealed) is enough to open every field, and losing it
    opens none. `MalformedError` for a short secret or a name that cannot stand in an entry.
    """
    if len(secret) != SECRET_BYTES:
        raise MalformedError("commitment", f"the secret has {SECRET_BYTES} bytes")
    openings = []
    for name in sorted(fields):
        if not _FIELD.fullmatch(name):
            raise MalformedError("commitment", "field names are short ASCII words")
        salt = hmac.digest(secret, name.encode(), "sha256")[:SALT_BYTES]
        openings.append(Opening(b64url(salt), name, fields[name]))
    return Commitment({o.name: o.digest() for o in openings}, tuple(openings))


def party_tag(partner_key: bytes, entry_id: str) -> str:
    """The tag by which one partner, holding its key, finds its own entries; to anybody else it is random (22
    characters).
    """
    if len(partner_key) < SECRET_BYTES:
        raise MalformedError("party tag", f"the key has at least {SECRET_BYTES} bytes")
    return b64url(hmac.digest(partner_key, b"lianqiao/party-tag/v1\n" + entry_id.encode(), "sha256")[:16])


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened: what kind, when (microseconds), commitments, tags of the parties, and public data if
    any.
    """

    kind: str
    entry_id: str
    at: int
    digests: Mapping[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    # for keys, roots and the id of an earlier entry: never anything of a person or a client
    data: Mapping[str, Json] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The leaf: canonical JSON of at most 65,534 bytes; `MalformedError` when a part is not allowed."""
        _check_entry(self)
        whole: dict[str, Json] = {"v": VERSION, "t": self.kind, "id": self.entry_id, "at": self.at}
        whole |= {"c": dict(self.digests), "tags": list(self.tags)}
        if self.data:
            whole["d"] = dict(self.data)
        raw = canonical(whole)
        if len(raw) > MAX_ENTRY_BYTES:
            raise MalformedError("entry", f"more than {MAX_ENTRY_BYTES} bytes")
        return raw


def _check_entry(entry: Entry) -> None:
    if not _KIND.fullmatch(entry.kind) or len(entry.kind) > 64:
        raise MalformedError("entry", "the kind is no short word such as grant:approved")
    if not _UUID4.fullmatch(entry.entry_id):
        raise MalformedError("entry", "the id is no random UUID")
    if entry.at < 0:
        raise MalformedError("entry", "a time before the epoch")
    for name, digest in entry.digests.items():
        if not _FIELD.fullmatch(name) or len(digest) != 43 or len(unb64url(digest, "entry")) != 32:
            raise MalformedError("entry", "a commitment is a field name and a digest of 32 bytes")
    if any(not _TAG.fullmatch(tag) for tag in entry.tags):
        raise MalformedError("entry", "a tag has 22 base64url characters")


def parse_entry(raw: bytes) -> Entry:
    """The entry whose leaf is exactly these bytes; `MalformedError` when there is none."""
    if len(raw) > MAX_ENTRY_BYTES:
        raise MalformedError("entry", f"more than {MAX_ENTRY_BYTES} bytes")
    value = parse_canonical(raw)
    if not isinstance(value, dict) or value.get("v") is True or value.get("v") != VERSION:
        raise MalformedError("entry", f"not an entry of version {VERSION}")
    keys = {"v", "t", "id", "at", "c", "tags"}
    if set(value) - {"d"} != keys:
        raise MalformedError("entry", "unknown or missing members")
    match value:
        case {"t": str(kind), "id": str(entry_id), "at": int(at), "c": dict(digests), "tags": list(tags)}:
            data = value.get("d", {})
            entry = Entry(kind, entry_id, at, digests, tuple(tags), data)  # type: ignore[arg-type]
        case _:
            raise MalformedError("entry", "a member of the wrong type")
    if isinstance(at, bool) or not isinstance(data, dict) or ("d" in value and not data):
        raise MalformedError("entry", "a member of the wrong type")
    if not all(isinstance(x, str) for x in (*digests.values(), *tags)):
        raise MalformedError("entry", "a member of the wrong type")
    _check_entry(entry)
    return entry
