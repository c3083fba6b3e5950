import { createCallerCaches } from "./callers/caller-caches.ts";
import { driverOf } from "./catalog/registry.ts";
import { type KeyRing, loadKeyRing } from "./crypto/key-ring.ts";
import { randomBytes } from "./crypto/random.ts";
import { Secret } from "./crypto/secret.ts";
import { ApiError, unwrap } from "./errors.ts";
import type { GrantDeps } from "./grants/deps.ts";
import { grantDirectory } from "./grants/directory.ts";
import type { HousekeeperDeps } from "./housekeeping/housekeeper.ts";
import { createRateLimiter, type RateLimiter } from "./limits/rate-limiter.ts";
import { consoleLogger } from "./log.ts";
import { createMetrics } from "./metrics/analytics-engine.ts";
import { createGuardedFetch, type GuardedFetch } from "./outbound/guarded-fetch.ts";
import { createResolutionCheck } from "./outbound/resolution.ts";
import { checkUrl, type UrlPolicy } from "./outbound/url-policy.ts";
import type { Services, Settings } from "./services.ts";
import { r2BlobStore } from "./store/blob-store.ts";
import { d1Database } from "./store/database.ts";
import { kvLeaseStore } from "./store/lease-store.ts";
import { createTokenCaches } from "./tokens/token-caches.ts";
import type { EventDeps } from "./triggers/events/deps.ts";
import { cloudflareIngestQueue } from "./triggers/ingress/ingest-queue.ts";
import { createTriggerMemory } from "./triggers/ingress/trigger-memory.ts";
import { laneDirectory } from "./triggers/lanes/directory.ts";
import type { LaneDeps } from "./triggers/lanes/lane.ts";

/** Bindings that switch off what they are for by being absent. */
type Optional = "IP_LIMIT" | "CALLER_LIMIT" | "CONNECTOR_LIMIT" | "BYPASS_LIMIT";

/** The generated bindings and the settings that a deployment may leave out. */
export interface Bindings extends Omit<Env, Optional>, Partial<Pick<Env, Optional>> {
  /** "true" admits http to loopback hosts; only with a PUBLIC_ORIGIN that is itself http on loopback. */
  ALLOW_LOOPBACK?: string;
  /** DNS-over-HTTPS resolver with the JSON interface, such as https://cloudflare-dns.com/dns-query; absent = off. */
  DOH_URL?: string;
  /** Where counters go; absent = nowhere. */
  METRICS?: AnalyticsEngineDataset;
}

/** The raw settings as checked ones. Throws `invalid_config` that says which variable to correct, and never its value. */
export function parseSettings(
  env: Pick<Bindings, "PUBLIC_ORIGIN" | "SETUP_TOKEN" | "ALLOW_LOOPBACK" | "DOH_URL">,
): Settings {
  const origin = URL.canParse(env.PUBLIC_ORIGIN ?? "") ? new URL(env.PUBLIC_ORIGIN) : null;
  const onLoopback = origin?.protocol === "http:" && isLoopback(origin.hostname);
  if (origin === null || origin.origin !== env.PUBLIC_ORIGIN || !(origin.protocol === "https:" || onLoopback)) {
    throw misconfigured("PUBLIC_ORIGIN must be an https origin without a path, such as https://connect.example.com.");
  }
  const allowLoopback = env.ALLOW_LOOPBACK === "true";
  if (allowLoopback && !onLoopback) {
    throw misconfigured("ALLOW_LOOPBACK is for local development only: remove it, or serve on http://127.0.0.1.");
  }
  if ((env.SETUP_TOKEN ?? "").length < 16) throw misconfigured("SETUP_TOKEN must have at least 16 characters.");
  const resolverUrl = env.DOH_URL || null;
  if (resolverUrl !== null && !checkUrl(resolverUrl, { ownHosts: [origin.host], allowLoopback }).ok) {
    throw misconfigured("DOH_URL must be an https URL with a host name, such as https://cloudflare-dns.com/dns-query.");
  }
  return { publicOrigin: origin.origin, setupToken: Secret.of(env.SETUP_TOKEN), allowLoopback, resolverUrl };
}

/** Everything a request may reach. Throws when the deployment's settings or master keys cannot be used. */
export async function composeServices(env: Bindings): Promise<Services> {
  const shared = composeShared(env);
  return {
    ...shared,
    limits: composeLimits(env, shared),
    keys: unwrap(await loadKeyRing(env.MASTER_KEYS)),
    random: Math.random,
    ingest: cloudflareIngestQueue(env.INGEST),
    nudgeHousekeeper: () => env.HOUSEKEEPERS.getByName("housekeeper").nudge(),
    callerCaches: createCallerCaches(),
    tokenCaches: createTokenCaches(),
    triggerMemory: createTriggerMemory(),
    healthMemory: { okUntilMs: 0 },
  };
}

/** The part of them that Grant objects use. */
export function composeGrantDeps(env: Bindings): GrantDeps {
  const { grants, ...shared } = composeShared(env);
  return { ...shared, gate: grants.gate, keys: lazyKeys(env), driverOf };
}

export function composeHousekeeperDeps(env: Bindings): HousekeeperDeps {
  return { ...composeShared(env), keys: lazyKeys(env) };
}

export function composeEventDeps(env: Bindings): EventDeps {
  return { ...composeShared(env), keys: lazyKeys(env) };
}

export function composeLaneDeps(env: Bindings): LaneDeps {
  return { ...composeShared(env), random: Math.random, keys: lazyKeys(env) };
}

/** An object's constructor cannot wait for the import of the ring. */
function lazyKeys(env: Bindings): () => Promise<KeyRing> {
  let keys: KeyRing | null = null;
  return async () => {
    keys ??= unwrap(await loadKeyRing(env.MASTER_KEYS));
    return keys;
  };
}

function composeShared(env: Bindings) {
  const settings = parseSettings(env);
  const log = consoleLogger();
  const urlPolicy: UrlPolicy = {
    ownHosts: [new URL(settings.publicOrigin).host],
    allowLoopback: settings.allowLoopback,
  };
  return {
    settings,
    now: Date.now,
    randomBytes,
    log,
    metrics: createMetrics(env.METRICS, { now: Date.now, log }),
    db: d1Database(env.DB),
    events: d1Database(env.EVENTS),
    leases: kvLeaseStore(env.LEASES, log),
    blobs: r2BlobStore(env.BLOBS),
    urlPolicy,
    fetch: composeFetch(settings, urlPolicy),
    grants: grantDirectory({ grants: env.GRANTS, gates: env.CONNECTOR_GATES }),
    lanes: laneDirectory(env.LANES),
  };
}

function composeLimits(env: Bindings, deps: Pick<Services, "now" | "log">): RateLimiter {
  const bindings = {
    ip: env.IP_LIMIT,
    caller: env.CALLER_LIMIT,
    connector: env.CONNECTOR_LIMIT,
    bypass: env.BYPASS_LIMIT,
  };
  return createRateLimiter(bindings, deps);
}

function composeFetch({ resolverUrl }: Settings, policy: UrlPolicy): GuardedFetch {
  const fetch = globalThis.fetch.bind(globalThis);
  const unresolved = createGuardedFetch({ fetch, policy });
  if (resolverUrl === null) return unresolved;
  const checkResolution = createResolutionCheck({ resolverUrl, fetch: unresolved, policy, now: Date.now });
  return createGuardedFetch({ fetch, policy, checkResolution });
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(hostname);
}

function misconfigured(message: string): ApiError {
  return new ApiError("invalid_config", { message, reason: message });
}
