"""The story that `lianqiao demo` tells: a name found, contacts refused, asked for, partly granted, read, proved, revoked."""

import asyncio
import tempfile
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from sqlalchemy.engine import make_url

from gateway.demo.seed import DemoFailed, seed
from gateway.domain.principal import Principal
from gateway.errors import Problem, Refusal
from gateway.install import install
from gateway.runtime import Gateway, open_gateway
from gateway.schemas.disclosure import Disclose, GetClient, Query, SearchClients
from gateway.schemas.grants import RevokeGrant, Scope
from gateway.schemas.requests import (
    AcceptOffer,
    ApproveRequest,
    CreateRequest,
    EndorseRequest,
    ItemAsk,
    SubmitRequest,
)
from gateway.schemas.trail import SearchTrail
from gateway.settings import Settings
from gateway.usecases import VERBS
from gateway.usecases.checks import check_all
from gateway.usecases.trail import trust_text
from gateway.worker import seal_trail
from ledger.errors import VerificationError
from ledger.policy import parse_policy
from ledger.receipt import verify_receipt

PURPOSE = "client-referral"
_ASKED = ("INT-CON-001", "INT-CON-002", "INT-CON-003", "INT-CON-005")


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, by whom, what came of it, and whether that is what had to come of it."""

    n: int
    who: str
    zh: str
    en: str
    result: str
    ok: bool


class _Story:
    def __init__(self, gw: Gateway, people: dict[str, Principal], out: Console | None) -> None:
        self.gw = gw
        self.people = people
        self.out = out
        self.steps: list[Step] = []

    async def do(self, verb: str, login: str, ask: Any) -> Any:
        return await VERBS[verb](self.gw, self.people[login], ask)

    def tell(self, login: str, zh: str, en: str, result: str, ok: bool) -> None:
        step = Step(len(self.steps) + 1, login, zh, en, result, ok)
        self.steps.append(step)
        if self.out is not None:
            mark = "[green]✓[/green]" if ok else "[red]✗[/red]"
            name = self.people[login].name if login in self.people else ""
            self.out.print(f"{mark} [bold]{step.n:>2}[/bold] {zh} [dim]{en}[/dim]", highlight=False)
            self.out.print(escape(f"      {name} {result}"), style="cyan", highlight=False)


async def tell(database: str, out: Console | None) -> list[dict[str, Any]]:
    """Play the story on an empty database (default: a temporary SQLite file); returns its steps, each with `ok`.

    Raises `DemoFailed` when the database is not empty.
    """
    with tempfile.TemporaryDirectory(prefix="lianqiao-demo-") as folder:
        settings = Settings(mode="demo", home=Path(folder), database=database)
        await asyncio.to_thread(install, settings)
        gateway = await open_gateway(settings)
        try:
            people = await seed(gateway, count=60)
            story = _Story(gateway, people, out)
            if out is not None:
                where = make_url(settings.database_url).get_backend_name()
                out.print(f"[bold]连桥 Lianqiao[/bold] — {where}, {len(people)} 人 / people, 60 家客户 / clients\n")
            for part in _PARTS:
                await part(story)
        finally:
            await gateway.close()
    return [asdict(step) for step in story.steps]


async def _look_up(s: _Story) -> None:
    """A name found by its first letters; the card is there, the contacts are locked."""
    own = await s.do("query", "brokerage-owner", Query(field_group="contact", purpose=PURPOSE, limit=200))
    complete = [row for row in own.items if {"name", "title", "mobile", "email"} <= row.values.keys()]
    if not complete:
        raise DemoFailed("the invented data hold no complete contact")
    s.record, s.client_id = complete[0], complete[0].client_id  # type: ignore[attr-defined]
    card = await s.do("get_client", "analyst", GetClient(client_id=complete[0].client_id))
    found = await s.do("search_clients", "analyst", SearchClients(q=card.card.name[3:7]))
    hit = any(each.client_id == complete[0].client_id for each in found.items)
    s.tell(
        "analyst",
        "按名称查到客户",
        "finds a client by name",
        f"{card.card.name}, 主办部门 {card.card.lead_unit_name}",
        hit,
    )
    locked = [each for each in card.holdings if each.field_group == "contact" and each.access == "apply"]
    s.tell("analyst", "看到联系人数据归谁、如何申请", "sees who owns the contacts, and that one must apply",
           ", ".join(f"{each.owner_name}: {each.access}" for each in locked), bool(locked))  # fmt: skip


async def _refused(s: _Story) -> None:
    record = s.record  # type: ignore[attr-defined]
    answer = await s.do("disclose", "analyst", Disclose(record_id=record.record_id, purpose=PURPOSE))
    ok = isinstance(answer, Refusal) and answer.reason == "no-grant" and not answer.rule
    s.tell("analyst", "读取联系人被拒,并被告知如何申请", "is refused the contacts, and told how to apply",
           f"{answer.zh} → {answer.how_zh}" if isinstance(answer, Refusal) else "released!", ok)  # fmt: skip


async def _apply(s: _Story) -> None:
    ask = CreateRequest(
        items=tuple(ItemAsk(item_code=code) for code in _ASKED), purpose=PURPOSE,
        reason="为行业研究报告约访企业董秘,需要核实联系人姓名与职务并取得联系方式", scenario="行业研究访谈",
        scope=Scope(clients=(s.client_id,)), row_cap=20, uses=("view",), term_days=60, use_limit=10,  # type: ignore[attr-defined]
        legal_basis="PIPL 13-1(2)", pledge=True, safety_officer="D0002",
    )  # fmt: skip
    draft = await s.do("create_request", "analyst", ask)
    sent = await s.do("submit_request", "analyst", SubmitRequest(request_id=draft.request_id))
    s.request_id = draft.request_id  # type: ignore[attr-defined]
    route = " → ".join(step.role for step in sent.steps)
    s.tell(
        "analyst",
        "说明用途并提交申请",
        "applies, stating the purpose",
        f"{sent.state}: {route}",
        sent.state == "dept_review",
    )
    try:
        own = await s.do("endorse_request", "analyst", EndorseRequest(request_id=draft.request_id))
        said, stopped = getattr(own, "zh", "endorsed!"), isinstance(own, Refusal)
    except Problem as problem:
        said, stopped = problem.code.zh, True
    s.tell("analyst", "不能自己审批", "cannot endorse it herself", said, stopped)
    done = await s.do(
        "endorse_request", "research-head", EndorseRequest(request_id=draft.request_id, opinion="情况属实,同意")
    )
    s.tell(
        "research-head",
        "部门负责人同意",
        "the head of department endorses it",
        done.state,
        done.state == "owner_review",
    )


async def _approve(s: _Story) -> None:
    request_id = s.request_id  # type: ignore[attr-defined]
    fewer = tuple(ItemAsk(item_code=code) for code in ("INT-CON-001", "INT-CON-002", "INT-CON-003"))
    owner = await s.do(
        "approve_request", "brokerage-owner",
        ApproveRequest(request_id=request_id, items=fewer, term_days=30, reason_code="not-needed", opinion="邮箱非必需"),
    )  # fmt: skip
    s.tell("brokerage-owner", "数据主责部门部分同意:少一项、短一半", "the owner agrees in part: fewer items, a shorter term",
           getattr(owner, "state", str(owner)), getattr(owner, "state", "") == "compliance_review")  # fmt: skip
    state = await s.do("approve_request", "compliance", ApproveRequest(request_id=request_id, opinion="符合最小必要"))
    s.tell(
        "compliance",
        "合规同意",
        "compliance agrees",
        getattr(state, "state", str(state)),
        getattr(state, "state", "") == "offered",
    )
    given = await s.do("accept_offer", "analyst", AcceptOffer(request_id=request_id))
    s.grant, s.receipt = given.grant, given.receipt  # type: ignore[attr-defined]
    s.tell("analyst", "接受缩减后的条款,授权生效并得到回执", "accepts the narrower terms; the grant holds, with a receipt",
           f"授权 {given.grant.grant_id[:8]}…, {len(given.receipt)} 字节回执", given.grant.state == "active")  # fmt: skip


async def _read(s: _Story) -> None:
    record = s.record  # type: ignore[attr-defined]
    answer = await s.do("disclose", "analyst", Disclose(record_id=record.record_id, purpose=PURPOSE))
    values = {} if isinstance(answer, Refusal) else answer.record.values
    s.tell("analyst", "读到且只读到获准的字段", "reads exactly the approved fields",
           ", ".join(sorted(values)) or str(answer), set(values) == {"name", "title", "mobile"})  # fmt: skip
    other = await s.do("disclose", "analyst", Disclose(record_id=record.record_id, purpose="credit-due-diligence"))
    s.tell("analyst", "换一个用途就被拒", "is refused for another purpose",
           other.zh if isinstance(other, Refusal) else "released!", isinstance(other, Refusal))  # fmt: skip
    park = await s.do("disclose", "park-user", Disclose(record_id=record.record_id, purpose=PURPOSE))
    unknown = await s.do("disclose", "park-user", Disclose(record_id=str(uuid.uuid4()), purpose=PURPOSE))
    alike = isinstance(park, Refusal) and isinstance(unknown, Refusal) and _same(park, unknown)
    s.tell("park-user", "园区伙伴被拒,答复与不存在的记录无异", "a park partner is refused, just as for a record that is not there",
           park.zh if isinstance(park, Refusal) else "released!", alike)  # fmt: skip


def _same(one: Refusal, other: Refusal) -> bool:
    return replace(one, decision_id="") == replace(other, decision_id="")


async def _prove(s: _Story) -> None:
    receipt = s.receipt  # type: ignore[attr-defined]
    trust = parse_policy(trust_text(s.gw))
    verified = verify_receipt(receipt, trust)
    s.tell("bank-user", "回执离线核验通过,只用信任文件", "the receipt verifies offline with nothing but the trust file",
           f"{verified.entry.kind} #{verified.index} / {verified.size}", verified.entry.kind == "grant:approved")  # fmt: skip
    forged = receipt.replace('\\"t\\":\\"grant:approved\\"', '\\"t\\":\\"grant:approvee\\"')
    try:
        verify_receipt(forged, trust)
        noticed = ""
    except VerificationError as error:
        noticed = str(error)[:120]
    s.tell(
        "bank-user",
        "改动一个字符即被识破",
        "one changed character is noticed",
        noticed,
        forged != receipt and bool(noticed),
    )


async def _revoke(s: _Story) -> None:
    grant_id = s.grant.grant_id  # type: ignore[attr-defined]
    record = s.record  # type: ignore[attr-defined]
    gone = await s.do("revoke_grant", "brokerage-owner", RevokeGrant(grant_id=grant_id, reason="项目提前结束"))
    s.tell(
        "brokerage-owner",
        "撤销授权",
        "revokes the grant",
        getattr(gone, "state", str(gone)),
        getattr(gone, "state", "") == "revoked",
    )
    answer = await s.do("disclose", "analyst", Disclose(record_id=record.record_id, purpose=PURPOSE))
    s.tell("analyst", "下一次读取即被拒", "is refused at the next read", answer.zh if isinstance(answer, Refusal) else "released!",
           isinstance(answer, Refusal))  # fmt: skip


async def _watch(s: _Story) -> None:
    while await seal_trail(s.gw):
        pass
    client = await s.do("search_trail", "compliance", SearchTrail(client_id=s.client_id, limit=200))  # type: ignore[attr-defined]
    reads = [event for event in client.items if event.action == "disclose"]
    refused = [event for event in reads if event.outcome == "refused"]
    allowed = [event for event in reads if event.outcome == "allowed"]
    s.tell("compliance", "合规在留痕中找到全过程", "compliance finds all of it on the trail",
           f"{len(client.items)} 条,其中读取放行 {len(allowed)}、拒绝 {len(refused)}", len(allowed) == 1 and len(refused) >= 4)  # fmt: skip
    sealed = all(event.log_index is not None for event in reads)
    s.tell("compliance", "每条都已封入默克尔日志", "each is sealed into the Merkle log", f"{len(reads)}", sealed)
    report = await check_all(s.gw)
    s.tell("auditor", "全部重算,两本账无误", "everything recomputed, both logs sound",
           f"{report['grants_entries']} 条授权账, {report['trail_events']} 条留痕, {report['first'] or '0'}", bool(report["sound"]))  # fmt: skip


_PARTS: tuple[Callable[[_Story], Awaitable[None]], ...] = (
    _look_up,
    _refused,
    _apply,
    _approve,
    _read,
    _prove,
    _revoke,
    _watch,
)
