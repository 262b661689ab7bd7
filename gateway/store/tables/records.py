"""Clients in clear, records sealed: one row a contact person, a cooperation, a visit, or a row of another group."""

import sqlalchemy as sa

from ledger.tables import metadata

client = sa.Table(
    "client",
    metadata,
    sa.Column("client_id", sa.String(36), primary_key=True),
    sa.Column("uscc", sa.String(18), nullable=False, unique=True),
    sa.Column("name", sa.String(200), nullable=False),
    sa.Column("name_key", sa.String(200), nullable=False, index=True),  # normalised for search
    sa.Column("pinyin", sa.String(600), nullable=False, server_default=""),
    sa.Column("initials", sa.String(200), nullable=False, server_default="", index=True),
    sa.Column("english", sa.String(200), nullable=False, server_default=""),
    sa.Column("natural_person", sa.Boolean, nullable=False),  # an individual business: its name is personal data
    sa.Column("institutional", sa.Boolean, nullable=False),  # on the firm's mandatory name list
    sa.Column("lead_unit", sa.String(36)),
    sa.Column("lead_rm", sa.String(40)),  # staff number of the lead relationship manager
    sa.Column("recognition", sa.String(20), nullable=False, server_default="none"),
    sa.Column("recognised_on", sa.String(10)),
    sa.Column("protected_from", sa.String(10)),
    sa.Column("protected_to", sa.String(10)),
    sa.Column("park_id", sa.String(36), index=True),
    sa.Column("tags", sa.Text, nullable=False, server_default=""),  # blank-separated
    sa.Column("area_code", sa.String(6), nullable=False, server_default=""),
    sa.Column("conflict_class", sa.String(40), nullable=False, server_default=""),
    sa.Column("registered_by", sa.String(50), nullable=False),  # the unit that brought it in
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
)

client_tag = sa.Table(
    "client_tag",
    metadata,
    sa.Column("tag", sa.String(60), primary_key=True),
    sa.Column("client_id", sa.ForeignKey(client.c.client_id), primary_key=True, index=True),
)

record = sa.Table(
    "record",
    metadata,
    sa.Column("record_id", sa.String(36), primary_key=True),
    sa.Column("client_id", sa.ForeignKey(client.c.client_id), nullable=False),
    sa.Column("owner_unit", sa.String(36), nullable=False),
    sa.Column("owner_institution", sa.String(36), nullable=False),
    sa.Column("field_group", sa.String(30), nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # staged, active, withdrawn, restricted, erased
    sa.Column("generation", sa.Integer, nullable=False),  # raised by every write of the sealed values
    sa.Column("fields", sa.Text, nullable=False),  # names of the fields that have a value, blank-separated
    sa.Column("open_values", sa.Text),  # JSON of the catalogue-open fields, in clear
    sa.Column("sealed", sa.LargeBinary),  # one blob for every gated and not-shared field
    sa.Column("natural_key", sa.LargeBinary),  # keyed digest of what makes the row the same row on re-import
    sa.Column("content_key", sa.LargeBinary),  # keyed digest of the values: an unchanged row is not written again
    sa.Column("upload_id", sa.String(36)),
    sa.Column("created_by", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
    sa.Column("ended_by", sa.String(36)),  # who withdrew it, why and when; None while it stands
    sa.Column("ended_reason", sa.Text),
    sa.Column("ended_at", sa.BigInteger),
    sa.Index("ix_record_client_group", "client_id", "field_group", "owner_unit"),
    sa.Index("ix_record_upload", "upload_id"),
    sa.Index("ix_record_group_owner", "field_group", "owner_unit", "record_id"),
    sa.UniqueConstraint("owner_unit", "field_group", "natural_key", name="uq_record_natural"),
)

record_version = sa.Table(
    "record_version",
    metadata,
    sa.Column("record_id", sa.ForeignKey(record.c.record_id), primary_key=True),
    sa.Column("generation", sa.Integer, primary_key=True),
    sa.Column("act", sa.String(12), nullable=False),  # staged, entered, corrected, imported, withdrawn, erased
    sa.Column("reason", sa.Text, nullable=False, server_default=""),
    sa.Column("fields", sa.Text, nullable=False, server_default=""),
    sa.Column("content_key", sa.LargeBinary),
    sa.Column("upload_id", sa.String(36), index=True),
    sa.Column("open_values", sa.Text),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("wrapped", sa.LargeBinary),  # the data key of this generation, wrapped
    sa.Column("key_id", sa.String(36)),
    sa.Column("actor", sa.String(36), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Index("ix_record_version_key_id", "key_id", "record_id", "generation"),  # what stands under a key
)

blind_index = sa.Table(
    "blind_index",
    metadata,
    sa.Column("record_id", sa.ForeignKey(record.c.record_id), primary_key=True),
    sa.Column("field", sa.String(30), primary_key=True),
    sa.Column("token", sa.LargeBinary, nullable=False),
    sa.Index("ix_blind_index_lookup", "field", "token"),
)

upload = sa.Table(
    "upload",
    metadata,
    sa.Column("upload_id", sa.String(36), primary_key=True),
    sa.Column("unit_id", sa.String(36), nullable=False, index=True),
    sa.Column("kind", sa.String(30), nullable=False),  # clients, tenants, contact, visit, ...
    sa.Column("file_name", sa.String(255), nullable=False),
    sa.Column("file_digest", sa.LargeBinary, nullable=False),
    sa.Column("mode", sa.String(20), nullable=False),  # all_or_nothing, skip_bad
    sa.Column("dry_run", sa.Boolean, nullable=False),
    sa.Column("state", sa.String(12), nullable=False, index=True),  # received, running, done, failed, withdrawn
    sa.Column("rows_total", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rows_done", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rows_new", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rows_changed", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rows_same", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rows_bad", sa.Integer, nullable=False, server_default="0"),
    sa.Column("problem", sa.String(60), nullable=False, server_default=""),  # the code that ended it, if any
    sa.Column("replica", sa.String(36), nullable=False),
    sa.Column("created_by", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("finished_at", sa.BigInteger),
)

upload_card = sa.Table(
    "upload_card",
    metadata,
    # Name cards as an upload says them, waiting for its activation.
    sa.Column("upload_id", sa.ForeignKey(upload.c.upload_id), primary_key=True),
    sa.Column("client_id", sa.ForeignKey(client.c.client_id), primary_key=True),
    sa.Column("content", sa.Text, nullable=False),
)

upload_error = sa.Table(
    "upload_error",
    metadata,
    sa.Column("upload_id", sa.ForeignKey(upload.c.upload_id), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("row_number", sa.Integer, nullable=False),
    sa.Column("column_name", sa.String(100), nullable=False),
    sa.Column("code", sa.String(40), nullable=False),
    sa.Column("message_zh", sa.Text, nullable=False),  # names the rule and the remedy, never the value
    sa.Column("message_en", sa.Text, nullable=False),
    sa.Column("warning", sa.Boolean, nullable=False),
)
