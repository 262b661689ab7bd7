"""Names: the card that every department sees, and what there is to ask for behind it."""

from gateway.domain.ids import random_id
from gateway.domain.names import search_key
from gateway.domain.principal import Principal
from gateway.domain.uscc import normalise as normalise_uscc
from gateway.errors import Refusal
from gateway.runtime import Gateway, event_of
from gateway.schemas.disclosure import CardPage, ClientCard, ClientView, GetClient, Holding, SearchClients
from gateway.store import clients as store
from gateway.store import disclosure
from gateway.store.clients import Card, Sought
from gateway.store.db import Tx
from gateway.store.disclosure import Standing
from gateway.usecases import _facts
from policies.decision import Allowed, Decision, Refused
from policies.vocabulary import Object, Resource

__all__ = ["get_client", "search_clients"]

_GROUP = "client_name"
_CARD_FIELDS = frozenset({"name", "uscc", "lead_unit", "lead_rm", "recognition", "protection"})
_ITEMS = tuple(f"INT-NAM-{number:03}" for number in range(1, 7))


async def search_clients(gw: Gateway, by: Principal, ask: SearchClients) -> CardPage | Refusal:
    """Cards whose name, pinyin initials, English name or code match, by key.

    Every department sees every institutional client; a partner sees the clients it brought in. A suppressed name is
    as if it were not there: not in the list, its length or its paging.
    """
    read_id = random_id()
    async with gw.db.read() as tx:
        held = await _facts.known_standing(tx, by)
        mandatory = _decide(gw, by, held, read_id, tx.now, owner="", institution="")
        own = _decide(gw, by, held, read_id, tx.now, owner=held.unit_id, institution=held.institution_id, own=True)
        decision = mandatory if isinstance(mandatory, Allowed) else own
        cards: list[Card] = []
        if isinstance(decision, Allowed):
            sought = _sought(ask, held, isinstance(mandatory, Allowed), isinstance(own, Allowed), by)
            if not ask.q.strip() or sought.terms:  # nothing but punctuation names nobody
                cards = await store.search_cards(tx, sought, ask.after or "", ask.limit + 1)
        now = tx.now
    shown = cards[: ask.limit]
    await gw.recorded(
        event_of(by, "search", now, target_kind="group", target_id=_GROUP, items=_ITEMS if shown else (), record_count=len(shown),
                 outcome="allowed" if isinstance(decision, Allowed) else "refused", rule=decision.rule, reason=decision.reason,
                 policy_epoch=decision.epoch, read_id=read_id, details={"length": len(ask.q)})
    )  # fmt: skip
    if isinstance(decision, Refused):
        return _facts.refusal(by, decision)
    more = len(cards) > ask.limit
    return CardPage(items=tuple(map(_shown, shown)), next=shown[-1].client_id if more else None, decision_id=read_id)


async def get_client(gw: Gateway, by: Principal, ask: GetClient) -> ClientView | Refusal:
    """The card of one client, and what exists about it, group by group, with how to get at it.

    An unknown client, a suppressed one and one that `by` may not know of get the same answer.
    """
    read_id = random_id()
    async with gw.db.read() as tx:
        held = await _facts.known_standing(tx, by)
        card = await store.find_card(tx, ask.client_id, held.unit_id)
        decision = _decide_card(gw, by, held, card, read_id, tx.now)
        holdings: tuple[Holding, ...] = ()
        if card is not None and isinstance(decision, Allowed):
            seen = await _facts.view(gw, tx, held.catalogue_version)
            holdings = await _holdings(gw, tx, by, held, seen, card, read_id)
        now = tx.now
    await gw.recorded(
        event_of(by, "card", now, target_kind="client", target_id=ask.client_id if ask.client_id.isascii() else "not-an-identifier",
                 client_id=card.client_id if card else "", items=_ITEMS if isinstance(decision, Allowed) else (),
                 record_count=1 if isinstance(decision, Allowed) else 0,
                 outcome="allowed" if isinstance(decision, Allowed) else "refused", rule=decision.rule, reason=decision.reason,
                 policy_epoch=decision.epoch, read_id=read_id)
    )  # fmt: skip
    if isinstance(decision, Refused) or card is None:
        assert isinstance(decision, Refused)
        return _facts.refusal(by, decision)
    return ClientView(card=_shown(card), holdings=holdings, decision_id=read_id)


def _decide_card(gw: Gateway, by: Principal, held: Standing, card: Card | None, read_id: str, now: int) -> Decision:
    if card is not None and card.institutional and not card.natural_person:
        decision = _decide(gw, by, held, read_id, now, owner="", institution="", suppressed=card.suppressed)
        if isinstance(decision, Allowed):
            return decision
    if card is not None and card.known:
        return _decide(
            gw, by, held, read_id, now, owner=held.unit_id, institution=held.institution_id, own=True, suppressed=card.suppressed
        )  # fmt: skip
    # The answer for a client that is not there depends on who asks and on nothing else.
    nobody = _decide(gw, by, held, read_id, now, owner="", institution="", suppressed=True)
    return (
        Refused(read_id, "ABSENT", "suppressed-or-absent", gw.policy.epoch) if isinstance(nobody, Allowed) else nobody
    )


def _decide(
    gw: Gateway, by: Principal, held: Standing, read_id: str, now: int, *, owner: str, institution: str, own: bool = False,
    suppressed: bool = False,
) -> Decision:  # fmt: skip
    """The card under the mandatory mode, or a name that the unit brought in itself, as its owner."""
    what = Object(
        mode="approval_gated" if own else "mandatory_name_share", group=_GROUP, level=2, owner=owner,
        owner_institution=institution, readable=True, suppressed=suppressed,
    )  # fmt: skip
    return gw.policy.decide(
        _facts.facts(read_id, _facts.subject(by, held, now), what, "read", purpose="none", now=now, channel=by.channel,
                     resource=Resource(_GROUP, frozenset(), _CARD_FIELDS))
    )  # fmt: skip


def _sought(ask: SearchClients, held: Standing, mandatory: bool, own: bool, by: Principal) -> Sought:
    text = ask.q.strip()
    code = normalise_uscc(text) if text else ""
    ascii_text = text.isascii() and text.replace(" ", "").replace(".", "").isalnum()
    return Sought(
        uscc=code if ascii_text and len(code) >= 6 else "",
        name_key=search_key(text) if text else "",
        initials=text.lower().replace(" ", "") if ascii_text and text.replace(" ", "").isalpha() else "",
        english=text.lower() if ascii_text else "",
        park_id=ask.park_id, tag=ask.tag, institutional=mandatory, known_to=held.unit_id if own else None,
        show_suppressed=bool(by.roles & {"compliance", "cco"}),
    )  # fmt: skip


async def _holdings(
    gw: Gateway, tx: Tx, by: Principal, held: Standing, seen: _facts.View, card: Card, read_id: str
) -> tuple[Holding, ...]:
    """The entries, never the values: only groups whose items `by` may discover."""
    entries: list[Holding] = []
    who = _facts.subject(by, held, tx.now)
    scopes = [f"client:{card.client_id}", *(f"tag:{tag}" for tag in card.tags)]
    if card.park_id:
        scopes.append(f"park:{card.park_id}")
    for each in await store.holdings(tx, card.client_id):
        items = seen.items_of(each.field_group, each.owner_kind)
        for mode in ("catalogue_open", "approval_gated", "not_shared"):
            of_mode = [item for item in items if item.mode == mode]
            if not of_mode:
                continue
            level = max(item.level for item in of_mode)
            known = gw.policy.decide(
                _facts.facts(read_id, who,
                             Object(mode, each.field_group, level, each.owner_unit, each.owner_institution,
                                    personal=any(item.personal for item in of_mode), discoverable=all(item.discoverable for item in of_mode),
                                    natural_person=card.natural_person, suppressed=card.suppressed),
                             "discover", purpose="none", now=tx.now, channel=by.channel,
                             resource=Resource(each.field_group, frozenset(), frozenset()))
            )  # fmt: skip
            if isinstance(known, Refused):
                continue
            own = each.owner_unit == held.unit_id
            grant = None
            if mode == "approval_gated" and not own:
                grants = await disclosure.grants_for(tx, held.unit_id, by.id, each.field_group, scopes)
                live = [g for g in grants if g.fields(each.owner_unit) and g.not_before <= tx.now < g.not_after]
                grant = max(live, key=lambda g: g.not_after, default=None)
            entries.append(
                Holding(
                    field_group=each.field_group, owner_unit=each.owner_unit, owner_name=each.owner_name, mode=mode, level=level,
                    items=tuple(sorted(item.code for item in of_mode)),
                    access="own" if own else "open" if mode == "catalogue_open" else "never" if mode == "not_shared"
                    else "granted" if grant else "apply",
                    grant_id=grant.grant_id if grant else None, not_after=grant.not_after if grant else None,
                )
            )  # fmt: skip
    return tuple(entries)


def _shown(card: Card) -> ClientCard:
    return ClientCard(
        client_id=card.client_id, name=card.name, uscc=card.uscc, lead_unit=card.lead_unit, lead_unit_name=card.lead_unit_name,
        lead_rm=card.lead_rm, recognition=card.recognition, recognised_on=card.recognised_on,
        protected_from=card.protected_from, protected_to=card.protected_to,
    )  # fmt: skip
