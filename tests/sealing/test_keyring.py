"""Group keys: made once, counted, forgotten in time, and never mistaken for each other."""

import asyncio
import contextlib
import dataclasses
import logging

import pytest

from gateway.keys.interface import KeyProvider, ProviderUnavailable
from gateway.keys.memory import InsecureMemoryProvider
from gateway.keys.suites import SM4_GCM
from gateway.sealing.errors import KeyUnusable
from gateway.sealing.keyring import USE_BLOCK, Keyring
from gateway.store.db import Database
from gateway.store.keys import find_group_keys, get_group_key, get_key_uses, set_group_key_state


class Counting(InsecureMemoryProvider):
    """Counts the calls, and can be down."""

    def __init__(self) -> None:
        super().__init__()
        self.unwraps = 0
        self.down = False

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        self.unwraps += 1
        if self.down:
            raise ProviderUnavailable("down")
        return super().unwrap(wrapped, context)


class Undo(Exception):
    """Rolls a transaction back."""


class Ticking:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_each_owner_compartment_and_use_has_a_key_of_its_own(db: Database) -> None:
    ring = Keyring(InsecureMemoryProvider())
    async with db.begin() as tx:
        keys = [
            await ring.for_sealing(tx, owner, compartment)
            for owner in ("a", "b")
            for compartment in ("contact", "visit")
        ]
        keys += [await ring.index_key(tx, "contact", "a"), await ring.token_key(tx, "contact", "a")]
        keys += [await ring.index_key(tx, "contact")]
        again = await ring.for_sealing(tx, "a", "contact")
    assert again == keys[0]
    assert len({key.secret for key in keys}) == len({key.key_id for key in keys}) == 7


async def test_what_is_stored_is_wrapped_and_bound_to_its_row(db: Database) -> None:
    provider = InsecureMemoryProvider()
    ring = Keyring(provider)
    async with db.begin() as tx:
        key = await ring.for_sealing(tx, "a", "contact")
        row = await get_group_key(tx, key.key_id)
    assert key.secret not in row.wrapped
    assert (row.provider, row.root_version, row.state, row.suite) == ("insecure-memory", 1, "active", "AES-256-GCM")
    assert (await ring.unwrap(row)).secret == key.secret
    for change in (
        {"owner": "b"}, {"compartment": "visit"}, {"use": "index"}, {"suite": "AES-256-GCM-SIV"},
        {"lineage": "0" * 16, "key_id": "0" * 16 + ".1"}, {"version": 2, "key_id": row.lineage + ".2"},
    ):  # fmt: skip
        with pytest.raises(Exception, match="key-provider-wrong-key"):
            await ring.unwrap(dataclasses.replace(row, **change))  # type: ignore[arg-type]
    with pytest.raises(KeyUnusable):
        await ring.unwrap(dataclasses.replace(row, version=2))


async def test_a_key_of_a_rolled_back_transaction_is_never_used(db: Database) -> None:
    ring = Keyring(InsecureMemoryProvider())
    with contextlib.suppress(Undo):
        async with db.begin() as tx:
            lost = await ring.for_sealing(tx, "a", "contact")
            raise Undo
    async with db.begin() as tx:
        kept = await ring.for_sealing(tx, "a", "contact")
    assert kept.key_id != lost.key_id
    async with db.read() as tx:
        assert (await Keyring(ring.provider).for_opening(tx, kept.key_id)).secret == kept.secret


async def test_two_replicas_that_start_at_once_agree(db: Database) -> None:
    provider = InsecureMemoryProvider()

    async def use(ring: Keyring) -> str:
        async with db.begin() as tx:
            return (await ring.for_sealing(tx, "a", "contact")).key_id

    assert len(set(await asyncio.gather(*(use(Keyring(provider)) for _ in range(5))))) == 1


async def test_an_unwrapped_key_is_kept_for_a_bounded_time_number_and_uses(db: Database) -> None:
    provider, clock = Counting(), Ticking()
    ring = Keyring(provider, max_keys=2, max_age=10, max_uses=3, clock=clock)
    async with db.begin() as tx:
        key = await ring.for_sealing(tx, "a", "contact")
        ring.flush()
        provider.unwraps = 0
        for _ in range(4):
            await ring.for_opening(tx, key.key_id)
        assert provider.unwraps == 1
        await ring.for_opening(tx, key.key_id)  # the uses are spent
        assert provider.unwraps == 2
        clock.now = 10.5  # too old
        await ring.for_opening(tx, key.key_id)
        assert provider.unwraps == 3
        ring.flush()
        await ring.for_opening(tx, key.key_id)
        assert provider.unwraps == 4
        for owner in ("b", "c"):  # pushed out by others
            await ring.for_sealing(tx, owner, "contact")
        await ring.for_opening(tx, key.key_id)
        assert provider.unwraps == 7
        assert len(ring._kept) == 2


async def test_a_provider_that_is_down_gives_no_key_and_recovers_alone(db: Database) -> None:
    provider = Counting()
    ring = Keyring(provider)
    async with db.begin() as tx:
        key = await ring.for_sealing(tx, "a", "contact")
        ring.flush()
        provider.down = True
        with pytest.raises(ProviderUnavailable):
            await ring.for_opening(tx, key.key_id)
        with pytest.raises(ProviderUnavailable):
            await ring.for_sealing(tx, "a", "contact")
        provider.down = False
        assert (await ring.for_opening(tx, key.key_id)).secret == key.secret


@pytest.mark.parametrize("state", ["pending", "destroyed", "unknown"])
async def test_a_key_that_may_not_open_does_not(db: Database, state: str) -> None:
    ring = Keyring(InsecureMemoryProvider())
    async with db.begin() as tx:
        key_id = (await ring.for_sealing(tx, "a", "contact")).key_id
        ring.flush()
        if state == "unknown":
            key_id = "0" * 16 + ".1"
        else:
            assert await set_group_key_state(tx, key_id, state, was=["active"])
        with pytest.raises(KeyUnusable):
            await ring.for_opening(tx, key_id)


async def test_a_destroyed_row_holds_no_wrapped_key_and_does_not_come_back(db: Database) -> None:
    ring = Keyring(InsecureMemoryProvider())
    async with db.begin() as tx:
        key_id = (await ring.for_sealing(tx, "a", "contact")).key_id
        assert await set_group_key_state(tx, key_id, "destroyed", was=["active"], times={"destroyed_at": tx.now})
        assert (await get_group_key(tx, key_id)).wrapped == b""
        assert not await set_group_key_state(tx, key_id, "active", was=["pending", "active", "decrypt_only"])


async def test_uses_are_written_down_before_they_happen(db: Database) -> None:
    ring = Keyring(InsecureMemoryProvider())
    async with db.begin() as tx:
        key_id = (await ring.for_sealing(tx, "a", "contact")).key_id
        assert await get_key_uses(tx, key_id) >= 1
        for _ in range(3):
            await ring.for_sealing(tx, "a", "contact", uses=USE_BLOCK)
            assert await get_key_uses(tx, key_id) >= ring._used[key_id]
    total = 1 + 3 * USE_BLOCK
    with contextlib.suppress(Undo):
        async with db.begin() as tx:
            await ring.for_sealing(tx, "a", "contact", uses=10 * USE_BLOCK)
            raise Undo
    async with db.begin() as tx:  # the rolled-back uses may have happened: they count
        await ring.for_sealing(tx, "a", "contact")
        assert await get_key_uses(tx, key_id) >= total + 10 * USE_BLOCK + 1


async def test_a_key_stops_hard_at_its_last_use_over_all_processes(db: Database) -> None:
    provider = InsecureMemoryProvider()
    one, two = Keyring(provider, hard_stop=10_000), Keyring(provider, hard_stop=10_000)
    async with db.begin() as tx:
        await one.for_sealing(tx, "a", "contact", uses=5_000)
        await two.for_sealing(tx, "a", "contact", uses=1)
        with pytest.raises(KeyUnusable):
            await two.for_sealing(tx, "a", "contact", uses=4_000)
        key = await one.for_opening(tx, (await find_group_keys(tx))[0].key_id)  # opening goes on
        assert key.owner == "a"
        with pytest.raises(KeyUnusable):
            await one.for_sealing(tx, "a", "contact", uses=5_001)


async def test_an_index_key_is_found_in_a_reading_transaction_and_not_made_there(db: Database) -> None:
    ring = Keyring(InsecureMemoryProvider())
    async with db.read() as tx:
        assert await ring.find_index_key(tx, "contact") is None
    async with db.begin() as tx:
        made = await ring.index_key(tx, "contact")
    async with db.read() as tx:
        assert await ring.find_index_key(tx, "contact") == made


async def test_the_suite_of_the_keyring_is_the_suite_of_new_keys(db: Database) -> None:
    ring = Keyring(InsecureMemoryProvider(), SM4_GCM)
    async with db.begin() as tx:
        assert (await ring.for_sealing(tx, "a", "contact")).suite is SM4_GCM


async def test_nothing_is_logged(db: Database, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "gateway"):
        async with db.begin() as tx:
            await Keyring(InsecureMemoryProvider()).for_sealing(tx, "a", "contact")
    assert not [record for record in caplog.records if record.name.startswith("gateway")]
    assert isinstance(InsecureMemoryProvider(), KeyProvider)
