"""Entry rules: which fields a record of a group has, and what a value must be before it is kept."""

from gateway.domain.entry.rules import Cleaned, clean
from gateway.domain.entry.specs import SPECS, UNKNOWN_GROUP, FieldSpec, Option, fields_of, item_of, spec_of, specs_of
from gateway.domain.entry.values import Value

__all__ = [
    "SPECS",
    "UNKNOWN_GROUP",
    "Cleaned",
    "FieldSpec",
    "Option",
    "Value",
    "clean",
    "fields_of",
    "item_of",
    "spec_of",
    "specs_of",
]
