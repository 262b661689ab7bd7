"""Every class of silent policy mistake is refused at load, with file and line."""

from pathlib import Path

import pytest

from policies.engine import PolicyEngine, load_texts
from policies.texts import PolicyError, Texts, parse_yaml, read_texts

CSV, CONF, SCHEMA = "data_access/policy.csv", "data_access/model.conf", "data_access/schema.yaml"
RULE = "p, NEW-RULE, worker, read, protected, own, r.obj.level <= 2, log, allowed, allow"


def defects(texts: Texts) -> list[tuple[str, int, str]]:
    with pytest.raises(PolicyError) as caught:
        load_texts(texts, check_against_casbin=False)
    assert all(each.message for each in caught.value.defects)
    return [(each.file, each.line, each.code) for each in caught.value.defects]


def added(texts: Texts, line: str) -> tuple[Texts, int]:
    body = texts.files[CSV] + line + "\n"
    return texts.with_file(CSV, body), texts.files[CSV].count("\n") + 1


def test_the_rule_that_the_others_are_bent_from_is_good(texts: Texts) -> None:
    load_texts(added(texts, RULE)[0])


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (RULE.replace("p, NEW", "q, NEW"), "ptype"),
        (RULE.replace("p, NEW", "P, NEW"), "ptype"),
        (RULE.replace(", log", ""), "arity"),
        (RULE + ", more", "arity"),
        (RULE.replace(", allow", ", Allow"), "eft"),
        (RULE.replace("allowed, allow", "allowed, permit"), "eft"),
        (RULE.replace("NEW-RULE", "OWN-READ"), "duplicate"),
        (RULE.replace("NEW-RULE", "new-rule"), "id"),
        (RULE.replace("NEW-RULE", "p-wang"), "id"),
        (RULE.replace("worker", "wroker"), "role"),
        (RULE.replace("read,", "raed,"), "value"),
        (RULE.replace("read,", "read|,"), "value"),
        (RULE.replace("protected", "protcted"), "value"),
        (RULE.replace("own,", "owner,"), "value"),
        (RULE.replace(" log", " logg"), "obligation"),
        (RULE.replace(" log", " log|log"), "obligation"),
        (RULE.replace(" log", " watermark"), "obligation"),
        (RULE.replace("log, allowed, allow", "log|mask, allowed, note"), "obligation"),
        (RULE.replace("allowed", "because"), "reason"),
        (RULE.replace("allowed", "no-grant"), "reason"),
        (RULE.replace("allowed, allow", "allowed, deny"), "reason"),
        (RULE.replace("r.obj.level", "r.obj.levle"), "type"),
        (RULE.replace("r.obj.level <= 2", "r.obj.level"), "type"),
        (RULE.replace("r.obj.level <= 2", 'r.obj.level == "2"'), "type"),
        (RULE.replace("r.obj.level <= 2", 'r.obj.mode == "gated"'), "type"),
        (RULE.replace("r.obj.level <= 2", 'r.sub.side == "pubic"'), "type"),
        (RULE.replace("r.obj.level <= 2", 'r.obj.group == "contcat"'), "type"),
        (RULE.replace("r.obj.level <= 2", 'r.sub.unit < r.obj.owner'), "type"),
        (RULE.replace("r.obj.level <= 2", "r.sub.side == r.obj.mode"), "type"),
        (RULE.replace("r.obj.level <= 2", 'holds(r.sub.unit, "worker")'), "type"),
        (RULE.replace("r.obj.level <= 2", 'holds(r.sub.roles, "boss")'), "condition"),
        (RULE.replace("r.obj.level <= 2", "r.obj.level <= 2 # really"), "comment"),
        (RULE.replace("r.obj.level <= 2", 'r.sub.unit == "a && b"'), "condition"),
        (RULE.replace("r.obj.level <= 2", "r.obj.level <="), "condition"),
        (RULE.replace("r.obj.level <= 2", "(r.obj.level <= 2"), "brackets"),
        (RULE.replace("r.obj.level <= 2", "r.obj.level <= 2)"), "brackets"),
        (RULE.replace("r.obj.level <= 2", "False) || (True"), "brackets"),
        (RULE.replace("r.obj.level <= 2", 'r.sub.unit == "x'), "quotes"),
        (RULE.replace("r.obj.level <= 2", 'r.sub.unit == "a, b"'), "quotes"),
        (RULE.replace("r.obj.level <= 2", 'r.sub.unit == "x)"'), "quotes"),
        (RULE.replace("r.obj.level <= 2", "p.id == r.sub.unit"), "condition"),
        (RULE.replace("r.obj.level <= 2", "r.sub.__class__ == r.sub.id"), "condition"),
        (RULE.replace("r.obj.level <= 2", "(lambda: True)()"), "condition"),
        (RULE.replace("r.obj.level <= 2", "r.sub.id.startswith(r.sub.unit)"), "condition"),
        (RULE.replace("r.obj.level <= 2", "r.obj.level + 1 <= 2"), "condition"),
        (RULE.replace("r.obj.level <= 2", "1 <= r.obj.level <= 2"), "condition"),
        (RULE.replace("r.obj.level <= 2", "keyMatch(r.sub.id, r.sub.unit)"), "condition"),
        (RULE.replace("r.obj.level <= 2", "r.obj.level <= 2 if r.sub.active else True"), "condition"),
        (RULE.replace("r.obj.level <= 2", "False"), "dead"),
        (RULE.replace("r.obj.level <= 2", '"a" == "b"'), "dead"),
        (RULE + " ", "blank"),
        (" " + RULE, "blank"),
        (RULE.replace(", own", ",\town"), "blank"),
        (RULE.replace(", own", ",\u3000own"), "blank"),
        (RULE + "\r", "blank"),
        ("g, requester", "arity"),
        ("g, requester, worker", "duplicate"),
        ("g, p-wang, worker", "role"),
        ("g, requester, compliance", "role"),
    ],
)  # fmt: skip
def test_a_bad_line_is_refused_with_its_number(texts: Texts, line: str, code: str) -> None:
    broken, number = added(texts, line)
    assert (CSV, number, code) in defects(broken)


def test_all_bad_lines_are_named_at_once(texts: Texts) -> None:
    bad = "\n".join(RULE.replace("NEW-RULE", f"NEW-{i}").removesuffix("allow") + "alow" for i in range(3))
    broken, number = added(texts, bad)
    assert defects(broken) == [(CSV, number + i, "eft") for i in range(3)]


@pytest.mark.parametrize("body", ["", "# nothing\n", "g, requester, worker\n"])
def test_an_empty_policy_is_refused(texts: Texts, body: str) -> None:
    """Casbin itself would fail open on some matchers."""
    assert defects(texts.with_file(CSV, body)) == [(CSV, 0, "empty")]


def test_a_policy_that_allows_nothing_is_refused(texts: Texts) -> None:
    kept = [line for line in texts.files[CSV].splitlines() if not line.endswith(", allow")]
    assert defects(texts.with_file(CSV, "\n".join(kept))) == [(CSV, 0, "empty")]


@pytest.mark.parametrize("path", [CSV, CONF, SCHEMA])
def test_a_byte_order_mark_is_refused(texts: Texts, path: str) -> None:
    assert defects(texts.with_file(path, "\ufeff" + texts.files[path])) == [(path, 1, "bom")]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("&& eval(p.cond)", "&& eval(p.cond) # all of it", "comment"),
        ("&& eval(p.cond)", "", "matcher"),
        ("&& eval(p.cond)", "&& eval(p.cond) && eval(p.id)", "matcher"),
        ("&& !some(where (p.eft == deny))", "", "effect"),
        ("some(where (p.eft == allow)) && !some(where (p.eft == deny))", "!some(where (p.eft == deny))", "effect"),
        ("g = _, _", "g = _, _, _", "model"),
        ("reason, eft", "eft", "model"),
        ("[matchers]", "[matchers]\nm2 = eval(p.cond)", "model"),
        ("p = id, role", "p = role, id", "model"),
    ],
)
def test_a_bad_model_is_refused(texts: Texts, old: str, new: str, code: str) -> None:
    assert old in texts.files[CONF]
    body = texts.files[CONF].replace(old, new, 1)
    number = next(
        i for i, (a, b) in enumerate(zip(body.splitlines(), texts.files[CONF].splitlines(), strict=False), 1) if a != b
    )
    found = defects(texts.with_file(CONF, body))
    assert {(file, each) for file, _, each in found} >= {(CONF, code)}
    assert any(line in {number, number + 1} for _, line, _ in found)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("r.obj.personal:          bool", "r.obj.personal:          boolean"),
        ("r.obj.personal:          bool", "x.obj.personal:          bool"),
        ("r.obj.level:             {int: [1, 5]}", "r.obj.level:             {int: [5, 1]}"),
        ("dispatch: [r.act, r.obj.mode]", "dispatch: [r.act, r.obj.owner]"),
        ("obligations: [log, alert, watermark, quota, mask]", "obligations: [log]"),
        ("otherwise: not-permitted", "otherwise: because"),
        ("{lacks: r.grant.present, reason: no-grant}", "{lacks: r.grant.presnt, reason: no-grant}"),
        ("{lacks: r.grant.present, reason: no-grant}", "{lacks: r.grant.present, reason: nope}"),
        ("version: 1", "version: 2"),
        ("version: 1", "versoin: 1"),
        ("kind: data_access", "kind: other"),
        ("  rules: [WALL-CONFLICT,", "  rules: [NO-SUCH-RULE, WALL-CONFLICT,"),
    ],
)
def test_a_bad_schema_is_refused(texts: Texts, old: str, new: str) -> None:
    assert old in texts.files[SCHEMA]
    found = defects(texts.with_file(SCHEMA, texts.files[SCHEMA].replace(old, new, 1)))
    assert {(file, code) for file, _, code in found} == {(SCHEMA, "schema")}


def test_yaml_tags_and_double_keys_are_refused() -> None:
    for body, line, code in (
        ("a: 1\na: 2\n", 2, "duplicate-key"),
        ("a: 1\nb: !x y\n", 2, "yaml"),
        ("a: [1\n", 2, "yaml"),
        ("a: 1\nb: !!python/object:os.system {}\n", 2, "yaml"),
    ):
        with pytest.raises(PolicyError) as caught:
            parse_yaml("f.yaml", body)
        assert [(each.line, each.code) for each in caught.value.defects] == [(line, code)]


def test_missing_and_undecodable_files_are_named(tmp_path: Path, texts: Texts) -> None:
    for path, body in texts.files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(body, encoding="utf-8")
    assert PolicyEngine.load(tmp_path).epoch == texts.epoch
    (tmp_path / CONF).unlink()
    (tmp_path / CSV).write_bytes(texts.files[CSV].encode() + b"\xff")
    with pytest.raises(PolicyError) as caught:
        read_texts(tmp_path)
    assert {(each.file, each.code) for each in caught.value.defects} == {(CONF, "missing-file"), (CSV, "encoding")}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("broader: financing", "broader: finance", "unknown broader"),
        ("near: [client-service]", "near: [client-sevice]", "near: unknown"),
        ("who: [auditor]", "who: [auditer]", "who: unknown"),
        ("at: [firm]", "at: [frim]", "at: unknown"),
        ("modifiers: [named-persons-only]", "modifiers: [named]", "modifiers: unknown"),
        ("version: 1", "version: 3", "version"),
        ("zh: 授信尽职调查, ", "", "zh is missing"),
        ("  financing:\n    {zh: 中小微企业融资服务,", "  financing:\n    {broader: lease-assessment, zh: 中小微企业融资服务,", "broader than itself"),
    ],
)  # fmt: skip
def test_bad_purposes_are_refused(texts: Texts, old: str, new: str, complaint: str) -> None:
    assert old in texts.files["purposes.yaml"]
    broken = texts.with_file("purposes.yaml", texts.files["purposes.yaml"].replace(old, new, 1))
    with pytest.raises(PolicyError, match=complaint):
        load_texts(broken, check_against_casbin=False)
