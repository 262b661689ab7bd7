"""The story as a stranger runs it: one command, on both databases, every step as it has to be."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def play(*arguments: str) -> list[dict[str, object]]:
    command = [sys.executable, "-m", "gateway.cli", "demo", "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]
    told = json.loads(done.stdout)
    steps = told["steps"] if isinstance(told, dict) else told
    assert isinstance(steps, list)
    return steps


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_the_story(engine: str, request: pytest.FixtureRequest) -> None:
    database = () if engine == "sqlite" else ("--database", str(request.getfixturevalue("fresh_postgres")))
    steps = play(*database)
    assert [step["n"] for step in steps] == list(range(1, len(steps) + 1))
    assert [step["en"] for step in steps if not step["ok"]] == []
    story = " | ".join(str(step["en"]) for step in steps)
    for part in (
        "finds a client by name", "is refused the contacts", "applies, stating the purpose", "cannot endorse it herself",
        "the head of department endorses it", "the owner agrees in part", "compliance agrees", "accepts the narrower terms",
        "reads exactly the approved fields", "is refused for another purpose", "a park partner is refused", "the receipt verifies offline",
        "one changed character is noticed", "revokes the grant", "is refused at the next read", "compliance finds all of it on the trail",
        "everything recomputed",
    ):  # fmt: skip
        assert part in story, part
    exactly = next(step for step in steps if step["en"] == "reads exactly the approved fields")
    assert exactly["result"] == "mobile, name, title"
