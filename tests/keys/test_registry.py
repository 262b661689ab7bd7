"""The address of a key provider: what it opens, and what it refuses."""

from pathlib import Path

import pytest

from gateway.keys.file import FileProvider
from gateway.keys.interface import ProviderMisconfigured
from gateway.keys.registry import open_provider
from tests.keys.conftest import PASSPHRASE, QUICK_ARGON2ID


def test_insecure_memory_is_refused_in_production() -> None:
    assert open_provider("insecure-memory:", production=False).name == "insecure-memory"
    with pytest.raises(ProviderMisconfigured):
        open_provider("insecure-memory:", production=True)


def test_a_file_opens_with_the_passphrase_of_its_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "root key.json"
    FileProvider.create(path, lambda: PASSPHRASE, kdf=QUICK_ARGON2ID)
    monkeypatch.setenv("A_PASSPHRASE", PASSPHRASE)
    uri = f"file:{str(path).replace(' ', '%20')}?passphrase=env:A_PASSPHRASE"
    assert open_provider(uri, production=True).name == "file"


@pytest.mark.parametrize("uri", ["", "memory:", "http://x", "file:/x", "file:/x?passphrase=secret words here", "/x"])
def test_an_unknown_scheme_or_a_missing_source_is_refused_without_repeating_it(uri: str) -> None:
    with pytest.raises(ProviderMisconfigured) as caught:
        open_provider(uri, production=False)
    assert "secret" not in str(caught.value)
