"""What a log's keeper does in the background, one round at a time: ask witnesses, anchor, and note what was signed.

A round never raises for what others do. It does raise `RollbackError` and `ForkError`: then nothing more may be signed
until somebody has looked.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from ledger.anchors.interface import Anchor, Progress, due, enqueue
from ledger.errors import RollbackError
from ledger.log import Log
from ledger.policy import TrustPolicy
from ledger.rollback import SeenFile
from ledger.submit import Database, Outcome, Post, ask_witnesses


@dataclass(frozen=True, slots=True)
class Duties:
    """What is to be done for one log. Times in microseconds; `patience` in seconds for each witness."""

    log: Log
    trust: TrustPolicy
    post: Post
    anchors: Sequence[Anchor] = ()
    seen: SeenFile | None = None
    anchor_interval: int = 3_600_000_000
    anchor_entries: int = 10_000
    patience: float = 2.0


@dataclass(frozen=True, slots=True)
class Round:
    """What one round did."""

    witnessed: tuple[Outcome, ...] = ()
    anchored: tuple[Progress, ...] = ()
    queued: tuple[str, ...] = field(default=())

    @property
    def done(self) -> int:
        """How much there was to do: 0 when nothing changed."""
        cosigned = sum(o.verdict == "cosigned" for o in self.witnessed)
        return cosigned + len(self.queued) + sum(p.status == "final" for p in self.anchored)


async def tend(db: Database, duties: Duties) -> Round:
    """One round for one log. An unchanged checkpoint that has its quorum is not submitted again.

    `RollbackError` when a witness has seen more than we hold, or an anchor has; `ForkError` when an anchor holds
    another history.
    """
    log = duties.log
    async with db.read() as tx:
        latest = await log.checkpoint(tx)
        confirmed = await log.cosigned(tx, duties.trust)
    if duties.seen is not None:
        duties.seen.note(latest)
    witnessed: tuple[Outcome, ...] = ()
    if not duties.trust.met_by(()) and (confirmed is None or confirmed.size < latest.size):
        witnessed = await ask_witnesses(db, log, duties.trust, duties.post, duties.patience)
        ahead = [o for o in witnessed if o.verdict == "ahead"]
        if ahead:
            raise RollbackError(log.origin, ahead[0].size, int(ahead[0].detail.split()[-1]))
    queued, anchored = [], list[Progress]()
    for anchor in duties.anchors:
        async with db.begin() as tx:
            rule = {"interval": duties.anchor_interval, "entries": duties.anchor_entries}
            wanted = await due(tx, log, anchor.place, **rule)
            if wanted is not None and await enqueue(tx, wanted, anchor.place):
                queued.append(anchor.place)
        anchored += await anchor.advance(db)
    return Round(witnessed, tuple(anchored), tuple(queued))
