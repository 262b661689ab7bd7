"""From a request to a principal: which token, from where, and whether a page of ours sent it. Nothing here decides."""

import hmac
import ipaddress
from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from gateway.domain.principal import Principal, anonymous_principal
from gateway.errors import Problem, declare
from gateway.runtime import Gateway
from gateway.usecases._sign_in import Credentials
from gateway.usecases.sessions import NOT_SIGNED_IN, require_ready
from gateway.usecases.sessions import authenticate as verified

CROSS_SITE = declare(
    "cross-site-request", "forbidden",
    zh="请求不是由本系统页面发出", en="The request was not sent by a page of this gateway",
    remedy_zh="请从控制台操作,并在 X-CSRF-Token 中带上会话的 csrf_token",
    remedy_en="Use the console, or send the session's csrf_token as X-CSRF-Token",
)  # fmt: skip

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
# These read the person's generation again with their facts: a token verified within the last minute is enough to begin.
_READ_AGAIN = frozenset({"disclose", "query"})
_SAME = frozenset({"same-origin", "none"})
CLIENT_HEADER = "x-lianqiao-client"


def anonymous(gw: Gateway, request: Request) -> Principal:
    """Somebody before signing in."""
    return anonymous_principal(source_address(gw, request), _channel(request, by_cookie=True))


async def authenticate(gw: Gateway, request: Request, *, fresh: bool = False) -> Principal:
    """The principal of the request. Raises `Problem`: not-signed-in, cross-site-request, first-do, too-many-requests.

    `fresh` reads its rights from the database even for verbs that would notice a change by themselves.
    """
    credentials = credentials_of(gw, request)
    name = getattr(request.scope.get("route"), "name", "")
    by = await verified(gw, credentials, cached=name in _READ_AGAIN and not fresh)
    if credentials.by_cookie:
        require_csrf(request, by)
    require_ready(by, name)
    return by


def credentials_of(gw: Gateway, request: Request) -> Credentials:
    """The token that the request shows, a header before a cookie. Raises `Problem(not-signed-in)`."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme:
        if scheme.lower() != "bearer" or not value:
            raise Problem(NOT_SIGNED_IN)
        return Credentials(value.strip(), False, source_address(gw, request), _channel(request, by_cookie=False))
    token = request.cookies.get(cookie_name(gw))
    if not token:
        raise Problem(NOT_SIGNED_IN)
    return Credentials(token, True, source_address(gw, request), _channel(request, by_cookie=True))


def require_csrf(request: Request, by: Principal) -> None:
    """A write by cookie comes from a page of ours, with the session's value. Else `Problem(cross-site-request)`."""
    if request.method in _SAFE:
        return
    require_same_site(request)
    sent = request.headers.get("x-csrf-token", "")
    if not by.csrf or not hmac.compare_digest(sent.encode(), by.csrf.encode()):
        raise Problem(CROSS_SITE, detail_zh="X-CSRF-Token 缺失或不符", detail_en="X-CSRF-Token is missing or wrong")


def require_same_site(request: Request) -> None:
    """What the browser says about where the request comes from is us, or nothing (no browser says nothing)."""
    site = request.headers.get("sec-fetch-site")
    if site is not None and site not in _SAME:
        raise Problem(CROSS_SITE)
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() not in _own_hosts(request):
        raise Problem(CROSS_SITE)


def _own_hosts(request: Request) -> frozenset[str]:
    public = urlsplit(request.app.state.gateway.settings.url).netloc.lower()
    return frozenset({public, request.headers.get("host", "").lower()}) - {""}


def is_https(gw: Gateway) -> bool:
    """Whether people reach the gateway over TLS."""
    return gw.settings.url.startswith("https:")


def cookie_name(gw: Gateway) -> str:
    """The session's cookie: `__Host-` binds it to this very host (RFC 6265bis, 4.1.3.2), which needs TLS."""
    return "__Host-lianqiao" if is_https(gw) else "lianqiao"


def binding_name(gw: Gateway) -> str:
    """The cookie that binds a sign-in under way at a provider to this browser."""
    return "__Host-lianqiao-oidc" if is_https(gw) else "lianqiao-oidc"


def set_cookie(gw: Gateway, response: Response, name: str, value: str, seconds: int | None = None) -> None:
    """Set so that no script reads it, and no other site sends it along on a write."""
    response.set_cookie(name, value, max_age=seconds, path="/", secure=is_https(gw), httponly=True, samesite="lax")


def drop_cookie(gw: Gateway, response: Response, name: str) -> None:
    """The browser forgets it."""
    response.delete_cookie(name, path="/", secure=is_https(gw), httponly=True, samesite="lax")


def source_address(gw: Gateway, request: Request) -> str:
    """The address of who sent the request: through trusted proxies as they tell it, else the peer's."""
    peer = request.client.host if request.client else ""
    trusted = _networks(gw.settings.trusted_proxies)
    if not trusted or not _within(peer, trusted):
        return peer[:45]
    hops = [hop.strip() for line in request.headers.getlist("x-forwarded-for") for hop in line.split(",")]
    for hop in reversed(hops):
        if _address(hop) is None:
            break  # nonsense can only have been put there by somebody we do not trust
        peer = hop
        if not _within(hop, trusted):
            break
    return peer[:45]


def is_near(gw: Gateway, request: Request) -> bool:
    """The peer of the connection itself is this machine or one of the trusted proxies."""
    peer = request.client.host if request.client else ""
    address = _address(peer)
    return address is not None and (address.is_loopback or _within(peer, _networks(gw.settings.trusted_proxies)))


def _channel(request: Request, *, by_cookie: bool) -> str:
    if request.headers.get(CLIENT_HEADER) == "cli":
        return "cli"
    return "console" if by_cookie else "api"


@lru_cache(maxsize=8)
def _networks(listed: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    return tuple(ipaddress.ip_network(each.strip(), strict=False) for each in listed.split(",") if each.strip())


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _within(text: str, networks: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]) -> bool:
    address = _address(text)
    return address is not None and any(address in network for network in networks)
