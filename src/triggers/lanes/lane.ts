import { DurableObject } from "cloudflare:workers";
import type { KeyRing } from "../../crypto/key-ring.ts";
import { causeOf } from "../../errors.ts";
import type { Services } from "../../services.ts";
import { Dispatcher } from "./dispatcher.ts";
import { LaneStore, SETTLED_MS } from "./lane-store.ts";
import { Outbox } from "./outbox.ts";
import type { LaneItem, LaneStatus, LaneStub } from "./protocol.ts";
import { ended } from "./reports.ts";

/** What a lane needs of the deployment. The key ring is asked for per use: importing it is asynchronous. */
export interface LaneDeps
  extends Pick<Services, "db" | "events" | "blobs" | "fetch" | "now" | "random" | "randomBytes" | "settings" | "log"> {
  keys: () => Promise<KeyRing>;
}

/** When a lane that lost its memory looks at what it was doing. */
const WATCH_MS = 10_000;
/** Waits up to this long are timers: an alarm is a write. */
const SHORT_MS = 2_000;
const IDLE_WATCH_MS = 600_000;
const FAILURE_RETRY_MS = 5_000;

/**
 * One destination, or one shard of a busy one: what is due there, and the sending of it. What it was given is stored
 * before it says so, sends go on without any caller, and an alarm brings back an object that died with work to do.
 *
 * Delivered at least once: an attempt whose answer was not stored is made again, under the same delivery and event id.
 */
export class DestinationLaneObject extends DurableObject<unknown> implements LaneStub {
  readonly #deps: LaneDeps;
  readonly #destinationId: string;
  readonly #store: LaneStore;
  readonly #outbox: Outbox;
  readonly #dispatcher: Dispatcher;
  /** Null = none is set, as far as this object remembers. */
  #alarmAtMs: number | null = null;
  #timer: { atMs: number; id: ReturnType<typeof setTimeout> } | null = null;
  #working = false;
  #again = false;

  constructor(ctx: DurableObjectState, env: unknown, deps: LaneDeps) {
    super(ctx, env);
    this.#deps = deps;
    this.#store = new LaneStore(ctx.storage);
    const destinationId = ctx.id.name?.split(":")[1] ?? "";
    this.#destinationId = destinationId;
    this.#outbox = new Outbox(destinationId, this.#store, deps);
    this.#dispatcher = new Dispatcher(destinationId, this.#store, deps, {
      onSettled: () => this.#look(),
      defer: (work) => ctx.waitUntil(work),
    });
  }

  async enqueue(destinationId: string, items: LaneItem[]): Promise<void> {
    if (destinationId !== this.#destinationId) throw new TypeError("deliveries reached the wrong lane");
    this.#store.add(items, this.#deps.now());
    await this.#alarmBy(this.#deps.now() + WATCH_MS);
    this.#look();
  }

  async cancel(deliveryIds: string[]): Promise<void> {
    const nowMs = this.#deps.now();
    for (const id of deliveryIds) {
      const row = this.#store.find(id);
      if (row !== null) this.#store.settle(id, ended(row, "canceled", nowMs), nowMs);
    }
    this.#look();
  }

  async refresh(): Promise<void> {
    this.#dispatcher.target.forget();
    this.#look();
  }

  async status(ordered = false): Promise<LaneStatus> {
    const { inFlight, health } = this.#dispatcher;
    const next = this.#store.next(ordered, inFlight.size + 1).find(({ id }) => !inFlight.has(id));
    return {
      waiting: Math.max(0, this.#store.count() - inFlight.size),
      inFlight: inFlight.size,
      breaker: health.breaker.state,
      nextAtMs: next === undefined ? null : Math.max(next.dueAtMs, health.closedUntilMs()),
    };
  }

  /** It does not wait for sends, and never throws: a failing alarm would be retried a few times and then forgotten. */
  override async alarm(): Promise<void> {
    this.#alarmAtMs = null;
    // What the log has not been told of may be brought here again however late.
    if (!this.#outbox.hasReports()) this.#store.forgetSettled(this.#deps.now());
    this.#look();
  }

  /** There may be something to do. */
  #look(): void {
    this.#again = true;
    if (!this.#working) this.ctx.waitUntil(this.#work());
  }

  /** Rounds, until one began after everything there is. Never rejects. */
  async #work(): Promise<void> {
    this.#working = true;
    while (this.#again) {
      this.#again = false;
      try {
        this.ctx.waitUntil(this.#outbox.send());
        await this.#wakeAt(await this.#dispatcher.round());
      } catch (error) {
        this.#deps.log.warn("lane.round_failed", { lane: this.ctx.id.name ?? "", reason: causeOf(error) });
        this.#timerAt(this.#deps.now() + FAILURE_RETRY_MS);
      }
    }
    this.#working = false;
  }

  /** Sees to it that this object looks again when it must, whatever becomes of its memory. */
  async #wakeAt(wakeAtMs: number | null): Promise<void> {
    const nowMs = this.#deps.now();
    const isBusy = this.#dispatcher.inFlight.size > 0 || this.#outbox.hasReports();
    const times = [wakeAtMs, this.#outbox.retryAtMs()].filter((atMs) => atMs !== null);
    if (isBusy) times.push(nowMs + WATCH_MS);
    // For the day that nobody says that the destination is enabled again.
    else if (this.#store.hasWaiting()) times.push(nowMs + IDLE_WATCH_MS);
    else if (this.#store.hasSettled()) times.push(nowMs + SETTLED_MS);
    if (times.length === 0) return;
    const atMs = Math.min(...times);
    const isSoon = atMs <= nowMs + SHORT_MS;
    if (isSoon) this.#timerAt(atMs);
    await this.#alarmBy(isSoon ? nowMs + WATCH_MS : atMs);
  }

  async #alarmBy(atMs: number): Promise<void> {
    if (this.#alarmAtMs !== null && this.#alarmAtMs <= atMs) return;
    this.#alarmAtMs = atMs;
    await this.ctx.storage.setAlarm(atMs);
  }

  #timerAt(atMs: number): void {
    if (this.#timer !== null) {
      if (this.#timer.atMs <= atMs) return;
      clearTimeout(this.#timer.id);
    }
    const fire = () => {
      this.#timer = null;
      this.#look();
    };
    this.#timer = { atMs, id: setTimeout(fire, Math.max(0, atMs - this.#deps.now())) };
  }
}
