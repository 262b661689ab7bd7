import { Button, Input, InputNumber, Select } from "antd";
import { useEffect, useState } from "react";
import { useParams } from "react-router-dom";
import type { OneTimeOut, PersonOut } from "../api";
import { call } from "../http";
import { moment, say, t, tc } from "../i18n";
import { forgetLookups, useEverybody, useUnitName, useUnits } from "../lookups";
import { Await, Chip, Facts, Id, PageHead, Panel, StateChip, Trouble, useAct, useLoad, When, LinkButton } from "../parts/basics";
import { ReasonModal } from "../parts/picks";
import { useSession } from "../session";
import { Row } from "./Apply";
import { OneTime, ROLES } from "./People";

type Roles = (typeof ROLES)[number][];

export default function Person() {
  const { id = "" } = useParams();
  const { has } = useSession();
  const unitName = useUnitName();
  const units = useUnits();
  const people = useEverybody();
  const person = useLoad(() => call("get_person", { person_id: id }), [id]);
  const changes = useLoad(() => call("list_memberships", { person_id: id }), [id, person.data?.updated_at]);
  const [open, setOpen] = useState("");
  const [token, setToken] = useState<OneTimeOut | null>(null);
  const [unit, setUnit] = useState("");
  const act = useAct();
  const keeps = has("sysadmin", "partner_admin");
  return (
    <Await of={person}>{(data) => (
      <>
        <PageHead title={data.name} sub={<><StateChip state={data.state} /> <span className="mono">{data.login}</span></>} extra={<>
          {has("compliance", "cco", "auditor") ? <LinkButton to={`/trail?actor=${id}`}>{t("client.trail")}</LinkButton> : null}
          {keeps && data.state !== "left" ? <>
            {data.kind === "person" ? <><Button loading={act.busy} onClick={() => void act.run(async () => setToken(await call("reset_password", { person_id: id })))}>{t("person.reset")}</Button><Button loading={act.busy} onClick={() => void act.run(async () => { await call("remove_totp", { person_id: id }); })}>{t("person.removeTotp")}</Button></> : null}
            <Button onClick={() => setOpen("transfer")}>{t("person.transfer")}</Button>
            <Button danger onClick={() => setOpen("suspend")}>{data.state === "suspended" ? t("person.restore") : t("person.suspend")}</Button>
            <Button danger type="primary" onClick={() => setOpen("leave")}>{t("person.leave")}</Button>
          </> : null}
        </>} />
        <Trouble failure={act.failure} />
        {token ? <Panel><OneTime token={token.one_time_token} expires={token.expires_at} /></Panel> : null}
        <Panel title={t("person.facts")}>
          <Facts rows={[
            [t("person.unit"), unitName(data.unit_id)], [t("person.institution"), data.institution_id], [t("person.roles"), <span className="chips">{data.roles.map((each) => <Chip key={each} kind="plain">{tc("role", each)}</Chip>)}</span>], [t("person.clearance"), `L${data.clearance}`],
            [t("person.side"), tc("side", data.side)], [t("person.trained"), moment(data.trained_until)], [t("person.staff"), data.staff_no ?? "–"], [t("person.email"), data.email ?? "–"],
          ]} />
        </Panel>
        <div className="cols-2">
          {keeps && data.state !== "left" ? <Change of={data} onDone={(next) => { forgetLookups(); person.put(next); }} /> : null}
          <Panel title={t("person.changes")}>
            <Await of={changes} rows={3}>{(page) => page.items.length === 0 ? <p className="quiet">{t("common.none")}</p> : <ol className="timeline">{page.items.map((each) => <li key={each.entry_id}><b>{each.roles.map((role) => tc("role", role)).join("、") || t("common.none")}</b> <span className="quiet"><When at={each.at} /></span><p className="quiet">{unitName(each.unit_id)} · {people.find((one) => one.person_id === each.changed_by)?.name ?? each.changed_by} · {t("ledger.entry")} <Id of={each.entry_id} /></p></li>)}</ol>}</Await>
          </Panel>
        </div>
        <ReasonModal open={open === "suspend"} min={0} title={data.state === "suspended" ? t("person.restore") : t("person.suspend")} onClose={() => setOpen("")} onDo={async (reason) => { person.put(await call("suspend_person", { person_id: id, suspended: data.state !== "suspended", reason })); setOpen(""); }} />
        <ReasonModal open={open === "leave"} min={0} title={t("person.leave")} text={t("person.leave.text")} onClose={() => setOpen("")} onDo={async (reason) => { person.put(await call("leave_person", { person_id: id, reason })); setOpen(""); }} />
        <ReasonModal open={open === "transfer"} min={0} title={t("person.transfer")} text={t("person.transfer.text")} onClose={() => setOpen("")} onDo={async () => { person.put(await call("transfer_person", { person_id: id, unit_id: unit })); setOpen(""); }}>
          <Row id="t-unit" label={t("person.unit")}><Select id="t-unit" aria-label={t("person.unit")} style={{ width: "100%" }} value={unit || undefined} onChange={setUnit} options={units.filter((each) => each.institution_id === data.institution_id).map((each) => ({ value: each.unit_id, label: say(each.name_zh, each.name_en) }))} /></Row>
        </ReasonModal>
      </>
    )}</Await>
  );
}

function Change({ of, onDone }: { of: PersonOut; onDone: (next: PersonOut) => void }) {
  const [roles, setRoles] = useState<Roles>(of.roles as Roles);
  const [clearance, setClearance] = useState(of.clearance);
  const [name, setName] = useState(of.name);
  const [email, setEmail] = useState(of.email ?? "");
  const act = useAct();
  useEffect(() => { setRoles(of.roles as Roles); setClearance(of.clearance); setName(of.name); setEmail(of.email ?? ""); }, [of]);
  return (
    <Panel title={t("person.change")}>
      <form onSubmit={(event) => { event.preventDefault(); void act.run(async () => onDone(await call("change_person", { person_id: of.person_id, name: name.trim(), email: email.trim(), roles, clearance }))); }}>
        <Trouble failure={act.failure} />
        <Row id="ch-name" label={t("common.name")}><Input id="ch-name" value={name} onChange={(event) => setName(event.target.value)} /></Row>
        <Row id="ch-mail" label={t("person.email")}><Input id="ch-mail" value={email} onChange={(event) => setEmail(event.target.value)} /></Row>
        <Row id="ch-roles" label={t("person.roles")}><Select id="ch-roles" aria-label={t("person.roles")} mode="multiple" showSearch={{ optionFilterProp: "label" }} style={{ width: "100%" }} value={roles} onChange={setRoles} options={ROLES.map((each) => ({ value: each, label: tc("role", each) }))} /></Row>
        <Row id="ch-level" label={t("person.clearance")}><InputNumber id="ch-level" min={1} max={5} value={clearance} onChange={(next) => setClearance(next ?? of.clearance)} /></Row>
        <Button type="primary" htmlType="submit" loading={act.busy}>{t("act.save")}</Button> <span className="quiet">{t("person.change.help")}</span>
      </form>
    </Panel>
  );
}
