import { describe, expect, test } from "vitest";
import { hex, utf8 } from "../../src/crypto/bytes.ts";
import { startDigest } from "../../src/crypto/digest.ts";
import { anyEquals, hmac, hmacKey, type MacHash, startHmac } from "../../src/crypto/hmac.ts";

const HASHES: MacHash[] = ["SHA-1", "SHA-256", "SHA-512"];

/** RFC 2202 §3 and RFC 4231 §4.3, §4.7: a short key, and one longer than a block. */
const PUBLISHED: [hash: MacHash, key: Uint8Array<ArrayBuffer>, text: string, mac: string][] = [
  ["SHA-1", utf8("Jefe"), "what do ya want for nothing?", "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79"],
  [
    "SHA-256",
    utf8("Jefe"),
    "what do ya want for nothing?",
    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
  ],
  [
    "SHA-256",
    new Uint8Array(131).fill(0xaa),
    "Test Using Larger Than Block-Size Key - Hash Key First",
    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
  ],
];

/** In pieces of so many bytes. */
async function running(key: Uint8Array<ArrayBuffer>, hash: MacHash, data: Uint8Array, pieceBytes: number) {
  const mac = await startHmac(key, hash);
  for (let start = 0; start < data.length; start += pieceBytes) {
    await mac.write(data.subarray(start, start + pieceBytes));
  }
  return hex(await mac.finish());
}

describe("an HMAC", () => {
  test.each(PUBLISHED)("with %s is the published one, at once and in pieces", async (hash, key, text, mac) => {
    const data = utf8(text);
    expect(hex(await hmac(await hmacKey(key, hash), [data.subarray(0, 5), data.subarray(5)]))).toBe(mac);
    expect(await running(key, hash, data, 7)).toBe(mac);
  });

  test.each(HASHES)("in pieces with %s is the platform's, however long the key beside a block", async (hash) => {
    const data = utf8("a body that comes in pieces");
    for (const length of [1, 63, 64, 65, 127, 128, 129, 300]) {
      const key = Uint8Array.from({ length }, (_, index) => index + 1);
      const whole = hex(await hmac(await hmacKey(key, hash), [data]));
      expect([length, await running(key, hash, data, 5)]).toEqual([length, whole]);
    }
  });

  test("has a key that signs, and cannot be read back", async () => {
    const key = await hmacKey(utf8("secret"), "SHA-256");
    expect([key.extractable, key.usages]).toEqual([false, ["sign"]]);
  });
});

test.each([
  ["SHA-1", "a9993e364706816aba3e25717850c26c9cd0d89d"],
  ["SHA-256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"],
] as const)("%s of 'abc' in pieces is the published one (FIPS 180-4)", async (hash, digest) => {
  const running = startDigest(hash);
  for (const piece of ["a", "", "bc"]) await running.write(utf8(piece));
  expect(hex(await running.finish())).toBe(digest);
});

test("one candidate of many is enough, whichever it is, and none is not", () => {
  const mac = utf8("the mac");
  const other = utf8("another");
  expect(anyEquals(mac, [other, other, utf8("the mac")])).toBe(true);
  expect(anyEquals(mac, [utf8("the mac"), other])).toBe(true);
  expect(anyEquals(mac, [other, utf8("the ma"), utf8("the mac!")])).toBe(false);
  expect(anyEquals(mac, [])).toBe(false);
});
