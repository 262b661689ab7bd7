"""Background work, each under a lease so that replicas do not do it twice, each step a transaction of its own."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType

import structlog

from audit.sealer import seal_once
from gateway.errors import Problem
from gateway.runtime import Gateway
from gateway.store import disclosure
from gateway.store.db import TransientConflict
from gateway.usecases._key_work import tend_keys
from gateway.usecases._witnessing import tend_logs
from gateway.usecases.clocks import expire_due
from gateway.usecases.notices import send_notices
from gateway.usecases.retention import forget
from gateway.usecases.uploads import end_orphaned_uploads
from ledger.rollback import SeenFile
from ledger.sql import SqlLog

_log = structlog.get_logger("lianqiao.worker")


@dataclass(frozen=True, slots=True)
class Job:
    """A piece of work: `run` returns how much it did, 0 when there was nothing. `every` in seconds."""

    name: str
    every: float
    run: Callable[[Gateway], Awaitable[int]]


async def seal_trail(gw: Gateway) -> int:
    """Durable events are in the trail's Merkle log, under a signed checkpoint."""
    log = gw.trail.log
    assert isinstance(log, SqlLog)
    async with gw.db.begin() as tx:
        return await seal_once(tx, log, gw.replica)


async def write_grant_uses(gw: Gateway) -> int:
    """Uses of unlimited grants, counted in the process, stand in the database. A crash loses some: see the trail."""
    counts: dict[str, list[int]] = gw.state.get("grant-uses", {})
    if not counts:
        return 0
    gw.state["grant-uses"] = {}
    try:
        async with gw.db.begin() as tx:
            for grant_id, (uses, rows) in counts.items():
                await disclosure.count_use(tx, grant_id, uses, rows)
                await disclosure.add_uses(tx, grant_id, uses)
    except BaseException:
        kept = gw.state["grant-uses"]
        for grant_id, (uses, rows) in counts.items():
            held = kept.setdefault(grant_id, [0, 0])
            held[0] += uses
            held[1] += rows
        raise
    return len(counts)


async def note_heads(gw: Gateway) -> int:
    """The largest checkpoints stand in `<home>/seen-heads.json`: an older database is refused there (`would-fork`)."""
    async with gw.db.read() as tx:
        heads = [await log.checkpoint(tx) for log in (gw.grants_log, gw.trail.log) if isinstance(log, SqlLog)]
    noted: dict[str, int] = gw.state.setdefault("noted-heads", {})
    grown = [head for head in heads if noted.get(head.origin, -1) < head.size]
    if grown:
        seen = SeenFile(gw.settings.seen_heads_path)
        for head in grown:
            await asyncio.to_thread(seen.note, head)  # synced to the disk: not in the loop's thread
            noted[head.origin] = head.size
    return len(grown)


def jobs(gw: Gateway) -> tuple[Job, ...]:
    """All background work of one gateway."""
    return (
        Job("seal", gw.settings.seal_interval, seal_trail),
        Job("heads", 2.0, note_heads),
        Job("tend", gw.settings.tend_interval, tend_logs),
        Job("grant-uses", 5.0, write_grant_uses),
        Job("retention", 3600.0, forget),
        Job("uploads", 60.0, end_orphaned_uploads),
        Job("keys", 60.0, tend_keys),
        Job("clocks", 60.0, expire_due),
        Job("notices", 5.0, send_notices),
    )


class Worker:
    """`async with Worker(gw):` runs the jobs until the block is left; the last sealing round runs on leaving."""

    def __init__(self, gw: Gateway) -> None:
        self._gw = gw
        self._stop = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Worker":
        self._tasks = [asyncio.create_task(self._loop(job), name=f"worker-{job.name}") for job in jobs(self._gw)]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for last in (write_grant_uses, seal_trail, note_heads):
            with contextlib.suppress(Problem, TransientConflict):
                await last(self._gw)

    async def _loop(self, job: Job) -> None:
        wait = job.every
        while not self._stop.is_set():
            try:
                done = await job.run(self._gw)
                wait = 0.0 if done >= 256 else job.every
            except (Problem, TransientConflict) as problem:
                # The database is busy, full or away: nothing was kept; later is as good.
                _log.warning("job-postponed", job=job.name, reason=type(problem).__name__)
                wait = min(max(wait, 1.0) * 2, 60.0)
            except Exception as error:
                _log.error("job-failed", job=job.name, error=type(error).__name__)
                wait = min(max(wait, 1.0) * 2, 60.0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), wait)


async def run_jobs_once(gw: Gateway) -> dict[str, int]:
    """Every job has run once; returns what each did."""
    return {job.name: await job.run(gw) for job in jobs(gw)}
