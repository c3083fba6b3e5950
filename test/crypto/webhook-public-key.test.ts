import { describe, expect, test } from "vitest";
import { utf8 } from "../../src/crypto/bytes.ts";
import { importPublicKey, verifySignature } from "../../src/crypto/webhook-public-key.ts";

const fromHex = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));

async function keyPair(algorithm: { name: string; namedCurve?: string }) {
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new Error("not a pair");
  const exported = async (format: "raw" | "spki") => {
    const bytes = await crypto.subtle.exportKey(format, pair.publicKey);
    if (!(bytes instanceof ArrayBuffer)) throw new Error("not bytes");
    return new Uint8Array(bytes);
  };
  const parameters = algorithm.name === "ECDSA" ? { ...algorithm, hash: "SHA-256" } : algorithm;
  return {
    raw: await exported("raw"),
    spki: await exported("spki"),
    sign: async (data: string) => new Uint8Array(await crypto.subtle.sign(parameters, pair.privateKey, utf8(data))),
  };
}

const ed = await keyPair({ name: "Ed25519" });
const ec = await keyPair({ name: "ECDSA", namedCurve: "P-256" });

/** Whether the key takes its own signature, and neither that of other data nor a changed one. */
async function isTold(key: CryptoKey | null, sign: (data: string) => Promise<Uint8Array<ArrayBuffer>>) {
  if (key === null) return null;
  const signature = await sign("data");
  const changed = signature.slice();
  changed[10] = (changed[10] ?? 0) ^ 1;
  return [
    await verifySignature(key, signature, utf8("data")),
    await verifySignature(key, signature, utf8("date")),
    await verifySignature(key, changed, utf8("data")),
  ];
}

describe("a provider's public key", () => {
  test("of Ed25519 is the one of RFC 8032 §7.1, and takes its signature", async () => {
    const key = await importPublicKey(
      fromHex("3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"),
      "ed25519",
    );
    if (key === null) throw new Error("no key");
    const signature = fromHex(
      "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    );
    expect(await verifySignature(key, signature, Uint8Array.of(0x72))).toBe(true);
    expect(await verifySignature(key, signature, Uint8Array.of(0x73))).toBe(false);
  });

  test("tells its signatures from others, in each of its forms", async () => {
    expect(await isTold(await importPublicKey(ed.raw, "ed25519"), ed.sign)).toEqual([true, false, false]);
    expect(await isTold(await importPublicKey(ec.raw, "ecdsa-p256"), ec.sign)).toEqual([true, false, false]);
    expect(await isTold(await importPublicKey(ec.spki, "ecdsa-p256"), ec.sign)).toEqual([true, false, false]);
  });

  test("is taken as it is: the sign of x is looked away from, and stays", async () => {
    for (let found = 0; found < 3; ) {
      const { raw, sign } = await keyPair({ name: "Ed25519" });
      if ((raw[31] ?? 0) < 0x80) continue;
      found++;
      const before = raw.slice();
      expect(await isTold(await importPublicKey(raw, "ed25519"), sign)).toEqual([true, false, false]);
      expect(raw).toEqual(before);
    }
  });

  test("verifies, and can be neither read back nor used for anything else", async () => {
    for (const key of [await importPublicKey(ed.raw, "ed25519"), await importPublicKey(ec.spki, "ecdsa-p256")]) {
      expect([key?.extractable, key?.usages]).toEqual([false, ["verify"]]);
    }
  });

  test("of another kind or length is none", async () => {
    for (const bytes of [ec.raw, ec.spki, ed.spki, ed.raw.slice(1), new Uint8Array()]) {
      expect(await importPublicKey(bytes, "ed25519")).toBeNull();
    }
    for (const bytes of [ed.raw, ed.spki, ec.raw.slice(1), ec.spki.slice(1), new Uint8Array(65), new Uint8Array()]) {
      expect(await importPublicKey(bytes, "ecdsa-p256")).toBeNull();
    }
  });
});

/** Every encoding of the eight points of small order, y first, without the sign of x. */
const SMALL_ORDER = [
  `01${"00".repeat(31)}`,
  `00${"00".repeat(31)}`,
  `ec${"ff".repeat(30)}7f`,
  `ed${"ff".repeat(30)}7f`,
  `ee${"ff".repeat(30)}7f`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
];

describe("a point of small order, under which signatures fit any message, is no key", () => {
  test.each(SMALL_ORDER)("%s", async (text) => {
    const point = fromHex(text);
    expect(await importPublicKey(point, "ed25519")).toBeNull();
    point[31] = (point[31] ?? 0) | 0x80;
    expect(await importPublicKey(point, "ed25519")).toBeNull();
  });
});
