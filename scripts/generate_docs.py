"""Write docs/settings.md and docs/problems.md from the program. `--check` writes nothing and fails when they differ."""

import importlib
import pkgutil
import sys
from pathlib import Path
from typing import Any, get_args

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
_NOTE = "本页由 `python scripts/generate_docs.py` 生成,请勿手工修改。/ Made by that command; do not edit.\n\n"


def settings() -> str:
    """Every setting with its unit and default."""
    from gateway.settings import Settings

    lines = [
        "# 设置 / Settings\n\n", _NOTE,
        "启动时从环境变量读取一次并整体核对;名称有误或互相矛盾即拒绝启动(退出码 2)。\n"
        "Read once from the environment at start and checked as a whole; an unknown name or a contradiction is refused (exit code 2).\n\n",
        "| 变量 / variable | 默认 / default | 取值 / values | 含义 / meaning |\n|---|---|---|---|\n",
    ]  # fmt: skip
    for name, field in Settings.model_fields.items():
        default = "" if field.default in (None, "") else f"`{field.default}`"
        lines.append(f"| `LIANQIAO_{name.upper()}` | {default} | {_kind(field.annotation)} | {field.description} |\n")
    lines.append(
        "\n命令行对运行中的网关另读 / commands against a running gateway also read: `LIANQIAO_URL` (http://127.0.0.1:8080), `LIANQIAO_TOKEN` "
        "(API key), `LIANQIAO_SESSION` (file of the session), `LIANQIAO_PASSWORD` (for `login` without a terminal).\n"
    )
    return "".join(lines)


def _kind(kind: Any) -> str:
    values = get_args(kind)
    if values and all(isinstance(value, str) for value in values):
        return ", ".join(f"`{value}`" for value in values)
    named = [getattr(each, "__name__", str(each)) for each in (values or (kind,)) if each is not type(None)]
    return {"SecretStr": "secret", "Path": "path", "str": "text", "int": "whole number", "float": "number"}.get(
        named[0], named[0]
    )


def problems() -> str:
    """Every problem code that any module declares."""
    import gateway
    from gateway.errors import CODES
    from gateway.web.problems import STATUS

    for module in pkgutil.walk_packages(gateway.__path__, "gateway."):
        if not module.name.endswith("__main__") and ".migrations." not in module.name:
            importlib.import_module(module.name)
    lines = [
        "# 问题代码 / Problem codes\n\n", _NOTE,
        "HTTP 上为 RFC 9457 问题文档,`type` 为 `urn:lianqiao:problem:<code>`;代码一经发布含义不变。拒绝(带 `decision_id`)是裁决,不是问题,退出码 3。\n"
        "On the wire an RFC 9457 document; a code never changes its meaning once released. A refusal (with `decision_id`) is a decision, no problem.\n\n",
        "| code | HTTP | 说明 / what | 办法 / remedy |\n|---|---|---|---|\n",
    ]  # fmt: skip
    for name, code in sorted(CODES.items()):
        what, remedy = f"{code.zh}<br>{code.en}", f"{code.remedy_zh}<br>{code.remedy_en}"
        lines.append(f"| `{name}` | {STATUS[code.kind]} | {what} | {remedy} |\n")
    return "".join(lines)


def main() -> int:
    made = {ROOT / "docs" / "settings.md": settings(), ROOT / "docs" / "problems.md": problems()}
    if "--check" in sys.argv:
        stale = [path.name for path, text in made.items() if not path.is_file() or path.read_text("utf-8") != text]
        print("\n".join(f"docs/{name} is out of date: run scripts/generate_docs.py" for name in stale), file=sys.stderr)
        return 1 if stale else 0
    for path, text in made.items():
        path.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
