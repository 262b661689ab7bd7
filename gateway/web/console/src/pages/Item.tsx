import { Button, Input, Modal, Select, Switch } from "antd";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router-dom";
import type { ItemOut, Verbs } from "../api";
import { call } from "../http";
import { say, t, tc } from "../i18n";
import { forgetLookups, useEverybody, useGroupName, usePurposeName } from "../lookups";
import { Await, Chip, Facts, Id, LevelChip, ModeChip, PageHead, Panel, Trouble, useAct, useLoad, When } from "../parts/basics";
import { useSession } from "../session";
import { Row } from "./Apply";

export default function Item() {
  const { code = "" } = useParams();
  const { has } = useSession();
  const go = useNavigate();
  const groupName = useGroupName();
  const purposeName = usePurposeName();
  const people = useEverybody();
  const item = useLoad(() => call("get_item", { item_code: code }), [code]);
  const history = useLoad(() => call("item_history", { item_code: code, limit: 50 }), [code]);
  const answerable = useLoad(() => call("catalogue_answerable", { item_code: code }), [code]);
  const [open, setOpen] = useState(false);
  const nameOf = (id: string) => people.find((each) => each.person_id === id)?.name ?? id;
  return (
    <Await of={item}>{(data) => (
      <>
        <PageHead title={say(data.name_zh, data.name_en)} sub={<><span className="mono">{data.code}</span> <LevelChip level={data.level} /> <ModeChip mode={data.mode} /> {data.waiting_change ? <Chip kind="warn">{t("catalogue.waiting")}</Chip> : null}</>} extra={<>
          {has("data_steward", "data_owner", "compliance") ? <Button onClick={() => setOpen(true)}>{t("item.propose")}</Button> : null}
          {data.mode === "approval_gated" ? <Button type="primary" onClick={() => go(`/apply?items=${data.code}&group=${data.group}`)}>{t("act.apply")}</Button> : null}
        </>} />
        <Panel title={t("item.terms")}>
          <p className="quiet">{t(`mode.${data.mode}.help` as "mode.not_shared.help")}</p>
          <Facts rows={[
            [t("catalogue.owner"), say(data.owner_zh, data.owner_en)], [t("item.steward"), data.steward || "–"], [t("catalogue.group"), groupName(data.group)], [t("catalogue.personal"), data.sensitive ? t("catalogue.sensitive") : data.personal ? t("common.yes") : t("common.no")],
            [t("item.basis"), data.legal_basis || "–"], [t("item.retention"), <span className="mono">{data.retention}</span>], [t("item.maxTerm"), data.max_term_days ? t("common.days", { n: data.max_term_days }) : "–"],
            [t("item.purposes"), data.allowed_purposes.length ? data.allowed_purposes.map(purposeName).join("、") : t("item.anyPurpose")], [t("item.source"), data.source || "–"], [t("item.version"), String(data.version)],
          ]} />
          {data.fields.length > 0 ? <><h3>{t("apply.fields")}</h3><div className="chips">{data.fields.map((each) => <Chip key={each.name} kind="plain">{say(each.zh, each.en)}</Chip>)}</div></> : null}
        </Panel>
        <div className="cols-2">
          <Panel title={t("item.answerable")}>
            <Await of={answerable} rows={3}>{(found) => <>{([["item.suppliers", found.suppliers], ["item.stewards", found.stewards], ["item.users", found.users]] as const).map(([name, parties]) => <div key={name}><h3>{t(name)}</h3>{parties.length === 0 ? <p className="quiet">{t("common.none")}</p> : parties.map((each) => <p key={each.unit_id}><b>{say(each.name_zh, each.name_en)}</b> <span className="quiet">{say(each.duty_zh, each.duty_en)}</span>{each.people.length ? <><br />{each.people.join("、")}</> : null}</p>)}</div>)}</>}</Await>
          </Panel>
          <Panel title={t("item.history")}>
            <Await of={history} rows={3}>{(page) => <ol className="timeline">{page.items.map((each) => <li key={each.version}><b>{t("item.versionN", { n: each.version })}</b> <span className="quiet"><When at={each.changed_at} /></span><p>{each.changed.length ? each.changed.map((one) => tc("attr", one)).join("、") : t("item.first")}</p><p className="quiet">{nameOf(each.changed_by)}{each.countersigned_by ? ` · ${t("item.countersigned")} ${nameOf(each.countersigned_by)}` : ""}{each.entry_id ? <> · <Id of={each.entry_id} /></> : null}</p></li>)}</ol>}</Await>
          </Panel>
        </div>
        <p><Link to="/catalogue/changes">{t("menu.changes")}</Link></p>
        {open ? <Propose item={data} onClose={() => setOpen(false)} onDone={() => { setOpen(false); forgetLookups(); item.reload(); history.reload(); }} /> : null}
      </>
    )}</Await>
  );
}

function Propose({ item, onClose, onDone }: { item: ItemOut; onClose: () => void; onDone: () => void }) {
  const [next, setNext] = useState({ name_zh: item.name_zh, name_en: item.name_en, level: item.level, mode: item.mode as string, personal: item.personal, legal_basis: item.legal_basis, retention: item.retention, reason: "" });
  const act = useAct();
  const changed = Object.entries(next).filter(([name, value]) => name !== "reason" && value !== (item as unknown as Record<string, unknown>)[name]);
  const two = next.level !== item.level || next.mode !== item.mode;
  return (
    <Modal open title={t("item.propose")} okText={t("act.submit")} cancelText={t("act.cancel")} onCancel={onClose} okButtonProps={{ loading: act.busy, disabled: next.reason.trim().length < 4 || changed.length === 0 }}
      onOk={() => void act.run(async () => { await call("propose_item_change", { item_code: item.code, reason: next.reason.trim(), ...Object.fromEntries(changed) } as Verbs["propose_item_change"]["ask"]); onDone(); })}>
      <Trouble failure={act.failure} />
      <Row id="p-zh" label={t("item.nameZh")}><Input id="p-zh" value={next.name_zh} onChange={(event) => setNext({ ...next, name_zh: event.target.value })} /></Row>
      <Row id="p-en" label={t("item.nameEn")}><Input id="p-en" value={next.name_en} onChange={(event) => setNext({ ...next, name_en: event.target.value })} /></Row>
      <div className="cols-2">
        <Row id="p-level" label={t("catalogue.level")}><Select id="p-level" aria-label={t("catalogue.level")} style={{ width: "100%" }} value={next.level} onChange={(level: string) => setNext({ ...next, level })} options={["L1", "L2", "L3", "L4"].map((each) => ({ value: each, label: each }))} /></Row>
        <Row id="p-mode" label={t("catalogue.mode")}><Select id="p-mode" aria-label={t("catalogue.mode")} style={{ width: "100%" }} value={next.mode} onChange={(mode: string) => setNext({ ...next, mode })} options={["catalogue_open", "approval_gated", "mandatory_name_share", "not_shared"].map((each) => ({ value: each, label: tc("mode", each) }))} /></Row>
      </div>
      <Row id="p-pi" label={t("catalogue.personal")}><Switch id="p-pi" aria-label={t("catalogue.personal")} checked={next.personal} onChange={(personal) => setNext({ ...next, personal })} /></Row>
      <Row id="p-basis" label={t("item.basis")}><Input id="p-basis" value={next.legal_basis} onChange={(event) => setNext({ ...next, legal_basis: event.target.value })} /></Row>
      <Row id="p-keep" label={t("item.retention")}><Input id="p-keep" value={next.retention} onChange={(event) => setNext({ ...next, retention: event.target.value })} /></Row>
      <Row id="p-why" label={t("common.reason")}><Input.TextArea id="p-why" rows={2} value={next.reason} onChange={(event) => setNext({ ...next, reason: event.target.value })} /></Row>
      {two ? <Chip kind="warn">{t("item.twoPeople")}</Chip> : null}
    </Modal>
  );
}
