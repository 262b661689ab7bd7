"""Assertions with which a service proves to hold its private key (RFC 7523, 3; OpenID Connect Core, 9)."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey

from gateway.errors import Problem, declare

ASSERTION_REFUSED = declare(
    "assertion-refused", "unauthenticated",
    zh="客户端断言未被接受", en="The client assertion was not accepted",
    remedy_zh="请核对签名密钥、aud、exp(最长60秒)与 jti(每次不同)",
    remedy_en="Check the signing key, aud, exp (60 seconds at most) and jti (new each time)",
)  # fmt: skip
KEY_REFUSED = declare(
    "client-key-refused", "invalid",
    zh="该公钥不可用", en="This key cannot be registered",
    remedy_zh="请提交 P-256/P-384、Ed25519 或不少于2048位 RSA 的公钥(JWK),且不要包含私钥部分",
    remedy_en="Send a public JWK: P-256, P-384, Ed25519, or RSA of 2048 bits or more, without its private part",
)  # fmt: skip

LIFE = 60  # seconds an assertion may be valid for
SKEW = 30  # seconds by which clocks may differ
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_LARGEST = 8192
_ALGORITHMS = {
    ("EC", "P-256"): "ES256",
    ("EC", "P-384"): "ES384",
    ("OKP", "Ed25519"): "Ed25519",
    ("RSA", None): "PS256",
}
_IMPORT: dict[str, type[ECKey] | type[OKPKey] | type[RSAKey]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
_SIGNS_WITH = {"Ed25519": ["Ed25519", "EdDSA"]}  # one algorithm under its new and its old name (RFC 9864)
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key as it is kept. `kid` is its RFC 7638 thumbprint, chosen by nobody; it signs by one `algorithm` alone."""

    kid: str
    jwk: str
    algorithm: str


@dataclass(frozen=True, slots=True)
class Assertion:
    """Read, not yet believed. `key` names the key that must have signed it."""

    issuer: str
    kid: str
    text: str


@dataclass(frozen=True, slots=True)
class Checked:
    """An assertion that holds. `use` is what it must be remembered by until `expires_at` (microseconds)."""

    issuer: str
    use: bytes
    expires_at: int


def public_key(jwk: Mapping[str, Any]) -> PublicKey:
    """The key to keep. Raises `Problem(client-key-refused)` for private, weak, symmetric or unknown ones."""
    if _PRIVATE & jwk.keys():
        raise _bad_key("包含私钥部分,该密钥应视为泄露", "it carries its private part: treat that key as leaked")
    algorithm = _ALGORITHMS.get((str(jwk.get("kty")), str(jwk["crv"]) if "crv" in jwk else None))
    if algorithm is None:
        raise _bad_key("密钥类型不受支持", "this type of key is not supported")
    try:
        key = _IMPORT[str(jwk["kty"])].import_key(dict(jwk))
        kid = key.thumbprint()
        if isinstance(key, RSAKey) and key.public_key.key_size < 2048:
            raise _bad_key("RSA 密钥不足2048位", "RSA below 2048 bits")
        plain = {
            name: value
            for name, value in key.as_dict(private=False).items()
            if name in {"kty", "crv", "x", "y", "n", "e"}
        }
    except (JoseError, ValueError, TypeError, KeyError) as error:
        raise _bad_key("无法解析", "it cannot be read") from error
    return PublicKey(kid, orjson.dumps(plain, option=orjson.OPT_SORT_KEYS).decode(), algorithm)


def _bad_key(zh: str, en: str) -> Problem:
    return Problem(KEY_REFUSED, field="jwk", detail_zh=zh, detail_en=en)


def read(text: str) -> Assertion:
    """Who the assertion says it is from. Believe nothing of it before `check`."""
    if len(text) > _LARGEST:
        raise refused("过长", "too long")
    try:
        signed = jws.extract_compact(text.encode())
        claims = orjson.loads(signed.payload)
        header = signed.headers()
    except (JoseError, ValueError, UnicodeError) as error:
        raise refused("无法解析", "it cannot be read") from error
    if not isinstance(claims, dict) or "crit" in header:
        raise refused("无法解析", "it cannot be read")
    issuer, subject, kid = claims.get("iss"), claims.get("sub"), header.get("kid", "")
    if not isinstance(issuer, str) or issuer != subject or not isinstance(kid, str) or not issuer.isprintable():
        raise refused("iss 与 sub 必须同为客户端登录名", "iss and sub must both be the client's login")
    return Assertion(issuer, kid, text)


def check(assertion: Assertion, keys: Sequence[PublicKey], audiences: frozenset[str], now: int) -> Checked:
    """The assertion holds: signed by one of the client's `keys`, for us, now and briefly, with a name of its own.

    Raises `Problem(assertion-refused)` saying which check failed. Whether `use` is new is for the caller to see.
    """
    claims = next((found for key in keys if (found := _signed_claims(assertion, key)) is not None), None)
    if claims is None:
        raise refused("签名不符", "the signature does not fit")
    audience = claims.get("aud")
    named = set(audience) if isinstance(audience, list) and all(isinstance(a, str) for a in audience) else {audience}
    if len(named) != 1 or not named <= audiences:
        raise refused("aud 不是本网关", "aud is not this gateway")
    seconds = now // 1_000_000
    expires, jti = claims.get("exp"), claims.get("jti")
    if type(expires) is not int or not seconds - SKEW < expires <= seconds + LIFE + SKEW:
        raise refused("exp 缺失、已过或晚于60秒之后", "exp is missing, past, or more than 60 seconds away")
    for name in ("nbf", "iat"):
        if name in claims and (type(claims[name]) is not int or claims[name] > seconds + SKEW):
            raise refused(f"{name} 在将来", f"{name} lies in the future")
    if not isinstance(jti, str) or not 8 <= len(jti) <= 200:
        raise refused("jti 缺失或长度不在8至200之间", "jti is missing or not 8 to 200 characters long")
    use = hashlib.sha256(orjson.dumps([assertion.issuer, jti])).digest()
    return Checked(assertion.issuer, use, (expires + SKEW + 1) * 1_000_000)


def _signed_claims(assertion: Assertion, key: PublicKey) -> dict[str, Any] | None:
    """The claims, if `key` signed them by its one algorithm; else None."""
    kept = orjson.loads(key.jwk)
    algorithms = _SIGNS_WITH.get(key.algorithm, [key.algorithm])
    try:
        signed = jws.deserialize_compact(assertion.text.encode(), _IMPORT[kept["kty"]].import_key(kept), algorithms)
        claims: dict[str, Any] = orjson.loads(signed.payload)
    except (JoseError, ValueError):
        return None
    return claims


def refused(zh: str, en: str) -> Problem:
    """Not accepted; OAuth clients read `error` (RFC 6749, 5.2)."""
    return Problem(
        ASSERTION_REFUSED, field="client_assertion", detail_zh=zh, detail_en=en, extra={"error": "invalid_client"}
    )
