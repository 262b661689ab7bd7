"""Canaries in every field and key: no error, repr or log line shows one, on success or on any failure path."""

import dataclasses
import io
import logging
import traceback
from collections.abc import Callable

import pytest

from gateway.errors import Problem
from gateway.keys.suites import SUITES
from gateway.sealing.blind import blind_token, normalise
from gateway.sealing.envelope import Place, open_, seal, unwrap_data_key
from gateway.sealing.groupkey import GroupKey
from gateway.sealing.masks import mask
from gateway.sealing.payload import Receiver, open_bytes, seal_bytes
from gateway.sealing.payload_keys import PrivateKey, parse_private, parse_public
from gateway.sealing.secret import PARTY_TAG, open_secret, seal_secret
from policies.decision import Allowed, Obligations
from policies.vocabulary import Resource

CANARY = "canary8731"
KEY_CANARY = (CANARY * 4)[:32].encode()
PLACE = Place("records", "r-1", "contact", "u", 1)


def key_of(suite: str, **changes: object) -> GroupKey:
    size = next(each.key_bytes for each in SUITES.values() if each.name == suite)
    facts = {"lineage": "00" * 8, "version": 1, "suite": suite, "owner": "u", "compartment": "contact", "use": "seal",
             "secret": KEY_CANARY[:size]}  # fmt: skip
    return GroupKey.of(**{**facts, **changes})  # type: ignore[arg-type]


def allowed(record: str = "r-1") -> Allowed:
    resource = Resource("contact", frozenset({record}), frozenset({"name"}))
    return Allowed("d", "r", "allowed", "e", "read", "p", resource, Obligations())


def failures(suite: str) -> list[Callable[[], object]]:
    key = key_of(suite)
    sealed = seal(key, PLACE, {"name": CANARY})
    own = key_of(suite, compartment=PARTY_TAG)
    secret = seal_secret(own, "one", CANARY.encode())
    partner, signer = PrivateKey("x25519", KEY_CANARY), PrivateKey("ed25519", KEY_CANARY)
    payload = seal_bytes(CANARY.encode(), {"rows": 1}, [Receiver("one", partner.public())], "us", signer)
    return [
        lambda: seal(key, PLACE, {"name": CANARY, "odd": {CANARY}}),
        lambda: seal(key, PLACE, {"name": [CANARY, float("nan")]}),
        lambda: seal(key, PLACE._replace(owner="other"), {"name": CANARY}),
        lambda: open_(key, sealed, PLACE, allowed("r-2")),
        lambda: open_(key, sealed, PLACE._replace(generation=2), allowed()),
        lambda: open_(key, sealed._replace(blob=sealed.blob[:-1]), PLACE, allowed()),
        lambda: open_(key, sealed._replace(wrapped=sealed.wrapped[:-1] + b"0"), PLACE, allowed()),
        lambda: open_(key_of(suite, version=2), sealed, PLACE, allowed()),
        lambda: unwrap_data_key(key, b"", "r-1", "contact", 1),
        lambda: blind_token(key, "name", "text", CANARY, 12),
        lambda: open_secret(own, "two", secret),
        lambda: open_secret(key, "one", secret),
        lambda: parse_public(f"lq-pub:x25519:{CANARY}"),
        lambda: parse_private(f"lq-key:{CANARY}:{CANARY}"),
        lambda: open_bytes(payload[:-1], [partner], [signer.public()]),
        lambda: open_bytes(payload, [PrivateKey.new("x25519")], [signer.public()]),
        lambda: open_bytes(payload, [partner], []),
        lambda: GroupKey.of(
            lineage="00" * 8, version=1, suite=suite, owner="u", compartment="c", use="seal", secret=KEY_CANARY[:7]
        ),
    ]  # fmt: skip


@pytest.mark.parametrize("suite", [suite.name for suite in SUITES.values()])
def test_no_failure_shows_a_value_or_a_key(suite: str, caplog: pytest.LogCaptureFixture) -> None:
    shown = io.StringIO()
    with caplog.at_level(logging.DEBUG):
        for fail in failures(suite):
            with pytest.raises((Problem, ValueError)) as caught:
                fail()
            error = caught.value
            # the frames' source lines are ours; what the error and everything it was raised from say must be clean
            print(repr(error), str(error), vars(error), file=shown)
            print(*traceback.format_exception_only(error), error.__cause__, error.__context__, file=shown)
    assert CANARY not in shown.getvalue()
    assert CANARY not in caplog.text
    assert KEY_CANARY[:16].hex() not in shown.getvalue() + caplog.text


@pytest.mark.parametrize("suite", [suite.name for suite in SUITES.values()])
def test_no_repr_shows_a_value_or_a_key(suite: str) -> None:
    key = key_of(suite)
    sealed = seal(key, PLACE, {"name": CANARY})
    things = [key, sealed, PLACE, allowed(), PrivateKey("x25519", KEY_CANARY), dataclasses.replace(key, version=9)]
    assert CANARY not in "".join(map(repr, things)) + "".join(map(str, things))


def test_a_value_that_is_masked_or_not_of_its_kind_is_not_shown() -> None:
    for kind in ("mobile", "phone", "email", "amount", "date", "text", "enum", "json", "identity", "unheard-of"):
        assert CANARY not in str(mask("a_field", CANARY, 3, kind))
    assert normalise("mobile", CANARY) is None
