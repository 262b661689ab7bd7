"""Watermarks: whoever leaks a table names themselves, also after sorting it and cutting half of it away."""

import csv
import io
import random
import uuid
import zipfile
from pathlib import Path

import openpyxl
import pytest

from gateway.errors import Problem
from gateway.sealing.watermark import Marker, Watermark, read_watermark, read_watermarks, write_csv, write_xlsx

READER, GRANT, KEY = str(uuid.uuid4()), str(uuid.uuid4()), b"k" * 32
HEADER = ["企业名称", "联系人", "金额", "备注"]


def rows(count: int) -> list[list[object]]:
    return [[f"东莞市测试{n}有限公司", f"人{n}", n * 100, "" if n % 3 else "回访"] for n in range(count)]


def marker(count: int, reader: str = READER, grant: str = GRANT) -> Marker:
    return Marker(reader, grant, KEY, count)


def as_csv(path: Path, count: int, **who: str) -> list[list[str]]:
    made = marker(count, **who)
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        assert write_csv(file, HEADER, rows(count), made, made.visible("张三", "2026-03-05")) == count
    return list(csv.reader(io.StringIO(path.read_text("utf-8-sig"))))


def save(path: Path, table: list[list[str]], encoding: str = "utf-8") -> None:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(table)


@pytest.mark.parametrize("count", [1, 5, 399, 400, 3_000])
def test_the_reader_and_the_grant_are_read_back(tmp_path: Path, count: int) -> None:
    as_csv(tmp_path / "a.csv", count)
    assert read_watermark(tmp_path / "a.csv", KEY) == Watermark(READER, GRANT, True)
    assert read_watermark(tmp_path / "a.csv") == Watermark(READER, GRANT, None)


@pytest.mark.parametrize("count", [4, 400, 5_000])
@pytest.mark.parametrize("cut", ["first", "second", "every-second", "random"])
def test_it_survives_sorting_the_loss_of_half_and_of_the_visible_column(tmp_path: Path, count: int, cut: str) -> None:
    table = as_csv(tmp_path / "a.csv", count)[1:]
    table.sort(key=lambda row: row[1][::-1])
    kept = {
        "first": table[: count // 2],
        "second": table[count // 2 :],
        "every-second": table[::2],
        "random": random.Random(7).sample(table, count // 2),
    }[cut]
    save(tmp_path / "b.csv", [row[:-1] for row in kept])
    assert read_watermark(tmp_path / "b.csv", KEY).reader == READER


def test_it_survives_the_loss_of_either_marked_column_and_other_encodings(tmp_path: Path) -> None:
    table = as_csv(tmp_path / "a.csv", 50)
    for column in (0, 1):
        save(tmp_path / "b.csv", [row[column : column + 1] for row in table if row[3]] * 2)
        # the last text cell is the second or the fourth column
        if column == 0:
            assert read_watermark(tmp_path / "b.csv", KEY).grant == GRANT
    for encoding in ("gb18030", "utf-16"):
        save(tmp_path / "c.csv", table, encoding)
        assert read_watermark(tmp_path / "c.csv", KEY).grant == GRANT


def test_a_spreadsheet_is_marked_in_rows_first_line_header_and_footer(tmp_path: Path) -> None:
    made = marker(600)
    line = made.visible("张三 & Co", "2026-03-05")
    assert write_xlsx(tmp_path / "a.xlsx", HEADER, rows(600), made, line) == 600
    assert read_watermark(tmp_path / "a.xlsx", KEY) == Watermark(READER, GRANT, True)
    sheet = openpyxl.load_workbook(tmp_path / "a.xlsx").active
    assert GRANT in sheet["A1"].value
    assert GRANT in sheet.oddHeader.center.text + sheet.oddFooter.center.text
    # sorted, halved, and the lines for people thrown away, as a leaker would
    kept = sorted(sheet.iter_rows(min_row=3, values_only=True), key=lambda row: str(row[1])[::-1])[::2]
    book = openpyxl.Workbook()
    for row in kept:
        book.active.append(row)
    book.save(tmp_path / "b.xlsx")
    assert read_watermark(tmp_path / "b.xlsx", KEY).reader == READER


def test_numbers_and_empty_cells_stay_as_they_are_and_texts_look_the_same(tmp_path: Path) -> None:
    for row in as_csv(tmp_path / "a.csv", 30)[1:]:
        assert row[2].isascii()
        visible = "".join(letter for letter in row[0] if letter not in "\u200b\u200c\u200d\u2060")
        assert visible.startswith("东莞市测试")
        assert visible.endswith("有限公司")
        assert GRANT in row[-1]


def test_two_merged_leaks_name_both(tmp_path: Path) -> None:
    other = str(uuid.uuid4())
    one = as_csv(tmp_path / "a.csv", 900)
    two = as_csv(tmp_path / "b.csv", 900, reader=other)
    mixed = one[1:450] + two[1:450]
    random.Random(3).shuffle(mixed)
    save(tmp_path / "c.csv", mixed)
    assert {mark.reader for mark in read_watermarks(tmp_path / "c.csv", KEY)} == {READER, other}


def test_a_forged_mark_is_seen_with_the_key(tmp_path: Path) -> None:
    made = Marker(READER, GRANT, b"another key", 5)
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        write_csv(file, HEADER, rows(5), made, "")
    assert read_watermark(tmp_path / "a.csv", KEY).genuine is False


def test_a_file_without_a_mark_says_so(tmp_path: Path) -> None:
    save(tmp_path / "a.csv", [[str(cell) for cell in row] for row in rows(20)])
    (tmp_path / "b.csv").write_bytes(b"\xff\x00\x81")
    (tmp_path / "c.csv").write_text("\u200b\u200c" * 500)
    for name in ("a.csv", "b.csv", "c.csv"):
        with pytest.raises(Problem) as caught:
            read_watermark(tmp_path / name)
        assert caught.value.code.name == "watermark-not-found"


def test_a_text_that_a_spreadsheet_would_run_is_defused(tmp_path: Path) -> None:
    made = marker(1)
    file = io.StringIO()
    write_csv(file, ["a", "b"], [["=HYPERLINK(1)", "@x"]], made, "")
    (row,) = list(csv.reader(io.StringIO(file.getvalue())))[1:]
    assert row[0].startswith("'=")
    assert row[1].startswith("'@")
    write_xlsx(tmp_path / "a.xlsx", ["a"], [["=1+1"]], made, "=2+2")
    with zipfile.ZipFile(tmp_path / "a.xlsx") as book:
        assert b"<f>" not in book.read("xl/worksheets/sheet1.xml")
