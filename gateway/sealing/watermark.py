"""Watermarks in exported tables: a visible line, and an invisible one in the rows, that name reader and grant.

The invisible mark is written in zero-width characters behind text cells. Small files carry all of it in every row,
large ones an eighth of it in each, chosen at random: sorting does not matter, half the rows are enough. Whoever strips
zero-width characters removes it; THREATS says so.
"""

import csv
import hashlib
import hmac
import itertools
import re
import secrets
import uuid
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import python_calamine
import xlsxwriter

from gateway.errors import Problem, declare

NO_WATERMARK = declare(
    "watermark-not-found", "not-found",
    zh="文件中没有可读的水印", en="There is no readable watermark in this file",
    remedy_zh="请提供未经转换的原始文件;隐形字符可能已被去除",
    remedy_en="Supply the file as it was found; conversion may have stripped the invisible characters",
)  # fmt: skip

_SYMBOLS = "\u200b\u200c\u200d\u2060"  # two bits each
_PIECES = 8
_PIECE_BYTES = 5
_PIECE_SYMBOLS = (1 + _PIECE_BYTES + 1) * 4
_RUN = re.compile(f"[{_SYMBOLS}]{{{_PIECE_SYMBOLS},}}")
_WHOLE_BELOW = 400  # rows; up to here every row carries the whole mark
_VERSION = 1
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Watermark:
    """Who received the file under which grant (both UUIDs). `genuine` is None when no key was given to check it."""

    reader: str
    grant: str
    genuine: bool | None = None


def _mark_bytes(reader: str, grant: str, key: bytes) -> bytes:
    body = bytes([_VERSION]) + uuid.UUID(reader).bytes + uuid.UUID(grant).bytes
    check = hashlib.sha256(b"lianqiao watermark 1\x00" + body).digest()[:3]
    return body + check + _seal(body, key)


def _seal(body: bytes, key: bytes) -> bytes:
    return hmac.digest(key, b"lianqiao watermark 1\x00" + body, "sha256")[:4]


def _symbols(data: bytes) -> str:
    return "".join(_SYMBOLS[byte >> shift & 3] for byte in data for shift in (6, 4, 2, 0))


def _piece(mark: bytes, index: int) -> str:
    part = bytes([index]) + mark[index * _PIECE_BYTES : (index + 1) * _PIECE_BYTES]
    return _symbols(part + hashlib.sha256(part).digest()[:1])


class Marker:
    """Marks the rows of one export. `key` (of the installation) makes a mark that nobody else can forge.

    `reader` and `grant` are UUIDs; `rows` is about how many rows there will be (in doubt fewer).
    """

    def __init__(self, reader: str, grant: str, key: bytes, rows: int) -> None:
        mark = _mark_bytes(reader, grant, key)
        self._pieces = [_piece(mark, index) for index in range(_PIECES)]
        self._whole = "".join(self._pieces)
        self._rows = rows
        self.reader, self.grant = reader, grant

    def visible(self, reader_name: str, at: str) -> str:
        """The line for people: who may use this, under which grant, since when."""
        return (
            f"仅供 {reader_name} 依授权 {self.grant} 使用,不得转交 {at} / "
            f"For {reader_name} only, under grant {self.grant}; not to be passed on"
        )

    def row(self, cells: Sequence[object]) -> list[object]:
        """The same cells with the mark behind the first and the last text cell. Other cells stay as they are."""
        marked = list(cells)
        texts = [index for index, cell in enumerate(cells) if isinstance(cell, str) and cell]
        for index in {texts[0], texts[-1]} if texts else ():
            marked[index] = f"{cells[index]}{self._mark()}"
        return marked

    def _mark(self) -> str:
        # At random, not in turns: whoever keeps every second row must not lose every second piece.
        return self._whole if self._rows < _WHOLE_BELOW else secrets.choice(self._pieces)


def _harmless(cell: object) -> object:
    """A text that a spreadsheet would run as a formula is led in by an apostrophe."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def write_csv(
    file: TextIO, header: Sequence[str], rows: Iterable[Sequence[object]], marker: Marker, visible: str
) -> int:
    """A CSV table with the visible line in a last column and the invisible mark in every row; returns the rows written.

    `file` should be open with newline="" and the encoding utf-8-sig, so that spreadsheets read Chinese correctly.
    """
    writer = csv.writer(file)
    writer.writerow([*header, "水印 / watermark"])
    count = 0
    for row in rows:
        writer.writerow([*marker.row([_harmless(cell) for cell in row]), visible])
        count += 1
    return count


def write_xlsx(
    path: Path, header: Sequence[str], rows: Iterable[Sequence[object]], marker: Marker, visible: str
) -> int:
    """An XLSX table with the visible line in first row, page header and footer; returns the rows written."""
    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    count = 0
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet()
        sheet.write_string(0, 0, visible)
        line = "&C" + visible[:250].replace("&", "&&")
        sheet.set_header(line)
        sheet.set_footer(line)
        sheet.write_row(1, 0, list(header))
        for count, row in enumerate(rows, 1):
            sheet.write_row(count + 1, 0, marker.row(row))
    return count


def _texts(path: Path) -> Iterator[str]:
    if zipfile.is_zipfile(path):
        book = python_calamine.CalamineWorkbook.from_path(str(path))
        for name in book.sheet_names:
            for row in book.get_sheet_by_name(name).iter_rows():
                yield "\n".join(str(cell) for cell in row)
        return
    data = path.read_bytes()
    if data[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        yield data.decode("utf-16", "replace")
        return
    try:
        yield data.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield data.decode("gb18030", "replace")


def _found_pieces(text: str) -> Iterator[tuple[int, bytes]]:
    for run in _RUN.findall(text):
        values = [_SYMBOLS.index(symbol) for symbol in run]
        data = bytes(
            values[n] << 6 | values[n + 1] << 4 | values[n + 2] << 2 | values[n + 3]
            for n in range(0, len(values) - 3, 4)
        )
        size = _PIECE_BYTES + 2
        for start in range(0, len(data) - size + 1, size):
            part, check = data[start : start + size - 1], data[start + size - 1]
            if part[0] < _PIECES and hashlib.sha256(part).digest()[0] == check:
                yield part[0], part[1:]


def read_watermarks(path: Path, key: bytes | None = None) -> list[Watermark]:
    """Every watermark in a CSV, text or XLSX file, the most frequent first; several when leaked files were merged.

    With the installation's `key` each is checked for forgery. Raises `Problem(watermark-not-found)` when none is whole.
    """
    seen: list[Counter[bytes]] = [Counter() for _ in range(_PIECES)]
    for text in _texts(path):
        for index, piece in _found_pieces(text):
            seen[index][piece] += 1
    found: dict[tuple[str, str], Watermark] = {}
    # Pieces of merged files do not say which mark they belong to; the checksum does. Few enough to try them all.
    choices = [[piece for piece, _ in counter.most_common(4)] for counter in seen]
    for combination in itertools.product(*choices):
        mark = b"".join(combination)
        body, check, seal = mark[:33], mark[33:36], mark[36:40]
        if body[0] != _VERSION or hashlib.sha256(b"lianqiao watermark 1\x00" + body).digest()[:3] != check:
            continue
        genuine = None if key is None else hmac.compare_digest(_seal(body, key), seal)
        reader, grant = str(uuid.UUID(bytes=body[1:17])), str(uuid.UUID(bytes=body[17:33]))
        found.setdefault((reader, grant), Watermark(reader, grant, genuine))
    if not found:
        raise Problem(NO_WATERMARK)
    return list(found.values())


def read_watermark(path: Path, key: bytes | None = None) -> Watermark:
    """The (most frequent) watermark of a leaked file; see `read_watermarks`."""
    return read_watermarks(path, key)[0]
