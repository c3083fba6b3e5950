/** What goes wrong with a request of one route. */
export type Fault =
  /** Any answer; `body` is JSON unless it is text. */
  | { kind: "answer"; status: number; body?: unknown; headers?: Record<string, string> }
  /** The hourly limit is used up. */
  | { kind: "primary-limit"; status?: 403 | 429; resetInSeconds?: number }
  /** Too much at once; without `retryAfterSeconds` GitHub does not say until when. */
  | { kind: "secondary-limit"; status?: 403 | 429; retryAfterSeconds?: number }
  /** No answer, ever; nothing has happened. */
  | { kind: "hang" }
  /** The connection is reset; nothing has happened. */
  | { kind: "reset" }
  /** The work is done, and the connection is reset instead of the answer. */
  | { kind: "lost-answer" }
  /** Later: before the work, or with `afterWork` between the work and the answer. */
  | { kind: "delay"; ms: number; afterWork?: boolean }
  /** The same until `release`. */
  | { kind: "hold"; afterWork?: boolean };

/** Faults by route: a queue for the next requests, and one that stays. */
export class Faults {
  readonly #next = new Map<string, Fault[]>();
  readonly #always = new Map<string, Fault>();
  readonly #held = new Map<string, (() => void)[]>();

  /** The next `times` requests of `route` meet `fault`, after those that were queued before. */
  next(route: string, fault: Fault, times = 1): void {
    this.#next.set(route, [...(this.#next.get(route) ?? []), ...Array.from({ length: times }, () => fault)]);
  }

  /** Every request of `route` from now on, unless `next` says something else; null = no longer. */
  always(route: string, fault: Fault | null): void {
    if (fault === null) this.#always.delete(route);
    else this.#always.set(route, fault);
  }

  /** No faults, and whoever was held goes on. */
  clear(): void {
    this.#next.clear();
    this.#always.clear();
    for (const route of [...this.#held.keys()]) this.release(route);
  }

  /** How many requests of `route` are held. */
  held(route: string): number {
    return this.#held.get(route)?.length ?? 0;
  }

  /** Let every request of `route` that is held go on. */
  release(route: string): void {
    const waiting = this.#held.get(route) ?? [];
    this.#held.delete(route);
    for (const goOn of waiting) goOn();
  }

  take(route: string): Fault | undefined {
    return this.#next.get(route)?.shift() ?? this.#always.get(route);
  }

  hold(route: string): Promise<void> {
    return new Promise((resolve) => {
      this.#held.set(route, [...(this.#held.get(route) ?? []), resolve]);
    });
  }
}
