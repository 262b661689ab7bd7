"""One value, one byte string."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.canonical import canonical, fingerprint
from ledger.entry import canonical as ledger_canonical

KEYS = st.text(st.characters(max_codepoint=127), min_size=1, max_size=8)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.one_of(TEXT, st.booleans(), st.integers(-(2**53) + 1, 2**53 - 1)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=4)),
    max_leaves=12,
)


@given(st.dictionaries(KEYS, VALUES, max_size=5))
def test_it_reads_back_and_the_order_of_keys_does_not_matter(value: dict[str, object]) -> None:
    data = canonical(value)
    assert json.loads(data) == value
    assert canonical(dict(reversed(list(value.items())))) == data
    assert ledger_canonical(value) == data, "the ledger hashes the same bytes"


def test_the_form_itself() -> None:
    assert canonical({"b": [1, True, "东莞\n"], "a": {}}) == '{"a":{},"b":[1,true,"东莞\\n"]}'.encode()
    assert fingerprint({}) == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.mark.parametrize("value", [{"a": None}, {"a": 1.5}, {"名": 1}, {1: "a"}, {"a": {"b": b"x"}}, {"a": [2**53]}])
def test_what_has_two_spellings_is_refused(value: dict[str, object]) -> None:
    with pytest.raises(TypeError):
        canonical(value)
