import { messageOf } from "../errors.ts";
import type { Logger } from "../log.ts";

/** KV entries are garbage after their lease; the TTL only collects it. KV's own minimum is 60 s. */
export const KV_TTL_SECONDS = 120;

/** What is kept in KV: sealed text that is worthless after its lease. A failing store is an empty store. */
export interface LeaseStore {
  /** Values in the order of the keys; null = absent or unreadable. One KV operation, at most 100 keys. */
  get(keys: string[]): Promise<(string | null)[]>;
  /** Best effort: a refused write is logged, never thrown. */
  put(key: string, value: string, ttlSeconds: number): Promise<void>;
}

/** KV behind that port. Its staleness does no harm, because what it holds ends at an absolute time of its own. */
export function kvLeaseStore(kv: Pick<KVNamespace, "get" | "put">, log: Logger): LeaseStore {
  return {
    async get(keys) {
      try {
        const found = await kv.get(keys);
        return keys.map((key) => found.get(key) ?? null);
      } catch (error) {
        log.warn("leases.read_failed", { reason: messageOf(error) });
        return keys.map(() => null);
      }
    },
    async put(key, value, ttlSeconds) {
      try {
        await kv.put(key, value, { expirationTtl: ttlSeconds });
      } catch (error) {
        log.warn("leases.write_failed", { reason: messageOf(error) });
      }
    },
  };
}
