"""Facts for a decision: the principal's standing, the catalogue's view of each field, the best grant, the wall."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from gateway.domain.catalogue import DataItem
from gateway.domain.entry import SPECS, item_of
from gateway.domain.principal import Principal
from gateway.errors import Problem, Refusal, declare
from gateway.runtime import Gateway
from gateway.store import catalogue as catalogue_store
from gateway.store.db import Tx
from gateway.store.disclosure import GrantRow, Row, Standing, standing
from policies.decision import REASONS, Lack, Refused
from policies.vocabulary import NO_GRANT, Context, Facts, GrantFacts, Object, Resource, Subject, WallFacts

RIGHTS_CHANGED = declare(
    "rights-changed", "unauthenticated",
    zh="您的权限已变更", en="Your rights have changed since you signed in",
    remedy_zh="请重新登录", remedy_en="Sign in again",
)  # fmt: skip
UNKNOWN_FIELD = declare(
    "unknown-field", "invalid",
    zh="没有这个字段", en="There is no such field",
    remedy_zh="请在数据清单中查看可用字段", remedy_en="See the catalogue for the fields there are",
)  # fmt: skip

# Who may be told the rule and the conditions of a refusal. Everybody else gets the coarse reason.
_EXPLAINED = frozenset({"compliance", "cco"})
_CLASSES = 4096  # combinations of fields kept in mind for one version of the catalogue


@dataclass(frozen=True, slots=True)
class View:
    """The catalogue as fields: which item a field belongs to, at which version of the catalogue."""

    version: int
    items: dict[str, DataItem]
    classes: dict[tuple[str, str, frozenset[str]], tuple["FieldClass", ...]] = field(default_factory=dict)  # as met

    def item(self, group: str, field: str, kind: str = "firm") -> DataItem | None:
        """The item that `field` of a record owned by an institution of `kind` belongs to, or None."""
        if all(spec.name != field for spec in SPECS.get(group, ())):
            return None
        return self.items.get(item_of(group, field, family=FAMILIES.get(kind, "INT")))

    def items_of(self, group: str, kind: str) -> list[DataItem]:
        """The items under which an institution of `kind` offers the fields of `group`."""
        found = {item.code: item for spec in SPECS.get(group, ()) if (item := self.item(group, spec.name, kind))}
        return list(found.values())


# Where suppliers share a field, each kind of institution offers it under items of its own.
FAMILIES = {
    "firm": "INT",
    "park": "PRK",
    "government": "GOV",
    "equity_market": "REX",
    "bank": "FIN",
    "guarantor": "FIN",
    "insurer": "FIN",
    "lessor": "FIN",
    "intermediary": "FIN",
}


@dataclass(frozen=True, slots=True)
class FieldClass:
    """Fields of one group that are decided together: same mode; the level is the highest among them."""

    mode: str
    level: int
    fields: frozenset[str]
    items: tuple[str, ...]
    personal: bool
    sensitive: bool
    discoverable: bool
    readable: bool
    levels: dict[str, int]  # of each field


async def known_standing(tx: Tx, by: Principal) -> Standing:
    """The principal's standing in this transaction. Raises `Problem(rights-changed)` when it is not what was signed in."""
    return still_standing(await standing(tx, by.id), by)


def still_standing(now: Standing | None, by: Principal) -> Standing:
    """`now`, when it is what was signed in. Raises `Problem(rights-changed)` as `known_standing` does."""
    if now is None or now.generation != by.generation:
        raise Problem(RIGHTS_CHANGED)
    return now


async def view(gw: Gateway, tx: Tx, version: int) -> View:
    """The catalogue at `version`, kept in the process until another version is seen in a transaction."""
    kept: View | None = gw.state.get("catalogue-view")
    if kept is None or kept.version != version:
        items = await catalogue_store.list_items(tx)
        kept = gw.state["catalogue-view"] = View(version, {item.code: item for item in items})
    return kept


def subject(by: Principal, held: Standing, now: int) -> Subject:
    """The principal as the rules see it, with the attributes of this very moment."""
    return Subject(
        id=by.id, kind=by.kind, roles=by.roles, unit=held.unit_id, institution=held.institution_id,
        institution_kind=by.institution_kind, internal=by.internal, active=held.active, side=held.side,
        clearance=held.clearance, trained=held.trained_until > now,
    )  # fmt: skip


def field_classes(seen: View, group: str, kind: str, fields: Iterable[str]) -> tuple[FieldClass, ...]:
    """The fields by mode, in the order open, mandatory, gated, not shared; fields of no item are never released."""
    key = (group, kind, frozenset(fields))
    found = seen.classes.get(key)
    if found is None:
        found = _field_classes(seen, *key)
        if len(seen.classes) < _CLASSES:
            seen.classes[key] = found
    return found


def _field_classes(seen: View, group: str, kind: str, fields: frozenset[str]) -> tuple[FieldClass, ...]:
    by_mode: dict[tuple[str, bool], list[tuple[str, DataItem]]] = {}
    for name in sorted(fields):
        item = seen.item(group, name, kind)
        if item is not None:
            by_mode.setdefault((item.mode, item.readable), []).append((name, item))
    order = {"catalogue_open": 0, "mandatory_name_share": 1, "approval_gated": 2, "not_shared": 3}
    return tuple(
        FieldClass(
            mode=mode, level=max(item.level for _, item in held), fields=frozenset(name for name, _ in held),
            items=tuple(sorted({item.code for _, item in held})), personal=any(item.personal for _, item in held),
            sensitive=any(item.sensitive for _, item in held), discoverable=all(item.discoverable for _, item in held),
            readable=readable,
            levels={name: item.level for name, item in held},
        )
        for (mode, readable), held in sorted(by_mode.items(), key=lambda entry: (order[entry[0][0]], entry[0][1]))
    )  # fmt: skip


def object_of(fields: FieldClass, group: str, row: Row) -> Object:
    """What is asked for, as the rules see it."""
    return Object(
        mode=fields.mode, group=group, level=fields.level, owner=row.owner_unit, owner_institution=row.owner_institution,
        personal=fields.personal, sensitive=fields.sensitive, discoverable=fields.discoverable, readable=fields.readable,
        natural_person=row.natural_person, suppressed=row.suppressed,
    )  # fmt: skip


def absent(group: str) -> Object:
    """What an unknown record looks like to the rules: exactly like a suppressed one."""
    return Object(
        mode="approval_gated", group=group, level=3, owner="", owner_institution="", discoverable=False, suppressed=True
    )


def wall_of(row: Row) -> WallFacts:
    """The information barrier between the principal and the row's client."""
    return WallFacts(
        conflict=bool(row.conflict_class) and row.touched is not None and row.touched != row.client_id,
        restricted=row.restricted, watch=row.watch, quiet=row.quiet, side=row.owner_side, crossed=row.crossed,
    )  # fmt: skip


def best_grant(
    grants: Collection[GrantRow],
    owner_unit: str,
    fields: frozenset[str],
    purpose: str,
    action: str,
    channel: str,
    now: int,
) -> GrantRow | None:
    """The grant that helps most: live for this purpose and use, then the one that covers most of the fields."""
    use = action if action in {"verify", "export"} else ("view" if channel in {"console", "cli"} else "api")

    def worth(grant: GrantRow) -> tuple[int, ...]:
        live = grant.not_before <= now < grant.not_after and (
            grant.use_limit is None or grant.use_count < grant.use_limit
        )
        covered = len(fields & grant.fields(owner_unit)) if fields else len(grant.fields(owner_unit))
        return (grant.purpose == purpose, live, use in grant.uses, covered, grant.not_after)

    return max(grants, key=worth, default=None)


def grant_facts(grant: GrantRow | None, owner_unit: str, fields: frozenset[str], record_id: str) -> GrantFacts:
    """The grant measured against this access. Its look-up already tied it to the principal, the client and the group."""
    if grant is None:
        return NO_GRANT
    return GrantFacts(
        present=True, active=True, purpose=grant.purpose, not_before=grant.not_before, not_after=grant.not_after,
        grantee_ok=True, items_ok=bool(fields) and fields <= grant.fields(owner_unit), scope_ok=True,
        uses_left=grant.use_limit is None or grant.use_count < grant.use_limit,
        view="view" in grant.uses, api="api" in grant.uses, verify="verify" in grant.uses, export="export" in grant.uses,
        owner_ok="owner" in grant.approvals, compliance_ok="compliance" in grant.approvals, cco_ok="cco" in grant.approvals,
        pi_ok="pi" in grant.approvals, consent_ok=grant.carries(record_id),
    )  # fmt: skip


def facts(
    decision_id: str, who: Subject, what: Object, action: str, *, purpose: str, now: int, channel: str,
    resource: Resource, grant: GrantFacts = NO_GRANT, wall: WallFacts | None = None,
) -> Facts:  # fmt: skip
    """Everything the decision may depend on, in one value."""
    return Facts(
        decision_id=decision_id, subject=who, object=what, action=action, grant=grant, wall=wall or WallFacts(),
        context=Context(purpose=purpose, now=now, channel=channel), resource=resource,
    )  # fmt: skip


def explained(by: Principal) -> bool:
    """Whether `by` is told rules and walls."""
    return bool(by.roles & _EXPLAINED)


def refusal(by: Principal, decision: Refused) -> Refusal:
    """The refusal as `by` may see it: the coarse reason for everybody, rule and lacking conditions for compliance."""
    words = REASONS[decision.reason]
    told = explained(by)
    return Refusal(
        decision_id=decision.decision_id, reason=decision.reason, zh=words.zh, en=words.en, how_zh=words.how_zh,
        how_en=words.how_en, rule=decision.rule if told else "", explanation=_told(decision.nearest) if told else (),
    )  # fmt: skip


def _told(nearest: Iterable[Lack]) -> tuple[str, ...]:
    return tuple(f"{lack.rule}: {'; '.join(lack.conditions)}" for lack in nearest)
