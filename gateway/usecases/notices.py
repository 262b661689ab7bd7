"""The inbox, the webhooks of a unit, and the sending of what waits in the outbox."""

import secrets
from urllib.parse import urlsplit

from gateway.domain.ids import random_id
from gateway.domain.notices import KINDS, rendered
from gateway.domain.principal import Principal
from gateway.errors import INVALID_INPUT, NOT_FOUND, FieldError, Problem, Refusal
from gateway.runtime import Gateway, WriteTx, event_of
from gateway.schemas.base import Done, Nothing, Page
from gateway.schemas.notices import (
    ListNotices,
    NoticeOut,
    NoticePage,
    ReadNotice,
    RegisterWebhook,
    RemoveWebhook,
    WebhookOut,
)
from gateway.sealing.keyring import INSTALLATION
from gateway.sealing.secret import WEBHOOK, open_secret, seal_secret, secret_key_id
from gateway.store import notices as store
from gateway.store import operation
from gateway.store.notices import Parcel, Webhook
from gateway.usecases import _moves
from gateway.usecases._delivery import NotDelivered, Post, send_mail, send_post
from ledger.entry import b64url
from policies.vocabulary import MoveObject

__all__ = ["list_notices", "list_webhooks", "read_notice", "register_webhook", "remove_webhook"]

_SECOND = 1_000_000
_BATCH = 20
_LEASE = 600 * _SECOND  # longer than a batch of time-outs
_LAST_ATTEMPT = 12
_LONGEST_WAIT = 6 * 3600 * _SECOND
_MOST_WEBHOOKS = 10


async def list_notices(gw: Gateway, by: Principal, ask: ListNotices) -> NoticePage:
    """The caller's own inbox, newest first."""
    async with gw.db.read() as tx:
        await _moves.acting(tx, by)
        rows = await store.list_notices(tx, by.id, unread=ask.unread, below=ask.after, limit=ask.limit + 1)
        unread = await store.count_unread(tx, by.id)
    shown = []
    for each in rows[: ask.limit]:
        words = rendered(each.kind, each.parameters)
        shown.append(
            NoticeOut(
                notice_id=each.notice_id, kind=each.kind, subject_kind=each.subject_kind, subject_id=each.subject_id,
                title_zh=words.title_zh, title_en=words.title_en, text_zh=words.text_zh, text_en=words.text_en,
                created_at=each.created_at, read_at=each.read_at,
            )
        )  # fmt: skip
    more = len(rows) > ask.limit
    return NoticePage(items=tuple(shown), next=rows[ask.limit - 1].notice_id if more else None, unread=unread)


async def read_notice(gw: Gateway, by: Principal, ask: ReadNotice) -> Done:
    """The notice (`all`: every one) of the caller is read. Raises `Problem(not-found)` for somebody else's."""
    async with gw.begin() as tx:
        await _moves.acting(tx, by)
        await store.set_read(tx, by.id, ask.notice_id)
    return Done(id=ask.notice_id, state="read")


async def register_webhook(gw: Gateway, by: Principal, ask: RegisterWebhook) -> WebhookOut | Refusal:
    """Notices to the people of the caller's unit are posted to the address too. The signing secret is shown once."""
    _check_webhook(gw, ask)
    async with gw.begin() as tx:
        refused = await _may_keep(gw, tx, by, "webhook")
        if refused is not None:
            return refused
        if len(await store.list_webhooks(tx, [by.unit_id])) >= _MOST_WEBHOOKS:
            raise Problem(
                INVALID_INPUT,
                field="url",
                detail_zh=f"每单位最多{_MOST_WEBHOOKS}个",
                detail_en=f"at most {_MOST_WEBHOOKS}",
            )
        webhook_id, secret = random_id(), b64url(secrets.token_bytes(32))
        key = await gw.keyring.for_sealing(tx, INSTALLATION, WEBHOOK)
        sealed = seal_secret(key, webhook_id, secret.encode())
        hook = Webhook(webhook_id, by.unit_id, ask.url, sealed, ask.kinds, True, by.id, tx.now)
        await store.add_webhook(tx, hook)
        tx.record(
            event_of(by, "webhook:registered", tx.now, target_kind="webhook", target_id=webhook_id, outcome="done")
        )
    return _out(hook, secret)


async def list_webhooks(gw: Gateway, by: Principal, ask: Nothing) -> Page[WebhookOut]:
    """The webhooks of the caller's unit, without their secrets."""
    async with gw.db.read() as tx:
        who = await _moves.acting(tx, by)
        hooks = await store.list_webhooks(tx, [who.unit])
    return Page[WebhookOut](items=tuple(_out(hook) for hook in hooks))


async def remove_webhook(gw: Gateway, by: Principal, ask: RemoveWebhook) -> Done | Refusal:
    """Nothing is posted there any more."""
    async with gw.begin() as tx:
        found = await store.find_webhook(tx, ask.webhook_id)
        if found is None or found[0].unit_id != by.unit_id:
            raise Problem(NOT_FOUND, field="webhook_id")
        refused = await _may_keep(gw, tx, by, ask.webhook_id)
        if refused is not None:
            return refused
        await store.remove_webhook(tx, ask.webhook_id)
        tx.record(
            event_of(by, "webhook:removed", tx.now, target_kind="webhook", target_id=ask.webhook_id, outcome="done")
        )
    return Done(id=ask.webhook_id, state="removed")


async def send_notices(gw: Gateway) -> int:
    """What is due in the outbox has been tried once: sent, put off with a growing wait, or given up; returns how many.

    Under a lease, so that replicas do not send twice. At least once: a crash between sending and writing it down
    sends again, with the same identifier.
    """
    async with gw.db.begin() as tx:
        if not await operation.take_lease(tx, "notices", gw.replica, tx.now + _LEASE):
            return 0
        parcels = await store.list_parcels(tx, ("mail", "webhook"), _BATCH)
        now = tx.now
    for parcel in parcels:
        why, final = "", False
        try:
            await _send(gw, parcel, now)
        except NotDelivered as error:
            why, final = error.why, error.final
        async with gw.db.begin() as tx:
            if not why:
                await store.set_parcel_done(tx, parcel.outbox_id)
            elif final or parcel.attempts + 1 >= _LAST_ATTEMPT:
                await store.set_parcel_done(tx, parcel.outbox_id, why)
            else:
                wait = min(30 * _SECOND << parcel.attempts, _LONGEST_WAIT)
                await store.set_parcel_later(tx, parcel.outbox_id, tx.now + wait, why)
    return len(parcels)


async def _send(gw: Gateway, parcel: Parcel, now: int) -> None:
    if parcel.channel == "mail":
        await send_mail(gw.settings, parcel.outbox_id, parcel.target, parcel.payload, now)
        return
    async with gw.db.read() as tx:
        found = await store.find_webhook(tx, parcel.target)
        if found is None:
            raise NotDelivered("the webhook was removed", final=True)
        hook, kind = found
        key = await gw.keyring.for_opening(tx, secret_key_id(hook.sealed))
    secret = open_secret(key, hook.webhook_id, hook.sealed)
    inside = kind == "firm" or gw.settings.mode != "production"
    await send_post(Post(hook.url, secret, inside), parcel.outbox_id, parcel.payload, now)


def _check_webhook(gw: Gateway, ask: RegisterWebhook) -> None:
    errors = []
    parts = urlsplit(ask.url)
    if not parts.hostname or parts.username or parts.fragment or any(ord(each) <= 32 for each in ask.url):
        errors.append(FieldError("url", "不是可用的地址", "not a usable address", None, "bad-url"))
    elif parts.scheme != "https" and gw.settings.mode == "production":
        errors.append(FieldError("url", "须使用 https", "use https", None, "https-needed"))
    unknown = [kind for kind in ask.kinds if kind not in KINDS]
    if unknown:
        known = ", ".join(KINDS)
        errors.append(FieldError("kinds", f"通知种类只能是:{known}", f"kinds are: {known}", None, "unknown-kind"))
    if errors:
        raise Problem(INVALID_INPUT, errors=tuple(errors))


async def _may_keep(gw: Gateway, tx: WriteTx, by: Principal, target: str) -> Refusal | None:
    """Who keeps the users of an institution keeps the places that its notices are posted to."""
    thing = MoveObject("party", institution=by.institution_id)
    return await _moves.may(gw, tx, by, "party:change-user", thing, target)


def _out(hook: Webhook, secret: str | None = None) -> WebhookOut:
    return WebhookOut(
        webhook_id=hook.webhook_id, unit_id=hook.unit_id, url=hook.url, kinds=hook.kinds, active=hook.active,
        created_by=hook.created_by, created_at=hook.created_at, secret=secret,
    )  # fmt: skip
