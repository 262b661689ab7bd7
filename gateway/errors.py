"""What can go wrong, said once: a stable code, in words for people, with what to do next.

A code is declared where it is raised (`NOT_THERE = declare("record-not-found", ...)`) and kept in `CODES`, from which the
documentation and the wire format (RFC 9457) are made. Nothing here knows HTTP: `kind` says whose fault it is.
A denial is not an error: verbs return a `Refusal`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal[
    "invalid",  # the input breaks a rule; the same input will fail again
    "unauthenticated",  # we do not know who asks
    "forbidden",  # we know, and may not (used for acts; reads return a Refusal)
    "not-found",
    "conflict",  # true at another moment, or somebody was first
    "too-large",
    "too-many",
    "unavailable",  # not the caller's fault; try again later
]


@dataclass(frozen=True, slots=True)
class Code:
    """A stable problem code: `name` never changes its meaning once released."""

    name: str
    kind: Kind
    zh: str
    en: str
    remedy_zh: str
    remedy_en: str


CODES: dict[str, Code] = {}


def declare(name: str, kind: Kind, *, zh: str, en: str, remedy_zh: str, remedy_en: str) -> Code:
    """Register a problem code and return it. A name declared twice with other words raises `ValueError`."""
    code = Code(name, kind, zh, en, remedy_zh, remedy_en)
    if CODES.setdefault(name, code) != code:
        raise ValueError(f"problem code {name!r} is declared twice")
    return code


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field: where it stands (`row` counts from 1, header excluded), and how to mend it."""

    field: str
    message_zh: str
    message_en: str
    row: int | None = None
    code: str = "invalid"


class LianqiaoError(Exception):
    """Base of every error that this product raises on purpose."""


class Problem(LianqiaoError):
    """Something the caller can act on. Never carries a protected value.

    `detail_*` say what happened this time; `extra` are further machine-readable members; `errors` list field by field.
    """

    def __init__(
        self,
        code: Code,
        *,
        field: str | None = None,
        detail_zh: str = "",
        detail_en: str = "",
        errors: tuple[FieldError, ...] = (),
        extra: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(f"{code.name}: {detail_en or code.en}" + (f" ({field})" if field else ""))
        self.code = code
        self.field = field
        self.detail_zh = detail_zh
        self.detail_en = detail_en
        self.errors = errors
        self.extra = dict(extra or {})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A decision not to disclose or not to act: a value, because it is recorded and committed like an allowance.

    `reason` is coarse and safe to show; `how_zh`/`how_en` tell how to apply; `rule` and `explanation` go to compliance only.
    """

    decision_id: str
    reason: str
    zh: str
    en: str
    how_zh: str = ""
    how_en: str = ""
    rule: str = ""
    explanation: tuple[str, ...] = ()
    extra: Mapping[str, object] = field(default_factory=dict)


INVALID_INPUT = declare(
    "invalid-input", "invalid",
    zh="输入不符合要求", en="The input breaks a rule",
    remedy_zh="请按所列字段逐一更正后重试", remedy_en="Correct the fields listed and try again",
)  # fmt: skip
NOT_FOUND = declare(
    "not-found", "not-found",
    zh="没有找到", en="There is no such thing here",
    remedy_zh="请检查编号;也可能您无权知悉其存在", remedy_en="Check the identifier; it may also be that you may not know of it",
)  # fmt: skip
NOT_ALLOWED = declare(
    "not-allowed", "forbidden",
    zh="您无权执行此操作", en="You may not do this",
    remedy_zh="请联系有相应角色的同事办理", remedy_en="Ask a colleague who holds the role for it",
)  # fmt: skip
CONFLICT = declare(
    "conflict", "conflict",
    zh="状态已改变", en="The state has changed meanwhile",
    remedy_zh="请刷新后再试", remedy_en="Reload and try again",
)  # fmt: skip
UNAVAILABLE = declare(
    "temporarily-unavailable", "unavailable",
    zh="服务暂时不可用", en="The service cannot answer right now",
    remedy_zh="请稍后重试;未完成的操作不会留下痕迹", remedy_en="Try again later; nothing of the attempt was kept",
)  # fmt: skip
