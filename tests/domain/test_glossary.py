"""The glossary page says what the table says."""

from pathlib import Path

import pytest

from gateway.domain.catalogue import MODES
from gateway.domain.glossary import page, read_terms, terms


def test_the_page_is_in_step_with_the_table() -> None:
    made = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text("utf-8")
    assert made == page(), "run: python -m gateway.domain.glossary > docs/glossary.md"


def test_every_term_has_three_names_and_the_modes_are_among_them() -> None:
    table = terms()
    assert all(term.zh and term.en and term.code_name for term in table)
    assert set(MODES) <= {term.code_name for term in table}
    assert {"contact", "cooperation", "visit", "grant", "access_request"} <= {term.code_name for term in table}


def test_a_word_twice_is_refused() -> None:
    row = "zh,en,code_name,note\n授权,grant,grant,\n"
    assert read_terms(row)[0].code_name == "grant"
    with pytest.raises(ValueError, match="zh twice"):
        read_terms(row + "授权,right,right,\n")
    with pytest.raises(ValueError, match="code_name twice"):
        read_terms(row + "许可,permit,grant,\n")
