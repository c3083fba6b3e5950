import * as z from "zod/mini";
import { fail, ok, type Result } from "../../errors.ts";
import { checkUrl, MAX_URL_LENGTH, type UrlPolicy } from "../../outbound/url-policy.ts";
import { plainText } from "../connector-data.ts";

/** Members that we, or later the user's browser, send something to. Each must pass the URL policy. */
const CALLED_URLS = [
  "authorization_endpoint",
  "token_endpoint",
  "userinfo_endpoint",
  "jwks_uri",
  "revocation_endpoint",
  "introspection_endpoint",
  "end_session_endpoint",
  "device_authorization_endpoint",
  "registration_endpoint",
  "pushed_authorization_request_endpoint",
] as const;

const url = z.optional(plainText(MAX_URL_LENGTH));
/** A page for people; it is only ever shown as a link. */
const pageUrl = z.optional(
  plainText(MAX_URL_LENGTH).check(z.regex(/^(https?:\/\/.*)?$/i, "must be an http or https URL")),
);
const names = z.optional(z.array(plainText(256)).check(z.maxLength(1000)));
const flag = z.optional(z.boolean());

/** JWKs without private members: whatever is configured here is shown again. */
const publicJwk = z
  .record(z.string().check(z.maxLength(64)), z.json())
  .check(z.refine((jwk) => !("d" in jwk) && !("k" in jwk), "must be public keys only"));

/** RFC 8414 §2, OpenID Connect Discovery §3 and their extensions, as far as we use them; other members are dropped. */
export const serverMetadata = z.object({
  issuer: z.optional(plainText(MAX_URL_LENGTH)),
  authorization_endpoint: url,
  token_endpoint: url,
  userinfo_endpoint: url,
  jwks_uri: url,
  jwks: z.optional(z.object({ keys: z.array(publicJwk).check(z.maxLength(50)) })),
  revocation_endpoint: url,
  introspection_endpoint: url,
  end_session_endpoint: url,
  device_authorization_endpoint: url,
  registration_endpoint: url,
  pushed_authorization_request_endpoint: url,
  require_pushed_authorization_requests: flag,
  authorization_response_iss_parameter_supported: flag,
  response_types_supported: names,
  token_endpoint_auth_methods_supported: names,
  token_endpoint_auth_signing_alg_values_supported: names,
  scopes_supported: names,
  grant_types_supported: names,
  response_modes_supported: names,
  subject_types_supported: names,
  id_token_signing_alg_values_supported: names,
  id_token_encryption_alg_values_supported: names,
  id_token_encryption_enc_values_supported: names,
  claim_types_supported: names,
  claims_supported: names,
  code_challenge_methods_supported: names,
  prompt_values_supported: names,
  claims_parameter_supported: flag,
  request_parameter_supported: flag,
  request_uri_parameter_supported: flag,
  require_request_uri_registration: flag,
  service_documentation: pageUrl,
  op_policy_uri: pageUrl,
  op_tos_uri: pageUrl,
  logo_uri: pageUrl,
  client_id_metadata_document_supported: flag,
  authorization_details_types_supported: names,
});

export type ServerMetadata = z.output<typeof serverMetadata>;

/** All URLs that would be called pass the policy, else `url_not_allowed` naming the member and the broken rule. */
export function checkServerUrls(server: ServerMetadata, policy: UrlPolicy): Result<void> {
  for (const member of CALLED_URLS) {
    const raw = server[member];
    if (raw === undefined) continue;
    const checked = checkUrl(raw, policy);
    if (!checked.ok) {
      const rule = checked.failure.message ?? "The URL is not allowed.";
      return fail("url_not_allowed", { message: `The authorization server's ${member} is not allowed. ${rule}` });
    }
  }
  return ok(undefined);
}
