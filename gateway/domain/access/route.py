"""Who has to sign: the steps that a request takes, by level, personal data, receiver and size.

Source: domain rules of application and approval. L2 needs department head and owner, L3 compliance as well, L4 the
chief compliance officer too; personal data, partners, crossings of a wall and bulk need compliance at any level.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from gateway.domain.access.form import REVIEW_STATES, Step
from gateway.domain.access.words import form_error
from gateway.domain.catalogue import DataItem
from gateway.errors import FieldError, Problem, declare

BULK_ROWS: Final = 500

CANNOT_BE_ASKED = declare(
    "cannot-be-requested", "invalid",
    zh="所列数据项不能或无需申请", en="Some items cannot be, or need not be, requested",
    remedy_zh="请从申请中去掉所列数据项", remedy_en="Take the items listed out of the request",
)  # fmt: skip


class Graded(Protocol):
    """What the rules look at in an item."""

    @property
    def level(self) -> int: ...
    @property
    def personal(self) -> bool: ...
    @property
    def sensitive(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Clocks:
    """Working days that each step may take; `offer` and `correction` are the requester's own."""

    dept_head: int = 1
    data_owner: int = 5
    data_owner_unpublished: int = 10
    compliance: int = 2
    pi_officer: int = 2
    cco: int = 1
    offer: int = 5
    correction: int = 10


def needs_request(item: DataItem, *, partner: bool) -> bool:
    """Whether values of `item` are had by request. Open, readable ones are had without; names are so by the firm's own
    departments, while partners get them by grant only. What is not shared cannot be had at all.
    """
    if item.mode == "catalogue_open":
        return not item.readable
    if item.mode == "mandatory_name_share":
        return partner
    return item.mode == "approval_gated"


def unaskable(
    items: Iterable[DataItem], *, partner: bool, unit: str, owners: Mapping[str, Collection[str]] | None = None
) -> tuple[FieldError, ...]:
    """Why each of these items has no place in a request of `unit`: not shared, important data, open anyway, or its own.

    `owners` gives for an item code the units that own the records in question; by default the catalogue's owner.
    """
    errors: list[FieldError] = []
    for item in items:
        if item.mode == "not_shared":
            code = "not-shared"
        elif item.level >= 5:
            code = "important-data"
        elif set(_owners_of(item, owners)) == {unit}:
            code = "own-data"
        elif not needs_request(item, partner=partner):
            code = "no-request-needed"
        else:
            continue
        errors.append(form_error("items", code, item=item.code, basis=item.legal_basis))
    return tuple(errors)


def route(
    items: Iterable[DataItem],
    *,
    requester_unit: str,
    partner: bool,
    rows: int,
    owners: Mapping[str, Collection[str]] | None = None,
    cross_wall: bool = False,
    unpublished: Collection[str] = (),
    clocks: Clocks | None = None,
) -> tuple[Step, ...]:
    """The steps in the order in which they are taken; owners sign side by side, all other steps one after another.

    1. the head of the requester's department, always;
    2. each owning unit (`owners`: item code -> units that own the records asked for) except the requester's own;
    3. compliance, from L3, for personal data, partners, a crossing of the wall, or more than 500 rows;
    4. the personal-information officer, where personal data goes to a partner or is sensitive;
    5. the chief compliance officer, from L4.
    Raises `Problem` `cannot-be-requested` when an item has no place in a request.
    """
    items = tuple(items)
    clocks = clocks or Clocks()
    errors = unaskable(items, partner=partner, unit=requester_unit, owners=owners)
    if errors or not items:
        raise Problem(CANNOT_BE_ASKED, field="items", errors=errors)
    every = tuple(sorted(item.code for item in items))
    steps = [Step("dept_head", requester_unit, every, clocks.dept_head)]
    by_owner: dict[str, list[str]] = {}
    for item in items:
        for unit in _owners_of(item, owners):
            if unit != requester_unit:
                by_owner.setdefault(unit, []).append(item.code)
    for unit, codes in sorted(by_owner.items()):
        days = clocks.data_owner_unpublished if set(codes) & set(unpublished) else clocks.data_owner
        steps.append(Step("data_owner", unit, tuple(sorted(set(codes))), days))
    for role in sorted(
        extra_roles(items, partner=partner, rows=rows, cross_wall=cross_wall), key=list(REVIEW_STATES).index
    ):
        steps.append(Step(role, "", every, getattr(clocks, role)))
    return tuple(steps)


def extra_roles(items: Iterable[Graded], *, partner: bool, rows: int, cross_wall: bool = False) -> frozenset[str]:
    """The roles that must sign besides department head and owners: rules 3 to 5 of `route`."""
    items = tuple(items)
    personal = any(item.personal for item in items)
    level = max(item.level for item in items)
    roles: set[str] = set()
    if level >= 3 or personal or partner or cross_wall or rows > BULK_ROWS:
        roles.add("compliance")
    if (personal and partner) or any(item.sensitive for item in items):
        roles.add("pi_officer")
    if level >= 4:
        roles.add("cco")
    return frozenset(roles)


def _owners_of(item: DataItem, owners: Mapping[str, Collection[str]] | None) -> Collection[str]:
    found = owners.get(item.code) if owners else None
    return found or (item.owner_unit,)
