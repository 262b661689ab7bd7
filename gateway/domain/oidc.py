"""The pure half of OpenID Connect sign-in: what is asked of the provider, and what of its answer is believed.

Authorisation code with PKCE (RFC 6749, 4.1; RFC 7636; OpenID Connect Core 1.0, 3.1; RFC 9700).
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeGuard
from urllib.parse import urlencode, urlsplit

import orjson
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, import_key

from gateway.domain.tokens import Minted, mint
from gateway.errors import Problem, declare

OIDC_FAILED = declare(
    "oidc-sign-in-failed", "unauthenticated",
    zh="统一身份认证未完成", en="Sign-in through the identity provider did not succeed",
    remedy_zh="请重新开始登录;若持续出现,请联系系统管理员",
    remedy_en="Begin to sign in again; if it persists, tell the system administrator",
)  # fmt: skip
OIDC_UNAVAILABLE = declare(
    "oidc-provider-unavailable", "unavailable",
    zh="统一身份认证服务不可用", en="The identity provider cannot be reached",
    remedy_zh="请稍后重试,或使用本地账户登录", remedy_en="Try again later, or sign in with a local account",
)  # fmt: skip

ALGORITHMS = ("RS256", "PS256", "ES256", "ES384", "Ed25519", "EdDSA")
LEEWAY = 60  # seconds by which the provider's clock may differ
FLOW_LIFE = 600  # seconds somebody may take at the provider
_LONGEST_AGE = 600  # seconds since the id_token was issued


@dataclass(frozen=True, slots=True)
class Provider:
    """What its discovery document says (OpenID Connect Discovery 1.0, 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    names_issuer: bool  # authorization_response_iss_parameter_supported (RFC 9207)


@dataclass(frozen=True, slots=True)
class Flow:
    """One sign-in under way. `state` goes through the provider, `binding` stays in the browser's cookie."""

    state: Minted
    binding: Minted
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the provider says it is. `(issuer, subject)` is the only lasting name; `claims` are for matching once."""

    issuer: str
    subject: str
    claims: Mapping[str, Any] = field(repr=False)


def provider_of(document: Any, issuer: str) -> Provider:
    """The provider. Raises `Problem` unless the document is `issuer`'s own and its addresses are safe."""
    if not isinstance(document, dict) or document.get("issuer") != issuer:
        raise Problem(
            OIDC_UNAVAILABLE,
            detail_zh="发现文档的 issuer 与设置不符",
            detail_en="the discovery document names another issuer",
        )
    return Provider(
        issuer=issuer,
        authorization_endpoint=check_address(document.get("authorization_endpoint")),
        token_endpoint=check_address(document.get("token_endpoint")),
        jwks_uri=check_address(document.get("jwks_uri")),
        names_issuer=document.get("authorization_response_iss_parameter_supported") is True,
    )


def check_address(address: object) -> str:
    """`address` unchanged: https, or http to this machine itself. Raises `Problem(oidc-provider-unavailable)`."""
    parts = urlsplit(address if isinstance(address, str) else "")
    if (parts.scheme == "https" and parts.hostname) or (
        parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
    ):
        return str(address)
    raise Problem(
        OIDC_UNAVAILABLE, detail_zh="认证服务地址必须为 https", detail_en="the provider's addresses must be https"
    )


def new_flow() -> Flow:
    """A flow with secrets that nobody has seen."""
    return Flow(mint("flow"), mint("flow"), secrets.token_urlsafe(32), secrets.token_urlsafe(64))


def authorization_url(provider: Provider, flow: Flow, client_id: str, redirect_uri: str) -> str:
    """Where the browser is sent."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(flow.verifier.encode()).digest()).rstrip(b"=").decode()
    query = urlencode({
        "response_type": "code", "client_id": client_id, "redirect_uri": redirect_uri, "scope": "openid profile email",
        "state": flow.state.text, "nonce": flow.nonce, "code_challenge": challenge, "code_challenge_method": "S256",
    })  # fmt: skip
    return f"{provider.authorization_endpoint}{'&' if '?' in provider.authorization_endpoint else '?'}{query}"


def check_id_token(text: object, keys: KeySet, provider: Provider, client_id: str, nonce: str, now: int) -> Identity:
    """Who signed in (OpenID Connect Core 1.0, 3.1.3.7). Raises `Problem(oidc-sign-in-failed)` naming the check."""
    if not isinstance(text, str) or len(text) > 32_768:
        raise failed("没有 id_token", "there is no id_token")
    try:
        claims: dict[str, Any] = jwt.decode(text, keys, algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError, TypeError) as error:
        raise failed("id_token 签名不符", "the signature of the id_token does not fit") from error
    audience = claims.get("aud")
    named = audience if isinstance(audience, list) else [audience]
    if claims.get("iss") != provider.issuer:
        raise failed("id_token 来自其他签发者", "the id_token is from another issuer")
    if client_id not in named or ((len(named) > 1 or "azp" in claims) and claims.get("azp") != client_id):
        raise failed("id_token 不是发给本网关的", "the id_token is not for this gateway")
    seconds = now // 1_000_000
    expires, issued = claims.get("exp"), claims.get("iat")
    if not _number(expires) or expires + LEEWAY <= seconds:
        raise failed("id_token 已过期", "the id_token has expired")
    if not _number(issued) or not seconds - _LONGEST_AGE - LEEWAY <= issued <= seconds + LEEWAY:
        raise failed("id_token 的签发时间不合理", "the id_token was issued at an unlikely time")
    if not isinstance(claims.get("nonce"), str) or not secrets.compare_digest(claims["nonce"].encode(), nonce.encode()):
        raise failed("id_token 不属于本次登录", "the id_token belongs to another sign-in")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not 1 <= len(subject) <= 255 or not subject.isprintable():
        raise failed("id_token 没有 sub", "the id_token has no sub")
    return Identity(provider.issuer, subject, claims)


def _number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def key_set(document: Any) -> KeySet:
    """The provider's public keys; those of a kind that is not known are left out."""
    kept = []
    for each in document.get("keys", ()) if isinstance(document, dict) else ():
        try:
            if each.get("use", "sig") == "sig" and each.get("kty") in {"RSA", "EC", "OKP"}:
                kept.append(import_key(each))
        except (JoseError, ValueError, AttributeError, KeyError, TypeError):
            continue
    if not kept:
        raise Problem(OIDC_UNAVAILABLE, detail_zh="认证服务没有可用的公钥", detail_en="the provider has no usable keys")
    return KeySet(kept)


def failed(zh: str, en: str) -> Problem:
    """The sign-in does not go on."""
    return Problem(OIDC_FAILED, detail_zh=zh, detail_en=en)


def safe_return(path: str) -> str:
    """A path of this gateway to come back to, or the console: never another site."""
    clean = path.startswith("/") and not path.startswith(("//", "/\\")) and "\\" not in path and path.isprintable()
    return path if clean and len(path) <= 300 else "/console/"


def json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object in `raw`. Raises `Problem(oidc-provider-unavailable)` for anything else."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Problem(
            OIDC_UNAVAILABLE, detail_zh="认证服务的答复无法解析", detail_en="the provider's answer cannot be read"
        ) from error
    if not isinstance(value, dict):
        raise Problem(
            OIDC_UNAVAILABLE, detail_zh="认证服务的答复无法解析", detail_en="the provider's answer cannot be read"
        )
    return value
