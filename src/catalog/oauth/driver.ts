import type { Capabilities } from "../capabilities.ts";
import type { Driver, SubjectType } from "../driver.ts";
import { nowhereInstalled } from "../nowhere-installed.ts";
import { withParsedConfig } from "../parsed-config.ts";
import { authorizationUrl } from "./authorization-url.ts";
import { effectiveServer, type OAuthConfig, oauthConfig } from "./config.ts";
import { grantPolicy, userAuthorization } from "./grant-policy.ts";
import { resolveOAuthGroup } from "./group.ts";
import { saveOAuth } from "./save.ts";
import { mintByClientCredentials, revokeToken } from "./token-request.ts";
import { exchangeCode, refreshTokens } from "./user-grant.ts";

/** Any OAuth 2.0 authorization server, described by its metadata (RFC 6749, RFC 8414). */
export const oauthDriver: Driver = withParsedConfig<OAuthConfig>(oauthConfig, {
  type: "oauth",
  typeName: "OAuth",
  create: (data, context, deps) => saveOAuth(null, data, context, deps),
  update: saveOAuth,
  redact,
  capabilities,
  publicKeys: ({ clientAuth }) => (clientAuth.key === null ? [] : [clientAuth.key.publicJwk]),
  service,
  provider,
  resolveGroup: resolveOAuthGroup,
  ...nowhereInstalled,
  mint: mintByClientCredentials,
  userAuthorization,
  redirectsUsers: true,
  authorizationUrl,
  exchange: exchangeCode,
  refresh: refreshTokens,
  revoke: revokeToken,
});

function redact(config: OAuthConfig, secretNames: string[]): Record<string, unknown> {
  const { settings, clientAuth } = config;
  const { clientId, ...others } = settings;
  return {
    ...(clientId !== "" && { clientId }),
    ...others,
    tokenEndpointAuthMethod: clientAuth.method,
    ...(secretNames.includes("clientSecret") ? { clientSecret: { set: true } } : {}),
    ...(clientAuth.jwksUri === null ? {} : { jwksUri: clientAuth.jwksUri }),
    // What is in use: discovered, with `serverConfig` over it.
    server: effectiveServer(config),
  };
}

function capabilities(config: OAuthConfig): Capabilities {
  const { clientCredentials, userAuthorization: users } = config.settings;
  const server = effectiveServer(config);
  const supportedSubjectTypes: SubjectType[] = [];
  if (clientCredentials?.enabled === true) supportedSubjectTypes.push("app");
  if (users?.enabled === true) supportedSubjectTypes.push("user");
  const tokens = (scopes: string[] | undefined, canNarrow: boolean) => ({
    crossInstallation: false,
    supportsRefinement: canNarrow,
    supportsResources: canNarrow,
    scopes: scopes ?? [],
    ...(server.authorization_details_types_supported === undefined
      ? {}
      : { supportedAuthorizationDetails: server.authorization_details_types_supported }),
  });
  return {
    supportedSubjectTypes,
    supportsInstallation: false,
    supportsRevocation: server.revocation_endpoint !== undefined,
    supportsIcon: "false",
    partition: "environment",
    // RFC 8414 §2.
    ...(server.service_documentation !== undefined && { sites: { docsite: server.service_documentation } }),
    ...(clientCredentials?.enabled === true ? { appTokens: tokens(clientCredentials.scopes, true) } : {}),
    ...(users?.enabled === true ? { userTokens: tokens(users.scopes, !grantPolicy(config).oldAccessTokenDies) } : {}),
  };
}

function service(config: OAuthConfig): string {
  const server = effectiveServer(config);
  const url = URL.parse(server.issuer ?? server.token_endpoint ?? "");
  return url === null ? "oauth" : url.hostname;
}

/**
 * The issuer, or else the token endpoint's origin; and the revocation endpoint's origin where that is another one, since
 * an operator may set each by itself and tokens would be sent there.
 */
function provider(config: OAuthConfig): string {
  const { issuer, token_endpoint: tokenEndpoint, revocation_endpoint: revocationEndpoint } = effectiveServer(config);
  const originOf = (url: string | undefined) => URL.parse(url ?? "")?.origin ?? "";
  const server = issuer ?? originOf(tokenEndpoint);
  const revokesAt = originOf(revocationEndpoint);
  return revokesAt === "" || revokesAt === originOf(server) ? server : `${server} ${revokesAt}`;
}
