import { LockOutlined, UnlockOutlined } from "@ant-design/icons";
import { useParams } from "react-router-dom";
import type { Holding } from "../api";
import { call } from "../http";
import { t, tc } from "../i18n";
import { useGroupName, useUnitName } from "../lookups";
import { Await, Chip, Facts, LevelChip, ModeChip, PageHead, Panel, useLoad, When, LinkButton } from "../parts/basics";
import { useSession } from "../session";

const MODES = ["mandatory_name_share", "catalogue_open", "approval_gated", "not_shared"];

export default function Client() {
  const { id = "" } = useParams();
  const { has, internal } = useSession();
  const view = useLoad(() => call("get_client", { client_id: id }), [id]);
  return (
    <Await of={view}>{({ card, holdings }) => (
      <>
        <PageHead
          title={card.name} sub={<span className="mono">{card.uscc}</span>}
          extra={<>
            {has("data_owner", "lead_rm", "ops", "partner_user") ? <LinkButton to={`/data/entry?client=${id}&name=${encodeURIComponent(card.name)}`}>{t("client.enter")}</LinkButton> : null}
            {has("compliance", "cco", "auditor") ? <LinkButton to={`/trail?client_id=${id}`}>{t("client.trail")}</LinkButton> : null}
            <LinkButton to={`/apply?client=${id}`} type="primary">{t("act.apply")}</LinkButton>
          </>}
        />
        <Panel title={t("client.card")}>
          <Facts rows={[
            [t("clients.lead"), card.lead_unit_name ?? card.lead_unit], ...(internal ? [[t("clients.rm"), card.lead_rm] as [string, string | null]] : []),
            [t("clients.recognition"), tc("recognition", card.recognition)], [t("client.protected"), card.protected_to ? `${card.protected_from ?? ""} – ${card.protected_to}` : t("client.unprotected")],
          ]} />
        </Panel>
        {MODES.map((mode) => {
          const found = holdings.filter((each) => each.mode === mode);
          return found.length === 0 ? null : (
            <Panel key={mode} title={<><ModeChip mode={mode} /> <span className="quiet" style={{ fontWeight: 400, fontSize: 13 }}>{t(`mode.${mode}.help` as "mode.not_shared.help")}</span></>}>
              <div className="holdings">{found.map((each, n) => <Compartment key={n} client={id} of={each} />)}</div>
            </Panel>
          );
        })}
        {holdings.length === 0 ? <Panel><p className="quiet">{t("client.nothing")}</p></Panel> : null}
      </>
    )}</Await>
  );
}

function Compartment({ client, of }: { client: string; of: Holding }) {
  const group = useGroupName();
  const unit = useUnitName();
  const owner = unit(of.owner_unit) === of.owner_unit ? of.owner_name : unit(of.owner_unit);
  const readable = of.access === "own" || of.access === "open" || of.access === "granted";
  const read = `/clients/${client}/read?group=${of.field_group}&owner=${of.owner_unit}${of.grant_id ? `&grant=${of.grant_id}` : ""}`;
  const apply = `/apply?client=${client}&group=${of.field_group}&items=${of.items.join(",")}`;
  return (
    <article className={`holding ${readable ? "" : "locked"}`} aria-label={group(of.field_group)}>
      <div>
        <h3>{readable ? <UnlockOutlined aria-hidden /> : <LockOutlined aria-hidden />} {group(of.field_group)} <LevelChip level={of.level} /></h3>
        <p style={{ margin: "5px 0 0" }}><span className="quiet">{t("client.owner")}</span> {owner} <span className="quiet">· {t("request.itemCount", { n: of.items.length })}</span></p>
        {of.not_after ? <p className="quiet" style={{ margin: 0 }}>{t("client.until")} <When at={of.not_after} /></p> : null}
        {of.access === "never" ? <p className="quiet" style={{ margin: 0 }}>{t("client.never")}</p> : null}
      </div>
      <div>
        {readable ? <LinkButton to={read} >{t("client.read")}</LinkButton> : null}
        {of.access === "apply" ? <LinkButton to={apply} type="primary">{t("act.apply")}</LinkButton> : null}
        {of.access === "never" ? <Chip kind="bad">{t("client.closed")}</Chip> : null}
      </div>
    </article>
  );
}
