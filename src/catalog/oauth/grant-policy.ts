import type { GrantPolicy, UserAuthorization } from "../driver.ts";
import { effectiveServer, type OAuthConfig, type OAuthSettings } from "./config.ts";

const DEFAULT_CODE_LIFETIME_S = 60;

/**
 * How the provider treats what a user authorized, as far as the operator knows. Untold, the careful reading: a refresh
 * token is good for one use, and a revocation may end more than the token that it names.
 */
export function grantPolicy({ grantPolicy: told }: OAuthSettings): GrantPolicy {
  return {
    rotation: told?.rotation || "strict",
    oldAccessTokenDies: told?.oldAccessTokenDies ?? false,
    revocationScope: told?.revocationScope || "grant",
    codeLifetimeMs: (told?.codeLifetimeSeconds ?? DEFAULT_CODE_LIFETIME_S) * 1000,
  };
}

/** How users authorize; null where the operator did not enable it. */
export function userAuthorization(config: OAuthConfig): UserAuthorization | null {
  if (config.settings.userAuthorization?.enabled !== true) return null;
  const { issuer, authorization_response_iss_parameter_supported: sendsIssuer } = effectiveServer(config);
  return {
    kind: "redirect",
    policy: grantPolicy(config.settings),
    issuer: issuer ?? null,
    sendsIssuer: sendsIssuer === true,
  };
}
