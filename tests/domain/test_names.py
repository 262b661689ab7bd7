"""Organisation names: what is kept, what meets under one key, what is refused, and who is a person."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.names import (
    clean_name,
    fold_name,
    full_pinyin,
    initials,
    is_natural_person,
    looks_like_person,
    parse_name,
    search_forms,
    search_key,
    take_apart,
)
from gateway.domain.text import find_flaw, fold, fold_lines, safe_cell, squeeze
from gateway.errors import Problem

SAME = [
    [
        "东莞市华兴电子科技有限公司",
        "华兴电子科技（东莞）有限公司",
        "华兴电子科技(东莞)有限公司",
        "华兴电子科技〔东莞〕有限公司",
        "广东省东莞市华兴电子科技有限责任公司",
        "東莞市 華興電子科技 有限公司",
        "东莞华兴电子科技有限公司",
    ],
    [
        "广东新绿（集团）股份有限公司",
        "广东新绿集团股份公司",
        "新绿集团（广东）股份有限公司",
        "广东省新绿(集团)股份有限公司",
    ],
    ["东莞市松创投资合伙企业（有限合伙）", "东莞松创投资合伙企业(有限合伙)"],
    ["ABC Trading Co., Ltd.", "ａｂｃ　Ｔｒａｄｉｎｇ Co.,Ltd"],
]
DIFFERENT = [
    ("东莞市华兴电子科技有限公司", "深圳市华兴电子科技有限公司"),
    ("东莞市华兴电子科技有限公司", "东莞市华新电子科技有限公司"),
    ("东莞市华兴电子科技有限公司", "东莞市华兴电子科技股份有限公司"),
    ("东莞市华兴电子科技有限公司", "东莞市华兴电子科技有限公司长安分公司"),
    ("东莞市松创投资合伙企业（有限合伙）", "东莞市松创投资合伙企业（普通合伙）"),
]


@pytest.mark.parametrize("spellings", SAME)
def test_spellings_of_one_name_meet_under_one_key(spellings: list[str]) -> None:
    assert len({search_key(name) for name in spellings}) == 1


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_different_names_keep_different_keys(one: str, other: str) -> None:
    assert search_key(one) != search_key(other)


def test_parts() -> None:
    parts = take_apart("重庆长安精密股份有限公司上海分公司")
    assert (parts.region, parts.core, parts.form, parts.branch) == ("重庆", "长安精密", "JSC", "上海分公司")
    assert take_apart("").key == ""


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("　东莞市 华兴 电子有限公司 ", "东莞市华兴电子有限公司"),
        ("华兴电子(东莞)有限公司", "华兴电子（东莞）有限公司"),
        ("华兴电子 （东莞） 有限公司", "华兴电子（东莞）有限公司"),
        ("ＡＢＣ  Trading  Co., Ltd.", "ABC Trading Co., Ltd."),
        ("东莞 ABC 电子有限公司", "东莞ABC电子有限公司"),
        ("\ufeff东莞市华兴电子有限公司", "东莞市华兴电子有限公司"),
        ("喆㙍鑫(东莞)有限公司", "喆㙍鑫（东莞）有限公司"),
        ("Société Générale (China) Limited", "Société Générale (China) Limited"),
    ],
)
def test_writing_is_normalised(typed: str, kept: str) -> None:
    assert clean_name(typed) == (kept, (), ())


@pytest.mark.parametrize(
    ("typed", "code", "position"),
    [
        ("", "missing", None),
        (" 　", "missing", None),
        ("东莞市华兴\0电子有限公司", "nul-character", 6),
        ("东莞市华兴\u202e电子有限公司", "bidi-character", 6),
        ("东莞市华兴\u200b电子有限公司", "invisible-character", 6),
        ("东莞市华兴\x1b电子有限公司", "control-character", 6),
        ("东莞市华兴\ufffd电子有限公司", "broken-character", 6),
        ("东莞市华兴\ue000电子有限公司", "private-character", 6),
        ("华夏\u0430bank有限公司", "look-alike-character", 3),  # Cyrillic a
        ("华夏\u0391有限公司", "look-alike-character", 3),  # Greek Alpha
        ("东莞市加\u30ed公司", "look-alike-character", 5),  # katakana Ro for a mouth
        ("东莞市\u2ec1丘公司", "look-alike-character", 4),  # CJK radical
        ("12345", "name-without-letters", None),
        ("东" * 121, "too-long", None),
        ("东", "name-too-short", None),
    ],
)
def test_hiding_and_impersonating_characters_are_refused(typed: str, code: str, position: int | None) -> None:
    name, errors, _ = clean_name(typed)
    assert name == ""
    assert [e.code for e in errors] == [code]
    if position:
        assert f"第{position}个字符" in errors[0].message_zh
    with pytest.raises(Problem) as caught:
        parse_name(typed)
    assert caught.value.code.name == "invalid-organisation-name"


def test_a_lone_surrogate_is_refused() -> None:
    assert [e.code for e in clean_name("东莞\ud800电子有限公司")[1]] == ["broken-character"]


def test_a_good_name_parses() -> None:
    assert parse_name(" 东莞市华兴电子有限公司 ") == ("东莞市华兴电子有限公司", ())


def test_a_compatibility_form_is_rewritten_with_a_warning() -> None:
    name, errors, warnings = clean_name("东莞Ⅲ号㈱")
    assert (errors, [w.code for w in warnings]) == ((), ["name-changed"])
    assert name == "东莞III号（株）"


@pytest.mark.parametrize(
    ("name", "letters", "syllables"),
    [
        ("东莞证券", "dgzq", "dongguanzhengquan"),
        ("重庆长安", "cqca", "chongqingchangan"),
        ("东莞市长安", "dgsca", "dongguanshichangan"),
        ("工商银行", "gsyh", "gongshangyinhang"),
        ("ABC电子3厂", "abcdz3c", "abcdianzi3chang"),
        ("東莞證券", "dgzq", "dongguanzhengquan"),
        ("", "", ""),
    ],
)
def test_pinyin(name: str, letters: str, syllables: str) -> None:
    assert initials(name) == letters
    assert full_pinyin(name) == syllables
    forms = search_forms(name)
    assert (forms.initials, forms.pinyin, forms.folded) == (letters, syllables, fold_name(name))


@pytest.mark.parametrize(
    ("name", "code", "person"),
    [
        ("张三", "92441900MA00T04D7W", True),
        ("欧阳小明", "92441900MA00T04D7W", True),
        ("东莞市长安镇张三", "92441900MA00T04D7W", True),
        ("张三（个体工商户）", "92441900MA00T04D7W", True),
        ("古丽·买买提", "92441900MA00T04D7W", True),
        ("东莞市长安张三五金店", "92441900MA00T04D7W", False),
        ("东莞市南城兴旺便利店", "92441900MA00T04D7W", False),
        ("李小红", "", True),
        ("王小明", "91441900MA00T01A3F", False),
        ("东莞市华兴电子有限公司", "", False),
        ("东莞市虎门镇居民委员会", "5444190000000000XX", False),
    ],
)
def test_who_is_a_natural_person(name: str, code: str, person: bool) -> None:
    assert is_natural_person(name, code) is person


def test_personal_names() -> None:
    assert looks_like_person("王伟")
    assert looks_like_person("司马相如")
    assert not looks_like_person("华兴电子")
    assert not looks_like_person("Wang Wei")


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_a_name_or_an_error_and_keeping_is_stable(text: str) -> None:
    name, errors, _ = clean_name(text)
    assert bool(name) != bool(errors)
    search_key(text)
    is_natural_person(text)
    if name:
        assert clean_name(name) == (name, (), ())
        assert find_flaw(name) is None
        assert search_key(name) == search_key(text)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_folding_is_stable_and_leaves_no_blank_runs(text: str) -> None:
    folded = fold(text)
    assert fold(folded) == folded
    assert "  " not in folded
    assert not any(char.isspace() for char in squeeze(text) if char not in "\x1c\x1d\x1e\x1f")
    assert fold_lines(fold_lines(text)) == fold_lines(text)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_no_cell_starts_a_formula(text: str) -> None:
    cell = safe_cell(text)
    assert cell[:1] not in {"=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"}
    assert cell.removeprefix("'") == text.removeprefix("'") or cell == "'" + text
