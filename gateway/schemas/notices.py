"""Notices on the wire: the inbox, and the webhooks that a unit registers."""

from typing import Annotated

from pydantic import Field

from .base import Answer, Ask, Done, Instant, Nothing, Page, Paged, Route

WebhookId = Annotated[str, Field(min_length=8, max_length=36)]


class ListNotices(Paged):
    unread: bool = Field(default=False, description="只看未读 / Unread ones only")


class NoticeOut(Answer):
    """A notice: identifiers and states, never a protected value."""

    notice_id: str
    kind: str = Field(examples=["request-to-approve"])
    subject_kind: str = Field(examples=["request"])
    subject_id: str
    title_zh: str
    title_en: str
    text_zh: str
    text_en: str
    created_at: Instant
    read_at: Instant | None = None


class NoticePage(Page[NoticeOut]):
    unread: int = Field(default=0, description="未读数 / How many are unread")


class ReadNotice(Ask):
    notice_id: str = Field(
        min_length=1, max_length=36, description="通知编号,all 为全部 / Identifier of the notice, or `all`"
    )


class RegisterWebhook(Ask):
    """Notices to people of the unit are also posted to `url`, signed with the secret that is shown once."""

    url: str = Field(
        min_length=10, max_length=300, pattern=r"^https?://", examples=["https://partner.example/hooks/lianqiao"]
    )
    kinds: tuple[str, ...] = Field(
        default=(), max_length=30, description="通知种类,空为全部 / Kinds of notices, empty: all"
    )


class WebhookOut(Answer):
    webhook_id: str
    unit_id: str
    url: str
    kinds: tuple[str, ...]
    active: bool
    created_by: str
    created_at: Instant
    secret: str | None = Field(default=None, description="签名密钥,仅显示一次 / Signing secret, shown once")


class RemoveWebhook(Ask):
    webhook_id: WebhookId


ROUTES = (
    Route("list_notices", "GET", "/v1/notices", ListNotices, NoticePage, "notices", "通知列表", "List notices"),
    Route(
        "read_notice",
        "POST",
        "/v1/notices/{notice_id}/read",
        ReadNotice,
        Done,
        "notices",
        "标为已读",
        "Mark a notice as read",
    ),
    Route(
        "register_webhook",
        "POST",
        "/v1/webhooks",
        RegisterWebhook,
        WebhookOut,
        "notices",
        "登记回调地址",
        "Register a webhook",
        status=201,
    ),
    Route(
        "list_webhooks", "GET", "/v1/webhooks", Nothing, Page[WebhookOut], "notices", "回调地址列表", "List webhooks"
    ),
    Route(
        "remove_webhook",
        "DELETE",
        "/v1/webhooks/{webhook_id}",
        RemoveWebhook,
        Done,
        "notices",
        "删除回调地址",
        "Remove a webhook",
    ),
)
