import { expect, test } from "vitest";
import { utf8 } from "../../src/crypto/bytes.ts";
import { kidOf, open, sealBytes, sealOverhead } from "../../src/crypto/envelope.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { openRecord, sealRecord } from "../../src/crypto/sealed-record.ts";
import { entry, ring } from "./rings.ts";

const keys = await ring(entry("k1", 1));
const place = { team: "team_1", table: "connectors", column: "secrets", rowId: "scl_1", generation: 1 };
const sealed = (text: string) => sealBytes(keys, place, utf8(text), randomBytes);

test("secrets come back by name, and are secrets", async () => {
  const record = { clientSecret: "s-1", "another one": "" };
  const opened = await openRecord(keys, place, await sealRecord({ keys, randomBytes }, place, record));
  if (!opened.ok) throw new Error(opened.failure.code);
  const shown = Object.entries(opened.value).map(([name, secret]) => [name, secret.expose()]);
  expect(Object.fromEntries(shown)).toEqual(record);
  expect(JSON.stringify(opened.value)).not.toContain("s-1");
});

test("D-03 secrets of another generation do not open, and the log is told where they lie", async () => {
  const envelope = await sealRecord({ keys, randomBytes }, place, { a: "b" });
  expect(await openRecord(keys, { ...place, generation: 2 }, envelope)).toEqual({
    ok: false,
    failure: { code: "decryption_failed", reason: "connectors.secrets of scl_1: authentication failed" },
  });
});

test("what is no record of texts is refused without a word of it", async () => {
  for (const text of ["not JSON", "[]", '"text"', '{"a":1}', '{"a":{"b":"c"}}', "null"]) {
    const envelope = (await sealed(text)).toBase64({ alphabet: "base64url", omitPadding: true });
    expect(await openRecord(keys, place, envelope)).toEqual({
      ok: false,
      failure: { code: "decryption_failed", reason: "secrets of scl_1 do not parse" },
    });
  }
});

test("bytes that are no text open as bytes only", async () => {
  const bytes = await sealBytes(keys, place, Uint8Array.of(0x61, 0xff), randomBytes);
  expect(await open(keys, place, bytes.toBase64({ alphabet: "base64url", omitPadding: true }))).toEqual({
    ok: false,
    failure: { code: "decryption_failed", reason: "connectors.secrets of scl_1: not text" },
  });
  expect(kidOf(bytes)).toBe("k1");
});

test("an envelope is longer than its content by as much as is said, whatever the key's id", async () => {
  for (const kid of ["k", "k1", "a-long-one".replaceAll("-", "")]) {
    const envelope = await sealBytes(await ring(entry(kid, 7)), place, new Uint8Array(100), randomBytes);
    expect(envelope.length - 100).toBe(sealOverhead(kid));
  }
});
