import { calculateJwkThumbprint, createLocalJWKSet, decodeProtectedHeader, jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import { Secret } from "../../src/crypto/secret.ts";
import { generateSigningKey, importSigningKey, type SigningAlg, signJwt } from "../../src/crypto/signing-key.ts";

const PRIVATE_MEMBERS = ["d", "p", "q", "dp", "dq", "qi"];

describe.each<SigningAlg>(["ES256", "RS256"])("a signing key for %s", (alg) => {
  test("signs what its published half verifies, and nothing is added to the claims", async () => {
    const { kid, publicJwk, privateJwk } = await generateSigningKey(alg);
    const key = await importSigningKey(privateJwk, alg);
    const claims = { iss: "https://issuer.example", exp: 2_000_000_000 };
    const jwt = await signJwt(key, { alg, kid, typ: "workload+jwt" }, claims);
    expect(decodeProtectedHeader(jwt)).toEqual({ alg, kid, typ: "workload+jwt" });
    const options = { algorithms: [alg], currentDate: new Date(1_900_000_000_000) };
    const { payload } = await jwtVerify(jwt, createLocalJWKSet({ keys: [publicJwk] }), options);
    expect(payload).toEqual(claims);
  });

  test("publishes no private member, and is named by its RFC 7638 thumbprint", async () => {
    const { kid, publicJwk, privateJwk } = await generateSigningKey(alg);
    expect(publicJwk).toMatchObject({ kid, alg, use: "sig" });
    for (const member of PRIVATE_MEMBERS) expect(publicJwk).not.toHaveProperty(member);
    expect(kid).toBe(await calculateJwkThumbprint(publicJwk));
    expect(JSON.parse(privateJwk.expose())).toHaveProperty("d");
  });

  test("D-01 cannot be read back once it is imported", async () => {
    const { privateJwk } = await generateSigningKey(alg);
    const key = await importSigningKey(privateJwk, alg);
    expect(key).toMatchObject({ extractable: false, usages: ["sign"] });
    await expect(crypto.subtle.exportKey("jwk", key)).rejects.toThrow();
  });
});

describe("a stored key that is no signing key", () => {
  test("C-13 is refused without a word of what was stored", async () => {
    const canary = "canary-7d1e";
    const jwk = JSON.stringify({ kty: "EC", crv: "P-256", x: canary, y: canary, d: canary });
    for (const text of [canary, `{"d":"${canary}"`, `["${canary}"]`, "null", jwk]) {
      const error = await importSigningKey(Secret.of(text), "ES256").catch((caught: unknown) => caught);
      if (!(error instanceof Error)) throw new Error(`accepted ${text}`);
      expect(error).toEqual(new TypeError("the stored signing key is not a usable JWK"));
      expect(`${error.stack} ${String(error.cause)}`).not.toContain(canary);
    }
  });

  test("is refused when it is public, symmetric or for another algorithm", async () => {
    const { publicJwk, privateJwk } = await generateSigningKey("ES256");
    const unusable = new TypeError("the stored signing key is not a usable JWK");
    await expect(importSigningKey(Secret.of(JSON.stringify(publicJwk)), "ES256")).rejects.toEqual(unusable);
    await expect(importSigningKey(Secret.of('{"kty":"oct","k":"AAAA"}'), "ES256")).rejects.toEqual(unusable);
    await expect(importSigningKey(privateJwk, "RS256")).rejects.toThrow(TypeError);
  });
});
