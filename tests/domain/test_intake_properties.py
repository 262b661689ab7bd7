"""Whatever a file holds: a declared problem, or every row accounted for. Nothing else is ever raised."""

import csv
import io
import time
from itertools import islice

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gateway.domain.intake import KINDS, Options, Row, RowError, Tally, open_sheet, report_lines, template
from gateway.domain.problems import FIELD_PROBLEMS
from gateway.domain.synthetic import DIRTY, contacts, text_rows, write_csv, write_xlsx
from gateway.errors import CODES, Problem

CODE = "91441900MA00T01A3F"
_cell = st.text(max_size=12) | st.sampled_from(
    [CODE, "13800138000", "张三", "", "2026年3月5日", "1,200", "现场", '"', "a\nb", "甲,乙"]
)


def drain(content: bytes, kind: str, **options: object) -> tuple[list[Row | RowError], Tally | None]:
    """Items and tally, or no tally for a file that was refused with a declared problem."""
    try:
        opened = open_sheet(io.BytesIO(content), kind, Options(**options))  # type: ignore[arg-type]
        items = list(opened)
    except Problem as refused:
        return [], _declared(refused)
    return items, opened.tally


def _declared(refused: Problem) -> None:
    assert CODES[refused.code.name] is refused.code


def account(items: list[Row | RowError], tally: Tally, rows_in: int | None = None) -> None:
    """Rows in are rows out, plus errors, plus blanks."""
    good = sum(isinstance(item, Row) and not item.duplicate_of for item in items)
    duplicate = sum(isinstance(item, Row) and bool(item.duplicate_of) for item in items)
    bad = sum(isinstance(item, RowError) for item in items)
    assert (tally.good, tally.duplicate, tally.bad) == (good, duplicate, bad)
    assert tally.read == good + duplicate + bad + tally.blank
    if rows_in is not None:
        assert tally.read == rows_in
    numbers = [item.number for item in items]
    assert numbers == sorted(set(numbers))
    for item in items:
        found = [*item.warnings, *(item.errors if isinstance(item, RowError) else ())]
        assert all(e.code in FIELD_PROBLEMS and e.row == item.number for e in found)
        assert not isinstance(item, RowError) or item.errors
    assert list(report_lines(items))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(KINDS), st.binary(max_size=400))
@example("contact", b"\xff\xfe")
@example("contact", b"PK\x03\x04")
@example("contact", b'\xe4\xbf\xa1,"')
def test_any_bytes(kind: str, content: bytes) -> None:
    items, tally = drain(content, kind)
    if tally is not None:
        account(items, tally)


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["contact", "visit", "cooperation", "clients", "tenants", "park_operation"]),
    table=st.lists(st.lists(_cell, max_size=6), max_size=6),
    encoding=st.sampled_from(["utf-8", "gb18030", "utf-8-sig"]),
    delimiter=st.sampled_from([",", "\t", ";"]),
)
def test_any_table_under_a_template(kind: str, table: list[list[str]], encoding: str, delimiter: str) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\r\n")
    heading = template(kind, "csv").decode("utf-8-sig").strip().split(",")
    writer.writerow(heading)
    for cells in table:
        writer.writerow(cells or [""])
    items, tally = drain(out.getvalue().encode(encoding, "replace"), kind, encoding=encoding.removesuffix("-sig"))
    if tally is not None:
        account(items, tally, len(table))


def _workbook() -> bytes:
    out = io.BytesIO()
    write_xlsx(out, text_rows("contact", contacts(3)))
    return out.getvalue()


_WORKBOOK = _workbook()  # once: a workbook holds the time of its making


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_workbook_with_bytes_overwritten(data: st.DataObject) -> None:
    content = bytearray(_WORKBOOK)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        content[at] = data.draw(st.integers(0, 255))
    items, tally = drain(bytes(content), "contact")
    if tally is not None:
        account(items, tally)


@pytest.mark.parametrize("form", ["csv", "xlsx"])
@pytest.mark.parametrize("count", [20_000, pytest.param(100_000, marks=pytest.mark.deep)])
def test_many_dirty_rows_with_timing(form: str, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    table = islice(text_rows("contact", contacts(count), dirt=DIRTY), count + 2)  # a title and the headings
    out = io.BytesIO()
    if form == "csv":
        write_csv(out, table)
    else:
        write_xlsx(out, table)
    begun = time.perf_counter()
    items, tally = drain(out.getvalue(), "contact")
    spent = time.perf_counter() - begun
    assert tally is not None
    account(items, tally, count)
    assert tally.good > count * 0.9
    with capsys.disabled():
        print(f"\n[{form}] {tally.read} rows in {spent:.2f} s")
