import type { JSONWebKeySet, JWK } from "jose";
import { fail, ok, type Result } from "../errors.ts";
import type { Logger } from "../log.ts";
import { type GuardedFetch, JWKS_MAX_BYTES } from "../outbound/guarded-fetch.ts";
import { parseJson } from "../outbound/json.ts";
import { LruMap } from "../store/lru.ts";
import type { JwksState } from "./caller-caches.ts";
import type { IssuerRecord } from "./issuer-record.ts";
import { parseJwks, selectKey } from "./jwks-keys.ts";

export const FETCH_TIMEOUT_MS = 5_000;
/** Between two fetches of one issuer's keys by one isolate, failed ones included. */
export const COOL_DOWN_MS = 30_000;
/** Older sets are renewed in the background. */
export const REFRESH_AFTER_MS = 10 * 60_000;
/** A set that could not be renewed is used this long. */
export const MAX_STALE_MS = 24 * 60 * 60_000;
export const UNKNOWN_KID_MS = 60_000;
const MAX_UNKNOWN_KIDS = 1000;
const POLL_MS = 25;

type KeySource = Pick<IssuerRecord, "id" | "jwksUri" | "jwks" | "jwksFetchedAtMs">;

export interface JwksDeps {
  now: () => number;
  fetch: GuardedFetch;
  log: Pick<Logger, "warn">;
  states: LruMap<string, JwksState>;
  /** Keeps the invocation alive until `work` settles. */
  defer: (work: Promise<unknown>) => void;
  /** Persists a fetched set, so that other isolates start from it. */
  saveJwks: (issuerId: string, jwks: JSONWebKeySet, fetchedAtMs: number) => Promise<void>;
  sleep: (ms: number) => Promise<unknown>;
}

/**
 * The issuer's key for this algorithm and key id, fetching its set only when a newer one could have it. Whatever the
 * issuer publishes or fails to publish, the only failure is `token_key_unknown`.
 */
export async function findIssuerKey(
  issuer: KeySource,
  alg: string,
  kid: string | null,
  deps: JwksDeps,
): Promise<Result<JWK>> {
  const state = stateOf(issuer, deps);
  const known = currentKey(issuer, state, alg, kid, deps.now());
  if (known.kind === "key") {
    if (refreshDue(issuer, state, deps.now())) deps.defer(refresh(issuer, state, deps));
    return ok(known.key);
  }
  if (known.kind === "unusable") return fail("token_key_unknown", { reason: "key unusable" });
  const name = kid ?? `(no kid, ${alg})`;
  if (issuer.jwksUri === "" || deps.now() < (state.unknownKids.get(name) ?? 0)) return fail("token_key_unknown");

  const before = state.fetchedAtMs;
  await refreshOnce(issuer, state, deps);
  const found = currentKey(issuer, state, alg, kid, deps.now());
  if (found.kind === "key") return ok(found.key);
  // Only a fresh set can tell that a key does not exist; while the issuer is down, the cool-down alone limits us.
  if (state.fetchedAtMs > before) state.unknownKids.set(name, deps.now() + UNKNOWN_KID_MS);
  return fail("token_key_unknown", { reason: `kid=${kid === null ? "none" : "unknown"}` });
}

/** What this isolate knows; a set that another isolate has fetched meanwhile comes in with the record. */
function stateOf(issuer: KeySource, { states }: JwksDeps): JwksState {
  const known = states.get(issuer.id);
  if (known !== undefined) {
    if (issuer.jwksFetchedAtMs > known.fetchedAtMs) {
      known.jwks = issuer.jwks;
      known.fetchedAtMs = issuer.jwksFetchedAtMs;
    }
    return known;
  }
  const state: JwksState = {
    jwks: issuer.jwks,
    fetchedAtMs: issuer.jwksFetchedAtMs,
    nextFetchAtMs: 0,
    sequence: 0,
    underWay: null,
    unknownKids: new LruMap(MAX_UNKNOWN_KIDS),
  };
  states.set(issuer.id, state);
  return state;
}

function currentKey(issuer: KeySource, state: JwksState, alg: string, kid: string | null, nowMs: number) {
  const tooOld = issuer.jwksUri !== "" && nowMs - state.fetchedAtMs > MAX_STALE_MS;
  return tooOld ? ({ kind: "unknown" } as const) : selectKey(state.jwks, alg, kid);
}

function refreshDue(issuer: KeySource, state: JwksState, nowMs: number): boolean {
  const old = issuer.jwksUri !== "" && nowMs - state.fetchedAtMs > REFRESH_AFTER_MS;
  return old && mayFetch(state, nowMs) && !isUnderWay(state, nowMs);
}

function mayFetch(state: JwksState, nowMs: number): boolean {
  return nowMs >= state.nextFetchAtMs;
}

function isUnderWay(state: JwksState, nowMs: number): boolean {
  return state.underWay !== null && nowMs < state.underWay.untilMs;
}

/** Fetches unless this isolate is at it or has just been; in both cases the state afterwards is the answer. */
async function refreshOnce(issuer: KeySource, state: JwksState, deps: JwksDeps): Promise<void> {
  if (isUnderWay(state, deps.now())) return awaitOtherRequest(state, deps);
  if (!mayFetch(state, deps.now())) return;
  const work = refresh(issuer, state, deps);
  // If our own caller hangs up, those who wait for this fetch still get it.
  deps.defer(work);
  await work;
}

/** Polls, because a promise of another request must not be awaited: its I/O ends with that request. */
async function awaitOtherRequest(state: JwksState, deps: JwksDeps): Promise<void> {
  const sequence = state.underWay?.sequence;
  for (let waitedMs = 0; waitedMs < FETCH_TIMEOUT_MS && state.underWay?.sequence === sequence; waitedMs += POLL_MS) {
    await deps.sleep(POLL_MS);
  }
}

/** One fetch. Everything up to the first await is synchronous, so that no second request can claim it too. */
async function refresh(issuer: KeySource, state: JwksState, deps: JwksDeps): Promise<void> {
  const startedAtMs = deps.now();
  const sequence = ++state.sequence;
  state.nextFetchAtMs = startedAtMs + COOL_DOWN_MS;
  state.underWay = { sequence, untilMs: startedAtMs + FETCH_TIMEOUT_MS + 1000 };
  try {
    const fetched = await fetchJwks(issuer.jwksUri, deps.fetch);
    if (!fetched.ok) {
      deps.log.warn("jwks_fetch_failed", {
        issuerId: issuer.id,
        errorCode: fetched.failure.code,
        reason: fetched.failure.reason,
      });
      return;
    }
    // A fetch that was overtaken, by a later one or by another isolate's, must not bring retired keys back.
    if (sequence !== state.sequence || startedAtMs < state.fetchedAtMs) return;
    state.jwks = fetched.value;
    state.fetchedAtMs = startedAtMs;
    deps.defer(deps.saveJwks(issuer.id, fetched.value, startedAtMs));
  } finally {
    if (state.underWay?.sequence === sequence) state.underWay = null;
  }
}

/** Fetches a key set from a pinned address: 200 and JSON within 5 s and 256 KiB, redirects refused. */
export async function fetchJwks(jwksUri: string, fetch: GuardedFetch): Promise<Result<JSONWebKeySet>> {
  const response = await fetch({ url: jwksUri, timeoutMs: FETCH_TIMEOUT_MS, maxBytes: JWKS_MAX_BYTES });
  if (!response.ok) return response;
  if (response.value.status !== 200) {
    return fail("upstream_unreachable", { reason: `jwks status=${response.value.status}` });
  }
  const json = parseJson(response.value);
  return json.ok ? parseJwks(json.value) : json;
}
