"""The catalogue in the database: items as they stand, their versions, and the changes that wait."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import sqlalchemy as sa

from gateway.domain.canonical import canonical
from gateway.domain.catalogue import DataItem
from gateway.domain.names import full_pinyin, initials
from gateway.errors import CONFLICT, NOT_FOUND, Problem
from gateway.store.db import Tx
from gateway.store.tables import catalogue as t

_HEAD = sa.select(t.catalogue_head.c.version, t.catalogue_head.c.scheme).where(t.catalogue_head.c.name == "head")
_ITEMS = sa.select(t.data_item).order_by(t.data_item.c.item_code)
_ITEM = sa.select(t.data_item).where(t.data_item.c.item_code == sa.bindparam("code"))
_ADD_ITEM = sa.insert(t.data_item)
_ADD_VERSION = sa.insert(t.data_item_version)
_ADD_CHANGE = sa.insert(t.catalogue_change)


@dataclass(frozen=True, slots=True)
class Head:
    """The version of the whole catalogue, and the grading scheme its levels are written in."""

    version: int
    scheme: str


@dataclass(frozen=True, slots=True)
class ItemVersion:
    """One version of an item and who made it. Times are microseconds since the epoch."""

    version: int
    item: DataItem
    changed_by: str
    countersigned_by: str | None
    entry_id: str | None
    changed_at: int


@dataclass(frozen=True, slots=True)
class ItemProposal:
    """A change of an item. `state` is proposed, applied, rejected or withdrawn."""

    change_id: str
    item: DataItem
    base_version: int
    reason: str
    state: str
    proposed_by: str
    decided_by: str | None
    proposed_at: int
    decided_at: int | None


def item_text(item: DataItem) -> str:
    """The item's content as canonical JSON: what is hashed, kept and compared."""
    return canonical(asdict(item)).decode()


def item_from(text: str) -> DataItem:
    """The item of `item_text`."""
    content: dict[str, Any] = json.loads(text)
    return DataItem(**{**content, "allowed_purposes": tuple(content["allowed_purposes"])})


def differing(before: DataItem, after: DataItem) -> tuple[str, ...]:
    """The attributes in which two versions of an item differ, the version itself left out."""
    was, now = asdict(before), asdict(after)
    return tuple(sorted(name for name in was if name != "version" and was[name] != now[name]))


def search_text(item: DataItem) -> str:
    """Everything a search looks in, lower case: code, names, owner, group, pinyin and its initials."""
    parts = (
        item.code, item.name_zh, item.name_en, item.owner_zh, item.owner_en, item.group,
        full_pinyin(item.name_zh), initials(item.name_zh),
    )  # fmt: skip
    return " ".join(parts).casefold()


async def find_head(tx: Tx) -> Head | None:
    """Version and scheme of the catalogue; None while none was loaded."""
    row = (await tx.execute(_HEAD)).first()
    return None if row is None else Head(row.version, row.scheme)


async def raise_head(tx: Tx, scheme: str = "LQ") -> int:
    """The catalogue has the next version, which is returned; changers wait for each other here until commit."""
    head = t.catalogue_head
    raised = await tx.execute(
        sa.update(head).where(head.c.name == "head").values(version=head.c.version + 1).returning(head.c.version)
    )
    version = raised.scalar()
    if version is not None:
        return int(version)
    await tx.execute(sa.insert(head), {"name": "head", "version": 1, "scheme": scheme})
    return 1


async def list_items(tx: Tx) -> list[DataItem]:
    """Every item as it stands, by code."""
    return [_item(row) for row in (await tx.execute(_ITEMS)).mappings().all()]


async def search_texts(tx: Tx) -> dict[str, str]:
    """What a search looks in, by code."""
    found = await tx.execute(sa.select(t.data_item.c.item_code, t.data_item.c.search_text))
    return {row.item_code: row.search_text for row in found.all()}


async def find_item(tx: Tx, code: str) -> DataItem | None:
    """The item as it stands, or None."""
    row = (await tx.execute(_ITEM, {"code": code})).mappings().first()
    return None if row is None else _item(row)


async def get_item(tx: Tx, code: str) -> DataItem:
    """The item as it stands. Raises `Problem(not-found)`."""
    item = await find_item(tx, code)
    if item is None:
        raise Problem(NOT_FOUND, field="item_code")
    return item


async def add_items(
    tx: Tx, items: Sequence[DataItem], *, changed_by: str, entry_id: str | None, countersigned_by: str | None = None
) -> None:
    """The items stand in the catalogue with their first version each."""
    if items:
        await tx.execute(_ADD_ITEM, [_row(item, tx.now) for item in items])
        await _add_versions(tx, items, changed_by, entry_id, countersigned_by)


async def set_items(
    tx: Tx, items: Sequence[DataItem], *, changed_by: str, entry_id: str | None, countersigned_by: str | None = None
) -> None:
    """Each item stands as given, one version above the one before.

    Raises `Problem(conflict)` when an item is no longer at the version below: somebody was first.
    """
    for item in items:
        changed = await tx.execute(
            sa.update(t.data_item)
            .where(t.data_item.c.item_code == item.code, t.data_item.c.version == item.version - 1)
            .values(_row(item, tx.now))
        )
        if not changed.rowcount:
            raise Problem(
                CONFLICT, field="item_code",
                detail_zh=f"{item.code} 已有更新的版本", detail_en=f"{item.code} has a newer version meanwhile",
            )  # fmt: skip
    await _add_versions(tx, items, changed_by, entry_id, countersigned_by)


async def list_versions(tx: Tx, code: str, below: int | None, limit: int) -> list[ItemVersion]:
    """Up to `limit` versions of an item, newest first, all below version `below` if given."""
    v = t.data_item_version
    statement = sa.select(v).where(v.c.item_code == code).order_by(v.c.version.desc()).limit(limit)
    if below is not None:
        statement = statement.where(v.c.version < below)
    return [
        ItemVersion(
            row["version"], item_from(row["content"]), row["changed_by"], row["countersigned_by"], row["entry_id"],
            row["changed_at"],
        )
        for row in (await tx.execute(statement)).mappings().all()
    ]  # fmt: skip


async def add_proposal(tx: Tx, proposal: ItemProposal) -> None:
    """The change is on file."""
    await tx.execute(
        _ADD_CHANGE,
        {
            "change_id": proposal.change_id, "item_code": proposal.item.code, "base_version": proposal.base_version,
            "content": item_text(proposal.item), "reason": proposal.reason, "state": proposal.state,
            "proposed_by": proposal.proposed_by, "decided_by": proposal.decided_by,
            "proposed_at": proposal.proposed_at, "decided_at": proposal.decided_at,
        },
    )  # fmt: skip


async def get_proposal(tx: Tx, change_id: str) -> ItemProposal:
    """The change. Raises `Problem(not-found)`."""
    statement = sa.select(t.catalogue_change).where(t.catalogue_change.c.change_id == change_id)
    row = (await tx.execute(statement)).mappings().first()
    if row is None:
        raise Problem(NOT_FOUND, field="change_id")
    return _proposal(row)


async def list_proposals(
    tx: Tx, *, state: str | None, code: str, below: tuple[int, str] | None, limit: int
) -> list[ItemProposal]:
    """Changes, newest first, of those filed before `below` (time and id of the last one seen)."""
    c = t.catalogue_change
    statement = sa.select(c).order_by(c.c.proposed_at.desc(), c.c.change_id.desc()).limit(limit)
    if state:
        statement = statement.where(c.c.state == state)
    if code:
        statement = statement.where(c.c.item_code == code)
    if below is not None:
        at, change_id = below
        statement = statement.where(
            sa.or_(c.c.proposed_at < at, sa.and_(c.c.proposed_at == at, c.c.change_id < change_id))
        )
    return [_proposal(row) for row in (await tx.execute(statement)).mappings().all()]


async def waiting_codes(tx: Tx) -> frozenset[str]:
    """Codes of the items for which a change waits for its second signature."""
    c = t.catalogue_change
    found = await tx.execute(sa.select(c.c.item_code).where(c.c.state == "proposed").distinct())
    return frozenset(found.scalars().all())


async def set_proposal_state(tx: Tx, change_id: str, state: str, decided_by: str) -> None:
    """The waiting change is decided. Raises `Problem(conflict)` when somebody was first."""
    c = t.catalogue_change
    changed = await tx.execute(
        sa.update(c)
        .where(c.c.change_id == change_id, c.c.state == "proposed")
        .values(state=state, decided_by=decided_by, decided_at=tx.now)
    )
    if not changed.rowcount:
        raise Problem(CONFLICT, detail_zh="该变更已有人办理", detail_en="this change was decided already")


async def _add_versions(
    tx: Tx, items: Sequence[DataItem], changed_by: str, entry_id: str | None, countersigned_by: str | None
) -> None:
    rows = [
        {
            "item_code": item.code, "version": item.version, "content": item_text(item), "changed_by": changed_by,
            "countersigned_by": countersigned_by, "entry_id": entry_id, "changed_at": tx.now,
        }
        for item in items
    ]  # fmt: skip
    if rows:
        await tx.execute(_ADD_VERSION, rows)


def _row(item: DataItem, now: int) -> dict[str, Any]:
    row = asdict(item)
    code, group, purposes = row.pop("code"), row.pop("group"), row.pop("allowed_purposes")
    return {
        **row, "item_code": code, "field_group": group, "allowed_purposes": " ".join(purposes),
        "search_text": search_text(item), "updated_at": now,
    }  # fmt: skip


def _item(row: Any) -> DataItem:
    return DataItem(
        code=row["item_code"], name_zh=row["name_zh"], name_en=row["name_en"], owner_zh=row["owner_zh"],
        owner_en=row["owner_en"], owner_unit=row["owner_unit"], steward=row["steward"], group=row["field_group"],
        level=row["level"], mode=row["mode"], personal=bool(row["personal"]), sensitive=bool(row["sensitive"]),
        legal_basis=row["legal_basis"], retention=row["retention"], source=row["source"],
        discoverable=bool(row["discoverable"]), readable=bool(row["readable"]),
        organisations_only=bool(row["organisations_only"]),
        allowed_purposes=tuple(row["allowed_purposes"].split()), version=row["version"],
    )  # fmt: skip


def _proposal(row: Any) -> ItemProposal:
    return ItemProposal(
        row["change_id"], item_from(row["content"]), row["base_version"], row["reason"], row["state"],
        row["proposed_by"], row["decided_by"], row["proposed_at"], row["decided_at"],
    )  # fmt: skip
