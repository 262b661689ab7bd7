"""The database seam: one transaction type over SQLite (embedded) and PostgreSQL (when it grows).

Verbs open transactions (`async with db.begin() as tx`); store functions use them. SQLite: one synchronous writing
connection, used in the loop's own thread and committed in a worker thread, so that the loop never waits for the disk;
reads use a second, query-only connection that never checkpoints. PostgreSQL: asyncpg through SQLAlchemy Core. The one
statement of a hot read goes to the driver without either (`glance`).
"""

import asyncio
import contextlib
import fcntl
import os
import sqlite3
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import asyncpg
import sqlalchemy as sa
from sqlalchemy.engine import Connection, CursorResult, make_url
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from gateway.errors import INVALID_INPUT, LianqiaoError, Problem, declare
from gateway.store.glance import Glance, Parameters, Prepared, Tx

__all__ = [
    "DATABASE_BUSY", "DATABASE_FULL", "DATABASE_OWNED", "DATABASE_READ_ONLY", "Clock", "Database", "Glance", "Parameters",
    "PostgresDatabase", "Prepared", "SqliteDatabase", "TransientConflict", "Tx", "open_database", "system_clock",
]  # fmt: skip

Clock = Callable[[], int]

DATABASE_READ_ONLY = declare(
    "database-read-only", "unavailable",
    zh="数据库当前只读", en="The database is read-only",
    remedy_zh="请管理员检查磁盘与文件权限;本次操作没有留下任何内容",
    remedy_en="Ask the administrator to check disk and file permissions; nothing of this attempt was kept",
)  # fmt: skip
DATABASE_FULL = declare(
    "database-full", "unavailable",
    zh="存储空间已满", en="The database has no room left",
    remedy_zh="请管理员释放磁盘空间;本次操作没有留下任何内容",
    remedy_en="Ask the administrator to free disk space; nothing of this attempt was kept",
)  # fmt: skip
DATABASE_BUSY = declare(
    "database-busy", "unavailable",
    zh="数据库忙", en="The database is locked or cannot be reached",
    remedy_zh="请稍后重试;本次操作没有留下任何内容", remedy_en="Try again shortly; nothing of this attempt was kept",
)  # fmt: skip
DATABASE_OWNED = declare(
    "database-owned", "conflict",
    zh="数据库文件正由另一进程使用", en="Another process owns the database file",
    remedy_zh="请先停止正在运行的网关,或通过其接口操作", remedy_en="Stop the running gateway first, or work through its API",
)  # fmt: skip


class TransientConflict(LianqiaoError):
    """Two transactions met (SQLSTATE 40001 or 40P01). Nothing was kept: run the whole verb again."""


class Database(Protocol):
    """Opens transactions. `begin` commits on leaving without an exception, and keeps nothing otherwise."""

    dialect: str

    def begin(self) -> contextlib.AbstractAsyncContextManager[Tx]: ...
    def read(self) -> contextlib.AbstractAsyncContextManager[Tx]: ...
    def glance(self) -> contextlib.AbstractAsyncContextManager[Glance]: ...
    async def close(self) -> None: ...


def system_clock() -> int:
    """Microseconds since the epoch, UTC."""
    return time.time_ns() // 1000


class SteadyClock:
    """A clock that stands still while the one behind it is set back: what has ended does not come to life again."""

    def __init__(self, clock: Clock = system_clock) -> None:
        self._clock = clock
        self._latest = 0

    def __call__(self) -> int:
        self._latest = max(self._latest, self._clock())
        return self._latest


def _explained(error: DBAPIError) -> Exception:
    """The error that callers can act on: a `Problem` or `TransientConflict`, or `error` itself when it is a defect."""
    state = getattr(error.orig, "sqlstate", None) or getattr(getattr(error.orig, "__cause__", None), "sqlstate", None)
    text = str(error.orig).lower()
    if state in {"40001", "40P01"}:
        return TransientConflict(state)
    if (state or "").startswith("22"):  # a text too long for its column, or with a character that no text may hold
        return Problem(INVALID_INPUT)
    if state in {"22021", "22P05"}:  # a NUL: SQLite keeps it, PostgreSQL cannot
        return Problem(INVALID_INPUT, detail_zh="含有空字符", detail_en="contains a NUL character")
    if "readonly" in text or state == "25006":
        return Problem(DATABASE_READ_ONLY)
    if "disk is full" in text or "database or disk is full" in text or state == "53100":
        return Problem(DATABASE_FULL)
    away = ("locked", "busy", "unable to open", "i/o error", "connection")
    if error.connection_invalidated or (state or "")[:2] in {"08", "57", "53"} or any(word in text for word in away):
        return Problem(DATABASE_BUSY)
    return error


class _SqliteTx:
    __slots__ = ("_connection", "now")

    def __init__(self, connection: Connection, now: int) -> None:
        self._connection = connection
        self.now = now

    async def execute(self, statement: sa.Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        return self._connection.execute(statement, parameters)


class SqliteDatabase:
    """One file, one process. Raises `Problem(database-owned)` when another process holds the file."""

    dialect = "sqlite"

    def __init__(self, path: Path, *, clock: Clock = system_clock, durable: bool = True) -> None:
        self.path = path
        self._clock = clock
        self._owner = _own(path)
        synchronous = "FULL" if durable else "OFF"
        self._writer = _connect(path, f"PRAGMA synchronous={synchronous}", "PRAGMA journal_mode=WAL")
        self._reader = _connect(path, "PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0")
        self._glancer = _connect(path, "PRAGMA query_only=ON", "PRAGMA wal_autocheckpoint=0")
        looker = self._glancer.connection.driver_connection
        assert isinstance(looker, sqlite3.Connection)
        self._looker = looker
        self._writing = asyncio.Lock()
        self._reading = asyncio.Lock()
        # A C call of sqlite3 lets go of the interpreter lock and must win it back: 5 ms waits would rule the latency.
        sys.setswitchinterval(0.0005)

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[Tx]:
        async with self._writing:
            try:
                self._writer.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    yield _SqliteTx(self._writer, self._clock())
                except BaseException:
                    self._rollback()
                    raise
                await self._commit()
            except IntegrityError:
                raise
            except DBAPIError as error:
                raise _explained(error) from error

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[Tx]:
        async with self._reading:
            try:
                self._reader.exec_driver_sql("BEGIN")
                try:
                    yield _SqliteTx(self._reader, self._clock())
                finally:
                    self._reader.exec_driver_sql("ROLLBACK")
            except DBAPIError as error:
                raise _explained(error) from error

    @contextlib.asynccontextmanager
    async def glance(self) -> AsyncIterator[Glance]:
        async with contextlib.AsyncExitStack() as stack:
            yield Glance(self, self._clock(), stack)

    async def look(self, statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """All rows of `statement`, of one moment: SQLite reads them in one go, and nothing of ours runs in between."""
        try:
            found: list[tuple[Any, ...]] = self._looker.execute(
                statement.embedded, statement.by_name(parameters)
            ).fetchall()
        except sqlite3.Error as error:
            raise _explained(OperationalError(statement.embedded, None, error)) from error
        return found

    async def _commit(self) -> None:
        raw = self._writer.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        # The commit is the only call that waits for the disk. It is shielded: a reader that goes away must not
        # leave the connection in the middle of a transaction.
        commit = asyncio.ensure_future(asyncio.to_thread(raw.execute, "COMMIT"))
        try:
            await asyncio.shield(commit)
        except asyncio.CancelledError:
            with contextlib.suppress(sqlite3.Error):
                await commit
            if raw.in_transaction:
                self._rollback()
            raise
        except sqlite3.Error as error:
            if raw.in_transaction:
                self._rollback()
            raise _explained(OperationalError("COMMIT", None, error)) from error

    def _rollback(self) -> None:
        with contextlib.suppress(DBAPIError):
            self._writer.exec_driver_sql("ROLLBACK")

    async def close(self) -> None:
        for connection in (self._glancer, self._reader, self._writer):
            connection.close()
            connection.engine.dispose()
        os.close(self._owner)


def _own(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise Problem(DATABASE_OWNED) from error
    return handle


def _connect(path: Path, *pragmas: str) -> Connection:
    engine = sa.create_engine(
        f"sqlite+pysqlite:///{path}",
        poolclass=NullPool,
        hide_parameters=True,  # errors must not carry what was on its way into a row
        isolation_level="AUTOCOMMIT",  # BEGIN and COMMIT are ours alone
        connect_args={"check_same_thread": False, "timeout": 5.0, "cached_statements": 512},
    )
    try:
        connection = engine.connect()
        for pragma in ("PRAGMA busy_timeout=5000", "PRAGMA foreign_keys=ON", *pragmas):
            connection.exec_driver_sql(pragma)
    except DBAPIError as error:
        raise _explained(error) from error
    return connection


_SERVER_CLOCK = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"


async def _nothing_to_reset(_connection: Any) -> None:
    """Single reading statements leave no state behind; the usual reset would be a second round trip."""


class _PostgresTx:
    __slots__ = ("connection", "now")

    def __init__(self, connection: AsyncConnection, now: int) -> None:
        self.connection = connection
        self.now = now

    async def execute(self, statement: sa.Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        return await self.connection.execute(statement, parameters)


class PostgresDatabase:
    """A pool of connections, READ COMMITTED; reads run REPEATABLE READ, READ ONLY, so that facts and data agree."""

    dialect = "postgresql"
    _clock_life = 5.0  # seconds for which the measured distance to the server's clock is trusted

    def __init__(self, url: str, *, clock: Clock | None = None, pool_size: int = 10) -> None:
        self._engine: AsyncEngine = create_async_engine(
            url, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=False, hide_parameters=True
        )
        address = make_url(url)
        self._address = dict(address.get_dialect()().create_connect_args(address)[1])
        self._pool_size = pool_size
        self._pool: asyncpg.Pool | None = None
        self._pool_made = asyncio.Lock()
        self._reads = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        self._clock = clock
        self._offset = 0
        self._offset_until = 0.0

    async def _now(self, connection: AsyncConnection) -> int:
        if self._clock is not None:
            return self._clock()
        if time.monotonic() > self._offset_until:
            self._measure(await connection.scalar(sa.text(_SERVER_CLOCK)))
        return time.monotonic_ns() // 1000 + self._offset

    def _measure(self, server: int | None) -> None:
        self._offset = int(server or 0) - time.monotonic_ns() // 1000
        self._offset_until = time.monotonic() + self._clock_life

    @contextlib.asynccontextmanager
    async def glance(self) -> AsyncIterator[Glance]:
        if self._clock is not None:
            now = self._clock()
        else:
            if time.monotonic() > self._offset_until:
                self._measure((await self._looked(_SERVER_CLOCK, ()))[0][0])
            now = time.monotonic_ns() // 1000 + self._offset
        async with contextlib.AsyncExitStack() as stack:
            yield Glance(self, now, stack)

    async def look(self, statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """All rows of `statement`, of one moment: a statement by itself is a transaction."""
        return await self._looked(statement.server, statement.in_order(parameters))

    async def _looked(self, text: str, parameters: Sequence[Any]) -> Sequence[Sequence[Any]]:
        """On a connection for single reading statements, which carries nothing over that would have to be reset."""
        try:
            if self._pool is None:
                async with self._pool_made:
                    if self._pool is None:
                        self._pool = await asyncpg.create_pool(
                            min_size=0, max_size=self._pool_size, reset=_nothing_to_reset,
                            server_settings={"default_transaction_read_only": "on"}, **self._address,
                        )  # fmt: skip
            async with self._pool.acquire() as connection:
                rows: Sequence[Sequence[Any]] = await connection.fetch(text, *parameters)
                return rows
        except (asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise _explained(OperationalError(text, None, error)) from error
        except (OSError, TimeoutError) as error:
            raise Problem(DATABASE_BUSY) from error

    @contextlib.asynccontextmanager
    async def _open(self, engine: AsyncEngine) -> AsyncIterator[Tx]:
        try:
            connection = await engine.connect()
        except (OSError, TimeoutError, DBAPIError) as error:
            raise Problem(DATABASE_BUSY) from error
        try:
            async with contextlib.aclosing(connection), connection.begin():
                yield _PostgresTx(connection, await self._now(connection))
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise _explained(error) from error

    def begin(self) -> contextlib.AbstractAsyncContextManager[Tx]:
        return self._open(self._engine)

    def read(self) -> contextlib.AbstractAsyncContextManager[Tx]:
        return self._open(self._reads)

    async def close(self) -> None:
        if self._pool is not None:
            await self._pool.close()
        await self._engine.dispose()


def open_database(url: str, *, clock: Clock | None = None, durable: bool = True) -> Database:
    """Open `sqlite:///path` or `postgresql://user@host/name`. Raises `Problem` when it cannot be opened."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database:
            raise ValueError("an SQLite URL needs a file: sqlite:///path/to/file")
        return SqliteDatabase(Path(parsed.database), clock=clock or SteadyClock(), durable=durable)
    if parsed.get_backend_name() == "postgresql":
        return PostgresDatabase(parsed.set(drivername="postgresql+asyncpg").render_as_string(False), clock=clock)
    raise ValueError(f"unsupported database {parsed.get_backend_name()!r}: use sqlite or postgresql")
