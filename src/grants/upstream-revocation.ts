import { loadCredentials } from "../connectors/credentials.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import type { Secret } from "../crypto/secret.ts";
import type { Authorization } from "./authorization-store.ts";
import type { GrantDeps } from "./deps.ts";
import { isSubjectShared } from "./external-subject.ts";
import type { GrantRow } from "./grant-store.ts";
import type { NoticeFacts, PendingRevocation } from "./pending-revocations.ts";

export type RevocationOutcome = "revoked" | "unsupported" | "shared" | "retry";

const FIRST_RETRY_MS = 30_000;
const LONGEST_RETRY_MS = 60 * 60_000;

/** When to try again after `tries` failures. */
export function nextTryAtMs(tries: number, nowMs: number): number {
  return nowMs + Math.min(FIRST_RETRY_MS * 2 ** tries, LONGEST_RETRY_MS);
}

/**
 * Whether telling the provider of a token would end what this grant goes on with: where one revocation ends all that
 * the user gave this client, and it is or may be the same user.
 */
export function endsOwnGrant(
  { revocationScope, subjectHash }: NoticeFacts,
  current: Pick<Authorization, "state" | "subjectHash"> | null,
): boolean {
  if (revocationScope !== "grant" || current?.state !== "active") return false;
  return subjectHash === null || current.subjectHash === null || subjectHash === current.subjectHash;
}

/**
 * Tell the provider that a token is no longer wanted. Works from a deleted connector's tombstone as well. A connector
 * that was pointed at another provider since does not get the tokens of the one before: that is `unsupported`. Neither
 * does a provider hear of a token when that would end another grant of the same user: that is `shared`.
 */
export async function revokeUpstream(
  { identity, teamId }: GrantRow,
  ownName: string,
  { token, notice, isOwn }: { token: Secret; notice: PendingRevocation; isOwn: () => boolean },
  keys: KeyRing,
  deps: GrantDeps,
): Promise<RevocationOutcome> {
  const { connectorId } = identity;
  const { provider, hint, revocationScope, subjectHash } = notice;
  const credentials = await loadCredentials(deps.db, keys, teamId, connectorId, { includeDeleted: true });
  if (!credentials.ok) return credentials.failure.code === "not_found" ? "unsupported" : "retry";
  const { type, config, secrets } = credentials.value;
  const driver = deps.driverOf(type);
  if (driver === null) return "unsupported";
  if (provider !== null && provider !== driver.provider(config)) {
    deps.log.warn("grant.provider_changed", { connectorId });
    return "unsupported";
  }
  if (revocationScope === "grant" && (await isSubjectShared(deps.db, identity, subjectHash, ownName))) return "shared";
  // As late as possible: the user may just have authorized anew.
  if (isOwn()) return "shared";
  const subject = identity.subject.type;
  const result = await driver.revoke({ config, secrets, connectorId, token, hint, subject }, deps);
  if (result.ok) return result.value === "done" ? "revoked" : "unsupported";
  deps.log.warn("grant.upstream_revocation_failed", { connectorId, errorCode: result.failure.code });
  return "retry";
}
