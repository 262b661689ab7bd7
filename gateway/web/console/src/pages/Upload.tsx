import { Button, Progress } from "antd";
import { DownloadOutlined } from "@ant-design/icons";
import { useEffect, useState } from "react";
import { Link, useParams } from "react-router-dom";
import { call, fetchFile } from "../http";
import { count, t, tc } from "../i18n";
import { Await, Facts, PageHead, Panel, StateChip, Trouble, useAct, useLoad, When } from "../parts/basics";
import { ReasonModal } from "../parts/picks";

export default function Upload() {
  const { id = "" } = useParams();
  const upload = useLoad(() => call("get_upload", { upload_id: id }), [id]);
  const [open, setOpen] = useState(false);
  const act = useAct();
  const running = upload.data?.state === "running";
  useEffect(() => {
    if (!running) return;
    const timer = setInterval(upload.reload, 1200);
    return () => clearInterval(timer);
  }, [running, upload.reload]);
  return (
    <Await of={upload}>{(data) => (
      <>
        <PageHead title={data.file_name} sub={<><StateChip state={data.state} /> {tc("upload.mode", data.mode)} {data.dry_run ? t("upload.dryShort") : ""}</>} extra={<>
          {data.rows_bad > 0 ? <Button icon={<DownloadOutlined />} loading={act.busy} onClick={() => void act.run(() => fetchFile("upload_errors", { upload_id: id }, "errors.csv"))}>{t("upload.errors")}</Button> : null}
          {data.state === "done" && !data.dry_run ? <Button danger onClick={() => setOpen(true)}>{t("upload.withdraw")}</Button> : null}
        </>} />
        <Trouble failure={act.failure} />
        <Panel>
          <Progress aria-label={t("upload.progress")} percent={data.rows_total ? Math.round((data.rows_done / data.rows_total) * 100) : running ? 0 : 100} status={data.state === "failed" || data.state === "refused" ? "exception" : running ? "active" : "normal"} />
          {data.problem ? <p className="due-over">{tc("upload.problem", data.problem)}</p> : null}
          {data.state === "refused" ? <p>{t("upload.refused")}</p> : null}
          <Facts rows={[
            [t("upload.total"), count(data.rows_total)], [t("upload.rowsNew"), count(data.rows_new)], [t("upload.rowsChanged"), count(data.rows_changed)], [t("upload.rowsSame"), count(data.rows_same)], [t("upload.rowsBad"), count(data.rows_bad)],
            [t("common.created"), <When at={data.created_at} />], [t("upload.finished"), <When at={data.finished_at} />],
          ]} />
        </Panel>
        <p><Link to="/data/uploads">{t("upload.list")}</Link></p>
        <ReasonModal open={open} title={t("upload.withdraw")} text={t("upload.withdraw.text")} onClose={() => setOpen(false)} onDo={async (reason) => { upload.put(await call("withdraw_upload", { upload_id: id, reason })); setOpen(false); }} />
      </>
    )}</Await>
  );
}
