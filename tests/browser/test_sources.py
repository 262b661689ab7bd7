"""The console's sources: in step with the served interface, complete in both languages, and its own unit tests."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scripts import build_console

CONSOLE = build_console.CONSOLE


def test_the_typed_client_is_what_the_interface_says() -> None:
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run([sys.executable, "scripts/generate_console_api.py", "--check"], cwd=root, check=False)
    assert done.returncode == 0, "run scripts/generate_console_api.py"


def test_the_lock_file_names_no_registry_and_pins_every_package() -> None:
    text = (CONSOLE / "package-lock.json").read_text("utf-8")
    lock = json.loads(text)
    assert '"resolved"' not in text
    assert all(each.get("integrity") for name, each in lock["packages"].items() if name and not each.get("link"))
    asked = json.loads((CONSOLE / "package.json").read_text("utf-8"))
    assert all(
        not version.startswith(("^", "~"))
        for kind in ("dependencies", "devDependencies")
        for version in asked[kind].values()
    )


@pytest.mark.parametrize(
    ("version", "fit"), [("v20.19.0", True), ("v20.18.9", False), ("v22.11.0", False), ("v22.12.0", True), ("v24.1.0", True), ("v18.20.0", False), ("", False)]
)  # fmt: skip
def test_only_a_node_that_runs_the_build_is_used(version: str, fit: bool) -> None:
    assert build_console.new_enough(version) is fit


def test_the_stamp_changes_with_any_source(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.ts").write_text("1")
    (tmp_path / "package.json").write_text("{}")
    before = build_console.stamp(tmp_path)
    (tmp_path / "src" / "a.ts").write_text("2")
    changed = build_console.stamp(tmp_path)
    (tmp_path / "src" / "a.ts").rename(tmp_path / "src" / "b.ts")
    assert len({before, changed, build_console.stamp(tmp_path)}) == 3


def test_unit_tests_of_the_pages_pass(built: Path) -> None:
    """Proofs against published vectors, words in both languages, the numbers behind the map."""
    node = shutil.which("node")
    runner = CONSOLE / "node_modules" / "vitest" / "vitest.mjs"
    if node is None or not runner.is_file():
        pytest.skip("no Node.js or no node_modules: the console was built elsewhere")
    done = subprocess.run(
        [node, str(runner), "run"], cwd=CONSOLE, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1500:]
