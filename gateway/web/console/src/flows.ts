// The numbers behind the map of sharing.
import type { GrantOut } from "./api";

export interface Flow { owner: string; group: string; grantee: string; grantee_zh: string; grantee_en: string; grants: number; uses: number; first: string }

/** One row for each owner, field group and receiver: how many live grants, and how often these were used. */
export function flows(grants: GrantOut[]): Flow[] {
  const found = new Map<string, Flow>();
  for (const grant of grants) {
    const seen = new Set<string>();
    for (const item of grant.items) {
      const owners = item.owner_unit && item.owner_unit !== "lead" ? [item.owner_unit] : grant.grantors;
      for (const owner of owners) {
        const key = `${owner}|${item.group}|${grant.grantee_unit}`;
        if (seen.has(key)) continue;
        seen.add(key);
        const flow = found.get(key) ?? { owner, group: item.group, grantee: grant.grantee_unit, grantee_zh: grant.grantee_unit_zh, grantee_en: grant.grantee_unit_en, grants: 0, uses: 0, first: grant.grant_id };
        flow.grants += 1;
        flow.uses += grant.use_count;
        found.set(key, flow);
      }
    }
  }
  return [...found.values()].sort((a, b) => b.grants - a.grants);
}
