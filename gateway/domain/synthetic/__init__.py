"""Invented parks, enterprises, people and visits: seeded, with flat memory, for demo, tests and benchmarks.

Everything follows from a seed and an index, so any part can be made alone and again. No real person's data: names are
drawn from lists; mobile numbers use prefixes that are allotted to no operator, local numbers begin with 1 as no
subscriber's does, e-mail domains end in `.example` (RFC 2606); codes use a block that was never issued in Dongguan
(`uscc.synthetic_code`). A name that some real person or firm bears is chance.
"""

from gateway.domain.synthetic.files import CLEAN, DIRTY, Dirt, headings, tenant_sheet, text_rows, write_csv, write_xlsx
from gateway.domain.synthetic.people import email, landline, mobile, person_name, staff_number
from gateway.domain.synthetic.world import (
    TODAY,
    Park,
    SyntheticClient,
    SyntheticRecord,
    client_at,
    clients,
    contacts,
    contacts_of,
    cooperations,
    cooperations_of,
    parks,
    tenancies,
    tenancy_of,
    visits,
    visits_of,
)

__all__ = [
    "CLEAN",
    "DIRTY",
    "TODAY",
    "Dirt",
    "Park",
    "SyntheticClient",
    "SyntheticRecord",
    "client_at",
    "clients",
    "contacts",
    "contacts_of",
    "cooperations",
    "cooperations_of",
    "email",
    "headings",
    "landline",
    "mobile",
    "parks",
    "person_name",
    "staff_number",
    "tenancies",
    "tenancy_of",
    "tenant_sheet",
    "text_rows",
    "visits",
    "visits_of",
    "write_csv",
    "write_xlsx",
]
