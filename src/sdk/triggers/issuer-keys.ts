import { createLocalJWKSet, createRemoteJWKSet, customFetch, errors, type JWTVerifyGetKey } from "jose";
import { TriggerError } from "./errors.ts";

const TIMEOUT_MS = 5_000;
/** Between two fetches for a key id that nobody knows, and after one that failed. */
const COOL_DOWN_MS = 30_000;
/** A set is fetched anew after this long … */
const FRESH_MS = 10 * 60_000;
/** … and believed for this long when that fails. */
const STALE_MS = 24 * 60 * 60_000;

/** Where keys come from. */
export interface KeySource {
  /** Of the deployment's JWK Set. */
  url: URL;
  fetch?: typeof globalThis.fetch;
  now: () => number;
}

/**
 * The deployment's public keys, fetched when they are needed and kept. Throws jose's `JWKSNoMatchingKey` when none has the
 * token's id, and `keys_unavailable` when that cannot be said.
 */
export function issuerKeys({ url, fetch: send, now }: KeySource): JWTVerifyGetKey {
  const remote = createRemoteJWKSet(url, {
    timeoutDuration: TIMEOUT_MS,
    cooldownDuration: COOL_DOWN_MS,
    cacheMaxAge: FRESH_MS,
    ...(send !== undefined && { [customFetch]: send }),
  });
  let fetchedAtMs = 0;
  let pausedUntilMs = 0;

  return async (header, token) => {
    const known = remote.jwks();
    const isUsable = known !== undefined && now() - fetchedAtMs < STALE_MS;
    /** While nothing can be fetched, a key that is not among those may be one that was rotated in. */
    const amongKnown = async () => {
      try {
        if (isUsable) return await createLocalJWKSet(known)(header, token);
      } catch {}
      throw new TriggerError("keys_unavailable");
    };
    if (now() < pausedUntilMs) return amongKnown();
    try {
      const key = await remote(header, token);
      if (remote.fresh) fetchedAtMs = now();
      return key;
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys) throw error;
      pausedUntilMs = now() + COOL_DOWN_MS;
      return amongKnown();
    }
  };
}
