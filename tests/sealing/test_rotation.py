"""A key's life: rotation, rewrapping that survives any kill, destruction that waits for the last data key."""

import asyncio
import contextlib
import dataclasses
import random

import pytest
import sqlalchemy as sa

from gateway.keys.interface import ProviderUnavailable, ProviderWrongKey
from gateway.keys.memory import InsecureMemoryProvider
from gateway.keys.suites import AES_256_GCM_SIV, SM4_GCM
from gateway.sealing.envelope import suite_of
from gateway.sealing.errors import KeyUnusable
from gateway.sealing.keyring import INSTALLATION, Keyring
from gateway.sealing.rotation import (
    DAY,
    MAX_USES,
    Due,
    count_left,
    destroy,
    destroy_root,
    due_for_rotation,
    reseal_batch,
    rewrap_batch,
    rewrap_root,
    rotate,
)
from gateway.sealing.secret import PARTY_TAG, open_secret, seal_secret, secret_key_id
from gateway.store.db import Database
from gateway.store.keys import GroupKeyRow, find_group_keys, get_group_key
from gateway.store.tables.keys import data_key
from gateway.store.tables.parties import institution
from gateway.store.tables.records import record
from tests.sealing.conftest import DATASET, OWNER, active_id, add_client, add_records, read_record


class Killed(BaseException):
    """The process died here: nothing of the open transaction is kept."""


def ring_of(**options: object) -> Keyring:
    return Keyring(InsecureMemoryProvider(), **options)  # type: ignore[arg-type]


async def blobs(db: Database) -> dict[str, bytes]:
    async with db.read() as tx:
        rows = (await tx.execute(sa.select(record.c.record_id, record.c.sealed))).all()
    return {row[0]: bytes(row[1]) for row in rows if row[1] is not None}


async def test_a_rotation_rewraps_everything_and_never_touches_a_blob(db: Database) -> None:
    ring = ring_of()
    async with db.begin() as tx:
        ids = await add_records(tx, ring, await add_client(tx), 7)
        old_id = await active_id(tx, ring)
    before = await blobs(db)
    async with db.begin() as tx:
        new_id = await rotate(tx, ring, old_id)
    ring.flush()
    assert new_id == old_id.split(".")[0] + ".2"
    async with db.begin() as tx:
        assert await active_id(tx, ring) == new_id
        assert await count_left(tx, await get_group_key(tx, old_id)) == 14
        for record_id in ids:  # readable before, during and after
            assert await read_record(tx, ring, record_id) == {"name": "王小明", "n": record_id}
        with pytest.raises(KeyUnusable, match="14 data keys"):
            await destroy(tx, ring, old_id)
    done = 0
    while True:
        async with db.begin() as tx:
            step = await rewrap_batch(tx, ring, old_id, limit=4)
            done += step
            for record_id in ids:
                assert await read_record(tx, ring, record_id) == {"name": "王小明", "n": record_id}
                assert await read_record(tx, ring, record_id, 1) == {"name": "旧名", "n": record_id}
        if not step:
            break
    assert done == 14
    async with db.begin() as tx:
        await destroy(tx, ring, old_id)
    ring.flush()
    async with db.begin() as tx:
        assert (await get_group_key(tx, old_id)).wrapped == b""
        with pytest.raises(KeyUnusable):
            await ring.for_opening(tx, old_id)
        for record_id in ids:
            assert await read_record(tx, ring, record_id) == {"name": "王小明", "n": record_id}
    assert await blobs(db) == before


async def test_only_the_active_sealing_version_rotates_and_only_a_retired_one_is_rewrapped(db: Database) -> None:
    ring = ring_of()
    async with db.begin() as tx:
        key_id = await active_id(tx, ring)
        with pytest.raises(KeyUnusable):
            await rewrap_batch(tx, ring, key_id)
        with pytest.raises(KeyUnusable):
            await destroy(tx, ring, key_id)
        with pytest.raises(KeyUnusable):
            await rotate(tx, ring, (await ring.index_key(tx, "contact", OWNER)).key_id)
        await rotate(tx, ring, key_id)
        with pytest.raises(KeyUnusable):
            await rotate(tx, ring, key_id)


async def test_a_rewrap_that_is_killed_anywhere_goes_on_where_it_was(db: Database) -> None:
    chance = random.Random(11)
    ring = ring_of()
    async with db.begin() as tx:
        ids = await add_records(tx, ring, await add_client(tx), 12)
        old_id = await active_id(tx, ring)
        await rotate(tx, ring, old_id)
    kept, killed = 0, 0
    for _ in range(200):
        # every attempt is a new process: no memory of the one before
        worker = Keyring(ring.provider)
        fate = chance.random()
        step = -1
        with contextlib.suppress(Killed):
            async with db.begin() as tx:
                step = await rewrap_batch(tx, worker, old_id, limit=3)
                if fate < 0.5:
                    killed += 1
                    raise Killed
                kept += step
        if step == 0 and fate >= 0.5:
            break
    assert kept == 24
    assert killed > 3
    async with db.begin() as tx:
        await destroy(tx, ring, old_id)
        for record_id in ids:
            assert await read_record(tx, Keyring(ring.provider), record_id) == {"name": "王小明", "n": record_id}


async def test_a_record_that_is_written_during_the_rewrap_keeps_its_newer_key(sqlite_db: Database) -> None:
    from gateway.store.shred import find_data_keys_under, set_rewrapped

    ring = ring_of()
    async with sqlite_db.begin() as tx:
        (record_id,) = await add_records(tx, ring, await add_client(tx), 1)
        old_id = await active_id(tx, ring)
        (stale,) = await find_data_keys_under(tx, old_id, 10)
        await tx.execute(sa.update(data_key).values(generation=3, wrapped=b"newer"))
        await set_rewrapped(tx, [(stale, "new.2", b"rewrapped")])
        row = (await tx.execute(sa.select(data_key).where(data_key.c.record_id == record_id))).mappings().one()
    assert (row["generation"], bytes(row["wrapped"]), row["key_id"]) == (3, b"newer", old_id)


@pytest.mark.postgres
async def test_a_rotation_waits_for_whoever_is_about_to_seal_and_then_the_next_finds_the_new_key(
    postgres_db: Database,
) -> None:
    """Otherwise a data key could appear under a version that is already destroyed, and its record would be lost."""
    provider = InsecureMemoryProvider()
    ring = Keyring(provider)
    async with postgres_db.begin() as tx:
        client_id = await add_client(tx)
        old_id = await active_id(tx, ring)
    order: list[str] = []
    rotated = asyncio.Event()

    async def rotating() -> None:
        async with postgres_db.begin() as tx:
            await rotate(tx, Keyring(provider), old_id)
            order.append("rotated")
            rotated.set()
            await asyncio.sleep(0.2)
        order.append("rotation committed")

    async def sealing_later() -> str:
        async with postgres_db.begin() as tx:
            return (await Keyring(provider).for_sealing(tx, OWNER, "contact")).key_id

    async with postgres_db.begin() as tx:
        ids = await add_records(tx, ring, client_id, 2)
        rotation = asyncio.create_task(rotating())
        await asyncio.sleep(0.2)
        order.append("sealed")
    await rotated.wait()
    later = await sealing_later()  # meets the rotation before its commit
    await rotation
    assert order == ["sealed", "rotated", "rotation committed"]
    assert later == old_id.replace(".1", ".2")
    async with postgres_db.begin() as tx:
        while await rewrap_batch(tx, ring, old_id):
            pass
        await destroy(tx, ring, old_id)
        for record_id in ids:
            assert await read_record(tx, Keyring(provider), record_id) is not None


async def test_the_gateways_own_secrets_move_along(db: Database) -> None:
    ring = ring_of()
    async with db.begin() as tx:
        key = await ring.for_sealing(tx, INSTALLATION, PARTY_TAG)
        for name in ("one", "two"):
            await tx.execute(
                sa.insert(institution).values(
                    institution_id=name, kind="bank", name_zh=name, state="live", created_at=0,
                    tag_key=seal_secret(key, name, name.encode()),
                )
            )  # fmt: skip
        await rotate(tx, ring, key.key_id)
        assert await count_left(tx, await get_group_key(tx, key.key_id)) == 2
        with pytest.raises(KeyUnusable):
            await destroy(tx, ring, key.key_id)
        assert await rewrap_batch(tx, ring, key.key_id) == 2
        assert await rewrap_batch(tx, ring, key.key_id) == 0
        await destroy(tx, ring, key.key_id)
        for row in (await tx.execute(sa.select(institution))).mappings().all():
            sealed = bytes(row["tag_key"])
            new = await ring.for_opening(tx, secret_key_id(sealed))
            assert new.version == 2
            assert open_secret(new, row["institution_id"], sealed) == row["institution_id"].encode()


async def test_a_change_of_suite_goes_on_while_records_are_read(db: Database) -> None:
    ring = ring_of()
    async with db.begin() as tx:
        ids = await add_records(tx, ring, await add_client(tx), 5)
        old_id = await active_id(tx, ring)
        await rotate(tx, ring, old_id, SM4_GCM)
        assert (await ring.for_sealing(tx, OWNER, "contact")).suite is SM4_GCM
    async with db.begin() as tx:  # data keys first: AES blobs under an SM4 group key
        while await rewrap_batch(tx, ring, old_id, limit=3):
            pass
        await destroy(tx, ring, old_id)
        assert {suite_of(blob).name for blob in (await blobs(db)).values()} == {"AES-256-GCM"}
        assert await read_record(tx, ring, ids[0]) is not None
    after: str | None = ""
    steps = 0
    while after is not None:
        async with db.begin() as tx:
            after = await reseal_batch(tx, ring, DATASET, OWNER, "contact", after, limit=2)
            steps += 1
            for record_id in ids:
                assert await read_record(tx, ring, record_id) == {"name": "王小明", "n": record_id}
                assert await read_record(tx, ring, record_id, 1) == {"name": "旧名", "n": record_id}
    assert steps > 2
    assert {suite_of(blob) for blob in (await blobs(db)).values()} == {SM4_GCM}


async def test_a_suite_may_change_without_a_rewrap_before(sqlite_db: Database) -> None:
    ring = ring_of()
    async with sqlite_db.begin() as tx:
        ids = await add_records(tx, ring, await add_client(tx), 3)
        old_id = await active_id(tx, ring)
        await rotate(tx, ring, old_id, AES_256_GCM_SIV)
        after: str | None = ""
        while after is not None:
            after = await reseal_batch(tx, ring, DATASET, OWNER, "contact", after)
        assert await rewrap_batch(tx, ring, old_id) == 0
        await destroy(tx, ring, old_id)
        assert await read_record(tx, ring, ids[0]) == {"name": "王小明", "n": ids[0]}


async def test_the_root_rotates_and_its_old_version_goes_when_nothing_needs_it(db: Database) -> None:
    ring = ring_of()
    async with db.begin() as tx:
        ids = await add_records(tx, ring, await add_client(tx), 2)
        await ring.index_key(tx, "contact", OWNER)
    outside = ring.provider.wrap(b"k" * 32, b"a log key")
    assert ring.provider.rotate() == 2
    async with db.begin() as tx:
        with pytest.raises(KeyUnusable, match="2 group keys"):
            await destroy_root(tx, ring, 1, [])
        before = {row.key_id: await ring.unwrap(row) for row in await find_group_keys(tx)}
        assert await rewrap_root(tx, ring) == 2
        assert await rewrap_root(tx, ring) == 0
        with pytest.raises(KeyUnusable, match="outside the database"):
            await destroy_root(tx, ring, 1, [outside])
        elsewhere = ring.provider.wrap(b"k" * 32, b"a log key")
        await destroy_root(tx, ring, 1, [elsewhere])
    assert ring.provider.versions() == (2,)
    fresh = Keyring(ring.provider)
    async with db.begin() as tx:
        assert {row.key_id: await fresh.unwrap(row) for row in await find_group_keys(tx)} == before
        assert await read_record(tx, fresh, ids[0]) is not None
        row = (await find_group_keys(tx))[0]
        assert row.root_version == 2
        with pytest.raises(ProviderWrongKey):
            await fresh.unwrap(dataclasses.replace(row, owner="another"))


async def test_a_provider_that_fails_in_the_middle_of_a_root_rewrap_leaves_it_to_be_done_again(
    sqlite_db: Database,
) -> None:
    class Failing(InsecureMemoryProvider):
        left = 3

        def wrap(self, key: bytes, context: bytes) -> bytes:
            if self.left == 0:
                raise ProviderUnavailable("down")
            self.left -= 1
            return super().wrap(key, context)

    provider = Failing()
    ring = Keyring(provider)
    async with sqlite_db.begin() as tx:
        for group in ("contact", "visit"):
            await ring.for_sealing(tx, OWNER, group)
    provider.rotate()
    with pytest.raises(ProviderUnavailable):
        async with sqlite_db.begin() as tx:
            await rewrap_root(tx, ring)
    provider.left = 9
    async with sqlite_db.begin() as tx:
        assert {row.root_version for row in await find_group_keys(tx)} == {1}
        assert await rewrap_root(tx, ring) == 2
        await destroy_root(tx, ring, 1, [])


def test_keys_fall_due_by_uses_and_by_age() -> None:
    def row(name: str, **changes: object) -> GroupKeyRow:
        base = GroupKeyRow(name, name, "o", "c", "seal", 1, "AES-256-GCM", "active", b"w", "file", 1, 0, 0)
        return dataclasses.replace(base, **changes)  # type: ignore[arg-type]

    keys = [
        (row("fresh"), 5), (row("used"), MAX_USES), (row("old", activated_at=-90 * DAY), 5),
        (row("old-index", use="index", activated_at=-900 * DAY), 5),
        (row("retired", state="decrypt_only", activated_at=-900 * DAY), MAX_USES), (row("nearly"), MAX_USES - 1),
    ]  # fmt: skip
    assert due_for_rotation(keys, 90 * DAY - 1) == [Due("used", "uses"), Due("old", "age")]
    assert due_for_rotation(keys, 90 * DAY)[0] == Due("fresh", "age")
