import { ConnectError } from "./errors.ts";

/** Resolves after the delay, or earlier when the signal aborts. */
export type Sleep = (delayMs: number, signal?: AbortSignal) => Promise<void>;

export interface RetryPolicy {
  maxRetries: number;
  maxRetryDelayMs: number;
}

/** 5xx codes that say no rather than not now: asking again changes nothing until somebody changes the set-up. */
const FINAL_CODES = new Set([
  "upstream_rejected",
  "upstream_invalid_client",
  "upstream_redirect_refused",
  "upstream_too_large",
  "key_missing",
]);

const FIRST_DELAY_MS = 200;

/**
 * How long to wait (ms) before trying again, or null to give up. Retry-After is obeyed exactly, or not at all where
 * it exceeds the policy: asking sooner would be wrong, and waiting longer would surprise. `random` is in [0, 1).
 */
export function retryDelayMs(
  error: unknown,
  attempt: number,
  policy: RetryPolicy,
  request: { idempotent: boolean; random: number },
): number | null {
  if (!(error instanceof ConnectError) || attempt >= policy.maxRetries || FINAL_CODES.has(error.code)) return null;
  const { status, retryAfterMs } = error;
  if (status === 429 && retryAfterMs === undefined) return null;
  // 429 was refused before anything happened, so it may be repeated whatever the request does.
  if (status !== 429 && !(request.idempotent && isTransient(error))) return null;
  if (retryAfterMs !== undefined) return retryAfterMs <= policy.maxRetryDelayMs ? retryAfterMs : null;
  const ceilingMs = Math.min(FIRST_DELAY_MS * 4 ** attempt, policy.maxRetryDelayMs);
  return ceilingMs * (0.5 + request.random / 2);
}

function isTransient({ status, code }: ConnectError): boolean {
  return status === 502 || status === 503 || status === 504 || code === "network_error" || code === "timeout";
}

export function sleepUntilAborted(delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, delayMs);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
    function done() {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    }
  });
}
