"""The code of GB 32100-2015: published examples, every single substitution, and what people really type."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum.cn import uscc as stdnum_uscc

from gateway.domain.uscc import (
    ALPHABET,
    INVALID_USCC,
    compose,
    examine,
    normalise,
    organisation_check,
    parse_uscc,
    synthetic_code,
    synthetic_codes,
)
from gateway.errors import Problem

SYNTHETIC = [
    "91441900MA00T01A3F", "91441900MA00T02B8M", "91441900MA00T03C2R", "92441900MA00T04D7W", "93441900MA00T05E1X",
    "91441900MA00T07G0E", "91441900MA00T08H5L",
]  # fmt: skip
STANDARD_SAMPLES = ["91350100M000100Y43", "9135010026017703XW"]


@pytest.mark.parametrize("code", SYNTHETIC + STANDARD_SAMPLES)
def test_known_good_codes_pass_without_warning(code: str) -> None:
    uscc, warnings = parse_uscc(code)
    assert (str(uscc), warnings) == (code, ())
    assert organisation_check(code[8:16]) == code[16]


def test_a_code_once_quoted_as_real_fails_at_its_check_character() -> None:
    with pytest.raises(Problem) as caught:
        parse_uscc("91310000MA1K123456")
    assert caught.value.code is INVALID_USCC
    assert caught.value.field == "uscc"
    assert caught.value.errors[0].code == "uscc-check-character"
    assert "第18位" in caught.value.detail_zh


def test_every_single_substitution_is_found() -> None:
    code = SYNTHETIC[0]
    tried = 0
    for position in range(18):
        for char in ALPHABET:
            if char == code[position]:
                continue
            tried += 1
            assert examine(code[:position] + char + code[position + 1 :]).error is not None, (position, char)
    assert tried == 540


def test_every_adjacent_swap_of_ten_thousand_codes_is_found() -> None:
    swaps = 0
    for uscc in synthetic_codes(3000):
        code = uscc.code
        for i in range(17):
            if code[i] == code[i + 1]:
                continue
            swaps += 1
            assert examine(code[:i] + code[i + 1] + code[i] + code[i + 2 :]).error is not None
    assert swaps > 30_000


@pytest.mark.parametrize(
    ("typed", "reason", "position"),
    [
        ("", "uscc-missing", None),
        ("　 ", "uscc-missing", None),
        ("91441900MA00T01A3", "uscc-length", None),
        ("91441900MA00T01A3FF", "uscc-length", None),
        ("9144I900MA00T01A3F", "uscc-excluded-letter", 5),
        ("91441900MAO0T01A3F", "uscc-excluded-letter", 11),
        ("91441900MA00T01A3S", "uscc-excluded-letter", 18),
        ("91441900MA00T01AZF", "uscc-excluded-letter", 17),
        ("91441900MA00TV1A3F", "uscc-excluded-letter", 14),
        ("91441900М" + "A00T01A3F", "uscc-look-alike", 9),  # Cyrillic Em
        ("91441900MΑ00T01A3F", "uscc-look-alike", 10),  # Greek Alpha
        ("91441900MA00T01A3\0", "uscc-character", 18),
        ("91441900MA00T01\u202eA3F", "uscc-character", 16),
        ("914419A0MA00T01A3F", "uscc-area", 7),
        ("9.1440300192204E+17", "uscc-damaged-by-spreadsheet", None),
        ("91441900MA00T10A3F", "uscc-check-character", 18),
    ],
)
def test_bad_codes_name_position_and_reason_but_not_the_code(typed: str, reason: str, position: int | None) -> None:
    error = examine(typed).error
    assert error is not None
    assert error.code == reason
    if position is not None:
        assert f"第{position}位" in error.message_zh
        assert f"position {position}:" in error.message_en
    assert "T01A3" not in error.message_zh + error.message_en


@pytest.mark.parametrize(
    "typed",
    ["９１４４１９００ＭＡ００Ｔ０１Ａ３Ｆ",
     " 91441900 MA00 T01A 3F ", "91441900ma00t01a3f", "91441900-MA00T01A3-F", "\u300091441900MA00T01A3F\t",
     "\ufeff91441900MA00T01A3F", "91441900\u00a0MA00T01A3F", "'91441900MA00T01A3F"],
)  # fmt: skip
def test_writing_differences_do_not_matter(typed: str) -> None:
    assert parse_uscc(typed)[0].code == SYNTHETIC[0]


def test_a_wrong_inner_organisation_code_is_a_warning() -> None:
    good = SYNTHETIC[0]
    start = good[:16] + ("0" if good[16] != "0" else "1")
    code = start + stdnum_uscc.calc_check_digit(start)
    uscc, warnings = parse_uscc(code)
    assert uscc.code == code
    assert [w.code for w in warnings] == ["uscc-organisation-code"]


def test_rural_collectives_pass_and_strange_authorities_warn() -> None:
    assert examine(compose("N2441900", "MF000001").code).warnings == ()
    assert [w.code for w in examine(compose("B1441900", "MF000001").code).warnings] == ["uscc-authority"]
    assert [w.code for w in examine(compose("97441900", "MF000001").code).warnings] == ["uscc-kind"]


def test_parts() -> None:
    uscc, _ = parse_uscc("92441900MA00T04D7W")
    assert (uscc.authority, uscc.area, uscc.organisation_code) == ("9", "441900", "MA00T04D7")
    assert uscc.is_sole_trader
    assert not parse_uscc(SYNTHETIC[0])[0].is_sole_trader


def test_invented_codes_are_valid_distinct_and_repeatable() -> None:
    codes = [c.code for c in synthetic_codes(20_000, seed=3)]
    assert len(set(codes)) == 20_000
    assert codes[:50] == [c.code for c in synthetic_codes(50, seed=3)]
    assert codes[:50] != [c.code for c in synthetic_codes(50, seed=4)]
    for code in random.Random(1).sample(codes, 2000):
        assert stdnum_uscc.is_valid(code)
        assert examine(code).warnings == ()
    with pytest.raises(ValueError):
        synthetic_code(31**5)
    with pytest.raises(ValueError):
        compose("9144190", "MA000001")


@settings(deadline=None)
@given(st.text(max_size=40))
def test_anything_typed_gives_a_code_or_one_error(text: str) -> None:
    result = examine(text)
    assert (result.uscc is None) != (result.error is None)
    if result.uscc is not None:
        assert stdnum_uscc.calc_check_digit(normalise(text)[:17]) == result.uscc.code[17]


@settings(deadline=None)
@given(st.text(alphabet=ALPHABET, min_size=18, max_size=18))
def test_the_check_agrees_with_python_stdnum(text: str) -> None:
    if text[:8].isdigit():
        assert (examine(text).uscc is not None) == stdnum_uscc.is_valid(text)
