"""Requests and grants in every state, so that whoever opens the demonstration finds work in the inbox and life in the pages."""

import hashlib
from typing import Any

from gateway.demo.seed import DAY, DemoFailed
from gateway.domain.principal import Principal
from gateway.errors import Refusal
from gateway.runtime import Gateway
from gateway.schemas.consents import RegisterConsent
from gateway.schemas.disclosure import Disclose, Query
from gateway.schemas.grants import RevokeGrant, Scope
from gateway.schemas.requests import (
    ApproveRequest,
    CreateRequest,
    EndorseRequest,
    ItemAsk,
    RejectRequest,
    SubmitRequest,
)
from gateway.usecases import VERBS

_REASON = "为行业研究报告约访企业董秘,需要核实联系人姓名与职务并取得联系方式"


class _Cases:
    def __init__(self, gw: Gateway, people: dict[str, Principal]) -> None:
        self.gw = gw
        self.people = people

    async def do(self, verb: str, login: str, ask: Any) -> Any:
        answer = await VERBS[verb](self.gw, self.people[login], ask)
        if isinstance(answer, Refusal):
            raise DemoFailed(f"{login} may not {verb}: {answer.reason}")
        return answer

    async def clients_of(self, login: str, group: str, purpose: str, count: int) -> list[str]:
        page = await self.do("query", login, Query(field_group=group, purpose=purpose, limit=200))
        return list(dict.fromkeys(row.client_id for row in page.items))[:count]

    async def ask(self, login: str, items: tuple[str, ...], clients: list[str], **more: Any) -> str:
        form: dict[str, Any] = {
            "items": tuple(ItemAsk(item_code=code) for code in items), "purpose": "client-referral", "reason": _REASON,
            "scenario": "行业研究访谈", "scope": Scope(clients=tuple(clients)), "row_cap": 50, "term_days": 30,
            "legal_basis": "PIPL 13-1(2)", "pledge": True, "safety_officer": "D0002",
        }  # fmt: skip
        draft = await self.do("create_request", login, CreateRequest(**{**form, **more}))
        await self.do("submit_request", login, SubmitRequest(request_id=draft.request_id))
        return str(draft.request_id)


async def add_cases(gw: Gateway, people: dict[str, Principal]) -> int:
    """Five requests: one in use, one offered, one waiting for its head, one rejected, one revoked; returns how many.

    And one exchange between partners: the bank reads what the park let it see of two tenants.
    """
    c = _Cases(gw, people)
    names = ("INT-CON-001", "INT-CON-002")
    clients = await c.clients_of("brokerage-owner", "contact", "client-referral", 12)
    # in use
    used = await c.ask("analyst", (*names, "INT-CON-003"), clients[:4])
    await c.do("endorse_request", "research-head", EndorseRequest(request_id=used))
    await c.do("approve_request", "brokerage-owner", ApproveRequest(request_id=used))
    await c.do("approve_request", "compliance", ApproveRequest(request_id=used))
    page = await c.do("query", "analyst", Query(field_group="contact", purpose="client-referral"))
    for row in page.items[:3]:
        await c.do("disclose", "analyst", Disclose(record_id=row.record_id, purpose="client-referral"))
    # offered: the owner gave less
    less = await c.ask("analyst", ("INT-VIS-001", "INT-VIS-003"), clients[4:6], scenario="回访准备")
    await c.do("endorse_request", "research-head", EndorseRequest(request_id=less))
    fewer = (ItemAsk(item_code="INT-VIS-001"),)
    await c.do(
        "approve_request", "brokerage-owner",
        ApproveRequest(request_id=less, items=fewer, reason_code="not-needed", opinion="纪要全文非必需"),
    )  # fmt: skip
    # waiting for the head of department
    await c.ask("wealth-rm", ("INT-COO-001",), clients[6:8], scenario="交叉服务评估")
    # rejected
    refused = await c.ask("analyst", ("INT-COO-004",), clients[8:10], scenario="收费对标")
    await c.do("endorse_request", "research-head", EndorseRequest(request_id=refused))
    await c.do(
        "reject_request", "brokerage-owner", RejectRequest(request_id=refused, reason_code="client-confidentiality")
    )
    # revoked
    gone = await c.ask("analyst", names, clients[10:12], scenario="论坛邀请")
    await c.do("endorse_request", "research-head", EndorseRequest(request_id=gone))
    await c.do("approve_request", "brokerage-owner", ApproveRequest(request_id=gone))
    done = await c.do("approve_request", "compliance", ApproveRequest(request_id=gone))
    if done.grant is not None:
        await c.do("revoke_grant", "brokerage-owner", RevokeGrant(grant_id=done.grant.grant_id, reason="论坛已取消"))
    await _exchange(c)
    return 6


async def _exchange(c: _Cases) -> None:
    """Two tenants authorise the bank; the park lets it read tenancy and rent for one purpose, while that holds."""
    tenants = await c.clients_of("park-user", "park_operation", "park-service", 2)
    items = ("PRK-OPS-001", "PRK-OPS-003")
    async with c.gw.db.read() as tx:
        now = tx.now
    consents = []
    for client_id in tenants:
        given = await c.do(
            "register_consent", "park-user",
            RegisterConsent(
                kind="enterprise_authorisation", client=client_id, receiver="bank-yuejiang", purpose="credit-due-diligence",
                items=items, notice_version="2026-01", evidence_hash=hashlib.sha256(client_id.encode()).hexdigest(),
                not_before=now, not_after=now + 180 * DAY,
            ),
        )  # fmt: skip
        consents.append(given.consent_id)
    asked = await c.ask(
        "bank-user", items, tenants, purpose="credit-due-diligence", scenario="园区贷授信审查", legal_basis="企业授权",
        consents=tuple(consents), uses=("view", "api"), reason="企业申请园区贷,需核实入驻年限与租金缴纳情况用于授信审查", grantee="unit",
    )  # fmt: skip
    for login in ("bank-head", "park-user", "compliance"):
        verb, ask = "approve_request", ApproveRequest(request_id=asked)
        await c.do("endorse_request" if login == "bank-head" else verb, login,
                   EndorseRequest(request_id=asked) if login == "bank-head" else ask)  # fmt: skip
    await c.do("query", "bank-user", Query(field_group="park_operation", purpose="credit-due-diligence"))


__all__ = ["add_cases"]
