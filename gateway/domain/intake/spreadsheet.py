"""Rows of an XLSX workbook, as text, with the row number the spreadsheet shows.

calamine keeps one whole sheet in memory (about 100 bytes a cell, outside Python's heap), so what a file may unpack to
is measured before it is opened: bytes, cells between the outermost corners, and shared texts times their uses.
Cells that hold a formula error come out of calamine empty; a required field then reports itself missing.
"""

import datetime as dt
import re
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import python_calamine as calamine

from gateway.domain.intake.delimited import Grid
from gateway.domain.intake.limits import UNSUPPORTED_FILE, Limits, broken, too_large
from gateway.errors import Problem

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP = b"PK\x03\x04"
_CHUNK = 1 << 20
_ROW_BYTES = 64 << 20
_REFERENCE = re.compile(rb"""\br\s*=\s*["']([A-Za-z]{1,3})(\d{1,7})["']""")
_SHARED_TYPE = re.compile(rb"""\bt\s*=\s*["']s["']""")
_SHARED_USE = re.compile(rb"""\bt\s*=\s*["']s["'][^>]*>\s*<v>(\d{1,9})</v>""")
_ENTRIES = 10_000

Cell = int | float | str | bool | dt.time | dt.date | dt.datetime | dt.timedelta


def is_workbook(source: BinaryIO) -> bool:
    """True if `source` is a ZIP archive. An old XLS, an encrypted workbook or a web page raises a `Problem`."""
    source.seek(0)
    start = source.read(512)
    source.seek(0)
    if start.startswith(_OLE):
        raise _unsupported("旧版XLS或加密的工作簿", "an old XLS or an encrypted workbook")
    if start.lstrip(b"\xef\xbb\xbf \r\n\t").lower().startswith((b"<html", b"<!doctype", b"<?xml", b"<table")):
        raise _unsupported("网页或XML文件", "a web page or an XML file")
    return start.startswith(_ZIP)


def _unsupported(zh: str, en: str) -> Problem:
    return Problem(UNSUPPORTED_FILE, field="file", detail_zh=zh, detail_en=en)


def inflate(source: BinaryIO, info: zipfile.ZipInfo) -> Iterator[bytes]:
    """The unpacked bytes of an archive member as its deflate stream really holds them, whatever size it declares."""
    source.seek(info.header_offset)
    local = source.read(30)
    if len(local) < 30 or not local.startswith(_ZIP):
        raise zipfile.BadZipFile("no local header")
    source.seek(int.from_bytes(local[26:28], "little") + int.from_bytes(local[28:30], "little"), 1)
    left, check = info.compress_size, 0
    if info.compress_type == zipfile.ZIP_STORED:
        while left > 0:
            chunk = source.read(min(left, _CHUNK))
            if not chunk:
                raise zipfile.BadZipFile("the member is cut off")
            left -= len(chunk)
            check = zlib.crc32(chunk, check)
            yield chunk
        _same(check, info)
        return
    if info.compress_type != zipfile.ZIP_DEFLATED:
        raise zipfile.BadZipFile("a way of packing that spreadsheets do not use")
    unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
    pending = b""
    while not unpacker.eof:
        if not pending:
            pending = source.read(min(left, 65_536))
            left -= len(pending)
        # Without input, what the unpacker still holds comes out: the end of a match, at most a few hundred bytes.
        chunk = unpacker.decompress(pending, _CHUNK) if pending else unpacker.flush()
        if not pending and not unpacker.eof:
            raise zipfile.BadZipFile("the member is cut off")
        check = zlib.crc32(chunk, check)
        yield chunk
        pending = unpacker.unconsumed_tail
    _same(check, info)


def _same(check: int, info: zipfile.ZipInfo) -> None:
    if check != info.CRC:
        raise zipfile.BadZipFile("the member's checksum does not fit")


@dataclass(slots=True)
class _Size:
    """What has been measured so far."""

    unpacked: int = 0
    shared: int = 0


def measure(source: BinaryIO, limits: Limits) -> None:
    """Nothing, if opening the workbook stays inside `limits`; else a `Problem`. `source` stands at its start after."""
    size = _Size()
    try:
        with zipfile.ZipFile(source) as archive:
            members = archive.infolist()
        if len(members) > _ENTRIES:
            raise broken("压缩包内文件过多", "too many members in the archive")
        if any(member.flag_bits & 1 for member in members):
            raise _unsupported("加密的工作簿", "an encrypted workbook")
        shared = [m for m in members if m.filename.lower().endswith("sharedstrings.xml")]
        lengths = [length for member in shared for length in _shared_lengths(source, member, limits, size)]
        for member in members:
            if member not in shared:
                _measure_member(source, member, limits, size, lengths)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError, OSError, ValueError):
        raise broken("不是完整的XLSX文件", "not a complete XLSX file") from None
    finally:
        source.seek(0)


def _counted(source: BinaryIO, member: zipfile.ZipInfo, limits: Limits, size: _Size) -> Iterator[bytes]:
    for chunk in inflate(source, member):
        size.unpacked += len(chunk)
        if size.unpacked > limits.unpacked_bytes:
            raise too_large(limits.unpacked_bytes)
        yield chunk


def _shared_lengths(source: BinaryIO, member: zipfile.ZipInfo, limits: Limits, size: _Size) -> Iterator[int]:
    """Bytes of each shared text with its markup: the pieces between the ends of `si` elements."""
    rest = b""
    for chunk in _counted(source, member, limits, size):
        *whole, rest = (rest + chunk).split(b"/si>")
        yield from map(len, whole)
        if len(rest) > _ROW_BYTES:
            raise too_large(limits.unpacked_bytes)
    yield len(rest)


def _measure_member(source: BinaryIO, member: zipfile.ZipInfo, limits: Limits, size: _Size, lengths: list[int]) -> None:
    is_sheet = "worksheets/" in member.filename.lower()
    longest = max(lengths, default=0)
    columns = rows = 0
    rest = b""
    for chunk in _counted(source, member, limits, size):
        if not is_sheet:
            continue
        rest += chunk
        cut = rest.rfind(b"row>") + 4
        if cut < 4:
            if len(rest) > _ROW_BYTES:
                raise too_large(limits.unpacked_bytes)
            continue
        piece, rest = rest[:cut], rest[cut:]
        for letters, number in _REFERENCE.findall(piece):
            columns, rows = max(columns, _column_number(letters)), max(rows, int(number))
        if columns * rows > limits.cells or columns > 16_384:
            raise too_large(limits.unpacked_bytes)
        size.shared += _shared_bytes(piece, lengths, longest)
        if size.shared > limits.unpacked_bytes:
            raise too_large(limits.unpacked_bytes)


def _shared_bytes(piece: bytes, lengths: list[int], longest: int) -> int:
    """Bytes that the shared texts used in `piece` take once copied into its cells; the upper bound where in doubt."""
    uses = _SHARED_USE.findall(piece)
    if len(uses) != len(_SHARED_TYPE.findall(piece)):
        return longest * len(_SHARED_TYPE.findall(piece))
    return sum(lengths[index] if (index := int(use)) < len(lengths) else longest for use in uses)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


def as_text(cell: Cell) -> str:
    """A cell as a person reads it: whole numbers without a point, others with 15 digits as spreadsheets show them.

    Numbers of more than 15 digits come in scientific notation: their last digits are lost, and the field rules say so.
    """
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "是" if cell else "否"
    if isinstance(cell, (int, float)):
        return str(int(cell)) if abs(cell) < 1e15 and cell == int(cell) else f"{cell:.15g}"
    if isinstance(cell, dt.datetime):
        return cell.isoformat(" ")
    if isinstance(cell, dt.date):
        return cell.isoformat()
    return str(cell)


@dataclass(frozen=True, slots=True)
class Workbook:
    """An open workbook: its visible sheets by name, in order."""

    book: calamine.CalamineWorkbook
    names: tuple[str, ...]

    def grid(self, name: str) -> Grid:
        """The rows of sheet `name`; cells merged downwards repeat their value, as people mean it."""
        try:
            sheet = self.book.get_sheet_by_name(name)
        except (calamine.CalamineError, ValueError, OSError):
            raise broken("工作表无法读取", "a sheet cannot be read") from None
        left = sheet.start[1] if sheet.start else 0
        merged = _Merged(sheet.merged_cell_ranges or [], left)
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            yield number, merged.fill(number - 1, [as_text(cell) for cell in cells])


class _Merged:
    """Ranges merged downwards, met in the order of the rows."""

    def __init__(self, ranges: list[tuple[tuple[int, int], tuple[int, int]]], left: int) -> None:
        self._starts: dict[int, list[tuple[int, int]]] = {}
        for (top, first), (bottom, _) in ranges:
            if bottom > top:
                self._starts.setdefault(top, []).append((first - left, bottom))
        self._open: dict[int, tuple[int, str]] = {}

    def fill(self, row: int, cells: list[str]) -> list[str]:
        if not self._starts and not self._open:
            return cells
        for column, (bottom, text) in list(self._open.items()):
            if row > bottom:
                del self._open[column]
            elif not cells[column]:
                cells[column] = text
        for column, bottom in self._starts.pop(row, ()):
            if 0 <= column < len(cells):
                self._open[column] = (bottom, cells[column])
        return cells


def open_workbook(source: BinaryIO, limits: Limits) -> Workbook:
    """`source` as a workbook, measured first. A file that is broken, or no workbook, raises a `Problem`."""
    measure(source, limits)
    try:
        book = calamine.CalamineWorkbook.from_filelike(source)
    except calamine.PasswordError:
        raise Problem(
            UNSUPPORTED_FILE, field="file", detail_zh="加密的工作簿", detail_en="an encrypted workbook"
        ) from None
    except (calamine.CalamineError, ValueError, OSError):
        raise broken("不是XLSX工作簿", "not an XLSX workbook") from None
    shown = tuple(
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.visible == calamine.SheetVisibleEnum.Visible and sheet.typ == calamine.SheetTypeEnum.WorkSheet
    )
    return Workbook(book, shown)
