import { Button, Input, Upload } from "antd";
import { DownloadOutlined, PrinterOutlined, SafetyCertificateOutlined } from "@ant-design/icons";
import { useEffect, useState } from "react";
import { useSearchParams } from "react-router-dom";
import type { Heads, ReceiptVerdict } from "../api";
import { call, keep } from "../http";
import { count, moment, t } from "../i18n";
import { openCheckpoint, parseCheckpoint, parseNote, parseTrust, verifyReceipt, type Step, type Trust, type Verified } from "../ledger/verify";
import { Await, Chip, Facts, PageHead, Panel, Trouble, useAct, useLoad } from "../parts/basics";

const PIN = "lianqiao.keys";

/** The logs' heads, and the check of a receipt done by this browser with WebCrypto, not by the gateway. */
export default function Ledger() {
  const [search] = useSearchParams();
  const heads = useLoad(() => call("ledger_heads", {}), []);
  return (
    <>
      <PageHead title={t("menu.ledger")} sub={t("ledger.sub")} extra={<Button icon={<PrinterOutlined />} onClick={() => window.print()}>{t("act.print")}</Button>} />
      <Await of={heads} rows={5}>{(data) => <><HeadsView of={data} /><Verify heads={data} grant={search.get("grant") ?? ""} /></>}</Await>
    </>
  );
}

function HeadsView({ of }: { of: Heads }) {
  const [state, setState] = useState<Record<string, string>>({});
  const [pinned, setPinned] = useState<"new" | "same" | "changed">("new");
  useEffect(() => {
    const keys = [...of.vkeys].sort().join("\n");
    const kept = localStorage.getItem(PIN);
    if (kept === null) localStorage.setItem(PIN, keys);
    setPinned(kept === null ? "new" : kept === keys ? "same" : "changed");
    void parseTrust(of.trust).then(async (trust) => {
      for (const name of ["grants", "trail"] as const) {
        const result = await openCheckpoint(of[name], trust).then((done) => (done.witnesses.length ? done.witnesses.join("、") : "ok"), (error: unknown) => `! ${error instanceof Error ? error.message : String(error)}`);
        setState((old) => ({ ...old, [name]: result }));
      }
    }, (error: unknown) => setState({ grants: `! ${String(error)}`, trail: `! ${String(error)}` }));
  }, [of]);
  return (
    <>
      {pinned === "changed" ? <Panel><Chip kind="bad">{t("ledger.keysChanged")}</Chip> <Button size="small" onClick={() => { localStorage.setItem(PIN, [...of.vkeys].sort().join("\n")); setPinned("same"); }}>{t("ledger.keysTake")}</Button></Panel> : null}
      <div className="cols-2">
        {(["grants", "trail"] as const).map((name) => {
          const point = parseCheckpoint(parseNote(of[name]).text);
          const told = state[name];
          return (
            <Panel key={name} title={t(name === "grants" ? "ledger.grants" : "ledger.trail")} extra={<Button size="small" icon={<DownloadOutlined />} onClick={() => keep(new Blob([of[name]], { type: "text/plain" }), `checkpoint-${name}.txt`)}>{t("ledger.checkpoint")}</Button>}>
              <Facts rows={[
                [t("ledger.size"), <b>{count(point.size)}</b>], [t("ledger.origin"), <span className="mono">{point.origin}</span>], [t("ledger.root"), <span className="mono">{of[name].split("\n")[2]}</span>],
                [t("ledger.signature"), told === undefined ? t("common.loading") : told.startsWith("! ") ? <Chip kind="bad">{told.slice(2)}</Chip> : <Chip kind="good">{t("ledger.signed")}</Chip>],
                [t("ledger.witnesses"), told && told !== "ok" && !told.startsWith("! ") ? told : t("ledger.noWitness")],
              ]} />
            </Panel>
          );
        })}
      </div>
    </>
  );
}

function Verify({ heads, grant }: { heads: Heads; grant: string }) {
  const [text, setText] = useState("");
  const [trustText, setTrustText] = useState(heads.trust);
  const [steps, setSteps] = useState<Step[]>([]);
  const [verified, setVerified] = useState<Verified | null>(null);
  const [server, setServer] = useState<ReceiptVerdict | null>(null);
  const act = useAct();

  async function check(receipt: string) {
    setSteps([]); setVerified(null); setServer(null);
    let trust: Trust;
    try { trust = await parseTrust(trustText); } catch (error) { setSteps([{ name: "checkpoint", ok: false, found: `${t("ledger.trust")}: ${error instanceof Error ? error.message : String(error)}` }]); return; }
    const done = await verifyReceipt(receipt, trust);
    setSteps(done.steps);
    setVerified(done.verified);
  }

  useEffect(() => {
    if (grant) void act.run(async () => { const found = await call("grant_receipt", { grant_id: grant }); setText(found.receipt); await check(found.receipt); });
    // eslint-disable-next-line
  }, [grant]);

  return (
    <Panel title={t("ledger.verify")}>
      <p className="quiet">{t("ledger.verify.sub")}</p>
      <Trouble failure={act.failure} />
      <div className="cols-2">
        <div>
          <div className="field"><label htmlFor="receipt">{t("ledger.receipt")}</label><Input.TextArea id="receipt" className="mono" rows={7} value={text} onChange={(event) => { setText(event.target.value); setSteps([]); setVerified(null); }} /></div>
          <details className="field no-print"><summary>{t("ledger.trust")}</summary><p className="quiet">{t("ledger.trust.help")}</p><Input.TextArea aria-label={t("ledger.trust")} className="mono" rows={4} value={trustText} onChange={(event) => setTrustText(event.target.value)} /></details>
          <div className="filters no-print">
            <Button type="primary" icon={<SafetyCertificateOutlined />} disabled={!text.trim()} onClick={() => void check(text)}>{t("ledger.verify.act")}</Button>
            <Upload showUploadList={false} accept=".json,application/json" beforeUpload={(file) => { void file.text().then((read) => { setText(read); return check(read); }); return false; }}><Button>{t("ledger.pick")}</Button></Upload>
            <Button loading={act.busy} disabled={!text.trim()} onClick={() => void act.run(async () => setServer(await call("verify_receipt", { receipt: text.replace(/\n$/, "") })))}>{t("ledger.server")}</Button>
          </div>
          {server ? <p role="status"><Chip kind={server.valid ? "good" : "bad"}>{server.valid ? t("ledger.serverYes") : t("ledger.serverNo")}</Chip> {server.valid ? "" : `${server.expected} / ${server.found}`}</p> : null}
        </div>
        <div aria-live="polite" id="verdict">
          {steps.length > 0 ? (
            <>
              <h3>{verified ? <Chip kind="good">{t("ledger.valid")}</Chip> : <Chip kind="bad">{t("ledger.invalid")}</Chip>}</h3>
              <ul className="steps-ok">{steps.map((each) => <li key={each.name} className={each.ok ? "" : "bad"}>{t(`ledger.step.${each.name}`)}{each.ok ? null : <p className="mono quiet">{each.expected ? `${t("ledger.expected")}: ${each.expected} · ` : ""}{t("ledger.found")}: {each.found}</p>}</li>)}</ul>
              {verified ? <Facts rows={[
                [t("ledger.kind"), <span className="mono">{verified.entry.t}</span>], [t("ledger.at"), moment(new Date(verified.entry.at / 1000).toISOString())], [t("ledger.index"), t("ledger.indexOf", { n: count(verified.index), size: count(verified.size) })], [t("ledger.origin"), <span className="mono">{verified.origin}</span>],
                ...Object.entries(verified.fields).map(([name, value]): [string, string] => [name, typeof value === "number" && /^not_(before|after)$/.test(name) ? moment(new Date(value / 1000).toISOString()) : String(value)]),
              ]} /> : null}
              {verified ? <p className="quiet">{t("ledger.notRevoked")}</p> : null}
            </>
          ) : <p className="quiet">{t("ledger.steps")}</p>}
        </div>
      </div>
    </Panel>
  );
}
