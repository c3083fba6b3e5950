import type { LeasedToken } from "../grants/protocol.ts";
import { LruMap } from "../store/lru.ts";
import type { Loading } from "../store/one-loader.ts";
import type { Decision } from "./decision.ts";
import { type Leased, memoryLeaseEndMs } from "./lease.ts";
import type { ConnectorSnapshot } from "./snapshot.ts";

export interface MemoryEntry<T> extends Leased {
  value: T;
  /** Set once one request has taken on the renewal of this entry. */
  renewing: boolean;
}

/** One isolate's memory of leased things. Values only: a promise is never kept here, since none may cross requests. */
export interface TokenCaches {
  /** By connector reference and project. */
  snapshots: LruMap<string, MemoryEntry<ConnectorSnapshot>>;
  /** By what the caller asked for; the entry says under which snapshot it holds. */
  tokens: LruMap<string, MemoryEntry<LeasedToken>>;
  /** By a token's memory key. */
  decisions: LruMap<string, Decision>;
  loading: Loading;
}

/** For each cache, about as many bytes: an isolate has 128 MB, and callers choose how long their requests are. */
const MAX_CHARACTERS = 16 * 1024 * 1024;

export function createTokenCaches(maxEntries = 10_000, maxCharacters = MAX_CHARACTERS): TokenCaches {
  const of = (key: string, { value }: MemoryEntry<unknown>) => key.length + JSON.stringify(value).length;
  const limit = { max: maxCharacters, of };
  return {
    snapshots: new LruMap<string, MemoryEntry<ConnectorSnapshot>>(maxEntries, limit),
    tokens: new LruMap<string, MemoryEntry<LeasedToken>>(maxEntries, limit),
    // A decision repeats what the key says, and little else.
    decisions: new LruMap<string, Decision>(maxEntries, { max: maxCharacters, of: (key) => 2 * key.length }),
    loading: new Map(),
  };
}

/** The value under a key, while its lease runs and ends no earlier than `leaseFloorMs`. */
export function recall<T>(
  entries: LruMap<string, MemoryEntry<T>>,
  key: string,
  leaseFloorMs: number,
  nowMs: number,
): T | null {
  const entry = entries.get(key);
  return entry !== undefined && nowMs < entry.leaseUntilMs && entry.leaseUntilMs >= leaseFloorMs ? entry.value : null;
}

/** Keep a value for its lease, or a little less: `random` in [0, 1) decides how early memory lets go of it. */
export function remember<T>(
  entries: LruMap<string, MemoryEntry<T>>,
  key: string,
  value: T,
  lease: Leased,
  random: number,
): void {
  if (lease.leaseUntilMs <= lease.leaseFromMs) return;
  const { leaseFromMs } = lease;
  entries.set(key, { value, leaseFromMs, leaseUntilMs: memoryLeaseEndMs(lease, random), renewing: false });
}
