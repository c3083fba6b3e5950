import type { GrantPolicy, IssuedAuthorization } from "../catalog/driver.ts";
import type { KeyRing } from "../crypto/key-ring.ts";
import { Secret } from "../crypto/secret.ts";
import { fail, type Result } from "../errors.ts";
import type { Authorization } from "./authorization-store.ts";
import type { GrantDeps } from "./deps.ts";
import type { GrantAuthorizationRequest } from "./protocol.ts";
import { type Provider, providerOf } from "./provider-call.ts";
import { UNTRIED } from "./refresh-decisions.ts";
import type { StoredToken } from "./stored-token.ts";

/** How users authorize this connector at its provider; null = they do not. */
export function policyOf({ driver, credentials }: Provider): GrantPolicy | null {
  const how = driver.userAuthorization(credentials.config);
  return how?.kind === "redirect" ? how.policy : null;
}

/** The same where users paste keys: there is nobody to ask, but the tokens are somebody's. */
export async function pastedKeyProvider(
  { teamId, identity }: GrantAuthorizationRequest,
  keys: KeyRing,
  deps: Pick<GrantDeps, "db" | "driverOf">,
): Promise<Result<Provider>> {
  const provider = await providerOf({ teamId, connectorId: identity.connectorId }, keys, deps);
  if (!provider.ok) return provider;
  const { driver, credentials } = provider.value;
  return driver.userAuthorization(credentials.config)?.kind === "pasted-key" ? provider : fail("unresolved_token");
}

/** A key that a user pasted, as if it had been issued. */
export function pastedKey(key: string): IssuedAuthorization {
  return {
    accessToken: Secret.of(key),
    refreshToken: null,
    expiresAtMs: null,
    scopes: [],
    resources: [],
    authorizationDetails: [],
    static: true,
    externalSubject: null,
    claims: null,
  };
}

/** The token that comes with an authorization: nobody has asked for it yet, and a pasted key is nowhere else. */
export function firstToken(token: StoredToken, { audience }: { audience: string[] }): StoredToken {
  const granted = { ...token.granted, audience };
  return { ...token, granted, askedAtMs: token.mintedAtMs - 1, keepUntilMs: token.expiresAtMs };
}

/** The row of an authorization that has just come home. */
export function authorizationOf(
  { ordinal, linkId, revokedBeforeMs, group }: GrantAuthorizationRequest,
  { issued, policy, provider }: { issued: IssuedAuthorization; policy: GrantPolicy | null; provider: Provider },
  authorizedAtMs: number,
  computed: Pick<Authorization, "authorizationId" | "subjectHash" | "fingerprint">,
): Authorization {
  const { scopes, resources, authorizationDetails } = issued;
  return {
    ...UNTRIED,
    ...computed,
    ordinal,
    linkId,
    revokedBeforeMs,
    authorizedAtMs,
    provider: provider.name,
    configuredProvider: provider.name,
    configRevision: provider.credentials.configRevision,
    policy,
    asked: group,
    granted: { scopes, resources, authorizationDetails },
    lastGroup: null,
    notice: null,
    indexed: false,
  };
}
