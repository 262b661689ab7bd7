"""Documents that come with a request: sealed, and only for those who take part in it."""

import base64
import binascii
import hashlib
import re

from gateway.domain.access import amend
from gateway.domain.ids import random_id
from gateway.domain.principal import Principal
from gateway.domain.text import find_flaw
from gateway.errors import INVALID_INPUT, Problem, Refusal, declare
from gateway.runtime import Gateway, event_of
from gateway.schemas.requests import AddAttachment, AttachmentContent, AttachmentOut, GetAttachment
from gateway.sealing.keyring import INSTALLATION
from gateway.sealing.secret import ATTACHMENT, open_secret, seal_secret, secret_key_id
from gateway.store import access as store
from gateway.store.access import Attachment
from gateway.usecases._requests import open_case, record

__all__ = ["add_attachment", "get_attachment"]

MAX_BYTES = 10 * 1024 * 1024
MAX_FILES = 20
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9.+-]{0,60}/[a-z0-9][a-z0-9.+-]{0,60}")

ATTACHMENT_TOO_LARGE = declare(
    "attachment-too-large", "too-large",
    zh="附件过大或过多", en="The attachment is too large, or there are too many",
    remedy_zh="单个附件不超过10 MB,一份申请不超过20个", remedy_en="At most 10 MiB each, and 20 with one request",
)  # fmt: skip


async def add_attachment(gw: Gateway, by: Principal, ask: AddAttachment) -> AttachmentOut | Refusal:
    """The document is sealed beside the draft or returned request of the caller."""
    content = _decoded(ask)
    async with gw.begin() as tx:
        case = await open_case(gw, tx, by, ask.request_id)
        if len(case.request.attachments) >= MAX_FILES:
            raise Problem(ATTACHMENT_TOO_LARGE, field="content")
        attachment_id = random_id()
        after = amend(case.request, by=by.id, now=tx.now, attachments=(*case.request.attachments, attachment_id))
        key = await gw.keyring.for_sealing(tx, INSTALLATION, ATTACHMENT)
        row = Attachment(
            attachment_id, case.request.id, ask.file_name, ask.media_type, hashlib.sha256(content).digest(),
            len(content), seal_secret(key, attachment_id, content), by.id, tx.now,
        )  # fmt: skip
        await store.add_attachment(tx, row)
        await store.set_request(tx, case.stored, after, act="attach", by=by.id)
        record(gw, tx, case, "attached", after)
    return _out(row)


async def get_attachment(gw: Gateway, by: Principal, ask: GetAttachment) -> AttachmentContent:
    """The document, opened. Raises `Problem(not-found)` for those who do not take part in the request."""
    async with gw.db.read() as tx:
        await open_case(gw, tx, by, ask.request_id)
        row = await store.get_attachment(tx, ask.request_id, ask.attachment_id)
        key = await gw.keyring.for_opening(tx, secret_key_id(row.sealed))
        now = tx.now
    await gw.recorded(
        event_of(
            by, "attachment:read", now, target_kind="request", target_id=row.request_id, outcome="allowed",
            policy_epoch=gw.policy.epoch, details={"attachment": row.attachment_id},
        )
    )  # fmt: skip
    content = open_secret(key, row.attachment_id, row.sealed)
    return AttachmentContent(**_out(row).model_dump(), content=base64.b64encode(content).decode())


def _decoded(ask: AddAttachment) -> bytes:
    flaw = find_flaw(ask.file_name)
    if flaw is not None or "/" in ask.file_name or "\\" in ask.file_name:
        raise Problem(
            INVALID_INPUT,
            field="file_name",
            detail_zh="文件名不得含路径或控制字符",
            detail_en="no path or control characters",
        )
    if not _MEDIA_TYPE.fullmatch(ask.media_type):
        raise Problem(INVALID_INPUT, field="media_type", detail_zh="不是媒体类型", detail_en="not a media type")
    try:
        content = base64.b64decode(ask.content, validate=True)
    except binascii.Error:
        raise Problem(INVALID_INPUT, field="content", detail_zh="不是 Base64", detail_en="not base64") from None
    if len(content) > MAX_BYTES:
        raise Problem(ATTACHMENT_TOO_LARGE, field="content")
    return content


def _out(row: Attachment) -> AttachmentOut:
    return AttachmentOut(
        attachment_id=row.attachment_id, file_name=row.file_name, media_type=row.media_type, digest=row.digest.hex(),
        added_by=row.added_by, added_at=row.added_at,
    )  # fmt: skip
