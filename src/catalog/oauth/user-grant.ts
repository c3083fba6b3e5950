import type { JSONWebKeySet } from "jose";
import { genericTokenEndpointRequest } from "oauth4webapi";
import type { Secret } from "../../crypto/secret.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Claims, DriverDeps, ExternalSubject, IssuedAuthorization } from "../driver.ts";
import type { ExchangeRequest, RefreshRequest } from "../driver-requests.ts";
import { effectiveServer, type OAuthConfig } from "./config.ts";
import { policyOf } from "./grant-policy.ts";
import { forwardedClaims, type IdTokenClaims, namesAnother, verifyIdToken } from "./id-token.ts";
import { idTokenKeys } from "./id-token-keys.ts";
import { withoutAddedScope } from "./offline-access.ts";
import { callEndpoint, judgeAnswer, texts } from "./token-endpoint.ts";
import { issuedToken, parseUserTokenBody, scopesInForce, type UserTokenBody } from "./token-response.ts";

const EXCHANGE_KEYS_TIMEOUT_MS = 5000;
/** A refresh goes on without: claims are not worth a token. */
const REFRESH_KEYS_TIMEOUT_MS = 2000;

/**
 * RFC 6749 §4.1.3 with PKCE and RFC 8707 `resource`. With `openid` among the scopes the id_token's keys are fetched
 * first, and whatever is wrong with an id_token that comes is `upstream_id_token_invalid`; one that nobody asked for
 * carries no nonce of ours and is not looked at. Scopes are as granted, be they more or fewer.
 */
export async function exchangeCode(
  request: ExchangeRequest<OAuthConfig>,
  deps: DriverDeps,
): Promise<Result<IssuedAuthorization>> {
  const { config, group, code, codeVerifier, redirectUri, nonce } = request;
  const isAsked = group.scopes.includes("openid");
  const keys = isAsked ? await idTokenKeys(effectiveServer(config), deps, EXCHANGE_KEYS_TIMEOUT_MS) : ok(null);
  if (!keys.ok) return keys;

  const parameters = new URLSearchParams();
  parameters.set("code", code.expose());
  parameters.set("redirect_uri", redirectUri);
  parameters.set("code_verifier", codeVerifier.expose());
  for (const resource of group.resources) parameters.append("resource", resource);
  const askedAtMs = deps.now();
  const body = await ask("authorization_code", parameters, [code, codeVerifier], request, deps);
  if (!body.ok) return body;
  const identity = await verified(body.value, keys.value, nonce, config, deps);
  if (!identity.ok) return identity;
  return authorized(body.value, { askedAtMs, requested: group.scopes, request, identity: identity.value });
}

/**
 * RFC 6749 §6 with RFC 8707 `resource`; `scope` only to narrow. An id_token that does not verify
 * brings no claims, and is no reason to lose a token that may be the only one left. One of another user is
 * (`upstream_id_token_invalid`): what came with it opens somebody else's account.
 */
export async function refreshTokens(
  request: RefreshRequest<OAuthConfig>,
  deps: DriverDeps,
): Promise<Result<IssuedAuthorization>> {
  const { config, group, refreshToken, narrow, grantedScopes, externalSubject } = request;
  // Under fewer scopes an id_token says less of the user, which is no news.
  const bringsClaims = externalSubject !== null && !narrow && forwardedNames(config).length > 0;
  const keys = bringsClaims ? await idTokenKeys(effectiveServer(config), deps, REFRESH_KEYS_TIMEOUT_MS) : ok(null);

  const parameters = new URLSearchParams();
  parameters.set("refresh_token", refreshToken.expose());
  if (narrow && group.scopes.length > 0) {
    parameters.set("scope", group.scopes.join(policyOf(config).scopeSeparator));
  }
  for (const resource of group.resources) parameters.append("resource", resource);
  // RFC 9396 §6: the details of this token, of those that were granted.
  if (group.authorizationDetails.length > 0) {
    parameters.set("authorization_details", JSON.stringify(group.authorizationDetails));
  }
  const askedAtMs = deps.now();
  const body = await ask("refresh_token", parameters, [refreshToken], request, deps);
  if (!body.ok) return body;
  if (externalSubject !== null && namesAnother(body.value.id_token, externalSubject, config.settings.clientId)) {
    return fail("upstream_id_token_invalid", { reason: "id_token: of another user" });
  }
  const found = await verified(body.value, keys.ok ? keys.value : null, null, config, deps);
  const identity = found.ok && isSame(found.value?.externalSubject, externalSubject) ? found.value : null;
  return authorized(body.value, { askedAtMs, requested: narrow ? group.scopes : grantedScopes, request, identity });
}

interface Identity {
  externalSubject: ExternalSubject;
  claims: Claims;
}

async function ask(
  grant: "authorization_code" | "refresh_token",
  parameters: URLSearchParams,
  presented: Secret[],
  { config, secrets }: { config: OAuthConfig; secrets: Record<string, Secret> },
  deps: DriverDeps,
): Promise<Result<UserTokenBody>> {
  const answer = await callEndpoint(
    "token_endpoint",
    { config, secrets },
    deps,
    ({ server, client, authentication, options }) =>
      genericTokenEndpointRequest(server, client, authentication, grant, parameters, options),
  );
  if (!answer.ok) return answer;
  const quoted = texts([...Object.values(secrets), ...presented]);
  return judgeAnswer(answer.value, parseUserTokenBody, { nowMs: deps.now(), quoted, grant, policy: policyOf(config) });
}

/** Who an answer's id_token says the user is; null where there are no keys to know it by, or no id_token. */
async function verified(
  { id_token: idToken }: UserTokenBody,
  keys: JSONWebKeySet | null,
  nonce: string | null,
  config: OAuthConfig,
  deps: DriverDeps,
): Promise<Result<Identity | null>> {
  const { issuer, id_token_signing_alg_values_supported: algorithms } = effectiveServer(config);
  const isAbsent = idToken === undefined || idToken === null || idToken === "";
  if (keys === null || issuer === undefined || isAbsent) return ok(null);
  const { clientId } = config.settings;
  const claims = await verifyIdToken(idToken, { issuer, clientId, nonce, keys, algorithms, nowMs: deps.now() });
  return claims.ok ? ok(identityOf(claims.value, issuer, config)) : claims;
}

function identityOf(claims: IdTokenClaims, issuer: string, config: OAuthConfig): Identity {
  return {
    externalSubject: { issuer, subject: claims.sub },
    claims: forwardedClaims(claims, forwardedNames(config)),
  };
}

function authorized(
  body: UserTokenBody,
  asked: {
    askedAtMs: number;
    requested: string[];
    request: Pick<ExchangeRequest<OAuthConfig>, "config" | "group">;
    identity: Identity | null;
  },
): Result<IssuedAuthorization> {
  const { askedAtMs, requested, identity, request } = asked;
  const { config, group } = request;
  const granted = scopesInForce(body.scope, requested, policyOf(config));
  if (!granted.ok) return granted;
  const scopes = withoutAddedScope(config, granted.value, requested);
  return ok({
    ...issuedToken(body, { askedAtMs, group, scopes, config }),
    refreshToken: config.settings.refreshTokens?.enabled === false ? null : body.refresh_token,
    externalSubject: identity?.externalSubject ?? null,
    claims: identity?.claims ?? null,
  });
}

function forwardedNames({ settings }: OAuthConfig): string[] {
  return settings.forwardedClaims?.idToken ?? [];
}

function isSame(found: ExternalSubject | undefined, known: ExternalSubject | null): boolean {
  return found !== undefined && found.issuer === known?.issuer && found.subject === known.subject;
}
