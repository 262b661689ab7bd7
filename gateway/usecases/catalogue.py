"""Looking at the catalogue: what there is, what it was, who answers for it, what it may be wanted for."""

from itertools import islice

from gateway.domain.catalogue import ISOLATED_GROUPS, DataItem, default_catalogue, owner_units
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal, system_principal
from gateway.domain.text import fold
from gateway.errors import NOT_FOUND, Problem, Refusal
from gateway.runtime import Gateway, event_of
from gateway.schemas.base import Nothing, Page
from gateway.schemas.catalogue import (
    AnswerableOut,
    AnswerableParty,
    CatalogueAnswerable,
    CataloguePage,
    GetItem,
    GroupOut,
    ItemHistory,
    ItemOut,
    ItemVersionOut,
    PurposeOut,
    SearchCatalogue,
)
from gateway.store import catalogue as store
from gateway.store import grants
from gateway.store.db import Tx
from gateway.store.names import UnitName, holders_of, units_named
from gateway.usecases import _facts
from gateway.usecases._catalogue import item_out, object_of, purposes_of, snapshot
from gateway.usecases._entries import enter
from ledger.entry import Value
from policies.decision import Allowed, Decision
from policies.vocabulary import Object, Resource, Subject

__all__ = [
    "catalogue_answerable",
    "get_item",
    "item_history",
    "list_groups",
    "list_purposes",
    "search_catalogue",
]

_GROUP_NAMES = {
    "aggregate": ("汇总数据", "Aggregates"),
    "agriculture": ("涉农信息", "Agriculture"),
    "client_name": ("客户名称", "Client names"),
    "consent": ("同意与授权", "Consents"),
    "contact": ("客户联系人", "Contacts"),
    "cooperation": ("合作业务", "Cooperation business"),
    "customs": ("进出口", "Customs"),
    "enterprise_profile": ("企业概况", "Enterprise profile"),
    "equity_market": ("区域股权市场", "Regional equity market"),
    "finance": ("财务信息", "Finance"),
    "financing": ("融资信息", "Financing"),
    "governance": ("治理与股东", "Governance"),
    "ip": ("知识产权", "Intellectual property"),
    "judicial": ("司法信息", "Judicial records"),
    "model_output": ("模型输出", "Model output"),
    "opportunity": ("商机", "Opportunities"),
    "park_operation": ("园区运营", "Park operation"),
    "public_credit": ("公共信用", "Public credit"),
    "real_estate": ("不动产", "Real estate"),
    "social_security": ("社保公积金", "Social security"),
    "tax": ("税务信息", "Tax"),
    "technology": ("科技创新", "Technology"),
    "utilities": ("水电气", "Utilities"),
    "visit": ("拜访记录", "Visits"),
    "wall": ("信息隔离墙", "Information barrier"),
}


class _Discovery:
    """Which entries one principal may know of; entries alike to the rules are decided once."""

    def __init__(self, gw: Gateway, who: Subject, channel: str, now: int) -> None:
        self._gw, self._who, self._channel, self._now = gw, who, channel, now
        self._known: dict[Object, Decision] = {}
        self.decision_id = random_id()

    def decide(self, item: DataItem) -> Decision:
        """Whether the entry of `item` may be seen."""
        what = object_of(item)
        found = self._known.get(what)
        if found is None:
            facts = _facts.facts(
                self.decision_id, self._who, what, "discover", purpose="none", now=self._now, channel=self._channel,
                resource=Resource(item.group, frozenset(), frozenset()),
            )  # fmt: skip
            found = self._known[what] = self._gw.policy.decide(facts)
        return found

    def sees(self, item: DataItem) -> bool:
        return isinstance(self.decide(item), Allowed)


async def _discovery(gw: Gateway, tx: Tx, by: Principal) -> _Discovery:
    held = await _facts.known_standing(tx, by)
    return _Discovery(gw, _facts.subject(by, held, tx.now), by.channel, tx.now)


async def search_catalogue(gw: Gateway, by: Principal, ask: SearchCatalogue) -> CataloguePage:
    """Items that match every filter and contain every word, by code; what `by` may not know of is not there."""
    async with gw.db.read() as tx:
        seen = await snapshot(gw, tx)
        discovery = await _discovery(gw, tx, by)
        waiting = await store.waiting_codes(tx)
        now = tx.now
    matching = seen.matching(
        fold(ask.text).casefold().split(), after=ask.after, owner=ask.owner, mode=ask.mode, level=ask.level,
        group=ask.group,
    )  # fmt: skip
    found = list(islice((item for item in matching if discovery.sees(item)), ask.limit + 1))
    shown = found[: ask.limit]
    await gw.recorded(
        event_of(
            by, "catalogue:search", now, target_kind="catalogue", outcome="allowed", record_count=len(shown),
            policy_epoch=gw.policy.epoch, read_id=discovery.decision_id, details={"length": len(ask.text)},
        )
    )  # fmt: skip
    return CataloguePage(
        items=tuple(item_out(item, waiting) for item in shown),
        next=shown[-1].code if len(found) > ask.limit else None,
        version=seen.version,
        scheme=seen.scheme,
    )


async def _seen_item(gw: Gateway, tx: Tx, by: Principal, code: str) -> DataItem:
    """The item; one that is not there and one that `by` may not know of are the same `Problem(not-found)`."""
    item = (await snapshot(gw, tx)).catalogue.find(code)
    if item is None or not (await _discovery(gw, tx, by)).sees(item):
        raise Problem(NOT_FOUND, field="item_code")
    return item


async def get_item(gw: Gateway, by: Principal, ask: GetItem) -> ItemOut:
    """One item. Raises `Problem(not-found)`, also for an entry that `by` may not know of."""
    async with gw.db.read() as tx:
        item = await _seen_item(gw, tx, by, ask.item_code)
        return item_out(item, await store.waiting_codes(tx))


async def item_history(gw: Gateway, by: Principal, ask: ItemHistory) -> Page[ItemVersionOut]:
    """The versions of an item, newest first, with who made and who countersigned each."""
    async with gw.db.read() as tx:
        await _seen_item(gw, tx, by, ask.item_code)
        below = int(ask.after) if ask.after and ask.after.isdigit() else None
        versions = await store.list_versions(tx, ask.item_code, below, ask.limit + 1)
    shown = versions[: ask.limit]
    older = [*versions[1:], None]
    items = tuple(
        ItemVersionOut(
            version=each.version, item=item_out(each.item),
            changed=store.differing(before.item, each.item) if before else (),
            changed_by=each.changed_by, countersigned_by=each.countersigned_by, entry_id=each.entry_id,
            changed_at=each.changed_at,
        )
        for each, before in zip(shown, older, strict=False)
    )  # fmt: skip
    return Page[ItemVersionOut](items=items, next=str(shown[-1].version) if len(versions) > ask.limit else None)


async def catalogue_answerable(gw: Gateway, by: Principal, ask: CatalogueAnswerable) -> AnswerableOut | Refusal:
    """Who supplies, keeps and uses an item (数据供给方、管理方、使用方), with the people who act for each unit."""
    async with gw.db.read() as tx:
        item = await _seen_item(gw, tx, by, ask.item_code)
        users = await grants.users_of_item(tx, item.code) if by.internal else []
        names = await units_named(tx, [item.owner_unit, item.steward, *users])
        owners = await holders_of(tx, "data_owner", item.owner_unit)
        stewards = await holders_of(tx, "data_steward", item.steward) if item.steward else {}
    return AnswerableOut(
        item_code=item.code,
        suppliers=(_party(item.owner_unit, names, _SUPPLIER, tuple(owners.values())),),
        stewards=(_party(item.steward, names, _STEWARD, tuple(stewards.values())),) if item.steward else (),
        users=tuple(_party(unit, names, _USER, ()) for unit in users),
    )


_SUPPLIER = ("供给数据,审批使用,对准确性负责", "Supplies, approves use, answers for accuracy")
_STEWARD = ("维护目录、级别与质量", "Keeps catalogue, levels and quality")
_USER = ("按授权用途使用,到期删除", "Uses for the granted purpose only, deletes at the end")


def _party(unit: str, names: dict[str, UnitName], duty: tuple[str, str], people: tuple[str, ...]) -> AnswerableParty:
    named, kind = names.get(unit), owner_units().get(unit)
    zh = named.zh if named else kind.name_zh if kind else unit
    en = named.en if named else kind.name_en if kind else unit
    return AnswerableParty(unit_id=unit, name_zh=zh, name_en=en, duty_zh=duty[0], duty_en=duty[1], people=people)


async def list_purposes(gw: Gateway, by: Principal, ask: Nothing) -> Page[PurposeOut]:
    """Every purpose code in use, and whether `by` may state it."""
    known = purposes_of(gw)
    return Page[PurposeOut](
        items=tuple(
            PurposeOut(
                code=each.code, zh=each.zh, en=each.en, institution_kinds=tuple(sorted(each.at)),
                roles=tuple(sorted(each.who)), usable=known.may_state(each.code, by.roles, by.institution_kind),
            )
            for each in known.purposes.values()
            if not each.retired
        )
    )  # fmt: skip


async def list_groups(gw: Gateway, by: Principal, ask: Nothing) -> Page[GroupOut]:
    """The field groups, each with what `by` may know of in it."""
    async with gw.db.read() as tx:
        seen = await snapshot(gw, tx)
        discovery = await _discovery(gw, tx, by)
    groups: dict[str, list[DataItem]] = {}
    for item in seen.catalogue:
        if discovery.sees(item):
            groups.setdefault(item.group, []).append(item)
    return Page[GroupOut](
        items=tuple(
            GroupOut(
                group=group, zh=_GROUP_NAMES.get(group, (group,))[0], en=_GROUP_NAMES.get(group, (group,))[-1],
                isolated=group in ISOLATED_GROUPS, items=len(items), modes=tuple(sorted({i.mode for i in items})),
                levels=tuple(sorted({i.level for i in items})),
            )
            for group, items in sorted(groups.items())
        )
    )  # fmt: skip


async def load_default_catalogue(gw: Gateway) -> int:
    """The default catalogue is loaded, on ledger and trail; returns its version. Once: later calls do nothing."""
    by = system_principal("init")
    async with gw.begin() as tx:
        head = await store.find_head(tx)
        if head is not None:
            return head.version
        shipped = default_catalogue()
        version = await store.raise_head(tx)
        fields: dict[str, Value] = {"items": len(shipped), "digest": shipped.digest, "changed_by": by.id}
        entry_id = await enter(gw, tx, "catalogue:loaded", fields, data={"version": version})
        await store.add_items(tx, shipped.items, changed_by=by.id, entry_id=entry_id)
        tx.record(
            event_of(
                by, "catalogue:loaded", tx.now, target_kind="catalogue", target_id=entry_id, outcome="done",
                record_count=len(shipped), policy_epoch=gw.policy.epoch,
            )
        )  # fmt: skip
        return version
