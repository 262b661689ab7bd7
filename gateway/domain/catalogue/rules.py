"""What a catalogue entry must fulfil before it may be published. Each rule is a function from item to findings.

A finding names the column, what is wrong and what to do, in both languages. Rules see one item at a time; that codes
are unique is checked where a whole file is read.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from gateway.domain.catalogue.items import CLIENT_NAME, ISOLATED_GROUPS, MODES, DataItem

GROUPS: Final = (
    "aggregate", "agriculture", "client_name", "consent", "contact", "cooperation", "customs", "enterprise_profile",
    "equity_market", "finance", "financing", "governance", "ip", "judicial", "model_output", "opportunity",
    "park_operation", "public_credit", "real_estate", "social_security", "tax", "technology", "utilities", "visit",
    "wall",
)  # fmt: skip
# P<n>Y years; SOURCE_SYNC: dropped when the source drops it; GRANT_END+P30D: a partner's copy; NONE: never stored.
RETENTIONS: Final = ("P20Y", "P20Y_AFTER_REL_END", "P3Y", "P1Y", "SOURCE_SYNC", "GRANT_END+P30D", "NONE")

_CODE: Final = re.compile(r"(?=.{3,20}\Z)[A-Z0-9]+(-[A-Z0-9]+)+\Z")
_UNIT: Final = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*\Z")
_PIPL_ARTICLE: Final = re.compile(r"(?:PIPL|个人信息保护法)\s*(?:第|art\.?|article)?\s*\d", re.IGNORECASE)

# Regulation on the Administration of the Credit Reporting Industry (征信业管理条例), art. 14, first paragraph: never
# collected. Whole phrases count for every item, so that a missing personal-data flag does not open the door; single
# words, which occur in names of industries as well, count where the item is personal.
_NEVER: Final = re.compile(
    r"宗教信仰|基因(?:信息|数据|检测|样本|序列)|(?<!证书)(?<!公钥)(?<!密钥)(?<!数据)指纹|血型|病史|病历|患病|疾病(?:信息|记录|史)"
    r"|religious (?:belief|affiliation)|genetic (?:data|information)|(?<!certificate )(?<!key )(?<!data )fingerprint"
    r"|blood (?:type|group)|medical (?:history|record)|illness",
    re.IGNORECASE,
)
_NEVER_PERSONAL: Final = re.compile(
    r"宗教|基因|疾病|健康状况|religio|\bgenes?\b|genetic|disease|health condition", re.IGNORECASE
)
# Second paragraph: a person's income, deposits, securities, commercial insurance, real property and tax amounts are
# collected only with written consent after the consequences were explained.
_WRITTEN: Final = re.compile(
    r"个人收入|工资|薪酬|薪资|存款|有价证券|商业保险|个人不动产|个人所得税|纳税数额"
    r"|personal income|salary|wages|deposits?\b|personal securities|commercial insurance|personal real estate"
    r"|individual income tax",
    re.IGNORECASE,
)
_WRITTEN_BASIS: Final = re.compile(r"书面同意|written consent", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Broken:
    """One rule that an item breaks: the rule's code, the column, and words that say what is wrong and what to do."""

    rule: str
    column: str
    zh: str
    en: str


Rule = Callable[[DataItem], Iterator[Broken]]

# What is wrong, and what to do about it: zh, en.
_WORDS: Final = {
    "bad-code": (
        "编码不规范;请写作大写字母数字加连字符,如 INT-CON-001",
        "not a code; write capital letters and digits joined by hyphens, such as INT-CON-001",
    ),
    "missing-value": ("不能为空;请填写", "must not be empty; fill it in"),
    "bad-unit": (
        "部门代码缺失或不规范;请填写单位表中的代码,如 compliance",
        "the unit code is missing or malformed; use one of the table of units, such as compliance",
    ),
    "unknown-group": ("没有这个字段组;请选用:{choices}", "no such field group; choose one of: {choices}"),
    "unknown-mode": ("没有这种共享模式;请选用:{choices}", "no such mode; choose one of: {choices}"),
    "unknown-retention": ("没有这个留存代码;请选用:{choices}", "no such retention code; choose one of: {choices}"),
    "no-source": ("未注明来源;请说明数据或条目的来源", "no source; say where it comes from"),
    "no-legal-basis": (
        "未注明法律依据;请填写法规条款、公司制度或企业授权",
        "no legal basis; name the law, the firm's rule or the enterprise's authorisation",
    ),
    "no-level": ("没有分级,不得发布;请填写级别,如 L2", "without a level it cannot be published; give one, such as L2"),
    "open-above-l2": (
        "清单开放只限L2及以下;请改为申请审核制或重新定级",
        "open mode goes up to L2; make it approval_gated or grade it anew",
    ),
    "open-sensitive": (
        "敏感个人信息不得开放(PIPL 28);请改为申请审核制或不予共享",
        "sensitive personal data cannot be open (PIPL art. 28); make it approval_gated or not_shared",
    ),
    "open-hidden": (
        "清单开放的数据项必须可见;请填 Y",
        "the entry of an open item is visible by definition; write Y",
    ),
    "mandatory-outside-names": (
        "强制共享只限 client_name 字段组;请改用其他模式",
        "mandatory sharing is for the group client_name alone; choose another mode",
    ),
    "mandatory-persons": (
        "强制共享只适用于机构客户,不含自然人;请填 Y",
        "mandatory sharing is for organisations, never for natural persons; write Y",
    ),
    "mandatory-sensitive": (
        "敏感个人信息不得强制共享;请改为不予共享",
        "sensitive personal data cannot be shared by force; make it not_shared",
    ),
    "mandatory-hidden": ("强制共享的数据项不得隐藏;请填 Y", "what is shared by force cannot be hidden; write Y"),
    "mandatory-purpose": ("强制共享不限用途;请留空", "mandatory sharing knows no purpose limit; leave it empty"),
    "isolated-group-open": (
        "联系人、合作业务、拜访记录只能申请审核或不予共享;请改为 approval_gated",
        "contacts, cooperation and visits are approval_gated or not_shared; make it approval_gated",
    ),
    "readable-without-grant": (
        "申请审核或不予共享的数据项不得免申请读取;请填 N",
        "a gated or unshared item is not readable without a request; write N",
    ),
    "sensitive-not-personal": (
        "敏感个人信息必然是个人信息;请填 Y",
        "sensitive personal data is personal data; write Y",
    ),
    "personal-without-pipl": (
        "含个人信息,法律依据未写明个人信息保护法条款;请补充,如 PIPL 13",
        "personal data without an article of the PIPL in the legal basis; add one, such as PIPL 13",
    ),
    "sensitive-below-l4": (
        "敏感个人信息至少为L4;请提高级别",
        "sensitive personal data is L4 or above; raise the level",
    ),
    "banned-item": (
        "征信业管理条例第十四条禁止采集;请删除本项",
        "the Credit Reporting Regulation, art. 14, forbids collecting it; remove the item",
    ),
    "written-consent-needed": (
        "征信业管理条例第十四条:须个人书面同意;请在法律依据中写明“书面同意”,或改为不予共享",
        'Credit Reporting Regulation, art. 14: write "written consent" into the legal basis, or make it not_shared',
    ),
    "unknown-purpose": ("没有这个用途代码;请填写用途表中的代码", "no such purpose; use codes of the table of purposes"),
}


def _broken(rule: str, column: str, choices: Iterable[str] = ()) -> Broken:
    zh, en = _WORDS[rule]
    return Broken(rule, column, zh.format(choices="、".join(choices)), en.format(choices=", ".join(choices)))


def broken_rules(item: DataItem, *, purposes: Collection[str] | None = None) -> tuple[Broken, ...]:
    """Every rule that `item` breaks; empty when it may be published. `purposes`: the codes known, None: not checked."""
    found = [broken for rule in RULES for broken in rule(item)]
    if purposes is not None and not all(code in purposes for code in item.allowed_purposes):
        found.append(_broken("unknown-purpose", "allowed_purposes"))
    return tuple(found)


def _identity(item: DataItem) -> Iterator[Broken]:
    if not _CODE.match(item.code):
        yield _broken("bad-code", "code")
    for column in ("name_zh", "name_en", "owner_zh", "owner_en"):
        if not getattr(item, column):
            yield _broken("missing-value", column)
    for column in ("owner_unit", "steward"):
        if not _UNIT.match(getattr(item, column)):
            yield _broken("bad-unit", column)


def _closed_lists(item: DataItem) -> Iterator[Broken]:
    if item.group not in GROUPS:
        yield _broken("unknown-group", "group", GROUPS)
    if item.mode not in MODES:
        yield _broken("unknown-mode", "mode", MODES)
    if item.retention not in RETENTIONS:
        yield _broken("unknown-retention", "retention", RETENTIONS)


def _provenance(item: DataItem) -> Iterator[Broken]:
    # Data Security Law, art. 33: whoever passes data on must be able to say where they come from.
    if not item.source:
        yield _broken("no-source", "source")
    if not item.legal_basis:
        yield _broken("no-legal-basis", "legal_basis")


def _level(item: DataItem) -> Iterator[Broken]:
    if not 1 <= item.level <= 5:
        yield _broken("no-level", "level")


def _open(item: DataItem) -> Iterator[Broken]:
    if item.mode != "catalogue_open":
        return
    if item.level > 2:
        yield _broken("open-above-l2", "level")
    if item.sensitive:
        yield _broken("open-sensitive", "mode")
    if not item.discoverable:
        yield _broken("open-hidden", "discoverable")


def _mandatory(item: DataItem) -> Iterator[Broken]:
    if item.mode != "mandatory_name_share":
        return
    if item.group != CLIENT_NAME:
        yield _broken("mandatory-outside-names", "group")
    if not item.organisations_only:
        yield _broken("mandatory-persons", "organisations_only")
    if item.sensitive:
        yield _broken("mandatory-sensitive", "sensitive")
    for column in ("discoverable", "readable"):
        if not getattr(item, column):
            yield _broken("mandatory-hidden", column)
    if item.allowed_purposes:
        yield _broken("mandatory-purpose", "allowed_purposes")


def _isolated(item: DataItem) -> Iterator[Broken]:
    if item.group in ISOLATED_GROUPS and item.mode not in ("approval_gated", "not_shared"):
        yield _broken("isolated-group-open", "mode")


def _readable(item: DataItem) -> Iterator[Broken]:
    if item.readable and item.mode in ("approval_gated", "not_shared"):
        yield _broken("readable-without-grant", "readable")


def _personal(item: DataItem) -> Iterator[Broken]:
    if item.sensitive and not item.personal:
        yield _broken("sensitive-not-personal", "personal")
    if item.personal and not _PIPL_ARTICLE.search(item.legal_basis):
        yield _broken("personal-without-pipl", "legal_basis")
    if item.sensitive and 1 <= item.level < 4:
        yield _broken("sensitive-below-l4", "level")


def _banned(item: DataItem) -> Iterator[Broken]:
    consented = item.mode == "not_shared" or _WRITTEN_BASIS.search(item.legal_basis)
    for column in ("name_zh", "name_en"):
        name = getattr(item, column)
        if _NEVER.search(name) or (item.personal and _NEVER_PERSONAL.search(name)):
            yield _broken("banned-item", column)
        elif item.personal and not consented and _WRITTEN.search(name):
            yield _broken("written-consent-needed", column)


RULES: Final[tuple[Rule, ...]] = (
    _identity, _closed_lists, _provenance, _level, _open, _mandatory, _isolated, _readable, _personal, _banned,
)  # fmt: skip
