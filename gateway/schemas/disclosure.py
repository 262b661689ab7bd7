"""Reading: names, one client's records, many records, yes or no, and exports."""

from typing import Any, Literal

from pydantic import Field, model_validator

from .base import Answer, Ask, Instant, Page, Paged, Route

Action = Literal["read", "verify", "export"]
PURPOSE = Field(description="purpose code, see /v1/purposes / 用途代码", max_length=40, examples=["client-referral"])


class SearchClients(Paged):
    """Find clients by Chinese or English name, pinyin initials or unified social credit code."""

    q: str = Field(
        default="",
        max_length=200,
        description="name, pinyin initials or USCC / 名称、拼音首字母或信用代码",
        examples=["莞芯"],
    )
    park_id: str | None = Field(default=None, max_length=36)
    tag: str | None = Field(default=None, max_length=60)


class ClientCard(Answer):
    """The name card (客户名称强制共享): exactly these fields, and no other."""

    client_id: str
    name: str
    uscc: str
    lead_unit: str | None = None
    lead_unit_name: str | None = None
    lead_rm: str | None = Field(
        default=None, description="staff number of the lead relationship manager / 主客户经理工号"
    )
    recognition: str = "none"
    recognised_on: str | None = None
    protected_from: str | None = None
    protected_to: str | None = None


class CardPage(Page[ClientCard]):
    """A page of name cards, and the decision that allowed it."""

    decision_id: str


class GetClient(Ask):
    client_id: str = Field(max_length=36)


class Holding(Answer):
    """What may exist about a client in one field group of one owner: the entry, never the value."""

    field_group: str
    owner_unit: str
    owner_name: str
    mode: str
    level: int
    items: tuple[str, ...]
    access: Literal["own", "open", "granted", "apply", "never"]
    grant_id: str | None = None
    not_after: Instant | None = None


class ClientView(Answer):
    """The card and what there is to ask for, mode by mode."""

    card: ClientCard
    holdings: tuple[Holding, ...]
    decision_id: str


class Disclose(Ask):
    """Read one record. Without `fields`: every field that the basis allows."""

    record_id: str = Field(max_length=36)
    purpose: str = PURPOSE
    fields: tuple[str, ...] | None = Field(default=None, max_length=64, examples=[["name", "mobile"]])


class Withheld(Answer):
    """Fields that were left out, with the coarse reason and how to apply."""

    fields: tuple[str, ...]
    reason: str
    how_zh: str = ""
    how_en: str = ""


class RecordOut(Answer):
    """One record with the fields that were released."""

    record_id: str
    client_id: str
    field_group: str
    owner_unit: str
    generation: int
    values: dict[str, Any]
    masked: tuple[str, ...] = ()


class Disclosure(Answer):
    """The answer to one read: the record, what was withheld, the decisions it rests on, and the duties that come with it."""

    record: RecordOut
    withheld: tuple[Withheld, ...] = ()
    decision_id: str
    grant_id: str | None = None
    obligations: tuple[str, ...] = ()
    uses_left: int | None = None


class Query(Paged):
    """Read many records of one field group, by key, 1000 rows a page at most."""

    field_group: str = Field(max_length=30, examples=["contact"])
    purpose: str = PURPOSE
    fields: tuple[str, ...] | None = Field(default=None, max_length=64)
    client_id: str | None = Field(default=None, max_length=36)
    owner_unit: str | None = Field(default=None, max_length=36)
    park_id: str | None = Field(default=None, max_length=36)
    match_field: Literal["mobile", "email"] | None = Field(
        default=None, description="exact search in sealed values / 密文精确检索"
    )
    match_value: str | None = Field(default=None, max_length=200)
    grant_id: str | None = Field(default=None, max_length=36, description="rest on this grant / 指定依据的授权")

    @model_validator(mode="after")
    def _both(self) -> "Query":
        if (self.match_field is None) != (self.match_value is None):
            raise ValueError("match_field 与 match_value 须同时给出 / match_field and match_value go together")
        return self


class RecordPage(Answer):
    """One page of a query. `end` is the explicit marker that nothing follows."""

    items: tuple[RecordOut, ...]
    withheld: tuple[Withheld, ...] = ()
    next: str | None = None
    end: bool
    read_id: str
    grant_id: str | None = None
    obligations: tuple[str, ...] = ()


class Verify(Ask):
    """Ask yes or no: does the record hold this value? The value itself never leaves."""

    client_id: str = Field(max_length=36)
    field_group: str = Field(max_length=30)
    field: str = Field(max_length=40)
    value: str = Field(max_length=1000)
    purpose: str = PURPOSE


class Verified(Answer):
    """`matches` is the whole answer."""

    matches: bool
    decision_id: str
    grant_id: str | None = None


class Export(Ask):
    """Take the rows of one field group out as a watermarked file, under a grant that includes export."""

    field_group: str = Field(max_length=30)
    purpose: str = PURPOSE
    fields: tuple[str, ...] | None = Field(default=None, max_length=64)
    client_id: str | None = Field(default=None, max_length=36)
    park_id: str | None = Field(default=None, max_length=36)
    format: Literal["csv", "xlsx"] = "xlsx"
    reason: str = Field(min_length=5, max_length=300, description="why a file is needed / 下载理由")


ROUTES: tuple[Route, ...] = (
    Route(
        "disclose",
        "POST",
        "/v1/records/{record_id}/disclose",
        Disclose,
        Disclosure,
        "disclosure",
        "读取一条记录",
        "Read one record",
        raw=True,
    ),
    Route("query", "POST", "/v1/query", Query, RecordPage, "disclosure", "批量查询", "Query records", raw=True),
    Route("verify", "POST", "/v1/verify", Verify, Verified, "disclosure", "核验是否", "Verify yes or no"),
    Route("export", "POST", "/v1/export", Export, bytes, "disclosure", "导出文件", "Export a file", raw=True),
    Route(
        "search_clients",
        "GET",
        "/v1/clients",
        SearchClients,
        CardPage,
        "clients",
        "检索客户名称",
        "Search clients by name",
    ),
    Route(
        "get_client",
        "GET",
        "/v1/clients/{client_id}",
        GetClient,
        ClientView,
        "clients",
        "客户名片与可申请数据",
        "A client's card and what to ask for",
    ),
)
