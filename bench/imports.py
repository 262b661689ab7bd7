"""Files of clients, contacts, cooperations and visits into sealed records: rows a second, and memory that stays flat."""

import asyncio
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

from bench._world import send
from gateway.demo.seed import add_cast
from gateway.domain.synthetic import clients, contacts_of, cooperations_of, visits_of
from gateway.install import install
from gateway.runtime import open_gateway
from gateway.settings import Settings
from gateway.usecases.catalogue import load_default_catalogue

MINUTES = 15.0  # for 100,000 clients with all that belongs to them
PER_CLIENT = 5.7  # rows, as the generator makes them
GOAL = 100_000 * PER_CLIENT / (MINUTES * 60)


def run(short: bool) -> list[dict[str, Any]]:
    """SQLite, durable: 2,000 clients in the short run, 20,000 in the long one, in files of at most 5,000 clients."""
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings(mode="demo", home=Path(folder))
        install(settings)
        return asyncio.run(_measured(settings, 2_000 if short else 20_000, 500 if short else 5_000))


async def _measured(settings: Settings, count: int, portion: int) -> list[dict[str, Any]]:
    gw = await open_gateway(settings)
    rates, peaks = [], []
    try:
        await load_default_catalogue(gw)
        people = await add_cast(gw, passwords=False)
        everybody = list(clients(count))
        for start in range(0, count, portion):
            known = everybody[start : start + portion]
            began, rows = time.monotonic(), 0
            rows += (await send(gw, people["ops"], "clients", known)).rows_new
            for kind, of in (("contact", contacts_of), ("cooperation", cooperations_of), ("visit", visits_of)):
                rows += (
                    await send(gw, people["brokerage-rm"], kind, [one for each in known for one in of(each)])
                ).rows_new
            rates.append(rows / (time.monotonic() - began))
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
    finally:
        await gw.close()
    rate = sorted(rates)[len(rates) // 2]
    growth = peaks[-1] / peaks[0]
    return [
        {"name": f"import of {count:,} clients with contacts, business and visits, SQLite", "ours": round(rate),
         "against": round(GOAL), "against_name": f"100,000 clients in {MINUTES:.0f} minutes", "unit": "rows/s",
         "ratio": round(rate / GOAL, 2), "target": 1.0, "met": rate >= GOAL,
         "spread": round((max(rates) - min(rates)) / rate, 2), "note": f"in {len(rates)} portions; first {rates[0]:.0f}, last {rates[-1]:.0f} rows/s"},
        {"name": "peak memory after the last portion", "ours": round(peaks[-1]), "against": round(peaks[0]),
         "against_name": "after the first portion", "unit": "MB", "ratio": round(1 / growth, 2), "target": 0.8,
         "met": growth <= 1.25, "note": "one process: generator, files and import together"},
    ]  # fmt: skip
