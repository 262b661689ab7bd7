"""A log asks its witnesses: submit the newest checkpoint, keep what they sign, notice who has seen more than we.

No transaction is open while anything is on the network.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Literal, Protocol

from ledger.checkpoint import SignedCheckpoint, parse_size
from ledger.errors import LedgerError, MalformedError, VerificationError
from ledger.log import Log, Tx
from ledger.note import Signature, parse_signature
from ledger.policy import TrustPolicy, WitnessLine
from ledger.witness import AddCheckpoint

# POST this body to this address; answers (status, body). What does not arrive is `OSError` or `TimeoutError`.
Post = Callable[[str, bytes], Awaitable[tuple[int, bytes]]]

Verdict = Literal["cosigned", "refused", "unreachable", "ahead"]
_ATTEMPTS = 3


class Database(Protocol):
    """Opens transactions; `begin` commits on leaving without an exception."""

    def begin(self) -> AbstractAsyncContextManager[Tx]: ...
    def read(self) -> AbstractAsyncContextManager[Tx]: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one witness said about the checkpoint of `size`. `ahead`: it has seen a larger log than ours."""

    witness: str
    size: int
    verdict: Verdict
    detail: str = ""


async def ask_witness(db: Database, log: Log, witness: WitnessLine, post: Post, patience: float = 2.0) -> Outcome:
    """Submit the latest checkpoint to one witness and keep its cosignature. Never raises for what the witness does.

    `patience`: seconds for each request. The size that the witness knows is learned from its answer 409.
    """
    async with db.read() as tx:
        signed = await log.checkpoint(tx)
    old = 0
    for _ in range(_ATTEMPTS):
        async with db.read() as tx:
            proof = await log.prove_consistency(tx, old, signed.size)
        body = AddCheckpoint(old, tuple(proof), _own_lines(log, signed)).encode()
        url = f"{(witness.url or '').rstrip('/')}/add-checkpoint"
        try:
            async with asyncio.timeout(patience):
                status, answer = await post(url, body)
        except (OSError, TimeoutError) as error:
            return Outcome(witness.name, signed.size, "unreachable", type(error).__name__)
        if status == 200:
            return await _keep(db, log, witness, signed, answer)
        if status != 409:
            return Outcome(witness.name, signed.size, "refused", f"status {status}")
        try:
            old = parse_size(answer.decode("ascii", "replace").removesuffix("\n"), "409 answer")
        except MalformedError as error:
            return Outcome(witness.name, signed.size, "refused", str(error))
        if old > signed.size:
            async with db.read() as tx:  # it may only have been faster than we are
                signed = await log.checkpoint(tx)
            if old > signed.size:
                return Outcome(witness.name, signed.size, "ahead", f"has seen {old}")
    return Outcome(witness.name, signed.size, "refused", "the size it knows kept changing")


def _own_lines(log: Log, signed: SignedCheckpoint) -> str:
    """The note without cosignatures: a witness needs the log's signatures only."""
    text, _, lines = signed.note.rpartition("\n\n")
    own = [line for line in lines.splitlines() if parse_signature(line).name == log.origin]
    return text + "\n\n" + "".join(f"{line}\n" for line in own)


async def _keep(db: Database, log: Log, witness: WitnessLine, signed: SignedCheckpoint, answer: bytes) -> Outcome:
    try:
        lines = _lines_of(answer, witness)
        async with db.begin() as tx:
            await log.cosign(tx, signed.size, lines, [witness.verifier])
    except (MalformedError, VerificationError) as error:
        return Outcome(witness.name, signed.size, "refused", str(error))
    return Outcome(witness.name, signed.size, "cosigned")


def _lines_of(answer: bytes, witness: WitnessLine) -> list[str]:
    """The lines by the witness's key; those of unknown keys are ignored, as the protocol demands."""
    try:
        text = answer.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("witness answer", "not UTF-8") from error
    if not text.endswith("\n"):
        raise MalformedError("witness answer", "no newline at the end")
    found: list[Signature] = [parse_signature(line) for line in text[:-1].split("\n")]
    wanted = (witness.verifier.name, witness.verifier.key_id)
    own = [s.line() for s in found if (s.name, s.key_id) == wanted]
    if not own:
        raise MalformedError("witness answer", "no cosignature by the key we know")
    return own


async def ask_witnesses(
    db: Database, log: Log, trust: TrustPolicy, post: Post, patience: float = 2.0
) -> tuple[Outcome, ...]:
    """Ask every witness of the policy that has an address, at once; a slow one delays nobody beyond `patience`."""
    asked = [w for w in trust.witnesses.values() if w.url]
    return tuple(await asyncio.gather(*(ask_witness(db, log, w, post, patience) for w in asked)))


@dataclass(frozen=True, slots=True)
class Evidence:
    """How far witnesses have confirmed a log. `waiting_since`: microseconds, when the first entry beyond was signed."""

    size: int
    cosigned_size: int
    waiting_since: int | None

    def age(self, now: int) -> int:
        """For how many microseconds something has been waiting to be witnessed; 0 when nothing waits."""
        return 0 if self.waiting_since is None else max(0, now - self.waiting_since)


async def evidence(tx: Tx, log: Log, trust: TrustPolicy) -> Evidence:
    """How much of the log has the quorum of `trust`, and since when the rest waits.

    A policy of reading that stops when evidence is too old compares `age` with its limit: witnesses that are down stop
    nothing at once, and everything after the limit.
    """
    latest = await log.checkpoint(tx)
    if trust.met_by(()):
        return Evidence(latest.size, latest.size, None)
    confirmed = await log.cosigned(tx, trust)
    size = confirmed.size if confirmed else 0
    return Evidence(latest.size, size, None if size >= latest.size else await log.signed_at(tx, size + 1))


def check_fresh(found: Evidence, now: int, limit: int) -> None:
    """True afterwards: nothing has waited for witnesses longer than `limit` microseconds. Else `LedgerError`."""
    if found.age(now) > limit:
        waited = found.age(now) // 1_000_000
        raise LedgerError(f"entries from {found.cosigned_size} on have waited {waited} s for witnesses")


def ahead_of_us(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """Those witnesses that saw a larger log than ours: our database may be an older copy, or there are two of us."""
    return [o for o in outcomes if o.verdict == "ahead"]
