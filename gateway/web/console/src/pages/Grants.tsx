import { Button, Checkbox, Segmented, Select } from "antd";
import { useState } from "react";
import { Link, useSearchParams } from "react-router-dom";
import type { GrantOut } from "../api";
import { call } from "../http";
import { count, day, say, t, tc } from "../i18n";
import { useUnitName } from "../lookups";
import { Due, PageHead, Panel, StateChip, Trouble, useAct } from "../parts/basics";
import { PurposePick } from "../parts/picks";
import { KeyTable } from "../parts/table";
import { useSession } from "../session";

export default function Grants() {
  const { has } = useSession();
  const unit = useUnitName();
  const [search, setSearch] = useSearchParams();
  const [turn, setTurn] = useState(0);
  const [marked, setMarked] = useState<string[]>([]);
  const [done, setDone] = useState("");
  const act = useAct();
  const watches = has("compliance", "cco", "auditor", "regulator");
  const views = ["held", "given", ...(watches ? ["all"] : [])];
  const view = search.get("view") ?? (watches ? "all" : has("data_owner") && !has("requester", "partner_user") ? "given" : "held");
  const put = (name: string, value: string) => setSearch((old) => { const next = new URLSearchParams(old); if (value) next.set(name, value); else next.delete(name); return next; }, { replace: true });
  return (
    <>
      <PageHead title={t("menu.grants")} sub={t("grants.sub")} />
      <Panel>
        <Trouble failure={act.failure} />
        {done ? <p className="chip chip-good" role="status">{done}</p> : null}
        <div className="filters">
          <Segmented aria-label={t("common.view")} value={view} onChange={(next) => { setMarked([]); put("view", String(next)); }} options={views.map((each) => ({ value: each, label: tc("grants", each) }))} />
          <Select aria-label={t("common.state")} allowClear placeholder={t("common.state")} style={{ width: 140 }} value={search.get("state") ?? undefined} onChange={(next: string | undefined) => put("state", next ?? "")} options={["active", "expired", "revoked", "superseded"].map((each) => ({ value: each, label: tc("state", each) }))} />
          <div style={{ width: 240 }}><PurposePick all value={search.get("purpose") ?? ""} onChange={(next) => put("purpose", next)} /></div>
          {marked.length > 0 ? <Button type="primary" loading={act.busy} onClick={() => void act.run(async () => {
            let renewed = 0;
            try { for (const grant_id of marked) { await call("renew_grant", { grant_id }); renewed++; setMarked((old) => old.filter((each) => each !== grant_id)); } }
            finally { setDone(t("grants.renewed", { n: renewed })); setTurn((n) => n + 1); }
          })}>{t("grants.renewAll", { n: marked.length })}</Button> : null}
        </div>
        <KeyTable<GrantOut>
          verb="list_grants" ask={{ view, state: search.get("state") ?? undefined, purpose: search.get("purpose") ?? undefined, client: search.get("client") ?? undefined, item_code: search.get("item") ?? undefined }}
          turn={turn} label={t("menu.grants")} empty={t("grants.empty")} rowKey={(row) => row.grant_id} fileName="grants"
          columns={[
            { key: "mark", title: t("grants.mark"), width: 56, render: (row) => row.renewable && row.acts.includes("renew") ? <Checkbox aria-label={`${t("grant.renew")} ${row.grant_id}`} checked={marked.includes(row.grant_id)} onChange={(event) => setMarked((old) => (event.target.checked ? [...old, row.grant_id] : old.filter((each) => each !== row.grant_id)))} /> : null },
            { key: "items", title: t("grant.items"), render: (row) => <Link to={`/grants/${row.grant_id}`}>{row.items.slice(0, 2).map((each) => say(each.name_zh, each.name_en) || each.item_code).join("、")}{row.items.length > 2 ? ` ${t("request.andMore", { n: row.items.length - 2 })}` : ""}</Link>, text: (row) => row.items.map((each) => each.item_code).join(" ") },
            { key: "to", title: t("grant.grantee"), render: (row) => <>{row.grantee_name ?? t("apply.grantee.unit")}<br /><span className="quiet">{say(row.grantee_unit_zh, row.grantee_unit_en)}</span></>, text: (row) => `${row.grantee_unit_zh} ${row.grantee_name ?? ""}` },
            { key: "from", title: t("grant.grantors"), render: (row) => row.grantors.map(unit).join("、"), text: (row) => row.grantors.map(unit).join(" ") },
            { key: "purpose", title: t("grant.purpose"), render: (row) => say(row.purpose_zh, row.purpose_en), text: (row) => say(row.purpose_zh, row.purpose_en) },
            { key: "state", title: t("common.state"), render: (row) => <StateChip state={row.state} />, text: (row) => tc("state", row.state) },
            { key: "end", title: t("grant.until"), render: (row) => row.state === "active" ? <Due at={row.not_after} /> : day(row.not_after), text: (row) => day(row.not_after) },
            { key: "used", title: t("grant.used"), align: "right", render: (row) => `${count(row.use_count)}${row.use_limit ? ` / ${count(row.use_limit)}` : ""}`, text: (row) => String(row.use_count) },
          ]}
        />
      </Panel>
    </>
  );
}
