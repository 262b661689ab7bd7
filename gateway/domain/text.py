"""Text from outside, made safe to keep: what is folded, what is refused, and why.

Folding changes only how a character is written (full-width forms, kinds of blank); a character that could hide or
impersonate another one is refused with a reason, never silently dropped.
"""

import re
import unicodedata
from dataclasses import dataclass

from gateway.domain.problems import field_error
from gateway.errors import FieldError

_BLANKS = "\u0009\u000a\u000b\u000c\u000d\u0020\u0085\u00a0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_BLANK_TO_SPACE = dict.fromkeys(map(ord, _BLANKS), " ")
_NO_BLANKS = dict.fromkeys(map(ord, _BLANKS), None)
_BOM = "\ufeff"
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_INVISIBLE = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200d\u2060\u2061\u2062\u2063\u2064\u3164\ufeff\uffa0"
)
_PLAIN = re.compile(
    r"[\x20-\x7e\u4e00-\u9fff\u3000-\u3002\u3008-\u3011\u2018\u2019\u201c\u201d\uff01-\uff5e\u00b7\n]*\Z"
)
_FOLDED = re.compile(r"[!-~\u4e00-\u9fff]*\Z")  # the bulk of what comes is as it should be
_FORMULA = frozenset("=+-@\t\r\n\0＝＋－＠|%")


@dataclass(frozen=True, slots=True)
class Flaw:
    """Why a text is refused: a stable `code`, the position (from 1) and the character as `U+XXXX`; never the text."""

    code: str
    position: int
    char: str

    def error(self, field: str) -> FieldError:
        """The same as an error on `field`."""
        return field_error(field, self.code, position=self.position, char=self.char)


def find_flaw(text: str, *, lines: bool = False) -> Flaw | None:
    """The first character of `text` that must not be stored, or `None`.

    Refused are NUL and other controls, bidirectional controls, invisible and private-use characters, lone surrogates,
    non-characters and the replacement character. Tab and line feed pass only where `lines` are allowed. A zero-width
    joiner passes in running text (`lines`), where emoji need it.
    """
    if _PLAIN.match(text) and (lines or "\n" not in text):
        return None
    for index, char in enumerate(text, start=1):
        code = _flaw_of(char, lines)
        if code:
            return Flaw(code, index, f"U+{ord(char):04X}")
    return None


def _flaw_of(char: str, lines: bool) -> str:
    if char == "\0":
        return "nul-character"
    if char in "\n\t":
        return "" if lines else "control-character"
    if char in _BIDI:
        return "bidi-character"
    if char in _INVISIBLE:
        return "" if lines and char == "\u200d" else "invisible-character"
    if char == "\ufffd":
        return "broken-character"
    category = unicodedata.category(char)
    if category == "Cc":
        return "control-character"
    if category in ("Cs", "Cn"):
        return "broken-character"
    if category == "Co":
        return "private-character"
    return ""


def fold(text: str) -> str:
    """`text` in NFKC with every kind of blank turned into one space, runs of blanks joined, ends stripped, BOM removed.

    Full-width letters, digits and brackets become half-width. Other control characters are left for `find_flaw`.
    """
    if _FOLDED.match(text):
        return text
    spaced = unicodedata.normalize("NFKC", text.removeprefix(_BOM)).translate(_BLANK_TO_SPACE)
    return " ".join(part for part in spaced.split(" ") if part)


def fold_lines(text: str) -> str:
    """Running text with `\\n` as the only line end, no blanks at line ends, NFC, BOM removed. Wording is untouched."""
    unix = unicodedata.normalize("NFC", text.removeprefix(_BOM)).replace("\r\n", "\n").replace("\r", "\n")
    unix = unix.replace("\u2028", "\n").replace("\u2029", "\n").replace("\u0085", "\n")
    return "\n".join(line.strip(" \u3000\u00a0") for line in unix.split("\n")).strip("\n")


def squeeze(text: str) -> str:
    """`text` in NFKC without any blank."""
    if _FOLDED.match(text):
        return text
    return unicodedata.normalize("NFKC", text.removeprefix(_BOM)).translate(_NO_BLANKS)


def safe_cell(text: str) -> str:
    """`text` so that a spreadsheet shows it and never runs it: a leading apostrophe stops a formula.

    Source: OWASP, CSV Injection (cells that begin with `=`, `+`, `-`, `@`, tab, carriage return; full-width forms too).
    """
    return "'" + text if text[:1] in _FORMULA else text
