"""What the tests of sign-in share: people with passwords, a browser, an anonymous caller."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import httpx2
from pydantic import SecretStr

from gateway.domain.passwords import hash_password
from gateway.domain.principal import Principal, anonymous_principal
from gateway.errors import Problem
from gateway.schemas.sessions import SignedIn, SignIn
from gateway.store import auth
from gateway.usecases._sign_in import Credentials
from gateway.usecases.sessions import authenticate, sign_in
from gateway.web.app import create_app
from tests.world import World

PASSWORD = "远山 含黛 moss-and-rain 41"
NOBODY = anonymous_principal("203.0.113.7")
_HASH = hash_password(PASSWORD)


async def give_password(w: World, *logins: str, must_change: bool = False) -> None:
    """The people have `PASSWORD`."""
    async with w.gw.begin() as tx:
        for login in logins:
            await auth.set_password(tx, w.id_of(login), _HASH, must_change=must_change)


async def enter(
    w: World, login: str, password: str = PASSWORD, *, totp: str | None = None, by: Principal = NOBODY
) -> SignedIn:
    """Signed in by the verb."""
    return await sign_in(w.gw, by, SignIn(login=login, password=SecretStr(password), totp=totp))


async def bearer(w: World, token: str, *, by_cookie: bool = False, cached: bool = False) -> Principal:
    """Who stands behind a token."""
    credentials = Credentials(token, by_cookie, "203.0.113.7", "console" if by_cookie else "api")
    return await authenticate(w.gw, credentials, cached=cached)


async def refused(awaitable: Any) -> str:
    """The code of the problem that the call raises."""
    try:
        found = await awaitable
    except Problem as problem:
        return problem.code.name
    raise AssertionError(f"no problem, but {type(found).__name__}")


@contextlib.asynccontextmanager
async def browser(w: World, *, peer: str = "203.0.113.7", base: str = "") -> AsyncIterator[httpx2.AsyncClient]:
    """A client with a cookie jar over the whole application."""
    app = create_app(w.gw, worker=False)
    transport = httpx2.ASGITransport(app=app, client=(peer, 50000))
    async with httpx2.AsyncClient(transport=transport, base_url=base or w.gw.settings.url) as client:
        yield client


async def events(w: World, action: str) -> list[Any]:
    """What stands on the trail under this action, oldest first."""
    import sqlalchemy as sa

    from audit.tables import trail_event as t

    async with w.db.read() as tx:
        found = await tx.execute(sa.select(t).where(t.c.action == action).order_by(t.c.at, t.c.seq))
        return list(found.mappings())
