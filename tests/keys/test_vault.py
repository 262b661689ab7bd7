"""A key service with the transit API, by a stand-in that speaks its HTTP: down, slow, sealed, denied, and back."""

import pytest

from gateway.keys.interface import (
    KeyProviderError,
    ProviderDenied,
    ProviderMisconfigured,
    ProviderUnavailable,
    ProviderWrongKey,
)
from gateway.keys.registry import open_provider
from tests.keys.transit import Transit

pytest.importorskip("hvac")
from gateway.keys.vault import VaultProvider


@pytest.fixture
def vault(transit: Transit) -> VaultProvider:
    provider = VaultProvider(transit.address, "transit", "root", lambda: "s.first", timeout=0.5)
    provider.create()
    return provider


@pytest.mark.parametrize("mode", ["slow", "sealed", "nonsense"])
def test_trouble_closes_and_the_end_of_trouble_opens(vault: VaultProvider, transit: Transit, mode: str) -> None:
    wrapped = vault.wrap(b"k" * 32, b"c")
    transit.mode = mode
    for use in (lambda: vault.wrap(b"k" * 32, b"c"), lambda: vault.unwrap(wrapped, b"c"), vault.check):
        with pytest.raises(KeyProviderError):
            use()
    transit.mode = "up"
    assert vault.unwrap(wrapped, b"c") == b"k" * 32


def test_a_service_that_is_gone_is_unavailable(free_port: int) -> None:
    provider = VaultProvider(f"http://127.0.0.1:{free_port}", "transit", "root", lambda: "s.first", timeout=0.5)
    with pytest.raises(ProviderUnavailable):
        provider.check()


def test_a_revoked_token_is_a_denial_and_a_renewed_one_is_picked_up(transit: Transit) -> None:
    tokens = ["s.first"]
    provider = VaultProvider(transit.address, "transit", "root", lambda: tokens[0], timeout=0.5)
    provider.create()
    wrapped = provider.wrap(b"k" * 32, b"c")
    transit.tokens = {"s.second"}
    with pytest.raises(ProviderDenied) as caught:
        provider.unwrap(wrapped, b"c")
    assert "s.first" not in str(caught.value)
    tokens[0] = "s.second"
    assert provider.unwrap(wrapped, b"c") == b"k" * 32


def test_a_service_that_ignores_the_context_fails_the_check(vault: VaultProvider, transit: Transit) -> None:
    plain = transit.answer

    def old(method: str, path: str, token: str | None, body: dict[str, object]) -> tuple[int, object]:
        return plain(method, path, token, {name: body[name] for name in body if name != "associated_data"})

    transit.answer = old  # type: ignore[method-assign]
    with pytest.raises(ProviderMisconfigured):
        vault.check()


def test_an_unknown_key_or_mount_says_so(transit: Transit) -> None:
    for mount, key in (("transit", "none"), ("elsewhere", "root")):
        with pytest.raises(ProviderMisconfigured):
            VaultProvider(transit.address, mount, key, lambda: "s.first", timeout=0.5).wrap(b"k" * 32, b"c")


def test_the_key_is_made_so_that_it_cannot_leave(vault: VaultProvider, transit: Transit) -> None:
    made = transit.keys["root"]["made"]
    assert made["exportable"] is False
    assert made["allow_plaintext_backup"] is False
    assert made["type"] == "aes256-gcm96"


def test_versions_are_destroyed_from_the_old_end_and_never_silently(vault: VaultProvider) -> None:
    first = vault.wrap(b"k" * 32, b"c")
    vault.rotate()
    vault.rotate()
    with pytest.raises(ProviderMisconfigured):
        vault.destroy(2)
    assert vault.unwrap(first, b"c") == b"k" * 32
    vault.destroy(1)
    vault.destroy(2)
    assert vault.versions() == (3,)
    with pytest.raises(ProviderWrongKey):
        vault.unwrap(first, b"c")


def test_an_address_names_service_mount_key_and_where_the_token_is(
    transit: Transit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_TOKEN", "s.first")
    uri = f"vault:{transit.address}/transit/root?token-source=env:A_TOKEN"
    provider = open_provider(uri, production=False)
    assert isinstance(provider, VaultProvider)
    provider.create()
    provider.check()
    with pytest.raises(ProviderMisconfigured):
        open_provider(uri, production=True)  # not over plain HTTP
    for broken in (
        "vault:",
        "vault:https://host",
        "vault:https://host/transit/root",
        "vault:https://host/?token-source=env:A",
    ):
        with pytest.raises(ProviderMisconfigured):
            open_provider(broken, production=True)


def test_the_service_never_sees_a_record_and_the_token_stays_out_of_the_address(
    vault: VaultProvider, transit: Transit
) -> None:
    vault.wrap(b"k" * 32, b"c")
    assert all("s.first" not in path for _, path, _ in transit.seen)
