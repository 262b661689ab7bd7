"""The information barrier as compliance keeps it: suppressed names, lists, quiet periods, crossings."""

from typing import Literal

from pydantic import Field

from .base import Answer, Ask, Instant, Page, Paged, Route

WHY = Field(min_length=4, max_length=500, description="理由(仅合规可见) / Why; seen by compliance only")
Listing = Literal["watch", "restricted", "quiet"]
BarrierState = Literal["proposed", "active", "ended", "rejected"]


class ProposeSuppression(Ask):
    client_id: str = Field(max_length=36)
    reason: str = WHY
    not_after: Instant = Field(description="终止时刻 / End")


class ProposeListing(Ask):
    client_id: str = Field(max_length=36)
    kind: Listing
    reason: str = WHY
    not_before: Instant | None = Field(None, description="起始,空为立即 / Start, null: at once")
    not_after: Instant


class RequestCrossing(Ask):
    """Ask to be brought over the wall for one client and project."""

    client_id: str = Field(max_length=36)
    project: str = Field(min_length=2, max_length=100)
    reason: str = Field(min_length=10, max_length=500)
    not_after: Instant


class BarrierId(Ask):
    barrier_id: str = Field(max_length=36)


class ListBarriers(Paged):
    client_id: str = Field("", max_length=36)
    state: BarrierState | Literal[""] = ""


class BarrierOut(Answer):
    """A suppression, a listing or a crossing. Only compliance sees the first two."""

    barrier_id: str
    kind: Literal["suppression", "watch", "restricted", "quiet", "crossing"]
    client_id: str
    person_id: str = ""
    project: str = ""
    reason: str
    state: BarrierState
    not_before: Instant
    not_after: Instant
    proposed_by: str
    confirmed_by: str | None = None
    created_at: Instant


def _routes(noun: str, path: str, ask: type[Ask], zh: str, en: str, first: str) -> tuple[Route, ...]:
    tag = "barrier"
    second = "approve" if noun == "crossing" else "confirm"
    return (
        Route(f"{first}_{noun}", "POST", f"/v1/{path}", ask, BarrierOut, tag, f"提出{zh}", f"{first.title()} a {en}", status=201),
        Route(f"{second}_{noun}", "POST", f"/v1/{path}/{{barrier_id}}/{second}", BarrierId, BarrierOut, tag, f"确认{zh}", f"{second.title()} a {en}"),
        Route(f"end_{noun}", "POST", f"/v1/{path}/{{barrier_id}}/end", BarrierId, BarrierOut, tag, f"终止{zh}", f"End a {en}"),
        Route(f"list_{noun}s", "GET", f"/v1/{path}", ListBarriers, Page[BarrierOut], tag, f"{zh}列表", f"List {en}s"),
    )  # fmt: skip


ROUTES: tuple[Route, ...] = (
    *_routes("suppression", "suppressions", ProposeSuppression, "名称屏蔽", "name suppression", "propose"),
    *_routes("listing", "listings", ProposeListing, "名单与静默期", "listing", "propose"),
    *_routes("crossing", "crossings", RequestCrossing, "跨墙", "wall crossing", "request"),
)
