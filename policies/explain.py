"""Why: the rules that could have applied, and for each the conditions met and lacking."""

from dataclasses import dataclass
from typing import Any

from policies.decision import Decision, Lack
from policies.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class RuleReport:
    """One rule against these facts. `met` and `lacking` are its conditions, as the rule writes them."""

    rule: str
    eft: str
    line: int
    matched: bool
    met: tuple[str, ...]
    lacking: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with every rule that its act could reach, the deciding one first."""

    decision: Decision
    rules: tuple[RuleReport, ...]


def nearest(snapshot: Snapshot, facts: Any) -> tuple[Lack, ...]:
    """The allow rules of this act that did not match, those lacking least first, ties in file order."""
    probes, parts = snapshot.probe(facts)
    found: list[Lack] = []
    for probe in probes:
        if probe.rule.eft == "allow":
            lacking = tuple([text for text, test in probe.conditions if not test(*parts)])
            if lacking:
                found.append(Lack(probe.rule.id, lacking))
    return tuple(sorted(found, key=lambda lack: len(lack.conditions)))


def reason(snapshot: Snapshot, lacks: tuple[Lack, ...]) -> str:
    """The coarse reason when nothing allowed: the first line of the schema's `reasons` that one of these rules
    lacked.
    """
    schema = snapshot.ruleset.schema
    for line in schema.reasons:
        for lack in lacks:
            if line.text in lack.conditions and (not line.sole or len(lack.conditions) == 1):
                return line.reason
    return schema.otherwise


def explain(snapshot: Snapshot, facts: Any, decision: Decision) -> Explanation:
    """Every rule that this act could reach, deciding rule first, then those lacking least."""
    probes, parts = snapshot.probe(facts)
    reports: list[RuleReport] = []
    for probe in probes:
        split: tuple[list[str], list[str]] = ([], [])
        for text, test in probe.conditions:
            split[0 if test(*parts) else 1].append(text)
        rule = probe.rule
        reports.append(RuleReport(rule.id, rule.eft, rule.line, not split[1], tuple(split[0]), tuple(split[1])))
    reports.sort(key=lambda report: (report.rule != decision.rule, len(report.lacking)))
    return Explanation(decision, tuple(reports))
