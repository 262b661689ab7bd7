"""Keys of partners: to whom a payload is encrypted and who signed it. Raw keys under a kind, with an id made of both.

The text forms are `lq-pub:<kind>:<base64url>` and `lq-key:<kind>:<base64url>`; docs/formats/payload.md.
"""

import base64
import binascii
import hashlib
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from gateway.errors import Problem, declare
from gateway.keys.suites import SM4_GCM

PAYLOAD_KEY_INVALID = declare(
    "payload-key-invalid", "invalid",
    zh="密钥格式不正确或算法不受支持", en="This is not a key of a known kind",
    remedy_zh="请使用 lianqiao 生成的密钥文本;国密算法需安装 gm 组件",
    remedy_en="Use a key text made by lianqiao; the GM algorithms need the extra `gm`",
)  # fmt: skip
PAYLOAD_BROKEN = declare(
    "payload-broken", "invalid",
    zh="数据包已损坏、被截断或被改动", en="The payload is damaged, cut short or changed",
    remedy_zh="请向发送方重新索取", remedy_en="Ask the sender for it again",
)  # fmt: skip

Kind = Literal["x25519", "mlkem768-x25519", "sm2", "ed25519", "sm2-sign"]
ENCRYPTION: frozenset[str] = frozenset({"x25519", "mlkem768-x25519", "sm2"})
_PUBLIC_BYTES = {"x25519": 32, "mlkem768-x25519": 1184 + 32, "sm2": 64, "ed25519": 32, "sm2-sign": 64}
_PRIVATE_BYTES = {"x25519": 32, "mlkem768-x25519": 64 + 32, "sm2": 96, "ed25519": 32, "sm2-sign": 96}
_HPKE = {
    "x25519": hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
    "mlkem768-x25519": hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM),
}


class PayloadBroken(Problem):
    """Signature, key, header and content of a payload do not belong together, or a part is missing."""

    def __init__(self, detail_en: str = "") -> None:
        super().__init__(PAYLOAD_BROKEN, detail_en=detail_en)


def _gm() -> Any:
    try:
        import gmssl_pyx
    except ImportError:
        raise Problem(PAYLOAD_KEY_INVALID, detail_en="SM2 needs the extra: pip install 'lianqiao[gm]'") from None
    return gmssl_pyx


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A partner's key. `key_id`: 16 hexadecimal digits, the beginning of SHA-256 over kind and raw key."""

    kind: Kind
    raw: bytes

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind) or len(self.raw) != _PUBLIC_BYTES[self.kind]:
            raise Problem(PAYLOAD_KEY_INVALID, detail_en="unknown kind or wrong length")

    @property
    def key_id(self) -> str:
        return hashlib.sha256(self.kind.encode() + b"\x00" + self.raw).hexdigest()[:16]

    def text(self) -> str:
        """The form in which a partner registers it."""
        return f"lq-pub:{self.kind}:{base64.urlsafe_b64encode(self.raw).decode().rstrip('=')}"

    def wrap(self, key: bytes, info: bytes) -> bytes:
        """`key` for the holder of the private key only, bound to `info`. Raises `Problem` for a signing key."""
        if self.kind in _HPKE:
            return _HPKE[self.kind].encrypt(key, _hpke_public(self), info)
        if self.kind == "sm2":
            # SM2 encryption knows no associated data: the digest of it travels inside and is compared on opening.
            return bytes(_gm().sm2_encrypt(self.raw, key + SM4_GCM.digest(info)))
        raise Problem(PAYLOAD_KEY_INVALID, detail_en="a signing key does not encrypt")

    def verify(self, signature: bytes, message: bytes) -> None:
        """Returns when the signature is good. Raises `PayloadBroken`, or `Problem` for a key that does not sign."""
        if self.kind == "ed25519":
            try:
                Ed25519PublicKey.from_public_bytes(self.raw).verify(signature, message)
            except InvalidSignature:
                raise PayloadBroken("the signature does not fit") from None
        elif self.kind == "sm2-sign":
            gm = _gm()
            try:
                good = gm.sm2_verify(self.raw, message, signature)
            except (gm.GmsslInnerError, gm.InvalidValueError, ValueError):
                good = False
            if not good:
                raise PayloadBroken("the signature does not fit")
        else:
            raise Problem(PAYLOAD_KEY_INVALID, detail_en="an encryption key does not sign")


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """The other half. Its bytes never show in a repr."""

    kind: Kind
    raw: bytes = field(repr=False)

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind) or len(self.raw) != _PRIVATE_BYTES[self.kind]:
            raise Problem(PAYLOAD_KEY_INVALID, detail_en="unknown kind or wrong length")

    @classmethod
    def new(cls, kind: Kind) -> "PrivateKey":
        """A new random key of `kind`."""
        if kind == "x25519":
            return cls(kind, X25519PrivateKey.generate().private_bytes_raw())
        if kind == "ed25519":
            return cls(kind, Ed25519PrivateKey.generate().private_bytes_raw())
        if kind == "mlkem768-x25519":
            seed = MLKEM768PrivateKey.generate().private_bytes_raw()
            return cls(kind, seed + X25519PrivateKey.generate().private_bytes_raw())
        if kind in {"sm2", "sm2-sign"}:
            public, private = _gm().sm2_key_generate()
            return cls(kind, bytes(private) + bytes(public))
        raise Problem(PAYLOAD_KEY_INVALID, detail_en="unknown kind")

    def public(self) -> PublicKey:
        """The key to give away."""
        if self.kind == "x25519":
            return PublicKey(self.kind, X25519PrivateKey.from_private_bytes(self.raw).public_key().public_bytes_raw())
        if self.kind == "ed25519":
            return PublicKey(self.kind, Ed25519PrivateKey.from_private_bytes(self.raw).public_key().public_bytes_raw())
        if self.kind == "mlkem768-x25519":
            lattice = MLKEM768PrivateKey.from_seed_bytes(self.raw[:64]).public_key().public_bytes_raw()
            curve = X25519PrivateKey.from_private_bytes(self.raw[64:]).public_key().public_bytes_raw()
            return PublicKey(self.kind, lattice + curve)
        return PublicKey(self.kind, self.raw[32:])

    def text(self) -> str:
        """The secret form, for a private file."""
        return f"lq-key:{self.kind}:{base64.urlsafe_b64encode(self.raw).decode().rstrip('=')}"

    def unwrap(self, wrapped: bytes, info: bytes) -> bytes:
        """The key that was wrapped for us with this `info`. Raises `PayloadBroken`."""
        if self.kind in _HPKE:
            try:
                return _HPKE[self.kind].decrypt(wrapped, _hpke_private(self), info)
            except InvalidTag:
                raise PayloadBroken("the wrapped key is not for this key and header") from None
        if self.kind != "sm2":
            raise Problem(PAYLOAD_KEY_INVALID, detail_en="a signing key does not decrypt")
        gm = _gm()
        try:
            inside = bytes(gm.sm2_decrypt(self.raw[:32], wrapped))
        except (gm.GmsslInnerError, gm.InvalidValueError, ValueError):
            raise PayloadBroken("the wrapped key is not for this key") from None
        if len(inside) <= 32 or inside[-32:] != SM4_GCM.digest(info):
            raise PayloadBroken("the wrapped key is not for this header")
        return inside[:-32]

    def sign(self, message: bytes) -> bytes:
        """A signature of `message`: Ed25519, or SM2-with-SM3 (GB/T 32918.2) under the default signer id."""
        if self.kind == "ed25519":
            return Ed25519PrivateKey.from_private_bytes(self.raw).sign(message)
        if self.kind == "sm2-sign":
            return bytes(_gm().sm2_sign(self.raw[:32], self.raw[32:], message))
        raise Problem(PAYLOAD_KEY_INVALID, detail_en="an encryption key does not sign")


def _hpke_public(key: PublicKey) -> Any:
    if key.kind == "x25519":
        return X25519PublicKey.from_public_bytes(key.raw)
    return hpke.MLKEM768X25519PublicKey(
        MLKEM768PublicKey.from_public_bytes(key.raw[:1184]), X25519PublicKey.from_public_bytes(key.raw[1184:])
    )


def _hpke_private(key: PrivateKey) -> Any:
    if key.kind == "x25519":
        return X25519PrivateKey.from_private_bytes(key.raw)
    return hpke.MLKEM768X25519PrivateKey(
        MLKEM768PrivateKey.from_seed_bytes(key.raw[:64]), X25519PrivateKey.from_private_bytes(key.raw[64:])
    )


def _parsed(text: str, prefix: str) -> tuple[Any, bytes]:
    parts = text.strip().split(":")
    if len(parts) != 3 or parts[0] != prefix:
        raise Problem(PAYLOAD_KEY_INVALID, detail_en=f"want {prefix}:<kind>:<base64url>")
    try:
        raw = base64.b64decode(parts[2] + "=" * (-len(parts[2]) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Problem(PAYLOAD_KEY_INVALID, detail_en="the key is not in base64url") from None
    return parts[1], raw


def parse_public(text: str) -> PublicKey:
    """From `lq-pub:...`. Raises `Problem(payload-key-invalid)`, also for a point that is on no curve."""
    key = PublicKey(*_parsed(text, "lq-pub"))
    try:
        if key.kind in _HPKE:
            _HPKE[key.kind].encrypt(b"", _hpke_public(key))
        elif key.kind == "ed25519":
            Ed25519PublicKey.from_public_bytes(key.raw)
        else:
            _gm().sm2_encrypt(key.raw, b"probe")
    except Problem:
        raise
    except Exception:
        raise Problem(PAYLOAD_KEY_INVALID, detail_en="the key is not usable") from None
    return key


def parse_private(text: str) -> PrivateKey:
    """From `lq-key:...`. Raises `Problem(payload-key-invalid)`, never repeating the text."""
    return PrivateKey(*_parsed(text, "lq-key"))
