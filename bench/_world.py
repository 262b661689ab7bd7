"""A gateway with invented records and grants, and beside it the same rows in clear for those who compare."""

import asyncio
import io
import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bench._load import Target, free_port, served
from gateway.demo.seed import add_cast
from gateway.domain.principal import Principal
from gateway.domain.synthetic import clients, text_rows, visits_of, write_csv
from gateway.install import install
from gateway.runtime import Gateway, open_gateway
from gateway.schemas.disclosure import Query
from gateway.schemas.grants import Scope
from gateway.schemas.records import UploadFile
from gateway.schemas.requests import AcceptOffer, ApproveRequest, CreateRequest, EndorseRequest, ItemAsk, SubmitRequest
from gateway.schemas.sessions import CreateApiKey
from gateway.settings import Settings
from gateway.store.db import Database
from gateway.store.tables.records import client as client_table
from gateway.usecases import VERBS
from gateway.usecases.catalogue import load_default_catalogue

GROUP = "visit"
FIELDS = ("date", "channel", "staff", "memo", "intent_labels", "next_action", "due_date", "feedback")
FIVE = ("date", "staff", "intent_labels", "due_date", "feedback")
ITEMS = ("INT-VIS-001", "INT-VIS-002", "INT-VIS-003", "INT-VIS-004", "INT-VIS-005")
FULL_PURPOSE, MASKED_PURPOSE = "client-referral", "client-service"
_REASON = "为机构客户协同服务准备拜访,需要核对既往拜访情况与跟进事项"
CLEAR = sa.Table(
    "bench_clear", sa.MetaData(), sa.Column("record_id", sa.String(36), primary_key=True),
    sa.Column("client_id", sa.String(36)), sa.Column("owner_unit", sa.String(36)),
    *(sa.Column(name, sa.Text) for name in FIELDS),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class World:
    """Where the gateway lives, a key of its analyst, and records that have all eight fields."""

    settings: Settings
    token: str
    records: tuple[str, ...]

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The gateway serves as `lianqiao serve` does; yields its base address."""
        port = free_port()
        environment = {
            "LIANQIAO_MODE": "demo", "LIANQIAO_HOME": str(self.settings.home), "LIANQIAO_DATABASE": self.settings.database,
            "LIANQIAO_RATE_PER_MINUTE": "1000000000", "LIANQIAO_PORT": str(port), "LIANQIAO_LOG_LEVEL": "warning",
        }  # fmt: skip
        base = f"http://127.0.0.1:{port}"
        with served(SERVE, base, environment, ready="/ready"):
            yield base

    def disclosing(self, base: str) -> Target:
        """One record a request, all eight fields."""
        body = json.dumps({"purpose": FULL_PURPOSE})
        return Target(
            "ours", base, tuple(f"/v1/records/{each}/disclose" for each in self.records[:200]), body, self.token
        )


SERVE = [__import__("sys").executable, "-W", "ignore", "-c", "from gateway.cli import main; main()", "serve"]


@contextmanager
def world(database: str = "", *, clients_count: int = 700, purposes: bool = True) -> Iterator[World]:
    """Cast, catalogue, clients with visits of one department, and a grant of all eight fields to the analyst.

    With `purposes` also one of five fields, masked, for another purpose. Durable as in operation.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        settings = Settings(mode="demo", home=Path(folder), database=database)
        install(settings)
        yield asyncio.run(_filled(settings, clients_count, purposes))


async def _filled(settings: Settings, count: int, purposes: bool) -> World:
    gw = await open_gateway(settings)
    try:
        await load_default_catalogue(gw)
        people = await add_cast(gw, passwords=False)
        known = list(clients(count))
        await send(gw, people["ops"], "clients", known)
        await send(gw, people["brokerage-rm"], GROUP, [visit for each in known for visit in visits_of(each)])
        async with gw.db.read() as tx:
            ids = [row[0] for row in (await tx.execute(sa.select(client_table.c.client_id))).all()]
        await grant(gw, people, ids, FULL_PURPOSE, tuple(ItemAsk(item_code=each) for each in ITEMS), masked=False)
        if purposes:
            some = (
                ItemAsk(item_code="INT-VIS-001", fields=("date",)), ItemAsk(item_code="INT-VIS-002", fields=("staff",)),
                ItemAsk(item_code="INT-VIS-004", fields=("intent_labels",)),
                ItemAsk(item_code="INT-VIS-005", fields=("due_date", "feedback")),
            )  # fmt: skip
            await grant(gw, people, ids, MASKED_PURPOSE, some, masked=True)
        made = done(await VERBS["create_api_key"](gw, people["analyst"], CreateApiKey(label="bench", days=1)))
        whole = await _clear_copy(gw, people["brokerage-rm"])
        return World(
            settings,
            made.api_key.get_secret_value() if hasattr(made.api_key, "get_secret_value") else made.api_key,
            whole,
        )
    finally:
        await gw.close()


def done(answer: Any) -> Any:
    """The answer, unless it is a refusal: then `RuntimeError`, since the bench would measure something else."""
    if hasattr(answer, "how_zh"):
        raise RuntimeError(f"refused: {answer.reason} {answer.en}")
    return answer


async def send(gw: Gateway, by: Principal, kind: str, items: list[Any]) -> Any:
    """A file of `kind` is uploaded and imported."""
    sheet = io.BytesIO()
    write_csv(sheet, text_rows(kind, items))
    sheet.seek(0)
    ask = UploadFile(kind=kind, mode="skip_bad")
    answer = done(await VERBS["upload_file"](gw, by, ask, source=sheet, file_name=f"{kind}.csv", wait=True))
    if answer.state != "done":
        raise RuntimeError(f"{kind}: {answer.problem}")
    return answer


async def grant(
    gw: Gateway, people: dict[str, Principal], ids: list[str], purpose: str, items: tuple[ItemAsk, ...], *, masked: bool
) -> None:
    """The analyst asks, everybody whose turn it is agrees, the grant holds."""
    ask = CreateRequest(
        items=items, purpose=purpose, reason=_REASON, scenario="协同服务", scope=Scope(clients=tuple(ids)),
        row_cap=5000, uses=("view", "api"), term_days=60, legal_basis="PIPL 13-1(2)", pledge=True, safety_officer="D0002",
        masked=masked,
    )  # fmt: skip
    request_id = done(await VERBS["create_request"](gw, people["analyst"], ask)).request_id
    state = done(await VERBS["submit_request"](gw, people["analyst"], SubmitRequest(request_id=request_id))).state
    step = {
        "dept_review": ("endorse_request", "research-head", EndorseRequest),
        "owner_review": ("approve_request", "brokerage-owner", ApproveRequest),
        "compliance_review": ("approve_request", "compliance", ApproveRequest),
        "pi_review": ("approve_request", "pi-officer", ApproveRequest),
        "cco_review": ("approve_request", "cco", ApproveRequest),
        "offered": ("accept_offer", "analyst", AcceptOffer),
    }  # fmt: skip
    while state in step:
        verb, who, made = step[state]
        answer = done(await VERBS[verb](gw, people[who], made(request_id=request_id)))
        state = getattr(answer, "state", "granted")
    if state not in {"granted", "approved"}:
        raise RuntimeError(f"the request ended as {state}")


async def _clear_copy(gw: Gateway, owner: Principal) -> tuple[str, ...]:
    """The same rows in clear, in a table of the bench; returns the records that have all eight fields."""
    whole, after = [], None
    rows: list[dict[str, Any]] = []
    while True:
        ask = Query(field_group=GROUP, purpose=FULL_PURPOSE, limit=1000, after=after)
        page = done(await VERBS["query"](gw, owner, ask))
        for each in page.items:
            values = {name: each.values.get(name) for name in FIELDS}
            rows.append({"record_id": each.record_id, "client_id": each.client_id, "owner_unit": each.owner_unit}
                        | {name: None if value is None else json.dumps(value, ensure_ascii=False)
                           for name, value in values.items()})  # fmt: skip
            if all(value is not None for value in values.values()):
                whole.append(each.record_id)
        after = page.next
        if page.end:
            break
    await _write_clear(gw.db, rows)
    return tuple(whole)


async def _write_clear(db: Database, rows: list[dict[str, Any]]) -> None:
    async with db.begin() as tx:
        await tx.execute(sa.schema.CreateTable(CLEAR))
        await tx.execute(sa.insert(CLEAR), rows)
