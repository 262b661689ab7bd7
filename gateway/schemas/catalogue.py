"""The catalogue on the wire: what there is, who answers for it, and how an item is changed by two people."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from .base import Answer, Ask, Instant, Nothing, Page, Paged, Route


def level_from(value: object) -> object:
    """3 from "L3" or 3; anything else is left for the field's own check."""
    if isinstance(value, str) and len(value) == 2 and value[0] in "Ll" and value[1].isdigit():
        return int(value[1])
    return value


Level = Annotated[
    int,
    BeforeValidator(level_from),
    Field(ge=1, le=5),
    PlainSerializer(lambda level: f"L{level}", return_type=str, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^L[1-5]$", "examples": ["L3"]}),
]
"""A protection level: "L3" on the wire, 3 in Python."""

Mode = Literal["catalogue_open", "approval_gated", "mandatory_name_share", "not_shared"]
ItemCode = Annotated[str, Field(min_length=3, max_length=20, pattern=r"^[A-Z0-9][A-Z0-9-]*$", examples=["INT-CON-001"])]
ChangeId = Annotated[str, Field(min_length=8, max_length=36, description="变更编号 / Identifier of the change")]


class SearchCatalogue(Paged):
    """Filters are combined with "and"; only items that the caller may know of are found."""

    text: str = Field(
        default="",
        max_length=100,
        description="中文、英文、拼音或编号 / Chinese, English, pinyin or code",
        examples=["联系人", "lianxiren", "contact"],
    )
    owner: str = Field(
        default="", max_length=36, description="主责单位代码 / Code of the owning unit", examples=["ibo"]
    )
    mode: Mode | None = Field(default=None, description="共享模式 / Sharing mode")
    level: Level | None = Field(default=None, description="数据级别 / Protection level")
    group: str = Field(default="", max_length=30, description="字段组 / Field group", examples=["contact"])


class FieldOut(Answer):
    """One field of an item, as records carry it."""

    name: str = Field(description="字段名 / Name of the field", examples=["mobile"])
    zh: str = Field(description="中文名称 / Chinese label", examples=["手机号码"])
    en: str = Field(description="英文名称 / English label", examples=["Mobile number"])
    kind: str = Field(description="类型 / Type of the value", examples=["mobile"])


class ItemOut(Answer):
    """A data item as it stands."""

    code: str = Field(description="数据项编号 / Code of the item", examples=["INT-CON-001"])
    name_zh: str = Field(description="中文名称 / Chinese name")
    name_en: str = Field(description="英文名称 / English name")
    owner_unit: str = Field(description="主责单位代码 / Code of the owning unit")
    owner_zh: str
    owner_en: str
    steward: str = Field(default="", description="管理方 / Steward")
    group: str = Field(description="字段组 / Field group")
    level: Level
    mode: Mode
    personal: bool = Field(description="含个人信息 / Contains personal information")
    sensitive: bool = Field(description="敏感个人信息 / Sensitive personal information (PIPL art. 28)")
    discoverable: bool = Field(description="清单可见 / The entry may be seen")
    readable: bool = Field(description="无须申请即可读 / Values may be read without a request")
    organisations_only: bool
    allowed_purposes: tuple[str, ...] = Field(
        default=(), description="允许的用途代码,空为不限 / Allowed purpose codes, empty: any"
    )
    legal_basis: str = Field(description="合法性基础 / Legal basis")
    retention: str = Field(description="保存期限代码 / Retention code", examples=["P20Y_AFTER_REL_END"])
    source: str = Field(default="", description="来源 / Source")
    version: int = Field(description="版本 / Version of this item")
    fields: tuple[FieldOut, ...] = Field(default=(), description="字段 / Fields of the item")
    max_term_days: int | None = Field(default=None, description="单次授权最长天数 / Longest term of a grant in days")
    waiting_change: bool = Field(default=False, description="有变更待复核 / A change waits for its second signature")


class CataloguePage(Page[ItemOut]):
    """One page of items, and the version of the catalogue it was read from."""

    version: int = Field(default=0, description="清单版本 / Version of the whole catalogue")
    scheme: str = Field(default="LQ", description="分级体系 / Grading scheme")


class GetItem(Ask):
    item_code: ItemCode


class ItemHistory(Paged):
    item_code: ItemCode


class ItemVersionOut(Answer):
    """One version of an item, newest first in lists."""

    version: int
    item: ItemOut
    changed: tuple[str, ...] = Field(
        default=(), description="与上一版不同的属性 / Attributes that differ from the version before"
    )
    changed_by: str
    countersigned_by: str | None = None
    entry_id: str | None = Field(default=None, description="账本条目 / Ledger entry of the change")
    changed_at: Instant


class ImportCatalogue(Ask):
    """A whole catalogue file. Every broken rule is reported at once, and then nothing of the file is taken over."""

    content: str = Field(min_length=1, max_length=8_000_000, description="CSV 全文 / The text of the CSV file")
    dry_run: bool = Field(default=False, description="只检查,不写入 / Check only")
    reason: str = Field(default="", max_length=500, description="变更理由 / Why the items change")


class ImportOut(Answer):
    """What an import did. Items whose mode or level would change wait for a second person."""

    items: int = Field(description="文件中的数据项数 / Items in the file")
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    waiting: tuple[str, ...] = Field(
        default=(), description="待第二人复核 / Items whose change waits for a second person"
    )
    unchanged: int = 0
    version: int = Field(description="清单版本 / Version of the catalogue afterwards")
    dry_run: bool = False


class ProposeItemChange(Ask):
    """The attributes to change; what is left out stays. A change of mode or level waits for a second person."""

    item_code: ItemCode
    reason: str = Field(min_length=2, max_length=500, description="变更理由 / Why")
    name_zh: str | None = Field(default=None, max_length=200)
    name_en: str | None = Field(default=None, max_length=200)
    steward: str | None = Field(default=None, max_length=36)
    level: Level | None = None
    mode: Mode | None = None
    personal: bool | None = None
    sensitive: bool | None = None
    discoverable: bool | None = None
    readable: bool | None = None
    allowed_purposes: tuple[str, ...] | None = None
    legal_basis: str | None = Field(default=None, max_length=1000)
    retention: str | None = Field(default=None, max_length=30)
    source: str | None = Field(default=None, max_length=1000)


class ChangeOut(Answer):
    """A change of an item: applied at once, or waiting for a second person."""

    change_id: str
    item_code: str
    state: Literal["proposed", "applied", "rejected", "withdrawn"]
    base_version: int
    changed: tuple[str, ...] = Field(default=(), description="变更的属性 / Attributes that change")
    before: ItemOut | None = None
    after: ItemOut | None = None
    reason: str = ""
    proposed_by: str
    proposed_by_name: str = ""
    decided_by: str | None = None
    proposed_at: Instant
    decided_at: Instant | None = None
    entry_id: str | None = Field(default=None, description="账本条目 / Ledger entry")
    receipt: str | None = Field(default=None, description="账本回执 / Receipt of the ledger")


class ListItemChanges(Paged):
    state: Literal["proposed", "applied", "rejected", "withdrawn"] | None = None
    item_code: str = Field(default="", max_length=20)


class CountersignItemChange(Ask):
    change_id: ChangeId


class RejectItemChange(Ask):
    change_id: ChangeId
    reason: str = Field(min_length=2, max_length=500, description="理由 / Why")


class CatalogueAnswerable(Ask):
    item_code: ItemCode


class AnswerableParty(Answer):
    """A unit, with the people who act for it."""

    unit_id: str
    name_zh: str
    name_en: str = ""
    duty_zh: str = Field(description="职责 / Duty")
    duty_en: str
    people: tuple[str, ...] = Field(default=(), description="责任人姓名 / Names of those who act for it")


class AnswerableOut(Answer):
    """Who supplies, keeps and uses an item."""

    item_code: str
    suppliers: tuple[AnswerableParty, ...] = Field(description="数据供给方 / Suppliers")
    stewards: tuple[AnswerableParty, ...] = Field(description="管理方 / Stewards")
    users: tuple[AnswerableParty, ...] = Field(description="使用方(有效授权) / Users under a live grant")


class PurposeOut(Answer):
    """A purpose code that a request or a read may state."""

    code: str
    zh: str
    en: str
    institution_kinds: tuple[str, ...] = Field(
        default=(), description="可使用的机构类别,空为不限 / Kinds of institutions that may use it, empty: any"
    )
    roles: tuple[str, ...] = Field(default=(), description="可使用的角色,空为不限 / Roles that may use it, empty: any")
    usable: bool = Field(default=True, description="调用者可用 / The caller may state it")


class GroupOut(Answer):
    """A field group with its number of items that the caller may know of."""

    group: str
    zh: str
    en: str
    isolated: bool = Field(description="隔离字段组 / Sealed as a compartment of its own")
    items: int
    modes: tuple[str, ...]
    levels: tuple[Level, ...]


ROUTES = (
    Route(
        "search_catalogue",
        "GET",
        "/v1/catalogue/items",
        SearchCatalogue,
        CataloguePage,
        "catalogue",
        "检索数据清单",
        "Search the catalogue",
    ),
    Route(
        "get_item",
        "GET",
        "/v1/catalogue/items/{item_code}",
        GetItem,
        ItemOut,
        "catalogue",
        "查看数据项",
        "Show a data item",
    ),
    Route(
        "item_history",
        "GET",
        "/v1/catalogue/items/{item_code}/history",
        ItemHistory,
        Page[ItemVersionOut],
        "catalogue",
        "数据项历史版本",
        "Versions of a data item",
    ),
    Route(
        "catalogue_answerable",
        "GET",
        "/v1/catalogue/items/{item_code}/answerable",
        CatalogueAnswerable,
        AnswerableOut,
        "catalogue",
        "数据项责任方",
        "Who answers for a data item",
    ),
    Route(
        "import_catalogue",
        "POST",
        "/v1/catalogue/import",
        ImportCatalogue,
        ImportOut,
        "catalogue",
        "导入数据清单",
        "Import a catalogue",
        problems=("invalid-catalogue",),
    ),
    Route(
        "propose_item_change",
        "POST",
        "/v1/catalogue/items/{item_code}/changes",
        ProposeItemChange,
        ChangeOut,
        "catalogue",
        "提出数据项变更",
        "Propose a change of an item",
        status=201,
    ),
    Route(
        "list_item_changes",
        "GET",
        "/v1/catalogue/changes",
        ListItemChanges,
        Page[ChangeOut],
        "catalogue",
        "数据项变更列表",
        "List changes of items",
    ),
    Route(
        "countersign_item_change",
        "POST",
        "/v1/catalogue/changes/{change_id}/countersign",
        CountersignItemChange,
        ChangeOut,
        "catalogue",
        "复核数据项变更",
        "Countersign a change of an item",
    ),
    Route(
        "reject_item_change",
        "POST",
        "/v1/catalogue/changes/{change_id}/reject",
        RejectItemChange,
        ChangeOut,
        "catalogue",
        "驳回数据项变更",
        "Reject a change of an item",
    ),
    Route(
        "list_purposes",
        "GET",
        "/v1/purposes",
        Nothing,
        Page[PurposeOut],
        "catalogue",
        "用途代码列表",
        "List the purpose codes",
    ),
    Route(
        "list_groups",
        "GET",
        "/v1/catalogue/groups",
        Nothing,
        Page[GroupOut],
        "catalogue",
        "字段组列表",
        "List the field groups",
    ),
)
