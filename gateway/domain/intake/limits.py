"""How much a file may hold, and the problems of files as a whole."""

from dataclasses import dataclass
from typing import BinaryIO

from gateway.errors import Problem, declare

FILE_TOO_LARGE = declare(
    "file-too-large", "too-large",
    zh="文件过大", en="The file is too large",
    remedy_zh="请拆分为多个文件上传", remedy_en="Split it into several files",
)  # fmt: skip
FIELD_TOO_LARGE = declare(
    "field-too-large", "too-large",
    zh="有单元格内容过大", en="A cell holds too much",
    remedy_zh="请精简所列行的内容;若内容正常,请检查该行引号是否成对",
    remedy_en="Shorten the row named; if it looks normal, see whether its quotes come in pairs",
)  # fmt: skip
TOO_MANY_ROWS = declare(
    "too-many-rows", "too-large",
    zh="行数过多", en="There are too many rows",
    remedy_zh="请拆分为多个文件上传", remedy_en="Split it into several files",
)  # fmt: skip
BROKEN_FILE = declare(
    "broken-file", "invalid",
    zh="文件已损坏,无法读取", en="The file is broken and cannot be read",
    remedy_zh="请在表格软件中重新打开并另存后上传", remedy_en="Open it in a spreadsheet, save it anew and try again",
)  # fmt: skip
UNSUPPORTED_FILE = declare(
    "unsupported-file", "invalid",
    zh="不支持这种文件", en="Files of this kind are not supported",
    remedy_zh="请另存为无密码的XLSX或CSV文件", remedy_en="Save it as XLSX without a password, or as CSV",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on one file: bytes as uploaded, bytes unpacked, rows, columns, characters in a line or cell, cells."""

    file_bytes: int = 512 * 1024 * 1024
    unpacked_bytes: int = 1024 * 1024 * 1024
    rows: int = 1_000_000
    columns: int = 300
    cell_chars: int = 131_072
    line_chars: int = 1_048_576
    cells: int = 30_000_000


def size_of(source: BinaryIO, limits: Limits) -> int:
    """Bytes of `source`, which stands at its start afterwards. `Problem(FILE_TOO_LARGE)` above the limit."""
    size = source.seek(0, 2)
    source.seek(0)
    if size > limits.file_bytes:
        raise too_large(limits.file_bytes)
    return size


def too_large(limit: int) -> Problem:
    """The problem of a file that is, or unpacks to, more than `limit` bytes."""
    megabytes = limit // (1024 * 1024)
    return Problem(
        FILE_TOO_LARGE, field="file", detail_zh=f"上限{megabytes}MB", detail_en=f"the limit is {megabytes} MB"
    )


def broken(zh: str, en: str, *, line: int | None = None) -> Problem:
    """The problem of a file that cannot be read on, at row `line` as a spreadsheet counts."""
    extra = {"line": line} if line else {}
    where_zh, where_en = (f"第{line}行:", f"row {line}: ") if line else ("", "")
    return Problem(BROKEN_FILE, field="file", detail_zh=where_zh + zh, detail_en=where_en + en, extra=extra)
