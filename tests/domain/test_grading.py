"""Grading schemes: the crosswalk in both directions, and what follows from a level."""

import pytest

from gateway.domain.grading import (
    CORE_DATA,
    LEVELS,
    UNKNOWN_LEVEL,
    UNKNOWN_SCHEME,
    dataset_level,
    default_grading,
    parse_grading,
)
from gateway.errors import Problem

GRADING = default_grading()


@pytest.mark.parametrize(
    ("scheme", "label", "level"),
    [
        ("LQ", "L1", 1), ("LQ", "l3", 3), ("LQ", " L5 ", 5), ("JRT0158", "4", 4), ("JRT0197", "5", 5),
        ("FISD2026", "常规一般", 2), ("FISD2026", "敏感一般", 4), ("FISD2026", "重要", 5),
    ],
)  # fmt: skip
def test_labels_become_levels(scheme: str, label: str, level: int) -> None:
    assert GRADING.scheme(scheme).parse(label) == level


@pytest.mark.parametrize(
    ("scheme", "labels"),
    [
        ("LQ", ["L1", "L2", "L3", "L4", "L5"]),
        ("JRT0158", ["1", "2", "3", "4", "4"]),
        ("JRT0197", ["1", "2", "3", "4", "5"]),
        ("FISD2026", ["常规一般", "常规一般", "敏感一般", "敏感一般", "重要"]),
    ],
)
def test_levels_become_labels(scheme: str, labels: list[str]) -> None:
    assert [GRADING.scheme(scheme).render(level) for level in LEVELS] == labels


def test_no_label_is_read_as_less_than_what_is_written_for() -> None:
    for scheme in GRADING.schemes.values():
        for level in LEVELS[:4]:
            assert scheme.parse(scheme.render(level)) >= level


def test_core_data_unknown_labels_and_unknown_schemes_are_refused() -> None:
    for call, code in (
        (lambda: GRADING.scheme("FISD2026").parse("核心"), CORE_DATA),
        (lambda: GRADING.scheme("LQ").parse("L6"), UNKNOWN_LEVEL),
        (lambda: GRADING.scheme("LQ").render(0), UNKNOWN_LEVEL),
        (lambda: GRADING.scheme("ISO"), UNKNOWN_SCHEME),
    ):
        with pytest.raises(Problem) as caught:
            call()
        assert caught.value.code is code


def test_terms_uses_and_masks_follow_the_strictest_level() -> None:
    assert [GRADING.max_term_days([level]) for level in LEVELS] == [365, 180, 90, 30, 0]
    assert GRADING.max_term_days([1, 3, 2]) == 90
    assert GRADING.uses([2, 4]) == {"view"}
    assert GRADING.uses([3]) == {"view", "api", "verify", "export"}
    assert [GRADING.masked(level) for level in LEVELS] == [False, False, True, True, True]
    assert dataset_level([1, 4, 2]) == 4
    assert dataset_level([]) == 1


def test_a_table_that_misses_a_level_or_doubles_a_label_is_refused() -> None:
    rules = "gateway_levels:\n" + "".join(f"  {n}: {{max_term_days: 1, masked: false, uses: []}}\n" for n in LEVELS)
    level = "      - {label: A, rank: 1, level: 1, name_zh: a, name_en: a}\n"
    scheme = "schemes:\n  S:\n    name_zh: s\n    name_en: s\n    levels:\n"
    assert parse_grading(rules + scheme + level).scheme("S").parse("a") == 1
    with pytest.raises(ValueError, match="twice"):
        parse_grading(rules + scheme + level + level)
    with pytest.raises(ValueError, match="each gateway level"):
        parse_grading(rules.replace("  5:", "  6:") + scheme + level)
    with pytest.raises(ValueError, match="outside"):
        parse_grading(rules + scheme + level.replace("level: 1", "level: 7"))
