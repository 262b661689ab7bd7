"""`check` finds every class of failure, gives it its own exit code, and says where it is."""

import sys
from pathlib import Path

import pytest

from policies.check import EXIT, check, check_texts, main
from policies.matrix import page
from policies.texts import Texts


def test_the_packaged_rules_are_good() -> None:
    report = check(need_proof=True)
    assert list(report.findings) == []
    assert (report.exit_code, report.ok) == (0, True)
    assert {kind.kind for kind in report.kinds} == {"data_access", "workflow"}
    assert all(kind.proved and len(kind.proved) >= 19 for kind in report.kinds)
    assert list(report.lines())[-1] == f"epoch {report.epoch}"


@pytest.mark.parametrize(
    ("path", "old", "new", "kind"),
    [
        ("data_access/policy.csv", ", deny\n", ", Deny\n", "text"),
        ("data_access/tests/guards.yaml", "given: granted", "given: grunted", "text"),
        ("data_access/invariants.yaml", "never:", "nevr:", "text"),
        ("data_access/policy.csv", "r.wall.conflict && r.sub.side", "r.wall.conflict && r.sub.trained && r.sub.side", "invariant"),
        ("data_access/policy.csv", "log|watermark|mask, allowed, allow", "log|watermark, allowed, allow", "case"),
        ("data_access/policy.csv", "g, requester, worker", "p, MORE, requester, discover, any, own, r.obj.level == 3 && r.sub.id == r.sub.unit && !r.obj.discoverable, log, allowed, allow\ng, requester, worker", "coverage"),
        ("data_access/policy.csv", "g, requester, worker", "p, MORE, requester, discover, any, own, r.obj.discoverable, log, allowed, allow\ng, requester, worker", "dead"),
    ],
)  # fmt: skip
def test_each_class_has_its_code(texts: Texts, path: str, old: str, new: str, kind: str) -> None:
    assert old in texts.files[path]
    report = check_texts(texts.with_file(path, texts.files[path].replace(old, new, 1)))
    assert report.findings[kind]
    assert all(each.file for each in report.findings[kind])
    if kind in {"text", "invariant", "case"}:
        assert report.exit_code == EXIT[kind]
    else:
        assert report.exit_code in {EXIT["coverage"], EXIT["dead"]}
    assert any(each.line > 0 for each in report.findings[kind])
    assert str(report.findings[kind][0]) in list(report.lines())


def test_without_z3_it_says_so(texts: Texts, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "z3", None)
    report = check_texts(texts)
    assert report.ok
    assert all(kind.proved is None for kind in report.kinds)
    assert any("not proved" in line for line in report.lines())
    assert check_texts(texts, need_proof=True).exit_code == EXIT["not-proved"]


def test_exit_codes_differ() -> None:
    assert len(set(EXIT.values())) == len(EXIT)


def test_the_printed_matrix_is_the_present_one() -> None:
    assert Path(__file__).parents[2].joinpath("docs/policy.md").read_text(encoding="utf-8") == page()


def test_the_entry_point_prints_and_exits(tmp_path: Path, texts: Texts, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert "invariants proved" in capsys.readouterr().out
    assert main([str(tmp_path)]) == EXIT["text"]
    assert "purposes.yaml:0: missing-file" in capsys.readouterr().out
