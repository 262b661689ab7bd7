"""What may be wrong with one field, in words for people and with the remedy: a table, read once.

The codes are stable. No message repeats the value that it complains of.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files

from gateway.errors import FieldError


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """The words of one code; `{name}` stands for a parameter."""

    code: str
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str


def _read() -> dict[str, FieldProblem]:
    with files("gateway.domain").joinpath("data/field_problems.csv").open(encoding="utf-8") as lines:
        return {line["code"]: FieldProblem(**line) for line in csv.DictReader(lines)}


FIELD_PROBLEMS = _read()


def field_error(field: str, code: str, **params: object) -> FieldError:
    """The error `code` on `field`. An unknown code raises `KeyError`: codes are declared in `field_problems.csv`."""
    words = FIELD_PROBLEMS[code]
    if not params:
        return FieldError(field, words.zh, words.en, code=code)
    return FieldError(field, words.zh.format_map(params), words.en.format_map(params), code=code)
