"""The catalogue as a process holds it between two versions, and how its items are shown."""

from collections.abc import Iterable
from dataclasses import dataclass

from gateway.domain.catalogue import Catalogue, DataItem
from gateway.domain.entry import fields_of
from gateway.domain.grading import default_grading
from gateway.errors import NOT_FOUND, Problem
from gateway.runtime import Gateway
from gateway.schemas.catalogue import FieldOut, ItemOut
from gateway.store import catalogue as store
from gateway.store.db import Tx
from policies.purposes import Purposes, read_purposes
from policies.texts import PURPOSES, parse_yaml
from policies.vocabulary import MoveObject, Object


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the catalogue, with the text that a search looks in beside each item, by code."""

    catalogue: Catalogue
    scheme: str
    texts: tuple[tuple[str, DataItem], ...]

    @property
    def version(self) -> int:
        return self.catalogue.version


async def snapshot(gw: Gateway, tx: Tx) -> Snapshot:
    """The catalogue as it stands in this transaction. Raises `Problem(not-found)` while none was loaded.

    Kept in the process until a transaction sees another version, so that a page costs one row.
    """
    head = await store.find_head(tx)
    if head is None:
        raise Problem(NOT_FOUND, detail_zh="尚未导入数据清单", detail_en="no catalogue was loaded yet")
    kept: Snapshot | None = gw.state.get("catalogue")
    if kept is None or kept.version != head.version:
        items = await store.list_items(tx)
        texts = await store.search_texts(tx)
        kept = Snapshot(
            Catalogue(tuple(items), head.version), head.scheme, tuple((texts[item.code], item) for item in items)
        )
        gw.state["catalogue"] = kept
    return kept


def purposes_of(gw: Gateway) -> Purposes:
    """The purposes that go with the rules in force."""
    loaded = gw.policy.loaded
    kept: tuple[str, Purposes] | None = gw.state.get("purposes")
    if kept is None or kept[0] != loaded.epoch:
        kept = (loaded.epoch, read_purposes(parse_yaml(PURPOSES, loaded.texts.files[PURPOSES])))
        gw.state["purposes"] = kept
    return kept[1]


def object_of(item: DataItem) -> Object:
    """The entry of an item, as the rules see it; the name of a unit of the firm is its institution's here."""
    return Object(
        mode=item.mode, group=item.group, level=item.level, owner=item.owner_unit, owner_institution="firm",
        personal=item.personal, sensitive=item.sensitive, discoverable=item.discoverable, readable=item.readable,
    )  # fmt: skip


def move_of(item: DataItem, *, proposer: str = "", state: str = "") -> MoveObject:
    """An item as a workflow rule sees it."""
    return MoveObject(
        "catalogue", state=state, proposer=proposer, owner_unit=item.owner_unit, level=item.level,
        personal=item.personal,
    )  # fmt: skip


def item_out(item: DataItem, waiting: Iterable[str] = ()) -> ItemOut:
    """The item as it goes over the wire."""
    longest = default_grading().max_term_days([item.level])
    return ItemOut(
        code=item.code, name_zh=item.name_zh, name_en=item.name_en, owner_unit=item.owner_unit, owner_zh=item.owner_zh,
        owner_en=item.owner_en, steward=item.steward, group=item.group, level=item.level, mode=item.mode,
        personal=item.personal, sensitive=item.sensitive, discoverable=item.discoverable, readable=item.readable,
        organisations_only=item.organisations_only, allowed_purposes=item.allowed_purposes,
        legal_basis=item.legal_basis, retention=item.retention, source=item.source, version=item.version,
        fields=tuple(FieldOut(name=f.name, zh=f.zh, en=f.en, kind=f.kind) for f in fields_of(item.code)),
        max_term_days=longest if item.mode == "approval_gated" else None, waiting_change=item.code in waiting,
    )  # fmt: skip
