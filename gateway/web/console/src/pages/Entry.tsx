import { Button, Checkbox, Input, Select } from "antd";
import { useState } from "react";
import { Link, useSearchParams } from "react-router-dom";
import type { ItemOut, RecordState } from "../api";
import { call } from "../http";
import { say, t } from "../i18n";
import { useGroups, useItems } from "../lookups";
import { Chip, PageHead, Panel, Trouble, useAct } from "../parts/basics";
import { ClientName, ClientPick } from "../parts/picks";
import { useDraft } from "../session";
import { Row } from "./Apply";

/** Fields of a group: each once, from all its items. */
export function fieldsOfGroup(items: ItemOut[], group: string): ItemOut["fields"] {
  const found = new Map<string, ItemOut["fields"][number]>();
  for (const item of items) if (item.group === group) for (const each of item.fields) if (!found.has(each.name)) found.set(each.name, each);
  return [...found.values()];
}

export default function Entry() {
  const [search] = useSearchParams();
  const items = useItems();
  const groups = useGroups().filter((each) => each.group !== "client_name");
  const [draft, setDraft, clear] = useDraft("entry", { client: search.get("client") ?? "", group: "visit", values: {} as Record<string, string> });
  const client = search.get("client") ?? draft.client;
  const [again, setAgain] = useState(false);
  const [done, setDone] = useState<RecordState | null>(null);
  const act = useAct();
  const fields = fieldsOfGroup(items, draft.group);
  const wrong = (name: string) => act.failure?.errors.find((each) => each.field === name || each.field === `values.${name}`);
  return (
    <>
      <PageHead title={t("menu.entry")} sub={t("entry.sub")} />
      <Trouble failure={act.failure} />
      {done ? <Panel><div role="status"><Chip kind="good">{t("entry.done")}</Chip> <Link to={`/data/records/${done.record_id}?group=${done.field_group}&client=${done.client_id}`}>{t("entry.see")}</Link>{done.warnings.length > 0 ? <ul>{done.warnings.map((each) => <li key={each}>{each}</li>)}</ul> : null}</div></Panel> : null}
      <Panel>
        <form onSubmit={(event) => {
          event.preventDefault();
          void act.run(async () => {
            const values = Object.fromEntries(Object.entries(draft.values).filter(([name, value]) => value.trim() && fields.some((each) => each.name === name)));
            setDone(null);
            setDone(await call("enter_record", { client_id: client, field_group: draft.group, values, duplicate_ok: again }));
            clear(); setAgain(false);
          });
        }}>
          <div className="cols-2">
            <Row id="client" label={t("entry.client")}>{client ? <p className="chips"><span className="chip chip-brand"><ClientName id={client} /></span></p> : null}<ClientPick id="client" label={t("entry.client")} onPick={(card) => setDraft((old) => ({ ...old, client: card.client_id }))} /></Row>
            <Row id="group" label={t("entry.group")}><Select id="group" aria-label={t("entry.group")} style={{ width: "100%" }} showSearch={{ optionFilterProp: "label" }} value={draft.group} onChange={(group: string) => setDraft((old) => ({ ...old, group, values: {} }))} options={groups.map((each) => ({ value: each.group, label: say(each.zh, each.en) }))} /></Row>
          </div>
          <div className="cols-2">
            {fields.map((each) => (
              <Row key={each.name} id={`f-${each.name}`} label={say(each.zh, each.en)} wrong={wrong(each.name)}>
                {each.kind === "text"
                  ? <Input.TextArea id={`f-${each.name}`} rows={2} value={draft.values[each.name] ?? ""} onChange={(event) => setDraft((old) => ({ ...old, values: { ...old.values, [each.name]: event.target.value } }))} />
                  : <Input id={`f-${each.name}`} type={each.kind === "date" ? "date" : "text"} value={draft.values[each.name] ?? ""} onChange={(event) => setDraft((old) => ({ ...old, values: { ...old.values, [each.name]: event.target.value } }))} />}
              </Row>
            ))}
          </div>
          <p><Checkbox checked={again} onChange={(event) => setAgain(event.target.checked)}>{t("entry.again")}</Checkbox></p>
          <Button type="primary" htmlType="submit" loading={act.busy} disabled={!client}>{t("entry.save")}</Button> <span className="quiet">{t("entry.sealed")}</span>
        </form>
      </Panel>
    </>
  );
}
