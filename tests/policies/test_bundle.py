"""Signed bundles: m of n, and nothing that was changed, rolled back, forked or signed by too few."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from policies.bundle import NOTHING, BundleError, Installed, Trust, manifest, message, pack, verify
from policies.engine import load_texts
from policies.texts import Texts

KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32) for number, name in enumerate(("a", "b", "c"), 1)
}
TRUST = Trust({name: key.public_key().public_bytes_raw() for name, key in KEYS.items()}, 2)


def signed(texts: Texts, after: Installed = NOTHING, by: tuple[str, ...] = ("a", "b")) -> bytes:
    stated = manifest(texts, after, 1_700_000_000_000_000)
    return pack(texts, stated, {name: KEYS[name].sign(message(stated)) for name in by})


def refused(data: bytes, installed: Installed = NOTHING, trust: Trust = TRUST) -> str:
    with pytest.raises(BundleError) as caught:
        verify(data, trust, installed)
    return caught.value.code


def edited(data: bytes, **changes: Any) -> bytes:
    return json.dumps({**json.loads(data), **changes}, ensure_ascii=False).encode()


def test_a_good_bundle_gives_the_texts_back_and_can_be_followed(texts: Texts) -> None:
    first = verify(signed(texts), TRUST, NOTHING)
    assert first.texts == texts
    assert first.signers == ("a", "b")
    assert first.installed.sequence == 1
    assert load_texts(first.texts, check_against_casbin=False).epoch == texts.epoch
    changed = texts.with_file("data_access/policy.csv", texts.files["data_access/policy.csv"] + "# one more remark\n")
    second = verify(signed(changed, first.installed, ("b", "c")), TRUST, first.installed)
    assert second.installed.sequence == 2
    assert second.installed.digest != first.installed.digest


def test_a_rollback_is_a_new_change(texts: Texts) -> None:
    first = verify(signed(texts), TRUST, NOTHING).installed
    assert refused(signed(texts), first) == "rollback"
    assert refused(signed(texts), Installed(7, "x")) == "rollback"
    again = verify(signed(texts, first), TRUST, first)
    assert again.installed.sequence == 2
    assert again.texts == texts


def test_a_fork_is_refused(texts: Texts) -> None:
    first = verify(signed(texts), TRUST, NOTHING).installed
    assert refused(signed(texts, Installed(1, "0" * 64)), first) == "parent"
    assert refused(signed(texts, Installed(2, first.digest)), first) == "parent"


@pytest.mark.parametrize("by", [(), ("a",), ("c",)])
def test_too_few_signatures(texts: Texts, by: tuple[str, ...]) -> None:
    assert refused(signed(texts, by=by)) == "signatures"


def test_one_person_does_not_count_twice(texts: Texts) -> None:
    stated = manifest(texts, NOTHING, 1)
    one = KEYS["a"].sign(message(stated))
    assert refused(pack(texts, stated, {"a": one, "b": one})) == "signatures"
    assert refused(pack(texts, stated, {"a": one, "stranger": KEYS["b"].sign(message(stated))})) == "signatures"
    assert refused(pack(texts, stated, {"a": one, "b": KEYS["b"].sign(stated)})) == "signatures"
    with pytest.raises(ValueError, match="two ids"):
        Trust({"a": TRUST.keys["a"], "b": TRUST.keys["a"]}, 2)
    for threshold in (0, 4):
        with pytest.raises(ValueError, match="threshold"):
            Trust(TRUST.keys, threshold)


def test_changed_added_and_missing_files(texts: Texts) -> None:
    good = signed(texts)
    files = json.loads(good)["files"]
    name = "data_access/policy.csv"
    assert refused(edited(good, files={**files, name: files[name].replace("deny", "note", 1)})) == "files"
    assert refused(edited(good, files={**files, "data_access/extra.csv": ""})) == "files"
    assert refused(edited(good, files={key: value for key, value in files.items() if key != name})) == "files"
    assert refused(edited(good, files={**files, name: 3})) == "files"


def test_a_changed_manifest(texts: Texts) -> None:
    good = signed(texts)
    stated = json.loads(good)["manifest"]
    assert refused(edited(good, manifest=stated.replace('"sequence":1', '"sequence":9'))) == "signatures"
    assert refused(edited(good, manifest=stated + " ")) == "signatures"
    for bad in (b"", b"[]", b"{", b'{"format":1}', b"\xff", b'{"a":1,"a":2}', b"[" * 100_000):
        assert refused(bad) == "format"
    assert refused(edited(good, format="other/1")) == "format"
    assert refused(edited(good, more=1)) == "format"
    assert refused(edited(good, files=[])) == "format"


def test_a_signed_manifest_must_be_canonical_and_state_its_epoch(texts: Texts) -> None:
    loose = json.dumps(json.loads(manifest(texts, NOTHING, 1))).encode()
    assert refused(pack(texts, loose, {name: KEYS[name].sign(message(loose)) for name in ("a", "b")})) == "format"
    lying = manifest(texts, NOTHING, 1).replace(texts.epoch.encode(), b"0" * 64)
    assert refused(pack(texts, lying, {name: KEYS[name].sign(message(lying)) for name in ("a", "b")})) == "files"


def test_every_flipped_bit_of_a_signature_is_noticed(texts: Texts) -> None:
    good = json.loads(signed(texts))
    raw = base64.b64decode(good["signatures"]["a"])
    for bit in range(0, 512, 7):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << bit % 8
        bad = {**good, "signatures": {**good["signatures"], "a": base64.b64encode(flipped).decode()}}
        assert refused(json.dumps(bad).encode()) == "signatures"
