// The small things that every page is made of.
import { Alert, Button, type ButtonProps, Skeleton, Space, Tooltip } from "antd";
import { useCallback, useEffect, useRef, useState, type ReactNode } from "react";
import { Link, useHref, useNavigate } from "react-router-dom";
import { Failure } from "../http";
import { distance, moment, t, tc } from "../i18n";

/** Title, what one can do, and the body; also the title of the browser's tab. */
export function PageHead({ title, sub, extra }: { title: ReactNode; sub?: ReactNode; extra?: ReactNode }) {
  useEffect(() => {
    if (typeof title === "string") document.title = `${title} · ${t("app.name")}`;
  }, [title]);
  return (
    <header className="page-head">
      <div>
        <h1>{title}</h1>
        {sub ? <p className="quiet">{sub}</p> : null}
      </div>
      {extra ? <Space wrap className="no-print">{extra}</Space> : null}
    </header>
  );
}

export function Panel({ title, extra, children, className = "" }: { title?: ReactNode; extra?: ReactNode; children: ReactNode; className?: string }) {
  return (
    <section className={`panel ${className}`}>
      {title || extra ? <div className="panel-head">{title ? <h2>{title}</h2> : <span />}{extra ? <div className="no-print">{extra}</div> : null}</div> : null}
      {children}
    </section>
  );
}

export interface Loaded<T> { data: T | null; failure: Failure | null; loading: boolean; reload: () => void; put: (next: T) => void }

/** Load once and whenever `keys` change; the answer of an older question never overwrites that of a newer one. */
export function useLoad<T>(load: () => Promise<T>, keys: readonly unknown[]): Loaded<T> {
  const [data, setData] = useState<T | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [loading, setLoading] = useState(true);
  const [turn, setTurn] = useState(0);
  const newest = useRef(0);
  useEffect(() => {
    const mine = ++newest.current;
    setLoading(true);
    load().then(
      (next) => { if (mine === newest.current) { setData(next); setFailure(null); setLoading(false); } },
      (error: unknown) => { if (mine === newest.current) { setFailure(asFailure(error)); setLoading(false); } },
    );
    // eslint-disable-next-line
  }, [...keys, turn]);
  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const put = useCallback((next: T) => { newest.current++; setData(next); setFailure(null); setLoading(false); }, []);
  return { data, failure, loading, reload, put };
}

export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  console.error(error);
  return new Failure(0, "page-error", t("error.page"), t("error.page.remedy"));
}

/** What went wrong, field by field, and what to do next. */
export function Trouble({ failure, onRetry, apply }: { failure: Failure | null; onRetry?: () => void; apply?: string }) {
  if (!failure) return null;
  const retry = onRetry && (failure.status === 0 || failure.status === 409 || failure.status >= 500);
  return (
    <Alert
      className="trouble" role="alert" showIcon type={failure.refusal ? "warning" : failure.conflict ? "info" : "error"}
      title={failure.conflict ? t("error.conflict") : failure.detail}
      description={
        <div>
          {failure.conflict ? <p>{failure.detail}</p> : null}
          {failure.errors.length > 0 ? (
            <ul>{failure.errors.map((each, n) => <li key={n}>{each.field && each.field !== "body" ? <b>{tc("field", each.field)}: </b> : null}{each.message}</li>)}</ul>
          ) : null}
          {failure.remedy ? <p>{failure.remedy}</p> : null}
          {failure.rule ? <p className="mono">{t("error.rule")}: {failure.rule}</p> : null}
          {failure.decisionId ? <p className="quiet mono">{t("error.decision")}: {failure.decisionId}</p> : null}
          <Space>
            {retry ? <Button size="small" onClick={onRetry}>{t("act.reload")}</Button> : null}
            {failure.refusal && apply ? <LinkButton to={apply} size="small" type="primary">{t("act.apply")}</LinkButton> : null}
          </Space>
        </div>
      }
    />
  );
}

/** Shows a loading state, then trouble or the body. */
export function Await<T>({ of, children, rows = 6, apply }: { of: Loaded<T>; children: (data: T) => ReactNode; rows?: number; apply?: string }) {
  if (of.data === null && of.failure) return <Trouble failure={of.failure} onRetry={of.reload} apply={apply} />;
  if (of.data === null) return <div aria-busy="true" aria-label={t("common.loading")} role="status"><Skeleton active paragraph={{ rows }} /></div>;
  return <>{of.failure ? <Trouble failure={of.failure} onRetry={of.reload} /> : null}{children(of.data)}</>;
}

export function Chip({ kind, children }: { kind: "good" | "warn" | "bad" | "info" | "plain" | "brand"; children: ReactNode }) {
  return <span className={`chip chip-${kind}`}>{children}</span>;
}

const TONES: Record<string, "good" | "warn" | "bad" | "info" | "plain"> = {
  active: "good", live: "good", approved: "good", done: "good", allowed: "good", valid: "good", applied: "info", checked: "info",
  expired: "plain", superseded: "plain", ended: "plain", withdrawn: "plain", draft: "plain", left: "plain", exited: "plain", future: "plain",
  revoked: "bad", rejected: "bad", refused: "bad", failed: "bad", suspended: "bad", timed_out: "bad",
  offered: "warn", returned: "warn", proposed: "warn", running: "info",
};

export function StateChip({ state }: { state: string }) {
  return <Chip kind={TONES[state] ?? "info"}>{tc("state", state)}</Chip>;
}

export function LevelChip({ level }: { level: string | number }) {
  const text = typeof level === "number" ? `L${level}` : level;
  return <span className={`level level-${text.toLowerCase()}`}>{text}</span>;
}

export function ModeChip({ mode }: { mode: string }) {
  const kinds: Record<string, "good" | "warn" | "bad" | "brand"> = { catalogue_open: "good", approval_gated: "warn", mandatory_name_share: "brand", not_shared: "bad" };
  return <Chip kind={kinds[mode] ?? "plain"}>{tc("mode", mode)}</Chip>;
}

export function When({ at, near = false }: { at: string | null | undefined; near?: boolean }) {
  if (!at) return <span className="quiet">–</span>;
  return <Tooltip title={near ? moment(at) : distance(at)}><time dateTime={at}>{near ? distance(at) : moment(at)}</time></Tooltip>;
}

/** Until when, red when it has passed and amber when it is near. */
export function Due({ at }: { at: string | null | undefined }) {
  if (!at) return <span className="quiet">–</span>;
  const left = new Date(at).getTime() - Date.now();
  const tone = left < 0 ? "due-over" : left < 86_400_000 ? "due-near" : "";
  return <time dateTime={at} title={moment(at)} className={tone}>{left < 0 ? t("due.over", { when: distance(at) }) : distance(at)}</time>;
}

/** Names and values in two columns, readable on a phone and on paper. */
export function Facts({ rows }: { rows: [ReactNode, ReactNode][] }) {
  return <dl className="facts">{rows.map(([name, value], n) => <div key={n}><dt>{name}</dt><dd>{value ?? "–"}</dd></div>)}</dl>;
}

export function Nothing({ text, children }: { text: string; children?: ReactNode }) {
  return <div className="nothing"><div className="nothing-mark" aria-hidden="true" /><p>{text}</p>{children}</div>;
}

/** A short form of an identifier; the whole of it in the title. */
export function Id({ of, to }: { of: string; to?: string }) {
  const short = of.length > 14 ? of.slice(0, 8) : of;
  return to ? <Link className="mono" to={to} title={of}>{short}</Link> : <span className="mono" title={of}>{short}</span>;
}

/** Do something once at a time; keeps what went wrong for showing. */
export function useAct(): { busy: boolean; failure: Failure | null; run: (work: () => Promise<void>) => Promise<boolean>; clear: () => void } {
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<Failure | null>(null);
  const running = useRef(false);
  const run = useCallback(async (work: () => Promise<void>) => {
    if (running.current) return false;
    running.current = true;
    setBusy(true);
    setFailure(null);
    try { await work(); return true; } catch (error) { setFailure(asFailure(error)); return false; } finally { running.current = false; setBusy(false); }
  }, []);
  return { busy, failure, run, clear: useCallback(() => setFailure(null), []) };
}

/** A link that looks like a button: one element, so that keyboard and screen reader meet it once. */
export function LinkButton({ to, ...rest }: ButtonProps & { to: string }) {
  const href = useHref(to);
  const go = useNavigate();
  return <Button {...rest} href={href} onClick={(event) => { if (!event.metaKey && !event.ctrlKey) { event.preventDefault(); void go(to); } }} />;
}
