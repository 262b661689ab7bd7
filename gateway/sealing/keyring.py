"""Group keys when they are needed: made on first use, unwrapped by the provider, kept for a short and bounded while.

Only group keys are ever kept, by their wrapped bytes: a key of a transaction that was rolled back can never be mistaken
for the one that took its place. Data keys are never kept.
"""

import asyncio
import os
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar, get_args

from gateway.domain.ids import random_id
from gateway.keys.interface import KeyProvider
from gateway.keys.suites import DEFAULT_SUITE, SUITES_BY_NAME, Suite
from gateway.sealing.errors import KeyUnusable
from gateway.sealing.groupkey import GroupKey, Use, key_id_of, wrap_context
from gateway.store.db import Tx
from gateway.store.keys import (
    GroupKeyRow,
    add_group_key,
    find_active_key,
    find_active_key_and_uses,
    find_group_key,
    get_key_uses,
    set_key_uses,
)

P = ParamSpec("P")
T = TypeVar("T")

# NIST SP 800-38D, 8.3 allows 2^32 uses with random nonces; at 2^28 the chance that two nonces meet is still 2^-41.
HARD_STOP = 1 << 28
USE_BLOCK = 4096  # uses written down ahead in one go
INSTALLATION = ""  # the owner of a key that belongs to no single unit


@dataclass(slots=True)
class _Kept:
    key: GroupKey
    wrapped: bytes
    until: float
    uses_left: int


class Keyring:
    """The group keys of one process. `flush` forgets every unwrapped key, e.g. after a revocation or a rotation."""

    def __init__(
        self,
        provider: KeyProvider,
        suite: Suite = DEFAULT_SUITE,
        *,
        max_keys: int = 1024,
        max_age: float = 300.0,  # seconds
        max_uses: int = 1 << 20,
        hard_stop: int = HARD_STOP,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.provider = provider
        self.suite = suite
        self._max_keys, self._max_age, self._max_uses, self._hard_stop = max_keys, max_age, max_uses, hard_stop
        self._clock = clock
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._holder = random_id()
        self._used: dict[str, int] = {}

    async def for_sealing(self, tx: Tx, owner: str, compartment: str, uses: int = 1) -> GroupKey:
        """The key that seals for `owner` and `compartment`, good for `uses` data keys; made on first use.

        Raises `KeyUnusable` when its uses are exhausted (it must be rotated), `KeyProviderError` when the provider
        does not unwrap it.
        """
        return await self._active(tx, owner, compartment, "seal", uses)

    async def index_key(self, tx: Tx, compartment: str, owner: str = INSTALLATION) -> GroupKey:
        """The key of a compartment's blind indexes; made on first use. Rotating a sealing key leaves it as it is."""
        return await self._active(tx, owner, compartment, "index", 0)

    async def token_key(self, tx: Tx, compartment: str, owner: str = INSTALLATION) -> GroupKey:
        """The key that names tokens and watermarks of a compartment; made on first use."""
        return await self._active(tx, owner, compartment, "token", 0)

    async def find_index_key(self, tx: Tx, compartment: str, owner: str = INSTALLATION) -> GroupKey | None:
        """As `index_key`, but None when there is none yet: for searches, which run in reading transactions."""
        row = await find_active_key(tx, owner, compartment, "index")
        return None if row is None else await self._unwrapped(row)

    async def for_opening(self, tx: Tx, key_id: str) -> GroupKey:
        """The version `key_id`, active or only for opening.

        Raises `KeyUnusable` when it is unknown, pending or destroyed; `KeyProviderError` when it cannot be unwrapped.
        A version destroyed by another process is forgotten here when its age runs out (`max_age`) or at `flush`.
        """
        kept = self._find(key_id)
        if kept is not None:
            return kept.key
        row = await find_group_key(tx, key_id)
        if row is None or row.state not in {"active", "decrypt_only"}:
            raise KeyUnusable(f"key {key_id} is {'unknown' if row is None else row.state}")
        return await self._unwrapped(row)

    def flush(self) -> None:
        """Forget every unwrapped key. The next use asks the provider again."""
        self._kept.clear()

    async def ask(self, call: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """`call` of the provider, in a thread of its own: it may wait for a network or a device."""
        return await asyncio.to_thread(call, *arguments, **named)

    def suite_of(self, row: GroupKeyRow) -> Suite:
        """The suite a stored key belongs to."""
        return SUITES_BY_NAME[row.suite]

    def made(self, lineage: str, version: int, owner: str, compartment: str, use: Use, suite: Suite) -> GroupKey:
        """A new random group key in hand; nothing is stored yet."""
        return GroupKey.of(
            lineage=lineage, version=version, suite=suite.name, owner=owner, compartment=compartment, use=use,
            secret=os.urandom(suite.key_bytes),
        )  # fmt: skip

    async def wrapped_row(self, key: GroupKey, state: str, now: int) -> GroupKeyRow:
        """`key` wrapped by the provider, as a row to be stored. `now` in microseconds."""
        wrapped = await self.ask(self.provider.wrap, key.secret, key.context())
        return GroupKeyRow(
            key_id=key.key_id, lineage=key.lineage, owner=key.owner, compartment=key.compartment, use=key.use,
            version=key.version, suite=key.suite.name, state=state, wrapped=wrapped, provider=self.provider.name,
            root_version=self.provider.version_of(wrapped), created_at=now,
            activated_at=now if state == "active" else None,
        )  # fmt: skip

    async def _active(self, tx: Tx, owner: str, compartment: str, use: Use, uses: int) -> GroupKey:
        found = await find_active_key_and_uses(tx, owner, compartment, use, self._holder, hold=uses > 0)
        if found is None:
            key = self.made(os.urandom(8).hex(), 1, owner, compartment, use, self.suite)
            await add_group_key(tx, await self.wrapped_row(key, "active", tx.now))
            # Another transaction may have been first, or a rotation: what is stored counts.
            found = await find_active_key_and_uses(tx, owner, compartment, use, self._holder, hold=uses > 0)
            if found is None:
                raise KeyUnusable(f"the {use} key of compartment {compartment!r} is not active")
        row, written = found
        if uses:
            await self._count(tx, row.key_id, written, uses)
        return await self._unwrapped(row)

    async def _count(self, tx: Tx, key_id: str, written: int, uses: int) -> None:
        """Write uses down before they happen. `written` is what stands in the database as this transaction sees it."""
        used = self._used.get(key_id, 0) + uses
        if used > written:
            left = self._hard_stop - (await get_key_uses(tx, key_id) - written)
            if used > left:
                raise KeyUnusable(f"key {key_id} has reached its last use and must be rotated")
            await set_key_uses(tx, key_id, self._holder, min(used + USE_BLOCK, left))
        self._used[key_id] = used

    def _find(self, key_id: str, wrapped: bytes | None = None) -> _Kept | None:
        kept = self._kept.get(key_id)
        if kept is None:
            return None
        if kept.until < self._clock() or kept.uses_left <= 0 or (wrapped is not None and wrapped != kept.wrapped):
            del self._kept[key_id]
            return None
        kept.uses_left -= 1
        self._kept.move_to_end(key_id)
        return kept

    async def _unwrapped(self, row: GroupKeyRow) -> GroupKey:
        kept = self._find(row.key_id, row.wrapped)
        if kept is not None:
            return kept.key
        key = await self.unwrap(row)
        self._kept[row.key_id] = _Kept(key, row.wrapped, self._clock() + self._max_age, self._max_uses)
        while len(self._kept) > self._max_keys:
            self._kept.popitem(last=False)
        return key

    async def unwrap(self, row: GroupKeyRow) -> GroupKey:
        """The key of `row`, asked of the provider and not kept. Raises `KeyUnusable` for a contradictory row."""
        if row.use not in get_args(Use) or row.key_id != key_id_of(row.lineage, row.version):
            raise KeyUnusable(f"the row of key {row.key_id} contradicts itself")
        if row.state == "destroyed":
            raise KeyUnusable(f"key {row.key_id} is destroyed")
        context = wrap_context(row.lineage, row.version, row.suite, row.owner, row.compartment, row.use)
        secret = await self.ask(self.provider.unwrap, row.wrapped, context)
        return GroupKey.of(
            lineage=row.lineage, version=row.version, suite=row.suite, owner=row.owner, compartment=row.compartment,
            use=row.use, secret=secret,  # type: ignore[arg-type]  # one of the uses, checked above
        )  # fmt: skip
