import { Button, Input, Modal, Select } from "antd";
import { useState } from "react";
import { Link } from "react-router-dom";
import type { InstitutionOut } from "../api";
import { call } from "../http";
import { say, t, tc } from "../i18n";
import { forgetLookups } from "../lookups";
import { PageHead, Panel, StateChip, Trouble, useAct, When } from "../parts/basics";
import { ReasonModal } from "../parts/picks";
import { KeyTable } from "../parts/table";
import { useSession } from "../session";
import { Row } from "./Apply";

const KINDS = ["park", "government", "equity_market", "bank", "guarantor", "insurer", "lessor", "intermediary"] as const;

export default function Institutions() {
  const { has } = useSession();
  const [turn, setTurn] = useState(0);
  const [open, setOpen] = useState(false);
  const [moving, setMoving] = useState<{ row: InstitutionOut; state: "live" | "suspended" | "exited" } | null>(null);
  const [kind, setKind] = useState<InstitutionOut["kind"] | undefined>();
  const done = () => { forgetLookups(); setTurn((n) => n + 1); };
  return (
    <>
      <PageHead title={t("menu.institutions")} sub={t("institutions.sub")} extra={has("sysadmin") ? <Button type="primary" onClick={() => setOpen(true)}>{t("institutions.new")}</Button> : undefined} />
      <Panel>
        <div className="filters"><Select aria-label={t("institutions.kind")} allowClear placeholder={t("institutions.kind")} style={{ width: 180 }} value={kind} onChange={setKind} options={["firm", ...KINDS].map((each) => ({ value: each as InstitutionOut["kind"], label: tc("institution", each) }))} /></div>
        <KeyTable<InstitutionOut>
          verb="list_institutions" ask={{ kind }} turn={turn} label={t("menu.institutions")} empty={t("common.none")} rowKey={(row) => row.institution_id} fileName="institutions"
          columns={[
            { key: "name", title: t("common.name"), render: (row) => <><Link to={`/people?institution=${row.institution_id}`}>{say(row.name_zh, row.name_en)}</Link><br /><span className="mono quiet">{row.institution_id}</span></>, text: (row) => row.name_zh },
            { key: "kind", title: t("institutions.kind"), render: (row) => tc("institution", row.kind), text: (row) => row.kind },
            { key: "uscc", title: t("clients.uscc"), render: (row) => <span className="mono">{row.uscc ?? "–"}</span>, text: (row) => row.uscc ?? "" },
            { key: "state", title: t("common.state"), render: (row) => <StateChip state={row.state} />, text: (row) => row.state },
            { key: "at", title: t("common.created"), render: (row) => <When at={row.created_at} />, text: (row) => row.created_at },
            { key: "act", title: t("common.acts"), render: (row) => row.kind === "firm" ? null : <>
              {row.state === "applied" || row.state === "suspended" ? <Button size="small" onClick={() => setMoving({ row, state: "live" })}>{t("institutions.admit")}</Button> : null}{" "}
              {row.state === "live" ? <Button size="small" danger onClick={() => setMoving({ row, state: "suspended" })}>{t("institutions.suspend")}</Button> : null}{" "}
              {row.state !== "exited" ? <Button size="small" danger onClick={() => setMoving({ row, state: "exited" })}>{t("institutions.exit")}</Button> : null}</> },
          ]}
        />
      </Panel>
      {open ? <New onClose={() => setOpen(false)} onDone={() => { setOpen(false); done(); }} /> : null}
      <ReasonModal open={moving !== null} min={0} danger={moving?.state !== "live"} title={moving ? `${tc("state", moving.state)} · ${say(moving.row.name_zh, moving.row.name_en)}` : ""} text={t("institutions.move")} onClose={() => setMoving(null)} onDo={async (reason) => { if (moving) await call("set_institution_state", { institution_id: moving.row.institution_id, state: moving.state, reason }); setMoving(null); done(); }} />
    </>
  );
}

function New({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const [form, setForm] = useState({ institution_id: "", kind: "park" as (typeof KINDS)[number], name_zh: "", name_en: "", uscc: "" });
  const act = useAct();
  return (
    <Modal open title={t("institutions.new")} okText={t("act.save")} cancelText={t("act.cancel")} onCancel={onClose} okButtonProps={{ loading: act.busy, disabled: !form.name_zh.trim() }}
      onOk={() => void act.run(async () => { await call("create_institution", { kind: form.kind, name_zh: form.name_zh.trim(), name_en: form.name_en.trim(), ...(form.institution_id ? { institution_id: form.institution_id.trim() } : {}), ...(form.uscc ? { uscc: form.uscc.trim() } : {}) }); onDone(); })}>
      <Trouble failure={act.failure} />
      <Row id="i-kind" label={t("institutions.kind")}><Select id="i-kind" aria-label={t("institutions.kind")} style={{ width: "100%" }} value={form.kind} onChange={(kind) => setForm({ ...form, kind })} options={KINDS.map((each) => ({ value: each, label: tc("institution", each) }))} /></Row>
      <Row id="i-zh" label={t("item.nameZh")}><Input id="i-zh" value={form.name_zh} onChange={(event) => setForm({ ...form, name_zh: event.target.value })} /></Row>
      <Row id="i-en" label={t("item.nameEn")}><Input id="i-en" value={form.name_en} onChange={(event) => setForm({ ...form, name_en: event.target.value })} /></Row>
      <Row id="i-id" label={t("institutions.id")}><Input id="i-id" value={form.institution_id} onChange={(event) => setForm({ ...form, institution_id: event.target.value })} /></Row>
      <Row id="i-uscc" label={t("clients.uscc")}><Input id="i-uscc" className="mono" value={form.uscc} onChange={(event) => setForm({ ...form, uscc: event.target.value })} /></Row>
    </Modal>
  );
}
