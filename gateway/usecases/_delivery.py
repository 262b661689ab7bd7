"""How a notice leaves the house: a mail by SMTP or into a folder, a signed post to a webhook."""

import asyncio
import hashlib
import hmac
import ipaddress
import json
import os
import smtplib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx2

from gateway.settings import Settings

SIGNATURE_HEADER = "Lianqiao-Signature"
_TIMEOUT = 10.0  # seconds for one mail or post


class NotDelivered(Exception):
    """It did not get through. `final`: trying again cannot help. Carries no content of the notice."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.final = final


@dataclass(frozen=True, slots=True)
class Post:
    """Where a post goes and with which secret it is signed; `inside`: addresses of the house's own net are allowed."""

    url: str
    secret: bytes
    inside: bool


def signature(secret: bytes, body: bytes, at: int) -> str:
    """`t=<seconds>,v1=<hex>`: HMAC-SHA256 over "<seconds>.<body>", so that a receiver can refuse old posts."""
    seconds = at // 1_000_000
    return f"t={seconds},v1={hmac.new(secret, b'%d.' % seconds + body, hashlib.sha256).hexdigest()}"


async def send_mail(settings: Settings, outbox_id: str, to: str, payload: Mapping[str, str], now: int) -> None:
    """The mail is with the server, or in the folder `<home>/mail`. Raises `NotDelivered`."""
    message = EmailMessage()
    message["From"] = settings.mail_from
    message["To"] = to
    message["Subject"] = payload["subject"]
    message["Date"] = format_datetime(datetime.fromtimestamp(now / 1_000_000, UTC))
    # The same identifier at every attempt: a mail that got through twice is recognised as one.
    message["Message-ID"] = f"<{outbox_id}@{settings.mail_from.partition('@')[2] or 'lianqiao'}>"
    message.set_content(payload["text"])
    if not settings.smtp_url:
        await asyncio.to_thread(_write, settings.home / "mail", f"{outbox_id}.eml", message.as_bytes())
        return
    await asyncio.to_thread(_smtp, settings, message)


def _write(folder: Path, name: str, content: bytes) -> None:
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        partial = folder / f".{name}"
        partial.write_bytes(content)
        os.replace(partial, folder / name)
    except OSError as error:
        raise NotDelivered(f"mail folder: {error.strerror}") from error


def _smtp(settings: Settings, message: EmailMessage) -> None:
    parts = urlsplit(settings.smtp_url)
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else unquote(parts.password or "")
    try:
        context = ssl.create_default_context()
        if parts.scheme == "smtps":
            client: smtplib.SMTP = smtplib.SMTP_SSL(
                parts.hostname or "", parts.port or 465, timeout=_TIMEOUT, context=context
            )
        else:
            client = smtplib.SMTP(parts.hostname or "", parts.port or 587, timeout=_TIMEOUT)
        with client:
            client.ehlo()
            if parts.scheme != "smtps" and client.has_extn("starttls"):
                client.starttls(context=context)
                client.ehlo()
            elif parts.scheme != "smtps" and password:
                raise NotDelivered("the server offers no TLS for the password")
            if password:
                client.login(unquote(parts.username or ""), password)
            client.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        raise NotDelivered("recipient refused", final=True) from error
    except (OSError, smtplib.SMTPException) as error:
        raise NotDelivered(f"smtp: {type(error).__name__}") from error


async def send_post(post: Post, outbox_id: str, payload: Mapping[str, str], now: int) -> None:
    """The webhook answered with 2xx. Raises `NotDelivered`; redirects are not followed.

    The address is looked up once, judged, and then connected to: a name cannot point elsewhere in between.
    """
    parts = urlsplit(post.url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    address = await _address(host, port, inside=post.inside)
    body = json.dumps({"id": outbox_id, **payload}, ensure_ascii=False, sort_keys=True).encode()
    url = httpx2.URL(post.url).copy_with(host=address)
    headers = {
        "Host": parts.netloc.rpartition("@")[2], "Content-Type": "application/json",
        SIGNATURE_HEADER: signature(post.secret, body, now), "User-Agent": "lianqiao",
    }  # fmt: skip
    try:
        async with (
            asyncio.timeout(_TIMEOUT * 2),
            httpx2.AsyncClient(timeout=_TIMEOUT, follow_redirects=False, trust_env=False) as client,
        ):
            answer = await client.post(url, content=body, headers=headers, extensions={"sni_hostname": host})
    except TimeoutError as error:
        raise NotDelivered("timeout") from error
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise NotDelivered(f"http: {type(error).__name__}") from error
    if answer.status_code == 410:  # the receiver says that the place is gone
        raise NotDelivered("status 410", final=True)
    if not 200 <= answer.status_code < 300:
        raise NotDelivered(f"status {answer.status_code}")


async def _address(host: str, port: int, *, inside: bool) -> str:
    """One address of `host`. Raises `NotDelivered` for addresses of the house's own net, unless `inside`."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NotDelivered("name not found") from error
    addresses = [str(each[4][0]) for each in found]
    if not addresses:
        raise NotDelivered("name not found")
    if not inside and any(not ipaddress.ip_address(each.partition("%")[0]).is_global for each in addresses):
        raise NotDelivered("address not allowed", final=True)
    return addresses[0]
