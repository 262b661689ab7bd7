"""Proofs hold, mean something, and fail when a rule is broken."""

import re

import pytest

from policies import expression
from policies.cases import decide
from policies.engine import Loaded, load_texts
from policies.prove import Proof, _Encoding, _expand, _words, dead_rules, difference, prove, read_invariants
from policies.rules import RuleSet
from policies.texts import PolicyError, Texts, parse_yaml

from .conftest import KINDS, rules_of

pytest.importorskip("z3")


def proofs(loaded: Loaded, kind: str, only: str = "") -> dict[str, Proof]:
    return proved(loaded.texts, loaded.ruleset(kind), only)


def proved(texts: Texts, ruleset: RuleSet, only: str) -> dict[str, Proof]:
    name = f"{ruleset.kind}/invariants.yaml"
    found = prove(ruleset, parse_yaml(name, texts.files[name]), only=only)
    return {proof.invariant.id: proof for proof in found}


@pytest.mark.parametrize("kind", KINDS)
def test_every_invariant_is_proved(loaded: Loaded, kind: str) -> None:
    assert [name for name, proof in proofs(loaded, kind).items() if not proof.proved] == []


@pytest.mark.parametrize("kind", KINDS)
def test_no_rule_is_dead(loaded: Loaded, kind: str) -> None:
    assert dead_rules(loaded.ruleset(kind)) == ()


@pytest.mark.parametrize("kind", KINDS)
def test_no_invariant_is_empty(loaded: Loaded, kind: str) -> None:
    """With the decision left free, every forbidden situation can occur: none is proved by being impossible."""
    name = f"{kind}/invariants.yaml"
    invariants, define = read_invariants(parse_yaml(name, loaded.texts.files[name]))
    ruleset = loaded.ruleset(kind)
    encoding = _Encoding(ruleset.schema)
    for invariant in invariants:
        if invariant.never:
            text = re.sub(r"\b(ALLOWED|DENIED)\b", "True", _expand(invariant.never, _words(define)))
            solver = encoding.solver()
            solver.add(encoding.formula(expression.parse(text, {}, ruleset.closures)))
            assert solver.check() == encoding.z3.sat, invariant.id


BROKEN = [
    # kind, invariant, what is replaced in policy.csv, by what
    ("data_access", "mandatory-visible", "read|verify, mandatory_name_share, any, r.sub.internal", "read|verify, mandatory_name_share, any, r.sub.trained && r.sub.internal"),
    ("data_access", "mandatory-organisations-only", "r.sub.internal && !r.obj.natural_person, log, allowed, allow", "r.sub.internal, log, allowed, allow"),
    ("data_access", "suppressed-is-absent", "p, SUPPRESSED-NAME,", "# "),
    ("data_access", "suppressed-data-stays", 'r.sub.unit != r.obj.owner || r.sub.institution != r.obj.owner_institution), log, suppressed', 'False), log, suppressed'),
    ("data_access", "protected-needs-a-ground", "read|verify, protected, own, True", "read|verify, approval_gated, any, True"),
    ("data_access", "owner-signs", "r.ctx.emergency && r.sub.internal && r.obj.owner_institution", "r.sub.internal && r.obj.owner_institution"),
    ("data_access", "level-3-needs-compliance", "r.grant.view && r.grant.compliance_ok, log", "r.grant.view, log"),
    ("data_access", "level-5-never-granted", 'r.ctx.purpose == "audit" && r.obj.level <= 3', 'r.ctx.purpose == "audit"'),
    ("data_access", "level-4-view-only", "p, L4-VIEW-ONLY,", "# "),
    ("data_access", "export-needs-export-grant", "mandatory_name_share, grant, r.grant.export,", "mandatory_name_share, grant, r.grant.view,"),
    ("data_access", "conflict-wall", '(r.act == "export" || !r.wall.crossed)', '!r.wall.crossed'),
    ("data_access", "side-wall", "p, WALL-SIDE,", "# "),
    ("data_access", "restricted-wall", "p, WALL-RESTRICTED,", "# "),
    ("data_access", "research-wall", "p, QUIET-PERIOD,", "# "),
    ("data_access", "watch-list-is-silent", "r.wall.watch, alert, allowed, note", "r.wall.watch, log|alert, not-permitted, deny"),
    ("data_access", "level-cap", "r.obj.level > r.sub.clearance", "r.obj.level > r.sub.clearance && r.sub.internal"),
    ("data_access", "training-cap", "!r.sub.trained && r.obj.level >= 3", "!r.sub.trained && r.obj.level >= 4"),
    ("data_access", "inactive-gets-nothing", "INACTIVE, any, any, any", "INACTIVE, any, read|discover|verify, any"),
    ("data_access", "operators-blind", "g, ops, operator", "# "),
    ("data_access", "regulator-reports-only", "p, REGULATOR-REPORTS,", "# "),
    ("data_access", "partners-consent", "p, REGULATOR-REPORTS", "p, REGULATOR-REPORTS"),
    ("data_access", "no-scores-to-lenders", ' || r.sub.institution_kind == "lessor"', ""),
    ("data_access", "open-is-low", "r.obj.readable && r.obj.level <= 2 && !r.obj.sensitive", "r.obj.readable && r.obj.level <= 2"),
    ("data_access", "emergency-view-only", "p, EMERGENCY-VIEW-ONLY,", "# "),
    ("workflow", "no-self-approval", "request:endorse|request:approve-owner|request:approve-compliance|request:approve-cco|request:approve-pi|request:counter-offer|request:return|request:reject|grant", "request:endorse|request:approve-compliance|request:counter-offer|request:return|request:reject|grant"),
    ("workflow", "no-self-decision", "finding:close|party:add-user|party:change-user, any, r.sub.id", "finding:close|party:add-user, any, r.sub.id"),
    ("workflow", "different-people", "r.sub.id in r.obj.previous_approvers", "r.sub.id in r.obj.previous_approvers && !r.obj.partner"),
    ("workflow", "no-ring", "p, SOD-RING,", "# "),
    ("workflow", "owner-approves-own-data-only", "p, SOD-OWN-USE,", "# "),
    ("workflow", "head-of-the-same-department", "dept_review, r.sub.unit == r.obj.requester_unit,", "dept_review, True,"),
    ("workflow", "compliance-apart", "r.sub.unit == r.obj.requester_unit || r.sub.unit == r.obj.owner_unit, log|alert, separation", "r.sub.unit == r.obj.requester_unit, log|alert, separation"),
    ("workflow", "director-signs", "p, REQ-CCO, cco,", "p, REQ-CCO, control,"),
    ("workflow", "officer-signs", "p, REQ-PI, pi_officer,", "p, REQ-PI, worker,"),
    ("workflow", "operators-never-approve", "p, SOD-OPERATOR,", "# "),
    ("workflow", "second-person", "p, SOD-NO-PROPOSER,", "# "),
    ("workflow", "keys-apart", "p, SOD-KEYS-AUDITOR,", "# "),
    ("workflow", "administrator-not-alone-over-rules", "p, TRAIL-SEARCH, watcher", "p, TRAIL-SEARCH, sysadmin"),
    ("workflow", "barriers-are-compliance", "p, BARRIER-KEEP, control", "p, BARRIER-KEEP, watcher"),
    ("workflow", "units-write-their-own", "import:cancel, any, r.sub.unit == r.obj.owner_unit", "import:cancel, any, r.sub.internal"),
    ("workflow", "auditors-change-nothing", "p, FINDING-CONTROL, control", "p, FINDING-CONTROL, watcher"),
    ("workflow", "partners-stay-home", "r.sub.institution == r.obj.institution && !r.sub.internal", "!r.sub.internal"),
    ("workflow", "inactive-moves-nothing", "p, INACTIVE,", "# "),
    ("workflow", "outsiders-control-nothing", "p, PARTY-ADMIT, control, party:admit-institution, any, r.sub.internal", "p, PARTY-ADMIT, control, party:admit-institution, any, True"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "invariant", "old", "new"), BROKEN, ids=[f"{row[0]}-{row[1]}" for row in BROKEN])
def test_breaking_a_rule_breaks_its_invariant(texts: Texts, kind: str, invariant: str, old: str, new: str) -> None:
    name = f"{kind}/policy.csv"
    if old == new:  # partners-consent rests on the model, not on one rule
        name, old, new = (
            f"{kind}/model.conf",
            "r.grant.consent_ok || !r.obj.personal || r.sub.internal",
            "r.grant.owner_ok",
        )
    assert old in texts.files[name]
    body = texts.files[name].replace(old, new, 1)
    schema = texts.files[f"{kind}/schema.yaml"]
    for rule in re.findall(r"p, ([A-Z0-9-]+),", texts.files[name]):
        if f"p, {rule}," not in body:  # a removed rule must not be named in the schema either
            schema = re.sub(rf"\b{rule}, |, {rule}\b", "", schema)
    if name.endswith(".conf"):
        schema = re.sub(r"\n.*lacks: r\.grant\.consent_ok.*", "", schema)
    broken = texts.with_file(name, body).with_file(f"{kind}/schema.yaml", schema)
    ruleset = rules_of(broken, kind)
    found = proved(broken, ruleset, invariant)[invariant]
    assert not found.proved
    assert set(found.counterexample) == set(ruleset.schema.types)


def test_every_invariant_is_broken_by_some_change(loaded: Loaded) -> None:
    tried = {(kind, invariant) for kind, invariant, *_ in BROKEN}
    rest = {(kind, name) for kind in KINDS for name in proofs(loaded, kind)} - tried
    by_the_tests_below = {"level-4-needs-director", "partners-apart", "not-shared-never-released"}
    assert rest == {("data_access", name) for name in by_the_tests_below}


@pytest.mark.parametrize(
    ("invariant", "old", "new"),
    [
        ("level-4-needs-director", "(r.grant.cco_ok || r.obj.level < 4)", "(r.grant.owner_ok || r.obj.level < 4)"),
        (
            "partners-apart",
            "(r.grant.compliance_ok || (r.obj.level < 3 && !r.obj.personal && r.sub.internal))",
            "r.grant.owner_ok",
        ),
    ],
)
def test_breaking_the_model_breaks_its_invariant(texts: Texts, invariant: str, old: str, new: str) -> None:
    name, schema = "data_access/model.conf", "data_access/schema.yaml"
    assert old in texts.files[name]
    lines = [line for line in texts.files[schema].splitlines() if "lacks: r.grant.c" not in line or "consent" in line]
    broken = texts.with_file(name, texts.files[name].replace(old, new)).with_file(schema, "\n".join(lines))
    assert not proofs(load_texts(broken, check_against_casbin=False), "data_access", invariant)[invariant].proved


def test_it_takes_two_faults_to_release_what_is_not_shared(texts: Texts) -> None:
    name = "data_access/policy.csv"
    guard = ("p, NOT-SHARED,", "# ")
    reach = (
        "SUPERVISION-READ, control, read|verify, approval_gated|",
        "SUPERVISION-READ, control, read|verify, not_shared|",
    )
    for faults, proved in (((guard,), True), ((reach,), True), ((guard, reach), False)):
        body = texts.files[name]
        for old, new in faults:
            assert old in body
            body = body.replace(old, new, 1)
        found = proofs(
            load_texts(texts.with_file(name, body), check_against_casbin=False),
            "data_access",
            "not-shared-never-released",
        )
        assert found["not-shared-never-released"].proved is proved


def test_a_difference_comes_with_facts_that_show_it(texts: Texts, loaded: Loaded) -> None:
    name = "data_access/policy.csv"
    body = texts.files[name].replace(
        'r.ctx.purpose == "audit" && r.obj.level <= 3', 'r.ctx.purpose == "audit" && r.obj.level <= 4'
    )
    changed = load_texts(texts.with_file(name, body), check_against_casbin=False)
    found = difference(loaded.ruleset("data_access"), changed.ruleset("data_access"))
    assert found
    for each in found:
        assert each.values["r.obj.level"] == 4
        assert each.new_allowed
        assert decide(loaded, each.facts, "data_access").effect == "deny"
        assert decide(changed, each.facts, "data_access").rule == "AUDIT-READ"


def test_the_same_rules_in_other_words_are_no_difference(texts: Texts, loaded: Loaded) -> None:
    name = "data_access/policy.csv"
    body = texts.files[name].replace("!r.sub.trained && r.obj.level >= 3", "!(r.sub.trained || r.obj.level < 3)")
    changed = load_texts(texts.with_file(name, body), check_against_casbin=False)
    assert changed.epoch != loaded.epoch
    assert difference(loaded.ruleset("data_access"), changed.ruleset("data_access")) == ()


def test_a_shadowed_rule_is_dead(texts: Texts) -> None:
    name = "data_access/policy.csv"
    line = "p, OWN-AGAIN, lead_rm, read, protected, own, r.obj.level <= 2, log, allowed, allow\n"
    changed = load_texts(texts.with_file(name, texts.files[name] + line), check_against_casbin=False)
    assert dead_rules(changed.ruleset("data_access")) == ("OWN-AGAIN",)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("invariants:\n  - {id: a, text: t, never: r.sub.hat && ALLOWED}\n", "unknown facts"),
        ("invariants:\n  - {id: a, text: t, never: 'len(r.sub) > 1'}\n", "not allowed here"),
        ("invariants:\n  - {id: a, text: t}\n", "never or same"),
        ("invariants:\n  - {id: a, text: t, never: ALLOWED}\n  - {id: a, text: t, never: ALLOWED}\n", "once"),
        ("invariants:\n  - {id: a, text: t, same: r.obj.level}\n", "no truth value"),
        ("invariants: []\n", "wanted"),
    ],
)
def test_a_malformed_invariant_is_refused(loaded: Loaded, body: str, complaint: str) -> None:
    with pytest.raises(PolicyError, match=complaint) as caught:
        prove(loaded.ruleset("data_access"), parse_yaml("data_access/invariants.yaml", body))
    assert caught.value.defects[0].line >= 1
