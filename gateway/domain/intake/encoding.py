"""Which characters the bytes of a text file are: found by decoding all of it, and honest where two answers fit."""

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from gateway.errors import Problem, declare

ENCODING_IN_DOUBT = declare(
    "encoding-in-doubt", "invalid",
    zh="无法确定文件的字符编码", en="The character encoding of the file is in doubt",
    remedy_zh="请另存为UTF-8编码的CSV或XLSX,或在上传时指明编码",
    remedy_en="Save the file as UTF-8 CSV or XLSX, or name its encoding with the upload",
)  # fmt: skip

STATED = ("utf-8", "gb18030", "gbk", "gb2312", "big5", "utf-16")
_CHUNK = 1 << 20
_SAMPLE = 1 << 16
_HAN = re.compile("[\u4e00-\u9fff\u3000-\u303f\uff00-\uffef]")
_CERTAIN, _LIKELY, _UNLIKELY = 0.97, 0.85, 0.5


@dataclass(frozen=True, slots=True)
class Encoding:
    """The Python codec to read with. `certain` is False where the bytes would allow another reading too."""

    name: str
    certain: bool = True


def detect(source: BinaryIO, stated: str | None = None) -> Encoding:
    """The encoding of the whole of `source`, which stands at its start afterwards.

    A byte order mark decides; else strict UTF-8, else strict GB18030, whose reading must consist of common characters
    (GB 2312) by at least 85 %, because GB18030 accepts almost any bytes. A file that is valid UTF-8 but has no Chinese
    in that reading, while GB18030 reads Chinese, is in doubt. `Problem(ENCODING_IN_DOUBT)` says where decoding broke.
    """
    source.seek(0)
    start = source.read(4)
    if stated is not None:
        return _stated(source, stated.lower(), start)
    for mark, name in (
        (codecs.BOM_UTF8, "utf-8-sig"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if start.startswith(mark):
            if _broken_at(source, name) is not None:
                raise _doubt(
                    "文件头声明了编码,但内容不符", "the mark at its start names an encoding that the content breaks"
                )
            source.seek(0)
            return Encoding(name)
    found = _utf8(source) or _gb18030(source)
    source.seek(0)
    return found


def _stated(source: BinaryIO, stated: str, start: bytes) -> Encoding:
    if stated not in STATED:
        raise _doubt("不支持所指明的编码", "the encoding named is not supported")
    # GB18030 holds all of GBK and GB 2312, and is what Windows writes under those names.
    name = "gb18030" if stated in ("gbk", "gb2312") else stated
    name = "utf-8-sig" if name == "utf-8" and start.startswith(codecs.BOM_UTF8) else name
    place = _broken_at(source, name)
    source.seek(0)
    if place is not None:
        raise _doubt(f"第{place}字节起不符合所指明的编码", f"byte {place} does not fit the encoding named")
    return Encoding(name)


def _utf8(source: BinaryIO) -> Encoding | None:
    place, sample = _decode(source, "utf-8")
    if place is not None:
        return None
    foreign = [char for char in sample if not char.isascii()]
    if not foreign or _HAN.search(sample):
        return Encoding("utf-8")
    other, gb_sample = _decode(source, "gb18030")
    share = _common_share(gb_sample) if other is None else 0.0
    if share > _CERTAIN:
        raise _doubt("内容既可读作UTF-8也可读作GB18030", "it can be read both as UTF-8 and as GB18030")
    return Encoding("utf-8", certain=share < _UNLIKELY)


def _gb18030(source: BinaryIO) -> Encoding:
    place, sample = _decode(source, "gb18030")
    if place is not None:
        utf8_place = _broken_at(source, "utf-8") or 0
        raise _doubt(
            f"既不是UTF-8(第{utf8_place}字节)也不是GB18030(第{place}字节)",
            f"neither UTF-8 (byte {utf8_place}) nor GB18030 (byte {place})",
        )
    share = _common_share(sample)
    if share < _LIKELY:
        raise _doubt("读作GB18030时多为生僻字", "read as GB18030 it consists of rare characters")
    return Encoding("gb18030", certain=share >= _CERTAIN)


def _common_share(text: str) -> float:
    foreign = "".join(char for char in text if not char.isascii())
    if not foreign:
        return 1.0
    return len(foreign.encode("gb2312", "ignore")) / 2 / len(foreign)


def _decode(source: BinaryIO, name: str) -> tuple[int | None, str]:
    """Where decoding breaks (byte, from 1) or `None`, and a sample of the text's foreign characters."""
    decoder = codecs.getincrementaldecoder(name)("strict")
    source.seek(0)
    done, sample = 0, ""
    while True:
        chunk = source.read(_CHUNK)
        try:
            text = decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            return max(1, done - len(error.object) + len(chunk) + error.start + 1), sample
        if len(sample) < _SAMPLE and not text.isascii():
            sample += "".join(char for char in text if not char.isascii())[:_SAMPLE]
        if not chunk:
            return None, sample
        done += len(chunk)


def _broken_at(source: BinaryIO, name: str) -> int | None:
    return _decode(source, name)[0]


def _doubt(zh: str, en: str) -> Problem:
    return Problem(ENCODING_IN_DOUBT, field="file", detail_zh=zh, detail_en=en)
