"""The house as it was built: one verb at every edge, transactions where they belong, floors that hold."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.client import verbs as client
from gateway.errors import CODES
from gateway.schemas import ROUTES
from gateway.usecases import VERBS
from policies.decision import REASONS

ROOT = Path(__file__).resolve().parent.parent
# Where a transaction may begin: the verbs, the worker, setting up, and the idempotent answer beside its act.
_BEGINNERS = re.compile(
    r"^gateway/(usecases/.*|worker|runtime|install|restore|demo/.*|cli/.*|operation/.*|web/api|store/db)\.py$"
)


def test_every_route_has_its_verb_and_every_verb_its_route() -> None:
    names = [route.name for route in ROUTES]
    assert len(names) == len(set(names))
    assert set(names) == set(VERBS)
    addresses = [(route.method, re.sub(r"{\w+}", "{}", route.path)) for route in ROUTES]
    assert len(addresses) == len(set(addresses)), "two verbs at one address"
    for route in ROUTES:
        assert route.zh, route.name
        assert route.en, route.name
        assert VERBS[route.name].__doc__, f"{route.name} says nothing of what is true afterwards"
        assert set(route.path_fields) <= set(route.ask.model_fields), route.name


def test_the_client_has_every_verb() -> None:
    folder = Path(
        str(client.__file__)
    ).parent  # most methods are made from the routes, those of files are written by hand
    text = "".join((folder / name).read_text("utf-8") for name in ("verbs.py", "__init__.py"))
    for name in VERBS:
        assert re.search(rf"\n    def {name}\(", text), f"the client lacks {name}"
        assert re.search(rf"\n    async def {name}\(", text), f"the asynchronous client lacks {name}"


def test_the_client_is_what_the_routes_make_of_it() -> None:
    _run("scripts/generate_client.py", "--check")


def test_transactions_begin_where_the_verbs_are() -> None:
    strays = [
        str(path.relative_to(ROOT))
        for path in sorted((ROOT / "gateway").rglob("*.py"))
        if ".begin(" in path.read_text("utf-8") and not _BEGINNERS.match(str(path.relative_to(ROOT)))
    ]
    assert strays == []


def test_the_floors_hold() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    if not lint.exists():
        pytest.skip("import-linter is not installed")
    done = subprocess.run([str(lint)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


def test_every_problem_has_words_and_a_remedy_in_both_languages() -> None:
    for code in CODES.values():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", code.name)
        assert all((code.zh, code.en, code.remedy_zh, code.remedy_en)), code.name
        assert code.zh != code.en, code.name
    for reason, words in REASONS.items():
        assert words.zh, reason
        assert words.en, reason


def _run(*arguments: str) -> None:
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
