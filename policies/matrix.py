"""The page for compliance: who may do what under which rule, made from the rules, the cases and the invariants.

`python -m policies.matrix` prints docs/policy.md.
"""

import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from policies import expression
from policies.cases import Case, decide, read_cases
from policies.check import EXIT
from policies.engine import Loaded, load_texts
from policies.prove import read_invariants
from policies.purposes import read_purposes
from policies.texts import KINDS, parse_yaml, read_texts
from policies.vocabulary import ROLES, Facts

_TITLES: Final = {"data_access": "数据访问 / Data access", "workflow": "流程 / Workflow"}
_COLUMNS: Final = (
    ("named", "客户名称<br>client name"),
    ("open", "清单开放字段<br>open field"),
    ("ungranted", "审批类,无授权<br>gated, no grant"),
    ("granted", "审批类,有授权<br>gated, live grant"),
    ("owned", "本单位数据<br>own gated data"),
    ("own-secret", "本单位不予共享<br>own not_shared"),
    ("supervised", "用途:合规监督<br>purpose supervision"),
    ("audited", "用途:审计<br>purpose audit"),
)
_OUTSIDE: Final = ("partner_user", "partner_admin", "enterprise_rep", "regulator")


def page() -> str:
    """The whole page as Markdown, ending with a line feed. Deterministic: a test compares it with docs/policy.md."""
    loaded = load_texts(read_texts(), check_against_casbin=False)
    lines = [
        "# 规则一览 / The rules at a glance",
        "",
        "本页由规则、用例与不变式自动生成,请勿手工修改:`python -m policies.matrix > docs/policy.md`。",
        "This page is generated from the rules, cases and invariants; do not edit it.",
        "",
        *_matrix(loaded),
        *_how_to(),
    ]
    for kind in KINDS:
        lines += _kind(loaded, kind)
    lines += _purposes(loaded)
    return "\n".join(lines).rstrip() + "\n"


def _matrix(loaded: Loaded) -> Iterator[str]:
    cases = read_cases(loaded.texts, loaded.ruleset("data_access").schema)
    scenarios: dict[str, Facts] = {}
    for case in cases:
        scenarios.setdefault(case.given, _plain(loaded, case))
    yield "## 角色 × 方式 / Role by mode"
    yield ""
    yield "动作为查看(read),三级数据,其余条件均满足。规则编号表示允许;「否」后为拒绝原因。"
    yield "The act is `read`, level 3, all else given. A rule id means allowed; `no` is followed by the reason."
    yield ""
    yield "| 角色 role | " + " | ".join(title for _, title in _COLUMNS) + " |"
    yield "|---" * (len(_COLUMNS) + 1) + "|"
    for role in ROLES:
        cells = [_cell(loaded, scenarios[name], role) for name, _ in _COLUMNS]
        yield f"| {role} | " + " | ".join(cells) + " |"
    yield ""


def _how_to() -> Iterator[str]:
    yield "## 如何修改规则 / How to change a rule"
    yield ""
    yield "1. 先在 `policies/<kind>/tests/*.yaml` 写用例,再改 `policy.csv`。Write the case first, then the rule."
    yield "2. 运行 `lianqiao policy check [DIRECTORY]`,退出码见下表。Run the check; its exit codes:"
    yield ""
    yield "| 退出码 exit | 含义 meaning |"
    yield "|---|---|"
    for name, code in EXIT.items():
        yield f"| {code} | {_EXIT_WORDS[name]} |"
    yield ""
    yield "3. 由另一人复核后生效;每项决定都带有规则版本 (epoch)。A second person approves; decisions carry the epoch."
    yield ""


_EXIT_WORDS: Final = {
    "ok": "全部通过 all good",
    "text": "文本有误(文件与行号) a defect in the texts, with file and line",
    "casbin": "与 Casbin 结果不一致 the compiled rules differ from Casbin",
    "invariant": "违反不变式(附反例) an invariant is broken, with a counterexample",
    "case": "用例未通过 a case fails",
    "coverage": "规则缺少用例 a rule lacks an allow or a deny case",
    "dead": "规则永不生效 a rule never decides",
    "not-proved": "要求证明但未安装 z3 a proof was demanded and z3 is missing",
}


def _plain(loaded: Loaded, case: Case) -> Facts:
    """The scenario of a case without the case's own changes."""
    document = next(path for path in loaded.texts.case_files("data_access") if path.endswith("a_scenarios.yaml"))
    scenarios = parse_yaml(document, loaded.texts.files[document]).value["scenarios"]
    values: dict[str, Any] = {}
    chain = [case.given]
    while "like" in scenarios[chain[-1]]:
        chain.append(scenarios[chain[-1]]["like"])
    for name in reversed(chain):
        values |= scenarios[name].get("with", {}) if "like" in scenarios[name] else scenarios[name]
    values["r.sub.roles"] = frozenset(values["r.sub.roles"])
    from policies.oracle import build_facts

    facts: Facts = build_facts("data_access", values)
    return facts


def _cell(loaded: Loaded, facts: Facts, role: str) -> str:
    subject = replace(facts.subject, roles=frozenset({role}))
    grant = facts.grant
    if role in _OUTSIDE:
        own = facts.subject.unit == facts.object.owner
        body = facts.object.owner_institution if own else "partner-01"
        unit = facts.object.owner if own else "partner-01"
        subject = replace(subject, internal=False, institution=body, institution_kind="bank", unit=unit, side="none")
        grant = replace(grant, pi_ok=grant.present, consent_ok=grant.present)
    decision = decide(loaded, replace(facts, subject=subject, grant=grant), "data_access")
    return f"`{decision.rule}`" if decision.effect == "allow" else f"否 no: {decision.reason}"


def _kind(loaded: Loaded, kind: str) -> Iterator[str]:
    ruleset = loaded.ruleset(kind)
    cases = read_cases(loaded.texts, ruleset.schema)
    yield f"## {_TITLES[kind]}"
    yield ""
    yield "### 规则 / Rules"
    yield ""
    extra = [name for name in ruleset.rules[0].columns if name not in {"id", "role", "cond", "obl", "reason", "eft"}]
    yield (
        "| 规则 rule | 效果 effect | 角色 role | "
        + " | ".join(extra)
        + " | 条件 condition | 义务 obligations | 用例 cases |"
    )
    yield "|---" * (6 + len(extra)) + "|"
    for rule in ruleset.rules:
        about = [case for case in cases if rule.id in {case.rule, case.near, *case.also}]
        own = expression.text(expression.parse(rule.columns["cond"], {}, ruleset.closures))
        acts = [_brief(rule.columns[name]) for name in extra]
        condition = "" if own == "True" else "`" + own.replace("|", "\\|") + "`"
        cells = (
            f"`{rule.id}`",
            rule.eft,
            rule.role,
            *acts,
            condition,
            rule.columns["obl"].replace("|", ", "),
            str(len(about)),
        )
        yield "| " + " | ".join(cells) + " |"
    yield ""
    yield "### 不变式 / Invariants"
    yield ""
    name = f"{kind}/invariants.yaml"
    for invariant in read_invariants(parse_yaml(name, loaded.texts.files[name]))[0]:
        yield f"- `{invariant.id}`: {invariant.text}"
    yield ""


def _brief(value: str) -> str:
    return value.replace("|", ", ")


def _purposes(loaded: Loaded) -> Iterator[str]:
    purposes = read_purposes(parse_yaml("purposes.yaml", loaded.texts.files["purposes.yaml"]))
    yield "## 用途 / Purposes"
    yield ""
    yield "| 代码 code | 中文 | English | 上位 broader | 敏感 sensitive | 附带义务 modifiers |"
    yield "|---|---|---|---|---|---|"
    for each in purposes.purposes.values():
        modifiers = ", ".join(purposes.modifiers[code].zh + " " + code for code in each.modifiers)
        sensitive = "是 yes" if each.sensitive else ""
        yield f"| `{each.code}` | {each.zh} | {each.en} | {each.broader} | {sensitive} | {modifiers} |"
    yield ""


if __name__ == "__main__":
    sys.stdout.write(page())
