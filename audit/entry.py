"""An event as bytes: the row with its place in the chain, and the log entry that shows nothing until it is opened."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json.encoder import encode_basestring
from typing import Any, Protocol

from audit.events import TEXT_COLUMNS, Detail, Event, UnfitEvent
from ledger.entry import SALT_BYTES, Opening, canonical, commit
from ledger.merkle import leaf_hash

KIND = "trail:event"
PLACE_COLUMNS = ("stream_id", "seq")
EVENT_COLUMNS = ("event_id", "at", *TEXT_COLUMNS, "items", "fields", "record_count", "details")
REQUIRED = frozenset({"event_id", "at", "actor", "action", "outcome"})
ROW_COLUMNS = (*PLACE_COLUMNS, *EVENT_COLUMNS, "prev_hash", "row_hash", "secret")

# RFC 9162 takes 0x00 for leaves and 0x01 for nodes; rows and streams never collide with them.
_ROW = b"\x02"
_STREAM = b"\x03"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class Row(Protocol):
    """A row by column name: what the database gives, or a dictionary."""

    def __getitem__(self, name: str, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Placed:
    """An event where it stands. `index` is its position in the trail's log, None until it is sealed."""

    event: Event
    stream_id: str
    seq: int
    prev_hash: bytes
    row_hash: bytes
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """The end of a stream: how many events it has, and the hash the next one is chained to."""

    stream_id: str
    seq: int
    hash: bytes


def stream_hash(stream: Row) -> bytes:
    """What the first event of a stream is chained to: whose stream it is, and where its predecessor ended."""
    names = ("stream_id", "origin", "kind", "replica", "opened_at", "after_stream", "after_seq")
    return _hashed(_STREAM, stream, ("after_head",), names)


def row_hash(row: Row) -> bytes:
    """SHA-256(0x02 || previous row's hash || secret || JSON list of place and columns): one changed bit changes it."""
    return _hashed(_ROW, row, ("prev_hash", "secret"), PLACE_COLUMNS + EVENT_COLUMNS)


def _hashed(prefix: bytes, row: Row, blobs: Sequence[str], columns: Sequence[str]) -> bytes:
    """The hash; b"", which is the hash of nothing, for a row whose values are not even of the types we write."""
    try:
        texts = _encode([row[name] for name in columns]).encode("utf-8", "surrogatepass")
        return hashlib.sha256(prefix + b"".join(row[name] for name in blobs) + texts).digest()
    except TypeError:
        return b""


def row_of(event: Event, after: Head, secret: bytes) -> dict[str, Any]:
    """The row of `event` as the next one after `after`, chained. What does not apply is NULL."""
    row: dict[str, Any] = {"stream_id": after.stream_id, "seq": after.seq + 1, "event_id": event.event_id}
    row["at"] = event.at
    for name in TEXT_COLUMNS:
        row[name] = getattr(event, name) or None
    row["items"] = " ".join(event.items) or None
    row["fields"] = " ".join(event.fields) or None
    row["record_count"] = event.record_count
    row["details"] = canonical(dict(event.details)).decode() if event.details else None
    row["prev_hash"] = after.hash
    row["secret"] = secret
    row["row_hash"] = row_hash(row)
    return row


def head_of(row: Row) -> Head:
    """The head of the stream after this row."""
    return Head(row["stream_id"], row["seq"], row["row_hash"])


def event_of(row: Row) -> Event:
    """The event in a row. Raises `UnfitEvent` for a row that no event of ours can have made."""
    details: Mapping[str, Detail] = {}
    if row["details"] is not None:
        try:
            details = json.loads(row["details"])
        except (ValueError, TypeError) as error:
            raise UnfitEvent("details", "not JSON") from error
        if not isinstance(details, dict) or not details:
            raise UnfitEvent("details", "want an object")
    texts: dict[str, Any] = {name: row[name] or "" for name in TEXT_COLUMNS}
    return Event(
        event_id=row["event_id"],
        at=row["at"],
        **texts,
        items=_codes(row, "items"),
        fields=_codes(row, "fields"),
        record_count=row["record_count"],
        details=details,
    )


def _codes(row: Row, column: str) -> tuple[str, ...]:
    text = row[column]
    if text is None:
        return ()
    if not isinstance(text, str):
        raise UnfitEvent(column, "want text")
    return tuple(text.split(" "))


def placed(row: Row, index: int | None = None) -> Placed:
    """The event in a row with its place. Raises `UnfitEvent` as `event_of` does."""
    return Placed(event_of(row), row["stream_id"], row["seq"], row["prev_hash"], row["row_hash"], index)


def leaf_of(event: Event, secret: bytes) -> bytes:
    """The entry of `event` in the trail's log: its id, its time, and a salted commitment to each of its columns.

    Byte for byte what `ledger.entry.commit` and `Entry.encode` make of it (a test holds them equal), in a third
    of the time: sealing should keep up with reading.
    """
    parts = []
    content = event.content()
    for name in sorted(content):
        value = content[name]
        salt = _b64(hmac.digest(secret, name.encode(), "sha256")[:SALT_BYTES])
        # `Event` holds texts to printable ASCII, whose canonical form is Python's own
        text = encode_basestring(value) if isinstance(value, str) else _encode(value)
        digest = _b64(hashlib.sha256(f'["{salt}","{name}",{text}]'.encode()).digest())
        parts.append(f'"{name}":"{digest}"')
    commitments = ",".join(parts)
    whole = f'{{"at":{event.at},"c":{{{commitments}}},"id":"{event.event_id}","t":"{KIND}","tags":[],"v":1}}'
    return whole.encode()


def _b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def leaf_hash_of(row: Row) -> bytes:
    """The leaf hash of the row's event in the trail's log. Raises `UnfitEvent` as `event_of` does."""
    return leaf_hash(leaf_of(event_of(row), row["secret"]))


def openings_of(event: Event, secret: bytes, fields: frozenset[str] | None = None) -> tuple[Opening, ...]:
    """What opens the commitments to `fields` (all of them when None), and to no other."""
    return tuple(o for o in commit(event.content(), secret).openings if fields is None or o.name in fields)
