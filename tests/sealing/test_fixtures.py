"""What an older release has written, this one opens."""

import json
from pathlib import Path

import pytest

from gateway.keys.file import FileProvider
from gateway.keys.suites import SUITES
from gateway.sealing.envelope import SealedRecord, open_, suite_of
from policies.decision import Allowed, Obligations
from policies.vocabulary import Resource
from tests.sealing.fixtures import HERE, PASSPHRASE, PLACE, VALUES, group_key


def test_there_is_one_of_every_suite() -> None:
    names = {suite.name.lower() for suite in SUITES.values()}
    for kind in ("sealed", "key-file", "root-wrap"):
        assert {path.stem.removeprefix(f"{kind}-v1-") for path in HERE.glob(f"{kind}-v1-*")} == names


@pytest.mark.parametrize("path", sorted(HERE.glob("sealed-*.json")), ids=lambda path: path.stem)
def test_a_frozen_record_opens(path: Path) -> None:
    suite = path.stem.removeprefix("sealed-v1-").upper()
    body = json.loads(path.read_text())
    key = group_key(suite)
    assert key.secret.hex() == body["group_key"]
    sealed = SealedRecord(bytes.fromhex(body["blob"]), bytes.fromhex(body["wrapped"]), key.key_id)
    assert suite_of(sealed.blob).name == suite
    resource = Resource(PLACE.compartment, frozenset({PLACE.record}), frozenset(VALUES))
    decision = Allowed("d", "r", "allowed", "e", "read", "p", resource, Obligations())
    assert open_(key, sealed, PLACE, decision) == VALUES


@pytest.mark.parametrize("path", sorted(HERE.glob("key-file-*.json")), ids=lambda path: path.stem)
def test_a_frozen_key_file_opens_and_unwraps(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "root.key"
    copy.write_bytes(path.read_bytes())  # a checkout does not keep the mode
    copy.chmod(0o600)
    provider = FileProvider(copy, lambda: PASSPHRASE)
    assert provider.versions() == (1, 2)
    wrapped = bytes.fromhex(path.with_name(path.name.replace("key-file", "root-wrap")).with_suffix(".hex").read_text())
    assert provider.unwrap(wrapped, b"a frozen context") == bytes(range(32))
