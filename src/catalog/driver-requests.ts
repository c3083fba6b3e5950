import type { Secret } from "../crypto/secret.ts";
import type { Asserting, ExternalSubject, Opened, SubjectType, TokenGroup } from "./driver.ts";
import type { InstalledAt } from "./installations.ts";

// What a driver is asked for: a connector that was opened for this one call, and what is wanted of its provider.

export interface MintRequest<Config = unknown> extends Asserting<Config> {
  group: TokenGroup;
  /** Where the token is to be good; null = the driver has no installations. */
  installation: InstalledAt | null;
}

export interface AuthorizationUrlRequest<Config = unknown> extends Opened<Config> {
  redirectUri: string;
  state: string;
  /** S256 (RFC 7636 §4.2). */
  codeChallenge: string;
  nonce: string;
  group: TokenGroup;
  /** OpenID Connect `prompt`, from the closed list; null = not sent. */
  prompt: string | null;
  /** Parameters of the caller; protocol parameters among them are refused. */
  additionalParams: Record<string, string>;
}

export interface ExchangeRequest<Config = unknown> extends Opened<Config> {
  code: Secret;
  codeVerifier: Secret;
  redirectUri: string;
  nonce: string;
  group: TokenGroup;
}

export interface RefreshRequest<Config = unknown> extends Opened<Config> {
  refreshToken: Secret;
  /** What the token is to be for. */
  group: TokenGroup;
  /** Ask for less than was granted (RFC 6749 §6): `group.scopes` are sent. */
  narrow: boolean;
  /** What was granted. */
  grantedScopes: string[];
  /** Who authorized: an id_token of anyone else brings no claims. */
  externalSubject: ExternalSubject | null;
}

export interface RevokeRequest<Config = unknown> extends Opened<Config> {
  token: Secret;
  hint: "access_token" | "refresh_token";
  /** Whose it is. */
  subject: SubjectType;
}
