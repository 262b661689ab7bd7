"""What fsck looks up beside the logs: entries without their grant, sealed rows that were put back."""

import sqlalchemy as sa

from gateway.store.db import Tx
from gateway.store.tables import access, keys, records
from ledger.tables import log_entry


async def stray_entries(tx: Tx) -> list[str]:
    """Entries that say a grant was made, without the grant; the foreign key holds the other way."""
    g = access.access_grant
    statement = (
        sa.select(log_entry.c.entry_id)
        .where(log_entry.c.kind == "grant:approved", ~sa.exists().where(g.c.entry_id == log_entry.c.entry_id))
        .limit(20)
    )
    return [row[0] for row in (await tx.execute(statement)).all()]


async def old_generations(tx: Tx) -> list[str]:
    """Records whose generation is not the newest of their history, or not that of their data key."""
    r, v, k = records.record, records.record_version, keys.data_key
    newest = (
        sa.select(sa.func.max(v.c.generation))
        .where(v.c.record_id == r.c.record_id, v.c.act != "staged")
        .scalar_subquery()
    )
    behind = sa.select(r.c.record_id).where(r.c.state != "staged", r.c.generation != newest).limit(20)
    apart = (
        sa.select(r.c.record_id)
        .join(k, sa.and_(k.c.record_id == r.c.record_id, k.c.compartment == r.c.field_group))
        .where(k.c.generation != r.c.generation)
        .limit(20)
    )
    return sorted({row[0] for statement in (behind, apart) for row in (await tx.execute(statement)).all()})
