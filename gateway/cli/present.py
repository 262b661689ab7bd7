"""How the terminal shows things: tables for people, JSON for programs, problems with their remedy."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway.errors import Problem

OUT = Console()
ERR = Console(stderr=True)
DONE, FAILED, MISUSED, REFUSED = 0, 1, 2, 3
_WIDE = 48


def as_json(content: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode() + "\n")


def show(content: Any) -> None:
    """Lists as tables, single things as name and value."""
    if isinstance(content, Mapping) and isinstance(content.get("items"), Sequence):
        rows = [row for row in content["items"] if isinstance(row, Mapping)]
        if rows or not content["items"]:
            _table(rows)
            if content.get("next"):
                OUT.print(f"[dim]还有更多 / more: --after {content['next']}[/dim]")
            return
    if isinstance(content, Mapping):
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        for name, value in content.items():
            table.add_row(f"[bold]{name}[/bold]", _cell(value, 400))
        OUT.print(table)
        return
    OUT.print(content)


def _table(rows: Sequence[Mapping[str, Any]]) -> None:
    if not rows:
        OUT.print("[dim](没有 / nothing)[/dim]")
        return
    names = [name for name in rows[0] if any(row.get(name) not in (None, "", [], {}) for row in rows)]
    table = Table(*names, header_style="bold")
    for row in rows:
        table.add_row(*(_cell(row.get(name), _WIDE) for name in names))
    OUT.print(table)


def _cell(value: Any, width: int) -> str:
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        text = ", ".join(value)
    elif isinstance(value, (list, dict)):
        text = orjson.dumps(value).decode()
    else:
        text = str(value)
    return escape(text if len(text) <= width else text[: width - 1] + "…")


def problem(code: str, detail: str, remedy: str, errors: Sequence[Mapping[str, Any]] = ()) -> None:
    """A problem on standard error: what, where, and what to do next."""
    ERR.print(f"[red]✗[/red] {escape(f'{code}: {detail}')}", highlight=False)
    for error in errors:
        ERR.print(escape(f"  - {error.get('field', '')}: {error.get('message', '')}"), highlight=False)
    if remedy:
        ERR.print(escape(f"  → {remedy}"), highlight=False)


def own_problem(found: Problem) -> None:
    """A `Problem` of this process."""
    code = found.code
    errors = [{"field": each.field, "message": f"{each.message_zh} / {each.message_en}"} for each in found.errors]
    detail = f"{found.detail_zh or code.zh} / {found.detail_en or code.en}"
    problem(code.name, detail, f"{code.remedy_zh} / {code.remedy_en}", errors)
