"""What the documents say is true: settings, problems, events, commands, tests, links, roles."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from gateway.cli.main import app
from gateway.demo.cast import PEOPLE
from gateway.settings import Settings
from gateway.store.tables import metadata
from policies.vocabulary import ACTS

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
# Literals of the same shape that are no events: an actor, and acts asked of the rules.
NO_EVENTS = {"system:oidc", "system:clocks"}


def test_settings_and_problems_are_what_the_program_says() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/generate_docs.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _events() -> dict[str, str]:
    found: dict[str, str] = {}
    for path in [*ROOT.glob("gateway/usecases/*.py"), *ROOT.glob("gateway/demo/*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in {"event_of", "_event", "record"}:
                for argument in node.args[1:4]:
                    value = argument.value if isinstance(argument, ast.Constant) else None
                    if isinstance(value, str) and re.fullmatch(r"[a-z][a-z-]*:[a-z][a-z-]*", value):
                        found[value] = path.name
    return found


def test_every_event_is_described() -> None:
    text = (ROOT / "docs" / "events.md").read_text("utf-8")
    found = _events()
    assert len(found) > 30, found
    missing = {name: where for name, where in found.items() if f"`{name}`" not in text}
    assert not {name: where for name, where in missing.items() if name not in set(ACTS) | NO_EVENTS}


def _commands() -> set[str]:
    tree = typer.main.get_command(app)
    names: set[str] = set()
    for name, command in tree.commands.items():  # type: ignore[attr-defined]
        names.add(name)
        names |= {f"{name} {each}" for each in getattr(command, "commands", ())}
    return names


def _options(group: str, command: str) -> set[str]:
    found = typer.main.get_command(app).commands[group]  # type: ignore[attr-defined]
    found = found.commands[command] if command else found
    return {each for parameter in found.params for each in parameter.opts}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text("utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_commands_and_settings_that_are_named_exist(path: Path) -> None:
    text = path.read_text("utf-8")
    commands = _commands()
    told = "" if path.parent.name == "formats" else text  # formats quote texts that go into digests
    for block in re.findall(r"```\n(.*?)```", told, re.DOTALL) + re.findall(r"`(lianqiao [^`]+)`", told):
        for line in block.splitlines():
            words = re.sub(r"^(\s*[A-Z_]+=\S+ )+", "", line.strip()).split()
            if words[:1] == ["lianqiao"] and len(words) > 1 and re.fullmatch(r"[a-z-]+", words[1]):
                pair = " ".join(words[1:3])
                assert words[1] in commands, line
                group = any(each.startswith(f"{words[1]} ") for each in commands)
                assert not group or len(words) == 2 or pair in commands, line
                asked = {word for word in words if word.startswith("--")} - {"--help"}
                assert asked <= _options(words[1], words[2] if group and len(words) > 2 else ""), line
    client = {"URL", "TOKEN", "SESSION", "PASSWORD", "DB_PASSWORD"}
    known = {name.upper() for name in Settings.model_fields} | client
    for name in re.findall(r"\bLIANQIAO_([A-Z_]+[A-Z])\b", text):
        assert name in known, name


def test_targets_of_make_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for path in DOCUMENTS:
        for target in re.findall(r"`make ([a-z-]+)", path.read_text("utf-8")):
            assert target in targets, f"{path.name}: make {target}"


def test_every_proof_of_threats_exists() -> None:
    text = (ROOT / "THREATS.md").read_text("utf-8")
    sources = "\n".join(path.read_text("utf-8") for path in ROOT.glob("tests/**/test_*.py"))
    names = set(re.findall(r"`(test_[a-z0-9_]+)`", text))
    assert len(names) > 40
    assert not sorted(name for name in names if f"def {name}(" not in sources)
    assert all((ROOT / name).is_file() for name in re.findall(r"`(tests/[a-z/_]+\.py)`", text))


def test_every_threat_has_control_default_and_proof() -> None:
    text = (ROOT / "THREATS.md").read_text("utf-8").split("## Threat, control", 1)[1].split("\n## ", 1)[0]
    rows = [
        line.strip("|").split("|") for line in text.splitlines() if line.startswith("| ") and "threat |" not in line
    ]
    assert len(rows) > 20
    assert all(len(row) == 4 and all(cell.strip() for cell in row) and "`" in row[3] for row in rows)


def test_demo_people_of_the_readme_are_in_the_cast() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    table = text.split("## 前五分钟", 1)[1].split("\n## ", 1)[0]
    logins = {person.login for person in PEOPLE}
    named = {name for name in re.findall(r"`([a-z0-9-]+)`", table) if not name.startswith("demo-")}
    assert named
    assert named <= logins


def test_tables_that_serving_roles_may_not_rewrite_exist() -> None:
    text = (ROOT / "deploy" / "postgres-roles.sql").read_text("utf-8")
    kept = re.search(r"REVOKE UPDATE, DELETE ON\n(.*?)\nFROM", text, re.DOTALL)
    assert kept is not None
    names = {name.strip() for name in kept.group(1).replace("\n", " ").split(",")}
    assert names <= set(metadata.tables), names - set(metadata.tables)


def test_adrs_are_numbered_and_whole() -> None:
    found = sorted((ROOT / "docs" / "adr").glob("*.md"))
    assert [int(path.name[:4]) for path in found] == list(range(1, len(found) + 1))
    for path in found:
        text = path.read_text("utf-8")
        for part in ("Status: ", "## Context", "## Options", "## Decision", "## Consequences"):
            assert part in text, f"{path.name}: {part}"


def test_no_address_of_a_registry_stands_anywhere() -> None:
    names = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    parts = (
        ("pypi", "org"),
        ("python" + "hosted", "org"),
        ("registry", "npmjs", "org"),
        ("registry", "yarnpkg", "com"),
        ("ghcr", "io"),
    )
    hosts = [".".join(each) for each in parts]  # put together here, so that this file names none
    for name in filter(None, names):
        path = ROOT / name
        if path.is_file() and path.suffix not in {".png", ".xlsx", ".bin", ".sqlite"}:
            text = path.read_text("utf-8", errors="ignore")
            assert not [host for host in hosts if host in text], name
