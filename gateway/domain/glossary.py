"""The field's words in Chinese, in English and in the code: one table, from which the glossary page is made.

`python -m gateway.domain.glossary` prints the page `docs/glossary.md`.
"""

import csv
import io
import sys
from dataclasses import dataclass
from importlib.resources import files


@dataclass(frozen=True, slots=True)
class Term:
    """One idea: how it is said in Chinese and in English, its name in code, and a note (may be empty)."""

    zh: str
    en: str
    code_name: str
    note: str


def terms() -> tuple[Term, ...]:
    """All terms in the order of the table."""
    return read_terms((files("gateway.domain") / "data" / "glossary.csv").read_text("utf-8"))


def read_terms(text: str) -> tuple[Term, ...]:
    """The terms of a table in CSV. A code name or a Chinese word that stands twice raises `ValueError`."""
    found = tuple(Term(**row) for row in csv.DictReader(io.StringIO(text)))
    for column in ("zh", "code_name"):
        values = [getattr(term, column) for term in found]
        if len(set(values)) != len(values):
            raise ValueError(f"the glossary has a {column} twice")
    return found


def page() -> str:
    """The glossary as a Markdown page."""
    lines = [
        "# 术语 / Glossary",
        "",
        "本页由 `gateway/domain/data/glossary.csv` 生成:`python -m gateway.domain.glossary > docs/glossary.md`。",
        "",
        "This page is made from `gateway/domain/data/glossary.csv` by the command above.",
        "",
        "| 中文 | English | 代码 / code | 说明 / note |",
        "| --- | --- | --- | --- |",
    ]
    lines += [f"| {t.zh} | {t.en} | `{t.code_name}` | {t.note.replace('|', '/')} |" for t in terms()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
