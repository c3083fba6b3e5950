import type { JWK } from "jose";
import type { JwksState } from "../../../callers/caller-caches.ts";
import { COOL_DOWN_MS, findIssuerKey } from "../../../callers/jwks-cache.ts";
import type { GuardedFetch } from "../../../outbound/guarded-fetch.ts";
import { LruMap } from "../../../store/lru.ts";
import type { RecipeDeps } from "../checked-recipe.ts";

const MAX_PROVIDERS = 20;

/** What the isolate knows of providers' keys. By the fetch that brought them, so that none is taken from another's. */
const memories = new WeakMap<GuardedFetch, LruMap<string, JwksState>>();

export type KeyLookup = { kind: "key"; key: JWK } | { kind: "unknown" } | { kind: "unavailable" };

/**
 * The key of that id from a pinned JWK Set. `unknown` = the set that was fetched last does not have it; `unavailable` =
 * the last fetch failed. One fetch at a time and at most one in 30 s, whatever key ids requests name.
 */
export async function findProviderKey(jwksUri: string, alg: string, kid: string, deps: RecipeDeps): Promise<KeyLookup> {
  const states = memories.get(deps.fetch) ?? new LruMap<string, JwksState>(MAX_PROVIDERS);
  memories.set(deps.fetch, states);
  const background: Promise<unknown>[] = [];
  const found = await findIssuerKey({ id: jwksUri, jwksUri, jwks: { keys: [] }, jwksFetchedAtMs: 0 }, alg, kid, {
    ...deps,
    states,
    // The refusal says `keys_unavailable`, and the ingress logs refusals.
    log: { warn: () => {} },
    // A renewal that nobody awaits would end with this request; it comes once in ten minutes.
    defer: (work) => void background.push(work),
    saveJwks: async () => {},
    sleep: (ms) => scheduler.wait(ms),
  });
  await Promise.all(background);
  if (found.ok) return { kind: "key", key: found.value };
  const state = states.get(jwksUri);
  const lastFetchBroughtKeys = state !== undefined && state.fetchedAtMs >= state.nextFetchAtMs - COOL_DOWN_MS;
  return { kind: lastFetchBroughtKeys ? "unknown" : "unavailable" };
}
