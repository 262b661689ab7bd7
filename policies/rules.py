"""policy.csv and model.conf, loaded and parsed by Casbin, checked line by line, and turned into typed rules."""

import re
from dataclasses import dataclass
from typing import Any, Final

import casbin
from casbin.model import Model
from casbin.persist.adapter import load_policy_line

from policies import expression
from policies.decision import REASONS, Obligations
from policies.expression import ANY, FALSE, Expr, ExpressionError
from policies.schema import OBLIGATIONS_ORDER, Schema, check_types
from policies.texts import Defect, PolicyError, Texts

EFFECT: Final = "some(where (p.eft == allow)) && !some(where (p.eft == deny))"
EFTS: Final = ("allow", "deny", "note")
COLUMNS: Final = ("id", "role", "act", "cond", "obl", "reason", "eft")  # every kind has these; others are its own
_ID: Final = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of policy.csv. `condition` is the whole matcher with this line's constants folded in."""

    id: str
    line: int
    eft: str
    role: str
    columns: dict[str, str]
    condition: Expr
    obligations: Obligations
    reason: str


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one kind in file order, the schema they were checked against, and the heirs of each role."""

    kind: str
    schema: Schema
    rules: tuple[Rule, ...]
    closures: dict[str, frozenset[str]]

    def rule(self, rule_id: str) -> Rule:
        """The rule of this id; `KeyError` if there is none."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)


def stock_enforcer(texts: Texts, kind: str) -> Any:
    """Casbin's own enforcer over the same texts: the reference that the compiled rules are held against."""
    enforcer = casbin.Enforcer(_casbin_model(texts, kind))
    enforcer.build_role_links()
    return enforcer


def _casbin_model(texts: Texts, kind: str) -> Any:
    model = Model()
    model.load_model_from_text(texts.files[f"{kind}/model.conf"])
    for line in texts.files[f"{kind}/policy.csv"].splitlines():
        if line.strip():
            load_policy_line(line, model)
    return model


def read_rules(texts: Texts, schema: Schema) -> RuleSet:
    """Load one kind. `PolicyError` with every defect found, each with file and line; never a partly loaded set."""
    kind = schema.kind
    defects = check_model(f"{kind}/model.conf", texts.files[f"{kind}/model.conf"])
    if defects:
        raise PolicyError(tuple(defects))
    header = _tokens_of(texts.files[f"{kind}/model.conf"])
    lines, defects = scan_policy(f"{kind}/policy.csv", texts.files[f"{kind}/policy.csv"], header, schema)
    if defects:
        raise PolicyError(tuple(defects))
    model = _casbin_model(texts, kind)
    if model["p"]["p"].policy != [row for _, row in lines]:
        raise PolicyError((Defect(f"{kind}/policy.csv", 0, "parse", "Casbin reads these lines differently"),))
    closures = _closures(model, schema)
    matcher = model["m"]["m"].value.replace("p_", "p.")
    rules: list[Rule] = []
    for number, row in lines:
        columns = dict(zip(header, row, strict=True))
        found = _rule(number, columns, matcher, schema, closures)
        if isinstance(found, Rule):
            rules.append(found)
        else:
            defects.append(Defect(f"{kind}/policy.csv", number, *found))
    for word in sorted(schema.neutral_rules - {rule.id for rule in rules}):
        defects.append(Defect(f"{kind}/schema.yaml", 0, "schema", f"neutral names the unknown rule {word}"))
    if defects:
        raise PolicyError(tuple(defects))
    return RuleSet(kind, schema, tuple(rules), closures)


def _rule(
    number: int, columns: dict[str, str], matcher: str, schema: Schema, closures: dict[str, frozenset[str]]
) -> Rule | tuple[str, str]:
    try:
        own = expression.parse(columns["cond"], {}, closures)  # alone first: "True) || (True" must not parse
        whole = expression.parse(matcher.replace("eval(p.cond)", f"({columns['cond']})"), columns, closures)
    except ExpressionError as error:
        return "condition", f"{columns['id']}: {error}"
    problems = check_types(own, schema) + check_types(whole, schema)
    if problems:
        return "type", f"{columns['id']}: {'; '.join(dict.fromkeys(problems))}"
    if whole == FALSE:
        return "dead", f"{columns['id']} can never match"
    granted = set(columns["obl"].split("|"))
    obligations = Obligations(**{name: name in granted for name in OBLIGATIONS_ORDER})
    return Rule(columns["id"], number, columns["eft"], columns["role"], columns, whole, obligations, columns["reason"])


def _closures(model: Any, schema: Schema) -> dict[str, frozenset[str]]:
    """Which roles are, or inherit, each role; computed by Casbin's role manager, over roles only."""
    enforcer = casbin.Enforcer(model)
    enforcer.build_role_links()
    manager = enforcer.get_role_manager()
    return {
        target: frozenset(role for role in schema.roles if role == target or manager.has_link(role, target))
        for target in (*schema.roles, *schema.classes)
    }


def _tokens_of(model_text: str) -> list[str]:
    model = Model()
    model.load_model_from_text(model_text)
    return [token.removeprefix("p_") for token in model["p"]["p"].tokens]


def check_model(file: str, body: str) -> list[Defect]:
    """What is wrong with a model.conf: sections, effect, columns, a comment in the matcher, an eval that is not
    p.cond.
    """
    if body.startswith("\ufeff"):
        return [Defect(file, 1, "bom", "remove the byte order mark")]
    lines = {
        i: line.strip() for i, line in enumerate(body.splitlines(), 1) if line.strip() and line.strip()[0] not in "#;"
    }
    defects: list[Defect] = []
    seen: dict[str, int] = {}
    for number, line in lines.items():
        if line.startswith("["):
            continue
        key, _, value = line.partition("=")
        key, value = key.strip(), value.strip()
        if key in seen or key not in {"r", "p", "g", "e", "m"}:
            defects.append(Defect(file, number, "model", f"exactly one each of r, p, g, e, m is wanted, not {key!r}"))
        seen[key] = number
        if "#" in value:
            defects.append(Defect(file, number, "comment", "'#' inside a definition cuts off the rest of it"))
        if key == "e" and value != EFFECT:
            defects.append(Defect(file, number, "effect", f"the effect must be: {EFFECT}"))
        if key == "g" and value != "_, _":
            defects.append(Defect(file, number, "model", "roles are g = _, _"))
        if key == "m" and value.count("eval(") != value.count("eval(p.cond)"):
            defects.append(Defect(file, number, "matcher", "only eval(p.cond) may stand in the matcher"))
        if key == "m" and value.count("eval(p.cond)") != 1:
            defects.append(Defect(file, number, "matcher", "the matcher must have eval(p.cond) once"))
        if key == "p":
            have = [token.strip() for token in value.split(",")]
            missing = [column for column in COLUMNS if column not in have]
            if missing or have[0] != "id" or have[-1] != "eft":
                defects.append(Defect(file, number, "model", f"columns: id first, eft last; missing {missing}"))
    if not defects and set(seen) != {"r", "p", "g", "e", "m"}:
        defects.append(Defect(file, 0, "model", "sections r, p, g, e and m are all needed"))
    return defects


def scan_policy(
    file: str, body: str, header: list[str], schema: Schema
) -> tuple[list[tuple[int, list[str]]], list[Defect]]:
    """The p lines with their numbers, and the defects of all lines. Casbin would drop or misread most of these
    silently.
    """
    if body.startswith("\ufeff"):
        return [], [Defect(file, 1, "bom", "remove the byte order mark: Casbin would drop the first rule")]
    rows: list[tuple[int, list[str]]] = []
    defects: list[Defect] = []
    ids: dict[str, int] = {}
    links: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(body.split("\n"), 1):
        if not line.strip() or line.startswith("#"):
            continue
        problem, tokens = _tokens(line)
        if problem:
            defects.append(Defect(file, number, *problem))
            continue
        if tokens[0] == "g":
            defects.extend(Defect(file, number, *found) for found in _check_link(tokens[1:], links, schema))
            links[tuple(tokens[1:])] = number
        elif tokens[0] != "p":
            defects.append(Defect(file, number, "ptype", f"unknown line type {tokens[0]!r}"))
        elif len(tokens) - 1 != len(header):
            defects.append(Defect(file, number, "arity", f"{len(header)} columns are wanted, {len(tokens) - 1} found"))
        else:
            columns = dict(zip(header, tokens[1:], strict=True))
            if columns["id"] in ids:
                defects.append(
                    Defect(file, number, "duplicate", f"{columns['id']} is also on line {ids[columns['id']]}")
                )
            ids.setdefault(columns["id"], number)
            defects.extend(Defect(file, number, *found) for found in _check_columns(columns, schema))
            rows.append((number, tokens[1:]))
    if not rows and not defects:
        defects.append(Defect(file, 0, "empty", "there is no rule at all"))
    if not defects and not any(row[-1] == "allow" for _, row in rows):
        defects.append(Defect(file, 0, "empty", "there is no rule that allows"))
    return rows, defects


def _tokens(line: str) -> tuple[tuple[str, str] | None, list[str]]:
    if line != line.strip():
        return ("blank", "no blank before or after a line"), []
    if any(ord(char) < 32 or char in "\u00a0\ufeff\u3000" for char in line):
        return ("blank", "control characters, tabs and wide blanks are not allowed"), []
    if "#" in line:
        return ("comment", "a comment must be a line of its own"), []
    tokens: list[str] = []
    depth, start, quoted = 0, 0, False
    for index, char in enumerate(line):
        if char == '"':
            quoted = not quoted
        elif quoted:
            if char in ",()[]":
                return ("quotes", f"{char!r} inside quotes is misread by Casbin"), []
        elif char in "([":
            depth += 1
        elif char in ")]":
            depth -= 1
            if depth < 0:
                return ("brackets", "brackets do not match"), []
        elif char == "," and depth == 0:
            tokens.append(line[start:index].strip())
            start = index + 1
    if depth or quoted:
        return ("quotes" if quoted else "brackets", "quotes or brackets do not match"), []
    return None, [*tokens, line[start:].strip()]


def _check_link(link: list[str], links: dict[tuple[str, ...], int], schema: Schema) -> list[tuple[str, str]]:
    if len(link) != 2:
        return [("arity", "g wants a role and its class")]
    found: list[tuple[str, str]] = []
    if tuple(link) in links:
        found.append(("duplicate", f"the same line as {links[tuple(link)]}"))
    if link[0] not in (*schema.roles, *schema.classes):
        found.append(("role", f"{link[0]!r} is no role (users never stand here)"))
    if link[1] not in schema.classes:
        found.append(("role", f"{link[1]!r} is no role class"))
    return found


def _check_columns(columns: dict[str, str], schema: Schema) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if not _ID.fullmatch(columns["id"]):
        found.append(("id", f"{columns['id']!r}: an id is upper case words with hyphens"))
    if columns["eft"] not in EFTS:
        found.append(("eft", f"{columns['eft']!r} is not one of {', '.join(EFTS)}"))
    fits = columns["eft"] not in {"allow", "deny"} or (columns["eft"] == "allow") == (columns["reason"] == "allowed")
    if columns["reason"] not in REASONS or not fits:
        found.append(("reason", f"{columns['reason']!r} does not fit an {columns['eft']} rule"))
    obligations = columns["obl"].split("|")
    for name in obligations:
        if name not in OBLIGATIONS_ORDER:
            found.append(("obligation", f"unknown obligation {name!r}"))
    if columns["eft"] == "note" and not set(obligations) <= {"log", "alert"}:
        found.append(("obligation", "a note can only log and alert"))
    if columns["eft"] != "note" and "log" not in obligations:
        found.append(("obligation", "every rule that decides must log"))
    if len(set(obligations)) != len(obligations):
        found.append(("obligation", "an obligation stands twice"))
    if columns["role"] not in (*schema.roles, *schema.classes, ANY):
        found.append(("role", f"unknown role {columns['role']!r}"))
    for column, allowed in schema.columns.items():
        for value in columns.get(column, "").split("|"):
            if value not in allowed:
                found.append(("value", f"{value!r} is not a value of column {column}"))
    return found
