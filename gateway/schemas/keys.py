"""Keys, erasures and watermarks on the wire. Nothing here holds a key."""

from typing import Literal

from pydantic import Field

from .base import Answer, Ask, DateText, Instant, Nothing, Page, Paged, Route

REASON = Field(min_length=4, max_length=500, description="理由 / Why", examples=["年度轮换"])
OrderState = Literal["proposed", "active", "restricted", "done", "final"]


class ListKeys(Paged):
    compartment: str = Field("", max_length=40, description="数据组 / Field group", examples=["contact"])
    state: Literal["", "pending", "active", "decrypt_only", "destroyed"] = ""


class KeyOut(Answer):
    """One version of a group key. Never the key."""

    key_id: str
    owner: str = Field(description="所属部门,空为全系统 / Unit; empty: of the whole installation")
    compartment: str
    use: str = Field(description="seal 封存, index 盲索引, token 令牌与水印 / what it is for")
    version: int
    suite: str
    state: str
    provider: str
    root_version: int = Field(description="包裹它的根密钥版本 / Root version that wraps it")
    uses: int = Field(description="已计使用次数(上界) / Uses counted, at most that many")
    age_days: int
    left: int | None = Field(
        None, description="只解密版本下尚待重包裹的数量 / Data keys still to be rewrapped, of a version that only opens"
    )
    due: Literal["", "age", "uses", "suite"] = Field("", description="应轮换的原因 / Why it is due for rotation")
    created_at: Instant
    activated_at: Instant | None = None
    retired_at: Instant | None = None
    destroyed_at: Instant | None = None


class KeyStatus(Answer):
    """The keys as a whole: whether the provider works, what is due and what is under way."""

    provider: str
    healthy: bool
    problem: str = Field("", description="密钥服务的问题代码 / Code of the provider's problem")
    root_versions: tuple[int, ...] = ()
    suite: str = Field(description="新封存所用算法套件 / Suite for what is sealed from now on")
    keys: dict[str, int] = Field(description="各状态的密钥数 / Keys by state")
    due: tuple[str, ...] = Field(description="应轮换的密钥 / Keys due for rotation")
    rewrapping: dict[str, int] = Field(description="尚待重包裹 / Data keys left to rewrap, by key")
    shreds_waiting: int = Field(description="等待粉碎期限的密钥版本 / Key versions that wait for their shred horizon")


class ProposeKeyOrder(Ask):
    key_id: str = Field(
        max_length=36,
        description="密钥版本,或 root / A key version, or `root`",
        examples=["9f0c2a4b6d8e0f13.1", "root"],
    )
    reason: str = REASON


class ProposeKeyDestruction(Ask):
    key_id: str = Field(
        max_length=36, description="密钥版本,或 root.<版本> / A key version, or root.<version>", examples=["root.1"]
    )
    reason: str = REASON


class OrderId(Ask):
    order_id: str = Field(max_length=36)


class KeyOrderOut(Answer):
    order_id: str
    act: Literal["rotation", "destruction"]
    target: str
    reason: str
    state: OrderState
    left: int | None = Field(None, description="尚待重包裹的数量 / Data keys still to be rewrapped")
    proposed_by: str
    confirmed_by: str | None = None
    created_at: Instant
    confirmed_at: Instant | None = None
    done_at: Instant | None = None
    entry_id: str | None = Field(None, description="账本条目 / Entry in the ledger")


class ListOrders(Paged):
    state: OrderState | Literal[""] = ""


class ProposeErasure(Ask):
    """Either one record, or a client's records of one field group."""

    record_id: str | None = Field(None, max_length=36)
    client_id: str | None = Field(None, max_length=36)
    field_group: str | None = Field(None, max_length=30, examples=["contact"])
    basis: Literal["purpose-met", "service-ended", "consent-withdrawn", "unlawful", "subject-request", "supplied-in-error"] = Field(
        description="删除事由(个人信息保护法第四十七条) / Ground (PIPL 47)"
    )  # fmt: skip
    reason: str = REASON
    retain_until: DateText | Literal["none"] = Field(
        description="法定保存期限届满日;未届满则先限制处理。none 为无法定保存义务 / Last day of a statutory duty to keep; until then the records are restricted. none: there is no such duty",
        examples=["2046-03-05", "none"],
    )


class ErasureOut(Answer):
    """An erasure and what can be promised of it now."""

    order_id: str
    target: str = Field(examples=["record:5b0f...", "client:77aa..."])
    field_group: str = ""
    owner_unit: str = Field("", description="空为所有供数方 / Empty: of every supplier")
    basis: str
    reason: str
    state: OrderState = Field(
        description="proposed 待确认, restricted 限制处理, done 已不可读, final 不可恢复 / final: no old copy opens it either"
    )
    retain_until: str | None = None
    retention: tuple[str, ...] = Field((), description="目录中的保存期限代码 / Retention codes of the catalogue")
    records: int
    due_at: Instant | None = Field(None, description="粉碎期限 / Shred horizon: final by then")
    keys_waiting: tuple[str, ...] = ()
    roots_waiting: tuple[int, ...] = ()
    proposed_by: str
    confirmed_by: str | None = None
    created_at: Instant
    confirmed_at: Instant | None = None
    done_at: Instant | None = None
    entry_id: str | None = None


class ErasureReceipt(Answer):
    """Evidence that can be checked offline with `lianqiao verify`."""

    order_id: str
    entry_id: str
    kind: str = Field(examples=["record:erased"])
    receipt: str = Field(description="回执全文,原样保存为文件 / The receipt; keep it as a file, byte for byte")


class WatermarkOut(Answer):
    """Who took the file out, under which grant (or, without one, in which read)."""

    reader: str
    login: str = ""
    name: str = ""
    unit_id: str = ""
    grant: str = Field(description="授权编号,无授权时为读取编号 / The grant, or the read")
    genuine: bool = Field(description="由本系统写入,未伪造 / Written by this gateway")


class Watermarks(Answer):
    items: tuple[WatermarkOut, ...] = Field(description="出现最多者在前 / The most frequent first")


_KEYS = "/v1/keys"
ROUTES: tuple[Route, ...] = (
    Route("list_keys", "GET", _KEYS, ListKeys, Page[KeyOut], "keys", "密钥列表", "List keys"),
    Route("key_status", "GET", f"{_KEYS}/status", Nothing, KeyStatus, "keys", "密钥状况", "State of the keys"),
    Route("list_key_orders", "GET", f"{_KEYS}/orders", ListOrders, Page[KeyOrderOut], "keys", "轮换与销毁指令", "List orders about keys"),
    Route("propose_key_rotation", "POST", f"{_KEYS}/rotations", ProposeKeyOrder, KeyOrderOut, "keys", "提出密钥轮换", "Propose a rotation", status=201),
    Route("confirm_key_rotation", "POST", f"{_KEYS}/rotations/{{order_id}}/confirm", OrderId, KeyOrderOut, "keys", "确认密钥轮换", "Confirm a rotation"),
    Route("propose_key_destruction", "POST", f"{_KEYS}/destructions", ProposeKeyDestruction, KeyOrderOut, "keys", "提出密钥销毁", "Propose a destruction", status=201),
    Route("confirm_key_destruction", "POST", f"{_KEYS}/destructions/{{order_id}}/confirm", OrderId, KeyOrderOut, "keys", "确认密钥销毁", "Confirm a destruction"),
    Route("propose_erasure", "POST", "/v1/erasures", ProposeErasure, ErasureOut, "keys", "提出删除", "Propose an erasure", status=201),
    Route("confirm_erasure", "POST", "/v1/erasures/{order_id}/confirm", OrderId, ErasureOut, "keys", "确认删除", "Confirm an erasure"),
    Route("list_erasures", "GET", "/v1/erasures", ListOrders, Page[ErasureOut], "keys", "删除列表", "List erasures"),
    Route("erasure_receipt", "GET", "/v1/erasures/{order_id}/receipt", OrderId, ErasureReceipt, "keys", "删除回执", "Receipt of an erasure"),
    Route("read_watermark", "POST", "/v1/watermarks", Nothing, Watermarks, "keys", "读取水印", "Read a watermark back", raw=True),
)  # fmt: skip
