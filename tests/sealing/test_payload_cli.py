"""The partner's commands, offline: make keys, open what was sent; a broken payload leaves nothing."""

import io
import json
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from gateway.cli.main import app
from gateway.sealing.payload import Receiver, seal_payload
from gateway.sealing.payload_keys import PrivateKey, parse_public

ROWS = "记录,手机\n1,13800001234\n".encode()


def ran(*arguments: object, code: int = 0) -> dict[str, Any]:
    done = CliRunner().invoke(app, ["payload", *map(str, arguments), "--json"])
    assert done.exit_code == code, done.output
    return dict(json.loads(done.stdout)) if code == 0 else {}


def test_a_partner_makes_keys_and_opens_what_was_sent(tmp_path: Path) -> None:
    made = ran("keygen", "-o", tmp_path / "partner.key")
    assert (tmp_path / "partner.key").stat().st_mode & 0o777 == 0o600
    assert "lq-key" not in json.dumps(made)
    ran("keygen", "-o", tmp_path / "partner.key", code=1)  # never over a key that is there
    signer, sent = PrivateKey.new("ed25519"), io.BytesIO()
    receiver = Receiver("bank", parse_public(made["public_key"]))
    seal_payload(sent, [ROWS], {"grant": "g-1"}, [receiver], "firm", signer)
    (tmp_path / "a.lqp").write_bytes(sent.getvalue())
    given = ("--key", tmp_path / "partner.key", "--sender", signer.public().text())
    told = ran("open", tmp_path / "a.lqp", *given, "-o", tmp_path / "rows.csv")
    assert (told["sender"], told["content"]) == ("firm", {"grant": "g-1"})
    assert (tmp_path / "rows.csv").read_bytes() == ROWS
    assert (tmp_path / "rows.csv").stat().st_mode & 0o777 == 0o600
    assert ran("check", tmp_path / "a.lqp", "--sender", signer.public().text())["receivers"] == ["bank"]
    ran("open", tmp_path / "a.lqp", *given, "-o", tmp_path / "rows.csv", code=1)  # nor over a file
    # another sender, a changed byte, a file cut short, another's key: nothing is left behind
    other = PrivateKey.new("ed25519").public().text()
    ran("open", tmp_path / "a.lqp", *given[:2], "--sender", other, "-o", tmp_path / "b.csv", code=1)
    for broken in (sent.getvalue()[:-1], sent.getvalue()[:-80] + b"\x00" + sent.getvalue()[-79:]):
        (tmp_path / "b.lqp").write_bytes(broken)
        ran("open", tmp_path / "b.lqp", *given, "-o", tmp_path / "b.csv", code=1)
    ran("keygen", "-o", tmp_path / "other.key")
    ran("open", tmp_path / "a.lqp", "--key", tmp_path / "other.key", *given[2:], "-o", tmp_path / "b.csv", code=1)
    assert {each.name for each in tmp_path.iterdir()} == {"partner.key", "other.key", "a.lqp", "b.lqp", "rows.csv"}
