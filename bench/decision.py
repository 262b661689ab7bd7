"""A decision whose facts are read by SQL, among more and more grants, beside a SELECT by primary key on the same connection."""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import sqlalchemy as sa

from bench._world import FULL_PURPOSE, World, world
from gateway.domain.ids import random_id
from gateway.runtime import Gateway, open_gateway
from gateway.store import disclosure as store
from gateway.store.db import Glance, Prepared
from gateway.store.tables.access import access_grant, grant_item, grant_scope
from gateway.store.tables.parties import person
from gateway.store.tables.records import client, record
from gateway.usecases import _facts
from gateway.usecases._rulings import rule
from policies.decision import Allowed

LIMIT = 2.5  # round trips
_KEYED = Prepared(
    sa.select(record.c.record_id, record.c.client_id, record.c.owner_unit, record.c.fields, record.c.sealed).where(
        record.c.record_id == sa.bindparam("record_id", type_=sa.String)
    )
)
_CHUNK = 2_000


def run(short: bool) -> list[dict[str, Any]]:
    """SQLite, in one process: 10^2 grants to 10^4, in the long run to 10^6; and how it grows."""
    sizes = (100, 10_000) if short else (100, 10_000, 1_000_000)
    with world(clients_count=100, purposes=False) as here:
        return asyncio.run(_measured(here, sizes, 300 if short else 1500, 5 if short else 15))


async def _measured(here: World, sizes: tuple[int, ...], reads: int, rounds: int) -> list[dict[str, Any]]:
    gw = await open_gateway(here.settings)
    try:
        async with gw.db.read() as tx:
            who = (await tx.execute(sa.select(person.c.person_id).where(person.c.login == "analyst"))).scalar()
            held = await store.standing(tx, str(who))
            assert held is not None
            seen = await _facts.view(gw, tx, held.catalogue_version)
        ids = [random.Random(1).choice(here.records) for _ in range(reads)]
        found, grown, there = [], {}, 1
        for size in sizes:
            await _add_grants(gw, size - there)
            there = size

            async def decided(tx: Glance, record_id: str) -> bool:
                facts = await store.facts_of_read(tx, record_id, str(who))
                assert facts.standing is not None
                assert facts.row is not None
                rulings = rule(gw, _by(facts.standing, str(who)), facts.standing, seen, [facts.row], None, facts.grants,
                               "read", FULL_PURPOSE, "d", tx.now)  # fmt: skip
                return all(isinstance(each.decision, Allowed) for each in rulings) and bool(rulings)

            async def keyed(tx: Glance, record_id: str) -> bool:
                return bool(await tx.look(_KEYED, {"record_id": record_id}))

            mine, theirs = [], []
            for _ in range(rounds):
                mine.append(await _took(gw, decided, ids))
                theirs.append(await _took(gw, keyed, ids))
            ratio = statistics.median(b / a for a, b in zip(mine, theirs, strict=True))
            grown[size] = statistics.median(mine)
            found.append({
                "name": f"decision with its facts read by SQL among {size} grants, SQLite", "ours": round(grown[size], 1),
                "against": round(statistics.median(theirs), 1), "against_name": "a SELECT by primary key", "unit": "us",
                "ratio": round(ratio, 3), "target": round(1 / LIMIT, 2), "met": ratio >= 1 / LIMIT,
                "spread": round((max(mine) - min(mine)) / grown[size], 2),
                "note": "SQLite has no round trip: what is compared is the work itself",
            })  # fmt: skip
        growth = grown[sizes[-1]] / grown[sizes[0]]
        found.append({
            "name": f"growth of that from {sizes[0]} to {sizes[-1]} grants", "ours": round(growth, 2), "against": 2.0,
            "against_name": "the limit", "unit": "times", "ratio": round(2 / growth, 2), "target": 1.0, "met": growth < 2,
        })  # fmt: skip
        return found
    finally:
        await gw.close()


def _by(held: store.Standing, who: str) -> Any:
    from gateway.domain.principal import Principal

    return Principal(
        id=who, kind="person", login="analyst", name="", unit_id=held.unit_id, institution_id=held.institution_id,
        institution_kind="firm", roles=frozenset({"requester"}), side=held.side, clearance=held.clearance,
        trained_until=held.trained_until, generation=held.generation, channel="api",
    )  # fmt: skip


async def _took(gw: Gateway, work: Callable[[Glance, str], Awaitable[bool]], ids: list[str]) -> float:
    """Microseconds of processor time for one, which what else runs on the machine does not lengthen."""
    began = time.process_time()
    for record_id in ids:
        async with gw.db.glance() as tx:
            if not await work(tx, record_id):
                raise RuntimeError("the answers differ")
    return (time.process_time() - began) * 1e6 / len(ids)


async def _add_grants(gw: Gateway, count: int) -> None:
    """So many more live grants of other units, each for one client that is there."""
    async with gw.db.read() as tx:
        clients = [row[0] for row in (await tx.execute(sa.select(client.c.client_id))).all()]
        like = dict((await tx.execute(sa.select(access_grant))).mappings().all()[0])
        item = dict((await tx.execute(sa.select(grant_item))).mappings().all()[0])
    for start in range(0, count, _CHUNK):
        names = [random_id() for _ in range(min(_CHUNK, count - start))]
        units = [f"bench-{(start + n) % 1000}" for n in range(len(names))]
        async with gw.db.begin() as tx:
            await tx.execute(
                sa.insert(access_grant),
                [{**like, "grant_id": name, "grantee_unit": unit, "grantee_person": None}
                 for name, unit in zip(names, units, strict=True)],
            )  # fmt: skip
            await tx.execute(sa.insert(grant_item), [{**item, "grant_id": name} for name in names])
            scopes = [
                {"grantee_unit": unit, "field_group": item["field_group"], "grant_id": name,
                 "scope": f"client:{clients[(start + n) % len(clients)]}"}
                for n, (name, unit) in enumerate(zip(names, units, strict=True))
            ]  # fmt: skip
            await tx.execute(sa.insert(grant_scope), scopes)
