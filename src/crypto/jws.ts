import { importJWK, type JWK } from "jose";
import { fromBase64url, utf8 } from "./bytes.ts";

/** How WebCrypto names the signatures of RFC 7518 §3.1 and RFC 8037 §3.1; the hash of RSA is the imported key's. */
const SIGNATURES: Readonly<Record<string, { name: string; hash?: string; saltLength?: number }>> = {
  RS256: { name: "RSASSA-PKCS1-v1_5" },
  RS384: { name: "RSASSA-PKCS1-v1_5" },
  RS512: { name: "RSASSA-PKCS1-v1_5" },
  PS256: { name: "RSA-PSS", saltLength: 32 },
  ES256: { name: "ECDSA", hash: "SHA-256" },
  ES384: { name: "ECDSA", hash: "SHA-384" },
  ES512: { name: "ECDSA", hash: "SHA-512" },
  EdDSA: { name: "Ed25519" },
};

/** By the key's own object, which is never changed: values only, since no promise may cross requests. */
const imported = new WeakMap<JWK, { alg: string; key: CryptoKey }>();

/**
 * Whether a JWS in compact form (RFC 7515 §5.2) bears this key's signature by this algorithm. Its header is not read:
 * the caller has, and has chosen algorithm and key by what it trusts. False for a signature that is not base64url, too.
 * Throws when the key is none for the algorithm.
 *
 * A JWT library reads header and payload again at this place, which made it the dearest part of a request after the
 * signature itself. Keys are still imported by one.
 */
export async function verifyCompactJws(text: string, alg: string, key: JWK): Promise<boolean> {
  const algorithm = SIGNATURES[alg];
  if (algorithm === undefined) throw new TypeError("no such algorithm");
  const end = text.lastIndexOf(".");
  const signature = fromBase64url(text.slice(end + 1));
  if (signature === null) return false;
  const known = imported.get(key);
  const cryptoKey = known?.alg === alg ? known.key : await importPublicKey(key, alg);
  return crypto.subtle.verify(algorithm, cryptoKey, signature, utf8(text.slice(0, end)));
}

async function importPublicKey(jwk: JWK, alg: string): Promise<CryptoKey> {
  const key = await importJWK(jwk, alg);
  if (key instanceof Uint8Array || key.type !== "public") throw new TypeError("not a public key");
  imported.set(jwk, { alg, key });
  return key;
}
