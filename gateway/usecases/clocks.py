"""What the passing of time does by itself: steps run out, grants end, people are reminded. It never grants."""

from gateway.domain.access import CLOCK_STILL_RUNS, GRANT_ENDED, WRONG_STATE, expire, time_out
from gateway.domain.notices import day_text
from gateway.domain.principal import Principal, system_principal
from gateway.domain.workdays import DAY
from gateway.errors import CONFLICT, Problem
from gateway.runtime import Gateway, event_of
from gateway.store import access, grants, operation
from gateway.store.names import holders_of
from gateway.usecases import _granting
from gateway.usecases._notify import notify

__all__: list[str] = []

_BATCH = 100
_LEASE = 60 * 1_000_000
_SOON = DAY  # a step is reminded of within its last day
_EXPIRING = 15 * DAY  # the window in which a grant can be renewed
_PASSED = (CLOCK_STILL_RUNS, WRONG_STATE, GRANT_ENDED, CONFLICT)  # somebody was first: nothing is left to do


async def expire_due(gw: Gateway) -> int:
    """Requests past their clock are timed out, grants past their end are expired, those concerned are reminded.

    Each in a transaction of its own, and each once, however often and by however many replicas this runs: what is
    found changed meanwhile is left alone. Returns how many things were done.
    """
    async with gw.db.begin() as tx:
        if not await operation.take_lease(tx, "clocks", gw.replica, tx.now + _LEASE):
            return 0
    return await _time_out(gw) + await _expire(gw) + await _remind_steps(gw) + await _remind_grants(gw)


async def _time_out(gw: Gateway) -> int:
    by = system_principal("clocks")
    async with gw.db.read() as tx:
        due = await access.list_due(tx, tx.now, _BATCH)
    done = 0
    for request_id in due:
        try:
            done += await _time_out_one(gw, by, request_id)
        except Problem as problem:
            if problem.code not in _PASSED:
                raise
    return done


async def _time_out_one(gw: Gateway, by: Principal, request_id: str) -> int:
    async with gw.begin() as tx:
        stored = await access.get_request(tx, request_id)
        waited = await access.list_steps(tx, request_id)
        after = time_out(stored.request, now=tx.now)
        await access.set_request(tx, stored, after, act="time-out", by=by.id)
        tx.record(
            event_of(
                by, "request:timed-out", tx.now, target_kind="request", target_id=request_id,
                items=after.terms.codes, purpose=after.purpose, outcome="done", policy_epoch=gw.policy.epoch,
                details={"waited": stored.request.state},
            )
        )  # fmt: skip
        people = {after.requester}
        for step in waited:
            if step.state == "open":
                people |= {step.delegate} if step.delegate else set(await holders_of(tx, step.role, step.unit_id))
        await notify(tx, "request-timed-out", people, subject=("request", request_id), request=request_id)
    return 1


async def _expire(gw: Gateway) -> int:
    by = system_principal("clocks")
    async with gw.db.read() as tx:
        past = await grants.list_past(tx, tx.now, _BATCH)
    done = 0
    for stored in past:
        try:
            async with gw.begin() as tx:
                ended = expire(stored.grant, now=tx.now)
                await _granting.end(gw, tx, by, ended, "grant:expired", "term-over")
                done += 1
        except Problem as problem:
            if problem.code not in _PASSED:
                raise
    return done


async def _remind_steps(gw: Gateway) -> int:
    async with gw.db.read() as tx:
        soon = await access.list_running_out(tx, tx.now, tx.now + _SOON, _BATCH)
    done = 0
    for request_id, n in soon:
        async with gw.begin() as tx:
            if not await access.set_reminded(tx, request_id, n):
                continue
            step = (await access.list_steps(tx, request_id))[n]
            people = {step.delegate} if step.delegate else set(await holders_of(tx, step.role, step.unit_id))
            due = day_text(step.due_at or tx.now)
            subject = ("request", request_id)
            told = await notify(
                tx, "clock-running-out", people, subject=subject, request=request_id, role=step.role, due=due
            )
            if not told:
                others = {**await holders_of(tx, "ops"), **await holders_of(tx, "compliance")}
                await notify(tx, "step-without-holder", others, subject=subject, request=request_id, role=step.role)
            done += 1
    return done


async def _remind_grants(gw: Gateway) -> int:
    async with gw.db.read() as tx:
        soon = await grants.list_to_remind(tx, tx.now, tx.now + _EXPIRING, _BATCH)
    done = 0
    for stored in soon:
        grant = stored.grant
        async with gw.begin() as tx:
            if tx.now - grant.not_before < (grant.not_after - grant.not_before) // 2:
                continue  # a short grant is not announced as ending while it has just begun
            if not await grants.set_reminded(tx, grant.id):
                continue
            people = await _granting.holders_of_grant(tx, grant)
            await notify(
                tx, "grant-expiring", people, subject=("grant", grant.id), grant=grant.id,
                until=day_text(grant.not_after),
            )  # fmt: skip
            done += 1
    return done
