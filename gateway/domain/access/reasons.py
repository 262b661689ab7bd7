"""The closed list of reasons with which an approver refuses or narrows."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from gateway.errors import Problem, declare

UNKNOWN_REASON = declare(
    "unknown-refusal-reason", "invalid",
    zh="拒绝或限缩须从理由清单中选择", en="A refusal or a limit needs a reason from the closed list",
    remedy_zh="请选择适用于您角色的理由代码", remedy_en="Choose a reason code that your role may use",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RefusalReason:
    """A reason, what the requester can do next, and the roles that may give it."""

    code: str
    zh: str
    en: str
    how_zh: str
    how_en: str
    roles: frozenset[str]


@cache
def refusal_reasons() -> dict[str, RefusalReason]:
    """All reasons by code, in the order of the list."""
    raw = yaml.safe_load((files("gateway.domain") / "data" / "refusal_reasons.yaml").read_text("utf-8"))
    return {
        code: RefusalReason(code, row["zh"], row["en"], row["how_zh"], row["how_en"], frozenset(row["roles"]))
        for code, row in raw.items()
    }


def require_reason(code: str, role: str) -> RefusalReason:
    """The reason `code` if `role` may give it; raises `Problem` `unknown-refusal-reason` otherwise."""
    reason = refusal_reasons().get(code)
    if reason is None or role not in reason.roles:
        usable = [row.code for row in refusal_reasons().values() if role in row.roles]
        raise Problem(UNKNOWN_REASON, field="reason", extra={"choices": usable})
    return reason
