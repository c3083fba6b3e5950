import { DurableObject } from "cloudflare:workers";
import type { Services } from "../services.ts";
import { sql } from "../store/database.ts";
import { owedWalks, stepWalk } from "./revocation-walk.ts";

export type HousekeeperDeps = Pick<Services, "db" | "grants" | "log" | "now">;

const WALKS_PER_ROUND = 50;
const SOON_MS = 100;
const TOMBSTONE_RETRY_MS = 60_000;
const ROUND_MS = 15 * 60_000;
const FAILURE_RETRY_MS = 30_000;

/**
 * One object runs all periodic work from one alarm. Crons do not fire in local development, object alarms do, so
 * the cron only makes sure that the alarm is armed. It holds no state: what is to be done stands in the database.
 */
export class HousekeeperObject extends DurableObject<unknown> {
  readonly #deps: HousekeeperDeps;

  constructor(ctx: DurableObjectState, env: unknown, deps: HousekeeperDeps) {
    super(ctx, env);
    this.#deps = deps;
  }

  /** There may be work now. */
  async nudge(): Promise<void> {
    await this.ctx.storage.setAlarm(this.#deps.now() + SOON_MS);
  }

  /** Make sure that a round is coming. */
  async arm(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.nudge();
  }

  override async alarm(): Promise<void> {
    const { log, now } = this.#deps;
    let nextInMs = FAILURE_RETRY_MS;
    try {
      nextInMs = await this.#round();
    } catch (error) {
      log.error("housekeeper.round_failed", { reason: error instanceof Error ? error.message : "unknown" });
    } finally {
      await this.ctx.storage.setAlarm(now() + nextInMs);
    }
  }

  async #round(): Promise<number> {
    const { db, now } = this.#deps;
    await db.run(sql("DELETE FROM used_token_ids WHERE expires_at_ms <= ?", now()));
    const walks = await owedWalks(db, WALKS_PER_ROUND);
    let nextInMs = walks.length === WALKS_PER_ROUND ? SOON_MS : ROUND_MS;
    for (const walk of walks) {
      const step = await stepWalk(walk, this.#deps);
      if (step === "more") nextInMs = SOON_MS;
      if (step === "wait") nextInMs = Math.min(nextInMs, TOMBSTONE_RETRY_MS);
    }
    return nextInMs;
  }
}
