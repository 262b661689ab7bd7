"""The asking: what an access request says, and the terms that narrow on its way but never widen."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Final

from gateway.domain.canonical import fingerprint

USES: Final = ("view", "api", "verify", "export")
STATES: Final = (
    "draft", "submitted", "dept_review", "owner_review", "compliance_review", "pi_review", "cco_review", "offered",
    "returned", "approved", "rejected", "withdrawn", "timed_out",
)  # fmt: skip
REVIEW_STATES: Final = {
    "dept_head": "dept_review",
    "data_owner": "owner_review",
    "compliance": "compliance_review",
    "pi_officer": "pi_review",
    "cco": "cco_review",
}  # in the order of the route
FINAL_STATES: Final = frozenset({"approved", "rejected", "withdrawn", "timed_out"})


@dataclass(frozen=True, slots=True)
class Grantee:
    """Who receives: a unit or one person of it, of an institution of some kind (`firm`, `bank`, `park` ...)."""

    kind: str  # unit, person
    id: str
    unit: str
    institution: str
    institution_kind: str

    @property
    def partner(self) -> bool:
        """Whether the receiver is another handler than the firm itself (PIPL, art. 23)."""
        return self.institution_kind != "firm"

    def plain(self) -> dict[str, object]:
        """Canonical form."""
        return {
            "kind": self.kind,
            "id": self.id,
            "unit": self.unit,
            "institution": self.institution,
            "institution_kind": self.institution_kind,
        }


@dataclass(frozen=True, slots=True)
class Scope:
    """Which enterprises: those on the list, those with one of the tags, those in one of the parks, all together."""

    clients: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    parks: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.clients or self.tags or self.parks)

    def covers(self, client: str, tags: Collection[str] = (), park: str = "") -> bool:
        """Whether this client, with its tags and its park, lies inside. An empty scope covers nothing."""
        return client in self.clients or (bool(park) and park in self.parks) or any(tag in self.tags for tag in tags)

    def within(self, other: "Scope", inside: Collection[str] = ()) -> bool:
        """Whether everything in `self` is in `other`. `inside`: clients known to have a tag or park of `other`."""
        return (
            set(self.clients) <= set(other.clients).union(inside)
            and set(self.tags) <= set(other.tags)
            and set(self.parks) <= set(other.parks)
        )

    def may_meet(self, other: "Scope") -> bool:
        """False only where no client can lie in both: two mere lists without a common member."""
        if not self or not other:
            return False
        listed = not (self.tags or self.parks or other.tags or other.parks)
        return not listed or bool(set(self.clients) & set(other.clients))

    def plain(self) -> dict[str, object]:
        """Canonical form: empty kinds are left out, values sorted."""
        parts = (("clients", self.clients), ("tags", self.tags), ("parks", self.parks))
        return {name: sorted(set(values)) for name, values in parts if values}


@dataclass(frozen=True, slots=True)
class ItemTerms:
    """One item and the fields of it: always named one by one, so that a field added later is not in old grants."""

    code: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What may be done: items and fields, for which enterprises, how, how much, and for how many days.

    The term begins when the grant is given. `row_cap`: most rows that may be read in all. `use_limit` and
    `rate_per_hour` None: no limit of that kind. `masked`: values are given in masked form only. The order of items,
    fields and uses means nothing: compare `hash`, not `==`.
    """

    items: tuple[ItemTerms, ...]
    scope: Scope
    row_cap: int
    uses: tuple[str, ...]
    term_days: int
    use_limit: int | None = None
    rate_per_hour: int | None = None
    masked: bool = False

    @property
    def codes(self) -> tuple[str, ...]:
        """The item codes, in order."""
        return tuple(item.code for item in self.items)

    def fields_of(self, code: str) -> frozenset[str]:
        """The fields of item `code`; empty when it is not among the items."""
        return frozenset(name for item in self.items if item.code == code for name in item.fields)

    def within(self, other: "Terms", inside: Collection[str] = ()) -> bool:
        """Whether nothing is allowed by `self` that `other` does not allow; `inside` as for `Scope.within`."""
        return (
            all(code in other.codes and self.fields_of(code) <= other.fields_of(code) for code in self.codes)
            and self.scope.within(other.scope, inside)
            and self.row_cap <= other.row_cap
            and set(self.uses) <= set(other.uses)
            and self.term_days <= other.term_days
            and _tighter(self.use_limit, other.use_limit)
            and _tighter(self.rate_per_hour, other.rate_per_hour)
            and self.masked >= other.masked
        )

    def only(self, codes: Iterable[str]) -> tuple[ItemTerms, ...]:
        """The items among `codes`."""
        wanted = frozenset(codes)
        return tuple(item for item in self.items if item.code in wanted)

    def plain(self) -> dict[str, object]:
        """Canonical form for hashing and keeping; limits that are not set are left out."""
        limits = {"use_limit": self.use_limit, "rate_per_hour": self.rate_per_hour}
        return {
            "items": {item.code: sorted(set(item.fields)) for item in self.items},
            "scope": self.scope.plain(),
            "row_cap": self.row_cap,
            "uses": sorted(set(self.uses)),
            "term_days": self.term_days,
            "masked": self.masked,
            **{name: limit for name, limit in limits.items() if limit is not None},
        }

    @property
    def hash(self) -> str:
        """SHA-256 of the canonical form: two terms that allow the same have the same."""
        return fingerprint(self.plain())


def _tighter(ours: int | None, theirs: int | None) -> bool:
    return theirs is None or (ours is not None and ours <= theirs)


@dataclass(frozen=True, slots=True)
class Step:
    """One signature that the route asks for: from which role, of which unit ("" any), about which items, within how
    many working days.
    """

    role: str
    unit: str
    items: tuple[str, ...]
    days: int

    @property
    def state(self) -> str:
        """The state in which a request waits for this step."""
        return REVIEW_STATES[self.role]


@dataclass(frozen=True, slots=True)
class Approver:
    """Who signs: person, the role in which they act, their unit, and the colleague who handed the step to them."""

    id: str
    role: str
    unit: str
    on_behalf_of: str = ""

    @property
    def people(self) -> frozenset[str]:
        """Everybody behind this signature."""
        return frozenset({self.id, self.on_behalf_of} - {""})


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one approver said at one step, kept for good. `terms_hash`: the terms that they let pass (approved only)."""

    revision: int
    role: str
    unit: str
    by: str
    at: int
    outcome: str  # approved, narrowed, declined, rejected, returned
    reason: str = ""
    note: str = ""
    terms_hash: str = ""
    on_behalf_of: str = ""

    @property
    def people(self) -> frozenset[str]:
        """Everybody behind this opinion."""
        return frozenset({self.by, self.on_behalf_of} - {""})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """One application for access, in one of `STATES`.

    `asked` is what the requester wrote, `proposed` what the approvers have left of it (equal until somebody narrows).
    `due` is when the running clock ends, microseconds, 0 where none runs; `due_guessed` that it lies beyond the known
    holidays. `revision` counts submissions; only opinions of the present revision carry the request.
    """

    id: str
    requester: str
    requester_unit: str
    requester_institution: str
    grantee: Grantee
    purpose: str
    reason: str
    scenario: str
    asked: Terms
    created_at: int
    legal_basis: str = ""
    consents: tuple[str, ...] = ()
    on_behalf_of: str = ""
    project_ref: str = ""
    crossing_ref: str = ""
    assessment_ref: str = ""
    safety_officer: str = ""
    pledge_signed_at: int = 0
    attachments: tuple[str, ...] = ()
    state: str = "draft"
    revision: int = 0
    proposed: Terms | None = None
    steps: tuple[Step, ...] = ()
    opinions: tuple[Opinion, ...] = ()
    catalogue_version: int = 0
    submitted_at: int = 0
    due: int = 0
    due_guessed: bool = False
    decided_at: int = 0
    outcome_reason: str = ""
    outcome_note: str = ""

    @property
    def terms(self) -> Terms:
        """The terms as they stand: what was asked, less what approvers took away."""
        return self.proposed or self.asked

    @property
    def narrowed(self) -> bool:
        """Whether the approvers have left less than was asked."""
        return self.terms.hash != self.asked.hash or any(o.outcome == "declined" for o in self.given)

    @property
    def interested(self) -> frozenset[str]:
        """The people who gain by it: requester, the one it is made for, and a person who receives."""
        people = {self.requester, self.on_behalf_of, self.grantee.id if self.grantee.kind == "person" else ""}
        return frozenset(people - {""})

    @property
    def given(self) -> tuple[Opinion, ...]:
        """The opinions of the present revision."""
        return tuple(opinion for opinion in self.opinions if opinion.revision == self.revision)

    @property
    def signatures(self) -> tuple[Opinion, ...]:
        """The approvals of the present revision."""
        return tuple(opinion for opinion in self.given if opinion.outcome in ("approved", "narrowed"))

    @property
    def open_steps(self) -> tuple[Step, ...]:
        """The steps that wait for a signature now: all unsigned ones of the present review state."""
        return tuple(step for step in self.unsigned_steps if step.state == self.state)

    @property
    def unsigned_steps(self) -> tuple[Step, ...]:
        """The steps of the route still to be taken. An owner none of whose items are left has nothing to sign."""
        signed = {(o.role, o.unit) for o in self.given if o.outcome in ("approved", "narrowed", "declined")}
        left = set(self.terms.codes)
        return tuple(
            step
            for step in self.steps
            if (step.role, step.unit) not in signed and (step.role != "data_owner" or left & set(step.items))
        )
