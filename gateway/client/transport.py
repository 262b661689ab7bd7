"""How the SDK reaches a gateway: one request a verb, answers as models, problems and refusals as exceptions."""

import uuid
from collections.abc import Mapping
from typing import Any, TypeVar

import httpx2
from pydantic import TypeAdapter

from gateway.schemas import ROUTES, Ask, Route

_ROUTES: Mapping[str, Route] = {route.name: route for route in ROUTES}
T = TypeVar("T")


class GatewayProblem(Exception):
    """The gateway said no: `code` is stable, `detail` and `remedy` are for people, `body` is the whole problem."""

    def __init__(self, status: int, body: Mapping[str, Any]) -> None:
        self.status = status
        self.body = body
        self.code = str(body.get("code", "unknown"))
        self.detail = str(body.get("detail", ""))
        self.remedy = str(body.get("remedy", ""))
        super().__init__(f"{self.code}: {self.detail}" + (f" ({self.remedy})" if self.remedy else ""))


class GatewayRefusal(GatewayProblem):
    """A recorded decision not to disclose or not to act. `decision_id` is what to quote."""

    @property
    def decision_id(self) -> str:
        return str(self.body.get("decision_id", ""))


def request_of(name: str, ask: Ask) -> tuple[str, str, dict[str, Any], dict[str, Any] | None]:
    """Method, path, query and body of a verb's request."""
    route = _ROUTES[name]
    values = ask.model_dump(mode="json", exclude_none=True, exclude_defaults=True, context={"secrets": True})
    values |= {field: getattr(ask, field) for field in route.path_fields}
    values = {key: _plain(getattr(ask, key), value) for key, value in values.items()}
    path = route.path
    for field in route.path_fields:
        path = path.replace(f"{{{field}}}", httpx2.URL(f"http://x/{values.pop(field)}").path[1:])
    if route.method in {"GET", "DELETE"}:
        return route.method, path, values, None
    return route.method, path, {}, values


def _plain(held: Any, dumped: Any) -> Any:
    # A secret is written out only here, where it is sent to the gateway that it was meant for.
    return held.get_secret_value() if hasattr(held, "get_secret_value") else dumped


def checked(response: httpx2.Response) -> bytes:
    """The body of a success; raises `GatewayRefusal` or `GatewayProblem` for anything else."""
    if response.status_code < 400:
        return response.content
    try:
        body = response.json()
    except ValueError:
        body = {"code": "no-problem-document", "detail": f"HTTP {response.status_code}"}
    kind = GatewayRefusal if "decision_id" in body else GatewayProblem
    raise kind(response.status_code, body)


def headers_of(name: str, token: str, csrf: str) -> dict[str, str]:
    """Authorisation and, on writes, a fresh idempotency key: a repeated transmission does the act once."""
    headers = {"accept-language": "zh"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    if csrf:
        headers["x-csrf-token"] = csrf
    if not _ROUTES[name].safe:
        headers["idempotency-key"] = str(uuid.uuid4())
    return headers


class Transport:
    """Calls a gateway. `token`: an API key or access token; people sign in with `sign_in` and get a session cookie."""

    def __init__(
        self, url: str, token: str = "", *, timeout: float = 60.0, client: httpx2.Client | None = None
    ) -> None:
        self._http = client or httpx2.Client(base_url=url, timeout=timeout)
        self._token = token
        self.csrf = ""

    def _call(self, name: str, ask: Ask) -> bytes:
        method, path, query, body = request_of(name, ask)
        sent = self._http.request(
            method, path, params=query, json=body, headers=headers_of(name, self._token, self.csrf)
        )
        return checked(sent)

    def _read(self, kind: type[T], content: bytes) -> T:
        return TypeAdapter(kind).validate_json(content)

    def close(self) -> None:
        self._http.close()


class AsyncTransport:
    """As `Transport`, awaited."""

    def __init__(
        self, url: str, token: str = "", *, timeout: float = 60.0, client: httpx2.AsyncClient | None = None
    ) -> None:
        self._http = client or httpx2.AsyncClient(base_url=url, timeout=timeout)
        self._token = token
        self.csrf = ""

    async def _call(self, name: str, ask: Ask) -> bytes:
        method, path, query, body = request_of(name, ask)
        sent = await self._http.request(
            method, path, params=query, json=body, headers=headers_of(name, self._token, self.csrf)
        )
        return checked(sent)

    def _read(self, kind: type[T], content: bytes) -> T:
        return TypeAdapter(kind).validate_json(content)

    async def close(self) -> None:
        await self._http.aclose()
