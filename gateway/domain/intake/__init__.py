"""Files from departments and parks: read as a stream, cleaned row by row, with every row accounted for."""

from gateway.domain.intake.datasets import KINDS, UNKNOWN_DATASET, Column, Dataset, dataset_of
from gateway.domain.intake.encoding import ENCODING_IN_DOUBT, Encoding, detect
from gateway.domain.intake.limits import (
    BROKEN_FILE,
    FIELD_TOO_LARGE,
    FILE_TOO_LARGE,
    TOO_MANY_ROWS,
    UNSUPPORTED_FILE,
    Limits,
)
from gateway.domain.intake.report import report_lines, write_report
from gateway.domain.intake.rows import Row, RowError, Sheet, Tally, open_sheet, row_key, rows
from gateway.domain.intake.sheet import COLUMN_MISSING, COLUMN_TWICE, HEADING_NOT_FOUND, Heading, Options
from gateway.domain.intake.templates import explanation, template

__all__ = [
    "BROKEN_FILE",
    "COLUMN_MISSING",
    "COLUMN_TWICE",
    "ENCODING_IN_DOUBT",
    "FIELD_TOO_LARGE",
    "FILE_TOO_LARGE",
    "HEADING_NOT_FOUND",
    "KINDS",
    "TOO_MANY_ROWS",
    "UNKNOWN_DATASET",
    "UNSUPPORTED_FILE",
    "Column",
    "Dataset",
    "Encoding",
    "Heading",
    "Limits",
    "Options",
    "Row",
    "RowError",
    "Sheet",
    "Tally",
    "dataset_of",
    "detect",
    "explanation",
    "open_sheet",
    "report_lines",
    "row_key",
    "rows",
    "template",
    "write_report",
]
