"""Why: the rules that could have applied, and for each the conditions met and lacking."""

from dataclasses import dataclass
from typing import Any

from policies import expression
from policies.decision import Decision, Lack
from policies.expression import Among, And, Attr, Compare, Const, Expr, Holds, Member, Not, Or
from policies.schema import Schema
from policies.snapshot import Snapshot, fact


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


def evaluate(expr: Expr, facts: Any, schema: Schema) -> Any:
    """The value of a condition for these facts."""
    match expr:
        case Const(value):
            return value
        case Attr(path):
            return fact(facts, path, schema)
        case Compare():
            return _compare(expr, facts, schema)
        case Among(left, values):
            return evaluate(left, facts, schema) in values
        case Member(left, container):
            return evaluate(left, facts, schema) in evaluate(container, facts, schema)
        case Holds(container, _, closure):
            return not closure.isdisjoint(evaluate(container, facts, schema))
        case Not(item):
            return not evaluate(item, facts, schema)
        case And(items):
            return all(evaluate(item, facts, schema) for item in items)
        case Or(items):
            return any(evaluate(item, facts, schema) for item in items)
    raise TypeError(expr)


def _compare(expr: Compare, facts: Any, schema: Schema) -> bool:
    left, right = evaluate(expr.left, facts, schema), evaluate(expr.right, facts, schema)
    return expression.holds(expr.op, left, right)


def nearest(snapshot: Snapshot, facts: Any) -> tuple[Lack, ...]:
    """The allow rules of this act that did not match, those lacking least first, ties in file order."""
    schema, rules = snapshot.ruleset.schema, snapshot.ruleset.rules
    found: list[Lack] = []
    for index, condition in snapshot.residual[snapshot.key(facts)]:
        if rules[index].eft == "allow":
            lacking = [item for item in expression.conjuncts(condition) if not evaluate(item, facts, schema)]
            if lacking:
                found.append(Lack(rules[index].id, tuple(map(expression.text, lacking))))
    return tuple(sorted(found, key=lambda lack: len(lack.conditions)))


def reason(snapshot: Snapshot, lacks: tuple[Lack, ...]) -> str:
    """The coarse reason when nothing allowed: the first line of the schema's `reasons` that one of these rules
    lacked.
    """
    schema = snapshot.ruleset.schema
    for line in schema.reasons:
        wanted = expression.text(line.condition)
        for lack in lacks:
            if wanted in lack.conditions and (not line.sole or len(lack.conditions) == 1):
                return line.reason
    return schema.otherwise


def explain(snapshot: Snapshot, facts: Any, decision: Decision) -> Explanation:
    """Every rule that this act could reach, deciding rule first, then those lacking least."""
    schema, rules = snapshot.ruleset.schema, snapshot.ruleset.rules
    reports: list[RuleReport] = []
    for index, condition in snapshot.residual[snapshot.key(facts)]:
        split: tuple[list[str], list[str]] = ([], [])
        for item in expression.conjuncts(condition):
            split[0 if evaluate(item, facts, schema) else 1].append(expression.text(item))
        rule = rules[index]
        reports.append(RuleReport(rule.id, rule.eft, rule.line, not split[1], tuple(split[0]), tuple(split[1])))
    reports.sort(key=lambda report: (report.rule != decision.rule, len(report.lacking)))
    return Explanation(decision, tuple(reports))
