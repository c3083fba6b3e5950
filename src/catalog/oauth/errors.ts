import * as z from "zod/mini";
import type { ErrorCode, Failure, VendorError } from "../../errors.ts";
import { type OutboundResponse, parseJson } from "../../outbound/guarded-fetch.ts";
import { readRetryAfter } from "../../outbound/retry-after.ts";
import type { ProviderPolicy } from "../provider-policy.ts";
import { quotesCredential } from "./quoted-credentials.ts";

const MIN_RETRY_AFTER_MS = 1000;
const MAX_RETRY_AFTER_MS = 300_000;
const MAX_DESCRIPTION_LENGTH = 256;

/** RFC 6749 §5.2 (error), bounded. */
const ERROR_CODE = /^[\x20-\x21\x23-\x5B\x5D-\x7E]{1,64}$/;
/** Controls, and the format characters that reorder or hide text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\u2028\u2029]/gu;

const errorBody = z.object({
  error: z.string().check(z.regex(ERROR_CODE)),
  /** Looked at where it is used: what is no text must not cost the code. */
  error_description: z.optional(z.unknown()),
});

/** What was presented to a token endpoint; `other` = it was another endpoint. */
type GrantType = "client_credentials" | "authorization_code" | "refresh_token" | "other";

/** What an answer is judged by. */
export interface Judging {
  nowMs: number;
  /** What was sent and must not come back in a provider's words. */
  quoted: string[];
  grant: GrantType;
  policy: ProviderPolicy;
}

/**
 * What an error answer of an endpoint that the client authenticates at means for us (RFC 6749 §5.2, RFC 7009 §2.2.1,
 * RFC 8707 §2, RFC 9126 §2.3). Only `vendor` carries words of the provider: its error code, and its description without
 * control characters and only if it quotes nothing of `quoted`, since some providers echo what they refuse. A server's
 * own trouble and a rate limit go first: whatever error code comes with them says nothing final.
 */
export function classifyErrorAnswer(response: OutboundResponse, { nowMs, quoted, grant, policy }: Judging): Failure {
  const vendor = vendorError(response, quoted);
  const { status } = response;
  const reason = `provider status=${status} error=${vendor.error ?? "none"}`;
  const retryAfter = response.headers.get("retry-after");
  if (status === 429 || retryAfter !== null) {
    const retryAfterMs = readRetryAfter(retryAfter, nowMs, MAX_RETRY_AFTER_MS) ?? MIN_RETRY_AFTER_MS;
    return { code: "upstream_rate_limited", reason, vendor, retryAfterMs };
  }
  if (status >= 500) return { code: "upstream_unreachable", reason, vendor };
  return { ...meaningOf(vendor.error, grant, policy.finalErrors), reason, vendor };
}

function meaningOf(
  error: string | undefined,
  grant: GrantType,
  finalErrors: ProviderPolicy["finalErrors"],
): { code: ErrorCode; message?: string } {
  const meaning = error !== undefined && Object.hasOwn(finalErrors, error) ? finalErrors[error] : undefined;
  // A code is good for one try, so its refusal ends that authorization only; a refresh token's may end a Grant.
  if (meaning === "refresh token" && grant === "refresh_token") return { code: "upstream_grant_refused" };
  if (meaning === "client") return { code: "upstream_invalid_client" };
  switch (error) {
    case "unauthorized_client":
      return { code: isUserGrant(grant) ? "upstream_invalid_client" : "upstream_rejected" };
    case "invalid_scope":
      return { code: "invalid_scope", message: "The provider does not offer a requested scope." };
    case "invalid_target":
      return { code: "invalid_target", message: "The provider does not accept the requested resource or audience." };
    default:
      return { code: "upstream_rejected" };
  }
}

function isUserGrant(grant: GrantType): boolean {
  return grant === "authorization_code" || grant === "refresh_token";
}

/** Whether an answer is an RFC 6749 §5.2 error, whatever its status: some providers send them with 200. */
export function isErrorAnswer(response: OutboundResponse): boolean {
  const json = parseJson(response);
  return json.ok && errorBody.safeParse(json.value).success;
}

function vendorError(response: OutboundResponse, secrets: string[]): VendorError {
  const { status } = response;
  const json = parseJson(response);
  const parsed = json.ok ? errorBody.safeParse(json.value) : null;
  if (!parsed?.success) return { status };
  const { error, error_description: description } = parsed.data;
  if (quotesCredential(error, secrets)) return { status };
  if (typeof description !== "string") return { error, status };
  const printable = description.toWellFormed().replaceAll(UNPRINTABLE, "");
  if (quotesCredential(printable, secrets)) return { error, status };
  return { error, error_description: [...printable].slice(0, MAX_DESCRIPTION_LENGTH).join(""), status };
}
