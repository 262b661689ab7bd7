"""The words for what may be wrong with a request: a table, read once."""

from functools import cache
from importlib.resources import files

import yaml

from gateway.errors import FieldError


@cache
def request_problems() -> dict[str, tuple[str, str]]:
    """Code -> words in zh and en, remedy included; `{name}` stands for a parameter."""
    raw = yaml.safe_load((files("gateway.domain") / "data" / "request_problems.yaml").read_text("utf-8"))
    return {code: (zh, en) for code, (zh, en) in raw.items()}


def form_error(field: str, code: str, **params: object) -> FieldError:
    """The error `code` on `field` of the form. A code that is not in the table raises `KeyError`."""
    zh, en = request_problems()[code]
    return FieldError(field, zh.format_map(params), en.format_map(params), code=code)
