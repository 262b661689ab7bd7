import { Button, Input } from "antd";
import { useEffect, useState, type FormEvent } from "react";
import { Failure } from "../http";
import { setLanguage, t, useLanguage } from "../i18n";
import { forgetLookups } from "../lookups";
import mark from "../mark.svg";
import { Trouble, useAct } from "../parts/basics";
import { call } from "../http";
import { useSession } from "../session";

/** Shown in place of any page while nobody is signed in; the address stays, so that one goes on where one was. */
export function SignIn() {
  const { signIn, lost } = useSession();
  const lang = useLanguage();
  const [login, setLogin] = useState("");
  const [password, setPassword] = useState("");
  const [code, setCode] = useState("");
  const [second, setSecond] = useState(false);
  const [first, setFirst] = useState(false);
  const act = useAct();

  useEffect(() => { document.title = `${t("sign.title")} · ${t("app.name")}`; }, [lang]);

  function submit(event: FormEvent) {
    event.preventDefault();
    forgetLookups();
    void act.run(async () => {
      try { await signIn(login.trim(), password, second ? code.trim() : undefined); } catch (error) {
        if (error instanceof Failure && error.code === "second-factor-needed") setSecond(true);
        throw error;
      }
    });
  }

  return (
    <div className="sign">
      <div className="sign-words" role="complementary" aria-label={t("app.name")}>
        <h1>{t("app.name")}</h1>
        <p>{t("app.promise")}</p>
        <ul><li>{t("app.point1")}</li><li>{t("app.point2")}</li><li>{t("app.point3")}</li></ul>
      </div>
      <main className="sign-form">
        <div style={{ display: "flex", justifyContent: "space-between", marginBottom: 24 }}>
          <img src={mark} width={40} height={40} alt="" />
          <Button type="text" onClick={() => setLanguage(lang === "zh" ? "en" : "zh")}>{lang === "zh" ? "English" : "中文"}</Button>
        </div>
        <h2>{first ? t("sign.first") : t("sign.title")}</h2>
        {lost ? <p className="chip chip-warn" role="status">{t("sign.lost")}</p> : null}
        <Trouble failure={act.failure} />
        {first ? <FirstPassword onDone={() => setFirst(false)} /> : (
          <form onSubmit={submit}>
            <div className="field"><label htmlFor="login">{t("sign.login")}</label><Input id="login" size="large" autoComplete="username" value={login} onChange={(event) => setLogin(event.target.value)} required autoFocus /></div>
            <div className="field"><label htmlFor="password">{t("sign.password")}</label><Input.Password id="password" size="large" autoComplete="current-password" value={password} onChange={(event) => setPassword(event.target.value)} required /></div>
            {second ? <div className="field"><label htmlFor="code">{t("sign.code")}</label><Input id="code" size="large" inputMode="numeric" autoComplete="one-time-code" maxLength={10} value={code} onChange={(event) => setCode(event.target.value)} autoFocus /></div> : null}
            <Button type="primary" size="large" htmlType="submit" block loading={act.busy}>{t("act.signIn")}</Button>
          </form>
        )}
        <p style={{ marginTop: 18 }}><Button type="link" style={{ padding: 0 }} onClick={() => { setFirst(!first); act.clear(); }}>{first ? t("sign.back") : t("sign.haveToken")}</Button></p>
      </main>
    </div>
  );
}

function FirstPassword({ onDone }: { onDone: () => void }) {
  const [token, setToken] = useState("");
  const [password, setPassword] = useState("");
  const act = useAct();
  return (
    <form onSubmit={(event) => { event.preventDefault(); void act.run(async () => { await call("set_password", { one_time_token: token.trim(), password }); onDone(); }); }}>
      <Trouble failure={act.failure} />
      <div className="field"><label htmlFor="token">{t("sign.token")}</label><Input id="token" size="large" autoComplete="off" value={token} onChange={(event) => setToken(event.target.value)} required /></div>
      <div className="field"><label htmlFor="new">{t("account.new")}</label><Input.Password id="new" size="large" autoComplete="new-password" value={password} onChange={(event) => setPassword(event.target.value)} required /></div>
      <Button type="primary" size="large" htmlType="submit" block loading={act.busy}>{t("account.set")}</Button>
    </form>
  );
}
