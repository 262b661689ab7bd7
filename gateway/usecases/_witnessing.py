"""Witness of others' logs and keeper of our own: cosign, ask for cosignatures, anchor. Never while a request waits."""

import hashlib

import structlog

from gateway.domain.principal import system_principal
from gateway.partners import constant, post_by
from gateway.runtime import Gateway, event_of
from gateway.store.db import TransientConflict
from ledger.duties import Duties, tend
from ledger.errors import ForkError, RollbackError
from ledger.rollback import largest_seen
from ledger.sql import SqlLog
from ledger.witness import Answer

_log = structlog.get_logger("lianqiao.ledger")
_ATTEMPTS = 3


async def add_checkpoint(gw: Gateway, body: bytes) -> Answer:
    """The checkpoint is cosigned and kept, if its log only ever grew; the answer is the protocol's, after the commit.

    A known log that signed what cannot be true is noted on the trail with the hash of the proof of it.
    """
    assert gw.witness is not None
    for attempt in range(_ATTEMPTS):
        try:
            async with gw.db.begin() as tx:
                answer = await gw.witness.add_checkpoint(tx, body)
            break
        except TransientConflict:
            if attempt == _ATTEMPTS - 1:
                raise
    if answer.evidence is not None:
        digest = hashlib.sha256(answer.evidence).hexdigest()
        _log.error("split-view", evidence=digest)
        async with gw.begin() as write:
            write.record(
                event_of(
                    system_principal("witness"), "witness:refused", write.now, target_kind="checkpoint",
                    target_id=digest, outcome="refused", reason="split-view",
                )
            )  # fmt: skip
    return answer


async def latest_checkpoint(gw: Gateway, hashed_origin: str) -> Answer:
    """The latest checkpoint that we cosigned for a log, by the hash of its origin."""
    assert gw.witness is not None
    async with gw.db.read() as tx:
        return await gw.witness.checkpoint(tx, hashed_origin)


async def tend_logs(gw: Gateway) -> int:
    """Our witnesses were asked for what they have not confirmed, and what was due is on its way to the anchors.

    When somebody has seen more than this database holds, or another history, the log signs nothing more in this
    process, and the database is refused (`would-fork`) at the next start.
    """
    done = 0
    for log in (gw.grants_log, gw.trail.log):
        assert isinstance(log, SqlLog)
        try:
            round_ = await tend(gw.db, Duties(log, gw.trust, post_by(gw.transport), gw.anchors))
        except RollbackError as error:
            log.doubt(largest_seen({"others": constant(error.seen)}, needed=1))
            _log.critical("log-is-behind", origin=log.origin, ours=error.ours, seen=error.seen)
        except ForkError:
            log.doubt(_never)
            _log.critical("log-has-forked", origin=log.origin)
        else:
            done += round_.done
            for each in round_.witnessed:
                if each.verdict != "cosigned":
                    _log.warning("not-witnessed", origin=log.origin, witness=each.witness, why=each.detail)
    return done


async def _never() -> int:
    raise ForkError("another history of this log is anchored: nothing may be signed")
