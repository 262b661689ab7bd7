import { describe, expect, it } from "vitest";
import type { GrantOut, ItemGrantOut, ItemOut, PreviewOut } from "./api";
import { flows } from "./flows";
import { csvCell } from "./parts/csv";
import { suggest } from "./suggest";

const item = (item_code: string, group: string, owner_unit: string, level = "L3"): ItemGrantOut => ({ item_code, name_zh: "", name_en: "", group, level, owner_unit, fields: ["name"] });
const grant = (id: string, items: ItemGrantOut[], use_count: number, grantee = "research"): GrantOut => ({ grant_id: id, items, use_count, grantee_unit: grantee, grantee_unit_zh: "", grantee_unit_en: "", grantors: ["ib", "wealth"] }) as unknown as GrantOut;

describe("the map of sharing", () => {
  it("counts a grant once for each owner, group and receiver, however many items it has", () => {
    const found = flows([grant("1", [item("A", "contact", "ib"), item("B", "contact", "ib"), item("C", "visit", "ib")], 3), grant("2", [item("A", "contact", "ib")], 2)]);
    expect(found.map((each) => [each.owner, each.group, each.grants, each.uses])).toEqual([["ib", "contact", 2, 5], ["ib", "visit", 1, 3]]);
  });
  it("names those who granted where the owner is whoever leads", () => {
    expect(flows([grant("1", [item("A", "contact", "lead")], 1)]).map((each) => each.owner)).toEqual(["ib", "wealth"]);
  });
});

describe("the suggestion", () => {
  const asked = { purpose: "client-referral", items: [item("A", "contact", "ib"), item("B", "contact", "ib", "L4")], row_cap: 500, term_days: 90, masked: false, uses: ["view", "export"], clients: 2, listedOnly: true };
  const preview = { max_term_days: 30, items: [{ item_code: "A", verdict: "compatible" }, { item_code: "B", verdict: "prohibited" }] } as unknown as PreviewOut;
  it("only ever narrows, by purpose, term, number of enterprises and level", () => {
    const made = suggest(asked, [] as ItemOut[], preview);
    expect(made.items.map((each) => each.item_code)).toEqual(["A"]);
    expect([made.term_days, made.row_cap, made.uses]).toEqual([30, 40, ["view"]]);
    expect(made.verdicts).toEqual({ A: "yes", B: "no" });
  });
  it("goes by the item's own purposes where the approver owns it", () => {
    const own = { max_term_days: 30, items: [{ item_code: "A", verdict: "no-request-needed" }] } as unknown as PreviewOut;
    const listed = (allowed_purposes: string[]) => [{ code: "A", allowed_purposes, fields: [] }] as unknown as ItemOut[];
    const of = (purposes: string[]) => suggest({ ...asked, items: [item("A", "contact", "ib")] }, listed(purposes), own).verdicts.A;
    expect([of([]), of(["client-referral"]), of(["statistics"])]).toEqual(["yes", "yes", "no"]);
  });
  it("leaves what nothing speaks against", () => {
    const made = suggest({ ...asked, items: [item("A", "contact", "ib")], row_cap: 10, term_days: 5, listedOnly: false }, [], preview);
    expect([made.term_days, made.row_cap, made.uses]).toEqual([5, 10, ["view", "export"]]);
  });
});

describe("exported cells", () => {
  it("are never formulas", () => {
    for (const each of ["=1+1", "+1", "-1", "@x", "\tx"]) expect(csvCell(each)).toBe(`"'${each}"`);
    expect(csvCell('a"b')).toBe('"a""b"');
  });
});
