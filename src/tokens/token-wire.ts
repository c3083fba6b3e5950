import type { LeasedToken } from "../grants/protocol.ts";
import { toldExpiryMs } from "./lease.ts";
import type { ConnectorSnapshot } from "./snapshot.ts";

/** The token response of contract §3. `scopes`, `resources` and `authorizationDetails` are what is in force, not what was asked. */
export function tokenWire(
  token: LeasedToken,
  { connector }: ConnectorSnapshot,
  { validityBufferMs, nowMs }: { validityBufferMs: number; nowMs: number },
) {
  const { resources, authorizationDetails, metadata, claims, externalSubject, installationId, tenantId } = token;
  return {
    token: token.token,
    tokenId: token.tokenId,
    expiresAt: toldExpiryMs(token, validityBufferMs, nowMs),
    connector: { id: connector.id, uid: connector.uid, type: connector.type },
    name: connector.name,
    ...(installationId === undefined ? {} : { installationId }),
    ...(tenantId === undefined ? {} : { tenantId }),
    authorizationId: token.authorizationId,
    tokenGroupId: token.groupId,
    scopes: token.scopes,
    ...(resources.length === 0 ? {} : { resources }),
    ...(authorizationDetails.length === 0 ? {} : { authorizationDetails }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(externalSubject === undefined ? {} : { externalSubject }),
    ...(claims === undefined ? {} : { claims }),
  };
}
