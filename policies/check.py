"""Everything that can be said about a rule set before it is put in force: texts, Casbin, proofs, cases, coverage.

`python -m policies.check [DIRECTORY]` prints the report and exits with the code of the first class of failure.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from policies.cases import Outcome, read_cases, run_cases
from policies.engine import Loaded, load_texts
from policies.oracle import self_check
from policies.texts import KINDS, Defect, PolicyError, Texts, parse_yaml, read_texts

# One exit code a class of failure; the first class that fails is the answer.
EXIT: Final = {
    "ok": 0,
    "text": 10,
    "casbin": 11,
    "invariant": 12,
    "case": 13,
    "coverage": 14,
    "dead": 15,
    "not-proved": 16,
}
_THOROUGH: Final = 30  # facts a kind held against Casbin by `check` (a fraction of a second)


@dataclass(frozen=True, slots=True)
class KindReport:
    """What is known of one kind. `proved` is None where z3 is not installed."""

    kind: str
    rules: int
    proved: tuple[str, ...] | None
    cases: Outcome | None


@dataclass(frozen=True, slots=True)
class Report:
    """The findings by class, and what was checked. `exit_code` is 0 only if nothing was found."""

    epoch: str
    kinds: tuple[KindReport, ...]
    findings: dict[str, tuple[Defect, ...]] = field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not any(self.findings.values())

    @property
    def exit_code(self) -> int:
        for name, code in EXIT.items():
            if self.findings.get(name):
                return code
        return EXIT["ok"]

    def lines(self) -> Iterator[str]:
        """The report as lines of text: every finding with file and line, then a summary of each kind."""
        for defects in self.findings.values():
            yield from map(str, defects)
        for kind in self.kinds:
            proved = (
                "not proved (z3 is not installed)" if kind.proved is None else f"{len(kind.proved)} invariants proved"
            )
            cases = f"{kind.cases.cases} cases" if kind.cases else "no cases"
            yield f"{kind.kind}: {kind.rules} rules, {proved}, {cases}"
        yield f"epoch {self.epoch}" if self.epoch else "not loaded"


def check(directory: Traversable | None = None, *, need_proof: bool = False) -> Report:
    """Check the rules of a folder (the packaged ones by default). Never raises for what is wrong with them."""
    try:
        return check_texts(read_texts(directory), need_proof=need_proof)
    except PolicyError as error:
        return Report("", (), {"text": error.defects})


def check_texts(texts: Texts, *, need_proof: bool = False) -> Report:
    """The same for texts. With `need_proof`, a missing z3 is itself a finding."""
    try:
        loaded = load_texts(texts, check_against_casbin=False)
    except PolicyError as error:
        return Report("", (), {"text": error.defects})
    findings: dict[str, list[Defect]] = {name: [] for name in EXIT if name != "ok"}
    kinds = tuple(_check_kind(loaded, kind, findings, need_proof) for kind in KINDS)
    return Report(loaded.epoch, kinds, {name: tuple(defects) for name, defects in findings.items() if defects})


def _check_kind(loaded: Loaded, kind: str, findings: dict[str, list[Defect]], need_proof: bool) -> KindReport:
    texts, ruleset = loaded.texts, loaded.ruleset(kind)
    snapshot = loaded.data_access if kind == "data_access" else loaded.workflow
    try:
        self_check(texts, snapshot, _THOROUGH)
    except PolicyError as error:
        findings["casbin"] += error.defects
    proved = _prove(loaded, kind, findings, need_proof)
    outcome: Outcome | None = None
    try:
        outcome = run_cases(loaded, kind, read_cases(texts, ruleset.schema))
        findings["case"] += outcome.failures
        for rule in outcome.uncovered():
            message = f"{rule}: decided by {outcome.decided[rule]} cases, just missed by {outcome.missed[rule]}"
            findings["coverage"].append(Defect(f"{kind}/policy.csv", ruleset.rule(rule).line, "coverage", message))
    except PolicyError as error:
        findings["text"] += error.defects
    return KindReport(kind, len(ruleset.rules), proved, outcome)


def _prove(loaded: Loaded, kind: str, findings: dict[str, list[Defect]], need_proof: bool) -> tuple[str, ...] | None:
    name = f"{kind}/invariants.yaml"
    if name not in loaded.texts.files:
        findings["invariant"].append(Defect(name, 0, "missing-file", "there are no invariants"))
        return ()
    try:
        import z3  # noqa: F401
    except ImportError:
        if need_proof:
            findings["not-proved"].append(Defect(name, 0, "not-proved", "z3 is not installed (lianqiao[test])"))
        return None
    from policies.prove import dead_rules, prove

    ruleset = loaded.ruleset(kind)
    try:
        proofs = prove(ruleset, parse_yaml(name, loaded.texts.files[name]))
    except PolicyError as error:
        findings["text"] += error.defects
        return ()
    for proof in proofs:
        if not proof.proved:
            shown = {path: proof.counterexample[path] for path in sorted(proof.counterexample)}
            message = f"{proof.invariant.id}: {proof.invariant.text} Counterexample: {shown or 'none found in time'}"
            findings["invariant"].append(Defect(name, proof.invariant.line, "invariant", message))
    for rule in dead_rules(ruleset):
        where = Defect(f"{kind}/policy.csv", ruleset.rule(rule).line, "dead", f"{rule} never decides anything")
        findings["dead"].append(where)
    return tuple(proof.invariant.id for proof in proofs if proof.proved)


def main(arguments: list[str]) -> int:
    """Check the folder given (or the packaged rules), print the report, return the exit code."""
    report = check(Path(arguments[0]) if arguments else None)
    for line in report.lines():
        sys.stdout.write(line + "\n")
    return report.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
