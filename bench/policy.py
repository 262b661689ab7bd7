"""Decisions beside their peers: the same requests, the same grants, every answer equal, in one process and one run.

`run(short)` returns rows {name, ours, against, against_name, unit, ratio, target, met, note}; a ratio above 1 is better
for us. A peer that is not installed has no ratio and says so. We decide by all rules that ship; a peer by the three
that matter for these requests (mandatory name, wall, purpose- and time-bound grant), which is to its favour. Each
side gets its request the way it wants it, made anew for every decision, and the grant looked up in the same kind of
dictionary.
"""

import json
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from policies import expression
from policies.engine import PolicyEngine
from policies.expression import Among, And, Const, Expr, Holds, Not, Or
from policies.oracle import Oracle
from policies.vocabulary import NO_GRANT, NO_WALL, Context, Facts, GrantFacts, Object, Resource, Subject, WallFacts

Request = tuple[int, int, str, bool, str, int]  # person, item, mode, conflict, purpose, now
Grants = Mapping[tuple[int, int], GrantFacts]
Decide = Callable[[Request], bool]

PEOPLE, OWNER, RESOURCE = 1000, "ib", Resource("contact", frozenset({"r"}), frozenset({"name"}))
PURPOSES = ("client-service", "risk-monitoring", "statistics")
WALL = WallFacts(conflict=True)


def grants(count: int) -> dict[tuple[int, int], GrantFacts]:
    """So many live or lapsed grants, each of one person for one item. Deterministic."""
    rng = random.Random(count)
    full = GrantFacts(
        present=True, active=True, grantee_ok=True, items_ok=True, scope_ok=True, uses_left=True, view=True,
        owner_ok=True, compliance_ok=True, cco_ok=True,
    )  # fmt: skip
    found = {}
    for number in range(count):
        end = rng.choice((500, 2000))
        found[number % PEOPLE, number // PEOPLE] = replace(
            full, purpose=PURPOSES[number % 3], not_before=100, not_after=end, active=number % 10 != 0
        )
    return found


def requests(count: int, held: Grants) -> list[Request]:
    """Requests of which most hit a grant, some a wall, some ask for a name. Deterministic."""
    rng = random.Random(1)
    keys = list(held)
    found = []
    for _ in range(count):
        person, item = rng.choice(keys) if rng.random() < 0.8 else (rng.randrange(PEOPLE), 10_000_000)
        mode = "mandatory_name_share" if rng.random() < 0.2 else "approval_gated"
        found.append((person, item, mode, rng.random() < 0.1, rng.choice(PURPOSES), 1000))
    return found


def truth(held: Grants) -> Decide:
    """The three rules in plain Python: what every engine has to answer."""

    def decide(request: Request) -> bool:
        person, item, mode, conflict, purpose, now = request
        if mode == "mandatory_name_share":
            return True
        grant = held.get((person, item))
        if conflict or grant is None:
            return False
        return grant.active and grant.purpose == purpose and grant.not_before <= now < grant.not_after

    return decide


def facts_of(held: Grants) -> Callable[[Request], Facts]:
    """Makes the facts of a request; subjects and objects are kept, as the gateway keeps them, the rest is made anew."""
    people = [
        Subject(f"p{n}", "person", frozenset({"requester"}), "brokerage", "firm", "firm", True, True, "none", 4, True)
        for n in range(PEOPLE)
    ]
    objects = {mode: Object(mode, "contact", 2, OWNER, "firm") for mode in ("approval_gated", "mandatory_name_share")}

    def make(request: Request) -> Facts:
        person, item, mode, conflict, purpose, now = request
        return Facts(
            "d", people[person], objects[mode], "read", held.get((person, item), NO_GRANT),
            WALL if conflict else NO_WALL, Context(purpose, now, "console"), RESOURCE,
        )  # fmt: skip

    return make


def ours(held: Grants) -> Decide:
    """All rules that ship: yes or no."""
    snapshot, make = PolicyEngine.load().loaded.data_access, facts_of(held)
    return lambda request: snapshot.outcome(snapshot.match(make(request))).allowed


def ours_whole(held: Grants) -> Decide:
    """The same through `PolicyEngine.decide`: with the answer made, and refusals explained."""
    engine, make = PolicyEngine.load(), facts_of(held)
    return lambda request: engine.decide(make(request)).effect == "allow"


MODEL = """
[request_definition]
r = mode, conflict, grant, purpose, now
[policy_definition]
p = id, cond, eft
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = eval(p.cond)
"""
RULES = (
    ("MANDATORY", 'r.mode == "mandatory_name_share"', "allow"),
    ("WALL", 'r.mode == "approval_gated" && r.conflict', "deny"),
    (
        "GRANT",
        'r.mode == "approval_gated" && r.grant.active && r.grant.purpose == r.purpose && r.grant.not_before <= r.now'
        " && r.now < r.grant.not_after",
        "allow",
    ),
)


def stock_casbin(held: Grants) -> Decide:
    """Casbin's own enforcer over the three rules, grants as attributes."""
    import casbin

    enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=MODEL))
    for rule in RULES:
        enforcer.add_policy(*rule)

    def decide(request: Request) -> bool:
        person, item, mode, conflict, purpose, now = request
        return bool(enforcer.enforce(mode, conflict, held.get((person, item), NO_GRANT), purpose, now))

    return decide


def _nested(facts: Facts) -> dict[str, Any]:
    """Facts as nested dictionaries in the words of the rules."""
    parts = {
        "sub": facts.subject, "obj": facts.object, "grant": facts.grant, "wall": facts.wall, "ctx": facts.context,
    }  # fmt: skip
    found: dict[str, Any] = {name: {each: getattr(part, each) for each in NAMES[name]} for name, part in parts.items()}
    found["sub"]["roles"] = list(facts.subject.roles)
    return {"act": facts.action, **found}


NAMES = {
    name: tuple(each.name for each in fields(part))
    for name, part in {"sub": Subject, "obj": Object, "grant": GrantFacts, "wall": WallFacts, "ctx": Context}.items()
}


def _cel(expr: Expr) -> str:
    """One of our conditions in CEL."""
    match expr:
        case Among(left, values):
            return f"{expression.text(left)} in {json.dumps(list(values))}"
        case Holds(container, _, closure):
            return f"{container.path}.exists(x, x in {json.dumps(sorted(closure))})"
        case Not(item):
            return f"!({_cel(item)})"
        case And(items):
            return "(" + " && ".join(map(_cel, items)) + ")"
        case Or(items):
            return "(" + " || ".join(map(_cel, items)) + ")"
        case Const(value) if isinstance(value, bool):
            return "true" if value else "false"
    return expression.text(expr)


def common_expressions_all(held: Grants) -> Decide:
    """CEL in Rust over all rules that ship, split by act and mode as ours are: the same work as ours."""
    import cel

    snapshot = PolicyEngine.load().loaded.data_access
    programs = {}
    for key, rules in snapshot.residual.items():
        by = {
            eft: [_cel(rest) for n, rest in rules if snapshot.ruleset.rules[n].eft == eft] for eft in ("allow", "deny")
        }
        programs[key] = cel.compile(
            f"({' || '.join(by['allow']) or 'false'}) && !({' || '.join(by['deny']) or 'false'})"
        )
    make = facts_of(held)

    def decide(request: Request) -> bool:
        facts = make(request)
        return bool(programs[facts.action, facts.object.mode].execute({"r": _nested(facts)}))

    return decide


def stock_casbin_all(held: Grants) -> Decide:
    """Casbin's own enforcer over all rules that ship: the same work as ours."""
    loaded = PolicyEngine.load().loaded
    oracle, make = Oracle(loaded.texts, loaded.data_access.ruleset), facts_of(held)
    return lambda request: oracle.ask(make(request))[0]


CEDAR = """
permit(principal, action, resource) when { context.mode == "mandatory_name_share" };
forbid(principal, action, resource) when { context.mode == "approval_gated" && context.conflict };
permit(principal, action, resource) when { context.mode == "approval_gated" && context.active &&
  context.granted == context.purpose && context.begins <= context.now && context.now < context.ends };
"""


def _flat(held: Grants, request: Request) -> dict[str, Any]:
    person, item, mode, conflict, purpose, now = request
    grant = held.get((person, item), NO_GRANT)
    return {
        "mode": mode, "conflict": conflict, "purpose": purpose, "now": now, "active": grant.active,
        "granted": grant.purpose, "begins": grant.not_before, "ends": grant.not_after,
    }  # fmt: skip


def cedar(held: Grants) -> Decide:
    """Cedar through cedarpy, policies parsed once."""
    import cedarpy

    policies = cedarpy.PolicySet.from_str(CEDAR)

    def decide(request: Request) -> bool:
        asked = {
            "principal": f'User::"{request[0]}"', "action": 'Action::"read"', "resource": f'Item::"{request[1]}"',
            "context": _flat(held, request),
        }  # fmt: skip
        return bool(cedarpy.is_authorized(asked, policies, []).allowed)

    return decide


def common_expressions(held: Grants) -> Decide:
    """CEL in Rust (common-expression-language), compiled once."""
    import cel

    program = cel.compile(
        'mode == "mandatory_name_share" || (mode == "approval_gated" && !conflict && active && granted == purpose'
        " && begins <= now && now < ends)"
    )
    return lambda request: bool(program.execute(_flat(held, request)))


REGO = """package authz
import rego.v1
default allow := false
allow if input.mode == "mandatory_name_share"
allow if {
  input.mode == "approval_gated"
  not input.conflict
  input.active
  input.granted == input.purpose
  input.begins <= input.now
  input.now < input.ends
}
"""


def regorus(held: Grants) -> Decide:
    """Rego in Rust (regorus, through opa-eval)."""
    import opa_eval

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "authz.rego")
        path.write_text(REGO, encoding="utf-8")
        program = opa_eval.OpaEval(str(path), query="data.authz.allow")
    return lambda request: program.evaluate_parsed(json.dumps(_flat(held, request))) is True


def vakt(held: Grants) -> Decide:
    """vakt with its rules checker; the host compares the times, as vakt has no rule between two attributes."""
    from vakt import ALLOW_ACCESS, DENY_ACCESS, Guard, Inquiry, MemoryStorage, Policy, RulesChecker
    from vakt.rules import Any as Anything
    from vakt.rules import Eq

    storage = MemoryStorage()
    gated, name = {"mode": Eq("approval_gated")}, {"mode": Eq("mandatory_name_share")}
    plain = {"subjects": [Anything()], "actions": [Eq("read")], "resources": [Anything()]}
    storage.add(Policy(1, context=name, effect=ALLOW_ACCESS, **plain))
    storage.add(Policy(2, context={**gated, "conflict": Eq(True)}, effect=DENY_ACCESS, **plain))
    storage.add(Policy(3, context={**gated, "live": Eq(True)}, effect=ALLOW_ACCESS, **plain))
    guard = Guard(storage, RulesChecker())

    def decide(request: Request) -> bool:
        person, item, mode, conflict, purpose, now = request
        grant = held.get((person, item), NO_GRANT)
        live = grant.active and grant.purpose == purpose and grant.not_before <= now < grant.not_after
        context = {"mode": mode, "conflict": conflict, "live": live}
        return bool(guard.is_allowed(Inquiry(subject=person, action="read", resource=item, context=context)))

    return decide


PEERS: dict[str, Callable[[Grants], Decide]] = {
    "stock Casbin": stock_casbin,
    "Cedar (cedarpy)": cedar,
    "CEL (Rust)": common_expressions,
    "Rego (regorus)": regorus,
    "vakt": vakt,
    "stock Casbin, all rules": stock_casbin_all,
    "CEL (Rust), all rules": common_expressions_all,
}


def microseconds(decide: Decide, asked: list[Request], passes: int) -> float:
    """Processor time of one decision, the median of several passes over all requests."""
    found = []
    for _ in range(passes):
        start = time.process_time()
        for request in asked:
            decide(request)
        found.append((time.process_time() - start) / len(asked) * 1e6)
    return statistics.median(found)


def _row(
    name: str, mine: float, against: float | None, against_name: str, target: float | None, **more: Any
) -> dict[str, Any]:
    ratio = None if against is None else round(against / mine, 2)
    return {
        "name": name, "ours": round(mine, 2), "against": None if against is None else round(against, 2),
        "against_name": against_name, "unit": "us", "ratio": ratio, "target": target,
        "met": None if ratio is None or target is None else ratio >= target, "note": "", **more,
    }  # fmt: skip


def decisions(short: bool) -> Iterable[dict[str, Any]]:
    """Latency by number of grants, ours beside each peer; and how it grows."""
    grown: dict[int, float] = {}
    passes = 3 if short else 7
    for count in (100, 10_000) if short else (100, 10_000, 1_000_000):
        held = grants(count)
        asked = requests(500 if short else 2000, held)
        right = [truth(held)(request) for request in asked]
        name = f"decision with its grant among {count}"
        mine = ours(held)
        if [mine(request) for request in asked] != right:
            raise AssertionError("our answers differ")
        grown[count] = microseconds(mine, asked, 3 * passes)
        target = {10_000: 5.0, 1_000_000: 4.0}.get(count)
        for peer, make in PEERS.items():
            try:
                decide = make(held)
            except ImportError:
                yield _row(name, grown[count], None, peer, target, note="not installed")
                continue
            if [decide(request) for request in asked] != right:
                raise AssertionError(f"the answers of {peer} differ")
            some = asked if "Casbin, all" not in peer else asked[:60]
            note = "" if "all rules" in peer else "the peer decides by three rules, we by all that ship"
            yield _row(name, grown[count], microseconds(decide, some, passes), peer, target, note=note)
        whole = ours_whole(held)
        taken = microseconds(whole, asked, passes)
        note = f"{sum(right)} of {len(right)} allowed; every refusal is explained"
        yield _row(f"{name}, answer made and refusals explained", taken, None, "none", None, note=note)
    least, most = min(grown), max(grown)
    growth = grown[most] / grown[least]
    yield {
        "name": f"growth of a decision from {least} to {most} grants", "ours": round(growth, 2), "against": 4.0,
        "against_name": "the limit", "unit": "times", "ratio": round(4 / growth, 2), "target": 1.0,
        "met": growth < 4, "note": "",
    }  # fmt: skip


def responses(short: bool) -> Iterable[dict[str, Any]]:
    """A response of 1000 rows by 24 fields in 7 groups: one decision a row class and group, against one a cell."""
    engine = PolicyEngine.load()
    subject = Subject("p", "person", frozenset({"requester"}), "brokerage", "firm", "firm", True, True, "none", 4, True)
    held = next(iter(grants(1).values()))
    grant = replace(held, active=True, not_after=5000)

    def decide(group: str, level: int) -> str:
        facts = Facts(
            "d", subject, Object("approval_gated", group, level, OWNER, "firm"), "read", grant, NO_WALL,
            Context(grant.purpose, 1000, "console"), RESOURCE,
        )  # fmt: skip
        return engine.decide(facts).effect

    groups = [f"g{n}" for n in range(7)]
    passes = 2 if short else 5

    def total(classes: int, groups_of: list[str]) -> float:
        found = []
        for _ in range(passes):
            start = time.process_time()
            for _row_class in range(classes):
                for group in groups_of:
                    decide(group, 2)
            found.append((time.process_time() - start) * 1e6)
        return statistics.median(found)

    cells = total(1000, [groups[n % 7] for n in range(24)])
    for classes in (1, 50, 1000):
        name = f"decisions for 1000 rows by 24 fields, {classes} row classes"
        yield _row(name, total(classes, groups), cells, "one decision a cell", None)


def run(short: bool) -> list[dict[str, Any]]:
    """All rows. `short` leaves out the million grants and takes seconds."""
    return [*decisions(short), *responses(short)]


if __name__ == "__main__":
    import sys

    for line in run("--short" in sys.argv):
        print(json.dumps(line, ensure_ascii=False))
