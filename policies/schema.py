"""schema.yaml: which facts exist for a rule, and of what type each one is. What is not declared cannot be named."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from policies import expression
from policies.decision import OBLIGATIONS, REASONS
from policies.expression import Among, And, Attr, Compare, Const, Expr, ExpressionError, Holds, Member, Not, Or
from policies.texts import Defect, Document, PolicyError

# How a rule's name of a thing becomes an attribute of `Facts` or `MoveFacts`.
PARTS: Final[Mapping[str, Mapping[str, str]]] = {
    "data_access": {
        "sub": "subject", "obj": "object", "act": "action", "grant": "grant", "wall": "wall", "ctx": "context",
    },
    "workflow": {"sub": "subject", "act": "act", "obj": "object"},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Type:
    """The type of one fact. `values`: what an enum or set may hold, or the constants that rules may compare an id with.

    An id may be "" (does not apply) unless it is `filled`.
    """

    kind: Literal["bool", "id", "ids", "enum", "set", "int"]
    values: tuple[str, ...] = ()
    low: int = 0
    high: int = 0
    filled: bool = False


@dataclass(frozen=True, slots=True)
class Lacking:
    """A line of `reasons`: what to say when this condition was lacked (by an allow rule that lacked nothing else, if
    `sole`).
    """

    text: str
    reason: str
    sole: bool


@dataclass(frozen=True, slots=True)
class Schema:
    """A checked schema.yaml. `dispatch` are the enum facts by which the compiled rules are split."""

    kind: str
    types: Mapping[str, Type]
    dispatch: tuple[str, ...]
    classes: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    reasons: tuple[Lacking, ...]
    otherwise: str
    neutral_rules: frozenset[str]
    neutral_reason: str

    @property
    def roles(self) -> tuple[str, ...]:
        return self.types["r.sub.roles"].values

    def location(self, path: str) -> tuple[str, ...]:
        """The attribute path inside the facts: `r.sub.unit` -> ("subject", "unit")."""
        _, part, *rest = path.split(".")
        return (PARTS[self.kind][part], *rest)


_KEYS: Final = {
    "version", "kind", "request", "dispatch", "classes", "columns", "obligations", "reasons", "otherwise", "neutral",
}  # fmt: skip


def read_schema(document: Document, purposes: tuple[str, ...]) -> Schema:
    """Check and build a schema; `purposes` are the codes that a fact of type `purpose` may have. Raises
    `PolicyError`.
    """
    raw = document.value
    if not isinstance(raw, dict):
        raise PolicyError((document.defect("schema", "a mapping is wanted"),))
    defects = [document.defect("schema", f"unknown key {key!r}", key) for key in raw if key not in _KEYS]
    if raw.get("version") != 1 or raw.get("kind") not in PARTS:
        raise PolicyError((*defects, document.defect("schema", "version must be 1, kind one of " + ", ".join(PARTS))))
    types: dict[str, Type] = {}
    for path, spec in (raw.get("request") or {}).items():
        try:
            types[path] = _type(spec, purposes)
            if path.split(".")[0] != "r" or path.split(".")[1] not in PARTS[raw["kind"]]:
                raise ValueError("no such part of the facts")
        except (ValueError, TypeError, KeyError, IndexError) as error:
            defects.append(document.defect("schema", f"{path}: {error}", "request", path))
    if types.get("r.sub.roles", Type("bool")).kind != "set":
        defects.append(document.defect("schema", "r.sub.roles must be declared as a set", "request"))
    if list(raw.get("obligations") or ()) != list(OBLIGATIONS_ORDER):
        defects.append(document.defect("schema", f"obligations must be {list(OBLIGATIONS_ORDER)}", "obligations"))
    for path in raw.get("dispatch") or ():
        if types.get(path, Type("bool")).kind != "enum":
            defects.append(document.defect("schema", f"dispatch needs an enum: {path}", "dispatch"))
    if defects:
        raise PolicyError(tuple(defects))
    return _finish(document, raw, types)


OBLIGATIONS_ORDER: Final = ("log", "alert", "watermark", "quota", "mask")
if set(OBLIGATIONS_ORDER) != set(OBLIGATIONS):  # the words of the rules and of the answer are the same words
    raise AssertionError("obligations differ")


def _type(spec: Any, purposes: tuple[str, ...]) -> Type:
    match spec:
        case "bool":
            return Type("bool")
        case "id":
            return Type("id")
        case "code":
            return Type("id", filled=True)
        case "ids":
            return Type("ids")
        case "purpose":
            return Type("enum", purposes)
        case {"id": [*values]}:
            return Type("id", tuple(values))
        case {"enum": [_, *_]}:
            return Type("enum", tuple(spec["enum"]))
        case {"set": [_, *_]}:
            return Type("set", tuple(spec["set"]))
        case {"int": [int(low), int(high)]} if low <= high:
            return Type("int", (), low, high)
    raise ValueError(f"not a type: {spec!r}")


def _finish(document: Document, raw: Mapping[str, Any], types: Mapping[str, Type]) -> Schema:
    neutral = raw.get("neutral") or {"rules": [], "reason": "not-permitted"}
    schema = Schema(
        kind=raw["kind"],
        types=types,
        dispatch=tuple(raw.get("dispatch") or ()),
        classes=tuple(raw.get("classes") or ()),
        columns={name: tuple(values) for name, values in (raw.get("columns") or {}).items()},
        reasons=(),
        otherwise=raw.get("otherwise", ""),
        neutral_rules=frozenset(neutral["rules"]),
        neutral_reason=neutral["reason"],
    )
    defects: list[Defect] = []
    reasons: list[Lacking] = []
    closures = {role: frozenset({role}) for role in (*schema.roles, *schema.classes)}
    for index, line in enumerate(raw.get("reasons") or ()):
        try:
            condition = expression.parse(line["lacks"], {}, closures)
            problems = check_types(condition, schema)
            if problems or line["reason"] not in REASONS:
                raise ExpressionError("; ".join(problems) or f"unknown reason {line['reason']!r}")
            reasons.append(Lacking(expression.text(condition), line["reason"], line.get("sole") is True))
        except (ExpressionError, KeyError, TypeError) as error:
            defects.append(document.defect("schema", f"reasons: {error}", "reasons", index))
    for word in (schema.otherwise, schema.neutral_reason):
        if word not in REASONS:
            defects.append(document.defect("schema", f"unknown reason {word!r}", "otherwise"))
    if defects:
        raise PolicyError(tuple(defects))
    return Schema(
        schema.kind, schema.types, schema.dispatch, schema.classes, schema.columns, tuple(reasons),
        schema.otherwise, schema.neutral_rules, schema.neutral_reason,
    )  # fmt: skip


def check_types(expr: Expr, schema: Schema) -> list[str]:
    """What is wrong with the types in a condition: undeclared facts, values outside an enum, orders between texts."""
    match expr:
        case Attr(path):
            found = schema.types.get(path)
            if found is None:
                return [f"{path} is not declared in schema.yaml"]
            return [] if found.kind == "bool" else [f"{path} is not a truth value"]
        case Compare(op, left, right):
            return _check_compare(op, left, right, schema)
        case Among(left, values):
            return [problem for value in values for problem in _check_compare("==", left, Const(value), schema)]
        case Member(left, container):
            wrong = [] if _kind(container, schema) == "ids" else [f"{container.path} is not a set of ids"]
            return wrong + ([] if _kind(left, schema) == "id" else ["only an id can stand in a set of ids"])
        case Holds(container, role, _):
            wrong = [] if _kind(container, schema) == "set" else [f"{container.path} is not a set of roles"]
            return wrong + ([] if role in (*schema.roles, *schema.classes) else [f"unknown role {role}"])
        case Not(item):
            return check_types(item, schema)
        case And(items) | Or(items):
            return [problem for item in items for problem in check_types(item, schema)]
        case Const(value):
            return [] if isinstance(value, bool) else [f"{value!r} is not a truth value"]
    return ["not a condition"]


def _kind(expr: Expr, schema: Schema) -> str:
    if isinstance(expr, Const):
        return "bool" if isinstance(expr.value, bool) else "int" if isinstance(expr.value, int) else "text"
    if isinstance(expr, Attr):
        return schema.types[expr.path].kind if expr.path in schema.types else f"undeclared {expr.path}"
    return "condition"


def _check_compare(op: str, left: Expr, right: Expr, schema: Schema) -> list[str]:
    kinds = {_kind(left, schema), _kind(right, schema)}
    for kind in kinds:
        if kind.startswith("undeclared"):
            return [f"{kind.removeprefix('undeclared ')} is not declared in schema.yaml"]
    if op not in {"==", "!="}:
        return [] if kinds == {"int"} else [f"{expression.text(Compare(op, left, right))}: only numbers have an order"]
    if kinds in ({"int"}, {"id"}):
        return []
    if kinds == {"enum"}:
        return [] if _values(left, schema) == _values(right, schema) else ["two enums of different values"]
    if kinds in ({"enum", "text"}, {"id", "text"}):
        fact, constant = (left, right) if isinstance(right, Const) else (right, left)
        if isinstance(constant, Const) and (
            constant.value in _values(fact, schema) or (constant.value == "" and kinds == {"id", "text"})
        ):
            return []
        return [f"{expression.text(constant)} is not a declared value of {expression.text(fact)}"]
    return [f"{expression.text(Compare(op, left, right))}: the two sides are of different types"]


def _values(expr: Expr, schema: Schema) -> tuple[str, ...]:
    return schema.types[expr.path].values if isinstance(expr, Attr) else ()
