import type { LeasedToken } from "../../src/grants/protocol.ts";
import type { ConnectorSnapshot } from "../../src/tokens/snapshot.ts";
import type { TokenRequest } from "../../src/tokens/token-request.ts";

/** A request for the app's token with nothing else said. */
export const request: TokenRequest = {
  subject: { type: "app" },
  installationId: null,
  scopes: [],
  resources: [],
  audience: [],
  authorizationDetails: [],
  validityBufferMs: 0,
  rejectedTokenId: null,
};

export const leased: LeasedToken = {
  token: "the-token",
  tokenId: "stk_1",
  expiresAtMs: 3_600_000,
  static: false,
  lifetimeMs: 3_600_000,
  scopes: ["read"],
  resources: [],
  authorizationDetails: [],
  authorizationId: "aut_1",
  groupId: "group",
  snapshotVersion: "1",
  revokedBeforeMs: 5,
  leaseFromMs: 0,
  leaseUntilMs: 60_000,
};

/** A connector that is linked for production, narrowed by nothing. */
export function snapshot(link: Partial<ConnectorSnapshot["link"]> = {}): ConnectorSnapshot {
  return {
    teamId: "team_1",
    connector: {
      id: "scl_1",
      uid: "oauth/one",
      type: "oauth",
      name: "one",
      draft: false,
      config: {},
      configRevision: 1,
      region: null,
      leaseSeconds: 60,
    },
    link: {
      id: "lnk_1",
      environments: ["production"],
      installations: null,
      subjects: null,
      subjectNamespace: null,
      scopes: null,
      authorizationDetails: null,
      ...link,
    },
    version: "1",
    revokedBeforeMs: 5,
  };
}
