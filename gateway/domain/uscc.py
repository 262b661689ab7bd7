"""The unified social credit code (GB 32100-2015): folded, checked, explained, and made up for synthetic data."""

from collections.abc import Iterator
from dataclasses import dataclass

from stdnum.cn import uscc as _stdnum

from gateway.domain.problems import field_error
from gateway.domain.text import squeeze
from gateway.errors import FieldError, Problem, declare

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
LENGTH = 18

# Position 1 (registering authority) and the kinds it registers at position 2: GB 32100-2015, table 1, with its later
# additions A (military) and N (rural collectives). The table has grown before, so a stranger is a warning, no error.
_AUTHORITIES: dict[str, str] = {
    "1": "1239", "2": "19", "3": "123459", "4": "19", "5": "1239", "6": "129", "7": "129", "8": "19", "9": "1239",
    "A": "19", "N": "1239", "Y": "1",
}  # fmt: skip
_ORGANISATION_WEIGHTS = (3, 7, 9, 10, 5, 8, 4, 2)  # GB 11714-1997, 4.2
_ORGANISATION_VALUES = {char: value for value, char in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")}
_EXCLUDED = {"I": "1", "O": "0", "S": "5", "V": "U", "Z": "2"}  # GB 32100-2015, 4.2: left out because they mislead

INVALID_USCC = declare(
    "invalid-uscc", "invalid",
    zh="统一社会信用代码不正确", en="The unified social credit code is not valid",
    remedy_zh="请对照营业执照逐位核对18位代码(不含字母I、O、S、V、Z)",
    remedy_en="Compare all 18 characters with the business licence (the letters I, O, S, V, Z do not occur)",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Uscc:
    """A code whose check character is right. Its text form is the 18 half-width upper-case characters."""

    code: str

    def __str__(self) -> str:
        return self.code

    @property
    def authority(self) -> str:
        """Registering authority (position 1): `9` market regulation, `5` civil affairs, `1` establishment office..."""
        return self.code[0]

    @property
    def area(self) -> str:
        """Area code of the registering authority (GB/T 2260), e.g. `441900` for Dongguan."""
        return self.code[2:8]

    @property
    def organisation_code(self) -> str:
        """The nine characters of the organisation code (GB 11714)."""
        return self.code[8:17]

    @property
    def is_sole_trader(self) -> bool:
        """True for 个体工商户 (`92...`), whose names may be those of natural persons."""
        return self.code[:2] == "92"


@dataclass(frozen=True, slots=True)
class Examined:
    """What `examine` found: either a code (perhaps with warnings) or one error."""

    uscc: Uscc | None
    error: FieldError | None
    warnings: tuple[FieldError, ...]


def normalise(text: str) -> str:
    """Half-width, upper case, without blanks, hyphens and a leading apostrophe. Checks nothing."""
    code = squeeze(text).upper()
    return code if code.isalnum() else code.replace("-", "").removeprefix("'")


def organisation_check(body: str) -> str:
    """The ninth character of an organisation code for its first eight (GB 11714-1997, 4.2): 10 is `X`, 11 is `0`."""
    total = sum(_ORGANISATION_VALUES[char] * weight for char, weight in zip(body, _ORGANISATION_WEIGHTS, strict=True))
    return "0123456789X0"[11 - total % 11]


def examine(text: str, *, field: str = "uscc") -> Examined:
    """Check `text` as a code: length, alphabet, area digits, check character (mod 31); never raises.

    An unusual authority or kind and a wrong organisation-code check character (GB 11714) are warnings only: codes that
    were issued before 2015 may carry them. The error says where the code is wrong and never repeats it.
    """
    code = normalise(text)
    found = _form_error(code, field)
    if found:
        return Examined(None, found, ())
    expected = _stdnum.calc_check_digit(code[:17])
    if code[17] != expected:
        return Examined(None, field_error(field, "uscc-check-character"), ())
    return Examined(Uscc(code), None, _warnings(code, field))


def parse_uscc(text: str, *, field: str = "uscc") -> tuple[Uscc, tuple[FieldError, ...]]:
    """The code in `text` and warnings about it. Raises `Problem(INVALID_USCC)` with the position and the reason."""
    result = examine(text, field=field)
    if result.uscc is None:
        assert result.error is not None
        raise Problem(
            INVALID_USCC, field=field, detail_zh=result.error.message_zh, detail_en=result.error.message_en,
            errors=(result.error,),
        )  # fmt: skip
    return result.uscc, result.warnings


def _form_error(code: str, field: str) -> FieldError | None:
    if not code:
        return field_error(field, "uscc-missing")
    if "E+" in code:
        return field_error(field, "uscc-damaged-by-spreadsheet")
    for position, char in enumerate(code, start=1):
        if char in ALPHABET:
            continue
        if char in _EXCLUDED:
            return field_error(field, "uscc-excluded-letter", position=position, char=char, meant=_EXCLUDED[char])
        reason = "uscc-look-alike" if char.isalpha() else "uscc-character"
        return field_error(field, reason, position=position, char=f"U+{ord(char):04X}")
    if len(code) != LENGTH:
        return field_error(field, "uscc-length", length=len(code))
    for position in range(3, 9):
        if not code[position - 1].isdigit():
            return field_error(field, "uscc-area", position=position)
    return None


def _warnings(code: str, field: str) -> tuple[FieldError, ...]:
    found: list[FieldError] = []
    kinds = _AUTHORITIES.get(code[0])
    if kinds is None:
        found.append(field_error(field, "uscc-authority"))
    elif code[1] not in kinds:
        found.append(field_error(field, "uscc-kind"))
    if organisation_check(code[8:16]) != code[16]:
        found.append(field_error(field, "uscc-organisation-code"))
    return tuple(found)


def compose(prefix: str, body: str) -> Uscc:
    """The code of `prefix` (authority, kind, area: 8 characters) and organisation `body` (8), both checks computed."""
    if len(prefix) != 8 or len(body) != 8:
        raise ValueError("a code is composed of 8 + 8 characters")
    start = prefix + body + organisation_check(body)
    return Uscc(start + _stdnum.calc_check_digit(start))


_BODIES = 31**5  # "MA0" and five free characters


def synthetic_code(index: int, *, kind: str = "91", area: str = "441900", seed: int = 0) -> Uscc:
    """The `index`-th invented code (distinct for 0 <= index < 28,629,151): both checks right, made up.

    The body begins with `MA0`, a block that was handed out in the north of the country and not in Guangdong, so an
    invented Dongguan code names no registered company.
    """
    if not 0 <= index < _BODIES:
        raise ValueError(f"index must be in 0..{_BODIES - 1}")
    number = (index * 7_368_787 + seed * 1_000_003 + 524_287) % _BODIES  # 7,368,787 is prime to 31: a permutation
    body = ""
    for _ in range(5):
        number, digit = divmod(number, 31)
        body = ALPHABET[digit] + body
    return compose(kind + area, "MA0" + body)


def synthetic_codes(count: int, *, kind: str = "91", area: str = "441900", seed: int = 0) -> Iterator[Uscc]:
    """`count` distinct invented codes, the same for the same arguments."""
    return (synthetic_code(index, kind=kind, area=area, seed=seed) for index in range(count))
