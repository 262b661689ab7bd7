"""Consent of a person and authorisation of an enterprise: bound to one receiver, one purpose, named items, a period.

PIPL arts. 14 to 17 and 23: consent is informed, anew on change, and withdrawn as easily as given; giving personal data
to another handler wants a separate one that names the receiver. Withdrawal stops what comes after, never what was.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from gateway.domain.catalogue import DataItem
from gateway.domain.workdays import DAY
from gateway.errors import FieldError, Problem, declare

PERSON_KINDS: Final = ("general", "separate", "written")
ENTERPRISE_KIND: Final = "enterprise_authorisation"
COOL_DOWN_DAYS: Final = 180  # Network Data Security Regulation, art. 22: no repeated asking; the length is ours

_SHA256: Final = re.compile(r"[0-9a-f]{64}\Z")

INVALID_CONSENT = declare(
    "invalid-consent", "invalid",
    zh="同意或授权不完整", en="The consent or authorisation is incomplete",
    remedy_zh="请按所列字段补正", remedy_en="Mend the fields listed",
)  # fmt: skip
CONSENT_ENDED = declare(
    "consent-already-withdrawn", "conflict",
    zh="同意或授权已撤回", en="The consent or authorisation was withdrawn already",
    remedy_zh="无需再次撤回;继续使用须重新取得", remedy_en="Nothing is left to withdraw; to go on, obtain a new one",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a consent and an authorisation have in common. Times are microseconds, `not_after` exclusive.

    `client_id` is the enterprise that it is about, `receiver` the institution that may receive; `evidence_hash` the
    SHA-256 (hexadecimal) of the document that proves it, `notice_version` what the giver had been told.
    """

    id: str
    kind: str
    client_id: str
    receiver: str
    purpose: str
    items: tuple[str, ...]
    notice_version: str
    evidence_hash: str
    not_before: int
    not_after: int
    given_at: int
    withdrawn_at: int | None = None

    def state(self, now: int) -> str:
        """valid, future, ended or withdrawn, as of `now`."""
        if self.withdrawn_at is not None and now >= self.withdrawn_at:
            return "withdrawn"
        if now < self.not_before:
            return "future"
        return "valid" if now < self.not_after else "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent(Permission):
    """A person's consent; `record_id` is the record of that person. `separate` or `written` reaches another handler."""

    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation(Permission):
    """An enterprise's authorisation letter, signed by its representative (`signed_by`, a person id)."""

    signed_by: str = ""


P = TypeVar("P", bound=Permission)


def covers(permission: Permission, receiver: str, purpose: str, item: str, now: int) -> bool:
    """Whether `permission` lets `receiver` have `item` for `purpose` at `now`: all four, exactly, and not withdrawn."""
    return (
        permission.state(now) == "valid"
        and permission.receiver == receiver
        and permission.purpose == purpose
        and item in permission.items
    )


def permits(
    item: DataItem,
    permissions: Iterable[Permission],
    *,
    client_id: str,
    record_id: str,
    receiver: str,
    purpose: str,
    other_handler: bool,
    now: int,
) -> bool:
    """Whether every permission that `item` wants is there for this record of this client.

    Personal data that goes to another handler (`other_handler`: the receiver is not the institution that holds it)
    wants the person's separate or written consent (PIPL art. 23), sensitive data in any case (PIPL art. 29). An item
    under CONSENT_ENT wants the enterprise's authorisation, whoever receives.
    """
    held = [p for p in permissions if p.client_id == client_id and covers(p, receiver, purpose, item.code, now)]
    if item.needs_authorisation and not any(isinstance(p, Authorisation) for p in held):
        return False
    if not (item.personal and (other_handler or item.sensitive)):
        return True
    return any(isinstance(p, Consent) and p.record_id == record_id and p.kind in ("separate", "written") for p in held)


def withdraw(permission: P, *, now: int) -> P:
    """The permission withdrawn from `now` on. Withdrawn twice raises `consent-already-withdrawn`."""
    if permission.withdrawn_at is not None:
        raise Problem(CONSENT_ENDED)
    return replace(permission, withdrawn_at=now)


def needs_new_consent(permission: Permission, *, notice_version: str, purpose: str, items: Iterable[str]) -> bool:
    """Whether purpose, kinds of data or the notice have changed since, so that it must be given anew (PIPL art. 14)."""
    return (
        permission.notice_version != notice_version
        or permission.purpose != purpose
        or not set(items) <= set(permission.items)
    )


def may_ask_again(refused_at: int | None, *, now: int, days: int = COOL_DOWN_DAYS) -> bool:
    """Whether somebody who said no at `refused_at` may be asked again: not before the cool-down is over."""
    return refused_at is None or now - refused_at >= days * DAY


def check(permission: Permission) -> None:
    """Raises `Problem` `invalid-consent` naming every field that is missing or impossible."""
    errors = [
        FieldError(name, "不能为空;请填写", "must not be empty; fill it in", None, "missing-value")
        for name in ("client_id", "receiver", "purpose", "items", "notice_version")
        if not getattr(permission, name)
    ]
    person = isinstance(permission, Consent)
    if permission.kind not in (PERSON_KINDS if person else (ENTERPRISE_KIND,)):
        errors.append(FieldError("kind", "种类不符;请重新选择", "of another kind; choose again", None, "bad-kind"))
    if isinstance(permission, Consent) and not permission.record_id:
        errors.append(FieldError("record_id", "请指明个人的记录", "name the person's record", None, "missing-value"))
    if not _SHA256.match(permission.evidence_hash):
        zh, en = "请填写证据文件的 SHA-256(64位十六进制)", "give the SHA-256 of the evidence, 64 hexadecimal digits"
        errors.append(FieldError("evidence_hash", zh, en, None, "bad-hash"))
    if permission.not_after <= permission.not_before:
        errors.append(FieldError("not_after", "结束应晚于开始", "must lie after the beginning", None, "term-reversed"))
    if errors:
        raise Problem(INVALID_CONSENT, errors=tuple(errors))
