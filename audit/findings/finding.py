"""A finding, what rules may know besides the events, and the few shapes that they share."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from itertools import islice

from audit.entry import Placed
from audit.events import Detail, Event

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
_OPEN_READS = 10_000
EVIDENCE = 20  # events named in a finding; all of them are found by actor and time

# Verbs that release protected values, and those that look at names.
READS = frozenset({"disclose", "query", "verify", "export"})
LOOKS = frozenset({"search", "card"})
# What ends a read of many rows, with the number of all of them.
CLOSINGS = {"query:closed": "query", "export:closed": "export"}
GOOD = frozenset({"allowed", "done"})


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at. `key` is the same when the same thing is found again, so that it is opened once.

    `subject` is the person, grant, request or stream it is about; `first_at` and `last_at` microseconds; `events` the
    first of the events that show it; `count` how many there were, or how much, in the rule's own measure.
    """

    rule: str
    severity: str
    key: str
    subject_kind: str
    subject: str
    first_at: int
    last_at: int
    count: int
    events: tuple[str, ...] = ()
    details: Mapping[str, Detail] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GrantGiven:
    """A live grant, as rule R03 needs to know it. Times in microseconds."""

    grant_id: str
    grantee: str
    not_before: int
    last_used_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The thresholds, at their defaults. An installation may set its own; spans are microseconds, hours local."""

    closes: int = 20
    opens: int = 7
    bulk_records: int = 100
    bulk_level: int = 2
    purpose_characters: int = 20
    purpose_repeats: int = 5
    dormant: int = 90 * DAY
    ring: int = 7 * DAY
    usual_days: int = 30
    usual_known_days: int = 5
    usual_sigmas: float = 3.0
    usual_floor: int = 50
    peer_times: float = 5.0
    peers: int = 3
    late_tries: int = 3
    late_span: int = 10 * MINUTE
    denials: int = 10
    denial_span: int = HOUR
    enumerated: int = 200
    enumeration_span: int = HOUR
    rubber_stamp: int = 10 * SECOND
    rubber_stamps: int = 5
    shared_span: int = 30 * MINUTE
    clock_tolerance: int = 5 * MINUTE
    revocation_tolerance: int = 5 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a rule may know besides the events.

    `is_working` tells working days; without a calendar Monday to Friday. `levels` are the items' levels; an item that
    is not listed counts as protected. `grants` are those live at `now`. `faults` are what verification and sealing
    found.
    """

    now: int
    is_working: Callable[[date], bool] = lambda day: day.weekday() < 5
    levels: Mapping[str, int] = field(default_factory=dict)
    grants: Sequence[GrantGiven] = ()
    faults: Sequence[str] = ()
    limits: Limits = field(default_factory=Limits)
    zone: timezone = timezone(timedelta(hours=8))  # China has one, without summer time

    def local(self, at: int) -> datetime:
        """`at` on the wall clock of the installation."""
        return datetime.fromtimestamp(at // SECOND, self.zone)

    def day(self, at: int) -> str:
        """The local date of `at`, as an ISO string."""
        return self.local(at).date().isoformat()

    def out_of_hours(self, at: int) -> bool:
        """Whether `at` lies outside the working hours of a working day."""
        local = self.local(at)
        return not self.is_working(local.date()) or not self.limits.opens <= local.hour < self.limits.closes


class Watch:
    """One rule at work on one run: sees every event once, in the order of time, and reports at the end."""

    rule = ""
    severity = "medium"

    def __init__(self, around: Surroundings) -> None:
        self.around = around
        self.limits = around.limits
        self._drafts: dict[str, Finding] = {}

    def see(self, placed: Placed) -> None:
        """One event goes by."""

    def end(self) -> Iterable[Finding]:
        """What was found, the earliest first. No event follows."""
        return sorted(self._drafts.values(), key=lambda found: (found.first_at, found.key))

    def report(
        self,
        subject_kind: str,
        subject: str,
        events: Sequence[Event],
        *,
        count: int | None = None,
        about: str | None = None,
        severity: str | None = None,
        **details: Detail,
    ) -> None:
        """Draft a finding, or widen the one drafted for the same subject and matter (`about`; the day when None)."""
        first, last = events[0], events[-1]
        key = f"{self.rule}:{subject}:{self.around.day(first.at) if about is None else about}"
        number = len(events) if count is None else count
        held = self._drafts.get(key)
        ids = list(held.events) if held else []
        ids += [event.event_id for event in events if event.event_id not in ids][: max(0, EVIDENCE - len(ids))]
        self._drafts[key] = Finding(
            self.rule, severity or self.severity, key, subject_kind, subject,
            min(first.at, held.first_at) if held else first.at, max(last.at, held.last_at) if held else last.at,
            max(number, held.count) if held else number, tuple(ids),
            details if held is None or number > held.count else held.details,
        )  # fmt: skip


class Recent:
    """The events of the last `span` by key, each with a weight. Every event costs the same, however many there are."""

    def __init__(self, span: int, gone: Callable[[str, Event], None] | None = None) -> None:
        self._span = span
        self._gone = gone  # is told of each event that falls out of the window
        self._held: dict[str, deque[tuple[Event, int]]] = {}
        self._totals: dict[str, int] = {}

    def add(self, key: str, event: Event, weight: int = 1) -> int:
        """Take `event` in; returns the weight that the window ending with it holds. Its start is not part of it."""
        self._held.setdefault(key, deque()).append((event, weight))
        self._totals[key] = self._totals.get(key, 0) + weight
        return self.total(key, event.at)

    def total(self, key: str, now: int) -> int:
        """The weight that the window ending at `now` holds."""
        held = self._held.get(key)
        while held and held[0][0].at <= now - self._span:
            event, weight = held.popleft()
            self._totals[key] -= weight
            if self._gone is not None:
                self._gone(key, event)
        return self._totals.get(key, 0)

    def evidence(self, key: str) -> list[Event]:
        """The first events in the window, as many as a finding names, and the last."""
        held = self._held.get(key, deque())
        first = [event for event, _ in islice(held, EVIDENCE - 1)]
        return [*first, held[-1][0]] if len(held) > len(first) else first

    def clear(self, key: str) -> None:
        """Begin anew for `key`."""
        self._held.pop(key, None)
        self._totals.pop(key, None)


class Volumes:
    """How many records a read gave, counted once a read: its events of several field classes repeat the rows."""

    def __init__(self) -> None:
        self._seen: dict[str, int] = {}

    def added(self, event: Event) -> int:
        """The records that this event adds to what its read has given so far. 0 for what gave nothing.

        The closing event of a read tells all its rows; until then the largest of its events counts.
        """
        number = 1 if event.record_count is None else event.record_count
        read = event.read_id or event.event_id
        if event.action in CLOSINGS:
            if read not in self._seen:
                return 0
        elif event.action not in READS or event.outcome != "allowed":
            return 0
        before = self._seen.get(read, 0)
        self._seen[read] = max(before, number)
        if len(self._seen) > _OPEN_READS:  # the events of one read stand close together: the oldest may be forgotten
            del self._seen[next(iter(self._seen))]
        return max(0, number - before)
