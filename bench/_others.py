"""What the gateway is measured beside, on the same rows: nothing at all, no privacy, and privacy as first written.

Served by uvicorn in a process of its own; `BENCH_DATABASE` and `BENCH_RECORDS` name the rows in clear.
"""

import asyncio
import hashlib
import json
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import casbin
import orjson
import sqlalchemy as sa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from fastapi import FastAPI, HTTPException, Request
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from starlette.responses import Response

from bench._world import FIELDS

URL = make_url(os.environ["BENCH_DATABASE"])
EMBEDDED = URL.get_backend_name() == "sqlite"
SECRET = OctKey.import_key("bench-" + "0" * 32)
NAMES = ("record_id", "client_id", "owner_unit", *FIELDS)
COLUMNS = ", ".join(NAMES)
ONE = f"SELECT {COLUMNS} FROM bench_clear WHERE record_id = {'?' if EMBEDDED else '$1'}"
MANY = f"SELECT {COLUMNS} FROM bench_clear ORDER BY record_id LIMIT {'?' if EMBEDDED else '$1'}"


class Base(DeclarativeBase):
    """Of the ORM endpoints."""


class Clear(Base):
    """The row in clear."""

    __tablename__ = "bench_clear"
    record_id: Mapped[str] = mapped_column(primary_key=True)
    client_id: Mapped[str]
    owner_unit: Mapped[str]
    date: Mapped[str]
    channel: Mapped[str]
    staff: Mapped[str]
    memo: Mapped[str]
    intent_labels: Mapped[str]
    next_action: Mapped[str]
    due_date: Mapped[str]
    feedback: Mapped[str]


class Sealed(Base):
    """The same row with every value sealed by itself, as one would begin."""

    __tablename__ = "bench_sealed"
    record_id: Mapped[str] = mapped_column(primary_key=True)
    values: Mapped[str]


class Trail(Base):
    """One chain for everybody, its head under a lock."""

    __tablename__ = "bench_trail"
    seq: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[str]
    hash: Mapped[str]


class Head(Base):
    """The end of the chain."""

    __tablename__ = "bench_head"
    n: Mapped[int] = mapped_column(primary_key=True)
    seq: Mapped[int]
    hash: Mapped[str]


KEY = AESGCM(bytes(32))
MODEL = """
[request_definition]
r = sub, group, purpose
[policy_definition]
p = sub, group, purpose
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.group == p.group && r.purpose == p.purpose
"""


def token() -> str:
    """What the naive endpoint wants to be shown."""
    return jwt.encode({"alg": "HS256"}, {"sub": "analyst", "exp": int(time.time()) + 86_400}, SECRET)


async def prepare(url: str) -> None:
    """The naive endpoint's tables are there and filled from the rows in clear."""
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
        rows = (await connection.execute(sa.select(Clear.__table__))).mappings().all()
        sealed = []
        for row in rows:
            cells = {}
            for name in FIELDS:
                nonce = os.urandom(12)
                cells[name] = (nonce + KEY.encrypt(nonce, (row[name] or "null").encode(), name.encode())).hex()
            sealed.append({"record_id": row["record_id"], "values": json.dumps(cells)})
        await connection.execute(sa.insert(Sealed.__table__), sealed)
        await connection.execute(sa.insert(Head.__table__), {"n": 1, "seq": 0, "hash": ""})
    await engine.dispose()


def record(row: Any) -> dict[str, Any]:
    """The answer that ours gives, of a row in clear."""
    values = {name: orjson.loads(row[name]) for name in FIELDS if row[name] is not None}
    return {
        "record_id": row["record_id"],
        "client_id": row["client_id"],
        "owner_unit": row["owner_unit"],
        "values": values,
    }


def answer(content: Any) -> Response:
    """As ours: encoded by orjson, not walked by the framework."""
    return Response(orjson.dumps(content), media_type="application/json")


@asynccontextmanager
async def _open(app: FastAPI) -> AsyncIterator[None]:
    if EMBEDDED:
        app.state.sqlite = sqlite3.connect(URL.database or "", check_same_thread=False)
        app.state.sqlite.row_factory = sqlite3.Row
        yield
        return
    address = URL.set(drivername="postgresql+asyncpg")
    opts = address.get_dialect()().create_connect_args(address)[1]
    engine = create_async_engine(address, pool_size=10, max_overflow=10)
    app.state.sessions = async_sessionmaker(engine, expire_on_commit=False)
    app.state.enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=MODEL))
    for n in range(100):
        app.state.enforcer.add_policy(f"person-{n}", "visit", "client-referral")
    app.state.enforcer.add_policy("analyst", "visit", "client-referral")
    async with asyncpg.create_pool(min_size=10, max_size=20, **opts) as app.state.pool:
        yield
    await engine.dispose()


app = FastAPI(lifespan=_open)


@app.get("/hello")
async def hello() -> dict[str, str]:
    """A bare FastAPI endpoint."""
    return {"hello": "world"}


@app.get("/plain/{record_id}")
async def plain(record_id: str) -> Response:
    """The row in clear by the driver alone: no sign-in, no decision, no key, no trail."""
    if EMBEDDED:
        row = app.state.sqlite.execute(ONE, (record_id,)).fetchone()
    else:
        row = await app.state.pool.fetchrow(ONE, record_id)
    if row is None:
        raise HTTPException(404)
    return answer({"record": record(row)})


@app.get("/orm/{record_id}")
async def orm(record_id: str) -> dict[str, Any]:
    """The row in clear as one writes it: a session a request, an object, a dictionary for the framework to encode."""
    async with app.state.sessions() as session:
        found = await session.get(Clear, record_id)
        if found is None:
            raise HTTPException(404)
        return {"record": record({name: getattr(found, name) for name in NAMES})}


@app.post("/naive/{record_id}")
async def naive(record_id: str, request: Request) -> dict[str, Any]:
    """Privacy as one writes it first: token checked each time, Casbin, a key for every cell, one chain for everybody."""
    try:
        claims = jwt.decode(request.headers["authorization"].removeprefix("Bearer "), SECRET).claims
    except Exception as error:
        raise HTTPException(401) from error
    purpose = (await request.json())["purpose"]
    if not app.state.enforcer.enforce(claims["sub"], "visit", purpose):
        raise HTTPException(403)
    async with app.state.sessions() as session:
        clear, sealed = await session.get(Clear, record_id), await session.get(Sealed, record_id)
        if clear is None or sealed is None:
            raise HTTPException(404)
        head = (await session.execute(sa.select(Head).where(Head.n == 1).with_for_update())).scalar_one()
        content = json.dumps({"who": claims["sub"], "record": record_id, "purpose": purpose, "at": time.time_ns()})
        head.seq += 1
        head.hash = hashlib.sha256((head.hash + content).encode()).hexdigest()
        session.add(Trail(seq=head.seq, content=content, hash=head.hash))
        await session.commit()
        values = {}
        for name, text in json.loads(sealed.values).items():
            raw = bytes.fromhex(text)
            values[name] = json.loads(KEY.decrypt(raw[:12], raw[12:], name.encode()))
    given = {name: value for name, value in values.items() if value is not None}
    return {
        "record": {
            "record_id": record_id,
            "client_id": clear.client_id,
            "owner_unit": clear.owner_unit,
            "values": given,
        }
    }


@app.get("/rows/{count}")
async def rows(count: int, fields: str = "") -> Response:
    """Many rows in clear by the driver alone."""
    if EMBEDDED:
        found = app.state.sqlite.execute(MANY, (count,)).fetchall()
    else:
        found = await app.state.pool.fetch(MANY, count)
    wanted = frozenset(fields.split(",")) if fields else None
    items = [record(each) for each in found]
    if wanted is not None:
        for each in items:
            each["values"] = {name: value for name, value in each["values"].items() if name in wanted}
    return answer({"items": items})


if __name__ == "__main__":
    asyncio.run(prepare(os.environ["BENCH_DATABASE"]))
