import { DurableObject } from "cloudflare:workers";
import { keepUpRequests, nextUpkeepAtMs } from "../authorize/request-upkeep.ts";
import type { WebhookDeps } from "../authorize/webhook.ts";
import { messageOf } from "../errors.ts";
import { purgeKeys } from "../http/idempotency-store.ts";
import { purgeBeforeMs } from "../issuer/key-schedule.ts";
import { purgeIssuerKeys } from "../issuer/key-store.ts";
import { nextResealAtMs, type ResealDeps, stepReseal } from "../keys/reseal-step.ts";
import { sql } from "../store/database.ts";
import type { EventDeps } from "../triggers/events/deps.ts";
import { keepUpEvents } from "../triggers/events/upkeep.ts";
import { nextWalkAtMs, owedWalks, stepWalk, type WalkServices } from "./revocation-walk.ts";

export type HousekeeperDeps = ResealDeps & WalkServices & WebhookDeps & EventDeps;

/** Both bound the calls that one alarm makes, of which the platform allows a limited number. */
const WALKS_PER_ROUND = 10;
export const GRANTS_PER_ROUND = 100;
const SOON_MS = 100;
const ROUND_MS = 15 * 60_000;
const FAILURE_RETRY_MS = 30_000;

/**
 * One object runs all periodic work from one alarm. Crons do not fire in local development, object alarms do, so
 * the cron only makes sure that the alarm is armed. What is to be done stands in the database; it only holds where it goes
 * on with that.
 */
export class HousekeeperObject extends DurableObject<unknown> {
  readonly #deps: HousekeeperDeps;

  constructor(ctx: DurableObjectState, env: unknown, deps: HousekeeperDeps) {
    super(ctx, env);
    this.#deps = deps;
  }

  /** There may be work now. */
  async nudge(): Promise<void> {
    await this.#armBy(this.#deps.now() + SOON_MS);
  }

  /** Make sure that a round is coming. */
  async arm(): Promise<void> {
    if ((await this.ctx.storage.getAlarm()) === null) await this.nudge();
  }

  /** One round. It never throws: the platform would repeat a failing alarm a few times and then forget it. */
  override async alarm(): Promise<void> {
    const { log, now } = this.#deps;
    try {
      await this.#armBy(await this.#round());
    } catch (error) {
      log.error("housekeeper.round_failed", { reason: messageOf(error) });
      await this.#armBy(now() + FAILURE_RETRY_MS);
    }
  }

  /** An earlier alarm stays: a nudge that came during a round knows of work that the round has not seen. */
  async #armBy(atMs: number): Promise<void> {
    const armedAtMs = await this.ctx.storage.getAlarm();
    if (armedAtMs === null || armedAtMs > atMs) await this.ctx.storage.setAlarm(atMs);
  }

  /** When the next round is due. */
  async #round(): Promise<number> {
    const { db, now } = this.#deps;
    await db.run(sql("DELETE FROM used_token_ids WHERE expires_at_ms <= ?", now()));
    await purgeKeys(db, now());
    await purgeIssuerKeys(db, purgeBeforeMs(now()));
    await keepUpRequests(this.#deps);
    let grantsLeft = GRANTS_PER_ROUND;
    for (const walk of await owedWalks(db, now(), WALKS_PER_ROUND)) {
      if (grantsLeft === 0) break;
      grantsLeft -= await stepWalk(walk, grantsLeft, this.#deps);
    }
    if (grantsLeft > 0) await stepReseal(grantsLeft, this.#deps);
    const eventsDueAtMs = await keepUpEvents(this.#deps, this.ctx.storage);
    const dueAtMs = [await nextWalkAtMs(db), await nextResealAtMs(db), await nextUpkeepAtMs(db), eventsDueAtMs].filter(
      (due) => due !== null,
    );
    return Math.min(Math.max(Math.min(...dueAtMs), now() + SOON_MS), now() + ROUND_MS);
  }
}
