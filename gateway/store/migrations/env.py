"""How Alembic reaches the database: synchronously for SQLite, through asyncpg for PostgreSQL."""

import asyncio
from typing import Any

import sqlalchemy as sa
from alembic import context
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from gateway.store.tables import metadata


def _migrate(connection: Any) -> None:
    context.configure(
        connection=connection, target_metadata=metadata, transaction_per_migration=True, render_as_batch=False
    )
    with context.begin_transaction():
        context.run_migrations()


async def _through_asyncpg(url: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.run_sync(_migrate)
        await connection.commit()
    await engine.dispose()


def _run(url: str) -> None:
    if url.startswith("sqlite"):
        engine = sa.create_engine(url, poolclass=NullPool)
        with engine.connect() as connection:
            _migrate(connection)
            connection.commit()
        engine.dispose()
    else:
        asyncio.run(_through_asyncpg(url))


_run(context.config.attributes["url"])
