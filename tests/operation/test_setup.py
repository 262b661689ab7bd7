"""Set up, look, back up, restore: as processes, on an empty folder."""

import json
import shutil
import sqlite3
import stat
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from gateway.cli.main import app
from tests.operation.running import administrator, lianqiao, serving

CANARY = "canary-name-赵钱孙李"


def _init(home: Path) -> dict[str, Any]:
    done = lianqiao(home, "init", "--json")
    assert done.code == 0, done.err
    answer: dict[str, Any] = done.json
    return answer


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_init_makes_what_is_not_there_and_replaces_nothing(tmp_path: Path) -> None:
    made = _init(tmp_path)
    home = tmp_path / "home"
    assert made["administrator"] == "admin"
    assert made["one_time_token"]
    assert len(made["verifier_keys"]) == 2
    assert _mode(home) == 0o700
    for name in ("root.key", "passphrase", "log.key", "lianqiao.sqlite"):
        assert _mode(home / name) == 0o600, name
    before = {name: (home / name).read_bytes() for name in ("root.key", "passphrase", "log.key", "trust.policy")}

    again = lianqiao(tmp_path, "init")
    assert again.code == 1
    assert "already-bootstrapped" in again.err
    assert {name: (home / name).read_bytes() for name in before} == before

    assert lianqiao(tmp_path, "migrate").code == 0
    doctor = lianqiao(tmp_path, "doctor", "--json")
    assert doctor.code == 0, doctor.out
    assert {line["part"]: line["state"] for line in doctor.json}["key-files"] == "good"
    fsck = lianqiao(tmp_path, "fsck", "--json")
    assert fsck.code == 0
    assert fsck.json["sound"] is True
    assert fsck.json["grants_entries"] >= 2

    (home / "root.key").chmod(0o644)
    assert lianqiao(tmp_path, "doctor").code == 1
    (home / "root.key").unlink()
    lost = lianqiao(tmp_path, "init")
    assert lost.code == 1
    assert "not-initialised" in lost.err
    assert not (home / "root.key").exists()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"prot": "8080"}, "LIANQIAO_PROT"),
        ({"port": "99999"}, "LIANQIAO_PORT"),
        ({"key_provider": "insecure-memory:"}, "key_provider"),
        ({"trusted_proxies": "10.0.0.300"}, "trusted_proxies"),
        ({"database": "mysql://x/y"}, "database"),
        ({"tls_key": "/nowhere.pem"}, "tls_certificate"),
        ({"origin": "lianqiao.local/trail"}, "origin"),
    ],
)
def test_wrong_settings_are_misuse_and_named(
    tmp_path: Path,
    settings: dict[str, str],
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in ({"home": str(tmp_path / "home")} | settings).items():
        monkeypatch.setenv(f"LIANQIAO_{name.upper()}", value)
    refused = CliRunner().invoke(app, ["doctor"])
    told_all = refused.stderr + capsys.readouterr().err
    assert refused.exit_code == 2
    assert told in told_all
    assert "docs/settings.md" in told_all
    assert not (tmp_path / "home").exists()


def test_demonstration_data_are_refused_in_production(tmp_path: Path) -> None:
    refused = lianqiao(tmp_path, "serve", "--demo")
    assert refused.code == 2
    assert "demo-refused" in refused.err
    assert not (tmp_path / "home").exists()


def test_commands_without_a_gateway_say_so(tmp_path: Path) -> None:
    missing = lianqiao(tmp_path, "serve")
    assert missing.code == 1
    assert "not-initialised" in missing.err
    apart = lianqiao(tmp_path, "worker")
    assert apart.code == 2
    assert "worker-in-server" in apart.err
    broken = lianqiao(tmp_path, "restore", str(tmp_path / "nothing"))
    assert broken.code == 1
    assert "backup-broken" in broken.err


def test_a_second_process_is_refused_the_file(tmp_path: Path) -> None:
    _init(tmp_path)
    with serving(tmp_path) as server:
        for command in (["fsck"], ["backup", str(tmp_path / "b")], ["serve", "--port", "0"]):
            second = lianqiao(tmp_path, *command)
            assert second.code == 1, command
            assert "database-owned" in second.err
        assert httpx2.get(f"{server.url}/ready").status_code == 200
    assert lianqiao(tmp_path, "fsck").code == 0


def _add_person(http: httpx2.Client, login: str) -> None:
    """One entry more in the grants log: a membership."""
    body = {"login": login, "name": CANARY, "unit_id": "tech", "roles": ["ops"], "clearance": 2}
    done = http.post("/v1/people", json=body)
    assert done.status_code < 300, done.text


def test_an_older_backup_is_refused_and_the_newest_goes_on(tmp_path: Path) -> None:
    token = _init(tmp_path)["one_time_token"]
    home, old, new, keys = tmp_path / "home", tmp_path / "old", tmp_path / "new", tmp_path / "keys"
    with serving(tmp_path) as server, administrator(server, token) as http:
        made = http.post(
            "/v1/units", json={"unit_id": "tech", "institution_id": "firm", "name_zh": "科技", "side": "none"}
        )
        assert made.status_code < 300, made.text
        _add_person(http, "one")
    together = lianqiao(tmp_path, "backup", str(old), "--keys", str(old))
    assert together.code == 1
    assert "backup-exists" in together.err
    assert lianqiao(tmp_path, "backup", str(old), "--keys", str(keys)).code == 0
    assert {path.name for path in old.iterdir()} == {"lianqiao.sqlite", "backup.json"}
    assert {path.name for path in keys.iterdir()} == {"root.key", "passphrase", "log.key"}
    assert lianqiao(tmp_path, "backup", str(old)).code == 1  # never over another

    with serving(tmp_path) as server, administrator(server) as http:
        _add_person(http, "two")
    seen = json.loads((home / "seen-heads.json").read_text())
    assert lianqiao(tmp_path, "backup", str(new)).code == 0
    heads = json.loads((new / "backup.json").read_text())["heads"]
    assert {origin: size for origin, (size, _) in seen.items()} == heads

    # over the newer database
    refused = lianqiao(tmp_path, "restore", str(old))
    assert refused.code == 1
    assert "would-fork" in refused.err
    # where the newer database is gone: the file remembers
    (home / "lianqiao.sqlite").unlink()
    for rest in home.glob("lianqiao.sqlite-*"):
        rest.unlink()
    assert "would-fork" in lianqiao(tmp_path, "restore", str(old)).err
    assert not (home / "lianqiao.sqlite").exists()
    # copied by hand, past `restore`
    shutil.copy(old / "lianqiao.sqlite", home / "lianqiao.sqlite")
    before = (home / "lianqiao.sqlite").read_bytes()
    for command in (["serve"], ["fsck"]):
        by_hand = lianqiao(tmp_path, *command)
        assert by_hand.code == 1
        assert "would-fork" in by_hand.err
    with sqlite3.connect(home / "lianqiao.sqlite") as connection:
        largest = dict(connection.execute("SELECT origin, max(size) FROM log_checkpoint GROUP BY origin").fetchall())
    assert largest == json.loads((old / "backup.json").read_text())["heads"]  # nothing was signed
    assert before

    # the newest, on another machine that has the keys and the file from their own backups
    (home / "lianqiao.sqlite").unlink()
    for name in ("root.key", "passphrase", "log.key"):
        (home / name).unlink()
    whole = lianqiao(tmp_path, "restore", str(new), "--keys", str(keys))
    assert whole.code == 0, whole.err
    with serving(tmp_path) as server, administrator(server) as http:
        _add_person(http, "three")
        logins = {each["login"] for each in http.get("/v1/people").json()["items"]}
        assert {"one", "two", "three"} <= logins
    assert lianqiao(tmp_path, "fsck", "--json").json["sound"] is True


def test_a_backup_of_another_log_or_a_broken_one_is_refused(tmp_path: Path) -> None:
    _init(tmp_path)
    target = tmp_path / "b"
    assert lianqiao(tmp_path, "backup", str(target)).code == 0
    other = lianqiao(tmp_path, "restore", str(target), origin="elsewhere/grants", trail_origin="elsewhere/trail")
    assert other.code == 1
    assert "backup-broken" in other.err
    (target / "backup.json").write_text("{}")
    broken = lianqiao(tmp_path, "restore", str(target))
    assert broken.code == 1
    assert "backup-broken" in broken.err
    assert lianqiao(tmp_path, "fsck").code == 0  # and what was there is untouched
