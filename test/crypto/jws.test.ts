import { CompactSign, exportJWK, generateKeyPair, type JWK } from "jose";
import { describe, expect, test } from "vitest";
import { verifyCompactJws } from "../../src/crypto/jws.ts";

const ALGORITHMS = ["RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "ES512", "EdDSA"];

async function signed(alg: string): Promise<{ text: string; key: JWK; privateJwk: JWK }> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const text = await new CompactSign(new TextEncoder().encode('{"sub":"me"}'))
    .setProtectedHeader({ alg })
    .sign(privateKey);
  return { text, key: await exportJWK(publicKey), privateJwk: await exportJWK(privateKey) };
}

describe("the signature of a compact JWS", () => {
  test.for(ALGORITHMS)(
    "%s: what a JOSE library signed is genuine; another header, payload or signature is not",
    async (alg) => {
      const { text, key } = await signed(alg);
      const [header = "", payload = "", signature = ""] = text.split(".");
      // Twice: the second time with the key as it was kept.
      for (const _ of [1, 2]) expect(await verifyCompactJws(text, alg, key)).toBe(true);
      const other = await signed(alg);
      const [otherHeader, , otherSignature] = other.text.split(".");
      expect(otherHeader).toBe(header);
      expect(await verifyCompactJws(`${header}.${payload}.${otherSignature}`, alg, key)).toBe(false);
      expect(await verifyCompactJws(`${header}.${payload}x.${signature}`, alg, key)).toBe(false);
      expect(await verifyCompactJws(`${header}x.${payload}.${signature}`, alg, key)).toBe(false);
      expect(await verifyCompactJws(text, alg, other.key)).toBe(false);
    },
  );

  test("a signature that is no canonical base64url, or empty, is not genuine", async () => {
    const { text, key } = await signed("ES256");
    const unsigned = text.slice(0, text.lastIndexOf(".") + 1);
    for (const signature of ["", "!", "A", `${text.slice(unsigned.length)}=`, ` ${text.slice(unsigned.length)}`]) {
      expect(await verifyCompactJws(unsigned + signature, "ES256", key)).toBe(false);
    }
  });

  test("a key is kept for the algorithm that it was imported for, and no other", async () => {
    const { text, key } = await signed("RS256");
    expect(await verifyCompactJws(text, "RS256", key)).toBe(true);
    expect(await verifyCompactJws(text, "RS384", key)).toBe(false);
    expect(await verifyCompactJws(text, "PS256", key)).toBe(false);
    expect(await verifyCompactJws(text, "RS256", key)).toBe(true);
  });

  test("what a key says of its algorithm and use is not judged here; that it may not verify is", async () => {
    for (const alg of ALGORITHMS) {
      const { text, key } = await signed(alg);
      const told = { ...key, alg: "x", use: "x", ext: false, kid: "1", x5c: ["x"], key_ops: ["verify"] };
      expect(await verifyCompactJws(text, alg, told)).toBe(true);
      for (const operations of [["sign"], ["verify", "sign"], ["x"]]) {
        await expect(verifyCompactJws(text, alg, { ...key, key_ops: operations })).rejects.toThrow();
      }
    }
  });

  test("a key of another kind, a private one, a secret one and an unknown algorithm are errors, never a yes", async () => {
    const { text, key, privateJwk } = await signed("ES256");
    const secret = { kty: "oct", k: "c2VjcmV0" };
    await expect(verifyCompactJws(text, "RS256", key)).rejects.toThrow();
    await expect(verifyCompactJws(text, "ES256", privateJwk)).rejects.toThrow("not a public key");
    await expect(verifyCompactJws(text, "ES256", secret)).rejects.toThrow();
    for (const alg of ["none", "HS256", "constructor", "toString"]) {
      await expect(verifyCompactJws(text, alg, key)).rejects.toThrow();
    }
  });
});
