"""Catalogues as files: read from CSV with every broken rule of the whole file at once, written back the same.

Column names are ours (`COLUMNS`) or one of the usual others (`_ALIASES`). Columns that a plain list of items lacks are
derived: the unit from the owner's name (`units.csv`), `readable` from the mode, `sensitive` from the legal basis.
"""

import csv
import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from gateway.domain.catalogue.items import Catalogue, DataItem
from gateway.domain.catalogue.rules import broken_rules
from gateway.domain.grading import Scheme, default_grading
from gateway.domain.problems import FIELD_PROBLEMS
from gateway.domain.text import find_flaw, fold
from gateway.errors import FieldError, Problem, declare

INVALID_CATALOGUE = declare(
    "invalid-catalogue", "invalid",
    zh="数据目录文件不符合要求,未导入任何内容", en="The catalogue file breaks rules; nothing of it was imported",
    remedy_zh="请按所列行与列逐一更正后重新导入", remedy_en="Correct the rows and columns listed and import it again",
)  # fmt: skip

COLUMNS: Final = (
    "code", "name_zh", "name_en", "owner_unit", "owner_zh", "owner_en", "steward", "group", "level", "mode",
    "discoverable", "readable", "personal", "sensitive", "organisations_only", "allowed_purposes", "legal_basis",
    "retention", "source", "version",
)  # fmt: skip
_REQUIRED: Final = ("code", "name_zh", "name_en", "owner_zh", "group", "level", "mode", "personal", "legal_basis",
                    "retention", "source")  # fmt: skip
_ALIASES: Final = {
    "item_code": "code", "field_group": "group", "default_mode": "mode", "contains_personal_info": "personal",
    "数据项编码": "code", "编码": "code", "数据项名称": "name_zh", "中文名称": "name_zh", "英文名称": "name_en",
    "主责部门": "owner_zh", "主责部门代码": "owner_unit", "管理方": "steward", "字段组": "group", "级别": "level",
    "共享模式": "mode", "可发现": "discoverable", "可读取": "readable", "含个人信息": "personal",
    "敏感个人信息": "sensitive", "仅限机构": "organisations_only", "允许用途": "allowed_purposes",
    "法律依据": "legal_basis", "留存期限": "retention", "来源": "source", "版本": "version",
}  # fmt: skip
_YES: Final = frozenset({"y", "yes", "true", "1", "是"})
_NO: Final = frozenset({"n", "no", "false", "0", "否"})
_SENSITIVE_BASIS: Final = re.compile(r"PIPL\s*(?:\d+(?:-\d+)?(?:\(\d\))?,)*(?:28|29)\b|敏感个人信息")
MAX_BYTES: Final = 8 * 1024 * 1024
MAX_CELL: Final = 2_000


@dataclass(frozen=True, slots=True)
class OwnerUnit:
    """A unit that answers for items. `stands_for_owner_of_record`: a role such as `lead` or `bank`, not one body."""

    unit: str
    name_zh: str
    name_en: str
    kind: str
    side: str
    stands_for_owner_of_record: bool


@cache
def owner_units() -> dict[str, OwnerUnit]:
    """The units of the default catalogue by code: the firm's departments with their wall side, and kinds of partner."""
    rows = csv.DictReader(io.StringIO(_packaged("units.csv")))
    return {
        row["unit"]: OwnerUnit(
            row["unit"], row["name_zh"], row["name_en"], row["kind"], row["side"],
            row["stands_for_owner_of_record"] == "Y",
        )
        for row in rows
    }  # fmt: skip


def held_outside(item: DataItem) -> bool:
    """Whether a partner holds the item: for the firm, too, receiving it is then a provision by another handler."""
    owner = owner_units().get(item.owner_unit)
    return owner is not None and owner.kind != "firm"


@cache
def default_catalogue() -> Catalogue:
    """The catalogue that the product ships with: 122 items, validated like any other file."""
    return Catalogue(tuple(parse_catalogue(_packaged("catalogue.csv"))))


def parse_catalogue(
    data: bytes | str, *, scheme: Scheme | None = None, purposes: Collection[str] | None = None
) -> list[DataItem]:
    """The items of a catalogue file in CSV (UTF-8, with or without BOM, or GB18030), in its order.

    Raises `Problem` `invalid-catalogue` whose `errors` name every broken rule of the whole file with row (from 1,
    header excluded), column, what is wrong and the remedy. Levels are labels of `scheme` (the default: L1..L5).
    """
    table = _table(_decode(data))
    scheme = scheme or default_grading().scheme("LQ")
    items: list[DataItem] = []
    errors: list[FieldError] = []
    first_row: dict[str, int] = {}
    for number, cells in enumerate(table, start=1):
        reader = _Row(number, cells, scheme)
        item = reader.item()
        errors += reader.errors
        items.append(item)
        blamed = {error.field for error in reader.errors}
        errors += [
            FieldError(broken.column, broken.zh, broken.en, number, broken.rule)
            for broken in broken_rules(item, purposes=purposes)
            if broken.column not in blamed
        ]
        if item.code and item.code in first_row:
            zh = f"编码与第{first_row[item.code]}行重复;请改用新编码或删除一行"
            en = f"the code stands in row {first_row[item.code]} already; give another one or drop a row"
            errors.append(FieldError("code", zh, en, number, "duplicate-code"))
        first_row.setdefault(item.code, number)
    if not items:
        raise _whole_file("empty", "文件没有数据行;请至少填写一项", "no rows; give at least one item")
    if errors:
        raise Problem(INVALID_CATALOGUE, errors=tuple(errors))
    return items


def write_catalogue(items: Collection[DataItem]) -> str:
    """The CSV of `items` with our column names; `parse_catalogue` of it gives the same items."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for item in items:
        writer.writerow([_cell(getattr(item, column), column) for column in COLUMNS])
    return out.getvalue()


def _cell(value: object, column: str) -> str:
    if column == "level":
        return f"L{value}"
    if isinstance(value, bool):
        return "Y" if value else "N"
    if isinstance(value, tuple):
        return ";".join(value)
    return str(value)


def _packaged(name: str) -> str:
    return (files("gateway.domain") / "data" / name).read_text("utf-8")


def _decode(data: bytes | str) -> str:
    if len(data) > MAX_BYTES:
        raise _whole_file("too-large", "文件过大;目录文件不超过8 MB", "the file is too large; keep it below 8 MB")
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _whole_file("bad-encoding", "编码无法识别;请另存为UTF-8", "neither UTF-8 nor GB18030; save it as UTF-8")


def _whole_file(code: str, zh: str, en: str) -> Problem:
    return Problem(INVALID_CATALOGUE, errors=(FieldError("file", zh, en, None, code),))


def _table(text: str) -> list[dict[str, str]]:
    """Rows by our column names. A header that lacks or repeats a column is a problem of the whole file."""
    if "\0" in text:
        raise _whole_file("nul-character", "文件含空字符;请重新导出", "the file holds NUL characters; export it again")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), strict=True) if any(map(str.strip, row))]
    except csv.Error:
        raise _whole_file("bad-csv", "不是规范的CSV;请检查引号", "not a proper CSV; look at the quotes") from None
    if not rows:
        raise _whole_file("empty", "文件为空;请使用模板", "the file is empty; use the template")
    header = [_ALIASES.get(name, name) for name in (fold(cell).casefold() for cell in rows[0])]
    errors = list(_header_errors(header))
    for number, row in enumerate(rows[1:], start=1):
        if any(cell.strip() for cell in row[len(header) :]):
            zh, en = "单元格多于表头;请检查逗号与引号", "more cells than the header; look at commas and quotes"
            errors.append(FieldError("file", zh, en, number, "ragged-row"))
    if errors:
        raise Problem(INVALID_CATALOGUE, errors=tuple(errors))
    return [dict(zip(header, row, strict=False)) for row in rows[1:]]


def _header_errors(header: list[str]) -> Iterator[FieldError]:
    for name in _REQUIRED:
        if name not in header:
            yield FieldError(name, "缺少这一列;请补上", "this column is missing; add it", None, "missing-column")
    for name in filter(None, dict.fromkeys(header)):
        column = name[:40]
        if header.count(name) > 1:
            yield FieldError(column, "列重复;请只保留一列", "it stands twice; keep one", None, "duplicate-column")
        if name not in COLUMNS:
            yield FieldError(column, "不认识的列;请删除", "unknown column; drop it", None, "unknown-column")


class _Row:
    """One row on its way to an item; what cannot be read is noted in `errors` and replaced by a harmless value."""

    def __init__(self, number: int, cells: dict[str, str], scheme: Scheme) -> None:
        self.number = number
        self.cells = cells
        self.scheme = scheme
        self.errors: list[FieldError] = []

    def item(self) -> DataItem:
        owner_zh = self.text("owner_zh")
        known = next((unit for unit in owner_units().values() if unit.name_zh == owner_zh), None)
        unit = self.text("owner_unit") or (known.unit if known else "")
        mode = self.text("mode").casefold()
        basis = self.text("legal_basis")
        inside = known is not None and known.kind == "firm" and not known.stands_for_owner_of_record
        personal = self.flag("personal", None)
        return DataItem(
            code=self.text("code").upper(), name_zh=self.text("name_zh"), name_en=self.text("name_en"),
            owner_zh=owner_zh, owner_en=self.text("owner_en") or (known.name_en if known else ""), owner_unit=unit,
            steward=self.text("steward") or (unit if inside else "ibo"), group=self.text("group").casefold(),
            level=self.level(), mode=mode, personal=personal,
            sensitive=self.flag("sensitive", personal and bool(_SENSITIVE_BASIS.search(basis))),
            legal_basis=basis, retention=self.text("retention").upper(), source=self.text("source"),
            discoverable=self.flag("discoverable", True),
            readable=self.flag("readable", mode in ("catalogue_open", "mandatory_name_share")),
            organisations_only=self.flag("organisations_only", mode == "mandatory_name_share"),
            allowed_purposes=self.purposes(), version=self.version(),
        )  # fmt: skip

    def fault(self, column: str, zh: str, en: str, code: str) -> None:
        self.errors.append(FieldError(column, zh, en, self.number, code))

    def text(self, column: str) -> str:
        raw = self.cells.get(column, "")
        if len(raw) > MAX_CELL:
            self.fault(column, f"超过{MAX_CELL}字;请缩短", f"longer than {MAX_CELL} characters; shorten it", "too-long")
            return ""
        # Names keep their own punctuation; only blanks at the ends go. Everything else is compared, so it is folded.
        keep = column in ("name_zh", "name_en", "owner_zh", "owner_en", "legal_basis", "source")
        value = raw.strip() if keep else fold(raw)
        flaw = find_flaw(value)
        if flaw:
            wrong, words = flaw.error(column), FIELD_PROBLEMS[flaw.code]
            zh, en = f"{wrong.message_zh};{words.remedy_zh}", f"{wrong.message_en}; {words.remedy_en}"
            self.fault(column, zh, en, flaw.code)
            return ""
        return value

    def flag(self, column: str, default: bool | None) -> bool:
        value = self.text(column).casefold()
        if value in _YES:
            return True
        if value in _NO:
            return False
        if value or default is None:
            self.fault(column, "请填 Y 或 N", "write Y or N", "not-yes-or-no")
        return bool(default)

    def level(self) -> int:
        label = self.text("level")
        if not label:
            return 0  # the rule that an item without a level cannot be published names it
        try:
            return self.scheme.parse(label)
        except Problem as problem:
            code = problem.code
            self.fault("level", f"{code.zh};{problem.detail_zh or code.remedy_zh}",
                       f"{code.en}; {problem.detail_en or code.remedy_en}", code.name)  # fmt: skip
            return 0

    def purposes(self) -> tuple[str, ...]:
        text = self.text("allowed_purposes")
        if text in ("", "*"):
            return ()
        return tuple(dict.fromkeys(part.strip() for part in re.split(r"[;,、|]", text) if part.strip()))

    def version(self) -> int:
        text = self.text("version")
        if not text:
            return 1
        if not (text.isascii() and text.isdigit() and 0 < int(text) < 2**31):
            self.fault(
                "version", "版本应为正整数;请更正", "the version is a positive number; correct it", "bad-version"
            )
            return 1
        return int(text)
