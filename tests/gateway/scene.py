"""What the tests of asking and granting share: clients with contacts, a filled-in form, the way through the steps."""

import hashlib
from typing import Any, Self

from gateway.errors import Problem, Refusal
from gateway.schemas.consents import ConsentOut, RegisterConsent
from gateway.schemas.grants import GrantOut, Scope
from gateway.schemas.records import EnterRecord, RegisterClient
from gateway.schemas.requests import (
    ApproveRequest,
    CreateRequest,
    EndorseRequest,
    ItemAsk,
    RequestOut,
    SubmitRequest,
)
from gateway.usecases import approvals, consents, records, requests
from tests.world import World

REASON = "为东莞莞芯微电子的可转债项目准备拜访,需要联系其董秘与财务负责人核对经营情况"
CODES = ("91441900MA00T01A3F", "91441900MA00T02B8M", "91441900MA00T03C2R")
MOBILE = "13800001234"
EVIDENCE = hashlib.sha256(b"a signed sheet").hexdigest()


class Scene:
    """Three clients of the brokerage, each with one contact; the analyst of research wants to know them."""

    def __init__(self, w: World) -> None:
        self.w = w
        self.clients: list[str] = []
        self.contacts: list[str] = []

    async def enter(self, clients: int = 1, owner: str = "brokerage-rm") -> Self:
        """The clients and their contacts are on file."""
        by = self.w.person(owner)
        for n, code in enumerate(CODES[:clients]):
            name = f"东莞市莞芯{'甲乙丙'[n]}微电子有限公司"
            client = await records.register_client(self.w.gw, by, RegisterClient(uscc=code, name=name))
            assert not isinstance(client, Refusal), client
            assert client.client_id, client
            values = {"name": "王示例", "mobile": MOBILE[:-1] + str(n), "title": "董秘"}
            entered = await records.enter_record(
                self.w.gw, by, EnterRecord(client_id=client.client_id, field_group="contact", values=values)
            )
            assert not isinstance(entered, Refusal), entered
            self.clients.append(client.client_id)
            self.contacts.append(entered.record_id)
        return self

    async def enter_for(self, owner: str, code: str) -> Self:
        """One client of `owner`'s unit with a contact is on file."""
        by = self.w.person(owner)
        ask = RegisterClient(uscc=code, name="东莞市荷锦精密制造有限公司")
        client = await records.register_client(self.w.gw, by, ask)
        assert not isinstance(client, Refusal), client
        assert client.client_id, client
        values = {"name": "李示例", "mobile": "13800005678", "title": "总经理"}
        entered = await records.enter_record(
            self.w.gw, by, EnterRecord(client_id=client.client_id, field_group="contact", values=values)
        )
        assert not isinstance(entered, Refusal), entered
        self.clients.append(client.client_id)
        self.contacts.append(entered.record_id)
        return self

    def form(self, **changes: Any) -> dict[str, Any]:
        """A complete application for names and titles of contacts."""
        return {
            "items": (ItemAsk(item_code="INT-CON-001"), ItemAsk(item_code="INT-CON-002")),
            "purpose": "collaboration",
            "reason": REASON,
            "scenario": "联合拜访",
            "scope": Scope(clients=tuple(self.clients)),
            "row_cap": 50,
            "term_days": 30,
            "legal_basis": "PIPL 13-1(2)",
            "pledge": True,
            **changes,
        }

    async def draft(self, login: str = "analyst", **changes: Any) -> RequestOut:
        made = await requests.create_request(self.w.gw, self.w.person(login), CreateRequest(**self.form(**changes)))
        assert isinstance(made, RequestOut), made
        return made

    async def submitted(self, login: str = "analyst", **changes: Any) -> RequestOut:
        made = await self.draft(login, **changes)
        sent = await requests.submit_request(self.w.gw, self.w.person(login), SubmitRequest(request_id=made.request_id))
        assert isinstance(sent, RequestOut), sent
        return sent

    async def endorsed(self, login: str = "analyst", head: str = "research-head", **changes: Any) -> RequestOut:
        sent = await self.submitted(login, **changes)
        return await self.endorse(sent.request_id, head)

    async def endorse(self, request_id: str, login: str = "research-head") -> RequestOut:
        done = await approvals.endorse_request(
            self.w.gw, self.w.person(login), EndorseRequest(request_id=request_id, opinion="业务需要,同意")
        )
        assert isinstance(done, RequestOut), done
        return done

    async def approve(self, request_id: str, login: str, **changes: Any) -> RequestOut:
        done = await approvals.approve_request(
            self.w.gw, self.w.person(login), ApproveRequest(request_id=request_id, **changes)
        )
        assert isinstance(done, RequestOut), done
        return done

    async def granted(self, login: str = "analyst", **changes: Any) -> GrantOut:
        """The whole way: endorsed, approved by owner and compliance."""
        sent = await self.endorsed(login, **changes)
        await self.approve(sent.request_id, "brokerage-owner")
        done = await self.approve(sent.request_id, "compliance")
        assert done.state == "approved"
        assert done.grant is not None
        assert done.receipt
        return done.grant

    async def consent(self, n: int = 0, **changes: Any) -> ConsentOut:
        """The separate consent of a contact for the bank."""
        now = self.w.clock.now
        ask = {
            "kind": "separate", "client": self.clients[n], "record_id": self.contacts[n], "receiver": "bank-yuejiang",
            "purpose": "credit-due-diligence", "items": ("INT-CON-001", "INT-CON-002"), "notice_version": "2026-1",
            "evidence_hash": EVIDENCE, "not_before": now, "not_after": now + 90 * 86_400_000_000, **changes,
        }  # fmt: skip
        done = await consents.register_consent(self.w.gw, self.w.person("brokerage-rm"), RegisterConsent(**ask))
        assert isinstance(done, ConsentOut), done
        return done


async def code_of(awaitable: Any) -> str:
    """The code of the problem, or `refused:<reason>`."""
    try:
        found = await awaitable
    except Problem as problem:
        return problem.code.name
    if isinstance(found, Refusal):
        return f"refused:{found.reason}"
    raise AssertionError(f"neither problem nor refusal, but {type(found).__name__}")


async def problem_of(awaitable: Any) -> Problem:
    """The problem that the call raises."""
    try:
        found = await awaitable
    except Problem as problem:
        return problem
    raise AssertionError(f"no problem, but {type(found).__name__}")
