"""Consents and authorisations: bound to receiver, purpose, items, period; withdrawn at once; asked anew on change."""

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.catalogue import DataItem, default_catalogue
from gateway.domain.consent import (
    CONSENT_ENDED,
    COOL_DOWN_DAYS,
    INVALID_CONSENT,
    Authorisation,
    Consent,
    Permission,
    check,
    covers,
    may_ask_again,
    needs_new_consent,
    permits,
    withdraw,
)
from gateway.domain.workdays import DAY
from gateway.errors import Problem

NOW = 1_772_672_400_000_000
CATALOGUE = default_catalogue()
MOBILE = CATALOGUE.get("INT-CON-003")
TAX = CATALOGUE.get("GOV-TAX-003")
CONSENT = Consent(
    id="k1", kind="separate", client_id="c1", record_id="r1", receiver="bank-a", purpose="sme-credit-review",
    items=("INT-CON-003", "INT-CON-001"), notice_version="2026-1", evidence_hash="ab" * 32, not_before=NOW,
    not_after=NOW + 30 * DAY, given_at=NOW,
)  # fmt: skip
LETTER = Authorisation(
    id="a1", kind="enterprise_authorisation", client_id="c1", receiver="bank-a", purpose="sme-credit-review",
    items=("GOV-TAX-003",), notice_version="2026-1", evidence_hash="cd" * 32, not_before=NOW,
    not_after=NOW + 30 * DAY, given_at=NOW, signed_by="rep",
)  # fmt: skip
ASKED = {"receiver": "bank-a", "purpose": "sme-credit-review", "item": "INT-CON-003", "now": NOW}


def test_a_consent_covers_what_it_says() -> None:
    assert covers(CONSENT, **ASKED)
    assert covers(CONSENT, **{**ASKED, "now": NOW + 30 * DAY - 1})


@pytest.mark.parametrize(
    "other",
    [
        {"receiver": "bank-b"},  # PIPL art. 23: another receiver
        {"purpose": "marketing"},
        {"item": "INT-CON-005"},
        {"now": NOW - 1},
        {"now": NOW + 30 * DAY},
    ],
)
def test_and_nothing_else(other: dict[str, Any]) -> None:
    assert not covers(CONSENT, **{**ASKED, **other})


@pytest.mark.parametrize("permission", [CONSENT, LETTER])
def test_withdrawal_holds_from_its_moment_and_leaves_the_past(permission: Permission) -> None:
    item = permission.items[0]
    gone = withdraw(permission, now=NOW + DAY)
    assert type(gone) is type(permission)
    asked = {"receiver": "bank-a", "purpose": "sme-credit-review", "item": item}
    assert covers(gone, **asked, now=NOW + DAY - 1)
    assert not covers(gone, **asked, now=NOW + DAY)
    with pytest.raises(Problem) as caught:
        withdraw(gone, now=NOW + 2 * DAY)
    assert caught.value.code is CONSENT_ENDED
    assert [gone.state(at) for at in (NOW - 1, NOW, NOW + DAY)] == ["future", "valid", "withdrawn"]
    assert permission.state(NOW + 30 * DAY) == "ended"


def allowed(item: DataItem, *held: Permission, **changes: Any) -> bool:
    asked: dict[str, Any] = {
        "client_id": "c1", "record_id": "r1", "receiver": "bank-a", "purpose": "sme-credit-review",
        "other_handler": True, "now": NOW, **changes,
    }  # fmt: skip
    return permits(item, held, **asked)


def test_personal_data_goes_to_another_handler_by_the_persons_own_separate_consent() -> None:
    assert allowed(MOBILE, CONSENT)
    assert not allowed(MOBILE)
    assert allowed(MOBILE, other_handler=False), "departments are the same handler"
    assert not allowed(MOBILE, replace(CONSENT, kind="general"))
    assert allowed(MOBILE, replace(CONSENT, kind="written"))
    assert not allowed(MOBILE, CONSENT, record_id="r2"), "somebody else's consent"
    assert not allowed(MOBILE, CONSENT, client_id="c2")
    assert not allowed(MOBILE, CONSENT, receiver="bank-b")
    assert not allowed(MOBILE, withdraw(CONSENT, now=NOW))
    assert not allowed(MOBILE, replace(LETTER, items=("INT-CON-003",))), "an enterprise cannot consent for a person"


def test_sensitive_data_wants_it_even_inside() -> None:
    sensitive = replace(MOBILE, sensitive=True)
    assert not allowed(sensitive, other_handler=False)
    assert allowed(sensitive, CONSENT, other_handler=False)


def test_what_stands_under_authorisation_wants_the_enterprises_letter_whoever_receives() -> None:
    assert TAX.needs_authorisation
    assert not allowed(TAX)
    assert not allowed(TAX, other_handler=False)
    assert allowed(TAX, LETTER)
    assert not allowed(TAX, withdraw(LETTER, now=NOW))
    assert not allowed(TAX, LETTER, client_id="c2")
    both = replace(TAX, personal=True)
    assert not allowed(both, LETTER)
    assert allowed(both, LETTER, replace(CONSENT, items=(TAX.code,)))


def test_open_organisation_data_wants_nothing() -> None:
    assert allowed(CATALOGUE.get("GOV-SAM-004"))


def test_a_change_of_notice_purpose_or_kinds_wants_a_new_consent() -> None:
    same: dict[str, Any] = {"notice_version": "2026-1", "purpose": "sme-credit-review", "items": ["INT-CON-001"]}
    assert not needs_new_consent(CONSENT, **same)
    assert needs_new_consent(CONSENT, **{**same, "notice_version": "2026-2"})
    assert needs_new_consent(CONSENT, **{**same, "purpose": "marketing"})
    assert needs_new_consent(CONSENT, **{**same, "items": ["INT-CON-001", "INT-CON-006"]})


def test_who_refused_is_not_asked_again_before_the_cool_down_is_over() -> None:
    assert may_ask_again(None, now=NOW)
    assert not may_ask_again(NOW, now=NOW + COOL_DOWN_DAYS * DAY - 1)
    assert may_ask_again(NOW, now=NOW + COOL_DOWN_DAYS * DAY)


@pytest.mark.parametrize("permission", [CONSENT, LETTER])
def test_a_whole_one_passes(permission: Permission) -> None:
    check(permission)


@pytest.mark.parametrize(
    ("permission", "changes", "field"),
    [
        (CONSENT, {"receiver": ""}, "receiver"),
        (CONSENT, {"purpose": ""}, "purpose"),
        (CONSENT, {"items": ()}, "items"),
        (CONSENT, {"notice_version": ""}, "notice_version"),
        (CONSENT, {"record_id": ""}, "record_id"),
        (CONSENT, {"kind": "enterprise_authorisation"}, "kind"),
        (CONSENT, {"evidence_hash": "AB" * 32}, "evidence_hash"),
        (CONSENT, {"evidence_hash": "ab" * 31}, "evidence_hash"),
        (CONSENT, {"not_after": NOW}, "not_after"),
        (LETTER, {"kind": "separate"}, "kind"),
        (LETTER, {"client_id": ""}, "client_id"),
    ],
)
def test_what_is_missing_is_named(permission: Permission, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(Problem) as caught:
        check(replace(permission, **changes))
    assert caught.value.code is INVALID_CONSENT
    assert [error.field for error in caught.value.errors] == [field]
