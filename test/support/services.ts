import { env } from "cloudflare:workers";
import { createCallerCaches } from "../../src/callers/caller-caches.ts";
import { loadKeyRing } from "../../src/crypto/key-ring.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { Secret } from "../../src/crypto/secret.ts";
import { unwrap } from "../../src/errors.ts";
import { createRateLimiter } from "../../src/limits/rate-limiter.ts";
import { createLogger } from "../../src/log.ts";
import type { Point } from "../../src/metrics/metrics.ts";
import { createGuardedFetch } from "../../src/outbound/guarded-fetch.ts";
import type { Services } from "../../src/services.ts";
import { r2BlobStore } from "../../src/store/blob-store.ts";
import { d1Database } from "../../src/store/database.ts";
import { kvLeaseStore } from "../../src/store/lease-store.ts";
import { createTokenCaches } from "../../src/tokens/token-caches.ts";
import { cloudflareIngestQueue } from "../../src/triggers/ingress/ingest-queue.ts";
import { createTriggerMemory } from "../../src/triggers/ingress/trigger-memory.ts";
import { laneDirectory } from "../../src/triggers/lanes/directory.ts";

export interface TestServices extends Services {
  /** What was logged, one JSON text each. */
  lines: string[];
  /** What was counted. */
  points: Point[];
}

/** The services of a fresh isolate over this test file's own D1 and KV. Anything can be replaced. */
export async function testServices(
  replaced: Partial<Services> & { network?: typeof fetch } = {},
): Promise<TestServices> {
  const { network = fetch, ...overrides } = replaced;
  const lines: string[] = [];
  const points: Point[] = [];
  const log = createLogger((line) => lines.push(line));
  const publicOrigin = env.PUBLIC_ORIGIN;
  const urlPolicy = { ownHosts: [new URL(publicOrigin).host], allowLoopback: true };
  return {
    settings: { publicOrigin, setupToken: Secret.of(env.SETUP_TOKEN), allowLoopback: true, resolverUrl: null },
    now: () => Date.now(),
    randomBytes,
    random: () => Math.random(),
    log,
    metrics: { record: (point) => points.push(point) },
    limits: createRateLimiter({}, { now: () => Date.now(), log }),
    db: d1Database(env.DB),
    events: d1Database(env.EVENTS),
    leases: kvLeaseStore(env.LEASES, log),
    blobs: r2BlobStore(env.BLOBS),
    keys: unwrap(await loadKeyRing(env.MASTER_KEYS)),
    urlPolicy,
    fetch: createGuardedFetch({ fetch: network, policy: overrides.urlPolicy ?? urlPolicy }),
    grants: {
      grant: () => unreachable("grant"),
      gate: () => unreachable("gate"),
    },
    ingest: cloudflareIngestQueue(env.INGEST),
    lanes: laneDirectory(env.LANES),
    nudgeHousekeeper: async () => {},
    callerCaches: createCallerCaches(),
    tokenCaches: createTokenCaches(),
    triggerMemory: createTriggerMemory(),
    healthMemory: { okUntilMs: 0 },
    ...overrides,
    lines,
    points,
  };
}

function unreachable(what: string): never {
  throw new Error(`this test gave no ${what}`);
}
