/** Background calls under way at once for one connector; a caller who waits is never counted against them. */
export const BACKGROUND_PERMITS = 8;
/** A permit whose holder died is given back after this long. */
const PERMIT_TTL_MS = 30_000;
/** What a call is taken to last until some have been seen. */
const FIRST_GUESS_MS = 500;
/** Weight of the latest call in what the next is expected to last. */
const LATEST_WEIGHT = 0.2;

/**
 * The calls that nobody waits for. Who finds no permit is told when its turn comes, one after the other at the pace at
 * which calls end, so that ten thousand grants that are due at once ask a few times each, and not over and over.
 */
export class BackgroundQueue {
  readonly #holders = new Map<string, { sinceMs: number }>();
  #expectedMs = FIRST_GUESS_MS;
  /** When the turn of whoever was told last comes. */
  #lastTurnMs = 0;

  /** 0 = the permit is held from now on; else how long to stay away (ms). */
  enter(permit: string, hasWaited: boolean, nowMs: number): number {
    for (const [holder, { sinceMs }] of this.#holders) {
      if (sinceMs + PERMIT_TTL_MS <= nowMs) this.leave(holder, nowMs);
    }
    // Those who are on their way come first.
    const inTurn = hasWaited || this.#lastTurnMs <= nowMs;
    if (inTurn && this.#holders.size < BACKGROUND_PERMITS) {
      this.#holders.set(permit, { sinceMs: nowMs });
      return 0;
    }
    const paceMs = Math.max(Math.ceil(this.#expectedMs / BACKGROUND_PERMITS), 1);
    this.#lastTurnMs = Math.max(this.#lastTurnMs, nowMs) + paceMs;
    return this.#lastTurnMs - nowMs;
  }

  leave(permit: string, nowMs: number): void {
    const holder = this.#holders.get(permit);
    if (holder === undefined) return;
    this.#holders.delete(permit);
    this.#expectedMs += LATEST_WEIGHT * (nowMs - holder.sinceMs - this.#expectedMs);
  }
}
