"""The composition root: one `Gateway` value that holds every part, and the write transaction that the verbs use."""

import contextlib
import contextvars
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import CursorResult

from audit.events import Event, UnfitEvent
from audit.trail import Trail, TrailUnavailable
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.errors import INVALID_INPUT, Problem, declare
from gateway.keys.interface import KeyProvider
from gateway.keys.logkey import open_log_keys, open_witness_key
from gateway.keys.registry import open_provider
from gateway.keys.suites import SUITES_BY_NAME
from gateway.partners import (
    Transport,
    anchors_for,
    constant,
    own_keys,
    seen_by_others,
    trust_of,
    witness_for,
)
from gateway.sealing.keyring import Keyring
from gateway.settings import Settings
from gateway.store import operation
from gateway.store.db import Clock, Database, Parameters, Tx, open_database
from ledger.anchors.interface import Anchor
from ledger.errors import LedgerError, RollbackError
from ledger.policy import TrustPolicy
from ledger.rollback import SeenFile, largest_seen
from ledger.sql import SqlLog
from ledger.witness import Witness
from policies.engine import PolicyEngine

IDEMPOTENCY_KEY_REUSED = declare(
    "idempotency-key-reused", "conflict",
    zh="该幂等键已用于另一请求", en="This idempotency key was used with another request",
    remedy_zh="新的请求请使用新的 Idempotency-Key", remedy_en="Use a new Idempotency-Key for a new request",
)  # fmt: skip
IDEMPOTENT_ANSWER_LOST = declare(
    "idempotent-answer-lost", "conflict",
    zh="该操作已执行,但原答复没有保存", en="This act was carried out, but its first answer was not kept",
    remedy_zh="请查询其结果,不要再次提交", remedy_en="Look its result up; do not send it again",
)  # fmt: skip

NOT_INITIALISED = declare(
    "not-initialised", "unavailable",
    zh="网关尚未初始化", en="The gateway has not been initialised",
    remedy_zh="请先运行 lianqiao init", remedy_en="Run `lianqiao init` first",
)  # fmt: skip
WOULD_FORK = declare(
    "would-fork", "conflict",
    zh="该数据库旧于已公开的检查点,继续签名会使账本分叉",
    en="This database is older than a checkpoint that was handed out: signing with it would fork the log",
    remedy_zh="请恢复更新的备份;确需使用旧备份时,请以新名称建立新账本",
    remedy_en="Restore a newer backup, or begin a new log under a new origin",
)  # fmt: skip
TRAIL_UNAVAILABLE = declare(
    "trail-unavailable", "unavailable",
    zh="留痕无法写入,未披露也未执行任何内容", en="The trail cannot be written; nothing was disclosed or done",
    remedy_zh="请稍后重试;若持续出现,请系统管理员检查数据库与磁盘",
    remedy_en="Try again later; if it persists, let the administrator check database and disk",
)  # fmt: skip


@dataclass(slots=True)
class Claim:
    """An idempotency key on its way into the business transaction: kept if and only if the act is."""

    person_id: str
    key: str
    verb: str
    digest: bytes
    used: bool = False


current_claim: contextvars.ContextVar[Claim | None] = contextvars.ContextVar("idempotency_claim", default=None)


@dataclass(slots=True)
class WriteTx:
    """A write transaction with what must be committed with it: events, notices; and what follows the commit."""

    tx: Tx
    now: int
    events: list[Event] = field(default_factory=list)
    followers: list[Callable[[], object]] = field(default_factory=list)

    async def execute(self, statement: sa.Executable, parameters: Parameters | None = None) -> CursorResult[Any]:
        return await self.tx.execute(statement, parameters)

    def record(self, event: Event) -> None:
        """Put `event` on the trail in this transaction: no act without its event, no event without its act."""
        self.events.append(event)

    def after_commit(self, act: Callable[[], object]) -> None:
        """Call `act` once the commit is durable. For caches and wake-ups only: it may be lost in a crash."""
        self.followers.append(act)


@dataclass(frozen=True, slots=True)
class Gateway:
    """Everything a verb needs. Built by `open_gateway`, closed by `close`; shared by all requests of the process."""

    settings: Settings
    db: Database
    policy: PolicyEngine
    keyring: Keyring
    grants_log: SqlLog
    trail: Trail
    replica: str
    state: dict[str, Any] = field(default_factory=dict)  # per-process caches and rate counters, never facts
    witness: Witness | None = None  # of partners' logs
    trust: TrustPolicy = field(default_factory=lambda: TrustPolicy(()))
    anchors: tuple[Anchor, ...] = ()
    transport: Transport | None = None  # to witnesses; None: the network

    @contextlib.asynccontextmanager
    async def begin(self) -> AsyncIterator[WriteTx]:
        """One business transaction. The trail's events are chained in last, under the replica's write-stream lock.

        Raises `Problem(trail-unavailable)` when the trail cannot take them: then nothing of it is kept.
        """
        claim = current_claim.get()
        claiming = claim is not None and not claim.used
        try:
            async with self.trail.write_chain() as chain, self.db.begin() as tx:
                if claim is not None and claiming:
                    await operation.claim(tx, claim.person_id, claim.key, claim.verb, claim.digest, tx.now)
                write = WriteTx(tx, tx.now)
                yield write
                if write.events:
                    await chain.append(tx, write.events)
        except TrailUnavailable as error:
            raise _untraced(error) from error
        if claim is not None and claiming:
            claim.used = True  # only now: a verb that is run again must claim again
        for act in write.followers:
            act()

    async def recorded(self, *events: Event) -> None:
        """The events of a read are durable. Raises `Problem(trail-unavailable)`: then nothing may be disclosed."""
        try:
            queued = [self.trail.queue(event) for event in events]
            for each in queued:
                await each
        except TrailUnavailable as error:
            raise _untraced(error) from error

    async def close(self) -> None:
        """Drain the trail, forget the keys, close the database."""
        await self.trail.stop()
        self.keyring.flush()
        await self.db.close()


def _untraced(error: TrailUnavailable) -> Problem:
    """What the database said of it, when it said it plainly; else that the trail is away."""
    return error.__cause__ if isinstance(error.__cause__, Problem) else Problem(TRAIL_UNAVAILABLE)


def event_of(by: Principal, action: str, now: int, **content: Any) -> Event:
    """An event of `by`'s doing; `content` are the further fields of `audit.events.Event`.

    Raises `Problem(invalid-input)` for what may not stand on the trail: whoever asked put it there.
    """
    try:
        return Event(
            event_id=random_id(),
            at=now,
            actor=by.id,
            actor_unit=by.unit_id,
            actor_institution=by.institution_id,
            on_behalf_of=by.on_behalf_of,
            action=action,
            source=by.source_address,
            channel=by.channel,
            **content,
        )
    except UnfitEvent as error:
        raise Problem(INVALID_INPUT, field=error.column) from error


async def open_gateway(
    settings: Settings,
    *,
    clock: Clock | None = None,
    database: Database | None = None,
    provider: KeyProvider | None = None,
    transport: Transport | None = None,
) -> Gateway:
    """Open every part and check that they fit. Raises `Problem` or a key provider's error: never half open.

    A database that holds less than `seen-heads.json`, a witness or an anchor has seen is refused (`would-fork`) before anything is signed.

    The database must be migrated and the log keys and the root key must exist (`lianqiao init` makes them).
    """
    policy = PolicyEngine.load()
    if not settings.log_key_path.exists():
        raise Problem(
            NOT_INITIALISED, detail_zh="缺少日志签名密钥", detail_en="the signing keys of the logs are missing"
        )
    provider = provider or open_provider(settings.key_provider_uri, production=settings.mode == "production")
    signers = open_log_keys(provider, settings.log_key_path)
    if not {settings.origin, settings.trail_origin} <= signers.keys():
        raise Problem(
            NOT_INITIALISED,
            field="origin",
            detail_zh="日志密钥不属于所设的日志名称",
            detail_en="the log keys are for other origins than the settings name",
        )
    trust, witness_key = _trust(settings), open_witness_key(provider, settings.log_key_path)
    db = database or open_database(settings.database_url, clock=clock, durable=settings.mode != "test")
    try:
        seen = SeenFile(settings.seen_heads_path)
        grants_log, trail_log = (SqlLog(origin, signers[origin]) for origin in (settings.origin, settings.trail_origin))
        anchors = anchors_for(settings, (grants_log, trail_log))
        keys = own_keys({log.origin: log.signers for log in (grants_log, trail_log)})
        others = await seen_by_others(trust, anchors, keys, transport)
        for log in (grants_log, trail_log):
            sources = {"file": seen.source(log.origin), "others": constant(others[log.origin])}
            log.doubt(largest_seen(sources, needed=2))
        replica = random_id()
        trail = Trail(settings.trail_origin, trail_log, db, replica)
        keyring = Keyring(provider, SUITES_BY_NAME[settings.suite])
        gateway = Gateway(
            settings, db, policy, keyring, grants_log, trail, replica, witness=witness_for(settings, witness_key, trust),
            trust=trust, anchors=anchors, transport=transport,
        )  # fmt: skip
        async with db.begin() as tx:
            await grants_log.ensure(tx)
            await trail_log.ensure(tx)
        await trail.start()
    except RollbackError as error:
        await db.close()
        raise Problem(
            WOULD_FORK,
            field=error.origin,
            detail_zh=f"{error.origin}:本库 {error.ours},已公开 {error.seen}",
            detail_en=f"{error.origin}: {error.ours} here, {error.seen} were handed out",
        ) from error
    except BaseException:
        await db.close()
        raise
    return gateway


def _trust(settings: Settings) -> TrustPolicy:
    try:
        return trust_of(settings)
    except (OSError, LedgerError) as error:
        raise Problem(
            NOT_INITIALISED,
            field="trust_policy",
            detail_zh="信任策略文件无法使用",
            detail_en=f"the trust policy cannot be used: {error}",
        ) from error


__all__ = ["Claim", "Gateway", "WriteTx", "current_claim", "event_of", "open_gateway"]
