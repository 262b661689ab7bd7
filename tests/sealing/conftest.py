from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio
import sqlalchemy as sa

from gateway.store.db import Database, SqliteDatabase
from gateway.store.tables import metadata


class Clock:
    """A clock that stands still until it is moved; microseconds."""

    def __init__(self) -> None:
        self.now = 1_770_000_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest_asyncio.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = SqliteDatabase(tmp_path / "gateway.db", clock=Clock(), durable=False)
    async with database.begin() as tx:
        for table in metadata.sorted_tables:
            await tx.execute(sa.schema.CreateTable(table))
    yield database
    await database.close()
