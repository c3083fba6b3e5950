import { createPrivateKey } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { utf8 } from "../../src/crypto/bytes.ts";
import { importRsaPrivateKey } from "../../src/crypto/rsa-private-key.ts";
import { Secret } from "../../src/crypto/secret.ts";

const RS256 = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", publicExponent: Uint8Array.of(1, 0, 1) };
const load = (pem: string) => importRsaPrivateKey(Secret.of(pem));

describe.for([2048, 3072, 4096])("a key of %d bits", (modulusLength) => {
  let publicKey: CryptoKey;
  let pkcs8: string;
  let pkcs1: string;

  beforeAll(async () => {
    const pair = await crypto.subtle.generateKey({ ...RS256, modulusLength }, true, ["sign", "verify"]);
    if (!("privateKey" in pair)) throw new Error("no pair");
    const der = await crypto.subtle.exportKey("pkcs8", pair.privateKey);
    if (!(der instanceof ArrayBuffer)) throw new Error("no DER");
    publicKey = pair.publicKey;
    pkcs8 = pem("PRIVATE KEY", new Uint8Array(der));
    pkcs1 = String(createPrivateKey(pkcs8).export({ type: "pkcs1", format: "pem" }));
  });

  test("signs, be it PKCS#1 or PKCS#8", async () => {
    for (const text of [pkcs1, pkcs8]) {
      const key = await load(text);
      if (key === null) throw new Error("not imported");
      expect(key.extractable).toBe(false);
      const signature = await crypto.subtle.sign("RSASSA-PKCS1-v1_5", key, utf8("data"));
      expect(await crypto.subtle.verify("RSASSA-PKCS1-v1_5", publicKey, signature, utf8("data"))).toBe(true);
    }
  });

  test("is read through other line breaks and white space around it", async () => {
    for (const text of [pkcs1.replaceAll("\n", "\r\n"), pkcs1.replaceAll("\n", "\\n"), ` \n${pkcs8}\n `]) {
      expect(await load(text)).not.toBeNull();
    }
  });

  test("is none under a wrong name, in pieces, or with something after it", async () => {
    const wrong = [
      pkcs8.replaceAll("PRIVATE", "RSA PRIVATE"),
      pkcs1.replace("BEGIN RSA", "BEGIN EC"),
      pkcs1.slice(0, -200),
      `${pkcs1}more`,
      `${pkcs1}${pkcs1}`,
      pkcs1.replace(/\n[A-Za-z0-9+/]{10}/, "\n"),
    ];
    expect(await Promise.all(wrong.map(async (text) => (await load(text)) === null))).toEqual(wrong.map(() => true));
  });
});

test("what is too weak, too long, of another kind or empty is no key", async () => {
  const weak = await crypto.subtle.generateKey({ ...RS256, modulusLength: 1024 }, true, ["sign", "verify"]);
  const elliptic = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
  for (const pair of [weak, elliptic]) {
    if (!("privateKey" in pair)) throw new Error("no pair");
    const der = await crypto.subtle.exportKey("pkcs8", pair.privateKey);
    expect(await load(der instanceof ArrayBuffer ? pem("PRIVATE KEY", new Uint8Array(der)) : "")).toBeNull();
  }
  expect(await load("")).toBeNull();
  expect(await load(pem("PRIVATE KEY", new Uint8Array(14_000)))).toBeNull();
});

function pem(label: string, der: Uint8Array): string {
  const lines = der.toBase64().replace(/.{64}/g, "$&\n");
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}
