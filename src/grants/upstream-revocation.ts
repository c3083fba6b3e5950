import { driverOf } from "../catalog/registry.ts";
import { loadCredentials } from "../connectors/credentials.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import type { Secret } from "../crypto/secret.ts";
import type { GrantDeps } from "./deps.ts";
import type { GrantRow } from "./grant-store.ts";

export type RevocationOutcome = "revoked" | "unsupported" | "retry";

const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 60 * 60_000;

/** When to try again after `tries` failures. */
export function nextTryAtMs(tries: number, nowMs: number): number {
  return nowMs + Math.min(FIRST_RETRY_MS * 2 ** tries, LONGEST_RETRY_MS);
}

/**
 * Tell the provider that a token is no longer wanted. Works from a deleted connector's tombstone as well. A connector
 * that was pointed at another provider since does not get the tokens of the one before: that is `unsupported`.
 */
export async function revokeUpstream(
  { identity, teamId }: GrantRow,
  { token, provider }: { token: Secret; provider: string | null },
  keys: KeyRing,
  deps: GrantDeps,
): Promise<RevocationOutcome> {
  const { connectorId } = identity;
  const credentials = await loadCredentials(deps.db, keys, teamId, connectorId, { includeDeleted: true });
  if (!credentials.ok) return credentials.failure.code === "not_found" ? "unsupported" : "retry";
  const { type, config, secrets } = credentials.value;
  const driver = driverOf(type);
  if (driver === null) return "unsupported";
  if (provider !== null && provider !== driver.provider(config)) {
    deps.log.warn("grant.provider_changed", { connectorId });
    return "unsupported";
  }
  const result = await driver.revoke({ config, secrets, connectorId, token, hint: "access_token" }, deps);
  if (result.ok) return result.value === "done" ? "revoked" : "unsupported";
  deps.log.warn("grant.upstream_revocation_failed", { connectorId, errorCode: result.failure.code });
  return "retry";
}
