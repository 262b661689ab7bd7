"""What the terminal says of a problem is what the gateway said, brackets and all."""

import pytest

from gateway.cli import present


def test_brackets_are_text_and_no_markup(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(present, "ERR", present.Console(stderr=True, width=200))
    errors = [{"field": "items[0]", "message": "one of [a, b]"}]
    present.problem("no-grant", "nothing [bold]live[/bold]", "apply [decision 7f62e794]", errors)
    said = capsys.readouterr().err
    for part in ("no-grant: nothing [bold]live[/bold]", "items[0]: one of [a, b]", "apply [decision 7f62e794]"):
        assert part in said
