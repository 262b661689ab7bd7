"""What goes over the wire, and which verb answers where: the one table that API, SDK, CLI and documents are made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema, model_validator

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_LATEST = 253_370_764_799_999_999  # the last moment of 9998: every offset still has a year


def instant_from(value: object) -> int:
    """Microseconds since the epoch from an RFC 3339 text (with offset) or from microseconds."""
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError("an instant is an RFC 3339 text such as 2026-03-05T09:00:00+08:00")
    if isinstance(value, str):
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is None:
            raise ValueError("an instant needs an offset from UTC, such as Z or +08:00")
        value = (moment - _EPOCH) // _MICROSECOND
    if not 0 <= value <= _LATEST:
        raise ValueError("an instant lies between the years 1970 and 9999")
    return value


def instant_text(value: int) -> str:
    """RFC 3339 in UTC with as many digits of the second as are needed."""
    return (_EPOCH + value * _MICROSECOND).isoformat().replace("+00:00", "Z")


Instant = Annotated[
    int,
    BeforeValidator(instant_from),
    PlainSerializer(instant_text, return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "format": "date-time", "examples": ["2026-03-05T01:00:00Z"]}),
]
"""A moment: RFC 3339 on the wire, integer microseconds since the epoch in Python."""

DateText = Annotated[str, Field(pattern=r"^\d{4}-\d{2}-\d{2}$", examples=["2026-03-05"])]


def _holds_nul(value: object) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, Mapping):
        return any(_holds_nul(each) for pair in value.items() for each in pair)
    return isinstance(value, list | tuple) and any(_holds_nul(each) for each in value)


class Ask(BaseModel):
    """The input of a verb: path, query and body together. Unknown members are refused, and so are NUL characters."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    @model_validator(mode="before")
    @classmethod
    def _no_nul(cls, values: Any) -> Any:
        for name, value in values.items() if isinstance(values, Mapping) else ():
            if _holds_nul(value) or _holds_nul(name):
                raise ValueError(
                    f"{name!r} 含有 NUL 字符 / holds a NUL character" if str(name).isidentifier() else "NUL"
                )
        return values


class Answer(BaseModel):
    """The output of a verb."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Nothing(Ask):
    """No input."""


class Done(Answer):
    """It is done; `id` names what it was done to."""

    id: str = ""
    state: str = "done"


class Paged(Ask):
    """Lists page by key: pass `next` of the last answer as `after`."""

    after: str | None = Field(default=None, description="`next` of the page before / 上一页返回的 next")
    limit: int = Field(default=50, ge=1, le=1000, description="rows a page / 每页行数")


T = TypeVar("T")


class Page(Answer, Generic[T]):
    """One page; `next` is null on the last one."""

    items: tuple[T, ...]
    next: str | None = None


Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True, slots=True)
class Route:
    """Verb `name` is served at `method path`, takes `ask` and answers `answer`.

    `public`: no sign-in needed. `raw`: a handler of its own presents it (files, streams, the hot path).
    `secret`: its answer is shown once and never kept, not even for an idempotent repetition. `status`: of a success. `problems`: codes it can raise beyond the usual ones, for the documentation.
    """

    name: str
    method: Method
    path: str
    ask: type[Ask]
    answer: type[Answer] | Any
    tag: str
    zh: str
    en: str
    public: bool = False
    raw: bool = False
    status: int = 200
    secret: bool = False
    problems: tuple[str, ...] = field(default=())

    @property
    def path_fields(self) -> tuple[str, ...]:
        return tuple(part[1:-1] for part in self.path.split("/") if part.startswith("{"))

    @property
    def safe(self) -> bool:
        return self.method == "GET"
