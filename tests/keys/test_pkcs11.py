"""A hardware module, by SoftHSM2: the key cannot be taken out, and trouble with the module discloses nothing."""

import shutil
import threading
from pathlib import Path

import pytest

from gateway.keys.interface import ProviderDenied, ProviderMisconfigured, ProviderUnavailable
from gateway.keys.registry import open_provider

pkcs11 = pytest.importorskip("pkcs11")
from gateway.keys.pkcs11 import Pkcs11Provider  # noqa: E402


def test_the_root_key_cannot_be_read_and_cannot_wrap_itself_out(hsm: Pkcs11Provider) -> None:
    hsm.check()
    (key,) = hsm._found().values()
    assert key[pkcs11.Attribute.SENSITIVE] is True
    assert key[pkcs11.Attribute.EXTRACTABLE] is False
    assert key[pkcs11.Attribute.NEVER_EXTRACTABLE] is True
    with pytest.raises(pkcs11.exceptions.AttributeSensitive):
        key[pkcs11.Attribute.VALUE]


def test_a_root_key_is_made_once(hsm: Pkcs11Provider) -> None:
    with pytest.raises(ProviderMisconfigured):
        hsm.create()
    assert hsm.versions() == (1,)


def test_a_wrong_pin_is_a_denial_and_the_right_one_recovers(softhsm: str, hsm_token: str) -> None:
    pins = ["wrong-pin", "user-pin-1"]
    provider = Pkcs11Provider(softhsm, hsm_token, "root", lambda: pins[0])
    with pytest.raises(ProviderDenied) as caught:
        provider.create()
    assert "wrong-pin" not in str(caught.value)
    pins.pop(0)
    assert provider.create() == 1
    provider.check()
    provider.close()


def test_no_such_token_or_module_is_unavailable(softhsm: str, tmp_path: Path) -> None:
    with pytest.raises(ProviderUnavailable):
        Pkcs11Provider(softhsm, "no such token", "root", lambda: "user-pin-1").check()
    with pytest.raises(ProviderUnavailable):
        Pkcs11Provider(str(tmp_path / "none.so"), "t0", "root", lambda: "user-pin-1").check()


def test_a_token_without_a_root_key_says_so(softhsm: str, hsm_token: str) -> None:
    provider = Pkcs11Provider(softhsm, hsm_token, "root", lambda: "user-pin-1")
    with pytest.raises(ProviderMisconfigured):
        provider.wrap(b"k" * 32, b"c")
    provider.close()


def test_a_lost_session_fails_once_and_recovers_alone(hsm: Pkcs11Provider) -> None:
    wrapped = hsm.wrap(b"k" * 32, b"c")
    hsm._session.close()
    with pytest.raises(ProviderUnavailable):
        hsm.unwrap(wrapped, b"c")
    assert hsm.unwrap(wrapped, b"c") == b"k" * 32


def test_two_providers_on_one_module_and_many_threads_do_not_crash(hsm: Pkcs11Provider, softhsm: str) -> None:
    """Sessions of several threads abort the process in this module; the one lock is what keeps it alive."""
    other = Pkcs11Provider(softhsm, hsm._token, "root", lambda: "user-pin-1")
    failures: list[BaseException] = []

    def work(provider: Pkcs11Provider) -> None:
        try:
            for _ in range(60):
                assert provider.unwrap(provider.wrap(b"k" * 32, b"c"), b"c") == b"k" * 32
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(provider,)) for provider in (hsm, other) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    other.close()


def test_an_address_names_module_token_key_and_where_the_pin_is(
    hsm: Pkcs11Provider, softhsm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_PIN", "user-pin-1")
    uri = f"pkcs11:token={hsm._token};object=root?module-path={softhsm}&pin-source=env:A_PIN"
    provider = open_provider(uri, production=True)
    assert provider.unwrap(hsm.wrap(b"k" * 32, b"c"), b"c") == b"k" * 32
    for broken in (
        "pkcs11:", f"pkcs11:token=x?module-path={softhsm}&pin-source=env:A", "pkcs11:token=x;object=y?pin-source=env:A",
        f"pkcs11:token=x;object=y?module-path={softhsm}&pin-source=user-pin-1",
    ):  # fmt: skip
        with pytest.raises(ProviderMisconfigured):
            open_provider(broken, production=True)


def test_softhsm_is_here() -> None:
    if not shutil.which("softhsm2-util"):
        pytest.skip("SoftHSM2 is not installed: PKCS#11 was not tested")
