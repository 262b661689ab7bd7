import { Button, Input } from "antd";
import { useState } from "react";
import type { SessionListed, TotpOffered } from "../api";
import { call } from "../http";
import { moment, t, tc } from "../i18n";
import { useUnitName } from "../lookups";
import { Chip, Facts, PageHead, Panel, Trouble, useAct, When } from "../parts/basics";
import { KeyTable } from "../parts/table";
import { useSession } from "../session";

export default function Account({ must = "" }: { must?: string }) {
  const { who, refresh, signOut } = useSession();
  const unit = useUnitName();
  const [turn, setTurn] = useState(0);
  const ended = useAct();
  if (!who) return null;
  return (
    <>
      <PageHead title={t("menu.account")} sub={must ? t(must === "change-password" ? "account.mustPassword" : "account.mustTotp") : undefined} extra={must ? <Button onClick={() => void signOut()}>{t("act.signOut")}</Button> : undefined} />
      {must ? null : (
        <Panel title={who.person.name}>
          <Facts rows={[
            [t("person.login"), who.person.login], [t("person.unit"), unit(who.person.unit_id)], [t("person.roles"), <div className="chips">{who.person.roles.map((each) => <Chip key={each} kind="plain">{tc("role", each)}</Chip>)}</div>],
            [t("person.clearance"), `L${who.person.clearance}`], [t("person.side"), tc("side", who.person.side)], [t("person.trained"), moment(who.person.trained_until)],
          ]} />
        </Panel>
      )}
      <div className="cols-2">
        {must === "enrol-totp" ? null : <ChangePassword onDone={() => void refresh()} />}
        {must === "change-password" ? null : <SecondFactor onDone={() => void refresh()} />}
      </div>
      {must ? null : (
        <Panel title={t("account.sessions")}>
          <Trouble failure={ended.failure} />
          <KeyTable<SessionListed>
            verb="list_sessions" ask={{}} turn={turn} label={t("account.sessions")} empty={t("common.none")} rowKey={(row) => row.token_id}
            columns={[
              { key: "method", title: t("account.method"), render: (row) => row.method },
              { key: "from", title: t("account.from"), render: (row) => <span className="mono">{row.source_address}</span> },
              { key: "began", title: t("account.began"), render: (row) => <When at={row.created_at} /> },
              { key: "seen", title: t("account.seen"), render: (row) => <When at={row.seen_at} near /> },
              { key: "act", title: t("common.acts"), render: (row) => row.current ? <Chip kind="good">{t("account.this")}</Chip> : <Button size="small" danger onClick={() => void ended.run(async () => { await call("revoke_session", { token_id: row.token_id }); setTurn((n) => n + 1); })}>{t("account.end")}</Button> },
            ]}
          />
        </Panel>
      )}
    </>
  );
}

function ChangePassword({ onDone }: { onDone: () => void }) {
  const [old, setOld] = useState("");
  const [next, setNext] = useState("");
  const [done, setDone] = useState(false);
  const act = useAct();
  return (
    <Panel title={t("account.password")}>
      <form onSubmit={(event) => { event.preventDefault(); void act.run(async () => { await call("set_password", { old_password: old, password: next }); setOld(""); setNext(""); setDone(true); onDone(); }); }}>
        <Trouble failure={act.failure} />
        {done ? <p role="status"><Chip kind="good">{t("account.changed")}</Chip></p> : null}
        <div className="field"><label htmlFor="old">{t("account.old")}</label><Input.Password id="old" autoComplete="current-password" value={old} onChange={(event) => setOld(event.target.value)} required /></div>
        <div className="field"><label htmlFor="next">{t("account.new")}</label><Input.Password id="next" autoComplete="new-password" value={next} onChange={(event) => setNext(event.target.value)} required /></div>
        <Button type="primary" htmlType="submit" loading={act.busy}>{t("account.set")}</Button>
      </form>
    </Panel>
  );
}

function SecondFactor({ onDone }: { onDone: () => void }) {
  const [offer, setOffer] = useState<TotpOffered | null>(null);
  const [code, setCode] = useState("");
  const [done, setDone] = useState(false);
  const act = useAct();
  return (
    <Panel title={t("account.totp")}>
      <p className="quiet">{t("account.totp.help")}</p>
      <Trouble failure={act.failure} />
      {done ? <p role="status"><Chip kind="good">{t("account.totp.done")}</Chip></p> : null}
      {offer ? (
        <form onSubmit={(event) => { event.preventDefault(); void act.run(async () => { await call("confirm_totp", { totp: code.trim() }); setOffer(null); setDone(true); onDone(); }); }}>
          <Facts rows={[[t("account.totp.secret"), <span className="mono">{offer.secret}</span>]]} />
          <p><a href={offer.uri}>{t("account.totp.open")}</a></p>
          <div className="field"><label htmlFor="totp">{t("sign.code")}</label><Input id="totp" inputMode="numeric" autoComplete="one-time-code" maxLength={10} value={code} onChange={(event) => setCode(event.target.value)} required /></div>
          <Button type="primary" htmlType="submit" loading={act.busy}>{t("act.confirm")}</Button>
        </form>
      ) : <Button loading={act.busy} onClick={() => void act.run(async () => { setDone(false); setOffer(await call("enrol_totp", {})); })}>{t("account.totp.start")}</Button>}
    </Panel>
  );
}
