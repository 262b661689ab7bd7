"""What the tests of reading share: a scene with records in every mode, walls, grants put straight into place."""

import contextlib
import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import sqlalchemy as sa

from gateway.domain.principal import Principal
from gateway.errors import Problem, Refusal
from gateway.schemas.barrier import BarrierId, ProposeListing, ProposeSuppression
from gateway.schemas.base import Answer
from gateway.schemas.disclosure import Disclose, Disclosure, Query, RecordPage
from gateway.schemas.records import EnterRecord, RegisterClient
from gateway.store.tables import access
from gateway.usecases import VERBS
from tests.gateway.doors import PASSWORD, browser, events, give_password
from tests.gateway.scene import CODES, Scene
from tests.world import DAY, World

PURPOSE = "collaboration"
CONTACT = {
    "name": "王示例",
    "title": "董秘",
    "mobile": "13800001230",
    "email": "wang@example.invalid",
    "id_no": "110105199003078035",
}


class Stage(Scene):
    """A scene whose records can be read: `await Stage(w).enter(n)`."""

    async def do(self, verb: str, who: str | Principal, ask: Any) -> Any:
        by = self.w.person(who) if isinstance(who, str) else who
        return await VERBS[verb](self.w.gw, by, ask)

    async def read(self, who: str | Principal, record: str = "", purpose: str = PURPOSE, **ask: Any) -> Any:
        return await self.do("disclose", who, Disclose(record_id=record or self.contacts[0], purpose=purpose, **ask))

    async def query(self, who: str | Principal, purpose: str = PURPOSE, **ask: Any) -> Any:
        return await self.do("query", who, Query(**{"field_group": "contact", "purpose": purpose, **ask}))

    async def client(self, owner: str, code: str, name: str) -> str:
        made = await self.do("register_client", owner, RegisterClient(uscc=code, name=name))
        assert made.client_id, made
        return str(made.client_id)

    async def put(self, owner: str, client: str, values: dict[str, str], group: str = "contact") -> str:
        entered = await self.do("enter_record", owner, EnterRecord(client_id=client, field_group=group, values=values))
        assert isinstance(entered, Answer), entered
        return str(entered.record_id)  # type: ignore[attr-defined]

    async def suppress(self, client: str) -> str:
        ask = ProposeSuppression(client_id=client, reason="上市公司并购保密", not_after=self.w.clock.now + 30 * DAY)
        proposed = await self.do("propose_suppression", "compliance", ask)
        done = await self.do("confirm_suppression", "compliance-2", BarrierId(barrier_id=proposed.barrier_id))
        assert done.state == "active", done
        return str(proposed.barrier_id)

    async def list_it(self, client: str, kind: Any) -> str:
        ask = ProposeListing(client_id=client, kind=kind, reason="项目敏感期间", not_after=self.w.clock.now + 30 * DAY)
        proposed = await self.do("propose_listing", "compliance", ask)
        done = await self.do("confirm_listing", "compliance-2", BarrierId(barrier_id=proposed.barrier_id))
        assert done.state == "active", done
        return str(proposed.barrier_id)

    async def conflict(self, name: str, *clients: str) -> None:
        """The clients compete: one conflict class."""
        from gateway.store.tables.records import client

        async with self.w.db.begin() as tx:
            await tx.execute(sa.update(client).where(client.c.client_id.in_(clients)).values(conflict_class=name))

    async def alter(self, grant_id: str, **values: Any) -> None:
        """The grant's row reads so: for states that time alone would bring."""
        async with self.w.db.begin() as tx:
            await tx.execute(
                sa.update(access.access_grant).where(access.access_grant.c.grant_id == grant_id).values(**values)
            )

    async def grant_row(self, grant_id: str) -> Any:
        async with self.w.db.read() as tx:
            found = await tx.execute(sa.select(access.access_grant).where(access.access_grant.c.grant_id == grant_id))
            return found.mappings().one()

    async def trail(self, action: str) -> list[Any]:
        return await events(self.w, action)


@contextlib.asynccontextmanager
async def console(w: World, login: str) -> AsyncIterator[httpx2.AsyncClient]:
    """A browser in which `login` is signed in; it sends the session's CSRF value along."""
    await give_password(w, login)
    async with browser(w) as http:
        answer = await http.post("/v1/session", json={"login": login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        http.headers["x-csrf-token"] = answer.json()["csrf_token"]
        yield http


def fields_of(answer: Any) -> set[str]:
    """The fields that left; of a refusal, none."""
    if isinstance(answer, Refusal):
        return set()
    if isinstance(answer, Disclosure):
        return set(answer.record.values)
    assert isinstance(answer, RecordPage), answer
    return {name for row in answer.items for name in row.values}


def anonymous(refusal: Any) -> Any:
    """The refusal without what is new each time."""
    assert isinstance(refusal, Refusal), refusal
    return dataclasses.replace(refusal, decision_id="")


async def outcome(awaitable: Any) -> str:
    """`allowed`, `refused:<reason>` or the code of the problem."""
    try:
        answer = await awaitable
    except Problem as problem:
        return problem.code.name
    return f"refused:{answer.reason}" if isinstance(answer, Refusal) else "allowed"


__all__ = ["CODES", "CONTACT", "PURPOSE", "Stage", "World", "anonymous", "console", "fields_of", "outcome"]
