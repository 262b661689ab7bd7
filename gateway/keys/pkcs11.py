"""The root key in a hardware security module, reached by PKCS#11: it is made there, marked non-extractable, and stays.

python-pkcs11 with SoftHSM crashes the process when two threads use sessions of their own. So there is one session a
process, and one lock around every use of it; wrapping group keys is rare enough for that.
"""

import contextlib
import os
import struct
import threading
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qs, unquote

from gateway.keys.file import Passphrase, passphrase_from
from gateway.keys.interface import ProviderDenied, ProviderMisconfigured, ProviderUnavailable, ProviderWrongKey, probe
from gateway.keys.suites import NONCE_BYTES, TAG_BYTES

# magic, format version, reserved, root version; docs/formats/wrapped-key.md
_HEAD = struct.Struct(">2sBBI")
_MAGIC = b"LH"
_FORMAT = 1
T = TypeVar("T")

# One lock for all modules of the process: two providers on one library share its state.
_MODULE = threading.RLock()


class Pkcs11Provider:
    """AES-256-GCM under keys labelled `<label>.<version>` on one token.

    A session is opened on first use, and again after a failure. Without the extra `pkcs11` construction raises
    `ProviderMisconfigured`.
    """

    def __init__(self, module: str, token: str, label: str, pin: Passphrase) -> None:
        try:
            import pkcs11  # noqa: F401
        except ImportError:
            raise ProviderMisconfigured("PKCS#11 needs the extra: pip install 'lianqiao[pkcs11]'") from None
        self._module, self._token, self._label, self._pin = module, token, label, pin
        self._session: Any = None
        self._handles: dict[int, Any] = {}

    @classmethod
    def from_uri(cls, uri: str) -> "Pkcs11Provider":
        """From an RFC 7512 address: `pkcs11:token=T;object=ROOT?module-path=/lib.so&pin-source=env:NAME`."""
        path, _, query = uri.partition(":")[2].partition("?")
        parts = dict(piece.split("=", 1) for piece in path.split(";") if "=" in piece)
        asked = parse_qs(query)
        try:
            (module,), (source,) = asked["module-path"], asked["pin-source"]
            return cls(module, unquote(parts["token"]), unquote(parts["object"]), passphrase_from(source))
        except (KeyError, ValueError):
            raise ProviderMisconfigured(
                "a PKCS#11 address needs token=, object=, module-path= and pin-source="
            ) from None

    @property
    def name(self) -> str:
        return "pkcs11"

    def create(self) -> int:
        """Make root version 1 on the token. Raises `ProviderMisconfigured` when there is a root key already."""

        def make() -> int:
            if self._found():
                raise ProviderMisconfigured("this token holds a root key of that label already")
            return self._generate(1)

        return self._alone(make)

    def wrap(self, key: bytes, context: bytes) -> bytes:
        def seal() -> bytes:
            version = max(self._present())
            head = _HEAD.pack(_MAGIC, _FORMAT, 0, version)
            nonce = os.urandom(NONCE_BYTES)
            return head + nonce + self._crypt("encrypt", version, nonce, key, _bound(head, context))

        return self._alone(seal)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        version = self.version_of(wrapped)
        head, nonce = wrapped[: _HEAD.size], wrapped[_HEAD.size : _HEAD.size + NONCE_BYTES]
        body = wrapped[_HEAD.size + NONCE_BYTES :]
        return self._alone(lambda: self._crypt("decrypt", version, nonce, body, _bound(head, context)))

    def version_of(self, wrapped: bytes) -> int:
        if len(wrapped) < _HEAD.size + NONCE_BYTES + TAG_BYTES:
            raise ProviderWrongKey("the wrapped key is too short")
        magic, form, reserved, version = _HEAD.unpack_from(wrapped)
        if magic != _MAGIC or form != _FORMAT or reserved:
            raise ProviderWrongKey("the wrapped key is not in a format this provider writes")
        return int(version)

    def versions(self) -> tuple[int, ...]:
        return self._alone(lambda: tuple(sorted(self._present())))

    def rotate(self) -> int:
        return self._alone(lambda: self._generate(max(self._present()) + 1))

    def destroy(self, version: int) -> None:
        def remove() -> None:
            present = self._present()
            if version not in present or version == max(present):
                raise ProviderMisconfigured(f"root version {version} is the newest or unknown and cannot be destroyed")
            present[version].destroy()
            self._handles.pop(version, None)

        self._alone(remove)

    def check(self) -> None:
        probe(self)

    def close(self) -> None:
        """End the session. The next use opens another."""
        with _MODULE:
            self._drop()

    def _alone(self, work: Callable[[], T]) -> T:
        """`work` under the lock, with a session; a failure of the module becomes one of ours and drops the session."""
        import pkcs11
        from pkcs11 import exceptions as failed

        denied = (failed.PinIncorrect, failed.PinLocked, failed.PinExpired, failed.PinInvalid, failed.PinLenRange,
                  failed.UserNotLoggedIn, failed.FunctionRejected)  # fmt: skip
        with _MODULE:
            try:
                if self._session is None:
                    self._open()
                return work()
            except denied as error:
                self._drop()
                raise ProviderDenied(f"the security module refused: {type(error).__name__}") from None
            except (failed.PKCS11Error, pkcs11.MultipleTokensReturned, RuntimeError, OSError) as error:
                self._drop()
                raise ProviderUnavailable(f"the security module failed: {type(error).__name__}") from None

    def _open(self) -> None:
        import pkcs11

        library = pkcs11.lib(self._module)
        try:
            self._session = library.get_token(token_label=self._token).open(rw=True, user_pin=self._pin())
        except pkcs11.UserAlreadyLoggedIn:
            self._session = library.get_token(token_label=self._token).open(rw=True)
        self._handles = {}

    def _drop(self) -> None:
        session, self._session, self._handles = self._session, None, {}
        if session is not None:
            # A session that is broken cannot be closed properly either.
            with contextlib.suppress(Exception):
                session.close()

    def _found(self) -> dict[int, Any]:
        import pkcs11

        attributes = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.SECRET_KEY}
        found = {}
        for key in self._session.get_objects(attributes):
            label, _, version = str(key.label).rpartition(".")
            if label == self._label and version.isdigit():
                found[int(version)] = key
        return found

    def _present(self) -> dict[int, Any]:
        """Asked of the token each time: another process may have rotated or destroyed."""
        found = self._found()
        if not found:
            raise ProviderMisconfigured("this token holds no root key of that label")
        return found

    def _generate(self, version: int) -> int:
        import pkcs11

        self._session.generate_key(
            pkcs11.KeyType.AES,
            256,
            label=f"{self._label}.{version}",
            store=True,
            template={
                pkcs11.Attribute.SENSITIVE: True,
                pkcs11.Attribute.EXTRACTABLE: False,
                pkcs11.Attribute.WRAP: False,
                pkcs11.Attribute.UNWRAP: False,
                pkcs11.Attribute.ENCRYPT: True,
                pkcs11.Attribute.DECRYPT: True,
                pkcs11.Attribute.SIGN: False,
                pkcs11.Attribute.VERIFY: False,
            },
        )
        return version

    def _crypt(self, verb: str, version: int, nonce: bytes, data: bytes, bound: bytes) -> bytes:
        import pkcs11
        from pkcs11 import exceptions as failed

        handle = self._handles.get(version)
        if handle is None:
            handle = self._handles[version] = self._found().get(version)
        if handle is None:
            del self._handles[version]
            raise ProviderWrongKey(f"root key version {version} is not on this token (destroyed, or another token)")
        parameter = pkcs11.GCMParams(nonce, bound, TAG_BYTES * 8)
        try:
            done = getattr(handle, verb)(data, mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=parameter)
        except (failed.EncryptedDataInvalid, failed.EncryptedDataLenRange, failed.GeneralError):
            if verb == "encrypt":
                raise
            # SoftHSM says GeneralError for a wrong tag; whether the module still works is asked with a probe.
            self._works_or_raise(handle)
            raise ProviderWrongKey("the wrapped key, its context or the root key do not belong together") from None
        return bytes(done)

    def _works_or_raise(self, handle: Any) -> None:
        import pkcs11

        parameter = pkcs11.GCMParams(os.urandom(NONCE_BYTES), b"probe", TAG_BYTES * 8)
        handle.encrypt(b"probe", mechanism=pkcs11.Mechanism.AES_GCM, mechanism_param=parameter)


def _bound(head: bytes, context: bytes) -> bytes:
    return b"lianqiao root wrap 1\x00" + head + context
