"""The catalogue: data items as they stand, every version they had, and the changes that wait for a second person."""

import sqlalchemy as sa

from ledger.tables import metadata

data_item = sa.Table(
    "data_item",
    metadata,
    sa.Column("item_code", sa.String(20), primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),  # of this item
    sa.Column("name_zh", sa.String(200), nullable=False),
    sa.Column("name_en", sa.String(200), nullable=False),
    sa.Column("owner_zh", sa.String(100), nullable=False),
    sa.Column("owner_en", sa.String(100), nullable=False),
    sa.Column("owner_unit", sa.String(36), nullable=False, index=True),
    sa.Column("steward", sa.String(36), nullable=False, server_default=""),
    sa.Column("field_group", sa.String(30), nullable=False, index=True),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("mode", sa.String(24), nullable=False),
    sa.Column("personal", sa.Boolean, nullable=False),
    sa.Column("sensitive", sa.Boolean, nullable=False),
    sa.Column("discoverable", sa.Boolean, nullable=False),
    sa.Column("readable", sa.Boolean, nullable=False),
    sa.Column("organisations_only", sa.Boolean, nullable=False),
    sa.Column("legal_basis", sa.Text, nullable=False),
    sa.Column("retention", sa.String(30), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("allowed_purposes", sa.Text, nullable=False, server_default=""),  # codes, blank-separated; "" = any
    sa.Column("search_text", sa.Text, nullable=False),  # lower-case zh, en, code, pinyin: what a search looks in
    sa.Column("updated_at", sa.BigInteger, nullable=False),
)

data_item_version = sa.Table(
    "data_item_version",
    metadata,
    sa.Column("item_code", sa.String(20), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True),
    sa.Column("content", sa.Text, nullable=False),  # canonical JSON of the item
    sa.Column("changed_by", sa.String(36), nullable=False),
    sa.Column("countersigned_by", sa.String(36)),
    sa.Column("entry_id", sa.String(36)),  # the ledger entry of the change
    sa.Column("changed_at", sa.BigInteger, nullable=False),
)

catalogue_change = sa.Table(
    "catalogue_change",
    metadata,
    sa.Column("change_id", sa.String(36), primary_key=True),
    sa.Column("item_code", sa.String(20), nullable=False, index=True),
    sa.Column("base_version", sa.Integer, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.String(12), nullable=False, index=True),  # proposed, applied, rejected, withdrawn
    sa.Column("proposed_by", sa.String(36), nullable=False),
    sa.Column("decided_by", sa.String(36)),
    sa.Column("proposed_at", sa.BigInteger, nullable=False),
    sa.Column("decided_at", sa.BigInteger),
)

catalogue_head = sa.Table(
    "catalogue_head",
    metadata,
    sa.Column("name", sa.String(10), primary_key=True),  # always 'head'
    sa.Column("version", sa.Integer, nullable=False),  # raised by every change of any item
    sa.Column("scheme", sa.String(20), nullable=False),
)
