"""The catalogue: which data items there are, who answers for each, and in which mode they are shared."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields
from typing import Final

from gateway.domain.canonical import fingerprint
from gateway.errors import Problem, declare

MODES: Final = ("catalogue_open", "approval_gated", "mandatory_name_share", "not_shared")
CLIENT_NAME: Final = "client_name"
ISOLATED_GROUPS: Final = ("contact", "cooperation", "visit")
ANY_PURPOSE: Final[tuple[str, ...]] = ()

UNKNOWN_ITEM = declare(
    "unknown-item", "invalid",
    zh="目录中没有这个数据项", en="The catalogue has no such item",
    remedy_zh="请从数据目录中选择数据项", remedy_en="Choose an item from the catalogue",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class DataItem:
    """One item of the catalogue: the smallest thing that can be granted.

    `owner_unit` is the unit that answers for it; `lead`, `park-operator` and the like stand for whichever unit owns
    the record (`units.csv`). `discoverable`: the entry is shown. `readable`: values may be read without a request; the
    two are independent, so an open item may show its entry and still want a request. `level` is 1..5, `retention` a
    code of `rules.RETENTIONS`. `allowed_purposes` empty: any purpose. `version` rises with every change of the item.
    """

    code: str
    name_zh: str
    name_en: str
    owner_zh: str
    owner_en: str
    owner_unit: str
    steward: str
    group: str
    level: int
    mode: str
    personal: bool
    sensitive: bool
    legal_basis: str
    retention: str
    source: str
    discoverable: bool = True
    readable: bool = False
    organisations_only: bool = False
    allowed_purposes: tuple[str, ...] = ANY_PURPOSE
    version: int = 1

    @property
    def needs_authorisation(self) -> bool:
        """Values are given only with the enterprise's own authorisation (CONSENT_ENT in the legal basis)."""
        return "CONSENT_ENT" in self.legal_basis

    @property
    def label(self) -> str:
        """The level as people write it: `L3`."""
        return f"L{self.level}"

    def allows_purpose(self, purpose: str) -> bool:
        """Whether the item may be asked for with this purpose code."""
        return not self.allowed_purposes or purpose in self.allowed_purposes


@dataclass(frozen=True, slots=True)
class ColumnChange:
    """What one column of an item was and has become, as text."""

    column: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class ItemChange:
    """One item added, removed or changed."""

    code: str
    kind: str  # added, removed, changed
    columns: tuple[ColumnChange, ...] = ()


@dataclass(frozen=True, slots=True)
class Catalogue:
    """One version of the catalogue. Codes are unique (`ValueError` otherwise)."""

    items: tuple[DataItem, ...]
    version: int = 1
    _by_code: dict[str, DataItem] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_code = {item.code: item for item in self.items}
        if len(by_code) != len(self.items):
            raise ValueError("a catalogue holds each code once")
        object.__setattr__(self, "_by_code", by_code)

    def __iter__(self) -> Iterator[DataItem]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)

    def find(self, code: str) -> DataItem | None:
        """The item `code`, or None."""
        return self._by_code.get(code)

    def get(self, code: str) -> DataItem:
        """The item `code`; raises `Problem` `unknown-item`."""
        item = self.find(code)
        if item is None:
            raise Problem(UNKNOWN_ITEM, field="items")
        return item

    @property
    def digest(self) -> str:
        """SHA-256 over the canonical form of all items, whatever their order: what the ledger remembers."""
        return fingerprint({item.code: _plain(item) for item in self.items})


def changes(old: Iterable[DataItem], new: Iterable[DataItem]) -> tuple[ItemChange, ...]:
    """What turns `old` into `new`, by code. A mere rise of `version` is no change."""
    before = {item.code: item for item in old}
    after = {item.code: item for item in new}
    found: list[ItemChange] = []
    for code in sorted(before.keys() | after.keys()):
        if code not in before:
            found.append(ItemChange(code, "added"))
        elif code not in after:
            found.append(ItemChange(code, "removed"))
        else:
            was, now = _plain(before[code]), _plain(after[code])
            columns = tuple(ColumnChange(c, str(was[c]), str(now[c])) for c in was if was[c] != now[c])
            if columns:
                found.append(ItemChange(code, "changed", columns))
    return tuple(found)


SECOND_PERSON_COLUMNS: Final = frozenset(
    {"mode", "level", "personal", "sensitive", "organisations_only", "discoverable", "readable", "allowed_purposes"}
)


def needs_second_person(old: DataItem | None, new: DataItem | None) -> bool:
    """Whether going from `old` to `new` changes who may see values, so that one person alone may not do it.

    Mode and level do, and with them every column that a rule reads (`SECOND_PERSON_COLUMNS`). A new item does when it
    is open to readers without a request. Dropping one always does: dropped and added again, it could change its level.
    """
    if new is None:
        return old is not None
    if old is None:
        return new.readable or new.mode in ("catalogue_open", "mandatory_name_share")
    was, now = _plain(old), _plain(new)
    return any(was[column] != now[column] for column in SECOND_PERSON_COLUMNS)


def _plain(item: DataItem) -> dict[str, object]:
    return {f.name: getattr(item, f.name) for f in fields(item) if f.name != "version"}
