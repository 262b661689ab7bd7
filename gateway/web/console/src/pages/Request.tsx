import { Button, Checkbox, Input, InputNumber, Select, Upload } from "antd";
import { PaperClipOutlined } from "@ant-design/icons";
import { useEffect, useState } from "react";
import { Link, useNavigate, useParams } from "react-router-dom";
import type { ItemOut, RequestOut, StepOut, TermsOut } from "../api";
import { call, keep } from "../http";
import { count, say, t, tc } from "../i18n";
import { useColleagues, useFieldName, useItems, usePurposes, useReasons } from "../lookups";
import { Await, Chip, Due, Facts, LevelChip, PageHead, Panel, StateChip, Trouble, useAct, useLoad, When } from "../parts/basics";
import { ClientName, ReasonModal } from "../parts/picks";
import { suggest, type Suggestion } from "../suggest";
import { useDraft, useSession } from "../session";

export default function RequestPage() {
  const { id = "" } = useParams();
  const request = useLoad(() => call("get_request", { request_id: id }), [id]);
  const timeline = useLoad(() => call("request_timeline", { request_id: id }), [id, request.data?.version]);
  return (
    <Await of={request}>{(data) => (
      <>
        <PageHead
          title={`${t("request.one")} · ${say(data.purpose_zh, data.purpose_en) || t("request.noPurpose")}`}
          sub={<><StateChip state={data.state} /> <LevelChip level={data.level} /> <span className="mono">{data.request_id}</span></>}
          extra={<Acts of={data} put={request.put} reload={request.reload} />}
        />
        {data.grant_id ? <Panel className="panel-good"><b>{t("request.granted")}</b> <Link to={`/grants/${data.grant_id}`}>{t("request.toGrant")}</Link></Panel> : null}
        {data.reason_zh || data.remark ? <Panel title={t("request.reply")}><p>{say(data.reason_zh, data.reason_en)}</p>{data.remark ? <p className="quiet">{data.remark}</p> : null}</Panel> : null}
        <div className="cols-main">
          <div>
            {data.acts.includes("approve") || data.acts.includes("endorse") ? <Judge of={data} put={request.put} reload={request.reload} /> : <Asked of={data} />}
            <Panel title={t("request.form")}>
              <Facts rows={[
                [t("request.who"), `${data.requester_name} · ${say(data.unit_zh, data.unit_en)}`], [t("apply.grantee"), data.form.grantee === "unit" ? t("apply.grantee.unit") : t("apply.grantee.person")],
                [t("apply.reason"), data.form.reason || "–"], [t("apply.scenario"), data.form.scenario || "–"], [t("apply.project"), data.form.project_ref || "–"],
                [t("apply.clients"), <Scope scope={data.form.scope} />], [t("apply.basis"), tc("basis", data.form.legal_basis) || "–"], [t("apply.consents"), data.form.consents.join(", ") || "–"],
                ...(data.partner ? [[t("apply.assessment"), data.form.assessment_ref || "–"], [t("apply.officer"), data.form.safety_officer || "–"]] as [string, string][] : []),
                ...(data.form.crossing_ref ? [[t("apply.crossing"), data.form.crossing_ref] as [string, string]] : []),
                [t("apply.pledge.short"), data.form.pledge ? t("common.yes") : t("common.no")], [t("common.created"), <When at={data.created_at} />],
              ]} />
            </Panel>
            <Attachments of={data} reload={request.reload} />
          </div>
          <aside aria-label={t("request.route")}>
            <Panel title={t("request.route")}><Route steps={data.steps} /></Panel>
            <Panel title={t("request.timeline")}>
              <Await of={timeline} rows={3}>{(page) => <ol className="timeline">{page.items.map((each, n) => <li key={n}><b>{tc("move", each.act)}</b> <span className="quiet"><When at={each.at} /></span><p>{each.actor_name || each.actor}{each.on_behalf_of ? ` (${t("request.onBehalf")})` : ""}</p>{each.text ? <p className="quiet">{each.text}</p> : null}</li>)}</ol>}</Await>
            </Panel>
          </aside>
        </div>
      </>
    )}</Await>
  );
}

interface Moving { of: RequestOut; put: (next: RequestOut) => void; reload: () => void }

function Acts({ of, put, reload }: Moving) {
  const go = useNavigate();
  const [open, setOpen] = useState("");
  const act = useAct();
  const has = (name: string) => of.acts.includes(name);
  const base = { request_id: of.request_id, version: of.version };
  const reasons = useReasons();
  const [code, setCode] = useState("");
  const steps = of.steps.filter((each) => each.state === "open");
  const unit = steps[0]?.unit_id ?? "";
  return (
    <>
      {act.failure ? <Trouble failure={act.failure} onRetry={reload} /> : null}
      {has("change") ? <Button onClick={() => go(`/apply/${of.request_id}`)}>{t("request.change")}</Button> : null}
      {has("submit") ? <Button type="primary" loading={act.busy} onClick={() => void act.run(async () => put(await call("submit_request", base)))}>{t("act.submit")}</Button> : null}
      {has("accept") ? <Button type="primary" loading={act.busy} onClick={() => void act.run(async () => put(await call("accept_offer", base)))}>{t("request.accept")}</Button> : null}
      {has("decline") ? <Button danger onClick={() => setOpen("decline")}>{t("request.decline")}</Button> : null}
      {has("delegate") ? <Button onClick={() => setOpen("delegate")}>{t("request.delegate")}</Button> : null}
      {has("return") ? <Button onClick={() => setOpen("return")}>{t("request.return")}</Button> : null}
      {has("reject") ? <Button danger onClick={() => setOpen("reject")}>{t("request.reject")}</Button> : null}
      {has("withdraw") ? <Button onClick={() => setOpen("withdraw")}>{t("request.withdraw")}</Button> : null}
      <ReasonModal open={open === "withdraw"} min={0} title={t("request.withdraw")} onClose={() => setOpen("")} onDo={async (reason) => { put(await call("withdraw_request", { ...base, reason })); setOpen(""); }} />
      <ReasonModal open={open === "decline"} min={0} title={t("request.decline")} onClose={() => setOpen("")} onDo={async (reason) => { put(await call("decline_offer", { ...base, reason })); setOpen(""); }} />
      <ReasonModal open={open === "return"} danger={false} title={t("request.return")} label={t("request.return.label")} onClose={() => setOpen("")} onDo={async (reason) => { put(await call("return_request", { ...base, reason })); setOpen(""); }} />
      <ReasonModal open={open === "reject"} min={0} title={t("request.reject")} label={t("request.opinion")} onClose={() => setOpen("")} onDo={async (opinion) => { put(await call("reject_request", { ...base, reason_code: code, opinion })); setOpen(""); }}>
        <div className="field"><label htmlFor="reason-code">{t("request.reasonCode")}</label><Select id="reason-code" aria-label={t("request.reasonCode")} style={{ width: "100%" }} value={code || undefined} onChange={setCode} options={reasonsFor(reasons, steps).map((each) => ({ value: each.code, label: say(each.zh, each.en) }))} /></div>
      </ReasonModal>
      <Delegate open={open === "delegate"} unit={unit} onClose={() => setOpen("")} onDo={async (person_id, reason) => { put(await call("delegate_step", { ...base, person_id, reason })); setOpen(""); }} />
    </>
  );
}

function reasonsFor<R extends { roles: string[] }>(reasons: R[], steps: StepOut[]): R[] {
  const roles = steps.map((each) => each.role);
  const fit = reasons.filter((each) => each.roles.length === 0 || each.roles.some((role) => roles.includes(role)));
  return fit.length > 0 ? fit : reasons;
}

function Delegate({ open, unit, onClose, onDo }: { open: boolean; unit: string; onClose: () => void; onDo: (person: string, reason: string) => Promise<void> }) {
  const { who } = useSession();
  const found = useColleagues(open ? unit || who?.person.unit_id || "" : "").filter((each) => each.person_id !== who?.person.person_id && each.kind === "person");
  const [person, setPerson] = useState("");
  return (
    <ReasonModal open={open} danger={false} title={t("request.delegate")} text={t("request.delegate.help")} onClose={onClose} onDo={(reason) => onDo(person, reason)}>
      <div className="field"><label htmlFor="to">{t("request.delegate.to")}</label><Select id="to" aria-label={t("request.delegate.to")} style={{ width: "100%" }} value={person || undefined} onChange={setPerson} options={found.map((each) => ({ value: each.person_id, label: `${each.name} · ${each.roles.map((role) => tc("role", role)).join("、")}` }))} /></div>
    </ReasonModal>
  );
}

export function Route({ steps }: { steps: StepOut[] }) {
  if (steps.length === 0) return <p className="quiet">{t("request.noRoute")}</p>;
  return (
    <ol className="route">
      {steps.map((each) => (
        <li key={each.n} className={each.state === "done" ? "done" : each.state === "open" ? "open" : ""}>
          <b>{tc("role", each.role)}</b> {say(each.unit_zh, each.unit_en)}
          <div className="quiet">
            {each.state === "done" ? <>{each.actor_name} · {tc("decision", each.decision)} · <When at={each.acted_at} /></> : each.state === "open" ? <>{t("request.waiting")} <Due at={each.due_at} /></> : tc("step", each.state)}
            {each.delegate && each.state !== "done" ? <> · {t("request.delegated")}</> : null}
          </div>
          {each.opinion ? <div className="quiet">“{each.opinion}”</div> : null}
        </li>
      ))}
    </ol>
  );
}

export function Scope({ scope }: { scope: { clients?: string[]; tags?: string[]; parks?: string[] } }) {
  const clients = scope.clients ?? [];
  return (
    <div className="chips">
      {clients.slice(0, 12).map((each) => <span key={each} className="chip chip-brand"><ClientName id={each} /></span>)}
      {clients.length > 12 ? <span className="quiet">{t("request.andMore", { n: clients.length - 12 })}</span> : null}
      {(scope.tags ?? []).map((each) => <Chip key={each} kind="plain">{t("apply.tags")}: {each}</Chip>)}
      {(scope.parks ?? []).map((each) => <Chip key={each} kind="plain">{t("apply.parks")}: {each}</Chip>)}
    </div>
  );
}

function Asked({ of }: { of: RequestOut }) {
  const label = useFieldName();
  const offered = (code: string) => of.offer?.items.find((each) => each.item_code === code);
  return (
    <Panel title={of.offer ? t("request.askedOffered") : t("request.asked")}>
      <div className="table-room" role="region" tabIndex={0} aria-label={t("request.asked")}>
        <table className="compare">
          <thead><tr><th scope="col">{t("request.item")}</th><th scope="col">{t("request.asked")}</th>{of.offer ? <th scope="col">{t("request.offer")}</th> : null}</tr></thead>
          <tbody>
            {of.asked.map((each) => {
              const offer = offered(each.item_code);
              return (
                <tr key={each.item_code}>
                  <th scope="row">{say(each.name_zh, each.name_en) || each.item_code} <LevelChip level={each.level} /></th>
                  <td>{each.fields.map((one) => label(each.group, one)).join("、") || t("request.allFields")}</td>
                  {of.offer ? <td>{offer ? offer.fields.map((one) => label(each.group, one)).join("、") || t("request.allFields") : <Chip kind="bad">{t("request.cut")}</Chip>}</td> : null}
                </tr>
              );
            })}
            <Limits asked={of.form} offer={of.offer} />
          </tbody>
        </table>
      </div>
    </Panel>
  );
}

function Limits({ asked, offer }: { asked: RequestOut["form"]; offer: TermsOut | null }) {
  const rows: [string, string, string | undefined][] = [
    [t("grant.uses"), asked.uses.map((each) => tc("use", each)).join("、"), offer?.uses.map((each) => tc("use", each)).join("、")],
    [t("apply.term"), String(asked.term_days), offer ? String(offer.term_days) : undefined],
    [t("apply.rows"), count(asked.row_cap), offer ? count(offer.row_cap) : undefined],
    [t("apply.limit"), asked.use_limit ? count(asked.use_limit) : t("grant.unlimited"), offer ? (offer.use_limit ? count(offer.use_limit) : t("grant.unlimited")) : undefined],
    [t("apply.masked"), asked.masked ? t("common.yes") : t("common.no"), offer ? (offer.masked ? t("common.yes") : t("common.no")) : undefined],
  ];
  return <>{rows.map(([name, before, after]) => <tr key={name}><th scope="row">{name}</th><td>{before}</td>{offer ? <td>{after !== before ? <b>{after}</b> : after}</td> : null}</tr>)}</>;
}

/** Side by side: what is asked, what this purpose needs, what is suggested; and what one agrees to. */
function Judge({ of, put, reload }: Moving) {
  const catalogue = useItems();
  const purposes = usePurposes();
  const label = useFieldName();
  const reasons = useReasons();
  const act = useAct();
  const preview = useLoad(() => call("preview_request", of.form), [of.request_id]);
  const base = of.offer;
  const now = { items: base?.items ?? of.asked, row_cap: base?.row_cap ?? of.form.row_cap, term_days: base?.term_days ?? of.form.term_days, masked: base?.masked ?? of.form.masked, uses: base?.uses ?? of.form.uses };
  const [chosen, setChosen, clear] = useDraft(`judge:${of.request_id}:${of.version}`, {
    items: now.items.map((each) => ({ item_code: each.item_code, fields: fieldsOf(each.fields, catalogue.find((one) => one.code === each.item_code)) })), row_cap: now.row_cap, term_days: now.term_days, masked: now.masked, uses: [...now.uses] as string[], opinion: "", reason_code: "",
  });
  const steps = of.steps.filter((each) => each.state === "open");
  const endorsing = of.acts.includes("endorse");
  const purpose = purposes.find((each) => each.code === of.purpose);
  const hints: Suggestion = suggest({ ...now, purpose: of.purpose, clients: (of.form.scope.clients ?? []).length, listedOnly: !(of.form.scope.tags ?? []).length && !(of.form.scope.parks ?? []).length }, catalogue, preview.data);
  const full = now.items.every((each) => {
    const mine = chosen.items.find((one) => one.item_code === each.item_code);
    const all = fieldsOf(each.fields, catalogue.find((one) => one.code === each.item_code));
    return mine !== undefined && (mine.fields.length === 0 || all.every((one) => mine.fields.includes(one)));
  }) && chosen.row_cap === now.row_cap && chosen.term_days === now.term_days && chosen.masked === now.masked && chosen.uses.length === now.uses.length;

  useEffect(() => {
    // Fields are named one by one once the catalogue is there, so that a tick means one field.
    if (catalogue.length > 0 && chosen.items.some((each) => each.fields.length === 0)) setChosen((old) => ({ ...old, items: old.items.map((each) => (each.fields.length ? each : { ...each, fields: fieldsOf([], catalogue.find((one) => one.code === each.item_code)) })) }));
    // eslint-disable-next-line
  }, [catalogue]);

  function agree() {
    void act.run(async () => {
      const base = { request_id: of.request_id, version: of.version, opinion: chosen.opinion };
      if (endorsing) put(await call("endorse_request", base));
      else if (full) put(await call("approve_request", base));
      else {
        put(await call("approve_request", {
          ...base, reason_code: chosen.reason_code, items: chosen.items.filter((each) => each.fields.length > 0 || !(catalogue.find((one) => one.code === each.item_code)?.fields.length)), row_cap: chosen.row_cap, term_days: chosen.term_days, masked: chosen.masked,
          uses: chosen.uses as ("view" | "api" | "verify" | "export")[],
        }));
      }
      clear();
    });
  }

  return (
    <Panel title={t("judge.title")} extra={endorsing ? undefined : <Button size="small" onClick={() => setChosen((old) => ({ ...old, items: hints.items, row_cap: hints.row_cap, term_days: hints.term_days, masked: hints.masked, uses: hints.uses, reason_code: old.reason_code || "not-needed" }))}>{t("judge.take")}</Button>}>
      <Trouble failure={act.failure} onRetry={reload} />
      <p className="quiet">{t("judge.purpose")} <b>{purpose ? say(purpose.zh, purpose.en) : of.purpose}</b></p>
      <div className="table-room" role="region" tabIndex={0} aria-label={t("judge.title")}>
        <table className="compare">
          <thead><tr><th scope="col">{t("request.item")}</th><th scope="col">{t("judge.asked")}</th><th scope="col">{t("judge.needed")}</th><th scope="col">{t("judge.suggested")}</th>{endorsing ? null : <th scope="col">{t("judge.give")}</th>}</tr></thead>
          <tbody>
            {now.items.map((each) => {
              const item = catalogue.find((one) => one.code === each.item_code);
              const all = fieldsOf(each.fields, item);
              const verdict = hints.verdicts[each.item_code];
              const suggested = hints.items.find((one) => one.item_code === each.item_code);
              const mine = chosen.items.find((one) => one.item_code === each.item_code);
              return (
                <tr key={each.item_code}>
                  <th scope="row">{say(each.name_zh, each.name_en)} <LevelChip level={each.level} />{item?.personal ? <> <Chip kind="warn">{t("catalogue.personalShort")}</Chip></> : null}</th>
                  <td>{all.map((one) => label(each.group, one)).join("、")}</td>
                  <td><Chip kind={verdict === "yes" ? "good" : verdict === "no" ? "bad" : "warn"}>{tc("judge.verdict", verdict)}</Chip></td>
                  <td>{suggested ? suggested.fields.map((one) => label(each.group, one)).join("、") : t("judge.none")}</td>
                  {endorsing ? null : <td><Checkbox.Group aria-label={`${t("judge.give")} ${say(each.name_zh, each.name_en)}`} value={mine?.fields ?? []} options={all.map((one) => ({ value: one, label: label(each.group, one) }))}
                    onChange={(next) => setChosen((old) => ({ ...old, items: [...old.items.filter((one) => one.item_code !== each.item_code), ...(next.length ? [{ item_code: each.item_code, fields: next as string[] }] : [])] }))} /></td>}
                </tr>
              );
            })}
            <tr><th scope="row">{t("apply.term")}</th><td>{now.term_days}</td><td>{preview.data ? t("judge.most", { n: preview.data.max_term_days }) : "–"}</td><td>{hints.term_days}</td>{endorsing ? null : <td><InputNumber aria-label={t("apply.term")} min={1} max={now.term_days} value={chosen.term_days} onChange={(next) => setChosen((old) => ({ ...old, term_days: next ?? now.term_days }))} /></td>}</tr>
            <tr><th scope="row">{t("apply.rows")}</th><td>{count(now.row_cap)}</td><td>{t("judge.clients", { n: (of.form.scope.clients ?? []).length })}</td><td>{count(hints.row_cap)}</td>{endorsing ? null : <td><InputNumber aria-label={t("apply.rows")} min={1} max={now.row_cap} value={chosen.row_cap} onChange={(next) => setChosen((old) => ({ ...old, row_cap: next ?? now.row_cap }))} /></td>}</tr>
            <tr><th scope="row">{t("grant.uses")}</th><td>{now.uses.map((each) => tc("use", each)).join("、")}</td><td>–</td><td>{hints.uses.map((each) => tc("use", each)).join("、")}</td>{endorsing ? null : <td><Checkbox.Group aria-label={t("grant.uses")} value={chosen.uses} onChange={(next) => setChosen((old) => ({ ...old, uses: next as string[] }))} options={now.uses.map((each) => ({ value: each, label: tc("use", each) }))} /></td>}</tr>
            <tr><th scope="row">{t("apply.masked")}</th><td>{now.masked ? t("common.yes") : t("common.no")}</td><td>–</td><td>{hints.masked ? t("common.yes") : t("common.no")}</td>{endorsing ? null : <td><Checkbox checked={chosen.masked} disabled={now.masked} onChange={(event) => setChosen((old) => ({ ...old, masked: event.target.checked }))}>{t("judge.maskedOnly")}</Checkbox></td>}</tr>
          </tbody>
        </table>
      </div>
      <p className="quiet" style={{ marginTop: 8 }}>{t("judge.basis")}</p>
      <div className="field" style={{ marginTop: 12 }}><label htmlFor="opinion">{t("request.opinion")}</label><Input.TextArea id="opinion" rows={2} maxLength={1000} value={chosen.opinion} onChange={(event) => setChosen((old) => ({ ...old, opinion: event.target.value }))} /></div>
      {!full && !endorsing ? <div className="field"><label htmlFor="why-less">{t("judge.why")}</label><Select id="why-less" aria-label={t("judge.why")} style={{ width: "100%", maxWidth: 420 }} value={chosen.reason_code || undefined} onChange={(next: string) => setChosen((old) => ({ ...old, reason_code: next }))} options={reasonsFor(reasons, steps).map((each) => ({ value: each.code, label: say(each.zh, each.en) }))} /></div> : null}
      <div className="filters">
        <Button type="primary" size="large" loading={act.busy} disabled={!full && !endorsing && (!chosen.reason_code || chosen.items.length === 0)} onClick={agree}>{endorsing ? t("judge.endorse") : full ? t("judge.approve") : t("judge.approvePart")}</Button>
        {full || endorsing ? null : <span className="quiet">{t("judge.partHelp")}</span>}
      </div>
    </Panel>
  );
}

function fieldsOf(fields: string[], item: ItemOut | undefined): string[] {
  return fields.length > 0 ? fields : (item?.fields.map((each) => each.name) ?? []);
}

function Attachments({ of, reload }: { of: RequestOut; reload: () => void }) {
  const act = useAct();
  if (of.attachments.length === 0 && !of.acts.includes("attach")) return null;
  async function fetchOne(attachment_id: string, name: string) {
    const got = await call("get_attachment", { request_id: of.request_id, attachment_id });
    keep(new Blob([Uint8Array.from(atob(got.content), (c) => c.charCodeAt(0))]), name);
  }
  return (
    <Panel title={t("request.attachments")} extra={of.acts.includes("attach") ? (
      <Upload showUploadList={false} customRequest={() => undefined} beforeUpload={(file) => {
        void act.run(async () => {
          const bytes = new Uint8Array(await file.arrayBuffer());
          let text = "";
          for (let i = 0; i < bytes.length; i += 0x8000) text += String.fromCharCode(...bytes.subarray(i, i + 0x8000));
          await call("add_attachment", { request_id: of.request_id, file_name: file.name, media_type: file.type || "application/octet-stream", content: btoa(text) });
          reload();
        });
        return false;
      }}><Button size="small" icon={<PaperClipOutlined />} loading={act.busy}>{t("request.attach")}</Button></Upload>
    ) : undefined}>
      <Trouble failure={act.failure} />
      {of.attachments.length === 0 ? <p className="quiet">{t("common.none")}</p> : of.attachments.map((each) => (
        <p key={each.attachment_id}><Button type="link" size="small" icon={<PaperClipOutlined />} onClick={() => void act.run(() => fetchOne(each.attachment_id, each.file_name))}>{each.file_name}</Button> <span className="quiet mono">{each.digest.slice(0, 16)}…</span> <When at={each.added_at} /></p>
      ))}
    </Panel>
  );
}
