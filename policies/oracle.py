"""Casbin itself as the judge of our compiled rules: same texts, same facts, same answer and same cited rule."""

import random
from collections.abc import Iterator, Sequence
from typing import Any, Final

from policies import expression
from policies.expression import Among, And, Compare, Const, Expr, Not, Or
from policies.rules import RuleSet, stock_enforcer
from policies.schema import PARTS, Schema, Type
from policies.snapshot import Snapshot
from policies.texts import Defect, PolicyError, Texts
from policies.vocabulary import Context, Facts, GrantFacts, MoveFacts, MoveObject, Object, Resource, Subject, WallFacts

SELF_CHECK: Final = 6  # facts a kind at load: a smoke test in tens of milliseconds; the tests do tens of thousands
_NAMES: Final = ("", "u1", "u2", "u3")


class Oracle:
    """Stock Casbin over the texts. `ask` gives what `enforce_ex` gives: the effect, and the id of the rule that it
    cites.
    """

    def __init__(self, texts: Texts, ruleset: RuleSet) -> None:
        self.enforcer = stock_enforcer(texts, ruleset.kind)
        self.enforcer.add_function(
            "among", lambda value, options: options == expression.ANY or value in options.split("|")
        )
        manager = self.enforcer.get_role_manager()
        self.enforcer.add_function(
            "holds",
            lambda roles, role: (
                role == expression.ANY or any(each == role or manager.has_link(each, role) for each in roles)
            ),
        )
        self.kind = ruleset.kind

    def ask(self, facts: Any) -> tuple[bool, str]:
        """Casbin's answer. It cites the first deny in file order, else the last rule that matched, else ""."""
        order = [token.removeprefix("r_") for token in self.enforcer.model["r"]["r"].tokens]
        allowed, cited = self.enforcer.enforce_ex(*(getattr(facts, PARTS[self.kind][part]) for part in order))
        return bool(allowed), cited[0] if cited else ""


def expected(snapshot: Snapshot, mask: int) -> tuple[bool, str]:
    """What Casbin would have to answer for this mask, by its own way of citing."""
    rules = snapshot.ruleset.rules
    denied = mask & snapshot.deny_mask
    index = (denied & -denied).bit_length() - 1 if denied else mask.bit_length() - 1
    return bool(mask & snapshot.allow_mask) and not denied, rules[index].id if mask else ""


def self_check(texts: Texts, snapshot: Snapshot, count: int = SELF_CHECK, seed: int = 7) -> None:
    """Hold the compiled rules against Casbin on `count` facts. `PolicyError` at the first difference: nothing is put
    in force.
    """
    oracle = Oracle(texts, snapshot.ruleset)
    for facts in samples(snapshot.ruleset, random.Random(seed), count):  # noqa: S311 - test facts, no secret
        ours, theirs = expected(snapshot, snapshot.match(facts)), oracle.ask(facts)
        if ours != theirs:
            raise PolicyError(
                (Defect(f"{snapshot.ruleset.kind}/policy.csv", 0, "oracle", f"we say {ours}, Casbin {theirs}"),)
            )


def samples(ruleset: RuleSet, rng: random.Random, count: int) -> Iterator[Any]:
    """Random well-formed facts. Half of them are bent so that one rule, taken in turn, is likely to match."""
    rules = list(ruleset.rules)
    rng.shuffle(rules)
    for number in range(count):
        values = {path: _random(wanted, rng) for path, wanted in ruleset.schema.types.items()}
        if number % 2 == 0:
            _bend(rules[(number // 2) % len(rules)].condition, True, values, ruleset.schema, rng)
        yield build_facts(ruleset.kind, values)


def _random(wanted: Type, rng: random.Random) -> Any:
    match wanted.kind:
        case "bool":
            return rng.random() < 0.6
        case "enum":
            return rng.choice(wanted.values)
        case "set":
            return frozenset(rng.sample(wanted.values, rng.randint(0, 2)))
        case "int":
            return rng.randint(wanted.low, min(wanted.high, wanted.low + 9))
        case "ids":
            return frozenset(rng.sample(_NAMES, rng.randint(0, 2)))
    return rng.choice((*_NAMES[wanted.filled :], *wanted.values))


def _bend(expr: Expr, wanted: bool, values: dict[str, Any], schema: Schema, rng: random.Random) -> None:
    """Change `values` so that the condition tends to be `wanted`. Best effort: later parts may undo earlier ones."""
    match expr:
        case And(items) | Or(items):
            every = wanted if isinstance(expr, And) else not wanted
            for item in items if every else (rng.choice(items),):
                _bend(item, wanted, values, schema, rng)
        case Not(item):
            _bend(item, not wanted, values, schema, rng)
        case expression.Attr(path):
            values[path] = wanted
        case Among(expression.Attr(path), options) if wanted:
            values[path] = rng.choice(options)
        case expression.Holds(container, _, closure):
            values[container.path] = (
                frozenset({rng.choice(sorted(closure))}) if wanted else values[container.path] - closure
            )
        case expression.Member(expression.Attr(path), container) if wanted:
            values[container.path] = values[container.path] | {values[path]}
        case Compare(op, expression.Attr(path), right):
            _bend_compare(op if wanted else _OPPOSITE[op], path, right, values, schema, rng)


_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def _bend_compare(op: str, path: str, right: Expr, values: dict[str, Any], schema: Schema, rng: random.Random) -> None:
    other = (
        right.value if isinstance(right, Const) else values[right.path] if isinstance(right, expression.Attr) else None
    )
    wanted = schema.types[path]
    pool: Sequence[Any] = (*_NAMES[wanted.filled :], *wanted.values)
    if wanted.kind != "id":
        pool = wanted.values or range(wanted.low, min(wanted.high, wanted.low + 12) + 1)
    fitting = [value for value in pool if type(value) is type(other) and expression.holds(op, value, other)]  # type: ignore[arg-type]
    if fitting:
        values[path] = rng.choice(fitting)


_RESOURCE: Final = Resource("contact", frozenset({"r1"}), frozenset({"name"}))


def build_facts(kind: str, values: dict[str, Any]) -> Any:
    """Facts from attribute values by rule name; attributes that the schema leaves out keep their defaults."""

    def part(name: str) -> dict[str, Any]:
        prefix = f"r.{name}."
        return {path.removeprefix(prefix): value for path, value in values.items() if path.startswith(prefix)}

    subject = Subject(**part("sub"))
    if kind == "workflow":
        act = values["r.act"]
        return MoveFacts("sample", subject, act, MoveObject(kind=act.partition(":")[0], **part("obj")), 0)
    return Facts(
        "sample", subject, Object(**part("obj")), values["r.act"], GrantFacts(**part("grant")),
        WallFacts(**part("wall")), Context(**part("ctx")), _RESOURCE,
    )  # fmt: skip
