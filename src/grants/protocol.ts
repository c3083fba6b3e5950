import type { ConnectorType } from "../catalog/connector-types.ts";
import type { AuthorizationDetail, Claims, TokenGroup, TokenMetadata } from "../catalog/driver.ts";
import type { Failure } from "../errors.ts";

/**
 * Whom a grant is for. The tuple is the Grant object's name for ever (`grants/name.ts`), so fields are only
 * ever added with a new name version.
 */
export interface GrantIdentity {
  connectorId: string;
  installationId: string | null;
  subject: GrantSubject;
  /** The environment for user grants and separable app grants, else `shared`. */
  partition: string;
}

export type GrantSubject =
  | { type: "app" }
  | { type: "user"; namespace: string | null; issuer: string | null; id: string };

/** What the edge asks a Grant. Everything the answer depends on travels with the question. */
export interface GrantTokenRequest {
  teamId: string;
  identity: GrantIdentity;
  connector: {
    type: ConnectorType;
    configRevision: number;
    region: string | null;
    leaseSeconds: number;
  };
  /** The provider's id of the tenant of the identity's installation. */
  tenantId: string | null;
  /** Through which the project asks; its tokens are told apart by it. */
  linkId: string;
  /** The scopes that the link allows; a token with any other is neither kept nor handed out. Null = no ceiling. */
  scopeCeiling: string[] | null;
  groupId: string;
  group: TokenGroup;
  /** The request named scopes, so the token is to have those; else whatever of the defaults was granted. */
  narrow: boolean;
  /** The state of connector and link that allowed this request; a lease holds only under the same. */
  snapshotVersion: string;
  /** Tokens obtained under an older revocation value are dead. */
  revokedBeforeMs: number;
  validityBufferMs: number;
  /** The provider refused this token: refresh if it is still current. */
  rejectedTokenId: string | null;
  /** Where the edge looks in KV; the Grant alone writes there. Null where the lease is too short for KV. */
  leaseKey: string | null;
}

/** An authorization on its way home: everything that was decided when it was asked for, and what the user brought. */
export interface GrantAuthorizationRequest {
  teamId: string;
  identity: GrantIdentity;
  connector: GrantTokenRequest["connector"];
  linkId: string;
  scopeCeiling: string[] | null;
  /** What was asked for; the first access token answers this group. */
  group: TokenGroup;
  /** Orders the authorizations of one grant: the greater was asked for later, and an older one is `superseded`. */
  ordinal: number;
  revokedBeforeMs: number;
  credential:
    | { kind: "code"; code: string; codeVerifier: string; redirectUri: string; nonce: string }
    | { kind: "key"; key: string };
}

export type GrantAuthorizationAnswer =
  | { ok: true; value: { authorizationId: string; scopes: string[] } }
  | { ok: false; failure: Failure };

/** `active`; or why tokens stopped: the provider's answer was lost and it refuses the old token; it refused; revoked. */
export type AuthorizationState = "active" | "lost_in_flight" | "refused_upstream" | "revoked";

/**
 * What became of telling the provider that an authorization ended. `shared`: it was not told, since at this provider
 * that would end another grant of the same user, too. `given_up`: it never confirmed.
 */
export interface UpstreamRevocation {
  outcome: "pending" | "confirmed" | "unsupported" | "shared" | "given_up";
  atMs: number | null;
}

/** What a Grant tells an operator of its user's authorization: no token, and nothing that a provider said. */
export interface GrantDescription {
  authorizationId: string;
  state: AuthorizationState;
  scopes: string[];
  /** Whether it outlives its access token. */
  refreshable: boolean;
  authorizedAtMs: number;
  accessTokenExpiresAtMs: number | null;
  lastRefresh: { atMs: number; outcome: "ok" | Failure["code"] } | null;
  /** When the Grant goes on by itself; null = when somebody asks. */
  nextAttemptAtMs: number | null;
  /** Null = it was never ended. */
  upstreamRevocation: UpstreamRevocation | null;
}

/** One token as the edge may hold it. `token` is plaintext: it never rests anywhere in this shape but in memory. */
export interface LeasedToken {
  token: string;
  tokenId: string;
  /** Of a static value: when the value itself ends (`NEVER_MS` = never); what a caller is told is less. */
  expiresAtMs: number;
  static: boolean;
  /** From issue to expiry (ms); the caller's buffer is clamped to half of it. */
  lifetimeMs: number;
  scopes: string[];
  resources: string[];
  authorizationDetails: AuthorizationDetail[];
  authorizationId: string;
  metadata?: TokenMetadata | undefined;
  /** Of the user's id_token, as far as the connector forwards them. */
  claims?: Claims | undefined;
  /** The provider's id of the user, where it is known. */
  externalSubject?: string | undefined;
  /** Where it is good: our id, and the provider's of the tenant. */
  installationId?: string | undefined;
  tenantId?: string | undefined;
  groupId: string;
  snapshotVersion: string;
  /** The revocation value under which it was obtained. */
  revokedBeforeMs: number;
  /** The clock read before the Grant looked at its own state. */
  leaseFromMs: number;
  /** Absolute end of the promise; inherited by every rung of the ladder. */
  leaseUntilMs: number;
}

/** `minted`: the provider was called for it, by this question or by one that it waited for. */
export type GrantTokenAnswer = { ok: true; value: LeasedToken; minted: boolean } | { ok: false; failure: Failure };

/** What a Grant did when told to revoke. */
export interface GrantRevocation {
  tokensFound: number;
  deleted: number;
  providerRevoked: number;
  providerSkipped: number;
  providerFailed: number;
  providerPending: number;
}

/** What a Grant did when told to re-seal. */
export interface GrantReseal {
  /** Nothing in it needs another key any more. */
  done: boolean;
  /** Why not, for the log. */
  reason: string;
}
