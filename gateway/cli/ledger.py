"""The log outside the gateway: mirror a partner's over its public files, export ours for a regulator or a court."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import httpx2
import typer

from gateway.cli.present import FAILED, MISUSED, OUT, problem
from gateway.runtime import open_gateway
from gateway.settings import Settings
from gateway.usecases.trail import trust_text
from ledger.errors import LedgerError
from ledger.export import export_log
from ledger.folder import CheckedLog, LogFolder, mirror
from ledger.policy import TrustPolicy, parse_policy


async def mirror_log(
    url: str, folder: Path, trust: TrustPolicy, origin: str, transport: httpx2.AsyncBaseTransport | None = None
) -> CheckedLog:
    """The folder holds the log at `url` as `ledger.folder.mirror` says; `transport` None: over the network."""
    async with httpx2.AsyncClient(transport=transport, timeout=30, follow_redirects=False, trust_env=False) as client:

        async def fetch(path: str) -> bytes:
            try:
                answer = await client.get(f"{url.rstrip('/')}/{path}")
            except (httpx2.HTTPError, httpx2.InvalidURL) as error:
                raise OSError(type(error).__name__) from error
            if answer.status_code != 200:
                raise OSError(f"{path}: status {answer.status_code}")
            return answer.content

        return await mirror(fetch, LogFolder(folder), trust, origin)


async def export_grants_log(settings: Settings, folder: Path) -> CheckedLog:
    """The folder is the regulator's bundle of the grants log, checked; see `ledger.export.export_log`."""
    gateway = await open_gateway(settings)
    try:
        async with gateway.db.read() as tx:
            return await export_log(tx, gateway.grants_log, folder, parse_policy(trust_text(gateway)))
    finally:
        await gateway.close()


def mirror_command(
    url: Annotated[str, typer.Argument(help="对方账本地址 / such as https://gw.example/log/grants")],
    folder: Annotated[Path, typer.Argument(help="本地文件夹 / folder")],
    origin: Annotated[str, typer.Option(help="账本名称 / origin of the log")],
    trust: Annotated[Path, typer.Option(help="信任文件 / trust file (C2SP tlog-policy)")],
) -> None:
    """增量镜像对方账本并核验 / mirror a partner's log, incrementally, and check it."""
    _told(lambda: asyncio.run(mirror_log(url, folder, parse_policy(trust.read_bytes()), origin)))


def export_command(
    folder: Annotated[Path, typer.Argument(help="新文件夹 / new folder")],
) -> None:
    """导出授权账本,附独立校验程序 / export the grants log with a verifier that needs none of us."""
    if folder.exists() and any(folder.iterdir()):
        problem("folder-not-empty", "文件夹不为空 / the folder is not empty", "请选择新的文件夹 / choose a new folder")
        raise typer.Exit(MISUSED)
    from gateway.cli.main import settings_of

    _told(lambda: asyncio.run(export_grants_log(settings_of(), folder)))


def _told(work: Callable[[], CheckedLog]) -> None:
    try:
        found = work()
    except (LedgerError, OSError) as error:
        problem("not-verified", str(error), "请核对信任文件与来源 / check the trust file and the source")
        raise typer.Exit(FAILED) from None
    OUT.print(f"{found.origin}: {found.size}, root {found.root.hex()}", markup=False, highlight=False)


def add_ledger_commands(app: typer.Typer) -> None:
    """`ledger-mirror` and `ledger-export` are commands of `app`."""
    app.command("ledger-mirror")(mirror_command)
    app.command("ledger-export")(export_command)
