"""All rules by code, and how they are run: one pass over the trail, whatever their number."""

from collections.abc import AsyncIterator, Collection, Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from audit.entry import Placed, placed
from audit.events import UnfitEvent
from audit.findings.conduct import (
    CarelessExport,
    LonelyPolicyChange,
    PoorPurpose,
    RubberStamps,
    SelfOrRing,
    SharedAccount,
)
from audit.findings.finding import Finding, Surroundings, Watch
from audit.findings.integrity import BrokenTrail
from audit.findings.volume import (
    DenialsThenSuccess,
    DormantGrants,
    Enumeration,
    LateTries,
    OutOfHoursBulk,
    UnusualVolume,
)
from audit.tables import trail_event
from audit.trail import Db

_PAGE = 500
_e = trail_event.c


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with its words; `watch` makes one run of it."""

    code: str
    zh: str
    en: str
    watch: type[Watch]

    @property
    def severity(self) -> str:
        return self.watch.severity


RULES = {
    rule.code: rule
    for rule in (
        Rule("R01", "非工作时间批量读取", "Bulk reading out of hours", OutOfHoursBulk),
        Rule("R02", "用途缺失、过短或反复雷同", "Purpose missing, too short or repeated", PoorPurpose),
        Rule("R03", "长期未使用的授权", "Dormant grant", DormantGrants),
        Rule("R04", "自我审批或互相审批", "Self-approval or ring approval", SelfOrRing),
        Rule("R05", "读取量异常", "Unusual volume", UnusualVolume),
        Rule("R08", "授权撤销或到期后的读取尝试", "Reading attempted after a grant has ended", LateTries),
        Rule("R09", "多次被拒后成功", "Many denials, then success", DenialsThenSuccess),
        Rule("R10", "枚举式查询", "Enumeration", Enumeration),
        Rule("R16", "秒批(审批过快)", "Approval faster than reading", RubberStamps),
        Rule("R17", "导出缺少理由或水印", "Export without reason or watermark", CarelessExport),
        Rule("R18", "账户疑似共用", "Shared account", SharedAccount),
        Rule("R20", "审计链断裂、不符或时钟跳变", "Trail broken, or clock jumped", BrokenTrail),
        Rule("R22", "策略变更缺少第二人", "Policy changed without a second person", LonelyPolicyChange),
    )
}


def run(trail: Iterable[Placed], around: Surroundings, only: Collection[str] = ()) -> list[Finding]:
    """What the rules find in `trail`, which comes in the order of time. `only` names rules; empty means all.

    Raises `KeyError` for a rule that does not exist. Memory grows with people, requests and findings, not with events.
    """
    watches = [RULES[code].watch(around) for code in (only or RULES)]
    for one in trail:
        for watch in watches:
            watch.see(one)
    return [found for watch in watches for found in watch.end()]


async def in_order(db: Db, since: int, until: int) -> AsyncIterator[Placed]:
    """The events with `since` <= at < `until` (microseconds), oldest first, in short reads.

    Rows that no event of ours can have made are passed over here; verification names them.
    """
    at, stream, seq = since, "", 0
    while True:
        later = sa.or_(_e.at > at, _e.stream_id > stream, sa.and_(_e.stream_id == stream, _e.seq > seq))
        query = sa.select(trail_event).where(_e.at >= at, _e.at < until, later)
        async with db.read() as tx:
            page = (await tx.execute(query.order_by(_e.at, _e.stream_id, _e.seq).limit(_PAGE))).mappings().all()
        for row in page:
            try:
                yield placed(row)
            except UnfitEvent:
                continue
        if len(page) < _PAGE:
            return
        at, stream, seq = page[-1]["at"], page[-1]["stream_id"], page[-1]["seq"]


async def examine(db: Db, around: Surroundings, since: int, until: int, only: Collection[str] = ()) -> list[Finding]:
    """As `run`, over the events of the database from `since` (included) to `until` (not)."""
    watches = [RULES[code].watch(around) for code in (only or RULES)]
    async for one in in_order(db, since, until):
        for watch in watches:
            watch.see(one)
    return [found for watch in watches for found in watch.end()]
