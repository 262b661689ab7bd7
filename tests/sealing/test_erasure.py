"""Erasure: unreadable at once, and final, also for whoever holds every old copy, at the shred horizon; not before."""

import shutil
from pathlib import Path

import pytest
import sqlalchemy as sa

from gateway.keys.interface import ProviderWrongKey
from gateway.keys.memory import InsecureMemoryProvider
from gateway.sealing.erasure import HORIZON, erase, shred_step, standing
from gateway.sealing.errors import KeyUnusable
from gateway.sealing.keyring import Keyring
from gateway.sealing.rotation import destroy_root, rewrap_root
from gateway.store.db import Database, SqliteDatabase
from gateway.store.shred import find_due_shreds
from gateway.store.tables.keys import data_key
from gateway.store.tables.records import blind_index, record
from tests.sealing.conftest import Clock, active_id, add_client, add_records, read_record


async def test_an_erased_record_is_unreadable_at_once_and_its_neighbours_are_not(db: Database) -> None:
    ring = Keyring(InsecureMemoryProvider())
    async with db.begin() as tx:
        gone, stays = await add_records(tx, ring, await add_client(tx), 2)
    async with db.begin() as tx:
        assert await erase(tx, gone) == 1
    async with db.begin() as tx:
        assert await read_record(tx, ring, gone) is None
        assert await read_record(tx, ring, gone, 1) is None
        assert await read_record(tx, ring, stays) is not None
        assert await read_record(tx, ring, stays, 1) is not None
        for table in (data_key, blind_index):
            rows = (await tx.execute(sa.select(table.c.record_id))).scalars().all()
            assert list(rows) == [stays]
        row = (await tx.execute(sa.select(record).where(record.c.record_id == gone))).mappings().one()
        assert row["sealed"] is row["natural_key"] is row["content_key"] is None


async def test_the_horizon_is_told_kept_and_provable(db: Database, clock: Clock) -> None:
    ring = Keyring(InsecureMemoryProvider())
    async with db.begin() as tx:
        gone, stays = await add_records(tx, ring, await add_client(tx), 2)
        key_id = await active_id(tx, ring)
        assert await standing(tx, ring, gone) is None
        await erase(tx, gone)
        told = await standing(tx, ring, gone)
        assert told is not None
        assert (told.final, told.keys_waiting, told.roots_waiting) == (False, (key_id,), (1,))
        assert told.due_at == told.erased_at + HORIZON == clock.now + HORIZON
        assert await find_due_shreds(tx, clock.now) == []
    clock.now += HORIZON
    steps = 0
    while True:
        async with db.begin() as tx:
            due = await find_due_shreds(tx, clock.now)
            if not due:
                break
            await shred_step(tx, ring, due[0], limit=1)
            steps += 1
            assert await read_record(tx, ring, stays) is not None
    ring.flush()
    assert steps == 1 + 2 + 1  # rotate, rewrap the two keys of the other record, destroy
    async with db.begin() as tx:
        told = await standing(tx, ring, gone)
        assert told is not None
        assert (told.final, told.keys_waiting, told.roots_waiting) == (False, (), (1,))
        ring.provider.rotate()
        await rewrap_root(tx, ring)
        await destroy_root(tx, ring, 1, [])
        told = await standing(tx, ring, gone)
        assert told is not None
        assert told.final
        assert await shred_step(tx, ring, key_id) is True
        assert await read_record(tx, Keyring(ring.provider), stays) is not None


async def test_old_copies_open_until_the_horizon_and_never_after(
    sqlite_db: Database, tmp_path: Path, clock: Clock
) -> None:
    """What the promise says and what it does not: a backup is worth something until the keys are destroyed."""
    provider = InsecureMemoryProvider()
    ring = Keyring(provider)
    async with sqlite_db.begin() as tx:
        (gone,) = await add_records(tx, ring, await add_client(tx), 1)
        wrapped = bytes((await tx.execute(sa.select(data_key.c.wrapped))).scalar() or b"")
    copied = copy_of(tmp_path, "backup")

    async def backup_opens() -> bool:
        backup = SqliteDatabase(tmp_path / "backup" / "gateway.db", clock=clock)
        try:
            async with backup.begin() as tx:
                return await read_record(tx, Keyring(provider), gone) is not None
        except (ProviderWrongKey, KeyUnusable):
            return False
        finally:
            await backup.close()

    async with sqlite_db.begin() as tx:
        await erase(tx, gone)
    assert wrapped in copied
    assert wrapped in everything(tmp_path)  # still in the write-ahead log: this is why there is a horizon
    assert await backup_opens()
    async with sqlite_db.begin() as tx:
        while True:
            due = await find_due_shreds(tx, clock.now + HORIZON)
            if not due:
                break
            await shred_step(tx, ring, due[0])
    assert await backup_opens()  # the backup has the wrapped group key, and the root version still exists
    provider.rotate()
    async with sqlite_db.begin() as tx:
        await rewrap_root(tx, ring)
        await destroy_root(tx, ring, 1, [])
    assert not await backup_opens()


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("gateway.db*") if path.is_file())


def copy_of(folder: Path, name: str) -> bytes:
    (folder / name).mkdir()
    for path in folder.glob("gateway.db*"):
        if not path.name.endswith((".lock", "-shm")):
            shutil.copy(path, folder / name)
    return b"".join(path.read_bytes() for path in (folder / name).iterdir())


@pytest.mark.postgres
async def test_on_postgresql_the_log_keeps_what_a_delete_removes_and_the_destroyed_key_makes_it_worthless(
    postgres_db: Database, postgres_url: str, clock: Clock
) -> None:
    from urllib.parse import parse_qs, urlsplit

    provider = InsecureMemoryProvider()
    ring = Keyring(provider)
    async with postgres_db.begin() as tx:
        (gone,) = await add_records(tx, ring, await add_client(tx), 1)
        wrapped = bytes((await tx.execute(sa.select(data_key.c.wrapped))).scalar() or b"")
        key = await ring.for_sealing(tx, "unit-a", "contact")
        data = Path((await tx.execute(sa.text("SHOW data_directory"))).scalar() or "")
    assert parse_qs(urlsplit(postgres_url).query) is not None
    async with postgres_db.begin() as tx:
        await erase(tx, gone)

    def in_log() -> bool:
        return any(wrapped in path.read_bytes() for path in (data / "pg_wal").glob("0*"))

    assert in_log()
    clock.now += HORIZON
    async with postgres_db.begin() as tx:
        for key_id in await find_due_shreds(tx, clock.now):
            while not await shred_step(tx, ring, key_id):
                pass
    provider.rotate()
    async with postgres_db.begin() as tx:
        await rewrap_root(tx, ring)
        await destroy_root(tx, ring, 1, [])
    # The wrapped data key may be in the log as long as it likes: the key above it is in no table and under no root.
    ring.flush()
    async with postgres_db.begin() as tx:
        with pytest.raises(KeyUnusable):
            await ring.for_opening(tx, key.key_id)
