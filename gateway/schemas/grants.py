"""Grants on the wire: who may read what of whom, what for, until when; and the receipt that proves it."""

from typing import Annotated, Literal

from pydantic import Field

from .base import Answer, Ask, Instant, Page, Paged, Route
from .catalogue import Level

GrantId = Annotated[str, Field(min_length=8, max_length=36, description="授权编号 / Identifier of the grant")]
Use = Literal["view", "api", "verify", "export"]
GrantState = Literal["active", "expired", "revoked", "superseded"]


class Scope(Ask):
    """Which enterprises: those listed, those with one of the tags, those in one of the parks, all together."""

    clients: tuple[str, ...] = Field(
        default=(), max_length=5000, description="客户编号或统一社会信用代码 / Client ids or USCCs"
    )
    tags: tuple[str, ...] = Field(default=(), max_length=20, description="标签 / Tags")
    parks: tuple[str, ...] = Field(default=(), max_length=20, description="园区编号 / Parks")


class ScopeOut(Answer):
    clients: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    parks: tuple[str, ...] = ()


class ItemGrantOut(Answer):
    """An item of a request or a grant, and which of its fields."""

    item_code: str
    name_zh: str = ""
    name_en: str = ""
    group: str = ""
    level: Level = 1
    owner_unit: str = ""
    fields: tuple[str, ...] = ()


class GrantOut(Answer):
    """A grant as it stands. `state` is what holds now: one past its end is expired, whatever the clocks did."""

    grant_id: str
    request_id: str
    state: GrantState
    grantee_unit: str
    grantee_unit_zh: str = ""
    grantee_unit_en: str = ""
    grantee_person: str | None = None
    grantee_name: str | None = None
    grantors: tuple[str, ...] = Field(default=(), description="授权单位 / Units that granted")
    items: tuple[ItemGrantOut, ...]
    scope: ScopeOut
    purpose: str
    purpose_zh: str = ""
    purpose_en: str = ""
    uses: tuple[Use, ...]
    not_before: Instant
    not_after: Instant = Field(description="终止时刻(不含) / End, exclusive")
    row_cap: int
    masked: bool = Field(default=False, description="仅给脱敏值 / Masked values only")
    use_limit: int | None = None
    use_count: int = 0
    rate_per_hour: int | None = None
    obligations: tuple[str, ...] = ()
    terms_hash: str = Field(description="条款摘要 / SHA-256 of the canonical terms")
    policy_epoch: str
    catalogue_version: int
    entry_id: str = Field(description="账本条目 / Ledger entry")
    renewals: int = Field(default=0, description="已续期次数 / Times renewed")
    renewable: bool = Field(default=False, description="现在可续期 / Can be renewed now")
    last_used_at: Instant | None = None
    revoked_at: Instant | None = None
    revoked_reason: str | None = None
    created_at: Instant
    acts: tuple[str, ...] = Field(
        default=(), description="调用者现在可办理的事项 / What the caller may do now", examples=[["revoke"]]
    )


class ListGrants(Paged):
    view: Literal["held", "given", "all"] = Field(
        default="held", description="我方获得/我方给出/全部(合规) / held, given, all (compliance)"
    )
    state: GrantState | None = None
    item_code: str = Field(default="", max_length=20)
    client: str = Field(default="", max_length=36, description="客户编号 / Client id")
    purpose: str = Field(default="", max_length=40)


class GetGrant(Ask):
    grant_id: GrantId


class GrantReceipt(Ask):
    grant_id: GrantId


class ReceiptOut(Answer):
    """Evidence that can be checked offline: `lianqiao verify` needs it and the trust file only."""

    grant_id: str
    entry_id: str
    kind: str = Field(examples=["grant:approved"])
    receipt: str = Field(description="回执全文,原样保存为文件 / The receipt; keep it as a file, byte for byte")
    openings: dict[str, str] = Field(
        default_factory=dict, description="承诺的打开值 / What the commitments of the entry stand for"
    )


class RevokeGrant(Ask):
    grant_id: GrantId
    reason: str = Field(min_length=2, max_length=500, description="撤销理由 / Why")


class RenewGrant(Ask):
    grant_id: GrantId
    term_days: int | None = Field(default=None, ge=1, le=366, description="续期天数,空为原期限 / Days, null: as before")
    reason: str = Field(default="", max_length=500)


class GrantMoved(GrantOut):
    """The grant after the act, with the receipt of the act."""

    receipt: str | None = Field(default=None, description="账本回执 / Receipt of the ledger")
    renewal_asked: bool = Field(
        default=False, description="已通知数据主责单位续期申请 / The owners were told that renewal is wanted"
    )


class GrantsAboutToExpire(Paged):
    days: int = Field(default=15, ge=1, le=90, description="几天之内 / Within so many days")


class WhoReadsMyData(Paged):
    since: Instant | None = Field(default=None, description="起始时刻,默认30天前 / From, default 30 days ago")
    until: Instant | None = Field(default=None, description="截止时刻 / Until")
    item_code: str = Field(default="", max_length=20)


class ReadershipOut(Answer):
    """How much one grant was used within the time asked for."""

    grant_id: str
    state: GrantState
    grantee_unit: str
    grantee_unit_zh: str = ""
    grantee_unit_en: str = ""
    grantee_name: str | None = None
    purpose: str
    items: tuple[str, ...]
    uses: int
    rows: int
    last_used_at: Instant | None = None
    not_after: Instant


ROUTES = (
    Route("list_grants", "GET", "/v1/grants", ListGrants, Page[GrantOut], "grants", "授权列表", "List grants"),
    Route(
        "grants_about_to_expire",
        "GET",
        "/v1/grants/expiring",
        GrantsAboutToExpire,
        Page[GrantOut],
        "grants",
        "即将到期的授权",
        "Grants about to expire",
    ),
    Route(
        "who_reads_my_data",
        "GET",
        "/v1/grants/readership",
        WhoReadsMyData,
        Page[ReadershipOut],
        "grants",
        "谁在使用我方数据",
        "Who reads my unit's data",
    ),
    Route("get_grant", "GET", "/v1/grants/{grant_id}", GetGrant, GrantOut, "grants", "查看授权", "Show a grant"),
    Route(
        "grant_receipt",
        "GET",
        "/v1/grants/{grant_id}/receipt",
        GrantReceipt,
        ReceiptOut,
        "grants",
        "授权的账本回执",
        "Receipt of a grant",
    ),
    Route(
        "revoke_grant",
        "POST",
        "/v1/grants/{grant_id}/revoke",
        RevokeGrant,
        GrantMoved,
        "grants",
        "撤销授权",
        "Revoke a grant",
    ),
    Route(
        "renew_grant",
        "POST",
        "/v1/grants/{grant_id}/renew",
        RenewGrant,
        GrantMoved,
        "grants",
        "续期授权",
        "Renew a grant",
    ),
)
