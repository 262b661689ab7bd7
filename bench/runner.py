"""Finds the benchmarks, runs each in a process of its own, prints their rows and keeps them.

A benchmark is a module of this package with `run(short) -> list[dict]`. A row is `{name, ours, against, against_name,
unit, ratio, target, met}` and may add `spread` (relative distance of the quartiles of our rounds) and `note`. A ratio
above 1 is better for us. Nothing here asserts a time: a missed target is a row that says so.
"""

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "latest.json"
PEERS = HERE / ".peers"
_WITH_PEERS = frozenset({"policy", "sealing"})
_ONE = "import importlib, json, sys; rows = importlib.import_module(sys.argv[1]).run(sys.argv[2] == 'short')\n" \
       "open(sys.argv[3], 'w').write(json.dumps(rows, ensure_ascii=False))"  # fmt: skip
_LIMIT = {True: 170.0, False: 3600.0}  # seconds for one benchmark


def discover() -> list[str]:
    """The names of all benchmarks, in the order of the alphabet."""
    return sorted(
        path.stem
        for path in HERE.glob("*.py")
        if not path.stem.startswith("_") and "\ndef run(short: bool)" in path.read_text("utf-8")
    )


def main(name: str, *, short: bool, peers: bool) -> int:
    """Run one benchmark or all; 1 when one of them failed to run. Only a whole full run replaces the kept results."""
    out = Console(width=None if sys.stdout.isatty() else 150)
    rows: list[dict[str, Any]] = []
    failed = []
    for each in [name] if name else discover():
        began = time.monotonic()
        python = peer_python(out) if peers and each in _WITH_PEERS else sys.executable
        found = _run(each, python, short, out)
        if found is None:
            failed.append(each)
            continue
        seconds = time.monotonic() - began
        rows += [{"benchmark": each, **row} for row in found]
        out.print(_table(f"{each} ({seconds:.0f} s)", found))
    _keep(rows, whole=not name, short=short)
    if failed:
        out.print(f"[red]failed: {', '.join(failed)}[/red]")
    return bool(failed)


def _run(name: str, python: str, short: bool, out: Console) -> list[dict[str, Any]] | None:
    out.print(f"[bold]{name}[/bold] …")
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        result = Path(folder) / "rows.json"
        command = [python, "-W", "ignore", "-c", _ONE, f"bench.{name}", "short" if short else "full", str(result)]
        try:
            subprocess.run(command, cwd=HERE.parent, check=True, timeout=_LIMIT[short])
        except subprocess.SubprocessError as error:
            out.print(f"[red]{type(error).__name__}[/red]")
            return None
        found: list[dict[str, Any]] = json.loads(result.read_text("utf-8"))
        return found


def peer_python(out: Console) -> str:
    """An interpreter that has the peers beside what we have. Each that cannot be installed is left out and named."""
    python = PEERS / "bin" / "python"
    if not python.exists():
        out.print("installing the peers into bench/.peers …")
        subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
        ours = Path(find_spec("sqlalchemy").submodule_search_locations[0]).parent  # type: ignore[union-attr, index]
        site = next((PEERS / "lib").glob("python*/site-packages"))
        (site / "ours.pth").write_text(f"{ours}\n")
        for line in (HERE / "peers.txt").read_text().splitlines():
            if line and not line.startswith("#"):
                pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", line]
                if subprocess.run(pip, check=False, stderr=subprocess.DEVNULL, timeout=300).returncode:
                    out.print(f"[yellow]{line} cannot be installed here: its rows stay without a ratio[/yellow]")
    return str(python)


def _table(title: str, rows: list[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("what", "ours", "against", "against what", "unit", "ratio", "±", "target", "met"):
        table.add_column(heading, justify="right" if heading in {"ours", "against", "ratio", "±", "target"} else "left")
    for row in rows:
        met = {True: "[green]yes[/green]", False: "[red]no[/red]", None: ""}[row.get("met")]
        spread = row.get("spread")
        table.add_row(
            row["name"], _number(row["ours"]), _number(row["against"]), row["against_name"], row["unit"],
            _number(row["ratio"]), "" if spread is None else f"{spread:.0%}", _number(row["target"]), met,
        )  # fmt: skip
        if row.get("note"):
            table.add_row(f"  [dim]{row['note']}[/dim]", *[""] * 8)
    return table


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _keep(rows: list[dict[str, Any]], *, whole: bool, short: bool) -> None:
    """What was measured. A run of one benchmark replaces its own rows of the same kind of run and keeps the others."""
    RESULTS.parent.mkdir(exist_ok=True)
    kept: list[dict[str, Any]] = []
    if not whole and RESULTS.exists():
        here = {row["benchmark"] for row in rows}
        kept = [row for row in json.loads(RESULTS.read_text("utf-8")) if row["benchmark"] not in here]
    about = {"mode": "short" if short else "full", "python": platform.python_version(), "cores": os.cpu_count(),
             "load": round(os.getloadavg()[0], 1)}  # fmt: skip
    whole_list = sorted(kept + [{**row, "run": about} for row in rows], key=lambda row: row["benchmark"])
    lines = ",\n ".join(json.dumps(row, ensure_ascii=False) for row in whole_list)
    with tempfile.NamedTemporaryFile("w", dir=RESULTS.parent, suffix=".tmp", delete=False, encoding="utf-8") as file:
        file.write(f"[{lines}]\n")
    os.replace(file.name, RESULTS)
