"""Grants: what an approved request gives, for how long, how it ends, and that its terms hash to one value only."""

from dataclasses import replace
from typing import Any

import pytest
from asking import (
    CATALOGUE,
    COMPLIANCE,
    HEAD,
    IB,
    INSIDE,
    NOW,
    PARTNER,
    TERMS,
    WEALTH,
    approved,
    draft,
    in_review,
    sign,
)
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.access import (
    CANNOT_BE_ASKED,
    CATALOGUE_MOVED,
    GRANT_ENDED,
    NOT_RENEWABLE,
    WRONG_STATE,
    AccessRequest,
    Grant,
    ItemTerms,
    Scope,
    accept_offer,
    entry_fields,
    expire,
    grant_from,
    grant_from_plain,
    grant_terms,
    overlaps,
    renew,
    revoke,
    to_plain,
    why_not_renewable,
)
from gateway.domain.canonical import canonical, fingerprint
from gateway.domain.catalogue import Catalogue
from gateway.domain.workdays import DAY
from gateway.errors import Code, Problem
from ledger.entry import canonical as ledger_canonical


def given_by(request: AccessRequest, now: int = NOW, catalogue: Catalogue = CATALOGUE) -> Grant:
    return grant_from(request, grant_id="g1", now=now, catalogue=catalogue, policy_epoch="epoch-1")


GRANT = given_by(approved())
END = GRANT.not_after


def refused(code: Code, call: Any, *args: Any, **options: Any) -> Problem:
    with pytest.raises(Problem) as caught:
        call(*args, **options)
    assert caught.value.code is code
    return caught.value


def with_item(changed: str, **changes: Any) -> Catalogue:
    """The default catalogue with one item changed, at the next version."""
    items = (replace(item, **changes) if item.code == changed else item for item in CATALOGUE)
    return Catalogue(tuple(items), version=2)


def test_a_grant_says_exactly_what_was_approved() -> None:
    assert GRANT.grantors == ("ib", "wealth")
    assert GRANT.grantee == INSIDE
    assert (GRANT.purpose, GRANT.scope, GRANT.row_cap, GRANT.uses) == (
        "visit-preparation",
        TERMS.scope,
        100,
        TERMS.uses,
    )
    assert (GRANT.not_before, GRANT.not_after) == (NOW, NOW + 60 * DAY)
    assert GRANT.approvals == ("owner", "compliance")
    assert (GRANT.policy_epoch, GRANT.catalogue_version, GRANT.level, GRANT.term_days) == ("epoch-1", 1, 3, 60)
    assert GRANT.fields_for("ib") == {"name", "mobile"}
    assert GRANT.fields_for("wealth") == {"date", "channel"}
    assert GRANT.fields_for("research") == frozenset()


def test_only_an_approved_request_gives_a_grant() -> None:
    offered = sign(sign(sign(in_review(), HEAD), IB), WEALTH)
    refused(WRONG_STATE, given_by, offered)
    offered = sign(offered, COMPLIANCE, terms=replace(TERMS, term_days=7), reason="term-too-long")
    assert offered.state == "offered"
    refused(WRONG_STATE, given_by, offered)
    assert given_by(accept_offer(offered, by="ana", now=NOW + DAY), NOW + DAY).not_after == NOW + 8 * DAY


def test_an_approved_state_without_the_owners_signature_gives_nothing() -> None:
    forged = replace(in_review(), state="approved")
    refused(WRONG_STATE, given_by, forged)


@pytest.mark.parametrize(
    ("code", "days", "longest"),
    [("INT-COO-001", 181, 180), ("INT-CON-001", 91, 90), ("INT-COO-005", 31, 30)],
)
def test_the_longest_term_by_level_holds_even_if_more_was_let_through(code: str, days: int, longest: int) -> None:
    terms = replace(TERMS, items=(ItemTerms(code, ("x",)),), uses=("view",), term_days=longest)
    request = approved(draft(terms))
    widened = replace(request, proposed=replace(terms, term_days=days))
    assert given_by(widened).term_days == longest


def test_the_strictest_item_sets_the_term() -> None:
    terms = replace(TERMS, items=(ItemTerms("INT-COO-001", ("x",)), ItemTerms("INT-CON-001", ("name",))), term_days=90)
    assert given_by(approved(draft(terms))).term_days == 90
    graded = given_by(approved(draft(terms)), catalogue=with_item("INT-COO-001", level=3))
    assert graded.term_days == 90


def test_an_item_graded_anew_after_approval_is_not_granted_on_the_old_signatures() -> None:
    refused(CATALOGUE_MOVED, given_by, approved(), catalogue=with_item("INT-CON-001", level=4))  # wants the cco
    refused(CATALOGUE_MOVED, given_by, approved(), catalogue=with_item("INT-CON-001", sensitive=True))  # wants the pi
    refused(CANNOT_BE_ASKED, given_by, approved(), catalogue=with_item("INT-CON-001", mode="not_shared"))
    refused(CANNOT_BE_ASKED, given_by, approved(), catalogue=with_item("INT-CON-001", code="INT-CON-901"))
    terms = replace(TERMS, items=(ItemTerms("INT-COO-005", ("x",)),), uses=("view",), term_days=30)
    refused(CANNOT_BE_ASKED, given_by, approved(draft(terms)), catalogue=with_item("INT-COO-005", level=5))


def test_obligations_follow_use_mask_and_receiver() -> None:
    assert GRANT.obligations == ("log",)
    masked = replace(TERMS, masked=True, uses=("view", "export"))
    assert given_by(approved(draft(masked))).obligations == ("log", "mask", "watermark")
    partner = draft(grantee=PARTNER, consents=("k",), assessment_ref="p", safety_officer="s")
    grant = given_by(approved(partner))
    assert grant.obligations == ("log", "no-onward-sharing", "delete-at-end")
    assert grant.approvals == ("owner", "compliance", "pi")
    assert grant.consents == ("k",)


def test_a_grant_lives_from_its_first_microsecond_to_before_its_last() -> None:
    assert not GRANT.is_live(NOW - 1)
    assert GRANT.is_live(NOW)
    assert GRANT.is_live(END - 1)
    assert not GRANT.is_live(END)
    for state in ("expired", "revoked", "superseded"):
        assert not replace(GRANT, state=state).is_live(NOW)


def test_limits_of_use() -> None:
    limited = replace(GRANT, use_limit=2, rate_per_hour=1)
    assert [limited.uses_left(n) for n in (0, 1, 2)] == [True, True, False]
    assert [limited.within_rate(n) for n in (0, 1)] == [True, False]
    assert GRANT.uses_left(10**9)
    assert GRANT.within_rate(10**9)


def test_expiry_and_revocation() -> None:
    refused(GRANT_ENDED, expire, GRANT, now=END - 1)
    over = expire(GRANT, now=END + DAY)
    assert (over.state, over.ended_at) == ("expired", END)
    gone = revoke(GRANT, by="ivo", reason="客户撤回", now=NOW + 5)
    assert (gone.state, gone.ended_at, gone.ended_by, gone.end_reason) == ("revoked", NOW + 5, "ivo", "客户撤回")
    for ended in (over, gone):
        refused(GRANT_ENDED, expire, ended, now=END)
        refused(GRANT_ENDED, revoke, ended, by="x", reason="x", now=END)
    assert gone.terms_hash == GRANT.terms_hash, "ending does not change what was granted"


LATE = END - 15 * DAY


@pytest.mark.parametrize(
    ("changes", "now", "purpose", "last_used", "why"),
    [
        ({}, LATE, "visit-preparation", LATE, ""),
        ({}, LATE, "visit-preparation", LATE - 90 * DAY, ""),
        ({}, END - 1, "visit-preparation", LATE, ""),
        ({}, LATE - 1, "visit-preparation", LATE, "too-early"),
        ({}, END, "visit-preparation", LATE, "not-live"),
        ({"state": "revoked"}, LATE, "visit-preparation", LATE, "not-live"),
        ({}, LATE, "marketing", LATE, "other-purpose"),
        ({}, LATE, "visit-preparation", None, "not-used"),
        ({}, LATE, "visit-preparation", LATE - 90 * DAY - 1, "not-used"),
        ({"renewals": 1}, LATE, "visit-preparation", LATE, ""),
        ({"renewals": 2}, LATE, "visit-preparation", LATE, "renewed-twice"),
    ],
)
def test_when_a_grant_can_be_renewed(changes: Any, now: int, purpose: str, last_used: int | None, why: str) -> None:
    grant = replace(GRANT, **changes)
    assert why_not_renewable(grant, purpose=purpose, now=now, last_used_at=last_used) == why
    call: dict[str, Any] = {
        "grant_id": "g2", "purpose": purpose, "now": now, "last_used_at": last_used, "catalogue": CATALOGUE,
        "policy_epoch": "epoch-2",
    }  # fmt: skip
    if why:
        assert refused(NOT_RENEWABLE, renew, grant, **call).extra == {"why": why}
        return
    old, new = renew(grant, **call)
    assert (old.state, old.id) == ("superseded", "g1")
    assert (new.id, new.supersedes, new.renewals, new.state) == ("g2", "g1", grant.renewals + 1, "active")
    assert (new.not_before, new.not_after, new.policy_epoch) == (now, now + 60 * DAY, "epoch-2")
    assert (new.items, new.scope, new.uses, new.purpose) == (grant.items, grant.scope, grant.uses, grant.purpose)


def test_renewal_is_held_to_the_present_catalogue_and_never_lengthens() -> None:
    call: dict[str, Any] = {
        "grant_id": "g2", "purpose": GRANT.purpose, "now": LATE, "last_used_at": LATE, "policy_epoch": "e",
    }  # fmt: skip
    assert renew(GRANT, **call, catalogue=CATALOGUE, term_days=500)[1].term_days == 60
    assert renew(GRANT, **call, catalogue=CATALOGUE, term_days=5)[1].term_days == 5
    refused(CATALOGUE_MOVED, renew, GRANT, **call, catalogue=with_item("INT-CON-001", level=4))
    refused(CANNOT_BE_ASKED, renew, GRANT, **call, catalogue=with_item("INT-CON-001", mode="not_shared"))


def test_the_terms_are_canonical_flat_fields_are_plain_and_the_ledger_agrees() -> None:
    terms = grant_terms(GRANT)
    assert canonical(terms) == ledger_canonical(terms)
    assert GRANT.terms_hash == fingerprint(terms)
    fields = entry_fields(GRANT)
    assert all(isinstance(value, (str, int, bool)) for value in fields.values())
    assert fields["terms_hash"] == GRANT.terms_hash
    assert fields["items"] == "INT-CON-001 INT-CON-003 INT-VIS-001"
    # a value that others may have kept: the form must not drift
    assert grant_terms(replace(GRANT, items=GRANT.items[:1])) == {
        "v": 1, "grant": "g1", "request": "r1", "grantors": ["ib", "wealth"],
        "grantee": {
            "kind": "person", "id": "ana", "unit": "research", "institution": "firm", "institution_kind": "firm",
        },
        "items": {"INT-CON-001": {"fields": ["name"], "owners": ["ib"], "level": 3}},
        "scope": {"clients": ["c1", "c2"]}, "purpose": "visit-preparation", "not_before": NOW,
        "not_after": NOW + 60 * DAY, "row_cap": 100, "uses": ["verify", "view"], "approvals": ["compliance", "owner"],
        "obligations": ["log"], "legal_basis": "contract", "consents": [], "policy_epoch": "epoch-1",
        "catalogue_version": 1, "renewals": 0,
    }  # fmt: skip


def test_the_order_in_which_terms_were_written_does_not_matter() -> None:
    shuffled = replace(
        GRANT, items=GRANT.items[::-1], uses=GRANT.uses[::-1], scope=Scope(clients=("c2", "c1")),
        grantors=GRANT.grantors[::-1],
    )  # fmt: skip
    assert shuffled.terms_hash == GRANT.terms_hash


OTHER: dict[str, Any] = {
    "id": "g9", "request_id": "r9", "grantors": ("ib",), "grantee": PARTNER, "items": GRANT.items[:2],
    "scope": Scope(clients=("c1",)), "purpose": "audit", "not_before": NOW + 1, "not_after": END + 1, "row_cap": 101,
    "uses": ("view",), "approvals": ("owner",), "obligations": ("log", "mask"), "policy_epoch": "x",
    "catalogue_version": 2, "legal_basis": "consent", "consents": ("k",), "use_limit": 1, "rate_per_hour": 1,
    "renewals": 1, "supersedes": "g0",
}  # fmt: skip


@pytest.mark.parametrize("name", OTHER)
def test_whatever_differs_changes_the_hash(name: str) -> None:
    assert replace(GRANT, **{name: OTHER[name]}).terms_hash != GRANT.terms_hash


def test_a_grant_survives_being_kept() -> None:
    for grant in (GRANT, replace(GRANT, use_limit=3, rate_per_hour=4, state="revoked", ended_at=5)):
        assert grant_from_plain(to_plain(grant)) == grant
        assert canonical(to_plain(grant)), "canonical JSON takes it"


def test_a_live_grant_that_gives_the_same_or_part_of_it_is_found() -> None:
    def found(terms: Any = TERMS, grantee: Any = INSIDE, purpose: str = "visit-preparation", **options: Any) -> Any:
        grants = options.pop("grants", [GRANT])
        return [(o.grant_id, o.covers) for o in overlaps(terms, grantee, purpose, grants, NOW, **options)]

    assert found() == [("g1", True)]
    assert found(replace(TERMS, scope=Scope(clients=("c1",)), uses=("view",), row_cap=1)) == [("g1", True)]
    assert found(replace(TERMS, row_cap=101)) == [("g1", False)]
    assert found(replace(TERMS, uses=("export",))) == [("g1", False)]
    assert found(replace(TERMS, scope=Scope(clients=("c1", "c3")))) == [("g1", False)]
    assert found(replace(TERMS, scope=Scope(tags=("t",)))) == [("g1", False)], "a tag may mean the same clients"
    assert found(replace(TERMS, scope=Scope(clients=("c3",)))) == []
    assert found(replace(TERMS, items=(ItemTerms("INT-CON-005", ("email",)),))) == []
    assert found(purpose="audit") == []
    assert found(grantee=replace(INSIDE, id="bob")) == []
    assert found(grants=[replace(GRANT, state="revoked")]) == []
    unit_wide = replace(GRANT, id="g0", grantee=replace(INSIDE, kind="unit", id="research"))
    assert found(grants=[unit_wide, replace(GRANT, row_cap=1)]) == [("g0", True), ("g1", False)]
    assert found(grants=[replace(GRANT, obligations=("log", "mask"))]) == [("g1", False)], "masked is less"


CLIENTS = st.lists(st.sampled_from("abcd"), max_size=3).map(tuple)
SCOPES = st.builds(Scope, clients=CLIENTS, tags=st.lists(st.sampled_from("xy"), max_size=2).map(tuple),
                   parks=st.lists(st.sampled_from("pq"), max_size=2).map(tuple))  # fmt: skip
WORLD = [(c, tags, park) for c in "abcd" for tags in ((), ("x",), ("y",), ("x", "y")) for park in ("", "p", "q")]


@given(SCOPES, SCOPES)
def test_scopes_mean_what_they_cover(one: Scope, other: Scope) -> None:
    inside = {client for client in WORLD if one.covers(*client)}
    outside = {client for client in WORLD if other.covers(*client)}
    if one.within(other):
        assert inside <= outside
    if not one.may_meet(other):
        assert not inside & outside
    assert bool(inside) == bool(one)
    assert one.within(one)
