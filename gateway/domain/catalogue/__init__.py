"""The catalogue of data items: its entries, the rules for publishing them, and its files.

The default catalogue was cleaned from a working list: owners got unit codes and stewards; sensitive personal data is
marked apart from personal data (identity numbers, recordings, individual social insurance, KYC files); discoverable
and readable are separate columns (the entries of watch list, wall crossings, insider register and key operations are
not discoverable); legal bases are written `PIPL <article>`; sources name the rule or mechanism and say where an entry
still awaits comparison with the official text.
"""

from gateway.domain.catalogue.files import (
    COLUMNS,
    INVALID_CATALOGUE,
    OwnerUnit,
    default_catalogue,
    held_outside,
    owner_units,
    parse_catalogue,
    write_catalogue,
)
from gateway.domain.catalogue.items import (
    CLIENT_NAME,
    ISOLATED_GROUPS,
    MODES,
    SECOND_PERSON_COLUMNS,
    UNKNOWN_ITEM,
    Catalogue,
    ColumnChange,
    DataItem,
    ItemChange,
    changes,
    needs_second_person,
)
from gateway.domain.catalogue.rules import GROUPS, RETENTIONS, Broken, broken_rules

__all__ = [
    "CLIENT_NAME", "COLUMNS", "GROUPS", "INVALID_CATALOGUE", "ISOLATED_GROUPS", "MODES", "RETENTIONS",
    "SECOND_PERSON_COLUMNS", "UNKNOWN_ITEM", "Broken", "Catalogue", "ColumnChange", "DataItem", "ItemChange",
    "OwnerUnit", "broken_rules", "changes", "default_catalogue", "held_outside", "needs_second_person", "owner_units",
    "parse_catalogue", "write_catalogue",
]  # fmt: skip
