"""Consents of persons and authorisations of enterprises on the wire."""

from typing import Annotated, Literal

from pydantic import Field

from .base import Answer, Ask, Instant, Page, Paged, Route

ConsentId = Annotated[str, Field(min_length=8, max_length=36, description="同意编号 / Identifier of the consent")]
ConsentKind = Literal["general", "separate", "written", "enterprise_authorisation"]


class RegisterConsent(Ask):
    """A consent as given outside: bound to receiver, purpose and items (PIPL art. 23), with a hash of its evidence."""

    kind: ConsentKind = Field(
        description="种类 / general, separate (单独同意), written, or an enterprise's authorisation"
    )
    client: str = Field(min_length=1, max_length=36, description="客户编号或统一社会信用代码 / Client id or USCC")
    record_id: str | None = Field(
        default=None, max_length=36, description="联系人记录编号(个人同意) / Record of the contact person"
    )
    receiver: str = Field(min_length=1, max_length=36, description="接收机构 / Receiving institution")
    purpose: str = Field(min_length=1, max_length=40, description="用途代码 / Purpose code")
    items: tuple[str, ...] = Field(min_length=1, max_length=200, description="数据项 / Items")
    notice_version: str = Field(
        min_length=1, max_length=40, description="告知书版本 / Version of the notice that was shown"
    )
    evidence_hash: str = Field(pattern=r"^[0-9a-f]{64}$", description="证据文件 SHA-256 / SHA-256 of the evidence")
    not_before: Instant
    not_after: Instant


class ConsentOut(Answer):
    consent_id: str
    kind: ConsentKind
    client_id: str
    record_id: str | None = None
    receiver: str
    purpose: str
    items: tuple[str, ...]
    notice_version: str
    evidence_hash: str
    not_before: Instant
    not_after: Instant
    withdrawn_at: Instant | None = None
    state: Literal["valid", "future", "ended", "withdrawn"]
    registered_by: str
    created_at: Instant
    grants_ended: int = Field(default=0, description="因撤回而终止的授权数 / Grants that ended with the withdrawal")


class WithdrawConsent(Ask):
    """Use stops at the next read; what was lawful before stays so (PIPL art. 15)."""

    consent_id: ConsentId
    reason: str = Field(default="", max_length=500)


class ListConsents(Paged):
    client: str = Field(default="", max_length=36, description="客户编号或统一社会信用代码 / Client id or USCC")
    record_id: str = Field(default="", max_length=36)
    receiver: str = Field(default="", max_length=36)
    state: Literal["valid", "future", "ended", "withdrawn"] | None = None


ROUTES = (
    Route(
        "register_consent",
        "POST",
        "/v1/consents",
        RegisterConsent,
        ConsentOut,
        "consents",
        "登记同意或授权",
        "Register a consent",
        status=201,
    ),
    Route(
        "list_consents",
        "GET",
        "/v1/consents",
        ListConsents,
        Page[ConsentOut],
        "consents",
        "同意与授权列表",
        "List consents",
    ),
    Route(
        "withdraw_consent",
        "POST",
        "/v1/consents/{consent_id}/withdraw",
        WithdrawConsent,
        ConsentOut,
        "consents",
        "撤回同意",
        "Withdraw a consent",
    ),
)
