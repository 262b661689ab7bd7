// Choices that several pages share.
import { Input, Modal, Select } from "antd";
import { useState, type ReactNode } from "react";
import { Link } from "react-router-dom";
import type { ClientCard } from "../api";
import { call } from "../http";
import { say, t, tc } from "../i18n";
import { useCard, usePurposes } from "../lookups";
import { Trouble, useAct } from "./basics";

export function PurposePick({ value, onChange, id, all = false }: { value: string; onChange: (next: string) => void; id?: string; all?: boolean }) {
  const found = usePurposes().filter((each) => all || each.usable);
  return (
    <Select
      id={id} style={{ width: "100%", minWidth: 220 }} showSearch={{ optionFilterProp: "label" }} allowClear={all} aria-label={t("read.purpose")} placeholder={t("read.purpose.choose")} value={value || undefined} onChange={(next: string | undefined) => onChange(next ?? "")}
      options={found.map((each) => ({ value: each.code, label: say(each.zh, each.en) }))}
    />
  );
}

/** A client found by name, initials or code. */
export function ClientPick({ onPick, id, label }: { onPick: (card: ClientCard) => void; id?: string; label: string }) {
  const [found, setFound] = useState<ClientCard[]>([]);
  const [text, setText] = useState("");
  async function search(q: string) {
    setText(q);
    if (q.trim().length < 2) { setFound([]); return; }
    try { setFound((await call("search_clients", { q: q.trim(), limit: 10 })).items); } catch { setFound([]); }
  }
  return (
    <Select
      id={id} aria-label={label} placeholder={t("clients.placeholder")} style={{ width: "100%", minWidth: 240 }} value={null}
      showSearch={{ searchValue: text, onSearch: (q: string) => void search(q), filterOption: false }}
      notFoundContent={text.trim().length < 2 ? t("clients.typeMore") : t("clients.none")}
      onSelect={(uscc: string | null) => { const one = found.find((each) => each.client_id === uscc); if (one) onPick(one); setText(""); }}
      options={found.map((each) => ({ value: each.client_id, label: `${each.name} · ${each.uscc}` }))}
    />
  );
}

export function ClientName({ id }: { id: string }) {
  const card = useCard(id);
  return <Link to={`/clients/${id}`} title={id}>{card?.name ?? id.slice(0, 8)}</Link>;
}

/** Asks for a reason and does the act; what was typed stays when the act fails. */
export function ReasonModal({ open, title, text, label, min = 4, danger = true, ok, onClose, onDo, children }: {
  open: boolean; title: string; text?: ReactNode; label?: string; min?: number; danger?: boolean; ok?: string; onClose: () => void; onDo: (reason: string) => Promise<void>; children?: ReactNode;
}) {
  const [reason, setReason] = useState("");
  const act = useAct();
  return (
    <Modal
      open={open} title={title} okText={ok ?? t("act.confirm")} cancelText={t("act.cancel")} onCancel={onClose} destroyOnHidden={false}
      okButtonProps={{ danger, loading: act.busy, disabled: reason.trim().length < min }}
      onOk={() => void act.run(async () => { await onDo(reason.trim()); setReason(""); })}
    >
      {text ? <p>{text}</p> : null}
      {children}
      <div className="field">
        <label htmlFor="why">{label ?? t("common.reason")}{min > 0 ? ` (${t("common.atLeast", { n: min })})` : ""}</label>
        <Input.TextArea id="why" rows={3} maxLength={500} showCount value={reason} onChange={(event) => setReason(event.target.value)} autoFocus />
      </div>
      <Trouble failure={act.failure} />
    </Modal>
  );
}

export function Obligations({ codes }: { codes: string[] }) {
  if (codes.length === 0) return null;
  return <div className="chips">{codes.map((each) => <span key={each} className="chip chip-info">{tc("duty", each.split(":")[0] ?? each)}{each.includes(":") ? ` ${each.split(":").slice(1).join(":")}` : ""}</span>)}</div>;
}
