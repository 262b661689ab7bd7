"""From sealed rows to what is shown: opened under the decision, masked where it says so."""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from gateway.domain.entry import spec_of
from gateway.domain.entry.values import read
from gateway.schemas.disclosure import RecordOut, Withheld
from gateway.sealing.envelope import Place, SealedRecord, open_
from gateway.sealing.masks import mask
from gateway.store.disclosure import Row
from gateway.usecases._pages import PageOfRows
from gateway.usecases._rulings import Ruling
from policies.decision import REASONS, Allowed, Refused

DATASET = "records"
# How the masks call the kinds of fields.
_MASK_KINDS = {"person": "name", "name": "name", "mobile": "mobile", "phone": "phone", "email": "email", "wechat": "account",
               "id_no": "identity", "uscc": "identity", "staff": "staff", "amount": "amount", "number": "amount",
               "integer": "amount", "date": "date", "enum": "enum", "enums": "enum", "line": "text", "text": "text", "json": "json"}  # fmt: skip


def matches(row: Row, page: PageOfRows, field: str, value: str) -> bool:
    """Whether the row holds the value that was searched for, in a field that the decision releases.

    The index only names candidates; and a search in a field that is not released would answer what may not be read.
    """
    rulings = page.by_row[row.record_id]
    if not any(isinstance(each.decision, Allowed) and field in each.decision.resource.fields for each in rulings):
        return False
    values, _ = open_row(row, page.keys.get(row.key_id or ""), rulings, unmasked=True)
    return normal_value(row.field_group, field, values.get(field)) == normal_value(row.field_group, field, value)


def open_row(
    row: Row, key: Any, rulings: Sequence[Ruling], *, unmasked: bool = False
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The allowed values of one row, masked where the decision says so, and the names of the masked fields."""
    values: dict[str, Any] = {}
    masked: set[str] = set()
    clear: dict[str, Any] = orjson.loads(row.open_values) if row.open_values else {}
    for ruling in rulings:
        decision = ruling.decision
        if not isinstance(decision, Allowed):
            continue
        found = {name: value for name, value in clear.items() if name in decision.resource.fields}
        if (
            key is not None
            and row.sealed is not None
            and row.wrapped is not None
            and decision.resource.fields - clear.keys()
        ):
            place = Place(DATASET, row.record_id, row.field_group, row.owner_unit, row.generation)
            found |= open_(key, SealedRecord(row.sealed, row.wrapped, row.key_id or ""), place, decision)
        if (decision.obligations.mask or (ruling.grant is not None and ruling.grant.masked)) and not unmasked:
            for name in list(found):
                level = ruling.fields.levels.get(name, 5)
                shown = mask(name, found[name], level, _MASK_KINDS.get(spec_of(row.field_group, name).kind, ""))
                if shown != found[name]:
                    masked.add(name)
                found[name] = shown
        values |= found
    return values, tuple(sorted(masked))


def normal_value(group: str, field: str, value: object) -> object:
    """The value as records keep it, so that two spellings of one value are the same; None when it is none."""
    if value is None or not isinstance(value, str):
        return value
    kept, _, _ = read(spec_of(group, field), value)
    return kept


def same_value(kept: object, sought: object) -> bool:
    """Whether there is a value and it is the one sought: two that are missing are not the same."""
    return kept is not None and kept == sought


def withheld(rulings: Iterable[Ruling]) -> tuple[Withheld, ...]:
    kept: dict[str, set[str]] = {}
    for ruling in rulings:
        if isinstance(ruling.decision, Refused):
            kept.setdefault((ruling.told or ruling.decision).reason, set()).update(ruling.fields.fields)
    return tuple(
        Withheld(
            fields=tuple(sorted(fields)), reason=reason, how_zh=REASONS[reason].how_zh, how_en=REASONS[reason].how_en
        )
        for reason, fields in sorted(kept.items())
    )


def duties(allowed: Iterable[Ruling]) -> tuple[str, ...]:
    """The reader's obligations under the allowing decisions, united. `alert` is ours alone: it would tell who is watched."""
    names = ("mask", "watermark", "quota", "log")
    given = [ruling for ruling in allowed if isinstance(ruling.decision, Allowed)]
    masked = any(ruling.grant is not None and ruling.grant.masked for ruling in given)
    return tuple(
        name for name in names
        if any(getattr(ruling.decision.obligations, name) for ruling in given) or (name == "mask" and masked)
    )  # fmt: skip


def record_out(row: Row, values: dict[str, Any], masked: tuple[str, ...]) -> RecordOut:
    return RecordOut.model_construct(
        record_id=row.record_id, client_id=row.client_id, field_group=row.field_group, owner_unit=row.owner_unit,
        generation=row.generation, values=values, masked=masked,
    )  # fmt: skip
