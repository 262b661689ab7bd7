// Against published vectors: RFC 6962 trees, C2SP signed notes, the tessera test log; and the project's own fixtures.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { b64, bytes, canonical, hex, leafHash, openCheckpoint, parseCheckpoint, parseKey, parseNote, parseProof, parseTrust, rootFrom, signedBy, treeRoot, unhex, verifyReceipt } from "./verify";

const LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"].map(unhex);
const ROOTS = [
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef", "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
const PATH_0_OF_8 = ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7", "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e", "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"].map(unhex);

/** The path of leaf `m`, straight from the recursive definition (RFC 6962, 2.1.1). */
async function path(m: number, leaves: Uint8Array[]): Promise<Uint8Array[]> {
  if (leaves.length <= 1) return [];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return m < k ? [...(await path(m, leaves.slice(0, k))), await treeRoot(leaves.slice(k))] : [...(await path(m - k, leaves.slice(k))), await treeRoot(leaves.slice(0, k))];
}

describe("the tree", () => {
  it("has the roots of the certificate-transparency vectors", async () => {
    expect(hex(await treeRoot([]))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    for (let n = 1; n <= 8; n++) expect(hex(await treeRoot(LEAVES.slice(0, n)))).toBe(ROOTS[n - 1]);
  });
  it("accepts the published path, and none that is longer, shorter, turned or altered", async () => {
    const leaf = await leafHash(LEAVES[0] as Uint8Array);
    expect(hex(await rootFrom(leaf, 0, 8, PATH_0_OF_8))).toBe(ROOTS[7]);
    await expect(rootFrom(leaf, 0, 8, PATH_0_OF_8.slice(1))).rejects.toThrow();
    await expect(rootFrom(leaf, 0, 8, [...PATH_0_OF_8, leaf])).rejects.toThrow();
    await expect(rootFrom(leaf, 8, 8, PATH_0_OF_8)).rejects.toThrow();
    expect(hex(await rootFrom(leaf, 1, 8, PATH_0_OF_8))).not.toBe(ROOTS[7]);
    expect(hex(await rootFrom(leaf, 0, 8, [...PATH_0_OF_8].reverse()))).not.toBe(ROOTS[7]);
  });
  it("agrees with the recursive definition for every leaf of every tree up to 20", async () => {
    for (let size = 1; size <= 20; size++) {
      const leaves = Array.from({ length: size }, (_, n) => Uint8Array.of(n));
      const root = hex(await treeRoot(leaves));
      for (let m = 0; m < size; m++) expect(hex(await rootFrom(await leafHash(leaves[m] as Uint8Array), m, size, await path(m, leaves)))).toBe(root);
    }
  });
});

describe("signed notes", () => {
  it("verify with the example key of the specification, and with no other text", async () => {
    const key = await parseKey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
    const note = parseNote("This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n");
    const signature = note.signatures[0];
    expect(signature && (await signedBy(key, note.text, signature.payload))).toBe(true);
    expect(signature && (await signedBy(key, note.text.replace("example", "exemple"), signature.payload))).toBe(false);
  });
  it("open the tessera test log's checkpoint of 15 leaves, whose root its leaves have", async () => {
    const vkey = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx";
    const names = ["one", "two", "three", "four", "five", "six", "seven", "eit", "nain", "ten", "ileven", "twelf", "threeten", "fourten", "fivten"];
    const text = "example.com/log/testdata\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=\n";
    const line = "— example.com/log/testdata M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvjf1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=\n";
    const trust = await parseTrust(`log ${vkey}\nquorum none\n`);
    const opened = await openCheckpoint(`${text}\n${line}`, trust);
    expect(opened.size).toBe(15);
    expect(b64(opened.root)).toBe(b64(await treeRoot(names.map(bytes))));
    const witness = "witness.example.com/w1+a0059f11+BAOhB7/zzhC+HXDdGOdLwJln5NYwm6UNXx3chmQSVTG4";
    const cosignature = "— witness.example.com/w1 oAWfEQAAAABkGFDLo0vvaVMnQBetpNUCKKILroiWxoSAyyV9iB/cgczFo9ONQdSuKdatX9+k2ggtjAKaVSHrTWaVvipK5HiRqnepAA==\n";
    const strict = await parseTrust(`log ${vkey}\nwitness w1 ${witness}\ngroup all all w1\nquorum all\n`);
    expect((await openCheckpoint(`${text}\n${line}${cosignature}`, strict)).witnesses).toEqual(["w1"]);
    await expect(openCheckpoint(`${text}\n${line}`, strict)).rejects.toThrow("witnesses");
    await expect(openCheckpoint(`${text}\n${line}${cosignature}`, trust)).rejects.toThrow("trust file");
    await expect(openCheckpoint(`${text.replace("15", "16")}\n${line}`, trust)).rejects.toThrow("signature");
  });
  it("refuse keys whose id does not fit, and notes that could be read in two ways", async () => {
    await expect(parseKey("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k")).rejects.toThrow();
    for (const wrong of ["no signature\n", "a\n\n- dash hyphen=\n", "tab\there\n\n— a AAAAAAAA\n", "a\n\n— a b c\n"]) expect(() => parseNote(wrong)).toThrow();
    expect(() => parseCheckpoint("origin\n015\nAAAA\n")).toThrow();
    expect(() => parseProof("c2sp.org/tlog-proof@v1\nextra AAAA\nindex 1\n\nnote")).toThrow("extra");
  });
});

describe("canonical JSON", () => {
  it("sorts keys and keeps to strings, whole numbers and truth", () => {
    expect(canonical({ b: [1, true, "莞"], a: "\u0001" })).toBe('{"a":"\\u0001","b":[1,true,"莞"]}');
    for (const wrong of [null, 1.5, 2 ** 53, { 莞: 1 }, "\ud800"]) expect(() => canonical(wrong)).toThrow();
  });
});

describe("receipts", () => {
  const folder = join(import.meta.dirname, "../../../../../tests/ledger/fixtures");
  const policy = readFileSync(join(folder, "policy.txt"), "utf8");
  const good = readFileSync(join(folder, "good.json"), "utf8");
  it("verify when they are as the log gave them", async () => {
    const done = await verifyReceipt(good, await parseTrust(policy));
    expect(done.steps.filter((each) => !each.ok)).toEqual([]);
    expect(done.steps).toHaveLength(5);
    expect(done.verified?.entry.t).toMatch(/^[a-z]+:/);
  });
  it.each(readdirSync(folder).filter((name) => /^tampered-/.test(name)))("do not verify: %s", async (name) => {
    const done = await verifyReceipt(readFileSync(join(folder, name), "utf8"), await parseTrust(policy));
    expect(done.verified).toBeNull();
    expect(done.steps.at(-1)?.ok).toBe(false);
  });
  it("do not verify with any one character changed", async () => {
    const trust = await parseTrust(policy);
    for (let at = 0; at < good.length; at += 7) {
      const changed = good.slice(0, at) + (good[at] === "A" ? "B" : "A") + good.slice(at + 1);
      expect((await verifyReceipt(changed, trust)).verified, `at ${at}`).toBeNull();
    }
  });
});
