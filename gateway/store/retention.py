"""Rows that served their time. Nothing here touches records, grants, logs or the trail: those have floors by law."""

import sqlalchemy as sa

from gateway.store.db import Tx
from gateway.store.tables import operation, records


async def forget_delivered(tx: Tx, before: int) -> int:
    """Mails and posts that left before `before` are gone from the outbox."""
    t = operation.outbox
    return int((await tx.execute(sa.delete(t).where(t.c.done_at.is_not(None), t.c.done_at < before))).rowcount)


async def forget_notices(tx: Tx, before: int) -> int:
    """Notices that were read, and made before `before`, are gone."""
    t = operation.notice
    return int((await tx.execute(sa.delete(t).where(t.c.read_at.is_not(None), t.c.created_at < before))).rowcount)


async def forget_upload_findings(tx: Tx, before: int) -> int:
    """Error reports of uploads finished before `before` are gone; the uploads themselves stay."""
    t = records.upload_error
    old = sa.select(records.upload.c.upload_id).where(records.upload.c.finished_at < before).scalar_subquery()
    return int((await tx.execute(sa.delete(t).where(t.c.upload_id.in_(old)))).rowcount)
