"""The invented world: repeatable, clean by the entry rules, real in nobody, and dirty only where asked."""

import io
import re
import tracemalloc
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import pytest

from gateway.domain.entry import clean, spec_of
from gateway.domain.intake import Row, RowError, open_sheet
from gateway.domain.names import is_natural_person
from gateway.domain.synthetic import (
    CLEAN,
    DIRTY,
    TODAY,
    Dirt,
    SyntheticClient,
    SyntheticRecord,
    client_at,
    clients,
    contacts,
    contacts_of,
    cooperations,
    headings,
    parks,
    tenancies,
    tenant_sheet,
    text_rows,
    visits,
    write_csv,
    write_xlsx,
)
from gateway.domain.synthetic.__main__ import main
from gateway.domain.synthetic.files import Style
from gateway.domain.uscc import examine

TODAY_TEXT = TODAY.isoformat()


def test_everything_follows_from_seed_and_index() -> None:
    assert list(clients(50, 3)) == list(clients(50, 3))
    assert list(clients(50, 3)) != list(clients(50, 4))
    assert list(islice(clients(50, 3), 20, None)) == list(clients(30, 3, start=20))
    assert client_at(20, 3) == next(clients(1, 3, start=20))
    assert list(visits(20, 3, start=10)) == [v for v in visits(30, 3) if v.client_index >= 10]
    assert list(contacts_of(client_at(7, 3), 3)) == [c for c in contacts(8, 3) if c.client_index == 7]


def test_cards_are_valid_and_distinct() -> None:
    world = list(clients(5000, 1))
    assert len({c.uscc for c in world}) == len(world)
    assert len({c.name for c in world}) > 4990
    for client in world:
        assert examine(client.uscc).warnings == ()
        assert client.uscc[2:8] == "441900"
        for group, fields in (("client_name", client.card), ("enterprise_profile", client.profile)):
            cleaned = clean(group, fields, today=TODAY_TEXT)
            assert cleaned.errors == (), (fields, cleaned.errors)
            assert len(cleaned.values) == len(fields)
    people = [c for c in world if is_natural_person(c.name, c.uscc)]
    assert 10 < len(people) < 150
    assert all(c.uscc.startswith("92") for c in people)


@pytest.mark.parametrize("records", [contacts, cooperations, visits, tenancies])
def test_records_pass_the_entry_rules_without_a_word(records: object) -> None:
    found: list[SyntheticRecord] = list(records(1500, 2))  # type: ignore[operator]
    assert len(found) > 700
    for record in found:
        cleaned = clean(record.group, record.fields, today=TODAY_TEXT)
        assert (cleaned.errors, cleaned.warnings) == ((), ()), record
        assert cleaned.values.keys() == record.fields.keys()


def test_nobody_can_be_called_or_written_to() -> None:
    for record in contacts(3000, 5):
        assert record.fields["mobile"][:3] in {"154", "160", "161", "163", "164", "168", "169", "194"}
        assert re.match(r"0769-1", record.fields.get("phone", "0769-1"))
        assert record.fields.get("email", ".example").endswith(".example")


def test_memos_say_what_their_labels_say() -> None:
    words = {"融资需求": "资金缺口", "上市意向": "上市", "并购重组": "收购", "股权激励": "激励", "现金管理": "闲置资金"}
    seen = set()
    for record in visits(400, 6):
        label = record.fields["intent_labels"]
        if label in words:
            seen.add(label)
            assert words[label] in record.fields["memo"]
        assert "{" not in record.fields["memo"]
    assert seen == set(words)


def test_parks_are_distinct() -> None:
    assert len({park.name for park in parks(0, 72)}) == 72
    assert {r.client_index for r in tenancies(300, 1, park=3)} == {
        c.index for c in clients(300, 1) if c.park and c.park.number == 3
    }


WRONG_CODE = {"uscc-check-character", "uscc-length"}
Items = Iterable[SyntheticClient | SyntheticRecord | list[SyntheticRecord]]
SHEETS: list[tuple[str, Style]] = [
    ("clients", "department"), ("contact", "department"), ("cooperation", "park"), ("visit", "department"),
    ("tenants", "park"), ("clients", "park"),
]  # fmt: skip


def world(kind: str, count: int) -> Items:
    made: dict[str, Items] = {
        "clients": clients(count, 9), "contact": contacts(count, 9), "cooperation": cooperations(count, 9),
        "visit": visits(count, 9), "tenants": tenant_sheet(count, 9),
    }  # fmt: skip
    return made[kind]


def contents(kind: str, style: Style, dirt: Dirt, form: str, encoding: str = "utf-8") -> tuple[set[bytes], int, int]:
    out = io.BytesIO()
    table = text_rows(kind, world(kind, 150), style=style, dirt=dirt)  # type: ignore[arg-type]
    if form == "xlsx":
        write_xlsx(out, table)
    else:
        write_csv(out, table, encoding=encoding)
    opened = open_sheet(out, kind)
    found = list(opened)
    assert opened.heading.unknown == ()
    rows = [item for item in found if isinstance(item, Row)]
    assert {e.code for item in found if isinstance(item, RowError) for e in item.errors} <= WRONG_CODE
    return {row.content() for row in rows}, opened.tally.bad, opened.tally.duplicate


@pytest.mark.parametrize(("kind", "style"), SHEETS)
def test_dirt_changes_writing_and_never_meaning(kind: str, style: Style) -> None:
    tidy, bad, duplicate = contents(kind, style, CLEAN, "csv")
    assert (bad, duplicate) == (0, 0)
    assert len(tidy) > 80
    only_writing = Dirt(
        full_width=0.3, blanks=0.3, separators=0.8, dates=0.8, duplicates=0.2, empty_rows=0.1, title=True
    )
    for form, encoding in (("csv", "utf-8"), ("csv", "utf-8-sig"), ("csv", "gb18030"), ("xlsx", "")):
        dirty, bad, duplicate = contents(kind, style, only_writing, form, encoding)
        assert dirty == tidy, (form, encoding)
        assert bad == 0
        assert duplicate > 0


def test_a_field_without_an_everyday_name_keeps_its_own() -> None:
    spec = spec_of("finance", "annual_profit")
    assert headings("finance", [spec], "park") == [spec.zh]
    assert headings("contact", [spec_of("contact", "name")], "park") == ["联系人"]


def test_wrong_rows_are_refused_and_only_they() -> None:
    tidy, _, _ = contents("contact", "department", CLEAN, "csv")
    kept, bad, _ = contents("contact", "department", Dirt(wrong=0.2), "csv")
    assert bad > 10
    assert kept < tidy
    assert len(tidy) - len(kept) <= bad


def test_memory_stays_flat() -> None:
    def peak(count: int) -> int:
        tracemalloc.start()
        for _ in text_rows("visit", visits(count, 1), dirt=DIRTY):
            pass
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(10)
    assert peak(1500) < peak(150) + 200_000


def test_the_entry_point_writes_sheets_that_read_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--clients", "40", "--out", str(tmp_path), "--encoding", "gb18030", "--dirty", "--seed", "4"]) == 0
    assert {path.stem for path in tmp_path.iterdir()} == {"clients", "contact", "cooperation", "visit", "tenants"}
    for path in tmp_path.iterdir():
        with path.open("rb") as source:
            opened = open_sheet(source, path.stem)
            assert sum(isinstance(item, Row) for item in opened) > 15
    assert main(["--clients", "5", "--out", str(tmp_path), "--format", "xlsx"]) == 0
    assert "visit.xlsx" in capsys.readouterr().out
