import {
  type AuthorizationServer,
  allowInsecureRequests,
  type ClientAuth,
  customFetch,
  OperationProcessingError,
  UnsupportedOperationError,
} from "oauth4webapi";
import type { Secret } from "../../crypto/secret.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { asFetch, OutboundError, type OutboundResponse, TOKEN_MAX_BYTES } from "../../outbound/guarded-fetch.ts";
import { checkUrl } from "../../outbound/url-policy.ts";
import type { DriverDeps } from "../driver.ts";
import type { ProviderPolicy } from "../provider-policy.ts";
import { clientAuthentication } from "./client-auth.ts";
import { effectiveServer, type OAuthConfig } from "./config.ts";
import { classifyErrorAnswer, isErrorAnswer, type Judging } from "./errors.ts";
import { policyOf } from "./grant-policy.ts";

/** Everything oauth4webapi needs to call one endpoint as this connector. */
interface Call {
  server: AuthorizationServer;
  client: { client_id: string };
  authentication: ClientAuth;
  options: { [customFetch]: ReturnType<typeof asFetch>; [allowInsecureRequests]: boolean };
}

/** Where the client authenticates itself. */
type Endpoint = "token_endpoint" | "revocation_endpoint" | "pushed_authorization_request_endpoint";

/**
 * One request to an endpoint of the authorization server, authenticated as the connector; any status is an answer.
 * Fails with `no_token` (a credential is not stored), `url_not_allowed`, or as the guarded fetch does.
 */
export async function callEndpoint(
  endpoint: Endpoint,
  { config, secrets }: { config: OAuthConfig; secrets: Record<string, Secret> },
  deps: DriverDeps,
  send: (call: Call) => Promise<Response>,
): Promise<Result<OutboundResponse>> {
  const { issuer, [endpoint]: configured = "" } = effectiveServer(config);
  const url = checkUrl(configured, deps.urlPolicy);
  if (!url.ok) return url;
  const authentication = await clientAuthentication(config, secrets, deps.now);
  if (!authentication.ok) return authentication;
  const call: Call = {
    // Without metadata there may be no issuer; the library wants one, and only assertions (which need it) use it.
    server: { issuer: issuer ?? url.value.origin, [endpoint]: url.value.href },
    client: { client_id: config.settings.clientId },
    authentication: authentication.value,
    options: {
      [customFetch]: written(endpoint, config, asFetch(deps.fetch, { maxBytes: TOKEN_MAX_BYTES })),
      // The policy lets http pass for loopback hosts only, and only where the deployment itself is local.
      [allowInsecureRequests]: url.value.protocol === "http:",
    },
  };
  try {
    return ok(await complete(await send(call)));
  } catch (error) {
    if (error instanceof OutboundError) return { ok: false, failure: error.failure };
    if (error instanceof OperationProcessingError || error instanceof UnsupportedOperationError) {
      return fail("upstream_invalid_response", { reason: `oauth4webapi: ${error.code}` });
    }
    throw error;
  }
}

/**
 * What `parse` makes of a token endpoint's answer, or else what the provider's refusal means, which some send with 200.
 */
export function judgeAnswer<Body>(
  answer: OutboundResponse,
  parse: (answer: OutboundResponse, policy: ProviderPolicy) => Result<Body>,
  judging: Judging,
): Result<Body> {
  const refused = (): Result<never> => ({
    ok: false,
    failure: classifyErrorAnswer(answer, judging),
  });
  if (answer.status !== 200) return refused();
  const body = parse(answer, judging.policy);
  return !body.ok && isErrorAnswer(answer) ? refused() : body;
}

/** Token requests as the provider wants them written. */
function written(endpoint: Endpoint, config: OAuthConfig, send: ReturnType<typeof asFetch>): typeof send {
  if (endpoint !== "token_endpoint" || policyOf(config).tokenRequestBody === "form") return send;
  return (url, options = {}) => {
    const headers = new Headers(options.headers);
    headers.set("content-type", "application/json");
    const parameters = new URLSearchParams(options.body ?? "");
    return send(url, { ...options, headers, body: JSON.stringify(Object.fromEntries(parameters)) });
  };
}

/** The texts of secrets, for comparison with what a provider says. */
export function texts(secrets: Iterable<Secret>): string[] {
  return [...secrets].map((secret) => secret.expose());
}

async function complete(response: Response): Promise<OutboundResponse> {
  return { status: response.status, headers: response.headers, body: new Uint8Array(await response.arrayBuffer()) };
}
