"""If this change were in force: what would be decided differently, for recorded facts and in principle."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from policies.decision import Decision
from policies.engine import Loaded, PolicyEngine
from policies.texts import KINDS
from policies.vocabulary import Facts, MoveFacts


@dataclass(frozen=True, slots=True)
class Change:
    """One set of facts that two versions decide differently (effect, rule, reason or obligations)."""

    facts: Facts | MoveFacts
    old: Decision
    new: Decision

    @property
    def opens(self) -> bool:
        """True if the new version allows what the old one refused."""
        return self.old.effect == "deny" and self.new.effect == "allow"

    @property
    def closes(self) -> bool:
        """True if the new version refuses what the old one allowed."""
        return self.old.effect == "allow" and self.new.effect == "deny"


@dataclass(frozen=True, slots=True)
class Simulation:
    """What came out: how many facts were decided twice, and every difference, in the order of the facts."""

    total: int
    changes: tuple[Change, ...]

    @property
    def opened(self) -> int:
        return sum(change.opens for change in self.changes)

    @property
    def closed(self) -> int:
        return sum(change.closes for change in self.changes)


def simulate(old: Loaded, new: Loaded, recorded: Iterable[Facts | MoveFacts]) -> Simulation:
    """Decide recorded facts by both versions. Pure; the recorded `now` is used, not today's."""
    before, after = PolicyEngine(old), PolicyEngine(new)
    total = 0
    changes: list[Change] = []
    for facts in recorded:
        total += 1
        pair = _decide(before, facts), _decide(after, facts)
        if _essence(pair[0]) != _essence(pair[1]):
            changes.append(Change(facts, *pair))
    return Simulation(total, tuple(changes))


def differences(old: Loaded, new: Loaded) -> dict[str, tuple[Change, ...]]:
    """By kind, counterexamples found by z3: facts that the versions decide differently. Empty tuples: proved equal in
    effect.
    """
    from policies.prove import difference

    before, after = PolicyEngine(old), PolicyEngine(new)
    return {
        kind: tuple(
            Change(found.facts, _decide(before, found.facts), _decide(after, found.facts))
            for found in difference(old.ruleset(kind), new.ruleset(kind))
        )
        for kind in KINDS
    }


def _decide(engine: PolicyEngine, facts: Facts | MoveFacts) -> Decision:
    return engine.decide(facts) if isinstance(facts, Facts) else engine.decide_move(facts)


def _essence(decision: Decision) -> tuple[Any, ...]:
    return decision.effect, decision.rule, decision.reason, decision.obligations
