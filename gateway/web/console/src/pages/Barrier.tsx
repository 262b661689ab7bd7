import { Button, DatePicker, Input, Modal, Segmented, Select } from "antd";
import dayjs, { type Dayjs } from "dayjs";
import { useState } from "react";
import { useSearchParams } from "react-router-dom";
import type { BarrierOut } from "../api";
import { call } from "../http";
import { moment, t, tc } from "../i18n";
import { useEverybody } from "../lookups";
import { Chip, Due, Id, PageHead, Panel, StateChip, Trouble, useAct } from "../parts/basics";
import { ClientName, ClientPick } from "../parts/picks";
import { KeyTable } from "../parts/table";
import { useSession } from "../session";
import { Row } from "./Apply";

const SETS = {
  suppressions: { list: "list_suppressions", second: "confirm_suppression", end: "end_suppression" },
  listings: { list: "list_listings", second: "confirm_listing", end: "end_listing" },
  crossings: { list: "list_crossings", second: "approve_crossing", end: "end_crossing" },
} as const;
type Name = keyof typeof SETS;

/** Suppressed names, lists and crossings: kept here by two people, each with an end. */
export default function Barrier() {
  const { has, who } = useSession();
  const [search, setSearch] = useSearchParams();
  const keeps = has("compliance", "cco");
  const names: Name[] = keeps ? ["suppressions", "listings", "crossings"] : ["crossings"];
  const name = (names as string[]).includes(search.get("set") ?? "") ? (search.get("set") as Name) : (names[0] as Name);
  const [turn, setTurn] = useState(0);
  const [open, setOpen] = useState(false);
  const people = useEverybody();
  const act = useAct();
  const set = SETS[name];
  const nameOf = (id: string | null) => (id ? people.find((each) => each.person_id === id)?.name ?? id : "–");
  return (
    <>
      <PageHead title={t("menu.barrier")} sub={t(`barrier.${name}.sub`)} extra={<Button type="primary" onClick={() => setOpen(true)}>{t(`barrier.${name}.new`)}</Button>} />
      <Panel>
        <Trouble failure={act.failure} onRetry={() => setTurn((n) => n + 1)} />
        <div className="filters">
          {names.length > 1 ? <Segmented aria-label={t("common.view")} value={name} onChange={(next) => setSearch({ set: String(next) })} options={names.map((each) => ({ value: each, label: t(`barrier.${each}`) }))} /> : null}
          <Select aria-label={t("common.state")} allowClear placeholder={t("common.state")} style={{ width: 140 }} value={search.get("state") ?? undefined} onChange={(next?: string) => setSearch({ set: name, ...(next ? { state: next } : {}) })} options={["proposed", "active", "ended", "rejected"].map((each) => ({ value: each, label: tc("state", each) }))} />
        </div>
        <KeyTable<BarrierOut>
          key={name} verb={set.list} ask={{ state: search.get("state") ?? undefined }} turn={turn} label={t(`barrier.${name}`)} empty={t("barrier.empty")} rowKey={(row) => row.barrier_id} fileName={name}
          columns={[
            { key: "kind", title: t("barrier.kind"), render: (row) => <Chip kind={row.kind === "watch" ? "warn" : row.kind === "crossing" ? "info" : "bad"}>{tc("barrier.kind", row.kind)}</Chip>, text: (row) => row.kind },
            { key: "client", title: t("entry.client"), render: (row) => keeps ? <ClientName id={row.client_id} /> : <Id of={row.client_id} />, text: (row) => row.client_id },
            { key: "who", title: t("barrier.person"), render: (row) => row.person_id ? <>{nameOf(row.person_id)} · {row.project}</> : "–", text: (row) => nameOf(row.person_id) },
            { key: "why", title: t("common.reason"), render: (row) => row.reason, text: (row) => row.reason },
            { key: "state", title: t("common.state"), render: (row) => <StateChip state={row.state} />, text: (row) => row.state },
            { key: "end", title: t("grant.until"), render: (row) => row.state === "active" ? <Due at={row.not_after} /> : moment(row.not_after), text: (row) => moment(row.not_after) },
            { key: "by", title: t("changes.by"), render: (row) => <>{nameOf(row.proposed_by)}<br /><span className="quiet">{nameOf(row.confirmed_by)}</span></>, text: (row) => nameOf(row.proposed_by) },
            { key: "act", title: t("common.acts"), render: (row) => <>
              {row.state === "proposed" && row.proposed_by !== who?.person.person_id && keeps ? <Button size="small" type="primary" onClick={() => void act.run(async () => { await call(set.second, { barrier_id: row.barrier_id }); setTurn((n) => n + 1); })}>{t("barrier.confirm")}</Button> : null}{" "}
              {(row.state === "active" || row.state === "proposed") && keeps ? <Button size="small" danger onClick={() => void act.run(async () => { await call(set.end, { barrier_id: row.barrier_id }); setTurn((n) => n + 1); })}>{t("barrier.end")}</Button> : null}
            </> },
          ]}
        />
      </Panel>
      {open ? <Propose name={name} onClose={() => setOpen(false)} onDone={() => { setOpen(false); setTurn((n) => n + 1); }} /> : null}
    </>
  );
}

function Propose({ name, onClose, onDone }: { name: Name; onClose: () => void; onDone: () => void }) {
  const [client, setClient] = useState("");
  const [kind, setKind] = useState<"watch" | "restricted" | "quiet">("watch");
  const [project, setProject] = useState("");
  const [reason, setReason] = useState("");
  const [end, setEnd] = useState<Dayjs | null>(dayjs().add(30, "day"));
  const act = useAct();
  return (
    <Modal open title={t(`barrier.${name}.new`)} okText={t("act.submit")} cancelText={t("act.cancel")} onCancel={onClose} okButtonProps={{ loading: act.busy, disabled: !client || !end || reason.trim().length < (name === "crossings" ? 10 : 4) || (name === "crossings" && project.trim().length < 2) }}
      onOk={() => void act.run(async () => {
        const base = { client_id: client, reason: reason.trim(), not_after: end?.endOf("day").toISOString() ?? "" };
        if (name === "suppressions") await call("propose_suppression", base);
        else if (name === "listings") await call("propose_listing", { ...base, kind });
        else await call("request_crossing", { ...base, project: project.trim() });
        onDone();
      })}>
      <Trouble failure={act.failure} />
      <Row id="b-client" label={t("entry.client")}>{client ? <ClientName id={client} /> : null}<ClientPick id="b-client" label={t("entry.client")} onPick={(card) => setClient(card.client_id)} /></Row>
      {name === "listings" ? <Row id="b-kind" label={t("barrier.kind")}><Select id="b-kind" aria-label={t("barrier.kind")} style={{ width: "100%" }} value={kind} onChange={setKind} options={(["watch", "restricted", "quiet"] as const).map((each) => ({ value: each, label: tc("barrier.kind", each) }))} /></Row> : null}
      {name === "crossings" ? <Row id="b-project" label={t("apply.project")}><Input id="b-project" value={project} onChange={(event) => setProject(event.target.value)} /></Row> : null}
      <Row id="b-end" label={t("barrier.until")}><DatePicker id="b-end" style={{ width: "100%" }} value={end} onChange={setEnd} disabledDate={(date) => date.isBefore(dayjs(), "day")} /></Row>
      <Row id="b-why" label={t("common.reason")} hint={t("barrier.two")}><Input.TextArea id="b-why" rows={3} maxLength={500} value={reason} onChange={(event) => setReason(event.target.value)} /></Row>
    </Modal>
  );
}
