import { Button, DatePicker, Drawer, Input, Select, Timeline } from "antd";
import { DownloadOutlined, PrinterOutlined } from "@ant-design/icons";
import dayjs from "dayjs";
import { useState } from "react";
import { Link, useSearchParams } from "react-router-dom";
import type { EventOut, Verbs } from "../api";
import { fetchFile } from "../http";
import { count, moment, t, tc } from "../i18n";
import { useEverybody, usePurposeName, useUnitName } from "../lookups";
import { Chip, Facts, Id, PageHead, Panel, StateChip, Trouble, useAct, When } from "../parts/basics";
import { PurposePick } from "../parts/picks";
import { KeyTable } from "../parts/table";

const ACTIONS = ["disclose", "query", "verify", "export", "search", "grant:", "request:", "record:", "upload:", "session:", "party:", "catalogue:", "barrier:"];
const EVIDENCE = ["actor", "client_id", "grant_id", "item", "action", "since", "until"];

/** The trail, filtered by the address: that of one person, client or grant is its time line. */
export default function Trail() {
  const [search, setSearch] = useSearchParams();
  const [picked, setPicked] = useState<EventOut | null>(null);
  const [rows, setRows] = useState<EventOut[]>([]);
  const people = useEverybody();
  const unit = useUnitName();
  const purpose = usePurposeName();
  const act = useAct();
  const get = (name: string) => search.get(name) ?? undefined;
  const put = (part: Record<string, string | undefined>) => setSearch((old) => { const next = new URLSearchParams(old); for (const [name, value] of Object.entries(part)) { if (value) next.set(name, value); else next.delete(name); } return next; }, { replace: true });
  const ask = Object.fromEntries(["actor", "actor_unit", "client_id", "grant_id", "item", "action", "outcome", "purpose", "read_id", "target_id", "since", "until"].map((name) => [name, get(name)]));
  const line = get("actor") ?? get("client_id") ?? get("grant_id");
  return (
    <>
      <PageHead title={t("menu.trail")} sub={t("trail.sub")} extra={<>
        <Button icon={<PrinterOutlined />} onClick={() => window.print()}>{t("act.print")}</Button>
        <Button type="primary" icon={<DownloadOutlined />} loading={act.busy} onClick={() => void act.run(() => fetchFile("export_evidence", Object.fromEntries(EVIDENCE.map((name) => [name, get(name)]).filter(([, value]) => value)) as Verbs["export_evidence"]["ask"], "evidence.zip"))}>{t("trail.export")}</Button>
      </>} />
      <Trouble failure={act.failure} />
      <Panel>
        <div className="filters no-print">
          <Select aria-label={t("trail.actor")} allowClear showSearch={{ optionFilterProp: "label" }} placeholder={t("trail.actor")} style={{ width: 190 }} value={get("actor")} onChange={(next?: string) => put({ actor: next })} options={people.map((each) => ({ value: each.person_id, label: `${each.name} ${each.login}` }))} />
          <Select aria-label={t("trail.action")} allowClear placeholder={t("trail.action")} style={{ width: 150 }} value={get("action")} onChange={(next?: string) => put({ action: next })} options={ACTIONS.map((each) => ({ value: each, label: tc("action", each) }))} />
          <Select aria-label={t("trail.outcome")} allowClear placeholder={t("trail.outcome")} style={{ width: 120 }} value={get("outcome")} onChange={(next?: string) => put({ outcome: next })} options={["allowed", "refused", "done", "failed"].map((each) => ({ value: each, label: tc("state", each) }))} />
          <div style={{ width: 220 }}><PurposePick all value={get("purpose") ?? ""} onChange={(next) => put({ purpose: next })} /></div>
          <DatePicker.RangePicker aria-label={t("trail.span")} value={get("since") ? [dayjs(get("since")), get("until") ? dayjs(get("until")) : null] : null} onChange={(next) => put({ since: next?.[0]?.startOf("day").toISOString(), until: next?.[1]?.endOf("day").toISOString() })} />
          <Input style={{ width: 180 }} allowClear aria-label={t("trail.client")} placeholder={t("trail.client")} key={`c${get("client_id")}`} defaultValue={get("client_id")} onPressEnter={(event) => put({ client_id: event.currentTarget.value.trim() })} onClear={() => put({ client_id: undefined })} />
          <Input style={{ width: 180 }} allowClear aria-label={t("trail.grant")} placeholder={t("trail.grant")} key={`g${get("grant_id")}`} defaultValue={get("grant_id")} onPressEnter={(event) => put({ grant_id: event.currentTarget.value.trim() })} onClear={() => put({ grant_id: undefined })} />
          <Button onClick={() => setSearch({})}>{t("act.clear")}</Button>
        </div>
        <KeyTable<EventOut>
          verb="search_trail" ask={ask} label={t("menu.trail")} empty={t("trail.empty")} rowKey={(row) => row.event_id} size={50} fileName="trail" onLoaded={(page) => setRows(page.items)}
          columns={[
            { key: "at", title: t("trail.at"), render: (row) => <When at={row.at} />, text: (row) => moment(row.at) },
            { key: "who", title: t("trail.actor"), render: (row) => <><Link to={`/trail?actor=${row.actor}`}>{row.actor_name || row.actor || "–"}</Link><br /><span className="quiet">{unit(row.actor_unit)}</span></>, text: (row) => `${row.actor_name} ${unit(row.actor_unit)}` },
            { key: "action", title: t("trail.action"), render: (row) => tc("action", row.action), text: (row) => tc("action", row.action) },
            { key: "target", title: t("trail.target"), render: (row) => row.client_id ? <Link to={`/trail?client_id=${row.client_id}`}>{t("trail.clientShort")} {row.client_id.slice(0, 8)}</Link> : row.target_id ? <Id of={row.target_id} /> : "–", text: (row) => row.client_id || row.target_id },
            { key: "purpose", title: t("read.purpose"), render: (row) => purpose(row.purpose), text: (row) => purpose(row.purpose) },
            { key: "rows", title: t("trail.rows"), align: "right", render: (row) => count(row.record_count), text: (row) => String(row.record_count ?? "") },
            { key: "outcome", title: t("trail.outcome"), render: (row) => <StateChip state={row.outcome} />, text: (row) => tc("state", row.outcome) },
            { key: "rule", title: t("trail.rule"), render: (row) => <span className="mono">{row.rule || row.reason || "–"}</span>, text: (row) => row.rule || row.reason },
            { key: "sealed", title: t("trail.sealed"), render: (row) => row.log_index === null ? <Chip kind="warn">{t("trail.pending")}</Chip> : <span className="mono">#{row.log_index}</span>, text: (row) => String(row.log_index ?? "") },
            { key: "more", title: t("common.acts"), render: (row) => <Button size="small" onClick={() => setPicked(row)}>{t("trail.more")}</Button> },
          ]}
        />
      </Panel>
      {line && rows.length > 0 ? (
        <Panel title={t("trail.line")}>
          <Timeline items={rows.map((each) => ({ key: each.event_id, color: each.outcome === "refused" || each.outcome === "failed" ? "red" : "blue", content: <><b>{tc("action", each.action)}</b> <StateChip state={each.outcome} /> <span className="quiet">{moment(each.at)} · {each.actor_name || each.actor} · {purpose(each.purpose)}</span></> }))} />
        </Panel>
      ) : null}
      <Drawer open={picked !== null} onClose={() => setPicked(null)} title={picked ? tc("action", picked.action) : ""} size={560}>
        {picked ? <Facts rows={[
          [t("trail.at"), moment(picked.at)], [t("trail.actor"), `${picked.actor_name || picked.actor} · ${unit(picked.actor_unit)}`], ...(picked.on_behalf_of ? [[t("request.onBehalf"), picked.on_behalf_of] as [string, string]] : []), [t("trail.outcome"), <StateChip state={picked.outcome} />], [t("read.purpose"), purpose(picked.purpose) || "–"],
          [t("grant.one"), picked.grant_id ? <Id of={picked.grant_id} to={`/grants/${picked.grant_id}`} /> : "–"], [t("grant.items"), picked.items.join(", ") || "–"], [t("apply.fields"), picked.fields.join(", ") || "–"], [t("trail.rule"), picked.rule || "–"], [t("common.reason"), picked.reason || "–"],
          [t("grant.epoch"), <span className="mono">{picked.policy_epoch || "–"}</span>], [t("trail.source"), picked.source || "–"], [t("trail.channel"), picked.channel || "–"], [t("read.id"), <span className="mono">{picked.read_id || "–"}</span>],
          [t("trail.event"), <span className="mono">{picked.event_id}</span>], [t("trail.stream"), <span className="mono">{picked.stream_id}:{picked.seq}</span>], [t("trail.details"), <pre className="paper">{JSON.stringify(picked.details, null, 1)}</pre>],
        ]} /> : null}
      </Drawer>
    </>
  );
}
