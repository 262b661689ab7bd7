"""Asking and granting: requests with their steps, grants with the keys they are looked up by, consents."""

import sqlalchemy as sa

from ledger.tables import log_entry, metadata

access_request = sa.Table(
    "access_request",
    metadata,
    sa.Column("request_id", sa.String(36), primary_key=True),
    sa.Column("requester", sa.String(36), nullable=False, index=True),
    sa.Column("requester_unit", sa.String(36), nullable=False, index=True),
    sa.Column("requester_institution", sa.String(36), nullable=False),
    sa.Column("state", sa.String(20), nullable=False, index=True),
    sa.Column("purpose", sa.String(40), nullable=False),
    sa.Column("content", sa.Text, nullable=False),  # canonical JSON of the AccessRequest
    sa.Column("version", sa.Integer, nullable=False),  # optimistic lock: two approvers, one wins
    sa.Column("due_at", sa.BigInteger),  # of the current step
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
)

request_step = sa.Table(
    "request_step",
    metadata,
    sa.Column("request_id", sa.ForeignKey(access_request.c.request_id), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("unit_id", sa.String(36), nullable=False),  # whose holder of `role` acts; "" = any unit
    sa.Column("state", sa.String(12), nullable=False),  # waiting, open, done, skipped
    sa.Column("delegate", sa.String(36)),  # the colleague to whom the step was handed
    sa.Column("delegated_by", sa.String(36)),
    sa.Column("due_at", sa.BigInteger),
    sa.Column("reminded_at", sa.BigInteger),  # when its people were told that the clock runs out
    sa.Index("ix_request_step_inbox", "state", "role", "unit_id"),
)

request_event = sa.Table(
    "request_event",
    metadata,
    # What happened to a request, in order: its timeline for those who take part in it.
    sa.Column("request_id", sa.ForeignKey(access_request.c.request_id), primary_key=True),
    sa.Column("n", sa.Integer, primary_key=True),  # the version that the act made
    sa.Column("at", sa.BigInteger, nullable=False),
    sa.Column("act", sa.String(20), nullable=False),
    sa.Column("actor", sa.String(80), nullable=False),
    sa.Column("on_behalf_of", sa.String(36), nullable=False, server_default=""),
    sa.Column("from_state", sa.String(20), nullable=False),
    sa.Column("to_state", sa.String(20), nullable=False),
    sa.Column("text", sa.Text, nullable=False, server_default=""),
)

request_owner = sa.Table(
    "request_owner",
    metadata,
    # The units whose data a request is about, so that owners find it.
    sa.Column("request_id", sa.ForeignKey(access_request.c.request_id), primary_key=True),
    sa.Column("owner_unit", sa.String(36), primary_key=True),
    sa.Index("ix_request_owner_owner", "owner_unit"),
)

attachment = sa.Table(
    "attachment",
    metadata,
    sa.Column("attachment_id", sa.String(36), primary_key=True),
    sa.Column("request_id", sa.ForeignKey(access_request.c.request_id), nullable=False, index=True),
    sa.Column("file_name", sa.String(255), nullable=False),
    sa.Column("media_type", sa.String(100), nullable=False),
    sa.Column("digest", sa.LargeBinary, nullable=False),
    sa.Column("size", sa.Integer, nullable=False),  # bytes of the content
    sa.Column("sealed", sa.LargeBinary, nullable=False),
    sa.Column("added_by", sa.String(36), nullable=False),
    sa.Column("added_at", sa.BigInteger, nullable=False),
)

access_grant = sa.Table(
    "access_grant",
    metadata,
    sa.Column("grant_id", sa.String(36), primary_key=True),
    sa.Column("request_id", sa.ForeignKey(access_request.c.request_id), nullable=False, index=True),
    sa.Column("entry_id", sa.ForeignKey(log_entry.c.entry_id), nullable=False),  # no grant without its ledger entry
    sa.Column("grantee_unit", sa.String(36), nullable=False, index=True),
    sa.Column("grantee_person", sa.String(36)),  # None: everybody of the unit
    sa.Column("purpose", sa.String(40), nullable=False),
    sa.Column("state", sa.String(12), nullable=False, index=True),  # active, revoked, expired, superseded
    sa.Column("not_before", sa.BigInteger, nullable=False),
    sa.Column("not_after", sa.BigInteger, nullable=False, index=True),
    sa.Column("use_limit", sa.Integer),  # None: unlimited within the term
    sa.Column("use_count", sa.Integer, nullable=False, server_default="0"),
    sa.Column("rate_per_hour", sa.Integer),
    sa.Column("row_cap", sa.Integer, nullable=False),
    sa.Column("uses", sa.String(40), nullable=False),  # of view api verify export, blank-separated
    sa.Column("approvals", sa.String(60), nullable=False),  # of owner compliance cco pi, blank-separated
    sa.Column("content", sa.Text, nullable=False),  # canonical JSON of the Grant
    sa.Column("last_used_at", sa.BigInteger),
    sa.Column("masked", sa.Boolean, nullable=False),  # values in masked form only
    sa.Column("renewals", sa.Integer, nullable=False, server_default="0"),
    sa.Column("reminded_at", sa.BigInteger),  # when the holder was told that it is about to expire
    sa.Column("ended_entry_id", sa.ForeignKey(log_entry.c.entry_id)),  # of the revocation or expiry
    sa.Column("revoked_by", sa.String(80)),
    sa.Column("revoked_reason", sa.String(500)),
    sa.Column("revoked_at", sa.BigInteger),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

grant_item = sa.Table(
    "grant_item",
    metadata,
    sa.Column("grant_id", sa.ForeignKey(access_grant.c.grant_id), primary_key=True),
    sa.Column("item_code", sa.String(20), primary_key=True),
    sa.Column("owner_unit", sa.String(36), primary_key=True),  # whose records: each of them signed
    sa.Column("field_group", sa.String(30), nullable=False),
    sa.Column("fields", sa.Text, nullable=False),  # blank-separated field names
    sa.Index("ix_grant_item_owner", "owner_unit", "item_code"),
)

grant_scope = sa.Table(
    "grant_scope",
    metadata,
    # One row per (grant, group, thing in scope): what the decision's facts are looked up by, whatever the number of grants.
    sa.Column("grantee_unit", sa.String(36), primary_key=True),
    sa.Column("field_group", sa.String(30), primary_key=True),
    sa.Column("scope", sa.String(60), primary_key=True),  # "client:<id>", "park:<id>", "tag:<tag>"
    sa.Column("grant_id", sa.ForeignKey(access_grant.c.grant_id), primary_key=True),
)

grant_use = sa.Table(
    "grant_use",
    metadata,
    # Uses counted by hour, for the rate and for what the owner sees.
    sa.Column("grant_id", sa.ForeignKey(access_grant.c.grant_id), primary_key=True),
    sa.Column("hour", sa.BigInteger, primary_key=True),  # microseconds, start of the hour
    sa.Column("uses", sa.Integer, nullable=False),
    sa.Column("rows", sa.Integer, nullable=False),
)

consent = sa.Table(
    "consent",
    metadata,
    sa.Column("consent_id", sa.String(36), primary_key=True),
    sa.Column("kind", sa.String(30), nullable=False),  # general, separate, written, enterprise_authorisation
    sa.Column("client_id", sa.String(36), nullable=False, index=True),
    sa.Column("record_id", sa.String(36)),  # the contact person, when the consent is a person's
    sa.Column("receiver", sa.String(36), nullable=False),  # institution
    sa.Column("purpose", sa.String(40), nullable=False),
    sa.Column("items", sa.Text, nullable=False),  # codes, blank-separated
    sa.Column("notice_version", sa.String(40), nullable=False),
    sa.Column("evidence_hash", sa.LargeBinary, nullable=False),
    sa.Column("not_before", sa.BigInteger, nullable=False),
    sa.Column("not_after", sa.BigInteger, nullable=False),
    sa.Column("withdrawn_at", sa.BigInteger),
    sa.Column("registered_by", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

grant_consent = sa.Table(
    "grant_consent",
    metadata,
    sa.Column("grant_id", sa.ForeignKey(access_grant.c.grant_id), primary_key=True),
    sa.Column("consent_id", sa.ForeignKey(consent.c.consent_id), primary_key=True),
)

entry_opening = sa.Table(
    "entry_opening",
    metadata,
    # What opens the commitments of a ledger entry. Dropping a row leaves the log verifiable and the entry silent.
    sa.Column("entry_id", sa.ForeignKey(log_entry.c.entry_id), primary_key=True),
    sa.Column("secret", sa.LargeBinary, nullable=False),
    sa.Column("fields", sa.Text, nullable=False),  # canonical JSON: name -> value
)
