"""Conditions as a small tree of our own: parsed from what Casbin parsed, folded, printed, evaluated and translated.

Only the nodes below exist. Anything else in a matcher or a condition (a lambda, a call that is not registered, a
private attribute, arithmetic) is refused when it is parsed, so a rule can do nothing but compare facts.
"""

import ast
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

Value = str | int | bool
ANY: Final = "any"


class ExpressionError(ValueError):
    """The text is not a condition that we accept; the message says what is wrong in it."""


@dataclass(frozen=True, slots=True)
class Const:
    value: Value


@dataclass(frozen=True, slots=True)
class Attr:
    """A fact, by its dotted name as rules write it: `r.sub.unit`, `r.act`."""

    path: str


@dataclass(frozen=True, slots=True)
class Compare:
    """`left op right`, op one of == != < <= > >=."""

    op: str
    left: "Expr"
    right: "Expr"


@dataclass(frozen=True, slots=True)
class Among:
    """The fact is one of these values."""

    left: "Expr"
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Member:
    """A single value stands in a set-valued fact (`r.sub.id in r.obj.previous_approvers`)."""

    left: "Expr"
    container: Attr


@dataclass(frozen=True, slots=True)
class Holds:
    """The set of roles has one that is, or inherits, `role`; `closure` are all the roles for which this is so."""

    container: Attr
    role: str
    closure: frozenset[str]


@dataclass(frozen=True, slots=True)
class Not:
    item: "Expr"


@dataclass(frozen=True, slots=True)
class And:
    items: tuple["Expr", ...]


@dataclass(frozen=True, slots=True)
class Or:
    items: tuple["Expr", ...]


Expr = Const | Attr | Compare | Among | Member | Holds | Not | And | Or
TRUE: Final = Const(True)
FALSE: Final = Const(False)

_OPS: Final[dict[type[ast.cmpop], str]] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip
_HOLDS: Final[dict[str, Callable[[Value, Value], bool]]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,  # type: ignore[operator]
    "<=": lambda a, b: a <= b,  # type: ignore[operator]
    ">": lambda a, b: a > b,  # type: ignore[operator]
    ">=": lambda a, b: a >= b,  # type: ignore[operator]
}


def python_text(text: str) -> str:
    """Casbin's operators as Python's, outside string literals (Casbin itself also rewrites inside them: so we refuse
    those).
    """
    if any(mark in literal for literal in text.split('"')[1::2] for mark in ("&&", "||", "!")):
        raise ExpressionError("&&, || and ! must not stand inside a text")
    if "#" in text:
        raise ExpressionError("'#' cuts off the rest of a condition")
    text = text.replace("&&", " and ").replace("||", " or ")
    return re.sub(r"!(?!=)", " not ", text).strip()


def parse(text: str, columns: Mapping[str, str], closures: Mapping[str, frozenset[str]]) -> Expr:
    """The folded tree of a matcher or condition. `columns` gives each `p.<name>` its constant, `closures` each role
    its heirs.

    Raises `ExpressionError` with the offending part.
    """
    try:
        tree = ast.parse(python_text(text), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"syntax error near {(error.text or '').strip()[:40]!r}") from None
    return fold(_convert(tree, columns, closures))


def _convert(node: ast.expr, columns: Mapping[str, str], closures: Mapping[str, frozenset[str]]) -> Expr:
    def again(child: ast.expr) -> Expr:
        return _convert(child, columns, closures)

    match node:
        case ast.Constant(value=bool() | int() | str() as value):
            return Const(value)
        case ast.Name() | ast.Attribute():
            return _name(node, columns)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return Not(again(operand))
        case ast.BoolOp(op=ast.And(), values=values):
            return And(tuple(again(value) for value in values))
        case ast.BoolOp(op=ast.Or(), values=values):
            return Or(tuple(again(value) for value in values))
        case ast.Compare(left=left, ops=[ast.In()], comparators=[right]):
            container = again(right)
            if not isinstance(container, Attr):
                raise ExpressionError("'in' needs a set-valued attribute on its right")
            return Member(again(left), container)
        case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _OPS:
            return Compare(_OPS[type(op)], again(left), again(right))
        case ast.Call(func=ast.Name(id="among"), args=[left, right], keywords=[]):
            return _among(again(left), again(right))
        case ast.Call(func=ast.Name(id="holds"), args=[left, right], keywords=[]):
            return _holds(again(left), again(right), closures)
    raise ExpressionError(f"not allowed here: {ast.unparse(node)[:60]}")


def _name(node: ast.expr, columns: Mapping[str, str]) -> Expr:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise ExpressionError(f"not allowed here: {ast.unparse(node)[:60]}")
    base = node.id if node.id[:2] not in {"r_", "p_"} else f"{node.id[0]}.{node.id[2:]}"  # Casbin joins the first two
    text = ".".join((base, *reversed(names)))
    parts = text.split(".")
    if any(not part.isidentifier() or part.startswith("_") for part in parts):
        raise ExpressionError(f"private or malformed name: {text}")
    if parts[0] == "p" and len(parts) == 2 and parts[1] in columns:
        return Const(columns[parts[1]])
    if parts[0] == "r" and len(parts) in {2, 3}:
        return Attr(text)
    raise ExpressionError(f"unknown name: {text}")


def _among(left: Expr, right: Expr) -> Expr:
    if not isinstance(right, Const) or not isinstance(right.value, str):
        raise ExpressionError("among() needs a constant list a|b")
    return TRUE if right.value == ANY else Among(left, tuple(right.value.split("|")))


def _holds(left: Expr, right: Expr, closures: Mapping[str, frozenset[str]]) -> Expr:
    if not isinstance(left, Attr) or not isinstance(right, Const) or not isinstance(right.value, str):
        raise ExpressionError("holds() needs a set of roles and a constant role")
    if right.value == ANY:
        return TRUE
    if right.value not in closures:
        raise ExpressionError(f"unknown role: {right.value}")
    return Holds(left, right.value, closures[right.value])


def fold(expr: Expr) -> Expr:
    """The same condition with every constant part computed. `and`/`or` are flattened; order is kept."""
    match expr:
        case Compare(op, left, right):
            left, right = fold(left), fold(right)
            if isinstance(left, Const) and isinstance(right, Const):
                return Const(_compare(op, left.value, right.value))
            return Compare(op, left, right)
        case Among(left, values):
            left = fold(left)
            return Const(left.value in values) if isinstance(left, Const) else Among(left, values)
        case Not(item):
            item = fold(item)
            if isinstance(item, Const):
                return FALSE if item.value is True else TRUE
            return item.item if isinstance(item, Not) else Not(item)
        case And(items):
            return _junction(And, items, absorbing=FALSE, neutral=TRUE)
        case Or(items):
            return _junction(Or, items, absorbing=TRUE, neutral=FALSE)
    return expr


def _compare(op: str, left: Value, right: Value) -> bool:
    if type(left) is not type(right):
        raise ExpressionError(f"{left!r} and {right!r} are of different types")
    return holds(op, left, right)


def holds(op: str, left: Value, right: Value) -> bool:
    """Whether the comparison is true of two values of one type."""
    return _HOLDS[op](left, right)


def _junction(kind: type[And] | type[Or], items: Iterable[Expr], absorbing: Const, neutral: Const) -> Expr:
    flat: list[Expr] = []
    for item in map(fold, items):
        if item == absorbing:
            return absorbing
        for part in item.items if isinstance(item, kind) else (item,):
            if part != neutral and part not in flat:
                flat.append(part)
    if not flat:
        return neutral
    return flat[0] if len(flat) == 1 else kind(tuple(flat))


def substitute(expr: Expr, known: Mapping[str, Value | frozenset[str]]) -> Expr:
    """The residual condition when these facts are known: folded, the others left symbolic."""

    def again(child: Expr) -> Expr:
        return substitute(child, known)

    match expr:
        case Attr(path) if path in known:
            value = known[path]
            return expr if isinstance(value, frozenset) else Const(value)
        case Compare(op, left, right):
            return fold(Compare(op, again(left), again(right)))
        case Among(left, values):
            return fold(Among(again(left), values))
        case Member(left, container):
            inner, members = again(left), known.get(container.path)
            if isinstance(inner, Const) and isinstance(members, frozenset):
                return Const(inner.value in members)
            return Member(inner, container)
        case Holds(container, _, closure):
            members = known.get(container.path)
            return Const(not closure.isdisjoint(members)) if isinstance(members, frozenset) else expr
        case Not(item):
            return fold(Not(again(item)))
        case And(items):
            return fold(And(tuple(map(again, items))))
        case Or(items):
            return fold(Or(tuple(map(again, items))))
    return expr


def conjuncts(expr: Expr) -> tuple[Expr, ...]:
    """The conditions that must all hold."""
    return expr.items if isinstance(expr, And) else () if expr == TRUE else (expr,)


def attributes(expr: Expr) -> frozenset[str]:
    """Every fact that the condition looks at."""
    match expr:
        case Attr(path):
            return frozenset({path})
        case Compare(_, left, right):
            return attributes(left) | attributes(right)
        case Among(left, _):
            return attributes(left)
        case Member(left, container):
            return attributes(left) | {container.path}
        case Holds(container, _, _):
            return frozenset({container.path})
        case Not(item):
            return attributes(item)
        case And(items) | Or(items):
            return frozenset().union(*map(attributes, items))
    return frozenset()


def text(expr: Expr, inner: bool = False) -> str:
    """The condition as a rule writes it. Parsing it again gives the same tree."""
    match expr:
        case Const(value):
            return f'"{value}"' if isinstance(value, str) else str(value)
        case Attr(path):
            return path
        case Compare(op, left, right):
            return f"{text(left)} {op} {text(right)}"
        case Among(left, values):
            return f'among({text(left)}, "{"|".join(values)}")'
        case Member(left, container):
            return f"{text(left)} in {container.path}"
        case Holds(container, role, _):
            return f'holds({container.path}, "{role}")'
        case Not(item):
            return f"!({text(item)})" if isinstance(item, Compare | Member | And | Or) else f"!{text(item)}"
        case And(items):
            joined = " && ".join(text(item, inner=True) for item in items)
        case Or(items):
            joined = " || ".join(text(item, inner=True) for item in items)
    return f"({joined})" if inner else joined
