"""The fields of every group, and the catalogue item that each belongs to: a table, read once.

One field group of the catalogue is one compartment; its fields stand in `data/entry_fields.csv`. Every item of the
catalogue has at least one field here, and every field at least one item.
"""

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import Literal, cast, get_args

from gateway.errors import Problem, declare

Kind = Literal[
    "line", "text", "name", "person", "uscc", "mobile", "phone", "email", "wechat", "id_no", "date", "amount", "number",
    "integer", "enum", "enums", "staff", "json",
]  # fmt: skip

UNKNOWN_GROUP = declare(
    "unknown-field-group", "invalid",
    zh="没有这个字段组", en="There is no such field group",
    remedy_zh="请使用目录中的字段组代码,如contact、cooperation、visit",
    remedy_en="Use a field group of the catalogue such as contact, cooperation or visit",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Option:
    """One allowed value of a list: the code that is kept and its Chinese word."""

    code: str
    zh: str


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One field: its code `name` (unique in its group), words, kind, limits, and the headings sheets use for it.

    `max_len` counts characters of the kept value. Amounts are kept in fen. `items` are the catalogue items the field
    belongs to; more than one where different suppliers offer the same field under items of their own.
    """

    group: str
    name: str
    zh: str
    en: str
    items: tuple[str, ...]
    kind: Kind
    required: bool
    max_len: int
    options: tuple[Option, ...]
    aliases: tuple[str, ...]

    @property
    def item_code(self) -> str:
        """The catalogue item of the firm (the first one)."""
        return self.items[0]


_DEFAULT_LENGTH = 60


def read_spec(line: Mapping[str, str]) -> FieldSpec:
    """The field that one line of the table describes; `ValueError` for a kind that nobody can read."""
    kind = line["kind"]
    if kind not in get_args(Kind):
        raise ValueError(f"entry_fields.csv: unknown kind {kind!r} of {line['group']}.{line['name']}")
    options = tuple(Option(*pair.split("=", 1)) for pair in line["options"].split("|") if pair)
    return FieldSpec(
        group=line["group"],
        name=line["name"],
        zh=line["zh"],
        en=line["en"],
        items=tuple(line["items"].split()),
        kind=cast(Kind, kind),
        required=line["required"] == "Y",
        max_len=int(line["max_len"] or _DEFAULT_LENGTH),
        options=options,
        aliases=tuple(line["aliases"].split()),
    )


def _read() -> Mapping[str, tuple[FieldSpec, ...]]:
    groups: dict[str, tuple[FieldSpec, ...]] = {}
    with files("gateway.domain").joinpath("data/entry_fields.csv").open(encoding="utf-8") as lines:
        for line in csv.DictReader(lines):
            spec = read_spec(line)
            groups[spec.group] = (*groups.get(spec.group, ()), spec)
    return MappingProxyType(groups)


SPECS: Mapping[str, tuple[FieldSpec, ...]] = _read()
_BY_NAME: Mapping[str, Mapping[str, FieldSpec]] = {group: {s.name: s for s in specs} for group, specs in SPECS.items()}


def specs_of(group: str) -> Mapping[str, FieldSpec]:
    """The fields of `group` by name, in their order. An unknown group raises `Problem(UNKNOWN_GROUP)`."""
    try:
        return _BY_NAME[group]
    except KeyError:
        raise Problem(UNKNOWN_GROUP, field="group") from None


def spec_of(group: str, field: str) -> FieldSpec:
    """The field `field` of `group`. `Problem(UNKNOWN_GROUP)` for a strange group, `KeyError` for a strange field."""
    return specs_of(group)[field]


def fields_of(item_code: str) -> tuple[FieldSpec, ...]:
    """The fields that the catalogue item `item_code` discloses; empty for an item that is not known."""
    return tuple(spec for specs in SPECS.values() for spec in specs if item_code in spec.items)


def item_of(group: str, field: str, *, family: str = "INT") -> str:
    """The catalogue item of a field; `family` (`INT` firm, `PRK` park...) chooses where suppliers share a field."""
    items = spec_of(group, field).items
    return next((item for item in items if item.startswith(family + "-")), items[0])
