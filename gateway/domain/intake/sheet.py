"""Where the table in a file begins: its heading row, what each column means, and what is left over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import BinaryIO, Literal

from gateway.domain.entry import FieldSpec
from gateway.domain.intake.datasets import Column, Dataset, column_of
from gateway.domain.intake.delimited import DELIMITERS, Grid, first_rows, head, read_delimited
from gateway.domain.intake.encoding import Encoding, detect
from gateway.domain.intake.limits import Limits, size_of
from gateway.domain.intake.spreadsheet import is_workbook, open_workbook
from gateway.domain.text import fold
from gateway.errors import FieldError, Problem, declare

HEADING_NOT_FOUND = declare(
    "heading-not-found", "invalid",
    zh="没有找到表头", en="No heading row was found",
    remedy_zh="请使用模板,或在前15行内放置一行列名",
    remedy_en="Use the template, or put a row of column names into the first 15",
)  # fmt: skip
COLUMN_TWICE = declare(
    "column-twice", "invalid",
    zh="有两列表示同一字段", en="Two columns mean the same field",
    remedy_zh="请删除或改名其中一列", remedy_en="Remove or rename one of them",
)  # fmt: skip
COLUMN_MISSING = declare(
    "column-missing", "invalid",
    zh="缺少必需的列", en="A column is missing that must be there",
    remedy_zh="请补充所列的列;可下载模板", remedy_en="Add the columns named; a template can be downloaded",
)  # fmt: skip

HEADING_ROWS = 15
EXPLANATION = "填写说明"


@dataclass(frozen=True, slots=True)
class Options:
    """How to read: `encoding` and `delimiter` where the sender states them; `today` (ISO) bounds dates of visits.

    `by_name` lets rows through that name their enterprise without its code; their `Row.uscc` is then empty and the
    caller resolves the name against the register.
    """

    encoding: str | None = None
    delimiter: str | None = None
    today: str | None = None
    by_name: bool = False
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True, slots=True)
class Heading:
    """What was found before the first data row. `columns` has one entry a column, `None` where it is not imported.

    `unnamed` are the positions of columns without a heading. `notes` say, in words for people, what is read differently
    than might be expected: left-over columns and sheets, an encoding that is likely but not certain.
    """

    format: Literal["csv", "xlsx"]
    line: int
    columns: tuple[Column | None, ...]
    unknown: tuple[str, ...]
    notes: tuple[FieldError, ...]
    encoding: Encoding | None = None
    delimiter: str = ""
    unnamed: tuple[int, ...] = ()
    sheet: str = ""


def map_columns(kind: str, cells: Sequence[str]) -> tuple[Column | None, ...]:
    """The meaning of each heading cell."""
    return tuple(column_of(kind, cell) if cell else None for cell in cells)


def _distinct(columns: Iterable[Column | None]) -> int:
    return len({column.path for column in columns if column})


def _best(kind: str, rows: Sequence[Sequence[str]]) -> tuple[int, int]:
    """Index of the row that reads most like a heading, and how many fields it names."""
    counts = [_distinct(map_columns(kind, row)) for row in rows]
    best = max(counts, default=0)
    return (counts.index(best), best) if counts else (0, 0)


def find_table(source: BinaryIO, dataset: Dataset, options: Options) -> tuple[Heading, Grid]:
    """The heading, and the rows behind it. Raises the `Problem`s of files, encodings and headings."""
    size_of(source, options.limits)
    if is_workbook(source):
        return _find_in_workbook(source, dataset, options)
    return _find_in_text(source, dataset, options)


def _find_in_text(source: BinaryIO, dataset: Dataset, options: Options) -> tuple[Heading, Grid]:
    encoding = detect(source, options.encoding)
    text = head(source, encoding.name)
    choices = (options.delimiter,) if options.delimiter else DELIMITERS
    delimiter = max(choices, key=lambda d: _best(dataset.kind, first_rows(text, d, HEADING_ROWS))[1])
    grid = read_delimited(source, encoding.name, delimiter, options.limits)
    line, cells, rest = _to_heading(grid, dataset)
    columns, unknown = _columns(dataset, cells, line, options)
    notes = [_left_over(name) for name in unknown]
    if not encoding.certain:
        notes.append(_likely(encoding))
    unnamed = _unnamed(cells)
    return Heading("csv", line, columns, unknown, tuple(notes), encoding, delimiter, unnamed), rest


def _find_in_workbook(source: BinaryIO, dataset: Dataset, options: Options) -> tuple[Heading, Grid]:
    book = open_workbook(source, options.limits)
    for name in book.names:
        if name == EXPLANATION:
            continue
        try:
            line, cells, rest = _to_heading(book.grid(name), dataset)
        except Problem as problem:
            if problem.code is HEADING_NOT_FOUND:
                continue
            raise
        columns, unknown = _columns(dataset, cells, line, options)
        notes = [_left_over(heading) for heading in unknown]
        others = [other for other in book.names if other not in (name, EXPLANATION)]
        if others:
            notes.append(_sheets_left(name, len(others)))
        return Heading("xlsx", line, columns, unknown, tuple(notes), unnamed=_unnamed(cells), sheet=name), rest
    raise Problem(HEADING_NOT_FOUND, field="file")


def _to_heading(grid: Grid, dataset: Dataset) -> tuple[int, list[str], Grid]:
    seen = list(islice(grid, HEADING_ROWS))
    index, named = _best(dataset.kind, [cells for _, cells in seen])
    if named < 2 and not (named == 1 and len([c for c in seen[index][1] if c.strip()]) == 1 and index == 0):
        raise Problem(HEADING_NOT_FOUND, field="file")
    line, cells = seen[index]
    return line, cells, chain(seen[index + 1 :], grid)


def _columns(
    dataset: Dataset, cells: Sequence[str], line: int, options: Options
) -> tuple[tuple[Column | None, ...], tuple[str, ...]]:
    columns = map_columns(dataset.kind, cells)
    unknown = tuple(
        _short(cell) for cell, column in zip(cells, columns, strict=True) if column is None and cell.strip()
    )
    first: dict[str, int] = {}
    for index, column in enumerate(columns):
        if column is None:
            continue
        if column.path in first:
            raise _twice(column, first[column.path] + 1, index + 1, line)
        first[column.path] = index
    missing = _missing(dataset, first, options)
    if missing:
        zh, en = "、".join(s.zh for s in missing), ", ".join(s.en for s in missing)
        raise Problem(COLUMN_MISSING, field=missing[0].name, detail_zh=zh, detail_en=en, extra={"line": line})
    return columns, unknown


def _twice(column: Column, one: int, other: int, line: int) -> Problem:
    return Problem(
        COLUMN_TWICE,
        field=column.path,
        detail_zh=f"第{one}列与第{other}列都是「{column.spec.zh}」",
        detail_en=f"columns {one} and {other} both mean {column.spec.en}",
        extra={"line": line, "columns": [one, other]},
    )


def _unnamed(cells: Sequence[str]) -> tuple[int, ...]:
    """Columns within the table whose heading is blank: their cells are lost, and each row says so."""
    return tuple(index for index, cell in enumerate(cells) if not cell.strip())


def _missing(dataset: Dataset, found: dict[str, int], options: Options) -> list[FieldSpec]:
    def there(spec: FieldSpec) -> bool:
        return f"{spec.group}.{spec.name}" in found

    code, name = dataset.keys
    wanted = [spec for spec in dataset.specs if spec.group == dataset.groups[0] and spec.required]
    if not (options.by_name and there(name)):
        wanted.insert(0, code)
    return [spec for spec in dict.fromkeys(wanted) if not there(spec)]


def _short(heading: str) -> str:
    return "".join(char for char in fold(heading) if char.isprintable())[:40]


def _left_over(heading: str) -> FieldError:
    return _note(
        f"未识别的列「{heading}」不会导入",
        f"the column {heading!r} is not known and is not imported",
        "column-left-over",
    )


def _likely(encoding: Encoding) -> FieldError:
    zh = f"字符编码按{encoding.name.upper()}读取,请抽查内容"
    return _note(zh, f"read as {encoding.name}; please look at a few rows", "encoding-likely")


def _sheets_left(name: str, others: int) -> FieldError:
    zh = f"只读取工作表「{_short(name)}」,另有{others}张未读取"
    return _note(zh, f"only one sheet was read, {others} more were not", "sheets-left-over")


def _note(zh: str, en: str, code: str) -> FieldError:
    return FieldError("file", zh, en, code=code)


def blank(cells: Sequence[str]) -> bool:
    """True if no cell holds anything but blanks."""
    return not any(cell and not cell.isspace() for cell in cells)
