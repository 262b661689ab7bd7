"""The rules of one kind, compiled: one function per dispatch key, immutable, held against Casbin when it is built.

Casbin walks the syntax tree of every rule at every decision; here each rule's constants are folded in once and what
remains becomes straight Python. A call answers with a bit mask of all rules that match, bit i for the i-th rule of
the file.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from policies import expression
from policies.decision import Obligations
from policies.expression import FALSE, Among, And, Attr, Compare, Const, Expr, Holds, Member, Not, Or
from policies.frozen import Vouched
from policies.rules import Rule, RuleSet
from policies.schema import PARTS, Schema, Type
from policies.vocabulary import Context, GrantFacts, MoveObject, Object, Subject, WallFacts

_MASKS_AT_MOST: Final = 4096
_CLASSES: Final[Mapping[str, Mapping[str, type]]] = {
    "data_access": {"sub": Subject, "obj": Object, "grant": GrantFacts, "wall": WallFacts, "ctx": Context},
    "workflow": {"sub": Subject, "obj": MoveObject},
}


class BadFacts(ValueError):
    """A fact is missing, of the wrong type, or a value that the schema does not know. Names the fact, never its
    value.
    """


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a bit mask means: the deciding rule (None: nothing allowed), and the obligations of all that matched."""

    allowed: bool
    rule: Rule | None
    obligations: Obligations


@dataclass(frozen=True, slots=True)
class Probe:
    """One rule of a dispatch key, taken apart: each condition as its text and a function of the parts of the facts."""

    rule: Rule
    conditions: tuple[tuple[str, Callable[..., Any]], ...]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A compiled rule set. `match(facts)` gives the mask or raises; `outcomes` is filled as masks are met."""

    ruleset: RuleSet
    match: Callable[[Any], int]
    residual: Mapping[tuple[str, ...], tuple[tuple[int, Expr], ...]]
    deny_mask: int
    allow_mask: int
    outcomes: dict[int, Outcome]
    probes: dict[tuple[str, ...], tuple["Probe", ...]]

    def outcome(self, mask: int) -> Outcome:
        """The meaning of a mask: the first deny in file order decides; without one, the first allow. Log and alert
        unite.
        """
        found = self.outcomes.get(mask)
        if found is None:
            found = self._interpret(mask)
            if len(self.outcomes) < _MASKS_AT_MOST:
                self.outcomes[mask] = found
        return found

    def _interpret(self, mask: int) -> Outcome:
        rules = self.ruleset.rules
        matched = [rule for index, rule in enumerate(rules) if mask >> index & 1]
        deciding = mask & self.deny_mask or mask & self.allow_mask
        rule = rules[(deciding & -deciding).bit_length() - 1] if deciding else None
        own = rule.obligations if rule else Obligations()
        return Outcome(
            allowed=bool(rule) and not mask & self.deny_mask,
            rule=rule,
            obligations=Obligations(
                mask=own.mask,
                watermark=own.watermark,
                quota=own.quota,
                log=True if rule is None else any(each.obligations.log for each in matched),
                alert=any(each.obligations.alert for each in matched),
            ),
        )

    def probe(self, facts: Any) -> tuple[tuple[Probe, ...], tuple[Any, ...]]:
        """The rules that this act can reach, taken apart, and the parts of the facts to call their conditions with.

        Compiled at the first question about a key: refusals and explanations need it, allowances never do.
        """
        schema = self.ruleset.schema
        key = tuple(fact(facts, path, schema) for path in schema.dispatch)
        found = self.probes.get(key)
        if found is None:
            found = _Emitter(schema).probes(self.ruleset, self.residual[key])
            self.probes[key] = found
        parts = PARTS[schema.kind]
        return found, tuple(getattr(facts, parts[part]) for part in parts if part != "act")


def fact(facts: Any, path: str, schema: Schema) -> Any:
    """The value of one fact by its rule name."""
    value = facts
    for name in schema.location(path):
        value = getattr(value, name)
    return value


def compile_rules(ruleset: RuleSet) -> Snapshot:
    """Compile one kind. Pure: the same rules give the same functions."""
    schema = ruleset.schema
    keys = list(product(*(schema.types[path].values for path in schema.dispatch)))
    residual = {key: _residual(ruleset, dict(zip(schema.dispatch, key, strict=True))) for key in keys}
    deny = sum(1 << index for index, rule in enumerate(ruleset.rules) if rule.eft == "deny")
    allow = sum(1 << index for index, rule in enumerate(ruleset.rules) if rule.eft == "allow")
    return Snapshot(ruleset, _Emitter(schema).module(residual), residual, deny, allow, {}, {})


def _residual(ruleset: RuleSet, known: dict[str, str]) -> tuple[tuple[int, Expr], ...]:
    found = []
    for index, rule in enumerate(ruleset.rules):
        act = rule.columns["act"]
        if "r.act" in known and act != expression.ANY and known["r.act"] not in act.split("|"):
            continue  # only to save time at load: folding would find the same
        rest = expression.substitute(rule.condition, known)
        if rest != FALSE:
            found.append((index, rest))
    return tuple(found)


class _Emitter:
    """Writes the Python of one kind: validation of each part of the facts, then one function per key."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.parts = [part for part in PARTS[schema.kind] if part != "act"]
        self.kept = [part for part in self.parts if issubclass(_CLASSES[schema.kind][part], Vouched)]
        self.constants: dict[str, object] = {
            "BadFacts": BadFacts,
            "TOKEN": object(),  # of this compilation: what another schema vouched for is checked again
            "vouch": Vouched.__dict__["_vouched"].__set__,
        }

    def constant(self, value: object) -> str:
        for name, known in self.constants.items():
            if type(known) is type(value) and known == value:
                return name
        name = f"C{len(self.constants)}"
        self.constants[name] = value
        return name

    def module(self, residual: Mapping[tuple[str, ...], tuple[tuple[int, Expr], ...]]) -> Callable[[Any], int]:
        lines: list[str] = []
        names: dict[tuple[str, ...], str] = {}
        bodies: dict[tuple[tuple[int, Expr], ...], str] = {}
        for key, rules in residual.items():
            if rules not in bodies:  # many keys share one function
                bodies[rules] = f"key_{len(bodies)}"
                lines += self.function(bodies[rules], rules)
            names[key] = bodies[rules]
        for part in self.parts:
            lines += self.validator(part)
        lines += self.entry()
        namespace: dict[str, Any] = {**self.constants, "TABLE": {}}
        exec(compile("\n".join(lines), f"<policies.{self.schema.kind}>", "exec"), namespace)  # noqa: S102 - our own text only
        for key, name in names.items():
            table = namespace["TABLE"]
            for step in key[:-1]:
                table = table.setdefault(step, {})
            table[key[-1]] = namespace[name]
        match: Callable[[Any], int] = namespace["match"]
        return match

    def function(self, name: str, rules: tuple[tuple[int, Expr], ...]) -> list[str]:
        """One function: each rule's conditions in their order, those that several rules begin with written once."""
        split = [(index, expression.conjuncts(condition)) for index, condition in rules]
        return [f"def {name}({', '.join(self.parts)}):", "    mask = 0", *self.branch(split, 1), "    return mask", ""]

    def branch(self, rules: list[tuple[int, tuple[Expr, ...]]], depth: int) -> list[str]:
        """The statements for rules that share all conditions so far. Bits commute, so grouping keeps the answer."""
        indent = "    " * depth
        done = sum(1 << index for index, rest in rules if not rest)
        lines = [f"{indent}mask |= {done}"] if done else []
        groups: dict[Expr, list[tuple[int, tuple[Expr, ...]]]] = {}
        for index, rest in rules:
            if rest:
                groups.setdefault(rest[0], []).append((index, rest[1:]))
        for first, found in groups.items():
            shared, members = [first], found
            while all(rest for _, rest in members) and len({rest[0] for _, rest in members}) == 1:
                shared.append(members[0][1][0])
                members = [(index, rest[1:]) for index, rest in members]
            lines.append(f"{indent}if {' and '.join(map(self.source, shared))}:")
            lines += self.branch(members, depth + 1)
        return lines

    def probes(self, ruleset: RuleSet, rules: tuple[tuple[int, Expr], ...]) -> tuple[Probe, ...]:
        arguments = ", ".join(self.parts)
        found: list[Probe] = []
        for index, condition in rules:
            pairs = []
            for item in expression.conjuncts(condition):
                source = f"lambda {arguments}: {self.source(item)}"
                test: Callable[..., Any] = eval(source, dict(self.constants))  # noqa: S307 - our own text only
                pairs.append((expression.text(item), test))
            found.append(Probe(ruleset.rules[index], tuple(pairs)))
        return tuple(found)

    def validator(self, part: str) -> list[str]:
        """`check_<part>(x)` raises for an unfit value, naming the fact; a part that can be kept is then vouched for."""
        cls = self.constant(_CLASSES[self.schema.kind][part])
        lines = [f"def check_{part}(x):", f"    if type(x) is not {cls}: raise BadFacts('{part}')"]
        for path, wanted in self.schema.types.items():
            _, owner, *rest = path.split(".")
            if owner == part and rest:
                lines.append(f"    if not ({self.check(f'x.{rest[0]}', wanted)}): raise BadFacts('{path}')")
        return [*lines, *(["    vouch(x, TOKEN)"] if part in self.kept else []), ""]

    def check(self, name: str, wanted: Type) -> str:
        match wanted.kind:
            case "bool":
                return f"type({name}) is bool"
            case "id":
                return f"type({name}) is str and {name} != ''" if wanted.filled else f"type({name}) is str"
            case "int":
                return f"type({name}) is int and {wanted.low} <= {name} <= {wanted.high}"
            case "enum":
                return f"type({name}) is str and {name} in {self.constant(frozenset(wanted.values))}"
            case "set":
                return f"type({name}) is frozenset and {name} <= {self.constant(frozenset(wanted.values))}"
        return f"type({name}) is frozenset and all(type(each) is str for each in {name})"

    def entry(self) -> list[str]:
        """The entry. Facts are frozen, so a part is checked once; a context is new each time and checked each time."""
        lines = ["def match(facts):"]
        lines += [f"    {part} = facts.{PARTS[self.schema.kind][part]}" for part in self.parts]
        lines.append("    try:")
        lines += [f"        if {part}._vouched is not TOKEN: check_{part}({part})" for part in self.kept]
        lines.append("    except AttributeError:")  # made without __init__ (copied, unpickled), or no facts at all
        lines += [f"        check_{part}({part})" for part in self.kept]
        lines += [f"    check_{part}({part})" for part in self.parts if part not in self.kept]
        steps = "".join(f"[facts.{'.'.join(self.schema.location(path))}]" for path in self.schema.dispatch)
        return [*lines, f"    return TABLE{steps}({', '.join(self.parts)})", ""]

    def source(self, expr: Expr) -> str:
        match expr:
            case Const(value):
                return repr(value)
            case Attr(path):
                return path.removeprefix("r.")
            case Compare(op, left, right):
                return f"({self.source(left)} {op} {self.source(right)})"
            case Among(left, values):
                return f"({self.source(left)} in {values!r})"
            case Member(left, container):
                return f"({self.source(left)} in {self.source(container)})"
            case Holds(container, _, closure):
                if len(closure) == 1:
                    return f"({next(iter(closure))!r} in {self.source(container)})"
                return f"(not {self.constant(closure)}.isdisjoint({self.source(container)}))"
            case Not(item):
                return f"(not {self.source(item)})"
            case And(items):
                return "(" + " and ".join(map(self.source, items)) + ")"
            case Or(items):
                return "(" + " or ".join(map(self.source, items)) + ")"
        raise TypeError(expr)
