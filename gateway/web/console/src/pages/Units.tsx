import { Button, Input, Modal, Select } from "antd";
import { useState } from "react";
import { Link } from "react-router-dom";
import type { UnitOut } from "../api";
import { call } from "../http";
import { say, t, tc } from "../i18n";
import { forgetLookups, useInstitutions } from "../lookups";
import { Chip, PageHead, Panel, Trouble, useAct } from "../parts/basics";
import { KeyTable } from "../parts/table";
import { useSession } from "../session";
import { Row } from "./Apply";

export default function Units() {
  const { has } = useSession();
  const institutions = useInstitutions();
  const [turn, setTurn] = useState(0);
  const [open, setOpen] = useState(false);
  const [institution, setInstitution] = useState<string | undefined>();
  return (
    <>
      <PageHead title={t("menu.units")} sub={t("units.sub")} extra={has("sysadmin", "partner_admin") ? <Button type="primary" onClick={() => setOpen(true)}>{t("units.new")}</Button> : undefined} />
      <Panel>
        <div className="filters"><Select aria-label={t("person.institution")} allowClear placeholder={t("person.institution")} style={{ width: 260 }} value={institution} onChange={setInstitution} options={institutions.map((each) => ({ value: each.institution_id, label: say(each.name_zh, each.name_en) }))} /></div>
        <KeyTable<UnitOut>
          verb="list_units" ask={{ institution_id: institution }} turn={turn} label={t("menu.units")} empty={t("common.none")} rowKey={(row) => row.unit_id} fileName="units"
          columns={[
            { key: "name", title: t("common.name"), render: (row) => <><Link to={`/people?unit=${row.unit_id}`}>{say(row.name_zh, row.name_en)}</Link> <span className="mono quiet">{row.unit_id}</span></>, text: (row) => row.name_zh },
            { key: "of", title: t("person.institution"), render: (row) => { const one = institutions.find((each) => each.institution_id === row.institution_id); return one ? say(one.name_zh, one.name_en) : row.institution_id; }, text: (row) => row.institution_id },
            { key: "side", title: t("person.side"), render: (row) => <Chip kind={row.side === "private" ? "warn" : row.side === "public" ? "info" : "plain"}>{tc("side", row.side)}</Chip>, text: (row) => row.side },
            { key: "active", title: t("common.state"), render: (row) => row.active ? <Chip kind="good">{t("state.active")}</Chip> : <Chip kind="plain">{t("state.ended")}</Chip>, text: (row) => String(row.active) },
          ]}
        />
      </Panel>
      {open ? <New onClose={() => setOpen(false)} onDone={() => { setOpen(false); forgetLookups(); setTurn((n) => n + 1); }} /> : null}
    </>
  );
}

function New({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const institutions = useInstitutions();
  const [form, setForm] = useState({ unit_id: "", institution_id: "", name_zh: "", name_en: "", side: "none" as UnitOut["side"] });
  const act = useAct();
  return (
    <Modal open title={t("units.new")} okText={t("act.save")} cancelText={t("act.cancel")} onCancel={onClose} okButtonProps={{ loading: act.busy, disabled: !form.name_zh.trim() || !form.institution_id }}
      onOk={() => void act.run(async () => { await call("create_unit", { institution_id: form.institution_id, name_zh: form.name_zh.trim(), name_en: form.name_en.trim(), side: form.side, ...(form.unit_id ? { unit_id: form.unit_id.trim() } : {}) }); onDone(); })}>
      <Trouble failure={act.failure} />
      <Row id="u-of" label={t("person.institution")}><Select id="u-of" aria-label={t("person.institution")} style={{ width: "100%" }} value={form.institution_id || undefined} onChange={(institution_id: string) => setForm({ ...form, institution_id })} options={institutions.map((each) => ({ value: each.institution_id, label: say(each.name_zh, each.name_en) }))} /></Row>
      <Row id="u-zh" label={t("item.nameZh")}><Input id="u-zh" value={form.name_zh} onChange={(event) => setForm({ ...form, name_zh: event.target.value })} /></Row>
      <Row id="u-en" label={t("item.nameEn")}><Input id="u-en" value={form.name_en} onChange={(event) => setForm({ ...form, name_en: event.target.value })} /></Row>
      <Row id="u-id" label={t("units.id")}><Input id="u-id" value={form.unit_id} onChange={(event) => setForm({ ...form, unit_id: event.target.value })} /></Row>
      <Row id="u-side" label={t("person.side")}><Select id="u-side" aria-label={t("person.side")} style={{ width: "100%" }} value={form.side} onChange={(side: UnitOut["side"]) => setForm({ ...form, side })} options={["private", "public", "control", "none"].map((each) => ({ value: each as UnitOut["side"], label: tc("side", each) }))} /></Row>
    </Modal>
  );
}
