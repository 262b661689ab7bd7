"""The program as operators meet it: a process with its own folder, settings and port."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 90.0  # seconds for a start on a busy machine


def environment(home: Path, **settings: str) -> dict[str, str]:
    """A clean environment: nothing of whoever runs the tests but the path."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR", "SSL_CERT_FILE") if name in os.environ}
    ours = {f"LIANQIAO_{name.upper()}": value for name, value in settings.items()}
    return kept | {
        "PYTHONPATH": str(ROOT), "HOME": str(home), "LIANQIAO_HOME": str(home / "home"), "COLUMNS": "200",
    } | ours  # fmt: skip


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def lianqiao(home: Path, *arguments: str, cwd: Path | None = None, **settings: str) -> Ran:
    """`lianqiao <arguments>` in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway.cli", *arguments], env=environment(home, **settings), cwd=cwd or home,
        capture_output=True, text=True, timeout=PATIENCE, check=False,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass
class Server:
    """A running `lianqiao serve`."""

    process: "subprocess.Popen[bytes]"
    url: str
    home: Path
    log: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Its log lines; a line that is no JSON object fails the test that looks."""
        return [json.loads(line) for line in self.log.read_text().splitlines() if line.strip()]

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(by)
        return self.process.wait(30)


@contextlib.contextmanager
def serving(home: Path, *arguments: str, verify: Any = True, **settings: str) -> Iterator[Server]:
    """A server until the block is left; ready when it begins."""
    port = free_port()
    scheme = "https" if "tls_certificate" in settings else "http"
    log = home / f"log-{port}"
    with log.open("wb") as err, (home / "out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "gateway.cli", "serve", *arguments], cwd=home, stdout=out, stderr=err,
            env=environment(home, port=str(port), **settings),
        )  # fmt: skip
    server = Server(process, f"{scheme}://127.0.0.1:{port}", home, log, settings)
    try:
        _wait(server, verify)
        yield server
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(server: Server, verify: Any) -> None:
    ends = time.monotonic() + PATIENCE
    with httpx2.Client(verify=verify) as client:
        while time.monotonic() < ends:
            if server.process.poll() is not None:
                raise AssertionError(f"serve ended with {server.process.returncode}: {server.log.read_text()[-2000:]}")
            with contextlib.suppress(httpx2.TransportError):
                if client.get(f"{server.url}/ready", timeout=2).status_code == 200:
                    return
            time.sleep(0.1)
    raise AssertionError(f"serve was not ready in {PATIENCE} s: {server.log.read_text()[-2000:]}")


@contextlib.contextmanager
def administrator(server: Server, token: str = "") -> Iterator[httpx2.Client]:
    """Signed in as the first administrator, for the first time by the one-time token that `init` printed."""
    with httpx2.Client(base_url=server.url, timeout=30) as http:
        password = "a long first sentence to sign in with"
        if token:
            http.post("/v1/password", json={"one_time_token": token, "password": password}).raise_for_status()
        signed = http.post("/v1/session", json={"login": "admin", "password": password})
        signed.raise_for_status()
        http.headers["x-csrf-token"] = signed.json()["csrf_token"]
        yield http
