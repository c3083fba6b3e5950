// biome-ignore-all lint/style/noExcessiveLinesPerFile: the closed union and its one exhaustive switch stay together
/**
 * Everything that can go wrong, in one closed union. An error has three faces: the public `code`, the
 * logged `reason` with its numbers, and one sentence on the wire that says what to do.
 */
export type ErrorCode =
  // what the caller asked for
  | "bad_request"
  | "unknown_field"
  | "invalid_scope"
  | "invalid_target"
  | "invalid_config"
  | "invalid_uid"
  | "invalid_icon"
  | "url_not_allowed"
  | "issuer_mismatch"
  | "payload_too_large"
  | "unsupported_media_type"
  // who the caller is
  | "unauthorized"
  | "invalid_token_format"
  | "token_alg_not_allowed"
  | "token_signature_invalid"
  | "token_key_unknown"
  | "token_type_not_allowed"
  | "token_expired"
  | "token_claims_invalid"
  | "token_replayed"
  | "issuer_not_trusted"
  | "audience_mismatch"
  // what the caller may do
  | "forbidden"
  | "insufficient_scope"
  | "ambiguous_identity"
  | "environment_required"
  | "setup_required"
  // what exists
  | "not_found"
  | "method_not_allowed"
  | "conflict"
  | "gone"
  | "precondition_failed"
  // what a token request lacks
  | "no_token"
  | "user_authorization_required"
  | "client_installation_required"
  | "unresolved_token"
  | "issuer_unusable"
  // what the provider did
  | "rate_limited"
  | "upstream_rejected"
  | "upstream_invalid_client"
  | "upstream_invalid_response"
  | "upstream_redirect_refused"
  | "upstream_too_large"
  | "upstream_timeout"
  | "upstream_unreachable"
  | "upstream_rate_limited"
  // what we could not do
  | "storage_unavailable"
  | "key_missing"
  | "decryption_failed"
  | "internal_error";

/** Status and default sentence of each code. The switch is exhaustive: a new code does not compile without them. */
export function describeError(code: ErrorCode): { status: ErrorStatus; sentence: string } {
  switch (code) {
    case "bad_request":
      return {
        status: 400,
        sentence: "The request is malformed. Check the body and the query against the API reference.",
      };
    case "unknown_field":
      return {
        status: 400,
        sentence: "The body has a field that this route does not know. Remove it or correct its name.",
      };
    case "invalid_scope":
      return {
        status: 400,
        sentence:
          "The requested scopes cannot be honoured by this connector. Ask for scopes that it offers, or omit scopes for its defaults.",
      };
    case "invalid_target":
      return {
        status: 400,
        sentence: "The requested resource, audience or authorization details are not supported by this connector.",
      };
    case "invalid_config":
      return { status: 400, sentence: "The connector's configuration is not usable. Correct the named fields." };
    case "invalid_uid":
      return {
        status: 400,
        sentence:
          "The uid must be lower-case ASCII letters, digits, '.', '_' and '-', in '/'-separated segments, and must not start with a reserved prefix.",
      };
    case "invalid_icon":
      return { status: 400, sentence: "The icon must be a square PNG or JPEG of 640 to 4096 pixels, at most 5 MB." };
    case "url_not_allowed":
      return {
        status: 400,
        sentence: "The URL is not allowed. Use an https URL on a public host name and the default port.",
      };
    case "issuer_mismatch":
      return {
        status: 400,
        sentence:
          "The authorization server's metadata names another issuer than the one that was asked. Use the exact issuer URL.",
      };
    case "payload_too_large":
      return { status: 413, sentence: "The request body is too large." };
    case "unsupported_media_type":
      return { status: 415, sentence: "Send the body as application/json." };
    case "unauthorized":
      return {
        status: 401,
        sentence:
          "Credentials are missing or not valid. Send a workload token or an access token as 'Authorization: Bearer …'.",
      };
    case "invalid_token_format":
      return { status: 400, sentence: "The bearer token is neither a compact JWT nor an access token." };
    case "token_alg_not_allowed":
      return { status: 401, sentence: "The token is signed with an algorithm that its issuer is not registered for." };
    case "token_signature_invalid":
      return { status: 401, sentence: "The token's signature does not verify against its issuer's keys." };
    case "token_key_unknown":
      return { status: 401, sentence: "The token names a signing key that its issuer does not publish." };
    case "token_type_not_allowed":
      return { status: 401, sentence: "A token of this type does not authenticate a caller." };
    case "token_expired":
      return { status: 401, sentence: "The token is expired or not yet valid. Fetch a fresh one." };
    case "token_claims_invalid":
      return { status: 401, sentence: "The token lacks a required claim, or a claim has the wrong type." };
    case "token_replayed":
      return { status: 401, sentence: "The token was used before, and its issuer's tokens are good for one use." };
    case "issuer_not_trusted":
      return {
        status: 401,
        sentence: "The token's issuer is not registered here. Register it, with its exact 'iss' value.",
      };
    case "audience_mismatch":
      return {
        status: 401,
        sentence:
          "The token was issued for another audience. Request one for the audience that its issuer is registered with here.",
      };
    case "forbidden":
      return { status: 403, sentence: "These credentials do not allow this." };
    case "insufficient_scope":
      return {
        status: 403,
        sentence: "The requested scopes exceed what was granted or what the project's link allows.",
      };
    case "ambiguous_identity":
      return {
        status: 403,
        sentence: "The token matches identity rules of different projects or environments. Make the rules disjoint.",
      };
    case "environment_required":
      return {
        status: 403,
        sentence:
          "This access token is not bound to a project and environment, so it cannot ask for provider tokens. Create one with projectId and environment.",
      };
    case "setup_required":
      return { status: 403, sentence: "The setup token is not right. Send the deployment's SETUP_TOKEN." };
    case "not_found":
      return { status: 404, sentence: "There is no such resource, or these credentials may not know of it." };
    case "method_not_allowed":
      return { status: 405, sentence: "This path does not support that method." };
    case "conflict":
      return { status: 409, sentence: "The request conflicts with what exists." };
    case "gone":
      return { status: 410, sentence: "This resource was deleted." };
    case "precondition_failed":
      return {
        status: 412,
        sentence: "The resource has changed since it was read. Read it again and repeat the change.",
      };
    case "no_token":
      return { status: 422, sentence: "The connector holds no usable credential for this request." };
    case "user_authorization_required":
      return { status: 422, sentence: "User authorization is required. Start an authorization for this user." };
    case "client_installation_required":
      return { status: 422, sentence: "No installation of this connector matches. Install it at the provider first." };
    case "unresolved_token":
      return { status: 422, sentence: "This connector does not support tokens for that subject." };
    case "issuer_unusable":
      return { status: 422, sentence: "The issuer could not be used." };
    case "rate_limited":
      return { status: 429, sentence: "Too many requests. Wait for the time in Retry-After." };
    case "upstream_rejected":
      return { status: 502, sentence: "The provider refused the request. See error.vendor for its reason." };
    case "upstream_invalid_client":
      return {
        status: 502,
        sentence:
          "The provider does not accept this connector's credentials. Correct the client id, secret or authentication method.",
      };
    case "upstream_invalid_response":
      return { status: 502, sentence: "The provider answered with something that is not a valid response." };
    case "upstream_redirect_refused":
      return {
        status: 502,
        sentence: "The provider answered with a redirect, which is never followed. Configure the final URL.",
      };
    case "upstream_too_large":
      return { status: 502, sentence: "The provider's answer was too large." };
    case "upstream_timeout":
      return { status: 504, sentence: "The provider did not answer in time. Try again." };
    case "upstream_unreachable":
      return {
        status: 502,
        sentence: "The provider could not be reached, or answered with a server error. Try again.",
      };
    case "upstream_rate_limited":
      return { status: 429, sentence: "The provider is limiting requests. Wait for the time in Retry-After." };
    case "storage_unavailable":
      return { status: 503, sentence: "Storage does not answer. Try again shortly." };
    case "key_missing":
      return {
        status: 503,
        sentence: "A master key that stored data refers to is not configured. Restore it in MASTER_KEYS.",
      };
    case "decryption_failed":
      return { status: 500, sentence: "Stored data did not pass its integrity check. The operator has been alerted." };
    case "internal_error":
      return { status: 500, sentence: "Something unexpected went wrong. Quote the request id when you report it." };
    default:
      return code satisfies never;
  }
}

export type ErrorStatus = 400 | 401 | 403 | 404 | 405 | 409 | 410 | 412 | 413 | 415 | 422 | 429 | 500 | 502 | 503 | 504;
