import { Button } from "antd";
import { useCallback, useEffect, useState } from "react";
import { call } from "../http";
import { count, t } from "../i18n";
import { Chip, Facts, PageHead, Panel } from "../parts/basics";

interface Part { ok: boolean; ms: number; text: string }

/** Alive, ready, and how long the answers took as seen from this browser. */
export default function Health() {
  const [parts, setParts] = useState<Record<string, Part>>({});
  const [sizes, setSizes] = useState<[number, number] | null>(null);
  const look = useCallback(async () => {
    for (const name of ["health", "ready"]) {
      const began = performance.now();
      try {
        const answer = await fetch(`/${name}`, { cache: "no-store" });
        const told = (await answer.json()) as { status?: string; part?: string };
        setParts((old) => ({ ...old, [name]: { ok: answer.ok, ms: performance.now() - began, text: [told.status, told.part].filter(Boolean).join(" ") } }));
      } catch { setParts((old) => ({ ...old, [name]: { ok: false, ms: performance.now() - began, text: t("error.offline") } })); }
    }
    try { const heads = await call("ledger_heads", {}); setSizes([heads.grants_size, heads.trail_size]); } catch { setSizes(null); }
  }, []);
  useEffect(() => { void look(); const timer = setInterval(() => void look(), 15_000); return () => clearInterval(timer); }, [look]);
  return (
    <>
      <PageHead title={t("menu.health")} sub={t("health.sub")} extra={<Button onClick={() => void look()}>{t("act.refresh")}</Button>} />
      <Panel>
        <Facts rows={[
          ...(["health", "ready"] as const).map((name): [string, React.ReactNode] => [t(`health.${name}`), parts[name] ? <><Chip kind={parts[name].ok ? "good" : "bad"}>{parts[name].text}</Chip> {Math.round(parts[name].ms)} ms</> : t("common.loading")]),
          [t("ledger.grants"), sizes ? count(sizes[0]) : "–"], [t("ledger.trail"), sizes ? count(sizes[1]) : "–"],
        ]} />
      </Panel>
    </>
  );
}
