"""How a grant is shown."""

from gateway.domain.access import Grant, why_not_renewable
from gateway.domain.catalogue import Catalogue
from gateway.runtime import Gateway
from gateway.schemas.grants import GrantOut, ItemGrantOut, ScopeOut
from gateway.store.db import Tx
from gateway.store.grants import StoredGrant
from gateway.store.names import UnitName, people_named, units_named
from gateway.usecases._catalogue import purposes_of


def state_of(grant: Grant, now: int) -> str:
    """What holds at `now`: an active grant past its end is expired, whatever the clocks have written down."""
    return "expired" if grant.state == "active" and now >= grant.not_after else grant.state


async def grant_out(
    gw: Gateway, tx: Tx, stored: StoredGrant, catalogue: Catalogue, acts: tuple[str, ...] = ()
) -> GrantOut:
    """The grant as it goes over the wire."""
    units = await units_named(tx, [stored.grant.grantee.unit])
    people = await people_named(tx, [stored.grant.grantee.id] if stored.grant.grantee.kind == "person" else [])
    return shown(gw, stored, catalogue, units, people, tx.now, acts)


def shown(
    gw: Gateway, stored: StoredGrant, catalogue: Catalogue, units: dict[str, UnitName], people: dict[str, str],
    now: int, acts: tuple[str, ...] = (),
) -> GrantOut:  # fmt: skip
    """The grant as it goes over the wire, with the names given."""
    grant = stored.grant
    unit, purpose = units.get(grant.grantee.unit), purposes_of(gw).purposes.get(grant.purpose)
    person = grant.grantee.id if grant.grantee.kind == "person" else None
    why = why_not_renewable(grant, purpose=grant.purpose, now=now, last_used_at=stored.last_used_at)
    return GrantOut(
        grant_id=grant.id, request_id=grant.request_id, state=state_of(grant, now),
        grantee_unit=grant.grantee.unit, grantee_unit_zh=unit.zh if unit else "",
        grantee_unit_en=unit.en if unit else "",
        grantee_person=person, grantee_name=people.get(person) if person else None, grantors=grant.grantors,
        items=_items(grant, catalogue),
        scope=ScopeOut(clients=grant.scope.clients, tags=grant.scope.tags, parks=grant.scope.parks),
        purpose=grant.purpose, purpose_zh=purpose.zh if purpose else "", purpose_en=purpose.en if purpose else "",
        uses=grant.uses, not_before=grant.not_before, not_after=grant.not_after, row_cap=grant.row_cap,
        masked="mask" in grant.obligations, use_limit=grant.use_limit, use_count=stored.use_count,
        rate_per_hour=grant.rate_per_hour, obligations=grant.obligations, terms_hash=grant.terms_hash,
        policy_epoch=grant.policy_epoch, catalogue_version=grant.catalogue_version, entry_id=stored.entry_id,
        renewals=grant.renewals, renewable=why == "", last_used_at=stored.last_used_at,
        revoked_at=grant.ended_at if grant.state == "revoked" else None,
        revoked_reason=grant.end_reason or None if grant.state == "revoked" else None, created_at=grant.granted_at,
        acts=acts,
    )  # fmt: skip


def _items(grant: Grant, catalogue: Catalogue) -> tuple[ItemGrantOut, ...]:
    items = []
    for each in grant.items:
        item = catalogue.find(each.code)
        items.append(
            ItemGrantOut(
                item_code=each.code, name_zh=item.name_zh if item else "", name_en=item.name_en if item else "",
                group=each.group, level=each.level, owner_unit=" ".join(each.owners), fields=each.fields,
            )
        )  # fmt: skip
    return tuple(items)
