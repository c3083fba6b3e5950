import type { KeyObject } from "node:crypto";

export type Level = "read" | "write" | "admin";
export type Permissions = Record<string, Level>;

export interface Account {
  id: number;
  login: string;
  type: "User" | "Organization";
  /** Logins, of an organization. */
  admins: Set<string>;
  members: Set<string>;
}

export interface Issue {
  id: number;
  number: number;
  title: string;
  /** Login; an app's ends in `[bot]`. */
  by: string;
}

export interface Repository {
  id: number;
  name: string;
  owner: Account;
  private: boolean;
  issues: Issue[];
}

export interface App {
  id: number;
  slug: string;
  name: string;
  description: string | null;
  owner: Account;
  externalUrl: string;
  clientId: string;
  clientSecret: string;
  webhookSecret: string | null;
  hookUrl: string | null;
  hookId: number;
  /** Every key that it may sign with. */
  publicKeys: KeyObject[];
  permissions: Permissions;
  events: string[];
  callbackUrls: string[];
  setupUrl: string | null;
  setupOnUpdate: boolean;
  requestOauthOnInstall: boolean;
  public: boolean;
  expireUserTokens: boolean;
  createdAtMs: number;
  updatedAtMs: number;
}

export interface Installation {
  id: number;
  app: App;
  account: Account;
  /** Ids of repositories. */
  repositories: "all" | Set<number>;
  permissions: Permissions;
  events: string[];
  suspended: { atMs: number; by: Account } | null;
  createdAtMs: number;
  updatedAtMs: number;
}

export interface InstallationToken {
  kind: "installation";
  token: string;
  installation: Installation;
  permissions: Permissions;
  /** What it was narrowed to; null = whatever the installation reaches. */
  repositoryIds: ReadonlySet<number> | null;
  expiresAtMs: number;
  revoked: boolean;
}

export interface UserToken {
  kind: "user";
  id: number;
  token: string;
  app: App;
  user: Account;
  createdAtMs: number;
  /** null = never. */
  expiresAtMs: number | null;
  refreshToken: string | null;
  refreshExpiresAtMs: number;
  revoked: boolean;
}

export interface OAuthCode {
  app: App;
  user: Account;
  /** Of the authorization request. */
  redirectUri: string | null;
  codeChallenge: string | null;
  expiresAtMs: number;
}

/** What a test may change at any time. */
export interface Settings {
  /** Login of who is signed in in every browser. */
  user: string;
  /** `automatic` agrees without a page, `page` shows one, `deny` refuses. */
  consent: "automatic" | "page" | "deny";
  /** What an automatic installation takes; an empty account is the user's own. */
  selection: { account: string; repositories: "all" | string[] };
  /** Of installation tokens. On github.com `X-GitHub-Stateless-S2S-Token` overrides it; GHES keeps `opaque`. */
  tokenFormat: "stateless" | "opaque" | "unprefixed";
  /** Lifetime of users' access tokens that expire. */
  userTokenSeconds: number;
  /** Lifetimes of user tokens as text, as they were in 2020. */
  lifetimesAsText: boolean;
  /** What revoking a token that is not there is answered with: documented is 422, checking one is 404. */
  unknownTokenStatus: 404 | 422;
  /** Added to the clock: what the server thinks the time is. */
  skewMs: number;
  /** Requests an hour, of each token or app. */
  hourlyLimit: number;
}

export function isAdmin(account: Account, user: Account): boolean {
  return account === user || account.admins.has(user.login);
}

export function isMember(account: Account, user: Account): boolean {
  return account === user || account.members.has(user.login);
}

const RANK: Record<Level, number> = { read: 1, write: 2, admin: 3 };

/** Whether `granted` includes `wanted` of that name; reading metadata is part of everything. */
export function includes(granted: Permissions, name: string, wanted: string): boolean {
  if (name === "metadata" && wanted === "read") return true;
  const has = granted[name];
  return has !== undefined && isLevel(wanted) && RANK[wanted] <= RANK[has];
}

export function isLevel(value: unknown): value is Level {
  return value === "read" || value === "write" || value === "admin";
}
