import { expect, test } from "vitest";
import { base64url, concat } from "../../src/crypto/bytes.ts";
import { macEquals } from "../../src/crypto/mac.ts";
import { AesGcm, Ecdsa, Hkdf, Hmac, vectorsOf } from "./vectors.ts";

/** What `src/crypto` builds on, as it calls it: the platform has to accept what is valid and refuse what is not. */

interface Count {
  valid: number;
  invalid: number;
}

/** Judges every vector; the ids of those that were judged wrongly, and how many there were of each kind. */
async function judge<Item extends { vector: { tcId: number; result: keyof Count } }>(
  items: Item[],
  accepts: (item: Item) => Promise<boolean>,
): Promise<{ wrong: number[]; count: Count }> {
  const count = { valid: 0, invalid: 0 };
  const wrong: number[] = [];
  for (const item of items) {
    const { tcId, result } = item.vector;
    count[result] += 1;
    const accepted = await accepts(item).catch(() => false);
    if (accepted !== (result === "valid")) wrong.push(tcId);
  }
  return { wrong, count };
}

const same = (a: Uint8Array, b: Uint8Array) => macEquals(base64url(a), base64url(b));

test("AES-GCM", async () => {
  const judged = await judge(vectorsOf("aes_gcm_test.json", AesGcm), async ({ vector }) => {
    const { key, iv, aad, msg, ct, tag } = vector;
    const aesKey = await crypto.subtle.importKey("raw", key, "AES-GCM", false, ["encrypt", "decrypt"]);
    const algorithm = { name: "AES-GCM", iv, additionalData: aad };
    const plain = new Uint8Array(await crypto.subtle.decrypt(algorithm, aesKey, concat(ct, tag)));
    const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, aesKey, msg));
    return same(plain, msg) && same(sealed, concat(ct, tag));
  });
  expect(judged).toEqual({ wrong: [], count: { valid: 229, invalid: 87 } });
});

test("HMAC with SHA-256", async () => {
  const judged = await judge(vectorsOf("hmac_sha256_test.json", Hmac), async ({ group, vector }) => {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", vector.key, algorithm, false, ["sign"]);
    const made = new Uint8Array(await crypto.subtle.sign("HMAC", key, vector.msg));
    return same(made.slice(0, group.tagSize / 8), vector.tag);
  });
  expect(judged).toEqual({ wrong: [], count: { valid: 66, invalid: 108 } });
});

test("HKDF with SHA-256", async () => {
  const judged = await judge(vectorsOf("hkdf_sha256_test.json", Hkdf), async ({ vector }) => {
    const { ikm, salt, info, size, okm } = vector;
    const key = await crypto.subtle.importKey("raw", ikm, "HKDF", false, ["deriveBits"]);
    const algorithm = { name: "HKDF", hash: "SHA-256", salt, info };
    return same(new Uint8Array(await crypto.subtle.deriveBits(algorithm, key, size * 8)), okm);
  });
  expect(judged).toEqual({ wrong: [], count: { valid: 83, invalid: 3 } });
});

test("ECDSA over P-256 with SHA-256, signatures as JWS has them", async () => {
  const vectors = vectorsOf("ecdsa_secp256r1_sha256_p1363_test.json", Ecdsa);
  const judged = await judge(vectors, async ({ group, vector }) => {
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const key = await crypto.subtle.importKey("raw", group.publicKey.uncompressed, algorithm, false, ["verify"]);
    return crypto.subtle.verify({ name: "ECDSA", hash: "SHA-256" }, key, vector.sig, vector.msg);
  });
  expect(judged).toEqual({ wrong: [], count: { valid: 173, invalid: 89 } });
});
