import { Alert, Button, Input, InputNumber, Modal, Select } from "antd";
import { useState } from "react";
import { Link, useSearchParams } from "react-router-dom";
import type { PersonCreated, PersonOut } from "../api";
import { call } from "../http";
import { moment, say, t, tc } from "../i18n";
import { forgetLookups, useInstitutions, useUnitName, useUnits } from "../lookups";
import { Chip, PageHead, Panel, StateChip, Trouble, useAct } from "../parts/basics";
import { KeyTable } from "../parts/table";
import { useSession } from "../session";
import { Row } from "./Apply";

export const ROLES = ["requester", "dept_head", "lead_rm", "data_owner", "data_steward", "ops", "compliance", "cco", "pi_officer", "auditor", "key_custodian", "sysadmin", "partner_user", "partner_admin", "enterprise_rep", "regulator"] as const;

export default function People() {
  const { has } = useSession();
  const [search, setSearch] = useSearchParams();
  const unitName = useUnitName();
  const institutions = useInstitutions();
  const units = useUnits();
  const [turn, setTurn] = useState(0);
  const [open, setOpen] = useState(false);
  const get = (name: string) => search.get(name) ?? undefined;
  const put = (name: string, value?: string) => setSearch((old) => { const next = new URLSearchParams(old); if (value) next.set(name, value); else next.delete(name); return next; }, { replace: true });
  return (
    <>
      <PageHead title={t("menu.people")} sub={t("people.sub")} extra={has("sysadmin", "partner_admin") ? <Button type="primary" onClick={() => setOpen(true)}>{t("people.new")}</Button> : undefined} />
      <Panel>
        <div className="filters">
          <Select aria-label={t("person.institution")} allowClear placeholder={t("person.institution")} style={{ width: 220 }} value={get("institution")} onChange={(next?: string) => put("institution", next)} options={institutions.map((each) => ({ value: each.institution_id, label: say(each.name_zh, each.name_en) }))} />
          <Select aria-label={t("person.unit")} allowClear placeholder={t("person.unit")} style={{ width: 190 }} value={get("unit")} onChange={(next?: string) => put("unit", next)} options={units.map((each) => ({ value: each.unit_id, label: say(each.name_zh, each.name_en) }))} />
          <Select aria-label={t("person.roles")} allowClear placeholder={t("person.roles")} style={{ width: 170 }} value={get("role")} onChange={(next?: string) => put("role", next)} options={ROLES.map((each) => ({ value: each as string, label: tc("role", each) }))} />
          <Select aria-label={t("common.state")} allowClear placeholder={t("common.state")} style={{ width: 120 }} value={get("state")} onChange={(next?: string) => put("state", next)} options={["active", "suspended", "left"].map((each) => ({ value: each, label: tc("state", each) }))} />
        </div>
        <KeyTable<PersonOut>
          verb="list_people" ask={{ institution_id: get("institution"), unit_id: get("unit"), role: get("role"), state: get("state") }} turn={turn} label={t("menu.people")} empty={t("common.none")} rowKey={(row) => row.person_id} fileName="people"
          columns={[
            { key: "name", title: t("common.name"), render: (row) => <><Link to={`/people/${row.person_id}`}>{row.name}</Link>{row.kind === "service" ? <> <Chip kind="info">{t("people.service")}</Chip></> : null}<br /><span className="mono quiet">{row.login}</span></>, text: (row) => `${row.name} ${row.login}` },
            { key: "unit", title: t("person.unit"), render: (row) => unitName(row.unit_id), text: (row) => unitName(row.unit_id) },
            { key: "roles", title: t("person.roles"), render: (row) => <span className="chips">{row.roles.map((each) => <Chip key={each} kind="plain">{tc("role", each)}</Chip>)}</span>, text: (row) => row.roles.join(" ") },
            { key: "level", title: t("person.clearance"), render: (row) => `L${row.clearance}`, text: (row) => `L${row.clearance}` },
            { key: "state", title: t("common.state"), render: (row) => <StateChip state={row.state} />, text: (row) => row.state },
          ]}
        />
      </Panel>
      {open ? <New onClose={() => setOpen(false)} onDone={() => { forgetLookups(); setTurn((n) => n + 1); }} /> : null}
    </>
  );
}

/** Shown once: the token with which a new person sets the password. */
export function OneTime({ token, expires }: { token: string; expires: string | null }) {
  return <Alert type="success" showIcon title={t("people.token")} description={<><p className="mono" style={{ fontSize: 15, userSelect: "all" }}>{token}</p><p>{t("people.tokenHelp")} {moment(expires)}</p></>} />;
}

function New({ onClose, onDone }: { onClose: () => void; onDone: () => void }) {
  const units = useUnits();
  const [form, setForm] = useState({ login: "", name: "", unit_id: "", roles: [] as (typeof ROLES)[number][], clearance: 2, email: "", staff_no: "" });
  const [made, setMade] = useState<PersonCreated | null>(null);
  const act = useAct();
  return (
    <Modal open title={t("people.new")} okText={t("act.save")} cancelText={made ? t("act.close") : t("act.cancel")} onCancel={onClose} okButtonProps={{ loading: act.busy, disabled: !form.login.trim() || !form.name.trim() || !form.unit_id, hidden: made !== null }}
      onOk={() => void act.run(async () => { setMade(await call("create_person", { login: form.login.trim(), name: form.name.trim(), unit_id: form.unit_id, roles: form.roles, clearance: form.clearance, ...(form.email ? { email: form.email } : {}), ...(form.staff_no ? { staff_no: form.staff_no } : {}) })); onDone(); })}>
      <Trouble failure={act.failure} />
      {made?.one_time_token ? <OneTime token={made.one_time_token} expires={made.token_expires_at} /> : (
        <>
          <div className="cols-2">
            <Row id="n-login" label={t("person.login")}><Input id="n-login" value={form.login} onChange={(event) => setForm({ ...form, login: event.target.value })} /></Row>
            <Row id="n-name" label={t("common.name")}><Input id="n-name" value={form.name} onChange={(event) => setForm({ ...form, name: event.target.value })} /></Row>
            <Row id="n-unit" label={t("person.unit")}><Select id="n-unit" aria-label={t("person.unit")} style={{ width: "100%" }} showSearch={{ optionFilterProp: "label" }} value={form.unit_id || undefined} onChange={(unit_id: string) => setForm({ ...form, unit_id })} options={units.map((each) => ({ value: each.unit_id, label: say(each.name_zh, each.name_en) }))} /></Row>
            <Row id="n-level" label={t("person.clearance")}><InputNumber id="n-level" min={1} max={5} value={form.clearance} onChange={(next) => setForm({ ...form, clearance: next ?? 2 })} /></Row>
            <Row id="n-mail" label={t("person.email")}><Input id="n-mail" type="email" value={form.email} onChange={(event) => setForm({ ...form, email: event.target.value })} /></Row>
            <Row id="n-staff" label={t("person.staff")}><Input id="n-staff" value={form.staff_no} onChange={(event) => setForm({ ...form, staff_no: event.target.value })} /></Row>
          </div>
          <Row id="n-roles" label={t("person.roles")}><Select id="n-roles" aria-label={t("person.roles")} mode="multiple" showSearch={{ optionFilterProp: "label" }} style={{ width: "100%" }} value={form.roles} onChange={(roles) => setForm({ ...form, roles })} options={ROLES.map((each) => ({ value: each, label: tc("role", each) }))} /></Row>
        </>
      )}
    </Modal>
  );
}
