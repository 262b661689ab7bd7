"""A real gateway with the demonstration's data, and Chromium: what the journeys walk through."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from scripts import build_console
from tests.browser.walk import Walk

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("LIANQIAO_CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--no-first-run", "--disable-default-apps", "--mute-audio",
]  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def built() -> Path:
    """The console, built from the sources as they stand."""
    if not build_console.is_current():
        try:
            build_console.build()
        except build_console.NoNode as error:
            pytest.skip(f"the console cannot be built here: {error}")
    return build_console.CONSOLE / "dist"


@pytest.fixture(scope="session")
def served(built: Path) -> Iterator[str]:
    """The address of a gateway of our own, on SQLite, filled by `serve --demo`."""
    if not Path(CHROMIUM).exists():
        pytest.skip("Chromium is not installed (LIANQIAO_CHROMIUM names it)")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with tempfile.TemporaryDirectory() as home:
        log = Path(home) / "log"
        env = {
            **os.environ, "LIANQIAO_MODE": "demo", "LIANQIAO_HOME": str(Path(home) / "home"), "LIANQIAO_URL": address,
            "PYTHONPATH": str(ROOT),
        }  # fmt: skip
        command = [sys.executable, "-c", "from gateway.cli import main; main()", "serve", "--demo", "--port", str(port)]
        with log.open("wb") as out:
            process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=subprocess.STDOUT)
        try:
            for _ in range(600):
                if process.poll() is not None:
                    pytest.fail(log.read_text("utf-8", "replace")[-3000:])
                try:
                    if httpx2.get(f"{address}/ready", timeout=1).status_code == 200:
                        break
                except httpx2.HTTPError:
                    pass
                time.sleep(0.1)
            else:
                pytest.fail("the gateway did not become ready")
            yield address
        finally:
            process.terminate()
            process.wait(15)


@pytest.fixture(scope="session")
def chromium(served: str) -> Iterator[object]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def walk(served: str, chromium: object) -> Iterator[Walk]:
    """People at browsers of their own. Afterwards: nothing forbidden by the policy, no error, no other host."""
    with tempfile.TemporaryDirectory() as folder:
        walked = Walk(served, chromium, Path(folder))  # type: ignore[arg-type]
        try:
            yield walked
            assert walked.faults == []
        finally:
            walked.close()
