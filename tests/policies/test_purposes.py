"""Purposes: complete, bilingual, matched to a named rule, and expressible as ODRL constraints."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.purposes import Purposes, load_purposes
from policies.vocabulary import ROLES

PURPOSES = load_purposes()
CODES = st.sampled_from([*PURPOSES.purposes, "nonsense", "any", "none"])


@pytest.fixture
def purposes() -> Purposes:
    return PURPOSES


def test_there_are_enough_and_all_speak_both_languages(purposes: Purposes) -> None:
    assert 20 <= len(purposes.purposes) <= 40
    assert {"supervision", "audit", "credit-due-diligence", "client-referral", "anti-money-laundering"} <= set(
        purposes.purposes
    )
    for each in purposes.purposes.values():
        assert any("\u4e00" <= char <= "\u9fff" for char in each.zh), each.code
        assert each.en.isascii(), each.code
        assert set(each.modifiers) <= set(purposes.modifiers)


@pytest.mark.parametrize(
    ("code", "allowed", "verdict", "rule"),
    [
        ("credit-due-diligence", ["credit-due-diligence"], "compatible", "same-purpose"),
        ("credit-due-diligence", ["financing"], "compatible", "narrower-purpose"),
        ("credit-due-diligence", ["any"], "compatible", "any-purpose"),
        ("product-marketing", ["any"], "review", "sensitive-purpose"),
        ("investment-research", ["any"], "review", "sensitive-purpose"),
        ("supervision", ["any"], "review", "sensitive-purpose"),
        ("financing", ["credit-due-diligence"], "review", "wider-purpose"),
        ("lease-assessment", ["credit-due-diligence"], "review", "near-purpose"),
        ("guarantee-review", ["insurance-underwriting"], "review", "near-purpose"),
        ("product-marketing", ["credit-due-diligence"], "prohibited", "other-purpose"),
        ("credit-due-diligence", [], "prohibited", "other-purpose"),
        ("nonsense", ["any"], "prohibited", "unknown-purpose"),
        ("none", ["any"], "prohibited", "unknown-purpose"),
        ("any", ["any"], "prohibited", "unknown-purpose"),
    ],
)
def test_matching_names_its_rule(purposes: Purposes, code: str, allowed: list[str], verdict: str, rule: str) -> None:
    found = purposes.match(code, allowed)
    assert (found.verdict, found.rule) == (verdict, rule)
    assert found.zh
    assert found.en


@given(CODES, st.lists(CODES, max_size=4))
def test_matching_is_total_and_allowing_more_never_prohibits(code: str, allowed: list[str]) -> None:
    order = {"prohibited": 0, "review": 1, "compatible": 2}
    less, more = PURPOSES.match(code, allowed), PURPOSES.match(code, [*allowed, "any"])
    assert order[less.verdict] <= order[more.verdict] or "any" in allowed
    assert less.verdict == "prohibited" or code in PURPOSES.purposes


def test_a_missing_promise_is_reviewed(purposes: Purposes) -> None:
    wants = ["no-marketing", "return-results"]
    found = purposes.match("credit-due-diligence", ["financing"], required=wants)
    assert (found.verdict, found.rule) == ("review", "modifier-missing")
    assert "return-results" in found.en
    assert "no-marketing" not in found.en  # the purpose itself brings that one
    assert (
        purposes.match("credit-due-diligence", ["financing"], required=wants, offered=["return-results"]).verdict
        == "compatible"
    )


def test_who_may_state_what(purposes: Purposes) -> None:
    assert purposes.may_state("credit-due-diligence", {"partner_user"}, "bank")
    assert not purposes.may_state("credit-due-diligence", {"partner_user"}, "park")
    assert not purposes.may_state("supervision", {"requester"}, "firm")
    assert purposes.may_state("supervision", {"cco"}, "firm")
    assert purposes.may_state("audit", {"auditor"}, "firm")
    assert not purposes.may_state("nonsense", set(ROLES), "firm")
    for role in ("sysadmin", "key_custodian"):
        assert not any(purposes.may_state(code, {role}, "firm") for code in purposes.purposes)


def test_odrl(purposes: Purposes) -> None:
    rule = purposes.odrl("equity-investment", not_after="2027-01-01T00:00:00Z", modifiers=["return-results"])
    assert rule["permission"][0]["constraint"] == [
        {"leftOperand": "purpose", "operator": "isAnyOf", "rightOperand": ["urn:lianqiao:purpose:equity-investment"]},
        {"leftOperand": "dateTime", "operator": "lt", "rightOperand": "2027-01-01T00:00:00Z"},
        {"leftOperand": "recipient", "operator": "isA", "rightOperand": "urn:lianqiao:named-person"},
    ]
    assert [each["action"] for each in rule["prohibition"]] == ["distribute"]
    assert [each["action"] for each in rule["obligation"]] == ["delete", "inform"]
    known = {"eq", "gt", "gteq", "lteq", "hasPart", "isA", "isAllOf", "isAnyOf", "isNoneOf", "isPartOf", "lt", "neq"}
    for code in purposes.purposes:
        for part in purposes.odrl(code).values():
            assert all(constraint["operator"] in known for each in part for constraint in each["constraint"])
    with pytest.raises(KeyError):
        purposes.odrl("nonsense")
