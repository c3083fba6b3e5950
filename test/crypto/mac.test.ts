import { beforeAll, describe, expect, test, vi } from "vitest";
import { lengthPrefixed, utf8 } from "../../src/crypto/bytes.ts";
import { type KeyRing, loadKeyRing } from "../../src/crypto/key-ring.ts";
import { type MacPurpose, mac, macEquals } from "../../src/crypto/mac.ts";
import { unwrap } from "../../src/errors.ts";
import { entry, ring } from "./rings.ts";

const PURPOSES: MacPurpose[] = ["cache", "state", "access-token", "user-code", "audit", "verifier", "setup"];
const K1 = entry("k1", 1);
const K2 = entry("k2", 60);

let keys: KeyRing;
beforeAll(async () => {
  keys = await ring(K2, K1);
});

describe("a MAC", () => {
  test("matches one made by another implementation", async () => {
    const own = unwrap(await loadKeyRing("k1:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="));
    // Node's hkdfSync and createHmac with the same master key.
    const expected = { kid: "k1", mac: "PUUO8YxyVKIMNkNotsoRjvL6ffbl_ZOj4pFq2-4mdNk" };
    expect(await mac(own, "cache", "data")).toEqual(expected);
    expect(await mac(own, "cache", utf8("data"))).toEqual(expected);
  });

  test("is 43 characters, stable, and made under the primary key unless told otherwise", async () => {
    const first = await mac(keys, "cache", "data");
    expect(first).toMatchObject({ kid: "k2", mac: expect.stringMatching(/^[\w-]{43}$/) });
    expect(await mac(keys, "cache", "data")).toEqual(first);
    expect((await mac(keys, "cache", "data", "k1"))?.mac).not.toBe(first?.mac);
  });

  test("made for one purpose means nothing for any other", async () => {
    const all = await Promise.all(PURPOSES.map(async (purpose) => (await mac(keys, purpose, "data"))?.mac));
    expect(new Set(all).size).toBe(PURPOSES.length);
  });

  test("C-02 a user who is called 'app' is not the app", async () => {
    const app = await mac(keys, "cache", lengthPrefixed("app"));
    const user = await mac(keys, "cache", lengthPrefixed("user", "app"));
    expect(app?.mac).not.toBe(user?.mac);
  });

  test("D-05 survives rotation by its stored key id, and is null once that key is gone", async () => {
    const stored = await mac(await ring(K1), "access-token", "data");
    expect(await mac(keys, "access-token", "data", stored?.kid)).toEqual(stored);
    expect(await mac(await ring(K2), "access-token", "data", stored?.kid)).toBeNull();
  });

  test("never comes from another ring's key under the same id", async () => {
    const other = await ring(entry("k2", 99));
    expect((await mac(other, "cache", "data"))?.mac).not.toBe((await mac(keys, "cache", "data"))?.mac);
  });

  test("D-01 is made with a key that is derived once, and cannot be read back", async () => {
    const derived = vi.spyOn(crypto.subtle, "deriveKey");
    try {
      const fresh = await ring(K2);
      for (let count = 0; count < 3; count++) await mac(fresh, "state", "data");
      expect(derived).toHaveBeenCalledTimes(1);
      expect(derived.mock.calls[0]?.[3]).toBe(false);
      await mac(fresh, "audit", "data");
      expect(derived).toHaveBeenCalledTimes(2);
    } finally {
      derived.mockRestore();
    }
  });

  test("is the same when many ask at once for a key that is not derived yet", async () => {
    const fresh = await ring(K2);
    const all = await Promise.all(Array.from({ length: 20 }, async () => (await mac(fresh, "state", "data"))?.mac));
    expect(new Set(all).size).toBe(1);
  });
});

test("macEquals tells equal from different, and from a prefix", () => {
  expect(macEquals("abc", "abc")).toBe(true);
  expect(macEquals("abc", "abd")).toBe(false);
  expect(macEquals("abc", "ab")).toBe(false);
  expect(macEquals("", "abc")).toBe(false);
});
