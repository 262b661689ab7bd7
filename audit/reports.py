"""The month in numbers: what was read, refused and given out, by whom and for what; counted from the trail alone.

Identifiers only; names are put in by whoever shows the report. Nothing here is an opinion: for those see the findings.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone

from audit.events import Event
from audit.findings.finding import CLOSINGS, READS, SECOND
from audit.findings.rules import in_order
from audit.trail import Db
from ledger.checkpoint import SignedCheckpoint
from ledger.log import Log

SHANGHAI = timezone(timedelta(hours=8))
_OPEN_READS = 10_000


@dataclass(slots=True)
class Numbers:
    """Counts over some events. `reads` are reads that were allowed, each once; `records` the rows they gave."""

    reads: int = 0
    refused: int = 0
    failed: int = 0
    records: int = 0
    people: set[str] = field(default_factory=set)
    clients: set[str] = field(default_factory=set)

    def as_dict(self) -> dict[str, int]:
        """The counts; of people and clients how many different ones."""
        return {
            "reads": self.reads, "refused": self.refused, "failed": self.failed, "records": self.records,
            "people": len(self.people), "clients": len(self.clients),
        }  # fmt: skip


@dataclass(slots=True)
class Report:
    """The numbers of a span of time, `since` (included) to `until` (not), microseconds; days are local dates.

    `acts` counts every action with its outcome ("grant:revoked done"). `checkpoint`: the trail's log when the report
    was made, so that it can be held against the log later; None when it was counted without a log.
    """

    since: int
    until: int
    events: int = 0
    total: Numbers = field(default_factory=Numbers)
    by_unit: dict[str, Numbers] = field(default_factory=dict)
    by_institution: dict[str, Numbers] = field(default_factory=dict)
    by_purpose: dict[str, Numbers] = field(default_factory=dict)
    by_item: dict[str, Numbers] = field(default_factory=dict)
    by_day: dict[str, Numbers] = field(default_factory=dict)
    by_verb: dict[str, Numbers] = field(default_factory=dict)
    refusals: Counter[str] = field(default_factory=Counter)
    acts: Counter[str] = field(default_factory=Counter)
    checkpoint: SignedCheckpoint | None = None

    def as_dict(self) -> dict[str, object]:
        """Plain values, keys in order, for JSON and tables."""
        whole: dict[str, object] = {"since": self.since, "until": self.until, "events": self.events}
        whole["total"] = self.total.as_dict()
        for name in ("by_unit", "by_institution", "by_purpose", "by_item", "by_day", "by_verb"):
            whole[name] = {key: numbers.as_dict() for key, numbers in sorted(getattr(self, name).items())}
        whole["refusals"] = dict(sorted(self.refusals.items()))
        whole["acts"] = dict(sorted(self.acts.items()))
        if self.checkpoint is not None:
            whole["checkpoint"] = self.checkpoint.note
        return whole


class Tally:
    """Counts events into a report as they go by, in any order."""

    def __init__(self, since: int, until: int, zone: timezone = SHANGHAI) -> None:
        self.report = Report(since, until)
        self._zone = zone
        self._reads: dict[str, dict[str, int]] = {}  # read -> place and outcome -> records counted there

    def see(self, event: Event) -> None:
        """Count one event; those outside the span are not."""
        report = self.report
        if not report.since <= event.at < report.until:
            return
        report.events += 1
        report.acts[f"{event.action} {event.outcome}"] += 1
        if event.action in CLOSINGS and event.read_id in self._reads:
            self._close(replace(event, action=CLOSINGS[event.action], items=()), self._reads[event.read_id])
        if event.action not in READS:
            return
        held = self._read(event.read_id or event.event_id)
        if event.outcome == "refused" and held.setdefault(f"because {event.reason}", 0) == 0:
            held[f"because {event.reason}"] = 1
            report.refusals[event.reason or "unsaid"] += 1
        for numbers, place in self._places(event):
            self._count(numbers, event, held, f"{place} {event.outcome}")
        if event.outcome == "allowed":
            # An item stands in one class of fields, and so in one event for each of the rows: here the rows add up.
            for item in dict.fromkeys(event.items):
                report.by_item.setdefault(item, Numbers()).records += _given(event)

    def _close(self, event: Event, held: dict[str, int]) -> None:
        """The closing event of a read tells all the rows it gave; its other events tell those of a class each."""
        for numbers, place in self._places(event):
            known = held.get(f"{place} allowed")
            if known is not None and event.record_count is not None:
                numbers.records += max(0, event.record_count - known)
                held[f"{place} allowed"] = max(event.record_count, known)

    def _read(self, read_id: str) -> dict[str, int]:
        """What was counted of this read. Its events stand close together, so the oldest reads may be forgotten."""
        held = self._reads.get(read_id)
        if held is None:
            held = self._reads[read_id] = {}
            if len(self._reads) > _OPEN_READS:
                del self._reads[next(iter(self._reads))]
        return held

    @staticmethod
    def _count(numbers: Numbers, event: Event, held: dict[str, int], place: str) -> None:
        """A read of several classes of fields leaves several events over the same rows: one read, its rows once.

        Where one class was allowed and another refused it counts among both.
        """
        if place not in held:
            held[place] = 0
            numbers.reads += event.outcome == "allowed"
            numbers.refused += event.outcome == "refused"
            numbers.failed += event.outcome == "failed"
        numbers.people.add(event.actor)
        if event.outcome == "allowed":
            if not place.startswith("item "):
                numbers.records += max(0, _given(event) - held[place])
                held[place] = max(_given(event), held[place])
            if event.client_id:
                numbers.clients.add(event.client_id)

    def _places(self, event: Event) -> Iterable[tuple[Numbers, str]]:
        report = self.report
        yield report.total, "total"
        day = datetime.fromtimestamp(event.at // SECOND, self._zone).date().isoformat()
        for name, table, key in (
            ("unit", report.by_unit, event.actor_unit),
            ("institution", report.by_institution, event.actor_institution),
            ("purpose", report.by_purpose, event.purpose),
            ("day", report.by_day, day),
            ("verb", report.by_verb, event.action),
        ):
            yield table.setdefault(key, Numbers()), f"{name} {key}"
        for item in dict.fromkeys(event.items):
            yield report.by_item.setdefault(item, Numbers()), f"item {item}"


def _given(event: Event) -> int:
    return 1 if event.record_count is None else event.record_count


def month_bounds(year: int, month: int, zone: timezone = SHANGHAI) -> tuple[int, int]:
    """The first moment of the local month and the first after it, microseconds. `ValueError` for no such month."""
    first = date(year, month, 1)
    after = date(year + month // 12, month % 12 + 1, 1)
    begin, end = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in (first, after))
    return int(begin.timestamp()) * SECOND, int(end.timestamp()) * SECOND


async def span_report(db: Db, log: Log | None, since: int, until: int, zone: timezone = SHANGHAI) -> Report:
    """The numbers of any span, in one pass over its events; memory grows with people and clients, not with events."""
    tally = Tally(since, until, zone)
    async for one in in_order(db, since, until):
        tally.see(one.event)
    if log is not None:
        async with db.read() as tx:
            tally.report.checkpoint = await log.checkpoint(tx)
    return tally.report


async def monthly_report(db: Db, log: Log | None, year: int, month: int, zone: timezone = SHANGHAI) -> Report:
    """The numbers of one local month."""
    return await span_report(db, log, *month_bounds(year, month, zone), zone)
