"""Write `gateway/client/verbs.py` from the routes: one typed method a verb, sync and async. `--check` only compares."""

import sys
import typing
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from gateway.schemas import ROUTES, Route

TARGET = Path(__file__).parent.parent / "gateway" / "client" / "verbs.py"
FILES = {"upload_file", "read_watermark"}  # methods written by hand


def _name(kind: object) -> str:
    if kind is bytes:
        return "bytes"
    if isinstance(kind, type):
        metadata = getattr(kind, "__pydantic_generic_metadata__", None)
        if metadata and metadata["origin"] is not None:
            return f"{metadata['origin'].__name__}[{', '.join(_name(each) for each in metadata['args'])}]"
        return kind.__name__
    origin = typing.get_origin(kind)
    return f"{_name(origin)}[{', '.join(_name(each) for each in typing.get_args(kind))}]"


def _modules(kind: object, found: dict[str, set[str]]) -> None:
    metadata = getattr(kind, "__pydantic_generic_metadata__", None)
    if isinstance(kind, type) and kind is not bytes:
        if metadata and metadata["origin"] is not None:
            for each in (metadata["origin"], *metadata["args"]):
                _modules(each, found)
        else:
            found.setdefault(kind.__module__, set()).add(kind.__name__)


def _method(route: Route, asynchronous: bool) -> list[str]:
    answer = _name(route.answer)
    empty = not route.ask.model_fields
    required = any(field.is_required() for field in route.ask.model_fields.values())
    ask = _name(route.ask)
    parameter = f"ask: {ask}" if required else f"ask: {ask} | None = None"
    prefix, wait = ("async ", "await ") if asynchronous else ("", "")
    value = "ask" if required else f"ask or {ask}()"
    call = f'{wait}self._call("{route.name}", {value})'
    body = f"        return {call}" if answer == "bytes" else f"        return self._read({answer}, {call})"
    doc = f'        """{route.en} / {route.zh}: {route.method} {route.path}"""'
    if empty:
        parameter = f"ask: {ask} | None = None"
    return [f"    {prefix}def {route.name}(self, {parameter}) -> {answer}:", doc, body, ""]


def render() -> str:
    routes = [route for route in sorted(ROUTES, key=lambda each: each.name) if route.name not in FILES]
    imports: dict[str, set[str]] = {}
    for route in routes:
        _modules(route.ask, imports)
        _modules(route.answer, imports)
    lines = [
        '"""One method a verb. Made by scripts/generate_client.py from the routes; do not edit."""', "",
        "# ruff: noqa", "# fmt: off", "", "from gateway.client.transport import AsyncTransport, Transport",
    ]  # fmt: skip
    lines += [f"from {module} import {', '.join(sorted(names))}" for module, names in sorted(imports.items())]
    for name, base, asynchronous in (("Verbs", "Transport", False), ("AsyncVerbs", "AsyncTransport", True)):
        lines += [
            "",
            "",
            f"class {name}({base}):",
            f'    """Every verb of the gateway, {"awaited" if asynchronous else "called"} over HTTP."""',
            "",
        ]
        for route in routes:
            lines += _method(route, asynchronous)
        lines.pop()
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    text = render()
    if "--check" in sys.argv:
        sys.exit(0 if TARGET.read_text() == text else f"{TARGET.name} is out of date: run scripts/generate_client.py")
    TARGET.write_text(text)
