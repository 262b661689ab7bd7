"""What sign-in keeps in this process: token buckets, tokens verified a moment ago, the turn to hash a password."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

from gateway.domain.passwords import hash_password, verify_password
from gateway.domain.principal import Principal
from gateway.domain.throttle import Buckets
from gateway.errors import Problem, declare
from gateway.runtime import Gateway
from gateway.settings import Settings

TOO_MANY_REQUESTS = declare(
    "too-many-requests", "too-many",
    zh="请求过于频繁", en="Too many requests",
    remedy_zh="请按 Retry-After 所示秒数后再试", remedy_en="Try again after the seconds named by Retry-After",
)  # fmt: skip

_KEEP = 60.0  # seconds for which a verified token is believed; a change of rights is noticed by the person's generation
_MOST = 10_000
_HASHING = 2  # passwords judged at once: 19 MiB and a core each
_WAITING = 64


@dataclass(frozen=True, slots=True)
class _Seen:
    principal: Principal
    token_id: str
    until: float


class Door:
    """Per process; nothing here is a fact, and losing all of it only costs time."""

    def __init__(self, settings: Settings) -> None:
        self._requests = Buckets(settings.rate_per_minute)
        self._sign_ins = Buckets(settings.sign_in_per_minute)
        self._seen: OrderedDict[bytes, _Seen] = OrderedDict()
        self._turn = asyncio.Semaphore(_HASHING)
        self._waiting = 0

    def count_request(self, principal_id: str) -> None:
        """Counted. Raises `Problem(too-many-requests)` with the seconds to wait."""
        _refuse(self._requests.take(principal_id, time.monotonic_ns() // 1000))

    def count_sign_in(self, source_address: str) -> None:
        """Counted. Raises `Problem(too-many-requests)` with the seconds to wait."""
        _refuse(self._sign_ins.take(source_address, time.monotonic_ns() // 1000))

    def find(self, digest: bytes) -> Principal | None:
        """Who showed this token within the last minute."""
        seen = self._seen.get(digest)
        if seen is None or time.monotonic() >= seen.until:
            return None
        return seen.principal

    def keep(self, digest: bytes, principal: Principal, left: int) -> None:
        """Believe the token for a minute, or for the `left` microseconds that it still has."""
        self._seen[digest] = _Seen(principal, principal.session_id, time.monotonic() + min(_KEEP, left / 1_000_000))
        self._seen.move_to_end(digest)
        while len(self._seen) > _MOST:
            self._seen.popitem(last=False)

    def forget(self, *, person_id: str = "", token_id: str = "") -> None:
        """Tokens of this person, or this token, are verified anew."""
        for digest, seen in list(self._seen.items()):
            if seen.principal.id == person_id or (token_id and seen.token_id == token_id):
                del self._seen[digest]

    def forget_all(self) -> None:
        """Every token is verified anew."""
        self._seen.clear()

    async def judge_password(self, encoded: str, text: str) -> bool:
        """Whether `text` is the password behind `encoded`; off the loop, two at a time."""
        await self._take_turn()
        try:
            return await asyncio.to_thread(verify_password, encoded, text)
        finally:
            self._end_turn()

    async def hash_password(self, text: str) -> str:
        """The password as it is kept; off the loop, two at a time."""
        await self._take_turn()
        try:
            return await asyncio.to_thread(hash_password, text)
        finally:
            self._end_turn()

    async def _take_turn(self) -> None:
        if self._waiting >= _WAITING:
            _refuse(1)
        self._waiting += 1
        try:
            await self._turn.acquire()
        except BaseException:
            self._waiting -= 1
            raise

    def _end_turn(self) -> None:
        self._waiting -= 1
        self._turn.release()


def door_of(gw: Gateway) -> Door:
    """The door of this process."""
    found = gw.state.get("door")
    if not isinstance(found, Door):
        found = gw.state["door"] = Door(gw.settings)
    return found


def _refuse(wait: int) -> None:
    if wait:
        raise Problem(
            TOO_MANY_REQUESTS, detail_zh=f"请于{wait}秒后再试", detail_en=f"try again in {wait} s",
            extra={"retry_after": wait},
        )  # fmt: skip
