import { JSON_POINTER, pointerTokens } from "../json-pointer.ts";
import type { ClaimValue } from "./issuer-record.ts";

/**
 * Where a rule's key points: a key that starts with `/` is a JSON Pointer (RFC 6901), any other is the name of a
 * top-level claim. Null for a pointer with a stray `~` (RFC 6901 §3).
 */
export function claimPath(key: string): string[] | null {
  if (!key.startsWith("/")) return [key];
  return JSON_POINTER.test(key) ? pointerTokens(key) : null;
}

/** One spelling per claim: `sub` and `/sub` are the same key. Null as in `claimPath`. */
export function canonicalKey(key: string): string | null {
  const path = claimPath(key);
  return path === null ? null : path.map((name) => `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

/** The string, number or boolean that `key` names in the claims; null when it is absent or anything else. */
export function scalarClaim(claims: Record<string, unknown>, key: string): ClaimValue | null {
  const path = claimPath(key);
  if (path === null) return null;
  let value: unknown = claims;
  for (const name of path) {
    if (Array.isArray(value)) {
      // RFC 6901 §4: array indexes have no leading zeros; "-" and names never resolve.
      if (!/^(0|[1-9]\d{0,5})$/.test(name)) return null;
      value = value[Number(name)];
    } else if (typeof value === "object" && value !== null) {
      // Own members only: `constructor` and `__proto__` of the prototype are nobody's claims.
      value = Object.getOwnPropertyDescriptor(value, name)?.value;
    } else return null;
  }
  return isComparable(value) ? value : null;
}

/** JSON of the scalar, as `identities.selector_value` keeps it: "1" and 1 differ. Null when there is none. */
export function selectorValueOf(claims: Record<string, unknown>, selectorClaim: string): string | null {
  const value = scalarClaim(claims, selectorClaim);
  return value === null ? null : JSON.stringify(value);
}

/** Whether equality on this value means anything: integers beyond 2^53 are rounded, so distinct ids would be equal. */
export function isComparable(value: unknown): value is ClaimValue {
  if (typeof value === "number") return Number.isFinite(value) && Math.abs(value) <= Number.MAX_SAFE_INTEGER;
  return typeof value === "string" || typeof value === "boolean";
}
