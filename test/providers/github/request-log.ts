/** A request as it came, without what is secret. */
export interface SeenRequest {
  /** Name of the route; `unknown` where there is none. */
  route: string;
  method: string;
  path: string;
  /** `authorization` is only its scheme. */
  headers: Record<string, string>;
  /** null while there is no answer. */
  status: number | null;
  atMs: number;
}

const KEPT = 10_000;

/** Counts every request, and keeps the latest ones. */
export class RequestLog {
  readonly #counts = new Map<string, number>();
  #latest: SeenRequest[] = [];

  add(request: SeenRequest): void {
    this.#counts.set(request.route, this.count(request.route) + 1);
    this.#latest.push(request);
    if (this.#latest.length > 2 * KEPT) this.#latest = this.#latest.slice(-KEPT);
  }

  /** Of all routes without a name, those of the control route left out. */
  count(route?: string): number {
    if (route !== undefined) return this.#counts.get(route) ?? 0;
    let all = 0;
    for (const [name, count] of this.#counts) if (name !== "control") all += count;
    return all;
  }

  /** At least the latest 10,000, oldest first. */
  latest(route?: string): SeenRequest[] {
    return this.#latest.filter((one) => (route === undefined ? one.route !== "control" : one.route === route));
  }
}
