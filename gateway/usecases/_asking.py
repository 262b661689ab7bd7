"""What a request rests on: whose data it touches, whether it is complete, which consents carry it."""

from dataclasses import dataclass, replace

from gateway.domain.access import (
    INVALID_REQUEST,
    AccessRequest,
    FormContext,
    Grantee,
    ItemTerms,
    Scope,
    Step,
    Terms,
    overlaps,
    route,
)
from gateway.domain.catalogue import DataItem, held_outside, owner_units
from gateway.domain.consent import Authorisation, Consent, Permission, covers
from gateway.domain.entry import fields_of, item_of
from gateway.domain.principal import Principal
from gateway.errors import CONFLICT, FieldError, Problem, declare
from gateway.runtime import Gateway
from gateway.schemas.requests import ItemAsk, RequestForm
from gateway.store import consents, grants, scopes
from gateway.store.db import Tx
from gateway.store.names import units_named
from gateway.usecases._catalogue import Snapshot, purposes_of, snapshot
from gateway.usecases._facts import FAMILIES

NOBODY_SUPPLIES = declare(
    "nobody-supplies", "conflict",
    zh="所列数据项在该企业范围内没有供给单位", en="Nobody supplies these items for these enterprises",
    remedy_zh="请调整企业范围或数据项,或联系数据管理员", remedy_en="Change scope or items, or ask the data steward",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ground:
    """The facts a request is judged by, of one moment: its items, the clients meant, and whose records they are."""

    seen: Snapshot
    items: tuple[DataItem, ...]
    scope: Scope  # with the clients' identifiers; unknown ones are gone
    named: dict[str, str]  # client id by the name that was written
    owners: dict[str, tuple[str, ...]]  # item code -> units
    cross_wall: bool
    now: int

    @property
    def units(self) -> frozenset[str]:
        """Every owning unit."""
        return frozenset(unit for units in self.owners.values() for unit in units)

    @property
    def level(self) -> int:
        """The highest level among the items."""
        return max((item.level for item in self.items), default=1)

    @property
    def personal(self) -> bool:
        """Whether an item holds personal data."""
        return any(item.personal for item in self.items)


def grantee_of(by: Principal, form: RequestForm) -> Grantee:
    """Who would receive: the requester alone, or the whole unit."""
    kind, who = ("person", by.id) if form.grantee == "person" else ("unit", by.unit_id)
    return Grantee(kind, who, by.unit_id, by.institution_id, by.institution_kind)


def item_terms(asked: tuple[ItemAsk, ...]) -> tuple[ItemTerms, ...]:
    """Items with their fields named one by one; none named means all that the item has."""
    return tuple(
        ItemTerms(each.item_code, each.fields or tuple(field.name for field in fields_of(each.item_code)))
        for each in asked
    )


async def terms_of(tx: Tx, by: Principal, form: RequestForm) -> Terms:
    """The terms that the form asks for.

    Inside the firm, where names are known to all, a client that is not there is an error of the form. Partners keep
    what they wrote: whether a client exists must not be learned here.
    """
    clients = tuple(dict.fromkeys(form.scope.clients))
    if clients and by.internal:
        known = await scopes.resolve_clients(tx, clients)
        missing = tuple(
            FieldError("scope", f"名单第{n}项没有找到", f"entry {n} of the list is not found", None, "unknown-client")
            for n, name in enumerate(clients, start=1)
            if name not in known
        )
        if missing:
            raise Problem(INVALID_REQUEST, errors=missing[:100])
        clients = tuple(dict.fromkeys(known[name] for name in clients))
    return Terms(
        items=item_terms(form.items), scope=Scope(clients, form.scope.tags, form.scope.parks), row_cap=form.row_cap,
        uses=tuple(dict.fromkeys(form.uses)), term_days=form.term_days, use_limit=form.use_limit,
        rate_per_hour=form.rate_per_hour, masked=form.masked,
    )  # fmt: skip


async def ground_of(gw: Gateway, tx: Tx, request: AccessRequest) -> Ground:
    """The ground of a request as it stands in this transaction. Items that are not in the catalogue are left out."""
    seen = await snapshot(gw, tx)
    items = tuple(item for code in request.terms.codes if (item := seen.catalogue.find(code)))
    named = await scopes.resolve_clients(tx, request.terms.scope.clients)
    clients = tuple(dict.fromkeys(named.values()))
    scope = Scope(clients, request.terms.scope.tags, request.terms.scope.parks)
    owners = await _owners(tx, items, scope)
    sides = await units_named(tx, {request.requester_unit, *(unit for units in owners.values() for unit in units)})
    own = sides.get(request.requester_unit)
    cross = own is not None and own.side == "public" and any(each.side == "private" for each in sides.values())
    return Ground(seen, items, scope, named, owners, cross, tx.now)


async def _owners(tx: Tx, items: tuple[DataItem, ...], scope: Scope) -> dict[str, tuple[str, ...]]:
    """For each item the units that have to agree.

    1. the units that own records of it in the scope; 2. else the unit named in the catalogue, where it is a body;
    3. else the lead departments of the clients; 4. else whoever keeps the item. The last two never depend on a
    client being known, so that nobody learns from the route whether it is.
    """
    held = await scopes.owners_within(tx, {item.group for item in items}, scope)
    leads = await scopes.lead_units(tx, scope.clients)
    live = await scopes.live_units(tx, {*leads, *(u for item in items for u in (item.owner_unit, item.steward) if u)})
    found: dict[str, tuple[str, ...]] = {}
    for item in items:
        units = {unit for kind in _kinds_of(item) for unit in held.get((item.group, kind), ())}
        stands_in = owner_units().get(item.owner_unit)
        if not units and item.owner_unit in live:
            units = {item.owner_unit}
        if not units and stands_in is not None and stands_in.kind == "firm":
            units = set(leads & live)
        if not units and item.steward in live:
            units = {item.steward}
        if units:
            found[item.code] = tuple(sorted(units))
    return found


def _kinds_of(item: DataItem) -> list[str]:
    """The kinds of institutions whose records carry the fields of an item."""
    return [
        kind
        for kind, family in FAMILIES.items()
        if any(
            item_of(item.group, spec.name, family=family) == item.code
            for spec in fields_of(item.code)
            if spec.group == item.group
        )
    ]


def form_context(gw: Gateway, by: Principal, ground: Ground) -> FormContext:
    """What the form is checked against."""
    known = purposes_of(gw)
    usable = [code for code in known.purposes if known.may_state(code, by.roles, by.institution_kind)]
    return FormContext(
        catalogue=ground.seen.catalogue, now=ground.now, purposes=usable, owners=ground.owners,
        fields={item.code: [spec.name for spec in fields_of(item.code)] for item in ground.items},
    )  # fmt: skip


def route_of(request: AccessRequest, ground: Ground) -> tuple[Step, ...]:
    """The steps that the request takes. Raises `Problem(nobody-supplies)` when an item has no owner."""
    orphans = [item.code for item in ground.items if item.code not in ground.owners]
    if orphans:
        raise Problem(NOBODY_SUPPLIES, field="items", extra={"items": orphans})
    return route(
        ground.items, requester_unit=request.requester_unit, partner=request.grantee.partner,
        rows=request.terms.row_cap, owners=ground.owners, cross_wall=ground.cross_wall,
        unpublished=[item.code for item in ground.items if not item.discoverable],
    )  # fmt: skip


async def consent_errors(tx: Tx, request: AccessRequest, ground: Ground) -> tuple[FieldError, ...]:
    """What the consents named by the request do not carry; empty when they do.

    Every client of the list needs, for each item that wants one, a permission for this receiver and purpose: a
    person's separate consent (PIPL arts. 23, 29) or the enterprise's authorisation. Which persons may be read under
    it is looked at again at every read.
    """
    wanting = [item for item in ground.items if _wants_person(item, request) or item.needs_authorisation]
    held = await consents.consents_named(tx, request.consents)
    errors = []
    if len(held) < len(set(request.consents)):
        errors.append(_error("有编号未登记;请核对", "a number is not on file; check it", "unknown-consent"))
    if wanting and (request.terms.scope.tags or request.terms.scope.parks):
        errors.append(
            FieldError(
                "scope", "须逐一列明企业,不得用标签或园区", "list the enterprises; no tag or park", None, "list-needed"
            )
        )
    for item in wanting:
        lacking = sum(
            not _carried(item, ground.named.get(name, ""), request, held, ground.now)
            for name in request.terms.scope.clients
        )
        if lacking:
            zh, en = (
                f"{item.code} 有{lacking}家企业缺少有效同意或授权",
                f"{item.code}: {lacking} enterprises lack a valid one",
            )
            errors.append(_error(zh, en, "consent-not-covering"))
    return tuple(errors)


def _wants_person(item: DataItem, request: AccessRequest) -> bool:
    return item.personal and (item.sensitive or request.grantee.partner or held_outside(item))


def _carried(item: DataItem, client: str, request: AccessRequest, held: list[Permission], now: int) -> bool:
    fitting = [
        each
        for each in held
        if each.client_id == client and covers(each, request.grantee.institution, request.purpose, item.code, now)
    ]
    if item.needs_authorisation and not any(isinstance(each, Authorisation) for each in fitting):
        return False
    if not _wants_person(item, request):
        return True
    return any(isinstance(each, Consent) and each.kind in ("separate", "written") for each in fitting)


def _error(zh: str, en: str, code: str) -> FieldError:
    return FieldError("consents", zh, en, None, code)


async def held_already(tx: Tx, request: AccessRequest, ground: Ground) -> dict[str, str]:
    """Item code -> live grant that gives the same to the same receiver for the same purpose, wholly or in part."""
    live = await grants.live_grants_of(tx, request.requester_unit, request.terms.codes)
    terms = replace(request.terms, scope=ground.scope)
    inside = frozenset[str]()
    for grant in live:
        inside |= await scopes.clients_within(tx, ground.scope.clients, grant.scope)
    found: dict[str, str] = {}
    for each in overlaps(terms, request.grantee, request.purpose, live, ground.now, inside):
        for code in each.items:
            found.setdefault(code, each.grant_id)
        if each.covers:
            return dict.fromkeys(terms.codes, each.grant_id) | {"": each.grant_id}
    return found


def check_not_held(held: dict[str, str]) -> None:
    """Raises `Problem(conflict)` when one live grant gives everything that is asked for already."""
    if "" in held:
        raise Problem(
            CONFLICT, field="items", extra={"grant_id": held[""]},
            detail_zh="已有有效授权覆盖本申请", detail_en="a live grant covers all of this already",
        )  # fmt: skip
