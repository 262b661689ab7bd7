"""How people and services prove who they are. Secrets are kept only as digests, hashes or sealed."""

import sqlalchemy as sa

from ledger.tables import metadata

from .parties import person

password = sa.Table(
    "password",
    metadata,
    sa.Column("person_id", sa.ForeignKey(person.c.person_id), primary_key=True),
    sa.Column("hash", sa.String(200), nullable=False),  # argon2id, PHC string format
    sa.Column("must_change", sa.Boolean, nullable=False),  # set by somebody else, or known from a demo
    sa.Column("set_at", sa.BigInteger, nullable=False),
)

second_factor = sa.Table(
    "second_factor",
    metadata,
    sa.Column("person_id", sa.ForeignKey(person.c.person_id), primary_key=True),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # the TOTP secret (RFC 6238), see sealing/secret.py
    sa.Column("confirmed_at", sa.BigInteger),  # None: enrolled, but no code was shown yet
    sa.Column("last_step", sa.BigInteger, nullable=False),  # the newest time step used: no code counts twice
    sa.Column("created_at", sa.BigInteger, nullable=False),
)

token = sa.Table(
    "token",
    metadata,
    # Whatever is shown to say who asks: a browser session, an API key, a short-lived access token.
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # SHA-256 of 256 random bits
    sa.Column("token_id", sa.String(36), nullable=False, unique=True),
    sa.Column("kind", sa.String(10), nullable=False),  # session, api_key, access
    sa.Column("person_id", sa.ForeignKey(person.c.person_id), nullable=False, index=True),
    sa.Column("label", sa.String(100), nullable=False, server_default=""),
    sa.Column("hint", sa.String(12), nullable=False, server_default=""),  # how an API key begins: tells two apart
    sa.Column("method", sa.String(30), nullable=False),  # password, password+totp, oidc, private_key_jwt, issued
    sa.Column(
        "must", sa.String(20), nullable=False, server_default=""
    ),  # change-password, enrol-totp: nothing else yet
    sa.Column("source_address", sa.String(45), nullable=False, server_default=""),
    sa.Column("created_by", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("seen_at", sa.BigInteger, nullable=False),  # to the minute
    sa.Column("idle_us", sa.BigInteger, nullable=False, server_default="0"),  # 0: does not end by disuse
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
    sa.CheckConstraint("kind IN ('session', 'api_key', 'access')", name="kind"),
    sa.Index("ix_token_expires_at", "expires_at"),
)

one_time = sa.Table(
    "one_time",
    metadata,
    # Handed out by an administrator to set a first or forgotten password.
    sa.Column("digest", sa.LargeBinary, primary_key=True),
    sa.Column("person_id", sa.ForeignKey(person.c.person_id), nullable=False, index=True),
    sa.Column("created_by", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False),
    sa.Column("used_at", sa.BigInteger),
)

attempt = sa.Table(
    "attempt",
    metadata,
    # Sign-ins that failed or have not ended yet, by login and by source address; known and unknown logins alike.
    sa.Column("subject", sa.LargeBinary, primary_key=True),  # SHA-256 of "login:..." or "address:..."
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("last_at", sa.BigInteger, nullable=False, index=True),
    sa.Column("locked_until", sa.BigInteger, nullable=False),
)

client_key = sa.Table(
    "client_key",
    metadata,
    # Public keys with which service accounts sign assertions (RFC 7523, private_key_jwt).
    sa.Column("person_id", sa.ForeignKey(person.c.person_id), primary_key=True),
    sa.Column("kid", sa.String(64), primary_key=True),  # JWK thumbprint (RFC 7638)
    sa.Column("jwk", sa.Text, nullable=False),
    sa.Column("algorithm", sa.String(10), nullable=False),
    sa.Column("created_by", sa.String(36), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("revoked_at", sa.BigInteger),
)

assertion = sa.Table(
    "assertion",
    metadata,
    # Assertions that were used: none counts twice. Kept until they would have run out.
    sa.Column("digest", sa.LargeBinary, primary_key=True),  # SHA-256 of issuer and jti
    sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
)

identity = sa.Table(
    "identity",
    metadata,
    # Which of our people somebody is at an OpenID provider.
    sa.Column("issuer", sa.String(300), primary_key=True),
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column("person_id", sa.ForeignKey(person.c.person_id), nullable=False, index=True),
    sa.Column("linked_by", sa.String(36), nullable=False),
    sa.Column("linked_at", sa.BigInteger, nullable=False),
)

oidc_flow = sa.Table(
    "oidc_flow",
    metadata,
    # A sign-in on its way through the OpenID provider: bound to the browser that began it, used once.
    sa.Column("state_digest", sa.LargeBinary, primary_key=True),
    sa.Column("binding_digest", sa.LargeBinary, nullable=False),  # of the cookie that the browser holds
    sa.Column("nonce", sa.String(64), nullable=False),
    sa.Column("verifier", sa.String(128), nullable=False),  # PKCE (RFC 7636)
    sa.Column("return_to", sa.String(300), nullable=False),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("expires_at", sa.BigInteger, nullable=False, index=True),
)
