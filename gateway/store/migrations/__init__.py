"""Alembic migrations, run by the program itself: `lianqiao migrate`."""

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", "gateway.store:migrations")
    config.set_main_option("path_separator", "os")
    config.attributes["url"] = _synchronous(url)
    return config


def _synchronous(url: str) -> str:
    """The same database for the migrations' own short-lived connection."""
    parsed = make_url(url)
    driver = "sqlite+pysqlite" if parsed.get_backend_name() == "sqlite" else "postgresql+asyncpg"
    return parsed.set(drivername=driver).render_as_string(hide_password=False)


def upgrade(url: str, revision: str = "head") -> None:
    """The database has the schema of `revision`. Each step is a transaction of its own; what failed left nothing."""
    command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    """The database is back at `revision`. Rows of tables that this drops are lost: back up first."""
    command.downgrade(_config(url), revision)


def head() -> str:
    """The newest revision this program knows."""
    return str(ScriptDirectory.from_config(_config("sqlite://")).get_current_head())


def current_in(connection: sa.Connection) -> str | None:
    """The revision that a database is at, or None for an empty one."""
    return MigrationContext.configure(connection).get_current_revision()


__all__ = ["current_in", "downgrade", "head", "upgrade"]
