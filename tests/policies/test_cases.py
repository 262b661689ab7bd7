"""Every written case, one test each; and every rule is shown deciding, and shown just missing."""

import pytest

from policies.cases import Case, compare, decide, read_cases, run_cases
from policies.engine import Loaded, load_texts
from policies.texts import PolicyError, Texts

from .conftest import KINDS, all_cases

CASES = all_cases()


@pytest.mark.parametrize(("kind", "case"), CASES, ids=[f"{kind}-{case.given}-{case.name}" for kind, case in CASES])
def test_case(loaded: Loaded, kind: str, case: Case) -> None:
    snapshot = loaded.data_access if kind == "data_access" else loaded.workflow
    assert compare(case, decide(loaded, case.facts, kind), snapshot) == []


@pytest.mark.parametrize("kind", KINDS)
def test_every_rule_is_covered_both_ways(loaded: Loaded, kind: str) -> None:
    outcome = run_cases(loaded, kind, read_cases(loaded.texts, loaded.ruleset(kind).schema))
    assert outcome.failures == ()
    assert outcome.uncovered() == ()
    assert outcome.cases > 150


def test_a_wrong_case_is_reported_with_its_line(texts: Texts) -> None:
    path = "data_access/tests/guards.yaml"
    body = texts.files[path].replace("rule: NOT-SHARED, reason: not-shared", "rule: CLEARANCE, reason: not-shared", 1)
    loaded = load_texts(texts.with_file(path, body), check_against_casbin=False)
    outcome = run_cases(loaded, "data_access", read_cases(loaded.texts, loaded.ruleset("data_access").schema))
    wrong = [
        number for number, line in enumerate(body.splitlines(), 1) if "rule: CLEARANCE, reason: not-shared" in line
    ]
    assert [(each.file, each.line) for each in outcome.failures] == [(path, wrong[0])]
    assert "wanted 'CLEARANCE', got 'NOT-SHARED'" in outcome.failures[0].message


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("  - {name: x, given: nowhere, want: {effect: allow, rule: A, obligations: []}}", "unknown scenario"),
        ("  - {name: x, given: granted, want: {effect: perhaps, rule: A, obligations: []}}", "effect"),
        ("  - {name: x, given: granted, want: {effect: deny, rule: A, obligations: []}}", "reason"),
        ("  - {name: x, given: granted, want: {effect: allow, rule: A, obligations: [sing]}}", "obligation"),
        (
            "  - {name: x, given: granted, with: {r.sub.hat: 1}, want: {effect: allow, rule: A, obligations: []}}",
            "not declared",
        ),
        ("  - {name: x, given: granted, wants: {}}", "a case has"),
    ],
)
def test_a_malformed_case_is_refused(texts: Texts, loaded: Loaded, line: str, complaint: str) -> None:
    broken = texts.with_file("data_access/tests/zz.yaml", f"cases:\n{line}\n")
    with pytest.raises(PolicyError) as caught:
        read_cases(broken, loaded.ruleset("data_access").schema)
    assert [(each.file, each.line) for each in caught.value.defects] == [("data_access/tests/zz.yaml", 2)]
    assert complaint in caught.value.defects[0].message


def test_near_must_name_a_rule_that_misses_by_one(texts: Texts) -> None:
    line = "  - {name: far, given: ungranted, near: GRANT-READ, want: {effect: deny, rule: '', reason: no-grant, obligations: [log]}}"
    loaded = load_texts(texts.with_file("data_access/tests/zz.yaml", f"cases:\n{line}\n"), check_against_casbin=False)
    outcome = run_cases(loaded, "data_access", read_cases(loaded.texts, loaded.ruleset("data_access").schema))
    assert len(outcome.failures) == 1
    assert "should miss by one condition" in outcome.failures[0].message
