"""Supplying by hand: register a client, enter one record, correct it, withdraw it, see its history and who receives it."""

from gateway.domain.entry import clean
from gateway.domain.ids import random_id
from gateway.domain.names import initials, is_natural_person, parse_name, search_forms, search_key
from gateway.domain.principal import Principal
from gateway.domain.uscc import parse_uscc
from gateway.domain.workdays import day_of
from gateway.errors import CONFLICT, INVALID_INPUT, NOT_FOUND, Problem, Refusal, declare
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.records import (
    ClientRegistered,
    CorrectRecord,
    EnterRecord,
    Receiver,
    Receivers,
    RecordChange,
    RecordChanges,
    RecordHistory,
    RecordReceivers,
    RecordState,
    RegisterClient,
    WithdrawRecord,
)
from gateway.store import clients as client_store
from gateway.store import records as store
from gateway.usecases import _facts, _intake, _moves
from gateway.usecases._intake import Incoming
from policies.vocabulary import MoveObject

__all__ = [
    "correct_record", "enter_record", "record_history", "record_receivers", "register_client", "withdraw_record",
]  # fmt: skip

LIKELY_DUPLICATE = declare(
    "likely-duplicate", "conflict",
    zh="疑似已有相同记录", en="There is a record like this already",
    remedy_zh="请更正已有记录,或确认后加 duplicate_ok 重新提交",
    remedy_en="Correct the one that is there, or send it again with duplicate_ok",
)  # fmt: skip


def own(kind: str, by: Principal, state: str = "") -> MoveObject:
    """A thing of the principal's own unit, as the workflow rules see it."""
    return MoveObject(kind, state=state, owner_unit=by.unit_id, institution=by.institution_id)


async def register_client(gw: Gateway, by: Principal, ask: RegisterClient) -> ClientRegistered | Refusal:
    """The client is on the register, led by `by`'s unit when the unit is the firm's.

    A look-alike name, and a client of which `by` may not be told, get the same answer `pending`, and nothing is written
    for either: the answer must not say which of the two it was.
    """
    code, warned = parse_uscc(ask.uscc)
    name, doubts = parse_name(ask.name)
    async with gw.begin() as tx:
        refused = await _moves.may(gw, tx, by, "record:enter", own("record", by), "register-client")
        if refused:
            return refused
        state, client_id = await _register(gw, tx, by, str(code), name, ask)
        tx.record(
            event_of(by, "client:registered", tx.now, target_kind="client", target_id=client_id or "", client_id=client_id or "",
                     outcome="done", reason=state)
        )  # fmt: skip
    told = tuple(each.message_zh for each in (*warned, *doubts)) if state == "registered" else ()
    return ClientRegistered(state=state, client_id=client_id, warnings=told)


async def _register(
    gw: Gateway, tx: WriteTx, by: Principal, code: str, name: str, ask: RegisterClient
) -> tuple[str, str | None]:
    there = await client_store.find_card_by_uscc(tx, code, by.unit_id)
    if there is not None:
        visible = (by.internal and there.institutional and not there.natural_person) or there.known
        return ("known", there.client_id) if visible and not there.suppressed else ("pending", None)
    if await store.similar_clients(tx, search_key(name)):
        return "pending", None
    natural = is_natural_person(name, code)
    client_id = random_id()
    row = client_row(
        client_id, code, name, tx.now, by.unit_id, natural=natural, institutional=by.internal and not natural
    )
    row |= {"english": ask.english, "park_id": ask.park_id}
    if by.internal:
        row |= {"lead_unit": by.unit_id, "lead_rm": ask.lead_rm or by.staff_no or None}
    await store.add_clients(tx, [row])
    if ask.tags:
        await store.set_tags(tx, client_id, (tag.replace(" ", "-") for tag in ask.tags))
    return "registered", client_id


def client_row(
    client_id: str, uscc: str, name: str, now: int, registered_by: str, *, natural: bool, institutional: bool
) -> dict[str, object]:
    """A client as it is first written."""
    forms = search_forms(name)
    return {
        "client_id": client_id, "uscc": uscc, "name": name, "name_key": search_key(name), "pinyin": forms.pinyin[:600],
        "initials": initials(name)[:200], "natural_person": natural, "institutional": institutional, "recognition": "none",
        "area_code": uscc[2:8], "registered_by": registered_by, "created_at": now, "updated_at": now, "version": 1,
        "tags": "", "english": "", "park_id": None, "lead_unit": None, "lead_rm": None, "recognised_on": None,
        "protected_from": None, "protected_to": None,
    }  # fmt: skip


async def enter_record(gw: Gateway, by: Principal, ask: EnterRecord) -> RecordState | Refusal:
    """One record of `by`'s unit is there, sealed, with its first generation in its history.

    Raises `Problem(likely-duplicate)` when a record with the same identity is there and `duplicate_ok` was not given;
    with it, that record gets a new generation.
    """
    async with gw.begin() as tx:
        refused = await _moves.may(gw, tx, by, "record:enter", own("record", by), ask.field_group)
        if refused:
            return refused
        row, warnings = await _checked(gw, tx, by, ask.client_id, ask.field_group, ask.values)
        index = await gw.keyring.index_key(tx, ask.field_group, by.unit_id)
        natural = _intake.natural_key(index, ask.field_group, row)
        there = (await store.known_records(tx, by.unit_id, ask.field_group, [natural])).get(natural)
        if there is not None and there.state == "restricted":
            raise Problem(
                CONFLICT, field="values", detail_zh="该记录已被限制处理", detail_en="this record is restricted"
            )
        if there is not None and there.state == "active" and not ask.duplicate_ok:
            raise Problem(LIKELY_DUPLICATE, extra={"record_id": there.record_id})
        record_id, generation = await _put(gw, tx, by, ask.field_group, row)
        _told(tx, by, "record:entered", record_id, row, ask.field_group, generation)
    return RecordState(
        record_id=record_id, client_id=ask.client_id, field_group=ask.field_group, state="active", generation=generation,
        warnings=warnings,
    )  # fmt: skip


async def correct_record(gw: Gateway, by: Principal, ask: CorrectRecord) -> RecordState | Refusal:
    """The record of `by`'s unit has `values` and one generation more; the one before is kept in its history.

    Raises `Problem(conflict)` when somebody corrected it meanwhile.
    """
    async with gw.begin() as tx:
        refused = await _moves.may(gw, tx, by, "record:correct", own("record", by), ask.record_id)
        if refused:
            return refused
        there = await store.get_record(tx, ask.record_id, by.unit_id)
        if there["state"] != "active":
            raise Problem(
                CONFLICT,
                field="record_id",
                detail_zh=f"记录状态为 {there['state']}",
                detail_en=f"it is {there['state']}",
            )
        group = there["field_group"]
        row, warnings = await _checked(gw, tx, by, there["client_id"], group, ask.values)
        generation = await _correct(gw, tx, by, ask, dict(there), row)
        _told(tx, by, "record:corrected", ask.record_id, row, group, generation)
    return RecordState(
        record_id=ask.record_id, client_id=row.client_id, field_group=group, state="active", generation=generation,
        warnings=warnings,
    )  # fmt: skip


async def withdraw_record(gw: Gateway, by: Principal, ask: WithdrawRecord) -> RecordState | Refusal:
    """Nobody can read the record any more, from the next read on; its history and its seal are kept until erased."""
    async with gw.begin() as tx:
        refused = await _moves.may(gw, tx, by, "record:withdraw", own("record", by), ask.record_id)
        if refused:
            return refused
        there = await store.get_record(tx, ask.record_id, by.unit_id)
        if there["state"] != "active":
            state = there["state"]
            raise Problem(
                CONFLICT, field="record_id", detail_zh=f"记录状态为 {state}", detail_en=f"it is {state} already"
            )
        ended = {
            "state": "withdrawn",
            "updated_at": tx.now,
            "ended_by": by.id,
            "ended_reason": ask.reason,
            "ended_at": tx.now,
        }
        if not await store.set_record(tx, ask.record_id, there["generation"], ended):
            raise Problem(CONFLICT, field="record_id")
        tx.record(
            event_of(by, "record:withdrawn", tx.now, target_kind="record", target_id=ask.record_id, client_id=there["client_id"],
                     outcome="done", record_count=1)
        )  # fmt: skip
    return RecordState(
        record_id=ask.record_id, client_id=there["client_id"], field_group=there["field_group"], state="withdrawn",
        generation=there["generation"],
    )  # fmt: skip


async def record_history(gw: Gateway, by: Principal, ask: RecordHistory) -> RecordChanges:
    """Who changed the unit's own record when and why, newest first; no values."""
    async with gw.db.read() as tx:
        await _facts.known_standing(tx, by)
        await store.get_record(tx, ask.record_id, by.unit_id)
        rows = await store.history(tx, ask.record_id)
    return RecordChanges(record_id=ask.record_id, items=tuple(RecordChange(**row) for row in rows))


async def record_receivers(gw: Gateway, by: Principal, ask: RecordReceivers) -> Receivers:
    """The live grants under which others may read the unit's own record."""
    async with gw.db.read() as tx:
        await _facts.known_standing(tx, by)
        await store.get_record(tx, ask.record_id, by.unit_id)
        rows = await store.receivers(tx, ask.record_id)
    return Receivers(record_id=ask.record_id, items=tuple(Receiver(**row) for row in rows))


async def _checked(
    gw: Gateway, tx: WriteTx, by: Principal, client_id: str, group: str, values: dict[str, str]
) -> tuple[Incoming, tuple[str, ...]]:
    """The cleaned row of a client that `by` may know of. Raises `Problem(invalid-input)` with every broken rule."""
    if not _intake.group_exists(group):
        raise Problem(
            INVALID_INPUT, field="field_group", detail_zh="没有这个字段组", detail_en="there is no such group"
        )
    cleaned = clean(group, values, today=day_of(tx.now).isoformat())
    if cleaned.errors:
        raise Problem(INVALID_INPUT, field=cleaned.errors[0].field, errors=cleaned.errors)
    card = await client_store.find_card(tx, client_id, by.unit_id)
    if card is None or not (card.known or (by.internal and card.institutional and not card.suppressed)):
        raise Problem(NOT_FOUND, field="client_id")
    return Incoming(client_id, cleaned.values), tuple(each.message_zh for each in cleaned.warnings)


async def _put(gw: Gateway, tx: WriteTx, by: Principal, group: str, row: Incoming) -> tuple[str, int]:
    held = await _facts.known_standing(tx, by)
    seen = await _facts.view(gw, tx, held.catalogue_version)
    done = await _intake.write(
        gw, tx, seen, owner=by.unit_id, institution=by.institution_id, institution_kind=by.institution_kind, group=group,
        rows=[row], actor=by.id,
    )  # fmt: skip
    return done.records[0]


async def _correct(
    gw: Gateway, tx: WriteTx, by: Principal, ask: CorrectRecord, there: dict[str, object], row: Incoming
) -> int:
    """A new generation of this very record, also when its identity changes with the correction."""
    held = await _facts.known_standing(tx, by)
    seen = await _facts.view(gw, tx, held.catalogue_version)
    generation = await _intake.rewrite(
        gw, tx, seen, there, row, institution_kind=by.institution_kind, actor=by.id, reason=ask.reason
    )
    if generation is None:
        raise Problem(CONFLICT, field="record_id")
    return generation


def _told(tx: WriteTx, by: Principal, action: str, record_id: str, row: Incoming, group: str, generation: int) -> None:
    tx.record(
        event_of(by, action, tx.now, target_kind="record", target_id=record_id, client_id=row.client_id, outcome="done",
                 fields=tuple(sorted(row.values)), record_count=1, details={"generation": generation, "group": group})
    )  # fmt: skip
