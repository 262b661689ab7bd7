"""The application form: everything that is missing is named at once, and nothing that is fine is blamed."""

from dataclasses import replace
from typing import Any

import pytest
from asking import CATALOGUE, NOW, PARTNER, REASON, TERMS, context, draft
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.access import INVALID_REQUEST, WRONG_STATE, ItemTerms, Scope, check_form, is_meaningful, submit
from gateway.domain.access.words import request_problems
from gateway.domain.catalogue import Catalogue
from gateway.errors import Problem


def faults(request: Any, **options: Any) -> set[tuple[str, str]]:
    return {(error.field, error.code) for error in check_form(request, context(**options))}


def with_items(*codes: str) -> tuple[ItemTerms, ...]:
    return tuple(ItemTerms(code, ("x",)) for code in codes)


def test_a_complete_form_is_complete() -> None:
    assert check_form(draft(), context()) == ()
    assert submit(draft(), by="ana", context=context()).state == "submitted"


CASES: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"purpose": ""}, ("purpose", "unknown-purpose")),
    ({"reason": "太短"}, ("reason", "reason-too-thin")),
    ({"reason": "用" * 50}, ("reason", "reason-too-thin")),
    ({"reason": "业务需要" * 10}, ("reason", "reason-too-thin")),
    ({"reason": REASON + "\0"}, ("reason", "nul-character")),
    ({"reason": REASON * 200}, ("reason", "too-long")),
    ({"scenario": " \u3000"}, ("scenario", "missing-value")),
    ({"pledge_signed_at": 0}, ("pledge_signed_at", "pledge-missing")),
    ({"pledge_signed_at": NOW + 1}, ("pledge_signed_at", "pledge-missing")),
    ({"legal_basis": ""}, ("legal_basis", "basis-missing")),
    ({"legal_basis": "none"}, ("legal_basis", "basis-missing")),
    ({"grantee": PARTNER}, ("consents", "consent-missing")),
    ({"grantee": PARTNER}, ("assessment_ref", "assessment-missing")),
    ({"grantee": PARTNER}, ("safety_officer", "officer-missing")),
]
TERM_CASES: list[tuple[dict[str, Any], tuple[str, str]]] = [
    ({"items": ()}, ("items", "missing-value")),
    ({"items": with_items("INT-CON-001", "INT-CON-001")}, ("items", "duplicate-item")),
    ({"items": with_items("INT-XXX-001")}, ("items", "unknown-item")),
    ({"items": (ItemTerms("INT-CON-001", ()),)}, ("fields", "missing-fields")),
    ({"items": (ItemTerms("INT-CON-001", ("a", "a")),)}, ("fields", "missing-fields")),
    ({"items": with_items("INT-CMP-001")}, ("items", "not-shared")),
    ({"items": with_items("GOV-SAM-001")}, ("items", "no-request-needed")),
    ({"items": with_items("DRV-EVT-001")}, ("items", "own-data")),
    ({"items": with_items("GOV-TAX-003")}, ("consents", "authorisation-missing")),
    ({"items": with_items("PRK-CON-001")}, ("consents", "consent-missing")),
    ({"scope": Scope()}, ("scope", "scope-missing")),
    ({"scope": Scope(clients=tuple(map(str, range(10_001))))}, ("scope", "scope-too-large")),
    ({"row_cap": 0}, ("row_cap", "bad-row-cap")),
    ({"row_cap": 1_000_001}, ("row_cap", "bad-row-cap")),
    ({"uses": ()}, ("uses", "bad-use")),
    ({"uses": ("view", "print")}, ("uses", "bad-use")),
    ({"items": with_items("INT-COO-005"), "uses": ("view", "export")}, ("uses", "use-barred-by-level")),
    ({"term_days": 0}, ("term_days", "bad-limit")),
    ({"term_days": 91}, ("term_days", "term-too-long")),
    ({"items": with_items("INT-COO-005"), "term_days": 31}, ("term_days", "term-too-long")),
    ({"items": with_items("INT-COO-001"), "term_days": 181}, ("term_days", "term-too-long")),
    ({"use_limit": 0}, ("use_limit", "bad-limit")),
    ({"rate_per_hour": -1}, ("rate_per_hour", "bad-limit")),
]


@pytest.mark.parametrize(("changes", "fault"), CASES)
def test_each_flaw_of_the_form_is_named(changes: dict[str, Any], fault: tuple[str, str]) -> None:
    assert fault in faults(draft(**changes))


@pytest.mark.parametrize(("changes", "fault"), TERM_CASES)
def test_each_flaw_of_the_terms_is_named(changes: dict[str, Any], fault: tuple[str, str]) -> None:
    assert fault in faults(draft(replace(TERMS, **changes)))


@pytest.mark.parametrize(
    "terms",
    [
        replace(TERMS, term_days=90),
        replace(TERMS, items=with_items("INT-COO-005"), uses=("view",), term_days=30),
        replace(TERMS, items=with_items("INT-COO-001"), term_days=180),
        replace(TERMS, row_cap=1_000_000, use_limit=1, rate_per_hour=1),
        replace(TERMS, scope=Scope(tags=("专精特新",))),
        replace(TERMS, scope=Scope(parks=("p1",))),
    ],
)
def test_the_bounds_themselves_are_allowed(terms: Any) -> None:
    assert faults(draft(terms)) == set()


def test_all_flaws_come_at_once_and_the_request_stays_a_draft() -> None:
    bad = draft(replace(TERMS, uses=(), scope=Scope()), reason="", scenario="")
    with pytest.raises(Problem) as caught:
        submit(bad, by="ana", context=context())
    assert caught.value.code is INVALID_REQUEST
    assert {error.field for error in caught.value.errors} == {"reason", "scenario", "uses", "scope"}
    assert bad.state == "draft"


def test_a_partner_with_consent_assessment_and_officer_may_apply() -> None:
    whole = draft(grantee=PARTNER, consents=("k1",), assessment_ref="PIA-1", safety_officer="s-7")
    assert faults(whole) == set()


def test_scores_go_to_banks_through_a_licensed_channel_only() -> None:
    scores = draft(
        replace(TERMS, items=with_items("DRV-POR-001")), grantee=PARTNER, consents=("k1",), safety_officer="s-7"
    )
    assert faults(scores) == {("items", "credit-reporting-boundary")}
    assert faults(scores, licensed_channel=True) == set()
    assert faults(replace(scores, grantee=replace(PARTNER, institution_kind="park"))) == set()


def test_purposes_and_fields_are_checked_where_they_are_known() -> None:
    assert faults(draft(), purposes={"audit"}) == {("purpose", "unknown-purpose")}
    fields = {"INT-CON-001": {"name"}, "INT-CON-003": {"phone"}, "INT-VIS-001": {"date", "channel"}}
    assert faults(draft(), fields=fields) == {("fields", "unknown-field")}
    limited = Catalogue(tuple(replace(item, allowed_purposes=("audit",)) for item in CATALOGUE))
    assert faults(draft(), catalogue=limited) == {("purpose", "purpose-not-allowed")}


def test_no_message_repeats_what_was_written() -> None:
    secret = "13800138000-张三"
    bad = draft(replace(TERMS, items=with_items(secret), uses=(secret,)), purpose=secret, reason=secret)
    for error in check_form(bad, context(purposes=())):
        assert secret not in error.message_zh + error.message_en


def test_every_word_of_the_table_has_both_languages_and_is_used() -> None:
    seen = {code for _, (_, code) in CASES + TERM_CASES} | {
        "important-data", "unknown-field", "purpose-not-allowed", "credit-reporting-boundary",
    }  # fmt: skip
    table = request_problems()
    assert set(table) <= seen, "a message that nothing gives"
    assert all(zh and en for zh, en in table.values())


def test_only_the_requester_submits_and_only_a_draft() -> None:
    with pytest.raises(Problem) as caught:
        submit(draft(), by="bob", context=context())
    assert caught.value.code.name == "not-your-request"
    with pytest.raises(Problem) as caught:
        submit(draft(state="approved"), by="ana", context=context())
    assert caught.value.code is WRONG_STATE


@pytest.mark.parametrize(
    "text",
    [
        "",
        "业务",
        "a" * 100,
        "需要数据。" * 20,
        "ab" * 60,
        "1234567890" * 9,
        "测试 测试 测试 测试 测试 测试 测试 测试 测试 测试",
        "　" * 60,
    ],
)
def test_text_that_says_nothing(text: str) -> None:
    assert not is_meaningful(text)


@given(st.text(min_size=1, max_size=6), st.integers(4, 40))
def test_no_phrase_over_and_over_says_anything(phrase: str, times: int) -> None:
    assert not is_meaningful(phrase * times)


def test_text_that_says_something() -> None:
    assert is_meaningful(REASON)
    assert is_meaningful("Prepare the first visit to tenants of the park")
