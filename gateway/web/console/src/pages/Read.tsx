import { Button } from "antd";
import { useEffect, useState } from "react";
import { Link, useParams, useSearchParams } from "react-router-dom";
import type { GrantOut, RecordOut, RecordPage } from "../api";
import { call } from "../http";
import { count, language, moment, say, t } from "../i18n";
import { useFieldName, useGroupName, usePurposes } from "../lookups";
import { Facts, Id, Nothing, PageHead, Panel, Trouble, useAct, useLoad, When } from "../parts/basics";
import { Obligations, PurposePick } from "../parts/picks";
import { Watermark } from "../parts/watermark";
import { useSession } from "../session";

/** Reading states a purpose each time; what was read leaves the screen with the page, or when the grant ends. */
export default function Read() {
  const { id = "" } = useParams();
  const [search] = useSearchParams();
  const group = search.get("group") ?? "";
  const owner = search.get("owner") ?? "";
  const grantId = search.get("grant") ?? "";
  const { who } = useSession();
  const groupName = useGroupName();
  const view = useLoad(() => call("get_client", { client_id: id }), [id]);
  const [grant, setGrant] = useState<GrantOut | null>(null);
  const purposes = usePurposes();
  const [purpose, setPurpose] = useState("");
  const [pages, setPages] = useState<RecordPage[]>([]);
  const [at, setAt] = useState("");
  const act = useAct();

  useEffect(() => {
    if (!grantId) return;
    call("get_grant", { grant_id: grantId }).then((found) => { setGrant(found); setPurpose((old) => old || found.purpose); }, () => undefined);
  }, [grantId]);

  function read(after?: string) {
    void act.run(async () => {
      if (!after) setPages([]);
      const page = await call("query", { field_group: group, purpose, client_id: id, ...(owner ? { owner_unit: owner } : {}), ...(grantId ? { grant_id: grantId } : {}), limit: 20, ...(after ? { after } : {}) });
      setAt(new Date().toISOString());
      setPages((old) => (after ? [...old, page] : [page]));
      if (grantId) call("get_grant", { grant_id: grantId }).then(setGrant, () => undefined);
    }).then((ok) => { if (!ok) setPages([]); });
  }

  const last = pages[pages.length - 1];
  const records = pages.flatMap((each) => each.items);
  const withheld = pages[0]?.withheld ?? [];
  const apply = `/apply?client=${id}&group=${group}`;
  const left = grant?.use_limit ? grant.use_limit - grant.use_count : null;
  return (
    <>
      <PageHead title={`${view.data?.card.name ?? ""} · ${groupName(group)}`} sub={t("read.sub")} extra={<Link to={`/clients/${id}`}>{t("read.back")}</Link>} />
      <Panel>
        <form className="filters" onSubmit={(event) => { event.preventDefault(); read(); }}>
          <label htmlFor="purpose">{t("read.purpose")}</label>
          <div style={{ width: 300 }}><PurposePick id="purpose" value={purpose} onChange={setPurpose} /></div>
          <Button type="primary" htmlType="submit" disabled={!purpose} loading={act.busy}>{t("client.read")}</Button>
          {purposes.find((each) => each.code === purpose) ? <span className="quiet">{t("read.recorded")}</span> : null}
        </form>
        {grant ? (
          <Facts rows={[
            [t("grant.one"), <Id of={grant.grant_id} to={`/grants/${grant.grant_id}`} />], [t("grant.purpose"), say(grant.purpose_zh, grant.purpose_en)], [t("grant.until"), <When at={grant.not_after} />],
            [t("read.left"), left === null ? t("grant.unlimited") : t("read.leftOf", { n: count(left), of: count(grant.use_limit) })],
          ]} />
        ) : null}
      </Panel>
      <Trouble failure={act.failure} apply={apply} onRetry={() => read()} />
      {last ? (
        <Watermark lines={[`${who?.person.name ?? ""} ${who?.person.login ?? ""}`, moment(at)]}>
          <Panel title={t("read.records", { n: records.length })} extra={<span className="quiet mono">{t("read.id")} {last.read_id.slice(0, 8)}</span>}>
            <Obligations codes={last.obligations} />
            {records.length === 0 ? <Nothing text={t("read.none")} /> : <div style={{ marginTop: 12 }}>{records.map((each) => <OneRecord key={each.record_id} of={each} own={each.owner_unit === who?.person.unit_id} />)}</div>}
            {withheld.length > 0 ? (
              <div>
                <h3>{t("read.withheld")}</h3>
                <ul>{withheld.map((each, n) => <li key={n}><Fields group={group} names={each.fields} />: {say(each.how_zh, each.how_en) || each.reason} <Link to={apply}>{t("act.apply")}</Link></li>)}</ul>
              </div>
            ) : null}
            {last.next ? <Button loading={act.busy} onClick={() => read(last.next ?? undefined)}>{t("read.more")}</Button> : null}
          </Panel>
        </Watermark>
      ) : null}
    </>
  );
}

function Fields({ group, names }: { group: string; names: string[] }) {
  const label = useFieldName();
  return <>{names.map((each) => label(group, each)).join(language() === "zh" ? "、" : ", ")}</>;
}

function OneRecord({ of, own }: { of: RecordOut; own: boolean }) {
  const label = useFieldName();
  return (
    <article className="record" aria-label={of.record_id}>
      <div className="record-head"><Id of={of.record_id} to={own ? `/data/records/${of.record_id}?group=${of.field_group}&client=${of.client_id}` : undefined} /><span className="quiet">{t("read.generation", { n: of.generation })}{own ? <> · <Link to={`/data/records/${of.record_id}?group=${of.field_group}&client=${of.client_id}`}>{t("read.manage")}</Link></> : null}</span></div>
      <Facts rows={Object.entries(of.values).map(([name, value]) => [label(of.field_group, name), of.masked.includes(name) ? <span className="masked" title={t("read.masked")}>{text(value)}</span> : text(value)])} />
    </article>
  );
}

function text(value: unknown): string {
  if (value === null || value === undefined || value === "") return "–";
  return Array.isArray(value) ? value.join("、") : typeof value === "object" ? JSON.stringify(value) : String(value);
}
