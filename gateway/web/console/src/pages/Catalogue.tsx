import { Input, Select } from "antd";
import { Link, useSearchParams } from "react-router-dom";
import type { ItemOut } from "../api";
import { say, t, tc } from "../i18n";
import { useGroupName, useGroups, useUnits } from "../lookups";
import { Chip, LevelChip, ModeChip, PageHead, Panel } from "../parts/basics";
import { KeyTable } from "../parts/table";

const MODES = ["mandatory_name_share", "catalogue_open", "approval_gated", "not_shared"];

export default function Catalogue() {
  const [search, setSearch] = useSearchParams();
  const groups = useGroups();
  const units = useUnits();
  const groupName = useGroupName();
  const get = (name: string) => search.get(name) ?? undefined;
  const put = (name: string, value?: string) => setSearch((old) => { const next = new URLSearchParams(old); if (value) next.set(name, value); else next.delete(name); return next; }, { replace: true });
  return (
    <>
      <PageHead title={t("menu.catalogue")} sub={t("catalogue.sub")} />
      <Panel>
        <div className="filters">
          <Input.Search style={{ width: 260 }} allowClear defaultValue={get("text")} placeholder={t("catalogue.search")} aria-label={t("catalogue.search")} onSearch={(text) => put("text", text.trim())} />
          <Select aria-label={t("catalogue.group")} allowClear placeholder={t("catalogue.group")} style={{ width: 180 }} value={get("group")} onChange={(next?: string) => put("group", next)} options={groups.map((each) => ({ value: each.group, label: say(each.zh, each.en) }))} />
          <Select aria-label={t("catalogue.mode")} allowClear placeholder={t("catalogue.mode")} style={{ width: 150 }} value={get("mode")} onChange={(next?: string) => put("mode", next)} options={MODES.map((each) => ({ value: each, label: tc("mode", each) }))} />
          <Select aria-label={t("catalogue.level")} allowClear placeholder={t("catalogue.level")} style={{ width: 100 }} value={get("level")} onChange={(next?: string) => put("level", next)} options={["L1", "L2", "L3", "L4", "L5"].map((each) => ({ value: each, label: each }))} />
          <Select aria-label={t("catalogue.owner")} allowClear placeholder={t("catalogue.owner")} style={{ width: 190 }} value={get("owner")} onChange={(next?: string) => put("owner", next)} options={units.map((each) => ({ value: each.unit_id, label: say(each.name_zh, each.name_en) }))} />
        </div>
        <KeyTable<ItemOut>
          verb="search_catalogue" ask={{ text: get("text"), group: get("group"), mode: get("mode"), level: get("level"), owner: get("owner") }} label={t("menu.catalogue")} empty={t("catalogue.empty")} rowKey={(row) => row.code} fileName="catalogue"
          columns={[
            { key: "code", title: t("catalogue.code"), render: (row) => <Link className="mono" to={`/catalogue/${row.code}`}>{row.code}</Link>, text: (row) => row.code },
            { key: "name", title: t("catalogue.name"), render: (row) => <>{say(row.name_zh, row.name_en)} {row.waiting_change ? <Chip kind="warn">{t("catalogue.waiting")}</Chip> : null}</>, text: (row) => say(row.name_zh, row.name_en) },
            { key: "group", title: t("catalogue.group"), render: (row) => groupName(row.group), text: (row) => groupName(row.group) },
            { key: "owner", title: t("catalogue.owner"), render: (row) => say(row.owner_zh, row.owner_en), text: (row) => say(row.owner_zh, row.owner_en) },
            { key: "mode", title: t("catalogue.mode"), render: (row) => <ModeChip mode={row.mode} />, text: (row) => tc("mode", row.mode) },
            { key: "level", title: t("catalogue.level"), render: (row) => <LevelChip level={row.level} />, text: (row) => row.level },
            { key: "pi", title: t("catalogue.personalShort"), render: (row) => row.sensitive ? <Chip kind="bad">{t("catalogue.sensitive")}</Chip> : row.personal ? <Chip kind="warn">{t("common.yes")}</Chip> : <span className="quiet">{t("common.no")}</span>, text: (row) => (row.personal ? "Y" : "N") },
          ]}
        />
      </Panel>
    </>
  );
}
