import { ApiError, describeError, type Failure } from "../errors.ts";
import { UniqueViolation } from "../store/database.ts";
import type { Answer } from "./endpoint.ts";

/** What every answer carries, whatever its route. A copy costs less than reading these texts anew. */
const COMMON_HEADERS = new Headers({
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
});

function headersOf(requestId: string, own: Record<string, string>): Headers {
  const headers = new Headers(COMMON_HEADERS);
  headers.set("x-request-id", requestId);
  headers.set("x-vercel-id", requestId);
  for (const [name, value] of Object.entries(own)) headers.set(name, value);
  return headers;
}

/** A handler's answer as a response; its own headers win over the common ones. */
export function successResponse(answer: Answer, requestId: string): Response {
  const { status, raw, body, headers: own } = answer;
  const isJson = raw === undefined && status !== 204 && body !== undefined;
  const headers = headersOf(requestId, { ...(isJson ? { "content-type": "application/json" } : {}), ...own });
  return new Response(isJson ? JSON.stringify(body) : (raw ?? null), { status, headers });
}

/**
 * A failure as a response: `{"error":{code, message, request_id, vendor?}}`, `Retry-After` in whole seconds, and on
 * 401 a challenge, bare when no credentials came (RFC 6750 §3). `reason` stays behind.
 */
export function failureResponse(failure: Failure, requestId: string, hadCredentials: boolean): Response {
  const { status, sentence } = describeError(failure.code);
  const headers = headersOf(requestId, { "content-type": "application/json" });
  if (failure.retryAfterMs !== undefined) {
    headers.set("retry-after", String(Math.max(1, Math.ceil(failure.retryAfterMs / 1000))));
  }
  if (status === 401) headers.set("www-authenticate", hadCredentials ? 'Bearer error="invalid_token"' : "Bearer");
  const error = {
    code: failure.code,
    message: failure.message ?? sentence,
    request_id: requestId,
    ...(failure.vendor && { vendor: failure.vendor }),
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
