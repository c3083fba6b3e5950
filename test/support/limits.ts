import type { LimitName } from "../../src/limits/rate-limiter.ts";
import { createRateLimiter } from "../../src/limits/rate-limiter.ts";
import { createLogger } from "../../src/log.ts";
import { clock } from "./clock.ts";

/** The platform's counters without their windows: a key's first `limit` calls succeed, until `reset`. */
export function countingBinding(limit: number) {
  const counts = new Map<string, number>();
  return {
    counts,
    total: () => [...counts.values()].reduce((sum, count) => sum + count, 0),
    reset: () => counts.clear(),
    async limit({ key }: { key: string }) {
      const count = (counts.get(key) ?? 0) + 1;
      counts.set(key, count);
      return { success: count <= limit };
    },
  };
}

/** The product's limiter over such counters, on the clock of the tests. What is not named is off. */
export function limitsOf(limits: { readonly [Limit in LimitName]?: number }) {
  const bindings = Object.fromEntries(
    Object.entries(limits).map(([name, limit]) => [name, countingBinding(limit)]),
  ) as { [Limit in keyof typeof limits]: ReturnType<typeof countingBinding> };
  const lines: string[] = [];
  const log = createLogger((line) => lines.push(line));
  return { bindings, lines, limits: createRateLimiter(bindings, { now: clock.now, log, batched: false }) };
}
