import { causeOf } from "../../errors.ts";
import type { Ending } from "../events/event.ts";
import type { StoredEvent } from "../events/event-store.ts";
import { type MadeAttempt, makeAttempt } from "../sending/attempt.ts";
import { nextStep, wishesOf } from "../sending/next-step.ts";
import { chooseDue } from "./choose-due.ts";
import { AHEAD, EventsAhead } from "./events-ahead.ts";
import type { LaneDeps } from "./lane.ts";
import { healthOf, LaneHealth } from "./lane-health.ts";
import type { LaneStore, WaitingRow } from "./lane-store.ts";
import { ended, waitsOn } from "./reports.ts";
import { LaneTarget, type Target } from "./target.ts";
import type { TokenBucket } from "./token-bucket.ts";

/** How much longer than its time limit an attempt may take before it counts as lost. */
const LEASE_MARGIN_MS = 5_000;
/** When what could not be sent for a reason of ours is due again. */
const POSTPONED_MS = 5_000;
/** Rows that end at once, without an attempt, between two looks at what else there is. */
const STEP = 200;
const HOUR_MS = 3_600_000;
/** The most that jitter lengthens a schedule by. */
const LONGEST_JITTER = 1.2;

/**
 * Sends what is due, as far as the destination, its rate and its health let it. Callers never wait for a send: each ends
 * by storing what became of it in one step, and by looking for more.
 */
export class Dispatcher {
  readonly #store: LaneStore;
  readonly #deps: LaneDeps;
  readonly #destinationId: string;
  readonly #onSettled: () => void;
  readonly #defer: (work: Promise<unknown>) => void;
  readonly #events: EventsAhead;
  readonly target: LaneTarget;
  readonly health: LaneHealth;
  /** By the id of their delivery: the number of the attempt, unique in this object's memory. */
  readonly inFlight = new Map<string, number>();
  #attempts = 0;
  #bucket: TokenBucket | null = null;

  constructor(
    destinationId: string,
    store: LaneStore,
    deps: LaneDeps,
    effects: { onSettled: () => void; defer: (work: Promise<unknown>) => void },
  ) {
    this.#destinationId = destinationId;
    this.#store = store;
    this.#deps = deps;
    this.#onSettled = effects.onSettled;
    this.#defer = effects.defer;
    this.#events = new EventsAhead(deps.events);
    this.target = new LaneTarget(destinationId, deps);
    this.health = new LaneHealth(destinationId, store, deps.log);
  }

  /** Starts what may start now. Answers when to call again, if nothing happens before; null = when something does. */
  async round(): Promise<number | null> {
    while (true) {
      const target = await this.target.current();
      if (target === null) {
        if (!this.#endAll()) return null;
        continue;
      }
      const { destination } = target;
      if (destination.disabledReason !== null) return null;
      this.#endStale(destination.retrySchedule);

      const nowMs = this.#deps.now();
      const { ordered } = destination;
      const free = (ordered ? 1 : destination.maxInFlight) - this.inFlight.size;
      // Whichever ends first looks for more.
      if (free <= 0) return null;
      const rows = this.#store.next(ordered, free);
      if (rows.some(({ dueAtMs, eventId }) => dueAtMs <= nowMs && this.#events.get(eventId) === undefined)) {
        await this.#readAhead(ordered);
        continue;
      }
      // From here to the end of the loop nothing is awaited: what is chosen is what starts.
      const { chosen, bucket, wakeAtMs } = chooseDue(rows, {
        nowMs,
        inFlight: this.inFlight.size,
        destination,
        bucket: this.#bucket,
        breaker: this.health.breaker,
        quietUntilMs: this.health.quietUntilMs,
      });
      if (chosen.length === 0) return wakeAtMs;
      this.#bucket = bucket;
      for (const row of chosen) this.#start(row, this.#events.get(row.eventId) ?? null, target, nowMs);
      // A later attempt reads its event anew: the payload may have been purged.
      for (const { eventId } of chosen) this.#events.drop(eventId);
    }
  }

  /** Reads the events of the next deliveries: far fewer queries than attempts. */
  async #readAhead(ordered: boolean): Promise<void> {
    const nowMs = this.#deps.now();
    const rows = this.#store.next(ordered, AHEAD).filter(({ dueAtMs }) => dueAtMs <= nowMs);
    await this.#events.load(rows.map(({ eventId }) => eventId));
  }

  #start(row: WaitingRow, event: StoredEvent | null, target: Target, nowMs: number): void {
    if (event === null) {
      // Purged, and the delivery with it: there is nothing left to send or to tell.
      this.#store.settle(row.id, ended(row, "permanent_failure", nowMs), nowMs);
      return;
    }
    const attempt = ++this.#attempts;
    const leaseEndsMs = nowMs + target.destination.timeoutMs + LEASE_MARGIN_MS;
    this.#store.postpone(row.id, leaseEndsMs);
    this.inFlight.set(row.id, attempt);
    this.health.started(attempt, leaseEndsMs);
    this.#defer(this.#send(row, event, target, attempt));
  }

  /** Never rejects. */
  async #send(row: WaitingRow, event: StoredEvent, target: Target, attempt: number): Promise<void> {
    const { now } = this.#deps;
    try {
      const deps = { ...this.#deps, keys: await this.#deps.keys() };
      const made = await makeAttempt({ delivery: row, event, payload: event.payload, ...target }, deps);
      this.health.ended(attempt, healthOf(made.attempt), now());
      this.#settle(row, made, target);
    } catch (error) {
      // Nothing was sent: it counts neither as an attempt nor against the destination.
      this.health.ended(attempt, null, now());
      this.#store.postpone(row.id, now() + POSTPONED_MS);
      const reason = causeOf(error);
      this.#deps.log.warn("lane.not_sent", { destinationId: this.#destinationId, deliveryId: row.id, reason });
    }
    this.inFlight.delete(row.id);
    this.#onSettled();
  }

  #settle(row: WaitingRow, { attempt, answer }: MadeAttempt, { destination }: Target): void {
    const { now, random, log } = this.#deps;
    const nowMs = now();
    const wishes = wishesOf(answer, nowMs);
    if (wishes.retryAfterMs !== null) this.health.quiet(wishes.retryAfterMs, nowMs);
    const attemptCount = row.attemptCount + 1;
    const done = { ...row, attemptCount };
    const { retrySchedule } = destination;
    const step = nextStep(attempt, wishes, { ...row, attemptCount, retrySchedule, nowMs, random: random() });
    const over = (because: Ending) => this.#store.settle(row.id, ended(done, because, nowMs, attempt), nowMs);
    if (step.kind === "delivered") over("delivered");
    // It was canceled while it was under way.
    else if (this.#store.find(row.id) === null) over("canceled");
    else if (step.kind === "again") {
      this.#store.repeat(row.id, attempt.status, waitsOn(done, attempt, step.atMs, nowMs));
    } else {
      over(step.because);
      const { outcome, status } = attempt;
      const facts = { destinationId: this.#destinationId, deliveryId: row.id, because: step.because };
      log.warn("lane.delivery_dead", { ...facts, attemptCount, outcome, status });
    }
  }

  /** The destination was removed. False = there was nothing left to end. */
  #endAll(): boolean {
    const rows = this.#store.next(false, STEP).filter(({ id }) => !this.inFlight.has(id));
    this.#end(rows, "destination_removed");
    return rows.length > 0;
  }

  /**
   * A destination that is away for longer than the schedule lasts gets few attempts, one by one: what has waited for all
   * of that time is over, too. While it is well, or disabled, or its rate is what they wait for, nothing ends so.
   */
  #endStale(retrySchedule: readonly number[]): void {
    if (this.health.breaker.state === "closed") return;
    const nowMs = this.#deps.now();
    const longestMs = retrySchedule.reduce((sum, seconds) => sum + seconds, 0) * 1000 * LONGEST_JITTER + HOUR_MS;
    const rows = this.#store.dueSince(nowMs - longestMs, nowMs, STEP);
    this.#end(rows, "attempts_exhausted");
  }

  #end(rows: readonly WaitingRow[], because: "destination_removed" | "attempts_exhausted"): void {
    const nowMs = this.#deps.now();
    for (const row of rows) this.#store.settle(row.id, ended(row, because, nowMs), nowMs);
    if (rows.length > 0) this.#onSettled();
  }
}
