// The frame: who is signed in, where one can go, and the page itself. Pages are fetched when they are first needed.
import {
  AuditOutlined, BankOutlined, BellOutlined, BookOutlined, CheckSquareOutlined, DatabaseOutlined, FileDoneOutlined, FileTextOutlined, GlobalOutlined, HeartOutlined,
  HomeOutlined, KeyOutlined, MenuOutlined, MoonOutlined, PartitionOutlined, SafetyCertificateOutlined, SearchOutlined, SolutionOutlined, StopOutlined, SunOutlined, TeamOutlined, UserOutlined,
} from "@ant-design/icons";
import { App as AntApp, Button, ConfigProvider, Dropdown, Input, Skeleton, theme as antTheme } from "antd";
import enUS from "antd/locale/en_US";
import zhCN from "antd/locale/zh_CN";
import dayjs from "dayjs";
import "dayjs/locale/zh-cn";
import { lazy, Suspense, useEffect, useState, type ReactNode } from "react";
import { Link, Navigate, NavLink, Route, Routes, useLocation, useNavigate } from "react-router-dom";
import { setLanguage, t, tc, useLanguage } from "./i18n";
import mark from "./mark.svg";
import { call } from "./http";
import { SignIn } from "./pages/SignIn";
import { Fence } from "./parts/fence";
import { useSession } from "./session";

const Home = lazy(() => import("./pages/Home"));
const Clients = lazy(() => import("./pages/Clients"));
const Client = lazy(() => import("./pages/Client"));
const Read = lazy(() => import("./pages/Read"));
const Apply = lazy(() => import("./pages/Apply"));
const Requests = lazy(() => import("./pages/Requests"));
const RequestPage = lazy(() => import("./pages/Request"));
const Grants = lazy(() => import("./pages/Grants"));
const Grant = lazy(() => import("./pages/Grant"));
const Uploads = lazy(() => import("./pages/Uploads"));
const Upload = lazy(() => import("./pages/Upload"));
const Entry = lazy(() => import("./pages/Entry"));
const RecordPage = lazy(() => import("./pages/Record"));
const Readers = lazy(() => import("./pages/Readers"));
const Consents = lazy(() => import("./pages/Consents"));
const Catalogue = lazy(() => import("./pages/Catalogue"));
const Item = lazy(() => import("./pages/Item"));
const Changes = lazy(() => import("./pages/Changes"));
const Notices = lazy(() => import("./pages/Notices"));
const Trail = lazy(() => import("./pages/Trail"));
const Barrier = lazy(() => import("./pages/Barrier"));
const Policy = lazy(() => import("./pages/Policy"));
const Ledger = lazy(() => import("./pages/Ledger"));
const SharingMap = lazy(() => import("./pages/SharingMap"));
const Institutions = lazy(() => import("./pages/Institutions"));
const Units = lazy(() => import("./pages/Units"));
const People = lazy(() => import("./pages/People"));
const Person = lazy(() => import("./pages/Person"));
const Health = lazy(() => import("./pages/Health"));
const Account = lazy(() => import("./pages/Account"));

const FONT = '"PingFang SC","HarmonyOS Sans SC","Microsoft YaHei","Noto Sans SC","Noto Sans CJK SC",system-ui,sans-serif';

function useTheme(): [boolean, () => void] {
  const [dark, setDark] = useState(() => {
    const kept = localStorage.getItem("lianqiao.theme");
    return kept ? kept === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  });
  useEffect(() => { document.documentElement.dataset.theme = dark ? "dark" : "light"; }, [dark]);
  return [dark, () => setDark((old) => { localStorage.setItem("lianqiao.theme", old ? "light" : "dark"); return !old; })];
}

export function App({ nonce }: { nonce: string }) {
  const lang = useLanguage();
  const [dark, flip] = useTheme();
  useEffect(() => { document.documentElement.lang = lang === "zh" ? "zh-CN" : "en"; dayjs.locale(lang === "zh" ? "zh-cn" : "en"); }, [lang]);
  return (
    <ConfigProvider
      csp={{ nonce }} locale={lang === "zh" ? zhCN : enUS} button={{ autoInsertSpace: false }}
      theme={{
        algorithm: dark ? antTheme.darkAlgorithm : antTheme.defaultAlgorithm,
        token: {
          colorPrimary: dark ? "#2f74b5" : "#0f5796", colorLink: dark ? "#7db7ee" : "#0f4c81", borderRadius: 7, fontFamily: FONT,
          ...(dark
            ? { colorBgContainer: "#172233", colorBgElevated: "#1d2a3e", colorText: "#e6ebf3", colorTextSecondary: "#b4c0d1", colorTextTertiary: "#a4b1c4", colorTextQuaternary: "#93a1b6", colorTextPlaceholder: "#93a1b6", colorBorder: "#3a4a63", colorError: "#ff8a82" }
            : { colorText: "#17233a", colorTextSecondary: "#3d4a60", colorTextTertiary: "#525f74", colorTextQuaternary: "#5f6b7f", colorTextPlaceholder: "#66717f", colorTextDisabled: "#6b7685", colorError: "#b3261e", colorSuccess: "#14663a" }),
        },
        components: { Table: { headerBg: dark ? "#1d2a3e" : "#f3f6fa", cellPaddingBlockMD: 9 } },
      }}
    >
      <AntApp component={false}>
        <Gate dark={dark} flip={flip} />
      </AntApp>
    </ConfigProvider>
  );
}

function Gate({ dark, flip }: { dark: boolean; flip: () => void }) {
  const { who, ready } = useSession();
  if (!ready) return <div className="body" role="status" aria-label={t("common.loading")}><Skeleton active /></div>;
  if (!who) return <SignIn />;
  if (who.must) return <Suspense fallback={<Skeleton active />}><main className="body"><Account must={who.must} /></main></Suspense>;
  return <Frame dark={dark} flip={flip} />;
}

interface Place { to: string; label: string; icon: ReactNode; tally?: number; end?: boolean }

function useMenu(inbox: number, unread: number): [string, Place[]][] {
  const { has, internal } = useSession();
  const asks = has("requester", "partner_user", "dept_head", "lead_rm", "data_owner", "ops", "partner_admin");
  const judges = has("dept_head", "data_owner", "lead_rm", "compliance", "cco", "pi_officer", "partner_admin");
  const supplies = has("data_owner", "lead_rm", "ops", "partner_user", "partner_admin");
  const watches = has("compliance", "cco", "auditor", "regulator");
  const groups: [string, (Place | false)[]][] = [
    [t("menu.work"), [
      { to: "/", label: t("menu.home"), icon: <HomeOutlined />, end: true },
      asks && { to: "/clients", label: t("menu.clients"), icon: <SearchOutlined /> },
      { to: "/catalogue", label: t("menu.catalogue"), icon: <BookOutlined /> },
      asks && { to: "/requests", label: t("menu.requests"), icon: <FileTextOutlined /> },
      judges && { to: "/inbox", label: t("menu.inbox"), icon: <CheckSquareOutlined />, tally: inbox },
      (asks || watches) && { to: "/grants", label: t("menu.grants"), icon: <FileDoneOutlined /> },
      { to: "/notices", label: t("menu.notices"), icon: <BellOutlined />, tally: unread },
    ]],
    [t("menu.data"), [
      supplies && { to: "/data/uploads", label: t("menu.uploads"), icon: <DatabaseOutlined /> },
      supplies && { to: "/data/entry", label: t("menu.entry"), icon: <SolutionOutlined /> },
      supplies && { to: "/data/readers", label: t("menu.readers"), icon: <AuditOutlined /> },
      (supplies || has("pi_officer", "compliance", "enterprise_rep")) && { to: "/consents", label: t("menu.consents"), icon: <SafetyCertificateOutlined /> },
    ]],
    [t("menu.control"), [
      watches && { to: "/trail", label: t("menu.trail"), icon: <AuditOutlined /> },
      (has("compliance", "cco") || (internal && asks)) && { to: "/barrier", label: t("menu.barrier"), icon: <StopOutlined /> },
      (watches || has("data_steward", "data_owner", "ops")) && { to: "/catalogue/changes", label: t("menu.changes"), icon: <CheckSquareOutlined /> },
      internal && { to: "/policy", label: t("menu.policy"), icon: <SafetyCertificateOutlined /> },
      (watches || has("data_owner", "partner_admin", "ops")) && { to: "/map", label: t("menu.map"), icon: <PartitionOutlined /> },
      { to: "/ledger", label: t("menu.ledger"), icon: <KeyOutlined /> },
    ]],
    [t("menu.operation"), [
      has("sysadmin", "compliance", "cco", "auditor") && { to: "/institutions", label: t("menu.institutions"), icon: <BankOutlined /> },
      has("sysadmin", "compliance", "cco", "auditor", "partner_admin") && { to: "/units", label: t("menu.units"), icon: <PartitionOutlined /> },
      has("sysadmin", "compliance", "cco", "auditor", "partner_admin") && { to: "/people", label: t("menu.people"), icon: <TeamOutlined /> },
      has("sysadmin", "key_custodian", "auditor") && { to: "/health", label: t("menu.health"), icon: <HeartOutlined /> },
    ]],
  ];
  return groups.map(([title, places]): [string, Place[]] => [title, places.filter((each): each is Place => each !== false)]).filter(([, places]) => places.length > 0);
}

function Frame({ dark, flip }: { dark: boolean; flip: () => void }) {
  const { who, signOut } = useSession();
  const lang = useLanguage();
  const go = useNavigate();
  const here = useLocation();
  const [open, setOpen] = useState(false);
  const [tallies, setTallies] = useState<[number, number]>([0, 0]);
  const menu = useMenu(tallies[0], tallies[1]);

  useEffect(() => {
    setOpen(false);
    let mine = true;
    Promise.all([call("list_requests", { view: "inbox", limit: 100 }), call("list_notices", { unread: true, limit: 1 })]).then(
      ([inbox, notices]) => { if (mine) setTallies([inbox.items.length, notices.unread]); },
      () => undefined,
    );
    return () => { mine = false; };
  }, [here.pathname]);

  return (
    <div className="frame">
      <a className="skip" href="#page">{t("app.skip")}</a>
      <div className="top" role="banner">
        <Button className="menu-button" type="text" icon={<MenuOutlined />} aria-label={t("app.menu")} aria-expanded={open} onClick={() => setOpen(!open)} />
        <Link className="brand" to="/" aria-label={t("app.name")}><img src={mark} alt="" /><span>{t("app.name")}</span></Link>
        <div className="top-search" role="search">
          <Input.Search placeholder={t("clients.placeholder")} aria-label={t("clients.placeholder")} allowClear onSearch={(q) => q.trim() && go(`/clients?q=${encodeURIComponent(q.trim())}`)} />
        </div>
        <div className="top-right">
          <Button type="text" icon={<GlobalOutlined />} onClick={() => setLanguage(lang === "zh" ? "en" : "zh")}>{lang === "zh" ? "English" : "中文"}</Button>
          <Button type="text" icon={dark ? <SunOutlined /> : <MoonOutlined />} aria-label={dark ? t("app.light") : t("app.dark")} onClick={flip} />
          <Dropdown
            trigger={["click"]}
            menu={{
              items: [{ key: "account", label: t("menu.account") }, { key: "out", label: t("act.signOut") }],
              onClick: ({ key }) => (key === "account" ? go("/account") : void signOut().then(() => go("/"))),
            }}
          >
            <Button type="text" icon={<UserOutlined />} style={{ height: 44 }} aria-label={t("app.account", { name: who?.person.name ?? "" })}>
              <span className="who"><span>{who?.person.name}</span><small>{who?.person.roles.slice(0, 2).map((role) => tc("role", role)).join(" · ")}</small></span>
            </Button>
          </Dropdown>
        </div>
      </div>
      <nav className={`side ${open ? "open" : ""}`} aria-label={t("app.menu")}>
        {menu.map(([title, places]) => (
          <div key={title}>
            <h2>{title}</h2>
            <ul>{places.map((each) => <li key={each.to}><NavLink to={each.to} end={each.end ?? each.to === "/catalogue"}>{each.icon}{each.label}{each.tally ? <span className="tally">{each.tally}</span> : null}</NavLink></li>)}</ul>
          </div>
        ))}
      </nav>
      <main className="body" id="page" tabIndex={-1}>
        <Fence key={here.pathname}>
          <Suspense fallback={<Skeleton active paragraph={{ rows: 8 }} />}>
            <Routes>
              <Route path="/" element={<Home />} />
              <Route path="/signin" element={<Navigate to="/" replace />} />
              <Route path="/clients" element={<Clients />} />
              <Route path="/clients/:id" element={<Client />} />
              <Route path="/clients/:id/read" element={<Read />} />
              <Route path="/apply" element={<Apply />} />
              <Route path="/apply/:id" element={<Apply />} />
              <Route path="/requests" element={<Requests box={false} />} />
              <Route path="/inbox" element={<Requests box />} />
              <Route path="/requests/:id" element={<RequestPage />} />
              <Route path="/grants" element={<Grants />} />
              <Route path="/grants/:id" element={<Grant />} />
              <Route path="/data/uploads" element={<Uploads />} />
              <Route path="/data/uploads/:id" element={<Upload />} />
              <Route path="/data/entry" element={<Entry />} />
              <Route path="/data/records/:id" element={<RecordPage />} />
              <Route path="/data/readers" element={<Readers />} />
              <Route path="/consents" element={<Consents />} />
              <Route path="/catalogue" element={<Catalogue />} />
              <Route path="/catalogue/changes" element={<Changes />} />
              <Route path="/catalogue/:code" element={<Item />} />
              <Route path="/notices" element={<Notices />} />
              <Route path="/trail" element={<Trail />} />
              <Route path="/barrier" element={<Barrier />} />
              <Route path="/policy" element={<Policy />} />
              <Route path="/ledger" element={<Ledger />} />
              <Route path="/map" element={<SharingMap />} />
              <Route path="/institutions" element={<Institutions />} />
              <Route path="/units" element={<Units />} />
              <Route path="/people" element={<People />} />
              <Route path="/people/:id" element={<Person />} />
              <Route path="/health" element={<Health />} />
              <Route path="/account" element={<Account />} />
              <Route path="*" element={<p>{t("error.noPage")} <Link to="/">{t("menu.home")}</Link></p>} />
            </Routes>
          </Suspense>
        </Fence>
      </main>
    </div>
  );
}
