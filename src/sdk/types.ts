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

/** What a token, or the authorization behind it, is for. */
export interface ConnectGrantParams {
  subject?: ConnectTokenSubject;
  /** Our `ins_…`, or the provider's own installation or tenant id. */
  installationId?: string;
  audience?: readonly string[];
  /** Default `["*"]`: what the connector grants this kind of subject by default. */
  scopes?: readonly string[];
  /** RFC 8707. */
  resources?: readonly string[];
  authorizationDetails?: readonly ConnectAuthorizationDetail[];
}

export interface ConnectTokenParams extends ConnectGrantParams {
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

export interface ConnectAuthorizationOptions {
  /**
   * Where the user's browser comes back to: `?connect_request=…&connect_code=…` is added. Its origin must be among the
   * link's. Required where the binding in force is `finalize`.
   */
  returnUrl?: string;
  /** Told of success, refusal, error and expiry by a signed POST. https, on an origin of the link's. */
  webhook?: string;
  /** OpenID Connect Core §3.1.2.1. */
  prompt?: string;
  /** How it is made sure that the user who consents is the one you mean; the connector may ask for a stricter one. */
  binding?: "confirm" | "finalize" | "login";
  /** Ask for a code to type in, where the deployment offers that. */
  deviceCode?: boolean;
  expiresInMs?: number;
  /** More parameters for the provider's authorization endpoint. */
  additionalParams?: Readonly<Record<string, string>>;
  signal?: AbortSignal;
}

export interface ConnectInstallationOptions
  extends Pick<ConnectAuthorizationOptions, "webhook" | "deviceCode" | "expiresInMs" | "signal"> {
  /** Where the operator's browser comes back to: `?connect_request=…` is added. Its origin must be among the link's. */
  returnUrl?: string;
  /** The provider's own id of the tenant that is offered first. */
  tenantId?: string;
}

/** An authorization or installation that has begun. */
export interface ConnectAuthorization {
  /** Comes back to the `returnUrl` as `connect_request`. */
  request: string;
  /** Keep it in the session of the user it is for, and away from browsers and logs: it completes the authorization. */
  verifier: string;
  /** Send the user's browser there. */
  url: string;
  /** Milliseconds since the epoch. */
  expiresAt: number;
  deviceCode?: string;
  connector: { id: string; uid: string; type: string; name: string; service?: string; serviceName?: string };
}

export interface ConnectAuthorizationCompletion {
  /** Of `startAuthorization`, from the session of the user who came back. */
  verifier: string;
  /** `connect_code` of the URL that the user came back with. */
  connectCode: string;
}

export interface ConnectAuthorizationResult {
  /** `canceled`: the user refused. `partial`: of installations only. */
  status: "pending" | "partial" | "success" | "canceled" | "error" | "expired";
  progress?: unknown;
  data?: { clientId: string; installationId?: string };
  error?: { code: string; message: string };
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
