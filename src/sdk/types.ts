/** Whom the token stands for. Without a subject, the deployment decides from the caller's credential. */
export type ConnectTokenSubject =
  | ConnectAppTokenSubject
  | ConnectUserTokenSubject
  | ConnectJwtBearerTokenSubject
  | ConnectTokenExchangeSubject;

export interface ConnectAppTokenSubject {
  type: "app";
}

export interface ConnectUserTokenSubject {
  type: "user";
  id: string;
  /** The OIDC issuer that `id` belongs to. */
  issuer?: string;
}

/** RFC 7523. */
export interface ConnectJwtBearerTokenSubject {
  type: "jwt-bearer";
  sub: string;
  iss?: string;
  aud?: string;
  additionalClaims?: Record<string, unknown>;
}

/** RFC 8693: another token, exchanged at the provider. */
export interface ConnectTokenExchangeSubject {
  type: "token";
  token: string;
}

/** RFC 9396. */
export interface ConnectAuthorizationDetail {
  type: string;
  [field: string]: unknown;
}

export interface ConnectTokenParams {
  subject?: ConnectTokenSubject;
  /** Our `ins_…`, or the provider's own installation or tenant id. */
  installationId?: string;
  audience?: readonly string[];
  /** Default `["*"]`: what the connector grants this kind of subject by default. */
  scopes?: readonly string[];
  /** RFC 8707. */
  resources?: readonly string[];
  authorizationDetails?: readonly ConnectAuthorizationDetail[];
  /** The token shall live at least this much longer. Default 30,000; never more than half of its lifetime. */
  validityBufferMs?: number;
  /** `tokenId` of a token that the provider refused: a cached copy is dropped and the deployment refreshes it. */
  rejectedTokenId?: string;
}

export interface ConnectOptions {
  /** Ask the deployment's authority, past every cache on the way. */
  forceRefresh?: boolean;
  /** Ends this call only; others that wait for the same token go on. */
  signal?: AbortSignal;
}

export interface ConnectTokenResponse {
  token: string;
  /** Names this issuance in logs, and in `rejectedTokenId`. */
  tokenId: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  connector: { id: string; uid: string; type: string };
  name?: string;
  installationId?: string;
  tenantId?: string;
  externalSubject?: string;
  /** Stays the same across all refreshes of one authorization. */
  authorizationId?: string;
  tokenGroupId?: string;
  claims?: Record<string, unknown>;
  metadata?: Record<string, unknown>;
  /** What was granted, where the deployment knows. */
  scopes?: string[];
  resources?: string[];
  authorizationDetails?: ConnectAuthorizationDetail[];
}

/** What to revoke. `{}` is every token of the connector and takes an administrator's credential. */
export interface ConnectRevocationParams {
  subject?: ConnectTokenSubject;
  installationId?: string;
}

export interface ConnectRevocation {
  tokensFound: number;
  deleted: number;
  providerRevoked: number;
  providerSkipped: number;
  providerFailed: number;
  providerPending: number;
  local: "revoked";
  upstream: "pending" | "done" | "unsupported";
  /** From this time (ms since the epoch) on, the deployment hands out none of the revoked tokens. */
  effectiveBy: number;
  progress?: unknown;
}

export interface ConnectorMetadata {
  id: string;
  uid: string;
  name: string;
  type: string;
  service: string;
  clientUrl?: string;
  /** Milliseconds since the epoch. */
  createdAt: number;
  updatedAt: number;
  /** Public configuration that depends on the provider, such as a GitHub App's slug. */
  vendor: Record<string, unknown>;
}
