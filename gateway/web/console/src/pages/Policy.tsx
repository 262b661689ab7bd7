import { Table } from "antd";
import { say, t, tc } from "../i18n";
import { useGroups, usePurposes, useReasons } from "../lookups";
import { Chip, LevelChip, ModeChip, PageHead, Panel } from "../parts/basics";

const LIST = "、";

/** The rules in words, as the gateway serves them: purposes, modes, what approvers may give as a reason. */
export default function Policy() {
  const purposes = usePurposes();
  const groups = useGroups();
  const reasons = useReasons();
  return (
    <>
      <PageHead title={t("menu.policy")} sub={t("policy.sub")} />
      <Panel title={t("policy.modes")}>
        <div className="holdings">{(["mandatory_name_share", "catalogue_open", "approval_gated", "not_shared"] as const).map((each) => <div key={each} className="hit" style={{ margin: 0 }}><ModeChip mode={each} /><p style={{ margin: "8px 0 0" }}>{t(`mode.${each}.help`)}</p></div>)}</div>
      </Panel>
      <Panel title={t("policy.groups")}>
        <div className="table-room" role="region" tabIndex={0} aria-label={t("policy.groups")}>
          <Table size="small" pagination={false} rowKey="group" dataSource={groups} columns={[
            { title: t("catalogue.group"), render: (_, row) => say(row.zh, row.en) }, { title: t("request.items"), align: "right", dataIndex: "items" }, { title: t("catalogue.mode"), render: (_, row) => <span className="chips">{row.modes.map((each) => <ModeChip key={each} mode={each} />)}</span> },
            { title: t("catalogue.level"), render: (_, row) => <span className="chips">{row.levels.map((each) => <LevelChip key={each} level={each} />)}</span> }, { title: t("catalogue.isolated"), render: (_, row) => row.isolated ? <Chip kind="info">{t("common.yes")}</Chip> : t("common.no") },
          ]} />
        </div>
      </Panel>
      <Panel title={t("policy.purposes")}>
        <div className="table-room" role="region" tabIndex={0} aria-label={t("policy.purposes")}>
          <Table size="small" pagination={false} rowKey="code" dataSource={purposes} columns={[
            { title: t("read.purpose"), render: (_, row) => <>{say(row.zh, row.en)}<br /><span className="mono quiet">{row.code}</span></> }, { title: t("policy.roles"), render: (_, row) => row.roles.map((each) => tc("role", each)).join(LIST) || t("policy.any") },
            { title: t("policy.kinds"), render: (_, row) => row.institution_kinds.map((each) => tc("institution", each)).join(LIST) || t("policy.any") }, { title: t("policy.mine"), render: (_, row) => row.usable ? <Chip kind="good">{t("common.yes")}</Chip> : <Chip kind="plain">{t("common.no")}</Chip> },
          ]} />
        </div>
      </Panel>
      <Panel title={t("policy.reasons")}>
        <div className="table-room" role="region" tabIndex={0} aria-label={t("policy.reasons")}>
          <Table size="small" pagination={false} rowKey="code" dataSource={reasons} columns={[{ title: t("common.reason"), render: (_, row) => say(row.zh, row.en) }, { title: t("policy.roles"), render: (_, row) => row.roles.map((each) => tc("role", each)).join(LIST) }]} />
        </div>
      </Panel>
    </>
  );
}
