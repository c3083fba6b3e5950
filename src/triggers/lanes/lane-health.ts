import type { Logger } from "../../log.ts";
import type { Attempt } from "../events/event.ts";
import { attemptEnded, attemptStarted, type Breaker, breakerToKeep, CLOSED, type Health } from "./breaker.ts";
import type { LaneStore } from "./lane-store.ts";

const KEPT = "health";
/** Longest that one answer's Retry-After silences the whole lane; its own delivery waits for all of it. */
const LONGEST_QUIET_MS = 3_600_000;

/** What is stored of it: enough that an object that was evicted does not run into the same wall with full force. */
interface Kept {
  breaker: ReturnType<typeof breakerToKeep>;
  quietUntilMs: number;
}

/** How the lane's destination does. Kept when it changes for the worse or the better, not with every attempt. */
export class LaneHealth {
  readonly #store: LaneStore;
  readonly #log: Logger;
  readonly #destinationId: string;
  breaker: Breaker = CLOSED;
  quietUntilMs = 0;

  constructor(destinationId: string, store: LaneStore, log: Logger) {
    this.#store = store;
    this.#log = log;
    this.#destinationId = destinationId;
    const kept = store.kept<Kept>(KEPT);
    if (kept === null) return;
    if (kept.breaker !== null) this.breaker = { state: "open", ...kept.breaker };
    this.quietUntilMs = kept.quietUntilMs;
  }

  started(attempt: number, lostAtMs: number): void {
    this.#become(attemptStarted(this.breaker, attempt, lostAtMs));
  }

  ended(attempt: number, health: Health, nowMs: number): void {
    this.#become(attemptEnded(this.breaker, attempt, health, nowMs));
  }

  /** Before then nothing is sent. */
  closedUntilMs(): number {
    return Math.max(this.quietUntilMs, breakerToKeep(this.breaker)?.probeAtMs ?? 0);
  }

  /** The destination asked to be left alone for so long. */
  quiet(forMs: number, nowMs: number): void {
    this.quietUntilMs = Math.max(this.quietUntilMs, nowMs + Math.min(forMs, LONGEST_QUIET_MS));
    this.#keep();
  }

  #become(next: Breaker): void {
    const before = this.breaker;
    this.breaker = next;
    if (next.state === before.state) return;
    this.#keep();
    const facts = { destinationId: this.#destinationId, opens: next.opens };
    if (next.state === "open") this.#log.warn("lane.breaker_opened", facts);
    if (next.state === "closed") this.#log.info("lane.breaker_closed", facts);
  }

  #keep(): void {
    const kept: Kept = { breaker: breakerToKeep(this.breaker), quietUntilMs: this.quietUntilMs };
    this.#store.keep(KEPT, kept);
  }
}

/** What an attempt says of its destination's health. Refusing one message is healthy; asking for quiet is not. */
export function healthOf({ outcome, status }: Pick<Attempt, "outcome" | "status">): Health {
  switch (outcome) {
    case "delivered":
      return "ok";
    case "rejected":
      return status !== null && status < 500 && status !== 429 ? "ok" : "failed";
    case "timeout":
    case "network":
    case "redirect_refused":
      return "failed";
    case "url_not_allowed":
    case "payload_gone":
    case "misconfigured":
    case "too_many_hops":
      return null;
    default:
      return outcome satisfies never;
  }
}
