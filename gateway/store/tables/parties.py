"""Who takes part: institutions, their units, people and service accounts, and the roles they hold."""

import sqlalchemy as sa

from ledger.tables import log_entry, metadata

institution = sa.Table(
    "institution",
    metadata,
    sa.Column("institution_id", sa.String(36), primary_key=True),
    sa.Column("kind", sa.String(20), nullable=False),  # firm, park, government, equity_market, bank, ...
    sa.Column("name_zh", sa.String(200), nullable=False),
    sa.Column("name_en", sa.String(200), nullable=False, server_default=""),
    sa.Column("uscc", sa.String(18)),
    sa.Column("state", sa.String(12), nullable=False),  # applied, live, suspended, exited
    sa.Column("tag_key", sa.LargeBinary, nullable=False),  # finds this partner's entries on the ledger; sealed
    sa.Column("changed_by", sa.String(36), nullable=False, server_default=""),  # into this state; another admits it
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

unit = sa.Table(
    "unit",
    metadata,
    # A department of the firm, or a partner institution itself: whatever owns data and receives grants.
    sa.Column("unit_id", sa.String(36), primary_key=True),
    sa.Column("institution_id", sa.ForeignKey(institution.c.institution_id), nullable=False, index=True),
    sa.Column("name_zh", sa.String(200), nullable=False),
    sa.Column("name_en", sa.String(200), nullable=False, server_default=""),
    sa.Column("side", sa.String(10), nullable=False),  # private, public, control, none
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

person = sa.Table(
    "person",
    metadata,
    sa.Column("person_id", sa.String(36), primary_key=True),
    sa.Column("kind", sa.String(10), nullable=False),  # person, service
    sa.Column("login", sa.String(100), nullable=False, unique=True),
    sa.Column("name", sa.String(100), nullable=False),
    sa.Column("email", sa.String(200)),
    sa.Column("staff_no", sa.String(40)),
    sa.Column("unit_id", sa.ForeignKey(unit.c.unit_id), nullable=False, index=True),
    sa.Column("institution_id", sa.ForeignKey(institution.c.institution_id), nullable=False, index=True),
    sa.Column("side", sa.String(10), nullable=False),
    sa.Column("clearance", sa.Integer, nullable=False),  # the highest level (1..5) this person may see
    sa.Column("trained_until", sa.BigInteger, nullable=False),  # PIPL art. 51: training lapses
    sa.Column("state", sa.String(10), nullable=False),  # active, suspended, left
    sa.Column("locale", sa.String(5), nullable=False, server_default="zh"),
    sa.Column("generation", sa.Integer, nullable=False, server_default="1"),  # raised by every change of rights
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.BigInteger, nullable=False),
)

person_role = sa.Table(
    "person_role",
    metadata,
    sa.Column("person_id", sa.ForeignKey(person.c.person_id), primary_key=True),
    sa.Column("role", sa.String(20), primary_key=True),
    sa.Column("granted_by", sa.String(36), nullable=False),
    sa.Column("granted_at", sa.BigInteger, nullable=False),
)

membership = sa.Table(
    "membership",
    metadata,
    # Every change of who holds which role, with the entry of the grants log that commits to it.
    sa.Column("entry_id", sa.ForeignKey(log_entry.c.entry_id), primary_key=True),
    sa.Column("person_id", sa.ForeignKey(person.c.person_id), nullable=False, index=True),
    sa.Column("institution_id", sa.String(36), nullable=False),
    sa.Column("unit_id", sa.String(36), nullable=False),
    sa.Column("roles", sa.String(300), nullable=False),  # held from now on, blank-separated; "" after leaving
    sa.Column("changed_by", sa.String(36), nullable=False),
    sa.Column("at", sa.BigInteger, nullable=False),
)
