"""Entries: one byte form, commitments that open one field at a time, and nothing that can be guessed."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.entry import (
    MAX_ENTRY_BYTES,
    MAX_INTEGER,
    Entry,
    Opening,
    b64url,
    canonical,
    commit,
    parse_canonical,
    parse_entry,
    party_tag,
    unb64url,
)
from ledger.errors import MalformedError

ID = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
JSON = st.recursive(
    st.booleans()
    | st.integers(-MAX_INTEGER, MAX_INTEGER)
    | st.text(max_size=8).filter(lambda s: s.isprintable() or s.isascii()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcXYZ_-.", max_size=4), inner, max_size=3),
    max_leaves=8,
)


def test_canonical_form_is_that_of_rfc_8785() -> None:
    """The example of RFC 8785, 3.2.2, less its fractions and null."""
    value = {"string": '\u20ac$\u000f\nA\'B"\\\\"/', "literals": [True, False], "numbers": [333333333, 4, 0, -1]}
    assert canonical(value) == (
        b'{"literals":[true,false],"numbers":[333333333,4,0,-1],"string":"\xe2\x82\xac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    assert canonical({"b": 1, "a": {"Z": 2, "A": [" "]}}) == b'{"a":{"A":[" "],"Z":2},"b":1}'
    assert canonical("\b\f\n\r\t\x1f\x7f\u2028\U0001f600") == '"\\b\\f\\n\\r\\t\\u001f\x7f\u2028\U0001f600"'.encode()


@given(JSON)
def test_canonical_bytes_have_one_value(value) -> None:
    raw = canonical(value)
    assert parse_canonical(raw) == value
    assert json.loads(raw) == value


@pytest.mark.parametrize(
    "value",
    [
        None,
        1.5,
        float("nan"),
        2**53,
        -(2**53),
        {"\u00e9": 1},
        {1: 2},
        b"bytes",
        "\ud800",
        {"a": None},
        [[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]],
    ],
)
def test_values_without_a_canonical_form(value) -> None:
    with pytest.raises(MalformedError):
        canonical(value)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{",
        b'{"a":1,"a":1}',
        b'{"b":1,"a":1}',
        b'{"a": 1}',
        b'{"a":1}\n',
        b'{"a":1.0}',
        b'{"a":1e0}',
        b'{"a":-0}',
        b'{"a":01}',
        b'{"a":null}',
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":9007199254740992}',
        b'"\\u0041"',
        b'"\\/"',
        b'"\xff"',
        b'"\\ud800"',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'["' + b"[" * 18 + b'",' + b"[" * 17 + b"]" * 18,
    ],
)
def test_bytes_that_are_not_canonical(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_canonical(raw)


def test_a_commitment_is_what_the_format_says() -> None:
    secret = bytes(range(32))
    made = commit({"purpose": "P01", "level": 3, "masked": True}, secret)
    salt = hmac.new(secret, b"purpose", "sha256").digest()[:16]
    text = f'["{b64url(salt)}","purpose","P01"]'
    assert made.digests["purpose"] == b64url(hashlib.sha256(text.encode()).digest())
    assert [o.name for o in made.openings] == ["level", "masked", "purpose"]
    assert {o.name: o.digest() for o in made.openings} == made.digests
    assert [Opening.decode(o.encode()) for o in made.openings] == list(made.openings)
    again = commit({"purpose": "P01"}, secret)
    assert again.digests["purpose"] == made.digests["purpose"]


def test_equal_values_do_not_look_equal() -> None:
    one, two = commit({"a": "x", "b": "x"}, bytes(32)), commit({"a": "x"}, b"\x01" * 32)
    assert len({*one.digests.values(), *two.digests.values()}) == 3
    # true, 1 and "1" are three values
    kinds = {commit({"a": value}, bytes(32)).digests["a"] for value in (True, 1, "1", "true")}
    assert len(kinds) == 4


@pytest.mark.parametrize(
    "raw",
    [
        [],
        ["AAAA", "a", "x"],
        ["x" * 22, "a", None],
        [1, "a", "x"],
        "text",
        ["A" * 21 + "B", "a", 1],
        ["=" * 22, "a", 1],
    ],
)
def test_openings_that_are_none(raw) -> None:
    with pytest.raises(MalformedError):
        Opening.decode(raw)


def test_bad_fields_and_secrets() -> None:
    for fields, secret in [
        ({"a": 1}, bytes(31)),
        ({"": 1}, bytes(32)),
        ({"1": 1}, bytes(32)),
        ({"\u5ba2": 1}, bytes(32)),
    ]:
        with pytest.raises(MalformedError):
            commit(fields, secret)
    with pytest.raises(MalformedError):
        party_tag(bytes(16), ID)


def test_only_the_partner_recognises_its_tag() -> None:
    mine, theirs = party_tag(b"m" * 32, ID), party_tag(b"t" * 32, ID)
    assert mine != theirs
    assert mine == party_tag(b"m" * 32, ID)
    assert mine != party_tag(b"m" * 32, ID.replace("0a", "0b"))
    assert len(unb64url(mine, "tag")) == 16


ENTRY = Entry(
    "grant:approved",
    ID,
    1_790_000_000_000_000,
    commit({"purpose": "P01"}, bytes(32)).digests,
    (party_tag(bytes(32), ID),),
)
RAW = ENTRY.encode()


def test_an_entry_reads_back() -> None:
    assert parse_entry(RAW) == ENTRY
    assert RAW.startswith(b'{"at":1790000000000000,"c":{"purpose":"')
    rich = Entry("key:rotated", ID, 0, data={"vkey": "x", "n": [1, True, {"a": "b"}]})
    assert parse_entry(rich.encode()) == rich


def test_an_entry_stays_below_its_limit() -> None:
    bare = len(Entry("x", ID, 0, data={"p": ""}).encode())
    assert len(Entry("x", ID, 0, data={"p": "a" * (MAX_ENTRY_BYTES - bare)}).encode()) == MAX_ENTRY_BYTES
    with pytest.raises(MalformedError, match="more than"):
        Entry("x", ID, 0, data={"p": "a" * (MAX_ENTRY_BYTES - bare + 1)}).encode()
    with pytest.raises(MalformedError, match="more than"):
        parse_entry(b"x" * (MAX_ENTRY_BYTES + 1))


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "Grant"},
        {"kind": ""},
        {"kind": "a" * 65},
        {"kind": "grant:"},
        {"entry_id": ID.upper()},
        {"entry_id": ID.replace("4a6b", "7a6b")},
        {"at": -1},
        {"digests": {"a": "x"}},
        {"digests": {"": "A" * 43}},
        {"digests": {"a": "A" * 42 + "B"}},
        {"tags": ("short",)},
        {"tags": ("=" * 22,)},
        {"data": {"a": None}},
    ],
)
def test_entries_that_are_none(change) -> None:
    parts = {"kind": "x", "entry_id": ID, "at": 0, "digests": {}, "tags": (), "data": {}} | change
    with pytest.raises(MalformedError):
        Entry(**parts).encode()


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"v": True},
        {"at": True},
        {"at": "1"},
        {"extra": 1},
        {"c": []},
        {"c": {"a": 1}},
        {"tags": [1]},
        {"tags": {}},
        {"d": {}},
        {"d": []},
        {"t": 1},
    ],
)
def test_bytes_that_are_no_entry(change) -> None:
    value = json.loads(RAW) | change
    with pytest.raises(MalformedError):
        parse_entry(canonical(value))
    with pytest.raises(MalformedError):
        parse_entry(canonical({k: v for k, v in json.loads(RAW).items() if k != "tags"}))
    with pytest.raises(MalformedError):
        parse_entry(b"[]")


@given(st.binary(max_size=60))
def test_the_parser_answers_or_refuses(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        parse_entry(raw)


@given(st.text(max_size=10))
def test_base64url_has_one_spelling(text: str) -> None:
    try:
        raw = unb64url(text, "test")
    except MalformedError:
        return
    assert b64url(raw) == text
