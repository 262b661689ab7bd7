// Every call of the console goes through here: same origin, typed by the served interface, problems as one class.
import { ROUTES, type Verbs } from "./api";
import { language, t } from "./i18n";

export interface FieldProblem { field: string; code: string; message: string; row?: number }

/** What the gateway answered instead of what was asked for (RFC 9457), or that it could not be reached. */
export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
    readonly remedy: string = "",
    readonly errors: FieldProblem[] = [],
    readonly decisionId: string = "",
    readonly rule: string = "",
    readonly field: string = "",
  ) {
    super(detail);
  }
  /** Whether somebody else was first, so that the page has to be read again. */
  get conflict(): boolean { return this.status === 409; }
  /** A decision not to disclose, as opposed to a mistake. */
  get refusal(): boolean { return this.status === 403 && this.decisionId !== ""; }
}

let csrf = "";
let lost: () => void = () => undefined;

export function setCsrf(token: string): void { csrf = token; }
/** Called whenever an answer says that the session is over. */
export function onSessionLost(handler: () => void): void { lost = handler; }

type Ask = Record<string, unknown>;

async function send(method: string, url: string, body?: BodyInit, json = true): Promise<Response> {
  const headers: Record<string, string> = { "accept-language": language() };
  if (method !== "GET") headers["x-csrf-token"] = csrf;
  if (body !== undefined && json) headers["content-type"] = "application/json";
  let answer: Response;
  try {
    answer = await fetch(url, { method, headers, body, credentials: "same-origin", cache: "no-store" });
  } catch {
    throw new Failure(0, "offline", t("error.offline"), t("error.offline.remedy"));
  }
  if (answer.ok) return answer;
  let problem: Record<string, unknown> = {};
  try { problem = (await answer.json()) as Record<string, unknown>; } catch { /* not a problem document */ }
  const failure = new Failure(
    answer.status,
    String(problem.code ?? `http-${answer.status}`),
    String(problem.detail ?? problem.title ?? t("error.unknown", { status: answer.status })),
    String(problem.remedy ?? ""),
    (problem.errors as FieldProblem[] | undefined) ?? [],
    String(problem.decision_id ?? ""),
    String(problem.rule ?? ""),
    String(problem.field ?? ""),
  );
  if (answer.status === 401 && !url.startsWith("/v1/session") && !url.startsWith("/v1/password")) lost();
  throw failure;
}

function address(template: string, ask: Ask): { path: string; rest: Ask } {
  const rest = { ...ask };
  const path = template.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    const value = rest[name];
    delete rest[name];
    return encodeURIComponent(String(value));
  });
  return { path, rest };
}

function query(rest: Ask): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(rest)) {
    if (value === undefined || value === null || value === "") continue;
    if (Array.isArray(value)) for (const each of value) search.append(name, String(each));
    else search.set(name, String(value));
  }
  const text = search.toString();
  return text ? `?${text}` : "";
}

function prepare<V extends keyof Verbs>(verb: V, ask: Verbs[V]["ask"]): [string, string, string | undefined] {
  const [method, template] = ROUTES[verb];
  const { path, rest } = address(template, ask as Ask);
  if (method === "GET" || method === "DELETE") return [method, path + query(rest), undefined];
  return [method, path, JSON.stringify(rest)];
}

/** Ask a verb; throws `Failure`. */
export async function call<V extends keyof Verbs>(verb: V, ask: Verbs[V]["ask"]): Promise<Verbs[V]["answer"]> {
  const answer = await send(...prepare(verb, ask));
  return (await answer.json()) as Verbs[V]["answer"];
}

/** Ask a verb that answers a file, and hand the file to the person. */
export async function fetchFile<V extends keyof Verbs>(verb: V, ask: Verbs[V]["ask"], fallback: string): Promise<void> {
  const answer = await send(...prepare(verb, ask));
  const told = /filename="([^"]+)"/.exec(answer.headers.get("content-disposition") ?? "");
  keep(await answer.blob(), told?.[1] ?? fallback);
}

export async function sendFile(fields: Record<string, string>, file: File): Promise<Verbs["upload_file"]["answer"]> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set("file", file);
  const answer = await send("POST", "/v1/uploads", form, false);
  return (await answer.json()) as Verbs["upload_file"]["answer"];
}

/** Offer `blob` as a download under `name`. */
export function keep(blob: Blob, name: string): void {
  const link = document.createElement("a");
  const url = URL.createObjectURL(blob);
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

/** Every row of a paged list, up to `most`; for pickers and pictures, not for tables. */
export async function all<T>(verb: keyof Verbs, ask: Ask, most = 1000): Promise<T[]> {
  const rows: T[] = [];
  let after: string | undefined;
  do {
    const page = (await call(verb, { ...ask, after, limit: Math.min(most, 500) } as never)) as { items: T[]; next: string | null };
    rows.push(...page.items);
    after = page.next ?? undefined;
  } while (after && rows.length < most);
  return rows;
}
