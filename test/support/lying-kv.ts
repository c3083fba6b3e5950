import type { LeaseStore } from "../../src/store/lease-store.ts";

interface Version {
  value: string;
  writtenAtMs: number;
}

/**
 * A KV at its documented worst, shared by isolates: a reader may see a value up to `staleMs` old although newer ones
 * were written, keeps a negative answer that long, and entries outlive any deletion. Which lie is told is the test's choice.
 */
export function lyingKv(now: () => number, staleMs = 90_000) {
  const versions = new Map<string, Version[]>();
  const negativesUntilMs = new Map<string, number>();
  const store: LeaseStore = {
    async get(keys) {
      return keys.map((key) => {
        if ((negativesUntilMs.get(key) ?? 0) > now()) return null;
        const known = versions.get(key) ?? [];
        // The oldest version that the staleness still allows: superseded less than staleMs ago.
        const served = known.find((_, index) => {
          const next = known[index + 1];
          return next === undefined || now() - next.writtenAtMs < staleMs;
        });
        if (served === undefined) negativesUntilMs.set(key, now() + staleMs);
        return served?.value ?? null;
      });
    },
    async put(key, value) {
      versions.set(key, [...(versions.get(key) ?? []), { value, writtenAtMs: now() }]);
    },
  };
  return { store, writes: () => [...versions.values()].reduce((sum, { length }) => sum + length, 0) };
}
