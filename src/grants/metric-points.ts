import type { Result } from "../errors.ts";
import type { MintPoint, RevocationPoint } from "../metrics/metrics.ts";
import type { GrantIdentity, GrantRevocation, GrantTokenRequest } from "./protocol.ts";

/** A mint as it is counted; `outcome` is the failure's code. */
export function mintPoint(
  { identity, connector }: { identity: GrantIdentity; connector: Pick<GrantTokenRequest["connector"], "type"> },
  result: Result<void>,
  durationMs: number,
): MintPoint {
  return {
    kind: "mint",
    connectorId: identity.connectorId,
    connectorType: connector.type,
    environment: identity.partition,
    subjectType: identity.subject.type,
    outcome: result.ok ? "ok" : result.failure.code,
    durationMs,
  };
}

/** A revocation as it is counted. A Grant that never held anything does not know whose it is. */
export function revocationPoint(identity: GrantIdentity | null, revocation: GrantRevocation): RevocationPoint {
  const { tokensFound, providerRevoked, providerFailed, providerPending } = revocation;
  return {
    kind: "revocation",
    connectorId: identity?.connectorId,
    environment: identity?.partition,
    subjectType: identity?.subject.type,
    outcome: "ok",
    tokensFound,
    providerRevoked,
    providerFailed,
    providerPending,
  };
}
