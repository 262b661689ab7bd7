"""Identifiers: ordered ones for our own rows, random ones for whatever a partner may see."""

import uuid

import uuid_utils


def new_id() -> str:
    """A UUIDv7 (RFC 9562, 5.7) as text: sorts by creation, and therefore tells it. Never shown to partners."""
    return str(uuid_utils.uuid7())


def random_id() -> str:
    """A UUIDv4 (RFC 9562, 5.4) as text: tells nothing about when or in what order things were made."""
    return str(uuid.uuid4())
