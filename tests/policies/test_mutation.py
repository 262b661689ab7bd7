"""Mutants of the rules: each is refused at load, fails a case, breaks an invariant, or is proved to mean the same."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from policies.cases import Case, read_cases, run_cases
from policies.engine import Loaded, load_texts
from policies.prove import difference, prove
from policies.texts import PolicyError, Texts, parse_yaml

from .conftest import KINDS

pytest.importorskip("z3")

ATOM = re.compile(
    r'holds\([^)]*\)|among\([^)]*\)|r\.sub\.id in r\.obj\.previous_approvers'
    r'|!?[rp]\.[a-z_.]+(?: (?:==|!=|<=|>=|<|>) (?:"[^"]*"|\d+|[rp]\.[a-z_.]+))?'
)  # fmt: skip
EDGES = {" <= ": " < ", " >= ": " > ", " < ": " <= ", " > ": " >= "}


@dataclass(frozen=True)
class Mutant:
    what: str
    texts: Texts


def edits(text: str) -> Iterator[tuple[str, str]]:
    """A condition with one atom made true, made false, or moved by one at its edge."""
    for found in ATOM.finditer(text):
        if found[0].startswith("among(r.act, p.act)"):
            continue
        for value in ("True", "False"):
            yield f"{found[0]} -> {value}", text[: found.start()] + value + text[found.end() :]
        for old, new in EDGES.items():
            if old in found[0]:
                yield f"{found[0]} ->{new}", text[: found.start()] + found[0].replace(old, new) + text[found.end() :]


def line_mutants(line: str, header: list[str]) -> Iterator[tuple[str, str]]:
    prefix, *values = split(line)
    columns = dict(zip(header, values, strict=True))
    name = columns["id"]

    def bent(**changes: str) -> str:
        return ", ".join([prefix, *({**columns, **changes}[column] for column in header)])

    yield f"{name} removed", ""
    other = {"allow": "deny", "deny": "allow"}.get(columns["eft"])
    if other:
        yield f"{name} turned", bent(eft=other, reason="allowed" if other == "allow" else "not-permitted")
        if other == "allow":
            yield f"{name} made a note", bent(eft="note")
    for what, text in edits(columns["cond"]):
        yield f"{name} {what}", bent(cond=text)
    for column in set(header) - {"id", "cond", "reason", "eft"}:
        parts = columns[column].split("|")
        for part in parts if len(parts) > 1 else ():
            yield f"{name} {column} without {part}", bent(**{column: "|".join(each for each in parts if each != part)})
        if column not in {"obl", "act"} and columns[column] != "any":
            yield f"{name} {column} any", bent(**{column: "any"})
    for extra in {"alert", "mask"} - set(columns["obl"].split("|")) if columns["eft"] != "note" else ():
        yield f"{name} with {extra}", bent(obl=columns["obl"] + "|" + extra)
    if columns["eft"] == "deny" and columns["reason"] != "not-permitted":  # that one is computed, not stated
        yield f"{name} other reason", bent(reason="consent-missing")


def split(line: str) -> list[str]:
    tokens, depth, start = [], 0, 0
    for index, char in enumerate(line):
        depth += (char in "([") - (char in ")]")
        if char == "," and depth == 0:
            tokens.append(line[start:index].strip())
            start = index + 1
    return [*tokens, line[start:].strip()]


def mutants(texts: Texts, kind: str) -> Iterator[Mutant]:
    csv, conf, schema = f"{kind}/policy.csv", f"{kind}/model.conf", f"{kind}/schema.yaml"
    head = re.search(r"^p = (.*)$", texts.files[conf], re.M)
    assert head
    header = [column.strip() for column in head[1].split(",")]
    lines = texts.files[csv].split("\n")
    for number, line in enumerate(lines):
        if line.startswith("g, "):
            yield Mutant(f"{line} removed", texts.with_file(csv, "\n".join(lines[:number] + lines[number + 1 :])))
        if line.startswith("p, "):
            for what, text in line_mutants(line, header):
                yield Mutant(what, texts.with_file(csv, "\n".join([*lines[:number], text, *lines[number + 1 :]])))
    matcher = re.search(r"^m = (.*)$", texts.files[conf], re.M)
    assert matcher
    for what, text in edits(matcher[1]):
        yield Mutant(f"matcher {what}", texts.with_file(conf, texts.files[conf].replace(matcher[1], text)))
    body = texts.files[schema].split("\n")
    for number, line in enumerate(body):
        if line.strip().startswith("- {lacks:"):
            yield Mutant(
                f"schema without {line.strip()}", texts.with_file(schema, "\n".join(body[:number] + body[number + 1 :]))
            )
            if "sole: true" in line:
                bent = line.replace(", sole: true", "")
                yield Mutant(
                    f"not sole {line.strip()}",
                    texts.with_file(schema, "\n".join([*body[:number], bent, *body[number + 1 :]])),
                )


def without_its_mention(texts: Texts, kind: str) -> Texts:
    """A removed rule must not make the schema's list of neutral rules wrong (that alone would kill it)."""
    schema, ids = f"{kind}/schema.yaml", set(re.findall(r"^p, ([A-Z0-9-]+),", texts.files[f"{kind}/policy.csv"], re.M))
    found = re.search(r"^  rules: \[(.*)\]$", texts.files[schema], re.M)
    if not found:
        return texts
    kept = ", ".join(name for name in found[1].split(", ") if name in ids)
    return texts.with_file(schema, texts.files[schema].replace(found[1], kept))


def killer(mutant: Mutant, kind: str, cases: tuple[Case, ...], original: Loaded) -> str:
    try:
        changed = load_texts(without_its_mention(mutant.texts, kind), check_against_casbin=False)
    except PolicyError:
        return "load"
    outcome = run_cases(changed, kind, cases)
    if outcome.failures:
        return "case"
    name = f"{kind}/invariants.yaml"
    if not all(proof.proved for proof in prove(changed.ruleset(kind), parse_yaml(name, mutant.texts.files[name]))):
        return "invariant"
    same_citing = all(
        each.id in {rule.id for rule in original.ruleset(kind).rules} for each in changed.ruleset(kind).rules
    )
    if same_citing and not difference(original.ruleset(kind), changed.ruleset(kind)):
        return "equivalent"
    return ""


@pytest.mark.deep
@pytest.mark.timeout(3000)
@pytest.mark.parametrize("kind", KINDS)
def test_every_mutant_is_killed_or_means_the_same(texts: Texts, loaded: Loaded, kind: str) -> None:
    cases = read_cases(texts, loaded.ruleset(kind).schema)
    counts: dict[str, int] = {}
    alive: list[str] = []
    equal: list[str] = []
    for mutant in mutants(texts, kind):
        by = killer(mutant, kind, cases, loaded)
        counts[by or "alive"] = counts.get(by or "alive", 0) + 1
        if not by:
            alive.append(mutant.what)
        if by == "equivalent":
            equal.append(mutant.what)
    print(kind, counts, *equal, sep="\n  ")
    assert alive == []
    assert sum(counts.values()) > 300
    assert counts.get("equivalent", 0) < 0.1 * sum(counts.values())


def test_a_few_mutants_are_killed(texts: Texts, loaded: Loaded) -> None:
    """The quick form of the test above: every ninetieth mutant."""
    for kind in KINDS:
        cases = read_cases(texts, loaded.ruleset(kind).schema)
        for mutant in list(mutants(texts, kind))[::90]:
            assert killer(mutant, kind, cases, loaded), mutant.what
