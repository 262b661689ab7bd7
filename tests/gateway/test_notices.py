"""Notices reach inbox, mail and webhook, are tried again, and never carry a protected value."""

import asyncio
import email
import hashlib
import hmac
import json
import socket
from collections.abc import Iterator
from email.policy import default
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.notices import KINDS, UnfitNotice, checked, rendered
from gateway.errors import Refusal
from gateway.schemas.base import Nothing
from gateway.schemas.notices import ListNotices, ReadNotice, RegisterWebhook, RemoveWebhook, WebhookOut
from gateway.schemas.requests import ItemAsk
from gateway.store.tables import operation
from gateway.usecases import notices
from gateway.usecases._delivery import SIGNATURE_HEADER
from gateway.usecases._notify import notify
from tests.gateway.scene import MOBILE, REASON, Scene, code_of, problem_of
from tests.gateway.test_requests import count, kinds_for
from tests.world import World


async def test_everybody_concerned_is_told_on_the_way_of_a_request() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        grant = await s.granted()
        assert await kinds_for(w, "research-head") == ["request-to-approve"]
        assert await kinds_for(w, "brokerage-owner") == ["request-to-approve", "grant-given"]
        assert await kinds_for(w, "compliance") == ["request-to-approve"]
        assert await kinds_for(w, "compliance-2") == ["request-to-approve"]
        assert await kinds_for(w, "analyst") == ["request-approved"]
        page = await notices.list_notices(w.gw, w.person("analyst"), ListNotices())
        assert page.unread == 1
        (found,) = page.items
        assert grant.grant_id in found.text_zh
        assert grant.grant_id in found.text_en
        await notices.read_notice(w.gw, w.person("analyst"), ReadNotice(notice_id=found.notice_id))
        page = await notices.list_notices(w.gw, w.person("analyst"), ListNotices(unread=True))
        assert (page.unread, page.items) == (0, ())
        other = ReadNotice(notice_id=found.notice_id)
        assert await code_of(notices.read_notice(w.gw, w.person("compliance"), other)) == "not-found"


async def test_no_notice_mail_or_post_carries_a_protected_value() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        hook = await notices.register_webhook(
            w.gw, w.person("sysadmin"), RegisterWebhook(url="http://127.0.0.1:9/hook")
        )
        assert isinstance(hook, WebhookOut)
        await s.granted()
        other = (ItemAsk(item_code="INT-CON-005"),)
        sent = await s.endorsed(items=other)
        from gateway.schemas.requests import RejectRequest, ReturnRequest
        from gateway.usecases import approvals

        await approvals.return_request(
            w.gw, w.person("brokerage-owner"), ReturnRequest(request_id=sent.request_id, reason=f"请删除 {MOBILE}")
        )
        again = await s.endorsed(items=other)
        ask = RejectRequest(request_id=again.request_id, reason_code="not-needed", opinion=f"王示例 {MOBILE}")
        await approvals.reject_request(w.gw, w.person("brokerage-owner"), ask)
        async with w.db.read() as tx:
            rows = [str(tuple(row)) for table in (operation.notice, operation.outbox)
                    for row in (await tx.execute(sa.select(table))).all()]  # fmt: skip
        text = "\n".join(rows)
        for secret in (MOBILE, MOBILE[:-1] + "0", "王示例", "莞芯", "91441900MA00T01A3F", REASON, "董秘", s.clients[0]):
            assert secret not in text, secret
        while await notices.send_notices(w.gw):
            pass
        mails = "".join(path.read_text() for path in (w.home / "mail").iterdir())
        assert mails
        for secret in (MOBILE, "王示例", s.clients[0]):
            assert secret not in mails


@given(st.text(max_size=60))
def test_a_parameter_is_a_code_or_it_is_refused(text: str) -> None:
    """Whatever gets through is short, printable ASCII without blanks."""
    try:
        words = checked("request-rejected", {"request": "r-1", "reason": text})
    except UnfitNotice:
        return
    assert words["reason"].isascii()
    assert not any(each.isspace() for each in words["reason"])
    assert not any(run for run in words["reason"].split("-") if run.isdigit() and len(run) >= 11)


@pytest.mark.parametrize("value", [MOBILE, "+86" + MOBILE, "王示例", "a b", "wang@example.cn", "", "x" * 81, "/etc"])
def test_what_looks_like_a_value_is_refused(value: str) -> None:
    with pytest.raises(UnfitNotice):
        checked("request-rejected", {"request": "r-1", "reason": value})


def test_every_kind_has_words_in_both_languages_with_the_same_parameters() -> None:
    from string import Formatter

    for kind, words in KINDS.items():
        named = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in (words.text_zh, words.text_en)]
        assert named[0] == named[1], kind
        shown = rendered(kind, dict.fromkeys(named[0], "x-1"))
        assert "{" not in shown.text_zh + shown.text_en


async def test_mail_goes_to_a_folder_by_default_in_the_persons_language() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        await s.submitted()
        assert await notices.send_notices(w.gw) == 1
        assert await notices.send_notices(w.gw) == 0
        (path,) = (w.home / "mail").glob("*.eml")
        mail = email.message_from_bytes(path.read_bytes(), policy=default)
        assert mail["To"] == "research-head@demo.invalid"
        assert mail["Subject"] == "有申请待您审批"
        assert "waits for your step" in mail.get_content()
        assert path.stat().st_mode & 0o777 in {0o600, 0o644}


class Inbox:
    def __init__(self) -> None:
        self.mails: list[Any] = []
        self.busy = False

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.busy:
            return "451 try again later"
        self.mails.append(envelope)
        return "250 OK"


async def test_mail_by_smtp_is_tried_again_until_it_gets_through() -> None:
    inbox = Inbox()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    try:
        async with World(smtp_url=f"smtp://127.0.0.1:{port}") as w:
            s = await Scene(w).enter()
            inbox.busy = True
            await s.submitted()
            assert await notices.send_notices(w.gw) == 1
            assert await notices.send_notices(w.gw) == 0  # not due yet
            inbox.busy = False
            w.clock.advance(seconds=31)
            assert await notices.send_notices(w.gw) == 1
            assert [each.rcpt_tos for each in inbox.mails] == [["research-head@demo.invalid"]]
            w.clock.advance(days=1)
            assert await notices.send_notices(w.gw) == 0
    finally:
        controller.stop()


@pytest.fixture
def receiver() -> Iterator[HTTPServer]:
    """A partner's server that keeps what is posted and answers with `server.answers`, the last one for good."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            self.server.posts.append((dict(self.headers), body))  # type: ignore[attr-defined]
            answers = self.server.answers  # type: ignore[attr-defined]
            self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    server.posts, server.answers = [], [200]  # type: ignore[attr-defined]
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


async def hooked(w: World, receiver: HTTPServer, login: str = "bank-head", **changes: Any) -> WebhookOut:
    ask = RegisterWebhook(url=f"http://127.0.0.1:{receiver.server_port}/hook?x=1", **changes)
    hook = await notices.register_webhook(w.gw, w.person(login), ask)
    assert isinstance(hook, WebhookOut), hook
    return hook


async def send_all(w: World) -> None:
    for _ in range(50):
        if not await notices.send_notices(w.gw):
            return


async def tell(w: World, kind: str = "request-rejected", login: str = "bank-user") -> None:
    async with w.gw.begin() as tx:
        await notify(tx, kind, [w.id_of(login)], subject=("request", "r-1"), request="r-1", reason="not-needed")


async def test_a_post_is_signed_with_the_secret_shown_once(receiver: Any) -> None:
    async with World() as w:
        hook = await hooked(w, receiver)
        assert hook.secret
        listed = await notices.list_webhooks(w.gw, w.person("bank-user"), Nothing())
        assert [each.secret for each in listed.items] == [None]
        async with w.db.read() as tx:
            stored = (await tx.execute(sa.select(operation.webhook.c.sealed))).scalar()
        assert hook.secret.encode() not in bytes(stored or b"")
        await tell(w)
        await send_all(w)
        ((headers, body),) = receiver.posts
        parts = dict(part.split("=") for part in headers[SIGNATURE_HEADER].split(","))
        wanted = hmac.new(hook.secret.encode(), f"{parts['t']}.".encode() + body, hashlib.sha256).hexdigest()
        assert parts["v1"] == wanted
        assert int(parts["t"]) == w.clock.now // 1_000_000
        content = json.loads(body)
        assert (content["kind"], content["subject_id"], content["p.reason"]) == (
            "request-rejected",
            "r-1",
            "not-needed",
        )
        assert headers["Host"] == f"127.0.0.1:{receiver.server_port}"


async def test_a_post_that_fails_comes_again_with_growing_waits_and_the_same_identifier(receiver: Any) -> None:
    async with World() as w:
        await hooked(w, receiver)
        receiver.answers[:] = [500, 302, 200]
        await tell(w)
        await send_all(w)
        assert len(receiver.posts) == 1
        w.clock.advance(seconds=29)
        await send_all(w)
        assert len(receiver.posts) == 1
        w.clock.advance(seconds=2)
        await send_all(w)
        assert len(receiver.posts) == 2  # a redirect is no success, and is not followed
        w.clock.advance(seconds=59)
        await send_all(w)
        assert len(receiver.posts) == 2
        w.clock.advance(seconds=2)
        await send_all(w)
        w.clock.advance(days=2)
        await send_all(w)
        assert len(receiver.posts) == 3
        assert len({json.loads(body)["id"] for _, body in receiver.posts}) == 1


async def test_gone_is_given_up_and_so_is_the_twelfth_failure(receiver: Any) -> None:
    async with World() as w:
        await hooked(w, receiver)
        receiver.answers[:] = [410]
        await tell(w)
        await send_all(w)
        w.clock.advance(days=1)
        await send_all(w)
        assert len(receiver.posts) == 1
        receiver.answers[:] = [500]
        await tell(w)
        for _ in range(20):
            w.clock.advance(hours=7)
            await send_all(w)
        assert len(receiver.posts) == 1 + 12


async def test_a_webhook_gets_only_the_kinds_and_the_unit_it_is_for(receiver: Any) -> None:
    async with World() as w:
        await hooked(w, receiver, kinds=("grant-revoked",))
        await tell(w)
        await tell(w, login="analyst")
        await send_all(w)
        assert receiver.posts == []


async def test_a_partner_cannot_point_a_webhook_into_the_house(receiver: Any) -> None:
    async with World() as w:
        hook = await hooked(w, receiver)
        await tell(w)
        from gateway.usecases._delivery import NotDelivered, Post, send_post

        for host in ("127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "0.0.0.0"):
            with pytest.raises(NotDelivered) as failure:
                await send_post(Post(f"http://{host}:{receiver.server_port}/", b"s", False), "x", {}, 0)
            assert failure.value.final
        assert receiver.posts == []
        for url in ("http://user:pw@partner.example/", "http:///nohost", "https://partner.example/#part"):
            ask = RegisterWebhook(url=url)
            assert await code_of(notices.register_webhook(w.gw, w.person("bank-head"), ask)) == "invalid-input"
        ask = RegisterWebhook(url="https://partner.example/hook", kinds=("made-up",))
        problem = await problem_of(notices.register_webhook(w.gw, w.person("bank-head"), ask))
        assert [error.field for error in problem.errors] == ["kinds"]
        assert isinstance(
            await notices.register_webhook(w.gw, w.person("bank-user"), ask.model_copy(update={"kinds": ()})), Refusal
        )
        remove = RemoveWebhook(webhook_id=hook.webhook_id)
        assert await code_of(notices.remove_webhook(w.gw, w.person("park-admin"), remove)) == "not-found"
        await notices.remove_webhook(w.gw, w.person("bank-head"), remove)
        assert await count(w, operation.webhook) == 0
        await send_all(w)
        assert receiver.posts == []


async def test_two_workers_do_not_send_twice(receiver: Any) -> None:
    async with World() as w:
        await hooked(w, receiver)
        await tell(w)
        other = type(w.gw)(**{name: getattr(w.gw, name) for name in w.gw.__dataclass_fields__})
        object.__setattr__(other, "replica", "another-replica")
        done = await asyncio.gather(notices.send_notices(w.gw), notices.send_notices(other))
        assert sorted(done)[0] == 0
        assert len(receiver.posts) == 1
