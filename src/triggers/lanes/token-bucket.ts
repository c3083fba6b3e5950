/** How many deliveries may start at a time, so that they are so many a second in the long run. */
export interface TokenBucket {
  tokens: number;
  atMs: number;
}

/**
 * Takes up to `wanted` tokens of a bucket that holds one second's worth, and at least one. Null as the rate is no limit,
 * null as the bucket is a full one. `nextAtMs` says when there is a whole token again; null = there is one left.
 */
export function takeTokens(
  bucket: TokenBucket | null,
  ratePerSecond: number | null,
  wanted: number,
  nowMs: number,
): { bucket: TokenBucket | null; granted: number; nextAtMs: number | null } {
  if (ratePerSecond === null) return { bucket: null, granted: wanted, nextAtMs: null };
  const capacity = Math.max(1, ratePerSecond);
  // A clock that was set back must not take what there was.
  const elapsedMs = bucket === null ? 0 : Math.max(0, nowMs - bucket.atMs);
  const tokens = bucket === null ? capacity : Math.min(capacity, bucket.tokens + (elapsedMs * ratePerSecond) / 1000);
  const granted = Math.min(wanted, Math.floor(tokens + EPSILON));
  const left = Math.max(0, tokens - granted);
  const nextAtMs = left + EPSILON >= 1 ? null : nowMs + Math.ceil(((1 - left) * 1000) / ratePerSecond);
  return { bucket: { tokens: left, atMs: nowMs }, granted, nextAtMs };
}

/** Sums of fractions come out a little short of the whole. */
const EPSILON = 1e-9;
