import { type Failure, fail, messageOf, ok, type Result } from "../errors.ts";
import type { Logger } from "../log.ts";
import { LruMap } from "../store/lru.ts";

/**
 * What is counted, and for whom. `ip`: public routes and failed authentication, by address. `caller`: work done for a
 * caller, by access token or by project and environment. `connector`: questions to a connector's Grants. `bypass`:
 * requests of one caller for one connector that insist on the Grant.
 */
export type LimitName = "ip" | "caller" | "connector" | "bypass";

export interface RateLimiter {
  /** Counts one. Failure: `rate_limited` with the time to wait. Never rejects: a limiter that fails lets pass. */
  take(limit: LimitName, key: string): Promise<Result<null>>;
  /** The refusal that this key got here within the last second; null = none. Counts nothing and asks nobody. */
  refused(limit: LimitName, key: string): Failure | null;
}

/** Every limit of `wrangler.toml` has this period; the binding does not tell when it will say yes again. */
export const PERIOD_MS = 10_000;
/** A flood is refused from memory for this long, so that refusing costs less than what is refused. */
const REFUSAL_MEMORY_MS = 1_000;
const FAILURE_LOG_INTERVAL_MS = 60_000;

/**
 * So many are counted here before the platform counts one: a crowd that comes at once should not wait for as many calls
 * of the binding. Per isolate and key, fewer than this many stay uncounted.
 */
const BATCHES: Record<LimitName, number> = { ip: 1, caller: 10, connector: 10, bypass: 10 };
const UNBATCHED: Record<LimitName, number> = { ip: 1, caller: 1, connector: 1, bypass: 1 };

const SENTENCES: Record<LimitName, string> = {
  ip: "Too many failed or anonymous requests from this address. Wait for the time in Retry-After.",
  caller: "This caller causes too much work. Reuse tokens until they expire, and wait for the time in Retry-After.",
  connector: "This connector's tokens are asked for too often. Wait for the time in Retry-After.",
  bypass:
    "This caller bypasses the cache of this connector too often. Ask without no-cache, or wait for the time in Retry-After.",
};

/**
 * Limits by the platform's counters, which are kept per Cloudflare location and are approximate:
 * https://developers.cloudflare.com/workers/runtime-apis/bindings/rate-limit/. A limit without a binding is off.
 */
export function createRateLimiter(
  bindings: { readonly [Limit in LimitName]?: RateLimit | undefined },
  { now, log, batched = true }: { now: () => number; log: Logger; batched?: boolean },
): RateLimiter {
  const batches = batched ? BATCHES : UNBATCHED;
  const refusedUntilMs = new LruMap<string, number>(1_000);
  /** What was counted here since the platform was told. */
  const uncounted = new LruMap<string, number>(10_000);
  let quietUntilMs = 0;

  function refused(limit: LimitName, key: string): Failure | null {
    const untilMs = refusedUntilMs.get(memoryKey(limit, key));
    return untilMs !== undefined && now() < untilMs ? refusal(limit) : null;
  }

  return {
    refused,
    async take(limit, key) {
      const binding = bindings[limit];
      if (binding === undefined) return ok(null);
      const known = refused(limit, key);
      if (known !== null) return { ok: false, failure: known };
      const name = memoryKey(limit, key);
      const count = (uncounted.get(name) ?? 0) + 1;
      uncounted.set(name, count);
      if (count < batches[limit]) return ok(null);
      uncounted.delete(name);
      try {
        if ((await binding.limit({ key })).success) return ok(null);
      } catch (error) {
        if (now() >= quietUntilMs) {
          quietUntilMs = now() + FAILURE_LOG_INTERVAL_MS;
          log.error("limits.unavailable", { limit, reason: messageOf(error) });
        }
        return ok(null);
      }
      refusedUntilMs.set(name, now() + REFUSAL_MEMORY_MS);
      // Who was refused is asked for one by one until the platform says yes again.
      uncounted.set(name, batches[limit] - 1);
      return { ok: false, failure: refusal(limit) };
    },
  };
}

function refusal(limit: LimitName): Failure {
  const details = { message: SENTENCES[limit], reason: `limit=${limit}`, retryAfterMs: PERIOD_MS, limit };
  return fail("rate_limited", details).failure;
}

function memoryKey(limit: LimitName, key: string): string {
  return `${limit} ${key}`;
}
