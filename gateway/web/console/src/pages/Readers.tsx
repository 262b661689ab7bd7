import { Button, Skeleton } from "antd";
import { lazy, Suspense, useMemo, useState } from "react";
import { Link, useSearchParams } from "react-router-dom";
import type { ReadershipOut } from "../api";
import { all, call } from "../http";
import { count, day, say, t } from "../i18n";
import { useItems, usePurposeName } from "../lookups";
import { Await, Nothing, PageHead, Panel, StateChip, useLoad, When } from "../parts/basics";
import { ReasonModal } from "../parts/picks";
import { KeyTable } from "../parts/table";
import { Segmented } from "antd";

const Chart = lazy(() => import("../parts/chart"));
const DAY = 86_400_000;

export default function Readers() {
  const [search, setSearch] = useSearchParams();
  const span = Number(search.get("days") ?? 30);
  const since = useMemo(() => new Date(Math.floor((Date.now() - span * DAY) / 60_000) * 60_000).toISOString(), [span]);
  const purpose = usePurposeName();
  const items = useItems();
  const [turn, setTurn] = useState(0);
  const [ending, setEnding] = useState<ReadershipOut | null>(null);
  const rows = useLoad(() => all<ReadershipOut>("who_reads_my_data", { since }, 1000), [since, turn]);
  const option = useMemo(() => {
    const by = new Map<string, number>();
    for (const each of rows.data ?? []) { const name = say(each.grantee_unit_zh, each.grantee_unit_en); by.set(name, (by.get(name) ?? 0) + each.rows); }
    const sorted = [...by].sort((a, b) => b[1] - a[1]).slice(0, 12);
    return {
      grid: { left: 130, right: 40, top: 10, bottom: 30 }, xAxis: { type: "value", minInterval: 1 }, yAxis: { type: "category", inverse: true, data: sorted.map(([name]) => name), axisLabel: { width: 120, overflow: "truncate" } },
      tooltip: { trigger: "item", renderMode: "richText" }, series: [{ type: "bar", data: sorted.map(([, n]) => n), itemStyle: { color: "#2f74b5", borderRadius: [0, 4, 4, 0] }, barMaxWidth: 22, label: { show: true, position: "right" } }],
    };
  }, [rows.data]);
  return (
    <>
      <PageHead title={t("menu.readers")} sub={t("readers.sub")} extra={<Segmented aria-label={t("readers.span")} value={span} onChange={(next) => setSearch({ days: String(next) })} options={[7, 30, 90].map((n) => ({ value: n, label: t("common.days", { n }) }))} />} />
      <Panel title={t("readers.rows")}>
        <Await of={rows} rows={4}>{(found) => found.some((each) => each.rows > 0) ? <Suspense fallback={<Skeleton active />}><Chart option={option} label={t("readers.rows")} /></Suspense> : <Nothing text={t("readers.none")} />}</Await>
      </Panel>
      <Panel title={t("readers.who")}>
        <KeyTable<ReadershipOut>
          verb="who_reads_my_data" ask={{ since }} turn={turn} label={t("readers.who")} empty={t("readers.none")} rowKey={(row) => row.grant_id} fileName="readers"
          columns={[
            { key: "who", title: t("grant.grantee"), render: (row) => <Link to={`/grants/${row.grant_id}`}>{row.grantee_name ?? t("apply.grantee.unit")} · {say(row.grantee_unit_zh, row.grantee_unit_en)}</Link>, text: (row) => `${row.grantee_unit_zh} ${row.grantee_name ?? ""}` },
            { key: "what", title: t("grant.items"), render: (row) => row.items.map((code) => { const item = items.find((each) => each.code === code); return item ? say(item.name_zh, item.name_en) : code; }).join("、"), text: (row) => row.items.join(" ") },
            { key: "purpose", title: t("grant.purpose"), render: (row) => purpose(row.purpose), text: (row) => purpose(row.purpose) },
            { key: "uses", title: t("readers.uses"), align: "right", render: (row) => count(row.uses), text: (row) => String(row.uses) },
            { key: "rows", title: t("trail.rows"), align: "right", render: (row) => count(row.rows), text: (row) => String(row.rows) },
            { key: "last", title: t("grant.lastUsed"), render: (row) => <When at={row.last_used_at} near />, text: (row) => row.last_used_at ?? "" },
            { key: "end", title: t("grant.until"), render: (row) => day(row.not_after), text: (row) => day(row.not_after) },
            { key: "state", title: t("common.state"), render: (row) => <StateChip state={row.state} />, text: (row) => row.state },
            { key: "act", title: t("common.acts"), render: (row) => row.state === "active" ? <Button size="small" danger onClick={() => setEnding(row)}>{t("grant.revoke")}</Button> : null },
          ]}
        />
      </Panel>
      <ReasonModal open={ending !== null} title={t("grant.revoke")} text={t("grant.revoke.text")} ok={t("grant.revoke")} onClose={() => setEnding(null)} onDo={async (reason) => { if (ending) await call("revoke_grant", { grant_id: ending.grant_id, reason }); setEnding(null); setTurn((n) => n + 1); }} />
    </>
  );
}
