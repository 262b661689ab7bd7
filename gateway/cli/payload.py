"""What a partner needs of payloads, offline and without a gateway: make keys, open what was sent, look who sent it."""

import os
from pathlib import Path
from typing import Annotated, get_args

import typer

from gateway.cli.present import FAILED, MISUSED, as_json, own_problem, problem, show
from gateway.errors import Problem
from gateway.keys.file import read_private, write_private
from gateway.keys.interface import KeyProviderError
from gateway.sealing.payload import Opened, check_payload, open_payload
from gateway.sealing.payload_keys import Kind, PrivateKey, PublicKey, parse_private, parse_public

app = typer.Typer(
    help="数据包:生成密钥、打开收到的数据包,离线 / payloads: make keys, open what was sent; offline",
    no_args_is_help=True,
)
_JSON = Annotated[bool, typer.Option("--json", help="原样输出 JSON / print the answer as JSON")]
_SENDER = Annotated[list[str], typer.Option("--sender", help="发送方公钥 lq-pub:… 或其文件,可重复 / key of a sender, or a file with it")]  # fmt: skip


@app.command("keygen")
def keygen(
    output: Annotated[Path, typer.Option("--output", "-o", help="私钥文件,仅本人可读 / file for the private key")],
    kind: Annotated[str, typer.Option(help=" | ".join(get_args(Kind)))] = "x25519",
    json_output: _JSON = False,
) -> None:
    """生成密钥对:私钥存为文件,公钥显示以便登记 / a new pair: the private key to a file, the public one to register."""
    if kind not in get_args(Kind):
        problem("unknown-kind", f"没有这种密钥 / no such kind: {kind}", " | ".join(get_args(Kind)))
        raise typer.Exit(MISUSED)
    try:
        key = PrivateKey.new(kind)  # type: ignore[arg-type]  # one of the kinds, checked above
        write_private(output, (key.text() + "\n").encode(), replace=False)
    except (Problem, KeyProviderError) as found:
        own_problem(found)
        raise typer.Exit(FAILED) from None
    public = key.public()
    _say({"public_key": public.text(), "key_id": public.key_id, "private_key_file": str(output)}, json_output)


@app.command("open")
def open_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="收到的数据包 / the payload")],
    key: Annotated[list[Path], typer.Option("--key", help="私钥文件,可重复(更换密钥期间) / private key file; repeat it while keys change")],
    sender: _SENDER,
    output: Annotated[Path, typer.Option("--output", "-o", help="内容保存为 / save the content as")],
    json_output: _JSON = False,
) -> None:  # fmt: skip
    """核验签名后解密;不完整则什么也不留下 / check the signature, then decrypt; nothing is left of a broken one."""
    part = output.with_name(f".{output.name}.part")
    try:
        keys = [parse_private(read_private(each).decode("ascii", "replace")) for each in key]
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with file.open("rb") as source, os.fdopen(handle, "wb") as target:
                opened = open_payload(source, target, keys, _senders(sender))
                target.flush()
                os.fsync(target.fileno())
            output.hardlink_to(part)  # refuses to replace what is there
        finally:
            part.unlink(missing_ok=True)
    except Problem as found:
        own_problem(found)
        raise typer.Exit(FAILED) from None
    except OSError as found:
        problem("file-unusable", f"{found.strerror}: {found.filename2 or found.filename}", "")
        raise typer.Exit(FAILED) from None
    _say({**_told(opened), "output": str(output)}, json_output)


@app.command("check")
def check_command(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="数据包 / the payload")],
    sender: _SENDER,
    json_output: _JSON = False,
) -> None:
    """只核验签名与完整性,不需私钥 / check signature and completeness only; needs no private key."""
    try:
        with file.open("rb") as source:
            opened = check_payload(source, _senders(sender))
    except Problem as found:
        own_problem(found)
        raise typer.Exit(FAILED) from None
    _say(_told(opened), json_output)


def _senders(given: list[str]) -> list[PublicKey]:
    return [parse_public(each if each.startswith("lq-pub:") else Path(each).read_text()) for each in given]


def _told(opened: Opened) -> dict[str, object]:
    return {
        "sender": opened.sender, "signing_key": opened.signing_key, "suite": opened.suite,
        "receivers": list(opened.receivers), "content": dict(opened.content),
    }  # fmt: skip


def _say(answer: dict[str, object], json_output: bool) -> None:
    if json_output:
        as_json(answer)
    else:
        show(answer)
