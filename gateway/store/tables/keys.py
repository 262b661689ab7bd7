"""Wrapped keys only: group keys under the provider's root key, data keys under group keys. No key is here in clear."""

import sqlalchemy as sa

from ledger.tables import metadata

group_key = sa.Table(
    "group_key",
    metadata,
    sa.Column("key_id", sa.String(36), primary_key=True),  # <lineage>.<version>
    sa.Column("lineage", sa.String(16), nullable=False),  # eight random bytes, hexadecimal
    sa.Column("owner", sa.String(36), nullable=False),  # a unit; "" for a key of the whole installation
    sa.Column("compartment", sa.String(40), nullable=False),
    sa.Column("use", sa.String(8), nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("suite", sa.String(20), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),  # emptied when the key is destroyed
    sa.Column("provider", sa.String(20), nullable=False),
    sa.Column("root_version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("activated_at", sa.BigInteger),
    sa.Column("retired_at", sa.BigInteger),
    sa.Column("destroyed_at", sa.BigInteger),
    sa.UniqueConstraint("lineage", "version"),
    sa.UniqueConstraint("owner", "compartment", "use", "version"),
    sa.CheckConstraint("state IN ('pending', 'active', 'decrypt_only', 'destroyed')", name="state"),
    sa.CheckConstraint("\"use\" IN ('seal', 'index', 'token')", name="use"),
    sa.CheckConstraint("version >= 1", name="version"),
    sa.CheckConstraint("(state = 'destroyed') = (length(wrapped) = 0)", name="wrapped"),
)
sa.Index("ix_group_key_state", group_key.c.state, group_key.c.use)

group_key_use = sa.Table(
    "group_key_use",
    metadata,
    # How often each running process may have used a key: written ahead in blocks, as an absolute number, so that a
    # transaction that rolls back loses no count and two processes never wait for one row.
    sa.Column("key_id", sa.String(36), primary_key=True),
    sa.Column("holder", sa.String(36), primary_key=True),
    sa.Column("uses", sa.BigInteger, nullable=False),
    sa.CheckConstraint("uses >= 0", name="uses"),
)

data_key = sa.Table(
    "data_key",
    metadata,
    # In a table of its own: deleting the row makes the record unreadable, and a rewrap touches nothing else.
    sa.Column("record_id", sa.String(36), primary_key=True),
    sa.Column("compartment", sa.String(40), primary_key=True),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("key_id", sa.String(36), nullable=False),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sa.CheckConstraint("generation >= 0", name="generation"),
    sa.Index("ix_data_key_key_id", "key_id", "record_id"),
)

erasure = sa.Table(
    "erasure",
    metadata,
    # A record's data key that was deleted, and the group key version it was wrapped under: while that version (or a
    # root version it was wrapped under) exists, an old backup together with the provider could still open the record.
    sa.Column("record_id", sa.String(36), primary_key=True),
    sa.Column("compartment", sa.String(40), primary_key=True),
    sa.Column("key_id", sa.String(36), primary_key=True),
    sa.Column("erased_at", sa.BigInteger, nullable=False),
    sa.Column("due_at", sa.BigInteger, nullable=False),  # the shred horizon: by then the key version is to be destroyed
    sa.Index("ix_erasure_due", "due_at"),
    sa.Index("ix_erasure_key", "key_id"),
)

key_order = sa.Table(
    "key_order",
    metadata,
    # What one person proposed about keys or records and another confirmed, and how far it has come. Rotations that fall
    # due by themselves stand here too, proposed by the gateway.
    sa.Column("order_id", sa.String(36), primary_key=True),
    sa.Column("act", sa.String(12), nullable=False),
    sa.Column("target", sa.String(50), nullable=False),  # a key id, root.<version>, record:<id> or client:<id>
    sa.Column("field_group", sa.String(30), nullable=False, server_default=""),
    sa.Column("owner_unit", sa.String(36), nullable=False, server_default=""),  # "" stands for every owner
    sa.Column("basis", sa.String(30), nullable=False, server_default=""),
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("retain_until", sa.String(10)),  # the last day of a statutory duty to keep; none: no such duty
    sa.Column("state", sa.String(12), nullable=False),
    sa.Column("proposed_by", sa.String(50), nullable=False),
    sa.Column("confirmed_by", sa.String(50)),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("confirmed_at", sa.BigInteger),
    sa.Column("done_at", sa.BigInteger),
    sa.Column("due_at", sa.BigInteger),  # of an erasure: its shred horizon
    sa.Column("entry_id", sa.String(36)),  # the newest entry about it in the grants log
    sa.CheckConstraint("act IN ('rotation', 'destruction', 'erasure')", name="act"),
    sa.CheckConstraint("state IN ('proposed', 'active', 'restricted', 'done', 'final')", name="state"),
    sa.CheckConstraint("confirmed_by IS NULL OR confirmed_by <> proposed_by", name="two_persons"),
    sa.Index("ix_key_order_state", "state", "act"),
    sa.Index("ix_key_order_target", "target"),
)

key_order_record = sa.Table(
    "key_order_record",
    metadata,
    # The records that an erasure was about when it was confirmed: later ones are not erased by it.
    sa.Column("order_id", sa.ForeignKey(key_order.c.order_id), primary_key=True),
    sa.Column("record_id", sa.String(36), primary_key=True),
    sa.Index("ix_key_order_record", "record_id"),
)
