"""Working days in China: which days count, and when a clock that counts them runs out.

The facts stand in `data/holidays_cn.csv`: statutory holidays and the weekend days worked in exchange, as the General
Office of the State Council announces them each November for the following year. Beyond the years in the file only
weekends are known; every answer that had to guess says so. Days are days of Asia/Shanghai.
"""

import csv
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

from gateway.errors import FieldError, Problem, declare

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LIMIT: Final = 10_000

INVALID_CALENDAR = declare(
    "invalid-calendar", "invalid",
    zh="节假日数据不符合要求", en="The file of holidays breaks a rule",
    remedy_zh="请按行更正:date 为 YYYY-MM-DD,kind 为 holiday 或 workday,日期不得重复",
    remedy_en="Correct the rows listed: date is YYYY-MM-DD, kind is holiday or workday, no date twice",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Calendar:
    """Days off on weekdays and days worked on weekends, complete for the years `first_year`..`last_year`."""

    holidays: frozenset[date]
    workdays: frozenset[date]
    first_year: int
    last_year: int

    def covers(self, day: date) -> bool:
        """Whether the announcement for that year is in the data; outside it only weekends are known."""
        return self.first_year <= day.year <= self.last_year

    def is_working(self, day: date) -> bool:
        """Whether `day` counts as a working day: a weekday that is no holiday, or a weekend day worked in exchange."""
        if day in self.holidays:
            return False
        return day in self.workdays or day.weekday() < 5


@dataclass(frozen=True, slots=True)
class Deadline:
    """When a clock runs out: `at` microseconds, exclusive (midnight after `day`). `guessed`: past the known years."""

    at: int
    day: date
    guessed: bool


def day_of(at: int) -> date:
    """The day in Asia/Shanghai on which the moment `at` (microseconds since the epoch) falls."""
    return (_EPOCH + timedelta(microseconds=at)).astimezone(SHANGHAI).date()


def midnight(day: date) -> int:
    """The first microsecond of `day` in Asia/Shanghai, since the epoch."""
    start = datetime(day.year, day.month, day.day, tzinfo=SHANGHAI)
    return (start - _EPOCH) // timedelta(microseconds=1)


def add_working_days(start: int, days: int, calendar: Calendar) -> Deadline:
    """The end of the `days`-th working day after the day on which `start` falls.

    The day of the start does not count, and the last day lasts until midnight (Civil Code, arts. 201, 203). With
    `days` 0 the clock ends with the day of the start. A negative or absurd (> 10,000) number raises `ValueError`.
    """
    if not 0 <= days <= _LIMIT:
        raise ValueError(f"a clock runs for 0 to {_LIMIT} working days, not {days}")
    first = day = day_of(start)
    left = days
    while left:
        day += timedelta(days=1)
        left -= calendar.is_working(day)
    return Deadline(midnight(day + timedelta(days=1)), day, not (calendar.covers(first) and calendar.covers(day)))


def working_days_between(start: int, end: int, calendar: Calendar) -> int:
    """How many working days have begun after the day of `start`, up to and with the day of `end`; never negative."""
    day, last, count = day_of(start), day_of(end), 0
    while day < last:
        day += timedelta(days=1)
        count += calendar.is_working(day)
    return count


def is_working_hours(at: int, calendar: Calendar, *, opens: int = 7, closes: int = 20) -> bool:
    """Whether `at` lies between `opens` and `closes` o'clock of a working day in Asia/Shanghai."""
    local = (_EPOCH + timedelta(microseconds=at)).astimezone(SHANGHAI)
    return calendar.is_working(local.date()) and opens <= local.hour < closes


def parse_calendar(text: str) -> Calendar:
    """The calendar in a CSV with the columns `date` and `kind`; raises `Problem(INVALID_CALENDAR)` with every flaw."""
    days: dict[date, str] = {}
    errors: list[FieldError] = []
    for number, row in enumerate(csv.DictReader(io.StringIO(text)), start=1):
        try:
            day = date.fromisoformat((row.get("date") or "").strip())
        except ValueError:
            errors.append(FieldError("date", "日期应写作 YYYY-MM-DD", "write the date as YYYY-MM-DD", number))
            continue
        kind = (row.get("kind") or "").strip()
        if kind not in ("holiday", "workday"):
            errors.append(FieldError("kind", "只能是 holiday 或 workday", "either holiday or workday", number))
        elif kind == "workday" and day.weekday() < 5:
            errors.append(
                FieldError("kind", "调休上班日应为周末", "a day worked in exchange lies on a weekend", number)
            )
        elif day in days:
            errors.append(FieldError("date", "日期重复", "the date stands twice", number))
        else:
            days[day] = kind
    if not days and not errors:
        errors.append(FieldError("date", "文件为空", "the file is empty"))
    if errors:
        raise Problem(INVALID_CALENDAR, errors=tuple(errors))
    years = [day.year for day in days]
    return Calendar(
        frozenset(day for day, kind in days.items() if kind == "holiday"),
        frozenset(day for day, kind in days.items() if kind == "workday"),
        min(years),
        max(years),
    )


@cache
def default_calendar() -> Calendar:
    """The calendar that the product ships with."""
    return parse_calendar((files("gateway.domain") / "data" / "holidays_cn.csv").read_text("utf-8"))
