import { ApiError, describeError, type Failure } from "../errors.ts";
import { UniqueViolation } from "../store/database.ts";
import type { Answer } from "./endpoint.ts";

/** What every answer carries, whatever its route. */
const COMMON_HEADERS = {
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
};
const JSON_HEADERS = { ...COMMON_HEADERS, "content-type": "application/json" };

/** A plain object, with names in lower case as everywhere here: building a `Headers` costs more than all its members. */
function withIds(
  headers: Record<string, string>,
  requestId: string,
  own?: Record<string, string>,
): Record<string, string> {
  return { ...headers, "x-request-id": requestId, "x-vercel-id": requestId, ...own };
}

/** A handler's answer as a response; its own headers win over the common ones. */
export function successResponse({ status, raw, body, headers: own }: Answer, requestId: string): Response {
  if (raw !== undefined || status === 204 || body === undefined) {
    return new Response(raw ?? null, { status, headers: withIds(COMMON_HEADERS, requestId, own) });
  }
  return new Response(JSON.stringify(body), { status, headers: withIds(JSON_HEADERS, requestId, own) });
}

/**
 * A failure as a response: `{"error":{code, message, request_id, vendor?}}`, `Retry-After` in whole seconds, and on
 * 401 a challenge, bare when no credentials came (RFC 6750 §3). `reason` stays behind.
 */
export function failureResponse(failure: Failure, requestId: string, hadCredentials: boolean): Response {
  const { status, sentence } = describeError(failure.code);
  const headers = withIds(JSON_HEADERS, requestId);
  if (failure.retryAfterMs !== undefined) {
    headers["retry-after"] = String(Math.max(1, Math.ceil(failure.retryAfterMs / 1000)));
  }
  if (status === 401) headers["www-authenticate"] = hadCredentials ? 'Bearer error="invalid_token"' : "Bearer";
  const error = {
    code: failure.code,
    message: failure.message ?? sentence,
    request_id: requestId,
    ...(failure.vendor && { vendor: failure.vendor }),
    ...(failure.registerUrl !== undefined && { registerUrl: failure.registerUrl }),
  };
  return new Response(JSON.stringify({ error }), { status, headers });
}

/** Any thrown value as a failure. What nobody expected becomes `internal_error`, with its story in `reason` only. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof ApiError) return thrown.failure;
  if (thrown instanceof UniqueViolation) return { code: "conflict", reason: "unique_violation" };
  const reason = thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : typeof thrown;
  return { code: "internal_error", reason };
}
