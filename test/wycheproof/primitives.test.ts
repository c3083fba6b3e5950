import { expect, test } from "vitest";
import { base64url, concat } from "../../src/crypto/bytes.ts";
import { macEquals } from "../../src/crypto/mac.ts";
import { aesGcmVectors, ecdsaVectors, hkdfVectors, hmacVectors } from "./vectors.ts";

/** What `src/crypto` builds on, as it calls it: the platform has to accept what is valid and refuse what is not. */

interface Count {
  valid: number;
  invalid: number;
}

/** Judges every vector; the ids of those that were judged wrongly, and how many there were of each kind. */
async function judge<Vector extends { id: number; result: keyof Count }>(
  vectors: Vector[],
  accepts: (vector: Vector) => Promise<boolean>,
): Promise<{ wrong: number[]; count: Count }> {
  const count = { valid: 0, invalid: 0 };
  const wrong: number[] = [];
  for (const vector of vectors) {
    count[vector.result] += 1;
    const accepted = await accepts(vector).catch(() => false);
    if (accepted !== (vector.result === "valid")) wrong.push(vector.id);
  }
  return { wrong, count };
}

const same = (a: Uint8Array, b: Uint8Array) => macEquals(base64url(a), base64url(b));

test("AES-GCM", async () => {
  const judged = await judge(aesGcmVectors(), async ({ key, iv, aad, msg, ct, tag }) => {
    const aesKey = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
    const algorithm = { name: "AES-GCM", iv, additionalData: aad };
    const plain = new Uint8Array(await crypto.subtle.decrypt(algorithm, aesKey, concat(ct, tag)));
    const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, aesKey, msg));
    return same(plain, msg) && same(sealed, concat(ct, tag));
  });
  expect(judged).toEqual({ wrong: [], count: { valid: 169, invalid: 87 } });
});

test("HMAC with SHA-256", async () => {
  const judged = await judge(hmacVectors(), async ({ key, msg, tag }) => {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const hmacKey = await crypto.subtle.importKey("raw", key, algorithm, false, ["sign"]);
    const made = new Uint8Array(await crypto.subtle.sign("HMAC", hmacKey, msg));
    return same(made.slice(0, tag.length), tag);
  });
  expect(judged).toEqual({ wrong: [], count: { valid: 66, invalid: 108 } });
});

test("HKDF with SHA-256", async () => {
  const judged = await judge(hkdfVectors(), async ({ ikm, salt, info, size, okm }) => {
    const key = await crypto.subtle.importKey("raw", ikm, "HKDF", false, ["deriveBits"]);
    const algorithm = { name: "HKDF", hash: "SHA-256", salt, info };
    return same(new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, size * 8)), okm);
  });
  expect(judged).toEqual({ wrong: [], count: { valid: 102, invalid: 3 } });
});

test("ECDSA over P-256 with SHA-256, of the signatures that JWS can express", async () => {
  const expressible = ecdsaVectors().flatMap((vector) => {
    const sig = joseSignature(vector.sig);
    return sig === null ? [] : [{ ...vector, sig }];
  });
  const judged = await judge(expressible, async ({ sig, spki, msg }) => {
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const key = await crypto.subtle.importKey("spki", spki, algorithm, false, ["verify"]);
    return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, sig, msg);
  });
  expect(judged).toEqual({ wrong: [], count: { valid: 147, invalid: 71 } });
});

/**
 * The two integers as JWS has them (RFC 7518 §3.4), from strict DER; null for what has no such form: other DER, negative
 * or longer numbers. How a DER parser treats those is no concern of a JWS.
 */
function joseSignature(der: Uint8Array): Uint8Array<ArrayBuffer> | null {
  if (der[0] !== 0x30 || der[1] !== der.length - 2) return null;
  const parts: Uint8Array[] = [];
  for (let offset = 2; offset < der.length; ) {
    const length = der[offset + 1] ?? 0;
    const number = der.subarray(offset + 2, offset + 2 + length);
    const isMinimal = !(number[0] === 0 && length > 1 && (number[1] ?? 0) < 0x80);
    if (der[offset] !== 0x02 || length === 0 || number.length !== length || !isMinimal) return null;
    if ((number[0] ?? 0) >= 0x80) return null;
    const magnitude = number[0] === 0 ? number.subarray(1) : number;
    if (magnitude.length > 32) return null;
    parts.push(concat(new Uint8Array(32 - magnitude.length), magnitude));
    offset += 2 + length;
  }
  return parts.length === 2 ? concat(...parts) : null;
}
