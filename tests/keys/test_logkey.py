"""The logs' signing keys move to a new root version with everything else, or the old one cannot go."""

import stat
from pathlib import Path

import pytest

from gateway.keys.interface import ProviderWrongKey
from gateway.keys.logkey import create_log_keys, open_log_keys, rewrap_log_keys, verifier_keys, wrapped_log_keys
from gateway.keys.memory import InsecureMemoryProvider

ORIGINS = ("gateway.example/grants", "gateway.example/trail")


def test_the_keys_stay_and_their_wrapping_moves(tmp_path: Path) -> None:
    provider, path = InsecureMemoryProvider(), tmp_path / "log.keys"
    public = create_log_keys(provider, path, ORIGINS)
    secrets = {origin: signer.skey() for origin, signer in open_log_keys(provider, path).items()}
    provider.rotate()
    assert {provider.version_of(each) for each in wrapped_log_keys(path)} == {1}
    assert rewrap_log_keys(provider, path) == 2
    assert {provider.version_of(each) for each in wrapped_log_keys(path)} == {2}
    provider.destroy(1)
    assert {origin: signer.skey() for origin, signer in open_log_keys(provider, path).items()} == secrets
    assert verifier_keys(path) == public
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_key_of_one_log_does_not_pass_for_another_and_another_root_opens_none(tmp_path: Path) -> None:
    provider, path = InsecureMemoryProvider(), tmp_path / "log.keys"
    create_log_keys(provider, path, ORIGINS)
    with pytest.raises(FileExistsError):
        create_log_keys(provider, path, ORIGINS)
    with pytest.raises(ProviderWrongKey):
        open_log_keys(InsecureMemoryProvider(), path)
    text = path.read_text()
    swapped = text.replace(ORIGINS[0], "x").replace(ORIGINS[1], ORIGINS[0]).replace('"x"', f'"{ORIGINS[1]}"')
    path.write_text(swapped)
    with pytest.raises(ProviderWrongKey):
        open_log_keys(provider, path)
