import { fail, ok, type Result } from "../errors.ts";
import { isRandomText } from "./flow-secrets.ts";

/** What a provider's browser redirect brings back (RFC 6749 §4.1.2). */
export interface CallbackParameters {
  state: string;
  /** RFC 9207; null = absent. Empty stays empty, which no issuer is. */
  iss: string | null;
  answer: { kind: "code"; code: string } | { kind: "error"; error: ProviderError };
}

/** Codes that providers may be quoted with; any other reads `other`. */
const PROVIDER_ERRORS = [
  // RFC 6749 §4.1.2.1
  "access_denied",
  "invalid_request",
  "invalid_scope",
  "server_error",
  "temporarily_unavailable",
  "unauthorized_client",
  "unsupported_response_type",
  // OpenID Connect Core §3.1.2.6, Initiating User Registration §4.2
  "account_selection_required",
  "consent_required",
  "interaction_required",
  "invalid_request_object",
  "invalid_request_uri",
  "login_required",
  "request_not_supported",
  "unmet_authentication_requirements",
  // RFC 8707 §2, RFC 9396 §5
  "invalid_target",
  "invalid_authorization_details",
  "other",
] as const;
export type ProviderError = (typeof PROVIDER_ERRORS)[number];

const MAX_QUERY_LENGTH = 16 * 1024;
const MAX_CODE_LENGTH = 4096;

/** A query in which every parameter comes once, and `state` is one of ours. `invalid_callback`. */
export function singleParameters(search: string): Result<URLSearchParams> {
  if (search.length > MAX_QUERY_LENGTH) return invalid("too long");
  const query = new URLSearchParams(search);
  const names = [...query.keys()];
  if (new Set(names).size < names.length) return invalid("repeated parameter");
  return isRandomText(query.get("state") ?? "") ? ok(query) : invalid("state");
}

/**
 * A callback's query. Fails with `invalid_callback` on a parameter that comes twice, whichever, because readers disagree
 * on which counts; on a `state` that is none of ours; and unless there is either a code or an error.
 */
export function parseCallback(search: string): Result<CallbackParameters> {
  const single = singleParameters(search);
  if (!single.ok) return single;
  const query = single.value;
  const state = query.get("state") ?? "";
  const [code, error, iss] = [query.get("code"), query.get("error"), query.get("iss")];
  if (error !== null) {
    return code === null ? ok({ state, iss, answer: { kind: "error", error: providerError(error) } }) : invalid("both");
  }
  // RFC 6749 Appendix A.11.
  if (code === null || code.length > MAX_CODE_LENGTH || !/^[\x20-\x7e]+$/.test(code)) return invalid("code");
  return ok({ state, iss, answer: { kind: "code", code } });
}

export function providerError(error: string | null | undefined): ProviderError {
  return PROVIDER_ERRORS.find((known) => known === error) ?? "other";
}

/**
 * Whether an answer is of the issuer that was asked (RFC 9207 §2.4): the same bytes, and present where the issuer says
 * that it always is. Of an unknown issuer every name passes but the empty one.
 */
export function isOfIssuer(iss: string | null, asked: { issuer: string | null; sendsIssuer: boolean }): boolean {
  if (iss === null) return !asked.sendsIssuer;
  return iss !== "" && (asked.issuer === null || iss === asked.issuer);
}

export function invalid(reason: string): Result<never> {
  return fail("invalid_callback", { reason: `callback: ${reason}` });
}
