"""The commands that own a gateway: set up, serve, look after, verify; and the groups that talk to a running one."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import structlog
import typer
import uvicorn
from pydantic import ValidationError
from rich.table import Table

from gateway import __version__
from gateway.cli import payload, present
from gateway.cli.ledger import add_ledger_commands
from gateway.cli.local import backup, check, diagnose, restore
from gateway.cli.policy import add_policy_commands
from gateway.cli.present import DONE, ERR, FAILED, MISUSED, OUT, as_json, own_problem, problem
from gateway.cli.remote import URL, add_commands, carry_out, session_file
from gateway.client import Client, verify_receipt
from gateway.errors import LianqiaoError, Problem
from gateway.install import install
from gateway.keys.interface import KeyProviderError
from gateway.keys.process import disable_core_dumps
from gateway.logging import configure_logging
from gateway.runtime import Gateway, open_gateway
from gateway.settings import Settings
from gateway.store import migrations
from gateway.worker import Worker
from ledger.errors import LedgerError

app = typer.Typer(
    name="lianqiao", no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False,
    help="连桥:证券公司与合作机构的数据共享网关 / data-sharing gateway. 退出码 exit codes: 0 完成, 1 失败, 2 用法, 3 拒绝",
)  # fmt: skip
T = TypeVar("T")
_log = structlog.get_logger("lianqiao.serve")
# What the commands against a running gateway read, and what the tests and tools of the project read.
CLIENT_VARIABLES = frozenset({
    "LIANQIAO_URL", "LIANQIAO_TOKEN", "LIANQIAO_PASSWORD", "LIANQIAO_SESSION", "LIANQIAO_CHROMIUM",
    "LIANQIAO_NODE_MODULES", "LIANQIAO_CONTRACT_TOOLS", "LIANQIAO_BENCH_PGCRYPTO",
})  # fmt: skip


def settings_of(**changes: Any) -> Settings:
    """The settings of the environment with `changes`; ends the program with the names of those that are wrong."""
    known = {f"LIANQIAO_{name}".upper() for name in Settings.model_fields} | CLIENT_VARIABLES
    if unknown := sorted(
        name for name in os.environ if name.upper().startswith("LIANQIAO_") and name.upper() not in known
    ):
        found = [{"field": name, "message": "没有这个设置 / there is no such setting"} for name in unknown]
        problem("invalid-settings", "设置有误 / settings are wrong", "见 docs/settings.md", found)
        raise typer.Exit(MISUSED)
    try:
        return Settings(**{name: value for name, value in changes.items() if value is not None})
    except ValidationError as error:
        found = [
            {"field": "LIANQIAO_" + ".".join(map(str, each["loc"])).upper(), "message": each["msg"]}
            for each in error.errors(include_input=False)
        ]
        problem("invalid-settings", "设置有误 / settings are wrong", "见 docs/settings.md", found)
        raise typer.Exit(MISUSED) from None


def run(work: Coroutine[Any, Any, T], *, loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> T:
    """The result of `work`; problems end the program with their remedy and code 1. `loop` makes another event loop."""
    try:
        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(work)
    except Problem as found:
        own_problem(found)
    except (LianqiaoError, LedgerError, KeyProviderError) as error:
        problem(type(error).__name__, str(error), "")
    raise typer.Exit(FAILED)


@app.command("init")
def init_command(
    admin: Annotated[str, typer.Option(help="首位管理员登录名 / login of the first administrator")] = "admin",
    firm: Annotated[str, typer.Option(help="本公司名称 / name of the firm")] = "本公司",
    json_output: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """初始化:密钥、数据库、默认目录、首位管理员 / set up keys, database, default catalogue, first administrator."""
    settings = settings_of()
    configure_logging("warning", settings.log_format)

    async def work() -> dict[str, Any]:
        from gateway.usecases.catalogue import load_default_catalogue
        from gateway.usecases.parties import bootstrap

        done = await asyncio.to_thread(install, settings)
        gateway = await open_gateway(settings)
        try:
            version = await load_default_catalogue(gateway)
            first = await bootstrap(gateway, login=admin, name=admin, firm_zh=firm)
        finally:
            await gateway.close()
        return {
            "made": done.made,
            "catalogue_version": version,
            "administrator": first.login,
            "one_time_token": first.one_time_token,
            "verifier_keys": list(done.verifier_keys.values()),
        }

    answer = run(work())
    if json_output:
        as_json(answer)
    else:
        present.show(answer)


@app.command()
def migrate(revision: str = "head") -> None:
    """升级数据库结构 / bring the database to the newest schema."""
    settings = settings_of()

    async def work() -> None:
        await asyncio.to_thread(migrations.upgrade, settings.database_url, revision)

    run(work())
    OUT.print(f"{settings.database_url.split('@')[-1]}: {migrations.head()}")


@app.command()
def serve(
    host: Annotated[str | None, typer.Option(help="监听地址 / address")] = None,
    port: Annotated[int | None, typer.Option(help="端口 / port")] = None,
    demo: Annotated[
        bool, typer.Option("--demo", help="首次启动时填入演示数据(生产模式拒绝) / invented data on first start")
    ] = False,
) -> None:
    """启动网关 / start the gateway (SQLite: with its worker; one process a database file)."""
    settings = settings_of(host=host, port=port)
    configure_logging(settings.log_level, settings.log_format)
    disable_core_dumps()  # a core dump would hold keys and values
    run(_serve(settings, demo), loop=fast_loop())


class _Server(uvicorn.Server):
    """Ends on SIGTERM and SIGINT as if its work were done: what is open is answered, and then all parts are closed."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            _log.info("serving", host=self.config.host, port=self.config.port, tls=self.config.is_ssl)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        _log.info("stopped")

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        # The inherited one raises the signal again before our caller could close the trail and the database.
        with _on_signals(lambda: self.handle_exit(signal.SIGTERM, None)):
            yield


@contextlib.contextmanager
def _on_signals(act: Callable[[], object]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, act)
    try:
        yield
    finally:
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(each)


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes a uvloop, which serves about twice as much as Python's own loop; None where there is none."""
    try:
        import uvloop
    except ImportError:  # not on Windows
        return None
    return uvloop.new_event_loop


async def _serve(settings: Settings, demo: bool) -> None:
    from gateway.web.app import create_app

    if demo:
        if settings.mode == "production":
            problem("demo-refused", "生产模式不载入演示数据 / no invented data in production", "LIANQIAO_MODE=demo")
            raise typer.Exit(MISUSED)
        await asyncio.to_thread(install, settings)
    gateway = await open_gateway(settings)
    try:
        if demo:
            await _show_demo(gateway)
        config = uvicorn.Config(
            create_app(gateway), host=settings.host, port=settings.port, log_config=None, access_log=False, server_header=False,
            proxy_headers=False, ssl_certfile=settings.tls_certificate, ssl_keyfile=settings.tls_key, timeout_graceful_shutdown=10,
            loop="none",
        )  # fmt: skip
        await _Server(config).serve()
    finally:
        await gateway.close()


async def _show_demo(gateway: Gateway) -> None:
    """The demonstration is there, and the terminal says where to look and as whom."""
    from gateway.demo.cases import add_cases
    from gateway.demo.cast import PEOPLE
    from gateway.demo.seed import is_seeded, password_of, seed

    if not await is_seeded(gateway):
        OUT.print("[bold]首次启动,正在生成演示数据… / first start, inventing data…[/bold]")
        people = await seed(gateway, say=lambda line: OUT.print(f"  {line}", highlight=False))
        await add_cases(gateway, people)
    table = Table("登录名 / login", "密码 / password", "姓名", "是谁 / who", header_style="bold", box=None)
    for person in PEOPLE:
        if person.kind == "person":
            table.add_row(person.login, password_of(person.login), person.name, person.says)
    OUT.print(table)
    OUT.print(f"\n[bold green]控制台 / console[/bold green]  {gateway.settings.url}/console/")
    OUT.print(f"[bold green]接口 / API[/bold green]        {gateway.settings.url}/v1/openapi.json\n")


@app.command()
def worker() -> None:
    """后台任务(PostgreSQL 多副本时单独运行) / background work, apart from the server (PostgreSQL)."""
    settings = settings_of()
    configure_logging(settings.log_level, settings.log_format)
    disable_core_dumps()
    if settings.database_url.startswith("sqlite"):
        problem(
            "worker-in-server",
            "SQLite 的后台任务在服务进程内 / with SQLite the worker runs in the server",
            "lianqiao serve",
        )
        raise typer.Exit(MISUSED)

    async def work() -> None:
        gateway = await open_gateway(settings)
        try:
            leave = asyncio.Event()
            with _on_signals(leave.set):
                async with Worker(gateway):
                    await leave.wait()
        finally:
            await gateway.close()

    run(work())


@app.command("fsck")
def fsck_command(json_output: Annotated[bool, typer.Option("--json")] = False) -> None:
    """重新计算两本账并互相核对 / recompute both logs and compare; names the first wrong entry."""
    settings = settings_of()
    report = run(check(settings))
    if json_output:
        as_json(report)
    else:
        present.show(report)
    raise typer.Exit(DONE if report["sound"] else FAILED)


@app.command("verify")
def verify_command(
    receipt: Annotated[Path, typer.Argument(help="回执文件 / receipt file")],
    trust: Annotated[Path, typer.Option(help="信任文件 / trust file (C2SP tlog-policy)")],
    json_output: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    """离线核验回执,只需信任文件 / verify a receipt offline with nothing but the trust file."""
    try:
        verified = verify_receipt(receipt.read_bytes(), trust)
    except (LedgerError, OSError) as error:
        problem("not-verified", str(error), "请向对方索取原始回执 / ask for the receipt as it was handed out")
        raise typer.Exit(FAILED) from None
    answer = {
        "valid": True, "kind": verified.entry.kind, "entry_id": verified.entry.entry_id, "index": verified.index, "origin": verified.origin,
        "size": verified.size, "root": verified.root.hex(), "fields": dict(verified.fields), "steps": list(verified.steps),
    }  # fmt: skip
    if json_output:
        as_json(answer)
    else:
        present.show(answer)


@app.command("doctor")
def doctor_command(json_output: Annotated[bool, typer.Option("--json")] = False) -> None:
    """检查本机与配置 / look at the machine and the configuration."""
    report = diagnose(settings_of())
    if json_output:
        as_json(report)
    else:
        present.show({"items": report})
    raise typer.Exit(FAILED if any(each["state"] == "bad" for each in report) else DONE)


@app.command("backup")
def backup_command(
    target: Annotated[Path, typer.Argument(help="目标文件夹 / folder")],
    keys: Annotated[Path | None, typer.Option(help="密钥另存到 / folder for the keys, kept apart")] = None,
) -> None:
    """备份数据库;密钥另存 / back the database up, the keys apart from it."""
    settings = settings_of()
    run(backup(settings, target, keys))
    OUT.print(f"{target}" + (f" + {keys}" if keys else ""))


@app.command("restore")
def restore_command(
    source: Annotated[Path, typer.Argument(help="备份文件夹 / folder of the backup")],
    keys: Annotated[Path | None, typer.Option(help="密钥文件夹 / folder of the keys")] = None,
) -> None:
    """恢复;拒绝让账本分叉 / restore, and refuse to fork the ledger."""
    settings = settings_of()
    run(restore(settings, source, keys))
    report = run(check(settings))
    present.show(report)
    raise typer.Exit(DONE if report["sound"] else FAILED)


@app.command("login")
def login_command(login: str, totp: Annotated[str | None, typer.Option()] = None) -> None:
    """登录并保存会话 / sign in and keep the session (mode 600)."""
    password = os.environ.get("LIANQIAO_PASSWORD") or typer.prompt("密码 / Password", hide_input=True)

    def act(_client: Client) -> None:
        client = Client(URL)
        client.sign_in_as(login, password, totp)
        path = session_file()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as file:
            json.dump({"url": URL, "csrf": client.csrf, "cookies": dict(client._http.cookies)}, file)

    carry_out(act)
    OUT.print(f"{login} @ {URL}")


@app.command("logout")
def logout_command() -> None:
    """忘记会话 / forget the session."""
    session_file().unlink(missing_ok=True)


@app.command("demo")
def demo_command(
    database: Annotated[
        str, typer.Option(help="空数据库;默认临时 SQLite / an empty database; default: a temporary SQLite file")
    ] = "",
    json_output: Annotated[bool, typer.Option("--json", help="逐步输出 JSON / the steps as JSON")] = False,
) -> None:
    """在终端演示完整流程 / play the whole story on a fresh database."""
    from gateway.demo.story import tell

    configure_logging("error")
    steps = run(tell(database, None if json_output else OUT))
    if json_output:
        as_json(steps)
    raise typer.Exit(DONE if all(step["ok"] for step in steps) else FAILED)


@app.command("version")
def version_command() -> None:
    """版本 / version."""
    OUT.print(__version__)


add_policy_commands(add_commands(app)["policy"])
app.add_typer(payload.app, name="payload")
add_ledger_commands(app)


def main() -> None:
    """The entry point."""
    os.umask(0o077)  # databases, keys, backups and exports are for their owner alone
    try:
        app()
    except Problem as found:
        own_problem(found)
        sys.exit(FAILED)
    except BrokenPipeError:
        ERR.quiet = True
        sys.exit(FAILED)
