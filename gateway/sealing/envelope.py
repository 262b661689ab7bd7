"""One sealed blob per record and compartment, under a data key of its own, bound to the place it belongs to.

Layouts byte by byte: docs/formats/sealed-record.md and wrapped-key.md. The version of the group key stands only beside
the wrapped data key, so that a rotation rewraps data keys and never touches a blob.
"""

import math
import os
import struct
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple

import orjson
from cryptography.exceptions import InvalidTag

from gateway.errors import Problem
from gateway.keys.suites import NONCE_BYTES, SUITES, TAG_BYTES, Suite
from gateway.sealing.errors import VALUE_NOT_SEALABLE, KeyUnusable, NotCovered, SealBroken
from gateway.sealing.groupkey import GroupKey
from policies.decision import Allowed

# magic, format version, suite, flags, reserved; schema version, lineage, generation; then the nonce
_HEAD = struct.Struct(">6sH8sI")
_BOUND = _HEAD.size
HEAD_BYTES = _BOUND + NONCE_BYTES
_MAGIC = b"LS"
_FORMAT = 1
_BY_START = {_MAGIC + bytes([_FORMAT, suite_id]): suite for suite_id, suite in SUITES.items()}
_FIXED = {suite_id: _MAGIC + bytes([_FORMAT, suite_id, 0, 0]) for suite_id in SUITES}
_WRAP_BOUND = 8  # magic, format version, suite of the group key, its version; then the nonce
_WRAP_BYTES = _WRAP_BOUND + NONCE_BYTES
# What is sealed is what is opened: no silent conversion of dates, data classes or subclasses into something else.
_JSON = (
    orjson.OPT_SORT_KEYS
    | orjson.OPT_PASSTHROUGH_DATETIME
    | orjson.OPT_PASSTHROUGH_DATACLASS
    | orjson.OPT_PASSTHROUGH_SUBCLASS
)
_OPENING = frozenset({"read", "verify", "export"})


class Place(NamedTuple):
    """Where a blob belongs. Every part is authenticated; none but generation and schema version is stored with it."""

    dataset: str
    record: str
    compartment: str
    owner: str
    generation: int
    schema_version: int = 1


class SealedRecord(NamedTuple):
    """What is stored: the blob beside the record, the wrapped data key (with `key_id`) in its own table."""

    blob: bytes
    wrapped: bytes
    key_id: str


@lru_cache(maxsize=4096)
def _shared(dataset: str, compartment: str, owner: str) -> bytes:
    """The part of the associated data that all records of one owner's compartment have in common."""
    return b"lianqiao record 1\x00" + b"".join(_lp(part) for part in (dataset, compartment, owner))


def _lp(part: str) -> bytes:
    raw = part.encode("utf-8")
    return len(raw).to_bytes(2, "big") + raw


_lp_kept = lru_cache(maxsize=4096)(_lp)


def associated(place: Place, head: bytes) -> bytes:
    """The associated data of a blob: length-prefixed place, header without nonce. No two places give the same."""
    return _shared(place.dataset, place.compartment, place.owner) + _lp(place.record) + head[:_BOUND]


def _head_of(suite: Suite, lineage: bytes, place: Place) -> bytes:
    """The header without nonce: everything in it follows from the suite, the key's lineage and the place."""
    return _HEAD.pack(_FIXED[suite.id], place.schema_version, lineage, place.generation)


def _wrap_bound(group_key: GroupKey, record: str, compartment: str, generation: int) -> bytes:
    """The associated data of a wrapped data key: all of it stands in the key's row, a rewrap needs nothing else."""
    return group_key.wrap_start + _lp(record) + _lp_kept(compartment) + generation.to_bytes(4, "big")


def _encoded(values: Mapping[str, object]) -> bytes:
    """Values as canonical JSON. Raises `Problem(value-not-sealable)` naming the field, never the value."""
    try:
        encoded = orjson.dumps(values, option=_JSON)
    except (TypeError, ValueError):
        raise Problem(VALUE_NOT_SEALABLE, field=_unfit(values)) from None
    # orjson writes NaN and infinity as null: what was sealed would not be what is opened.
    if b"null" in encoded and not _finite(values):
        raise Problem(VALUE_NOT_SEALABLE, field=_unfit(values))
    return encoded


def _finite(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict | list | tuple):
        return all(map(_finite, value.values() if isinstance(value, dict) else value))
    return True


def _unfit(values: Mapping[str, object]) -> str | None:
    """The first field whose value cannot be sealed."""
    for name, value in values.items():
        try:
            orjson.dumps({name: value}, option=_JSON)
        except (TypeError, ValueError):
            return str(name)
        if not _finite(value):
            return name
    return None


def _fits(group_key: GroupKey, owner: str, compartment: str) -> None:
    if group_key.use != "seal":
        raise KeyUnusable(f"key {group_key.key_id} is for use {group_key.use!r}, not for sealing")
    if group_key.owner != owner or group_key.compartment != compartment:
        raise KeyUnusable(f"key {group_key.key_id} belongs to another owner or compartment")


def seal(group_key: GroupKey, place: Place, values: Mapping[str, object]) -> SealedRecord:
    """`values` sealed for `place` under a new data key, which is wrapped by `group_key`.

    Counts as one use of the group key. Raises `KeyUnusable` when the key is not the one of this owner's compartment.
    """
    _fits(group_key, place.owner, place.compartment)
    return _sealed(group_key, place, _encoded(values))


def reseal(old: GroupKey, sealed: SealedRecord, place: Place, new: GroupKey) -> SealedRecord:
    """The same values at the same place under another group key and its suite. Nobody gets to see them.

    Raises `SealBroken` when the record does not open, `KeyUnusable` for a key of another owner or compartment.
    """
    _fits(old, place.owner, place.compartment)
    _fits(new, place.owner, place.compartment)
    return _sealed(new, place, _plain(old, sealed, place))


def _sealed(group_key: GroupKey, place: Place, plaintext: bytes) -> SealedRecord:
    suite = group_key.suite
    random = os.urandom(suite.key_bytes + 2 * NONCE_BYTES)
    data_key = random[: suite.key_bytes]
    nonce = random[-NONCE_BYTES:]
    head = _head_of(suite, group_key.raw_lineage, place)
    blob = head + nonce + suite.cipher(data_key).encrypt(nonce, plaintext, associated(place, head))
    wrapped = wrap_data_key(
        group_key, data_key, place.record, place.compartment, place.generation,
        random[suite.key_bytes : -NONCE_BYTES],
    )  # fmt: skip
    return SealedRecord(blob, wrapped, group_key.key_id)


def wrap_data_key(
    group_key: GroupKey, data_key: bytes, record: str, compartment: str, generation: int, nonce: bytes | None = None
) -> bytes:
    """A data key sealed under the group key and bound to record, compartment and generation."""
    nonce = nonce or os.urandom(NONCE_BYTES)
    bound = _wrap_bound(group_key, record, compartment, generation)
    return group_key.wrap_head + nonce + group_key.aead.encrypt(nonce, data_key, bound)


def unwrap_data_key(group_key: GroupKey, wrapped: bytes, record: str, compartment: str, generation: int) -> bytes:
    """The data key. Raises `SealBroken` when anything about it was changed, or it is wrapped by another key."""
    if not wrapped.startswith(group_key.wrap_head) or len(wrapped) < _WRAP_BYTES + TAG_BYTES:
        raise SealBroken("the wrapped data key does not belong to this group key")
    bound = _wrap_bound(group_key, record, compartment, generation)
    try:
        return group_key.aead.decrypt(wrapped[_WRAP_BOUND:_WRAP_BYTES], wrapped[_WRAP_BYTES:], bound)
    except InvalidTag:
        raise SealBroken("the wrapped data key was changed or belongs elsewhere") from None


def suite_of(blob: bytes) -> Suite:
    """The suite a blob was sealed with. Raises `SealBroken` for bytes that are no blob of a known format."""
    suite = _BY_START.get(blob[:4])
    if suite is None or len(blob) < HEAD_BYTES + TAG_BYTES:
        raise SealBroken("this is not a sealed record of a known format")
    return suite


def _plain(group_key: GroupKey, sealed: SealedRecord, place: Place) -> bytes:
    """The plaintext of a blob at its place. Raises `SealBroken` unless blob, wrapped key, place and group key agree."""
    blob = sealed.blob
    suite = suite_of(blob)
    # The whole header is known beforehand. Comparing it also refuses bits that a later format may give a meaning.
    head = _head_of(suite, group_key.raw_lineage, place)
    if not blob.startswith(head):
        raise SealBroken("the blob belongs to another generation, schema version or key, or to a later format")
    data_key = unwrap_data_key(group_key, sealed.wrapped, place.record, place.compartment, place.generation)
    if len(data_key) != suite.key_bytes:
        raise SealBroken("the data key does not fit the suite of the blob")
    try:
        return suite.cipher(data_key).decrypt(blob[_BOUND:HEAD_BYTES], blob[HEAD_BYTES:], associated(place, head))
    except InvalidTag:
        raise SealBroken("the blob was changed or belongs elsewhere") from None


def _covered(place: Place, decision: Allowed) -> frozenset[str]:
    """The fields that may leave. Raises `NotCovered` unless the decision allows opening this record's compartment."""
    if not isinstance(decision, Allowed):
        raise NotCovered("opening takes an allowing decision")
    if decision.action not in _OPENING:
        raise NotCovered("the decision allows another action than opening")
    if place.compartment != decision.resource.compartment:
        raise NotCovered("the decision is about another compartment")
    if place.record not in decision.resource.records:
        raise NotCovered("the decision does not name this record")
    return decision.resource.fields


def open_(group_key: GroupKey, sealed: SealedRecord, place: Place, decision: Allowed) -> dict[str, object]:
    """The allowed fields of the record, and no other.

    Raises `NotCovered` before any key is touched when the decision does not cover record and compartment, `KeyUnusable`
    for a key of another owner or compartment, `SealBroken` when blob, wrapped key and place do not belong together.
    """
    fields = _covered(place, decision)
    _fits(group_key, place.owner, place.compartment)
    values: dict[str, object] = orjson.loads(_plain(group_key, sealed, place))
    if values.keys() <= fields:
        return values
    return {name: value for name, value in values.items() if name in fields}


def open_many(
    keys: Mapping[str, GroupKey], rows: Iterable[tuple[SealedRecord, Place]], decision: Allowed
) -> list[dict[str, object]]:
    """`open_` for many records under one decision; `keys` holds the group keys by key id.

    All or nothing: the first record that is not covered, or does not open, raises as `open_` does.
    """
    opened = []
    for sealed, place in rows:
        key = keys.get(sealed.key_id)
        if key is None:
            raise KeyUnusable(f"key {sealed.key_id} was not given")
        opened.append(open_(key, sealed, place, decision))
    return opened
