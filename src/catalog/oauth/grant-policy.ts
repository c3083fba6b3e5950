import type { GrantPolicy, UserAuthorization } from "../driver.ts";
import { type ProviderPolicy, USUAL_POLICY } from "../provider-policy.ts";
import { effectiveServer, type OAuthConfig } from "./config.ts";

type Policed = Pick<OAuthConfig, "settings" | "policy">;

/** The provider's policy, with what the operator knows better. */
export function policyOf({ settings: { grantPolicy: told }, policy = USUAL_POLICY }: Policed): ProviderPolicy {
  const { rotation, oldAccessTokenDies, revocationScope, codeLifetimeSeconds } = told ?? {};
  return {
    ...policy,
    ...(rotation && { rotation }),
    ...(oldAccessTokenDies !== undefined && { oldAccessTokenDies }),
    ...(revocationScope && { revocationScope }),
    ...(codeLifetimeSeconds !== undefined && { codeLifetimeMs: codeLifetimeSeconds * 1000 }),
  };
}

/** How the provider treats what a user authorized. */
export function grantPolicy(config: Policed): GrantPolicy {
  const { rotation, oldAccessTokenDies, revocationScope, codeLifetimeMs } = policyOf(config);
  return { rotation, oldAccessTokenDies, revocationScope, codeLifetimeMs };
}

/** How users authorize; null where the operator did not enable it. */
export function userAuthorization(config: OAuthConfig): UserAuthorization | null {
  if (config.settings.userAuthorization?.enabled !== true) return null;
  const { issuer, authorization_response_iss_parameter_supported: sendsIssuer } = effectiveServer(config);
  return {
    kind: "redirect",
    policy: grantPolicy(config),
    issuer: issuer ?? null,
    sendsIssuer: sendsIssuer === true,
  };
}
