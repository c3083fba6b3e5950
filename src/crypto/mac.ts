import { base64url, constantTimeEqual, lengthPrefixed, utf8 } from "./bytes.ts";
import type { KeyRing } from "./key-ring.ts";

/** What a MAC is for. One key each, so that a MAC made for one purpose means nothing for another. */
export type MacPurpose =
  | "cache"
  | "state"
  | "access-token"
  | "user-code"
  | "audit"
  | "verifier"
  | "setup"
  | "fingerprint";

// Keys only, never the promise of one: a request must not wait on another request's work.
const derivedKeys = new WeakMap<KeyRing, Map<string, CryptoKey>>();

/**
 * HMAC-SHA-256 (43 characters of base64url) under the purpose's key of one master key. Store the `kid` beside the
 * MAC and pass it to recompute; null when the ring no longer has that key.
 */
export async function mac(
  keys: KeyRing,
  purpose: MacPurpose,
  data: Uint8Array | string,
  kid: string = keys.primaryKid,
): Promise<{ kid: string; mac: string } | null> {
  const key = await macKey(keys, purpose, kid);
  if (key === null) return null;
  const digest = await crypto.subtle.sign("HMAC", key, typeof data === "string" ? utf8(data) : data);
  return { kid, mac: base64url(new Uint8Array(digest)) };
}

/** Whether two MACs are equal, in time that depends on their lengths only. */
export function macEquals(a: string, b: string): boolean {
  return constantTimeEqual(utf8(a), utf8(b));
}

async function macKey(keys: KeyRing, purpose: MacPurpose, kid: string): Promise<CryptoKey | null> {
  const cached = derivedKeys.get(keys) ?? new Map<string, CryptoKey>();
  derivedKeys.set(keys, cached);
  const name = `${purpose}/${kid}`;
  const known = cached.get(name);
  if (known !== undefined) return known;

  const master = keys.key(kid);
  if (master === null) return null;
  const info = lengthPrefixed("connect/v1/mac", purpose, kid);
  const key = await crypto.subtle.deriveKey(
    // The master key is uniformly random already, so HKDF needs no salt (RFC 5869 §3.1).
    { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info },
    master,
    { name: "HMAC", hash: "SHA-256", length: 256 },
    false,
    ["sign"],
  );
  cached.set(name, key);
  return key;
}
