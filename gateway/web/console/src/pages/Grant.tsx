import { Button, InputNumber } from "antd";
import { DownloadOutlined, PrinterOutlined, SafetyCertificateOutlined } from "@ant-design/icons";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router-dom";
import type { GrantOut } from "../api";
import { call, keep } from "../http";
import { count, moment, say, t, tc } from "../i18n";
import { useFieldName, useUnitName } from "../lookups";
import { Await, Facts, Id, LevelChip, PageHead, Panel, StateChip, Trouble, useAct, useLoad, When } from "../parts/basics";
import { Obligations, ReasonModal } from "../parts/picks";
import { KeyTable } from "../parts/table";
import { Scope } from "./Request";
import { useSession } from "../session";
import type { EventOut } from "../api";

export default function Grant() {
  const { id = "" } = useParams();
  const { has } = useSession();
  const unit = useUnitName();
  const label = useFieldName();
  const go = useNavigate();
  const grant = useLoad(() => call("get_grant", { grant_id: id }), [id]);
  const request = useLoad(async () => (grant.data ? call("request_timeline", { request_id: grant.data.request_id }).catch(() => null) : null), [grant.data?.request_id]);
  const receipt = useLoad(() => call("grant_receipt", { grant_id: id }), [id]);
  const [open, setOpen] = useState("");
  const [days, setDays] = useState<number | null>(null);
  const act = useAct();
  return (
    <Await of={grant}>{(data) => (
      <>
        <PageHead
          title={`${t("grant.one")} · ${say(data.purpose_zh, data.purpose_en)}`} sub={<><StateChip state={data.state} /> <span className="mono">{data.grant_id}</span></>}
          extra={<>
            <Button icon={<PrinterOutlined />} onClick={() => window.print()}>{t("act.print")}</Button>
            {data.acts.includes("renew") || data.renewable ? <Button onClick={() => setOpen("renew")}>{t("grant.renew")}</Button> : null}
            {data.acts.includes("revoke") ? <Button danger type="primary" onClick={() => setOpen("revoke")}>{t("grant.revoke")}</Button> : null}
          </>}
        />
        <Trouble failure={act.failure} onRetry={grant.reload} />
        <Panel title={t("grant.life")}><Life of={data} applied={request.data?.items[0]?.at} approvals={request.data?.items.filter((each) => ["approve", "endorse", "approved", "endorsed"].includes(each.act)).length} /></Panel>
        <Panel title={t("grant.terms")}>
          <Facts rows={[
            [t("grant.grantee"), `${data.grantee_name ?? t("apply.grantee.unit")} · ${say(data.grantee_unit_zh, data.grantee_unit_en)}`], [t("grant.grantors"), data.grantors.map(unit).join("、")], [t("grant.purpose"), say(data.purpose_zh, data.purpose_en)],
            [t("grant.uses"), data.uses.map((each) => tc("use", each)).join("、")], [t("grant.from"), <When at={data.not_before} />], [t("grant.until"), <When at={data.not_after} />],
            [t("apply.rows"), count(data.row_cap)], [t("grant.used"), <Uses of={data} />], [t("grant.lastUsed"), <When at={data.last_used_at} near />],
            [t("apply.masked"), data.masked ? t("common.yes") : t("common.no")], [t("grant.renewals"), count(data.renewals)], [t("request.one"), <Id of={data.request_id} to={`/requests/${data.request_id}`} />],
            [t("apply.clients"), <Scope scope={data.scope} />], [t("grant.duties"), <Obligations codes={data.obligations} />],
            ...(data.revoked_at ? [[t("grant.revokedAt"), <><When at={data.revoked_at} /> {data.revoked_reason}</>] as [string, React.ReactNode]] : []),
          ]} />
          <h3>{t("grant.items")}</h3>
          <div className="table-room" role="region" tabIndex={0} aria-label={t("grant.items")}>
            <table className="compare"><thead><tr><th scope="col">{t("request.item")}</th><th scope="col">{t("catalogue.owner")}</th><th scope="col">{t("apply.fields")}</th></tr></thead>
              <tbody>{data.items.map((each) => <tr key={`${each.item_code}${each.owner_unit}`}><th scope="row">{say(each.name_zh, each.name_en)} <LevelChip level={each.level} /><br /><span className="mono quiet">{each.item_code}</span></th><td>{unit(each.owner_unit)}</td><td>{each.fields.map((one) => label(each.group, one)).join("、")}</td></tr>)}</tbody>
            </table>
          </div>
        </Panel>
        <Panel title={t("grant.receipt")} extra={receipt.data ? <>
          <Button size="small" icon={<DownloadOutlined />} onClick={() => receipt.data && keep(new Blob([receipt.data.receipt], { type: "application/vnd.lianqiao.receipt+json" }), `receipt-${id.slice(0, 8)}.json`)}>{t("grant.receipt.keep")}</Button>{" "}
          <Button size="small" type="primary" icon={<SafetyCertificateOutlined />} onClick={() => go(`/ledger?grant=${id}`)}>{t("grant.receipt.verify")}</Button>
        </> : undefined}>
          <Await of={receipt} rows={2}>{(found) => <Facts rows={[[t("ledger.entry"), <span className="mono">{found.entry_id}</span>], [t("ledger.kind"), <span className="mono">{found.kind}</span>], [t("grant.hash"), <span className="mono">{data.terms_hash}</span>], [t("grant.epoch"), <span className="mono">{data.policy_epoch}</span>]]} />}</Await>
          <div className="print-only"><pre className="paper">{receipt.data?.receipt}</pre></div>
        </Panel>
        {has("compliance", "cco", "auditor") ? (
          <Panel title={t("grant.reads")} className="no-print">
            <KeyTable<EventOut> verb="search_trail" ask={{ grant_id: id }} size={20} label={t("grant.reads")} empty={t("trail.empty")} rowKey={(row) => row.event_id} columns={[
              { key: "at", title: t("trail.at"), render: (row) => <When at={row.at} /> }, { key: "who", title: t("trail.actor"), render: (row) => row.actor_name || row.actor },
              { key: "action", title: t("trail.action"), render: (row) => tc("action", row.action) }, { key: "outcome", title: t("trail.outcome"), render: (row) => <StateChip state={row.outcome} /> }, { key: "rows", title: t("trail.rows"), align: "right", render: (row) => count(row.record_count) },
            ]} />
          </Panel>
        ) : null}
        <ReasonModal open={open === "revoke"} title={t("grant.revoke")} text={t("grant.revoke.text")} ok={t("grant.revoke")} onClose={() => setOpen("")} onDo={async (reason) => { await call("revoke_grant", { grant_id: id, reason }); setOpen(""); grant.reload(); }} />
        <ReasonModal open={open === "renew"} min={0} danger={false} title={t("grant.renew")} text={t("grant.renew.text")} ok={t("grant.renew")} onClose={() => setOpen("")} onDo={async (reason) => {
          const next = await call("renew_grant", { grant_id: id, reason, ...(days ? { term_days: days } : {}) });
          setOpen("");
          if (next.grant_id !== id) go(`/grants/${next.grant_id}`); else grant.reload();
        }}>
          <div className="field"><label htmlFor="days">{t("apply.term")}</label><InputNumber id="days" min={1} max={366} value={days} placeholder={t("grant.asBefore")} onChange={setDays} /></div>
        </ReasonModal>
        {data.state === "active" && (data.scope.clients?.length ?? 0) === 1 && data.items[0] ? <p className="no-print"><Link to={`/clients/${data.scope.clients?.[0]}`}>{t("grant.toClient")}</Link></p> : null}
      </>
    )}</Await>
  );
}

function Uses({ of }: { of: GrantOut }) {
  if (!of.use_limit) return <>{count(of.use_count)} · {t("grant.unlimited")}</>;
  const part = Math.min(100, Math.round((of.use_count / of.use_limit) * 100));
  return <><div className="bar" role="img" aria-label={`${part}%`}><span style={{ width: `${part}%` }} /></div>{count(of.use_count)} / {count(of.use_limit)}</>;
}

/** The life of a grant, step by step, with what happened when. */
export function Life({ of, applied, approvals }: { of: GrantOut; applied?: string; approvals?: number }) {
  const ended = of.state !== "active";
  const steps: [string, string, string][] = [
    [t("life.applied"), applied ? moment(applied) : "–", "done"],
    [t("life.approved"), approvals ? t("life.approvals", { n: approvals }) : moment(of.created_at), "done"],
    [t("life.active"), moment(of.not_before), ended ? "done" : "now"],
    [t("life.reads"), of.use_count > 0 ? `${t("life.times", { n: count(of.use_count) })}${of.last_used_at ? ` · ${moment(of.last_used_at)}` : ""}` : t("life.noReads"), of.use_count > 0 ? (ended ? "done" : "now") : ""],
    of.state === "revoked" ? [t("life.revoked"), moment(of.revoked_at), "bad"] : of.state === "superseded" ? [t("life.superseded"), moment(of.not_after), "done"] : of.state === "expired" ? [t("life.expired"), moment(of.not_after), "done"] : [t("life.willEnd"), moment(of.not_after), ""],
  ];
  return <ol className="life" tabIndex={0} aria-label={t("grant.life")}>{steps.map(([name, text, kind]) => <li key={name} className={kind}><b>{name}</b><span className="quiet">{text}</span></li>)}</ol>;
}
