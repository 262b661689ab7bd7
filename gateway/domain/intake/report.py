"""What was wrong with which row, as a CSV file to download: no value of the upload is in it."""

import csv
import io
from collections.abc import Iterable, Iterator

from gateway.domain.entry import SPECS
from gateway.domain.intake.rows import Row, RowError
from gateway.domain.problems import FIELD_PROBLEMS
from gateway.domain.text import safe_cell
from gateway.errors import FieldError

HEADINGS = (
    "数据行号 Data row", "表格行号 Sheet row", "级别 Severity", "列 Column", "问题 Problem", "处理办法 Remedy",
    "Problem (en)", "Remedy (en)", "代码 Code",
)  # fmt: skip


def label(field: str) -> str:
    """The Chinese name of a column from the `group.field` that errors use; empty for errors of a whole row."""
    group, _, name = field.partition(".")
    return next((spec.zh for spec in SPECS.get(group, ()) if spec.name == name), "")


def report_lines(items: Iterable[Row | RowError], *, warnings: bool = True) -> Iterator[str]:
    """The report as lines of CSV text, one problem a line, headings first, beginning with a byte order mark.

    Rows without a finding leave no line. Cells never start a formula. Memory stays flat.
    """
    yield "\ufeff" + _line(HEADINGS)
    for item in items:
        if isinstance(item, RowError):
            for error in item.errors:
                yield _finding(item, "错误 error", error)
        if warnings:
            for warning in item.warnings:
                yield _finding(item, "提示 warning", warning)


def _finding(item: Row | RowError, severity: str, error: FieldError) -> str:
    problem = FIELD_PROBLEMS[error.code]
    return _line(
        (str(item.number), str(item.line), severity, label(error.field), error.message_zh, problem.remedy_zh,
         error.message_en, problem.remedy_en, error.code)
    )  # fmt: skip


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([safe_cell(cell) for cell in cells])
    return out.getvalue()


def write_report(items: Iterable[Row | RowError], out: io.TextIOBase, *, warnings: bool = True) -> int:
    """Write the report to `out` (text, newline=''); the number of findings written."""
    findings = -1
    for line in report_lines(items, warnings=warnings):
        out.write(line)
        findings += 1
    return findings
