"""The one place that says yes or no. Total: whatever the facts are, the answer is a `Decision`, and doubt is a
refusal.
"""

import logging
from dataclasses import dataclass, replace
from importlib.resources.abc import Traversable
from typing import Final

from policies import explain as explaining
from policies.decision import Allowed, Decision, Lack, Obligations, Refused
from policies.explain import Explanation
from policies.oracle import self_check
from policies.purposes import read_purposes
from policies.rules import RuleSet, read_rules
from policies.schema import read_schema
from policies.snapshot import Snapshot, compile_rules
from policies.texts import KINDS, Texts, parse_yaml, read_texts
from policies.vocabulary import NO_WALL, Facts, MoveFacts, Resource

_LOG: Final = logging.getLogger("policies.engine")
ERROR: Final = "ERROR"
_ALARM: Final = Obligations(alert=True)
_NO_RESOURCE: Final = Resource("", frozenset(), frozenset())


@dataclass(frozen=True, slots=True)
class Loaded:
    """One version of all rules. Decisions read it once, so a swap never shows half a version."""

    epoch: str
    texts: Texts
    data_access: Snapshot
    workflow: Snapshot

    def ruleset(self, kind: str) -> RuleSet:
        return (self.data_access if kind == "data_access" else self.workflow).ruleset


def load_texts(texts: Texts, *, check_against_casbin: bool = True) -> Loaded:
    """Check and compile all kinds. Raises `PolicyError` with every defect; nothing that is not whole ever decides."""
    purposes = read_purposes(parse_yaml("purposes.yaml", texts.files["purposes.yaml"]))
    snapshots: dict[str, Snapshot] = {}
    for kind in KINDS:
        name = f"{kind}/schema.yaml"
        schema = read_schema(parse_yaml(name, texts.files[name]), purposes.codes_and_none)
        snapshots[kind] = compile_rules(read_rules(texts, schema))
        if check_against_casbin:
            self_check(texts, snapshots[kind])
    return Loaded(texts.epoch, texts, snapshots["data_access"], snapshots["workflow"])


class PolicyEngine:
    """Decides by the rules that it holds. Safe in threads: the rules are immutable and swapped by one reference."""

    __slots__ = ("_loaded",)

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    @classmethod
    def load(cls, directory: Traversable | None = None) -> "PolicyEngine":
        """An engine over the rules of a folder (default: the packaged ones). Raises `PolicyError` with all defects."""
        return cls(load_texts(read_texts(directory)))

    @property
    def epoch(self) -> str:
        """SHA-256 of the texts that decide, hexadecimal; every decision carries it."""
        return self._loaded.epoch

    @property
    def loaded(self) -> Loaded:
        """The version in force at this moment."""
        return self._loaded

    def swap(self, loaded: Loaded) -> str:
        """Put another version in force, atomically: decisions already begun end under the old one. Returns the new
        epoch.
        """
        self._loaded = loaded
        return loaded.epoch

    def decide(self, facts: Facts) -> Decision:
        """Allowed or refused, with the deciding rule, under one epoch. Never raises: unfit facts are refused with an
        alert.
        """
        loaded = self._loaded
        snapshot = loaded.data_access
        try:
            if type(facts.resource) is not Resource:
                raise TypeError("resource")
            outcome = snapshot.outcome(snapshot.match(facts))
            if outcome.allowed and outcome.rule is not None:
                return Allowed(
                    facts.decision_id,
                    outcome.rule.id,
                    "allowed",
                    loaded.epoch,
                    facts.action,
                    facts.context.purpose,
                    facts.resource,
                    outcome.obligations,
                )
            rule = outcome.rule.id if outcome.rule else ""
            nearest = explaining.nearest(snapshot, facts)
            reason = self._reason(snapshot, facts, rule, nearest, outcome.rule.reason if outcome.rule else "")
            return Refused(facts.decision_id, rule, reason, loaded.epoch, nearest[:3], outcome.obligations)
        except Exception as error:  # the refusal is the answer: see the module's promise
            return _error(facts, loaded.epoch, error)

    def decide_move(self, move: MoveFacts) -> Decision:
        """The same for a move in a workflow. `Allowed.action` is the act; `resource` is empty."""
        loaded = self._loaded
        snapshot = loaded.workflow
        try:
            if move.act.partition(":")[0] != move.object.kind:
                raise ValueError("r.obj.kind")
            outcome = snapshot.outcome(snapshot.match(move))
            if outcome.allowed and outcome.rule is not None:
                return Allowed(
                    move.decision_id,
                    outcome.rule.id,
                    "allowed",
                    loaded.epoch,
                    move.act,
                    "",
                    _NO_RESOURCE,
                    outcome.obligations,
                )
            rule = outcome.rule.id if outcome.rule else ""
            nearest = explaining.nearest(snapshot, move)
            reason = outcome.rule.reason if outcome.rule else explaining.reason(snapshot, nearest)
            return Refused(move.decision_id, rule, reason, loaded.epoch, nearest[:3], outcome.obligations)
        except Exception as error:
            return _error(move, loaded.epoch, error)

    def explain(self, facts: Facts | MoveFacts) -> Explanation:
        """Every rule that could apply to this act, with the conditions met and lacking. For compliance only.

        Raises `BadFacts`-like errors for unfit facts: explaining is not deciding.
        """
        snapshot = self._loaded.data_access if isinstance(facts, Facts) else self._loaded.workflow
        decision = self.decide(facts) if isinstance(facts, Facts) else self.decide_move(facts)
        return explaining.explain(snapshot, facts, decision)

    def _reason(self, snapshot: Snapshot, facts: Facts, rule: str, nearest: tuple[Lack, ...], stated: str) -> str:
        """A coarse reason. A refusal by a wall or a suppression must read like the one without it would have."""
        if not rule:
            return explaining.reason(snapshot, nearest)
        if rule not in snapshot.ruleset.schema.neutral_rules:
            return stated
        plain = replace(facts, wall=NO_WALL, object=replace(facts.object, suppressed=False))
        outcome = snapshot.outcome(snapshot.match(plain))
        if outcome.allowed:
            return snapshot.ruleset.schema.neutral_reason
        if outcome.rule is not None:
            return outcome.rule.reason
        return explaining.reason(snapshot, explaining.nearest(snapshot, plain))


def _error(facts: object, epoch: str, error: Exception) -> Refused:
    _LOG.warning("facts not fit for a decision: %s", type(error).__name__)
    decision_id = getattr(facts, "decision_id", "")
    return Refused(decision_id if isinstance(decision_id, str) else "", ERROR, "error", epoch, (), _ALARM)
