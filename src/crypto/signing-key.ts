import type { JWK, JWTPayload } from "jose";
import { base64url, utf8 } from "./bytes.ts";
import { sha256Base64url } from "./digest.ts";
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

/** How WebCrypto names the algorithms of RFC 7518 §3.3–3.4; `members` are those of RFC 7638 §3.2, in its order. */
const ALGORITHMS = {
  ES256: { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256", members: ["crv", "kty", "x", "y"] },
  RS256: {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
    hash: "SHA-256",
    members: ["e", "kty", "n"],
  },
} as const;

/** A fresh key pair for signing JWTs: P-256 for ES256, 2048-bit RSA for RS256 (RFC 7518 §3.3–3.4). */
export async function generateSigningKey(alg: SigningAlg): Promise<SigningKey> {
  const { members, ...algorithm } = ALGORITHMS[alg];
  const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  if (!("privateKey" in pair)) throw new TypeError("a key pair was asked for");
  const exported: object = await crypto.subtle.exportKey("jwk", pair.privateKey);
  // The platform adds what it made the key for; the key is stored without, and published with words of our own.
  const { key_ops, ext, alg: _, ...privateJwk }: JWK = { ...exported };
  const publicJwk = Object.fromEntries(members.map((name) => [name, String(privateJwk[name])]));
  const kid = await sha256Base64url(JSON.stringify(publicJwk));
  return {
    kid,
    alg,
    publicJwk: { ...publicJwk, kid, alg, use: "sig" },
    privateJwk: Secret.of(JSON.stringify(privateJwk)),
  };
}

/** The private key, not extractable. Throws, without a word of the key, when the text is no private JWK for `alg`. */
export async function importSigningKey(privateJwk: Secret, alg: SigningAlg): Promise<CryptoKey> {
  try {
    return await crypto.subtle.importKey("jwk", JSON.parse(privateJwk.expose()), ALGORITHMS[alg], false, ["sign"]);
  } catch {
    // The parser's message quotes its input, which is a private key: it must not become a `cause`.
    throw new TypeError("the stored signing key is not a usable JWK");
  }
}

/** A compact JWS over the claims exactly as given (RFC 7515 §7.1); sets no claim of its own. */
export async function signJwt(
  key: CryptoKey,
  header: { alg: SigningAlg; kid?: string; typ: string },
  claims: JWTPayload,
): Promise<string> {
  const signed = [header, claims].map((part) => base64url(utf8(JSON.stringify(part)))).join(".");
  const signature = await crypto.subtle.sign(ALGORITHMS[header.alg], key, utf8(signed));
  return `${signed}.${base64url(new Uint8Array(signature))}`;
}
