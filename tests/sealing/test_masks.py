"""Masks: what may be seen at which level, and nothing more when the value is not what it should be."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.sealing.masks import WITHHELD, mask, mask_all


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("mobile", "13812345678", "138****5678"),
        ("mobile", "+86 138-1234-5678", "138****5678"),
        ("mobile", "0086 13812345678", "138****5678"),
        ("mobile", "1381234567", WITHHELD),
        ("mobile", "02012345678", WITHHELD),
        ("mobile", "13812345678,13912345678", WITHHELD),
        ("phone", "0769-22345678", "****78"),
        ("phone", "110", WITHHELD),
        ("name", "张三", "张**"),
        ("name", "张三丰", "张**"),
        ("name", "Zhang San", "Z**"),
        ("name", "", WITHHELD),
        ("name", "13812345678", WITHHELD),
        ("email", "zhang.san@dgzq.example", "z***@d..."),
        ("email", "no mail", WITHHELD),
        ("email", "a@b@c", WITHHELD),
        ("account", "wx_zhangsan", "w***"),
        ("account", "wx1", WITHHELD),
        ("staff", "003412", "****12"),
        ("staff", "12", WITHHELD),
        ("identity", "441900199001011234", WITHHELD),
        ("amount", 999_999, "<1万"),
        ("amount", 1_000_000, "1万-10万"),
        ("amount", 125_000_00, "10万-100万"),
        ("amount", 99_999_999_999, "1亿-10亿"),
        ("amount", 100_000_000_000, ">=10亿"),
        ("amount", -1, WITHHELD),
        ("amount", "12万", WITHHELD),
        ("amount", True, WITHHELD),
        ("date", "2026-03-05", "2026-03"),
        ("date", "in March", WITHHELD),
        ("enum", "ipo", WITHHELD),
        ("text", "a memo", WITHHELD),
        ("json", {"a": 1}, WITHHELD),
        ("unheard-of", "x", WITHHELD),
    ],
)
def test_level_three_is_masked_by_kind(kind: str, value: object, shown: str) -> None:
    assert mask("a_field", value, 3, kind) == shown


PERSONAL = ["name", "mobile", "phone", "email", "account", "identity", "staff", "amount", "json", "unheard-of"]


@pytest.mark.parametrize("kind", PERSONAL)
def test_level_two_masks_what_names_or_reaches_a_person(kind: str) -> None:
    for value in ("13812345678", "张三丰", "zhang@example.org"):
        assert mask("a_field", value, 2, kind) == mask("a_field", value, 3, kind) != value


@pytest.mark.parametrize("kind", ["date", "enum", "flag", "text"])
def test_level_two_shows_what_does_not(kind: str) -> None:
    assert mask("a_field", "2026-03-05", 2, kind) == "2026-03-05"


def test_level_one_is_public_and_four_shows_presence_only() -> None:
    for kind in ("name", "mobile", "date", "amount", "text"):
        assert mask("a_field", "13812345678", 1, kind) == "13812345678"
        for level in (4, 5, 9):
            assert mask("a_field", "13812345678", level, kind) == WITHHELD
        assert mask("a_field", None, 5, kind) is None


def test_a_field_of_its_own_kind_overrides_its_type() -> None:
    assert mask("wechat", "wx_zhangsan", 3, "text") == "w***"
    assert mask("id_no", "441900199001011234", 3, "text") == WITHHELD
    assert mask("id_no", "441900199001011234", 2, "text") == WITHHELD


def test_without_a_kind_the_name_of_the_field_is_taken() -> None:
    assert mask("mobile", "13812345678", 3) == "138****5678"
    assert mask("anything_else", "13812345678", 3) == WITHHELD


def test_each_of_a_list_is_masked() -> None:
    assert mask("staff", ["003412", "12"], 3, "staff") == ["****12", WITHHELD]


def test_a_field_without_a_stated_level_is_withheld() -> None:
    values = {"name": "张三", "mobile": "13812345678", "odd": "x"}
    assert mask_all(values, {"name": 3, "mobile": 1}, {"name": "name"}) == {
        "name": "张**", "mobile": "13812345678", "odd": WITHHELD,
    }  # fmt: skip


@given(st.text(min_size=1, max_size=30), st.sampled_from(PERSONAL), st.integers(2, 5))
def test_no_mask_of_a_text_shows_more_than_seven_of_its_characters(value: str, kind: str, level: int) -> None:
    shown = str(mask("a_field", value, level, kind))
    assert shown != value or value in {WITHHELD}
    assert len(shown.replace("*", "").replace("@", "").replace("...", "")) <= 7
