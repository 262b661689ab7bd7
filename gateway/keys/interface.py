"""What every key provider promises, whatever stands behind it: a file, a hardware module, a key service."""

from typing import Protocol, runtime_checkable

from gateway.errors import Code, Problem, declare

KEY_PROVIDER_UNAVAILABLE = declare(
    "key-provider-unavailable", "unavailable",
    zh="密钥服务不可用,未披露任何数据", en="The key provider cannot be reached; nothing was disclosed",
    remedy_zh="请稍后重试;若持续出现,请系统管理员运行 lianqiao keys key-status",
    remedy_en="Try again later; if it persists, let the system administrator run `lianqiao keys key-status`",
)  # fmt: skip
KEY_PROVIDER_WRONG_KEY = declare(
    "key-provider-wrong-key", "unavailable",
    zh="密钥不匹配:口令、密钥文件或密钥版本不是封存时所用的",
    en="The key does not fit: not the passphrase, key file or key version that was used",
    remedy_zh="请密钥保管员核对口令、密钥文件与数据库是否属于同一套系统",
    remedy_en="Let the key custodian check that passphrase, key file and database belong together",
)  # fmt: skip
KEY_PROVIDER_DENIED = declare(
    "key-provider-denied", "unavailable",
    zh="密钥服务拒绝了本系统的请求", en="The key provider denies this installation the use of its key",
    remedy_zh="请密钥保管员恢复本系统在密钥服务中的权限或口令",
    remedy_en="Let the key custodian restore the permission or credential of this installation at the key provider",
)  # fmt: skip
KEY_PROVIDER_MISCONFIGURED = declare(
    "key-provider-misconfigured", "unavailable",
    zh="密钥服务配置有误", en="The key provider is not set up correctly",
    remedy_zh="请按部署文档检查 LIANQIAO_KEY_PROVIDER 设置",
    remedy_en="Check the setting LIANQIAO_KEY_PROVIDER against the deployment guide",
)  # fmt: skip


class KeyProviderError(Problem):
    """The provider did not wrap or unwrap. Whoever meets this discloses nothing. Carries no key and no value."""

    default: Code = KEY_PROVIDER_UNAVAILABLE

    def __init__(self, detail_en: str = "", detail_zh: str = "") -> None:
        super().__init__(self.default, detail_en=detail_en, detail_zh=detail_zh)


class ProviderUnavailable(KeyProviderError):
    """Down, slow or unreachable: the same call may succeed later."""

    default = KEY_PROVIDER_UNAVAILABLE


class ProviderWrongKey(KeyProviderError):
    """The wrapped bytes, their context, the passphrase or the key version do not belong together."""

    default = KEY_PROVIDER_WRONG_KEY


class ProviderDenied(KeyProviderError):
    """The provider knows us and says no: permission revoked, PIN or token refused."""

    default = KEY_PROVIDER_DENIED


class ProviderMisconfigured(KeyProviderError):
    """A setting is wrong or unsafe (a key file others can read, an unknown scheme); only a person can mend it."""

    default = KEY_PROVIDER_MISCONFIGURED


@runtime_checkable
class KeyProvider(Protocol):
    """Holds the root key. Calls are synchronous, thread-safe, and may block: asynchronous callers use a thread.

    Every call raises a `KeyProviderError` on failure and recovers by itself once the cause is gone.
    `unwrap(wrap(k, c), c) == k`; another context, another provider or one changed bit raises `ProviderWrongKey`.
    """

    @property
    def name(self) -> str:
        """Which kind it is: "file", "pkcs11", "vault", "insecure-memory"."""
        ...

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """`key` encrypted and authenticated under the newest root version, bound to `context`."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """The key that was wrapped with exactly this `context`, under whichever root version still exists."""
        ...

    def version_of(self, wrapped: bytes) -> int:
        """The root version `wrapped` was made with. Needs no key."""
        ...

    def versions(self) -> tuple[int, ...]:
        """The root versions that still exist, oldest first; the last one wraps."""
        ...

    def rotate(self) -> int:
        """Make a new root version, which wraps from now on, and return its number."""
        ...

    def destroy(self, version: int) -> None:
        """Make `version` gone for good. The newest version, and an unknown one, raise `ProviderMisconfigured`."""
        ...

    def check(self) -> None:
        """Wrap and unwrap a probe. Returns when the provider works."""
        ...


def probe(provider: KeyProvider) -> None:
    """What `check` does for every provider: a round trip of a throw-away key, and one that must not succeed."""
    sample, context = bytes(range(32)), b"lianqiao key provider check"
    wrapped = provider.wrap(sample, context)
    if provider.unwrap(wrapped, context) != sample:
        raise ProviderWrongKey("the provider returned another key than the one it was given")
    try:
        provider.unwrap(wrapped, context + b", another")
    except ProviderWrongKey:
        return
    # An old key service ignores associated data it does not know: then wrapped keys could be passed off as each other.
    raise ProviderMisconfigured("the provider does not bind wrapped keys to their context")
