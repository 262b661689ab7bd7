// What changes rarely and is needed everywhere: purposes, groups, units, reasons; asked for once a sign-in.
import { useCallback, useEffect, useState } from "react";
import type { ClientCard, GroupOut, InstitutionOut, ItemOut, PersonOut, PurposeOut, RefusalReasonOut, UnitOut } from "./api";
import { all, call } from "./http";
import { say, useLanguage } from "./i18n";

const kept = new Map<string, Promise<unknown>>();

function once<T>(key: string, load: () => Promise<T>): Promise<T> {
  const found = kept.get(key);
  if (found) return found as Promise<T>;
  const made = load();
  kept.set(key, made);
  made.catch(() => kept.delete(key));
  return made;
}

export function forgetLookups(): void { kept.clear(); }

export const purposes = () => once("purposes", async () => (await call("list_purposes", {})).items);
export const groups = () => once("groups", async () => (await call("list_groups", {})).items);
export const reasons = () => once("reasons", async () => (await call("list_refusal_reasons", {})).items);
export const units = () => once("units", () => all<UnitOut>("list_units", {}));
export const institutions = () => once("institutions", () => all<InstitutionOut>("list_institutions", {}));
export const items = () => once("items", () => all<ItemOut>("search_catalogue", {}));
export const people = (unit_id: string) => once(`people:${unit_id}`, () => all<PersonOut>("list_people", { unit_id, state: "active" }));
export const everybody = () => once("people", () => all<PersonOut>("list_people", {}));
const card = (client_id: string) => once(`card:${client_id}`, async () => (await call("get_client", { client_id })).card);

function use<T>(load: () => Promise<T>, empty: T, key = ""): T {
  const [value, setValue] = useState<T>(empty);
  useEffect(() => {
    let mine = true;
    load().then((next) => mine && setValue(next), () => undefined);
    return () => { mine = false; };
    // eslint-disable-next-line
  }, [key]);
  return value;
}

export const usePurposes = () => use<PurposeOut[]>(purposes, []);
export const useGroups = () => use<GroupOut[]>(groups, []);
export const useReasons = () => use<RefusalReasonOut[]>(reasons, []);
export const useUnits = () => use<UnitOut[]>(units, []);
export const useInstitutions = () => use<InstitutionOut[]>(institutions, []);
export const useItems = () => use<ItemOut[]>(items, []);
export const useEverybody = () => use<PersonOut[]>(everybody, []);
export const useColleagues = (unit: string) => use<PersonOut[]>(() => (unit ? people(unit) : Promise.resolve([])), [], unit);
export const useCard = (id: string) => use<ClientCard | null>(() => (id ? card(id) : Promise.resolve(null)), null, id);

export function useUnitName(): (id: string) => string {
  const found = useUnits();
  const lang = useLanguage();
  // The same function until its words change, so that pictures made from it are not drawn anew at every turn.
  return useCallback((id) => { const unit = found.find((each) => each.unit_id === id); return unit ? say(unit.name_zh, unit.name_en) : id; }, [found, lang]); // eslint-disable-line
}

export function usePurposeName(): (code: string) => string {
  const found = usePurposes();
  useLanguage();
  return (code) => { const one = found.find((each) => each.code === code); return one ? say(one.zh, one.en) : code; };
}

export function useGroupName(): (code: string) => string {
  const found = useGroups();
  const lang = useLanguage();
  return useCallback((code) => { const one = found.find((each) => each.group === code); return one ? say(one.zh, one.en) : code; }, [found, lang]); // eslint-disable-line
}

/** Labels of fields, of one group when named. */
export function useFieldName(): (group: string, field: string) => string {
  const found = useItems();
  useLanguage();
  return (group, name) => {
    for (const item of found) if (!group || item.group === group) for (const each of item.fields) if (each.name === name) return say(each.zh, each.en);
    for (const item of found) for (const each of item.fields) if (each.name === name) return say(each.zh, each.en);
    return name;
  };
}
