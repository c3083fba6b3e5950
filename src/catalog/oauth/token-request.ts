import { clientCredentialsGrantRequest, revocationRequest } from "oauth4webapi";
import { ok, type Result } from "../../errors.ts";
import type { DriverDeps, IssuedToken, TokenGroup } from "../driver.ts";
import type { MintRequest, RevokeRequest } from "../driver-requests.ts";
import type { ProviderPolicy } from "../provider-policy.ts";
import { effectiveServer, type OAuthConfig } from "./config.ts";
import { classifyErrorAnswer } from "./errors.ts";
import { policyOf } from "./grant-policy.ts";
import { callEndpoint, judgeAnswer, texts } from "./token-endpoint.ts";
import { issuedToken, parseTokenBody, requireScopes, scopesInForce } from "./token-response.ts";

/**
 * An access token by the client credentials grant (RFC 6749 §4.4, with RFC 8707 `resource`, `audience` and RFC 9396
 * `authorization_details`). Expiry counts from before the request. Fails with `insufficient_scope` when the provider
 * granted less than was asked; that token is dropped and left to expire.
 */
export async function mintByClientCredentials(
  request: MintRequest<OAuthConfig>,
  deps: DriverDeps,
): Promise<Result<IssuedToken>> {
  const { config, secrets, group } = request;
  const policy = policyOf(config);
  const askedAtMs = deps.now();
  const answer = await callEndpoint("token_endpoint", request, deps, ({ server, client, authentication, options }) =>
    clientCredentialsGrantRequest(server, client, authentication, grantParameters(group, policy), options),
  );
  if (!answer.ok) return answer;
  const judging = { nowMs: deps.now(), quoted: texts(Object.values(secrets)), policy };
  const body = judgeAnswer(answer.value, parseTokenBody, { ...judging, grant: "client_credentials" });
  if (!body.ok) return body;
  const granted = scopesInForce(body.value.scope, group.scopes, policy);
  const scopes = granted.ok ? requireScopes(granted.value, group.scopes) : granted;
  return scopes.ok ? ok(issuedToken(body.value, { askedAtMs, group, scopes: scopes.value, config })) : scopes;
}

/**
 * RFC 7009: `done` on 200, which servers also answer for a token they do not know; `unsupported` where the server has
 * no revocation, or none for such tokens (§2.2.1); anything else is a failure.
 */
export async function revokeToken(
  request: RevokeRequest<OAuthConfig>,
  deps: DriverDeps,
): Promise<Result<"done" | "unsupported">> {
  const { config, secrets, token, hint } = request;
  if (effectiveServer(config).revocation_endpoint === undefined) return ok("unsupported");
  const additionalParameters = { token_type_hint: hint };
  const answer = await callEndpoint(
    "revocation_endpoint",
    request,
    deps,
    ({ server, client, authentication, options }) =>
      revocationRequest(server, client, authentication, token.expose(), { ...options, additionalParameters }),
  );
  if (!answer.ok) return answer;
  if (answer.value.status === 200) return ok("done");
  const quoted = texts([...Object.values(secrets), token]);
  const judging = { nowMs: deps.now(), quoted, grant: "other", policy: policyOf(config) } as const;
  const failure = classifyErrorAnswer(answer.value, judging);
  // A final answer, typically for a self-contained token: asking again until it expires would change nothing.
  return failure.vendor?.error === "unsupported_token_type" ? ok("unsupported") : { ok: false, failure };
}

function grantParameters(
  { scopes, resources, audience, authorizationDetails }: TokenGroup,
  { scopeSeparator }: ProviderPolicy,
): URLSearchParams {
  const parameters = new URLSearchParams();
  if (scopes.length > 0) parameters.set("scope", scopes.join(scopeSeparator));
  for (const resource of resources) parameters.append("resource", resource);
  for (const name of audience) parameters.append("audience", name);
  if (authorizationDetails.length > 0) {
    parameters.set("authorization_details", JSON.stringify(authorizationDetails));
  }
  return parameters;
}
