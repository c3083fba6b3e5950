import { causeOf } from "../../errors.ts";
import type { Services } from "../../services.ts";
import { recordAttempts } from "../events/delivery-store.ts";
import { disableDestination } from "../settings/destination-store.ts";
import type { LaneStore, Report } from "./lane-store.ts";

/** For how long reports are collected: one write then tells of all of them. */
const COLLECT_MS = 50;
const BATCH = 50;
const FIRST_RETRY_MS = 1_000;
const LONGEST_RETRY_MS = 60_000;

/**
 * Tells the event log what became of deliveries. A report is stored with what it reports, and forgotten when the log
 * has it: after a crash it is told again, which changes nothing there.
 */
export class Outbox {
  readonly #store: LaneStore;
  readonly #destinationId: string;
  readonly #deps: Pick<Services, "db" | "events" | "now" | "log">;
  #running = false;
  #failures = 0;
  #retryAtMs = 0;

  constructor(destinationId: string, store: LaneStore, deps: Pick<Services, "db" | "events" | "now" | "log">) {
    this.#store = store;
    this.#destinationId = destinationId;
    this.#deps = deps;
  }

  hasReports(): boolean {
    return this.#store.hasReports();
  }

  /** When it may try again; null = it need not. */
  retryAtMs(): number | null {
    return this.#failures > 0 && this.hasReports() ? this.#retryAtMs : null;
  }

  /** Tells all there is, and what is added meanwhile. Never rejects. */
  async send(): Promise<void> {
    if (this.#running || this.#deps.now() < this.#retryAtMs || !this.hasReports()) return;
    this.#running = true;
    try {
      await scheduler.wait(COLLECT_MS);
      for (let batch = this.#store.reports(BATCH); batch.length > 0; batch = this.#store.reports(BATCH)) {
        await this.#tell(batch.map(({ report }) => report));
        this.#store.forgetReports(batch.at(-1)?.seq ?? 0);
        this.#failures = 0;
      }
    } catch (error) {
      this.#retryAtMs = this.#deps.now() + Math.min(FIRST_RETRY_MS * 2 ** this.#failures++, LONGEST_RETRY_MS);
      this.#deps.log.warn("lane.report_failed", { destinationId: this.#destinationId, reason: causeOf(error) });
    }
    this.#running = false;
  }

  async #tell(reports: readonly Report[]): Promise<void> {
    const { db, events, now } = this.#deps;
    const updates = reports.map(({ update }) => update);
    await recordAttempts(events, updates);
    if (reports.some(({ gone }) => gone)) await disableDestination(db, this.#destinationId, "gone", now());
  }
}
