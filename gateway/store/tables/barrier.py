"""The information barrier: suppressions of names, lists, crossings and conflict classes. Compliance keeps them."""

import sqlalchemy as sa

from ledger.tables import metadata

name_suppression = sa.Table(
    "name_suppression",
    metadata,
    sa.Column("suppression_id", sa.String(36), primary_key=True),
    sa.Column("client_id", sa.String(36), nullable=False, index=True),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # proposed, active, ended, rejected
    sa.Column("not_after", sa.BigInteger, nullable=False),
    sa.Column("proposed_by", sa.String(36), nullable=False),
    sa.Column("confirmed_by", sa.String(36)),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("ended_at", sa.BigInteger),
)

wall_listing = sa.Table(
    "wall_listing",
    metadata,
    sa.Column("listing_id", sa.String(36), primary_key=True),
    sa.Column("client_id", sa.String(36), nullable=False, index=True),
    sa.Column("kind", sa.String(12), nullable=False),  # watch, restricted, quiet
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # proposed, active, ended, rejected
    sa.Column("not_before", sa.BigInteger, nullable=False),
    sa.Column("not_after", sa.BigInteger, nullable=False),
    sa.Column("proposed_by", sa.String(36), nullable=False),
    sa.Column("confirmed_by", sa.String(36)),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

wall_crossing = sa.Table(
    "wall_crossing",
    metadata,
    sa.Column("crossing_id", sa.String(36), primary_key=True),
    sa.Column("person_id", sa.String(36), nullable=False, index=True),
    sa.Column("client_id", sa.String(36), nullable=False, index=True),
    sa.Column("project", sa.String(100), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.String(12), nullable=False),  # proposed, active, ended, rejected
    sa.Column("not_before", sa.BigInteger, nullable=False),
    sa.Column("not_after", sa.BigInteger, nullable=False),
    sa.Column("proposed_by", sa.String(36), nullable=False),
    sa.Column("confirmed_by", sa.String(36)),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

conflict_touch = sa.Table(
    "conflict_touch",
    metadata,
    # Brewer-Nash: the first client touched in a conflict class decides. The primary key makes the race impossible.
    sa.Column("person_id", sa.String(36), primary_key=True),
    sa.Column("conflict_class", sa.String(40), primary_key=True),
    sa.Column("client_id", sa.String(36), nullable=False),
    sa.Column("touched_at", sa.BigInteger, nullable=False),
)
