import type { JWK } from "jose";
import { fromBase64url, utf8 } from "./bytes.ts";

const [RSA, PSS] = ["RSASSA-PKCS1-v1_5", "RSA-PSS"];
const ECDSA = "ECDSA";

/** How WebCrypto names the algorithms of RFC 7518 §3.1 and RFC 8037 §3.1, for importing a key as for using it. */
const ALGORITHMS: Readonly<Record<string, { name: string; hash?: string; saltLength?: number; namedCurve?: string }>> =
  {
    RS256: { name: RSA, hash: "SHA-256" },
    RS384: { name: RSA, hash: "SHA-384" },
    RS512: { name: RSA, hash: "SHA-512" },
    PS256: { name: PSS, hash: "SHA-256", saltLength: 32 },
    ES256: { name: ECDSA, hash: "SHA-256", namedCurve: "P-256" },
    ES384: { name: ECDSA, hash: "SHA-384", namedCurve: "P-384" },
    ES512: { name: ECDSA, hash: "SHA-512", namedCurve: "P-521" },
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
 * signature itself.
 */
export async function verifyCompactJws(text: string, alg: string, key: JWK): Promise<boolean> {
  const algorithm = Object.hasOwn(ALGORITHMS, alg) ? ALGORITHMS[alg] : undefined;
  if (algorithm === undefined) throw new TypeError("no such algorithm");
  const end = text.lastIndexOf(".");
  const signature = fromBase64url(text.slice(end + 1));
  if (signature === null) return false;
  const known = imported.get(key);
  const cryptoKey = known?.alg === alg ? known.key : await importPublicKey(key, algorithm);
  if (cryptoKey !== known?.key) imported.set(key, { alg, key: cryptoKey });
  return crypto.subtle.verify(algorithm, cryptoKey, signature, utf8(text.slice(0, end)));
}

/** What the key says of its use is for its finder to judge; the platform would refuse words that it does not know. */
async function importPublicKey(jwk: JWK, algorithm: { name: string }): Promise<CryptoKey> {
  const { alg, use, ext, kty = "", ...material } = jwk;
  if (jwk.d !== undefined) throw new TypeError("not a public key");
  const usages = jwk.key_ops ?? ["verify"];
  return crypto.subtle.importKey("jwk", { ...material, kty }, algorithm, false, usages);
}
