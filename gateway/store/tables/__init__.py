"""Every table of the product on one `metadata`: the ledger's, the trail's and the gateway's."""

from audit import tables as trail
from ledger.tables import metadata

from . import access, auth, barrier, catalogue, keys, operation, parties, records

__all__ = ["access", "auth", "barrier", "catalogue", "keys", "metadata", "operation", "parties", "records", "trail"]
