import { Button, Segmented } from "antd";
import { useState } from "react";
import { Link, useSearchParams } from "react-router-dom";
import type { ChangeOut, ItemOut } from "../api";
import { call } from "../http";
import { t, tc } from "../i18n";
import { forgetLookups } from "../lookups";
import { PageHead, Panel, StateChip, Trouble, useAct, When } from "../parts/basics";
import { ReasonModal } from "../parts/picks";
import { KeyTable } from "../parts/table";
import { useSession } from "../session";

export default function Changes() {
  const [search, setSearch] = useSearchParams();
  const { who } = useSession();
  const state = search.get("state") ?? "proposed";
  const [turn, setTurn] = useState(0);
  const [refusing, setRefusing] = useState<ChangeOut | null>(null);
  const act = useAct();
  const show = (item: ItemOut | null, name: string) => { const value = (item as unknown as Record<string, unknown> | null)?.[name]; return name === "mode" ? tc("mode", String(value)) : Array.isArray(value) ? value.join(", ") : typeof value === "boolean" ? t(value ? "common.yes" : "common.no") : String(value ?? "–"); };
  return (
    <>
      <PageHead title={t("menu.changes")} sub={t("changes.sub")} />
      <Panel>
        <Trouble failure={act.failure} onRetry={() => setTurn((n) => n + 1)} />
        <div className="filters"><Segmented aria-label={t("common.state")} value={state} onChange={(next) => setSearch({ state: String(next) })} options={["proposed", "applied", "rejected", "withdrawn"].map((each) => ({ value: each, label: tc("state", each) }))} /></div>
        <KeyTable<ChangeOut>
          verb="list_item_changes" ask={{ state }} turn={turn} label={t("menu.changes")} empty={t("changes.empty")} rowKey={(row) => row.change_id} fileName="changes"
          columns={[
            { key: "item", title: t("catalogue.code"), render: (row) => <Link className="mono" to={`/catalogue/${row.item_code}`}>{row.item_code}</Link>, text: (row) => row.item_code },
            { key: "what", title: t("changes.what"), render: (row) => <>{row.changed.map((each) => <div key={each}><b>{tc("attr", each)}</b>: <del>{show(row.before, each)}</del> → {show(row.after, each)}</div>)}</>, text: (row) => row.changed.join(" ") },
            { key: "why", title: t("common.reason"), render: (row) => row.reason, text: (row) => row.reason },
            { key: "who", title: t("changes.by"), render: (row) => <>{row.proposed_by_name || row.proposed_by}<br /><span className="quiet"><When at={row.proposed_at} /></span></>, text: (row) => row.proposed_by_name },
            { key: "state", title: t("common.state"), render: (row) => <StateChip state={row.state} />, text: (row) => row.state },
            { key: "act", title: t("common.acts"), render: (row) => row.state !== "proposed" ? null : row.proposed_by === who?.person.person_id ? <span className="quiet">{t("changes.own")}</span> : <>
              <Button size="small" type="primary" loading={act.busy} onClick={() => void act.run(async () => { await call("countersign_item_change", { change_id: row.change_id }); forgetLookups(); setTurn((n) => n + 1); })}>{t("changes.countersign")}</Button>{" "}
              <Button size="small" danger onClick={() => setRefusing(row)}>{t("changes.reject")}</Button></> },
          ]}
        />
      </Panel>
      <ReasonModal open={refusing !== null} title={t("changes.reject")} onClose={() => setRefusing(null)} onDo={async (reason) => { if (refusing) await call("reject_item_change", { change_id: refusing.change_id, reason }); setRefusing(null); setTurn((n) => n + 1); }} />
    </>
  );
}
