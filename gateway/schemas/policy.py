"""The rules as people see them: which there are, why something is allowed or refused, who can read what."""

from typing import Literal

from pydantic import Field

from .base import Answer, Ask, Page, Paged, Route

Kind = Literal["data_access", "workflow"]
Channel = Literal["console", "cli", "api", "job"]


class ListRules(Ask):
    """The rules in force, of one kind or of both."""

    kind: Kind | Literal[""] = Field("", description="规则类别,空为全部 / kind of rules, empty: both")


class RuleOut(Answer):
    """One rule as it is written, with what its file says above it."""

    kind: Kind
    rule: str
    effect: Literal["allow", "deny", "note"]
    line: int
    about: str = Field("", description="规则文件中的说明 / the remark above it in its file")
    role: str
    acts: tuple[str, ...]
    on: dict[str, str] = Field(description="其余列 / its further columns: mode, basis or state")
    condition: str
    obligations: tuple[str, ...]
    reason: str
    zh: str
    en: str


class RulesOut(Answer):
    epoch: str = Field(description="规则版本:决定规则的文本之 SHA-256 / SHA-256 of the texts that decide")
    rules: tuple[RuleOut, ...]


class ExplainAccess(Ask):
    """Why a person may or may not have one record. For oneself: effect and coarse reason."""

    record_id: str = Field(max_length=36)
    person_id: str = Field("", max_length=36, description="空为本人 / empty: oneself")
    purpose: str = Field(max_length=40, examples=["collaboration"])
    action: Literal["read", "verify", "export"] = "read"
    channel: Channel = Field("console", description="使用渠道 / the channel it would be used through")
    fields: tuple[str, ...] | None = Field(None, max_length=64)


class RuleReportOut(Answer):
    rule: str
    effect: Literal["allow", "deny", "note"]
    matched: bool
    met: tuple[str, ...]
    lacking: tuple[str, ...]


class ExplainedFields(Answer):
    """What is decided about fields that are decided together. `rule` and `rules` are empty for oneself."""

    fields: tuple[str, ...]
    effect: Literal["allow", "deny"]
    reason: str
    zh: str
    en: str
    how_zh: str = ""
    how_en: str = ""
    grant_id: str = ""
    rule: str = ""
    rules: tuple[RuleReportOut, ...] = ()


class ExplanationOut(Answer):
    epoch: str
    person_id: str
    record_id: str
    decisions: tuple[ExplainedFields, ...]


class WhoCan(Paged):
    """Everybody who can read an item of a client, in the order of their logins."""

    client_id: str = Field(max_length=36)
    item_code: str = Field(max_length=20, examples=["INT-CON-001"])
    purpose: str = Field(
        "", max_length=40, description="只看此用途;空为任何用途 / for this purpose only; empty: for any"
    )
    limit: int = Field(50, ge=1, le=200)


class ReaderOut(Answer):
    """One person who can, with the first ground that was found."""

    person_id: str
    login: str
    unit_id: str
    records: int = Field(description="可读的记录数 / records that can be read")
    purpose: str
    channel: Channel
    rule: str
    grant_id: str = ""


class WhatCan(Paged):
    """The records of a group that a person can read for a purpose, in the order of their identifiers."""

    person_id: str = Field(max_length=36)
    field_group: str = Field(max_length=30, examples=["contact"])
    purpose: str = Field(max_length=40)
    action: Literal["read", "verify", "export"] = "read"
    channel: Channel = "console"
    limit: int = Field(50, ge=1, le=500)


class ReadableOut(Answer):
    record_id: str
    client_id: str
    owner_unit: str
    fields: tuple[str, ...]
    rules: tuple[str, ...]
    grant_id: str = ""


_TAG = "policy"
ROUTES: tuple[Route, ...] = (
    Route("list_rules", "GET", "/v1/policy/rules", ListRules, RulesOut, _TAG, "现行规则", "The rules in force"),
    Route(
        "explain_access", "POST", "/v1/policy/explain", ExplainAccess, ExplanationOut, _TAG, "说明为何允许或拒绝",
        "Why it is allowed or refused",
    ),
    Route("who_can", "GET", "/v1/policy/who-can", WhoCan, Page[ReaderOut], _TAG, "谁能读取", "Everybody who can read it"),
    Route("what_can", "GET", "/v1/policy/what-can", WhatCan, Page[ReadableOut], _TAG, "能读取什么", "What a person can read"),
)  # fmt: skip
