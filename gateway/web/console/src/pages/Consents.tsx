import { Button, DatePicker, Input, Modal, Select, Upload } from "antd";
import type { Dayjs } from "dayjs";
import { useState } from "react";
import { useSearchParams } from "react-router-dom";
import type { ConsentOut } from "../api";
import { call } from "../http";
import { day, say, t, tc } from "../i18n";
import { useInstitutions, useItems, usePurposeName } from "../lookups";
import { Id, PageHead, Panel, StateChip, Trouble, useAct } from "../parts/basics";
import { ClientName, ClientPick, PurposePick, ReasonModal } from "../parts/picks";
import { KeyTable } from "../parts/table";
import { Row } from "./Apply";

const KINDS = ["general", "separate", "written", "enterprise_authorisation"] as const;

export default function Consents() {
  const [search, setSearch] = useSearchParams();
  const [turn, setTurn] = useState(0);
  const [adding, setAdding] = useState(false);
  const [ending, setEnding] = useState<ConsentOut | null>(null);
  const purpose = usePurposeName();
  const institutions = useInstitutions();
  return (
    <>
      <PageHead title={t("menu.consents")} sub={t("consents.sub")} extra={<Button type="primary" onClick={() => setAdding(true)}>{t("consents.new")}</Button>} />
      <Panel>
        <div className="filters"><Select aria-label={t("common.state")} allowClear placeholder={t("common.state")} style={{ width: 150 }} value={search.get("state") ?? undefined} onChange={(next: string | undefined) => setSearch(next ? { state: next } : {})} options={["valid", "future", "ended", "withdrawn"].map((each) => ({ value: each, label: tc("state", each) }))} /></div>
        <KeyTable<ConsentOut>
          verb="list_consents" ask={{ state: search.get("state") ?? undefined }} turn={turn} label={t("menu.consents")} empty={t("consents.empty")} rowKey={(row) => row.consent_id} fileName="consents"
          columns={[
            { key: "id", title: t("consents.id"), render: (row) => <Id of={row.consent_id} />, text: (row) => row.consent_id },
            { key: "kind", title: t("consents.kind"), render: (row) => tc("consent", row.kind), text: (row) => tc("consent", row.kind) },
            { key: "client", title: t("entry.client"), render: (row) => <ClientName id={row.client_id} />, text: (row) => row.client_id },
            { key: "to", title: t("consents.receiver"), render: (row) => { const one = institutions.find((each) => each.institution_id === row.receiver); return one ? say(one.name_zh, one.name_en) : row.receiver; }, text: (row) => row.receiver },
            { key: "purpose", title: t("read.purpose"), render: (row) => purpose(row.purpose), text: (row) => row.purpose },
            { key: "end", title: t("grant.until"), render: (row) => day(row.not_after), text: (row) => day(row.not_after) },
            { key: "state", title: t("common.state"), render: (row) => <StateChip state={row.state} />, text: (row) => row.state },
            { key: "act", title: t("common.acts"), render: (row) => row.state === "valid" || row.state === "future" ? <Button size="small" danger onClick={() => setEnding(row)}>{t("consents.withdraw")}</Button> : null },
          ]}
        />
      </Panel>
      <NewConsent open={adding} onClose={() => setAdding(false)} onDone={() => { setAdding(false); setTurn((n) => n + 1); }} />
      <ReasonModal open={ending !== null} min={0} title={t("consents.withdraw")} text={t("consents.withdraw.text")} onClose={() => setEnding(null)} onDo={async (reason) => { if (ending) await call("withdraw_consent", { consent_id: ending.consent_id, reason }); setEnding(null); setTurn((n) => n + 1); }} />
    </>
  );
}

function NewConsent({ open, onClose, onDone }: { open: boolean; onClose: () => void; onDone: () => void }) {
  const items = useItems();
  const institutions = useInstitutions();
  const [kind, setKind] = useState<(typeof KINDS)[number]>("separate");
  const [client, setClient] = useState("");
  const [receiver, setReceiver] = useState("");
  const [purpose, setPurpose] = useState("");
  const [codes, setCodes] = useState<string[]>([]);
  const [notice, setNotice] = useState("");
  const [hash, setHash] = useState("");
  const [record, setRecord] = useState("");
  const [span, setSpan] = useState<[Dayjs, Dayjs] | null>(null);
  const act = useAct();
  return (
    <Modal open={open} title={t("consents.new")} width={640} okText={t("act.save")} cancelText={t("act.cancel")} onCancel={onClose} okButtonProps={{ loading: act.busy, disabled: !client || !receiver || !purpose || codes.length === 0 || !notice || hash.length !== 64 || !span }}
      onOk={() => void act.run(async () => { if (span) await call("register_consent", { kind, client, receiver, purpose, items: codes, notice_version: notice, evidence_hash: hash, ...(record ? { record_id: record } : {}), not_before: span[0].startOf("day").toISOString(), not_after: span[1].endOf("day").toISOString() }); onDone(); })}>
      <Trouble failure={act.failure} />
      <Row id="c-kind" label={t("consents.kind")}><Select id="c-kind" aria-label={t("consents.kind")} style={{ width: "100%" }} value={kind} onChange={setKind} options={KINDS.map((each) => ({ value: each, label: tc("consent", each) }))} /></Row>
      <Row id="c-client" label={t("entry.client")}>{client ? <ClientName id={client} /> : null}<ClientPick id="c-client" label={t("entry.client")} onPick={(card) => setClient(card.client_id)} /></Row>
      <Row id="c-record" label={t("consents.record")}><Input id="c-record" maxLength={36} value={record} onChange={(event) => setRecord(event.target.value.trim())} /></Row>
      <Row id="c-to" label={t("consents.receiver")}><Select id="c-to" aria-label={t("consents.receiver")} style={{ width: "100%" }} value={receiver || undefined} onChange={setReceiver} options={institutions.map((each) => ({ value: each.institution_id, label: say(each.name_zh, each.name_en) }))} /></Row>
      <Row id="c-purpose" label={t("read.purpose")}><PurposePick all id="c-purpose" value={purpose} onChange={setPurpose} /></Row>
      <Row id="c-items" label={t("grant.items")}><Select id="c-items" aria-label={t("grant.items")} mode="multiple" style={{ width: "100%" }} value={codes} onChange={setCodes} showSearch={{ optionFilterProp: "label" }} options={items.map((each) => ({ value: each.code, label: `${each.code} ${say(each.name_zh, each.name_en)}` }))} /></Row>
      <Row id="c-span" label={t("consents.span")}><DatePicker.RangePicker id={{ start: "c-span", end: "c-span-end" }} style={{ width: "100%" }} value={span} onChange={(next) => setSpan(next && next[0] && next[1] ? [next[0], next[1]] : null)} /></Row>
      <Row id="c-notice" label={t("consents.notice")}><Input id="c-notice" maxLength={40} value={notice} onChange={(event) => setNotice(event.target.value)} /></Row>
      <Row id="c-hash" label={t("consents.evidence")} hint={t("consents.evidence.hint")}>
        <Upload showUploadList={false} beforeUpload={(file) => { void file.arrayBuffer().then(async (bytes) => { const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)); setHash([...digest].map((each) => each.toString(16).padStart(2, "0")).join("")); }); return false; }}><Button size="small">{t("consents.pick")}</Button></Upload>
        <Input id="c-hash" className="mono" maxLength={64} value={hash} onChange={(event) => setHash(event.target.value.trim().toLowerCase())} />
      </Row>
    </Modal>
  );
}
