"""The key of a list ordered by time and identifier, newest first."""

from gateway.errors import INVALID_INPUT, Problem


def key_of(at: int, identifier: str) -> str:
    """What a caller passes back as `after` to go on below this row."""
    return f"{at}.{identifier}"


def read_key(after: str | None) -> tuple[int, str] | None:
    """Time and identifier of `key_of`; None for the first page. Raises `Problem(invalid-input)` for another text."""
    if after is None:
        return None
    at, dot, identifier = after.partition(".")
    if not dot or not at.isdecimal() or not identifier or len(at) > 18:
        raise Problem(
            INVALID_INPUT,
            field="after",
            detail_zh="请原样传回上一页的 next",
            detail_en="pass `next` of the page before",
        )
    return int(at), identifier
