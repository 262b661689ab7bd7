"""The month in numbers, against numbers counted by hand."""

from datetime import UTC, timezone

import pytest

from audit.reports import SHANGHAI, Tally, month_bounds, monthly_report, span_report
from ledger.checkpoint import open_checkpoint
from ledger.note import Ed25519Signer
from tests.audit.conftest import ORIGIN, Room
from tests.audit.test_findings import NOON, at, do
from tests.audit.test_verify import verifier


def test_a_month_begins_and_ends_at_local_midnight() -> None:
    assert month_bounds(2026, 3) == (at("2026-03-01T00:00"), at("2026-04-01T00:00"))
    assert month_bounds(2026, 12) == (at("2026-12-01T00:00"), at("2027-01-01T00:00"))
    assert month_bounds(1970, 2, UTC)[0] == 31 * 86_400_000_000
    with pytest.raises(ValueError, match="month"):
        month_bounds(2026, 13)


def test_a_read_counts_once_whatever_events_it_left() -> None:
    tally = Tally(0, NOON * 2)
    refused = {"outcome": "refused", "reason": "no-grant"}
    read = [
        do(NOON, action="query", read_id="r-1", record_count=30, items=("I-1",), actor="p-1"),
        do(NOON, action="query", read_id="r-1", record_count=40, items=("I-2",), actor="p-1"),
        do(NOON, action="query", read_id="r-1", record_count=30, items=("I-3",), actor="p-1", **refused),
        do(NOON, action="query", read_id="r-1", record_count=5, items=("I-4",), actor="p-1", **refused),
        do(NOON, action="query:closed", read_id="r-1", record_count=70, outcome="done", actor="p-1"),
        do(NOON, action="query:closed", read_id="r-unknown", record_count=99, outcome="done", actor="p-1"),
    ]  # fmt: skip
    for event in read:
        tally.see(event)
    report = tally.report.as_dict()
    assert report["total"] == {"reads": 1, "refused": 1, "failed": 0, "records": 70, "people": 1, "clients": 1}
    assert report["by_verb"]["query"]["records"] == 70  # type: ignore[index]
    assert {item: n["records"] for item, n in report["by_item"].items()} == {"I-1": 30, "I-2": 40, "I-3": 0, "I-4": 0}  # type: ignore[attr-defined]
    assert report["refusals"] == {"no-grant": 1}
    assert report["acts"] == {"query allowed": 2, "query refused": 2, "query:closed done": 2}


def test_counts_by_whom_and_for_what() -> None:
    tally = Tally(NOON, NOON + 86_400_000_000)
    for event in (
        do(NOON - 1),  # before
        do(NOON, actor="p-1", actor_unit="u-1", client_id="c-1", purpose="a"),
        do(NOON + 1, actor="p-2", actor_unit="u-1", client_id="c-1", purpose="a", record_count=None),
        do(NOON + 2, actor="p-2", actor_unit="u-2", client_id="c-2", purpose="b", action="export", record_count=9),
        do(NOON + 3, actor="p-2", actor_unit="u-2", outcome="refused", reason="expired", record_count=0),
        do(NOON + 4, actor="p-2", actor_unit="u-2", outcome="refused", reason="", record_count=0),
        do(NOON + 5, actor="p-3", action="disclose:failed", outcome="failed"),
        do(NOON + 50_000_000_000, actor="p-1", actor_unit="u-1", action="verify"),  # after midnight
        do(NOON + 6, action="grant:revoked", outcome="done"),
        do(NOON + 86_400_000_000),  # after
    ):
        tally.see(event)
    report = tally.report
    assert report.events == 8
    assert report.by_unit["u-1"].as_dict() == {
        "reads": 3, "refused": 0, "failed": 0, "records": 3, "people": 2, "clients": 1,
    }  # fmt: skip
    assert report.by_unit["u-2"].as_dict() == {
        "reads": 1, "refused": 2, "failed": 0, "records": 9, "people": 1, "clients": 1,
    }  # fmt: skip
    assert report.refusals == {"expired": 1, "unsaid": 1}
    assert {p: n.reads for p, n in report.by_purpose.items()} == {"a": 2, "b": 1, "credit-review": 1}
    assert {d: n.reads for d, n in report.by_day.items()} == {"2026-03-04": 3, "2026-03-05": 1}
    assert {v: n.reads for v, n in report.by_verb.items()} == {"disclose": 2, "export": 1, "verify": 1}
    assert report.acts["grant:revoked done"] == 1
    assert report.total.as_dict()["clients"] == 2


async def test_the_report_of_a_month_is_read_from_the_trail_under_its_checkpoint(room: Room) -> None:
    trail = await room.trail()
    begin, end = month_bounds(2026, 3)
    for when in (begin - 1, begin, NOON, end - 1, end):
        await trail.queue(do(when))
    await room.seal()
    report = await monthly_report(room.db, room.log, 2026, 3)
    assert (report.events, report.total.reads) == (3, 3)
    assert report.checkpoint is not None
    assert open_checkpoint(report.checkpoint.note, [verifier()]).size == 5
    assert Ed25519Signer(ORIGIN, bytes(range(32))).name in str(report.as_dict()["checkpoint"])
    assert (await span_report(room.db, None, begin, begin + 1)).as_dict().get("checkpoint") is None
    assert isinstance(SHANGHAI, timezone)


def test_the_memory_of_open_reads_is_bounded() -> None:
    tally = Tally(0, NOON * 2)
    for n in range(10_100):
        tally.see(do(NOON + n, read_id=f"r-{n}"))
    assert tally.report.total.reads == tally.report.total.records == 10_100
    assert len(tally._reads) == 10_000
