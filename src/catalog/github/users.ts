import type { Secret } from "../../crypto/secret.ts";
import type { Result } from "../../errors.ts";
import type { DriverDeps, IssuedAuthorization, Opened, TokenGroup } from "../driver.ts";
import type { OAuthConfig } from "../oauth/config.ts";
import { refreshTokens } from "../oauth/user-grant.ts";
import { type ProviderPolicy, USUAL_POLICY } from "../provider-policy.ts";
import type { GitHubConfig } from "./config.ts";

/**
 * How GitHub treats what users authorize. An app may let their tokens live on: then an answer has neither lifetime nor
 * refresh token. Ending a grant would also end what the user gave other connectors of the same app, so tokens are ended.
 * https://docs.github.com/apps/creating-github-apps/authenticating-with-a-github-app/refreshing-user-access-tokens
 */
const GITHUB_POLICY: ProviderPolicy = {
  ...USUAL_POLICY,
  rotation: "strict",
  oldAccessTokenDies: true,
  revocationScope: "token",
  codeLifetimeMs: 10 * 60_000,
  accessTokenLifetimeS: 365 * 24 * 3600,
  // The answer to a client id that is no app's.
  finalErrors: { ...USUAL_POLICY.finalErrors, "Not Found": "client" },
};

/** No group but the default: users' tokens cannot be narrowed. */
export const EVERYTHING: TokenGroup = { scopes: [], resources: [], audience: [], authorizationDetails: [] };

/** The app as the OAuth engine knows clients. */
export function asClient({ clientId, web, hasClientSecret }: GitHubConfig): OAuthConfig {
  return {
    settings: { clientId: clientId ?? "", pkceRequired: false, userAuthorization: { enabled: hasClientSecret } },
    discovered: {
      authorization_endpoint: `${web}/login/oauth/authorize`,
      token_endpoint: `${web}/login/oauth/access_token`,
    },
    clientAuth: { method: "client_secret_post", key: null, jwksUri: null },
    policy: GITHUB_POLICY,
  };
}

/** A new access token of a user, for whatever they authorized. */
export function refreshUser(
  request: Opened<GitHubConfig> & { refreshToken: Secret },
  deps: DriverDeps,
): Promise<Result<IssuedAuthorization>> {
  const all = { group: EVERYTHING, narrow: false, grantedScopes: [], externalSubject: null };
  return refreshTokens({ ...request, ...all, config: asClient(request.config) }, deps);
}
