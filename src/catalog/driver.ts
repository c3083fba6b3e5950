import type { JWK } from "jose";
import type { Secret } from "../crypto/secret.ts";
import type { Result } from "../errors.ts";
import type { GuardedFetch } from "../outbound/guarded-fetch.ts";
import type { UrlPolicy } from "../outbound/url-policy.ts";
import type { Capabilities } from "./capabilities.ts";
import type { ConnectorType } from "./connector-types.ts";
import type {
  AuthorizationUrlRequest,
  ExchangeRequest,
  MintRequest,
  RefreshRequest,
  RevokeRequest,
} from "./driver-requests.ts";
import type { Installations, InstalledAt, Registration } from "./installations.ts";

export type SubjectType = "app" | "user" | "jwt-bearer" | "token";

/** What tokens a request asks for, beyond who it is for. Sets are canonical: sorted, unique, `[]` = the defaults. */
export interface TokenGroup {
  scopes: string[];
  resources: string[];
  audience: string[];
  authorizationDetails: AuthorizationDetail[];
}

/** RFC 9396 §2. */
export interface AuthorizationDetail {
  type: string;
  [member: string]: unknown;
}

/** A token as the provider issued it, before it is stored. Times are ms since the epoch. */
export interface IssuedToken {
  accessToken: Secret;
  /**
   * When the provider lets it expire; already made conservative by counting from before the request. Null = never, which
   * only a static value may say.
   */
  expiresAtMs: number | null;
  /** Scopes in force, as granted (RFC 6749 §5.1: absent = as requested). */
  scopes: string[];
  resources: string[];
  authorizationDetails: AuthorizationDetail[];
  /** True for a value that an operator stored: it is nobody's issuance, and cannot be revoked. */
  static: boolean;
  metadata?: TokenMetadata;
}

/** What a provider says of a token beside RFC 6749, such as what an installation token may do. */
export type TokenMetadata = Record<string, string | number | boolean | Record<string, string>>;

/** A connector as its driver saved it, opened for one call. */
export interface Opened<Config = unknown> {
  /** The public configuration. */
  config: Config;
  /** Its secrets by field name, as the driver split them off. */
  secrets: Record<string, Secret>;
  connectorId: string;
}

/** The same where the driver may have to say who asks. */
export interface Asserting<Config = unknown> extends Opened<Config> {
  assertion: AssertionSource;
}

/**
 * The connector's current assertion (`Driver.assertion`), signed once for all of its grants. With `refused`, the one that
 * the provider did not take and the provider's clock (its `Date`, ms), a new one by that clock.
 */
export type AssertionSource = (refused?: {
  assertion: Secret;
  providerNowMs: number | null;
}) => Promise<Result<Secret>>;

/** What a provider knows an app by, such as GitHub's app JWT. */
export interface SignedAssertion {
  assertion: Secret;
  /** Until then it is handed out again, by the clock that it was signed by. */
  reuseUntilMs: number;
}

/** How a provider treats what one user authorized: facts about it, as data. */
export interface GrantPolicy {
  /**
   * What a refresh does to the refresh token: nothing; replaces it while the old one works a little longer; or replaces
   * it at once and punishes whoever presents the old one.
   */
  rotation: "stable" | "grace" | "strict";
  /** A refresh ends the access token before it, so there is only ever one. */
  oldAccessTokenDies: boolean;
  /** What a revocation at the provider ends: that token, or everything that user has with this client. */
  revocationScope: "token" | "grant";
  /** How long the provider lets an authorization code wait (ms). */
  codeLifetimeMs: number;
}

/** How users authorize a connector: at the provider (RFC 6749 §4.1), or by pasting a key of their own. */
export type UserAuthorization =
  | {
      kind: "redirect";
      policy: GrantPolicy;
      /** The provider's issuer, as pinned; null = unknown. */
      issuer: string | null;
      /** The provider says that its answers carry `iss` (RFC 9207 §3). */
      sendsIssuer: boolean;
    }
  | { kind: "pasted-key" /** Markdown. */; instructions: string | null };

/** Who the provider says the user is: never an e-mail address (OpenID Connect Core §5.7). */
export interface ExternalSubject {
  issuer: string;
  subject: string;
}

export type Claims = Record<string, string | number | boolean | string[] | null>;

/** What a code exchange or a refresh brought home. `accessToken` may be the same as before. */
export interface IssuedAuthorization extends IssuedToken {
  /** Null = the provider sent none: after a refresh, the one that was presented goes on. */
  refreshToken: Secret | null;
  /** Null = unknown: there was no id_token. */
  externalSubject: ExternalSubject | null;
  /** Of the id_token, as far as the connector forwards them; null = there was no id_token. */
  claims: Claims | null;
}

export interface DriverDeps {
  fetch: GuardedFetch;
  now: () => number;
  /** Which URLs a connector may be pointed at; the same policy that `fetch` enforces. */
  urlPolicy: UrlPolicy;
  randomBytes: (length: number) => Uint8Array<ArrayBuffer>;
}

/** A configuration as it is stored: what may be shown, and what is sealed. */
export interface SplitConfig<Config> {
  config: Config;
  secrets: Record<string, string>;
}

/** The same as a driver just saved it. */
export interface SavedConfig<Config> extends SplitConfig<Config> {
  /** What the connector still lacks to work, as sentences that say what to do. */
  missing?: string[];
  /** How the provider signs its events, as `data` said: which recipe, and the secret if one was given. */
  trigger?: { provider: string; secret: string | null };
}

export interface SaveContext {
  connectorId: string;
  /** What is missing is only reported, so that the connector can be completed later. */
  draft: boolean;
  /** Where the provider finds the public keys of `private_key_jwt` connectors. */
  jwksUri: string;
}

/**
 * One way to get tokens from one kind of provider. Drivers hold no state, no clock and no store: what they
 * need is passed in, what they return is plain data, what fails is a `Result`.
 */
export interface Driver<Config = unknown> {
  type: ConnectorType;
  typeName: string;
  /** Validate a create body's `data`, fetch what must be pinned (discovery), generate keys, and split off secrets. */
  create(data: unknown, context: SaveContext, deps: DriverDeps): Promise<Result<SavedConfig<Config>>>;
  /** The same for a PATCH body's `data` over what is stored; secrets not named stay. */
  update(
    stored: SplitConfig<Config>,
    data: unknown,
    context: SaveContext,
    deps: DriverDeps,
  ): Promise<Result<SavedConfig<Config>>>;
  /** The connector's `data` on the wire: public facts; a secret appears as `{set:true}` at most. */
  redact(config: Config, secretNames: string[]): Record<string, unknown>;
  capabilities(config: Config): Capabilities;
  /** Public keys with which the provider verifies this connector's client assertions; none for most. */
  publicKeys(config: Config): JWK[];
  /** The service name shown when none was given, e.g. the host of the authorization server. */
  service(config: Config): string;
  /** Who issues this configuration's tokens and hears of their revocation; a token is sent to nobody else. */
  provider(config: Config): string;
  /**
   * Whether the requested group can be honoured for that subject; the canonical group with defaults filled in. With the
   * installation, once it is known, also whether that has what is asked for.
   */
  resolveGroup(config: Config, subject: SubjectType, group: TokenGroup, installation?: InstalledAt): Result<TokenGroup>;
  /**
   * The group within a link's ceiling of authorization details: what is asked for above it is `permission_not_allowed`,
   * what is left to the defaults shrinks to it. Null = the driver knows no details.
   */
  withinDetails: ((group: TokenGroup, ceiling: AuthorizationDetail[]) => Result<TokenGroup>) | null;
  /** Null = connectors of this type are not installed anywhere. */
  installations: Installations<Config> | null;
  /** Null = such connectors cannot be registered through a browser. */
  registration: Registration | null;
  /** Sign what the provider knows this connector by, at `nowMs` by the provider's clock; null = nothing of the kind. */
  assertion:
    | ((connector: Pick<Opened<Config>, "config" | "secrets">, nowMs: number) => Promise<Result<SignedAssertion>>)
    | null;
  /** Ask the provider for an `app` token. */
  mint(request: MintRequest<Config>, deps: DriverDeps): Promise<Result<IssuedToken>>;
  /** How users authorize this configuration; null = they cannot. */
  userAuthorization(config: Config): UserAuthorization | null;
  /** Users may be sent to the provider, if the configuration lets them; such connectors have a redirect URI. */
  redirectsUsers: boolean;
  /**
   * Where the user's browser is sent, with everything that was asked for, pushed ahead where the server takes that
   * (RFC 9126). `pkce_unsupported`, `invalid_scope`, or what the provider said to the push.
   */
  authorizationUrl(request: AuthorizationUrlRequest<Config>, deps: DriverDeps): Promise<Result<string>>;
  /**
   * A code for tokens. Keys that an id_token is verified with are fetched before the code is sent, so that nothing
   * comes between the provider's answer and the caller's commit.
   */
  exchange(request: ExchangeRequest<Config>, deps: DriverDeps): Promise<Result<IssuedAuthorization>>;
  /** A fresh access token by the refresh token. `upstream_grant_refused` = the provider will not have that one. */
  refresh(request: RefreshRequest<Config>, deps: DriverDeps): Promise<Result<IssuedAuthorization>>;
  /** Revoke upstream (RFC 7009); `unsupported` where the provider has no way. */
  revoke(request: RevokeRequest<Config>, deps: DriverDeps): Promise<Result<"done" | "unsupported">>;
}
