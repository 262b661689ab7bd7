"""From a setting to a provider: the scheme of the address says what stands behind it."""

from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

from gateway.keys.file import FileProvider, passphrase_from
from gateway.keys.interface import KeyProvider, ProviderMisconfigured
from gateway.keys.memory import InsecureMemoryProvider

SCHEMES = ("file", "pkcs11", "vault", "insecure-memory")


def open_provider(uri: str, *, production: bool) -> KeyProvider:
    """The provider that `uri` names, opened.

    `file:/path/root.key?passphrase=env:NAME` (or `file:/path`, or `prompt`),
    `pkcs11:token=T;object=ROOT?module-path=/path/lib.so&pin-source=env:NAME`,
    `vault:https://host:8200/transit/KEY?token-source=env:NAME`, `insecure-memory:`.
    Raises `ProviderMisconfigured` for an unknown scheme and, in production, for `insecure-memory:`.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == "insecure-memory":
        if production:
            raise ProviderMisconfigured("insecure-memory keeps no key across a restart and is refused in production")
        return InsecureMemoryProvider()
    if scheme == "file":
        parts = urlsplit(uri)
        source = _single(parts.query, "passphrase")
        return FileProvider(Path(unquote(parts.path)), passphrase_from(source))
    if scheme == "pkcs11":
        from gateway.keys.pkcs11 import Pkcs11Provider

        return Pkcs11Provider.from_uri(uri)
    if scheme == "vault":
        from gateway.keys.vault import VaultProvider

        parts = urlsplit(rest)
        mount, _, key = parts.path.strip("/").rpartition("/")
        address = f"{parts.scheme}://{parts.netloc}"
        if production and parts.scheme != "https":
            raise ProviderMisconfigured("the key service is reached over https in production")
        return VaultProvider(address, mount or "transit", key, passphrase_from(_single(parts.query, "token-source")))
    raise ProviderMisconfigured(f"unknown key provider scheme; known: {', '.join(SCHEMES)}")


def _single(query: str, name: str) -> str:
    values = parse_qs(query).get(name, [])
    if len(values) != 1:
        raise ProviderMisconfigured(f"the key provider address needs exactly one {name}=")
    return values[0]
