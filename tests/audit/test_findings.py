"""Each rule on events that it must find and on their nearest neighbours that it must not."""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from audit.entry import Placed
from audit.events import Event, text_details
from audit.findings import RULES, Finding, GrantGiven, Limits, Surroundings, examine, run
from tests.audit.conftest import Room, event

SECOND, MINUTE, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000


def at(text: str) -> int:
    """Shanghai time as microseconds."""
    local = datetime.fromisoformat(text).replace(tzinfo=UTC) - timedelta(hours=8)
    return int(local.timestamp()) * SECOND


NOON = at("2026-03-04T12:00")  # a Wednesday
NIGHT = at("2026-03-04T22:00")
SUNDAY = at("2026-03-08T12:00")


def do(when: int, **content: Any) -> Event:
    return event(**{"details": {}, "channel": "console", "record_count": 1} | content | {"at": when})


def found(rule: str, events: list[Event], **around: Any) -> list[Finding]:
    ordered = sorted(events, key=lambda e: e.at)
    trail = [Placed(e, "s-1", n, bytes(32), bytes(32), n - 1) for n, e in enumerate(ordered, start=1)]
    last = ordered[-1].at if ordered else 0
    return run(trail, Surroundings(**{"now": last} | around), [rule])


def submitted(when: int, request: str, actor: str, text: str = "", **content: Any) -> Event:
    details = text_details("purpose_text", text) if text else {}
    return do(when, action="request:submitted", outcome="done", target_kind="request", target_id=request, actor=actor,
              details=details, **content)  # fmt: skip


def approved(when: int, request: str, actor: str, action: str = "request:approved", **content: Any) -> Event:
    act: dict[str, Any] = {"action": action, "outcome": "done", "target_kind": "request", "target_id": request}
    return do(when, **act | {"actor": actor} | content)


# --- R01 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("start", [NIGHT, SUNDAY, at("2026-03-04T05:30")])
def test_r01_finds_bulk_out_of_hours(start: int) -> None:
    (one,) = found("R01", [do(start + n * MINUTE, record_count=26) for n in range(4)])
    assert (one.subject, one.count, one.first_at, len(one.events)) == ("p-analyst", 104, start, 4)
    assert one.severity == "high"


@pytest.mark.parametrize(
    "events",
    [
        [do(NIGHT + n * MINUTE, record_count=25) for n in range(4)],  # exactly 100
        [do(NOON + n * MINUTE, record_count=50) for n in range(4)],  # by day
        [do(at("2026-03-04T19:30") + n * MINUTE, record_count=50) for n in range(4)],  # before eight in the evening
        [do(NIGHT + n * HOUR, record_count=60) for n in range(3)],  # an hour apart
        [do(NIGHT + n * MINUTE, record_count=50, actor=f"p-{n}") for n in range(4)],  # different people
        [do(NIGHT + n * MINUTE, record_count=50, outcome="refused") for n in range(4)],
        [do(NIGHT + n * MINUTE, record_count=50, items=("OPEN-1",)) for n in range(4)],  # level 1
        [do(NIGHT + n, record_count=60, read_id="r-1") for n in range(4)],  # the same rows, four classes of fields
        [do(NIGHT + n * MINUTE, record_count=50, action="query:closed", outcome="done") for n in range(4)],
    ],
)
def test_r01_leaves_alone(events: list[Event]) -> None:
    assert found("R01", events, levels={"OPEN-1": 1}) == []


def test_r01_takes_the_closing_count_of_a_read_of_many_pages() -> None:
    pages = [do(NIGHT + n, action="export", read_id="r-1", record_count=60) for n in range(3)]
    assert found("R01", pages) == []
    (one,) = found(
        "R01", [*pages, do(NIGHT + 9, action="export:closed", read_id="r-1", record_count=180, outcome="done")]
    )
    assert one.count == 180


def test_r01_knows_the_calendar() -> None:
    events = [do(SUNDAY + n * MINUTE, record_count=60) for n in range(2)]
    assert found("R01", events, is_working=lambda day: day == date(2026, 3, 8)) == []
    assert found("R01", [do(e, record_count=60) for e in (NOON, NOON + 1)], is_working=lambda day: False) != []


# --- R02 -----------------------------------------------------------------------------------------------------------

LONG = "为东莞某企业贷前审查核对联系人与近期拜访情况而申请"


def test_r02_finds_missing_short_and_repeated_purposes() -> None:
    (missing,) = found("R02", [do(NOON, purpose="")])
    assert missing.details["why"] == "missing"
    (short,) = found("R02", [submitted(NOON, "q-1", "p-1", "贷前审查")])
    assert (short.subject_kind, short.subject, short.count) == ("request", "q-1", 4)
    (again,) = found("R02", [submitted(NOON + n, f"q-{n}", "p-1", LONG) for n in range(6)])
    assert (again.details["why"], again.count) == ("repeated", 6)


@pytest.mark.parametrize(
    "events",
    [
        [do(NOON), do(NOON, purpose="", outcome="refused"), do(NOON, purpose="", action="search")],
        [submitted(NOON, "q-1", "p-1", LONG)],
        [submitted(NOON, "q-1", "p-1")],  # a request that records no text says nothing about it
        [submitted(NOON + n, f"q-{n}", "p-1", LONG) for n in range(5)],
        [submitted(NOON + n, f"q-{n}", f"p-{n % 2}", LONG) for n in range(8)],
        [submitted(NOON + n, "q-1", "p-1", LONG) for n in range(8)],  # one request, amended
        [submitted(NOON + n, f"q-{n}", "p-1", LONG + str(n)) for n in range(8)],
    ],
)
def test_r02_leaves_alone(events: list[Event]) -> None:
    assert found("R02", events) == []


# --- R03 -----------------------------------------------------------------------------------------------------------


def test_r03_finds_grants_that_sleep() -> None:
    now = NOON
    grants = [
        GrantGiven("g-never", "u-1", now - 91 * DAY),
        GrantGiven("g-long-ago", "u-1", now - 200 * DAY, now - 95 * DAY),
        GrantGiven("g-young", "u-1", now - 80 * DAY),
        GrantGiven("g-used", "u-1", now - 200 * DAY),
        GrantGiven("g-used-by-its-row", "u-1", now - 200 * DAY, now - DAY),
    ]
    events = [do(now - DAY, grant_id="g-used"), do(now - DAY, grant_id="g-never", outcome="refused")]
    assert [f.subject for f in found("R03", events, grants=grants, now=now)] == ["g-long-ago", "g-never"]
    assert {f.count for f in found("R03", events, grants=grants, now=now)} == {95, 91}
    assert found("R03", events, now=now) == []


# --- R04 -----------------------------------------------------------------------------------------------------------


def test_r04_finds_self_approval_also_by_proxy() -> None:
    (one,) = found("R04", [submitted(NOON, "q-1", "p-1"), approved(NOON + HOUR, "q-1", "p-1")])
    assert (one.subject, one.details["why"]) == ("q-1", "self")
    proxy = [submitted(NOON, "q-1", "p-1"), approved(NOON + HOUR, "q-1", "p-2", on_behalf_of="p-1")]
    assert len(found("R04", proxy)) == 1


def ring(days: int) -> list[Event]:
    return [
        submitted(NOON, "q-1", "p-1"), approved(NOON + HOUR, "q-1", "p-2", "request:endorsed"),
        submitted(NOON + days * DAY, "q-2", "p-2"), approved(NOON + days * DAY + HOUR, "q-2", "p-1", "request:signed"),
    ]  # fmt: skip


def test_r04_finds_rings_within_seven_days() -> None:
    (one,) = found("R04", ring(7))
    assert (one.details["why"], len(one.events)) == ("ring", 2)
    assert found("R04", ring(8)) == []


@pytest.mark.parametrize(
    "events",
    [
        [submitted(NOON, "q-1", "p-1"), approved(NOON + HOUR, "q-1", "p-2")],
        [submitted(NOON, "q-1", "p-1"), approved(NOON + HOUR, "q-1", "p-1", outcome="refused")],
        [submitted(NOON, "q-1", "p-1"), approved(NOON + HOUR, "q-1", "p-1", "request:withdrawn")],
        [submitted(NOON, "q-1", "p-1"), approved(NOON + HOUR, "q-2", "p-1")],
        ring(1)[:3],
    ],
)
def test_r04_leaves_alone(events: list[Event]) -> None:
    assert found("R04", events) == []


# --- R05 -----------------------------------------------------------------------------------------------------------


def daily(number: Callable[[int], int], days: int, actor: str = "p-1") -> list[Event]:
    return [do(NOON + n * DAY, record_count=number(n), actor=actor) for n in range(days)]


def test_r05_finds_a_day_unlike_ones_own() -> None:
    (one,) = found("R05", [*daily(lambda n: 40 + n % 5, 20), do(NOON + 20 * DAY, record_count=60, actor="p-1")])
    assert (one.count, one.details["against"], one.first_at) == (60, "own", NOON + 20 * DAY)


def test_r05_finds_a_newcomer_unlike_the_peers() -> None:
    peers = [do(NOON, record_count=n, actor=f"p-{n}") for n in (9, 10, 11)]
    (one,) = found("R05", [*peers, do(NOON, record_count=51, actor="p-new")])
    assert (one.subject, one.details["against"], one.details["bound"]) == ("p-new", "peers", 50)
    assert found("R05", [*peers, do(NOON, record_count=50, actor="p-new")]) == []
    assert found("R05", [*peers[:2], do(NOON, record_count=500, actor="p-new")]) == []
    assert found("R05", [*peers, do(NOON, record_count=500, actor="p-new", actor_unit="u-other")]) == []


@pytest.mark.parametrize(
    "events",
    [
        daily(lambda n: 40 + n % 5, 30),
        [*daily(lambda n: 1, 20), do(NOON + 20 * DAY, record_count=49, actor="p-1")],  # few, though unusual
        [*daily(lambda n: 40, 4), do(NOON + 20 * DAY, record_count=900, actor="p-1")],  # too little is known
        [*daily(lambda n: 40, 20), do(NOON + 60 * DAY, record_count=900, actor="p-1")],  # longer than 30 days ago
    ],
)
def test_r05_leaves_alone(events: list[Event]) -> None:
    assert found("R05", events) == []


# --- R08, R09, R10 -------------------------------------------------------------------------------------------------

REVOKED = do(
    NOON, action="grant:revoked", outcome="done", target_kind="grant", target_id="g-1", grant_id="", actor="p-owner"
)


def refused(when: int, **content: Any) -> Event:
    return do(when, **{"outcome": "refused", "reason": "no-grant"} | content)


def test_r08_finds_tries_after_the_end() -> None:
    (one,) = found("R08", [REVOKED, *(refused(NOON + n * MINUTE) for n in (1, 5, 10))])
    assert (one.subject, one.count) == ("p-analyst", 3)
    (other,) = found("R08", [refused(NOON + n, grant_id="", reason="expired") for n in range(3)])
    assert other.severity == "high"


def test_r08_finds_a_read_that_was_allowed_after_the_revocation() -> None:
    (one,) = found("R08", [REVOKED, do(NOON + MINUTE)])
    assert (one.subject_kind, one.subject, one.severity) == ("grant", "g-1", "critical")


@pytest.mark.parametrize(
    "events",
    [
        [REVOKED, *(refused(NOON + n * MINUTE) for n in (1, 5))],
        [REVOKED, *(refused(NOON + n * 6 * MINUTE) for n in range(1, 6))],  # never three in ten minutes
        [refused(NOON + n) for n in range(9)],  # refused for another reason
        [REVOKED, *(refused(NOON + n, grant_id="g-2") for n in range(1, 9))],
        [do(NOON - MINUTE), REVOKED, do(NOON + SECOND)],  # under way when it was revoked
        [REVOKED, do(NOON + MINUTE, grant_id="g-2")],
        [do(NOON, action="grant:revoked", outcome="refused", target_id="g-1", grant_id=""), do(NOON + MINUTE)],
    ],
)
def test_r08_leaves_alone(events: list[Event]) -> None:
    assert found("R08", events) == []


def test_r09_finds_denials_and_then_success() -> None:
    (one,) = found("R09", [*(refused(NOON + n * MINUTE) for n in range(10)), do(NOON + 30 * MINUTE)])
    assert (one.count, len(one.events)) == (10, 11)


@pytest.mark.parametrize(
    "events",
    [
        [*(refused(NOON + n * MINUTE) for n in range(9)), do(NOON + 30 * MINUTE)],
        [refused(NOON + n * MINUTE) for n in range(30)],
        [*(refused(NOON + n * MINUTE) for n in range(10)), do(NOON + 65 * MINUTE)],
        [*(refused(NOON + n * MINUTE) for n in range(10)), do(NOON + 30 * MINUTE, actor="p-other")],
        [*(refused(NOON + n * MINUTE) for n in range(10)), do(NOON + 30 * MINUTE, action="card")],
    ],
)
def test_r09_leaves_alone(events: list[Event]) -> None:
    assert found("R09", events) == []


def look(when: int, n: int, **content: Any) -> Event:
    return do(when, **{"action": "card", "client_id": f"c-{n}", "target_kind": "client"} | content)


def test_r10_finds_a_walk_through_the_clients() -> None:
    (one,) = found("R10", [look(NOON + n * SECOND, n) for n in range(201)])
    assert (one.count, len(one.events)) == (201, 20)
    mixed = [look(NOON + n * SECOND, n, action="disclose", outcome="refused") for n in range(100)]
    mixed += [do(NOON + n * SECOND, action="search", client_id="", details={"length": 2}) for n in range(101)]
    assert len(found("R10", mixed)) == 1


@pytest.mark.parametrize(
    "events",
    [
        [look(NOON + n * SECOND, n) for n in range(200)],
        [look(NOON + n * SECOND, n % 50) for n in range(1000)],
        [look(NOON + n * 20 * SECOND, n) for n in range(500)],  # 180 an hour
        [look(NOON + n * SECOND, n, actor=f"p-{n % 2}") for n in range(400)],
        [do(NOON + n, action="search", client_id="", details={"text_digest": "same"}) for n in range(300)],
    ],
)
def test_r10_leaves_alone(events: list[Event]) -> None:
    assert found("R10", events) == []


# --- R16, R17, R18 -------------------------------------------------------------------------------------------------


def stamp(n: int, seconds: int, view: int | None = None) -> list[Event]:
    start = NOON + n * 10 * MINUTE
    events = [submitted(start, f"q-{n}", "p-asker"), approved(start + seconds * SECOND, f"q-{n}", "p-boss")]
    if view is not None:
        events.append(approved(start + view * SECOND, f"q-{n}", "p-boss", "request:viewed"))
    return events


def test_r16_finds_rubber_stamps() -> None:
    (one,) = found("R16", [e for n in range(5) for e in stamp(n, 9)])
    assert (one.subject, one.count) == ("p-boss", 5)
    assert len(found("R16", [e for n in range(5) for e in stamp(n, 3600, view=3595)])) == 1


@pytest.mark.parametrize(
    "events",
    [
        [e for n in range(4) for e in stamp(n, 2)],
        [e for n in range(9) for e in stamp(n, 10)],
        [e for n in range(9) for e in stamp(n, 3600, view=10)],
        [approved(NOON + n, f"q-{n}", "p-boss") for n in range(9)],  # nobody knows since when they lay there
        [e for n in range(5) for e in stamp(n * 100, 2)],  # on different days
    ],
)
def test_r16_leaves_alone(events: list[Event]) -> None:
    assert found("R16", events) == []


def taken(when: int, **details: Any) -> Event:
    return do(when, action="export:closed", outcome="done", details=details)


def test_r17_finds_exports_without_reason_or_watermark() -> None:
    good = taken(NOON, reason_length=30, watermark=True)
    bare = taken(NOON + 1)
    bald = taken(NOON + 2, reason_length=30, watermark=False)
    assert {(f.details["why"], f.events[0]) for f in found("R17", [good, bare, bald])} == {
        ("no-reason", bare.event_id), ("no-watermark", bare.event_id), ("no-watermark", bald.event_id),
    }  # fmt: skip
    assert found("R17", [good, do(NOON, action="export"), do(NOON, action="export", outcome="refused"), do(NOON)]) == []


def seen(minute: int, source: str = "10.1.0.9", **details: Any) -> Event:
    return do(NOON + minute * MINUTE, source=source, details=details)


@pytest.mark.parametrize(
    ("events", "why"),
    [
        ([seen(0, city="dongguan"), seen(29, city="beijing")], "city"),
        ([seen(0, device="d-1"), seen(3, device="d-2")], "device"),
        ([seen(0), seen(5, "203.0.113.7"), seen(9)], "network"),
        ([seen(0, "2001:db8::1"), seen(5, "2001:db9::1"), seen(9, "2001:db8:ff::2")], "network"),
    ],
)
def test_r18_finds_one_account_in_two_places(events: list[Event], why: str) -> None:
    (one,) = found("R18", events)
    assert (one.subject, one.count, one.details["why"]) == ("p-analyst", 2, why)


@pytest.mark.parametrize(
    "events",
    [
        [seen(0, city="dongguan"), seen(31, city="beijing")],
        [seen(0), seen(5, "203.0.113.7"), seen(9, "203.0.113.8")],  # went home
        [seen(0, "10.1.0.9"), seen(5, "10.1.200.3"), seen(9, "10.1.0.9")],  # one network
        [seen(0), seen(5, "203.0.113.7"), seen(90)],
        [do(NOON + n * MINUTE, channel="api", source=f"10.{n % 2}.0.1") for n in range(9)],
        [do(NOON + n * MINUTE, outcome="failed", source=f"10.{n % 2}.0.1") for n in range(9)],
        [do(NOON + n * MINUTE, source="unix") for n in range(9)],
    ],
)
def test_r18_leaves_alone(events: list[Event]) -> None:
    assert found("R18", events) == []


# --- R20, R22 ------------------------------------------------------------------------------------------------------


def test_r20_reports_faults_and_clocks() -> None:
    assert [f.subject for f in found("R20", [do(NOON)], faults=["event x: gone", "event x: gone", "y"])] == [
        "event x: gone", "y",
    ]  # fmt: skip
    (ahead,) = found("R20", [do(NOON)], now=NOON - HOUR)
    assert ahead.details["why"] == "clock-ahead"

    def stream(*times: int) -> list[Finding]:
        trail = [Placed(do(t), "s-1", n, bytes(32), bytes(32)) for n, t in enumerate(times, start=1)]
        return run(sorted(trail, key=lambda p: p.event.at), Surroundings(now=NOON + DAY), ["R20"])

    (back,) = stream(NOON, NOON + HOUR, NOON + MINUTE, NOON + 2 * MINUTE)
    assert (back.details["why"], back.severity) == ("clock-back", "critical")
    assert stream(NOON, NOON + HOUR, NOON + HOUR - MINUTE, NOON + 2 * HOUR) == []
    assert found("R20", [do(NOON)], now=NOON - MINUTE) == []


def rules(when: int, action: str, actor: str, **content: Any) -> Event:
    return do(when, action=action, actor=actor, outcome="done", target_kind="policy", target_id="c-7", policy_epoch="",
              **content)  # fmt: skip


def test_r22_finds_rules_changed_alone() -> None:
    alone = [rules(NOON, "policy:proposed", "p-1"), rules(NOON + 1, "policy:activated", "p-2")]
    (one,) = found("R22", alone)
    assert (one.subject, one.details["why"], one.severity) == ("c-7", "no-second-person", "critical")
    own = [alone[0], rules(NOON, "policy:approved", "p-1"), alone[1]]
    assert len(found("R22", own)) == 1
    (silent,) = found("R22", [do(NOON, policy_epoch="e-1"), do(NOON + 1, policy_epoch="e-2")])
    assert (silent.subject, silent.details["why"]) == ("e-2", "no-activation")


def test_r22_leaves_a_change_by_two_people_alone() -> None:
    events = [
        do(NOON, policy_epoch="e-1"), rules(NOON + 1, "policy:proposed", "p-1"),
        rules(NOON + 2, "policy:approved", "p-2"),
        rules(NOON + 3, "policy:activated", "p-1", details={"epoch": "e-2"}), do(NOON + 4, policy_epoch="e-2"),
        do(NOON + 5, policy_epoch="e-1"),  # another replica, a moment later
    ]  # fmt: skip
    assert found("R22", events) == []


# --- all together --------------------------------------------------------------------------------------------------


def test_thresholds_are_settings() -> None:
    events = [do(NIGHT + n, record_count=1) for n in range(3)]
    assert found("R01", events) == []
    (one,) = found("R01", events, limits=Limits(bulk_records=2))
    assert one.count == 3


def test_the_same_thing_found_again_has_the_same_key() -> None:
    first = found("R01", [do(NIGHT + n * MINUTE, record_count=60) for n in range(2)])
    again = found("R01", [do(NIGHT + n * MINUTE, record_count=60) for n in range(8)])
    assert [f.key for f in first] == [f.key for f in again]
    other_day = found("R01", [do(NIGHT + DAY + n * MINUTE, record_count=60) for n in range(2)])
    assert first[0].key != other_day[0].key


def test_every_rule_has_words_a_severity_and_its_own_code() -> None:
    for code, rule in RULES.items():
        assert code == rule.code == rule.watch.rule
        assert rule.zh
        assert rule.en
        assert rule.severity in {"low", "medium", "high", "critical"}
    with pytest.raises(KeyError):
        run([], Surroundings(now=0), ["R99"])


def test_a_long_trail_is_one_pass() -> None:
    """A busy service does not make any rule slow: twenty thousand reads in ten minutes, all rules."""
    trail = [Placed(do(NIGHT + n * 30_000, client_id=f"c-{n % 300}", channel="console", source=f"10.{n // 50_000}.0.1"),
                    "s-1", n + 1, bytes(32), bytes(32)) for n in range(20_000)]  # fmt: skip
    began = time.process_time()
    reports = run(trail, Surroundings(now=NIGHT + DAY))
    assert time.process_time() - began < 10
    assert {"R01", "R10"} <= {f.rule for f in reports}


async def test_rules_read_the_database_in_order_and_in_bounds(room: Room) -> None:
    trail = await room.trail()
    events = [do(NIGHT + n * SECOND, record_count=1, actor="p-1") for n in range(620)]
    for future in [trail.queue(e) for e in reversed(events)]:
        await future
    around = Surroundings(now=NIGHT + DAY)
    (one,) = await examine(room.db, around, NIGHT, NIGHT + HOUR, ["R01"])
    assert (one.count, one.first_at) == (620, NIGHT)
    assert await examine(room.db, around, NIGHT, NIGHT + 100 * SECOND, ["R01"]) == []
    (part,) = await examine(room.db, around, NIGHT + 100 * SECOND, NIGHT + 201 * SECOND, ["R01"])
    assert part.count == 101
