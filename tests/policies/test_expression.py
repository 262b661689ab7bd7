"""Conditions: what is written, folded, put in and printed keeps its meaning."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies import expression
from policies.expression import Among, And, Attr, Compare, Const, Expr, ExpressionError, Holds, Member, Not, Or

CLOSURES = {"worker": frozenset({"a", "b"}), "a": frozenset({"a"})}
LEAVES = st.sampled_from(
    [
        Attr("r.x.p"), Attr("r.x.q"), Compare("==", Attr("r.x.u"), Attr("r.x.v")), Compare("<=", Attr("r.x.n"), Const(2)),
        Compare("!=", Attr("r.x.u"), Const("k")), Among(Attr("r.x.u"), ("k", "l")), Member(Attr("r.x.u"), Attr("r.x.s")),
        Holds(Attr("r.x.roles"), "worker", CLOSURES["worker"]), Const(True), Const(False),
    ]
)  # fmt: skip
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        inner.map(Not), st.lists(inner, min_size=2, max_size=3).map(lambda items: And(tuple(items))),
        st.lists(inner, min_size=2, max_size=3).map(lambda items: Or(tuple(items))),
    ),
    max_leaves=8,
)  # fmt: skip
FACTS = st.fixed_dictionaries(
    {
        "r.x.p": st.booleans(), "r.x.q": st.booleans(), "r.x.u": st.sampled_from(["k", "l", "m"]),
        "r.x.v": st.sampled_from(["k", "l", "m"]), "r.x.n": st.integers(0, 4),
        "r.x.s": st.frozensets(st.sampled_from(["k", "l"])), "r.x.roles": st.frozensets(st.sampled_from(["a", "b", "c"])),
    }
)  # fmt: skip


@given(EXPRESSIONS, FACTS)
def test_folding_keeps_the_meaning(expr: Expr, facts: dict[str, object]) -> None:
    whole = expression.substitute(expr, facts)  # type: ignore[arg-type]
    assert isinstance(whole, Const)
    assert whole == expression.substitute(expression.fold(expr), facts)  # type: ignore[arg-type]


@given(
    EXPRESSIONS, FACTS, st.sets(st.sampled_from(["r.x.p", "r.x.q", "r.x.u", "r.x.v", "r.x.n", "r.x.s", "r.x.roles"]))
)
def test_putting_facts_in_by_steps_gives_the_same(expr: Expr, facts: dict[str, object], first: set[str]) -> None:
    some = {path: value for path, value in facts.items() if path in first}
    rest = expression.substitute(expr, some)  # type: ignore[arg-type]
    assert expression.attributes(rest) <= expression.attributes(expr)
    assert expression.substitute(rest, facts) == expression.substitute(expr, facts)  # type: ignore[arg-type]


@given(EXPRESSIONS)
def test_what_is_printed_reads_the_same(expr: Expr) -> None:
    folded = expression.fold(expr)
    assert expression.parse(expression.text(folded), {}, CLOSURES) == folded


@pytest.mark.parametrize(
    "text",
    [
        "r.x.p and __import__('os')", "open('x')", "r.x.p if True else r.x.q", "[r.x.p]", "r.x.p ** 2", "-r.x.n < 2",
        "lambda: True", "r", "x.y.z", "r.x._p", "r.x.p.q", "r.x.u in ('a', 'b')", "among(r.x.u, r.x.v)",
        "holds(r.x.roles, r.x.u)", "holds(r.x.roles, \"nobody\")", "1 < 2 < 3", "r.x.u is r.x.v", "f'{r.x.u}' == 'a'",
        "r.x.p # q", "2.5 < r.x.n", "None == r.x.u", "", "r.x.p;r.x.q", "1 == \"1\"",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        expression.parse(text, {}, CLOSURES)


def test_a_rule_can_do_nothing_but_compare() -> None:
    assert expression.text(expression.parse('r.x.p && (r.x.u == "k" || !r.x.q)', {}, CLOSURES)) == (
        'r.x.p && (r.x.u == "k" || !r.x.q)'
    )
    assert expression.parse('p.role == "any" || holds(r.x.roles, p.role)', {"role": "any"}, CLOSURES) == Const(True)
