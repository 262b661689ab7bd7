// Tables that the server pages by key: filters and the place stand in the address, so that a page can be shared.
import { DownloadOutlined, LeftOutlined, ReloadOutlined, RightOutlined } from "@ant-design/icons";
import { Button, Select, Space, Table } from "antd";
import type { ColumnsType } from "antd/es/table";
import { useEffect, useState, type ReactNode } from "react";
import type { Verbs } from "../api";
import { call, Failure, keep } from "../http";
import { t } from "../i18n";
import { csvCell } from "./csv";
import { asFailure, Nothing, Trouble } from "./basics";

export interface Column<T> { key: string; title: string; render: (row: T) => ReactNode; text?: (row: T) => string; width?: number; align?: "left" | "right" }

interface Props<T> {
  verb: keyof Verbs; ask: Record<string, unknown>; columns: Column<T>[]; rowKey: (row: T) => string; label: string; empty: string;
  emptyExtra?: ReactNode; turn?: number; onLoaded?: (page: { items: T[] }) => void; size?: number; fileName?: string; onRow?: (row: T) => void;
}

export function KeyTable<T extends object>(props: Props<T>) {
  const { verb, ask, columns, rowKey, label, empty, turn = 0, onLoaded } = props;
  const [size, setSize] = useState(props.size ?? 20);
  const [trail, setTrail] = useState<(string | undefined)[]>([undefined]);
  const [page, setPage] = useState<{ items: T[]; next: string | null } | null>(null);
  const [failure, setFailure] = useState<Failure | null>(null);
  const [loading, setLoading] = useState(true);
  const [again, setAgain] = useState(0);
  const asked = JSON.stringify(ask);

  useEffect(() => { setTrail([undefined]); }, [asked, size]);

  const after = trail[trail.length - 1];
  useEffect(() => {
    let mine = true;
    setLoading(true);
    call(verb, { ...(JSON.parse(asked) as object), after, limit: size } as never).then(
      (next) => {
        if (!mine) return;
        const got = next as unknown as { items: T[]; next: string | null };
        setPage(got); setFailure(null); setLoading(false); onLoaded?.(got);
      },
      (error: unknown) => { if (mine) { setFailure(asFailure(error)); setLoading(false); } },
    );
    return () => { mine = false; };
    // eslint-disable-next-line
  }, [verb, asked, after, size, turn, again]);

  const shown: ColumnsType<T> = columns.map((each) => ({
    key: each.key, title: each.title, width: each.width, align: each.align, render: (_: unknown, row: T) => each.render(row),
  }));
  const rows = page?.items ?? [];

  function exportPage() {
    const told = columns.filter((each) => each.text);
    const lines = [told.map((each) => csvCell(each.title)), ...rows.map((row) => told.map((each) => csvCell(each.text?.(row) ?? "")))];
    keep(new Blob(["\ufeff" + lines.map((line) => line.join(",")).join("\r\n") + "\r\n"], { type: "text/csv;charset=utf-8" }), `${props.fileName ?? verb}.csv`);
  }

  return (
    <div>
      <Trouble failure={failure} onRetry={() => setAgain((n) => n + 1)} />
      <div className="table-room" role="region" aria-label={label} tabIndex={0}>
        <Table<T>
          size="middle" rowKey={rowKey} columns={shown} dataSource={rows} pagination={false} aria-label={label}
          loading={loading ? { delay: 200 } : false}
          locale={{ emptyText: loading ? <span className="quiet">{t("common.loading")}</span> : <Nothing text={empty}>{props.emptyExtra}</Nothing> }}
        />
      </div>
      <nav className="pager no-print" aria-label={t("table.pages")}>
        <Space wrap>
          <Button size="small" icon={<ReloadOutlined />} onClick={() => setAgain((n) => n + 1)}>{t("act.refresh")}</Button>
          {columns.some((each) => each.text) && rows.length > 0 ? <Button size="small" icon={<DownloadOutlined />} onClick={exportPage}>{t("table.export")}</Button> : null}
        </Space>
        <Space wrap>
          <span className="quiet">{t("table.rows", { n: rows.length, page: trail.length })}</span>
          <Select size="small" aria-label={t("table.size")} value={size} onChange={setSize} options={[20, 50, 100].map((n) => ({ value: n, label: t("table.perPage", { n }) }))} />
          <Button size="small" icon={<LeftOutlined />} aria-label={t("table.previous")} disabled={trail.length < 2} onClick={() => setTrail((old) => old.slice(0, -1))} />
          <Button size="small" icon={<RightOutlined />} aria-label={t("table.next")} disabled={!page?.next} onClick={() => page?.next && setTrail((old) => [...old, page.next ?? undefined])} />
        </Space>
      </nav>
    </div>
  );
}
