"""Proofs over the rules with z3: invariants, dead rules, and the meaning of a change. A development dependency only.

The proof is about the same folded conditions that are compiled. Values are encoded exactly: enums as numbers of their
domain, ids as unbounded numbers (every constant its own), sets as one truth value a role, or as a predicate over ids.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies import expression
from policies.expression import Among, And, Attr, Compare, Const, Expr, ExpressionError, Holds, Member, Not, Or
from policies.oracle import build_facts
from policies.rules import RuleSet
from policies.schema import Schema
from policies.texts import Defect, Document, PolicyError

_MILLISECONDS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Invariant:
    """One thing that must never happen (`never`), or one fact that must never matter (`same`)."""

    id: str
    line: int
    text: str
    never: str
    same: str


@dataclass(frozen=True, slots=True)
class Proof:
    """The result for one invariant: proved, or a counterexample as attribute values (empty if the solver gave up)."""

    invariant: Invariant
    proved: bool
    counterexample: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """A situation in which two versions decide differently. `facts` can be decided by both to see the rules."""

    values: Mapping[str, Any]
    facts: Any
    old_allowed: bool
    new_allowed: bool


def read_invariants(document: Document) -> tuple[tuple[Invariant, ...], dict[str, str]]:
    """The invariants and the words defined for them. `PolicyError` for a malformed file."""
    raw = document.value
    if not isinstance(raw, dict) or set(raw) - {"define", "invariants"} or not raw.get("invariants"):
        raise PolicyError((document.defect("invariant", "define and invariants are wanted"),))
    found: list[Invariant] = []
    defects: list[Defect] = []
    for index, item in enumerate(raw["invariants"]):
        good = isinstance(item, dict) and {"id", "text"} < set(item) and len(set(item) & {"never", "same"}) == 1
        if not good or len(item) != 3 or any(each.id == item["id"] for each in found):
            defects.append(document.defect("invariant", "id (once), text, and never or same", "invariants", index))
            continue
        line = document.line("invariants", index)
        found.append(Invariant(item["id"], line, item["text"], item.get("never", ""), item.get("same", "")))
    if defects:
        raise PolicyError(tuple(defects))
    return tuple(found), dict(raw.get("define") or {})


class _Encoding:
    """z3 terms for the facts of one schema. `mark` makes a second, independent copy of chosen facts."""

    def __init__(self, schema: Schema) -> None:
        import z3

        self.z3 = z3
        self.schema = schema
        self.ids: dict[str, int] = {"": 0}
        for wanted in schema.types.values():
            if wanted.kind in {"id", "ids"}:
                for value in wanted.values:
                    self.ids.setdefault(value, len(self.ids))
        self.terms = {path: self._term(path, wanted.kind) for path, wanted in schema.types.items()}
        self.roles = {role: z3.Bool(f"role {role}") for role in schema.roles}
        self.domain = [self._bounds(path) for path in schema.types]

    def _term(self, path: str, kind: str) -> Any:
        z3 = self.z3
        if kind == "bool":
            return z3.Bool(path)
        if kind == "ids":
            return z3.Function(path, z3.IntSort(), z3.BoolSort())
        return z3.Int(path)

    def _bounds(self, path: str) -> Any:
        z3, wanted, term = self.z3, self.schema.types[path], self.terms[path]
        match wanted.kind:
            case "enum":
                return z3.And(term >= 0, term < len(wanted.values))
            case "int":
                return z3.And(term >= wanted.low, term <= wanted.high)
            case "id":
                return term >= (1 if wanted.filled else 0)
        return z3.BoolVal(True)

    def constant(self, value: str | int, beside: Expr) -> Any:
        if isinstance(value, int):
            return self.z3.IntVal(value)
        if isinstance(beside, Attr) and self.schema.types[beside.path].kind == "enum":
            return self.z3.IntVal(self.schema.types[beside.path].values.index(value))
        return self.z3.IntVal(self.ids.setdefault(value, len(self.ids)))

    def formula(self, expr: Expr, words: Mapping[str, Any] | None = None) -> Any:
        z3 = self.z3
        match expr:
            case Const(value):
                return z3.BoolVal(bool(value))
            case Attr(path):
                return (words or {}).get(path, self.terms.get(path))
            case Compare(op, left, right):
                return self._compare(op, self._operand(left, right), self._operand(right, left))
            case Among(left, values):
                return z3.Or([self._operand(left, left) == self.constant(value, left) for value in values])
            case Member(left, container):
                return self.terms[container.path](self._operand(left, left))
            case Holds(_, _, closure):
                return z3.Or([self.roles[role] for role in sorted(closure)])
            case Not(item):
                return z3.Not(self.formula(item, words))
            case And(items):
                return z3.And([self.formula(item, words) for item in items])
            case Or(items):
                return z3.Or([self.formula(item, words) for item in items])
        raise TypeError(expr)

    def _operand(self, expr: Expr, beside: Expr) -> Any:
        return self.constant(expr.value, beside) if isinstance(expr, Const) else self.terms[expr.path]  # type: ignore[union-attr]

    def _compare(self, op: str, left: Any, right: Any) -> Any:
        match op:
            case "==":
                return left == right
            case "!=":
                return left != right
            case "<":
                return left < right
            case "<=":
                return left <= right
            case ">":
                return left > right
        return left >= right

    def decision(self, ruleset: RuleSet) -> Any:
        """The formula of `allowed`: some allow rule matches and no deny rule does."""
        by = {
            eft: [self.formula(rule.condition) for rule in ruleset.rules if rule.eft == eft]
            for eft in ("allow", "deny")
        }
        return self.z3.And(self.z3.Or(by["allow"]), self.z3.Not(self.z3.Or(by["deny"])))

    def solver(self) -> Any:
        solver = self.z3.Solver()
        solver.set("timeout", _MILLISECONDS)
        solver.add(self.domain)
        return solver

    def values(self, model: Any) -> dict[str, Any]:
        """The facts of a model, every attribute given a value of its type."""
        names = {number: name for name, number in self.ids.items()}
        result: dict[str, Any] = {}
        for path, wanted in self.schema.types.items():
            if wanted.kind == "ids":
                continue
            if wanted.kind == "set":
                result[path] = frozenset(
                    role
                    for role, term in self.roles.items()
                    if self.z3.is_true(model.eval(term, model_completion=True))
                )
                continue
            found = model.eval(self.terms[path], model_completion=True)
            if wanted.kind == "bool":
                result[path] = self.z3.is_true(found)
            elif wanted.kind == "enum":
                result[path] = wanted.values[found.as_long()]
            elif wanted.kind == "int":
                result[path] = found.as_long()
            else:
                result[path] = names.get(found.as_long(), f"id-{found.as_long()}")
        for path, wanted in self.schema.types.items():
            if wanted.kind == "ids":  # of all ids that occur, those of which the predicate is true
                known = {result[each] for each, kind in self.schema.types.items() if kind.kind == "id"}
                numbers = {name: self.ids.get(name, int(name[3:]) if name.startswith("id-") else 0) for name in known}
                result[path] = frozenset(
                    name
                    for name, number in numbers.items()
                    if self.z3.is_true(model.eval(self.terms[path](self.z3.IntVal(number)), model_completion=True))
                )
        return result


def _words(define: Mapping[str, str]) -> dict[str, str]:
    """The defined words with earlier words expanded, so that each is a condition over facts."""
    expanded: dict[str, str] = {}
    for name, text in define.items():
        expanded[name] = _expand(text, expanded)
    return expanded


def _expand(text: str, words: Mapping[str, str]) -> str:
    return re.sub(r"\b[A-Z][A-Z_]+\b", lambda found: f"({words[found[0]]})" if found[0] in words else found[0], text)


def prove(ruleset: RuleSet, document: Document, *, only: str = "") -> tuple[Proof, ...]:
    """Prove every invariant of the file, or `only` one. `PolicyError` if malformed; needs z3 (`lianqiao[test]`)."""
    invariants, define = read_invariants(document)
    words = _words(define)
    encoding = _Encoding(ruleset.schema)
    allowed = encoding.decision(ruleset)
    return tuple(
        _prove_one(encoding, ruleset, document, invariant, words, allowed)
        for invariant in invariants
        if only in {"", invariant.id}
    )


def _prove_one(
    encoding: _Encoding,
    ruleset: RuleSet,
    document: Document,
    invariant: Invariant,
    words: Mapping[str, str],
    allowed: Any,
) -> Proof:
    z3, solver = encoding.z3, encoding.solver()
    if invariant.same:
        term = encoding.terms.get(invariant.same)
        if term is None or ruleset.schema.types[invariant.same].kind != "bool":
            raise PolicyError(
                (Defect(document.file, invariant.line, "invariant", f"{invariant.same} is no truth value"),)
            )
        off = z3.substitute(allowed, (term, z3.BoolVal(False)))
        solver.add(off != z3.substitute(allowed, (term, z3.BoolVal(True))))
    else:
        text = _expand(invariant.never, words)
        text = re.sub(r"\bDENIED\b", "!r.ALLOWED", re.sub(r"\bALLOWED\b", "r.ALLOWED", text))
        try:
            condition = expression.parse(text, {}, ruleset.closures)
        except ExpressionError as error:
            raise PolicyError(
                (Defect(document.file, invariant.line, "invariant", f"{invariant.id}: {error}"),)
            ) from None
        unknown = expression.attributes(condition) - set(ruleset.schema.types) - {"r.ALLOWED"}
        if unknown:
            raise PolicyError((Defect(document.file, invariant.line, "invariant", f"unknown facts {sorted(unknown)}"),))
        solver.add(encoding.formula(condition, {"r.ALLOWED": allowed}))
    answer = solver.check()
    example = encoding.values(solver.model()) if answer == z3.sat else {}
    return Proof(invariant, answer == z3.unsat, example)


def dead_rules(ruleset: RuleSet) -> tuple[str, ...]:
    """Rules that never decide: no facts make them match, or earlier or overriding rules always decide in their place.

    A deny is dead if its facts are always denied by earlier denies; an allow, if it never is the first allow of an
    allowed decision. Notes are dead only if they never match.
    """
    encoding = _Encoding(ruleset.schema)
    z3 = encoding.z3
    denies = [encoding.formula(rule.condition) for rule in ruleset.rules if rule.eft == "deny"]
    dead: list[str] = []
    before: dict[str, list[Any]] = {"allow": [], "deny": [], "note": []}
    for rule in ruleset.rules:
        mine = encoding.formula(rule.condition)
        solver = encoding.solver()
        solver.add(mine)
        if rule.eft != "note":
            solver.add(z3.Not(z3.Or(before[rule.eft])))
        if rule.eft == "allow":
            solver.add(z3.Not(z3.Or(denies)))
        if solver.check() == z3.unsat:
            dead.append(rule.id)
        before[rule.eft].append(mine)
    return tuple(dead)


def difference(old: RuleSet, new: RuleSet, *, at_most: int = 8) -> tuple[Difference, ...]:
    """Situations in which the two versions decide differently, no two of one act and one direction; empty: they are
    equal.

    Both must have the same schema (`ValueError` otherwise): what a changed schema means is not a question about rules.
    """
    if old.schema.types != new.schema.types:
        raise ValueError("the schemas differ")
    encoding = _Encoding(new.schema)
    z3 = encoding.z3
    before, after = encoding.decision(old), encoding.decision(new)
    solver = encoding.solver()
    solver.add(before != after)
    found: list[Difference] = []
    while len(found) < at_most and solver.check() == z3.sat:
        model = solver.model()
        values = encoding.values(model)
        opened = z3.is_true(model.eval(after, model_completion=True))
        found.append(Difference(values, build_facts(new.kind, values), not opened, opened))
        act = encoding.terms["r.act"]
        solver.add(z3.Not(z3.And(act == model.eval(act, model_completion=True), after == z3.BoolVal(opened))))
    return tuple(found)
