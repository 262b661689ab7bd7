"""Forgetting on time: what has no duty to be kept goes; what has one (证券法 137: 20 years) is never touched here."""

from gateway.runtime import Gateway
from gateway.store import auth, operation, retention

__all__: list[str] = []

_DAY = 86_400_000_000
_CLAIMS, _SIGN_IN, _OUTBOX, _NOTICES, _FINDINGS = 2, 30, 30, 400, 180  # days


async def forget(gw: Gateway) -> int:
    """Idempotency keys after 2 days, spent sign-in material after 30, delivered mail after 30, read notices after 400,
    error reports after 180 days are gone; returns how many rows went. The trail and the logs stay."""
    async with gw.db.begin() as tx:
        now = tx.now
        gone = await operation.forget_claims(tx, now - _CLAIMS * _DAY)
        gone += await auth.forget_stale(tx, ended_before=now - _SIGN_IN * _DAY, tried_before=now - _DAY)
        gone += await retention.forget_delivered(tx, now - _OUTBOX * _DAY)
        gone += await retention.forget_notices(tx, now - _NOTICES * _DAY)
        gone += await retention.forget_upload_findings(tx, now - _FINDINGS * _DAY)
    return gone
