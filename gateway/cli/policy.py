"""What can be said of rules offline, without a gateway: are they fit, who may do what under which rule, do two versions differ."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.present import FAILED, OUT, as_json, problem
from policies.check import Report, check
from policies.engine import Loaded, load_texts
from policies.matrix import page
from policies.simulate import differences
from policies.texts import PolicyError, read_texts

_JSON = Annotated[bool, typer.Option("--json", help="原样输出 JSON / print the answer as JSON")]
_FOLDER = Annotated[
    Path | None,
    typer.Argument(exists=True, file_okay=False, help="规则文件夹,默认随产品发布者 / folder of rules, default: the packaged"),
]  # fmt: skip


def check_command(
    folder: _FOLDER = None,
    need_proof: Annotated[bool, typer.Option(help="没有 z3 即为失败 / a missing z3 is a failure")] = False,
    json_output: _JSON = False,
) -> None:
    """检查规则:文本、Casbin 对照、证明、用例、覆盖 / check rules; exit code: 0 fit, 10-16 the first class of failure."""
    report = check(folder, need_proof=need_proof)
    if json_output:
        as_json(_told(report))
    else:
        for line in report.lines():
            OUT.print(line, markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(report.exit_code)


def matrix_command() -> None:
    """规则一览(Markdown),由规则与用例生成 / who may do what under which rule, as Markdown, made from rules and cases."""
    OUT.print(page(), markup=False, highlight=False, soft_wrap=True, end="")


def compare_command(
    old: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="旧规则文件夹 / folder of the old rules")],
    new: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="新规则文件夹 / folder of the new rules")],
    json_output: _JSON = False,
) -> None:
    """比较两版规则的效果,附反例;需要 z3 / what two versions decide differently, with counterexamples; needs z3."""
    before, after = _load(old), _load(new)
    try:
        found = differences(before, after)
    except ImportError:
        problem("no-z3", "没有安装 z3,无法比较 / z3 is not installed", "pip install lianqiao[test]")
        raise typer.Exit(FAILED) from None
    told: dict[str, Any] = {
        "old_epoch": before.epoch,
        "new_epoch": after.epoch,
        "changes": [
            {
                "kind": kind, "facts": str(change.facts), "old": change.old.effect, "old_rule": change.old.rule,
                "new": change.new.effect, "new_rule": change.new.rule, "opens": change.opens, "closes": change.closes,
            }
            for kind, changes in found.items()
            for change in changes
        ],
    }  # fmt: skip
    if json_output:
        as_json(told)
        return
    for change in told["changes"]:
        line = f"{change['kind']}: {change['old']} {change['old_rule']} -> {change['new']} {change['new_rule']}: {change['facts']}"
        OUT.print(line, markup=False, highlight=False, soft_wrap=True)
    if not told["changes"]:
        OUT.print("效果相同(已证明) / equal in effect, proved")


def add_policy_commands(group: typer.Typer) -> None:
    """`group` has the commands that need no gateway."""
    group.command("check")(check_command)
    group.command("matrix")(matrix_command)
    group.command("compare")(compare_command)


def _load(folder: Path) -> Loaded:
    try:
        return load_texts(read_texts(folder))
    except PolicyError as error:
        for defect in error.defects:
            OUT.print(str(defect), markup=False, highlight=False, soft_wrap=True)
        problem("invalid-policy", f"规则有误 / the rules are not fit: {folder}", "lianqiao policy check")
        raise typer.Exit(FAILED) from None


def _told(report: Report) -> dict[str, Any]:
    return {
        "ok": report.ok,
        "exit_code": report.exit_code,
        "epoch": report.epoch,
        "findings": [
            {"class": name, "file": each.file, "line": each.line, "code": each.code, "message": each.message}
            for name, defects in report.findings.items()
            for each in defects
        ],
        "kinds": [
            {
                "kind": each.kind, "rules": each.rules, "cases": each.cases.cases if each.cases else 0,
                "proved": None if each.proved is None else list(each.proved),
            }
            for each in report.kinds
        ],
    }  # fmt: skip
