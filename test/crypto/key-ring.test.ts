import { describe, expect, test } from "vitest";
import { base64url } from "../../src/crypto/bytes.ts";
import { open, seal } from "../../src/crypto/envelope.ts";
import { generateMasterKey, loadKeyRing } from "../../src/crypto/key-ring.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { unwrap } from "../../src/errors.ts";
import { entry, ring } from "./rings.ts";

const K1 = entry("k1", 1);
const K2 = entry("k2", 60);
const [, material = ""] = K1.split(":");

describe("a ring", () => {
  test("keeps the order of its entries; the first is primary", async () => {
    const keys = await ring(K2, K1);
    expect(keys.primaryKid).toBe("k2");
    expect(keys.kids).toEqual(["k2", "k1"]);
    expect(keys.key("k1")).not.toBe(keys.key("k2"));
  });

  test("D-05 has no key for an id that it was not given", async () => {
    const keys = await ring(K1);
    expect(keys.key("k2")).toBeNull();
    expect(keys.key("")).toBeNull();
    expect(keys.key("__proto__")).toBeNull();
    expect(keys.key("constructor")).toBeNull();
  });

  test("D-01 never gives its key material away", async () => {
    const key = (await ring(K1)).key("k1");
    expect(key).toMatchObject({ extractable: false, type: "secret", algorithm: { name: "HKDF" } });
    if (key === null) throw new Error("k1 is missing");
    await expect(crypto.subtle.exportKey("raw", key)).rejects.toThrow();
  });

  test("reads the same key from every spelling that tools print", async () => {
    const bytes = Uint8Array.from({ length: 32 }, (_, index) => 0xff - index);
    const url = base64url(bytes);
    const standard = url.replaceAll("-", "+").replaceAll("_", "/");
    expect(standard).toMatch(/[+/]/);
    const place = { team: "t", table: "a", column: "b", rowId: "c", generation: 1 };
    const sealed = await seal(await ring(`k1:${url}`), place, Secret.of("text"), randomBytes);
    for (const text of [`k1:${url}=`, `k1:${standard}`, `k1:${standard}=`, ` k1:${url} \n`]) {
      const keys = unwrap(await loadKeyRing(text));
      expect(unwrap(await open(keys, place, sealed)).expose()).toBe("text");
    }
  });

  test("takes a key with zeros in it: only one that is nothing else was never random", async () => {
    const bytes = new Uint8Array(32);
    bytes[31] = 1;
    expect((await ring(`k1:${base64url(bytes)}`)).kids).toEqual(["k1"]);
  });
});

describe("D-05 a ring that cannot be trusted is refused at boot", () => {
  test.each([
    ["nothing", "", "is empty"],
    ["blanks", " \n", "is empty"],
    ["no key id", material, "entry 1 is not"],
    ["a third part", `${K1}:x`, "entry 1 is not"],
    ["a trailing comma", `${K1},`, "entry 2 is not"],
    ["an empty key id", `:${material}`, "key id of entry 1"],
    ["an upper-case key id", `K1:${material}`, "key id of entry 1"],
    ["a key id of 17 characters", `${"k".repeat(17)}:${material}`, "key id of entry 1"],
    ["key and key id swapped", `${material}:k1`, "key id of entry 1"],
    ["the same key id twice", `${K1},${entry("k1", 60)}`, "repeats the key id"],
    ["the same key twice", `${K1},k2:${material}`, "repeats the key of another entry"],
    ["31 bytes", `k1:${base64url(new Uint8Array(31).fill(7))}`, "exactly 32 bytes"],
    ["33 bytes", `k1:${base64url(new Uint8Array(33).fill(7))}`, "exactly 32 bytes"],
    ["non-canonical base64", `k1:${material.slice(0, -1)}B`, "exactly 32 bytes"],
    ["padding inside", `k1:${material.slice(0, 20)}=${material.slice(20)}`, "exactly 32 bytes"],
    ["all zeros", `k1:${base64url(new Uint8Array(32))}`, "all zeros"],
    ["a bad second entry", `${K1},k2:hunter2`, "entry 2"],
  ])("%s", async (_, text, problem) => {
    const result = await loadKeyRing(text);
    expect(result).toMatchObject({ ok: false, failure: { code: "key_missing", reason: "MASTER_KEYS is not usable" } });
    if (result.ok) return;
    expect(result.failure.message).toContain(problem);
    expect(result.failure.message).toMatch(/\.$/);
  });

  test("and where an entry is no entry, what it should look like is said", async () => {
    for (const text of ["", "k1"]) {
      const result = await loadKeyRing(text);
      const message = result.ok ? "" : result.failure.message;
      expect(message).toContain("'kid:<base64 of 32 random bytes>', comma-separated, the primary first.");
    }
  });

  test("C-13 and the refusal quotes nothing of what it was given", async () => {
    const canary = base64url(new Uint8Array(33).fill(99));
    for (const text of [
      canary,
      `${canary}:k1`,
      `k1:${canary}`,
      `k1:${canary}:x`,
      `${K1},${K1}`,
      `${K1},k2:${material}`,
    ]) {
      const shown = JSON.stringify(await loadKeyRing(text));
      expect(shown).toContain("key_missing");
      expect(shown).not.toContain(canary.slice(0, 8));
      expect(shown).not.toContain(material.slice(0, 8));
    }
  });
});

describe("a generated entry", () => {
  test("makes a ring, and is never the same twice", async () => {
    const [a, b] = [generateMasterKey("k9"), generateMasterKey("k9")];
    expect(a).not.toBe(b);
    expect((await ring(a)).primaryKid).toBe("k9");
  });

  test("is refused for a key id that no ring would read", () => {
    for (const kid of ["", "K1", "k,1", "k:1", "k".repeat(17)])
      expect(() => generateMasterKey(kid)).toThrow(new RangeError("a key id is 1 to 16 of a–z and 0–9"));
  });
});
