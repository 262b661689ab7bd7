"""One loaded rule set for all tests of the room."""

from functools import cache
from typing import Any

import pytest

from policies.cases import Case, read_cases
from policies.engine import Loaded, PolicyEngine, load_texts
from policies.oracle import build_facts
from policies.purposes import read_purposes
from policies.rules import RuleSet, read_rules
from policies.schema import read_schema
from policies.texts import Texts, parse_yaml, read_texts

KINDS = ("data_access", "workflow")


@pytest.fixture(scope="session")
def texts() -> Texts:
    return read_texts()


@pytest.fixture(scope="session")
def loaded(texts: Texts) -> Loaded:
    return load_texts(texts)


@pytest.fixture
def engine(loaded: Loaded) -> PolicyEngine:
    return PolicyEngine(loaded)


def rules_of(texts: Texts, kind: str) -> RuleSet:
    """The rules of one kind, checked but not compiled: what a proof needs, in a fraction of the time."""
    purposes = read_purposes(parse_yaml("purposes.yaml", texts.files["purposes.yaml"])).codes_and_none
    name = f"{kind}/schema.yaml"
    return read_rules(texts, read_schema(parse_yaml(name, texts.files[name]), purposes))


def all_cases() -> list[tuple[str, Case]]:
    loaded = load_texts(read_texts(), check_against_casbin=False)
    return [(kind, case) for kind in KINDS for case in read_cases(loaded.texts, loaded.ruleset(kind).schema)]


@cache
def scenarios_of(body: str) -> dict[str, Any]:
    found: dict[str, Any] = parse_yaml("a_scenarios.yaml", body).value["scenarios"]
    return found


def situation(texts: Texts, kind: str, name: str, **changes: Any) -> Any:
    """The facts of a scenario of the case files; `sub__active=False` changes r.sub.active."""
    scenarios = scenarios_of(texts.files[f"{kind}/tests/a_scenarios.yaml"])
    chain = [name]
    while "like" in scenarios[chain[-1]]:
        chain.append(scenarios[chain[-1]]["like"])
    values: dict[str, Any] = dict(scenarios[chain[-1]])
    for step in reversed(chain[:-1]):
        values |= scenarios[step].get("with", {})
    values |= {"r." + key.replace("__", "."): value for key, value in changes.items()}
    for key in ("r.sub.roles", "r.obj.previous_approvers"):
        if key in values:
            values[key] = frozenset(values[key])
    return build_facts(kind, values)
