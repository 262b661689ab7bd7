import { Segmented, Select } from "antd";
import { Button } from "antd";
import { Link, useNavigate, useSearchParams } from "react-router-dom";
import type { RequestSummary } from "../api";
import { moment, say, t, tc } from "../i18n";
import { Chip, Due, Id, LevelChip, PageHead, Panel, StateChip, When } from "../parts/basics";
import { PurposePick } from "../parts/picks";
import { KeyTable } from "../parts/table";
import { useSession } from "../session";

const STATES = ["draft", "submitted", "dept_review", "owner_review", "compliance_review", "cco_review", "pi_review", "offered", "returned", "approved", "rejected", "withdrawn", "timed_out"];

/** Requests: one's own, or those that wait for one. */
export default function Requests({ box }: { box: boolean }) {
  const { has } = useSession();
  const go = useNavigate();
  const [search, setSearch] = useSearchParams();
  const views = box ? ["inbox", "owned", "unit", ...(has("compliance", "cco", "auditor") ? ["all"] : [])] : ["mine", "unit"];
  const view = search.get("view") ?? views[0] ?? "mine";
  const put = (name: string, value: string) => setSearch((old) => { const next = new URLSearchParams(old); if (value) next.set(name, value); else next.delete(name); return next; }, { replace: true });
  return (
    <>
      <PageHead title={box ? t("menu.inbox") : t("menu.requests")} sub={box ? t("inbox.sub") : t("requests.sub")} extra={box ? undefined : <Button type="primary" onClick={() => go("/apply")}>{t("requests.new")}</Button>} />
      <Panel>
        <div className="filters">
          <Segmented aria-label={t("common.view")} value={view} onChange={(next) => put("view", String(next))} options={views.map((each) => ({ value: each, label: tc("view", each) }))} />
          <Select aria-label={t("common.state")} allowClear placeholder={t("common.state")} style={{ width: 160 }} value={search.get("state") ?? undefined} onChange={(next: string | undefined) => put("state", next ?? "")} options={STATES.map((each) => ({ value: each, label: tc("state", each) }))} />
          <div style={{ width: 240 }}><PurposePick all value={search.get("purpose") ?? ""} onChange={(next) => put("purpose", next)} /></div>
        </div>
        <KeyTable<RequestSummary>
          verb="list_requests" ask={{ view, state: search.get("state") ?? undefined, purpose: search.get("purpose") ?? undefined }} label={box ? t("menu.inbox") : t("menu.requests")} fileName="requests"
          empty={box ? t("inbox.empty") : t("home.noRequests")} rowKey={(row) => row.request_id}
          columns={[
            { key: "id", title: t("request.id"), render: (row) => <Id of={row.request_id} to={`/requests/${row.request_id}`} />, text: (row) => row.request_id },
            { key: "who", title: t("request.who"), render: (row) => <>{row.requester_name}<br /><span className="quiet">{say(row.unit_zh, row.unit_en)}</span></>, text: (row) => `${row.requester_name} ${row.unit_zh}` },
            { key: "purpose", title: t("read.purpose"), render: (row) => <Link to={`/requests/${row.request_id}`}>{say(row.purpose_zh, row.purpose_en) || t("request.noPurpose")}</Link>, text: (row) => say(row.purpose_zh, row.purpose_en) },
            { key: "items", title: t("request.items"), align: "right", render: (row) => row.items, text: (row) => String(row.items) },
            { key: "level", title: t("catalogue.level"), render: (row) => <span className="chips"><LevelChip level={row.level} />{row.personal ? <Chip kind="warn">{t("catalogue.personalShort")}</Chip> : null}{row.partner ? <Chip kind="info">{t("request.partner")}</Chip> : null}</span>, text: (row) => String(row.level) },
            { key: "state", title: t("common.state"), render: (row) => <StateChip state={row.state} />, text: (row) => tc("state", row.state) },
            { key: "due", title: t("request.due"), render: (row) => <Due at={row.due_at} />, text: (row) => moment(row.due_at) },
            { key: "updated", title: t("common.updated"), render: (row) => <When at={row.updated_at} near />, text: (row) => moment(row.updated_at) },
          ]}
        />
      </Panel>
    </>
  );
}
