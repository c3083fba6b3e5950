import { expect, test } from "vitest";
import { hex, utf8 } from "../../src/crypto/bytes.ts";
import { sha1Hex, sha256, sha256Base64url } from "../../src/crypto/digest.ts";
import { randomBytes } from "../../src/crypto/random.ts";

test("SHA-256 gives the published digest of 'abc' (FIPS 180-4)", async () => {
  const digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  expect(hex(await sha256("abc"))).toBe(digest);
  expect(hex(await sha256(utf8("abc")))).toBe(digest);
});

test("SHA-1 gives the published digest of 'abc' (FIPS 180-4), and keeps the zero of a small byte", async () => {
  expect(await sha1Hex(utf8("abc"))).toBe("a9993e364706816aba3e25717850c26c9cd0d89d");
  expect(await sha1Hex(utf8(""))).toBe("da39a3ee5e6b4b0d3255bfef95601890afd80709");
});

test("the code challenge of RFC 7636 appendix B comes out", async () => {
  expect(await sha256Base64url("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")).toBe(
    "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  );
});

test("a view is digested, not the buffer behind it", async () => {
  expect(await sha256Base64url(utf8("xabcx").subarray(1, 4))).toBe(await sha256Base64url("abc"));
});

test("random bytes have the length that was asked for and never repeat", () => {
  const values = Array.from({ length: 1000 }, () => randomBytes(16));
  expect(values.every((value) => value.length === 16)).toBe(true);
  expect(new Set(values.map(hex)).size).toBe(1000);
});
