"""Blind indexes: found under any spelling, comparable with nothing else, planned, refused where they give away."""

import math
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sealing.blind import MIN_POPULATION, blind_token, full_digest, normalise, plan, search_tokens
from gateway.sealing.errors import KeyUnusable
from gateway.sealing.groupkey import GroupKey


def key_of(**changes: object) -> GroupKey:
    facts = {"lineage": "00" * 8, "version": 1, "suite": "AES-256-GCM", "owner": "", "compartment": "contact",
             "use": "index", "secret": bytes(range(32))}  # fmt: skip
    return GroupKey.of(**{**facts, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "spellings", "normal"),
    [
        ("mobile", ["+86 138 0000 1111", "0086-13800001111", "138-0000-1111", "13800001111"], "13800001111"),
        ("email", ["Zhang.San@Example.com", " zhang.san@example.COM "], "zhang.san@example.com"),
        ("code", ["91441900ma4xxxxx1x", " 91441900MA4XXXXX1X "], "91441900MA4XXXXX1X"),
        ("phone", ["0769-2222 3333", "(0769)22223333"], "076922223333"),
        ("text", ["Some  Text", "some text "], "some text"),
    ],
)  # fmt: skip
def test_every_spelling_has_one_normal_form(kind: str, spellings: list[str], normal: str) -> None:
    assert {normalise(kind, spelling) for spelling in spellings} == {normal}  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "value"),
    [("mobile", "12800001111"), ("mobile", "1380000111"), ("mobile", "86138000011110"), ("mobile", ""),
     ("email", "no at"), ("email", "@x"), ("email", "x@"), ("phone", "none"), ("code", " "), ("text", "")],
)  # fmt: skip
def test_what_is_not_of_the_kind_has_no_token(kind: str, value: str) -> None:
    assert blind_token(key_of(), "f", kind, value, 16) is None  # type: ignore[arg-type]


def test_a_token_is_found_again_and_is_of_the_planned_length() -> None:
    key = key_of()
    token = blind_token(key, "mobile", "mobile", "+86 13800001111", 13)
    assert token == blind_token(key, "mobile", "mobile", "13800001111", 13)
    assert token is not None
    assert len(token) == 3
    assert token[0] == 13
    assert token[2] & 0b111 == 0


@pytest.mark.parametrize("change", [{"secret": bytes(32)}, {"compartment": "visit"}], ids=str)
def test_tokens_of_another_key_or_compartment_cannot_be_compared(change: dict[str, object]) -> None:
    one = blind_token(key_of(), "mobile", "mobile", "13800001111", 128)
    assert one != blind_token(key_of(**change), "mobile", "mobile", "13800001111", 128)


def test_tokens_of_another_field_kind_or_length_cannot_be_compared() -> None:
    key = key_of()
    base = blind_token(key, "mobile", "mobile", "13800001111", 64)
    other = blind_token(key, "phone2", "mobile", "13800001111", 64)
    kind = blind_token(key, "mobile", "phone", "13800001111", 64)
    longer = blind_token(key, "mobile", "mobile", "13800001111", 72)
    assert None not in (base, other, kind, longer)
    assert len({token[1:9] for token in (base, other, kind, longer) if token}) == 4


def test_a_sealing_key_makes_no_token() -> None:
    for use in ("seal", "token"):
        with pytest.raises(KeyUnusable):
            blind_token(key_of(use=use), "mobile", "mobile", "13800001111", 16)
        with pytest.raises(KeyUnusable):
            full_digest(key_of(use=use), "rows", b"row")


def test_both_lengths_are_searched_while_an_index_is_rebuilt() -> None:
    key = key_of()
    tokens = search_tokens(key, "mobile", "mobile", "13800001111", frozenset({9, 14}))
    assert tokens == [blind_token(key, "mobile", "mobile", "13800001111", bits) for bits in (9, 14)]


def test_the_gm_suite_indexes_with_hmac_sm3() -> None:
    gm = key_of(suite="SM4-GCM", secret=bytes(range(16)))
    token = blind_token(gm, "mobile", "mobile", "13800001111", 128)
    head = b"lianqiao blind index 1\x00contact\x00mobile\x00mobile\x00128\x00"
    assert token is not None
    assert token[1:] == gm.suite.mac(gm.secret, head + b"13800001111")[:16]


# The bounds that the planner rule 2 <= candidates <= sqrt(population) gives for these populations.
@pytest.mark.parametrize(
    ("population", "shortest", "longest"), [(1_000, 5, 8), (10_000, 7, 12), (100_000, 9, 15), (1_000_000, 10, 18)]
)
def test_the_plan_keeps_to_the_rule(population: int, shortest: int, longest: int) -> None:
    made = plan(population)
    assert shortest <= made.bits <= longest
    assert 2 <= made.candidates <= math.sqrt(population)
    assert any(str(made.bits) in line for line in made.reasoning)
    assert any(f"{shortest} bits" in line for line in made.reasoning)
    assert any(f"{longest} bits" in line for line in made.reasoning)


@given(st.integers(MIN_POPULATION, 10**9))
def test_any_population_gets_at_least_two_candidates_and_at_most_the_root(population: int) -> None:
    made = plan(population)
    assert made.allowed
    assert 2 <= made.candidates <= math.sqrt(population)


def test_small_and_low_cardinality_fields_get_no_index_and_are_told_why() -> None:
    for made in (plan(15), plan(10_000, distinct=6), plan(10_000, largest_share=0.4), plan(0)):
        assert not made.allowed
        assert "refused" in made.reasoning[-1]
    assert plan(10_000, distinct=9_000, largest_share=0.001).allowed


def test_a_search_opens_about_as_many_as_planned() -> None:
    key, made = key_of(), plan(20_000)
    numbers = [f"138{n:08d}" for n in range(20_000)]
    buckets = Counter(blind_token(key, "mobile", "mobile", number, made.bits) for number in numbers)
    mean = sum(count * count for count in buckets.values()) / len(numbers)
    assert made.candidates * 0.8 < mean < made.candidates * 1.2 + 1
    alone = sum(count == 1 for count in buckets.values()) / len(numbers)
    assert alone < 0.1
