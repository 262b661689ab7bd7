"""A full disclosure over HTTP (sign-in, decision, eight sealed fields, durable trail) beside those who do less."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from bench._load import Rounds, Target, free_port, interleaved, postgres, row, served, uvicorn
from bench._world import FULL_PURPOSE, World, world

UNIT = "answers/s"
_HELLO, _PLAIN, _ORM, _NAIVE = (
    "bare FastAPI hello", "the row without any privacy, by the driver", "FastAPI and async ORM, no privacy",
    "naive privacy: ORM, token check, Casbin, one chain",
)  # fmt: skip


@contextmanager
def beside(here: World, database: str, *, naive: bool) -> Iterator[dict[str, Target]]:
    """The others, served on the same core as ours, over the same rows."""
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    environment = {"BENCH_DATABASE": database}
    with served(uvicorn("bench._others:app", port), base, environment, ready="/hello"):
        records = here.records[:200]
        found = {
            _HELLO: Target(_HELLO, base, ("/hello",)),
            _PLAIN: Target(_PLAIN, base, tuple(f"/plain/{each}" for each in records)),
        }
        if naive:
            from bench._others import token

            found[_ORM] = Target(_ORM, base, tuple(f"/orm/{each}" for each in records))
            paths = tuple(f"/naive/{each}" for each in records)
            found[_NAIVE] = Target(_NAIVE, base, paths, f'{{"purpose": "{FULL_PURPOSE}"}}', token())
        yield found


def check(ours: Target, others: dict[str, Target]) -> None:
    """Every side answers the same values. Raises `RuntimeError` when one does not."""
    for n in (0, 7, 123):
        mine = ours.ask(ours.paths[n])["record"]
        for name, other in others.items():
            if name == _HELLO:
                continue
            theirs = other.ask(other.paths[n])["record"]
            if any(mine[key] != theirs[key] for key in ("record_id", "client_id", "owner_unit", "values")):
                raise RuntimeError(f"{name} answers something else")
        if len(mine["values"]) != 8:
            raise RuntimeError(f"ours answers {len(mine['values'])} fields")


def _rows(
    kind: str, here: World, database: str, connections: dict[int, dict[str, float]], short: bool
) -> list[dict[str, Any]]:
    found = []
    with here.serving() as base, beside(here, database, naive=kind == "PostgreSQL") as others:
        ours = here.disclosing(base)
        check(ours, others)
        for count, targets in connections.items():
            reached: dict[str, Rounds] = interleaved(
                [ours, *others.values()], count, rounds=3 if short else 9, seconds=1 if short else 2
            )
            name = f"full disclosure, {kind}, {count} connections"
            found += [row(name, UNIT, reached["ours"], reached[each], each, targets.get(each)) for each in others]
    return found


def run(short: bool) -> list[dict[str, Any]]:
    """SQLite with 16 connections; PostgreSQL with 16 and 64."""
    clients = 150 if short else 700
    with world(clients_count=clients, purposes=False) as here:
        rows = _rows("SQLite", here, here.settings.database_url, {16: {_HELLO: 0.40}}, short)
    try:
        with postgres() as url, world(url, clients_count=clients, purposes=False) as here:
            _fill(url)
            always = {_HELLO: 0.30, _ORM: 2.0, _NAIVE: 5.0}
            goals = {16: {**always, _PLAIN: 0.85}, 64: {**always, _PLAIN: 0.75}}
            rows += _rows("PostgreSQL", here, url, goals, short)
    except ImportError as error:
        rows.append({"name": "full disclosure, PostgreSQL", "ours": None, "against": None, "against_name": "", "unit": UNIT,
                     "ratio": None, "target": None, "met": None, "note": f"not measured: {error}"})  # fmt: skip
    return rows


def _fill(url: str) -> None:
    import os

    os.environ["BENCH_DATABASE"] = url
    from bench._others import prepare

    asyncio.run(prepare(url))
