"""Rules over one whole record: what must be there, what belongs together."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from gateway.domain import names
from gateway.domain.entry.specs import specs_of
from gateway.domain.entry.values import Value, read
from gateway.domain.problems import field_error
from gateway.errors import FieldError

MEMO_MIN = 10
FEEDBACK_MIN = 4


class Cleaned(NamedTuple):
    """Values ready to keep, what forbids keeping them, and what somebody should look at. Messages repeat no value."""

    values: dict[str, Value]
    errors: tuple[FieldError, ...]
    warnings: tuple[FieldError, ...]


def clean(group: str, raw: Mapping[str, str], *, today: str | None = None) -> Cleaned:
    """Read one record of `group` from text. With errors, `values` hold what could be read and must not be kept.

    Values are text, or integers: amounts in fen, counts. Dates are ISO. Several choices are joined by commas. Empty
    fields are absent. `today` (ISO) refuses visits and the like in the future. Raises only `Problem(UNKNOWN_GROUP)`.
    """
    specs = specs_of(group)
    values: dict[str, Value] = {}
    errors: list[FieldError] = []
    warnings: list[FieldError] = []
    for field in raw:
        if field not in specs:
            errors.append(field_error(field, "unknown-field"))
    for name, spec in specs.items():
        text = raw.get(name)
        if not text:
            if spec.required:
                errors.append(field_error(name, "missing"))
            continue
        value, error, found = read(spec, text)
        if error:
            errors.append(error)
        elif value is not None:
            values[name] = value
            warnings.extend(found)
        elif spec.required:
            errors.append(field_error(name, "missing"))
    rule = _RULES.get(group, _some_content)
    rule(values, errors, warnings, today)
    return Cleaned(values, tuple(errors), tuple(warnings))


_Rule = Callable[[dict[str, Value], list[FieldError], list[FieldError], str | None], None]


def _some_content(
    values: dict[str, Value], errors: list[FieldError], warnings: list[FieldError], today: str | None
) -> None:
    if not values and not errors:
        errors.append(field_error("", "nothing-said"))


def _ordered(values: Mapping[str, Value], errors: list[FieldError], first: str, then: str, first_zh: str) -> None:
    start, end = values.get(first), values.get(then)
    if isinstance(start, str) and isinstance(end, str) and end < start:
        errors.append(field_error(then, "date-before-start", other=first_zh))


def _client(values: dict[str, Value], errors: list[FieldError], warnings: list[FieldError], today: str | None) -> None:
    _ordered(values, errors, "protection_from", "protection_to", "protection_from")
    name = values.get("name")
    if isinstance(name, str) and names.is_natural_person(name, str(values.get("uscc", ""))):
        warnings.append(field_error("name", "name-is-person"))


_WAYS = ("mobile", "phone", "email", "wechat")


def _contact(values: dict[str, Value], errors: list[FieldError], warnings: list[FieldError], today: str | None) -> None:
    # Sheets with one column "联系电话" mostly hold mobile numbers: they are found as such only where such are kept.
    phone = values.get("phone")
    if isinstance(phone, str) and len(phone) == 11 and phone.isdigit() and values.get("mobile") in (None, phone):
        values["mobile"] = phone
        del values["phone"]
    if not errors and not any(way in values for way in _WAYS):
        warnings.append(field_error("mobile", "no-way-to-reach"))


def _cooperation(
    values: dict[str, Value], errors: list[FieldError], warnings: list[FieldError], today: str | None
) -> None:
    _some_content(values, errors, warnings, today)
    _ordered(values, errors, "start_date", "end_date", "start_date")


def _said(values: Mapping[str, Value], errors: list[FieldError], field: str, least: int) -> None:
    text = values.get(field)
    if not isinstance(text, str):
        return
    if len(text) < least:
        errors.append(field_error(field, "too-short", limit=least))
    elif len(set(text)) == 1:
        errors.append(field_error(field, "repeated-text"))


def _visit(values: dict[str, Value], errors: list[FieldError], warnings: list[FieldError], today: str | None) -> None:
    _said(values, errors, "memo", MEMO_MIN)
    _said(values, errors, "feedback", FEEDBACK_MIN)
    day = values.get("date")
    if today and isinstance(day, str) and day > today:
        errors.append(field_error("date", "date-in-future"))
    bad = {error.field for error in errors}
    if "next_action" in values and not {"due_date"} & (values.keys() | bad):
        errors.append(field_error("due_date", "follow-up-without-date"))
    if "due_date" in values and not {"next_action"} & (values.keys() | bad):
        errors.append(field_error("next_action", "date-without-follow-up"))
    _ordered(values, errors, "date", "due_date", "date")


def _park(values: dict[str, Value], errors: list[FieldError], warnings: list[FieldError], today: str | None) -> None:
    _some_content(values, errors, warnings, today)
    _ordered(values, errors, "lease_from", "lease_to", "lease_from")


_RULES: dict[str, _Rule] = {
    "client_name": _client,
    "contact": _contact,
    "cooperation": _cooperation,
    "visit": _visit,
    "park_operation": _park,
}
