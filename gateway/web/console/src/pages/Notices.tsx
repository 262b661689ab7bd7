import { Button, Segmented } from "antd";
import { useState } from "react";
import { Link, useSearchParams } from "react-router-dom";
import type { NoticeOut } from "../api";
import { call } from "../http";
import { say, t } from "../i18n";
import { Chip, PageHead, Panel, Trouble, useAct, When } from "../parts/basics";
import { KeyTable } from "../parts/table";

const PLACES: Record<string, string> = { request: "/requests/", grant: "/grants/", item: "/catalogue/", upload: "/data/uploads/" };

export default function Notices() {
  const [search, setSearch] = useSearchParams();
  const unread = search.get("unread") === "1";
  const [turn, setTurn] = useState(0);
  const act = useAct();
  return (
    <>
      <PageHead title={t("menu.notices")} extra={<Button loading={act.busy} onClick={() => void act.run(async () => { await call("read_notice", { notice_id: "all" }); setTurn((n) => n + 1); })}>{t("notices.readAll")}</Button>} />
      <Panel>
        <Trouble failure={act.failure} />
        <div className="filters"><Segmented aria-label={t("common.view")} value={unread ? "unread" : "all"} onChange={(next) => setSearch(next === "unread" ? { unread: "1" } : {})} options={[{ value: "all", label: t("common.all") }, { value: "unread", label: t("notices.unread") }]} /></div>
        <KeyTable<NoticeOut>
          verb="list_notices" ask={{ unread: unread || undefined }} turn={turn} label={t("menu.notices")} empty={t("home.noNotices")} rowKey={(row) => row.notice_id}
          columns={[
            { key: "title", title: t("notices.what"), render: (row) => <>{row.read_at ? null : <><Chip kind="info">{t("notices.new")}</Chip> </>}<b>{PLACES[row.subject_kind] ? <Link to={`${PLACES[row.subject_kind]}${row.subject_id}`}>{say(row.title_zh, row.title_en)}</Link> : say(row.title_zh, row.title_en)}</b><br /><span className="quiet">{say(row.text_zh, row.text_en)}</span></>, text: (row) => say(row.title_zh, row.title_en) },
            { key: "at", title: t("common.created"), width: 170, render: (row) => <When at={row.created_at} />, text: (row) => row.created_at },
            { key: "act", title: t("common.acts"), width: 110, render: (row) => row.read_at ? null : <Button size="small" onClick={() => void act.run(async () => { await call("read_notice", { notice_id: row.notice_id }); setTurn((n) => n + 1); })}>{t("notices.read")}</Button> },
          ]}
        />
      </Panel>
    </>
  );
}
