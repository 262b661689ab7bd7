"""Who did what, and the proof of it: search, evidence, checkpoints, receipts."""

from typing import Literal

from pydantic import Field

from .base import Answer, Ask, Instant, Nothing, Page, Paged, Route


class SearchTrail(Paged):
    """All that is given must hold. `action` ending in a colon means every action of that subject, such as `grant:`."""

    limit: int = Field(default=50, ge=1, le=1000)
    actor: str = Field("", max_length=64, description="人员编号 / person")
    actor_unit: str = Field("", max_length=36)
    client_id: str = Field("", max_length=36)
    grant_id: str = Field("", max_length=36)
    item: str = Field("", max_length=20)
    action: str = Field("", max_length=80, examples=["disclose", "grant:"])
    outcome: Literal["", "allowed", "refused", "done", "failed"] = ""
    read_id: str = Field("", max_length=36)
    target_id: str = Field("", max_length=64)
    purpose: str = Field("", max_length=40)
    since: Instant | None = None
    until: Instant | None = None


class EventOut(Answer):
    """One event. `log_index` is its place in the trail's Merkle log, null until it is sealed (within seconds)."""

    event_id: str
    at: Instant
    actor: str
    actor_name: str = ""
    actor_unit: str = ""
    on_behalf_of: str = ""
    action: str
    target_kind: str = ""
    target_id: str = ""
    client_id: str = ""
    items: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    record_count: int | None = None
    purpose: str = ""
    grant_id: str = ""
    outcome: str
    rule: str = ""
    reason: str = ""
    policy_epoch: str = ""
    source: str = ""
    channel: str = ""
    read_id: str = ""
    details: dict[str, str | int | bool] = Field(default_factory=dict)
    stream_id: str
    seq: int
    log_index: int | None = None


class ExportEvidence(Ask):
    """The matching events with a receipt each, as a bundle that opens without us."""

    actor: str = Field("", max_length=64)
    client_id: str = Field("", max_length=36)
    grant_id: str = Field("", max_length=36)
    item: str = Field("", max_length=20)
    action: str = Field("", max_length=80)
    since: Instant | None = None
    until: Instant | None = None


class Heads(Answer):
    """The signed heads of both logs as they stand, and the keys they verify under."""

    grants: str = Field(description="checkpoint note of the grants log")
    trail: str = Field(description="checkpoint note of the trail")
    grants_size: int
    trail_size: int
    vkeys: tuple[str, ...]
    trust: str = Field(description="trust file (C2SP tlog-policy) / 信任文件")


class VerifyReceipt(Ask):
    receipt: str = Field(min_length=10, max_length=200_000, description="回执全文 / the receipt as it was handed out")


class ReceiptVerdict(Answer):
    """Whether the receipt verifies against this gateway's own keys. Do it offline instead when you do not trust us."""

    valid: bool
    kind: str = ""
    index: int | None = None
    size: int | None = None
    origin: str = ""
    fields: dict[str, str | int | bool] = Field(default_factory=dict)
    steps: tuple[str, ...] = ()
    expected: str = ""
    found: str = ""


ROUTES: tuple[Route, ...] = (
    Route("search_trail", "GET", "/v1/trail", SearchTrail, Page[EventOut], "trail", "检索留痕", "Search the trail"),
    Route("export_evidence", "POST", "/v1/trail/evidence", ExportEvidence, bytes, "trail", "导出证据包", "Export evidence", raw=True),
    Route("ledger_heads", "GET", "/v1/ledger", Nothing, Heads, "ledger", "账本当前检查点", "Heads of the logs", public=True),
    Route("verify_receipt", "POST", "/v1/ledger/verify", VerifyReceipt, ReceiptVerdict, "ledger", "核验回执", "Verify a receipt", public=True),
)  # fmt: skip
