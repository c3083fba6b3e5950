import {
  type AuthorizationServer,
  allowInsecureRequests,
  type ClientAuth,
  clientCredentialsGrantRequest,
  customFetch,
  OperationProcessingError,
  processClientCredentialsResponse,
  revocationRequest,
  UnsupportedOperationError,
} from "oauth4webapi";
import { Secret } from "../../crypto/secret.ts";
import { type Failure, fail, ok, type Result } from "../../errors.ts";
import { asFetch, OutboundError, type OutboundResponse, TOKEN_MAX_BYTES } from "../../outbound/guarded-fetch.ts";
import { checkUrl } from "../../outbound/url-policy.ts";
import type { DriverDeps, IssuedToken, MintRequest, RevokeRequest, TokenGroup } from "../driver.ts";
import { clientAuthentication } from "./client-auth.ts";
import { effectiveServer, type OAuthConfig } from "./config.ts";
import { classifyErrorAnswer, isErrorAnswer } from "./errors.ts";
import { grantedScopes, lifetimeSeconds, parseTokenBody } from "./token-response.ts";

/** Everything oauth4webapi needs to call one endpoint as this connector. */
interface Call {
  server: AuthorizationServer;
  client: { client_id: string };
  authentication: ClientAuth;
  options: { [customFetch]: ReturnType<typeof asFetch>; [allowInsecureRequests]: boolean };
}

/**
 * An access token by the client credentials grant (RFC 6749 §4.4, with RFC 8707 `resource`, `audience` and RFC 9396
 * `authorization_details`). Expiry counts from before the request. Fails with `insufficient_scope` when the provider
 * granted less than was asked; that token is dropped and left to expire.
 */
export async function mintByClientCredentials(
  { config, secrets, group }: MintRequest<OAuthConfig>,
  deps: DriverDeps,
): Promise<Result<IssuedToken>> {
  const call = await prepareCall("token_endpoint", config, secrets, deps);
  if (!call.ok) return call;
  const { server, client, authentication, options } = call.value;

  const askedAtMs = deps.now();
  const answer = await attempted(async () => {
    const parameters = grantParameters(group);
    return complete(await clientCredentialsGrantRequest(server, client, authentication, parameters, options));
  });
  if (!answer.ok) return answer;
  const refusal = (): Failure => classifyErrorAnswer(answer.value, deps.now(), credentials(secrets));
  if (answer.value.status !== 200) return { ok: false, failure: refusal() };
  const body = parseTokenBody(answer.value);
  if (!body.ok) return isErrorAnswer(answer.value) ? { ok: false, failure: refusal() } : body;

  const token = await attempted(() => processClientCredentialsResponse(server, client, Response.json(body.value)));
  if (!token.ok) return token;
  const scopes = grantedScopes(group.scopes, token.value.scope);
  if (!scopes.ok) return scopes;
  const lifetimeMs = lifetimeSeconds(token.value.expires_in, config.settings.defaultTokenExpiresIn) * 1000;
  return ok({
    accessToken: Secret.of(token.value.access_token),
    expiresAtMs: askedAtMs + lifetimeMs,
    scopes: scopes.value,
    resources: group.resources,
    authorizationDetails: body.value.authorization_details ?? group.authorizationDetails,
    static: false,
  });
}

/**
 * RFC 7009: `done` on 200, which servers also answer for a token they do not know; `unsupported` where the server has
 * no revocation, or none for such tokens (§2.2.1); anything else is a failure.
 */
export async function revokeToken(
  { config, secrets, token, hint }: RevokeRequest<OAuthConfig>,
  deps: DriverDeps,
): Promise<Result<"done" | "unsupported">> {
  if (effectiveServer(config).revocation_endpoint === undefined) return ok("unsupported");
  const call = await prepareCall("revocation_endpoint", config, secrets, deps);
  if (!call.ok) return call;
  const { server, client, authentication, options } = call.value;
  const answer = await attempted(async () =>
    complete(
      await revocationRequest(server, client, authentication, token.expose(), {
        ...options,
        additionalParameters: { token_type_hint: hint },
      }),
    ),
  );
  if (!answer.ok) return answer;
  if (answer.value.status === 200) return ok("done");
  const known = [...credentials(secrets), token.expose()];
  const failure = classifyErrorAnswer(answer.value, deps.now(), known);
  // A final answer, typically for a self-contained token: asking again until it expires would change nothing.
  return failure.vendor?.error === "unsupported_token_type" ? ok("unsupported") : { ok: false, failure };
}

function grantParameters({ scopes, resources, audience, authorizationDetails }: TokenGroup): URLSearchParams {
  const parameters = new URLSearchParams();
  if (scopes.length > 0) parameters.set("scope", scopes.join(" "));
  for (const resource of resources) parameters.append("resource", resource);
  for (const name of audience) parameters.append("audience", name);
  if (authorizationDetails.length > 0) {
    parameters.set("authorization_details", JSON.stringify(authorizationDetails));
  }
  return parameters;
}

async function prepareCall(
  endpoint: "token_endpoint" | "revocation_endpoint",
  config: OAuthConfig,
  secrets: Record<string, Secret>,
  deps: DriverDeps,
): Promise<Result<Call>> {
  const { issuer, [endpoint]: configured = "" } = effectiveServer(config);
  const url = checkUrl(configured, deps.urlPolicy);
  if (!url.ok) return url;
  const authentication = await clientAuthentication(config, secrets, deps.now);
  if (!authentication.ok) return authentication;
  return ok({
    // Without metadata there may be no issuer; the library wants one, and only assertions (which need it) use it.
    server: { issuer: issuer ?? url.value.origin, [endpoint]: url.value.href },
    client: { client_id: config.settings.clientId },
    authentication: authentication.value,
    options: {
      [customFetch]: asFetch(deps.fetch, { maxBytes: TOKEN_MAX_BYTES }),
      // The policy lets http pass for loopback hosts only, and only where the deployment itself is local.
      [allowInsecureRequests]: url.value.protocol === "http:",
    },
  });
}

/** A call into oauth4webapi as a result: what the guarded fetch refused, or an answer that the library refuses. */
async function attempted<T>(work: () => Promise<T>): Promise<Result<T>> {
  try {
    return ok(await work());
  } catch (error) {
    if (error instanceof OutboundError) return { ok: false, failure: error.failure };
    if (error instanceof OperationProcessingError || error instanceof UnsupportedOperationError) {
      return fail("upstream_invalid_response", { reason: `oauth4webapi: ${error.code}` });
    }
    throw error;
  }
}

async function complete(response: Response): Promise<OutboundResponse> {
  return { status: response.status, headers: response.headers, body: new Uint8Array(await response.arrayBuffer()) };
}

function credentials(secrets: Record<string, Secret>): string[] {
  return Object.values(secrets).map((secret) => secret.expose());
}
