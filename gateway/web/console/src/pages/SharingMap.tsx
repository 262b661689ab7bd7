import { Skeleton } from "antd";
import { Table } from "antd";
import { lazy, Suspense, useMemo, useState } from "react";
import { Link } from "react-router-dom";
import type { GrantOut } from "../api";
import { all } from "../http";
import { count, say, t, tc } from "../i18n";
import { useGroupName, useUnitName } from "../lookups";
import { flows } from "../flows";
import { Await, Nothing, PageHead, Panel, useLoad } from "../parts/basics";
import { useSession } from "../session";
import { Segmented } from "antd";

const Chart = lazy(() => import("../parts/chart"));

/** Who gives what to whom, from the grants that are live; the numbers stand in the table below. */
export default function SharingMap() {
  const { has } = useSession();
  const wide = has("compliance", "cco", "auditor", "regulator");
  const [view, setView] = useState(wide ? "all" : "given");
  const grants = useLoad(() => all<GrantOut>("list_grants", { view, state: "active" }, 5000), [view]);
  const unit = useUnitName();
  const group = useGroupName();
  const rows = useMemo(() => flows(grants.data ?? []), [grants.data]);
  const option = useMemo(() => {
    const from = (id: string) => `${t("map.from")} ${unit(id)}`;
    const to = (id: string, zh: string, en: string) => `${t("map.to")} ${say(zh, en) || unit(id)}`;
    const names = new Set<string>();
    const links = new Map<string, { source: string; target: string; value: number }>();
    const link = (source: string, target: string, value: number) => { names.add(source); names.add(target); const key = `${source}|${target}`; const old = links.get(key); if (old) old.value += value; else links.set(key, { source, target, value }); };
    for (const each of rows) { link(from(each.owner), group(each.group), each.grants); link(group(each.group), to(each.grantee, each.grantee_zh, each.grantee_en), each.grants); }
    return {
      tooltip: { trigger: "item", renderMode: "richText" },
      series: [{ type: "sankey", left: 20, right: 170, top: 16, bottom: 16, nodeGap: 14, data: [...names].map((name) => ({ name })), links: [...links.values()], lineStyle: { color: "gradient", opacity: .35 }, label: { fontSize: 13, color: "inherit" }, emphasis: { focus: "adjacency" } }],
    };
  }, [rows, unit, group]);
  return (
    <>
      <PageHead title={t("menu.map")} sub={t("map.sub")} extra={<Segmented aria-label={t("common.view")} value={view} onChange={(next) => setView(String(next))} options={[...(wide ? ["all"] : []), "given", "held"].map((each) => ({ value: each, label: tc("grants", each) }))} />} />
      <Await of={grants} rows={8}>{() => rows.length === 0 ? <Panel><Nothing text={t("map.empty")} /></Panel> : (
        <>
          <Panel title={t("map.picture")}><Suspense fallback={<Skeleton active />}><Chart tall option={option} label={t("map.picture")} /></Suspense></Panel>
          <Panel title={t("map.numbers")}>
            <div className="table-room" role="region" tabIndex={0} aria-label={t("map.numbers")}>
              <Table size="small" pagination={false} rowKey={(row) => `${row.owner}|${row.group}|${row.grantee}`} dataSource={rows} columns={[
                { title: t("map.from"), render: (_, row) => unit(row.owner), sorter: (a, b) => a.owner.localeCompare(b.owner) }, { title: t("map.what"), render: (_, row) => group(row.group), sorter: (a, b) => a.group.localeCompare(b.group) },
                { title: t("map.to"), render: (_, row) => say(row.grantee_zh, row.grantee_en) || unit(row.grantee) }, { title: t("map.grants"), align: "right", dataIndex: "grants", sorter: (a, b) => a.grants - b.grants, defaultSortOrder: "descend" },
                { title: t("map.uses"), align: "right", render: (_, row) => count(row.uses), sorter: (a, b) => a.uses - b.uses }, { title: t("map.see"), render: (_, row) => row.first ? <Link to={`/grants/${row.first}`}>{t("map.example")}</Link> : null },
              ]} />
            </div>
          </Panel>
        </>
      )}</Await>
    </>
  );
}
