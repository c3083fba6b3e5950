import type { Capabilities } from "../capabilities.ts";
import type { Driver } from "../driver.ts";
import { authorizationUrl } from "../oauth/authorization-url.ts";
import { userAuthorization } from "../oauth/grant-policy.ts";
import { exchangeCode, refreshTokens } from "../oauth/user-grant.ts";
import { withParsedConfig } from "../parsed-config.ts";
import { signAppJwt } from "./app-jwt.ts";
import { apiOf, appPage, GITHUB, type GitHubConfig, githubConfig } from "./config.ts";
import { DETAIL_TYPE } from "./details.ts";
import { githubInstallations } from "./installations.ts";
import { mintInstallationToken } from "./mint.ts";
import { resolveGitHubGroup, withinDetails } from "./narrowing.ts";
import { githubRegistration } from "./registration.ts";
import { revokeGitHubToken } from "./revoke.ts";
import { saveGitHub } from "./save.ts";
import { asClient } from "./users.ts";

/**
 * A GitHub App: tokens of its installations, minted from its key, and of its users. Whose account a user has is not known
 * here: to ask would come between a code's tokens and their being stored.
 */
export const githubDriver: Driver = withParsedConfig<GitHubConfig>(githubConfig, {
  type: "github",
  typeName: "GitHub",
  create: (data, context, deps) => saveGitHub(null, data, context, deps),
  update: saveGitHub,
  redact,
  capabilities,
  publicKeys: () => [],
  service: () => "github",
  provider: ({ web, api }) => `${web} ${api}`,
  resolveGroup: resolveGitHubGroup,
  withinDetails,
  installations: githubInstallations,
  registration: githubRegistration,
  assertion: signAppJwt,
  mint: mintInstallationToken,
  userAuthorization: (config) => userAuthorization(asClient(config)),
  redirectsUsers: true,
  authorizationUrl: (request, deps) => authorizationUrl({ ...request, config: asClient(request.config) }, deps),
  exchange: (request, deps) => exchangeCode({ ...request, config: asClient(request.config) }, deps),
  refresh: (request, deps) => refreshTokens({ ...request, config: asClient(request.config) }, deps),
  revoke: revokeGitHubToken,
});

function redact(
  { appId, appSlug, appName, clientId, owner, extras, web, api }: GitHubConfig,
  secretNames: string[],
): Record<string, unknown> {
  const facts = { appId, appSlug, appName, clientId, owner, extras };
  return {
    ...Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== null && value !== undefined)),
    ...(web !== GITHUB.web && { host: web }),
    ...(api !== apiOf(new URL(web)) && { apiUrl: api }),
    ...Object.fromEntries(secretNames.map((name) => [name, { set: true }])),
  };
}

function capabilities(config: GitHubConfig): Capabilities {
  const { hasPrivateKey, hasClientSecret, appSlug, owner, web } = config;
  const settings = owner?.type === "organization" ? `organizations/${owner.slug}/settings` : "settings";
  return {
    supportedSubjectTypes: [
      ...(hasPrivateKey ? (["app"] as const) : []),
      ...(hasClientSecret ? (["user"] as const) : []),
    ],
    supportsInstallation: true,
    supportsRevocation: true,
    supportsIcon: "false",
    installedSubjects: ["app"],
    partition: "environment",
    sites: { website: web, docsite: "https://docs.github.com/apps" },
    ...(appSlug !== null && { clientUrl: appPage(config) }),
    ...(hasPrivateKey && {
      appTokens: {
        crossInstallation: false,
        supportsRefinement: true,
        supportedAuthorizationDetails: [DETAIL_TYPE],
        requiresReinstallation: true,
        // An enterprise has other pages, and no login.
        ...(appSlug !== null &&
          owner !== undefined && { permissionsUrl: `${web}/${settings}/apps/${appSlug}/permissions` }),
      },
    }),
    ...(hasClientSecret && { userTokens: { crossInstallation: true, supportsRefinement: false } }),
  };
}
