import fc from "fast-check";
import { beforeAll, describe, expect, test, vi } from "vitest";
import { base64url, concat, fromBase64url, hex, utf8 } from "../../src/crypto/bytes.ts";
import { kidOf, open, type SealContext, seal } from "../../src/crypto/envelope.ts";
import { type KeyRing, loadKeyRing } from "../../src/crypto/key-ring.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { unwrap } from "../../src/errors.ts";
import { anyText } from "../support/text.ts";
import { entry, ring } from "./rings.ts";

const K1 = entry("k1", 1);
const K2 = entry("k2", 60);
const place: SealContext = { team: "team_1", table: "connectors", column: "secrets", rowId: "scl_1", generation: 3 };
const secret = Secret.of("client-secret-ü");

let keys: KeyRing;
let sealed: string;
let bytes: Uint8Array<ArrayBuffer>;
beforeAll(async () => {
  keys = await ring(K1);
  sealed = await seal(keys, place, secret, randomBytes);
  bytes = fromBase64url(sealed) ?? new Uint8Array();
});

async function outcome(ringOfKeys: KeyRing, context: SealContext, text: string): Promise<string> {
  const result = await open(ringOfKeys, context, text);
  return result.ok ? result.value.expose() : result.failure.code;
}

describe("an envelope", () => {
  test("matches one made by another implementation, byte for byte", async () => {
    // Node's hkdfSync and createCipheriv over the layout above, with the master key 01 02 … 20.
    const expected =
      "AQJrMaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlpaWlWlpaWlpaWlpaWlpaHf-qc-UzaGIpcNWBLFsedtWXwQM263jVyKgSUQMHKO-dFf92aHbBos3GAS3dWE-_";
    const fixed = (length: number) => new Uint8Array(length).fill(length === 32 ? 0xa5 : 0x5a);
    const own = unwrap(await loadKeyRing("k1:AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="));
    expect(await seal(own, place, secret, fixed)).toBe(expected);
    expect(await outcome(own, place, expected)).toBe("client-secret-ü");
  });

  test("gives back any text, and is 78 bytes longer than it and the key id", async () => {
    const texts = anyText({ maxLength: 300 });
    await fc.assert(
      fc.asyncProperty(texts, async (text) => {
        const envelope = await seal(keys, place, Secret.of(text), randomBytes);
        expect(await outcome(keys, place, envelope)).toBe(text);
        expect(fromBase64url(envelope)?.length).toBe(78 + 2 + utf8(text).length);
      }),
    );
    for (const text of ["", "\ufeffstarts with a byte order mark", "\0", "x".repeat(100_000)]) {
      expect(await outcome(keys, place, await seal(keys, place, Secret.of(text), randomBytes))).toBe(text);
    }
  });

  test("refuses to store what it could not give back exactly", async () => {
    const refusal = (message: string) => ({ name: "RangeError", message });
    await expect(seal(keys, place, Secret.of("\ud800"), randomBytes)).rejects.toMatchObject(
      refusal("the plaintext is not well-formed Unicode"),
    );
    await expect(seal(keys, { ...place, rowId: "\ud800" }, secret, randomBytes)).rejects.toMatchObject(
      refusal("text is not well-formed Unicode"),
    );
    await expect(seal(keys, { ...place, generation: 2 ** 53 }, secret, randomBytes)).rejects.toMatchObject(
      refusal("the generation is not an integer"),
    );
    const withoutPrimary = { ...keys, key: () => null };
    await expect(seal(withoutPrimary, place, secret, randomBytes)).rejects.toMatchObject(
      refusal("the ring lacks its own primary key"),
    );
  });

  test("D-01 holds nothing of its plaintext or its place", () => {
    const raw = String.fromCharCode(...bytes);
    for (const text of ["client-secret", "team_1", "connectors", "scl_1"]) expect(raw).not.toContain(text);
  });
});

describe("D-05 rotation", () => {
  test("a ring with a new primary reads what the old one wrote, and writes under the new key", async () => {
    const rotated = await ring(K2, K1);
    expect(await outcome(rotated, place, sealed)).toBe("client-secret-ü");
    expect(kidOf(await seal(rotated, place, secret, randomBytes))).toBe("k2");
  });

  test("a key that is only second in the ring reads, and nothing is written under it yet", async () => {
    const announced = await ring(K1, K2);
    const early = await seal(await ring(K2, K1), place, secret, randomBytes);
    expect(await outcome(announced, place, early)).toBe("client-secret-ü");
    expect(kidOf(await seal(announced, place, secret, randomBytes))).toBe("k1");
  });

  test("a ring without the key says key_missing and names the key id", async () => {
    const result = await open(await ring(K2), place, sealed);
    expect(result).toMatchObject({
      ok: false,
      failure: { code: "key_missing", reason: expect.stringContaining("k1") },
    });
  });

  test("another key under the same id opens nothing", async () => {
    expect(await outcome(await ring(entry("k1", 99)), place, sealed)).toBe("decryption_failed");
  });
});

describe("D-02 an envelope opens only in its own place", () => {
  test.each<[string, Partial<SealContext>]>([
    ["team", { team: "team_2" }],
    ["table", { table: "issuer_keys" }],
    ["column", { column: "config" }],
    ["row", { rowId: "scl_2" }],
    ["field boundary (team and table)", { team: "team_1c", table: "onnectors" }],
    ["field boundary (table and column)", { table: "connectorss", column: "ecrets" }],
    ["field boundary (column and row)", { column: "secretss", rowId: "cl_1" }],
    ["field boundary (row and generation)", { rowId: "scl_13", generation: 3 }],
    ["unencodable row", { rowId: "\ud800" }],
  ])("not for another %s", async (_, change) => {
    expect(await outcome(keys, { ...place, ...change }, sealed)).toBe("decryption_failed");
  });

  test("two rows that swap their envelopes both fail", async () => {
    const other = { ...place, rowId: "scl_2" };
    const otherSealed = await seal(keys, other, Secret.of("theirs"), randomBytes);
    expect(await outcome(keys, place, otherSealed)).toBe("decryption_failed");
    expect(await outcome(keys, other, sealed)).toBe("decryption_failed");
  });

  test("D-03 not for an earlier or later generation of the same row", async () => {
    for (const generation of [2, 4, 0, -3, 33, Number.NaN]) {
      expect(await outcome(keys, { ...place, generation }, sealed)).toBe("decryption_failed");
    }
  });

  test("not when it is relabelled to another key of the ring", async () => {
    const relabelled = bytes.slice();
    relabelled.set(utf8("k2"), 2);
    expect(await outcome(await ring(K1, K2), place, base64url(relabelled))).toBe("decryption_failed");
  });
});

describe("D-02 an altered envelope is refused", () => {
  test("whichever single bit is flipped", async () => {
    const opened: number[] = [];
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const altered = bytes.slice();
      altered[bit >> 3] = (altered[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const code = await outcome(keys, place, base64url(altered));
      // Only the key id and its length may turn into the id of a key that the ring lacks: a longer id takes in bytes
      // of the random salt, some of which are letters.
      const inKid = bit >> 3 >= 1 && bit >> 3 <= 3;
      if (code !== "decryption_failed" && !(inKid && code === "key_missing")) opened.push(bit);
    }
    expect(opened).toEqual([]);
  });

  test("wherever it is cut, and if anything follows it", async () => {
    const codes = new Set<string>();
    for (let length = 0; length < bytes.length; length++) {
      codes.add(await outcome(keys, place, base64url(bytes.subarray(0, length))));
    }
    for (let length = 0; length < sealed.length; length++)
      codes.add(await outcome(keys, place, sealed.slice(0, length)));
    codes.add(await outcome(keys, place, base64url(concat(bytes, Uint8Array.of(0)))));
    codes.add(await outcome(keys, place, `${sealed}=`));
    codes.add(await outcome(keys, place, ` ${sealed}`));
    expect([...codes]).toEqual(["decryption_failed"]);
  });

  test("when the commitment is another key's, even if everything else is right", async () => {
    const other = fromBase64url(await seal(keys, place, secret, randomBytes)) ?? new Uint8Array();
    const altered = bytes.slice();
    altered.set(other.slice(48, 64), 48);
    const result = await open(keys, place, base64url(altered));
    expect(result).toMatchObject({
      failure: { code: "decryption_failed", reason: expect.stringContaining("commitment") },
    });
  });

  test("and garbage never throws", async () => {
    const garbage = fc.oneof(
      anyText(),
      fc.uint8Array({ maxLength: 200 }).map(base64url),
      fc.uint8Array({ maxLength: 200 }).map((tail) => base64url(concat(Uint8Array.of(1, 2), utf8("k1"), tail))),
    );
    await fc.assert(
      fc.asyncProperty(garbage, async (text) => {
        expect(["decryption_failed", "key_missing"]).toContain(await outcome(keys, place, text));
      }),
      { numRuns: 300 },
    );
  });

  test("and the log is told where it lies and what is wrong with it", async () => {
    const reasonOf = async (ring: KeyRing, text: string) => {
      const result = await open(ring, place, text);
      return result.ok ? "opened" : result.failure.reason;
    };
    const at = `${place.table}.${place.column} of ${place.rowId}`;
    const cut = base64url(concat(bytes.slice(0, -1), Uint8Array.of((bytes.at(-1) ?? 0) ^ 1)));
    expect(await reasonOf(keys, "no envelope")).toBe(`${at}: not an envelope`);
    expect(await reasonOf(keys, cut)).toBe(`${at}: authentication failed`);
    expect(await reasonOf(await ring(K2), sealed)).toBe(`${at}: needs master key k1`);
    expect(await reasonOf(await ring(entry("k1", 99)), sealed)).toBe(`${at}: key commitment differs`);
  });

  test("C-13 and the failure shows neither plaintext nor envelope", async () => {
    const shown = JSON.stringify(await open(keys, { ...place, generation: 4 }, sealed));
    expect(shown).not.toContain("client-secret");
    expect(shown).not.toContain(sealed.slice(20, 40));
  });
});

test("D-01 no key is made that could be read back", async () => {
  const imported = vi.spyOn(crypto.subtle, "importKey");
  try {
    await outcome(keys, place, await seal(keys, place, secret, randomBytes));
    const extractable = imported.mock.calls.map(([, , , extractable]) => extractable);
    expect(extractable).toEqual([false, false]);
  } finally {
    imported.mockRestore();
  }
});

test("D-04 2,000 envelopes of one text share no salt and no iv", async () => {
  const salts = new Set<string>();
  const ivs = new Set<string>();
  for (let count = 0; count < 2000; count++) {
    const envelope = fromBase64url(await seal(keys, place, secret, randomBytes)) ?? new Uint8Array();
    salts.add(hex(envelope.slice(4, 36)));
    ivs.add(hex(envelope.slice(36, 48)));
  }
  expect([salts.size, ivs.size]).toEqual([2000, 2000]);
});

test("what has a key id that no ring gives is no envelope, whoever made it", () => {
  const withKid = (kid: string) => {
    const parts = [bytes.slice(0, 1), Uint8Array.of(kid.length), utf8(kid), bytes.slice(4)];
    return base64url(concat(...parts));
  };
  expect(kidOf(withKid("k1"))).toBe("k1");
  expect(kidOf(withKid("k".repeat(16)))).toBe("k".repeat(16));
  for (const kid of ["", "K1", "k1\n", " k1", "k_1", "k".repeat(17)]) expect(kidOf(withKid(kid))).toBeNull();
});

test("kidOf reads the key id of an envelope and of nothing else", () => {
  expect(kidOf(sealed)).toBe("k1");
  for (const text of ["", "AQ", "k1", base64url(bytes.subarray(0, 79)), base64url(utf8("k1".repeat(60)))]) {
    expect(kidOf(text)).toBeNull();
  }
});

test("D-02 no alteration of any envelope opens, and none opens in any other place", async () => {
  const text = fc.string({ unit: "grapheme", maxLength: 40 }).filter((candidate) => candidate.isWellFormed());
  const name = fc.constantFrom("a", "b", "ab", "", "a/b");
  const context = fc.record({ team: name, table: name, column: name, rowId: name, generation: fc.nat(3) });
  const alteration = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(text, context, context, alteration, async (plain, here, there, changes) => {
      const envelope = await seal(keys, here, Secret.of(plain), randomBytes);
      const same = JSON.stringify(here) === JSON.stringify(there);
      expect(await outcome(keys, there, envelope)).toBe(same ? plain : "decryption_failed");
      const altered = fromBase64url(envelope) ?? new Uint8Array();
      for (const [at, change] of changes) {
        const index = at % altered.length;
        altered[index] = (altered[index] ?? 0) ^ change;
      }
      // Two changes of one byte may undo each other.
      if (base64url(altered) === envelope) return;
      expect(["decryption_failed", "key_missing"]).toContain(await outcome(keys, here, base64url(altered)));
    }),
    { numRuns: 300 },
  );
});
