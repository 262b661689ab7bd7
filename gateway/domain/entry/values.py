"""One value of one kind: read from what people type, or refused with a code. Pure, and quick enough for long sheets."""

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from stdnum.cn import ric

from gateway.domain import names, uscc
from gateway.domain.entry.specs import FieldSpec
from gateway.domain.problems import field_error
from gateway.domain.text import find_flaw, fold, fold_lines, squeeze
from gateway.errors import FieldError

Value = str | int

BLANKS = frozenset(
    ["", "-", "--", "—", "——", "－", "/", "\\", "无", "暂无", "空", "N/A", "n/a", "NA", "null", "NULL", "None", "nan"]
)
_FORMULA_ERRORS = frozenset(["#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!", "#SPILL!", "#CALC!"])
_SCIENTIFIC = re.compile(r"\d(?:\.\d+)?[eE]\+?\d+")


class Unfit(Exception):
    """A value that breaks a rule; stays inside this package and becomes a `FieldError`."""

    def __init__(self, code: str, **params: object) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


class Parsed(NamedTuple):
    """A value to keep, and codes of what should be looked at."""

    value: Value
    warnings: tuple[str, ...] = ()


def read(spec: FieldSpec, raw: str) -> tuple[Value | None, FieldError | None, tuple[FieldError, ...]]:
    """The value of `raw` for `spec`: value, or an error; `None` with no error is an empty field. Never raises.

    Placeholders that sheets use for nothing (`-`, `/`, `无`, `N/A`...) are empty.
    """
    stripped = raw.strip()
    if stripped in BLANKS:
        return None, None, ()
    if stripped in _FORMULA_ERRORS:
        return None, field_error(spec.name, "formula-error"), ()
    # Before any work on it: folding a field of megabytes is work an attacker would have us do.
    if len(stripped) > spec.max_len * 4 + 200:
        return None, field_error(spec.name, "too-long", limit=spec.max_len), ()
    try:
        parsed = _READERS[spec.kind](stripped, spec)
    except Carried as carried:
        return None, carried.error, ()
    except Unfit as unfit:
        return None, field_error(spec.name, unfit.code, **unfit.params), ()
    if parsed.value == "":
        return None, None, ()
    if not parsed.warnings:
        return parsed.value, None, ()
    return parsed.value, None, tuple(field_error(spec.name, code) for code in parsed.warnings)


def _flawless(text: str, *, lines: bool = False) -> str:
    found = find_flaw(text, lines=lines)
    if found:
        raise Unfit(found.code, position=found.position, char=found.char)
    return text


def _short(text: str, spec: FieldSpec) -> str:
    if len(text) > spec.max_len:
        raise Unfit("too-long", limit=spec.max_len)
    return text


def _line(raw: str, spec: FieldSpec) -> Parsed:
    return Parsed(_short(_flawless(fold(raw)), spec))


def _text(raw: str, spec: FieldSpec) -> Parsed:
    return Parsed(_short(_flawless(fold_lines(raw), lines=True), spec))


def _name(raw: str, spec: FieldSpec) -> Parsed:
    name, errors, warnings = names.clean_name(raw, field=spec.name)
    if errors:
        raise Carried(errors[0])
    return Parsed(_short(name, spec), tuple(warning.code for warning in warnings))


def _uscc(raw: str, spec: FieldSpec) -> Parsed:
    examined = uscc.examine(raw, field=spec.name)
    if examined.uscc is None:
        assert examined.error is not None
        raise Carried(examined.error)
    return Parsed(examined.uscc.code, tuple(warning.code for warning in examined.warnings))


class Carried(Unfit):
    """An error that already has its words."""

    def __init__(self, error: FieldError) -> None:
        super().__init__(error.code)
        self.error = error


_SPACE_IN_HAN = re.compile(r"(?<=[\u3400-\u9fff]) (?=[\u3400-\u9fff])")


def _person(raw: str, spec: FieldSpec) -> Parsed:
    name = _SPACE_IN_HAN.sub("", _flawless(fold(raw)))
    foreign = names.foreign_letter(name)
    if foreign:
        raise Unfit(foreign.code, position=foreign.position, char=foreign.char)
    if re.search(r"[/、,;]", name):
        raise Unfit("several-values")
    if any(char.isdigit() for char in name) or not any(char.isalpha() for char in name):
        raise Unfit("not-a-person-name")
    return Parsed(_short(name, spec))


_MOBILE = re.compile(r"1[3-9]\d{9}")
_LONG_NUMBERS = re.compile(r"\d{7,}")


def mobile_number(raw: str) -> str | None:
    """The eleven digits of a mainland mobile number written with blanks, hyphens, brackets or +86, or `None`."""
    digits = re.sub(r"[-().]", "", squeeze(raw)).removeprefix("'")
    for prefix in ("+86", "0086", "86"):
        if digits.startswith(prefix) and len(digits) == len(prefix) + 11:
            digits = digits.removeprefix(prefix)
            break
    return digits if digits.isascii() and _MOBILE.fullmatch(digits) else None


def _mobile(raw: str, spec: FieldSpec) -> Parsed:
    number = mobile_number(raw)
    if number:
        return Parsed(number)
    text = _flawless(squeeze(raw))
    if _SCIENTIFIC.fullmatch(text):
        raise Unfit("spreadsheet-number")
    if len(_LONG_NUMBERS.findall(text)) > 1:
        raise Unfit("several-values")
    raise Unfit("not-a-mobile")


_AREA = r"(?P<area>010|02\d|0[3-9]\d{2})"
_EXTENSION = r"(?:(?:-|转|分机号?|ext\.?|x|#)(?P<ext>\d{1,6}))?"
_LANDLINE = re.compile(rf"(?:(?:\+|00)86-?)?\(?{_AREA}\)?-?(?P<local>\d{{7,8}}){_EXTENSION}")
_LANDLINE_86 = re.compile(rf"(?:(?:\+|00)86-?)\(?0?(?P<area>10|2\d|[3-9]\d{{2}})\)?-?(?P<local>\d{{7,8}}){_EXTENSION}")
_LOCAL = re.compile(rf"(?P<local>[1-9]\d{{6,7}}){_EXTENSION}")
_SERVICE = re.compile(r"([48]00)-?(\d{3})-?(\d{4})")
_SHORT_CODE = re.compile(r"9\d{4,5}|1\d{4}")
_ABROAD = re.compile(r"(?:\+|00)(?!86)([1-9]\d{6,14})")


def _phone(raw: str, spec: FieldSpec) -> Parsed:
    mobile = mobile_number(raw)
    if mobile:
        return Parsed(mobile)
    text = _flawless(squeeze(raw)).lower().translate(str.maketrans("—–－", "---")).removeprefix("'")
    if _SCIENTIFIC.fullmatch(text):
        raise Unfit("spreadsheet-number")
    found = _LANDLINE.fullmatch(text) or _LANDLINE_86.fullmatch(text)
    if found:
        area = found["area"] if found["area"].startswith("0") else "0" + found["area"]
        return Parsed(f"{area}-{found['local']}" + (f"-{found['ext']}" if found["ext"] else ""))
    service = _SERVICE.fullmatch(text)
    if service:
        return Parsed("-".join(service.groups()))
    local = _LOCAL.fullmatch(text)
    if local:
        return Parsed(local["local"] + (f"-{local['ext']}" if local["ext"] else ""), ("no-area-code",))
    abroad = _ABROAD.fullmatch(text.replace("-", ""))
    if abroad:
        return Parsed("+" + abroad[1])
    if _SHORT_CODE.fullmatch(text):
        return Parsed(text)
    raise Unfit("several-values" if len(_LONG_NUMBERS.findall(text)) > 1 else "not-a-phone")


_EMAIL = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}"
)


def _email(raw: str, spec: FieldSpec) -> Parsed:
    # Lower case throughout: mailboxes that differ in case only do not exist in practice, duplicates that do are common.
    address = _flawless(squeeze(raw)).lower().removeprefix("mailto:").rstrip(";,。")
    if address.count("@") > 1:
        raise Unfit("several-values")
    local, _, domain = address.partition("@")
    if len(local) > 64 or len(domain) > 253 or not _EMAIL.fullmatch(address):
        raise Unfit("not-an-email")
    return Parsed(_short(address, spec))


_WECHAT = re.compile(r"[a-zA-Z][-_a-zA-Z0-9]{5,19}")


def _wechat(raw: str, spec: FieldSpec) -> Parsed:
    text = _short(_flawless(squeeze(raw)), spec)
    usual = _WECHAT.fullmatch(text) or _MOBILE.fullmatch(text)
    return Parsed(text, () if usual else ("unusual-wechat",))


def _id_no(raw: str, spec: FieldSpec) -> Parsed:
    text = _flawless(squeeze(raw)).upper().removeprefix("'")
    if _SCIENTIFIC.fullmatch(text):
        raise Unfit("spreadsheet-number")
    if re.fullmatch(r"[0-9]{17}[0-9X]", text):
        if _day(int(text[6:10]), int(text[10:12]), int(text[12:14])) is None:
            raise Unfit("id-birth-date")
        if ric.calc_check_digit(text) != text[17]:
            raise Unfit("id-check-digit")
        return Parsed(text)
    if not re.fullmatch(r"[A-Z0-9()-]{5,20}", text) or not any(char.isdigit() for char in text):
        raise Unfit("not-an-id")
    return Parsed(text, ("unchecked-id",))


_DAY = re.compile(
    r"(?P<y>\d{4}) ?(?P<sep>[-/.年]) ?(?P<m>\d{1,2}) ?[-/.月] ?(?P<d>\d{1,2}) ?[日号]?"
    r"(?: ?\(?(?:星期|周)[一二三四五六日天]\)?)?"
    r"(?:[T ]? ?(?:上午|下午|晚上|中午)? ?\d{1,2} ?[:时点] ?(?:\d{1,2}.{0,20})?)?"
)
_COMPACT_DAY = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SERIAL = re.compile(r"([2-7]\d{4})(?:\.\d+)?")
_NO_DAY = re.compile(r"\d{4} ?[-/.年] ?\d{1,2} ?月?|\d{1,2} ?月 ?\d{1,2} ?[日号]?|\d{4}年?")
_UNCLEAR_DAY = re.compile(r"\d{1,2}[-/.年]\d{1,2}[-/.月]\d{1,4}日?")
_HAN_DIGITS = str.maketrans("〇零一二三四五六七八九", "00123456789")
_EXCEL_EPOCH = date(1899, 12, 30)  # day 60 of the 1900 system never was; all serials above it count from here


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _tens(found: re.Match[str]) -> str:
    before, after = found[1], found[2]
    return (before or "1") + (after or "0")


def _date(raw: str, spec: FieldSpec) -> Parsed:
    text = _flawless(fold(raw)).removeprefix("'")
    if "年" in text and text[0] in "一二":
        text = re.sub(r"(\d?)十(\d?)", _tens, text.translate(_HAN_DIGITS))
    found = _DAY.fullmatch(text)
    if found:
        return Parsed(_dated(_day(int(found["y"]), int(found["m"]), int(found["d"]))))
    compact = _COMPACT_DAY.fullmatch(text)
    if compact:
        return Parsed(_dated(_day(*map(int, compact.groups()))))
    serial = _SERIAL.fullmatch(text)
    if serial:
        return Parsed(_dated(_EXCEL_EPOCH + timedelta(days=int(serial[1]))))
    if _NO_DAY.fullmatch(text):
        raise Unfit("incomplete-date")
    raise Unfit("ambiguous-date" if _UNCLEAR_DAY.fullmatch(text) else "not-a-date")


def _dated(day: date | None) -> str:
    if day is None:
        raise Unfit("no-such-day")
    if not 1900 <= day.year <= 2199:
        raise Unfit("date-out-of-range")
    return day.isoformat()


_UNITS = {
    "": 1, "元": 1, "圆": 1, "百": 100, "千": 1_000, "万": 10_000, "十万": 100_000, "百万": 1_000_000,
    "千万": 10_000_000, "亿": 100_000_000, "十亿": 10**9, "百亿": 10**10, "千亿": 10**11, "万亿": 10**12,
    "W": 10_000, "K": 1_000,
}  # fmt: skip
_UNIT = "万亿|千亿|百亿|十亿|亿|千万|百万|十万|万|千|百|W|K"
_AMOUNT = re.compile(
    rf"(?:人民币|RMB|CNY|¥)?(?P<sign>[-+]?)(?:¥)?(?P<number>\d[\d,]*(?:\.\d*)?|\.\d+)(?P<unit>{_UNIT})?"
    r"(?:元|圆|人民币|RMB|CNY)?(?:人民币|RMB|CNY)?整?"
)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d*)?|\.\d+|\d+(?:\.\d*)?")
_FOREIGN = re.compile(r"美元|港元|港币|欧元|日元|英镑|台币|澳元|USD|HKD|EUR|JPY|GBP|US\$|HK\$|[$€£]")
MAX_FEN = 10**17


def _plain_number(number: str) -> Decimal:
    if not _GROUPED.fullmatch(number):
        raise Unfit("misplaced-separator")
    return Decimal(number.replace(",", ""))


def _amount(raw: str, spec: FieldSpec) -> Parsed:
    text = _flawless(squeeze(raw)).upper().removeprefix("'")
    if _FOREIGN.search(text):
        raise Unfit("unknown-currency")
    negative = text.startswith("(") and text.endswith(")")
    text = text[1:-1] if negative else text
    if _SCIENTIFIC.fullmatch(text):
        raise Unfit("spreadsheet-number")
    found = _AMOUNT.fullmatch(text)
    if not found or not found["number"].isascii():
        raise Unfit("not-an-amount")
    if len(found["number"]) > 40:
        raise Unfit("amount-out-of-range")
    fen = _plain_number(found["number"]) * _UNITS[found["unit"] or ""] * 100
    if fen != fen.to_integral_value():
        raise Unfit("finer-than-fen")
    if fen > MAX_FEN:
        raise Unfit("amount-out-of-range")
    return Parsed(-int(fen) if negative or found["sign"] == "-" else int(fen))


_NUMBER = re.compile(r"[-+]?(?:\d[\d,]*(?:\.\d*)?|\.\d+)")
_MEASURES = re.compile(r"(?:平方米|平米|立方米|千瓦时|kwh|㎡|m2|m3|吨|度|方|人|个|名|件|次|项|年|%|户)$", re.IGNORECASE)


def _decimal(raw: str) -> Decimal:
    text = _MEASURES.sub("", _flawless(squeeze(raw)).removeprefix("'"))
    if _SCIENTIFIC.fullmatch(text):
        raise Unfit("spreadsheet-number")
    if len(text) > 40 or not text.isascii() or not _NUMBER.fullmatch(text):
        raise Unfit("not-a-number")
    negative = text.startswith("-")
    value = _plain_number(text.lstrip("+-"))
    return -value if negative else value


def _number(raw: str, spec: FieldSpec) -> Parsed:
    value = format(_decimal(raw), "f")
    return Parsed((value.rstrip("0").rstrip(".") if "." in value else value) or "0")


def _integer(raw: str, spec: FieldSpec) -> Parsed:
    value = _decimal(raw)
    if value != value.to_integral_value() or abs(value) > MAX_FEN:
        raise Unfit("not-a-number")
    return Parsed(int(value))


_SEPARATORS = re.compile(r"[、,;/|\n ]+")


def _option(text: str, spec: FieldSpec) -> str:
    wanted = text.lower()
    for option in spec.options:
        if wanted in (option.code.lower(), option.zh.lower()):
            return option.code
    loose = [option.code for option in spec.options if option.zh.startswith(text) or text.startswith(option.zh)]
    if len(loose) == 1 and len(text) >= 2:
        return loose[0]
    raise Unfit("not-in-list", options="、".join(option.zh for option in spec.options))


def _enum(raw: str, spec: FieldSpec) -> Parsed:
    return Parsed(_option(_flawless(squeeze(raw)), spec))


def _enums(raw: str, spec: FieldSpec) -> Parsed:
    parts = [part for part in _SEPARATORS.split(_flawless(fold(raw), lines=True)) if part]
    chosen = {_option(part, spec) for part in parts or [""]}  # nothing but separators is no choice
    return Parsed(",".join(option.code for option in spec.options if option.code in chosen))


_STAFF = re.compile(r"[A-Za-z]{0,6}-?\d{1,12}")
_STAFF_NAME = re.compile(r"[\u3400-\u9fff·]{2,10}(?:\([A-Za-z0-9-]{1,19}\))?")


def _staff(raw: str, spec: FieldSpec) -> Parsed:
    people = [part for part in _SEPARATORS.split(_flawless(fold(raw))) if part]
    if not people or not all(_STAFF.fullmatch(part) or _STAFF_NAME.fullmatch(part) for part in people):
        raise Unfit("not-staff")
    return Parsed(_short(",".join(dict.fromkeys(people)), spec))


_MOST_BRACKETS = 500


def _refuse_constant(constant: str) -> Any:
    raise ValueError(constant)


def _json(raw: str, spec: FieldSpec) -> Parsed:
    # Asked before the reader recurses: where a library raised Python's recursion limit, deep nesting ends the process.
    if raw.count("[") + raw.count("{") > _MOST_BRACKETS:
        raise Unfit("not-json")
    try:
        content = json.loads(raw, parse_constant=_refuse_constant)
        text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (ValueError, RecursionError):
        raise Unfit("not-json") from None
    return Parsed(_short(_flawless(text, lines=True), spec))


_READERS: dict[str, Callable[[str, FieldSpec], Parsed]] = {
    "line": _line, "text": _text, "name": _name, "person": _person, "uscc": _uscc, "mobile": _mobile, "phone": _phone,
    "email": _email, "wechat": _wechat, "id_no": _id_no, "date": _date, "amount": _amount, "number": _number,
    "integer": _integer, "enum": _enum, "enums": _enums, "staff": _staff, "json": _json,
}  # fmt: skip
