"""Working days in China, held against an independent calendar and the days that offices really worked."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.workdays import (
    DAY,
    INVALID_CALENDAR,
    SHANGHAI,
    add_working_days,
    day_of,
    default_calendar,
    is_working_hours,
    midnight,
    parse_calendar,
    working_days_between,
)
from gateway.errors import Problem

CALENDAR = default_calendar()


def at(text: str) -> int:
    """Microseconds of a moment in Asia/Shanghai."""
    moment = datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def test_every_day_agrees_with_the_oracle() -> None:
    day, checked = date(2024, 1, 1), 0
    while day <= date(2026, 12, 31):
        assert CALENDAR.is_working(day) == chinese_calendar.is_workday(day), day
        day += timedelta(days=1)
        checked += 1
    assert checked == 366 + 365 + 365


@pytest.mark.parametrize(
    ("start", "days", "last"),
    [
        ("2026-03-05 09:00", 1, "2026-03-06"),  # Thursday -> Friday
        ("2026-03-06 23:59", 1, "2026-03-09"),  # Friday night -> Monday
        ("2026-03-07 12:00", 1, "2026-03-09"),  # Saturday
        ("2026-03-05 09:00", 0, "2026-03-05"),
        # Spring Festival 2026: off from 15 to 23 February, worked on Saturday 14 and Saturday 28
        ("2026-02-13 10:00", 1, "2026-02-14"),
        ("2026-02-13 10:00", 2, "2026-02-24"),
        ("2026-02-13 10:00", 5, "2026-02-27"),
        ("2026-02-13 10:00", 6, "2026-02-28"),
        ("2026-02-13 10:00", 7, "2026-03-02"),
        ("2026-02-18 10:00", 1, "2026-02-24"),  # asked on the second day of the new year
        # Spring Festival 2025: off from 28 January to 4 February, worked on Sunday 26 January and Saturday 8 February
        ("2025-01-24 17:00", 2, "2025-01-27"),
        ("2025-01-27 17:00", 1, "2025-02-05"),
        ("2025-01-27 17:00", 4, "2025-02-08"),
        # National Day 2025: off from 1 to 8 October
        ("2025-09-30 08:00", 1, "2025-10-09"),
    ],
)
def test_clocks_across_holidays(start: str, days: int, last: str) -> None:
    deadline = add_working_days(at(start), days, CALENDAR)
    assert deadline.day == date.fromisoformat(last)
    assert deadline.at == midnight(deadline.day + timedelta(days=1))
    assert not deadline.guessed


def test_the_last_day_lasts_until_midnight_in_shanghai() -> None:
    deadline = add_working_days(at("2026-03-05 09:00"), 1, CALENDAR)
    assert deadline.at == at("2026-03-07 00:00")
    assert datetime.fromtimestamp(deadline.at / 1e6, UTC).isoformat() == "2026-03-06T16:00:00+00:00"


def test_the_day_is_the_day_in_shanghai_not_in_utc() -> None:
    early = at("2026-03-09 00:30")  # still the 8th in UTC
    assert day_of(early) == date(2026, 3, 9)
    assert add_working_days(early, 1, CALENDAR).day == date(2026, 3, 10)


def test_beyond_the_known_years_the_answer_says_that_it_guesses() -> None:
    assert not add_working_days(at("2026-12-30 09:00"), 1, CALENDAR).guessed
    over = add_working_days(at("2026-12-30 09:00"), 2, CALENDAR)
    assert over.guessed
    assert over.day == date(2027, 1, 1)  # a weekday, for all that is known
    assert add_working_days(at("2023-12-29 09:00"), 1, CALENDAR).guessed


@pytest.mark.parametrize("days", [-1, 10_001])
def test_impossible_clocks_are_refused(days: int) -> None:
    with pytest.raises(ValueError, match="working days"):
        add_working_days(at("2026-03-05 09:00"), days, CALENDAR)


MOMENTS = st.integers(at("2024-01-01 00:00"), at("2026-11-30 00:00"))


@given(MOMENTS, st.integers(0, 20))
def test_a_deadline_counts_exactly_its_working_days(start: int, days: int) -> None:
    deadline = add_working_days(start, days, CALENDAR)
    assert working_days_between(start, deadline.at - 1, CALENDAR) == days
    assert deadline.at > start
    if days:
        assert CALENDAR.is_working(deadline.day)


@given(MOMENTS, st.integers(0, 20))
def test_more_days_never_end_earlier(start: int, days: int) -> None:
    ends = [add_working_days(start, n, CALENDAR).at for n in range(days, days + 3)]
    assert all(one < other for one, other in pairwise(ends))
    assert add_working_days(start + DAY, days, CALENDAR).at >= ends[0]


def test_working_hours() -> None:
    assert is_working_hours(at("2026-03-05 09:00"), CALENDAR)
    assert not is_working_hours(at("2026-03-05 20:00"), CALENDAR)
    assert not is_working_hours(at("2026-03-05 06:59"), CALENDAR)
    assert not is_working_hours(at("2026-02-17 10:00"), CALENDAR)
    assert is_working_hours(at("2026-02-28 10:00"), CALENDAR)  # a Saturday worked


def test_a_bad_file_names_every_bad_row() -> None:
    text = (
        "date,kind,occasion_zh,occasion_en\n2026-13-01,holiday,,\n2026-01-01,feast,,\n2026-01-05,workday,,\n"
        "2026-01-01,holiday,,\n2026-01-01,holiday,,\n"
    )
    with pytest.raises(Problem) as caught:
        parse_calendar(text)
    assert caught.value.code is INVALID_CALENDAR
    assert [(e.row, e.field) for e in caught.value.errors] == [(1, "date"), (2, "kind"), (3, "kind"), (5, "date")]
    with pytest.raises(Problem):
        parse_calendar("date,kind\n")
