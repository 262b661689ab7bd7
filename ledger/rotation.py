"""A log changes its key: the old and the new one sign a hand-over, which becomes an entry that anybody can follow.

For a while both sign every checkpoint; then the old one is retired at a recorded size. A key that may have been stolen
hands nothing over: such a log is closed, and a new origin begins with the hash of its last trusted checkpoint.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, update

from ledger.checkpoint import parse_size
from ledger.cosignature import parse_verifier
from ledger.entry import Entry, parse_entry
from ledger.errors import MalformedError, NotInLogError, VerificationError
from ledger.log import Log, Position, Tx
from ledger.note import NoteSigner, Verifier, open_note, parse_note, sign_note
from ledger.tables import log_key

KIND = "key:rotated"
_HEADER = "lianqiao/log-key-rotation/v1"
_WHAT = "key hand-over"
_RETIRE = (
    update(log_key)
    .where(log_key.c.origin == bindparam("o"), log_key.c.key_id == bindparam("k"), log_key.c.retired_at_size.is_(None))
    .values(retired_at_size=bindparam("s"))
)


@dataclass(frozen=True, slots=True)
class HandOver:
    """From `size` on, the key `new` speaks for the log as well."""

    origin: str
    old: Verifier
    new: Verifier
    size: int

    def text(self) -> str:
        """The note text that both keys sign."""
        return f"{_HEADER}\n{self.origin}\n{self.size}\n{self.old.vkey()}\n{self.new.vkey()}\n"


def sign_hand_over(origin: str, old: NoteSigner, new: NoteSigner, size: int, at: int) -> str:
    """The hand-over as a note with both signatures; `at` in microseconds."""
    made = HandOver(origin, parse_verifier(old.vkey()), parse_verifier(new.vkey()), size)
    if {made.old.name, made.new.name} != {origin} or made.old.key_id == made.new.key_id:
        raise MalformedError(_WHAT, "needs two different keys named by the origin")
    return sign_note(made.text(), [old, new], at)


def open_hand_over(note: str) -> HandOver:
    """The hand-over in a note that both its keys signed; else `MalformedError` or `VerificationError`."""
    parsed = parse_note(note)
    lines = parsed.text.split("\n")
    if len(lines) != 6 or lines[0] != _HEADER:
        raise MalformedError(_WHAT, f"needs {_HEADER}, an origin, a size and two keys")
    found = HandOver(lines[1], parse_verifier(lines[3]), parse_verifier(lines[4]), parse_size(lines[2], _WHAT))
    if {found.old.name, found.new.name} != {found.origin} or found.old.key_id == found.new.key_id:
        raise MalformedError(_WHAT, "needs two different keys named by the origin")
    _, good = open_note(parsed, [found.old, found.new])
    if len(good) != 2:
        raise VerificationError("signatures of a hand-over", "by the old and the new key", good[0].key_id.hex())
    return found


async def rotate(tx: Tx, log: Log, old: NoteSigner, new: NoteSigner, entry_id: str) -> Position:
    """True after commit: the log holds the hand-over. Give the log both keys as signers before calling this."""
    size = (await log.checkpoint(tx)).size
    note = sign_hand_over(log.origin, old, new, size, tx.now)
    entry = Entry(KIND, entry_id, tx.now, data={"note": note})
    return await log.append(tx, KIND, entry_id, entry.encode())


async def retire(tx: Tx, origin: str, key_id: bytes, size: int) -> None:
    """True after commit: the key is listed as retired at this size; `NotInLogError` when no such key is in use."""
    if (await tx.execute(_RETIRE, {"o": origin, "k": key_id.hex(), "s": size})).rowcount != 1:
        raise NotInLogError(f"{origin}: no key {key_id.hex()} is in use")


def follow(first: Verifier, leaves: Iterable[bytes]) -> Sequence[HandOver]:
    """The hand-overs that lead from a key one trusts to the newest, in order, out of verified leaves of the log.

    A hand-over by a key that was not handed to before is passed over: it proves nothing to us.
    """
    trusted = {first.vkey()}
    found = []
    for leaf in leaves:
        entry = parse_entry(leaf)
        if entry.kind != KIND:
            continue
        note = entry.data.get("note")
        if not isinstance(note, str):
            raise MalformedError(_WHAT, "the entry holds no note")
        step = open_hand_over(note)
        if step.origin == first.name and step.old.vkey() in trusted:
            trusted.add(step.new.vkey())
            found.append(step)
    return found
