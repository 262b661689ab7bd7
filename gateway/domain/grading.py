"""Grading schemes as a table: how a label such as `L3` becomes one of the gateway's five levels, and back.

Rules, terms and masks go by the gateway level alone, so that a firm may change its scheme without touching a rule.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Final

import yaml

from gateway.errors import Problem, declare

LEVELS: Final = (1, 2, 3, 4, 5)

UNKNOWN_SCHEME = declare(
    "unknown-grading-scheme", "invalid",
    zh="没有这个分级方案", en="There is no such grading scheme",
    remedy_zh="请选用已登记的分级方案,例如 LQ、JRT0158、JRT0197、FISD2026",
    remedy_en="Use a scheme that is in the table, such as LQ, JRT0158, JRT0197 or FISD2026",
)  # fmt: skip
UNKNOWN_LEVEL = declare(
    "unknown-level", "invalid",
    zh="分级方案中没有这个级别", en="The grading scheme has no such level",
    remedy_zh="请填写该方案中的级别标签", remedy_en="Use a label of that scheme",
)  # fmt: skip
CORE_DATA = declare(
    "core-data-barred", "invalid",
    zh="核心数据不得进入本平台", en="Core data must not enter this gateway",
    remedy_zh="请按国家核心数据管理制度处理", remedy_en="Handle it under the State's rules for core data",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class LevelRule:
    """What follows from a gateway level: the longest grant in days (0: none), masks on screens, allowed uses."""

    level: int
    max_term_days: int
    masked: bool
    uses: frozenset[str]


@dataclass(frozen=True, slots=True)
class SchemeLevel:
    """One label of a scheme. `level` is the gateway level it is read as, `also` further ones it is written for."""

    label: str
    rank: int
    level: int
    name_zh: str
    name_en: str
    also: tuple[int, ...] = ()
    barred: bool = False


@dataclass(frozen=True, slots=True)
class Scheme:
    """A grading scheme; labels in rising rank."""

    code: str
    name_zh: str
    name_en: str
    levels: tuple[SchemeLevel, ...]

    def parse(self, label: str) -> int:
        """The gateway level of `label`, the stricter one where the label spans two.

        Raises `Problem` `unknown-level`, or `core-data-barred` for a level that must not be here at all.
        """
        wanted = label.strip().casefold()
        for row in self.levels:
            if row.label.casefold() == wanted:
                if row.barred:
                    raise Problem(CORE_DATA, field="level")
                return row.level
        known = "、".join(row.label for row in self.levels)
        raise Problem(UNKNOWN_LEVEL, field="level", detail_zh=f"请选用:{known}", detail_en=f"choose one of: {known}")

    def render(self, level: int) -> str:
        """The label of a gateway level in this scheme; a scheme with fewer levels answers with its highest that fits.

        Raises `Problem` `unknown-level` for anything but 1..5.
        """
        if level not in LEVELS:
            raise Problem(UNKNOWN_LEVEL, field="level")
        exact = [row for row in self.levels if not row.barred and (row.level == level or level in row.also)]
        below = [row for row in self.levels if not row.barred and row.level <= level]
        return (exact or below)[-1].label


@dataclass(frozen=True, slots=True)
class Grading:
    """All schemes, and the rule that goes with each gateway level."""

    schemes: dict[str, Scheme]
    rules: dict[int, LevelRule]

    def scheme(self, code: str) -> Scheme:
        """The scheme `code`; raises `Problem` `unknown-grading-scheme`."""
        found = self.schemes.get(code)
        if found is None:
            raise Problem(UNKNOWN_SCHEME, field="scheme")
        return found

    def max_term_days(self, levels: Iterable[int]) -> int:
        """The longest grant in days over items of these levels: the strictest counts. 0: no grant may be given."""
        return min(self.rules[level].max_term_days for level in levels)

    def uses(self, levels: Iterable[int]) -> frozenset[str]:
        """The modes of use that a grant over items of these levels may allow: those that every level allows."""
        return frozenset.intersection(*(self.rules[level].uses for level in levels))

    def masked(self, level: int) -> bool:
        """Whether values of this level are masked on screens unless something allows them in clear."""
        return self.rules[level].masked


def dataset_level(levels: Iterable[int]) -> int:
    """The level of a data set: that of its highest item; 1 for an empty one."""
    return max(levels, default=1)


def parse_grading(text: str) -> Grading:
    """The grading table in YAML. A level without a rule, or a label twice, raises `ValueError`."""
    table: dict[str, Any] = yaml.safe_load(text)
    rules = {
        int(level): LevelRule(int(level), rule["max_term_days"], rule["masked"], frozenset(rule["uses"]))
        for level, rule in table["gateway_levels"].items()
    }
    if tuple(sorted(rules)) != LEVELS:
        raise ValueError("the grading table must give a rule for each gateway level 1..5")
    schemes = {code: _scheme(code, raw) for code, raw in table["schemes"].items()}
    return Grading(schemes, rules)


def _scheme(code: str, raw: dict[str, Any]) -> Scheme:
    rows = [
        SchemeLevel(
            row["label"], row["rank"], row["level"], row["name_zh"], row["name_en"],
            tuple(row.get("also", ())), row.get("barred", False),
        )
        for row in raw["levels"]
    ]  # fmt: skip
    if len({row.label.casefold() for row in rows}) != len(rows):
        raise ValueError(f"scheme {code} has a label twice")
    if any(row.level not in LEVELS for row in rows):
        raise ValueError(f"scheme {code} points to a gateway level outside 1..5")
    return Scheme(code, raw["name_zh"], raw["name_en"], tuple(sorted(rows, key=lambda row: row.rank)))


@cache
def default_grading() -> Grading:
    """The grading table that the product ships with."""
    return parse_grading((files("gateway.domain") / "data" / "grading.yaml").read_text("utf-8"))
