"""From a draft to a grant, and every way in which it must not go."""

import base64
from typing import Any

import sqlalchemy as sa

from gateway.errors import Refusal
from gateway.schemas.disclosure import Disclose, Disclosure
from gateway.schemas.grants import Scope
from gateway.schemas.requests import (
    AcceptOffer,
    AddAttachment,
    ApproveRequest,
    ChangeRequest,
    DeclineOffer,
    DelegateStep,
    EndorseRequest,
    GetAttachment,
    GetRequest,
    ItemAsk,
    ListRequests,
    PreviewRequest,
    RejectRequest,
    RequestTimeline,
    ReturnRequest,
    SubmitRequest,
    WithdrawRequest,
)
from gateway.store.tables import access, operation
from gateway.usecases import approvals, attachments, clocks, request_views, requests
from gateway.usecases.disclose import disclose
from ledger.policy import TrustPolicy, parse_policy
from ledger.receipt import verify_receipt
from tests.gateway.scene import MOBILE, Scene, code_of, problem_of
from tests.world import World


def trust(w: World) -> TrustPolicy:
    from gateway.keys.logkey import verifier_keys

    lines = [f"log {vkey}" for vkey in verifier_keys(w.settings.log_key_path).values()]
    return parse_policy("\n".join([*lines, "quorum none"]) + "\n")


async def test_the_whole_way_ends_in_a_grant_with_a_receipt_and_opens_exactly_the_fields() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.submitted()
        assert sent.state == "dept_review"
        assert [(step.role, step.unit_id) for step in sent.steps] == [
            ("dept_head", "research"), ("data_owner", "brokerage"), ("compliance", ""),
        ]  # fmt: skip
        assert sent.acts == ("withdraw",)
        endorsed = await s.endorse(sent.request_id)
        assert endorsed.state == "owner_review"
        await s.approve(sent.request_id, "brokerage-owner")
        done = await s.approve(sent.request_id, "compliance", opinion="同意")
        assert done.state == "approved"
        assert done.grant is not None
        assert done.receipt is not None
        verified = verify_receipt(done.receipt, trust(w))
        assert verified.entry.kind == "grant:approved"
        assert verified.fields["grant"] == done.grant.grant_id
        assert verified.fields["terms_hash"] == done.grant.terms_hash
        assert verified.fields["policy_epoch"] == w.gw.policy.epoch
        assert {item.item_code: item.fields for item in done.grant.items} == {
            "INT-CON-001": ("name",), "INT-CON-002": ("title",),
        }  # fmt: skip
        read = await disclose(w.gw, w.person("analyst"), Disclose(record_id=s.contacts[0], purpose="collaboration"))
        assert isinstance(read, Disclosure), read
        assert set(read.record.values) == {"name", "title"}
        assert MOBILE not in read.model_dump_json()


async def test_another_purpose_or_person_reads_nothing() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        await s.granted()
        ask = Disclose(record_id=s.contacts[0], purpose="opportunity-mining")
        assert await code_of(disclose(w.gw, w.person("analyst"), ask)) == "refused:purpose-mismatch"
        ask = Disclose(record_id=s.contacts[0], purpose="collaboration")
        assert isinstance(await disclose(w.gw, w.person("research-head"), ask), Refusal)


async def test_a_narrowing_is_offered_and_grants_only_when_accepted() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.endorsed()
        narrower = {"items": (ItemAsk(item_code="INT-CON-001"),), "term_days": 10, "reason_code": "not-needed"}
        await s.approve(sent.request_id, "brokerage-owner", **narrower)
        offered = await s.approve(sent.request_id, "compliance")
        assert offered.state == "offered"
        assert offered.grant is None
        assert offered.offer is not None
        assert offered.offer.term_days == 10
        assert await count(w, access.access_grant) == 0
        mine = await request_views.get_request(w.gw, w.person("analyst"), GetRequest(request_id=sent.request_id))
        assert set(mine.acts) == {"accept", "decline", "withdraw"}
        done = await requests.accept_offer(w.gw, w.person("analyst"), AcceptOffer(request_id=sent.request_id))
        assert not isinstance(done, Refusal)
        assert done.grant is not None
        assert [item.item_code for item in done.grant.items] == ["INT-CON-001"]
        assert done.grant.not_after - done.grant.not_before == 10 * 86_400_000_000


async def test_an_offer_declined_ends_the_request() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.endorsed()
        await s.approve(sent.request_id, "brokerage-owner", term_days=5, reason_code="term-too-long")
        await s.approve(sent.request_id, "compliance")
        done = await requests.decline_offer(w.gw, w.person("analyst"), DeclineOffer(request_id=sent.request_id))
        assert not isinstance(done, Refusal)
        assert done.state == "withdrawn"
        assert await count(w, access.access_grant) == 0


NARROWINGS: list[tuple[dict[str, Any], str]] = [
    ({"term_days": 90}, "terms-widened"),
    ({"row_cap": 500, "reason_code": "rows-too-many"}, "terms-widened"),
    ({"items": (ItemAsk(item_code="INT-CON-003"),)}, "terms-widened"),
    ({"clients": ("somebody-else",)}, "terms-widened"),
    ({"items": ()}, "nothing-left"),
    ({"term_days": 5}, "unknown-refusal-reason"),
    ({"term_days": 5, "reason_code": "made-up"}, "unknown-refusal-reason"),
]


async def test_an_approver_only_narrows_and_says_why() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.endorsed()
        for changes, code in NARROWINGS:
            given = {"reason_code": "not-needed", **changes} if code != "unknown-refusal-reason" else changes
            ask = ApproveRequest(request_id=sent.request_id, **given)
            assert await code_of(approvals.approve_request(w.gw, w.person("brokerage-owner"), ask)) == code, changes
        assert await count(w, access.access_grant) == 0


FLAWS: list[tuple[dict[str, Any], str]] = [
    ({"reason": "太短"}, "reason"),
    ({"reason": "啊" * 40}, "reason"),
    ({"purpose": "made-up"}, "purpose"),
    ({"purpose": "audit"}, "purpose"),
    ({"scenario": ""}, "scenario"),
    ({"pledge": False}, "pledge"),
    ({"items": ()}, "items"),
    ({"items": (ItemAsk(item_code="INT-CON-999"),)}, "items"),
    ({"items": (ItemAsk(item_code="INT-CON-001", fields=("mobile",)),)}, "fields"),
    ({"scope": Scope()}, "scope"),
    ({"term_days": 200}, "term_days"),
    ({"legal_basis": ""}, "legal_basis"),
    ({"reason": "为客户准备拜访所需的联系人资料\u202e以便核对经营情况"}, "reason"),
]


async def test_an_incomplete_form_is_not_submitted_and_says_which_field() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        for changes, field in FLAWS:
            made = await s.draft(**changes)
            ask = SubmitRequest(request_id=made.request_id)
            problem = await problem_of(requests.submit_request(w.gw, w.person("analyst"), ask))
            assert problem.code.name == "invalid-access-request"
            assert field in {error.field for error in problem.errors}, changes
            assert all(error.message_zh and error.message_en for error in problem.errors)
            kept = await request_views.get_request(w.gw, w.person("analyst"), GetRequest(request_id=made.request_id))
            assert (kept.state, kept.steps) == ("draft", ())


async def test_what_is_never_shared_or_the_units_own_cannot_be_asked_for() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        made = await s.draft("brokerage-rm")
        ask = SubmitRequest(request_id=made.request_id)
        problem = await problem_of(requests.submit_request(w.gw, w.person("brokerage-rm"), ask))
        assert {error.code for error in problem.errors} == {"own-data"}


async def test_a_client_that_is_not_there_is_an_error_inside_and_a_secret_outside() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        form = s.form(scope=Scope(clients=("91441900MA00T07G0E",)))
        problem = await problem_of(requests.create_request(w.gw, w.person("analyst"), requests.CreateRequest(**form)))
        assert [error.code for error in problem.errors] == ["unknown-client"]
        known = await preview(w, "bank-user", s.form(scope=Scope(clients=("91441900MA00T01A3F",))))
        unknown = await preview(w, "bank-user", s.form(scope=Scope(clients=("91441900MA00T07G0E",))))
        assert known == unknown


async def preview(w: World, login: str, form: dict[str, Any]) -> dict[str, Any]:
    shown = await request_views.preview_request(w.gw, w.person(login), PreviewRequest(**form))
    return shown.model_dump()


async def test_preview_names_route_clocks_and_needs_and_writes_nothing() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        before = await count(w, access.access_request)
        shown = await request_views.preview_request(w.gw, w.person("analyst"), PreviewRequest(**s.form()))
        assert [(step.role, step.unit_id, step.working_days) for step in shown.steps] == [
            ("dept_head", "research", 1), ("data_owner", "brokerage", 5), ("compliance", "", 2),
        ]  # fmt: skip
        assert shown.due_at is not None
        assert shown.due_at > (shown.steps[0].due_at or 0)
        assert shown.level == 3
        assert shown.personal
        assert shown.max_term_days == 90
        assert shown.needs == ()
        assert {each.verdict for each in shown.items} == {"compatible"}
        poor = await request_views.preview_request(
            w.gw, w.person("analyst"), PreviewRequest(**s.form(reason="短", pledge=False))
        )
        assert {need.field for need in poor.needs} >= {"reason", "pledge"}
        assert await count(w, access.access_request) == before


async def test_separation_of_duties() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.submitted("research-head")
        endorse = EndorseRequest(request_id=sent.request_id)
        assert await code_of(approvals.endorse_request(w.gw, w.person("research-head"), endorse)) == (
            "refused:separation-of-duties"
        )
        assert await code_of(approvals.endorse_request(w.gw, w.person("analyst"), endorse)) == "no-open-step"
        # another department's head does not even see it
        assert await code_of(approvals.endorse_request(w.gw, w.person("ib-head"), endorse)) == "not-found"


async def test_nobody_signs_twice_and_no_one_out_of_turn() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.submitted()
        ask = ApproveRequest(request_id=sent.request_id)
        assert await code_of(approvals.approve_request(w.gw, w.person("brokerage-owner"), ask)) == "no-open-step"
        assert await code_of(approvals.approve_request(w.gw, w.person("compliance"), ask)) == "no-open-step"
        await s.endorse(sent.request_id)
        await s.approve(sent.request_id, "brokerage-owner")
        problem = await problem_of(approvals.approve_request(w.gw, w.person("brokerage-owner"), ask))
        assert problem.code.name == "conflict"
        assert problem.extra["first"] == "何景行"


async def test_ring_approval_is_refused() -> None:
    """The owner approves for the analyst; within a week the analyst's head must not approve for the owner in turn."""
    async with World() as w:
        s = await Scene(w).enter()
        async with w.db.begin() as tx:  # the analyst is an owner in research, too
            from gateway.store.tables import parties

            row = {"person_id": w.id_of("analyst"), "role": "data_owner", "granted_by": "x", "granted_at": 0}
            await tx.execute(sa.insert(parties.person_role), row)
        analyst = w.person("analyst", roles=frozenset({"requester", "data_owner"}))
        w.people["analyst"] = analyst
        first = await s.endorsed()
        await s.approve(first.request_id, "brokerage-owner")
        research = await Scene(w).enter_for("research-head", "91441900MA00T08H5L")
        back = await research.submitted("brokerage-owner")
        async with w.db.begin() as tx:
            row = {"person_id": w.id_of("brokerage-rm"), "role": "dept_head", "granted_by": "x", "granted_at": 0}
            await tx.execute(sa.insert(parties.person_role), row)
        w.people["brokerage-rm"] = w.person("brokerage-rm", roles=frozenset({"requester", "lead_rm", "dept_head"}))
        await research.endorse(back.request_id, "brokerage-rm")
        ask = ApproveRequest(request_id=back.request_id)
        assert await code_of(approvals.approve_request(w.gw, analyst, ask)) == "refused:separation-of-duties"
        w.clock.advance(days=7, seconds=1)
        # after a week it is no ring any more; the clock of the step has not run out yet (five working days, a holiday)
        found = await code_or_done(approvals.approve_request(w.gw, analyst, ask))
        assert found in {"done", "clock-ran-out"}


async def code_or_done(awaitable: Any) -> str:
    try:
        return await code_of(awaitable)
    except AssertionError:
        return "done"


async def test_return_correct_and_submit_again_starts_over() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.endorsed()
        back = await approvals.return_request(
            w.gw, w.person("brokerage-owner"), ReturnRequest(request_id=sent.request_id, reason="请缩小企业范围")
        )
        assert not isinstance(back, Refusal)
        assert back.state == "returned"
        seen = await request_views.get_request(w.gw, w.person("analyst"), GetRequest(request_id=sent.request_id))
        assert seen.remark == "请缩小企业范围"
        assert seen.waiting_for_me
        assert {"change", "submit"} <= set(seen.acts)
        changed = await requests.change_request(
            w.gw, w.person("analyst"),
            ChangeRequest(request_id=sent.request_id, version=seen.version, **s.form(row_cap=10)),
        )  # fmt: skip
        assert not isinstance(changed, Refusal)
        again = await requests.submit_request(w.gw, w.person("analyst"), SubmitRequest(request_id=sent.request_id))
        assert not isinstance(again, Refusal)
        assert again.state == "dept_review"
        assert [step.state for step in again.steps] == ["open", "waiting", "waiting"]
        await s.endorse(sent.request_id)


async def test_reject_needs_a_reason_of_the_list_and_ends_it() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.endorsed()
        bad = RejectRequest(request_id=sent.request_id, reason_code="no-idea")
        assert await code_of(approvals.reject_request(w.gw, w.person("brokerage-owner"), bad)) == (
            "unknown-refusal-reason"
        )
        ask = RejectRequest(request_id=sent.request_id, reason_code="not-needed", opinion="职务即可")
        done = await approvals.reject_request(w.gw, w.person("brokerage-owner"), ask)
        assert not isinstance(done, Refusal)
        assert done.state == "rejected"
        assert done.reason_zh
        again = SubmitRequest(request_id=sent.request_id)
        assert await code_of(requests.submit_request(w.gw, w.person("analyst"), again)) != "done"
        assert await count(w, access.access_grant) == 0


async def test_an_old_version_names_who_was_first() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.submitted()
        await s.endorse(sent.request_id)
        ask = WithdrawRequest(request_id=sent.request_id, version=sent.version)
        problem = await problem_of(requests.withdraw_request(w.gw, w.person("analyst"), ask))
        assert problem.code.name == "conflict"
        assert problem.extra == {"first": "周明远", "act": "endorse", "state": "owner_review"}
        assert "周明远" in problem.detail_zh


async def test_withdrawing_tells_those_who_had_to_act() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.submitted()
        ask = WithdrawRequest(request_id=sent.request_id, reason="项目取消")
        done = await requests.withdraw_request(w.gw, w.person("analyst"), ask)
        assert not isinstance(done, Refusal)
        assert done.state == "withdrawn"
        assert [step.state for step in done.steps] == ["skipped"] * 3
        assert "request-withdrawn" in await kinds_for(w, "research-head")
        endorse = EndorseRequest(request_id=sent.request_id)
        assert await code_of(approvals.endorse_request(w.gw, w.person("research-head"), endorse)) == "no-open-step"


async def test_a_time_out_never_grants() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.endorsed()
        await s.approve(sent.request_id, "brokerage-owner")
        w.clock.advance(days=30)
        ask = ApproveRequest(request_id=sent.request_id)
        assert await code_of(approvals.approve_request(w.gw, w.person("compliance"), ask)) == "clock-ran-out"
        assert await clocks.expire_due(w.gw) >= 1
        assert await clocks.expire_due(w.gw) == 0
        late = await request_views.get_request(w.gw, w.person("analyst"), GetRequest(request_id=sent.request_id))
        assert late.state == "timed_out"
        assert await count(w, access.access_grant) == 0
        assert "request-timed-out" in await kinds_for(w, "analyst")
        assert await code_of(approvals.approve_request(w.gw, w.person("compliance"), ask)) == "no-open-step"


async def test_a_step_is_reminded_of_once_before_it_runs_out() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        await s.endorsed()
        await clocks.expire_due(w.gw)
        assert "clock-running-out" not in await kinds_for(w, "brokerage-owner")
        w.clock.advance(days=6, hours=16)
        await clocks.expire_due(w.gw)
        await clocks.expire_due(w.gw)
        assert (await kinds_for(w, "brokerage-owner")).count("clock-running-out") == 1


async def test_a_delegate_acts_on_behalf_and_gains_nothing_else() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.submitted()
        # the head does not hand its step to the one who asks
        ask = DelegateStep(request_id=sent.request_id, person_id=w.id_of("analyst"), reason="本周出差")
        assert await code_of(approvals.delegate_step(w.gw, w.person("research-head"), ask)) == "invalid-input"
        await s.endorse(sent.request_id)
        owner, colleague = w.person("brokerage-owner"), w.person("brokerage-rm")
        for unfit in ("analyst", "brokerage-owner", "ib-owner"):
            ask = DelegateStep(request_id=sent.request_id, person_id=w.id_of(unfit), reason="本周出差")
            assert await code_of(approvals.delegate_step(w.gw, owner, ask)) == "invalid-input"
        ask = DelegateStep(request_id=sent.request_id, person_id=colleague.id, reason="本周出差")
        handed = await approvals.delegate_step(w.gw, owner, ask)
        assert not isinstance(handed, Refusal)
        inbox = await request_views.list_requests(w.gw, colleague, ListRequests(view="inbox"))
        assert not isinstance(inbox, Refusal)
        assert [each.request_id for each in inbox.items] == [sent.request_id]
        assert inbox.items[0].waiting_for_me
        await s.approve(sent.request_id, "brokerage-rm", opinion="代为同意")
        entries = await request_views.request_timeline(
            w.gw, w.person("analyst"), RequestTimeline(request_id=sent.request_id)
        )
        assert [each.act for each in entries.items] == ["create", "submit", "endorse", "delegate", "approve"]
        assert entries.items[-1].on_behalf_of == owner.id
        # neither the delegate nor the one it stood in for signs a later step
        done = await s.approve(sent.request_id, "compliance")
        assert done.state == "approved"


async def test_lists_show_to_each_what_concerns_them() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        draft = await s.draft()
        sent = await s.endorsed()

        async def seen(login: str, view: str) -> set[str]:
            page = await request_views.list_requests(w.gw, w.person(login), ListRequests(view=view))  # type: ignore[arg-type]
            assert not isinstance(page, Refusal)
            return {each.request_id for each in page.items}

        assert await seen("analyst", "mine") == {draft.request_id, sent.request_id}
        assert await seen("research-head", "unit") == {sent.request_id}
        assert await seen("brokerage-owner", "inbox") == {sent.request_id}
        assert await seen("brokerage-owner", "owned") == {sent.request_id}
        assert await seen("research-head", "inbox") == set()
        assert await seen("compliance", "inbox") == set()
        assert await seen("compliance", "all") == {sent.request_id}
        refused = await request_views.list_requests(w.gw, w.person("ib-rm"), ListRequests(view="all"))
        assert isinstance(refused, Refusal)
        get = GetRequest(request_id=draft.request_id)
        assert await code_of(request_views.get_request(w.gw, w.person("research-head"), get)) == "not-found"
        get = GetRequest(request_id=sent.request_id)
        assert await code_of(request_views.get_request(w.gw, w.person("ib-rm"), get)) == "not-found"


async def test_paging_walks_every_request_once() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        made = []
        for _ in range(7):
            w.clock.advance(seconds=1)
            made.append((await s.draft()).request_id)
        walked: list[str] = []
        after = None
        while True:
            page = await request_views.list_requests(w.gw, w.person("analyst"), ListRequests(after=after, limit=3))
            assert not isinstance(page, Refusal)
            walked += [each.request_id for each in page.items]
            after = page.next
            if after is None:
                break
        assert walked == made[::-1]
        ask = ListRequests(after="no-key")
        assert await code_of(request_views.list_requests(w.gw, w.person("analyst"), ask)) == "invalid-input"


async def test_attachments_are_sealed_and_for_participants() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        made = await s.draft()
        content = "授权书 扫描件".encode()
        add = AddAttachment(
            request_id=made.request_id, file_name="授权书.pdf", media_type="application/pdf",
            content=base64.b64encode(content).decode(),
        )  # fmt: skip
        added = await attachments.add_attachment(w.gw, w.person("analyst"), add)
        assert not isinstance(added, Refusal)
        get = GetAttachment(request_id=made.request_id, attachment_id=added.attachment_id)
        back = await attachments.get_attachment(w.gw, w.person("analyst"), get)
        assert base64.b64decode(back.content) == content
        assert await code_of(attachments.get_attachment(w.gw, w.person("research-head"), get)) == "not-found"
        async with w.db.read() as tx:
            stored = (await tx.execute(sa.select(access.attachment.c.sealed))).scalar()
        assert content not in bytes(stored or b"")
        for changes in ({"file_name": "../x"}, {"content": "***"}, {"media_type": "text/html; x"}):
            bad = add.model_copy(update=changes)
            assert await code_of(attachments.add_attachment(w.gw, w.person("analyst"), bad)) == "invalid-input"
        huge = add.model_copy(update={"content": base64.b64encode(bytes(10 * 1024 * 1024 + 1)).decode()})
        assert await code_of(attachments.add_attachment(w.gw, w.person("analyst"), huge)) == "attachment-too-large"


async def test_a_second_request_for_what_is_held_already_is_a_conflict() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        grant = await s.granted()
        again = await s.draft()
        ask = SubmitRequest(request_id=again.request_id)
        problem = await problem_of(requests.submit_request(w.gw, w.person("analyst"), ask))
        assert problem.code.name == "conflict"
        assert problem.extra["grant_id"] == grant.grant_id
        shown = await request_views.preview_request(w.gw, w.person("analyst"), PreviewRequest(**s.form()))
        assert {each.held_by for each in shown.items} == {grant.grant_id}


async def test_an_approval_for_somebody_who_left_gives_nothing() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        sent = await s.endorsed()
        await s.approve(sent.request_id, "brokerage-owner")
        async with w.db.begin() as tx:
            from gateway.store.tables import parties

            await tx.execute(sa.update(parties.person).where(parties.person.c.login == "analyst").values(state="left"))
        ask = ApproveRequest(request_id=sent.request_id)
        assert await code_of(approvals.approve_request(w.gw, w.person("compliance"), ask)) == "conflict"
        assert await count(w, access.access_grant) == 0
        assert await count(w, access.entry_opening) == 1  # the catalogue's alone


async def test_a_step_without_a_holder_is_told_to_operations_and_compliance() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        async with w.db.begin() as tx:
            from gateway.store.tables import parties

            await tx.execute(
                sa.update(parties.person).where(parties.person.c.login == "brokerage-owner").values(state="left")
            )
        await s.endorsed()
        assert "step-without-holder" in await kinds_for(w, "ops")
        assert "step-without-holder" in await kinds_for(w, "compliance")


async def test_every_act_is_on_the_trail_and_refused_ones_too() -> None:
    async with World() as w:
        s = await Scene(w).enter()
        await s.granted()
        sent = await s.submitted("research-head", items=(ItemAsk(item_code="INT-CON-005"),))
        await approvals.endorse_request(w.gw, w.person("research-head"), EndorseRequest(request_id=sent.request_id))
        from audit.tables import trail_event

        async with w.db.read() as tx:
            rows = (await tx.execute(sa.select(trail_event.c.action, trail_event.c.outcome, trail_event.c.rule))).all()
        acts = [(row.action, row.outcome) for row in rows]
        for act in ("drafted", "submitted", "endorsed", "signed"):
            assert (f"request:{act}", "done") in acts
        assert ("grant:given", "done") in acts
        assert ("request:endorse", "refused") in acts
        assert any(row.rule == "SOD-SELF" for row in rows)


async def count(w: World, table: sa.Table) -> int:
    async with w.db.read() as tx:
        return int((await tx.execute(sa.select(sa.func.count()).select_from(table))).scalar() or 0)


async def kinds_for(w: World, login: str) -> list[str]:
    n = operation.notice
    async with w.db.read() as tx:
        found = await tx.execute(sa.select(n.c.kind).where(n.c.person_id == w.id_of(login)).order_by(n.c.notice_id))
        return list(found.scalars().all())


async def test_a_partner_learns_from_its_request_neither_whose_data_it_is_nor_who_signs() -> None:
    from tests.gateway.test_consents import BANK, consents_of

    async with World() as w:
        s = await Scene(w).enter()
        await s.consent()
        sent = await s.endorsed("bank-user", "bank-head", **BANK, consents=await consents_of(s))
        await s.approve(sent.request_id, "brokerage-owner", opinion="经纪业务部同意提供")
        get = GetRequest(request_id=sent.request_id)
        outside = await request_views.get_request(w.gw, w.person("bank-user"), get)
        assert [(step.role, step.unit_id) for step in outside.steps] == [
            ("dept_head", "bank-yuejiang"), ("data_owner", ""), ("compliance", ""), ("pi_officer", ""),
        ]  # fmt: skip
        told = await request_views.request_timeline(
            w.gw, w.person("bank-user"), RequestTimeline(request_id=sent.request_id)
        )
        assert [each.act for each in told.items] == ["create", "submit", "endorse", "approve"]
        assert [each.actor_name for each in told.items] == ["董秋实", "董秋实", "贺兰亭", ""]
        for text in (outside.model_dump_json(), told.model_dump_json()):
            for secret in ("brokerage", "经纪业务部", "何景行", w.id_of("brokerage-owner")):
                assert secret not in text.replace('"owner_unit":"lead"', ""), secret
        inside = await request_views.get_request(w.gw, w.person("compliance"), get)
        assert inside.steps[1].unit_id == "brokerage"
        assert inside.steps[1].actor_name == "何景行"
