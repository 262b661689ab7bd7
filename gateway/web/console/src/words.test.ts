import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { en } from "./words/en";
import { zh } from "./words/zh";

const here = import.meta.dirname;
const sources = readdirSync(here, { recursive: true, encoding: "utf8" }).filter((name) => /\.tsx?$/.test(name) && !name.includes("words") && !name.endsWith(".test.ts"));
const code = sources.map((name) => readFileSync(join(here, name), "utf8")).join("\n");

describe("the words", () => {
  it("are there in both languages, with the same places to fill in", () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(zh).sort());
    for (const [key, text] of Object.entries(zh)) {
      const other = (en as Record<string, string>)[key] ?? "";
      expect(text.trim() && other.trim(), key).toBeTruthy();
      expect([...other.matchAll(/\{\w+\}/g)].map(String).sort(), key).toEqual([...text.matchAll(/\{\w+\}/g)].map(String).sort());
      expect(other, key).not.toMatch(/[\u4e00-\u9fff]/);
    }
  });
  it("are asked for by keys that exist", () => {
    for (const [, key] of code.matchAll(/\bt\("([^"]+)"/g)) expect(zh, key).toHaveProperty([key as string]);
  });
  it("never stand in the pages themselves", () => {
    const stray = [...code.matchAll(/>[^<>{}\n]*[\u4e00-\u9fff]+[^<>{}\n]*</g)].map(String);
    expect(stray.filter((each) => !each.includes("中文"))).toEqual([]);
  });
});
