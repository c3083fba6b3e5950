import { hmacKey, type MacHash } from "../../crypto/hmac.ts";
import type { Secret } from "../../crypto/secret.ts";
import { importPublicKey } from "../../crypto/webhook-public-key.ts";
import { decodeStrictly } from "./decoding.ts";
import type { RecipeContext } from "./recipe.ts";
import type { Algorithm, RecipeSpec } from "./spec.ts";

/** A rotation has two secrets; a third is one that was not cleared away yet. */
const MAX_SECRETS = 3;

const HASHES: Readonly<Record<string, MacHash>> = {
  "hmac-sha1": "SHA-1",
  "hmac-sha256": "SHA-256",
  "hmac-sha512": "SHA-512",
};

/** One of a connector's secrets, ready for use. */
export interface SigningKey {
  secretId: string;
  algorithm: Algorithm;
  /** Of a MAC or a shared secret. */
  bytes: Uint8Array<ArrayBuffer>;
  hash: MacHash | null;
  /** Null for a shared secret. */
  key: CryptoKey | null;
}

// Keys only, never the promise of one: a request must not wait on another request's work.
const imported = new WeakMap<Secret, Map<string, Omit<SigningKey, "secretId"> | null>>();

/** The usable ones among a connector's secrets, in their order. Empty = the connector is misconfigured. */
export async function signingKeys(spec: RecipeSpec, context: RecipeContext): Promise<SigningKey[]> {
  const keys: SigningKey[] = [];
  for (const { id, value } of context.secrets.slice(0, MAX_SECRETS)) {
    const known = imported.get(value) ?? new Map<string, Omit<SigningKey, "secretId"> | null>();
    imported.set(value, known);
    const use = `${spec.signature.algorithm}/${spec.secret.encoding}/${spec.secret.stripPrefix}`;
    const key = known.get(use) ?? (await importKey(spec, value.expose()));
    known.set(use, key);
    if (key !== null) keys.push({ ...key, secretId: id });
  }
  return keys;
}

/** A secret's key by the spec; null when it cannot be one: empty, padded with white space, badly encoded, weak. */
export async function importKey(spec: RecipeSpec, secret: string): Promise<Omit<SigningKey, "secretId"> | null> {
  const { asymmetric } = spec.signature;
  const special = asymmetric !== undefined && secret.startsWith(asymmetric.secretPrefix) ? asymmetric : null;
  const algorithm = special?.algorithm ?? spec.signature.algorithm;
  const bytes = secretBytes(spec, secret, special?.secretPrefix ?? spec.secret.stripPrefix);
  if (bytes === null || bytes.length === 0) return null;
  const hash = HASHES[algorithm] ?? null;
  if (hash !== null) return { algorithm, bytes, hash, key: await hmacKey(bytes, hash) };
  if (algorithm !== "ed25519" && algorithm !== "ecdsa-p256") return { algorithm, bytes, hash, key: null };
  const key = await importPublicKey(bytes, algorithm);
  return key && { algorithm, bytes, hash, key };
}

function secretBytes({ secret: rule }: RecipeSpec, secret: string, prefix = ""): Uint8Array<ArrayBuffer> | null {
  // Pasted with a line's end, a secret matches nothing: say so instead of refusing everything.
  if (secret.trim() !== secret) return null;
  const text = secret.startsWith(prefix) ? secret.slice(prefix.length) : secret;
  if (rule.encoding !== "base64") return decodeStrictly(text, rule.encoding);
  // Some vendors show keys without their padding.
  return decodeStrictly(text + "=".repeat((4 - (text.length % 4)) % 4), "base64");
}
