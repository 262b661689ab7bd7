"""Telling people: a notice in the inbox, a mail and a post to webhooks, all in the business transaction."""

from collections.abc import Iterable, Mapping

from gateway.domain.notices import checked, rendered
from gateway.store import notices as store
from gateway.store.db import Tx


async def notify(
    tx: Tx,
    kind: str,
    people: Iterable[str],
    *,
    subject: tuple[str, str],
    besides: str = "",
    units: Iterable[str] = (),
    **parameters: str | int,
) -> int:
    """Each active one of `people` is told once; returns how many.

    `subject` is (kind, id) of the thing the notice is about, `besides` the one who acted and need not be told.
    Webhooks of the people's units, and of `units`, that want this kind get it too. Nothing but identifiers, codes,
    dates and counts may be said: anything else raises `UnfitNotice`.
    """
    words = checked(kind, parameters)
    told = await store.addressees(tx, {each for each in people if each and each != besides})
    await store.add_notices(tx, [each.person_id for each in told], kind, *subject, words)
    text = rendered(kind, words)
    parcels: list[tuple[str, str, Mapping[str, str]]] = []
    for each in told:
        if each.email:
            english = each.locale.startswith("en")
            first, second = (text.text_en, text.text_zh) if english else (text.text_zh, text.text_en)
            title = text.title_en if english else text.title_zh
            parcels.append(("mail", each.email, {"subject": title, "text": f"{first}\n\n{second}\n"}))
    body = {"kind": kind, "subject_kind": subject[0], "subject_id": subject[1]}
    body |= {f"p.{name}": value for name, value in words.items()}
    for hook in await store.list_webhooks(tx, {*(each.unit_id for each in told), *units}):
        if hook.wants(kind):
            parcels.append(("webhook", hook.webhook_id, body))
    await store.queue_parcels(tx, parcels)
    return len(told)
