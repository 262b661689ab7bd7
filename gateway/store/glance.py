"""What store functions see of the database: a transaction, or a glance of one prepared statement."""

import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.engine import CursorResult

Parameters = Mapping[str, Any] | Sequence[Mapping[str, Any]]


class Tx(Protocol):
    """One open transaction. `now` was taken once, when it began: microseconds since the epoch, UTC, the database's clock."""

    @property
    def now(self) -> int: ...

    async def execute(self, statement: sa.Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        """Run `statement`; the result is already in memory."""
        ...


class Prepared:
    """A SELECT of the hot path, compiled when it is made and run by the driver with nothing in between.

    Its parameters are named; every row is a sequence in the order of `names`, with the driver's own types.
    """

    def __init__(self, statement: sa.Select[Any]) -> None:
        self.names = tuple(column.name for column in statement.selected_columns)
        embedded = statement.compile(dialect=pysqlite.dialect(paramstyle="named"))
        server = statement.compile(dialect=asyncpg.dialect())  # type: ignore[no-untyped-call]
        self._constants = {name: value for name, value in embedded.params.items() if value is not None}
        self.embedded, self.server = str(embedded), str(server)
        self._order = tuple(server.positiontup or ())

    def by_name(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What SQLite takes."""
        return {**self._constants, **parameters}

    def in_order(self, parameters: Mapping[str, Any]) -> list[Any]:
        """What PostgreSQL takes."""
        given = {**self._constants, **parameters}
        return [given[name] for name in self._order]


class Glance:
    """One statement by itself, which sees one moment without a transaction; more only for who needs more.

    The first `execute` opens a reading transaction, of a later moment than `look`.
    """

    def __init__(self, database: "_Looking", now: int, open_: contextlib.AsyncExitStack) -> None:
        self._database = database
        self._open = open_
        self._tx: Tx | None = None
        self.now = now

    async def look(self, statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        """All rows of `statement`."""
        return await self._database.look(statement, parameters)

    async def execute(self, statement: sa.Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        """As in a transaction from `read`."""
        if self._tx is None:
            self._tx = await self._open.enter_async_context(self._database.read())
        return await self._tx.execute(statement, parameters)


class _Looking(Protocol):
    def read(self) -> contextlib.AbstractAsyncContextManager[Tx]: ...
    async def look(self, statement: Prepared, parameters: Mapping[str, Any]) -> Sequence[Sequence[Any]]: ...
