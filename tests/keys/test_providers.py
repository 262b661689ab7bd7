"""One suite for every key provider: whatever stands behind it, the same promises hold."""

import os
import threading

import pytest

from gateway.keys.interface import KeyProvider, ProviderMisconfigured, ProviderWrongKey

CONTEXT = b"a context"


def test_a_wrapped_key_comes_back(provider: KeyProvider) -> None:
    for size in (16, 32, 64):
        key = os.urandom(size)
        assert provider.unwrap(provider.wrap(key, CONTEXT), CONTEXT) == key


def test_it_is_a_key_provider_with_a_known_name(provider: KeyProvider) -> None:
    assert isinstance(provider, KeyProvider)
    assert provider.name in {"insecure-memory", "file", "pkcs11", "vault"}
    provider.check()


def test_a_wrapped_key_does_not_show_the_key_and_is_never_the_same_twice(provider: KeyProvider) -> None:
    key = os.urandom(32)
    one, two = provider.wrap(key, CONTEXT), provider.wrap(key, CONTEXT)
    assert key not in one
    assert one != two


def test_another_context_is_refused(provider: KeyProvider) -> None:
    wrapped = provider.wrap(os.urandom(32), CONTEXT)
    for context in (b"", b"another", CONTEXT + b"\0", CONTEXT[:-1]):
        with pytest.raises(ProviderWrongKey):
            provider.unwrap(wrapped, context)


def test_any_changed_byte_or_length_is_refused(provider: KeyProvider) -> None:
    wrapped = provider.wrap(os.urandom(32), CONTEXT)
    damaged = [bytes([*wrapped[:n], wrapped[n] ^ 1, *wrapped[n + 1 :]]) for n in range(len(wrapped))]
    damaged += [wrapped[:n] for n in (0, 1, 8, 20, len(wrapped) - 1)] + [wrapped + b"A"]
    for changed in damaged:
        with pytest.raises(ProviderWrongKey):
            provider.unwrap(changed, CONTEXT)
    provider.check()


def test_after_a_rotation_old_and_new_open_and_the_new_version_wraps(provider: KeyProvider) -> None:
    key = os.urandom(32)
    old = provider.wrap(key, CONTEXT)
    assert (provider.version_of(old), provider.versions()) == (1, (1,))
    assert provider.rotate() == 2
    new = provider.wrap(key, CONTEXT)
    assert (provider.version_of(new), provider.versions()) == (2, (1, 2))
    assert provider.unwrap(old, CONTEXT) == provider.unwrap(new, CONTEXT) == key


def test_a_destroyed_version_opens_nothing_any_more(provider: KeyProvider) -> None:
    old = provider.wrap(os.urandom(32), CONTEXT)
    provider.rotate()
    new = provider.wrap(os.urandom(32), CONTEXT)
    provider.destroy(1)
    assert provider.versions() == (2,)
    with pytest.raises(ProviderWrongKey):
        provider.unwrap(old, CONTEXT)
    provider.unwrap(new, CONTEXT)
    provider.check()


def test_the_newest_and_an_unknown_version_cannot_be_destroyed(provider: KeyProvider) -> None:
    wrapped = provider.wrap(os.urandom(32), CONTEXT)
    for version in (1, 2, 0):
        with pytest.raises(ProviderMisconfigured):
            provider.destroy(version)
    provider.unwrap(wrapped, CONTEXT)


def test_many_threads_may_use_it_at_once(provider: KeyProvider) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(15):
                key = os.urandom(32)
                assert provider.unwrap(provider.wrap(key, CONTEXT), CONTEXT) == key
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_errors_carry_no_key(provider: KeyProvider) -> None:
    key = b"canary-key-canary-key-canary-key"
    wrapped = provider.wrap(key, CONTEXT)
    with pytest.raises(ProviderWrongKey) as caught:
        provider.unwrap(wrapped, b"another")
    text = f"{caught.value!r}{caught.value}{caught.value.detail_en}{caught.value.__cause__}"
    assert "canary" not in text
    assert wrapped.hex() not in text
