"""Commands that open the database themselves: fsck, backup, restore, doctor. None runs beside a server on SQLite."""

import asyncio
import contextlib
import json
import os
import resource
import shutil
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from gateway.errors import Problem, declare
from gateway.install import install
from gateway.keys.interface import KeyProviderError
from gateway.keys.registry import open_provider
from gateway.runtime import WOULD_FORK, open_gateway
from gateway.settings import Settings
from gateway.store import migrations
from gateway.store.db import Tx, open_database
from gateway.usecases.checks import check_all
from ledger.errors import LedgerError
from ledger.policy import parse_policy
from ledger.rollback import SeenFile
from ledger.tables import log_checkpoint

BACKUP_EXISTS = declare(
    "backup-exists", "conflict",
    zh="目标文件夹不为空", en="The target folder is not empty",
    remedy_zh="请选择新的文件夹", remedy_en="Choose a new folder",
)  # fmt: skip
BACKUP_BROKEN = declare(
    "backup-broken", "invalid",
    zh="备份不完整或不属于本网关", en="The backup is incomplete, or of another gateway",
    remedy_zh="请检查备份文件夹与密钥文件夹", remedy_en="Check the folders of the backup and of the keys",
)  # fmt: skip
_MANIFEST = "backup.json"
_KEY_FILES = ("root.key", "passphrase", "log.key")


async def check(settings: Settings) -> dict[str, Any]:
    """What `check_all` finds in the gateway of these settings."""
    gateway = await open_gateway(settings)
    try:
        return await check_all(gateway)
    finally:
        await gateway.close()


async def backup(settings: Settings, target: Path, key_target: Path | None) -> None:
    """The database stands in `target`, consistent as of one moment; the keys in `key_target`, never in the same folder.

    SQLite: through the online backup of the library, under the lock of the one owner. PostgreSQL: by `pg_dump`.
    """
    _fresh(target)
    if key_target is not None:
        if _same_folder(key_target, target):
            raise Problem(
                BACKUP_EXISTS, field="keys", detail_zh="密钥须另存", detail_en="the keys go to another folder"
            )
        _fresh(key_target)
    url = make_url(settings.database_url)
    db = open_database(settings.database_url)
    try:
        async with db.read() as tx:
            head = await _largest(tx)
        if db.dialect == "sqlite":
            await asyncio.to_thread(_copy_sqlite, Path(str(url.database)), target / "lianqiao.sqlite")
        else:
            await asyncio.to_thread(_dump_postgres, settings.database_url, target / "lianqiao.dump")
    finally:
        await db.close()
    manifest = {"format": "lianqiao-backup@v1", "schema": migrations.head(), "dialect": db.dialect, "heads": head}
    (target / _MANIFEST).write_text(json.dumps(manifest, indent=2))
    if key_target is not None:
        for name in _KEY_FILES:
            source = settings.home / name
            if source.exists():
                shutil.copy2(source, key_target / name)
                (key_target / name).chmod(0o600)


async def restore(settings: Settings, source: Path, key_source: Path | None) -> None:
    """The database is as it was backed up, migrated to this program's schema.

    Raises `Problem(would-fork)` when a checkpoint that was handed out since (kept in `<home>/seen-heads.json`, or in
    the database that is to be replaced) is larger than the backup's; `Problem(backup-broken)` when it does not belong.
    """
    try:
        manifest = json.loads((source / _MANIFEST).read_text())
        if manifest["format"] != "lianqiao-backup@v1":
            raise ValueError("format")
    except (OSError, ValueError, KeyError) as error:
        raise Problem(BACKUP_BROKEN) from error
    strangers = set(manifest["heads"]) - {settings.origin, settings.trail_origin}
    backend = make_url(settings.database_url).get_backend_name()
    if strangers or manifest["dialect"] != backend:
        raise Problem(
            BACKUP_BROKEN,
            field="origin" if strangers else "database",
            detail_zh="备份属于其他账本或其他数据库种类",
            detail_en=f"a backup of {', '.join(sorted(manifest['heads']))} on {manifest['dialect']}",
        )
    seen = await _seen(settings)
    for origin, size in seen.items():
        if manifest["heads"].get(origin, 0) < size:
            raise Problem(
                WOULD_FORK, detail_zh=f"{origin}: 已公开 {size}", detail_en=f"{origin}: {size} was handed out"
            )
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    if key_source is not None:
        for name in _KEY_FILES:
            if (key_source / name).exists() and not (settings.home / name).exists():
                shutil.copy2(key_source / name, settings.home / name)
                (settings.home / name).chmod(0o600)
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        path = Path(str(url.database))
        with _owned(path):
            for suffix in ("-wal", "-shm"):
                path.with_name(path.name + suffix).unlink(missing_ok=True)
            await asyncio.to_thread(_copy_sqlite, source / "lianqiao.sqlite", path)
    else:
        await asyncio.to_thread(_load_postgres, settings.database_url, source / "lianqiao.dump")
    await asyncio.to_thread(install, settings)


@contextlib.contextmanager
def _owned(path: Path) -> Iterator[None]:
    from gateway.store.db import _own

    handle = _own(path)
    try:
        yield
    finally:
        os.close(handle)


async def _seen(settings: Settings) -> dict[str, int]:
    """The largest size of each log that anybody was shown, as far as this machine knows."""
    try:
        seen = {origin: head.size for origin, head in SeenFile(settings.seen_heads_path).read().items()}
    except LedgerError as error:
        raise Problem(BACKUP_BROKEN, field=settings.seen_heads_path.name, detail_en=str(error)) from error
    with contextlib.suppress(Problem, sa.exc.DBAPIError):
        if not _is_missing(settings.database_url):
            db = open_database(settings.database_url)
            try:
                async with db.read() as tx:
                    for origin, size in (await _largest(tx)).items():
                        seen[origin] = max(seen.get(origin, 0), size)
            finally:
                await db.close()
    return seen


def _is_missing(database_url: str) -> bool:
    url = make_url(database_url)
    return url.get_backend_name() == "sqlite" and not Path(str(url.database)).exists()


async def _largest(tx: Tx) -> dict[str, int]:
    statement = sa.select(log_checkpoint.c.origin, sa.func.max(log_checkpoint.c.size).label("largest")).group_by(
        log_checkpoint.c.origin
    )
    return {str(row.origin): int(row.largest) for row in (await tx.execute(statement)).all()}


def _same_folder(one: Path, other: Path) -> bool:
    return one.resolve() == other.resolve()


def _fresh(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        raise Problem(BACKUP_EXISTS, field=str(folder.name))


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.exists():
        raise Problem(BACKUP_BROKEN, field=source.name)
    with contextlib.closing(sqlite3.connect(source)) as old, contextlib.closing(sqlite3.connect(target)) as new:
        old.backup(new)
    target.chmod(0o600)


def _dump_postgres(url: str, target: Path) -> None:
    _tool(url, "pg_dump", "--format=custom", "--no-owner", f"--file={target}", _libpq(url))
    target.chmod(0o600)


def _load_postgres(url: str, source: Path) -> None:
    _tool(
        url,
        "pg_restore",
        "--clean",
        "--if-exists",
        "--no-owner",
        "--single-transaction",
        f"--dbname={_libpq(url)}",
        str(source),
    )


def _libpq(url: str) -> str:
    # Without the password, which travels in PGPASSWORD: every user of the machine can read the arguments.
    return make_url(url).set(drivername="postgresql", password=None).render_as_string(hide_password=False)


def _tool(url: str, name: str, *arguments: str) -> None:
    found = shutil.which(name)
    if found is None:
        raise Problem(BACKUP_BROKEN, detail_zh=f"缺少 {name}", detail_en=f"{name} is not installed")
    password = make_url(url).password
    environment = os.environ | ({"PGPASSWORD": str(password)} if password else {})
    done = subprocess.run([found, *arguments], env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        raise Problem(BACKUP_BROKEN, detail_zh=f"{name} 失败", detail_en=_first_error(done.stderr))


def _first_error(text: str) -> str:
    """Which statement failed is enough: a DETAIL line would quote a row."""
    lines = [line for line in text.splitlines() if "error" in line.lower()] or text.splitlines() or ["no message"]
    return lines[0][:200]


def diagnose(settings: Settings) -> list[dict[str, str]]:
    """What this machine and configuration are like; every line says good, note or bad, and what to do."""
    lines = [
        _line("python", "good", sys.version.split()[0]),
        _sqlite_line(),
        _line("openssl", "good", ssl.OPENSSL_VERSION),
        _line("mode", "good" if settings.mode == "production" else "note", settings.mode),
        _core_line(),
        _disk_line(settings),
        _schema_line(settings),
        _provider_line(settings),
        _files_line(settings),
        _trust_line(settings),
    ]
    if not settings.url.startswith("https:") and settings.host not in {"127.0.0.1", "::1", "localhost"}:
        lines.append(_line("tls", "bad", "对外监听但未启用 TLS / listens beyond this machine without TLS"))
    return lines


def _line(part: str, state: str, says: str) -> dict[str, str]:
    return {"part": part, "state": state, "says": says}


def _sqlite_line() -> dict[str, str]:
    version = tuple(int(part) for part in sqlite3.sqlite_version.split("."))
    if (3, 7, 0) <= version < (3, 51, 3):
        return _line(
            "sqlite", "note",
            f"{sqlite3.sqlite_version}: 属于 WAL 重置缺陷范围,本程序只用一个写连接因而不受影响 / "
            "in the range of the WAL-reset defect, which needs two writers; this program has one",
        )  # fmt: skip
    return _line("sqlite", "good", sqlite3.sqlite_version)


def _core_line() -> dict[str, str]:
    soft, _ = resource.getrlimit(resource.RLIMIT_CORE)
    return _line(
        "core-dumps", "good" if soft == 0 else "note", "0" if soft == 0 else "服务启动时关闭 / switched off by serve"
    )


def _disk_line(settings: Settings) -> dict[str, str]:
    folder = settings.home if settings.home.exists() else settings.home.absolute().parent
    free = shutil.disk_usage(folder if folder.exists() else Path("/")).free
    return _line("disk", "good" if free > 1 << 30 else "bad", f"{free >> 20} MiB free")


def _schema_line(settings: Settings) -> dict[str, str]:
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        return _line("schema", "note", f"{migrations.head()} (PostgreSQL)")
    if not Path(str(url.database)).exists():
        return _line("schema", "note", "尚无数据库 / no database yet: lianqiao init")
    engine = sa.create_engine(f"sqlite:///{url.database}")
    with engine.connect() as connection:
        found = migrations.current_in(connection)
    engine.dispose()
    return _line("schema", "good" if found == migrations.head() else "bad", f"{found} → {migrations.head()}")


def _provider_line(settings: Settings) -> dict[str, str]:
    try:
        provider = open_provider(settings.key_provider_uri, production=settings.mode == "production")
        provider.check()
    except KeyProviderError as error:
        return _line("key-provider", "bad" if settings.log_key_path.exists() else "note", str(error))
    return _line("key-provider", "good", provider.name)


def _files_line(settings: Settings) -> dict[str, str]:
    open_files = [
        name for name in _KEY_FILES if (settings.home / name).exists() and (settings.home / name).stat().st_mode & 0o077
    ]
    return _line("key-files", "bad" if open_files else "good", ", ".join(open_files) or "0600")


def _trust_line(settings: Settings) -> dict[str, str]:
    path = settings.home / "trust.policy"
    if not path.exists():
        return _line("trust-file", "note", "lianqiao init")
    policy = parse_policy(path.read_text())
    return _line("trust-file", "good", ", ".join(log.verifier.name for log in policy.logs))


__all__ = ["backup", "check", "diagnose", "restore"]
