"""Cases before rules: situations written down with the wanted answer, the deciding rule and the wanted obligations."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from policies.decision import OBLIGATIONS, Decision
from policies.engine import Loaded, PolicyEngine
from policies.explain import explain
from policies.oracle import build_facts
from policies.schema import Schema
from policies.snapshot import BadFacts, Snapshot
from policies.texts import Defect, Document, PolicyError, Texts, parse_yaml

_KEYS: Final = {"name", "given", "with", "near", "also", "want"}


@dataclass(frozen=True, slots=True)
class Case:
    """One situation. `near`: a rule that must miss by one condition. `also`: rules that match without deciding."""

    file: str
    line: int
    name: str
    given: str
    facts: Any
    near: str
    also: tuple[str, ...]
    effect: str
    rule: str
    reason: str
    obligations: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What running the cases showed: failures, and for every rule how many cases it decided and how many it just
    missed.
    """

    cases: int
    failures: tuple[Defect, ...]
    decided: Mapping[str, int]
    missed: Mapping[str, int]

    def uncovered(self) -> tuple[str, ...]:
        """Rules that no case shows deciding, or no case shows just not matching."""
        return tuple(rule for rule in self.decided if not self.decided[rule] or not self.missed[rule])


def read_cases(texts: Texts, schema: Schema) -> tuple[Case, ...]:
    """All cases of one kind, in file order. `PolicyError` with file and line for every malformed one."""
    documents = [parse_yaml(path, texts.files[path]) for path in texts.case_files(schema.kind)]
    scenarios: dict[str, dict[str, Any]] = {}
    defects: list[Defect] = []
    for document in documents:
        for name, raw in _section(document, "scenarios", dict).items():
            scenarios[name] = _scenario(document, name, raw, scenarios, defects)
    cases: list[Case] = []
    names: set[str] = set()
    for document in documents:
        for index, raw in enumerate(_section(document, "cases", list)):
            problem = _shape(raw, scenarios)
            if problem:
                defects.append(document.defect("case", problem, "cases", index))
                continue
            title = f"{raw['given']}/{raw['name']}"
            if title in names:
                defects.append(document.defect("case", f"the name stands twice: {title}", "cases", index))
            names.add(title)
            cases.append(_case(document, index, raw, scenarios, schema, defects))
    if defects:
        raise PolicyError(tuple(defects))
    return tuple(cases)


def _section(document: Document, name: str, kind: type) -> Any:
    if not isinstance(document.value, dict) or set(document.value) - {"scenarios", "cases"}:
        raise PolicyError((document.defect("case", "only scenarios and cases may stand here"),))
    found = document.value.get(name, kind())
    if not isinstance(found, kind):
        raise PolicyError((document.defect("case", f"{name} must be a {kind.__name__}", name),))
    return found


def _scenario(
    document: Document, name: str, raw: Any, scenarios: Mapping[str, dict[str, Any]], defects: list[Defect]
) -> dict[str, Any]:
    if "like" not in raw:
        return dict(raw)
    if set(raw) - {"like", "with"} or raw["like"] not in scenarios:
        defects.append(document.defect("case", f"scenario {name}: unknown base or key", "scenarios", name))
        return {}
    return {**scenarios[raw["like"]], **raw.get("with", {})}


def _shape(raw: Any, scenarios: Mapping[str, Any]) -> str:
    if not isinstance(raw, dict) or set(raw) - _KEYS or {"name", "given", "want"} - set(raw):
        return "a case has name, given, want, and perhaps with, near, also"
    if raw["given"] not in scenarios:
        return f"unknown scenario {raw['given']!r}"
    want = raw["want"]
    if not isinstance(want, dict) or set(want) - {"effect", "rule", "reason", "obligations"}:
        return "want has effect, rule, obligations, and reason for a deny"
    if want.get("effect") not in {"allow", "deny"} or not {"rule", "obligations"} <= set(want):
        return "want needs effect (allow or deny), rule and obligations"
    if set(want["obligations"]) - set(OBLIGATIONS):
        return "unknown obligation"
    return "" if want["effect"] == "allow" or "reason" in want else "a deny needs the wanted reason"


def _case(
    document: Document,
    index: int,
    raw: Mapping[str, Any],
    scenarios: Mapping[str, Mapping[str, Any]],
    schema: Schema,
    defects: list[Defect],
) -> Case:
    values = {**scenarios[raw["given"]], **raw.get("with", {})}
    for path in [path for path in values if path not in schema.types]:
        defects.append(document.defect("case", f"{path} is not declared in schema.yaml", "cases", index))
        del values[path]
    for path, wanted in schema.types.items():
        if wanted.kind in {"set", "ids"} and path in values:
            values[path] = frozenset(values[path])
    try:
        facts = build_facts(schema.kind, values)
    except (TypeError, KeyError) as error:
        defects.append(document.defect("case", f"incomplete: {error}", "cases", index))
        facts = None
    want = raw["want"]
    return Case(
        document.file, document.line("cases", index), raw["name"], raw["given"], facts, raw.get("near", ""),
        tuple(raw.get("also", ())), want["effect"], want["rule"], want.get("reason", "allowed"),
        frozenset(want["obligations"]),
    )  # fmt: skip


def decide(loaded: Loaded, facts: Any, kind: str) -> Decision:
    """One decision of either kind under these rules."""
    engine = PolicyEngine(loaded)
    return engine.decide(facts) if kind == "data_access" else engine.decide_move(facts)


def run_cases(loaded: Loaded, kind: str, cases: tuple[Case, ...]) -> Outcome:
    """Decide every case and compare. Pure."""
    snapshot = loaded.data_access if kind == "data_access" else loaded.workflow
    decided = {rule.id: 0 for rule in snapshot.ruleset.rules}
    missed = dict(decided)
    failures: list[Defect] = []
    for case in cases:
        decision = decide(loaded, case.facts, kind)
        problems = compare(case, decision, snapshot)
        failures += [
            Defect(case.file, case.line, "case", f"{case.given}, {case.name}: {problem}") for problem in problems
        ]
        if not problems:
            for rule in (decision.rule, *case.also):
                if rule in decided:
                    decided[rule] += 1
            if case.near:
                missed[case.near] += 1
    return Outcome(len(cases), tuple(failures), decided, missed)


def compare(case: Case, decision: Decision, snapshot: Snapshot) -> list[str]:
    """What differs between a case and its decision."""
    got = frozenset(name for name in OBLIGATIONS if getattr(decision.obligations, name))
    pairs = (
        ("effect", case.effect, decision.effect),
        ("rule", case.rule, decision.rule),
        ("reason", case.reason, decision.reason),
        ("obligations", sorted(case.obligations), sorted(got)),
    )
    problems = [f"{what}: wanted {wanted!r}, got {found!r}" for what, wanted, found in pairs if wanted != found]
    if case.near or case.also:
        try:
            reports = {report.rule: report for report in explain(snapshot, case.facts, decision).rules}
        except (BadFacts, KeyError) as error:
            return [*problems, f"unfit facts: {error}"]
        for rule in case.also:
            if rule not in reports or not reports[rule].matched:
                problems.append(f"{rule} should match as well")
        if case.near and case.near not in reports:
            problems.append(f"near: no rule {case.near} can apply to this act")
        elif case.near and len(reports[case.near].lacking) != 1:
            problems.append(f"{case.near} should miss by one condition, lacks {list(reports[case.near].lacking)}")
    return problems
