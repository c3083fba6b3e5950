/** One time limit over several awaits. */
export interface Deadline {
  /** Aborts when the time is up or the outer signal does. */
  signal: AbortSignal;
  /** The work's outcome, or a rejection as soon as the time is up. */
  race<T>(work: Promise<T>): Promise<T>;
  /** Frees the timer. */
  end(): void;
}

/**
 * Starts the clock. Not AbortSignal.timeout: that timer cannot be freed, and would hold an object in memory long
 * after its answer. The race is needed because aborting a fetch is a request: a body may stay pending.
 */
export function startDeadline(timeoutMs: number, outer?: AbortSignal): Deadline {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), timeoutMs);
  const signal = outer === undefined ? controller.signal : AbortSignal.any([controller.signal, outer]);
  const passed = Promise.withResolvers<never>();
  const onAbort = () => passed.reject(new Error("deadline passed"));
  passed.promise.catch(() => {});
  if (signal.aborted) onAbort();
  else signal.addEventListener("abort", onAbort, { once: true });
  return {
    signal,
    race: (work) => Promise.race([work, passed.promise]),
    end() {
      clearTimeout(timer);
      signal.removeEventListener("abort", onAbort);
    },
  };
}
