"""The container files: their shape, and the commands they run, executed in an empty folder. No engine is needed."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.settings import Settings
from tests.operation.running import PATIENCE, ROOT, free_port

SERVICE = {
    "build", "cap_drop", "command", "depends_on", "environment", "healthcheck", "image", "network_mode", "ports", "profiles",
    "read_only", "restart", "security_opt", "stop_grace_period", "tmpfs", "ulimits", "volumes",
}  # fmt: skip


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    return loaded


def _instructions() -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", (ROOT / "Dockerfile").read_text("utf-8"))
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def test_compose_has_the_shape_of_compose(compose: dict[str, Any]) -> None:
    assert set(compose) == {"name", "services", "volumes"}
    assert {"gateway", "database", "evm", "oidc"} == set(compose["services"])
    for name, service in compose["services"].items():
        assert set(service) <= SERVICE, name
        assert ("build" in service) or ("image" in service)
        assert not str(service.get("image", "")).endswith(":latest")
        for port in service.get("ports", ()):
            assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), "only this machine reaches it"
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (ROOT / source).exists(), volume
        assert service.get("profiles", []) in ([], ["evm"], ["oidc"])
        assert set(service.get("depends_on", {})) <= set(compose["services"])
    assert compose["services"]["oidc"]["network_mode"] == "service:gateway"
    gateway = compose["services"]["gateway"]
    assert gateway["read_only"] is True
    assert gateway["cap_drop"] == ["ALL"]
    assert gateway["depends_on"]["database"]["condition"] == "service_healthy"
    assert "healthcheck" in compose["services"]["database"]
    known = {f"LIANQIAO_{name.upper()}" for name in Settings.model_fields}
    assert set(gateway["environment"]) <= known
    for value in gateway["environment"].values():
        assert "password" not in value.lower().replace("lianqiao_db_password", "")


def test_the_image_runs_without_root_and_says_when_it_is_well() -> None:
    steps = _instructions()
    names = [name for name, _ in steps]
    users = [value for name, value in steps if name == "USER"]
    assert users
    assert users[-1] not in {"0", "root"}
    assert names.index("USER") < names.index("ENTRYPOINT")
    assert "HEALTHCHECK" in names
    for name, value in steps:
        if name == "COPY" and not value.startswith("--from"):
            for source in value.split()[:-1]:
                assert (ROOT / source).exists(), source
    froms = [value for name, value in steps if name == "FROM"]
    assert len(froms) == 2
    assert froms[0].endswith(" AS console")
    scripts = json.loads((ROOT / "gateway" / "web" / "console" / "package.json").read_text())["scripts"]
    assert "build" in scripts
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".venv", "var"} <= set(ignored)


def test_the_commands_of_the_image_run_in_an_empty_folder(tmp_path: Path) -> None:
    """What the image copies, and no more, serves; its own health check says so; SIGTERM ends it with 0."""
    steps = _instructions()
    app = tmp_path / "app"
    app.mkdir()
    for name, value in steps:
        if name == "COPY" and not value.startswith("--from") and value.split()[-1] != "./":
            source, target = value.split()
            skip = shutil.ignore_patterns("__pycache__", "node_modules", "dist")
            shutil.copytree(ROOT / source, app / target, ignore=skip)
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for value in [value for name, value in steps if name == "ENV"]:
        environment |= dict(pair.split("=", 1) for pair in value.split())
    port = str(free_port())
    environment |= {
        "PYTHONPATH": str(app), "LIANQIAO_HOME": str(tmp_path / "data"), "LIANQIAO_HOST": "127.0.0.1", "LIANQIAO_PORT": port,
    }  # fmt: skip
    entry = json.loads(next(value for name, value in steps if name == "ENTRYPOINT"))
    command = json.loads(next(value for name, value in steps if name == "CMD"))
    check = json.loads(next(value for name, value in steps if name == "HEALTHCHECK").split("CMD ", 1)[1])
    assert entry[0] == check[0] == "python"
    work = tmp_path / "work"
    work.mkdir()

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        words = (sys.executable, *words[1:])
        return subprocess.run(
            words, env=environment, cwd=work, capture_output=True, text=True, timeout=PATIENCE, check=False
        )

    made = run(*entry, "init")
    assert made.returncode == 0, made.stderr
    assert run(*check).returncode != 0  # nobody there yet
    with (tmp_path / "err").open("wb") as err:
        process = subprocess.Popen([sys.executable, *entry[1:], *command], env=environment, cwd=work, stderr=err)
    try:
        ends = time.monotonic() + PATIENCE
        while run(*check).returncode != 0:
            assert process.poll() is None, (tmp_path / "err").read_text()
            assert time.monotonic() < ends
            time.sleep(0.2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    assert not list(work.iterdir())  # nothing is written beside the data


def test_nginx_takes_the_file(tmp_path: Path) -> None:
    nginx = shutil.which("nginx")
    if nginx is None:
        pytest.skip("nginx is not installed")
    from tests.operation.test_serving import _certificate

    certificate, key = _certificate(tmp_path)
    text = (ROOT / "deploy" / "nginx.conf").read_text("utf-8")
    text = text.replace("/etc/nginx/tls/gw.example.pem", str(certificate)).replace(
        "/etc/nginx/tls/gw.example.key", str(key)
    )
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid;\nerror_log stderr;\nevents {{}}\nhttp {{ access_log off;\n{text}\n}}\n")
    done = subprocess.run([nginx, "-t", "-c", str(whole)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
