"""The rows of the logs, and the one `MetaData` that every room with tables adds its own to.

Portable on purpose: text identifiers made by the application, no sequence, no trigger, no stored procedure. Only
`log_head` and the newest tile of a level are ever updated; everything else about a log is written once and stays.
Times are microseconds since the epoch, UTC.
"""

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)

HASH_BYTES = 32
TILE_BYTES = 256 * HASH_BYTES

log_head = Table(
    "log_head",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, nullable=False),
    # the roots of the perfect subtrees that make up the tree, largest first, 32 bytes each
    Column("frontier", LargeBinary, nullable=False),
    # what was signed last: never smaller than before, never another root for the same size
    Column("signed_size", BigInteger, nullable=False),
    CheckConstraint("size >= 0", name="size"),
    CheckConstraint("signed_size >= -1 AND signed_size <= size", name="signed_size"),
    CheckConstraint(f"length(frontier) % {HASH_BYTES} = 0", name="frontier"),
)

log_entry = Table(
    "log_entry",
    metadata,
    Column("entry_id", String(64), primary_key=True),
    Column("origin", String(255), nullable=False),
    Column("seq", BigInteger, nullable=True),
    Column("kind", String(64), nullable=False),
    Column("leaf", LargeBinary, nullable=False),
    Column("leaf_hash", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("origin", "seq"),
    CheckConstraint("length(leaf) <= 65535", name="leaf"),
    CheckConstraint(f"length(leaf_hash) = {HASH_BYTES}", name="leaf_hash"),
    CheckConstraint("seq >= 0", name="seq"),
)
Index(None, log_entry.c.origin, log_entry.c.kind, log_entry.c.seq)

log_tile = Table(
    "log_tile",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("level", Integer, primary_key=True, autoincrement=False),
    Column("idx", BigInteger, primary_key=True, autoincrement=False),
    # up to 256 hashes; the newest tile of a level grows, a full one is never written again,
    # and a partial tile of the past is a prefix of it
    Column("hashes", LargeBinary, nullable=False),
    CheckConstraint(f"length(hashes) BETWEEN {HASH_BYTES} AND {TILE_BYTES}", name="hashes"),
    CheckConstraint("level BETWEEN 0 AND 63 AND idx >= 0", name="place"),
)

log_checkpoint = Table(
    "log_checkpoint",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    CheckConstraint(f"length(root) = {HASH_BYTES}", name="root"),
    CheckConstraint("size >= 0", name="size"),
)

log_cosignature = Table(
    "log_cosignature",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("witness", String(255), primary_key=True),
    Column("key_id", String(8), primary_key=True),  # eight hexadecimal digits
    Column("line", Text, nullable=False),
    Column("witnessed_at", BigInteger, nullable=False),  # the witness's clock
    Column("received_at", BigInteger, nullable=False),  # ours
)

log_key = Table(
    "log_key",
    metadata,
    Column("origin", String(255), primary_key=True),
    Column("key_id", String(8), primary_key=True),
    Column("vkey", Text, nullable=False),
    Column("role", String(16), nullable=False),
    Column("valid_from_size", BigInteger, nullable=False),
    Column("retired_at_size", BigInteger, nullable=True),
    CheckConstraint("role IN ('log', 'witness')", name="role"),
    CheckConstraint("retired_at_size IS NULL OR retired_at_size >= valid_from_size", name="sizes"),
)

log_anchor = Table(
    "log_anchor",
    metadata,
    Column("anchor_id", String(64), primary_key=True),
    Column("origin", String(255), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("place", String(255), nullable=False),  # "file:..." or "evm:<chain id>:<contract>"
    Column("status", String(16), nullable=False),
    # how the anchor is found again outside: transaction hash, file line
    Column("reference", Text, nullable=True),
    Column("sender", String(64), nullable=True),
    Column("nonce", BigInteger, nullable=True),
    Column("raw", LargeBinary, nullable=True),  # the signed transaction, stored before it is sent
    Column("gas_price", String(80), nullable=True),  # wei, decimal: does not fit 64 bits on every chain
    Column("block_number", BigInteger, nullable=True),
    Column("block_hash", String(66), nullable=True),
    Column("attempts", Integer, nullable=False, default=0),
    Column("error", Text, nullable=True),
    Column("created_at", BigInteger, nullable=False),
    Column("sent_at", BigInteger, nullable=True),
    Column("final_at", BigInteger, nullable=True),
    UniqueConstraint("origin", "size", "place"),
    UniqueConstraint("place", "sender", "nonce"),
    CheckConstraint("status IN ('queued', 'prepared', 'sent', 'mined', 'final', 'failed')", name="status"),
    CheckConstraint(f"length(root) = {HASH_BYTES}", name="root"),
)
Index(None, log_anchor.c.place, log_anchor.c.status)

witness_state = Table(
    "witness_state",
    metadata,
    Column("witness", String(255), primary_key=True),  # our name as a witness
    Column("origin", String(255), primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
    Column("note", Text, nullable=False),  # the checkpoint with the log's and our signature
    Column("updated_at", BigInteger, nullable=False),
    CheckConstraint(f"length(root) = {HASH_BYTES}", name="root"),
    CheckConstraint("size >= 0", name="size"),
)

chain_cursor = Table(
    "chain_cursor",
    metadata,
    Column("place", String(255), primary_key=True),
    Column("block_number", BigInteger, nullable=False),
    Column("block_hash", String(66), nullable=False),
    Column("updated_at", BigInteger, nullable=False),
)

chain_block = Table(
    "chain_block",
    metadata,
    Column("place", String(255), primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("block_hash", String(66), nullable=False),
    Column("parent_hash", String(66), nullable=False),
)

chain_event = Table(
    "chain_event",
    metadata,
    Column("place", String(255), primary_key=True),
    Column("block_hash", String(66), primary_key=True),
    Column("log_index", BigInteger, primary_key=True, autoincrement=False),
    Column("block_number", BigInteger, nullable=False),
    Column("tx_hash", String(66), nullable=False),
    Column("event", String(64), nullable=False),
    Column("origin_hash", String(66), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary, nullable=False),
)
Index(None, chain_event.c.place, chain_event.c.origin_hash, chain_event.c.size)
