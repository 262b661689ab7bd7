"""The rows of the trail. Events are inserted and never touched again: a database role without UPDATE and DELETE on
`trail_event` can serve the gateway.

Each replica writes two hash-chained streams of its own (reads, writes). The sealer puts runs of a stream's events into
the trail's Merkle log: `trail_seal` says where, so that sealing changes no event and no index over them. The leaf is
made from the row when it is sealed or shown: commitments cost ten times the chain, and no reader should wait for them.
Times are microseconds since the epoch, UTC.
"""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, LargeBinary, String, Table, Text

from ledger.tables import HASH_BYTES, metadata

trail_stream = Table(
    "trail_stream",
    metadata,
    Column("stream_id", String(36), primary_key=True),
    Column("origin", String(255), nullable=False),
    Column("kind", String(5), nullable=False),
    Column("replica", String(64), nullable=False),
    Column("opened_at", BigInteger, nullable=False),
    # the head of the stream of this kind that was opened last before: its last events cannot vanish unnoticed
    Column("after_stream", String(36), nullable=False),
    Column("after_seq", BigInteger, nullable=False),
    Column("after_head", LargeBinary, nullable=False),
    # the sealer's bookmark: events up to here are in the Merkle log
    Column("sealed_seq", BigInteger, nullable=False),
    Column("sealed_head", LargeBinary, nullable=False),
    CheckConstraint("kind IN ('read', 'write')", name="kind"),
    CheckConstraint("sealed_seq >= 0 AND after_seq >= 0", name="seq"),
)
Index(None, trail_stream.c.origin, trail_stream.c.replica, trail_stream.c.kind, trail_stream.c.opened_at)

trail_event = Table(
    "trail_event",
    metadata,
    Column("stream_id", String(36), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),  # from 1, without gaps
    Column("event_id", String(36), nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("actor_unit", String(200)),
    Column("actor_institution", String(200)),
    Column("on_behalf_of", String(200)),
    Column("action", String(81), nullable=False),
    Column("target_kind", String(200)),
    Column("target_id", String(200)),
    Column("client_id", String(200)),
    Column("items", Text),  # blank-separated
    Column("fields", Text),  # blank-separated
    Column("record_count", BigInteger),
    Column("purpose", String(200)),
    Column("grant_id", String(200)),
    Column("outcome", String(8), nullable=False),
    Column("rule", String(200)),
    Column("reason", String(200)),
    Column("policy_epoch", String(200)),
    Column("source", String(200)),
    Column("channel", String(200)),
    Column("read_id", String(200)),
    Column("details", Text),  # canonical JSON
    # the hash of the row before in this stream, and of this row with it (audit.entry)
    Column("prev_hash", LargeBinary, nullable=False),
    Column("row_hash", LargeBinary, nullable=False),
    # the salts of the entry's commitments derive from it; who has it can show any field
    Column("secret", LargeBinary, nullable=False),
    CheckConstraint("seq >= 1", name="seq"),
    CheckConstraint(f"length(row_hash) = {HASH_BYTES}", name="row_hash"),
    CheckConstraint(f"length(prev_hash) = {HASH_BYTES}", name="prev_hash"),
    CheckConstraint("length(secret) = 32", name="secret"),
)
_e = trail_event.c
Index(None, _e.event_id, unique=True)
Index(None, _e.at, _e.stream_id, _e.seq)
Index(None, _e.actor, _e.at)
Index(None, _e.action, _e.at)
for _column in (_e.client_id, _e.grant_id, _e.read_id):
    _there = _column.is_not(None)
    Index(None, _column, _e.at, sqlite_where=_there, postgresql_where=_there)
_no = _e.outcome.in_(("refused", "failed"))
Index("ix_trail_event_no", _e.outcome, _e.at, sqlite_where=_no, postgresql_where=_no)

trail_item = Table(
    "trail_item",
    metadata,
    # The index from a catalogue item to its events, written by the sealer: events that are not sealed yet are few
    # and found without it.
    Column("item", String(200), primary_key=True),
    Column("at", BigInteger, primary_key=True, autoincrement=False),
    Column("stream_id", String(36), primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
)

trail_seal = Table(
    "trail_seal",
    metadata,
    # events first_seq..last_seq of the stream are the log's entries first_index..first_index + (last_seq - first_seq)
    Column("origin", String(255), primary_key=True),
    Column("first_index", BigInteger, primary_key=True, autoincrement=False),
    Column("stream_id", String(36), nullable=False),
    Column("first_seq", BigInteger, nullable=False),
    Column("last_seq", BigInteger, nullable=False),
    Column("sealed_at", BigInteger, nullable=False),
    CheckConstraint("first_seq >= 1 AND last_seq >= first_seq AND first_index >= 0", name="run"),
)
Index(None, trail_seal.c.stream_id, trail_seal.c.first_seq, unique=True)

trail_sealer = Table(
    "trail_sealer",
    metadata,
    # who seals this log now; taken and renewed in the sealing transaction itself
    Column("origin", String(255), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("until", BigInteger, nullable=False),
)
