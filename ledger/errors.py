"""How the ledger says no: malformed bytes, a proof that fails, a log that would contradict itself."""


class LedgerError(Exception):
    """Whatever goes wrong in this room; the message holds no protected value."""


class MalformedError(LedgerError, ValueError):
    """The bytes are not what the format allows. `what` names the format, the message the first rule broken."""

    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"{what}: {reason}")
        self.what = what
        self.reason = reason


class VerificationError(LedgerError):
    """Well-formed, and not true: `step` names the check, `expected` and `got` what differed."""

    def __init__(self, step: str, expected: object, got: object) -> None:
        super().__init__(f"{step}: expected {_shown(expected)}, got {_shown(got)}")
        self.step = step
        self.expected = expected
        self.got = got


class ForkError(LedgerError):
    """Signing now would contradict what was signed before: a smaller size, or a second root for one size."""


class RollbackError(ForkError):
    """Others have seen a larger log than ours: this database is an older copy, and must not sign."""

    def __init__(self, origin: str, ours: int, seen: int) -> None:
        super().__init__(f"{origin}: we hold {ours} entries, others saw {seen}; a restored copy must not sign")
        self.origin = origin
        self.ours = ours
        self.seen = seen


class NotInLogError(LedgerError, LookupError):
    """There is no such entry, checkpoint or tile in this log."""


def _shown(value: object) -> str:
    return value.hex() if isinstance(value, bytes) else str(value)
