"""The words in which a decision is asked for: facts about who, what, on which ground, across which wall, and in which
circumstances.

Facts are rows that the caller fetched; rules never look anything up. Every value is plain and frozen, so facts can be
cached and shared between threads. `policies/<kind>/schema.yaml` types each attribute; the engine refuses facts that
break it.
"""

from dataclasses import dataclass
from typing import Final

from policies.frozen import Vouched, quick

ROLES: Final = (
    "requester", "dept_head", "lead_rm", "data_owner", "data_steward", "ops", "compliance", "cco", "pi_officer",
    "auditor", "key_custodian", "sysadmin", "partner_user", "partner_admin", "enterprise_rep", "regulator",
)  # fmt: skip
INSTITUTION_KINDS: Final = (
    "firm", "park", "government", "equity_market", "bank", "guarantor", "insurer", "lessor", "intermediary",
)  # fmt: skip
SIDES: Final = ("private", "public", "control", "none")
MODES: Final = ("catalogue_open", "approval_gated", "mandatory_name_share", "not_shared")
ACTIONS: Final = ("discover", "read", "verify", "export")
CHANNELS: Final = (
    "console",
    "cli",
    "api",
    "job",
)  # people look through the first two (grant.view), machines call the others (grant.api)
SUBJECT_KINDS: Final = ("person", "service")
NO_PURPOSE: Final = "none"


@quick
@dataclass(frozen=True, slots=True)
class Subject(Vouched):
    """Who asks: a person or a service account, with the three separate dimensions role, attribute and wall side.

    `id` and `unit` are codes; `institution` is the code of the legal body, `internal` whether that body is the firm
    itself.
    `clearance` is the highest level (1..5) that the person may see at all; `trained` whether the yearly training is
    valid.
    """

    id: str
    kind: str
    roles: frozenset[str]
    unit: str
    institution: str
    institution_kind: str
    internal: bool
    active: bool
    side: str
    clearance: int
    trained: bool


@quick
@dataclass(frozen=True, slots=True)
class Object(Vouched):
    """What is asked for: one field group of one kind of record, as the catalogue and the client register describe it.

    `owner` is the unit that answers for it, `owner_institution` that unit's institution. `discoverable` and
    `readable` are the two independent halves of an open item. `natural_person`: the client is a person (mandatory
    name sharing never applies then).
    `suppressed`: compliance hides this name, or there is no such client; the two are told apart by nobody else.
    """

    mode: str
    group: str
    level: int
    owner: str
    owner_institution: str
    personal: bool = False
    sensitive: bool = False
    discoverable: bool = True
    readable: bool = False
    natural_person: bool = False
    suppressed: bool = False


@quick
@dataclass(frozen=True, slots=True)
class GrantFacts(Vouched):
    """The one grant that the caller relies on, measured against this very access; `NO_GRANT` if there is none.

    `grantee_ok`, `items_ok`, `scope_ok`: the grant names this principal (or its unit), these fields, this client.
    Times are microseconds since the epoch, `not_after` exclusive. `view/api/verify/export` are the modes of use that
    were granted;
    `*_ok` the signatures that were given; `consent_ok` that a consent covers this receiver, purpose and item.
    """

    present: bool = False
    active: bool = False
    purpose: str = NO_PURPOSE
    not_before: int = 0
    not_after: int = 0
    grantee_ok: bool = False
    items_ok: bool = False
    scope_ok: bool = False
    uses_left: bool = False
    view: bool = False
    api: bool = False
    verify: bool = False
    export: bool = False
    owner_ok: bool = False
    compliance_ok: bool = False
    cco_ok: bool = False
    pi_ok: bool = False
    consent_ok: bool = False


NO_GRANT: Final = GrantFacts()


@quick
@dataclass(frozen=True, slots=True)
class WallFacts(Vouched):
    """The information barrier between this subject and this client at this moment.

    `conflict`: the subject already saw a competitor of the same conflict class (Brewer-Nash). `restricted`, `watch`,
    `quiet`: the client stands on that list, or in a quiet period. `side`: the side on which the record was written.
    `crossed`: an approved wall crossing of this person for this client is running.
    """

    conflict: bool = False
    restricted: bool = False
    watch: bool = False
    quiet: bool = False
    side: str = "none"
    crossed: bool = False


NO_WALL: Final = WallFacts()


@quick
@dataclass(frozen=True, slots=True)
class Context:
    """The circumstances: the stated purpose code, `now` in microseconds, the channel, and whether emergency access is
    invoked.
    """

    purpose: str
    now: int
    channel: str
    emergency: bool = False


@dataclass(frozen=True, slots=True)
class Resource:
    """Exactly what an allowance covers: these records (or every record of one row class), this compartment, these
    fields.
    """

    compartment: str
    records: frozenset[str]
    fields: frozenset[str]
    row_class: str = ""


@quick
@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that a data access decision may depend on. `decision_id` ties it to the trail."""

    decision_id: str
    subject: Subject
    object: Object
    action: str
    grant: GrantFacts
    wall: WallFacts
    context: Context
    resource: Resource


# Moves: who may push a thing to its next state. An act is "<kind of thing>:<verb>".
ACTS: Final = (
    # an access request (domain: application form and its review steps)
    "request:submit", "request:withdraw", "request:return", "request:endorse", "request:approve-owner",
    "request:approve-compliance", "request:approve-cco", "request:approve-pi", "request:counter-offer",
    "request:accept-offer",
    "request:reject",
    # a grant
    "grant:revoke", "grant:ask-renewal", "grant:renew", "grant:recertify",
    # emergency access: asked, confirmed by a second person, reviewed afterwards
    "emergency:request", "emergency:confirm", "emergency:review",
    # the catalogue: texts are edited; a change of mode or level is proposed and countersigned
    "catalogue:edit", "catalogue:propose", "catalogue:countersign",
    # rules and keys
    "policy:propose", "policy:approve", "policy:activate",
    "key:propose-rotation", "key:confirm-rotation", "key:propose-destruction", "key:confirm-destruction",
    # barriers: name suppression, watch/restricted lists and quiet periods, sides, crossings
    "suppression:propose", "suppression:confirm", "suppression:end",
    "listing:propose", "listing:confirm", "listing:end", "side:propose", "side:confirm",
    "crossing:request", "crossing:endorse", "crossing:approve", "crossing:end",
    # consents of persons, authorisations of enterprises, requests of data subjects
    "consent:record", "consent:withdraw", "authorisation:give", "authorisation:withdraw", "subject-request:decide",
    # records and imports
    "record:enter", "record:correct", "record:withdraw", "record:erase", "import:stage", "import:activate",
    "import:cancel",
    # parties
    "party:add-institution", "party:admit-institution", "party:suspend-institution", "party:add-user",
    "party:change-user",
    "party:deactivate-user",
    # seeing what was done
    "trail:search", "trail:read-own-items", "evidence:export", "report:make", "report:read", "report:release",
    "finding:handle",
    "finding:close",
    # working together: recognition of a client, opportunities, campaigns of recertification
    "recognition:request", "recognition:decide", "recognition:dispute", "opportunity:raise", "opportunity:dispatch",
    "opportunity:claim", "opportunity:close", "recertification:open", "incident:handle",
    # exchange with partners
    "exchange:offer", "exchange:accept", "exchange:end", "matching:start", "matching:join",
)  # fmt: skip


@quick
@dataclass(frozen=True, slots=True)
class MoveObject(Vouched):
    """The thing that is moved. Ids are of principals, units are unit codes; "" where a fact does not apply.

    `proposer` made the change that now awaits a second person. `previous_approvers` signed an earlier step of the
    same thing.
    `partner`: the receiver is not the firm. `ring`: the requester approved a request of this very subject within the
    last seven days (the caller computes it from history). `institution`: the body that the thing belongs to (parties,
    imports, exchange).
    """

    kind: str
    state: str = ""
    requester: str = ""
    requester_unit: str = ""
    owner_unit: str = ""
    proposer: str = ""
    previous_approvers: frozenset[str] = frozenset()
    level: int = 1
    personal: bool = False
    partner: bool = False
    ring: bool = False
    institution: str = ""


@quick
@dataclass(frozen=True, slots=True)
class MoveFacts:
    """Everything that a workflow decision may depend on. `act` is one of `ACTS`; its kind must be `object.kind`."""

    decision_id: str
    subject: Subject
    act: str
    object: MoveObject
    now: int
