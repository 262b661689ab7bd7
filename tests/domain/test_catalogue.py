"""The default catalogue keeps its own rules, and every rule of the validator names row, column and remedy."""

import csv
import io
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.domain.catalogue import (
    COLUMNS,
    INVALID_CATALOGUE,
    SECOND_PERSON_COLUMNS,
    UNKNOWN_ITEM,
    Catalogue,
    DataItem,
    broken_rules,
    changes,
    default_catalogue,
    held_outside,
    needs_second_person,
    owner_units,
    parse_catalogue,
    write_catalogue,
)
from gateway.domain.grading import default_grading
from gateway.errors import FieldError, Problem

DEFAULT = default_catalogue()
GATED = DEFAULT.get("INT-CON-001")
OPEN = DEFAULT.get("GOV-SAM-001")
NAME = DEFAULT.get("INT-NAM-001")


def faults(data: bytes | str, **options: object) -> list[FieldError]:
    with pytest.raises(Problem) as caught:
        parse_catalogue(data, **options)  # type: ignore[arg-type]
    assert caught.value.code is INVALID_CATALOGUE
    return list(caught.value.errors)


def file_of(*rows: dict[str, str]) -> str:
    """A catalogue file of the default items with some cells changed: each row is INT-CON-001 with the changes given."""
    base = next(csv.DictReader(io.StringIO(write_catalogue([GATED]))))
    out = io.StringIO()
    writer = csv.DictWriter(out, list(base))
    writer.writeheader()
    for number, row in enumerate(rows):
        writer.writerow({**base, "code": f"T-{number:03}", **row})
    return out.getvalue()


def outcome(data: bytes | str) -> tuple[list[DataItem] | None, Problem | None]:
    try:
        return parse_catalogue(data), None
    except Problem as problem:
        return None, problem


def test_the_default_catalogue_is_what_the_domain_counts() -> None:
    assert len(DEFAULT) == 122
    assert Counter(item.mode for item in DEFAULT) == {
        "approval_gated": 73, "catalogue_open": 35, "mandatory_name_share": 6, "not_shared": 8,
    }  # fmt: skip
    assert Counter(item.level for item in DEFAULT) == {1: 31, 2: 29, 3: 53, 4: 9}
    assert sum(item.personal for item in DEFAULT) == 40
    assert {item.code for item in DEFAULT if item.sensitive} == {
        "INT-CON-007", "INT-VIS-006", "INT-CMP-005", "GOV-HRS-002",
    }  # fmt: skip


def test_the_default_catalogue_keeps_every_rule_and_its_owners_are_known() -> None:
    for item in DEFAULT:
        assert broken_rules(item) == (), item.code
        unit = owner_units()[item.owner_unit]
        assert (unit.name_zh, unit.name_en) == (item.owner_zh, item.owner_en)
        assert owner_units()[item.steward].kind == "firm"
        assert item.readable == (item.mode in ("catalogue_open", "mandatory_name_share"))


def test_nothing_of_how_the_list_was_researched_is_left_in_it() -> None:
    text = write_catalogue(list(DEFAULT))
    for word in ("ARTICLE", "PROPOSAL", ".com", ".cn", "摘录", "二手", "考点", "apifox"):
        assert word not in text, word


def test_writing_and_reading_gives_the_same_items() -> None:
    assert parse_catalogue(write_catalogue(list(DEFAULT))) == list(DEFAULT)
    assert parse_catalogue(("\ufeff" + write_catalogue(list(DEFAULT))).encode()) == list(DEFAULT)
    assert parse_catalogue(write_catalogue(list(DEFAULT)).encode("gb18030")) == list(DEFAULT)


def test_a_plain_list_with_other_column_names_is_read_and_the_rest_derived() -> None:
    text = (
        "item_code,name_zh,name_en,owner_zh,field_group,level,default_mode,contains_personal_info,legal_basis,retention,source\n"
        "x-a-1, 联系人证件 ,Contact identity,主办业务部门,contact,Ｌ４,not_shared,是,PIPL28-29敏感个人信息,P20Y,机制\n"
        "X-B-1,企业登记,Registration,市场监督管理部门,public_credit,L1,catalogue_open,N,公开信息,SOURCE_SYNC,机制\n"
    )
    one, two = parse_catalogue(text)
    assert (one.code, one.name_zh, one.level, one.owner_unit, one.steward) == ("X-A-1", "联系人证件", 4, "lead", "ibo")
    assert (one.sensitive, one.readable, one.owner_en) == (True, False, "Lead business department")
    assert (two.sensitive, two.readable, two.owner_unit, two.steward) == (False, True, "samr", "ibo")


MANDATORY = {"group": "client_name", "mode": "mandatory_name_share", "organisations_only": "Y", "readable": "Y"}
OPENED = {"group": "aggregate", "mode": "catalogue_open", "level": "L2", "readable": "Y"}
RULES = [
    ({"level": ""}, "level", "no-level"),
    ({"level": "L9"}, "level", "unknown-level"),
    ({**OPENED, "level": "L3"}, "level", "open-above-l2"),
    ({**OPENED, "discoverable": "N"}, "discoverable", "open-hidden"),
    ({**OPENED, "sensitive": "Y"}, "mode", "open-sensitive"),
    ({**MANDATORY, "group": "aggregate"}, "group", "mandatory-outside-names"),
    ({**MANDATORY, "organisations_only": "N"}, "organisations_only", "mandatory-persons"),
    ({**MANDATORY, "readable": "N"}, "readable", "mandatory-hidden"),
    ({**MANDATORY, "sensitive": "Y", "level": "L4"}, "sensitive", "mandatory-sensitive"),
    ({**MANDATORY, "allowed_purposes": "audit"}, "allowed_purposes", "mandatory-purpose"),
    *[
        ({"group": group, "mode": "catalogue_open", "level": "L1", "readable": "Y"}, "mode", "isolated-group-open")
        for group in ("contact", "cooperation", "visit")
    ],
    ({"readable": "Y"}, "readable", "readable-without-grant"),
    ({"mode": "not_shared", "readable": "Y"}, "readable", "readable-without-grant"),
    ({"legal_basis": "证券法41"}, "legal_basis", "personal-without-pipl"),
    ({"legal_basis": "PIPL"}, "legal_basis", "personal-without-pipl"),
    ({"legal_basis": "", "personal": "N"}, "legal_basis", "no-legal-basis"),
    ({"source": ""}, "source", "no-source"),
    ({"personal": "N", "sensitive": "Y", "level": "L4"}, "personal", "sensitive-not-personal"),
    ({"sensitive": "Y"}, "level", "sensitive-below-l4"),
    ({"personal": "maybe"}, "personal", "not-yes-or-no"),
    ({"group": "secrets"}, "group", "unknown-group"),
    ({"mode": "open"}, "mode", "unknown-mode"),
    ({"retention": "P5Y"}, "retention", "unknown-retention"),
    ({"code": "not a code"}, "code", "bad-code"),
    ({"name_en": ""}, "name_en", "missing-value"),
    ({"owner_unit": "No Such"}, "owner_unit", "bad-unit"),
    ({"version": "0"}, "version", "bad-version"),
    ({"name_zh": "联系人\u202e姓名"}, "name_zh", "bidi-character"),
    ({"name_zh": "长" * 2001}, "name_zh", "too-long"),
    ({"name_zh": "联系人宗教信仰"}, "name_zh", "banned-item"),
    ({"name_zh": "员工指纹", "personal": "N", "legal_basis": "公司制度"}, "name_zh", "banned-item"),
    ({"name_en": "Contact blood type"}, "name_en", "banned-item"),
    ({"name_zh": "实控人疾病"}, "name_zh", "banned-item"),
    ({"name_zh": "法定代表人存款"}, "name_zh", "written-consent-needed"),
    ({"name_zh": "法定代表人工资"}, "name_zh", "written-consent-needed"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("cells", "column", "rule"), RULES, ids=[f"{rule}-{i}" for i, (_, _, rule) in enumerate(RULES)]
)
def test_each_rule_names_row_column_and_remedy(cells: dict[str, str], column: str, rule: str) -> None:
    found = faults(file_of({}, cells))
    assert (2, column, rule) in {(error.row, error.field, error.code) for error in found}
    assert all(error.row == 2 for error in found), "the good row is blamed"
    for error in found:
        assert error.message_zh
        assert error.message_en
        assert ("\u202e" in error.message_zh) is False
    named = next(error for error in found if error.code == rule)
    assert "请" in named.message_zh, "no remedy"
    assert ";" in named.message_en or "write" in named.message_en, "no remedy"


@pytest.mark.parametrize(
    "cells",
    [
        {"name_zh": "基因工程产业企业名单", "personal": "N", "legal_basis": "公开信息"},
        {
            "name_zh": "TLS证书指纹",
            "name_en": "TLS certificate fingerprint",
            "personal": "N",
            "legal_basis": "公司制度",
        },
        {"name_zh": "企业纳税信用", "personal": "N", "legal_basis": "企业授权(CONSENT_ENT)"},
        {"name_zh": "法定代表人存款", "legal_basis": "PIPL 13;征信业管理条例14书面同意"},
        {"name_zh": "法定代表人存款", "mode": "not_shared"},
    ],
)
def test_words_that_only_look_banned_pass(cells: dict[str, str]) -> None:
    assert len(parse_catalogue(file_of(cells))) == 1


def test_all_broken_rules_of_the_whole_file_come_at_once() -> None:
    found = faults(file_of({"level": ""}, {}, {"mode": "catalogue_open", "legal_basis": "无"}, {"code": "T-000"}))
    assert {(error.row, error.code) for error in found} >= {
        (1, "no-level"), (3, "open-above-l2"), (3, "isolated-group-open"), (3, "personal-without-pipl"),
        (4, "duplicate-code"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "empty"),
        ("code,level\n", "missing-column"),
        (b"\xff\xfe\xff\xff\x00\x81", "bad-encoding"),
        ("code\0,level", "nul-character"),
        (b"x" * (8 * 1024 * 1024 + 1), "too-large"),
        ("surprise," + write_catalogue([GATED]).replace("INT-CON-001,", "?,INT-CON-001,"), "unknown-column"),
        (write_catalogue([GATED]).replace("version\n", "code\n", 1), "duplicate-column"),
        (write_catalogue([GATED]).rstrip("\n") + ",extra\n", "ragged-row"),
        (write_catalogue([]), "empty"),
        (write_catalogue([GATED]) + '"open quote', "bad-csv"),
    ],
)  # fmt: skip
def test_a_broken_file_is_said_to_be_broken(data: bytes | str, code: str) -> None:
    assert code in {error.code for error in faults(data)}


@settings(max_examples=150)
@given(st.one_of(st.binary(max_size=400), st.text(max_size=400)))
def test_no_input_raises_anything_but_the_declared_problem(data: bytes | str) -> None:
    items, problem = outcome(data)
    assert (items is None) == (problem is not None)
    assert problem is None or (problem.code is INVALID_CATALOGUE and problem.errors)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(COLUMNS), st.text(max_size=12), max_size=4))
def test_whatever_stands_in_the_cells_a_file_that_is_read_keeps_the_rules(cells: dict[str, str]) -> None:
    items, problem = outcome(file_of(cells))
    assert problem is None or problem.code is INVALID_CATALOGUE
    assert all(broken_rules(item) == () for item in items or ())


def test_purposes_are_checked_where_they_are_known() -> None:
    text = file_of({"allowed_purposes": "audit;no-such"})
    assert parse_catalogue(text)[0].allowed_purposes == ("audit", "no-such")
    assert [error.code for error in faults(text, purposes={"audit"})] == ["unknown-purpose"]


def test_levels_are_read_in_the_scheme_given_and_the_stricter_meaning_counts() -> None:
    scheme = default_grading().scheme("FISD2026")
    assert parse_catalogue(file_of({"level": "敏感一般"}), scheme=scheme)[0].level == 4
    assert {error.code for error in faults(file_of({"level": "核心"}), scheme=scheme)} == {"core-data-barred"}


def test_changes_say_what_was_and_what_is() -> None:
    old = [GATED, OPEN]
    new = [replace(GATED, level=4, version=9), NAME]
    found = {change.code: change for change in changes(old, new)}
    assert {code: change.kind for code, change in found.items()} == {
        GATED.code: "changed", OPEN.code: "removed", NAME.code: "added",
    }  # fmt: skip
    assert [(c.column, c.before, c.after) for c in found[GATED.code].columns] == [("level", "3", "4")]
    assert changes(old, [replace(GATED, version=2), OPEN]) == ()


ALTERED = {
    "mode": "not_shared", "level": 4, "personal": False, "sensitive": True, "organisations_only": True,
    "discoverable": False, "readable": True, "allowed_purposes": ("audit",),
}  # fmt: skip


def test_whatever_changes_who_may_see_needs_a_second_person() -> None:
    assert set(ALTERED) == SECOND_PERSON_COLUMNS
    for column, value in ALTERED.items():
        assert needs_second_person(GATED, replace(GATED, **{column: value})), column
    for column in ("name_zh", "legal_basis", "retention", "source", "steward"):
        assert not needs_second_person(GATED, replace(GATED, **{column: "x"})), column
    assert not needs_second_person(None, GATED)
    assert needs_second_person(None, OPEN)
    assert needs_second_person(None, NAME)
    assert needs_second_person(GATED, None), "dropped and added again, it could change its level"


def test_look_up_and_digest() -> None:
    assert DEFAULT.get("INT-CON-001") is GATED
    assert DEFAULT.find("NO-PE-1") is None
    with pytest.raises(Problem) as caught:
        DEFAULT.get("NO-PE-1")
    assert caught.value.code is UNKNOWN_ITEM
    shuffled = Catalogue(tuple(reversed(DEFAULT.items)), version=7)
    assert shuffled.digest == DEFAULT.digest
    assert Catalogue((replace(GATED, level=4),)).digest != Catalogue((GATED,)).digest
    with pytest.raises(ValueError, match="once"):
        Catalogue((GATED, GATED))


def test_purposes_of_an_item() -> None:
    limited: DataItem = replace(GATED, allowed_purposes=("audit",))
    assert GATED.allows_purpose("anything")
    assert limited.allows_purpose("audit")
    assert not limited.allows_purpose("marketing")


def test_what_a_partner_holds_is_held_outside() -> None:
    assert held_outside(DEFAULT.get("PRK-CON-001"))
    assert not held_outside(GATED)
    assert not held_outside(replace(GATED, owner_unit="unheard-of"))
