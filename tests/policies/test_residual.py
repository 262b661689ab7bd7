"""What may S read: the residual condition, turned into SQL, finds exactly the rows that deciding each one allows."""

import random
import sqlite3
from typing import Any

import pytest

from policies import expression
from policies.engine import Loaded, PolicyEngine
from policies.oracle import build_facts, samples
from policies.residual import known_facts, residual, tree
from policies.snapshot import fact


def sql(node: dict[str, Any]) -> str:
    """A translation as the gateway does it; facts of rows are columns named after the rule's words."""
    match node["op"]:
        case "const":
            return repr(node["value"]) if isinstance(node["value"], str) else str(int(node["value"]))
        case "attr":
            return f'"{node["path"]}"'
        case "in":
            return f"{sql(node['left'])} IN ({', '.join(map(repr, node['values']))})"
        case "not":
            return f"NOT ({sql(node['item'])})"
        case "and" | "or":
            return "(" + f" {node['op'].upper()} ".join(map(sql, node["items"])) + ")"
        case op:
            return f"({sql(node['left'])} {op} {sql(node['right'])})"


@pytest.mark.parametrize("seed", range(3))
def test_the_rows_of_a_query_are_the_rows_of_decisions(loaded: Loaded, seed: int) -> None:
    ruleset, engine = loaded.data_access.ruleset, PolicyEngine(loaded)
    rows = [
        {path: fact(facts, path, ruleset.schema) for path in ruleset.schema.types}
        for facts in samples(ruleset, random.Random(seed), 500)
    ]
    columns = [path for path in ruleset.schema.types if path.split(".")[1] in {"obj", "grant", "wall"}]
    database = sqlite3.connect(":memory:")
    database.execute(f"CREATE TABLE t (n, {', '.join(chr(34) + path + chr(34) for path in columns)})")
    database.executemany(
        f"INSERT INTO t VALUES (?, {', '.join('?' for _ in columns)})",
        [(number, *(row[path] for path in columns)) for number, row in enumerate(rows)],
    )
    total = 0
    for asking in random.Random(seed + 100).sample(rows, 20):
        facts = build_facts("data_access", asking)
        known = known_facts(facts.subject, facts.action, facts.context)
        rest = residual(ruleset, known)
        assert rest.attributes <= set(columns)
        found = {number for (number,) in database.execute(f"SELECT n FROM t WHERE {sql(tree(rest.allowed))}")}
        wanted = set()
        for number, row in enumerate(rows):
            both = {**row, **{path: asking[path] for path in asking if path not in columns}}
            if engine.decide(build_facts("data_access", both)).effect == "allow":
                wanted.add(number)
        assert found == wanted
        total += len(wanted)
    assert total > 20


def test_who_is_inactive_needs_no_query(loaded: Loaded) -> None:
    facts = next(iter(samples(loaded.data_access.ruleset, random.Random(1), 1)))
    known = known_facts(facts.subject, "read", facts.context, facts.grant) | {"r.sub.active": False}
    rest = residual(loaded.data_access.ruleset, known)
    assert tree(rest.allowed) == {"op": "const", "value": False}
    assert dict(rest.denies)["INACTIVE"] == expression.TRUE


def test_every_node_has_a_tree(loaded: Loaded) -> None:
    ops = set()

    def walk(node: dict[str, Any]) -> None:
        ops.add(node["op"])
        for child in (*node.get("items", ()), *(node[key] for key in ("left", "right", "item") if key in node)):
            walk(child)

    for snapshot in (loaded.data_access, loaded.workflow):
        walk(tree(residual(snapshot.ruleset, {}).allowed))
    assert ops >= {"attr", "const", "==", "!=", "<", "<=", ">", ">=", "in", "member", "holds", "not", "and", "or"}
