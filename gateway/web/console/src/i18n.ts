// Two dictionaries with the same keys; the compiler refuses a missing one. Chinese first.
import { useSyncExternalStore } from "react";
import { en } from "./words/en";
import { zh } from "./words/zh";

export type Word = keyof typeof zh;
export type Language = "zh" | "en";

const KEY = "lianqiao.language";
const listeners = new Set<() => void>();
let current: Language = start();

function start(): Language {
  if (typeof localStorage === "undefined") return "zh";
  const kept = localStorage.getItem(KEY);
  return kept === "en" || kept === "zh" ? kept : "zh";
}

export function language(): Language { return current; }

export function setLanguage(next: Language): void {
  current = next;
  localStorage.setItem(KEY, next);
  for (const each of listeners) each();
}

export function useLanguage(): Language {
  return useSyncExternalStore((notify) => { listeners.add(notify); return () => listeners.delete(notify); }, language);
}

/** The words for `key`, with `{name}` replaced from `values`. */
export function t(key: Word, values: Record<string, string | number> = {}): string {
  const text = (current === "zh" ? zh : en)[key];
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in values ? String(values[name]) : whole));
}

/** The words for a code of a family (`state.` + code); the code itself when it is not one that we know. */
export function tc(family: string, code: string | null | undefined): string {
  if (!code) return "";
  const key = `${family}.${code}`;
  return key in zh ? t(key as Word) : code;
}

/** Whichever of two given texts fits the language; the other one when it is empty. */
export function say(chinese: string | null | undefined, english: string | null | undefined): string {
  return (current === "zh" ? chinese || english : english || chinese) ?? "";
}

const ZONE = "Asia/Shanghai";

/** A moment as people in China read it, to the minute. */
export function moment(value: string | null | undefined): string {
  if (!value) return "–";
  return new Intl.DateTimeFormat(current === "zh" ? "zh-CN" : "en-GB", {
    timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false,
  }).format(new Date(value));
}

export function day(value: string | null | undefined): string {
  if (!value) return "–";
  return new Intl.DateTimeFormat(current === "zh" ? "zh-CN" : "en-GB", {
    timeZone: ZONE, year: "numeric", month: "2-digit", day: "2-digit",
  }).format(new Date(value));
}

/** How far off a moment is, in words. */
export function distance(value: string, now = Date.now()): string {
  const minutes = (new Date(value).getTime() - now) / 60_000;
  const form = new Intl.RelativeTimeFormat(current === "zh" ? "zh-CN" : "en", { numeric: "auto" });
  if (Math.abs(minutes) < 60) return form.format(Math.round(minutes), "minute");
  if (Math.abs(minutes) < 36 * 60) return form.format(Math.round(minutes / 60), "hour");
  return form.format(Math.round(minutes / 1440), "day");
}

export function count(value: number | null | undefined): string {
  return value === null || value === undefined ? "–" : new Intl.NumberFormat(current === "zh" ? "zh-CN" : "en").format(value);
}
