"""Who must sign, for every item of the catalogue and every kind of receiver; and how long they may take."""

from collections import Counter
from dataclasses import replace

import pytest

from gateway.domain.access import CANNOT_BE_ASKED, Clocks, needs_request, route, unaskable
from gateway.domain.catalogue import DataItem, default_catalogue
from gateway.errors import Problem

CATALOGUE = default_catalogue()

# H department head, O owner, C compliance, P personal-information officer, X chief compliance officer.
# (partner?, personal?, sensitive?) -> level -> who signs. Source: domain rules of application and approval.
SIGNERS = {
    (False, False, False): {1: "HO", 2: "HO", 3: "HOC", 4: "HOCX"},
    (False, True, False): {1: "HOC", 2: "HOC", 3: "HOC", 4: "HOCX"},
    (False, True, True): {4: "HOCPX"},
    (True, False, False): {1: "HOC", 2: "HOC", 3: "HOC", 4: "HOCX"},
    (True, True, False): {1: "HOCP", 2: "HOCP", 3: "HOCP", 4: "HOCPX"},
    (True, True, True): {4: "HOCPX"},
}
HINDRANCE = {"not-shared": "0", "no-request-needed": "-", "own-data": "="}
LETTER = {"dept_head": "H", "data_owner": "O", "compliance": "C", "pi_officer": "P", "cco": "X"}
KINDS = {
    "another department": {"requester_unit": "asset-management", "partner": False, "rows": 10},
    "a bank": {"requester_unit": "some-bank", "partner": True, "rows": 10},
    "a park": {"requester_unit": "some-park", "partner": True, "rows": 10},
    "another department, bulk": {"requester_unit": "asset-management", "partner": False, "rows": 501},
}


def letters(item: DataItem, **receiver: object) -> str:
    """The signatures that `item` takes: letters; "-" free to read, "0" never shared, "=" one's own."""
    try:
        steps = route([item], **receiver)  # type: ignore[arg-type]
    except Problem as problem:
        return HINDRANCE[problem.errors[0].code]
    return "".join(LETTER[step.role] for step in steps)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("item", CATALOGUE, ids=lambda item: item.code)
def test_every_item_for_every_kind_of_receiver(item: DataItem, kind: str) -> None:
    receiver = KINDS[kind]
    partner = bool(receiver["partner"])
    found = letters(item, **receiver)
    if item.mode == "not_shared":
        assert found == "0"
    elif item.mode == "catalogue_open" or (item.mode == "mandatory_name_share" and not partner):
        assert found == "-"
    else:
        expected = SIGNERS[partner, item.personal, item.sensitive][item.level]
        if kind.endswith("bulk") and "C" not in expected:
            expected += "C"
        assert found == expected
    assert letters(item, **{**receiver, "requester_unit": item.owner_unit}) == ("0" if found == "0" else "=")


def test_the_whole_catalogue_in_numbers() -> None:
    counts = {kind: Counter(letters(item, **receiver) for item in CATALOGUE) for kind, receiver in KINDS.items()}
    # counted by hand from the columns level, mode and personal of the file
    assert counts["another department"] == {"HO": 14, "HOC": 58, "HOCX": 1, "-": 41, "0": 8}
    assert counts["a bank"] == {"HOC": 52, "HOCP": 26, "HOCX": 1, "-": 35, "0": 8}
    assert counts["a park"] == counts["a bank"]
    assert counts["another department, bulk"] == {"HOC": 72, "HOCX": 1, "-": 41, "0": 8}


def test_each_owner_signs_for_its_own_items_and_one_waits_ten_days_for_an_unpublished_one() -> None:
    items = [CATALOGUE.get(code) for code in ("INT-CON-001", "INT-VIS-001", "INT-COO-006")]
    owners = {"INT-CON-001": ["ib", "credit"], "INT-VIS-001": ["ib"]}
    steps = route(items, requester_unit="research", partner=False, rows=1, owners=owners, unpublished={"INT-VIS-001"})
    assert [(s.role, s.unit, s.items, s.days) for s in steps] == [
        ("dept_head", "research", ("INT-CON-001", "INT-COO-006", "INT-VIS-001"), 1),
        ("data_owner", "brokerage", ("INT-COO-006",), 5),
        ("data_owner", "credit", ("INT-CON-001",), 5),
        ("data_owner", "ib", ("INT-CON-001", "INT-VIS-001"), 10),
        ("compliance", "", ("INT-CON-001", "INT-COO-006", "INT-VIS-001"), 2),
    ]


def test_the_requesters_own_unit_does_not_sign_for_its_own_use() -> None:
    item = CATALOGUE.get("INT-VIS-001")
    steps = route([item], requester_unit="ib", partner=False, rows=1, owners={item.code: ["ib", "wealth"]})
    assert [(s.role, s.unit) for s in steps] == [("dept_head", "ib"), ("data_owner", "wealth")]


def test_a_crossing_of_the_wall_and_five_hundred_and_one_rows_bring_compliance_in() -> None:
    item = CATALOGUE.get("INT-VIS-001")

    def roles(**more: object) -> list[str]:
        return [s.role for s in route([item], requester_unit="research", partner=False, **more)]  # type: ignore[arg-type]

    assert roles(rows=500) == ["dept_head", "data_owner"]
    assert roles(rows=501) == ["dept_head", "data_owner", "compliance"]
    assert roles(rows=1, cross_wall=True) == ["dept_head", "data_owner", "compliance"]


def test_the_clocks_can_be_set() -> None:
    clocks = Clocks(dept_head=3, data_owner=4, compliance=5, pi_officer=6, cco=7)
    item = replace(CATALOGUE.get("INT-CON-007"), mode="approval_gated")
    steps = route([item], requester_unit="research", partner=True, rows=1, clocks=clocks)
    assert [(s.role, s.days) for s in steps] == [
        ("dept_head", 3), ("data_owner", 4), ("compliance", 5), ("pi_officer", 6), ("cco", 7),
    ]  # fmt: skip


def test_important_data_cannot_be_asked_for_and_every_hindrance_is_named() -> None:
    important = replace(CATALOGUE.get("INT-COO-005"), level=5)
    items = [important, CATALOGUE.get("INT-CMP-001"), CATALOGUE.get("GOV-SAM-001"), CATALOGUE.get("INT-CON-001")]
    errors = unaskable(items, partner=False, unit="research")
    assert [error.code for error in errors] == ["important-data", "not-shared", "no-request-needed"]
    assert "隔离墙" in errors[1].message_zh, "a refusal names its basis"
    with pytest.raises(Problem) as caught:
        route(items, requester_unit="research", partner=False, rows=1)
    assert (caught.value.code, caught.value.errors) == (CANNOT_BE_ASKED, errors)
    with pytest.raises(Problem):
        route([], requester_unit="research", partner=False, rows=1)


def test_an_open_item_that_is_not_readable_wants_a_request() -> None:
    listed_only = replace(CATALOGUE.get("GOV-SAM-001"), readable=False, personal=False)
    assert needs_request(listed_only, partner=False)
    assert letters(listed_only, **KINDS["another department"]) == "HO"
