import type { ErrorCode } from "./error-codes.ts";
import type { LimitName } from "./limits/rate-limiter.ts";

export { describeError, type ErrorCode, type ErrorStatus } from "./error-codes.ts";

/** What a provider said of itself, cut down to what may leave this system (RFC 6749 §5.2 fields). */
export interface VendorError {
  error?: string;
  error_description?: string;
  status?: number;
}

/**
 * A failure as plain data: it crosses object boundaries, where classes do not survive.
 * `reason` is for the log; it may hold numbers and names, never secrets, and never reaches the wire.
 */
export interface Failure {
  code: ErrorCode;
  /** Replaces the default sentence on the wire. Says what to do; never quotes a provider's body. */
  message?: string;
  reason?: string;
  retryAfterMs?: number;
  vendor?: VendorError;
  /** Where an operator goes on. */
  registerUrl?: string;
  /** Which limit of ours refused, for the log and the counters. */
  limit?: LimitName;
}

export type Result<T> = { ok: true; value: T } | { ok: false; failure: Failure };

export function ok<T>(value: T): { ok: true; value: T } {
  return { ok: true, value };
}

export function fail(code: ErrorCode, details: Omit<Failure, "code"> = {}): { ok: false; failure: Failure } {
  return { ok: false, failure: { code, ...details } };
}

/** A failure on its way to the client; thrown by routes, mapped in one place (`http/answer.ts`). */
export class ApiError extends Error {
  override readonly name = "ApiError";
  readonly failure: Failure;

  constructor(code: ErrorCode, details: Omit<Failure, "code"> = {}) {
    super(`${code}${details.reason === undefined ? "" : `: ${details.reason}`}`);
    this.failure = { code, ...details };
  }

  static from(failure: Failure): ApiError {
    const { code, ...details } = failure;
    return new ApiError(code, details);
  }
}

/** The value of a result, or its failure thrown for the HTTP layer. */
export function unwrap<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw ApiError.from(result.failure);
}

/** What was thrown, in one line for the log: never for the wire. */
export function causeOf(thrown: unknown): string {
  return thrown instanceof Error ? `${thrown.name}: ${thrown.message}` : "unknown";
}

/** The same without the class, where that says nothing: platform errors are plain ones. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : "unknown";
}

/** What was thrown, as data: the failure that it carries, or else `internal_error`. */
export function failureFrom(thrown: unknown): Failure {
  return thrown instanceof ApiError ? thrown.failure : { code: "internal_error", reason: causeOf(thrown) };
}
