// What an approver is offered as a starting point. It only ever narrows, and says by which rule; people decide.
import type { ItemGrantOut, ItemOut, PreviewOut } from "./api";

export interface Suggestion {
  items: { item_code: string; fields: string[] }[];
  verdicts: Record<string, "yes" | "review" | "no">;
  row_cap: number; term_days: number; masked: boolean; uses: string[];
}

interface Asked { purpose: string; items: ItemGrantOut[]; row_cap: number; term_days: number; masked: boolean; uses: string[]; clients: number; listedOnly: boolean }

/** Rows that one enterprise has in one field group at most, as a rule of thumb for a cap. */
const ROWS_A_CLIENT = 20;

/**
 * Items that the purpose prohibits go, terms keep to the longest allowed, the cap to what the listed enterprises can have,
 * and no file is given where the level bars it (L4 and up).
 */
export function suggest(asked: Asked, catalogue: ItemOut[], preview: PreviewOut | null): Suggestion {
  const verdicts: Suggestion["verdicts"] = {};
  for (const each of asked.items) {
    const told = preview?.items.find((one) => one.item_code === each.item_code)?.verdict;
    const listed = catalogue.find((one) => one.code === each.item_code)?.allowed_purposes;
    // An owner needs no request for its own item, so that verdict says nothing about the requester's purpose.
    if (told === "no-request-needed") { verdicts[each.item_code] = listed === undefined ? "review" : listed.length === 0 || listed.includes(asked.purpose) ? "yes" : "no"; continue; }
    verdicts[each.item_code] = told === "prohibited" || told === "not-shared" ? "no" : told === "compatible" ? "yes" : "review";
  }
  const items = asked.items.filter((each) => verdicts[each.item_code] !== "no").map((each) => {
    const item = catalogue.find((one) => one.code === each.item_code);
    return { item_code: each.item_code, fields: each.fields.length > 0 ? each.fields : (item?.fields.map((one) => one.name) ?? []) };
  });
  const strict = asked.items.some((each) => String(each.level) >= "L4");
  const most = asked.listedOnly && asked.clients > 0 ? asked.clients * ROWS_A_CLIENT * Math.max(1, new Set(asked.items.map((each) => each.group)).size) : asked.row_cap;
  return {
    items, verdicts, row_cap: Math.min(asked.row_cap, most), term_days: Math.min(asked.term_days, preview && preview.max_term_days > 0 ? preview.max_term_days : asked.term_days),
    masked: asked.masked, uses: strict ? asked.uses.filter((each) => each !== "export" && each !== "api") : asked.uses,
  };
}
