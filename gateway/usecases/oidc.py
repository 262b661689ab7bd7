"""Signing in through an OpenID provider: out with state, nonce and PKCE, back with a code, in as a linked identity."""

import hmac
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

import httpx2
from joserfc.jwk import KeySet
from pydantic import SecretStr

from gateway.domain import oidc
from gateway.domain.oidc import Identity, Provider, failed
from gateway.domain.principal import Principal
from gateway.domain.throttle import SECOND
from gateway.domain.tokens import digest_of, looks_like
from gateway.errors import Problem, declare
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.sessions import FinishOidc, OidcSignedIn, OidcStarted, StartOidc
from gateway.store import auth as store
from gateway.store import parties
from gateway.store.auth import KeptFlow
from gateway.store.parties import Standing
from gateway.usecases._door import door_of
from gateway.usecases._sign_in import open_session

NO_OIDC = declare(
    "oidc-not-configured", "invalid",
    zh="未配置统一身份认证", en="No identity provider is configured",
    remedy_zh="请系统管理员设置 oidc_issuer 与 oidc_client_id",
    remedy_en="Let the system administrator set oidc_issuer and oidc_client_id",
)  # fmt: skip
NOBODY_OF_OURS = declare(
    "identity-not-linked", "unauthenticated",
    zh="该统一身份尚未绑定本系统人员", en="This identity is nobody's account here",
    remedy_zh="请本单位管理员为您绑定统一身份", remedy_en="Ask your administrator to link the identity to your account",
)  # fmt: skip

CALLBACK = "/v1/oidc/callback"
_TIMEOUT = 10.0  # seconds for one answer of the provider
_LARGEST = 1 << 20
_KEEP = 600.0  # seconds for which discovery and keys are kept


@dataclass(frozen=True, slots=True)
class _Known:
    provider: Provider
    keys: KeySet
    until: float


async def start_oidc(gw: Gateway, by: Principal, ask: StartOidc) -> OidcStarted:
    """The address to send the browser to; the sign-in under way is bound to this browser and waits ten minutes."""
    door_of(gw).count_sign_in(by.source_address)
    known = await _known(gw)
    flow = oidc.new_flow()
    async with gw.begin() as tx:
        kept = KeptFlow(
            flow.binding.digest, flow.nonce, flow.verifier, oidc.safe_return(ask.return_to),
            tx.now + oidc.FLOW_LIFE * SECOND,
        )  # fmt: skip
        await store.add_flow(tx, flow.state.digest, kept)
    url = oidc.authorization_url(known.provider, flow, gw.settings.oidc_client_id, _redirect_uri(gw))
    return OidcStarted(authorization_url=url, binding=SecretStr(flow.binding.text))


async def finish_oidc(gw: Gateway, by: Principal, ask: FinishOidc) -> OidcSignedIn:
    """A new session for the person that the provider's identity is linked to.

    Raises `Problem`: oidc-sign-in-failed (which check, never a token), identity-not-linked, oidc-provider-unavailable.
    """
    door_of(gw).count_sign_in(by.source_address)
    # 1 the state counts once, and only in the browser that began
    flow = await _taken(gw, ask)
    # 2 the provider's word, outside of any transaction
    identity = await _exchange(gw, flow, ask)
    # 3 a person of ours, in good standing now
    problem: Problem | None = None
    answer: OidcSignedIn | None = None
    async with gw.begin() as tx:
        standing = await _person(gw, tx, identity)
        if standing is None or not standing.active:
            problem = Problem(NOBODY_OF_OURS)
            who = standing.person.person_id if standing else ""
            tx.record(event_of(by, "sign-in:failed", tx.now, target_kind="person", target_id=who, outcome="failed",
                               details={"method": "oidc"}))  # fmt: skip
        else:
            signed = await open_session(gw, tx, by, standing, "oidc")
            fields: dict[str, Any] = {name: getattr(signed, name) for name in type(signed).model_fields}
            answer = OidcSignedIn(**fields, return_to=flow.return_to)
    if answer is None:
        raise problem or Problem(NOBODY_OF_OURS)
    return answer


async def _taken(gw: Gateway, ask: FinishOidc) -> KeptFlow:
    if not looks_like(ask.state, "flow"):
        raise failed("state 不正确", "the state is not right")
    async with gw.begin() as tx:
        flow = await store.take_flow(tx, digest_of(ask.state))
    if flow is None:
        raise failed("state 不正确、已用过或已过期", "the state is unknown, used or too old")
    if not hmac.compare_digest(flow.binding_digest, digest_of(ask.binding.get_secret_value())):
        raise failed("该登录不是由本浏览器发起", "this sign-in was begun in another browser")
    return flow


async def _exchange(gw: Gateway, flow: KeptFlow, ask: FinishOidc) -> Identity:
    known = await _known(gw)
    provider, settings = known.provider, gw.settings
    if (ask.iss or provider.names_issuer) and ask.iss != provider.issuer:
        raise failed("答复来自其他签发者", "the answer is from another issuer")  # RFC 9207
    if ask.error or not ask.code:
        raise failed("认证服务拒绝了登录", "the provider refused the sign-in")
    form = {
        "grant_type": "authorization_code", "code": ask.code, "redirect_uri": _redirect_uri(gw),
        "client_id": settings.oidc_client_id, "code_verifier": flow.verifier,
    }  # fmt: skip
    basic: httpx2.BasicAuth | None = None
    if settings.oidc_client_secret is not None:  # form-encoded before Basic: RFC 6749, 2.3.1
        secret = settings.oidc_client_secret.get_secret_value()
        basic = httpx2.BasicAuth(quote_plus(settings.oidc_client_id), quote_plus(secret))
    status, raw = await _call("POST", provider.token_endpoint, form, basic)
    if status != 200:
        raise failed("认证服务拒绝了授权码", "the provider refused the code")
    text = oidc.json_object(raw).get("id_token")
    async with gw.db.read() as tx:
        now = tx.now
    try:
        return oidc.check_id_token(text, known.keys, provider, settings.oidc_client_id, flow.nonce, now)
    except Problem:
        # The provider may have changed its keys since we last looked.
        keys = (await _known(gw, anew=True)).keys
        return oidc.check_id_token(text, keys, provider, settings.oidc_client_id, flow.nonce, now)


async def _person(gw: Gateway, tx: WriteTx, identity: Identity) -> Standing | None:
    """Who is linked to the identity; or, where a claim is trusted to name logins, the person of that login."""
    person_id = await store.find_identity(tx, identity.issuer, identity.subject)
    claim = gw.settings.oidc_login_claim
    if person_id is None and claim:
        login = identity.claims.get(claim)
        trusted = claim != "email" or identity.claims.get("email_verified") is True
        person = (
            await parties.find_person_by_login(tx, login.lower())
            if trusted and isinstance(login, str) and login.isprintable()
            else None
        )
        if person is not None and person.kind == "person":
            person_id = person.person_id
            await store.link_identity(tx, identity.issuer, identity.subject, person_id, "system:oidc")
    return await parties.find_standing(tx, person_id) if person_id else None


async def _known(gw: Gateway, *, anew: bool = False) -> _Known:
    """The provider's addresses and keys, at most ten minutes old."""
    settings = gw.settings
    if not settings.oidc_issuer or not settings.oidc_client_id:
        raise Problem(NO_OIDC)
    kept = gw.state.get("oidc")
    if isinstance(kept, _Known) and not anew and time.monotonic() < kept.until:
        return kept
    issuer = oidc.check_address(settings.oidc_issuer)
    status, raw = await _call("GET", issuer.rstrip("/") + "/.well-known/openid-configuration")
    provider = oidc.provider_of(oidc.json_object(raw) if status == 200 else None, issuer)
    status, raw = await _call("GET", provider.jwks_uri)
    keys = oidc.key_set(oidc.json_object(raw) if status == 200 else None)
    known = gw.state["oidc"] = _Known(provider, keys, time.monotonic() + _KEEP)
    return known


async def _call(
    method: str, url: str, form: dict[str, str] | None = None, basic: httpx2.BasicAuth | None = None
) -> tuple[int, bytes]:
    """Status and body. No redirect is followed, no proxy of the environment used, nothing large read."""
    try:
        async with (
            httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client,
            client.stream(method, url, data=form, auth=basic, headers={"accept": "application/json"}) as response,
        ):
            body = b""
            async for part in response.aiter_bytes():
                body += part
                if len(body) > _LARGEST:
                    raise Problem(oidc.OIDC_UNAVAILABLE)
            return response.status_code, body
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise Problem(oidc.OIDC_UNAVAILABLE) from error


def _redirect_uri(gw: Gateway) -> str:
    return gw.settings.url.rstrip("/") + CALLBACK


__all__ = ["finish_oidc", "start_oidc"]
