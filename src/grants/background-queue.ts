/** Background calls under way at once for one connector; a caller who waits is never counted against them. */
export const BACKGROUND_PERMITS = 8;
/** So many may wait for the next permit at the gate itself; the others come back. */
const LONGEST_LINE = 2 * BACKGROUND_PERMITS;
/** Who is sent away stays away for at least as long, and has therefore waited who is that late. */
export const LEAST_AWAY_MS = 1_000;
/** And for no more than that of the time that is left to it: a turn is a guess. */
const LONGEST_SHARE = 0.75;
/** A permit whose holder died is given back after this long. */
const PERMIT_TTL_MS = 30_000;
/** What a permit is taken to be held for until some have been given back. */
const FIRST_GUESS_MS = 500;
/** Weight of the latest one in how long the next is expected to be held. */
const LATEST_WEIGHT = 0.2;

/** Who asks for a permit. */
export interface BackgroundAsker {
  /** How long ago it was to be done (ms). */
  lateMs: number;
  /** How long from now it is of use (ms). */
  leftMs: number;
}

export type Entry =
  /** The permit is held from now on. */
  | { kind: "in" }
  /** It will be, unless the asker gives up. */
  | { kind: "in line" }
  | { kind: "away"; waitMs: number };

/**
 * The calls that nobody waits for. A free permit goes to whoever asks. When there is none, a few who had their turn
 * already stand in line; everybody else is told when its turn comes, one after the other at the pace at which permits
 * are given back, so that ten thousand grants that are due at once ask about twice each, and not over and over.
 */
export class BackgroundQueue {
  readonly #onAdmitted: (permit: string) => void;
  /** Since when permits are held (ms). */
  readonly #holders = new Map<string, number>();
  readonly #line = new Set<string>();
  #expectedMs = FIRST_GUESS_MS;
  /** Turns that were given and have not come, as of then. */
  #ahead = 0;
  #asOfMs = 0;

  /** `onAdmitted`: of those in line. */
  constructor(onAdmitted: (permit: string) => void) {
    this.#onAdmitted = onAdmitted;
  }

  enter(permit: string, asker: BackgroundAsker, nowMs: number): Entry {
    this.#sweep(nowMs);
    if (this.#holders.size < BACKGROUND_PERMITS) {
      this.#holders.set(permit, nowMs);
      return { kind: "in" };
    }
    const isInTurn = asker.lateMs >= LEAST_AWAY_MS || this.#turnsAhead(nowMs) === 0;
    if (!isInTurn || this.#line.size >= LONGEST_LINE) return { kind: "away", waitMs: this.away(asker, nowMs, nowMs) };
    this.#line.add(permit);
    return { kind: "in line" };
  }

  /** How long to stay away (ms) until a turn that does not come before `fromMs`. */
  away({ leftMs }: BackgroundAsker, fromMs: number, nowMs: number): number {
    this.#ahead = this.#turnsAhead(nowMs) + 1;
    // Until then no turn comes.
    this.#asOfMs = Math.max(this.#asOfMs, fromMs, nowMs);
    const turnMs = Math.min(this.#asOfMs - nowMs + this.#ahead * this.#paceMs(), leftMs * LONGEST_SHARE);
    return Math.ceil(Math.max(turnMs, fromMs - nowMs, LEAST_AWAY_MS));
  }

  /** Out of the line; false = it is held meanwhile. */
  giveUp(permit: string): boolean {
    return this.#line.delete(permit);
  }

  /** The permit is free again. One that was of no use says nothing of the pace. */
  leave(permit: string, nowMs: number, wasUsed = true): void {
    const sinceMs = this.#holders.get(permit);
    if (sinceMs === undefined) return;
    this.#holders.delete(permit);
    if (wasUsed) this.#expectedMs += LATEST_WEIGHT * (nowMs - sinceMs - this.#expectedMs);
    this.#admit(nowMs);
  }

  /** At the pace of now, whatever it was when they were given. */
  #turnsAhead(nowMs: number): number {
    return Math.max(this.#ahead - Math.max(nowMs - this.#asOfMs, 0) / this.#paceMs(), 0);
  }

  #paceMs(): number {
    return Math.max(this.#expectedMs / BACKGROUND_PERMITS, 1);
  }

  #sweep(nowMs: number): void {
    for (const [holder, sinceMs] of this.#holders) {
      if (sinceMs + PERMIT_TTL_MS <= nowMs) this.leave(holder, nowMs);
    }
  }

  #admit(nowMs: number): void {
    for (const permit of this.#line) {
      if (this.#holders.size >= BACKGROUND_PERMITS) return;
      this.#line.delete(permit);
      this.#holders.set(permit, nowMs);
      this.#onAdmitted(permit);
    }
  }
}
