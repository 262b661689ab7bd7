import { Button, Input } from "antd";
import { Link, useNavigate } from "react-router-dom";
import { all, call } from "../http";
import { count, say, t, tc } from "../i18n";
import { useGroups } from "../lookups";
import { Await, Chip, Due, LevelChip, ModeChip, Nothing, PageHead, Panel, StateChip, Trouble, useLoad, When } from "../parts/basics";
import { useSession } from "../session";
import type { RequestSummary } from "../api";

export default function Home() {
  const { who, has } = useSession();
  const go = useNavigate();
  const groups = useGroups();
  const mine = useLoad(() => call("list_requests", { view: "mine", limit: 8 }), []);
  const inbox = useLoad(() => all<RequestSummary>("list_requests", { view: "inbox" }, 200), []);
  const held = useLoad(() => call("list_grants", { view: "held", state: "active", limit: 100 }), []);
  const ending = useLoad(() => call("grants_about_to_expire", { days: 15, limit: 8 }), []);
  const notices = useLoad(() => call("list_notices", { unread: true, limit: 6 }), []);
  const open = mine.data?.items.filter((each) => !["approved", "rejected", "withdrawn", "timed_out"].includes(each.state)) ?? [];
  return (
    <>
      <PageHead title={t("home.hello", { name: who?.person.name ?? "" })} sub={t("home.sub", { roles: (who?.person.roles ?? []).map((each) => tc("role", each)).join("、") })} />
      <div className="cols-4">
        <Link className="number" to="/inbox"><b>{count(inbox.data?.length)}</b><span>{t("home.inbox")}</span></Link>
        <Link className="number" to="/requests"><b>{count(mine.data ? open.length : null)}</b><span>{t("home.open")}</span></Link>
        <Link className="number" to="/grants"><b>{count(held.data?.items.length)}{held.data?.next ? "+" : ""}</b><span>{t("home.held")}</span></Link>
        <Link className="number" to="/notices"><b>{count(notices.data?.unread)}</b><span>{t("home.unread")}</span></Link>
      </div>
      {has("requester", "partner_user", "lead_rm", "data_owner", "dept_head") ? (
        <Panel title={t("home.search")}>
          <Input.Search size="large" placeholder={t("clients.placeholder")} aria-label={t("home.search")} enterButton={t("act.search")} onSearch={(q) => q.trim() && go(`/clients?q=${encodeURIComponent(q.trim())}`)} />
        </Panel>
      ) : null}
      <div className="cols-2">
        <div>
          {inbox.failure ? <Trouble failure={inbox.failure} /> : null}
          {inbox.data && inbox.data.length > 0 ? (
            <Panel title={t("home.waiting")} extra={<Link to="/inbox">{t("common.all")}</Link>}>
              {inbox.data.slice(0, 6).map((each) => (
                <Link className="hit" key={each.request_id} to={`/requests/${each.request_id}`}>
                  <div className="record-head"><b>{each.requester_name} · {say(each.purpose_zh, each.purpose_en)}</b><Due at={each.due_at} /></div>
                  <div className="chips"><StateChip state={each.state} /><LevelChip level={each.level} /><span className="quiet">{say(each.unit_zh, each.unit_en)} · {t("request.itemCount", { n: each.items })}</span></div>
                </Link>
              ))}
            </Panel>
          ) : null}
          <Panel title={t("home.mine")} extra={<Link to="/requests">{t("common.all")}</Link>}>
            <Await of={mine} rows={4}>{(page) => page.items.length === 0
              ? <Nothing text={t("home.noRequests")}><Button type="primary" onClick={() => go("/clients")}>{t("home.begin")}</Button></Nothing>
              : <>{page.items.slice(0, 5).map((each) => (
                <Link className="hit" key={each.request_id} to={`/requests/${each.request_id}`}>
                  <div className="record-head"><b>{say(each.purpose_zh, each.purpose_en) || t("request.noPurpose")}</b><StateChip state={each.state} /></div>
                  <div className="chips"><LevelChip level={each.level} /><span className="quiet">{t("request.itemCount", { n: each.items })} · <When at={each.updated_at} near /></span></div>
                </Link>
              ))}</>}</Await>
          </Panel>
        </div>
        <div>
          <Panel title={t("home.ending")} extra={<Link to="/grants">{t("common.all")}</Link>}>
            <Await of={ending} rows={3}>{(page) => page.items.length === 0 ? <p className="quiet">{t("home.noEnding")}</p> : <>{page.items.map((each) => (
              <Link className="hit" key={each.grant_id} to={`/grants/${each.grant_id}`}>
                <div className="record-head"><b>{say(each.purpose_zh, each.purpose_en)}</b><Due at={each.not_after} /></div>
                <span className="quiet">{each.items.map((one) => say(one.name_zh, one.name_en)).slice(0, 3).join("、")}</span>
              </Link>
            ))}</>}</Await>
          </Panel>
          <Panel title={t("home.notices")} extra={<Link to="/notices">{t("common.all")}</Link>}>
            <Await of={notices} rows={3}>{(page) => page.items.length === 0 ? <p className="quiet">{t("home.noNotices")}</p> : <>{page.items.map((each) => <p key={each.notice_id} style={{ margin: "0 0 8px" }}><b>{say(each.title_zh, each.title_en)}</b> <span className="quiet"><When at={each.created_at} near /></span><br /><span className="quiet">{say(each.text_zh, each.text_en)}</span></p>)}</>}</Await>
          </Panel>
        </div>
      </div>
      <Panel title={t("home.may")}>
        <div className="may">
          {groups.map((each) => (
            <Link key={each.group} className="hit" style={{ margin: 0 }} to={`/catalogue?group=${each.group}`}>
              <div className="record-head"><b>{say(each.zh, each.en)}</b><span className="quiet">{t("request.itemCount", { n: each.items })}</span></div>
              <div className="chips">{each.modes.map((mode) => <ModeChip key={mode} mode={mode} />)}{each.isolated ? <Chip kind="info">{t("catalogue.isolated")}</Chip> : null}</div>
            </Link>
          ))}
        </div>
      </Panel>
    </>
  );
}
