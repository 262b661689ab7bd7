"""XLSX: types of cells, merged cells, several sheets, templates, and workbooks made to break the reader."""

import datetime as dt
import io
import struct
import zipfile

import openpyxl
import pytest
import xlsxwriter

from gateway.domain.entry import SPECS
from gateway.domain.intake import (
    BROKEN_FILE,
    FILE_TOO_LARGE,
    HEADING_NOT_FOUND,
    KINDS,
    UNKNOWN_DATASET,
    UNSUPPORTED_FILE,
    Limits,
    Options,
    Row,
    RowError,
    dataset_of,
    explanation,
    open_sheet,
    report_lines,
    template,
    write_report,
)
from gateway.domain.intake.spreadsheet import as_text, inflate
from gateway.errors import Problem

CODE = "91441900MA00T01A3F"


def workbook(*sheets: list[list[object]], hidden: tuple[int, ...] = ()) -> io.BytesIO:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    for number, rows in enumerate(sheets):
        page = book.add_worksheet(f"表{number + 1}")
        if number in hidden:
            page.hide()
        if number == len(hidden):
            page.activate()
        for y, cells in enumerate(rows):
            for x, cell in enumerate(cells):
                if isinstance(cell, (dt.datetime, dt.date)):
                    page.write_datetime(y, x, cell, book.add_format({"num_format": "yyyy-mm-dd"}))
                elif cell is not None:
                    page.write(y, x, cell)
    book.close()
    out.seek(0)
    return out


def problem(source: io.BytesIO, kind: str = "contact", **limits: int) -> Problem:
    with pytest.raises(Problem) as caught:
        list(open_sheet(source, kind, Options(limits=Limits(**limits))))
    return caught.value


def test_numbers_dates_and_texts_in_cells() -> None:
    head = ["信用代码", "企业名称", "拜访日期", "拜访方式", "拜访员工", "拜访纪要", "拜访反馈"]
    memo = "拜访企业负责人,了解资金安排情况。"
    found = list(
        open_sheet(
            workbook(
                [
                    ["2026年拜访台账"],
                    head,
                    [CODE, "甲公司", dt.date(2026, 3, 5), "现场", "DG00001", memo, "有明确需求"],
                    [CODE, "甲公司", dt.datetime.fromisoformat("2026-03-06T09:30:00"), "电话", 12, memo, "有明确需求"],
                    [CODE, "甲公司", 46088, "视频", "DG00001", memo, "有明确需求"],
                    [914403001922038216, "乙公司", dt.date(2026, 3, 5), "现场", "DG00001", memo, "有明确需求"],
                ]
            ),
            "visit",
        )
    )
    days = [item.values["visit"]["date"] for item in found if isinstance(item, Row)]
    assert days == ["2026-03-05", "2026-03-06", "2026-03-07"]
    assert found[0].line == 3
    assert isinstance(found[3], RowError)
    assert [e.code for e in found[3].errors] == ["uscc-damaged-by-spreadsheet"]


def test_numbers_keep_their_digits_or_say_they_lost_them() -> None:
    found = list(
        open_sheet(
            workbook(
                [
                    ["信用代码", "联系人", "手机", "证件号码"],
                    [CODE, "张三", 13800138000, None],
                    [CODE, "李四", 13800138001, 110105194912310021],
                ]
            ),
            "contact",
        )
    )
    assert isinstance(found[0], Row)
    assert found[0].values["contact"]["mobile"] == "13800138000"
    assert isinstance(found[1], RowError)
    assert [(e.field, e.code) for e in found[1].errors] == [("contact.id_no", "spreadsheet-number")]
    assert [as_text(c) for c in (1.0, 1234.5, 0.1 + 0.2, True, -3, dt.time(9, 30), 1e15)] == [
        "1", "1234.5", "0.3", "是", "-3", "09:30:00", "1e+15",
    ]  # fmt: skip


def test_cells_merged_downwards_count_for_every_row() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    page = book.add_worksheet("联系人")
    for x, text in enumerate(["信用代码", "企业名称", "联系人", "手机"]):
        page.write_string(1, x + 1, text)
    page.merge_range(2, 1, 4, 1, CODE)
    page.merge_range(2, 2, 4, 2, "东莞市华兴电子有限公司")
    for i in range(3):
        page.write_string(2 + i, 3, f"张三{'甲乙丙'[i]}")
        page.write_string(2 + i, 4, f"1380013800{i}")
    page.write_string(5, 3, "李四")
    book.close()
    found = list(open_sheet(out, "contact"))
    assert [(r.uscc, r.name, r.line) for r in found if isinstance(r, Row)] == [
        (CODE, "东莞市华兴电子有限公司", line) for line in (3, 4, 5)
    ]
    assert isinstance(found[3], RowError)


def test_the_first_visible_sheet_with_a_heading_is_read_and_the_others_are_named() -> None:
    table: list[list[object]] = [["信用代码", "联系人", "手机"], [CODE, "张三", "13800138000"]]
    opened = open_sheet(workbook(table, [["说明文字"]], table, [["其他"]], hidden=(0,)), "contact")
    assert opened.heading.sheet == "表3"
    assert [(n.code, n.message_zh) for n in opened.heading.notes] == [
        ("sheets-left-over", "只读取工作表「表3」,另有2张未读取")
    ]
    assert len(list(opened)) == 1
    assert problem(workbook([["说明"]])).code is HEADING_NOT_FOUND
    swapped = openpyxl.load_workbook(io.BytesIO(template("contact", "xlsx")))
    swapped.move_sheet("填写说明", -1)
    swapped["数据"].cell(2, 1).value = CODE
    swapped["数据"].cell(2, 3).value = "张三"
    out = io.BytesIO()
    swapped.save(out)
    opened = open_sheet(out, "contact")
    assert (opened.heading.sheet, opened.heading.notes, len(list(opened))) == ("数据", (), 1)


@pytest.mark.parametrize("kind", KINDS)
def test_a_template_filled_in_reads_back_whole(kind: str) -> None:
    samples = {
        "uscc": CODE,
        "name": "东莞市华兴电子有限公司",
        "person": "张三",
        "mobile": "13800138000",
        "phone": "0769-12345678",
        "email": "a@example.com",
        "wechat": "abcdef",
        "id_no": "11010519491231002X",
        "date": "2026-03-05",
        "amount": "1,200.5",
        "number": "12.5",
        "integer": "12",
        "staff": "DG00001、DG00002",
        "json": '{"a":1}',
        "line": "内容",
        "text": "一段有内容的文字记录。",
    }
    specs = dataset_of(kind).specs

    def fill(kind_of_field: str, options: tuple[str, ...]) -> str:
        if kind_of_field == "enums":
            return "、".join(options)
        return options[0] if options else samples[kind_of_field]

    cells = [fill(s.kind, tuple(o.zh for o in s.options)) for s in specs]
    book = openpyxl.load_workbook(io.BytesIO(template(kind, "xlsx")))
    page = book["数据"]
    for column, text in enumerate(cells, start=1):
        page.cell(2, column).value = text
    filled = io.BytesIO()
    book.save(filled)
    as_csv = template(kind, "csv") + ('"' + '","'.join(c.replace('"', '""') for c in cells) + '"\r\n').encode()
    contents = []
    for source in (filled, io.BytesIO(as_csv)):
        opened = open_sheet(source, kind)
        assert opened.heading.notes == ()
        (row,) = list(opened)
        assert isinstance(row, Row), row
        kept = {(group, name) for group, fields in row.values.items() for name in fields}
        wanted = {(s.group, s.name) for s in specs if s.group in dataset_of(kind).groups}
        assert wanted == kept
        contents.append(row.content())
    assert contents[0] == contents[1]


def test_templates_explain_themselves() -> None:
    lines = explanation("visit")
    required = "、".join(line[0] for line in lines if line[2] == "必填")
    assert required == "统一社会信用代码、拜访日期、拜访方式、拜访员工、拜访纪要、拜访反馈"
    assert ("拜访方式", "Visit channel", "必填", "单选", "One of", "现场、电话、视频、来访") in lines
    book = openpyxl.load_workbook(io.BytesIO(template("visit", "xlsx")))
    assert book.sheetnames == ["数据", "填写说明"]
    assert book["填写说明"].max_row == len(lines) + 1
    assert template("visit", "csv").startswith(b"\xef\xbb\xbf")
    with pytest.raises(Problem) as caught:
        template("governance", "csv")
    assert caught.value.code is UNKNOWN_DATASET
    kept_by_the_gateway = {"governance", "wall", "consent", "aggregate"}
    assert {group for kind in KINDS for group in dataset_of(kind).groups} == set(SPECS) - kept_by_the_gateway


def test_the_report_names_row_column_problem_and_remedy_and_no_value() -> None:
    source = workbook(
        [
            ["信用代码", "联系人", "手机"],
            [CODE, "=cmd()张三", "13812345678"],
            [CODE, "张三", "138123456789"],
            [CODE, "李四", None],
        ]
    )
    items = list(open_sheet(source, "contact"))
    lines = list(report_lines(items))
    assert lines[0].startswith("\ufeff数据行号 Data row,表格行号 Sheet row,")
    assert "2,3,错误 error,手机号码,不是11位手机号码,请核对手机号码" in "".join(lines)
    assert "3,4,提示 warning,手机号码,手机、电话、邮箱、微信均未填写" in "".join(lines).replace('"', "")
    for secret in ("138123456789", "张三", CODE):
        assert secret not in "".join(lines)
    out = io.StringIO()
    assert write_report(items, out, warnings=False) == sum(len(i.errors) for i in items if isinstance(i, RowError))


def _sheet_xml(cells: bytes) -> bytes:
    return (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
        + cells
        + b"</sheetData></worksheet>"
    )


def _rebuilt(replace: dict[str, bytes]) -> io.BytesIO:
    """A good workbook with some members replaced."""
    good = workbook([["信用代码", "联系人", "手机"], [CODE, "张三", "13800138000"]])
    out = io.BytesIO()
    with zipfile.ZipFile(good) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, replace.get(info.filename, old.read(info.filename)))
    out.seek(0)
    return out


@pytest.mark.parametrize("packing", [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED])
def test_unpacking_gives_the_very_bytes_at_every_edge(packing: int) -> None:
    edge = 1 << 20
    for size in (0, 1, edge - 1, edge, edge + 1, edge + 130, edge + 257, edge + 258, edge + 259, 2 * edge + 300):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", packing) as archive:
            archive.writestr("member", b" " * size)
        with zipfile.ZipFile(out) as archive:
            info = archive.getinfo("member")
        assert sum(len(chunk) for chunk in inflate(out, info)) == size


def _member(source: io.BytesIO) -> zipfile.ZipInfo:
    with zipfile.ZipFile(source) as archive:
        return archive.getinfo("member")


def test_archives_that_lie_about_themselves_are_refused() -> None:
    def packed(packing: int) -> io.BytesIO:
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", packing) as archive:
            archive.writestr("member", bytes(range(256)) * 40)
        return out

    stored, deflated, strange = packed(zipfile.ZIP_STORED), packed(zipfile.ZIP_DEFLATED), packed(zipfile.ZIP_BZIP2)
    info = _member(stored)
    info.compress_size *= 2
    with pytest.raises(zipfile.BadZipFile, match="cut off"):
        list(inflate(stored, info))
    info = _member(deflated)
    info.compress_size //= 2
    with pytest.raises(zipfile.BadZipFile, match="cut off"):
        list(inflate(deflated, info))
    info = _member(deflated)
    info.header_offset += 3
    with pytest.raises(zipfile.BadZipFile, match="no local header"):
        list(inflate(deflated, info))
    with pytest.raises(zipfile.BadZipFile, match="do not use"):
        list(inflate(strange, _member(strange)))


def test_encrypted_and_crowded_archives_are_refused() -> None:
    raw = bytearray(workbook([["信用代码", "联系人"]]).getvalue())
    at = raw.find(b"PK\x01\x02")
    raw[at + 8] |= 1
    assert problem(io.BytesIO(bytes(raw))).code is UNSUPPORTED_FILE
    crowd = io.BytesIO()
    with zipfile.ZipFile(crowd, "w") as archive:
        for number in range(10_001):
            archive.writestr(f"m{number}", b"")
    assert problem(crowd).code is BROKEN_FILE


@pytest.mark.parametrize("name", ["xl/sharedStrings.xml", "xl/worksheets/sheet1.xml"])
def test_one_endless_text_or_row_is_refused(name: str) -> None:
    assert problem(_rebuilt({name: b"<x>" + b"y" * (70 << 20)})).code is FILE_TOO_LARGE


def test_ranges_merged_across_do_not_repeat() -> None:
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out)
    page = book.add_worksheet("联系人")
    page.merge_range(0, 0, 0, 3, "联系人台账")
    page.write_row(1, 0, ["信用代码", "企业名称", "联系人", "手机"])
    page.merge_range(2, 0, 3, 0, CODE)
    page.write_row(2, 1, ["甲公司", "张三", "13800138000"])
    page.write_row(3, 1, ["甲公司", "李四", "13800138001"])
    page.merge_range(4, 6, 5, 6, "")
    page.write_row(4, 0, [CODE, "甲公司", "王五", "13800138002"])
    book.close()
    found = list(open_sheet(out, "contact"))
    assert [r.values["contact"]["name"] for r in found if isinstance(r, Row)] == ["张三", "李四", "王五"]


def test_a_rebuilt_workbook_still_reads() -> None:
    assert len(list(open_sheet(_rebuilt({}), "contact"))) == 1


@pytest.mark.parametrize("quote", [b'"', b"'"])
def test_one_cell_in_the_far_corner_is_refused_before_memory_is_taken(quote: bytes) -> None:
    corner = b"<row r=%s1048576%s><c r=%sXFD1048576%s><v>1</v></c></row>" % ((quote,) * 4)
    assert problem(_rebuilt({"xl/worksheets/sheet1.xml": _sheet_xml(corner)})).code is FILE_TOO_LARGE


def test_a_bomb_is_measured_by_what_it_unpacks_to_not_by_what_it_says() -> None:
    big = _sheet_xml(b"<row>" + b" " * 8_000_000 + b"</row>")
    source = _rebuilt({"xl/worksheets/sheet1.xml": big})
    assert problem(source, unpacked_bytes=4_000_000).code is FILE_TOO_LARGE
    raw = bytearray(source.getvalue())
    lying = struct.pack("<I", len(big))
    while (at := raw.find(lying)) >= 0:
        raw[at : at + 4] = struct.pack("<I", 100)
    assert problem(io.BytesIO(bytes(raw)), unpacked_bytes=4_000_000).code is FILE_TOO_LARGE


@pytest.mark.parametrize("cell", [b'<c r="A%d" t="s"><v>0</v></c>', b"<c r='A%d' t = 's' ><f></f><v>0</v></c>"])
def test_a_long_shared_text_used_often_is_counted_as_often(cell: bytes) -> None:
    shared = (
        b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>'
        + b"x" * 100_000
        + b"</t></si></sst>"
    )
    body = b"".join(b"<row>" + cell % i + b"</row>" for i in range(1, 2001))
    source = _rebuilt({"xl/worksheets/sheet1.xml": _sheet_xml(body), "xl/sharedStrings.xml": shared})
    assert problem(source, unpacked_bytes=50_000_000).code is FILE_TOO_LARGE


def test_broken_archives_are_named() -> None:
    whole = workbook([["信用代码", "联系人"], [CODE, "张三"]]).getvalue()
    for cut in (len(whole) // 2, len(whole) - 10, 200):
        assert problem(io.BytesIO(whole[:cut])).code is BROKEN_FILE
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("hello.txt", "no workbook")
    assert problem(out).code in (BROKEN_FILE, UNSUPPORTED_FILE)
    damaged = bytearray(whole)
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        member = archive.getinfo("xl/sharedStrings.xml")
    inside = member.header_offset + 30 + len(member.filename) + member.compress_size // 2
    damaged[inside] ^= 0xFF
    assert problem(io.BytesIO(bytes(damaged))).code in (BROKEN_FILE, HEADING_NOT_FOUND)
    unfinished = _rebuilt({"xl/worksheets/sheet1.xml": b"<worksheet><sheetData><row><c"})
    assert problem(unfinished).code in (BROKEN_FILE, HEADING_NOT_FOUND)
