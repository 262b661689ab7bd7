"""Entry rules: every kind of value as people type it, every rule over a record, and the tie to the catalogue."""

import csv
import string
from importlib.resources import files

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.entry import SPECS, UNKNOWN_GROUP, clean, fields_of, item_of, spec_of
from gateway.domain.entry.specs import read_spec
from gateway.domain.entry.values import BLANKS, read
from gateway.domain.problems import FIELD_PROBLEMS
from gateway.domain.text import find_flaw
from gateway.errors import Problem

VISIT = {
    "date": "2026-03-05", "channel": "现场", "staff": "A0012", "memo": "拜访企业负责人,了解扩产计划与资金安排。",
    "feedback": "有明确融资需求", "next_action": "报送方案", "due_date": "2026-03-20",
}  # fmt: skip


def codes(group: str, raw: dict[str, str], **more: str) -> list[tuple[str, str]]:
    return [(e.field, e.code) for e in clean(group, raw, **more).errors]


def one(group: str, field: str, text: str) -> object:
    """The value read from `text`, or the code of its error, or None for empty."""
    value, error, _ = read(spec_of(group, field), text)
    return error.code if error else value


def test_every_item_of_the_catalogue_has_a_field_and_back() -> None:
    with files("gateway.domain").joinpath("data/catalogue.csv").open(encoding="utf-8") as lines:
        catalogue = {line["code"]: line["group"] for line in csv.DictReader(lines)}
    assert len(catalogue) == 122
    for code, group in catalogue.items():
        specs = fields_of(code)
        assert specs, code
        assert {spec.group for spec in specs} == {group}
    for group, specs in SPECS.items():
        assert len({spec.name for spec in specs}) == len(specs)
        for spec in specs:
            assert item_of(group, spec.name) == spec.item_code
            for item in spec.items:
                assert catalogue[item] == group
                assert spec in fields_of(item)


def test_a_park_and_the_firm_share_contact_fields_under_items_of_their_own() -> None:
    assert item_of("contact", "mobile") == "INT-CON-003"
    assert item_of("contact", "mobile", family="PRK") == "PRK-CON-001"
    assert item_of("contact", "id_no", family="PRK") == "INT-CON-007"
    assert {spec.name for spec in fields_of("PRK-CON-001")} == {"name", "title", "mobile", "phone", "email", "wechat"}
    assert fields_of("XXX") == ()


def test_a_strange_group_is_a_problem_and_a_strange_field_an_error() -> None:
    with pytest.raises(Problem) as caught:
        clean("contacts", {})
    assert caught.value.code is UNKNOWN_GROUP
    assert ("nickname", "unknown-field") in codes("contact", {"name": "张三", "nickname": "x"})


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("13800138000", "13800138000"),
        ("138 0013 8000", "13800138000"),
        ("138-0013-8000", "13800138000"),
        ("+86 13800138000", "13800138000"),
        ("0086-13800138000", "13800138000"),
        ("8613800138000", "13800138000"),
        ("１３８００１３８０００", "13800138000"),
        ("　13800138000　", "13800138000"),
        ("'13800138000", "13800138000"),
        ("(+86)13800138000", "13800138000"),
        ("1380013800", "not-a-mobile"),
        ("138001380001", "not-a-mobile"),
        ("12800138000", "not-a-mobile"),
        ("1.38E+10", "spreadsheet-number"),
        ("13800138000/13900139000", "several-values"),
        ("138****1234", "not-a-mobile"),
        ("1380013800O", "not-a-mobile"),
        ("13800138\u0660\u0660\u0660", "not-a-mobile"),
        ("1380013\u202e8000", "bidi-character"),
        ("-", None),
        ("无", None),
        ("", None),
    ],
)
def test_mobile(text: str, value: object) -> None:
    assert one("contact", "mobile", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0769-22881234", "0769-22881234"),
        ("（0769）22881234", "0769-22881234"),
        ("076922881234", "0769-22881234"),
        ("0769 2288 1234 转 801", "0769-22881234-801"),
        ("0769-22881234-801", "0769-22881234-801"),
        ("+86 769 22881234", "0769-22881234"),
        ("010-12345678", "010-12345678"),
        ("02012345678", "020-12345678"),
        ("400-800-1234", "400-800-1234"),
        ("22881234", "22881234"),
        ("+852 2345 6789", "+85223456789"),
        ("95328", "95328"),
        ("13800138000", "13800138000"),
        ("0769—22881234", "0769-22881234"),
        ("abc", "not-a-phone"),
        ("0769-22881234/0769-22885678", "several-values"),
        ("123", "not-a-phone"),
    ],
)
def test_phone(text: str, value: object) -> None:
    assert one("contact", "phone", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Wang@Example.COM", "wang@example.com"),
        ("ｗａｎｇ＠ｅｘａｍｐｌｅ．ｃｏｍ", "wang@example.com"),
        (" wang @example.com ", "wang@example.com"),
        ("a.b+c@x-y.example.cn", "a.b+c@x-y.example.cn"),
        ("a@b", "not-an-email"),
        ("@example.com", "not-an-email"),
        ("a..b@example.com", "not-an-email"),
        ("a@example.com;b@example.com", "several-values"),
        ("a@例子.com", "not-an-email"),
        ("x" * 65 + "@example.com", "not-an-email"),
    ],
)
def test_email(text: str, value: object) -> None:
    assert one("contact", "email", text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-03-05", "2026-03-05"),
        ("2026/3/5", "2026-03-05"),
        ("2026.3.5", "2026-03-05"),
        ("20260305", "2026-03-05"),
        ("2026年3月5日", "2026-03-05"),
        ("2026 年 3 月 5 日", "2026-03-05"),
        ("２０２６年０３月０５日", "2026-03-05"),
        ("2026-03-05 10:30", "2026-03-05"),
        ("2026-03-05T10:30:00+08:00", "2026-03-05"),
        ("2026/3/5 上午10:30", "2026-03-05"),
        ("2026年3月5日（星期四）", "2026-03-05"),
        ("二〇二六年三月五日", "2026-03-05"),
        ("二零二六年十二月三十一日", "2026-12-31"),
        ("二〇二六年十月十日", "2026-10-10"),
        ("二〇二六年十一月二十日", "2026-11-20"),
        ("46086", "2026-03-05"),
        ("46086.4375", "2026-03-05"),
        ("36526", "2000-01-01"),
        ("2024-02-29", "2024-02-29"),
        ("2026-02-29", "no-such-day"),
        ("2026-13-01", "no-such-day"),
        ("20261301", "no-such-day"),
        ("1026-01-01", "date-out-of-range"),
        ("2026年3月", "incomplete-date"),
        ("2026-03", "incomplete-date"),
        ("3月5日", "incomplete-date"),
        ("2026", "incomplete-date"),
        ("05/03/2026", "ambiguous-date"),
        ("26-3-5", "ambiguous-date"),
        ("昨天", "not-a-date"),
        ("1", "not-a-date"),
        ("2026-03-05\0", "nul-character"),
        ("/", None),
    ],
)
def test_date(text: str, value: object) -> None:
    assert one("visit", "date", text) == value


@pytest.mark.parametrize(
    ("text", "fen"),
    [
        ("1234.5", 123450),
        ("1,234,567.89", 123456789),
        ("１，２３４", 123400),
        ("￥1,234.00", 123400),
        ("¥ 12", 1200),
        ("12元", 1200),
        ("12万", 12000000),
        ("3.5万元", 3500000),
        ("1.2亿", 12000000000),
        ("人民币12万元整", 12000000),
        ("12.3456万", 12345600),
        ("5千万", 500000000000 // 100),
        ("RMB 100", 10000),
        ("-5", -500),
        ("(1,234)", -123400),
        ("（12万元）", -12000000),
        ("0", 0),
        (".5", 50),
        ("12.", 1200),
        ("2万亿", 200000000000000),
        ("1,23", "misplaced-separator"),
        ("12,34.5", "misplaced-separator"),
        ("1.234.5", "not-an-amount"),
        ("12.345", "finer-than-fen"),
        ("100美元", "unknown-currency"),
        ("$5", "unknown-currency"),
        ("约12万", "not-an-amount"),
        ("12-15万", "not-an-amount"),
        ("1.2E+8", "spreadsheet-number"),
        ("99999999999999999999", "amount-out-of-range"),
        ("壹佰万元整", "not-an-amount"),
        ("#REF!", "formula-error"),
        ("\u0661\u0662", "not-an-amount"),
        ("—", None),
    ],
)
def test_amount(text: str, fen: object) -> None:
    assert one("cooperation", "amount", text) == fen


@pytest.mark.parametrize(
    ("group", "field", "text", "value"),
    [
        ("visit", "channel", "现场", "onsite"),
        ("visit", "channel", "ONSITE", "onsite"),
        ("visit", "channel", "现场拜访", "onsite"),
        ("visit", "channel", "微信", "not-in-list"),
        ("visit", "intent_labels", "上市意向,融资需求;上市意向", "financing,ipo"),
        ("visit", "intent_labels", "融资需求、登月", "not-in-list"),
        ("visit", "staff", "A0012、王小明 00034", "A0012,王小明,00034"),
        ("visit", "staff", "A0012;A0012", "A0012"),
        ("visit", "staff", ",", "not-staff"),
        ("visit", "intent_labels", "、,", "not-in-list"),
        ("visit", "staff", "?", "not-staff"),
        ("contact", "name", "张 三", "张三"),
        ("contact", "name", "Mary Li", "Mary Li"),
        ("contact", "name", "张三/李四", "several-values"),
        ("contact", "name", "13800138000", "not-a-person-name"),
        ("contact", "name", "张\u200b三", "invisible-character"),
        ("contact", "name", "\u0410nna", "look-alike-character"),
        ("contact", "wechat", "abc_123", "abc_123"),
        ("contact", "id_no", "11010519491231002X", "11010519491231002X"),
        ("contact", "id_no", "110105194912310021", "id-check-digit"),
        ("contact", "id_no", "11010519491331002X", "id-birth-date"),
        ("contact", "id_no", "1.10105E+17", "spreadsheet-number"),
        ("contact", "id_no", "E12345678", "E12345678"),
        ("contact", "id_no", "abc", "not-an-id"),
        ("park_operation", "area_m2", "1,200.50㎡", "1200.5"),
        ("park_operation", "area_m2", "很大", "not-a-number"),
        ("park_operation", "area_m2", "100", "100"),
        ("finance", "headcount", "1,200人", 1200),
        ("finance", "headcount", "12.5", "not-a-number"),
        ("model_output", "portrait", '{"b": 1, "a": "甲"}', '{"a":"甲","b":1}'),
        ("model_output", "portrait", "{", "not-json"),
        ("model_output", "portrait", "NaN", "not-json"),
        ("model_output", "portrait", '"\\ud800"', "broken-character"),
        ("model_output", "portrait", "[" * 5000, "not-json"),
        ("visit", "memo", "第一行 \r\n第二行\r\n", "第一行\n第二行"),
        ("visit", "memo", "甲\0乙", "nul-character"),
        ("visit", "memo", "甲\u202e乙", "bidi-character"),
        ("visit", "next_action", "甲\n乙", "甲 乙"),
        ("client_name", "uscc", "91441900ma00t01a3f", "91441900MA00T01A3F"),
        ("client_name", "uscc", "91441900MA00T01A3G", "uscc-check-character"),
        ("client_name", "name", "东莞市华兴电子(集团)有限公司", "东莞市华兴电子（集团）有限公司"),
    ],
)
def test_other_kinds(group: str, field: str, text: str, value: object) -> None:
    assert one(group, field, text) == value


def test_ten_megabytes_in_a_field_are_refused_everywhere_without_work() -> None:
    huge = "张" * (10 * 1024 * 1024 // 3)
    for specs in SPECS.values():
        for spec in specs:
            value, error, _ = read(spec, huge)
            assert value is None
            assert error is not None
            assert error.code == "too-long"


@pytest.mark.parametrize(
    ("group", "field", "text", "code"),
    [
        ("contact", "title", "长" * 61, "too-long"),
        ("contact", "title", "\ufeff", None),
        ("visit", "staff", "、".join(f"DG{i:05d}" for i in range(30)), "too-long"),
        ("contact", "phone", "7.69E+11", "spreadsheet-number"),
        ("finance", "headcount", "1.2E+5", "spreadsheet-number"),
        ("cooperation", "amount", "1" * 41, "amount-out-of-range"),
        ("cooperation", "amount", "9000000000000000亿", "amount-out-of-range"),
    ],
)
def test_what_is_just_too_much(group: str, field: str, text: str, code: str | None) -> None:
    assert one(group, field, text) == code


def test_a_misspelt_kind_in_the_table_stops_the_start() -> None:
    line = dict.fromkeys(("group", "name", "zh", "en", "items", "required", "max_len", "options", "aliases"), "")
    with pytest.raises(ValueError, match="unknown kind 'txt'"):
        read_spec({**line, "kind": "txt"})


def test_a_visit_as_it_should_be() -> None:
    cleaned = clean("visit", VISIT, today="2026-03-05")
    assert cleaned.errors == cleaned.warnings == ()
    assert cleaned.values["channel"] == "onsite"


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"feedback": ""}, ("feedback", "missing")),
        ({"feedback": "无"}, ("feedback", "missing")),
        ({"feedback": "还行"}, ("feedback", "too-short")),
        ({"feedback": "嗯嗯嗯嗯嗯嗯"}, ("feedback", "repeated-text")),
        ({"memo": "见了面"}, ("memo", "too-short")),
        ({"memo": ""}, ("memo", "missing")),
        ({"date": ""}, ("date", "missing")),
        ({"date": "2026-03-06", "due_date": "2026-03-20"}, ("date", "date-in-future")),
        ({"staff": ""}, ("staff", "missing")),
        ({"channel": ""}, ("channel", "missing")),
        ({"due_date": ""}, ("due_date", "follow-up-without-date")),
        ({"next_action": ""}, ("next_action", "date-without-follow-up")),
        ({"due_date": "2026-03-04"}, ("due_date", "date-before-start")),
        ({"due_date": "下周"}, ("due_date", "not-a-date")),
    ],
)
def test_visit_rules(change: dict[str, str], wanted: tuple[str, str]) -> None:
    assert codes("visit", {**VISIT, **change}, today="2026-03-05") == [wanted]


def test_contact_rules() -> None:
    assert codes("contact", {"mobile": "13800138000"}) == [("name", "missing")]
    assert [w.code for w in clean("contact", {"name": "张三"}).warnings] == ["no-way-to-reach"]
    moved = clean("contact", {"name": "张三", "phone": "138 0013 8000"})
    assert moved.values == {"name": "张三", "mobile": "13800138000"}
    both = clean("contact", {"name": "张三", "phone": "13900139000", "mobile": "13800138000"})
    assert both.values == {"name": "张三", "mobile": "13800138000", "phone": "13900139000"}


def test_rules_of_other_groups() -> None:
    assert codes("cooperation", {}) == [("", "nothing-said")]
    assert codes("cooperation", {"stage": "-", "amount": "无"}) == [("", "nothing-said")]
    turned = {"stage": "签约", "start_date": "2026-03-05", "end_date": "2026-03-04"}
    assert codes("cooperation", turned) == [("end_date", "date-before-start")]
    assert codes("park_operation", {"lease_from": "2026-03-05", "lease_to": "2025-03-05"}) == [
        ("lease_to", "date-before-start")
    ]
    sole = clean("client_name", {"name": "张三", "uscc": "92441900MA00T04D7W"})
    assert [w.code for w in sole.warnings] == ["name-is-person"]
    assert codes("client_name", {"name": "东莞市华兴电子有限公司"}) == [("uscc", "missing")]


def test_messages_repeat_no_value_and_name_a_remedy() -> None:
    secret = "绝密值13812345678"
    for group, specs in SPECS.items():
        for spec in specs:
            for error in clean(group, {spec.name: secret + "\0" + secret}).errors:
                assert "13812345678" not in error.message_zh + error.message_en
                assert FIELD_PROBLEMS[error.code].remedy_zh
    for problem in FIELD_PROBLEMS.values():
        assert all([problem.zh, problem.en, problem.remedy_zh, problem.remedy_en]), problem.code


_typed = st.text(max_size=60) | st.text(alphabet=string.digits + "-/.年月日 +万亿元,:（）()eE", max_size=25)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([(g, s.name) for g, specs in SPECS.items() for s in specs]), _typed)
def test_anything_typed_gives_a_safe_value_or_one_declared_error(place: tuple[str, str], text: str) -> None:
    spec = spec_of(*place)
    value, error, _ = read(spec, text)
    assert value is None or error is None
    if error is not None:
        assert error.code in FIELD_PROBLEMS
        return
    if value is None:
        assert text.strip() in BLANKS or not text.strip() or find_flaw(text.strip()) or not text.split()
        return
    again, error, _ = read(spec, str(value) if spec.kind != "amount" else f"{int(value) // 100}.{int(value) % 100:02d}")
    if isinstance(value, str):
        assert find_flaw(value, lines=spec.kind in ("text", "json")) is None
        assert len(value) <= max(spec.max_len, 20)
        value.encode()
    if isinstance(value, int) and value < 0:
        return
    if spec.kind != "json" and str(value) not in BLANKS:
        assert again == value, "what is kept can be read again"


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(sorted(SPECS)), st.data())
def test_a_record_of_anything_raises_nothing_and_loses_no_field_silently(group: str, data: st.DataObject) -> None:
    raw = {spec.name: data.draw(_typed) for spec in SPECS[group] if data.draw(st.booleans())}
    cleaned = clean(group, raw, today="2026-03-05")
    failed = {error.field for error in cleaned.errors}
    for name, text in raw.items():
        kept = name in cleaned.values or (name == "phone" and "mobile" in cleaned.values)
        assert (
            kept
            or name in failed
            or text.strip() in BLANKS
            or not text.split()
            or read(spec_of(group, name), text)[0] is None
        )
