"""A root key that lives in this process only. For tests and demonstrations; production refuses it."""

import os
import threading

from gateway.keys.interface import ProviderMisconfigured, probe
from gateway.keys.root import unwrap_under, wrap_under, wrapped_version
from gateway.keys.suites import DEFAULT_SUITE, Suite


class InsecureMemoryProvider:
    """Wraps under a random key that is lost, with everything wrapped under it, when the process ends."""

    def __init__(self, suite: Suite = DEFAULT_SUITE) -> None:
        self._suite = suite
        self._roots = {1: os.urandom(suite.key_bytes)}
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        return "insecure-memory"

    def wrap(self, key: bytes, context: bytes) -> bytes:
        newest = max(self._roots)
        return wrap_under(self._roots[newest], newest, self._suite, key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        return unwrap_under(self._roots, wrapped, context)

    def version_of(self, wrapped: bytes) -> int:
        return wrapped_version(wrapped)

    def versions(self) -> tuple[int, ...]:
        return tuple(sorted(self._roots))

    def rotate(self) -> int:
        with self._lock:
            newest = max(self._roots) + 1
            self._roots = {**self._roots, newest: os.urandom(self._suite.key_bytes)}
            return newest

    def destroy(self, version: int) -> None:
        with self._lock:
            if version not in self._roots or version == max(self._roots):
                raise ProviderMisconfigured(f"root version {version} is the newest or unknown and cannot be destroyed")
            self._roots = {number: root for number, root in self._roots.items() if number != version}

    def check(self) -> None:
        probe(self)
