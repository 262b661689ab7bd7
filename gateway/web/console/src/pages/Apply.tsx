import { Button, Checkbox, Input, InputNumber, Radio, Select, Switch } from "antd";
import { DeleteOutlined } from "@ant-design/icons";
import { useEffect, useMemo, useState, type ReactNode } from "react";
import { useNavigate, useParams, useSearchParams } from "react-router-dom";
import type { ItemOut, PreviewOut, RequestForm, RequestOut } from "../api";
import { call, type FieldProblem } from "../http";
import { moment, say, t, tc } from "../i18n";
import { useGroupName, useItems, usePurposes } from "../lookups";
import { asFailure, Chip, LevelChip, PageHead, Panel, Trouble, useAct } from "../parts/basics";
import { ClientName, ClientPick, PurposePick } from "../parts/picks";
import { useDraft, useSession } from "../session";

const EMPTY: RequestForm = {
  items: [], purpose: "", reason: "", scenario: "", scope: { clients: [], tags: [], parks: [] }, row_cap: 100, uses: ["view"], term_days: 30, use_limit: null, rate_per_hour: null,
  grantee: "person", legal_basis: "", consents: [], project_ref: "", crossing_ref: "", assessment_ref: "", safety_officer: "", pledge: false, masked: false,
};
const BASES = ["PIPL 13-1(1)", "PIPL 13-1(2)", "PIPL 13-1(3)", "PIPL 13-1(6)"] as const;

export default function Apply() {
  const { id } = useParams();
  const [search] = useSearchParams();
  const [loaded, setLoaded] = useState<RequestOut | null>(null);
  const act = useAct();
  useEffect(() => { if (id) void act.run(async () => setLoaded(await call("get_request", { request_id: id }))); }, [id]); // eslint-disable-line
  if (id && !loaded) return <Trouble failure={act.failure} />;
  const client = search.get("client");
  const start: RequestForm = loaded ? { ...EMPTY, ...loaded.form } : {
    ...EMPTY, scope: { clients: client ? [client] : [], tags: [], parks: [] }, purpose: search.get("purpose") ?? "",
    items: (search.get("items") ?? "").split(",").filter(Boolean).map((item_code) => ({ item_code, fields: [] })),
  };
  return <Form key={id ?? search.toString()} start={start} request={loaded} name={`apply:${id ?? search.toString()}`} group={search.get("group") ?? ""} />;
}

function Form({ start, request, name, group }: { start: RequestForm; request: RequestOut | null; name: string; group: string }) {
  const { internal } = useSession();
  const go = useNavigate();
  const [form, setForm, clear] = useDraft<RequestForm>(name, start);
  const [preview, setPreview] = useState<PreviewOut | null>(null);
  const [looking, setLooking] = useState<ReturnType<typeof asFailure> | null>(null);
  const catalogue = useItems();
  const groupName = useGroupName();
  const purpose = usePurposes().find((each) => each.code === form.purpose);
  const act = useAct();
  const put = (part: Partial<RequestForm>) => setForm((old) => ({ ...old, ...part }));
  const asked = JSON.stringify(form);

  useEffect(() => {
    let mine = true;
    const timer = setTimeout(() => {
      call("preview_request", JSON.parse(asked) as RequestForm).then(
        (next) => { if (mine) { setPreview(next); setLooking(null); } }, (error: unknown) => { if (mine) setLooking(asFailure(error)); },
      );
    }, 450);
    return () => { mine = false; clearTimeout(timer); };
  }, [asked]);

  const picked = useMemo(() => form.items.map((each) => ({ ...each, item: catalogue.find((one) => one.code === each.item_code) })), [form.items, catalogue]);
  const personal = preview?.personal ?? picked.some((each) => each.item?.personal);
  const choices = catalogue.filter((each) => each.mode === "approval_gated" && !form.items.some((one) => one.item_code === each.code));
  const wrong = (field: string): FieldProblem | undefined => act.failure?.errors.find((each) => each.field === field || each.field.startsWith(`${field}.`));

  async function save(): Promise<RequestOut> {
    const now = request ? await call("change_request", { ...form, request_id: request.request_id, version: request.version }) : await call("create_request", form);
    clear();
    return now;
  }

  return (
    <>
      <PageHead title={request ? t("apply.change") : t("apply.title")} sub={t("apply.sub")} />
      <Trouble failure={act.failure} />
      <div className="cols-main">
        <form onSubmit={(event) => {
          event.preventDefault();
          void act.run(async () => {
            const saved = await save();
            try {
              const sent = await call("submit_request", { request_id: saved.request_id, version: saved.version });
              go(`/requests/${sent.request_id}`, { replace: true });
            } catch (error) {
              // The draft is kept by the gateway: go on there, with everything that was typed, and say what is missing.
              go(`/apply/${saved.request_id}`, { replace: true, state: null });
              sessionStorage.setItem("lianqiao.trouble", JSON.stringify(asFailure(error)));
              throw error;
            }
          });
        }}>
          <Panel title={`1 · ${t("apply.what")}`}>
            {picked.map((each) => <OneItem key={each.item_code} code={each.item_code} item={each.item} fields={each.fields ?? []} preview={preview}
              onFields={(fields) => put({ items: form.items.map((one) => (one.item_code === each.item_code ? { ...one, fields } : one)) })}
              onDrop={() => put({ items: form.items.filter((one) => one.item_code !== each.item_code) })} />)}
            <Row id="more-items" label={t("apply.addItem")} wrong={wrong("items") ?? wrong("fields")}>
              <Select
                id="more-items" aria-label={t("apply.addItem")} style={{ width: "100%" }} showSearch={{ optionFilterProp: "label" }} placeholder={t("apply.addItem.hint")} value={null}
                onSelect={(code: string | null) => { if (code) put({ items: [...form.items, { item_code: code, fields: [] }] }); }}
                options={[...choices.filter((each) => each.group === group), ...choices.filter((each) => each.group !== group)].map((each) => ({ value: each.code, label: `${each.code} ${say(each.name_zh, each.name_en)} · ${groupName(each.group)} · ${each.level}` }))}
              />
            </Row>
          </Panel>
          <Panel title={`2 · ${t("apply.why")}`}>
            <Row id="purpose" label={t("read.purpose")} wrong={wrong("purpose")} hint={purpose ? `${say(purpose.zh, purpose.en)} — ${t("apply.purpose.help")}` : t("apply.purpose.hint")}><PurposePick id="purpose" value={form.purpose} onChange={(next) => put({ purpose: next })} /></Row>
            <Row id="reason" label={t("apply.reason")} wrong={wrong("reason")} hint={t("apply.reason.hint", { n: [...form.reason.replace(/\s/g, "")].length })}><Input.TextArea id="reason" rows={3} maxLength={2000} value={form.reason} onChange={(event) => put({ reason: event.target.value })} /></Row>
            <Row id="scenario" label={t("apply.scenario")} wrong={wrong("scenario")} hint={t("apply.scenario.hint")}><Input id="scenario" maxLength={500} value={form.scenario} onChange={(event) => put({ scenario: event.target.value })} /></Row>
            <Row id="project" label={t("apply.project")} wrong={wrong("project_ref")}><Input id="project" maxLength={100} value={form.project_ref} onChange={(event) => put({ project_ref: event.target.value })} /></Row>
          </Panel>
          <Panel title={`3 · ${t("apply.scope")}`}>
            <Row id="clients" label={t("apply.clients")} wrong={wrong("scope")} hint={t("apply.clients.hint")}>
              <div className="chips" style={{ marginBottom: 8 }}>{(form.scope.clients ?? []).map((each) => <span key={each} className="chip chip-brand"><ClientName id={each} /> <button type="button" className="drop" aria-label={t("act.remove")} onClick={() => put({ scope: { ...form.scope, clients: (form.scope.clients ?? []).filter((one) => one !== each) } })}>×</button></span>)}</div>
              <ClientPick id="clients" label={t("apply.clients")} onPick={(card) => put({ scope: { ...form.scope, clients: [...new Set([...(form.scope.clients ?? []), card.client_id])] } })} />
            </Row>
            <div className="cols-2">
              <Row id="tags" label={t("apply.tags")}><Select id="tags" aria-label={t("apply.tags")} mode="tags" style={{ width: "100%" }} value={form.scope.tags ?? []} onChange={(next: string[]) => put({ scope: { ...form.scope, tags: next } })} /></Row>
              <Row id="parks" label={t("apply.parks")}><Select id="parks" aria-label={t("apply.parks")} mode="tags" style={{ width: "100%" }} value={form.scope.parks ?? []} onChange={(next: string[]) => put({ scope: { ...form.scope, parks: next } })} /></Row>
            </div>
          </Panel>
          <Panel title={`4 · ${t("apply.how")}`}>
            <div className="cols-2">
              <Row id="uses" label={t("grant.uses")} wrong={wrong("uses")}><Checkbox.Group aria-label={t("grant.uses")} value={form.uses} onChange={(next) => put({ uses: next as RequestForm["uses"] })} options={["view", "verify", "api", "export"].map((each) => ({ value: each, label: tc("use", each) }))} /></Row>
              <Row id="grantee" label={t("apply.grantee")}><Radio.Group aria-label={t("apply.grantee")} value={form.grantee} onChange={(event) => put({ grantee: event.target.value as "person" | "unit" })} options={[{ value: "person", label: t("apply.grantee.person") }, { value: "unit", label: t("apply.grantee.unit") }]} /></Row>
              <Row id="term" label={t("apply.term")} wrong={wrong("term_days")} hint={preview ? t("apply.term.hint", { n: preview.max_term_days }) : undefined}><InputNumber id="term" min={1} max={366} value={form.term_days} onChange={(next) => put({ term_days: next ?? 30 })} /></Row>
              <Row id="rows" label={t("apply.rows")} wrong={wrong("row_cap")} hint={t("apply.rows.hint")}><InputNumber id="rows" min={1} max={100000} value={form.row_cap} onChange={(next) => put({ row_cap: next ?? 100 })} /></Row>
              <Row id="limit" label={t("apply.limit")} wrong={wrong("use_limit")}><InputNumber id="limit" min={1} value={form.use_limit} placeholder={t("grant.unlimited")} onChange={(next) => put({ use_limit: next })} /></Row>
              <Row id="masked" label={t("apply.masked")} hint={t("apply.masked.hint")}><Switch id="masked" aria-label={t("apply.masked")} checked={form.masked} onChange={(next) => put({ masked: next })} /></Row>
            </div>
          </Panel>
          <Panel title={`5 · ${t("apply.duty")}`}>
            {personal ? <Row id="basis" label={t("apply.basis")} wrong={wrong("legal_basis")} hint={t("apply.basis.hint")}>
              <Select id="basis" aria-label={t("apply.basis")} style={{ width: "100%" }} allowClear value={form.legal_basis || undefined} onChange={(next: string | undefined) => put({ legal_basis: next ?? "" })} options={BASES.map((each) => ({ value: each, label: tc("basis", each) }))} />
            </Row> : null}
            {!internal || personal ? <Row id="consents" label={t("apply.consents")} wrong={wrong("consents")} hint={t("apply.consents.hint")}><Select id="consents" aria-label={t("apply.consents")} mode="tags" style={{ width: "100%" }} value={form.consents} onChange={(next: string[]) => put({ consents: next })} /></Row> : null}
            {!internal ? <>
              <Row id="assessment" label={t("apply.assessment")} wrong={wrong("assessment_ref")}><Input id="assessment" maxLength={100} value={form.assessment_ref} onChange={(event) => put({ assessment_ref: event.target.value })} /></Row>
              <Row id="officer" label={t("apply.officer")} wrong={wrong("safety_officer")}><Input id="officer" maxLength={100} value={form.safety_officer} onChange={(event) => put({ safety_officer: event.target.value })} /></Row>
            </> : <Row id="crossing" label={t("apply.crossing")} wrong={wrong("crossing_ref")} hint={t("apply.crossing.hint")}><Input id="crossing" maxLength={36} value={form.crossing_ref} onChange={(event) => put({ crossing_ref: event.target.value })} /></Row>}
            <Checkbox checked={form.pledge} onChange={(event) => put({ pledge: event.target.checked })}>{t("apply.pledge")}</Checkbox>
            {wrong("pledge_signed_at") ? <p className="wrong due-over">{wrong("pledge_signed_at")?.message}</p> : null}
          </Panel>
          <div className="filters">
            <Button type="primary" size="large" htmlType="submit" loading={act.busy}>{t("act.submit")}</Button>
            <Button size="large" loading={act.busy} onClick={() => void act.run(async () => { const saved = await save(); go(`/requests/${saved.request_id}`, { replace: true }); })}>{t("apply.save")}</Button>
            <span className="quiet">{t("apply.kept")}</span>
          </div>
        </form>
        <aside className="sticky" aria-label={t("apply.preview")}>
          <Panel title={t("apply.preview")}>
            {looking ? <Trouble failure={looking} /> : null}
            {preview ? (
              <>
                <div className="chips" style={{ marginBottom: 12 }}><LevelChip level={preview.level} />{preview.personal ? <Chip kind="warn">{t("catalogue.personal")}</Chip> : null}{preview.partner ? <Chip kind="info">{t("request.partner")}</Chip> : null}</div>
                {preview.steps.length > 0 ? <ol className="route">{preview.steps.map((each, n) => <li key={n}><b>{tc("role", each.role)}</b> {say(each.unit_zh, each.unit_en)}<br /><span className="quiet">{t("apply.within", { n: each.working_days })}{each.due_at ? ` · ${moment(each.due_at)}` : ""}</span></li>)}</ol> : <p className="quiet">{t("apply.noRoute")}</p>}
                {preview.due_at ? <p>{t("apply.latest")} <b>{moment(preview.due_at)}</b></p> : null}
                {preview.needs.length > 0 ? <><h3>{t("apply.needs")}</h3><ul className="needs">{preview.needs.map((each, n) => <li key={n} className={each.blocking ? "" : "soft"}>{each.field && each.blocking ? <b>{tc("field", each.field)}: </b> : null}{say(each.zh, each.en)}</li>)}</ul></> : <p><Chip kind="good">{t("apply.complete")}</Chip></p>}
              </>
            ) : looking ? null : <p className="quiet">{t("common.loading")}</p>}
          </Panel>
        </aside>
      </div>
    </>
  );
}

export function Row({ id, label, hint, wrong, children }: { id: string; label: string; hint?: string; wrong?: FieldProblem; children: ReactNode }) {
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children}
      {wrong ? <div className="wrong" role="alert">{wrong.message}</div> : null}
      {hint ? <div className="hint">{hint}</div> : null}
    </div>
  );
}

function OneItem({ code, item, fields, preview, onFields, onDrop }: { code: string; item?: ItemOut; fields: string[]; preview: PreviewOut | null; onFields: (next: string[]) => void; onDrop: () => void }) {
  const verdict = preview?.items.find((each) => each.item_code === code && each.rule !== "unknown-purpose");
  const names = item?.fields.map((each) => each.name) ?? [];
  const tones = { compatible: "good", review: "warn", prohibited: "bad", "not-shared": "bad", "no-request-needed": "info" } as const;
  return (
    <div className="item-pick">
      <header>
        <b>{item ? say(item.name_zh, item.name_en) : code}</b><span className="mono quiet">{code}</span>{item ? <LevelChip level={item.level} /> : null}
        {verdict ? <Chip kind={tones[verdict.verdict]}>{tc("verdict", verdict.verdict)}</Chip> : null}
        {verdict?.held_by ? <Chip kind="info">{t("apply.held")}</Chip> : null}
        <Button size="small" type="text" icon={<DeleteOutlined />} aria-label={`${t("act.remove")} ${code}`} style={{ marginLeft: "auto" }} onClick={onDrop} />
      </header>
      {verdict && verdict.verdict !== "compatible" && (verdict.zh || verdict.en) ? <p className="quiet" style={{ margin: "0 0 4px" }}>{say(verdict.zh, verdict.en)}</p> : null}
      {item && names.length > 0 ? <Checkbox.Group aria-label={t("apply.fields")} value={fields.length === 0 ? names : fields} onChange={(next) => onFields(next.length === names.length ? [] : (next as string[]))} options={item.fields.map((each) => ({ value: each.name, label: say(each.zh, each.en) }))} /> : null}
    </div>
  );
}
