import type { CallerCaches } from "./callers/caller-caches.ts";
import type { KeyRing } from "./crypto/key-ring.ts";
import type { Secret } from "./crypto/secret.ts";
import type { GrantDirectory } from "./grants/directory.ts";
import type { RateLimiter } from "./limits/rate-limiter.ts";
import type { Logger } from "./log.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { GuardedFetch } from "./outbound/guarded-fetch.ts";
import type { UrlPolicy } from "./outbound/url-policy.ts";
import type { BlobStore } from "./store/blob-store.ts";
import type { Database } from "./store/database.ts";
import type { LeaseStore } from "./store/lease-store.ts";
import type { TokenCaches } from "./tokens/token-caches.ts";
import type { IngestQueue } from "./triggers/ingress/ingest-queue.ts";
import type { TriggerMemory } from "./triggers/ingress/trigger-memory.ts";
import type { LaneDirectory } from "./triggers/lanes/protocol.ts";

/** The deployment's settings, checked once at boot. */
export interface Settings {
  /** Scheme, host and port only, e.g. `https://connect.example.com`. Also the `iss` of our own tokens. */
  publicOrigin: string;
  setupToken: Secret;
  /** Admits http to loopback hosts; refused unless `publicOrigin` is http on loopback. */
  allowLoopback: boolean;
  /** A DNS-over-HTTPS resolver that judges every host before it is called; null = off. */
  resolverUrl: string | null;
}

/**
 * Everything the code may reach, built once per isolate by the composition root from the raw bindings.
 * Modules take the part they use: `Pick<Services, "db" | "now">`.
 */
export interface Services {
  settings: Settings;
  /** Milliseconds since the epoch. */
  now: () => number;
  randomBytes: (length: number) => Uint8Array<ArrayBuffer>;
  /** Uniform in [0, 1), for jitter only. */
  random: () => number;
  log: Logger;
  metrics: Metrics;
  limits: RateLimiter;
  db: Database;
  /** The event log, a database of its own. */
  events: Database;
  leases: LeaseStore;
  blobs: BlobStore;
  keys: KeyRing;
  urlPolicy: UrlPolicy;
  fetch: GuardedFetch;
  grants: GrantDirectory;
  ingest: IngestQueue;
  lanes: LaneDirectory;
  /** Wakes the Housekeeper, which then finds its work in the database. */
  nudgeHousekeeper: () => Promise<void>;
  callerCaches: CallerCaches;
  tokenCaches: TokenCaches;
  triggerMemory: TriggerMemory;
  /** Until when this isolate need not ask again whether the deployment is healthy. */
  healthMemory: { okUntilMs: number };
}
