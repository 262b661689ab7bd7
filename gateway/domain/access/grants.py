"""The right: a grant is made from an approved request, lives for its term, and ends by time, revocation or renewal."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from gateway.domain.access.form import AccessRequest, Grantee, ItemTerms, Scope, Terms
from gateway.domain.access.moves import WRONG_STATE
from gateway.domain.access.route import CANNOT_BE_ASKED, extra_roles
from gateway.domain.canonical import fingerprint
from gateway.domain.catalogue import Catalogue, DataItem
from gateway.domain.grading import Grading, default_grading
from gateway.domain.workdays import DAY
from gateway.errors import Problem, declare

GRANT_STATES: Final = ("active", "expired", "revoked", "superseded")
RENEWAL_WINDOW_DAYS: Final = 15
DORMANT_DAYS: Final = 90
MAX_RENEWALS: Final = 2
_APPROVALS: Final = {"data_owner": "owner", "compliance": "compliance", "cco": "cco", "pi_officer": "pi"}

GRANT_ENDED = declare(
    "grant-ended", "conflict",
    zh="授权已失效", en="The grant is no longer live",
    remedy_zh="请重新申请", remedy_en="Apply anew",
)  # fmt: skip
NOT_RENEWABLE = declare(
    "grant-not-renewable", "conflict",
    zh="授权现在不能续期", en="The grant cannot be renewed now",
    remedy_zh="续期限到期前15天内、用途不变、90天内使用过、最多两次;否则请重新申请",
    remedy_en="Renew in the last 15 days, for the same purpose, if used within 90 days, at most twice; else apply anew",
)  # fmt: skip
CATALOGUE_MOVED = declare(
    "catalogue-changed-meanwhile", "conflict",
    zh="数据项的级别或属性已变更,现有审批不足", en="An item was graded anew; the signatures given do not suffice",
    remedy_zh="请按新的级别重新申请", remedy_en="Apply anew under the present grading",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class GrantItem:
    """One granted item: its fields, and the units whose records it opens."""

    code: str
    group: str
    level: int
    personal: bool
    sensitive: bool
    owners: tuple[str, ...]
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """The right of one grantee to use certain fields of certain enterprises for one purpose until a certain moment.

    Times are microseconds, `not_after` exclusive. `approvals`: which of owner, compliance, cco, pi have signed.
    `state` is what was written last; whether it holds at a moment is `is_live`.
    """

    id: str
    request_id: str
    grantors: tuple[str, ...]
    grantee: Grantee
    items: tuple[GrantItem, ...]
    scope: Scope
    purpose: str
    not_before: int
    not_after: int
    row_cap: int
    uses: tuple[str, ...]
    approvals: tuple[str, ...]
    obligations: tuple[str, ...]
    policy_epoch: str
    catalogue_version: int
    legal_basis: str = ""
    consents: tuple[str, ...] = ()
    use_limit: int | None = None
    rate_per_hour: int | None = None
    granted_at: int = 0
    renewals: int = 0
    supersedes: str = ""
    state: str = "active"
    ended_at: int = 0
    ended_by: str = ""
    end_reason: str = ""

    @property
    def codes(self) -> tuple[str, ...]:
        """The item codes."""
        return tuple(item.code for item in self.items)

    @property
    def level(self) -> int:
        """The highest level among the items."""
        return max(item.level for item in self.items)

    @property
    def term_days(self) -> int:
        """The length of the term in days, a begun day counted whole."""
        return -(-(self.not_after - self.not_before) // DAY)

    @property
    def terms_hash(self) -> str:
        """SHA-256 of `grant_terms`: what the ledger commits to."""
        return fingerprint(grant_terms(self))

    def is_live(self, now: int) -> bool:
        """Whether the grant holds at `now`: neither ended nor outside its term."""
        return self.state == "active" and self.not_before <= now < self.not_after

    def fields_for(self, owner: str) -> frozenset[str]:
        """The fields, of whatever item, that may be read in records of the unit `owner`."""
        return frozenset(name for item in self.items if owner in item.owners for name in item.fields)

    def uses_left(self, used: int) -> bool:
        """Whether another use is within the limit after `used` uses."""
        return self.use_limit is None or used < self.use_limit

    def within_rate(self, used_this_hour: int) -> bool:
        """Whether another use is within the hourly rate."""
        return self.rate_per_hour is None or used_this_hour < self.rate_per_hour


def grant_terms(grant: Grant) -> dict[str, object]:
    """The terms of `grant`, canonical and stable: equal for equal rights, whatever the order they were written in.

    Everything that a partner may hold us to is in it; the state, which changes, is not.
    """
    limits = {"use_limit": grant.use_limit, "rate_per_hour": grant.rate_per_hour}
    return {
        "v": 1,
        "grant": grant.id,
        "request": grant.request_id,
        "grantors": sorted(grant.grantors),
        "grantee": grant.grantee.plain(),
        "items": {
            item.code: {"fields": sorted(item.fields), "owners": sorted(item.owners), "level": item.level}
            for item in grant.items
        },
        "scope": grant.scope.plain(),
        "purpose": grant.purpose,
        "not_before": grant.not_before,
        "not_after": grant.not_after,
        "row_cap": grant.row_cap,
        "uses": sorted(grant.uses),
        "approvals": sorted(grant.approvals),
        "obligations": sorted(grant.obligations),
        "legal_basis": grant.legal_basis,
        "consents": sorted(grant.consents),
        "policy_epoch": grant.policy_epoch,
        "catalogue_version": grant.catalogue_version,
        "renewals": grant.renewals,
        **({"supersedes": grant.supersedes} if grant.supersedes else {}),
        **{name: limit for name, limit in limits.items() if limit is not None},
    }


def entry_fields(grant: Grant) -> dict[str, str | int | bool]:
    """The flat fields of a ledger entry on `grant`; each is committed to by itself, so that one can be shown alone."""
    return {
        "grant": grant.id,
        "request": grant.request_id,
        "grantors": " ".join(sorted(grant.grantors)),
        "grantee_unit": grant.grantee.unit,
        "grantee_institution": grant.grantee.institution,
        "purpose": grant.purpose,
        "items": " ".join(sorted(grant.codes)),
        "level": grant.level,
        "not_before": grant.not_before,
        "not_after": grant.not_after,
        "terms_hash": grant.terms_hash,
        "policy_epoch": grant.policy_epoch,
        "catalogue_version": grant.catalogue_version,
        "state": grant.state,
    }


def grant_from(
    request: AccessRequest,
    *,
    grant_id: str,
    now: int,
    catalogue: Catalogue,
    policy_epoch: str,
    grading: Grading | None = None,
) -> Grant:
    """The grant that an approved request gives, from `now` on, for the days agreed but no longer than the levels allow.

    A request that is not approved raises `request-in-another-state`; an item that has meanwhile left the catalogue,
    become unshared or important data `cannot-be-requested`; one whose grading now asks for a signature that nobody
    gave, or bars a use, `catalogue-changed-meanwhile`.
    """
    if request.state != "approved":
        raise Problem(WRONG_STATE, extra={"state": request.state})
    terms = request.terms
    items = tuple(_granted(asked, request, catalogue) for asked in terms.items)
    signed = {opinion.role for opinion in request.signatures}
    grant = Grant(
        id=grant_id, request_id=request.id, grantors=tuple(sorted({o for item in items for o in item.owners})),
        grantee=request.grantee, items=items, scope=terms.scope, purpose=request.purpose, not_before=now,
        not_after=now, row_cap=terms.row_cap, uses=terms.uses,
        approvals=tuple(name for role, name in _APPROVALS.items() if role in signed),
        obligations=obligations_of(terms, request.grantee), policy_epoch=policy_epoch,
        catalogue_version=catalogue.version, legal_basis=request.legal_basis, consents=request.consents,
        use_limit=terms.use_limit, rate_per_hour=terms.rate_per_hour, granted_at=now,
    )  # fmt: skip
    return _for_days(grant, terms.term_days, grading or default_grading())


def obligations_of(terms: Terms, grantee: Grantee) -> tuple[str, ...]:
    """The duties that go with a grant on these terms.

    `log` always; `mask` where only masked values are given; `watermark` on exports; for partners `no-onward-sharing`
    and `delete-at-end` with a certificate (PIPL arts. 21, 23; Network Data Security Regulation, art. 12).
    """
    duties = ["log"]
    if terms.masked:
        duties.append("mask")
    if "export" in terms.uses:
        duties.append("watermark")
    if grantee.partner:
        duties += ["no-onward-sharing", "delete-at-end"]
    return tuple(duties)


def expire(grant: Grant, *, now: int) -> Grant:
    """The grant past its end; one that still runs, or ended otherwise, raises `grant-ended`."""
    if grant.state != "active" or now < grant.not_after:
        raise Problem(GRANT_ENDED, extra={"state": grant.state})
    return replace(grant, state="expired", ended_at=grant.not_after, end_reason="term-over")


def revoke(grant: Grant, *, by: str, reason: str, now: int) -> Grant:
    """The grant ended at once by `by`. Only an active one can be; another raises `grant-ended`."""
    if grant.state != "active":
        raise Problem(GRANT_ENDED, extra={"state": grant.state})
    return replace(grant, state="revoked", ended_at=now, ended_by=by, end_reason=reason)


def why_not_renewable(grant: Grant, *, purpose: str, now: int, last_used_at: int | None) -> str:
    """Why the grant cannot be renewed at `now`, a code; "" when it can.

    Rules: live, within the last 15 days, same purpose, used within 90 days, at most two renewals.
    """
    if not grant.is_live(now):
        return "not-live"
    if grant.not_after - now > RENEWAL_WINDOW_DAYS * DAY:
        return "too-early"
    if purpose != grant.purpose:
        return "other-purpose"
    if grant.renewals >= MAX_RENEWALS:
        return "renewed-twice"
    if last_used_at is None or now - last_used_at > DORMANT_DAYS * DAY:
        return "not-used"
    return ""


def renew(
    grant: Grant,
    *,
    grant_id: str,
    purpose: str,
    now: int,
    last_used_at: int | None,
    catalogue: Catalogue,
    policy_epoch: str,
    term_days: int | None = None,
    grading: Grading | None = None,
) -> tuple[Grant, Grant]:
    """The old grant superseded and a new one in its place: same rights, a term from `now`, never longer than before.

    The present catalogue counts, as for `grant_from`. Raises `grant-not-renewable` with `extra["why"]`.
    """
    why = why_not_renewable(grant, purpose=purpose, now=now, last_used_at=last_used_at)
    if why:
        raise Problem(NOT_RENEWABLE, extra={"why": why})
    items = tuple(_as_now(item, catalogue) for item in grant.items)
    fresh = replace(
        grant, id=grant_id, items=items, not_before=now, policy_epoch=policy_epoch, granted_at=now,
        catalogue_version=catalogue.version, renewals=grant.renewals + 1, supersedes=grant.id,
    )  # fmt: skip
    days = min(grant.term_days, term_days or grant.term_days)
    ended = replace(grant, state="superseded", ended_at=now, end_reason="renewed")
    return ended, _for_days(fresh, days, grading or default_grading())


@dataclass(frozen=True, slots=True)
class Overlap:
    """A live grant that gives some of the same: `covers` everything asked for, or only part of it."""

    grant_id: str
    covers: bool
    items: tuple[str, ...]


def overlaps(
    terms: Terms, grantee: Grantee, purpose: str, live: Iterable[Grant], now: int, inside: Collection[str] = ()
) -> tuple[Overlap, ...]:
    """The live grants of this grantee (or its whole unit) and purpose that meet `terms`, covering ones first."""
    found: list[Overlap] = []
    for grant in live:
        same = grant.grantee == grantee or (grant.grantee.kind == "unit" and grant.grantee.unit == grantee.unit)
        common = tuple(c for c in grant.codes if terms.fields_of(c) & _fields(grant, c))
        if not (same and grant.purpose == purpose and grant.is_live(now) and common):
            continue
        if not terms.scope.may_meet(grant.scope):
            continue
        covers = (
            all(terms.fields_of(code) <= _fields(grant, code) for code in terms.codes)
            and terms.scope.within(grant.scope, inside)
            and set(terms.uses) <= set(grant.uses)
            and terms.row_cap <= grant.row_cap
            and (terms.masked or "mask" not in grant.obligations)
        )
        found.append(Overlap(grant.id, covers, common))
    return tuple(sorted(found, key=lambda overlap: (not overlap.covers, overlap.grant_id)))


def _fields(grant: Grant, code: str) -> frozenset[str]:
    return frozenset(name for item in grant.items if item.code == code for name in item.fields)


def _granted(asked: ItemTerms, request: AccessRequest, catalogue: Catalogue) -> GrantItem:
    item = _shareable(asked.code, catalogue)
    signed = {(opinion.role, opinion.unit) for opinion in request.signatures}
    owners = tuple(
        sorted(
            step.unit
            for step in request.steps
            if step.role == "data_owner" and asked.code in step.items and (step.role, step.unit) in signed
        )
    )
    if not owners:  # nobody who answers for it has signed: never a right without an owner
        raise Problem(WRONG_STATE, extra={"state": request.state})
    fields = tuple(sorted(set(asked.fields)))
    return GrantItem(item.code, item.group, item.level, item.personal, item.sensitive, owners, fields)


def _as_now(granted: GrantItem, catalogue: Catalogue) -> GrantItem:
    """The item with its present grading."""
    item = _shareable(granted.code, catalogue)
    return replace(granted, level=item.level, personal=item.personal, sensitive=item.sensitive)


def _shareable(code: str, catalogue: Catalogue) -> DataItem:
    """The item `code` as it stands. One that is gone or no longer shared raises `cannot-be-requested`."""
    item = catalogue.find(code)
    if item is None or item.mode == "not_shared":
        raise Problem(CANNOT_BE_ASKED, field="items", extra={"item": code})
    return item


def _for_days(grant: Grant, days: int, grading: Grading) -> Grant:
    """The grant for `days` or the longest term of its levels, if the signatures carry what it now gives."""
    longest = grading.max_term_days(item.level for item in grant.items)
    if longest < 1:
        raise Problem(CANNOT_BE_ASKED, field="items")
    needed = extra_roles(grant.items, partner=grant.grantee.partner, rows=grant.row_cap)
    allowed = grading.uses(item.level for item in grant.items)
    if not {_APPROVALS[role] for role in needed} <= set(grant.approvals) or not set(grant.uses) <= allowed:
        raise Problem(CATALOGUE_MOVED)
    return replace(grant, not_after=grant.not_before + min(days, longest) * DAY)
