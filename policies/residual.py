"""What remains to be asked of each row when the subject, the act and the circumstances are known: a condition over
facts.

The gateway turns the tree into SQL; the same rules thus answer "may S read this" and "what may S read".
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from policies import expression
from policies.expression import FALSE, Among, And, Attr, Compare, Const, Expr, Holds, Member, Not, Or, Value
from policies.rules import RuleSet
from policies.vocabulary import Context, GrantFacts, Subject


@dataclass(frozen=True, slots=True)
class Residual:
    """The open condition for `allowed`, and the open conditions of each rule that can still match, in file order."""

    allowed: Expr
    allows: tuple[tuple[str, Expr], ...]
    denies: tuple[tuple[str, Expr], ...]

    @property
    def attributes(self) -> frozenset[str]:
        """The facts that a row has to supply."""
        return expression.attributes(self.allowed)


def residual(ruleset: RuleSet, known: Mapping[str, Value | frozenset[str]]) -> Residual:
    """Partial evaluation of a whole rule set: `known` facts are put in, everything else stays symbolic."""
    left = [(rule, expression.substitute(rule.condition, known)) for rule in ruleset.rules]
    allows = tuple((rule.id, rest) for rule, rest in left if rule.eft == "allow" and rest != FALSE)
    denies = tuple((rule.id, rest) for rule, rest in left if rule.eft == "deny" and rest != FALSE)
    allowed = expression.fold(
        And((Or(tuple(rest for _, rest in allows)), Not(Or(tuple(rest for _, rest in denies)))))
    )  # fmt: skip
    return Residual(allowed, allows, denies)


def known_facts(
    subject: Subject, action: str, context: Context, grant: GrantFacts | None = None
) -> dict[str, Value | frozenset[str]]:
    """The facts that are known before any row is looked at; with `grant`, those of one grant that covers all rows
    alike.
    """
    found: dict[str, Value | frozenset[str]] = {"r.act": action}
    for part, source in (("sub", subject), ("ctx", context), ("grant", grant)):
        if source is not None:
            found |= {f"r.{part}.{each.name}": getattr(source, each.name) for each in fields(source)}
    return found


def tree(expr: Expr) -> dict[str, Any]:
    """The condition as plain nested dictionaries with `op`: const, attr, == != < <= > >=, in, member, holds, not,
    and, or.
    """
    match expr:
        case Const(value):
            return {"op": "const", "value": value}
        case Attr(path):
            return {"op": "attr", "path": path}
        case Compare(op, left, right):
            return {"op": op, "left": tree(left), "right": tree(right)}
        case Among(left, values):
            return {"op": "in", "left": tree(left), "values": list(values)}
        case Member(left, container):
            return {"op": "member", "left": tree(left), "path": container.path}
        case Holds(container, _, closure):
            return {"op": "holds", "path": container.path, "roles": sorted(closure)}
        case Not(item):
            return {"op": "not", "item": tree(item)}
        case And(items):
            return {"op": "and", "items": [tree(item) for item in items]}
        case Or(items):
            return {"op": "or", "items": [tree(item) for item in items]}
    raise TypeError(expr)
