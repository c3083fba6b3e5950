import { ApiError, describeError, type Failure } from "../errors.ts";
import { UniqueViolation } from "../store/database.ts";
import type { Answer } from "./endpoint.ts";

/** What every answer carries, whatever its route. */
function commonHeaders(requestId: string): Record<string, string> {
  return {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "x-request-id": requestId,
    "x-vercel-id": requestId,
  };
}

/** A handler's answer as a response; its own headers win over the common ones. */
export function successResponse(answer: Answer, requestId: string): Response {
  const headers = { ...commonHeaders(requestId), ...answer.headers };
  if (answer.raw !== undefined) return new Response(answer.raw, { status: answer.status, headers });
  if (answer.status === 204 || answer.body === undefined) return new Response(null, { status: answer.status, headers });
  return new Response(JSON.stringify(answer.body), {
    status: answer.status,
    headers: { "content-type": "application/json", ...headers },
  });
}

/**
 * A failure as a response: `{"error":{code, message, request_id, vendor?}}`, `Retry-After` in whole seconds, and on
 * 401 a challenge, bare when no credentials came (RFC 6750 §3). `reason` stays behind.
 */
export function failureResponse(failure: Failure, requestId: string, hadCredentials: boolean): Response {
  const { status, sentence } = describeError(failure.code);
  const headers: Record<string, string> = { "content-type": "application/json", ...commonHeaders(requestId) };
  if (failure.retryAfterMs !== undefined) {
    headers["retry-after"] = String(Math.max(1, Math.ceil(failure.retryAfterMs / 1000)));
  }
  if (status === 401) headers["www-authenticate"] = hadCredentials ? 'Bearer error="invalid_token"' : "Bearer";
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
