"""The journeys, each from sign-in to its end, as people walk them: mostly in Chinese, one in English."""

import json
import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.walk import Walk, choose, pick_client

REASON = "为该企业并购融资项目开展客户引荐,需要联系董事会秘书确认拜访时间与议题"


def find_client(walk: Walk, page: Page) -> str:
    """A client with sealed contacts of the wealth department: its identifier."""
    for initials in ("dgs", "dg", "gd"):
        found: Any = page.evaluate("q => fetch('/v1/clients?limit=60&q=' + q).then(r => r.json())", initials)
        for card in found["items"]:
            view: Any = page.evaluate("id => fetch('/v1/clients/' + id).then(r => r.json())", card["client_id"])
            held = [each for each in view["holdings"] if each["field_group"] == "contact" and each["access"] == "apply"]
            if len({each["owner_unit"] for each in held}) == 1 and held[0]["owner_unit"] == "wealth":
                return str(card["client_id"])
    raise AssertionError("the demonstration has no such client")


def ask(walk: Walk, page: Page, client: str) -> str:
    """A request for name and mobile number of the client's contacts, submitted by the form; its identifier."""
    walk.go(page, f"/apply?client={client}&group=contact&items=INT-CON-001,INT-CON-003")
    choose(page, "#purpose", "客户引荐")
    page.locator("#reason").fill(REASON)
    page.locator("#scenario").fill("研究所与财富管理部联合拜访前的准备")
    choose(page, "#basis", "13-1(2)")
    page.get_by_role("checkbox", name=re.compile("我承诺")).check()
    expect(page.get_by_text("材料齐全")).to_be_visible()
    return page.url


def submit(page: Page) -> str:
    page.get_by_role("button", name="提交", exact=True).click()
    page.wait_for_url("**/requests/*")
    return page.url.rsplit("/", 1)[-1]


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """What one journey leaves for the next: the grant that was given."""
    return {}


def test_staff_ask_owners_narrow_and_the_grant_is_read(walk: Walk, told: dict[str, str]) -> None:
    """(a) and (b): search, card, form with preview, endorsement, approval in part, acceptance, compliance, reading."""
    analyst = walk.person("analyst")
    walk.look(analyst, "a1-home")
    client = told["client"] = find_client(walk, analyst)
    name = analyst.evaluate("id => fetch('/v1/clients/' + id).then(r => r.json())", client)["card"]["name"]
    analyst.get_by_role("search").get_by_role("searchbox").fill(name[3:7])
    analyst.keyboard.press("Enter")
    analyst.get_by_role("link", name=name).first.click()
    expect(analyst.get_by_role("heading", name=name)).to_be_visible()
    locked = analyst.get_by_role("article", name="客户联系人").filter(has_text="财富管理部").first
    expect(locked).to_contain_text("申请使用")
    walk.look(analyst, "a2-client")
    locked.get_by_role("link", name="申请使用").click()
    expect(analyst.locator(".item-pick")).not_to_have_count(0)
    ask(walk, analyst, client)
    expect(analyst.locator(".route li")).to_have_count(3)
    walk.look(analyst, "a3-apply")
    request = submit(analyst)
    expect(analyst.locator(".page-head")).to_contain_text("部门审批")
    walk.look(analyst, "a4-request")

    head = walk.person("research-head", "/inbox")
    head.locator(f"a[href$='/requests/{request}']").first.click()
    walk.look(head, "a5-endorse")
    head.get_by_role("button", name="同意并转下一步").click()
    expect(head.locator(".page-head")).to_contain_text("主责审批")

    owner = walk.person("wealth-owner", "/inbox")
    walk.look(owner, "b1-inbox")
    owner.locator(f"a[href$='/requests/{request}']").first.click()
    owner.get_by_label("期限(天)").fill("10")
    owner.get_by_label("审批意见").or_(owner.locator("#opinion")).fill("期限以本次拜访所需为限")
    choose(owner, "#why-less", "期限过长")
    walk.look(owner, "b2-judge")
    owner.get_by_role("button", name="部分同意").click()
    expect(owner.locator(".page-head")).not_to_contain_text("主责审批")

    officer = walk.person("compliance", f"/requests/{request}")
    expect(officer.get_by_role("button", name="全部同意")).to_be_visible()
    officer.get_by_role("button", name="全部同意").click()
    expect(officer.get_by_role("button", name="全部同意")).to_have_count(0)

    walk.go(analyst, f"/requests/{request}")
    analyst.get_by_role("button", name="接受缩减方案").click()
    expect(analyst.get_by_text("已授予")).to_be_visible()
    analyst.get_by_role("link", name="查看授权与回执").click()
    expect(analyst.locator(".life")).to_contain_text("审批通过")
    told["grant"] = analyst.url.rsplit("/", 1)[-1]
    walk.look(analyst, "a6-grant")

    walk.go(analyst, f"/clients/{client}")
    analyst.get_by_role("article", name="客户联系人").get_by_role("link", name="读取").first.click()
    expect(analyst.get_by_text("剩余次数")).to_be_visible()
    analyst.get_by_role("button", name="读取", exact=True).click()
    expect(analyst.locator(".record").first).to_contain_text("手机号码")
    expect(analyst.locator(".record").first).to_contain_text(re.compile(r"1\d{10}|1\d{2}\*+\d{4}"))
    walk.look(analyst, "a7-read")


def test_receipts_verify_in_the_browser_and_no_changed_one_does(walk: Walk, told: dict[str, str]) -> None:
    """The check runs on the page: it holds with the gateway out of reach, and fails by name for one changed byte."""
    page = walk.person("analyst", f"/ledger?grant={told['grant']}")
    verdict = page.locator("#verdict")
    expect(verdict).to_contain_text("回执有效")
    walk.look(page, "c0-ledger")
    receipt = json.loads(page.locator("#receipt").input_value())
    page.context.set_offline(True)
    page.locator("button", has_text=re.compile("^核验$")).click()
    expect(verdict).to_contain_text("回执有效")
    receipt["entry"] = receipt["entry"].replace("grant:approved", "grant:approvee")
    page.locator("#receipt").fill(json.dumps(receipt, ensure_ascii=False, separators=(",", ":"), sort_keys=True))
    page.locator("button", has_text=re.compile("^核验$")).click()
    expect(verdict).to_contain_text("回执无效")
    expect(verdict.locator("li.bad")).to_contain_text("包含")
    page.context.set_offline(False)


def test_owners_see_readers_and_revoke_in_two_clicks(walk: Walk, told: dict[str, str]) -> None:
    """(b) who reads my data; after the revocation the very next read is refused, with the way to apply."""
    owner = walk.person("wealth-owner", "/data/readers")
    expect(owner.locator("canvas")).to_be_visible()
    walk.look(owner, "b3-readers")
    reader = walk.person("analyst", f"/clients/{told['client']}/read?group=contact&owner=wealth&grant={told['grant']}")
    expect(reader.get_by_text("剩余次数")).to_be_visible()
    owner.locator("tr", has_text="林知夏").get_by_role("button", name="撤销授权").first.click()
    owner.locator("#why").fill("拜访已经完成")
    owner.get_by_role("dialog").get_by_role("button", name="撤销授权").click()
    expect(owner.get_by_role("dialog")).to_have_count(0)
    reader.get_by_role("button", name="读取", exact=True).click()
    expect(reader.get_by_role("alert")).to_contain_text("决定编号")
    expect(reader.locator(".record")).to_have_count(0)
    walk.look(reader, "a8-refused")
    walk.go(reader, f"/grants/{told['grant']}")
    expect(reader.locator(".life")).to_contain_text("已撤销")


def test_two_approvers_at_once_and_nothing_typed_is_lost(walk: Walk, told: dict[str, str]) -> None:
    """Who comes second is told so and keeps the words; a lost session does not lose them either."""
    analyst = walk.person("analyst")
    ask(walk, analyst, told["client"])
    request = submit(analyst)
    first = walk.person("research-head", f"/requests/{request}")
    second = walk.person("research-head", f"/requests/{request}")
    second.locator("#opinion").fill("同意,请控制范围")
    first.get_by_role("button", name="同意并转下一步").click()
    expect(first.locator(".page-head")).to_contain_text("主责审批")
    second.get_by_role("button", name="同意并转下一步").click()
    expect(second.get_by_role("alert").first).to_be_visible()
    expect(second.locator("#opinion")).to_have_value("同意,请控制范围")

    walk.go(analyst, "/apply")
    analyst.locator("#reason").fill(REASON)
    analyst.context.clear_cookies()
    analyst.get_by_role("button", name="存为草稿").click()
    expect(analyst.get_by_text("登录已失效")).to_be_visible()
    walk.sign_in(analyst, "analyst")
    expect(analyst.locator("#reason")).to_have_value(REASON)
    assert analyst.url.endswith("/apply")


def test_compliance_keeps_the_wall_and_exports_evidence(walk: Walk, told: dict[str, str]) -> None:
    """(c) trail with filters, time line, evidence; a listing by two people; the map of sharing."""
    officer = walk.person("compliance", f"/trail?grant_id={told['grant']}")
    expect(officer.locator("tbody tr", has_text="林知夏").first).to_be_visible()
    walk.look(officer, "c1-trail")
    with officer.expect_download() as download:
        officer.get_by_role("button", name="导出证据包").click()
    assert download.value.path().read_bytes()[:2] == b"PK"
    walk.go(officer, "/barrier?set=listings")
    officer.get_by_role("button", name="提出列入").click()
    pick_client(officer, "#b-client", "dg")
    officer.locator("#b-why").fill("演示:项目信息尚未公开")
    officer.get_by_role("dialog").get_by_role("button", name="提交").click()
    expect(officer.get_by_role("dialog")).to_have_count(0)
    expect(officer.locator("tbody")).to_contain_text("待确认")
    walk.look(officer, "c2-barrier")
    other = walk.person("compliance-2", "/barrier?set=listings")
    other.get_by_role("button", name="确认", exact=True).first.click()
    expect(other.locator("tbody")).to_contain_text("有效")
    for name, path in (
        ("c3-policy", "/policy"),
        ("c4-map", "/map"),
        ("c5-changes", "/catalogue/changes"),
        ("c6-grants", "/grants"),
    ):
        walk.go(officer, path)
        walk.look(officer, name)


def test_partners_upload_with_a_template_and_read_the_error_report(walk: Walk) -> None:
    """(d) template, a file with a bad row, its report, the corrected file, withdrawal."""
    page = walk.person("park-user", "/data/uploads")
    walk.look(page, "d1-uploads")
    choose(page, "#kind", "园区企业")
    with page.expect_download() as download:
        page.get_by_role("button", name="下载模板 CSV").click()
    header = download.value.path().read_text("utf-8-sig").splitlines()[0]
    columns = header.split(",")
    assert any("信用代码" in each for each in columns)
    bad = ["坏行示例" if "名称" in each else "NOT-A-CODE" if "信用代码" in each else "" for each in columns]
    page.locator("input[type=file]").set_input_files(
        {
            "name": "tenants.csv",
            "mimeType": "text/csv",
            "buffer": "\r\n".join([header, ",".join(bad), ""]).encode("utf-8-sig"),
        }
    )
    page.wait_for_url("**/data/uploads/*")
    expect(page.get_by_role("button", name="下载错误报告")).to_be_visible()
    walk.look(page, "d2-upload")
    with page.expect_download() as report:
        page.get_by_role("button", name="下载错误报告").click()
    assert "信用代码" in report.value.path().read_text("utf-8-sig")
    for name, path in (("d3-consents", "/consents"), ("d4-requests", "/requests"), ("d5-grants", "/grants?view=given")):
        walk.go(page, path)
        walk.look(page, name)


def test_a_visit_is_entered_corrected_and_withdrawn_by_hand(walk: Walk, told: dict[str, str]) -> None:
    """Everybody who supplies: one contact by hand, who may read it, its correction and its withdrawal."""
    page = walk.person("wealth-rm", f"/data/entry?client={told['client']}")
    choose(page, "#group", "客户联系人")
    page.locator("#f-name").fill("演示联系人")
    page.locator("#f-title").fill("财务总监")
    page.locator("#f-mobile").fill("13800009999")
    page.get_by_role("button", name="录入", exact=True).click()
    expect(page.get_by_text("已录入")).to_be_visible()
    walk.look(page, "d6-entry")
    page.get_by_role("link", name="查看这条记录").click()
    choose(page, "#purpose", "客户服务")
    page.get_by_role("button", name="打开", exact=True).click()
    expect(page.locator("#f-mobile")).to_have_value("13800009999")
    page.locator("#f-title").fill("董事会秘书")
    page.locator("#reason").fill("职务有变")
    page.get_by_role("button", name="保存更正").click()
    expect(page.get_by_role("status").filter(has_text="已更正")).to_be_visible()
    walk.look(page, "d7-record")
    page.get_by_role("button", name="撤回记录").click()
    page.locator("#why").fill("重复录入")
    page.get_by_role("dialog").get_by_role("button", name="确认").click()
    expect(page.get_by_role("status").filter(has_text="已撤回")).to_be_visible()


def test_operators_add_a_person_who_then_signs_in(walk: Walk) -> None:
    """(e) institutions, units, people, health; the one-time token opens the account, once."""
    page = walk.person("sysadmin", "/people")
    walk.look(page, "e1-people")
    page.get_by_role("button", name="新建人员").click()
    page.locator("#n-login").fill("new.person")
    page.locator("#n-name").fill("新同事")
    choose(page, "#n-unit", "研究所")
    choose(page, "#n-roles", "申请人")
    page.keyboard.press("Escape")
    page.get_by_role("dialog").get_by_role("button", name="保存").click()
    token = page.get_by_role("dialog").locator("p.mono").inner_text().strip()
    for name, path in (("e2-institutions", "/institutions"), ("e3-units", "/units"), ("e4-health", "/health")):
        walk.go(page, path)
        walk.look(page, name)
    expect(page.get_by_text("ready")).to_be_visible()
    fresh = walk.stranger()
    fresh.goto(f"{walk.address}/console/")
    walk.look(fresh, "e5-signin")
    fresh.get_by_role("button", name="我有一次性口令").click()
    fresh.locator("#token").fill(token)
    fresh.locator("#new").fill("correct-horse-battery-7")
    fresh.get_by_role("button", name="设置密码").click()
    walk.sign_in(fresh, "new.person", "correct-horse-battery-7")
    expect(fresh.locator("h1")).to_contain_text("新同事")


def test_the_console_in_english_and_dark_on_a_phone(walk: Walk, told: dict[str, str]) -> None:
    """Language, dark and a narrow screen: no Chinese word of ours is left, and every page still reads well."""
    page = walk.person("analyst", "/catalogue?group=contact", language="en", dark=True)
    expect(page.get_by_role("heading", name="Catalogue")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "en")
    walk.look(page, "f1-catalogue-en-dark")
    page.get_by_role("link", name="INT-CON-001").click()
    expect(page.get_by_role("heading", name="Contact name")).to_be_visible()
    walk.look(page, "f2-item-en-dark")
    for name, path in (
        ("f3-home-en", "/"),
        ("f4-client-en", f"/clients/{told['client']}"),
        ("f5-notices-en", "/notices"),
        ("f6-account-en", "/account"),
    ):
        walk.go(page, path)
        walk.look(page, name)
    words = page.locator("nav.side").inner_text() + page.locator(".page-head").inner_text()
    assert not re.search(r"[\u4e00-\u9fff]", words), words
    phone = walk.person("analyst", f"/clients/{told['client']}", phone=True)
    width: Any = phone.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    phone.get_by_role("button", name="菜单").click()
    expect(phone.get_by_role("link", name="数据目录")).to_be_visible()
    walk.look(phone, "f7-phone")
