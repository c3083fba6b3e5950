import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  type JWTPayload,
  SignJWT,
} from "jose";
import { Secret } from "./secret.ts";

export type SigningAlg = "ES256" | "RS256";

export interface SigningKey {
  /** RFC 7638 thumbprint of the public key. */
  kid: string;
  alg: SigningAlg;
  /** For a JWK Set: with `kid`, `alg` and `use`. */
  publicJwk: JWK;
  /** JSON of the private JWK; seal it before it rests anywhere. */
  privateJwk: Secret;
}

/** A fresh key pair for signing JWTs: P-256 for ES256, 2048-bit RSA for RS256 (RFC 7518 §3.3–3.4). */
export async function generateSigningKey(alg: SigningAlg): Promise<SigningKey> {
  const pair = await generateKeyPair(alg, { extractable: true });
  const publicKey = await exportJWK(pair.publicKey);
  const kid = await calculateJwkThumbprint(publicKey);
  const privateJwk = Secret.of(JSON.stringify(await exportJWK(pair.privateKey)));
  return { kid, alg, publicJwk: { ...publicKey, kid, alg, use: "sig" }, privateJwk };
}

/** The private key, not extractable. Throws, without a word of the key, when the text is no private JWK for `alg`. */
export async function importSigningKey(privateJwk: Secret, alg: SigningAlg): Promise<CryptoKey> {
  let key: CryptoKey | Uint8Array;
  try {
    key = await importJWK(JSON.parse(privateJwk.expose()), alg, { extractable: false });
  } catch {
    // The parser's message quotes its input, which is a private key: it must not become a `cause`.
    throw new TypeError("the stored signing key is not a usable JWK");
  }
  if (key instanceof Uint8Array || key.type !== "private") throw new TypeError("the stored signing key is not private");
  return key;
}

/** A compact JWS over the claims exactly as given (RFC 7515 §7.1); sets no claim of its own. */
export function signJwt(
  key: CryptoKey,
  header: { alg: SigningAlg; kid?: string; typ: string },
  claims: JWTPayload,
): Promise<string> {
  return new SignJWT(claims).setProtectedHeader(header).sign(key);
}
