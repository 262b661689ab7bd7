"""Masks: what remains to be seen of a value of a given kind and level. A mask is not anonymisation, and no key is used.

138****1234 leaves ten thousand numbers: never give out a mask together with a blind index or digest of the value.
"""

import re
from collections.abc import Callable, Mapping
from typing import Final

WITHHELD: Final = "***"
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_DATE = re.compile(r"(\d{4})-(\d{2})-\d{2}")

# Fields whose name says more than their type does.
KIND_OF_FIELD: Final[Mapping[str, str]] = {
    "wechat": "account",
    "id_no": "identity",
    "preference": "text",
}

# Bounds in fen; a band names the lower bound it starts at and the upper one it stays below.
_BANDS: Final = (
    (1_000_000, "<1万"),
    (10_000_000, "1万-10万"),
    (100_000_000, "10万-100万"),
    (1_000_000_000, "100万-1000万"),
    (10_000_000_000, "1000万-1亿"),
    (100_000_000_000, "1亿-10亿"),
)


def _withheld(value: object) -> str:
    return WITHHELD


def _name(value: object) -> str:
    text = str(value).strip()
    # Always two stars: the length of a name narrows it down.
    return f"{text[0]}**" if text and text[0].isalpha() else WITHHELD


def _mobile(value: object) -> str:
    digits = re.sub(r"[\s\-()]", "", str(value))
    digits = digits.removeprefix("+86").removeprefix("0086")
    # Anything that is not certainly a mobile number is withheld as a whole: a wrong guess would show too much.
    return f"{digits[:3]}****{digits[-4:]}" if _MOBILE.fullmatch(digits) else WITHHELD


def _phone(value: object) -> str:
    digits = re.sub(r"[^0-9]", "", str(value))
    return f"****{digits[-2:]}" if len(digits) >= 7 else WITHHELD


def _email(value: object) -> str:
    local, at, domain = str(value).strip().rpartition("@")
    if not (at and local and domain) or "@" in local:
        return WITHHELD
    return f"{local[0]}***@{domain[0]}..."


def _account(value: object) -> str:
    text = str(value).strip()
    return f"{text[0]}***" if len(text) >= 4 else WITHHELD


def _staff(value: object) -> str:
    text = str(value).strip()
    return f"****{text[-2:]}" if len(text) >= 4 else WITHHELD


def _amount(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        return WITHHELD
    return next((band for bound, band in _BANDS if value < bound), ">=10亿")


def _month(value: object) -> str:
    found = _DATE.match(str(value))
    return f"{found[1]}-{found[2]}" if found else WITHHELD


_Mask = Callable[[object], str]
# kind: the mask at level 3, and whether level 2 is masked as well (it is for whatever names or reaches a person).
_MASKS: Final[Mapping[str, tuple[_Mask, bool]]] = {
    "name": (_name, True),
    "mobile": (_mobile, True),
    "phone": (_phone, True),
    "email": (_email, True),
    "account": (_account, True),
    "identity": (_withheld, True),
    "staff": (_staff, True),
    "amount": (_amount, True),
    "date": (_month, False),
    "enum": (_withheld, False),
    "flag": (_withheld, False),
    "text": (_withheld, False),
    "json": (_withheld, True),
}
_UNKNOWN: Final[tuple[_Mask, bool]] = (_withheld, True)


def mask(field: str, value: object, level: int, kind: str = "") -> object:
    """What may be shown of `value` at level 1..5 when masking is due; None stays None.

    `kind` is the field's type (name, mobile, phone, email, account, identity, staff, amount in fen, date, enum, flag,
    text, json); without one, the field's name is taken. Level 1 is public and shown; level 2 is shown unless it names
    or reaches a person; level 3 is masked by kind; from level 4 on, and for an unknown kind, only presence is shown.
    """
    if value is None or level <= 1:
        return value
    if level >= 4:
        return WITHHELD
    masked, from_two = _MASKS.get(KIND_OF_FIELD.get(field) or kind or field, _UNKNOWN)
    if level == 2 and not from_two:
        return value
    if isinstance(value, list):
        return [masked(item) for item in value]
    return masked(value)


def mask_all(
    values: Mapping[str, object], levels: Mapping[str, int], kinds: Mapping[str, str] | None = None
) -> dict[str, object]:
    """Every value masked by its field's level and kind; a field without a stated level is withheld."""
    known = kinds or {}
    return {name: mask(name, value, levels.get(name, 5), known.get(name, "")) for name, value in values.items()}
