"""Changing the catalogue: a text by one person, a mode or level by two, a whole file at once or not at all."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from gateway.domain.catalogue import (
    INVALID_CATALOGUE,
    DataItem,
    broken_rules,
    needs_second_person,
    parse_catalogue,
)
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.errors import CONFLICT, INVALID_INPUT, FieldError, Problem, Refusal
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.base import Page
from gateway.schemas.catalogue import (
    ChangeOut,
    CountersignItemChange,
    ImportCatalogue,
    ImportOut,
    ListItemChanges,
    ProposeItemChange,
    RejectItemChange,
)
from gateway.store import catalogue as store
from gateway.store.catalogue import ItemProposal
from gateway.store.db import Tx
from gateway.store.names import holders_of, people_named
from gateway.usecases import _moves
from gateway.usecases._catalogue import item_out, move_of, purposes_of
from gateway.usecases._entries import enter, receipt_text
from gateway.usecases._notify import notify
from gateway.usecases._paging import key_of, read_key
from ledger.entry import Value
from policies.decision import Refused

__all__ = [
    "countersign_item_change",
    "import_catalogue",
    "list_item_changes",
    "propose_item_change",
    "reject_item_change",
]


async def propose_item_change(gw: Gateway, by: Principal, ask: ProposeItemChange) -> ChangeOut | Refusal:
    """The item is changed, or, when mode, level or who may see it would change, a second person is asked.

    Raises `Problem(invalid-catalogue)` with every rule that the item would break.
    """
    given = ask.model_dump(exclude={"item_code", "reason"}, exclude_none=True)
    async with gw.begin() as tx:
        # 1. the item as it would be
        old = await store.get_item(tx, ask.item_code)
        new = replace(old, **given, version=old.version + 1)
        changed = store.differing(old, new)
        if not changed:
            raise Problem(INVALID_INPUT, detail_zh="没有任何变更", detail_en="nothing would change")
        _check(gw, new)
        # 2. who may, and whether alone
        second = _needs_second(old, new)
        act = "catalogue:propose" if second else "catalogue:edit"
        refused = await _moves.may(gw, tx, by, act, move_of(old), old.code)
        if refused is not None:
            return refused
        # 3. on file; applied at once, or waiting
        proposal = ItemProposal(
            random_id(), new, old.version, ask.reason, "proposed" if second else "applied", by.id,
            None if second else by.id, tx.now, None if second else tx.now,
        )  # fmt: skip
        await store.add_proposal(tx, proposal)
        if second:
            tx.record(_event(gw, tx, by, "catalogue:proposed", proposal))
            await _ask_second(tx, by, proposal)
            return await _out(tx, proposal, old)
        entry_id = await _apply(gw, tx, old, proposal, None)
        tx.record(_event(gw, tx, by, "catalogue:changed", proposal))
        return await _out(tx, proposal, old, entry_id, await receipt_text(gw, tx, entry_id))


async def countersign_item_change(gw: Gateway, by: Principal, ask: CountersignItemChange) -> ChangeOut | Refusal:
    """The waiting change is applied and on the ledger. Never by the one who proposed it.

    Raises `Problem(conflict)` when it was decided already, or the item has changed since it was proposed.
    """
    async with gw.begin() as tx:
        proposal = await store.get_proposal(tx, ask.change_id)
        old = await _base(tx, proposal)
        thing = move_of(proposal.item if old is None else old, proposer=proposal.proposed_by)
        refused = await _moves.may(gw, tx, by, "catalogue:countersign", thing, proposal.item.code)
        if refused is not None:
            return refused
        _check(gw, proposal.item)
        await store.set_proposal_state(tx, proposal.change_id, "applied", by.id)
        entry_id = await _apply(gw, tx, old, proposal, by.id)
        decided = replace(proposal, state="applied", decided_by=by.id, decided_at=tx.now)
        tx.record(_event(gw, tx, by, "catalogue:changed", decided))
        await _tell_proposer(tx, by, decided)
        return await _out(tx, decided, old, entry_id, await receipt_text(gw, tx, entry_id))


async def reject_item_change(gw: Gateway, by: Principal, ask: RejectItemChange) -> ChangeOut | Refusal:
    """The waiting change is rejected; or withdrawn, when the proposer itself takes it back."""
    async with gw.begin() as tx:
        proposal = await store.get_proposal(tx, ask.change_id)
        own = proposal.proposed_by == by.id
        act = "catalogue:propose" if own else "catalogue:countersign"
        thing = move_of(proposal.item, proposer=proposal.proposed_by)
        refused = await _moves.may(gw, tx, by, act, thing, proposal.item.code)
        if refused is not None:
            return refused
        state = "withdrawn" if own else "rejected"
        await store.set_proposal_state(tx, proposal.change_id, state, by.id)
        decided = replace(proposal, state=state, decided_by=by.id, decided_at=tx.now)
        tx.record(_event(gw, tx, by, f"catalogue:{state}", decided))
        await _tell_proposer(tx, by, decided)
        return await _out(tx, decided, await store.find_item(tx, proposal.item.code))


async def list_item_changes(gw: Gateway, by: Principal, ask: ListItemChanges) -> Page[ChangeOut]:
    """Changes of items, newest first, for those who may propose or countersign some."""
    async with gw.db.read() as tx:
        proposals = await store.list_proposals(
            tx, state=ask.state, code=ask.item_code, below=read_key(ask.after), limit=ask.limit + 1
        )
        who = await _moves.acting(tx, by)
        shown: list[ChangeOut] = []
        for each in proposals[: ask.limit]:
            thing = move_of(each.item, proposer=each.proposed_by)
            decisions = [
                _moves.decide(gw, who, act, thing, tx.now) for act in ("catalogue:propose", "catalogue:countersign")
            ]
            if each.proposed_by == by.id or not all(isinstance(found, Refused) for found in decisions):
                shown.append(await _out(tx, each, await store.find_item(tx, each.item.code)))
    last = proposals[ask.limit - 1] if len(proposals) > ask.limit else None
    return Page[ChangeOut](items=tuple(shown), next=key_of(last.proposed_at, last.change_id) if last else None)


async def import_catalogue(gw: Gateway, by: Principal, ask: ImportCatalogue) -> ImportOut | Refusal:
    """The items of the file are added and changed; what needs a second person waits for one; nothing is dropped.

    All or nothing: a broken rule anywhere raises `Problem(invalid-catalogue)` with every one of the whole file.
    """
    items = parse_catalogue(ask.content, purposes=purposes_of(gw).purposes)
    async with gw.begin() as tx:
        standing = {item.code: item for item in await store.list_items(tx)}
        added: list[DataItem] = []
        changed: list[DataItem] = []
        waiting: list[DataItem] = []
        for item in items:
            old = standing.get(item.code)
            new = replace(item, version=old.version + 1 if old else 1)
            if old is not None and not store.differing(old, new):
                continue
            act = "catalogue:propose" if _needs_second(old, new) else "catalogue:edit"
            refused = await _moves.may(gw, tx, by, act, move_of(old or new), item.code)
            if refused is not None:
                return refused
            (waiting if act == "catalogue:propose" else changed if old else added).append(new)
        version = await _take_over(gw, tx, by, ask, standing, added, changed, waiting)
    return ImportOut(
        items=len(items), added=_codes(added), changed=_codes(changed), waiting=_codes(waiting),
        unchanged=len(items) - len(added) - len(changed) - len(waiting), version=version, dry_run=ask.dry_run,
    )  # fmt: skip


async def _take_over(
    gw: Gateway, tx: WriteTx, by: Principal, ask: ImportCatalogue, standing: Mapping[str, DataItem],
    added: list[DataItem], changed: list[DataItem], waiting: list[DataItem],
) -> int:  # fmt: skip
    head = await store.find_head(tx)
    version = head.version if head else 0
    if ask.dry_run:
        return version
    entry_id = None
    if added or changed:
        version = await store.raise_head(tx)
        fields: dict[str, Value] = {
            "added": " ".join(_codes(added)), "changed": " ".join(_codes(changed)), "changed_by": by.id,
        }  # fmt: skip
        entry_id = await enter(gw, tx, "catalogue:imported", fields, data={"version": version})
        await store.add_items(tx, added, changed_by=by.id, entry_id=entry_id)
        await store.set_items(tx, changed, changed_by=by.id, entry_id=entry_id)
    for item in waiting:
        old = standing.get(item.code)
        reason = ask.reason or "import"
        proposal = ItemProposal(
            random_id(), item, old.version if old else 0, reason, "proposed", by.id, None, tx.now, None
        )
        await store.add_proposal(tx, proposal)
        tx.record(_event(gw, tx, by, "catalogue:proposed", proposal))
        await _ask_second(tx, by, proposal)
    tx.record(
        event_of(
            by, "catalogue:imported", tx.now, target_kind="catalogue", target_id=entry_id or "", outcome="done",
            record_count=len(added) + len(changed), policy_epoch=gw.policy.epoch, details={"waiting": len(waiting)},
        )
    )  # fmt: skip
    return version


def _needs_second(old: DataItem | None, new: DataItem) -> bool:
    """As the domain says, and when an item moves to another owner or group: then another approver answers for it."""
    moved = old is not None and (old.owner_unit, old.group) != (new.owner_unit, new.group)
    return moved or needs_second_person(old, new)


def _check(gw: Gateway, item: DataItem) -> None:
    broken = broken_rules(item, purposes=purposes_of(gw).purposes)
    if broken:
        errors = tuple(FieldError(each.column, each.zh, each.en, None, each.rule) for each in broken)
        raise Problem(INVALID_CATALOGUE, errors=errors)


async def _base(tx: Tx, proposal: ItemProposal) -> DataItem | None:
    """The item that the change was made on, None for a new one. Raises `Problem(conflict)` when it has moved on."""
    if proposal.state != "proposed":
        raise Problem(CONFLICT, detail_zh="该变更已有人办理", detail_en="this change was decided already")
    old = await store.find_item(tx, proposal.item.code)
    if (old.version if old else 0) != proposal.base_version:
        raise Problem(
            CONFLICT,
            detail_zh="数据项已有更新的版本,请重新提出变更",
            detail_en="the item has moved on; propose it again",
        )
    return old


async def _apply(
    gw: Gateway, tx: WriteTx, old: DataItem | None, proposal: ItemProposal, countersigned_by: str | None
) -> str:
    """The change stands in the catalogue and on the ledger; returns the id of the entry."""
    new = proposal.item
    version = await store.raise_head(tx)
    fields: dict[str, Value] = {
        "item": new.code, "version": new.version, "level": new.level, "mode": new.mode, "content": store.item_text(new),
        "proposed_by": proposal.proposed_by, "countersigned_by": countersigned_by or "",
    }  # fmt: skip
    if old is not None:
        fields |= {"level_before": old.level, "mode_before": old.mode}
    entry_id = await enter(gw, tx, "catalogue:changed", fields, data={"version": version})
    signers: dict[str, Any] = {
        "changed_by": proposal.proposed_by, "entry_id": entry_id, "countersigned_by": countersigned_by,
    }  # fmt: skip
    if old is None:
        await store.add_items(tx, [new], **signers)
    else:
        await store.set_items(tx, [new], **signers)
    return entry_id


def _event(gw: Gateway, tx: WriteTx, by: Principal, action: str, proposal: ItemProposal) -> Any:
    return event_of(
        by, action, tx.now, target_kind="catalogue", target_id=proposal.change_id, items=(proposal.item.code,),
        outcome="done", policy_epoch=gw.policy.epoch,
        details={"level": proposal.item.level, "mode": proposal.item.mode, "version": proposal.item.version},
    )  # fmt: skip


async def _ask_second(tx: WriteTx, by: Principal, proposal: ItemProposal) -> None:
    people = {**await holders_of(tx, "compliance"), **await holders_of(tx, "data_owner", proposal.item.owner_unit)}
    await notify(
        tx, "catalogue-change", people, subject=("catalogue", proposal.change_id), besides=by.id,
        item=proposal.item.code, change=proposal.change_id,
    )  # fmt: skip


async def _tell_proposer(tx: WriteTx, by: Principal, proposal: ItemProposal) -> None:
    await notify(
        tx, "catalogue-changed", [proposal.proposed_by], subject=("catalogue", proposal.change_id), besides=by.id,
        item=proposal.item.code, change=proposal.change_id, state=proposal.state,
    )  # fmt: skip


async def _out(
    tx: Tx, proposal: ItemProposal, standing: DataItem | None, entry_id: str | None = None, receipt: str | None = None
) -> ChangeOut:
    names = await people_named(tx, [proposal.proposed_by])
    return ChangeOut(
        change_id=proposal.change_id, item_code=proposal.item.code, state=proposal.state,
        base_version=proposal.base_version, changed=store.differing(standing, proposal.item) if standing else (),
        before=item_out(standing) if standing else None, after=item_out(proposal.item), reason=proposal.reason,
        proposed_by=proposal.proposed_by, proposed_by_name=names.get(proposal.proposed_by, ""),
        decided_by=proposal.decided_by, proposed_at=proposal.proposed_at, decided_at=proposal.decided_at,
        entry_id=entry_id, receipt=receipt,
    )  # fmt: skip


def _codes(items: list[DataItem]) -> tuple[str, ...]:
    return tuple(item.code for item in items)
