"""CSV as departments and parks have it: encodings, separators, headings, dirt; every row accounted for."""

import io
import itertools

import pytest

from gateway.domain.intake import (
    BROKEN_FILE,
    COLUMN_MISSING,
    COLUMN_TWICE,
    ENCODING_IN_DOUBT,
    FIELD_TOO_LARGE,
    FILE_TOO_LARGE,
    HEADING_NOT_FOUND,
    TOO_MANY_ROWS,
    UNKNOWN_DATASET,
    UNSUPPORTED_FILE,
    Encoding,
    Limits,
    Options,
    Row,
    RowError,
    Sheet,
    detect,
    open_sheet,
    row_key,
    rows,
)
from gateway.domain.intake.datasets import column_of
from gateway.domain.intake.delimited import first_rows
from gateway.errors import Problem

CODE, OTHER = "91441900MA00T01A3F", "91441900MA00T02B8M"
CONTACT_HEAD = "统一社会信用代码,企业名称,联系人,手机号码"


def sheet(text: str, kind: str, encoding: str = "utf-8", **options: object) -> Sheet:
    return open_sheet(io.BytesIO(text.encode(encoding)), kind, Options(**options))  # type: ignore[arg-type]


def read(text: str, kind: str, **options: object) -> list[Row | RowError]:
    opened = sheet(text, kind, **options)
    found = list(opened)
    tally = opened.tally
    assert tally.read == tally.good + tally.duplicate + tally.bad + tally.blank
    assert len(found) == tally.read - tally.blank
    return found


def problem(text: str | bytes, kind: str = "contact", **options: object) -> Problem:
    content = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(Problem) as caught:
        list(open_sheet(io.BytesIO(content), kind, Options(**options)))  # type: ignore[arg-type]
    return caught.value


DIRTY_ROWS = [
    [CODE, "东莞市华兴电子有限公司", "张三", "13800138000"],
    [f"　{CODE.lower()} ", " 东莞市华兴电子有限公司", "张 三", "+86 138-0013-8000"],
    ["９１４４１９００ＭＡ００Ｔ０１Ａ３Ｆ", "东莞市华兴电子有限公司", "张三", "１３８００１３８０００"],
    ["", "", "", ""],
    ["91441900MA00T01A3G", "东莞市华兴电子有限公司", "张三", "13800138000"],
    [OTHER, "华兴电子(东莞)有限公司", "李四", "1380013800"],
]


@pytest.mark.parametrize(
    ("encoding", "delimiter"),
    list(itertools.product(["utf-8", "utf-8-sig", "gb18030", "utf-16"], [",", "\t", ";", "，"])),
)
@pytest.mark.parametrize("line_end", ["\r\n", "\n"])
def test_encodings_times_separators_times_dirt(encoding: str, delimiter: str, line_end: str) -> None:
    head = ["统一信用代码", "客户 名称", "联系人*", "手机"]
    text = (
        line_end.join(delimiter.join(cells) for cells in [["客户联系人台账", "", "", ""], head, *DIRTY_ROWS]) + line_end
    )
    opened = sheet(text, "contact", encoding)
    found = list(opened)
    assert opened.heading.delimiter == delimiter
    assert opened.heading.line == 2
    assert opened.heading.notes == ()
    good = [item for item in found if isinstance(item, Row)]
    assert [(r.number, r.line, r.duplicate_of) for r in good] == [(1, 3, None), (2, 4, 1), (3, 5, 1)]
    assert {r.uscc for r in good} == {CODE}
    assert all(r.values == {"contact": {"name": "张三", "mobile": "13800138000"}} for r in good)
    bad = {item.number: [(e.field, e.code, e.row) for e in item.errors] for item in found if isinstance(item, RowError)}
    assert bad == {
        5: [("client_name.uscc", "uscc-check-character", 5)],
        6: [("contact.mobile", "not-a-mobile", 6)],
    }
    assert (opened.tally.read, opened.tally.blank, opened.tally.bad, opened.tally.duplicate) == (6, 1, 2, 2)


@pytest.mark.parametrize(
    ("kind", "heading", "path"),
    [
        ("clients", "公司名", "client_name.name"),
        ("clients", "客户名称（全称）", "client_name.name"),
        ("clients", "税号", "client_name.uscc"),
        ("clients", "*统一社会信用代码(18位)", "client_name.uscc"),
        ("contact", "姓名", "contact.name"),
        ("contact", "移动电话", "contact.mobile"),
        ("contact", "手机号", "contact.mobile"),
        ("contact", "联系电话", "contact.phone"),
        ("contact", "E-mail", "contact.email"),
        ("contact", "联系人【必填】", "contact.name"),
        ("visit", "走访日期", "visit.date"),
        ("visit", "拜访人", "visit.staff"),
        ("visit", "Visit memo", "visit.memo"),
        ("cooperation", "合同金额（万元）", "cooperation.amount"),
        ("cooperation", "合同金额/万元", "cooperation.amount"),
        ("tenants", "企业 名称", "client_name.name"),
        ("tenants", "用电量(kWh)", "park_operation.electricity_kwh"),
        ("cooperation", "合同金额(万美元)", None),
        ("tenants", "用电量(万千瓦时)", None),
        ("contact", "序号", None),
        ("contact", "", None),
    ],
)
def test_headings_as_people_write_them(kind: str, heading: str, path: str | None) -> None:
    column = column_of(kind, heading)
    assert (column.path if column else None) == path


def test_the_unit_of_a_heading_counts_unless_the_cell_has_its_own() -> None:
    head = "信用代码,企业名称,业务类型,合同金额(万元),收费(元)\n"
    found = read(
        head + f'{CODE},甲公司,投行,"1,200.5",300\n{CODE},甲公司,投行,(3),1\n{CODE},甲公司,投行,5000元,2\n',
        "cooperation",
    )
    values = [item.values["cooperation"] for item in found if isinstance(item, Row)]
    assert [(v["amount"], v["fee"]) for v in values] == [(1_200_500_000, 30_000), (-3_000_000, 100), (500_000, 200)]
    assert [w.code for w in found[2].warnings] == ["unit-conflict"]


def test_left_over_columns_are_said() -> None:
    opened = sheet(f"序号,{CONTACT_HEAD},星座\n1,{CODE},甲公司,张三,13800138000,狮子\n", "contact")
    assert opened.heading.unknown == ("序号", "星座")
    assert [note.code for note in opened.heading.notes] == ["column-left-over"] * 2
    assert isinstance(next(iter(opened)), Row)


def test_cells_under_a_blank_heading_are_said() -> None:
    head, tail = CONTACT_HEAD.split(",", 1)
    found = read(f"{head},,{tail}\n{CODE},附注,甲公司,张三,13800138000\n{CODE},,甲公司,李四,13800138000\n", "contact")
    assert [[w.code for w in item.warnings] for item in found] == [["cell-without-heading"], []]


def test_headings_that_cannot_do() -> None:
    twice = problem("信用代码,统一社会信用代码,联系人\n1,2,3\n")
    assert twice.code is COLUMN_TWICE
    assert twice.extra["columns"] == [1, 2]
    missing = problem("企业名称,联系人,手机\n甲公司,张三,13800138000\n")
    assert (missing.code, missing.field, missing.detail_zh) == (COLUMN_MISSING, "uscc", "统一社会信用代码")
    visit = problem("信用代码,拜访日期,拜访方式\n", "visit")
    assert visit.detail_zh == "拜访员工、拜访纪要、拜访反馈"
    for nothing in ("", "\n\n", "a,b,c\n1,2,3\n", "联系人\n张三\n手机"):
        assert problem(nothing).code in (HEADING_NOT_FOUND, COLUMN_MISSING)
    assert problem(CONTACT_HEAD, "unknown").code is UNKNOWN_DATASET


def test_rows_may_name_their_enterprise_only_where_that_is_asked_for() -> None:
    text = "企业名称,联系人,手机\n东莞市华兴电子有限公司,张三,13800138000\n,李四,13900139000\n"
    good, bad = read(text, "contact", by_name=True)
    assert isinstance(good, Row)
    assert (good.uscc, good.name) == ("", "东莞市华兴电子有限公司")
    assert isinstance(bad, RowError)
    assert [e.code for e in bad.errors] == ["row-empty-key"]
    text = f"{CONTACT_HEAD}\n,东莞市华兴电子有限公司,张三,13800138000\n"
    assert [e.code for e in read(text, "contact")[0].errors] == ["missing"]  # type: ignore[union-attr]


def test_one_client_twice_with_other_content_is_an_error_and_equal_rows_are_duplicates() -> None:
    head = "信用代码,企业名称,客户分级\n"
    found = read(
        head + f"{CODE},甲电子公司,A级\n{CODE},甲电子公司,A级\n{CODE},甲电子公司,B级\n{OTHER},乙电子公司,B级\n",
        "clients",
    )
    assert isinstance(found[1], Row)
    assert found[1].duplicate_of == 1
    assert isinstance(found[2], RowError)
    assert [(e.code, e.message_zh) for e in found[2].errors] == [
        ("conflicting-duplicate", "与第1行是同一企业,但内容不同")
    ]
    assert isinstance(found[3], Row)


def test_the_key_of_a_row_follows_its_meaning_and_needs_the_secret() -> None:
    tidy, untidy, other = (
        next(iter(sheet(f"{CONTACT_HEAD}\n{line}\n", "contact", encoding)))
        for line, encoding in [
            (f"{CODE},甲公司,张三,13800138000", "utf-8"),
            (f" {CODE.lower()},甲公司,张 三,138 0013 8000", "gb18030"),
            (f"{CODE},甲公司,张三,13800138001", "utf-8"),
        ]
    )
    assert isinstance(tidy, Row)
    assert isinstance(untidy, Row)
    assert isinstance(other, Row)
    secret = bytes(32)
    assert row_key(secret, "contact", tidy) == row_key(secret, "contact", untidy)
    assert row_key(secret, "contact", tidy) != row_key(secret, "contact", other)
    assert row_key(secret, "contact", tidy) != row_key(secret, "visit", tidy)
    assert row_key(secret, "contact", tidy) != row_key(b"\1" * 32, "contact", tidy)


def test_short_and_long_rows() -> None:
    found = read(
        f"{CONTACT_HEAD},职务\n{CODE},甲公司,张三,13800138000\n{CODE},甲公司,李四,13800138000,经理,,\n{CODE},甲公司,王五,13800138000,经理,多,的\n",
        "contact",
    )
    assert isinstance(found[0], Row)
    assert isinstance(found[1], Row)
    assert isinstance(found[2], RowError)
    assert [e.code for e in found[2].errors] == ["too-many-cells"]


def test_an_unquoted_thousands_separator_is_noticed() -> None:
    text = f"信用代码,业务类型,合同金额\n{CODE},投行,1,200\n"
    assert [e.code for e in read(text, "cooperation")[0].errors] == ["too-many-cells"]  # type: ignore[union-attr]


def test_lines_inside_a_cell_do_not_shift_rows() -> None:
    head = "信用代码,拜访日期,拜访方式,拜访员工,拜访纪要,拜访反馈\n"
    body = f'{CODE},2026-03-05,现场,DG00001,"第一行内容很多很多\n第二行",有明确需求\n'
    body += f"{CODE},坏日期,现场,DG00001,内容很多,有明确需求\n"
    good, bad = read(head + body, "visit")
    assert isinstance(good, Row)
    assert good.values["visit"]["memo"] == "第一行内容很多很多\n第二行"
    assert (bad.number, bad.line) == (2, 3)


def test_a_visit_in_the_future_is_refused_where_today_is_given() -> None:
    text = "信用代码,拜访日期,拜访方式,拜访员工,拜访纪要,拜访反馈\n"
    text += f"{CODE},2026-03-06,现场,DG00001,谈了很多很多内容谈了很多,有明确需求\n"
    assert isinstance(read(text, "visit")[0], Row)
    assert [e.code for e in read(text, "visit", today="2026-03-05")[0].errors] == ["date-in-future"]  # type: ignore[union-attr]


def test_nul_and_hidden_characters_are_row_errors() -> None:
    found = read(f"{CONTACT_HEAD}\n{CODE},甲公司,张\0三,13800138000\n{CODE},甲公司,张\u202e三,13800138000\n", "contact")
    codes = [e.code for item in found if isinstance(item, RowError) for e in item.errors]
    assert codes == ["nul-character", "bidi-character"]


@pytest.mark.parametrize("quoted", [True, False])
def test_a_field_of_ten_megabytes_is_refused_with_its_row(quoted: bool) -> None:
    huge = "张" * (10 * 1024 * 1024 // 3)
    huge = f'"{huge}"' if quoted else huge
    found = problem(f"{CONTACT_HEAD}\n{CODE},甲公司,张三,13800138000\n{CODE},甲公司,{huge},13800138000\n")
    assert (found.code, found.extra["line"]) == (FIELD_TOO_LARGE, 3)
    spread = "\n".join(["张" * 1000] * 3500)
    found = problem(f'{CONTACT_HEAD}\n{CODE},甲公司,"{spread}",13800138000\n')
    assert (found.code, found.extra["line"]) == (FIELD_TOO_LARGE, 2)


def test_quotes_that_do_not_close_end_the_reading_instead_of_swallowing_rows() -> None:
    broken = problem(
        f'{CONTACT_HEAD}\n{CODE},甲公司,张三,13800138000\n{CODE},甲公司,"李四,13800138000\n{CODE},甲公司,王五,13800138000\n'
    )
    assert (broken.code, broken.extra["line"]) == (BROKEN_FILE, 3)
    broken = problem(f'{CONTACT_HEAD}\n{CODE},甲公司,"李"四,13800138000\n')
    assert (broken.code, broken.extra["line"]) == (BROKEN_FILE, 2)


def test_quotes_that_break_in_the_first_lines_hide_no_heading() -> None:
    spread = f'{CONTACT_HEAD}\n{CODE},甲公司,"' + "张" * 140_000 + '",13800138000\n'
    assert problem(spread).code is FIELD_TOO_LARGE
    assert first_rows('a,b\n"' + "x" * 140_000, ",", 5) == [["a", "b"]]
    text = f"{CONTACT_HEAD}\n" + f"{CODE},甲公司,张三,13800138000\n" * 3000
    assert sheet(text, "contact").heading.line == 1


def test_limits() -> None:
    text = f"{CONTACT_HEAD}\n" + f"{CODE},甲公司,张三,13800138000\n" * 5
    assert problem(text, limits=Limits(rows=4)).code is TOO_MANY_ROWS
    assert problem(text, limits=Limits(file_bytes=50)).code is FILE_TOO_LARGE
    assert len(read(text + ",,,\n" * 10, "contact", limits=Limits(rows=5))) == 5


@pytest.mark.parametrize(
    "start", [b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", b"<html><table>", b"\xef\xbb\xbf  <!DOCTYPE html>", b"<?xml?>"]
)
def test_other_kinds_of_file_are_named(start: bytes) -> None:
    assert problem(start).code is UNSUPPORTED_FILE


def test_encodings_in_doubt_are_said() -> None:
    big5 = "企業名稱,統一編號,聯絡人,電話\n東莞華興電子有限公司,壹貳參,王大明,資料處理與聯絡單位\n".encode("big5") * 20
    assert problem(big5).code is ENCODING_IN_DOUBT
    # These bytes are Chinese in GBK and Greek and Latin letters in UTF-8: without more, nobody can know.
    riddle = "碌碌,茂茅,惟\n".encode("gb18030")
    assert riddle.decode() == "µµ,ïé,Ω\n"
    assert problem(riddle).code is ENCODING_IN_DOUBT
    assert detect(io.BytesIO(riddle), "gbk").name == "gb18030"
    cut = f"{CONTACT_HEAD}\n{CODE},甲公司".encode()[:-1]
    found = problem(cut)
    assert found.code is ENCODING_IN_DOUBT
    assert "字节" in found.detail_zh
    assert problem(b"\xff\xfe\x00\xd8\x00").code is ENCODING_IN_DOUBT
    assert problem(CONTACT_HEAD, encoding="klingon").code is ENCODING_IN_DOUBT
    assert problem("企业".encode("gb18030") + b"\xff", encoding="gb18030").code is ENCODING_IN_DOUBT


def test_detection_names_what_it_found() -> None:
    for encoding in ("utf-8", "utf-8-sig", "gb18030"):
        found = detect(io.BytesIO((CONTACT_HEAD * 3000).encode(encoding)))
        assert (found.name, found.certain) == (encoding, True)
    assert detect(io.BytesIO(b"plain ascii")).name == "utf-8"
    assert detect(io.BytesIO("“quoted” €".encode())) == Encoding("utf-8")
    assert detect(io.BytesIO("联通".encode("gb18030"))) == Encoding("gb18030")  # read as UTF-8 by sloppy decoders
    rare = "".join(chr(0x3400 + i) for i in range(10)) + "东莞市华兴电子有限公司" * 10
    assert not detect(io.BytesIO(rare.encode("gb18030"))).certain


def test_a_place_where_decoding_breaks_is_exact() -> None:
    good = ("企业名称" * 200_000).encode("gb18030")
    with pytest.raises(Problem) as caught:
        detect(io.BytesIO(good + b"\xff" + good))
    assert f"GB18030(第{len(good) + 1}字节)" in caught.value.detail_zh


def test_the_source_stays_open_and_can_be_read_again() -> None:
    source = io.BytesIO(f"{CONTACT_HEAD}\n{CODE},甲公司,张三,13800138000\n".encode())
    first = list(rows(source, "contact"))
    assert list(rows(source, "contact")) == first
    assert not source.closed
