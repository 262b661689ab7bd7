import { Button, Input } from "antd";
import { useState } from "react";
import { Link, useParams, useSearchParams } from "react-router-dom";
import type { Disclosure } from "../api";
import { call } from "../http";
import { moment, say, t, tc } from "../i18n";
import { useEverybody, useFieldName, useGroupName, useItems, usePurposeName, useUnitName } from "../lookups";
import { Await, Chip, Id, Nothing, PageHead, Panel, Trouble, useAct, useLoad, When } from "../parts/basics";
import { PurposePick, ReasonModal } from "../parts/picks";
import { fieldsOfGroup } from "./Entry";
import { Row } from "./Apply";

/** One record of one's own: who receives it, its history, correcting it, taking it out. */
export default function RecordPage() {
  const { id = "" } = useParams();
  const [search] = useSearchParams();
  const group = search.get("group") ?? "";
  const client = search.get("client") ?? "";
  const groupName = useGroupName();
  const label = useFieldName();
  const unit = useUnitName();
  const purposeName = usePurposeName();
  const people = useEverybody();
  const fields = fieldsOfGroup(useItems(), group);
  const receivers = useLoad(() => call("record_receivers", { record_id: id }), [id]);
  const history = useLoad(() => call("record_history", { record_id: id }), [id]);
  const [purpose, setPurpose] = useState("");
  const [shown, setShown] = useState<Disclosure | null>(null);
  const [values, setValues] = useState<Record<string, string> | null>(null);
  const [reason, setReason] = useState("");
  const [open, setOpen] = useState(false);
  const [told, setTold] = useState("");
  const act = useAct();
  return (
    <>
      <PageHead title={`${t("record.one")} · ${groupName(group)}`} sub={<span className="mono">{id}</span>} extra={<>{client ? <Link to={`/clients/${client}`}>{t("read.back")}</Link> : null}<Button danger onClick={() => setOpen(true)}>{t("record.withdraw")}</Button></>} />
      <Trouble failure={act.failure} />
      {told ? <p role="status"><Chip kind="good">{told}</Chip></p> : null}
      <Panel title={t("record.correct")}>
        {values ? (
          <form onSubmit={(event) => { event.preventDefault(); void act.run(async () => {
            await call("correct_record", { record_id: id, values: Object.fromEntries(Object.entries(values).filter(([, value]) => value.trim())), reason });
            setTold(t("record.corrected")); setValues(null); setShown(null); setReason(""); history.reload();
          }); }}>
            <div className="cols-2">{fields.map((each) => <Row key={each.name} id={`f-${each.name}`} label={say(each.zh, each.en)}><Input id={`f-${each.name}`} value={values[each.name] ?? ""} onChange={(event) => setValues({ ...values, [each.name]: event.target.value })} /></Row>)}</div>
            <Row id="reason" label={t("common.reason")}><Input id="reason" minLength={4} maxLength={300} required value={reason} onChange={(event) => setReason(event.target.value)} /></Row>
            <Button type="primary" htmlType="submit" loading={act.busy}>{t("record.save")}</Button> <Button onClick={() => setValues(null)}>{t("act.cancel")}</Button>
          </form>
        ) : (
          <form className="filters" onSubmit={(event) => { event.preventDefault(); void act.run(async () => {
            const got = await call("disclose", { record_id: id, purpose });
            setShown(got); setTold("");
            setValues(Object.fromEntries(Object.entries(got.record.values).map(([name, value]) => [name, Array.isArray(value) ? value.join(",") : String(value ?? "")])));
          }); }}>
            <label htmlFor="purpose">{t("read.purpose")}</label><div style={{ width: 280 }}><PurposePick id="purpose" value={purpose} onChange={setPurpose} /></div>
            <Button htmlType="submit" type="primary" disabled={!purpose} loading={act.busy}>{t("record.open")}</Button><span className="quiet">{t("read.recorded")}</span>
          </form>
        )}
        {shown && shown.record.masked.length > 0 ? <p className="quiet">{t("read.masked")}: {shown.record.masked.map((each) => label(group, each)).join("、")}</p> : null}
      </Panel>
      <div className="cols-2">
        <Panel title={t("record.receivers")}>
          <Await of={receivers} rows={3}>{(found) => found.items.length === 0 ? <Nothing text={t("record.noReceivers")} /> : <ul className="timeline">{found.items.map((each) => <li key={each.grant_id}><b>{unit(each.grantee_unit)}</b> · {purposeName(each.purpose)} · <Id of={each.grant_id} to={`/grants/${each.grant_id}`} /><p className="quiet">{t("grant.until")} {moment(each.not_after)} · {t("grant.lastUsed")} <When at={each.last_used_at} near /></p></li>)}</ul>}</Await>
        </Panel>
        <Panel title={t("record.history")}>
          <Await of={history} rows={3}>{(found) => <ol className="timeline">{found.items.map((each, n) => <li key={n}><b>{tc("record", each.act)}</b> <span className="quiet"><When at={each.at} /></span><p className="quiet">{people.find((one) => one.person_id === each.actor)?.name ?? each.actor} · {t("read.generation", { n: each.generation })} {each.reason}</p></li>)}</ol>}</Await>
        </Panel>
      </div>
      <ReasonModal open={open} title={t("record.withdraw")} text={t("record.withdraw.text")} onClose={() => setOpen(false)} onDo={async (why) => { await call("withdraw_record", { record_id: id, reason: why }); setOpen(false); setTold(t("record.withdrawn")); history.reload(); receivers.reload(); }} />
    </>
  );
}
