"""The trail itself: what verification found, and clocks that went backwards."""

import hashlib
from collections.abc import Iterable

from audit.entry import Placed
from audit.events import Event
from audit.findings.finding import Finding, Surroundings, Watch


class BrokenTrail(Watch):
    """R20: a gap, an altered or unsealable event, or a clock that jumped. Any of them is critical."""

    rule, severity = "R20", "critical"

    def __init__(self, around: Surroundings) -> None:
        super().__init__(around)
        self._last: dict[str, tuple[int, Event]] = {}
        self._waiting: dict[str, dict[int, Event]] = {}

    def see(self, placed: Placed) -> None:
        """Events come by time; a jump shows where the next number of a stream came by before."""
        event = placed.event
        if event.at > self.around.now + self.limits.clock_tolerance:
            self.report("stream", placed.stream_id, [event], about=f"ahead:{placed.seq}", why="clock-ahead")
        last = self._last.get(placed.stream_id)
        if last is not None and placed.seq < last[0] and event.at - last[1].at > self.limits.clock_tolerance:
            self.report("stream", placed.stream_id, [last[1], event], about=f"back:{last[0]}", why="clock-back")
        if last is None or placed.seq > last[0]:
            self._last[placed.stream_id] = (placed.seq, event)

    def end(self) -> Iterable[Finding]:
        now = self.around.now
        faults = []
        for text in dict.fromkeys(self.around.faults):
            key = f"{self.rule}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
            why = {"why": "verification"}
            faults.append(Finding(self.rule, self.severity, key, "trail", text[:200], now, now, 1, (), why))
        return [*super().end(), *faults]
