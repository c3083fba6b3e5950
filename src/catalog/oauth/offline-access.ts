import { effectiveServer, type OAuthConfig } from "./config.ts";

const OFFLINE_ACCESS = "offline_access";

/**
 * The scopes that are sent for `scopes`. Where the server lists `offline_access` (OpenID Connect Core §11) it is added,
 * because there may be no refresh token without it; not to none, since that would replace the server's own defaults.
 */
export function withOfflineAccess(config: OAuthConfig, scopes: string[]): string[] {
  return addsIt(config) && scopes.length > 0 && !scopes.includes(OFFLINE_ACCESS) ? [...scopes, OFFLINE_ACCESS] : scopes;
}

/** The granted scopes without one that was only added: it is no right that anybody asked for, or that a ceiling knows. */
export function withoutAddedScope(config: OAuthConfig, granted: string[], requested: string[]): string[] {
  const isOurs = addsIt(config) && !requested.includes(OFFLINE_ACCESS);
  return isOurs ? granted.filter((scope) => scope !== OFFLINE_ACCESS) : granted;
}

function addsIt(config: OAuthConfig): boolean {
  const isListed = effectiveServer(config).scopes_supported?.includes(OFFLINE_ACCESS) === true;
  return isListed && config.settings.refreshTokens?.enabled !== false;
}
