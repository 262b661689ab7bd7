"""The root key in a key service with the transit API of HashiCorp Vault or OpenBao. It never comes here.

Tested against a local stand-in of the HTTP interface, not against a server: none was at hand.
"""

import base64
import binascii
import re
import threading
from typing import Any

from gateway.keys.file import Passphrase
from gateway.keys.interface import (
    KeyProviderError,
    ProviderDenied,
    ProviderMisconfigured,
    ProviderUnavailable,
    ProviderWrongKey,
    probe,
)

_CIPHERTEXT = re.compile(rb"vault:v([1-9][0-9]{0,8}):([A-Za-z0-9+/]+={0,2})")
_TIMEOUT = 5.0  # seconds; a key service slower than that counts as down


class VaultProvider:
    """Wraps with `transit/encrypt/<key>` (aes256-gcm96), the context as associated data. The token is fetched each time
    the service refuses it, so that a renewed one is picked up without a restart."""

    def __init__(self, address: str, mount: str, key: str, token: Passphrase, *, timeout: float = _TIMEOUT) -> None:
        try:
            import hvac  # noqa: F401
        except ImportError:
            raise ProviderMisconfigured("a key service needs the extra: pip install 'lianqiao[vault]'") from None
        if not key:
            raise ProviderMisconfigured("the address of the key service names no key")
        self._address, self._mount, self._key, self._token, self._timeout = address, mount, key, token, timeout
        self._lock = threading.Lock()
        self._client: Any = None

    @property
    def name(self) -> str:
        return "vault"

    def create(self) -> int:
        """Make the key if it is not there: AES-256-GCM, not exportable, no plaintext backup; returns its version."""
        self._call(
            "create_key", name=self._key, key_type="aes256-gcm96", exportable=False, allow_plaintext_backup=False
        )
        return self.versions()[-1]

    def wrap(self, key: bytes, context: bytes) -> bytes:
        answer = self._call(
            "encrypt_data", name=self._key, plaintext=_base64(key), associated_data=_base64(_bound(context))
        )
        wrapped = str(answer["data"]["ciphertext"]).encode("ascii")
        self.version_of(wrapped)
        return wrapped

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        self.version_of(wrapped)
        answer = self._call(
            "decrypt_data",
            name=self._key,
            ciphertext=wrapped.decode("ascii"),
            associated_data=_base64(_bound(context)),
        )
        try:
            return base64.b64decode(answer["data"]["plaintext"], validate=True)
        except (KeyError, TypeError, binascii.Error):
            raise ProviderUnavailable("the key service answered in an unknown form") from None

    def version_of(self, wrapped: bytes) -> int:
        found = _CIPHERTEXT.fullmatch(wrapped)
        if found is None or not _canonical(found[2]):
            raise ProviderWrongKey("the wrapped key is not in a format the key service writes")
        return int(found[1])

    def versions(self) -> tuple[int, ...]:
        data = self._call("read_key", name=self._key)["data"]
        oldest = max(int(data.get("min_decryption_version", 1)), int(data.get("min_available_version", 0)), 1)
        return tuple(range(oldest, int(data["latest_version"]) + 1))

    def rotate(self) -> int:
        self._call("rotate_key", name=self._key)
        return self.versions()[-1]

    def destroy(self, version: int) -> None:
        """Destroys `version` and everything older: the transit API only trims from the old end.

        Raises `ProviderMisconfigured` while an older version still exists, rather than destroying it silently.
        """
        present = self.versions()
        if version not in present or version == present[-1]:
            raise ProviderMisconfigured(f"root version {version} is the newest or unknown and cannot be destroyed")
        if version != present[0]:
            raise ProviderMisconfigured(f"root version {present[0]} is older and must be destroyed first")
        # Two steps: the client library refuses to set both to the same version at once.
        self._call("update_key_configuration", name=self._key, min_decryption_version=version + 1)
        self._call("update_key_configuration", name=self._key, min_encryption_version=version + 1)
        self._call("trim_key", name=self._key, min_version=version + 1)

    def check(self) -> None:
        probe(self)

    def _connected(self, *, renew: bool) -> Any:
        import hvac

        with self._lock:
            if self._client is None or renew:
                self._client = hvac.Client(
                    url=self._address, token=self._token(), timeout=self._timeout, allow_redirects=False
                )
            return self._client

    def _call(self, verb: str, **parameters: Any) -> Any:
        from hvac import exceptions

        try:
            return self._asked(verb, renew=False, **parameters)
        except (exceptions.Forbidden, exceptions.Unauthorized):
            pass
        try:
            return self._asked(verb, renew=True, **parameters)
        except (exceptions.Forbidden, exceptions.Unauthorized):
            raise ProviderDenied("the key service refuses this installation's token") from None

    def _asked(self, verb: str, *, renew: bool, **parameters: Any) -> Any:
        import requests
        from hvac import exceptions

        try:
            transit = self._connected(renew=renew).secrets.transit
            answer = getattr(transit, verb)(mount_point=self._mount, **parameters)
            return answer if isinstance(answer, dict) else {}
        except KeyProviderError:
            raise
        except exceptions.InvalidRequest as error:
            # What the service says may repeat what it was sent: only its kind is passed on.
            text = str(error).lower()
            if verb == "encrypt_data" or "not found" in text or "unsupported" in text:
                raise ProviderMisconfigured("the key service has no such key, or it is of another kind") from None
            raise ProviderWrongKey("the wrapped key, its context or the root key do not belong together") from None
        except exceptions.InvalidPath:
            raise ProviderMisconfigured("the key service has no such mount or key") from None
        except (exceptions.Forbidden, exceptions.Unauthorized):
            raise
        except (exceptions.VaultError, requests.RequestException, ValueError) as error:
            raise ProviderUnavailable(f"the key service does not answer: {type(error).__name__}") from None


def _bound(context: bytes) -> bytes:
    return b"lianqiao root wrap 1\x00" + context


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _canonical(encoded: bytes) -> bool:
    """Whether this is the one Base64 spelling of its bytes: servers accept others, and then two texts are one key."""
    try:
        return base64.b64encode(base64.b64decode(encoded, validate=True)) == encoded
    except binascii.Error:
        return False
