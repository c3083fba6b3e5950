/** The longest life of a token that our issuer signs (s). */
export const MAX_WORKLOAD_TOKEN_SECONDS = 12 * 3600;

const HOUR_MS = 3_600_000;
/** How long an isolate goes by the keys that it has read (ms). */
export const KEYS_FRESH_MS = 60_000;
/** … and how long when the database does not answer. */
export const KEYS_STALE_MS = 5 * 60_000;
/** For how long others may keep our published set (ms); the `max-age` of the JWKS. */
export const JWKS_MAX_AGE_MS = 5 * 60_000;

/** Until a published set has reached everybody: the isolate that serves an old one, and whoever keeps what it served. */
const SPREAD_MS = KEYS_STALE_MS + JWKS_MAX_AGE_MS;
/** From a key's creation to its first signature: every verifier that looks once a day knows it by then. */
export const LEAD_MS = 24 * HOUR_MS + SPREAD_MS;
/** From a key's last signature to its removal: the longest life of a token, and a day for slow clocks and caches. */
export const OVERLAP_MS = MAX_WORKLOAD_TOKEN_SECONDS * 1000 + 24 * HOUR_MS + SPREAD_MS;

/** When one of our issuer's keys may sign. */
export interface KeyTimes {
  kid: string;
  notBeforeMs: number;
  /** From then on it signs nothing; null = it has no successor yet. */
  retiredAtMs: number | null;
}

export type KeyStatus = "pending" | "signing" | "retired";

/**
 * The key to sign with: of those that may, the one that began last. A clock that runs behind may find none that has
 * begun; then the one that begins first signs, since its public half is published already. Null without any key.
 */
export function signerAt<Key extends KeyTimes>(keys: readonly Key[], nowMs: number): Key | null {
  const inUse = keys.filter((key) => !isRetired(key, nowMs));
  const begun = inUse.filter((key) => key.notBeforeMs <= nowMs);
  return begun.length > 0 ? last(begun) : first(inUse);
}

/** The keys whose public halves are published: the pending ones too, and the retired until their tokens are gone. */
export function publishedAt<Key extends KeyTimes>(keys: readonly Key[], nowMs: number): Key[] {
  return keys.filter((key) => nowMs < publishedUntilMs(key));
}

/** When a key leaves the published set (ms); infinite while it has no successor. */
export function publishedUntilMs({ retiredAtMs }: KeyTimes): number {
  return retiredAtMs === null ? Number.POSITIVE_INFINITY : retiredAtMs + OVERLAP_MS;
}

/** Keys that retired at or before this time are of no use to anybody (ms). */
export function purgeBeforeMs(nowMs: number): number {
  return nowMs - OVERLAP_MS;
}

export function statusAt(key: KeyTimes, keys: readonly KeyTimes[], nowMs: number): KeyStatus {
  if (key.kid === signerAt(keys, nowMs)?.kid) return "signing";
  return isRetired(key, nowMs) || key.notBeforeMs <= nowMs ? "retired" : "pending";
}

/** Whether a signer remains without this key. One that is pending counts: it would begin at once. */
export function mayDrop(kid: string, keys: readonly KeyTimes[], nowMs: number): boolean {
  return keys.some((key) => key.kid !== kid && !isRetired(key, nowMs));
}

function isRetired({ retiredAtMs }: KeyTimes, nowMs: number): boolean {
  return retiredAtMs !== null && retiredAtMs <= nowMs;
}

function last<Key extends KeyTimes>(keys: readonly Key[]): Key | null {
  return [...keys].sort((a, b) => b.notBeforeMs - a.notBeforeMs || (a.kid < b.kid ? 1 : -1))[0] ?? null;
}

function first<Key extends KeyTimes>(keys: readonly Key[]): Key | null {
  return [...keys].sort((a, b) => a.notBeforeMs - b.notBeforeMs || (a.kid < b.kid ? -1 : 1))[0] ?? null;
}
