import type { OutboundResponse } from "../../outbound/guarded-fetch.ts";
import { readRetryAfter } from "../../outbound/retry-after.ts";
import type { Attempt, AttemptOutcome, Ending } from "../events/event.ts";

/** What the answer asks for, beside its status. */
export interface Wishes {
  /** How long to stay away (ms); null = it does not say. */
  retryAfterMs: number | null;
  /** Whether this message is never to be sent again. */
  abort: boolean;
}

/** Statuses whose Retry-After counts. */
const ASKS_FOR_QUIET = [429, 502, 503, 504];
const LONGEST_WAIT_MS = 24 * 3_600_000;

/** As Svix has it: a receiver's way to say that a message is never to come again. */
const DELIVERY_HEADER = "webhook-delivery";

/** The wishes of an answer; null = there was none. */
export function wishesOf(answer: Pick<OutboundResponse, "status" | "headers"> | null, nowMs: number): Wishes {
  if (answer === null) return { retryAfterMs: null, abort: false };
  const { status, headers } = answer;
  const asked = ASKS_FOR_QUIET.includes(status) ? headers.get("retry-after") : null;
  return {
    retryAfterMs: readRetryAfter(asked, nowMs, LONGEST_WAIT_MS),
    abort: headers.get(DELIVERY_HEADER) === "abort-message",
  };
}

/** What comes after an attempt; `atMs` is when the next one is due. */
export type NextStep = { kind: "delivered" } | { kind: "again"; atMs: number } | { kind: "dead"; because: Ending };

/** How far a delivery has come. */
export interface Progress {
  /** This attempt included. */
  attemptCount: number;
  /** What the attempt before was answered with. */
  lastStatus: number | null;
  /** Seconds before each further attempt. */
  retrySchedule: readonly number[];
  nowMs: number;
  /** Uniform in [0, 1). */
  random: number;
}

/** Steps up to this long make up the part of a schedule that a refusal (4xx) is tried again by. */
const SHORT_STEP_S = 600;
/** Of the 4xx, those that may pass by themselves (RFC 9110 §15.5.9, RFC 8470 §5.2, RFC 6585 §4). */
const PASSING = [408, 425, 429];

/** What no operator and no wait can mend. */
const NEVER_AGAIN: readonly AttemptOutcome[] = ["payload_gone", "too_many_hops"];

/** What comes after an attempt. */
export function nextStep(
  { outcome, status }: Pick<Attempt, "outcome" | "status">,
  wishes: Wishes,
  progress: Progress,
): NextStep {
  if (outcome === "delivered") return { kind: "delivered" };
  if (NEVER_AGAIN.includes(outcome) || wishes.abort) return { kind: "dead", because: "permanent_failure" };
  if (status === 410 && progress.lastStatus === 410) return { kind: "dead", because: "gone" };
  const atMs = nextAttemptAt(progress, wishes.retryAfterMs);
  if (atMs === null) return { kind: "dead", because: "attempts_exhausted" };
  return refuses(status) && isBeyondShort(progress)
    ? { kind: "dead", because: "permanent_failure" }
    : { kind: "again", atMs };
}

/** When the schedule has the next attempt, ±20 %, or later where the destination asked for it; null = never. */
function nextAttemptAt(
  { attemptCount, retrySchedule, nowMs, random }: Progress,
  retryAfterMs: number | null = null,
): number | null {
  const seconds = retrySchedule[attemptCount - 1];
  if (seconds === undefined) return null;
  return nowMs + Math.max(Math.round(seconds * 1000 * (0.8 + 0.4 * random)), retryAfterMs ?? 0);
}

function refuses(status: number | null): boolean {
  return status !== null && status >= 400 && status < 500 && status !== 410 && !PASSING.includes(status);
}

function isBeyondShort({ attemptCount, retrySchedule }: Progress): boolean {
  return (retrySchedule[attemptCount - 1] ?? 0) > SHORT_STEP_S;
}
