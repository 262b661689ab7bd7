"""What keeps the gateway running: idempotent writes, notices, jobs with leases, generations of cached inputs."""

import sqlalchemy as sa

from ledger.tables import metadata

idempotency = sa.Table(
    "idempotency",
    metadata,
    sa.Column("person_id", sa.String(36), primary_key=True),
    sa.Column("idempotency_key", sa.String(100), primary_key=True),
    sa.Column("verb", sa.String(60), nullable=False),
    sa.Column("body_digest", sa.LargeBinary, nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column(
        "answer", sa.LargeBinary, nullable=False
    ),  # writes answer with identifiers and states, never with protected values
    sa.Column("created_at", sa.BigInteger, nullable=False, index=True),
)

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("notice_id", sa.String(36), primary_key=True),
    sa.Column("person_id", sa.String(36), nullable=False),
    sa.Column("kind", sa.String(40), nullable=False),
    sa.Column("subject_kind", sa.String(20), nullable=False),  # request, grant, upload, ...
    sa.Column("subject_id", sa.String(36), nullable=False),
    sa.Column("parameters", sa.Text, nullable=False),  # JSON for the text; no protected value
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("read_at", sa.BigInteger),
    sa.Index("ix_notice_inbox", "person_id", "created_at"),
)

outbox = sa.Table(
    "outbox",
    metadata,
    # What must leave the house after the commit: mails, webhooks, anchors. Drained by a leased worker, retried with back-off.
    sa.Column("outbox_id", sa.String(36), primary_key=True),
    sa.Column("channel", sa.String(20), nullable=False),
    sa.Column("target", sa.String(300), nullable=False),
    sa.Column("payload", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("due_at", sa.BigInteger, nullable=False, index=True),
    sa.Column("done_at", sa.BigInteger),
    sa.Column("last_error", sa.String(200)),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.String(40), primary_key=True),  # sealer, notices, clocks, retention, ...
    sa.Column("holder", sa.String(36), nullable=False),
    sa.Column("until", sa.BigInteger, nullable=False),
)

setting = sa.Table(
    "setting",
    metadata,
    # Facts about this installation that belong to its data: the ledger's origin, the demo flag, the schema's birthday.
    sa.Column("name", sa.String(60), primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
)

webhook = sa.Table(
    "webhook",
    metadata,
    sa.Column("webhook_id", sa.String(36), primary_key=True),
    sa.Column("unit_id", sa.String(36), nullable=False, index=True),
    sa.Column("url", sa.String(300), nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # the secret that signs what is posted
    sa.Column("kinds", sa.Text, nullable=False),  # notice kinds, blank-separated; "" = all
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("created_by", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)
