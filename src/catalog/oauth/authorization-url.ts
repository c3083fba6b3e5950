import { fail, ok, type Result } from "../../errors.ts";
import { checkUrl } from "../../outbound/url-policy.ts";
import { invalidConfig } from "../connector-data.ts";
import type { DriverDeps } from "../driver.ts";
import type { AuthorizationUrlRequest } from "../driver-requests.ts";
import { requestedScopes } from "../scopes.ts";
import {
  checkAdditionalParams,
  checkPrompt,
  isProtocolParameter,
  smugglesParameter,
} from "./authorization-parameters.ts";
import { effectiveServer, type OAuthConfig, type OAuthSettings } from "./config.ts";
import { policyOf } from "./grant-policy.ts";
import { checkIdTokenSource } from "./id-token-keys.ts";
import { withOfflineAccess } from "./offline-access.ts";
import { pushAuthorizationRequest } from "./pushed-request.ts";
import type { ServerMetadata } from "./server-metadata.ts";

type Request = AuthorizationUrlRequest<OAuthConfig>;

/**
 * Where the user's browser is sent (RFC 6749 §4.1.1), with PKCE by S256 whatever is configured. A server that takes
 * pushed requests gets everything by that way, and the browser carries a reference (RFC 9126 §4); if the push fails,
 * so does this. Fails with `bad_request` (`prompt`, `additionalParams`), `invalid_scope`, `pkce_unsupported`,
 * `invalid_config`, or what the provider said to the push.
 */
export async function authorizationUrl(request: Request, deps: DriverDeps): Promise<Result<string>> {
  const { config, group } = request;
  const server = effectiveServer(config);
  const endpoint = checkUrl(server.authorization_endpoint ?? "", deps.urlPolicy);
  if (!endpoint.ok) return endpoint;
  const pkce = checkPkce(config, server);
  if (!pkce.ok) return pkce;
  const source = group.scopes.includes("openid") ? checkIdTokenSource(server) : ok(undefined);
  if (!source.ok) return source;
  const parameters = authorizationParameters(request, server);
  if (!parameters.ok) return parameters;

  if (server.pushed_authorization_request_endpoint === undefined) {
    if (server.require_pushed_authorization_requests !== true) return ok(urlWith(endpoint.value, parameters.value));
    return invalidConfig(
      "The authorization server requires pushed authorization requests, but where is not known. Set data.serverConfig.pushed_authorization_request_endpoint.",
    );
  }
  const pushed = await pushAuthorizationRequest(request, parameters.value, deps);
  if (!pushed.ok) return pushed;
  const reference = new URLSearchParams({ client_id: config.settings.clientId, request_uri: pushed.value });
  return ok(urlWith(endpoint.value, reference));
}

function responseType({ responseType: configured }: OAuthSettings): Result<string> {
  const type = configured || "code";
  const values = type.split(" ");
  // RFC 9700 §2.1.2: a token in the browser's address is everybody's.
  if (values.includes("code") && !values.includes("token")) return ok(type);
  return invalidConfig("data.responseType must contain code, and must not contain token.");
}

function authorizationParameters(request: Request, server: ServerMetadata): Result<URLSearchParams> {
  const { config, group, additionalParams } = request;
  const { settings } = config;
  const scopes = requestedScopes(group.scopes);
  if (!scopes.ok) return scopes;
  if (scopes.value.some(smugglesParameter)) {
    return fail("invalid_scope", { message: "A scope has the form of another parameter." });
  }
  const allowed = checkAdditionalParams(additionalParams);
  if (!allowed.ok) return allowed;
  const prompt = request.prompt === null ? ok(null) : checkPrompt(request.prompt);
  if (!prompt.ok) return prompt;
  const type = responseType(settings);
  if (!type.ok) return type;

  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(settings.authorizationUrlParams ?? {})) {
    if (!isProtocolParameter(name)) parameters.set(name, value);
  }
  for (const [name, value] of Object.entries(additionalParams)) parameters.set(name, value);

  parameters.set("response_type", type.value);
  parameters.set("client_id", settings.clientId);
  parameters.set("redirect_uri", request.redirectUri);
  parameters.set("state", request.state);
  parameters.set("code_challenge", request.codeChallenge);
  parameters.set("code_challenge_method", "S256");
  const { scopeSeparator } = policyOf(config);
  if (scopes.value.length > 0) parameters.set("scope", withOfflineAccess(config, scopes.value).join(scopeSeparator));
  if (scopes.value.includes("openid")) parameters.set("nonce", request.nonce);
  for (const resource of group.resources) parameters.append("resource", resource);
  if (group.authorizationDetails.length > 0) {
    parameters.set("authorization_details", JSON.stringify(group.authorizationDetails));
  }
  if (group.audience.length > 0) parameters.delete("audience");
  for (const audience of group.audience) parameters.append("audience", audience);
  if (prompt.value !== null) parameters.set("prompt", prompt.value);
  else if (!parameters.has("prompt") && asksConsent(server, scopes.value)) parameters.set("prompt", "consent");
  return ok(parameters);
}

/**
 * Whether the provider can be told to ask the user again. A consent that it remembers would make a link that somebody
 * else sent work with a single click.
 */
function asksConsent({ prompt_values_supported: listed }: ServerMetadata, scopes: string[]): boolean {
  return listed === undefined ? scopes.includes("openid") : listed.includes("consent");
}

/**
 * A server that publishes metadata says there that it knows PKCE (RFC 8414 §2), unless the operator knows better
 * (`pkceRequired: false`); one whose endpoints were typed in is sent the challenge, which it must ignore if it does not
 * understand it (RFC 6749 §3.1).
 */
function checkPkce({ settings, discovered }: OAuthConfig, server: ServerMetadata): Result<void> {
  const methods = server.code_challenge_methods_supported;
  const isRequired = settings.pkceRequired ?? discovered !== null;
  if (methods === undefined ? !isRequired : methods.includes("S256")) return ok(undefined);
  if (methods !== undefined) return fail("pkce_unsupported");
  return fail("pkce_unsupported", {
    message:
      'The authorization server\'s metadata does not say that it offers PKCE with S256. If it does, set data.serverConfig.code_challenge_methods_supported to ["S256"], or data.pkceRequired to false.',
  });
}

/** The endpoint with these parameters; its own query stays, but for protocol parameters and what is set here. */
function urlWith(endpoint: URL, parameters: URLSearchParams): string {
  const url = new URL(endpoint);
  for (const name of [...url.searchParams.keys()]) {
    if (isProtocolParameter(name) || parameters.has(name)) url.searchParams.delete(name);
  }
  for (const [name, value] of parameters) url.searchParams.append(name, value);
  return url.href;
}
