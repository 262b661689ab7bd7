import { Button, Checkbox, Radio, Select, Upload } from "antd";
import { DownloadOutlined, InboxOutlined } from "@ant-design/icons";
import { useState } from "react";
import { Link, useNavigate } from "react-router-dom";
import type { UploadOut } from "../api";
import { fetchFile, sendFile } from "../http";
import { count, moment, t, tc } from "../i18n";
import { useGroups } from "../lookups";
import { PageHead, Panel, StateChip, Trouble, useAct, When } from "../parts/basics";
import { KeyTable } from "../parts/table";
import { say } from "../i18n";

export default function Uploads() {
  const groups = useGroups();
  const go = useNavigate();
  const [kind, setKind] = useState("contact");
  const [mode, setMode] = useState<"all_or_nothing" | "skip_bad">("all_or_nothing");
  const [dry, setDry] = useState(false);
  const act = useAct();
  const kinds = [{ value: "clients", label: t("upload.clients") }, { value: "tenants", label: t("upload.tenants") }, ...groups.filter((each) => each.group !== "client_name").map((each) => ({ value: each.group, label: say(each.zh, each.en) }))];
  return (
    <>
      <PageHead title={t("menu.uploads")} sub={t("upload.sub")} />
      <Panel title={t("upload.new")}>
        <div className="filters">
          <label htmlFor="kind">{t("upload.kind")}</label>
          <Select id="kind" aria-label={t("upload.kind")} style={{ width: 240 }} value={kind} onChange={setKind} options={kinds} showSearch={{ optionFilterProp: "label" }} />
          <Button icon={<DownloadOutlined />} loading={act.busy} onClick={() => void act.run(() => fetchFile("download_template", { kind, format: "xlsx" }, `${kind}.xlsx`))}>{t("upload.template")} XLSX</Button>
          <Button icon={<DownloadOutlined />} loading={act.busy} onClick={() => void act.run(() => fetchFile("download_template", { kind, format: "csv" }, `${kind}.csv`))}>{t("upload.template")} CSV</Button>
        </div>
        <div className="filters">
          <Radio.Group aria-label={t("upload.mode")} value={mode} onChange={(event) => setMode(event.target.value as "all_or_nothing" | "skip_bad")} options={[{ value: "all_or_nothing", label: t("upload.all") }, { value: "skip_bad", label: t("upload.skip") }]} />
          <Checkbox checked={dry} onChange={(event) => setDry(event.target.checked)}>{t("upload.dry")}</Checkbox>
        </div>
        <Trouble failure={act.failure} />
        <Upload.Dragger accept=".csv,.xlsx,.xls,.txt" multiple={false} showUploadList={false} disabled={act.busy} beforeUpload={(file) => {
          void act.run(async () => { const made = await sendFile({ kind, mode, dry_run: String(dry) }, file); go(`/data/uploads/${made.upload_id}`); });
          return false;
        }}>
          <p style={{ fontSize: 30, margin: 0 }} aria-hidden="true"><InboxOutlined /></p>
          <p><b>{t("upload.drop")}</b></p>
          <p className="quiet">{t("upload.drop.hint")}</p>
        </Upload.Dragger>
      </Panel>
      <Panel title={t("upload.list")}>
        <KeyTable<UploadOut>
          verb="list_uploads" ask={{}} label={t("upload.list")} empty={t("upload.none")} rowKey={(row) => row.upload_id} fileName="uploads"
          columns={[
            { key: "file", title: t("upload.file"), render: (row) => <Link to={`/data/uploads/${row.upload_id}`}>{row.file_name}</Link>, text: (row) => row.file_name },
            { key: "kind", title: t("upload.kind"), render: (row) => kinds.find((each) => each.value === row.kind)?.label ?? row.kind, text: (row) => row.kind },
            { key: "state", title: t("common.state"), render: (row) => <StateChip state={row.state} />, text: (row) => tc("state", row.state) },
            { key: "total", title: t("upload.total"), align: "right", render: (row) => count(row.rows_total), text: (row) => String(row.rows_total) },
            { key: "new", title: t("upload.rowsNew"), align: "right", render: (row) => count(row.rows_new), text: (row) => String(row.rows_new) },
            { key: "changed", title: t("upload.rowsChanged"), align: "right", render: (row) => count(row.rows_changed), text: (row) => String(row.rows_changed) },
            { key: "bad", title: t("upload.rowsBad"), align: "right", render: (row) => row.rows_bad > 0 ? <b className="due-over">{count(row.rows_bad)}</b> : "0", text: (row) => String(row.rows_bad) },
            { key: "at", title: t("common.created"), render: (row) => <When at={row.created_at} />, text: (row) => moment(row.created_at) },
          ]}
        />
      </Panel>
    </>
  );
}
