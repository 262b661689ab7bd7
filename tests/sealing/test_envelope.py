"""A sealed record opens at its own place, with its own keys, under a decision that covers it, and in no other case."""

import dataclasses
import itertools
import os
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Problem
from gateway.keys.suites import AES_256_GCM, AES_256_GCM_SIV, SM4_GCM, Suite
from gateway.sealing.envelope import (
    HEAD_BYTES,
    Place,
    SealedRecord,
    associated,
    open_,
    open_many,
    seal,
    suite_of,
    unwrap_data_key,
)
from gateway.sealing.errors import KeyUnusable, NotCovered, SealBroken
from gateway.sealing.groupkey import GroupKey
from policies.decision import Allowed, Obligations, Refused
from policies.vocabulary import Resource

PLACE = Place("contact", "7d1f3c52-0a0e-4f9e-9d7c-2f1b8f0f3c11", "contact", "unit-a", 3)
VALUES: dict[str, object] = {
    "name": "王小明",
    "mobile": "13800000000",
    "amount": 125_00,
    "tags": ["a", "b"],
    "ok": True,
}
SUITES = [AES_256_GCM, AES_256_GCM_SIV, SM4_GCM]


def key_of(suite: Suite = AES_256_GCM, /, **changes: object) -> GroupKey:
    facts = {
        "lineage": "00112233445566ff", "version": 1, "suite": suite.name, "owner": "unit-a", "compartment": "contact",
        "use": "seal", "secret": bytes(range(suite.key_bytes)),
    }  # fmt: skip
    return GroupKey.of(**{**facts, **changes})  # type: ignore[arg-type]


def allowed(
    records: set[str] | None = None,
    fields: set[str] | None = None,
    compartment: str = "contact",
    action: str = "read",
) -> Allowed:
    resource = Resource(
        compartment, frozenset(records or {PLACE.record}), frozenset(set(VALUES) if fields is None else fields)
    )
    return Allowed("d-1", "a-rule", "allowed", "epoch", action, "a-purpose", resource, Obligations())


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.name)
def test_what_is_sealed_is_opened(suite: Suite) -> None:
    key = key_of(suite)
    sealed = seal(key, PLACE, VALUES)
    assert sealed.key_id == key.key_id == "00112233445566ff.1"
    assert suite_of(sealed.blob) is suite
    assert open_(key, sealed, PLACE, allowed()) == VALUES


def test_nothing_of_the_values_stands_in_what_is_stored() -> None:
    sealed = seal(key_of(), PLACE, VALUES)
    for text in ("王小明", "13800000000", "mobile", "unit-a", PLACE.record):
        assert text.encode() not in sealed.blob + sealed.wrapped


# --- the decision ---------------------------------------------------------------------------------------------------


def test_only_the_allowed_fields_leave() -> None:
    key = key_of()
    sealed = seal(key, PLACE, VALUES)
    assert open_(key, sealed, PLACE, allowed(fields={"name", "absent"})) == {"name": "王小明"}
    assert open_(key, sealed, PLACE, allowed(fields=set())) == {}


def test_another_record_is_not_covered() -> None:
    key = key_of()
    with pytest.raises(NotCovered):
        open_(key, seal(key, PLACE, VALUES), PLACE, allowed(records={"another"}))


def test_another_compartment_is_not_covered() -> None:
    key = key_of()
    with pytest.raises(NotCovered):
        open_(key, seal(key, PLACE, VALUES), PLACE, allowed(compartment="visit"))


@pytest.mark.parametrize("action", ["discover", "", "approve", "READ"])
def test_an_action_that_is_not_opening_opens_nothing(action: str) -> None:
    key = key_of()
    with pytest.raises(NotCovered):
        open_(key, seal(key, PLACE, VALUES), PLACE, allowed(action=action))


def test_only_an_allowing_decision_of_its_own_type_opens() -> None:
    key = key_of()
    sealed = seal(key, PLACE, VALUES)
    looks_like = dataclasses.make_dataclass("LooksLike", ["action", "resource"])("read", allowed().resource)
    for decision in (Refused("d-1", "", "no-grant", "epoch"), looks_like, None, True):
        with pytest.raises(NotCovered):
            open_(key, sealed, PLACE, decision)  # type: ignore[arg-type]


def test_the_decision_is_looked_at_before_any_key() -> None:
    with pytest.raises(NotCovered):
        open_(None, None, PLACE, allowed(records={"another"}))  # type: ignore[arg-type]


def test_open_many_opens_all_or_nothing() -> None:
    key = key_of()
    places = [PLACE._replace(record=f"r{n}") for n in range(5)]
    rows = [(seal(key, place, {"name": place.record}), place) for place in places]
    everything = allowed(records={place.record for place in places}, fields={"name"})
    assert open_many({key.key_id: key}, rows, everything) == [{"name": place.record} for place in places]
    with pytest.raises(NotCovered):
        open_many({key.key_id: key}, rows, allowed(records={"r0", "r1", "r2", "r3"}))
    with pytest.raises(KeyUnusable):
        open_many({}, rows, everything)


# --- the key --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change", [{"owner": "unit-b"}, {"compartment": "visit"}, {"use": "index"}, {"use": "token"}], ids=str
)
def test_a_key_of_another_owner_compartment_or_use_neither_seals_nor_opens(change: dict[str, object]) -> None:
    sealed = seal(key_of(), PLACE, VALUES)
    with pytest.raises(KeyUnusable):
        seal(key_of(**change), PLACE, VALUES)
    with pytest.raises(KeyUnusable):
        open_(key_of(**change), sealed, PLACE, allowed())


@pytest.mark.parametrize(
    "change",
    [{"version": 2}, {"lineage": "ffeeddccbbaa9988"}, {"secret": bytes(32)}, {"suite": "AES-256-GCM-SIV"}],
    ids=lambda c: next(iter(c)),
)
def test_another_version_lineage_suite_or_secret_does_not_open(change: dict[str, object]) -> None:
    with pytest.raises(SealBroken):
        open_(key_of(**change), seal(key_of(), PLACE, VALUES), PLACE, allowed())


def test_the_secret_does_not_show() -> None:
    key = key_of(secret=b"S" * 32)
    assert "SSSS" not in repr(key)
    assert "SSSS" not in str(dataclasses.replace(key, version=2))


# --- every change is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.name)
def test_every_single_bit_of_blob_and_wrapped_key_matters(suite: Suite) -> None:
    key = key_of(suite)
    sealed = seal(key, PLACE, {"n": 1})
    for part in ("blob", "wrapped"):
        data = getattr(sealed, part)
        for bit in range(len(data) * 8):
            broken = bytearray(data)
            broken[bit // 8] ^= 1 << bit % 8
            with pytest.raises(SealBroken):
                open_(key, sealed._replace(**{part: bytes(broken)}), PLACE, allowed())


@pytest.mark.parametrize("suite", SUITES, ids=lambda s: s.name)
def test_every_truncation_and_extension_is_refused(suite: Suite) -> None:
    key = key_of(suite)
    sealed = seal(key, PLACE, {"n": 1})
    for part in ("blob", "wrapped"):
        data = getattr(sealed, part)
        for changed in [*(data[:n] for n in range(len(data))), *(data[n:] for n in range(1, len(data))), data + b"\0"]:
            with pytest.raises(SealBroken):
                open_(key, sealed._replace(**{part: changed}), PLACE, allowed())


SWAPS = [
    {"dataset": "visit"}, {"record": "8d1f3c52-0a0e-4f9e-9d7c-2f1b8f0f3c11"}, {"compartment": "visit"},
    {"owner": "unit-b"}, {"generation": 4}, {"generation": 2}, {"schema_version": 2},
]  # fmt: skip


@pytest.mark.parametrize("change", SWAPS, ids=str)
def test_a_blob_moved_to_another_place_is_refused_even_under_the_same_key_bytes(change: dict[str, object]) -> None:
    """The thief also rewrites the header to fit, and the group key's bytes are the same everywhere."""
    target = PLACE._replace(**change)  # type: ignore[arg-type]
    sealed = seal(key_of(), PLACE, VALUES)
    key = key_of(owner=target.owner, compartment=target.compartment)
    other = seal(key, target, VALUES)
    decision = allowed(records={target.record}, compartment=target.compartment)
    rewritten = other.blob[: HEAD_BYTES - 12] + sealed.blob[HEAD_BYTES - 12 :]
    for blob, wrapped in itertools.product((sealed.blob, rewritten, other.blob), (sealed.wrapped, other.wrapped)):
        if (blob, wrapped) == (other.blob, other.wrapped):
            continue
        with pytest.raises(SealBroken):
            open_(key, SealedRecord(blob, wrapped, key.key_id), target, decision)
    assert open_(key, other, target, decision) == VALUES


def test_a_data_key_of_an_older_write_does_not_open_a_newer_blob() -> None:
    key = key_of()
    first, second = seal(key, PLACE, {"n": 1}), seal(key, PLACE, {"n": 1})
    with pytest.raises(SealBroken):
        open_(key, SealedRecord(second.blob, first.wrapped, key.key_id), PLACE, allowed())


@pytest.mark.parametrize(
    "start", [b"LS\1\1\1\0", b"LS\1\1\0\1", b"LS\1\1\xff\xff", b"LT\1\1\0\0", b"LS\2\1\0\0", b"LS\1\3\0\0"]
)
def test_header_bits_without_a_meaning_are_refused_although_authenticated(start: bytes) -> None:
    """A later format may give them one; this version must not open such a blob as if they were not there."""
    key = key_of()
    sealed = seal(key, PLACE, VALUES)
    data_key = unwrap_data_key(key, sealed.wrapped, PLACE.record, PLACE.compartment, PLACE.generation)
    head = start + sealed.blob[6:HEAD_BYTES]
    nonce = head[-12:]
    forged = head + AES_256_GCM.seal(data_key, nonce, b'{"n":1}', associated(PLACE, head))
    with pytest.raises(SealBroken):
        open_(key, sealed._replace(blob=forged), PLACE, allowed())


def test_a_data_key_of_the_wrong_length_is_refused() -> None:
    """A 16-byte AES key would quietly work as AES-128."""
    key = key_of()
    sealed = seal(key, PLACE, VALUES)
    from gateway.sealing.envelope import wrap_data_key

    short = os.urandom(16)
    head = sealed.blob[:HEAD_BYTES]
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    blob = head + AESGCM(short).encrypt(head[-12:], b'{"n":1}', associated(PLACE, head))
    wrapped = wrap_data_key(key, short, PLACE.record, PLACE.compartment, PLACE.generation)
    with pytest.raises(SealBroken):
        open_(key, SealedRecord(blob, wrapped, key.key_id), PLACE, allowed())


texts = st.text(st.characters(codec="utf-8"), max_size=12)
places = st.builds(
    Place, texts, texts, texts, texts, st.integers(0, 2**32 - 1), st.integers(0, 2**16 - 1)
)  # fmt: skip


@given(places, places)
def test_two_places_never_have_the_same_associated_data(one: Place, two: Place) -> None:
    def bound(place: Place) -> bytes:
        head = seal(key_of(owner=place.owner, compartment=place.compartment), place, {}).blob[:HEAD_BYTES]
        return associated(place, head)

    assert (bound(one) == bound(two)) == (one == two)


def test_moving_a_letter_between_parts_is_another_place() -> None:
    one, two = Place("ab", "r", "c", "unit", 1), Place("a", "r", "bc", "unit", 1)
    assert associated(one, bytes(HEAD_BYTES)) != associated(two, bytes(HEAD_BYTES))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(texts, json_values, max_size=6))
def test_any_values_come_back_the_same(values: dict[str, object]) -> None:
    key = key_of()
    assert open_(key, seal(key, PLACE, values), PLACE, allowed(fields=set(values))) == values


@given(st.data())
def test_any_damage_is_refused(data: st.DataObject) -> None:
    key = key_of()
    sealed = seal(key, PLACE, VALUES)
    part = data.draw(st.sampled_from(["blob", "wrapped"]))
    old = getattr(sealed, part)
    start = data.draw(st.integers(0, len(old)))
    end = data.draw(st.integers(start, len(old)))
    new = old[:start] + data.draw(st.binary(max_size=40)) + old[end:]
    if new == old:
        return
    with pytest.raises(SealBroken):
        open_(key, sealed._replace(**{part: new}), PLACE, allowed())


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        [1.0, {"x": float("nan")}],
        date(2026, 3, 5),
        b"bytes",
        {1: "x"},
        pytest.param(object(), id="object"),
        2**70,
    ],
    ids=repr,
)
def test_a_value_that_would_not_come_back_the_same_is_refused_by_name_and_not_shown(value: object) -> None:
    with pytest.raises(Problem) as caught:
        seal(key_of(), PLACE, {"name": "fine", "odd": value})
    assert caught.value.code.name == "value-not-sealable"
    assert caught.value.field == "odd"
    assert "2026" not in str(caught.value)


# --- nonces and data keys -------------------------------------------------------------------------------------------


def nonces(count: int) -> None:
    key = key_of()
    body, wrap = set(), set()
    for _ in range(count):
        sealed = seal(key, PLACE, {"n": 1})
        body.add(sealed.blob[HEAD_BYTES - 12 : HEAD_BYTES])
        wrap.add(sealed.wrapped[8:20])
    assert len(body) == len(wrap) == count
    assert not body & wrap


def test_nonces_and_data_keys_are_never_used_twice() -> None:
    nonces(20_000)
    key = key_of()
    keys = {
        unwrap_data_key(key, seal(key, PLACE, {}).wrapped, PLACE.record, PLACE.compartment, PLACE.generation)
        for _ in range(2_000)
    }
    assert len(keys) == 2_000


@pytest.mark.deep
def test_a_million_nonces_are_distinct() -> None:
    nonces(1_000_000)
