"""A page and a search of the catalogue and of the clients, small against large: growth of the latency, not its height."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import sqlalchemy as sa

from bench._world import world
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.runtime import Gateway, open_gateway
from gateway.schemas.catalogue import SearchCatalogue
from gateway.schemas.disclosure import SearchClients
from gateway.settings import Settings
from gateway.store.tables.catalogue import data_item
from gateway.store.tables.parties import person
from gateway.store.tables.records import client
from gateway.usecases import VERBS

LIMIT = 2.0
_CHUNK = 2_000
Ask = Callable[[], Awaitable[Any]]


def run(short: bool) -> list[dict[str, Any]]:
    """SQLite, in one process: 10^2 to 10^4 items and 10^3 to 10^5 clients, in the long run to 10^6."""
    with world(clients_count=100, purposes=False) as here:
        return asyncio.run(_measured(here.settings, 100_000 if short else 1_000_000, 15 if short else 60))


async def _measured(settings: Settings, most: int, times: int) -> list[dict[str, Any]]:
    gw = await open_gateway(settings)
    try:
        by = await _analyst(gw)
        asks: dict[str, Ask] = {
            "catalogue page": lambda: VERBS["search_catalogue"](gw, by, SearchCatalogue()),
            "catalogue search": lambda: VERBS["search_catalogue"](gw, by, SearchCatalogue(text="联系人手机号")),
            "client page": lambda: VERBS["search_clients"](gw, by, SearchClients()),
            "client search by name": lambda: VERBS["search_clients"](gw, by, SearchClients(q=_SOUGHT)),
        }
        await _add_clients(gw, 100, 1_000)
        before = {name: await _took(ask, times) for name, ask in asks.items()}
        await _add_items(gw, 10_000)
        await _add_clients(gw, 1_000, most)
        after = {name: await _took(ask, times) for name, ask in asks.items()}
    finally:
        await gw.close()
    sizes = {"catalogue": "10^2 -> 10^4 items", "client": f"10^3 -> {most:,} clients"}
    found = []
    for name in asks:
        growth = after[name][0] / before[name][0]
        found.append({
            "name": f"growth of a {name}, {sizes[name.split()[0]]}", "ours": round(growth, 2), "against": LIMIT,
            "against_name": "the limit", "unit": "times", "ratio": round(LIMIT / growth, 2), "target": 1.0,
            "met": growth < LIMIT, "spread": round(max(before[name][1], after[name][1]), 2),
            "note": f"{before[name][0]:.2f} ms -> {after[name][0]:.2f} ms",
        })  # fmt: skip
    return found


_SOUGHT = "东莞市科鑫鑫塑胶"


async def _took(ask: Ask, times: int) -> tuple[float, float]:
    """Milliseconds of processor time for one (median), and the spread of the quartiles."""
    found = []
    for n in range(times + 3):
        began = time.process_time()
        answer = await ask()
        if hasattr(answer, "how_zh") or not answer.items:
            raise RuntimeError("nothing was found")
        if n >= 3:
            found.append((time.process_time() - began) * 1e3)
    low, middle, high = statistics.quantiles(found, n=4)
    return middle, (high - low) / middle


async def _analyst(gw: Gateway) -> Principal:
    async with gw.db.read() as tx:
        row = (await tx.execute(sa.select(person).where(person.c.login == "analyst"))).mappings().one()
    return Principal(
        id=row["person_id"], kind="person", login="analyst", name="", unit_id=row["unit_id"],
        institution_id=row["institution_id"], institution_kind="firm", roles=frozenset({"requester"}), side=row["side"],
        clearance=row["clearance"], trained_until=row["trained_until"], generation=row["generation"], channel="api",
    )  # fmt: skip


async def _add_items(gw: Gateway, most: int) -> None:
    """More items like those that are there, until there are `most`."""
    async with gw.db.read() as tx:
        like = [dict(row) for row in (await tx.execute(sa.select(data_item))).mappings().all()]
    rows = []
    for n in range(most - len(like)):
        row = like[n % len(like)]
        words = f"示例数据项 sample item {n}"
        rows.append(
            row | {"item_code": f"BEN-{n:06d}", "name_zh": words, "name_en": words, "search_text": words.lower()}
        )
    for start in range(0, len(rows), _CHUNK):
        async with gw.db.begin() as tx:
            await tx.execute(sa.insert(data_item), rows[start : start + _CHUNK])


async def _add_clients(gw: Gateway, there: int, most: int) -> None:
    """More clients like those that are there, under names of their own, until there are `most`."""
    async with gw.db.read() as tx:
        like = [dict(row) for row in (await tx.execute(sa.select(client).limit(100))).mappings().all()]
    for start in range(there, most, _CHUNK):
        rows = [
            like[n % len(like)] | {"client_id": random_id(), "uscc": f"BENCH{n:013d}", "name": f"示例{n:07d}有限公司",
                                   "name_key": f"示例{n:07d}有限公司", "pinyin": f"shili{n}", "initials": f"sl{n}"}
            for n in range(start, min(start + _CHUNK, most))
        ]  # fmt: skip
        async with gw.db.begin() as tx:
            await tx.execute(sa.insert(client), rows)
