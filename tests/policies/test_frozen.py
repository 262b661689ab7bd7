"""Quickly made facts are the same facts: signature, equality, frozen; what was vouched for is never copied."""

import copy
import inspect
import pickle
from dataclasses import FrozenInstanceError, asdict, fields, replace
from typing import Any

import pytest

from policies.engine import PolicyEngine
from policies.texts import Texts
from policies.vocabulary import GrantFacts, MoveObject, Object, Subject

from .conftest import situation


def test_the_signature_is_the_dataclass_one() -> None:
    names = [each.name for each in fields(Subject)]
    assert list(inspect.signature(Subject).parameters) == names
    assert inspect.signature(Object).parameters["discoverable"].default is True
    assert GrantFacts() == GrantFacts(present=False)
    assert hash(GrantFacts()) == hash(GrantFacts())
    assert MoveObject("request").previous_approvers == frozenset()
    with pytest.raises(TypeError):
        Subject("p")  # type: ignore[call-arg]
    with pytest.raises(FrozenInstanceError):
        GrantFacts().present = True  # type: ignore[misc]
    assert "_vouched" not in asdict(GrantFacts())


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each)), replace])
def test_a_copy_is_checked_again(engine: PolicyEngine, texts: Texts, again: Any) -> None:
    facts = situation(texts, "data_access", "granted")
    assert engine.decide(facts).effect == "allow"
    copied = again(facts.subject)
    assert copied == facts.subject
    assert getattr(copied, "_vouched", None) is None
    assert engine.decide(replace(facts, subject=copied)).effect == "allow"
    bad = replace(facts.subject, clearance=9)
    assert engine.decide(replace(facts, subject=bad)).rule == "ERROR"
    assert engine.decide(replace(facts, subject=again(bad))).rule == "ERROR"
