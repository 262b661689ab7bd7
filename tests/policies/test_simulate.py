"""A proposed change against recorded facts, and in principle."""

import random

import pytest

from policies.engine import Loaded, load_texts
from policies.oracle import samples
from policies.simulate import differences, simulate
from policies.texts import Texts

from .conftest import all_cases


@pytest.fixture(scope="module")
def stricter(texts: Texts) -> Loaded:
    name = "data_access/policy.csv"
    body = texts.files[name].replace(
        'r.ctx.purpose == "audit" && r.obj.level <= 3', 'r.ctx.purpose == "audit" && r.obj.level <= 2'
    )
    assert body != texts.files[name]
    return load_texts(texts.with_file(name, body), check_against_casbin=False)


def test_nothing_changes_under_the_same_rules(loaded: Loaded) -> None:
    recorded = [case.facts for _, case in all_cases()]
    result = simulate(loaded, loaded, recorded)
    assert (result.total, result.changes) == (len(recorded), ())


def test_a_change_shows_the_decisions_that_would_have_differed(loaded: Loaded, stricter: Loaded) -> None:
    recorded = [case.facts for _, case in all_cases()]
    result = simulate(loaded, stricter, recorded)
    assert result.total == len(recorded)
    assert (result.opened, result.closed) == (0, len(result.changes))
    assert {change.old.rule for change in result.changes} == {"AUDIT-READ"}
    assert {change.new.effect for change in result.changes} == {"deny"}
    back = simulate(stricter, loaded, recorded)
    assert (back.opened, back.closed) == (result.closed, 0)


def test_a_change_of_an_obligation_is_a_change(texts: Texts, loaded: Loaded) -> None:
    name = "data_access/policy.csv"
    body = texts.files[name].replace("log|watermark|mask, allowed, allow", "log|watermark, allowed, allow", 1)
    unmasked = load_texts(texts.with_file(name, body), check_against_casbin=False)
    result = simulate(loaded, unmasked, [case.facts for _, case in all_cases()])
    assert result.changes
    assert (result.opened, result.closed) == (0, 0)
    assert all(change.old.obligations.mask and not change.new.obligations.mask for change in result.changes)


def test_differences_come_from_both_kinds(loaded: Loaded, stricter: Loaded) -> None:
    pytest.importorskip("z3")
    found = differences(loaded, stricter)
    assert found["workflow"] == ()
    assert found["data_access"]
    assert all(change.closes and change.old.rule == "AUDIT-READ" for change in found["data_access"])


def test_what_is_proved_equal_is_equal_on_samples(texts: Texts, loaded: Loaded) -> None:
    pytest.importorskip("z3")
    name = "workflow/policy.csv"
    body = texts.files[name].replace('any, r.obj.proposer == "", log', 'any, !(r.obj.proposer != ""), log')
    assert body != texts.files[name]
    other = load_texts(texts.with_file(name, body), check_against_casbin=False)
    assert not any(differences(loaded, other).values())
    assert simulate(loaded, other, samples(loaded.workflow.ruleset, random.Random(4), 800)).changes == ()
