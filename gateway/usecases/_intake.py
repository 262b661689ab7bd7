"""Rows into sealed records: shared by the entry of one record by hand and by uploads of a hundred thousand."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from sqlalchemy.exc import IntegrityError

from gateway.domain.entry import SPECS, Value
from gateway.domain.ids import random_id
from gateway.errors import CONFLICT, Problem
from gateway.runtime import Gateway
from gateway.sealing.blind import blind_token, full_digest, plan
from gateway.sealing.envelope import Place, seal
from gateway.sealing.groupkey import GroupKey
from gateway.store import blind
from gateway.store import records as store
from gateway.store.db import Tx
from gateway.store.keys import DataKeyRow, set_data_keys
from gateway.store.records import NewRecord, Version
from gateway.usecases._facts import View

DATASET = "records"
INDEXED = {"contact": ("mobile", "email")}
# What makes a row the same row when it comes again, changed or not. Other groups have one row a client and owner.
_IDENTITY = {
    "contact": ("name", "mobile", "email", "individual_client"),
    "visit": ("date", "channel", "staff"),
    "cooperation": ("business_type", "agreement_no", "project_code", "start_date"),
}
_EXPECTED = 20_000  # values of one owner's index that its length is planned for, unless there are more


@dataclass(frozen=True, slots=True)
class Incoming:
    """One cleaned record of one client."""

    client_id: str
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Keys:
    """The keys of one owner's compartment, in hand for a chunk."""

    sealing: GroupKey
    index: GroupKey
    bits: dict[str, int]


@dataclass(slots=True)
class Written:
    """What a chunk did, and the record of each incoming row in order."""

    new: int = 0
    changed: int = 0
    same: int = 0
    records: list[tuple[str, int]] = field(default_factory=list)


async def keys_for(gw: Gateway, tx: Tx, owner: str, group: str, rows: int) -> Keys:
    """Keys for `rows` rows of the owner's group; the length of its blind indexes is planned when there is none yet."""
    sealing = await gw.keyring.for_sealing(tx, owner, group, max(rows, 1))
    index = await gw.keyring.index_key(tx, group, owner)
    bits: dict[str, int] = {}
    for name in INDEXED.get(group, ()):
        length = await blind.newest_length(tx, owner, group, name)
        if length is None:
            # The first rows say little about how many will come; a search opens a few candidates more or less.
            population = max(_EXPECTED, await store.count_records(tx, owner, group) + rows)
            length = plan(population).bits
            await blind.add_length(tx, owner, group, name, length)
        bits[name] = length
    return Keys(sealing, index, bits)


async def write(
    gw: Gateway,
    tx: Tx,
    seen: View,
    *,
    owner: str,
    institution: str,
    institution_kind: str,
    group: str,
    rows: Sequence[Incoming],
    actor: str,
    upload_id: str | None = None,
) -> Written:
    """The rows are records of `owner`: new ones, new generations of those that changed, nothing for the rest.

    With `upload_id` they are only staged, and `store.activate` puts all of the upload in force at once.
    """
    done = Written()
    if not rows:
        return done
    keys = await keys_for(gw, tx, owner, group, len(rows))
    unique = _distinct(keys.index, group, rows)
    known = await store.known_records(tx, owner, group, unique)
    added: list[NewRecord] = []
    versions: list[Version] = []
    data_keys: list[DataKeyRow] = []
    tokens: list[tuple[str, bool, dict[str, bytes]]] = []
    staged = upload_id is not None
    for natural, (row, content) in unique.items():
        there = known.get(natural)
        # A restricted record is kept as it is (PIPL 47): nothing new is written to it.
        kept = there is not None and there.state == "restricted"
        if there is not None and (kept or (there.content_key == content and there.state == "active")):
            done.same += 1
            done.records.append((there.record_id, there.generation))
            continue
        record_id = there.record_id if there else random_id()
        generation = there.generation + 1 if there else 1
        clear, hidden = _divided(seen, group, institution_kind, row.values)
        blob = wrapped = key_id = None
        if hidden:
            sealed = seal(keys.sealing, Place(DATASET, record_id, group, owner, generation), hidden)
            blob, wrapped, key_id = sealed.blob, sealed.wrapped, sealed.key_id
            if there is None or not staged:
                data_keys.append(DataKeyRow(record_id, group, generation, key_id, wrapped))
        names = " ".join(sorted(row.values))
        opened = orjson.dumps(clear, option=orjson.OPT_SORT_KEYS).decode() if clear else None
        if there is None:
            done.new += 1
            added.append(
                NewRecord(
                    record_id, row.client_id, owner, institution, group, "staged" if staged else "active", generation, names,
                    opened, blob, natural, content, upload_id, actor, tx.now, tx.now,
                )
            )  # fmt: skip
        else:
            done.changed += 1
        act = ("imported" if there is None else "staged") if staged else ("entered" if there is None else "corrected")
        versions.append(
            Version(
                record_id, generation, act, "", names, opened, blob, wrapped, key_id, content, upload_id, actor, tx.now
            )
        )
        if group in INDEXED:
            tokens.append((record_id, staged and there is not None, _tokens(keys, group, row.values)))
        done.records.append((record_id, generation))
        if there is not None and not staged:
            await _replace(tx, record_id, there.generation, generation, names, opened, blob, content)
    await store.add_records(tx, added)
    if upload_id is not None:
        await store.drop_staged_changes(tx, upload_id, [one.record_id for one in versions if one.act == "staged"])
    await _add_versions(tx, versions)
    await set_data_keys(tx, data_keys)
    for record_id, waits, found in tokens:
        await (blind.stage_tokens if waits else blind.set_tokens)(tx, record_id, found)
    return done


async def _add_versions(tx: Tx, versions: Sequence[Version]) -> None:
    """Kept. Raises `Problem(conflict)` when an upload under way has staged the same generation of a record."""
    try:
        await store.add_versions(tx, versions)
    except IntegrityError as error:
        raise Problem(
            CONFLICT, field="record_id", detail_zh="该记录正由一个上传或另一人修改",
            detail_en="an upload or somebody else is changing this record",
        ) from error  # fmt: skip


async def _replace(
    tx: Tx, record_id: str, old: int, new: int, names: str, opened: str | None, blob: bytes | None, content: bytes
) -> None:
    values = {"generation": new, "fields": names, "open_values": opened, "sealed": blob, "content_key": content}
    # It stands as it was entered now, no longer as any upload brought it, nor as withdrawn.
    fresh = {"upload_id": None, "ended_by": None, "ended_reason": None, "ended_at": None}
    if not await store.set_record(tx, record_id, old, {**values, **fresh, "state": "active", "updated_at": tx.now}):
        raise Problem(CONFLICT, field="record_id")


def natural_key(key: GroupKey, group: str, row: Incoming) -> bytes:
    """A keyed digest of what makes the row the same row: equal on re-import, guessable by nobody without the key."""
    parts: list[str] = [row.client_id]
    names = _IDENTITY.get(group)
    if names is not None:
        identity = [str(row.values.get(name, "")) for name in names]
        # A person is known by name and one way of reaching them; without any identity the whole content is it.
        parts += identity if any(identity) else [content_bytes(row).decode()]
    return full_digest(key, f"natural:{group}", orjson.dumps(parts))


def content_bytes(row: Incoming) -> bytes:
    """The row's meaning as canonical bytes."""
    return orjson.dumps([row.client_id, dict(row.values)], option=orjson.OPT_SORT_KEYS)


def _distinct(key: GroupKey, group: str, rows: Iterable[Incoming]) -> dict[bytes, tuple[Incoming, bytes]]:
    found: dict[bytes, tuple[Incoming, bytes]] = {}
    for row in rows:  # of two rows with one identity the later one stands, as it would if they came in two files
        found[natural_key(key, group, row)] = (row, full_digest(key, f"content:{group}", content_bytes(row)))
    return found


def _divided(
    seen: View, group: str, kind: str, values: Mapping[str, Value]
) -> tuple[dict[str, Value], dict[str, Value]]:
    """Values that anybody may see, in clear; every other, to be sealed. A field of no item is sealed."""
    clear: dict[str, Value] = {}
    hidden: dict[str, Value] = {}
    for name, value in values.items():
        item = seen.item(group, name, kind)
        public = item is not None and item.mode == "catalogue_open" and item.readable
        (clear if public else hidden)[name] = value
    return clear, hidden


def _tokens(keys: Keys, group: str, values: Mapping[str, Value]) -> dict[str, bytes]:
    tokens = {}
    for name in INDEXED[group]:
        value = values.get(name)
        if isinstance(value, str):
            token = blind_token(keys.index, name, "mobile" if name == "mobile" else "email", value, keys.bits[name])
            if token is not None:
                tokens[name] = token
    return tokens


def group_exists(group: str) -> bool:
    """Whether records of this group are kept at all."""
    return group in SPECS and group != "client_name"


async def rewrite(
    gw: Gateway,
    tx: Tx,
    seen: View,
    there: Mapping[str, Any],
    row: Incoming,
    *,
    institution_kind: str,
    actor: str,
    reason: str,
) -> int | None:
    """The record `there` holds `row` at its next generation, which is returned; None when somebody was first."""
    record_id, group, owner = there["record_id"], there["field_group"], there["owner_unit"]
    keys = await keys_for(gw, tx, owner, group, 1)
    generation = int(there["generation"]) + 1
    clear, hidden = _divided(seen, group, institution_kind, row.values)
    blob = wrapped = key_id = None
    if hidden:
        sealed = seal(keys.sealing, Place(DATASET, record_id, group, owner, generation), hidden)
        blob, wrapped, key_id = sealed.blob, sealed.wrapped, sealed.key_id
    names = " ".join(sorted(row.values))
    opened = orjson.dumps(clear, option=orjson.OPT_SORT_KEYS).decode() if clear else None
    content = full_digest(keys.index, f"content:{group}", content_bytes(row))
    values = {
        "generation": generation, "fields": names, "open_values": opened, "sealed": blob, "content_key": content,
        "natural_key": natural_key(keys.index, group, row), "updated_at": tx.now, "upload_id": None,
    }  # fmt: skip
    try:
        if not await store.set_record(tx, record_id, generation - 1, values):
            return None
    except IntegrityError as error:
        raise Problem(
            CONFLICT, field="values", detail_zh="更正后与本单位另一条记录相同",
            detail_en="as corrected it would be the same as another record of your unit",
        ) from error  # fmt: skip
    version = Version(
        record_id, generation, "corrected", reason, names, opened, blob, wrapped, key_id, content, None, actor, tx.now
    )
    await _add_versions(tx, [version])
    if wrapped is not None and key_id is not None:
        await set_data_keys(tx, [DataKeyRow(record_id, group, generation, key_id, wrapped)])
    if group in INDEXED:
        await blind.set_tokens(tx, record_id, _tokens(keys, group, row.values))
    return generation
