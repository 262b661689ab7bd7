"""The catalogue: found in three scripts, changed by one person or two, imported whole or not at all."""

import csv
import io

import sqlalchemy as sa

from gateway.domain.catalogue import default_catalogue, write_catalogue
from gateway.errors import Refusal
from gateway.schemas.base import Nothing
from gateway.schemas.catalogue import (
    CatalogueAnswerable,
    ChangeOut,
    CountersignItemChange,
    GetItem,
    ImportCatalogue,
    ImportOut,
    ItemHistory,
    ListItemChanges,
    ProposeItemChange,
    RejectItemChange,
    SearchCatalogue,
)
from gateway.store.tables import catalogue as t
from gateway.usecases import catalogue, catalogue_changes
from ledger.receipt import verify_receipt
from tests.gateway.scene import Scene, code_of, problem_of
from tests.gateway.test_requests import count, kinds_for, trust
from tests.world import World


async def codes(w: World, login: str = "analyst", **ask: object) -> list[str]:
    page = await catalogue.search_catalogue(w.gw, w.person(login), SearchCatalogue(**{"limit": 1000, **ask}))  # type: ignore[arg-type]
    return [item.code for item in page.items]


async def test_search_in_chinese_english_pinyin_and_by_every_filter() -> None:
    async with World() as w:
        for text in (
            "联系人姓名",
            "contact name",
            "CONTACT  NAME",
            "lianxirenxingming",
            "lxrxm",
            "int-con-001",
            "联系人",
        ):
            assert "INT-CON-001" in await codes(w, text=text), text
        assert await codes(w, text="没有这种东西") == []
        shipped = {item.code: item for item in default_catalogue()}
        for name, attribute, value in (
            ("mode", "mode", "catalogue_open"), ("level", "level", 4), ("owner", "owner_unit", "ibo"), ("group", "group", "contact"),
        ):  # fmt: skip
            found = await codes(w, **{name: value})
            wanted = [c for c, i in shipped.items() if getattr(i, attribute) == value and i.discoverable]
            assert found == sorted(wanted)
        # all 122 minus what only its keepers may know of
        hidden = {code for code, item in shipped.items() if not item.discoverable}
        assert set(await codes(w)) == set(shipped) - hidden
        assert set(await codes(w, "compliance")) == set(shipped)


async def test_pages_join_to_the_whole() -> None:
    async with World() as w:
        walked: list[str] = []
        after = None
        while True:
            ask = SearchCatalogue(after=after, limit=17)
            page = await catalogue.search_catalogue(w.gw, w.person("analyst"), ask)
            walked += [item.code for item in page.items]
            after = page.next
            if after is None:
                break
        assert walked == await codes(w)
        assert page.version == 1


async def test_a_hidden_entry_and_one_that_is_not_there_look_alike() -> None:
    async with World() as w:
        hidden = next(item.code for item in default_catalogue() if not item.discoverable)
        for code in (hidden, "INT-NOP-001"):
            for verb, ask in (
                (catalogue.get_item, GetItem(item_code=code)),
                (catalogue.item_history, ItemHistory(item_code=code)),
                (catalogue.catalogue_answerable, CatalogueAnswerable(item_code=code)),
            ):
                problem = await problem_of(verb(w.gw, w.person("bank-user"), ask))  # type: ignore[operator]
                assert (problem.code.name, problem.field, problem.extra) == ("not-found", "item_code", {})
        assert (await catalogue.get_item(w.gw, w.person("compliance"), GetItem(item_code=hidden))).code == hidden


async def propose(w: World, login: str, **changes: object) -> ChangeOut:
    ask = ProposeItemChange(item_code="INT-COO-001", reason="年度复核", **changes)  # type: ignore[arg-type]
    done = await catalogue_changes.propose_item_change(w.gw, w.person(login), ask)
    assert isinstance(done, ChangeOut), done
    return done


async def test_a_text_is_changed_by_one_person_and_on_the_ledger() -> None:
    async with World() as w:
        done = await propose(w, "steward", name_en="Business flags")
        assert done.state == "applied"
        assert done.changed == ("name_en",)
        verified = verify_receipt(done.receipt or "", trust(w))
        assert verified.entry.kind == "catalogue:changed"
        item = await catalogue.get_item(w.gw, w.person("analyst"), GetItem(item_code="INT-COO-001"))
        assert (item.name_en, item.version) == ("Business flags", 2)
        assert "INT-COO-001" in await codes(w, text="business flags")
        history = await catalogue.item_history(w.gw, w.person("analyst"), ItemHistory(item_code="INT-COO-001"))
        assert [(each.version, each.changed) for each in history.items] == [(2, ("name_en",)), (1, ())]


async def test_a_level_waits_for_a_second_person_who_is_not_the_first() -> None:
    async with World() as w:
        proposed = await propose(w, "steward", level=3)
        assert proposed.state == "proposed"
        assert proposed.receipt is None
        item = await catalogue.get_item(w.gw, w.person("analyst"), GetItem(item_code="INT-COO-001"))
        assert item.level == 2
        assert item.waiting_change
        assert "catalogue-change" in await kinds_for(w, "compliance")
        ask = CountersignItemChange(change_id=proposed.change_id)
        assert (await code_of(catalogue_changes.countersign_item_change(w.gw, w.person("steward"), ask))).startswith(
            "refused"
        )
        assert (await code_of(catalogue_changes.countersign_item_change(w.gw, w.person("analyst"), ask))).startswith(
            "refused"
        )
        done = await catalogue_changes.countersign_item_change(w.gw, w.person("compliance"), ask)
        assert isinstance(done, ChangeOut), done
        assert done.state == "applied"
        fields = verify_receipt(done.receipt or "", trust(w)).fields
        assert (fields["level_before"], fields["level"]) == (2, 3)
        item = await catalogue.get_item(w.gw, w.person("analyst"), GetItem(item_code="INT-COO-001"))
        assert (item.level, item.version, item.waiting_change) == (3, 2, False)
        problem = await problem_of(catalogue_changes.countersign_item_change(w.gw, w.person("cco"), ask))
        assert problem.code.name == "conflict"
        assert "catalogue-changed" in await kinds_for(w, "steward")


async def test_a_change_on_an_older_version_is_a_conflict() -> None:
    async with World() as w:
        proposed = await propose(w, "steward", level=4)
        await propose(w, "steward", name_en="Flags")
        ask = CountersignItemChange(change_id=proposed.change_id)
        assert await code_of(catalogue_changes.countersign_item_change(w.gw, w.person("compliance"), ask)) == "conflict"
        ask = CountersignItemChange(change_id="no-such-change")
        assert (
            await code_of(catalogue_changes.countersign_item_change(w.gw, w.person("compliance"), ask)) == "not-found"
        )


async def test_rejected_by_another_withdrawn_by_oneself() -> None:
    async with World() as w:
        first = await propose(w, "steward", level=4)
        ask = RejectItemChange(change_id=first.change_id, reason="无必要")
        done = await catalogue_changes.reject_item_change(w.gw, w.person("compliance"), ask)
        assert isinstance(done, ChangeOut)
        assert done.state == "rejected"
        second = await propose(w, "steward", level=4)
        ask = RejectItemChange(change_id=second.change_id, reason="另行提出")
        done = await catalogue_changes.reject_item_change(w.gw, w.person("steward"), ask)
        assert isinstance(done, ChangeOut)
        assert done.state == "withdrawn"
        listed = await catalogue_changes.list_item_changes(w.gw, w.person("steward"), ListItemChanges())
        assert [each.state for each in listed.items] == ["withdrawn", "rejected"] or len(listed.items) == 2
        listed = await catalogue_changes.list_item_changes(w.gw, w.person("analyst"), ListItemChanges())
        assert listed.items == ()


BREAKING: list[tuple[dict[str, object], str]] = [
    ({"mode": "catalogue_open"}, "isolated-group-open"),
    ({"mode": "mandatory_name_share"}, "mandatory-outside-names"),
    ({"readable": True}, "readable-without-grant"),
    ({"personal": True}, "personal-without-pipl"),
    ({"legal_basis": ""}, "no-legal-basis"),
    ({"retention": "P7Y"}, "unknown-retention"),
    ({"allowed_purposes": ("made-up",)}, "unknown-purpose"),
    ({"sensitive": True, "personal": True}, "sensitive-below-l4"),
]


async def test_a_change_that_breaks_a_rule_is_refused_with_the_rule() -> None:
    async with World() as w:
        for changes, rule in BREAKING:
            ask = ProposeItemChange(item_code="INT-COO-001", reason="年度复核", **changes)  # type: ignore[arg-type]
            problem = await problem_of(catalogue_changes.propose_item_change(w.gw, w.person("steward"), ask))
            assert problem.code.name == "invalid-catalogue"
            assert rule in {error.code for error in problem.errors}, changes
        assert await count(w, t.catalogue_change) == 0


async def test_who_may_change_what() -> None:
    async with World() as w:
        for login in ("analyst", "compliance", "sysadmin", "bank-user"):
            ask = ProposeItemChange(item_code="INT-COO-001", reason="年度复核", name_en="x")
            done = await catalogue_changes.propose_item_change(w.gw, w.person(login), ask)
            assert isinstance(done, Refusal), login
        ask = ProposeItemChange(item_code="INT-COO-001", reason="年度复核")
        assert await code_of(catalogue_changes.propose_item_change(w.gw, w.person("steward"), ask)) == "invalid-input"


def edited(change: dict[str, dict[str, str]], extra: str = "") -> str:
    """The default catalogue with some cells changed and rows added."""
    rows = list(csv.DictReader(io.StringIO(write_catalogue(default_catalogue().items))))
    for row in rows:
        row.update(change.get(row["code"], {}))
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue() + extra


async def test_import_applies_texts_and_files_what_needs_two() -> None:
    async with World() as w:
        content = edited({"INT-COO-001": {"name_en": "Flags"}, "INT-COO-002": {"level": "L4"}})
        checked = await catalogue_changes.import_catalogue(
            w.gw, w.person("steward"), ImportCatalogue(content=content, dry_run=True)
        )
        assert isinstance(checked, ImportOut), checked
        assert (checked.changed, checked.waiting, checked.version) == (("INT-COO-001",), ("INT-COO-002",), 1)
        assert await count(w, t.catalogue_change) == 0
        done = await catalogue_changes.import_catalogue(w.gw, w.person("steward"), ImportCatalogue(content=content))
        assert isinstance(done, ImportOut)
        assert (done.items, done.unchanged, done.version) == (122, 120, 2)
        assert (
            await catalogue.get_item(w.gw, w.person("analyst"), GetItem(item_code="INT-COO-001"))
        ).name_en == "Flags"
        assert (await catalogue.get_item(w.gw, w.person("analyst"), GetItem(item_code="INT-COO-002"))).level == 3
        again = await catalogue_changes.import_catalogue(w.gw, w.person("steward"), ImportCatalogue(content=content))
        assert isinstance(again, ImportOut)
        assert (again.changed, again.version) == ((), 2)


async def test_one_broken_row_and_nothing_of_the_file_is_taken() -> None:
    async with World() as w:
        content = edited(
            {
                "INT-COO-001": {"name_en": "Flags"},
                "INT-COO-002": {"level": ""},
                "INT-CON-001": {"mode": "catalogue_open"},
            }
        )
        problem = await problem_of(
            catalogue_changes.import_catalogue(w.gw, w.person("steward"), ImportCatalogue(content=content))
        )
        assert problem.code.name == "invalid-catalogue"
        assert {error.field for error in problem.errors} >= {"level", "mode"}
        assert all(error.row and error.message_zh and error.message_en for error in problem.errors)
        async with w.db.read() as tx:
            assert (await tx.execute(sa.select(t.catalogue_head.c.version))).scalar() == 1
        assert await count(w, t.data_item_version) == 122
        done = await catalogue_changes.import_catalogue(
            w.gw, w.person("analyst"), ImportCatalogue(content=edited({"INT-COO-001": {"name_en": "Flags"}}))
        )
        assert isinstance(done, Refusal)


async def test_a_raised_level_stops_what_its_grants_were_not_signed_for() -> None:
    from tests.gateway.test_grants import reads

    async with World() as w:
        s = await Scene(w).enter()
        await s.granted()
        assert await reads(w, s) == "values"
        for code in ("INT-CON-001", "INT-CON-002"):
            ask = ProposeItemChange(item_code=code, reason="年度复核", level=4)
            proposed = await catalogue_changes.propose_item_change(w.gw, w.person("steward"), ask)
            assert isinstance(proposed, ChangeOut)
            done = await catalogue_changes.countersign_item_change(
                w.gw, w.person("compliance"), CountersignItemChange(change_id=proposed.change_id)
            )
            assert isinstance(done, ChangeOut), done
        assert await reads(w, s) != "values"


async def test_groups_and_purposes_and_who_answers() -> None:
    async with World() as w:
        groups = {
            each.group: each for each in (await catalogue.list_groups(w.gw, w.person("analyst"), Nothing())).items
        }
        assert groups["contact"].isolated
        assert not groups["client_name"].isolated
        assert all(each.zh and each.en for each in groups.values())
        usable = {
            each.code
            for each in (await catalogue.list_purposes(w.gw, w.person("bank-user"), Nothing())).items
            if each.usable
        }
        assert "credit-due-diligence" in usable
        assert "supervision" not in usable
        s = await Scene(w).enter()
        await s.granted()
        ask = CatalogueAnswerable(item_code="INT-CON-001")
        found = await catalogue.catalogue_answerable(w.gw, w.person("analyst"), ask)
        assert not isinstance(found, Refusal)
        assert [each.unit_id for each in found.users] == ["research"]
        assert found.stewards[0].people == ("叶初晴",)
        outside = await catalogue.catalogue_answerable(w.gw, w.person("bank-user"), ask)
        assert not isinstance(outside, Refusal)
        assert outside.users == ()
