"""What rotation, destruction and erasure share: a proposal of one person, the confirmation of another, entry and event."""

from typing import Any

from gateway.domain.principal import Principal
from gateway.errors import CONFLICT, Problem, declare
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.store import key_orders as store
from gateway.store.key_orders import KeyOrder
from gateway.usecases import _entries

DAY = 86_400_000_000
PROPOSAL_LIFE = 7 * DAY  # a proposal nobody confirmed by then is void
ROOT = "root."

ORDER_EXPIRED = declare(
    "order-expired", "conflict",
    zh="该提议已超过七日未确认,已失效", en="Nobody confirmed the proposal within seven days: it is void",
    remedy_zh="请重新提出", remedy_en="Propose it again",
)  # fmt: skip
KEY_IN_USE = declare(
    "key-in-use", "conflict",
    zh="仍有数据密钥在该密钥之下", en="Data keys still stand under this key",
    remedy_zh="请先轮换,并等待后台重包裹完成", remedy_en="Rotate it and wait until the background rewrap is done",
)  # fmt: skip


def root_of(target: str) -> int | None:
    """The root version that a target names, or None for a group key. Raises `Problem(conflict)` for neither."""
    if not target.startswith(ROOT):
        return None
    if not target[len(ROOT) :].isdecimal():
        raise wrong_state("key_id", target)
    return int(target[len(ROOT) :])


def wrong_state(field: str, state: str) -> Problem:
    """Not in a state in which this can be done."""
    return Problem(CONFLICT, field=field, detail_zh=f"状态为 {state}", detail_en=f"it is {state}")


async def open_proposal(tx: WriteTx, order_id: str, act: str) -> KeyOrder:
    """The order as it was proposed. Raises `Problem(not-found | conflict | order-expired)`."""
    order = await store.get_order(tx, order_id, [act])
    if order.state != "proposed":
        raise wrong_state("order_id", order.state)
    if tx.now - order.created_at > PROPOSAL_LIFE:
        raise Problem(ORDER_EXPIRED, field="order_id")
    return order


async def moved(
    gw: Gateway,
    tx: WriteTx,
    by: Principal,
    order: KeyOrder,
    kind: str,
    *,
    institutions: tuple[str, ...] = (),
    data: dict[str, Any] | None = None,
    count: int | None = None,
    **values: Any,
) -> KeyOrder:
    """The order has `values`, an entry of `kind` stands on the ledger and an event of that name on the trail.

    The entry commits to who proposed and confirmed and to what; openly it says only `data`. Raises
    `Problem(conflict)` when somebody moved the order meanwhile.
    """
    confirmed = str(values.get("confirmed_by") or order.confirmed_by or "")
    entry_id = await _entries.enter(
        gw, tx, kind,
        {"order": order.order_id, "act": order.act, "target": order.target, "group": order.field_group,
         "proposed_by": order.proposed_by, "confirmed_by": confirmed, "by": by.id},
        institutions=institutions, data={**({"before": order.entry_id} if order.entry_id else {}), **(data or {})},
    )  # fmt: skip
    if not await store.set_order(tx, order.order_id, order.state, entry_id=entry_id, **values):
        raise Problem(CONFLICT, field="order_id")
    tx.record(
        event_of(
            by, kind, tx.now, target_kind=order.act, target_id=order.target, outcome="done", record_count=count,
            details={"order": order.order_id},
        )
    )  # fmt: skip
    return await store.get_order(tx, order.order_id, [order.act])


async def propose(tx: WriteTx, by: Principal, order: KeyOrder) -> KeyOrder:
    """The order waits for a second person."""
    await store.add_order(tx, order)
    tx.record(
        event_of(
            by, f"{order.act}:proposed", tx.now, target_kind=order.act, target_id=order.target, outcome="done",
            details={"order": order.order_id},
        )
    )  # fmt: skip
    return order
