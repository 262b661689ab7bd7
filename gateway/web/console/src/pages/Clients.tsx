import { Input } from "antd";
import { useSearchParams } from "react-router-dom";
import { Link } from "react-router-dom";
import type { ClientCard } from "../api";
import { t, tc } from "../i18n";
import { Nothing, PageHead, Panel, StateChip } from "../parts/basics";
import { KeyTable } from "../parts/table";

export default function Clients() {
  const [search, setSearch] = useSearchParams();
  const q = search.get("q") ?? "";
  return (
    <>
      <PageHead title={t("menu.clients")} sub={t("clients.sub")} />
      <Panel>
        <Input.Search key={q} size="large" defaultValue={q} placeholder={t("clients.placeholder")} aria-label={t("clients.placeholder")} enterButton={t("act.search")} autoFocus={!q} onSearch={(next) => setSearch(next.trim() ? { q: next.trim() } : {})} />
      </Panel>
      {q ? (
        <Panel title={t("clients.found", { q })}>
          <KeyTable<ClientCard>
            verb="search_clients" ask={{ q }} label={t("menu.clients")} empty={t("clients.none")} rowKey={(row) => row.client_id} fileName="clients"
            columns={[
              { key: "name", title: t("clients.name"), render: (row) => <Link to={`/clients/${row.client_id}`}>{row.name}</Link>, text: (row) => row.name },
              { key: "uscc", title: t("clients.uscc"), render: (row) => <span className="mono">{row.uscc}</span>, text: (row) => row.uscc },
              { key: "lead", title: t("clients.lead"), render: (row) => row.lead_unit_name ?? "–", text: (row) => row.lead_unit_name ?? "" },
              { key: "rm", title: t("clients.rm"), render: (row) => row.lead_rm ?? "–", text: (row) => row.lead_rm ?? "" },
              { key: "state", title: t("clients.recognition"), render: (row) => row.recognition === "none" ? <span className="quiet">{tc("recognition", "none")}</span> : <StateChip state={row.recognition} />, text: (row) => row.recognition },
            ]}
          />
        </Panel>
      ) : <Panel><Nothing text={t("clients.start")} /></Panel>}
    </>
  );
}
