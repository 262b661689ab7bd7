"""Kinds of upload: which field groups stand in one sheet, and which headings people give their columns."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from gateway.domain.entry import SPECS, FieldSpec, spec_of
from gateway.domain.text import squeeze
from gateway.errors import Problem, declare

UNKNOWN_DATASET = declare(
    "unknown-dataset", "invalid",
    zh="没有这种数据集", en="There is no such dataset",
    remedy_zh="请使用clients、contact、cooperation、visit、tenants或目录中的字段组代码",
    remedy_en="Use clients, contact, cooperation, visit, tenants or a field group of the catalogue",
)  # fmt: skip

CARD = "client_name"
_COMBINED: Mapping[str, tuple[str, ...]] = {
    "clients": (CARD, "enterprise_profile"),
    "tenants": (CARD, "enterprise_profile", "park_operation", "contact"),
}
_WORDS: Mapping[str, tuple[str, str]] = {
    "clients": ("客户名单", "Clients"),
    "tenants": ("园区企业及联系人", "Park tenants and their contacts"),
    "contact": ("客户联系人", "Contacts"),
    "cooperation": ("合作业务", "Cooperation business"),
    "visit": ("拜访记录", "Visits"),
    "park_operation": ("园区经营数据", "Park operation data"),
    "financing": ("融资数据", "Financing data"),
}
_KEPT_BY_THE_GATEWAY = frozenset(["governance", "wall", "consent", "aggregate"])
KINDS: tuple[str, ...] = (*_COMBINED, *(g for g in SPECS if g != CARD and g not in _KEPT_BY_THE_GATEWAY))


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a sheet: its field and, for amounts, the unit that the heading announces (`万元`)."""

    spec: FieldSpec
    unit: str = ""

    @property
    def path(self) -> str:
        """`group.field`, the name errors use."""
        return f"{self.spec.group}.{self.spec.name}"


@dataclass(frozen=True, slots=True)
class Dataset:
    """A kind of upload. `groups` are cleaned row by row; the enterprise is named by USCC (and name) in `keys`."""

    kind: str
    zh: str
    en: str
    groups: tuple[str, ...]

    @property
    def keys(self) -> tuple[FieldSpec, ...]:
        """The columns that say which enterprise a row is about."""
        return (spec_of(CARD, "uscc"), spec_of(CARD, "name"))

    @property
    def specs(self) -> tuple[FieldSpec, ...]:
        """All columns of the template, the keys first."""
        rest = (spec for group in self.groups for spec in SPECS[group])
        return self.keys + tuple(spec for spec in rest if spec not in self.keys)


def dataset_of(kind: str) -> Dataset:
    """The dataset `kind`; `Problem(UNKNOWN_DATASET)` for any other word."""
    if kind not in KINDS:
        raise Problem(UNKNOWN_DATASET, field="kind")
    groups = _COMBINED.get(kind, (kind,))
    zh, en = _WORDS.get(kind, (kind, kind))
    return Dataset(kind, zh, en, groups)


_OTHER_BRACKETS = str.maketrans("[]{}〔〕【】<>", "()()()()()")
_BRACKETS = re.compile(r"\(([^()]*)\)")
_MARKS = re.compile(r"[*★☆:·.。'\"“”_-]|必填|选填|必录|如有|\(\)")
_UNIT = re.compile(
    r"(?:人民币|rmb)?(万亿元?|千亿元?|百亿元?|十亿元?|亿元?|千万元?|百万元?|十万元?|万元?|千元|百元|元)(?:人民币|rmb)?"
)
_MEASURE = re.compile(r"kwh|千瓦时|度|m2|㎡|平方米|平米|m3|立方米|吨|方|人|个|项|件|次|%", re.IGNORECASE)
_NUMBERS = frozenset(["number", "integer"])


def _folded(heading: str) -> tuple[str, str]:
    """The heading without marks and brackets, and what stood in the last bracket or behind a slash."""
    text = squeeze(heading).lower().translate(_OTHER_BRACKETS)
    notes = _BRACKETS.findall(text)
    text = _BRACKETS.sub("", text)
    if "/" in text:
        head, _, tail = text.rpartition("/")
        if _UNIT.fullmatch(tail):
            text, notes = head, [*notes, tail]
    note = next((n.removeprefix("单位").lstrip(":") for n in reversed(notes) if n not in ("必填", "选填")), "")
    return _MARKS.sub("", text), note


@cache
def _headings(kind: str) -> Mapping[str, FieldSpec]:
    found: dict[str, FieldSpec] = {}
    dataset = dataset_of(kind)
    # Full names before short ones, so that a short heading never takes a longer one's place.
    for spec in dataset.specs:
        for heading in (spec.zh, spec.en, spec.name if spec.group != CARD else ""):
            found.setdefault(_folded(heading)[0], spec)
    for spec in dataset.specs:
        for heading in spec.aliases:
            found.setdefault(_folded(heading)[0], spec)
    found.pop("", None)
    return found


def column_of(kind: str, heading: str) -> Column | None:
    """The column that `heading` means in a sheet of `kind`, or `None`: also where its unit is not understood."""
    text, note = _folded(heading)
    spec = _headings(kind).get(text)
    if spec is None:
        return None
    if spec.kind == "amount":
        if not note:
            return Column(spec)
        unit = _UNIT.fullmatch(note)
        return Column(spec, unit[1]) if unit else None
    if spec.kind in _NUMBERS and note and not _MEASURE.fullmatch(note):
        return None
    return Column(spec)
