// Verifies a receipt in this browser alone: nothing here asks the gateway. Formats: docs/formats/{receipt,ledger-entry,checkpoint,merkle-log}.md.
// Strict on purpose: what two readers could take differently is refused.

export class Malformed extends Error {}
/** A check that failed: which, what was expected, what was found. */
export class Mismatch extends Error {
  constructor(readonly step: string, readonly expected: string, readonly found: string) { super(`${step}: ${expected} / ${found}`); }
}

const utf8 = new TextEncoder();
type Bytes = Uint8Array<ArrayBuffer>;

export function bytes(text: string): Bytes { return utf8.encode(text) as Bytes; }
export function hex(raw: Uint8Array): string { return [...raw].map((each) => each.toString(16).padStart(2, "0")).join(""); }
export function unhex(text: string): Bytes { return Uint8Array.from(text.match(/../g) ?? [], (each) => parseInt(each, 16)) as Bytes; }
export function b64(raw: Uint8Array): string { return btoa(String.fromCharCode(...raw)); }
export function unb64(text: string): Bytes {
  let raw: Bytes;
  try { raw = Uint8Array.from(atob(text), (c) => c.charCodeAt(0)) as Bytes; } catch { throw new Malformed("not base64"); }
  if (b64(raw) !== text) throw new Malformed("not the canonical base64 of its bytes");
  return raw;
}
function b64url(raw: Uint8Array): string { return b64(raw).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, ""); }

async function sha256(...parts: Uint8Array[]): Promise<Bytes> {
  const whole = new Uint8Array(parts.reduce((n, each) => n + each.length, 0));
  let at = 0;
  for (const each of parts) { whole.set(each, at); at += each.length; }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
}
function same(a: Uint8Array, b: Uint8Array): boolean { return a.length === b.length && a.every((each, n) => each === b[n]); }

// ---- the tree (RFC 6962, 2.1; RFC 9162, 2.1.3.2)

export async function leafHash(entry: Uint8Array): Promise<Bytes> { return sha256(Uint8Array.of(0), entry); }
async function nodeHash(left: Uint8Array, right: Uint8Array): Promise<Bytes> { return sha256(Uint8Array.of(1), left, right); }

/** The root that leaf `index` of a tree of `size` has under this path; `Malformed` when the path cannot be one. */
export async function rootFrom(leaf: Uint8Array, index: number, size: number, path: Uint8Array[]): Promise<Bytes> {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) throw new Malformed("index beyond the tree");
  if (leaf.length !== 32 || path.some((each) => each.length !== 32)) throw new Malformed("a hash has 32 bytes");
  let node = BigInt(index), last = BigInt(size) - 1n;
  let root = leaf as Bytes;
  for (const each of path) {
    if (last === 0n) throw new Malformed("the path is too long");
    if ((node & 1n) === 1n || node === last) {
      root = await nodeHash(each, root);
      while ((node & 1n) === 0n && node !== 0n) { node >>= 1n; last >>= 1n; }
    } else root = await nodeHash(root, each);
    node >>= 1n; last >>= 1n;
  }
  if (last !== 0n) throw new Malformed("the path is too short");
  return root;
}

/** The root of a whole list of leaves. */
export async function treeRoot(leaves: Uint8Array[]): Promise<Bytes> {
  if (leaves.length === 0) return sha256();
  const first = leaves[0] as Uint8Array;
  if (leaves.length === 1) return leafHash(first);
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(await treeRoot(leaves.slice(0, split)), await treeRoot(leaves.slice(split)));
}

// ---- signed notes (C2SP signed-note) and checkpoints

export interface Signature { name: string; keyId: Bytes; payload: Bytes }
export interface Note { text: string; signatures: Signature[] }

export function parseNote(note: string): Note {
  const cut = note.lastIndexOf("\n\n");
  if (cut < 0 || !note.endsWith("\n")) throw new Malformed("no signatures under the note");
  const text = note.slice(0, cut + 1);
  if (/[\u0000-\u0009\u000b-\u001f]/.test(text)) throw new Malformed("control character in the note");
  const lines = note.slice(cut + 2, -1).split("\n");
  const signatures = lines.map((line) => {
    const found = /^— ([^ +]+) ([A-Za-z0-9+/=]+)$/.exec(line);
    if (!found) throw new Malformed("not a signature line");
    const raw = unb64(found[2] as string);
    if (raw.length < 5) throw new Malformed("holds no signature");
    return { name: found[1] as string, keyId: raw.slice(0, 4), payload: raw.slice(4) };
  });
  return { text, signatures };
}

export interface Key { name: string; kind: number; publicKey: Bytes; keyId: Bytes }

/** A key in its text form; `Malformed` unless its id fits name and key. */
export async function parseKey(text: string): Promise<Key> {
  const found = /^([^+ ]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text);
  if (!found) throw new Malformed("a key needs a name, an id and a key");
  const raw = unb64(found[3] as string);
  const name = found[1] as string;
  const keyId = (await sha256(bytes(`${name}\n`), raw)).slice(0, 4);
  if (hex(keyId) !== found[2]) throw new Malformed("the id does not fit name and key");
  return { name, kind: raw[0] ?? 0, publicKey: raw.slice(1), keyId };
}

async function ed25519(key: Bytes, signature: Bytes, message: Bytes): Promise<boolean> {
  const imported = await crypto.subtle.importKey("raw", key, { name: "Ed25519" }, false, ["verify"]);
  return crypto.subtle.verify({ name: "Ed25519" }, imported, signature, message);
}

/** Whether this is the key's signature over the text: plain (kind 1), or a witness's with its time (kind 4). */
export async function signedBy(key: Key, text: string, payload: Bytes): Promise<boolean> {
  if (key.kind === 1) return ed25519(key.publicKey, payload, bytes(text));
  if (key.kind === 4 && payload.length === 72) {
    const seconds = new DataView(payload.buffer, payload.byteOffset, 8).getBigUint64(0);
    return ed25519(key.publicKey, payload.slice(8), bytes(`cosignature/v1\ntime ${seconds}\n${text}`));
  }
  return false;
}

export interface Checkpoint { origin: string; size: number; root: Bytes }

export function parseCheckpoint(text: string): Checkpoint {
  const [origin, size, root] = text.split("\n");
  if (!origin || !size || !/^(0|[1-9][0-9]{0,15})$/.test(size) || !root) throw new Malformed("not a checkpoint");
  const raw = unb64(root);
  if (raw.length !== 32) throw new Malformed("a root has 32 bytes");
  return { origin, size: Number(size), root: raw };
}

// ---- whom to trust (C2SP tlog-policy)

export interface Trust { logs: Key[]; witnesses: Map<string, Key>; groups: Map<string, { threshold: number; members: string[] }>; quorum: string }

export async function parseTrust(text: string): Promise<Trust> {
  const trust: Trust = { logs: [], witnesses: new Map(), groups: new Map(), quorum: "none" };
  for (const line of text.split("\n")) {
    const words = line.trim().split(/\s+/);
    if (!words[0] || words[0].startsWith("#")) continue;
    const [kind, a = "", b = "", ...rest] = words;
    if (kind === "log") trust.logs.push(await parseKey(a));
    else if (kind === "witness") trust.witnesses.set(a, await parseKey(b));
    else if (kind === "group") trust.groups.set(a, { threshold: b === "any" ? 1 : b === "all" ? rest.length : Number(b), members: rest });
    else if (kind === "quorum") trust.quorum = a;
    else throw new Malformed(`not a line of a trust file: ${kind}`);
  }
  if (trust.logs.length === 0) throw new Malformed("the trust file names no log");
  return trust;
}

function met(trust: Trust, seen: Set<string>, wanted: string): boolean {
  if (wanted === "none") return true;
  if (trust.witnesses.has(wanted)) return seen.has(wanted);
  const group = trust.groups.get(wanted);
  if (!group || !(group.threshold >= 1)) throw new Malformed(`the trust file has no ${wanted}`);
  return group.members.filter((each) => met(trust, seen, each)).length >= group.threshold;
}

/** A checkpoint signed by a log that `trust` names, and agreed to by its quorum; no signature is left unchecked. */
export async function openCheckpoint(note: string, trust: Trust): Promise<Checkpoint & { witnesses: string[] }> {
  const parsed = parseNote(note);
  const checkpoint = parseCheckpoint(parsed.text);
  const seen = new Set<string>();
  const done = new Set<string>();
  let signed = false;
  for (const signature of parsed.signatures) {
    const id = `${signature.name}+${hex(signature.keyId)}`;
    if (done.has(id)) throw new Mismatch("signatures", "each key once", id);
    done.add(id);
    const log = trust.logs.find((key) => key.name === signature.name && same(key.keyId, signature.keyId));
    const witness = [...trust.witnesses].find(([, key]) => key.name === signature.name && same(key.keyId, signature.keyId));
    const key = log ?? witness?.[1];
    if (!key) throw new Mismatch("signatures", "keys of the trust file", id);
    if (!(await signedBy(key, parsed.text, signature.payload))) throw new Mismatch(`signature of ${signature.name}`, "valid", "invalid");
    if (log && key.kind === 1 && log.name === checkpoint.origin) signed = true;
    if (witness) seen.add(witness[0]);
  }
  if (!signed) throw new Mismatch("signature of the log", checkpoint.origin, "none");
  if (!met(trust, seen, trust.quorum)) throw new Mismatch("witnesses", trust.quorum, [...seen].join(", ") || "none");
  return { ...checkpoint, witnesses: [...seen] };
}

// ---- receipts

type Json = string | number | boolean | Json[] | { [key: string]: Json };

/** The one byte form of a value: sorted ASCII keys, no blanks, whole numbers below 2^53, no null. */
export function canonical(value: unknown, depth = 0): string {
  if (depth > 16) throw new Malformed("nested too deeply");
  if (typeof value === "string") { if (!value.isWellFormed()) throw new Malformed("a lone surrogate"); return JSON.stringify(value); }
  if (typeof value === "boolean") return String(value);
  if (typeof value === "number") { if (!Number.isSafeInteger(value)) throw new Malformed("not a whole number below 2^53"); return String(value); }
  if (Array.isArray(value)) return `[${value.map((each) => canonical(each, depth + 1)).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = value as Record<string, unknown>;
    const keys = Object.keys(members).sort();
    // eslint-disable-next-line no-control-regex
    if (keys.some((key) => !/^[\x00-\x7f]*$/.test(key))) throw new Malformed("a key that is not ASCII");
    return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(members[key], depth + 1)}`).join(",")}}`;
  }
  throw new Malformed("no such value in canonical JSON");
}

function parseCanonical(text: string): Json {
  let value: Json;
  try { value = JSON.parse(text) as Json; } catch { throw new Malformed("not JSON"); }
  if (canonical(value) !== text) throw new Malformed("another spelling than the canonical one");
  return value;
}

export interface Entry { v: 1; t: string; id: string; at: number; c: Record<string, string>; tags: string[]; d?: unknown }
export interface Verified { entry: Entry; index: number; origin: string; size: number; root: string; fields: Record<string, string | number | boolean>; witnesses: string[] }
export type StepName = "receipt" | "entry" | "openings" | "checkpoint" | "inclusion";
export interface Step { name: StepName; ok: boolean; expected?: string; found?: string }

function parseEntry(text: string): Entry {
  const value = parseCanonical(text) as unknown as Entry;
  const known = ["v", "t", "id", "at", "c", "tags", "d"];
  if (typeof value !== "object" || Array.isArray(value) || Object.keys(value).some((key) => !known.includes(key)) || known.slice(0, 6).some((key) => !(key in value))) throw new Malformed("an entry has the members v, t, id, at, c, tags");
  if (value.v !== 1 || typeof value.t !== "string" || typeof value.at !== "number" || !Array.isArray(value.tags) || typeof value.c !== "object" || Array.isArray(value.c)) throw new Malformed("a member of the wrong type");
  if (!/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(value.id)) throw new Malformed("the id is no random UUID");
  if (bytes(text).length > 65_534) throw new Malformed("the entry is too long");
  return value;
}

interface Proof { index: number; path: Bytes[]; note: string }

export function parseProof(text: string): Proof {
  const cut = text.indexOf("\n\n");
  const lines = text.slice(0, cut).split("\n");
  if (cut < 0 || lines[0] !== "c2sp.org/tlog-proof@v1") throw new Malformed("not a tlog-proof");
  const index = /^index (0|[1-9][0-9]{0,15})$/.exec(lines[1] ?? "");
  if (!index || lines.length > 65) throw new Malformed(lines[1]?.startsWith("extra ") ? "extra data in the proof" : "no index in the proof");
  return { index: Number(index[1]), path: lines.slice(2).map(unb64), note: text.slice(cut + 2) };
}

/**
 * Every step in order, stopping at the first that fails. True when all five hold: a log that `trust` names recorded
 * this entry with these fields. Says nothing about a revocation since.
 */
export async function verifyReceipt(text: string, trust: Trust): Promise<{ steps: Step[]; verified: Verified | null }> {
  const steps: Step[] = [];
  let now: StepName = "receipt";
  const pass = (next: StepName) => { steps.push({ name: now, ok: true }); now = next; };
  try {
    const receipt = parseCanonical(text.trimEnd() === text ? text : text.replace(/\n$/, "")) as { entry: string; format: string; openings: Json[]; proof: string };
    if (typeof receipt !== "object" || Array.isArray(receipt) || Object.keys(receipt).sort().join() !== "entry,format,openings,proof") throw new Malformed("needs exactly the members entry, format, openings, proof");
    if (receipt.format !== "lianqiao-receipt@v1" || typeof receipt.entry !== "string" || typeof receipt.proof !== "string" || !Array.isArray(receipt.openings)) throw new Malformed("not of the format lianqiao-receipt@v1");
    const proof = parseProof(receipt.proof);
    pass("entry");
    const entry = parseEntry(receipt.entry);
    pass("openings");
    const fields: Verified["fields"] = {};
    for (const opening of receipt.openings) {
      if (!Array.isArray(opening) || opening.length !== 3 || typeof opening[0] !== "string" || typeof opening[1] !== "string" || typeof opening[2] === "object") throw new Malformed("an opening is [salt, name, value]");
      if (!/^[A-Za-z0-9_-]{22,}$/.test(opening[0])) throw new Malformed("a salt has at least 16 bytes");
      const name = opening[1];
      if (Object.hasOwn(fields, name)) throw new Malformed("a field opened twice");
      const digest = b64url(await sha256(bytes(canonical(opening))));
      if (!Object.hasOwn(entry.c, name) || entry.c[name] !== digest) throw new Mismatch(name, Object.hasOwn(entry.c, name) ? String(entry.c[name]) : "no such field", digest);
      fields[name] = opening[2] as string | number | boolean;
    }
    pass("checkpoint");
    const signed = await openCheckpoint(proof.note, trust);
    pass("inclusion");
    const root = await rootFrom(await leafHash(bytes(receipt.entry)), proof.index, signed.size, proof.path);
    if (!same(root, signed.root)) throw new Mismatch("root", b64(signed.root), b64(root));
    steps.push({ name: now, ok: true });
    return { steps, verified: { entry, index: proof.index, origin: signed.origin, size: signed.size, root: b64(signed.root), fields, witnesses: signed.witnesses } };
  } catch (error) {
    steps.push(error instanceof Mismatch ? { name: now, ok: false, expected: `${error.step}: ${error.expected}`, found: error.found } : { name: now, ok: false, found: error instanceof Error ? error.message : String(error) });
    return { steps, verified: null };
  }
}
