"""The compiled rules against stock Casbin: the same effect and the same cited rule, and a difference is noticed."""

import random
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.engine import Loaded
from policies.oracle import Oracle, expected, samples, self_check
from policies.texts import PolicyError

from .conftest import KINDS, all_cases


def held_against_casbin(loaded: Loaded, kind: str, oracle: Oracle, seed: int, count: int) -> set[str]:
    snapshot = loaded.data_access if kind == "data_access" else loaded.workflow
    cited = set()
    for facts in samples(snapshot.ruleset, random.Random(seed), count):
        ours = expected(snapshot, snapshot.match(facts))
        assert ours == oracle.ask(facts), facts
        cited.add(ours[1])
    return cited


@pytest.fixture(scope="module", params=KINDS)
def kind_oracle(request: pytest.FixtureRequest, loaded: Loaded) -> tuple[str, Oracle]:
    return request.param, Oracle(loaded.texts, loaded.ruleset(request.param))


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_equal_to_casbin(loaded: Loaded, kind_oracle: tuple[str, Oracle], seed: int) -> None:
    kind, oracle = kind_oracle
    held_against_casbin(loaded, kind, oracle, seed, 60)


@pytest.mark.deep
@pytest.mark.timeout(1200)
def test_equal_to_casbin_tens_of_thousands_of_times(loaded: Loaded, kind_oracle: tuple[str, Oracle]) -> None:
    kind, oracle = kind_oracle
    cited: set[str] = set()
    for seed in range(100):
        cited |= held_against_casbin(loaded, kind, oracle, seed, 150)
    assert len(cited) > 0.8 * len(loaded.ruleset(kind).rules)


def test_every_third_case_is_equal_to_casbin(loaded: Loaded) -> None:
    oracles = {kind: Oracle(loaded.texts, loaded.ruleset(kind)) for kind in KINDS}
    for kind, case in all_cases()[::3]:
        snapshot = loaded.data_access if kind == "data_access" else loaded.workflow
        assert expected(snapshot, snapshot.match(case.facts)) == oracles[kind].ask(case.facts), case.name


@pytest.mark.parametrize("kind", KINDS)
def test_the_self_check_notices_a_wrong_compilation(loaded: Loaded, kind: str) -> None:
    snapshot = loaded.data_access if kind == "data_access" else loaded.workflow
    self_check(loaded.texts, snapshot)
    broken = replace(snapshot, match=lambda facts: snapshot.match(facts) & ~1 & ~2)
    with pytest.raises(PolicyError, match="Casbin"):
        self_check(loaded.texts, broken)


def test_only_the_right_casbin_is_installed() -> None:
    """The distribution `casbin` owns the same folder and would silently replace the newer code of `pycasbin`."""
    from importlib import metadata

    assert metadata.version("pycasbin") == "2.8.0"
    with pytest.raises(metadata.PackageNotFoundError):
        metadata.version("casbin")
