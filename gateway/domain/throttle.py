"""How often is too often: token buckets per caller, and the growing delay after failed sign-ins."""

from collections import OrderedDict
from dataclasses import dataclass, replace

SECOND = 1_000_000
_FIRST_DELAY = 30 * SECOND
_LONGEST_DELAY = 15 * 60 * SECOND
FORGOTTEN_AFTER = 60 * 60 * SECOND  # quiet time after which failures no longer count


@dataclass(frozen=True, slots=True)
class Attempts:
    """What is remembered of one login or address. Times in microseconds."""

    failures: int = 0
    last_at: int = 0
    locked_until: int = 0


def counted(attempts: Attempts, allowed: int, now: int) -> Attempts:
    """`attempts` with one more failure; from `allowed` failures on, locked for 30 s, doubling up to 15 minutes."""
    failures = 1 if now - attempts.last_at > FORGOTTEN_AFTER else attempts.failures + 1
    over = failures - allowed
    delay = 0 if over < 0 else min(_FIRST_DELAY << min(over, 10), _LONGEST_DELAY)
    return Attempts(failures, now, now + delay if delay else 0)


def excused(attempts: Attempts) -> Attempts:
    """`attempts` without the newest one: it turned out to be right."""
    return replace(attempts, failures=max(0, attempts.failures - 1), locked_until=0)


def wait(attempts: Attempts, now: int) -> int:
    """Whole seconds until the next attempt is judged; 0: now."""
    left = attempts.locked_until - now
    return 0 if left <= 0 else -(-left // SECOND)


class Buckets:
    """Token buckets by key, in this process: `per_minute` on average, `burst` at once, for at most `most` keys."""

    def __init__(self, per_minute: int, burst: int | None = None, most: int = 65_536) -> None:
        self._rate = per_minute / 60.0 / SECOND
        self._burst = float(burst or per_minute)
        self._most = most
        self._kept: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def take(self, key: str, now: int) -> int:
        """0 when `key` may go on, and one token is gone; else whole seconds to wait. A clock set back costs nothing."""
        left, at = self._kept.pop(key, (self._burst, now))
        left = min(self._burst, left + max(0, now - at) * self._rate)
        allowed = left >= 1.0
        self._kept[key] = (left - 1.0 if allowed else left, now)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return 0 if allowed else max(1, round((1.0 - left) / self._rate / SECOND))
