"""The schema up and down on both databases, and the same as what the code says it is."""

from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from gateway.store import migrations
from gateway.store.tables import metadata


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'gateway.db'}"
    return str(request.getfixturevalue("fresh_postgres"))


async def tables_of(url: str) -> set[str]:
    return set(await _with(url, lambda connection: sa.inspect(connection).get_table_names()))


async def differences(url: str) -> list[Any]:
    def compare(connection: sa.Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": False})
        return list(compare_metadata(context, metadata))

    return list(await _with(url, compare))


async def _with(url: str, act: Any) -> Any:
    from sqlalchemy.ext.asyncio import create_async_engine

    parsed = sa.make_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine = sa.create_engine(parsed)
        with engine.connect() as connection:
            found = act(connection)
        engine.dispose()
        return found
    remote = create_async_engine(parsed.set(drivername="postgresql+asyncpg"))
    async with remote.connect() as far:
        found = await far.run_sync(act)
    await remote.dispose()
    return found


async def test_up_down_and_up_again(url: str) -> None:
    import asyncio

    await asyncio.to_thread(migrations.upgrade, url)
    assert await tables_of(url) >= set(metadata.tables)
    assert await differences(url) == [], "the migrations and the code's tables differ"
    await asyncio.to_thread(migrations.downgrade, url, "base")
    assert await tables_of(url) <= {"alembic_version"}
    await asyncio.to_thread(migrations.upgrade, url)
    assert await tables_of(url) >= set(metadata.tables)
    await asyncio.to_thread(migrations.upgrade, url)  # nothing to do is nothing done
