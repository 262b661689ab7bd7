"""Rules and explanations in the words of the interface."""

from collections.abc import Iterable, Iterator

from gateway.domain.principal import Principal
from gateway.schemas.policy import RuleOut, RuleReportOut
from gateway.store.disclosure import GrantRow
from policies.decision import OBLIGATIONS, REASONS, Reason
from policies.engine import Loaded
from policies.explain import Explanation

_COLUMNS = frozenset({"id", "role", "act", "cond", "obl", "reason", "eft"})
_STATED = "collaboration"  # stands for any purpose: what an open item of level 2 wants is that one is stated


def rules_out(loaded: Loaded, kind: str) -> Iterator[RuleOut]:
    """The rules of one kind in file order, each with the heading and remark above it in the file."""
    above = _remarks(loaded.texts.files[f"{kind}/policy.csv"])
    for rule in loaded.ruleset(kind).rules:
        columns = rule.columns
        reason = words(rule.reason)
        yield RuleOut(
            kind=kind, rule=rule.id, effect=rule.eft, line=rule.line, about=above.get(rule.line, ""), role=rule.role,
            acts=tuple(columns["act"].split("|")), on={name: columns[name] for name in columns if name not in _COLUMNS},
            condition="" if columns["cond"] == "True" else columns["cond"],
            obligations=tuple(name for name in OBLIGATIONS if getattr(rule.obligations, name)),
            reason=rule.reason, zh=reason.zh, en=reason.en,
        )  # fmt: skip


def _remarks(text: str) -> dict[int, str]:
    """By line: the heading of its section, and the remark directly above it if there is one."""
    found: dict[int, str] = {}
    heading = remark = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith("# ---- "):
            heading, remark = line.removeprefix("# ---- "), ""
        elif line.startswith("#"):
            remark = line.removeprefix("#").strip()
        elif line.strip():
            found[number] = f"{heading}: {remark}" if remark else heading
            remark = ""
    return found


def words(reason: str) -> Reason:
    """The words of a coarse reason."""
    return REASONS[reason]


def reports_out(explanation: Explanation) -> tuple[RuleReportOut, ...]:
    """Every rule that the act could reach, the deciding one first."""
    return tuple(
        RuleReportOut(rule=each.rule, effect=each.eft, matched=each.matched, met=each.met, lacking=each.lacking)
        for each in explanation.rules
    )


def purposes_to_try(who: Principal, grants: Iterable[GrantRow]) -> list[str]:
    """Every purpose that can make a difference for this person: a stated one, its grants', those of oversight."""
    return list(dict.fromkeys([_STATED, *sorted({grant.purpose for grant in grants}), "supervision", "audit"]))
