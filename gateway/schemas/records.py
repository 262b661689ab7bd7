"""Supplying: clients, single records by hand, files from departments and parks, and what became of them."""

from typing import Literal

from pydantic import Field

from .base import Answer, Ask, Instant, Page, Paged, Route

RECORD = Field(max_length=36, description="记录编号 / Identifier of the record")
REASON = Field(min_length=4, max_length=300, description="理由 / Why")


class RegisterClient(Ask):
    """Put a client on the register by hand."""

    uscc: str = Field(max_length=40, examples=["91441900MA00T01A3F"])
    name: str = Field(max_length=200, examples=["东莞市莞芯微电子有限公司"])
    english: str = Field("", max_length=200)
    lead_rm: str | None = Field(None, max_length=20, description="主客户经理工号 / staff number of the lead manager")
    park_id: str | None = Field(None, max_length=36)
    tags: tuple[str, ...] = Field((), max_length=20)


class ClientRegistered(Answer):
    """`pending`: received, somebody looks at it. The same answer is given for look-alikes and for whatever may not be said."""

    state: Literal["registered", "known", "pending"]
    client_id: str | None = None
    warnings: tuple[str, ...] = ()


class EnterRecord(Ask):
    """Enter one contact, visit, cooperation or other record by hand. Values are text as people write them."""

    client_id: str = Field(max_length=36)
    field_group: str = Field(max_length=30, examples=["contact"])
    values: dict[str, str] = Field(
        max_length=64, examples=[{"name": "王示例", "mobile": "13800001234", "title": "董秘"}]
    )
    duplicate_ok: bool = Field(
        False, description="仍然录入疑似重复的记录 / enter it although it looks like one that is there"
    )


class CorrectRecord(Ask):
    record_id: str = RECORD
    values: dict[str, str] = Field(max_length=64, description="更正后的全部字段 / all fields as they should be")
    reason: str = REASON


class WithdrawRecord(Ask):
    record_id: str = RECORD
    reason: str = REASON


class RecordState(Answer):
    """What became of a record; never its values."""

    record_id: str
    client_id: str
    field_group: str
    state: str
    generation: int
    warnings: tuple[str, ...] = ()


class RecordHistory(Ask):
    record_id: str = RECORD


class RecordChange(Answer):
    generation: int
    act: str
    actor: str
    reason: str = ""
    at: Instant


class RecordChanges(Answer):
    record_id: str
    items: tuple[RecordChange, ...]


class RecordReceivers(Ask):
    record_id: str = RECORD


class Receiver(Answer):
    """Somebody who may read the record now, by which grant, and when last."""

    grant_id: str
    grantee_unit: str
    purpose: str
    not_after: Instant
    last_used_at: Instant | None = None


class Receivers(Answer):
    record_id: str
    items: tuple[Receiver, ...]


class UploadFile(Ask):
    """Send a file: multipart/form-data with `file` and these fields."""

    kind: str = Field(max_length=30, description="clients, tenants, contact, cooperation, visit, ... / 数据集")
    mode: Literal["all_or_nothing", "skip_bad"] = "all_or_nothing"
    dry_run: bool = Field(False, description="只检查不入库 / check only")
    encoding: str | None = Field(None, max_length=20, description="utf-8 或 gb18030,空为自动识别 / empty: detected")


class GetUpload(Ask):
    upload_id: str = Field(max_length=36)


class UploadErrors(Ask):
    upload_id: str = Field(max_length=36)


class WithdrawUpload(Ask):
    upload_id: str = Field(max_length=36)
    reason: str = REASON


class DownloadTemplate(Ask):
    kind: str = Field(max_length=30)
    format: Literal["csv", "xlsx"] = "xlsx"


class UploadOut(Answer):
    """An upload: `state` is running, done, failed, refused (bad rows and all-or-nothing), checked (dry run) or withdrawn."""

    upload_id: str
    unit_id: str
    kind: str
    file_name: str
    mode: str
    dry_run: bool
    state: str
    rows_total: int
    rows_done: int
    rows_new: int
    rows_changed: int
    rows_same: int
    rows_bad: int
    problem: str = ""
    created_at: Instant
    finished_at: Instant | None = None


ROUTES: tuple[Route, ...] = (
    Route(
        "register_client",
        "POST",
        "/v1/clients",
        RegisterClient,
        ClientRegistered,
        "clients",
        "登记客户",
        "Register a client",
    ),
    Route(
        "enter_record",
        "POST",
        "/v1/records",
        EnterRecord,
        RecordState,
        "records",
        "录入一条记录",
        "Enter a record",
        status=201,
    ),
    Route(
        "correct_record",
        "POST",
        "/v1/records/{record_id}/correct",
        CorrectRecord,
        RecordState,
        "records",
        "更正记录",
        "Correct a record",
    ),
    Route(
        "withdraw_record",
        "POST",
        "/v1/records/{record_id}/withdraw",
        WithdrawRecord,
        RecordState,
        "records",
        "撤回记录",
        "Withdraw a record",
    ),
    Route(
        "record_history",
        "GET",
        "/v1/records/{record_id}/history",
        RecordHistory,
        RecordChanges,
        "records",
        "变更历史",
        "History of a record",
    ),
    Route(
        "record_receivers",
        "GET",
        "/v1/records/{record_id}/receivers",
        RecordReceivers,
        Receivers,
        "records",
        "谁可读取",
        "Who receives a record",
    ),
    Route(
        "upload_file",
        "POST",
        "/v1/uploads",
        UploadFile,
        UploadOut,
        "uploads",
        "上传文件",
        "Upload a file",
        raw=True,
        status=202,
    ),
    Route("list_uploads", "GET", "/v1/uploads", Paged, Page[UploadOut], "uploads", "上传列表", "List uploads"),
    Route(
        "get_upload",
        "GET",
        "/v1/uploads/{upload_id}",
        GetUpload,
        UploadOut,
        "uploads",
        "上传进度",
        "Progress of an upload",
    ),
    Route(
        "upload_errors",
        "GET",
        "/v1/uploads/{upload_id}/errors",
        UploadErrors,
        bytes,
        "uploads",
        "错误报告",
        "Error report",
        raw=True,
    ),
    Route(
        "withdraw_upload",
        "POST",
        "/v1/uploads/{upload_id}/withdraw",
        WithdrawUpload,
        UploadOut,
        "uploads",
        "撤回上传",
        "Withdraw an upload",
    ),
    Route(
        "download_template",
        "GET",
        "/v1/templates/{kind}",
        DownloadTemplate,
        bytes,
        "uploads",
        "下载模板",
        "Download a template",
        raw=True,
    ),
)
