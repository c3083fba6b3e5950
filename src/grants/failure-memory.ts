import type { Failure, Result } from "../errors.ts";
import { LruMap } from "../store/lru.ts";
import type { ProviderOutcome } from "./connector-gate.ts";

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

export interface RememberedFailure {
  failure: Failure;
  /** Consecutive failures so far. */
  count: number;
  retryAtMs: number;
}

/**
 * What follows a failed mint: until `retryAtMs` everybody gets the same answer without the provider being asked
 * again. Doubles from half a second to half a minute, or is what the provider asked for.
 */
export function rememberFailure(
  previous: RememberedFailure | undefined,
  failure: Failure,
  nowMs: number,
): RememberedFailure {
  const count = (previous?.count ?? 0) + 1;
  const pauseMs = failure.retryAfterMs ?? Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), LONGEST_PAUSE_MS);
  return { failure: { ...failure, retryAfterMs: pauseMs }, count, retryAtMs: nowMs + pauseMs };
}

/** The remembered failure with the time that is left. */
export function asFailure({ failure, retryAtMs }: RememberedFailure, nowMs: number): Failure {
  return { ...failure, retryAfterMs: Math.max(retryAtMs - nowMs, 0) };
}

/** Failed token groups that are remembered; callers choose how many groups there are. */
export const MAX_FAILURES = 1000;

/** The failures of one Grant by token group, the latest ones. What is forgotten costs one more call. */
export class FailureMemory {
  readonly #failures = new LruMap<string, RememberedFailure>(MAX_FAILURES);

  /** What everybody is answered who asks for that group now; null = the provider may be asked. */
  recall(groupId: string, nowMs: number): Failure | null {
    const remembered = this.#failures.get(groupId);
    return remembered !== undefined && nowMs < remembered.retryAtMs ? asFailure(remembered, nowMs) : null;
  }

  note(groupId: string, result: Result<void>, nowMs: number): void {
    if (result.ok) this.#failures.delete(groupId);
    else this.#failures.set(groupId, rememberFailure(this.#failures.get(groupId), result.failure, nowMs));
  }

  clear(): void {
    this.#failures.clear();
  }
}

/** What a failure tells the other grants of the connector. */
export function providerOutcome(failure: Failure | null, configRevision: number): ProviderOutcome {
  switch (failure?.code) {
    case undefined:
      return { kind: "ok" };
    case "upstream_rate_limited":
      return { kind: "rate-limited", retryAfterMs: failure?.retryAfterMs ?? 1000 };
    case "upstream_invalid_client":
      return { kind: "invalid-client", configRevision };
    default:
      return { kind: "other" };
  }
}
