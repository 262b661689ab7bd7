"""Rows of a CSV file, one at a time, with the row number a spreadsheet would show."""

import csv
import io
from collections.abc import Callable, Iterator
from typing import BinaryIO

from gateway.domain.intake.limits import FIELD_TOO_LARGE, Limits, broken
from gateway.errors import Problem

Grid = Iterator[tuple[int, list[str]]]
DELIMITERS = (",", "\t", ";", "，", "|")


def head(source: BinaryIO, encoding: str, size: int = 65_536) -> str:
    """The first `size` bytes as text, cut at the last whole line where there is more."""
    source.seek(0)
    start = source.read(size)
    source.seek(0)
    text = start.decode(encoding, "ignore")
    if len(start) == size and "\n" in text:
        text = text[: text.rfind("\n") + 1]
    return text


def first_rows(text: str, delimiter: str, count: int) -> list[list[str]]:
    """Up to `count` rows of `text`; fewer where the quoting breaks."""
    found: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            found.append(row)
            if len(found) == count:
                break
    except csv.Error:
        pass
    return found


def read_delimited(source: BinaryIO, encoding: str, delimiter: str, limits: Limits) -> Grid:
    """`(row number, cells)` of every row, blank ones too. Reads as a stream; `source` stays open.

    Quoting that breaks and fields above the limit end the reading with a `Problem` that names the row: after either,
    nobody can say where the next row begins, and guessing would lose rows without a word.
    """
    source.seek(0)
    text = io.TextIOWrapper(source, encoding=encoding, newline="")
    record = 1
    try:
        reader = csv.reader(_lines(text, limits, lambda: record), delimiter=delimiter, strict=True)
        for cells in reader:
            yield record, cells
            record += 1
    except csv.Error as error:
        if "field larger" in str(error):
            raise _field_too_large(record) from None
        raise broken(
            "引号不成对或引号后有多余字符", "quotes are not in pairs or something follows a closing quote", line=record
        ) from None
    finally:
        text.detach()


def _lines(text: io.TextIOWrapper, limits: Limits, record: Callable[[], int]) -> Iterator[str]:
    while True:
        line = text.readline(limits.line_chars)
        if not line:
            return
        if len(line) == limits.line_chars and not line.endswith(("\n", "\r")):
            raise _field_too_large(record())
        yield line


def _field_too_large(line: int) -> Problem:
    return Problem(
        FIELD_TOO_LARGE, field="file", detail_zh=f"第{line}行", detail_en=f"row {line}", extra={"line": line}
    )
