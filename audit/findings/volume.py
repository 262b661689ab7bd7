"""Too much, too many, at the wrong hour: rules over how often and how much somebody reads."""

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable

from audit.entry import Placed
from audit.events import Event
from audit.findings.finding import CLOSINGS, DAY, HOUR, LOOKS, READS, Finding, Recent, Surroundings, Volumes, Watch


class OutOfHoursBulk(Watch):
    """R01: more than 100 records of level 2 and above within an hour, at night or on a day off."""

    rule, severity = "R01", "high"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._volumes = Volumes()
        self._recent = Recent(HOUR)

    def see(self, placed: Placed) -> None:
        event = placed.event
        if event.action not in CLOSINGS and not self._protected(event):
            return
        weight = self._volumes.added(event)
        if not weight or not self.around.out_of_hours(event.at):
            return
        total = self._recent.add(event.actor, event, weight)
        if total > self.limits.bulk_records:
            self.report("person", event.actor, self._recent.evidence(event.actor), count=total)

    def _protected(self, event: Event) -> bool:
        level = self.limits.bulk_level
        return not event.items or any(self.around.levels.get(item, level) >= level for item in event.items)


class UnusualVolume(Watch):
    """R05: a day's records beyond mean and three deviations of one's own last 30 days, or five times one's peers'."""

    rule, severity = "R05", "medium"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._volumes = Volumes()
        self._days: dict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))  # actor -> day -> records
        self._events: dict[tuple[str, int], list[Event]] = defaultdict(list)
        self._units: dict[str, str] = {}

    def see(self, placed: Placed) -> None:
        event = placed.event
        weight = self._volumes.added(event)
        if not weight:
            return
        day = self.around.local(event.at).toordinal()
        self._days[event.actor][day] += weight
        self._units[event.actor] = event.actor_unit
        held = self._events[event.actor, day]
        if len(held) < 20:
            held.append(event)

    def end(self) -> Iterable[Finding]:
        for actor, days in self._days.items():
            for day, number in sorted(days.items()):
                if number >= self.limits.usual_floor:
                    self._judge(actor, day, number, days)
        return super().end()

    def _judge(self, actor: str, day: int, number: int, days: dict[int, int]) -> None:
        own = [n for d, n in days.items() if day - self.limits.usual_days <= d < day]
        if len(own) >= self.limits.usual_known_days:
            bound = statistics.fmean(own) + self.limits.usual_sigmas * statistics.pstdev(own)
            if number > bound:
                self._found(actor, day, number, bound, "own")
                return
        unit = self._units[actor]
        peers = [
            held[day]
            for other, held in self._days.items()
            if other != actor and self._units[other] == unit and day in held
        ]
        if unit and len(peers) >= self.limits.peers:
            bound = statistics.median(peers) * self.limits.peer_times
            if number > bound:
                self._found(actor, day, number, bound, "peers")

    def _found(self, actor: str, day: int, number: int, bound: float, measure: str) -> None:
        self.report("person", actor, self._events[actor, day], count=number, against=measure, bound=int(bound))


class DenialsThenSuccess(Watch):
    """R09: ten refusals within an hour, and then a read that was allowed."""

    rule, severity = "R09", "high"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._refused = Recent(self.limits.denial_span)

    def see(self, placed: Placed) -> None:
        event = placed.event
        if event.action not in READS:
            return
        if event.outcome == "refused":
            self._refused.add(event.actor, event)
        elif event.outcome == "allowed":
            before = self._refused.total(event.actor, event.at)
            if before >= self.limits.denials:
                self.report("person", event.actor, [*self._refused.evidence(event.actor), event], count=before)
                self._refused.clear(event.actor)


class Enumeration(Watch):
    """R10: more than 200 different clients or searches within an hour, whether or not anything was given."""

    rule, severity = "R10", "high"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._recent = Recent(self.limits.enumeration_span, self._forget)
        self._distinct: dict[str, Counter[str]] = defaultdict(Counter)

    def _forget(self, actor: str, event: Event) -> None:
        counts, sought = self._distinct[actor], _sought(event)
        counts[sought] -= 1
        if not counts[sought]:
            del counts[sought]

    def see(self, placed: Placed) -> None:
        event = placed.event
        if event.action not in READS | LOOKS:
            return
        counts = self._distinct[event.actor]
        counts[_sought(event)] += 1
        self._recent.add(event.actor, event)
        if len(counts) > self.limits.enumerated:
            self.report("person", event.actor, self._recent.evidence(event.actor), count=len(counts))


def _sought(event: Event) -> str:
    """What was looked for: the client, the search text by its fingerprint, or else this very attempt."""
    if event.action == "search":
        return str(event.details.get("text_digest", event.event_id))
    return event.client_id or event.target_id or event.event_id


class LateTries(Watch):
    """R08: three tries within ten minutes to read under a grant that has ended; a success after that is worse."""

    rule, severity = "R08", "high"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._ended: dict[str, int] = {}
        self._recent = Recent(self.limits.late_span)

    def see(self, placed: Placed) -> None:
        event = placed.event
        if event.action in {"grant:revoked", "grant:expired"} and event.outcome == "done":
            self._ended[event.grant_id or event.target_id] = event.at
        if event.action not in READS:
            return
        ended = self._ended.get(event.grant_id) if event.grant_id else None
        if event.outcome == "refused" and (ended is not None or event.reason in {"expired", "revoked"}):
            tries = self._recent.add(event.actor, event)
            if tries >= self.limits.late_tries:
                self.report("person", event.actor, self._recent.evidence(event.actor), count=tries)
        elif event.outcome == "allowed" and ended is not None and event.at > ended + self.limits.revocation_tolerance:
            self.report("grant", event.grant_id, [event], about="read-after-end", severity="critical")


class DormantGrants(Watch):
    """R03: a grant that nobody has used for 90 days."""

    rule, severity = "R03", "low"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._used: dict[str, Event] = {}

    def see(self, placed: Placed) -> None:
        event = placed.event
        if event.grant_id and event.action in READS and event.outcome == "allowed":
            self._used[event.grant_id] = event

    def end(self) -> Iterable[Finding]:
        found = []
        for grant in self.around.grants:
            last = self._used.get(grant.grant_id)
            used = max(grant.last_used_at or 0, last.at if last else 0)
            since = max(grant.not_before, used)
            if self.around.now - since > self.limits.dormant:
                key = f"{self.rule}:{grant.grant_id}:{self.around.day(since)}"
                days = (self.around.now - since) // DAY
                evidence = (last.event_id,) if last else ()
                found.append(
                    Finding(
                        self.rule, self.severity, key, "grant", grant.grant_id, since, self.around.now, days, evidence,
                        {"grantee": grant.grantee, "ever_used": used > 0},
                    )
                )  # fmt: skip
        return sorted(found, key=lambda f: (f.first_at, f.key))
