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
  // what a provider's webhook lacks
  | "invalid_signature"
  | "webhook_not_configured"
  // what an authorization request asks for, and what its browser brings
  | "return_url_required"
  | "invalid_return_url"
  | "invalid_webhook_url"
  | "pkce_unsupported"
  | "login_unavailable"
  | "too_many_pending_requests"
  | "invalid_callback"
  | "connector_mismatch"
  | "state_browser_mismatch"
  | "request_already_claimed"
  | "flow_already_used"
  | "flow_expired"
  | "csrf"
  | "access_denied"
  | "subject_mismatch"
  | "binding_required"
  | "binding_mismatch"
  | "superseded"
  | "connector_changed"
  // what an installation or a registration meets
  | "installation_unsupported"
  | "registration_unsupported"
  | "installation_not_verified"
  | "installation_not_approved"
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
  | "permission_not_allowed"
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
  | "installation_suspended"
  | "registration_required"
  | "unresolved_token"
  | "issuer_unusable"
  // what a connector's triggers lack
  | "recipe_required"
  | "origin_not_configured"
  // what the provider did
  | "rate_limited"
  | "upstream_rejected"
  | "upstream_invalid_client"
  | "upstream_grant_refused"
  | "upstream_id_token_invalid"
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
    case "invalid_signature":
      return { status: 401, sentence: "The request does not prove that it comes from this webhook's provider." };
    case "webhook_not_configured":
      return {
        status: 503,
        sentence: "This webhook has no signing secret yet. Configure it, and send the event again.",
      };
    case "return_url_required":
      return {
        status: 400,
        sentence:
          'This connector\'s minimumBinding needs a returnUrl, to which the user comes back. Send one, or let an admin set minimumBinding to "confirm".',
      };
    case "invalid_return_url":
      return {
        status: 400,
        sentence:
          "The returnUrl is not allowed. Use an https URL whose origin is among the link's returnOrigins, without user name or fragment.",
      };
    case "invalid_webhook_url":
      return {
        status: 400,
        sentence:
          "The webhook URL is not allowed. Use an https URL on a public host whose origin is among the link's webhookOrigins.",
      };
    case "pkce_unsupported":
      return {
        status: 400,
        sentence: "The authorization server does not offer PKCE with S256, without which users cannot authorize here.",
      };
    case "login_unavailable":
      return {
        status: 422,
        sentence:
          'The binding "login" needs a subject.issuer that is trusted here and has login credentials. Register them with the issuer.',
      };
    case "too_many_pending_requests":
      return {
        status: 429,
        sentence: "Too many authorization requests are pending. Complete them, or wait until they expire.",
      };
    case "invalid_callback":
      return { status: 400, sentence: "The provider's answer is malformed. Start the authorization again." };
    case "connector_mismatch":
      return { status: 400, sentence: "The answer came back to another connector than the one that was asked." };
    case "state_browser_mismatch":
      return {
        status: 400,
        sentence: "This is not the browser in which the authorization was started. Open the link again in one browser.",
      };
    case "request_already_claimed":
      return { status: 409, sentence: "This authorization was opened in another browser. Ask for a new link." };
    case "flow_already_used":
      return { status: 400, sentence: "This authorization was already used. Start a new one if it did not succeed." };
    case "flow_expired":
      return { status: 410, sentence: "This authorization has expired. Start a new one." };
    case "csrf":
      return { status: 403, sentence: "The form was not sent from this site's own page. Open the page and try again." };
    case "access_denied":
      return { status: 403, sentence: "The user refused, or canceled." };
    case "subject_mismatch":
      return { status: 403, sentence: "Another user signed in than the one this authorization is for." };
    case "binding_required":
      return {
        status: 400,
        sentence: "Send the connectCode that came back to your returnUrl in the user's own browser.",
      };
    case "binding_mismatch":
      return { status: 400, sentence: "The connectCode does not belong to this authorization." };
    case "superseded":
      return { status: 409, sentence: "A later authorization of the same user was completed first." };
    case "connector_changed":
      return { status: 409, sentence: "The connector was changed during the authorization. Start a new one." };
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
    case "installation_suspended":
      return { status: 422, sentence: "The installation is suspended. Have it resumed at the provider." };
    case "registration_required":
      return { status: 422, sentence: "Finish in a browser: open registerUrl." };
    case "installation_unsupported":
      return {
        status: 400,
        sentence: "Connectors of this type are not installed anywhere. Ask without an installation.",
      };
    case "registration_unsupported":
      return {
        status: 400,
        sentence: "This service cannot be registered for you. Create the connector with its data.",
      };
    case "installation_not_verified":
      return { status: 403, sentence: "The provider does not confirm that you have this installation. Start again." };
    case "installation_not_approved":
      return { status: 403, sentence: "An owner of the tenant has to approve the installation at the provider first." };
    case "permission_not_allowed":
      return { status: 403, sentence: "The project's link does not allow that much. Ask for less." };
    case "unresolved_token":
      return { status: 422, sentence: "This connector does not support tokens for that subject." };
    case "issuer_unusable":
      return { status: 422, sentence: "The issuer could not be used." };
    case "recipe_required":
      return {
        status: 422,
        sentence: "It is not known how the provider signs its webhooks. Send a provider or a recipe.",
      };
    case "origin_not_configured":
      return {
        status: 422,
        sentence:
          "The environment has no origin to send events to. Set one with PUT /v1/projects/{p}/environments/{id}.",
      };
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
    case "upstream_grant_refused":
      return {
        status: 502,
        sentence: "The provider no longer accepts this authorization. It is asked once more before that is believed.",
      };
    case "upstream_id_token_invalid":
      return { status: 502, sentence: "The provider's id_token did not pass its checks, so nothing was stored." };
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
