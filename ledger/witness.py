"""A witness (C2SP tlog-witness v1): it cosigns a checkpoint of another's log if that log only ever grew.

Each gateway can be the witness of its partners, and they of it. The answer to a request may leave only after the
transaction it was made in has been committed.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import bindparam, select, text, update

from ledger.checkpoint import Checkpoint, SignedCheckpoint, parse_checkpoint, parse_hash, parse_signed, parse_size
from ledger.errors import LedgerError, MalformedError, VerificationError
from ledger.log import Tx
from ledger.merkle import EMPTY_ROOT, verify_consistency
from ledger.note import NoteSigner, Signature, Verifier, b64, open_note
from ledger.tables import witness_state

SIZE_TYPE = "text/x.tlog.size"
TEXT_TYPE = "text/plain; charset=utf-8"
MAX_PROOF = 63
MAX_BODY_BYTES = 64 * 1024
_WHAT = "add-checkpoint request"

_MINE = (witness_state.c.witness == bindparam("w")) & (witness_state.c.origin == bindparam("o"))
_STATE = select(witness_state).where(_MINE)
_FIRST = text(
    "INSERT INTO witness_state (witness, origin, size, root, note, updated_at) VALUES (:w, :o, 0, :r, '', :t)"
    " ON CONFLICT DO NOTHING"
)
# nothing changes unless the state is still the one that was checked against
_MOVE = (
    update(witness_state)
    .where(_MINE, witness_state.c.size == bindparam("old"), witness_state.c.root == bindparam("old_root"))
    .values(size=bindparam("s"), root=bindparam("r"), note=bindparam("n"), updated_at=bindparam("t"))
)


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """What a log submits: the size it believes the witness knows, the way from there, and its new checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    note: str

    def encode(self) -> bytes:
        """The body of the request."""
        return "".join([f"old {self.old}\n", *(f"{b64(h)}\n" for h in self.proof), "\n", self.note]).encode()


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer. `evidence`: the request, when a known log signed what cannot be true; somebody should look."""

    status: int
    body: bytes
    media_type: str = TEXT_TYPE
    evidence: bytes | None = None


def parse_add_checkpoint(body: bytes) -> AddCheckpoint:
    """The request in a body, nothing verified; `MalformedError` for whatever the protocol does not allow."""
    if len(body) > MAX_BODY_BYTES:
        raise MalformedError(_WHAT, "too long")
    try:
        head, gap, note = body.decode().partition("\n\n")
    except UnicodeDecodeError as error:
        raise MalformedError(_WHAT, "not UTF-8") from error
    first, *lines = head.split("\n")
    if not gap or not first.startswith("old "):
        raise MalformedError(_WHAT, "no old size line, or no empty line after the proof")
    if len(lines) > MAX_PROOF:
        raise MalformedError(_WHAT, f"more than {MAX_PROOF} hashes")
    return AddCheckpoint(
        parse_size(first.removeprefix("old "), _WHAT), tuple(parse_hash(line, _WHAT) for line in lines), note
    )


def origin_hash(origin: str) -> str:
    """How a log is named in a witness's read interface: SHA-256 of its origin, in lowercase hexadecimal."""
    return hashlib.sha256(origin.encode()).hexdigest()


class Witness:
    """Cosigns for the logs in `logs` (origin -> keys that may sign for it) with its own keys, all of one name."""

    def __init__(self, signers: Sequence[NoteSigner], logs: Mapping[str, Sequence[Verifier]]) -> None:
        if len({s.name for s in signers}) != 1:
            raise LedgerError("a witness signs under one name")
        self.name = signers[0].name
        self._signers = tuple(signers)
        self._logs = logs

    async def add_checkpoint(self, tx: Tx, body: bytes) -> Answer:
        """Check, keep and cosign; the status codes are those of the protocol. Commit before answering 200."""
        try:
            request = parse_add_checkpoint(body)
            signed, note = parse_signed(request.note)
        except MalformedError as error:
            return _refused(400, str(error))
        if signed.origin not in self._logs:
            return _refused(404, "unknown log")
        try:
            _, trusted = open_note(note, [v for v in self._logs[signed.origin] if v.name == signed.origin])
        except VerificationError as error:
            return _refused(403, str(error))
        if request.old > signed.size:
            return _refused(400, "the old size is larger than the checkpoint's")
        return await self._advance(tx, request, signed.checkpoint, trusted)

    async def _advance(self, tx: Tx, request: AddCheckpoint, new: Checkpoint, trusted: Sequence[Signature]) -> Answer:
        key = {"w": self.name, "o": new.origin}
        await tx.execute(_FIRST, key | {"r": EMPTY_ROOT, "t": tx.now})
        held = (await tx.execute(_STATE, key)).one()
        if held.size != request.old:
            return _conflict(held.size)
        try:
            if new.size == 0 and new.root != EMPTY_ROOT:
                raise VerificationError("root of the empty tree", EMPTY_ROOT, new.root)
            verify_consistency(held.size, new.size, request.proof, held.root, new.root)
        except VerificationError as error:
            return Answer(422, f"{error}\n".encode(), evidence=request.encode())
        own = [signer.sign(new.text(), tx.now) for signer in self._signers]
        lines = "".join(s.line() for s in own)
        # kept with the log's own signatures and ours, and nobody else's: that is what the read interface serves
        note = new.text() + "\n" + "".join(s.line() for s in trusted) + lines
        row = key | {"old": held.size, "old_root": held.root, "s": new.size, "r": new.root, "n": note, "t": tx.now}
        if (await tx.execute(_MOVE, row)).rowcount != 1:
            return _conflict((await tx.execute(_STATE, key)).one().size)
        return Answer(200, lines.encode())

    async def checkpoint(self, tx: Tx, hashed_origin: str) -> Answer:
        """The latest checkpoint cosigned for a log, named by `origin_hash`; 404 when there is none."""
        origin = next((o for o in self._logs if origin_hash(o) == hashed_origin), None)
        if origin is not None:
            held = (await tx.execute(_STATE, {"w": self.name, "o": origin})).first()
            if held is not None and held.note:
                return Answer(200, held.note.encode())
        return _refused(404, "no checkpoint cosigned")

    async def seen(self, tx: Tx, origin: str) -> SignedCheckpoint | None:
        """The latest checkpoint cosigned for a log, if any."""
        held = (await tx.execute(_STATE, {"w": self.name, "o": origin})).first()
        if held is None or not held.note:
            return None
        return SignedCheckpoint(parse_checkpoint(held.note.split("\n\n")[0] + "\n"), held.note)


def _refused(status: int, why: str) -> Answer:
    return Answer(status, f"{why}\n".encode())


def _conflict(size: int) -> Answer:
    return Answer(409, f"{size}\n".encode(), SIZE_TYPE)
