"""The key file: private, sealed, atomic, and hard to fool."""

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from gateway.keys import file as key_file
from gateway.keys.file import FileProvider, passphrase_from
from gateway.keys.interface import ProviderDenied, ProviderMisconfigured, ProviderUnavailable, ProviderWrongKey
from gateway.keys.suites import SM4_GCM
from tests.keys.conftest import PASSPHRASE, QUICK_ARGON2ID, QUICK_SM3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    FileProvider.create(tmp_path / "root.key", lambda: PASSPHRASE, kdf=QUICK_ARGON2ID)
    return tmp_path / "root.key"


def opened(path: Path, passphrase: str = PASSPHRASE) -> FileProvider:
    return FileProvider(path, lambda: passphrase)


def test_the_file_is_private_and_is_not_overwritten(path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    before = path.read_bytes()
    with pytest.raises(ProviderMisconfigured):
        FileProvider.create(path, lambda: PASSPHRASE, kdf=QUICK_ARGON2ID)
    assert path.read_bytes() == before
    assert [entry.name for entry in path.parent.iterdir()] == ["root.key"]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610, 0o601])
def test_a_file_that_others_may_touch_is_refused(path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(ProviderMisconfigured):
        opened(path)


def test_check_notices_that_the_mode_was_opened_later(path: Path) -> None:
    provider = opened(path)
    path.chmod(0o644)
    with pytest.raises(ProviderMisconfigured):
        provider.check()
    path.chmod(0o600)
    provider.check()


def test_a_wrong_passphrase_is_refused_and_the_right_one_still_works(path: Path) -> None:
    wrapped = opened(path).wrap(b"k" * 32, b"c")
    with pytest.raises(ProviderWrongKey):
        opened(path, "wrong horse battery")
    assert opened(path).unwrap(wrapped, b"c") == b"k" * 32


def test_a_short_passphrase_makes_no_file(tmp_path: Path) -> None:
    with pytest.raises(ProviderMisconfigured):
        FileProvider.create(tmp_path / "root.key", lambda: "too short", kdf=QUICK_ARGON2ID)
    assert not list(tmp_path.iterdir())


def test_any_changed_member_is_refused(path: Path) -> None:
    original = json.loads(path.read_bytes())
    cheaper = {**original["kdf"], "iterations": 3}
    other_salt = {**original["kdf"], "salt": "AAAAAAAAAAAAAAAAAAAAAA=="}
    for change in (
        {"kdf": cheaper}, {"kdf": other_salt}, {"nonce": "AAAAAAAAAAAAAAAA"}, {"suite": "AES-256-GCM-SIV"},
        {"sealed": original["sealed"][:-8] + "AAAAAAA="},
    ):  # fmt: skip
        path.write_text(json.dumps({**original, **change}))
        with pytest.raises(ProviderWrongKey):
            opened(path)


@pytest.mark.parametrize(
    "kdf",
    [
        {"name": "argon2id", "iterations": 1, "memory_kib": 65536},
        {"name": "argon2id", "iterations": 3, "memory_kib": 8},
        {"name": "argon2id", "iterations": 3, "memory_kib": 1 << 30},
        {"name": "argon2id", "iterations": 10**9, "memory_kib": 65536},
        {"name": "argon2id", "iterations": "3", "memory_kib": 65536},
        {"name": "pbkdf2-hmac-sm3", "iterations": 600_000},
        {"name": "none"},
        {},
    ],
    ids=str,
)
def test_a_derivation_that_is_weak_costly_or_unknown_is_refused_before_it_is_run(
    path: Path, kdf: dict[str, object]
) -> None:
    body = json.loads(path.read_bytes())
    path.write_text(json.dumps({**body, "kdf": {**kdf, "salt": body["kdf"]["salt"]}}))
    with pytest.raises(ProviderMisconfigured):
        opened(path)


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b"null", b"\xff", b'{"format":"lianqiao-key-file@v2"}', b"0" * 2_000_000]
)
def test_what_is_no_key_file_is_refused(path: Path, text: bytes) -> None:
    path.write_bytes(text)
    with pytest.raises(ProviderMisconfigured):
        opened(path)


def test_absence_is_unavailability_and_return_is_recovery(path: Path) -> None:
    provider = opened(path)
    wrapped = provider.wrap(b"k" * 32, b"c")
    away = path.with_name("away")
    path.rename(away)
    for use in (lambda: provider.wrap(b"k", b"c"), lambda: provider.unwrap(wrapped, b"c"), provider.check):
        with pytest.raises(ProviderUnavailable):
            use()
    away.rename(path)
    assert provider.unwrap(wrapped, b"c") == b"k" * 32


def test_a_rotation_in_another_process_is_seen_before_the_next_use(path: Path) -> None:
    here, there = opened(path), opened(path)
    there.rotate()
    there.destroy(1)
    wrapped = here.wrap(b"k" * 32, b"c")
    assert here.version_of(wrapped) == 2
    assert there.unwrap(wrapped, b"c") == b"k" * 32


def test_two_that_rotate_at_once_lose_no_version(path: Path) -> None:
    providers = [opened(path) for _ in range(4)]
    threads = [threading.Thread(target=provider.rotate) for provider in providers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert opened(path).versions() == (1, 2, 3, 4, 5)
    wrapped = [provider.wrap(b"k" * 32, b"c") for provider in providers]
    assert {opened(path).version_of(each) for each in wrapped} == {5}


def test_the_passphrase_changes_and_the_keys_stay(path: Path) -> None:
    provider = opened(path)
    wrapped = provider.wrap(b"k" * 32, b"c")
    provider.change_passphrase(lambda: "another long passphrase")
    with pytest.raises(ProviderWrongKey):
        opened(path)
    assert opened(path, "another long passphrase").unwrap(wrapped, b"c") == b"k" * 32
    assert provider.rotate() == 2


def test_a_failed_write_leaves_the_old_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    provider = opened(path)
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(key_file.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        provider.rotate()
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert provider.versions() == (1,)
    assert sorted(entry.name for entry in path.parent.iterdir()) == [".root.key.lock", "root.key"]


def test_the_gm_file_derives_with_sm3_and_seals_with_sm4(tmp_path: Path) -> None:
    FileProvider.create(tmp_path / "gm.key", lambda: PASSPHRASE, suite=SM4_GCM, kdf=QUICK_SM3)
    body = json.loads((tmp_path / "gm.key").read_bytes())
    assert (body["suite"], body["kdf"]["name"]) == ("SM4-GCM", "pbkdf2-hmac-sm3")
    opened(tmp_path / "gm.key").check()


def test_the_usual_cost_is_that_of_the_standard(tmp_path: Path) -> None:
    FileProvider.create(tmp_path / "root.key", lambda: PASSPHRASE)
    kdf = json.loads((tmp_path / "root.key").read_bytes())["kdf"]
    assert (kdf["name"], kdf["iterations"], kdf["memory_kib"]) == ("argon2id", 3, 65536)


def test_a_passphrase_comes_from_the_environment_a_private_file_or_a_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_PASSPHRASE", PASSPHRASE)
    assert passphrase_from("env:A_PASSPHRASE")() == PASSPHRASE
    monkeypatch.delenv("A_PASSPHRASE")
    with pytest.raises(ProviderDenied):
        passphrase_from("env:A_PASSPHRASE")()
    secret = tmp_path / "secret"
    secret.write_text(PASSPHRASE + "\n")
    secret.chmod(0o644)
    with pytest.raises(ProviderMisconfigured):
        passphrase_from(f"file:{secret}")()
    secret.chmod(0o600)
    assert passphrase_from(f"file:{secret}")() == PASSPHRASE
    with pytest.raises(ProviderUnavailable):
        passphrase_from(f"file:{tmp_path}/none")()

    def no_terminal(_: str) -> str:
        raise EOFError

    monkeypatch.setattr(key_file.getpass, "getpass", no_terminal)
    with pytest.raises(ProviderDenied):
        passphrase_from("prompt")()
    for source in (PASSPHRASE, "env:", "", "https://x"):
        with pytest.raises(ProviderMisconfigured) as caught:
            passphrase_from(source)
        assert PASSPHRASE not in str(caught.value)


def test_two_threads_may_derive_at_once(path: Path) -> None:
    """Argon2id with several lanes deadlocks here; one lane must not."""
    threads = [threading.Thread(target=opened, args=(path,), daemon=True) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)


def test_a_directory_or_a_device_is_no_key_file(tmp_path: Path) -> None:
    for path in (Path(os.devnull), tmp_path):
        with pytest.raises(ProviderMisconfigured):
            opened(path)
