"""Every verb as a command against a running gateway, made from the routes: `lianqiao <noun> <verb>`."""

import inspect
import json
import os
import time
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import httpx2
import orjson
import typer
from pydantic import ValidationError
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeElapsedColumn

from gateway.cli.present import DONE, FAILED, MISUSED, OUT, REFUSED, as_json, problem, show
from gateway.client import Client, GatewayProblem, GatewayRefusal
from gateway.schemas import ROUTES, Route
from gateway.schemas.records import GetUpload, UploadFile

_BY_HAND = {"upload_file", "read_watermark", "sign_in", "sign_out", "start_oidc", "finish_oidc"}
_FILES = {"export": "xlsx", "upload_errors": "csv", "download_template": "xlsx", "export_evidence": "zip"}
URL = os.environ.get("LIANQIAO_URL", "http://127.0.0.1:8080")


def session_file() -> Path:
    """Where `lianqiao login` keeps the session, mode 600."""
    return Path(os.environ.get("LIANQIAO_SESSION", Path.home() / ".config" / "lianqiao" / "session.json"))


def connect() -> Client:
    """A client with the API key of LIANQIAO_TOKEN, or the session that `lianqiao login` kept."""
    client = Client(URL, os.environ.get("LIANQIAO_TOKEN", ""))
    client._http.headers["x-lianqiao-client"] = "cli"  # how the trail tells this channel from others
    path = session_file()
    if not os.environ.get("LIANQIAO_TOKEN") and path.exists():
        kept = json.loads(path.read_text())
        if kept.get("url") == URL:
            client.csrf = kept["csrf"]
            for name, value in kept["cookies"].items():
                client._http.cookies.set(name, value)
    return client


def carry_out(act: Callable[[Client], Any]) -> Any:
    """What `act` gives; ends the program with the right code and words when the gateway says no."""
    try:
        with connect() as client:
            return act(client)
    except GatewayRefusal as refused:
        problem(refused.code, refused.detail, f"{refused.remedy} [decision {refused.decision_id}]".strip())
        raise typer.Exit(REFUSED) from None
    except GatewayProblem as found:
        problem(found.code, found.detail, found.remedy, found.body.get("errors", ()))
        raise typer.Exit(FAILED) from None
    except httpx2.TransportError as error:
        problem(
            "unreachable",
            f"{URL}: {type(error).__name__}",
            "请先运行 lianqiao serve,或设置 LIANQIAO_URL / start it, or set LIANQIAO_URL",
        )
        raise typer.Exit(FAILED) from None


def add_commands(app: typer.Typer) -> dict[str, typer.Typer]:
    """One group a noun, one command a verb, options from the fields of its input. Returns the groups by noun."""
    groups: dict[str, typer.Typer] = {}
    for route in ROUTES:
        if route.name in _BY_HAND:
            continue
        if route.tag not in groups:
            groups[route.tag] = typer.Typer(
                help=f"{route.tag}: 通过运行中的网关办理 / against a running gateway", no_args_is_help=True
            )
            app.add_typer(groups[route.tag], name=route.tag)
        groups[route.tag].command(
            route.name.replace("_", "-"), help=f"{route.zh} / {route.en}  ({route.method} {route.path})"
        )(_command(route))
    app.command("watermark", help="读取泄露文件中的水印 / who took a leaked CSV or XLSX file out")(_watermark)
    groups["uploads"].command("send", help="上传文件并显示进度 / upload a file and watch it")(_send)
    return groups


def _command(route: Route) -> Callable[..., None]:
    def run(**values: Any) -> None:
        plain = values.pop("json_output")
        output: Path | None = values.pop("output", None)
        given = {name: _parsed(value) for name, value in values.items() if value is not None}
        try:
            ask = route.ask.model_validate(given)
        except ValidationError as error:
            found = [
                {"field": ".".join(map(str, each["loc"])), "message": each["msg"]}
                for each in error.errors(include_input=False)
            ]
            problem("invalid-input", f"{len(found)}", "请按所列更正 / correct these", found)
            raise typer.Exit(MISUSED) from None
        content: bytes = carry_out(lambda client: client._call(route.name, ask))
        if route.name in _FILES:
            target = output or Path(f"{route.name}.{given.get('format', _FILES[route.name])}")
            target.write_bytes(content)
            OUT.print(f"{target} ({len(content)} bytes)")
            return
        answer = orjson.loads(content)
        if plain:
            as_json(answer)
        else:
            show(answer)

    parameters = []
    for name, field in route.ask.model_fields.items():
        text = str(field.description or "")
        if name in route.path_fields:
            kind: Any = Annotated[str, typer.Argument(help=text)]
            parameters.append(inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD, annotation=kind))
    for name, field in route.ask.model_fields.items():
        if name not in route.path_fields:
            text = str(field.description or "")
            flag = f"--{name.replace('_', '-')}"
            kind = Annotated[str | None, typer.Option(flag, help=_help(text, field.annotation, field.is_required()))]
            parameters.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind))
    plain = Annotated[bool, typer.Option("--json", help="原样输出 JSON / print the answer as JSON")]
    parameters.append(inspect.Parameter("json_output", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=plain))
    if route.name in _FILES:
        target = Annotated[Path | None, typer.Option("--output", "-o", help="保存为 / save as")]
        parameters.append(inspect.Parameter("output", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=target))
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    run.__name__ = route.name
    return run


def _help(text: str, kind: Any, required: bool) -> str:
    nested = typing.get_origin(kind) in {tuple, list, dict} or (
        isinstance(kind, type) and hasattr(kind, "model_fields")
    )
    hint = " (JSON)" if nested else ""
    return f"{text}{hint}{' *' if required else ''}".strip()


def _parsed(value: str) -> Any:
    """JSON when it looks like it, text otherwise, so that `--fields '["name"]'` and `--purpose due-diligence` both work."""
    if value[:1] in {"[", "{"}:
        try:
            return json.loads(value)
        except ValueError:
            return value
    if value in {"true", "false"}:
        return value == "true"
    return value


def _send(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV 或 XLSX / CSV or XLSX")],
    kind: Annotated[str, typer.Option(help="clients, tenants, contact, cooperation, visit, ... ")],
    dry_run: Annotated[bool, typer.Option(help="只检查 / check only")] = False,
    skip_bad: Annotated[bool, typer.Option(help="跳过错误行 / skip bad rows")] = False,
    report: Annotated[Path | None, typer.Option(help="错误报告保存为 / save the error report as")] = None,
    json_output: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    mode: Any = "skip_bad" if skip_bad else "all_or_nothing"
    ask = UploadFile(kind=kind, mode=mode, dry_run=dry_run)
    with file.open("rb") as source:
        started = carry_out(lambda client: client.upload_file(ask, source, file.name))
    with Progress(
        "{task.description}", BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=OUT, disable=json_output
    ) as bar:
        task = bar.add_task(file.name, total=None)
        state = started
        while state.state == "running":
            time.sleep(0.3)
            state = carry_out(lambda client: client.get_upload(GetUpload(upload_id=started.upload_id)))
            bar.update(task, completed=state.rows_done)
        bar.update(task, completed=state.rows_done, total=max(1, state.rows_total))
    if report and state.rows_bad:
        from gateway.schemas.records import UploadErrors

        report.write_bytes(carry_out(lambda client: client.upload_errors(UploadErrors(upload_id=state.upload_id))))
    answer = state.model_dump(mode="json")
    if json_output:
        as_json(answer)
    else:
        show(answer)
    raise typer.Exit(DONE if state.state in {"done", "checked"} else FAILED)


def _watermark(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="CSV 或 XLSX / CSV or XLSX")],
    json_output: Annotated[bool, typer.Option("--json")] = False,
) -> None:
    with file.open("rb") as source:
        found = carry_out(lambda client: client.read_watermark(source, file.name))
    answer = found.model_dump(mode="json")
    if json_output:
        as_json(answer)
    else:
        show(answer)
