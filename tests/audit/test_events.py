"""What may stand on the trail, and the two byte forms of it."""

import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit.entry import (
    KIND,
    REQUIRED,
    ROW_COLUMNS,
    Head,
    event_of,
    leaf_hash_of,
    leaf_of,
    openings_of,
    row_hash,
    row_of,
)
from audit.events import MAX_INT, TEXT_COLUMNS, Event, UnfitEvent, text_details, token
from audit.tables import trail_event
from ledger.entry import Entry, commit, parse_entry
from ledger.merkle import leaf_hash
from tests.audit.conftest import event

HEAD = Head("5d0f1f6e-6a53-4c3e-9d3c-0a5c8f1f2b11", 0, bytes(32))
SECRET = bytes(range(32))

words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="@0123456789"), max_size=30)
details = st.dictionaries(
    st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True),
    st.booleans() | st.integers(-MAX_INT, MAX_INT) | words,
    max_size=4,
)


@st.composite
def events(draw: st.DrawFn) -> Event:
    free = {name: draw(words) for name in TEXT_COLUMNS if name not in {"actor", "action", "outcome"}}
    return Event(
        at=draw(st.integers(0, MAX_INT)),
        actor=draw(words.filter(bool)),
        action=draw(st.from_regex(r"[a-z][a-z0-9-]{0,20}(:[a-z][a-z0-9-]{0,20})?", fullmatch=True)),
        outcome=draw(st.sampled_from(["allowed", "refused", "done", "failed"])),
        items=tuple(draw(st.lists(words.filter(bool), max_size=3))),
        fields=tuple(draw(st.lists(words.filter(bool), max_size=3))),
        record_count=draw(st.none() | st.integers(0, MAX_INT)),
        details=draw(details),
        **free,
    )


@given(events())
def test_a_row_gives_the_event_back_and_the_leaf_is_the_ledgers(sent: Event) -> None:
    row = row_of(sent, HEAD, SECRET)
    assert event_of(row) == sent
    assert row["row_hash"] == row_hash(row)
    leaf = leaf_of(sent, SECRET)
    entry = Entry(KIND, sent.event_id, sent.at, commit(sent.content(), SECRET).digests)
    assert leaf == entry.encode()
    assert parse_entry(leaf) == entry
    assert leaf_hash_of(row) == leaf_hash(leaf)


def test_the_leaf_shows_nothing_but_id_and_time() -> None:
    sent = event()
    leaf = leaf_of(sent, SECRET).decode()
    assert sent.event_id in leaf
    assert str(sent.at) in leaf
    for text in (sent.actor, sent.action, sent.client_id, sent.items[0], sent.purpose, sent.outcome):
        assert text not in leaf.replace(f'"{KIND}"', "")


def test_one_field_opens_alone() -> None:
    sent = event()
    (opening,) = openings_of(sent, SECRET, frozenset({"client_id"}))
    entry = parse_entry(leaf_of(sent, SECRET))
    assert (opening.name, opening.value) == ("client_id", "c-1")
    assert opening.digest() == entry.digests["client_id"]
    assert {o.name for o in openings_of(sent, SECRET)} == set(entry.digests)
    assert "details.level" in entry.digests


def test_every_column_of_the_table_is_in_the_row_and_every_field_of_the_event_is_a_column() -> None:
    assert {c.name for c in trail_event.columns} == set(ROW_COLUMNS) == set(row_of(event(), HEAD, SECRET))
    assert {f.name for f in dataclasses.fields(Event)} <= set(ROW_COLUMNS)
    for column in trail_event.columns:
        if column.name in {f.name for f in dataclasses.fields(Event)}:
            assert column.nullable == (column.name not in REQUIRED)


@pytest.mark.parametrize(
    "column", [c for c in ROW_COLUMNS if c not in {"row_hash", "prev_hash", "secret"}] + ["prev_hash", "secret"]
)
def test_the_row_hash_covers_every_column(column: str) -> None:
    row = row_of(event(), HEAD, SECRET)
    was = row[column]
    for other in (
        (None, 7, 8) if was is None or isinstance(was, int) else (bytes(32),) if isinstance(was, bytes) else ("x", None)
    ):
        if other != was:
            assert row_hash(row | {column: other}) != row["row_hash"] or (isinstance(was, bytes) and other == was)


UNFIT: list[tuple[str, Any]] = [
    ("actor", ""),
    ("actor", "张三"),
    ("actor_unit", None),
    ("target_id", "two words"),
    ("target_id", "x" * 201),
    ("client_id", "a\x00b"),
    ("client_id", "a\x1fb"),
    ("source", "13800138000"),
    ("source", "+8613800138000"),
    ("reason", "tel:13912345678"),
    ("rule", "440106199001011234"),
    ("channel", "44010619900101123X"),
    ("actor", "someone@firm.example"),
    ("purpose", 7),
    ("action", "Disclose"),
    ("action", "a:b:c"),
    ("action", ""),
    ("outcome", "maybe"),
    ("outcome", ""),
    ("at", -1),
    ("at", True),
    ("at", 1.5),
    ("record_count", -1),
    ("record_count", MAX_INT + 1),
    ("items", ["INT-CON-001"]),
    ("items", ("",)),
    ("items", None),
    ("items", "INT-CON-001"),
    ("items", (1,)),
    ("items", ("联系人",)),
    ("items", ("a\x1fb",)),
    ("items", ("x" * 150,) * 60),
    ("fields", ("138 0013 8000",)),
    ("fields", ("13800138000",)),
    ("event_id", "1"),
    ("event_id", "6BA7B810-9DAD-41D1-80B4-00C04FD430C8"),
    ("event_id", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    ("details", {"memo": "met him at noon"}),
    ("details", {"memo": "陈总"}),
    ("details", {"phone": "13800138000"}),
    ("details", {"Key": 1}),
    ("details", {"n": 1.5}),
    ("details", {"n": None}),
    ("details", {"n": MAX_INT + 1}),
    ("details", {f"k{n}": n for n in range(33)}),
]


@pytest.mark.parametrize(("column", "value"), UNFIT)
def test_what_may_not_stand_on_the_trail_is_refused_by_column_and_never_repeated(column: str, value: Any) -> None:
    with pytest.raises(UnfitEvent) as caught:
        event(**{column: value})
    assert caught.value.column.split(".")[0] == column
    if isinstance(value, str) and value:
        assert value not in str(caught.value).removeprefix(column)


@pytest.mark.parametrize(
    "text",
    [
        "91441900MA4UJ5TB0B",
        "914419007123456780",
        "0190aaaa-bbbb-7ccc-8ddd-113812345678",
        "2001:db8::1",
        "1763800000000000",
    ],
)
def test_what_only_resembles_a_persons_number_is_allowed(text: str) -> None:
    assert event(target_id=text).target_id == text


def test_a_token_is_the_text_or_its_fingerprint() -> None:
    assert token("analyst") == "analyst"
    for typed in ("分析师", "a b", "13800138000", "x" * 500, "who@firm.example", "\ud800"):
        mark = token(typed)
        assert mark.startswith("sha256:")
        assert len(mark) == 23
        assert event(target_id=mark).target_id == mark
        assert mark == token(typed) != token(typed + "x")


def test_a_text_leaves_its_length_and_a_fingerprint_that_ignores_spacing() -> None:
    first = text_details("purpose_text", "为 某某公司 贷前审查，需要核对联系人。")
    assert first == text_details("purpose_text", "为某某公司贷前审查,需要核对联系人")
    assert first["purpose_text_length"] == 16
    assert text_details("purpose_text", "other") != first
    assert event(details=first).details == first
    assert "某" not in json.dumps(first, ensure_ascii=False)
