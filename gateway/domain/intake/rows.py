"""From cells to records: every row of a file becomes a `Row`, a `RowError`, or is counted as blank."""

import hashlib
import hmac
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from gateway.domain.entry import FieldSpec, Value, clean
from gateway.domain.entry.values import read
from gateway.domain.intake.datasets import CARD, Column, Dataset, dataset_of
from gateway.domain.intake.delimited import Grid
from gateway.domain.intake.limits import TOO_MANY_ROWS
from gateway.domain.intake.sheet import Heading, Options, blank, find_table
from gateway.domain.problems import field_error
from gateway.domain.text import squeeze
from gateway.errors import FieldError, Problem


@dataclass(frozen=True, slots=True)
class Row:
    """A row that may be kept. `number` counts data rows from 1, `line` is the row a spreadsheet shows.

    `values` hold field groups; a group without content is absent. `duplicate_of` is the number of an earlier row with
    the same content: keep one of them. Field names in warnings are `group.field`.
    """

    number: int
    line: int
    uscc: str
    name: str
    values: Mapping[str, Mapping[str, Value]]
    warnings: tuple[FieldError, ...] = ()
    duplicate_of: int | None = None

    def content(self) -> bytes:
        """The row's meaning as canonical bytes: equal for rows that differ in writing only."""
        return _canonical(self.uscc, self.name if not self.uscc else "", self.values)


@dataclass(frozen=True, slots=True)
class RowError:
    """A row that cannot be kept, and everything that is wrong with it. It carries none of its values."""

    number: int
    line: int
    errors: tuple[FieldError, ...]
    warnings: tuple[FieldError, ...] = ()


@dataclass(slots=True)
class Tally:
    """What became of the rows so far: `read == good + duplicate + bad + blank`."""

    read: int = 0
    good: int = 0
    duplicate: int = 0
    bad: int = 0
    blank: int = 0


def _canonical(uscc: str, name: str, values: Mapping[str, Mapping[str, Value]]) -> bytes:
    content = [uscc, name, {group: dict(fields) for group, fields in values.items()}]
    return json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def row_key(secret: bytes, kind: str, row: Row) -> str:
    """The idempotency key of a row: equal content, equal key, in whatever file and however written (hex, 64).

    Keyed (HMAC-SHA-256), because a plain hash of a telephone number is as good as the number. Keep `secret` (32 bytes)
    like a blind-index key.
    """
    return hmac.new(secret, kind.encode() + b"\0" + row.content(), hashlib.sha256).hexdigest()


@dataclass(slots=True)
class Sheet:
    """An opened file: its heading, and its rows, once. `tally` is complete when the iteration is."""

    dataset: Dataset
    heading: Heading
    options: Options
    grid: Grid
    tally: Tally = field(default_factory=Tally)
    _seen: dict[int, int] = field(default_factory=dict)
    _clients: dict[str, int] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Row | RowError]:
        columns = [(i, column) for i, column in enumerate(self.heading.columns) if column]
        for number, (line, cells) in enumerate(self.grid, start=1):
            self.tally.read += 1
            if blank(cells):
                self.tally.blank += 1
                continue
            if self.tally.read - self.tally.blank > self.options.limits.rows:
                limit = self.options.limits.rows
                raise Problem(
                    TOO_MANY_ROWS, field="file", detail_zh=f"上限{limit}行", detail_en=f"the limit is {limit}"
                )
            result = self._row(number, line, cells, columns)
            if isinstance(result, RowError):
                self.tally.bad += 1
            elif result.duplicate_of:
                self.tally.duplicate += 1
            else:
                self.tally.good += 1
            yield result

    def _row(self, number: int, line: int, cells: Sequence[str], columns: list[tuple[int, Column]]) -> Row | RowError:
        errors: list[FieldError] = []
        warnings: list[FieldError] = []
        if len(cells) > len(self.heading.columns) and not blank(cells[len(self.heading.columns) :]):
            errors.append(field_error("", "too-many-cells"))
        if self.heading.unnamed and not blank([cells[i] for i in self.heading.unnamed if i < len(cells)]):
            warnings.append(field_error("", "cell-without-heading"))
        raw: dict[str, dict[str, str]] = {}
        for index, column in columns:
            text = cells[index] if index < len(cells) else ""
            if not text:
                continue
            if column.unit:
                text = _with_unit(text, column, warnings)
            raw.setdefault(column.spec.group, {})[column.spec.name] = text
        values: dict[str, Mapping[str, Value]] = {}
        uscc = name = ""
        if CARD not in self.dataset.groups:
            uscc, name = self._keys(raw.get(CARD, {}), errors, warnings)
        for group in self.dataset.groups:
            fields = raw.get(group, {})
            if group != self.dataset.groups[0] and blank(list(fields.values())):
                continue
            cleaned = clean(group, fields, today=self.options.today)
            errors.extend(_prefixed(group, cleaned.errors))
            warnings.extend(_prefixed(group, cleaned.warnings))
            if cleaned.values:
                values[group] = cleaned.values
        if errors:
            return _failed(number, line, errors, warnings)
        if CARD in values:
            uscc, name = str(values[CARD]["uscc"]), str(values[CARD]["name"])
        return self._accepted(Row(number, line, uscc, name, values, _at(number, warnings)))

    def _keys(self, card: Mapping[str, str], errors: list[FieldError], warnings: list[FieldError]) -> tuple[str, str]:
        """Code and name of the enterprise, for datasets whose groups do not hold the card itself."""
        found: list[str] = []
        for spec in self.dataset.keys:
            value, error, more = read(spec, card.get(spec.name, ""))
            found.append(str(value or ""))
            if error:
                errors.append(_named(spec, error))
            warnings.extend(_named(spec, warning) for warning in more)
        if not found[0] and not errors and not (self.options.by_name and found[1]):
            errors.append(field_error(f"{CARD}.uscc", "missing" if found[1] else "row-empty-key"))
        return found[0], found[1]

    def _accepted(self, row: Row) -> Row | RowError:
        # Eight bytes of a hash and a small integer a row: about 100 bytes, against the whole row.
        mark = int.from_bytes(hashlib.blake2b(row.content(), digest_size=8).digest(), "big")
        earlier = self._seen.setdefault(mark, row.number)
        if earlier != row.number:
            repeated = field_error("", "duplicate-row", other=earlier)
            marked = (*row.warnings, *_at(row.number, [repeated]))
            return Row(row.number, row.line, row.uscc, row.name, row.values, marked, earlier)
        if self.dataset.kind == "clients":
            other = self._clients.setdefault(row.uscc, row.number)
            if other != row.number:
                conflict = field_error(f"{CARD}.uscc", "conflicting-duplicate", other=other)
                return _failed(row.number, row.line, [conflict], list(row.warnings))
        return row


_BARE = re.compile(r"[-+(]?[\d,.]+\)?")
_UNIT_CHARS = re.compile("[百千万亿]")


def _with_unit(text: str, column: Column, warnings: list[FieldError]) -> str:
    """`text` with the unit of its heading, unless the cell has one of its own."""
    number = squeeze(text)
    if _BARE.fullmatch(number):
        return number[:-1] + column.unit + ")" if number.endswith(")") else number + column.unit
    own = "".join(_UNIT_CHARS.findall(number))
    if own != "".join(_UNIT_CHARS.findall(column.unit)) and (own or number.endswith("元")):
        warnings.append(field_error(column.path, "unit-conflict"))
    return text


def _named(spec: FieldSpec, error: FieldError) -> FieldError:
    return FieldError(f"{spec.group}.{spec.name}", error.message_zh, error.message_en, code=error.code)


def _prefixed(group: str, errors: Sequence[FieldError]) -> list[FieldError]:
    return [
        FieldError(f"{group}.{e.field}" if e.field else group, e.message_zh, e.message_en, code=e.code) for e in errors
    ]


def _at(number: int, errors: Sequence[FieldError]) -> tuple[FieldError, ...]:
    return tuple(FieldError(e.field, e.message_zh, e.message_en, number, e.code) for e in errors)


def _failed(number: int, line: int, errors: Sequence[FieldError], warnings: Sequence[FieldError]) -> RowError:
    return RowError(number, line, _at(number, errors), _at(number, warnings))


def open_sheet(source: BinaryIO, kind: str, options: Options = Options()) -> Sheet:
    """The table in `source` (seekable; stays open), read up to its heading.

    Raises `Problem` for an unknown kind, a file that is broken, too large or of another kind, an encoding in doubt, a
    heading that is missing, lacks a required column or names a field twice. Iterating raises `Problem` where the rest
    of the file cannot be read without losing rows; nothing of the file should then be kept.
    """
    dataset = dataset_of(kind)
    heading, grid = find_table(source, dataset, options)
    return Sheet(dataset, heading, options, grid)


def rows(source: BinaryIO, kind: str, options: Options = Options()) -> Iterator[Row | RowError]:
    """Every row of `source` that is not blank, as a `Row` or a `RowError`; raises as `open_sheet` does."""
    return iter(open_sheet(source, kind, options))
