"""Access requests on the wire: the form, the steps of its approval, the counter-offer, the attachments."""

from typing import Annotated, Literal

from pydantic import Field

from .base import Answer, Ask, Instant, Nothing, Page, Paged, Route
from .catalogue import ItemCode, Level
from .grants import GrantOut, ItemGrantOut, Scope, ScopeOut, Use

RequestId = Annotated[str, Field(min_length=8, max_length=36, description="申请编号 / Identifier of the request")]
State = Literal[
    "draft", "submitted", "dept_review", "owner_review", "compliance_review", "cco_review", "pi_review",
    "offered", "returned", "approved", "rejected", "withdrawn", "timed_out",
]  # fmt: skip


class ItemAsk(Ask):
    """An item, and which of its fields; none named means all of them."""

    item_code: ItemCode
    fields: tuple[str, ...] = Field(
        default=(), max_length=50, description="字段,空为全部 / Fields, empty: all", examples=[["name", "title"]]
    )


class RequestForm(Ask):
    """The application form (domain: 访问申请). A draft may leave anything open; submitting checks the whole."""

    items: tuple[ItemAsk, ...] = Field(default=(), max_length=200, description="申请的数据项与字段 / Items and fields")
    purpose: str = Field(
        default="", max_length=40, description="用途代码 / Purpose code", examples=["credit-due-diligence"]
    )
    reason: str = Field(default="", max_length=2000, description="用途说明,至少20字 / What for, at least 20 characters")
    scenario: str = Field(default="", max_length=500, description="应用场景 / Scenario")
    scope: Scope = Field(default=Scope(), description="企业范围 / Which enterprises")
    row_cap: int = Field(default=500, ge=1, le=100_000, description="行数上限 / Most rows that may be read")
    uses: tuple[Use, ...] = Field(default=("view",), description="使用方式 / Modes of use")
    term_days: int = Field(
        default=30, ge=1, le=366, description="期限(天),自授予之日起 / Term in days, from the day of the grant"
    )
    use_limit: int | None = Field(default=None, ge=1, le=10_000_000, description="使用次数上限 / Most uses")
    rate_per_hour: int | None = Field(
        default=None, ge=1, le=1_000_000, description="每小时次数上限 / Most uses an hour"
    )
    grantee: Literal["person", "unit"] = Field(
        default="person", description="授予本人或本单位 / For the requester alone or for the unit"
    )
    legal_basis: str = Field(
        default="",
        max_length=1000,
        description="个人信息处理的合法性基础 / Legal basis (PIPL art. 13)",
        examples=["PIPL 13-1(1)"],
    )
    consents: tuple[str, ...] = Field(
        default=(), max_length=200, description="同意或授权书编号 / Consents and authorisations relied on"
    )
    project_ref: str = Field(default="", max_length=100, description="关联商机或项目编号 / Opportunity or project")
    crossing_ref: str = Field(default="", max_length=36, description="跨墙审批编号 / Wall crossing")
    assessment_ref: str = Field(
        default="", max_length=100, description="对外提供影响评估编号 / Impact assessment (PIPL art. 55)"
    )
    safety_officer: str = Field(
        default="",
        max_length=100,
        description="数据安全责任人工号 / Staff number of the person answerable for security",
    )
    pledge: bool = Field(default=False, description="已签署保密承诺 / The confidentiality undertaking is signed")
    masked: bool = Field(default=False, description="仅需脱敏值 / Masked values will do")


class PreviewRequest(RequestForm):
    """Nothing is written."""


class CreateRequest(RequestForm):
    """A new draft."""


class ChangeRequest(RequestForm):
    """The form as it shall be from now on; `version` is the one that the change was made on."""

    request_id: RequestId
    version: int = Field(ge=1, description="所依据的版本 / Version the change was made on")


class RequestMove(Ask):
    """An act on a request. With `version`, it is refused when somebody was first."""

    request_id: RequestId
    version: int | None = Field(default=None, ge=1, description="所依据的版本 / Version that was looked at")


class SubmitRequest(RequestMove):
    pass


class WithdrawRequest(RequestMove):
    reason: str = Field(default="", max_length=500)


class EndorseRequest(RequestMove):
    opinion: str = Field(default="", max_length=1000, description="部门意见 / Opinion of the department")


class ApproveRequest(RequestMove):
    """Agreement of the present step. Anything narrower than what was asked makes it a counter-offer."""

    opinion: str = Field(default="", max_length=2000, description="审批意见 / Opinion")
    reason_code: str = Field(
        default="", max_length=40, description="缩减理由代码,缩减时必填 / Reason for narrowing, needed then"
    )
    items: tuple[ItemAsk, ...] | None = Field(
        default=None, max_length=200, description="同意的数据项与字段,空为全部 / What is agreed to, null: all"
    )
    clients: tuple[str, ...] | None = Field(
        default=None, max_length=5000, description="同意的企业,空为全部 / Enterprises agreed to, null: all"
    )
    masked: bool | None = Field(default=None, description="仅给脱敏值 / Masked values only")
    row_cap: int | None = Field(default=None, ge=1, le=100_000)
    uses: tuple[Use, ...] | None = None
    term_days: int | None = Field(default=None, ge=1, le=366)
    use_limit: int | None = Field(default=None, ge=1, le=10_000_000)
    rate_per_hour: int | None = Field(default=None, ge=1, le=1_000_000)


class AcceptOffer(RequestMove):
    pass


class DeclineOffer(RequestMove):
    reason: str = Field(default="", max_length=500)


class ReturnRequest(RequestMove):
    reason: str = Field(min_length=2, max_length=1000, description="需补正的内容 / What has to be corrected")


class RejectRequest(RequestMove):
    reason_code: str = Field(min_length=2, max_length=40, description="拒绝理由代码 / Reason, from the closed list")
    opinion: str = Field(default="", max_length=1000)


class DelegateStep(RequestMove):
    """The present step is handed to a colleague of the same unit, who then acts on behalf of the caller."""

    person_id: str = Field(min_length=1, max_length=36, description="代理人 / Who shall act")
    reason: str = Field(min_length=2, max_length=500)


class GetRequest(Ask):
    request_id: RequestId


class RequestTimeline(Ask):
    request_id: RequestId


class ListRequests(Paged):
    view: Literal["mine", "inbox", "unit", "owned", "all"] = Field(
        default="mine",
        description="我的/待我办理/本单位/涉及本单位数据/全部(合规)"
        " / mine, waiting for me, of my unit, on its data, all (compliance)",
    )
    state: State | None = None
    purpose: str = Field(default="", max_length=40)


class StepOut(Answer):
    """One step of the route."""

    n: int
    role: str = Field(description="审批角色 / Role that acts", examples=["data_owner"])
    unit_id: str = Field(default="", description="审批单位,空为不限 / Unit whose holder of the role acts, empty: any")
    unit_zh: str = ""
    unit_en: str = ""
    state: Literal["waiting", "open", "done", "skipped"]
    decision: str | None = None
    actor: str | None = None
    actor_name: str | None = None
    delegate: str | None = Field(default=None, description="受托办理人 / Person the step was handed to")
    opinion: str | None = None
    working_days: int = Field(default=0, description="办理时限(工作日) / Time allowed in working days")
    due_at: Instant | None = None
    acted_at: Instant | None = None


class TermsOut(Answer):
    """What would be granted: the counter-offer as it stands."""

    items: tuple[ItemGrantOut, ...]
    scope: ScopeOut
    row_cap: int
    uses: tuple[Use, ...]
    term_days: int
    masked: bool = False
    use_limit: int | None = None
    rate_per_hour: int | None = None


class AttachmentOut(Answer):
    attachment_id: str
    file_name: str
    media_type: str
    digest: str = Field(description="SHA-256, 十六进制 / SHA-256, hexadecimal")
    added_by: str
    added_at: Instant


class RequestSummary(Answer):
    """A request as lists show it."""

    request_id: str
    state: State
    version: int
    requester: str
    requester_name: str
    requester_unit: str
    unit_zh: str = ""
    unit_en: str = ""
    purpose: str
    purpose_zh: str = ""
    purpose_en: str = ""
    items: int = Field(description="数据项数 / Number of items")
    level: Level = Field(default=1, description="最高级别 / Highest level asked for")
    personal: bool = False
    partner: bool = Field(default=False, description="接收方为合作机构 / The receiver is a partner")
    due_at: Instant | None = None
    waiting_for_me: bool = False
    created_at: Instant
    updated_at: Instant


class RequestOut(RequestSummary):
    """A request in full, for those who take part in it."""

    form: RequestForm
    asked: tuple[ItemGrantOut, ...] = Field(
        default=(), description="申请的数据项(含名称) / Items asked for, with their names"
    )
    steps: tuple[StepOut, ...] = ()
    offer: TermsOut | None = Field(default=None, description="缩减后的方案 / The counter-offer")
    attachments: tuple[AttachmentOut, ...] = ()
    reason_code: str | None = Field(default=None, description="拒绝理由代码 / Reason of the rejection")
    reason_zh: str | None = None
    reason_en: str | None = None
    remark: str | None = Field(
        default=None, description="退回或拒绝的说明 / Words that came with a return or a rejection"
    )
    acts: tuple[str, ...] = Field(
        default=(),
        description="调用者现在可办理的事项 / What the caller may do now",
        examples=[["endorse", "return", "reject"]],
    )
    grant_id: str | None = None
    grant: GrantOut | None = Field(default=None, description="最后一步批准时给出 / Given with the last approval")
    receipt: str | None = Field(
        default=None, description="账本回执,最后一步批准时给出 / Receipt of the ledger, given with the last approval"
    )


class PreviewStep(Answer):
    role: str
    unit_id: str = ""
    unit_zh: str = ""
    unit_en: str = ""
    working_days: int
    due_at: Instant | None = None


class Need(Answer):
    """Something that is missing before the request can be submitted, or before it can be granted."""

    code: str
    field: str = ""
    zh: str
    en: str
    blocking: bool = Field(default=True, description="未满足则不能提交 / Cannot be submitted without it")


class ItemVerdict(Answer):
    """One item against the stated purpose."""

    item_code: str
    verdict: Literal["compatible", "review", "prohibited", "not-shared", "no-request-needed"]
    rule: str = ""
    zh: str = ""
    en: str = ""
    held_by: str | None = Field(default=None, description="已有的有效授权 / A live grant that already covers it")


class PreviewOut(Answer):
    """What would happen: route, clocks, needs; and how each item fits the purpose."""

    steps: tuple[PreviewStep, ...]
    due_at: Instant | None = Field(
        default=None, description="预计最迟办结 / The latest end if every step takes its time"
    )
    calendar_warning: bool = Field(default=False, description="超出节假日数据范围 / Beyond the published holidays")
    level: Level
    personal: bool
    partner: bool
    max_term_days: int
    items: tuple[ItemVerdict, ...]
    needs: tuple[Need, ...]


class TimelineEntry(Answer):
    at: Instant
    act: str = Field(description="事项 / What was done", examples=["submit"])
    actor: str
    actor_name: str = ""
    on_behalf_of: str = ""
    from_state: str
    to_state: str
    text: str = Field(default="", description="意见或理由 / Opinion or reason")


class AddAttachment(Ask):
    """At most 10 MiB, kept sealed; only those who take part in the request can have it back."""

    request_id: RequestId
    file_name: str = Field(min_length=1, max_length=255, examples=["授权书.pdf"])
    media_type: str = Field(default="application/octet-stream", max_length=100)
    content: str = Field(max_length=14_100_000, description="Base64 编码的内容 / The content in base64")


class GetAttachment(Ask):
    request_id: RequestId
    attachment_id: str = Field(min_length=8, max_length=36)


class AttachmentContent(AttachmentOut):
    content: str = Field(description="Base64 编码的内容 / The content in base64")


class RefusalReasonOut(Answer):
    code: str
    zh: str
    en: str
    roles: tuple[str, ...] = Field(default=(), description="可使用该理由的角色 / Roles that may give it")


ROUTES = (
    Route(
        "preview_request",
        "POST",
        "/v1/requests/preview",
        PreviewRequest,
        PreviewOut,
        "requests",
        "预览申请的审批路径与所需材料",
        "Preview route, clocks and needs of a request",
    ),
    Route(
        "create_request",
        "POST",
        "/v1/requests",
        CreateRequest,
        RequestOut,
        "requests",
        "新建申请草稿",
        "Create a draft request",
        status=201,
    ),
    Route(
        "change_request",
        "PUT",
        "/v1/requests/{request_id}",
        ChangeRequest,
        RequestOut,
        "requests",
        "修改申请",
        "Change a draft or returned request",
    ),
    Route(
        "submit_request",
        "POST",
        "/v1/requests/{request_id}/submit",
        SubmitRequest,
        RequestOut,
        "requests",
        "提交申请",
        "Submit a request",
    ),
    Route(
        "get_request",
        "GET",
        "/v1/requests/{request_id}",
        GetRequest,
        RequestOut,
        "requests",
        "查看申请",
        "Show a request",
    ),
    Route(
        "list_requests",
        "GET",
        "/v1/requests",
        ListRequests,
        Page[RequestSummary],
        "requests",
        "申请列表",
        "List requests",
    ),
    Route(
        "withdraw_request",
        "POST",
        "/v1/requests/{request_id}/withdraw",
        WithdrawRequest,
        RequestOut,
        "requests",
        "撤回申请",
        "Withdraw a request",
    ),
    Route(
        "endorse_request",
        "POST",
        "/v1/requests/{request_id}/endorse",
        EndorseRequest,
        RequestOut,
        "requests",
        "部门负责人同意",
        "Endorse as department head",
    ),
    Route(
        "approve_request",
        "POST",
        "/v1/requests/{request_id}/approve",
        ApproveRequest,
        RequestOut,
        "requests",
        "审批同意(可缩减)",
        "Approve, wholly or in part",
    ),
    Route(
        "accept_offer",
        "POST",
        "/v1/requests/{request_id}/accept",
        AcceptOffer,
        RequestOut,
        "requests",
        "接受缩减方案",
        "Accept the counter-offer",
    ),
    Route(
        "decline_offer",
        "POST",
        "/v1/requests/{request_id}/decline",
        DeclineOffer,
        RequestOut,
        "requests",
        "不接受缩减方案",
        "Decline the counter-offer",
    ),
    Route(
        "return_request",
        "POST",
        "/v1/requests/{request_id}/return",
        ReturnRequest,
        RequestOut,
        "requests",
        "退回补正",
        "Return for correction",
    ),
    Route(
        "reject_request",
        "POST",
        "/v1/requests/{request_id}/reject",
        RejectRequest,
        RequestOut,
        "requests",
        "拒绝申请",
        "Reject a request",
    ),
    Route(
        "delegate_step",
        "POST",
        "/v1/requests/{request_id}/delegate",
        DelegateStep,
        RequestOut,
        "requests",
        "委托代办",
        "Hand a step to a colleague",
    ),
    Route(
        "request_timeline",
        "GET",
        "/v1/requests/{request_id}/timeline",
        RequestTimeline,
        Page[TimelineEntry],
        "requests",
        "申请经过",
        "Timeline of a request",
    ),
    Route(
        "add_attachment",
        "POST",
        "/v1/requests/{request_id}/attachments",
        AddAttachment,
        AttachmentOut,
        "requests",
        "上传附件",
        "Add an attachment",
        status=201,
    ),
    Route(
        "get_attachment",
        "GET",
        "/v1/requests/{request_id}/attachments/{attachment_id}",
        GetAttachment,
        AttachmentContent,
        "requests",
        "下载附件",
        "Get an attachment",
    ),
    Route(
        "list_refusal_reasons",
        "GET",
        "/v1/refusal-reasons",
        Nothing,
        Page[RefusalReasonOut],
        "requests",
        "拒绝理由代码",
        "List the reasons for a rejection",
    ),
)
