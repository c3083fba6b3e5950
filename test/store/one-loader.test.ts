import { expect, test } from "vitest";
import { type Loading, withOneLoader } from "../../src/store/one-loader.ts";

const never = () => new Promise<number>(() => {});

async function waitedMs(loading: Loading): Promise<number> {
  const startedAtMs = Date.now();
  await withOneLoader(
    loading,
    "key",
    () => null,
    async () => 1,
  );
  return Date.now() - startedAtMs;
}

test("a loader whose client hung up holds up one request, and nobody after it", { timeout: 10_000 }, async () => {
  const loading: Loading = new Map();
  void withOneLoader(loading, "key", () => null, never);
  expect(await waitedMs(loading)).toBeGreaterThan(2_000);
  expect(await waitedMs(loading)).toBeLessThan(100);
  expect(loading.size).toBe(0);
});

test("a loader that was given up for dead does not end the load of the one that took over", {
  timeout: 10_000,
}, async () => {
  const loading: Loading = new Map();
  const first = Promise.withResolvers<number>();
  const slow = withOneLoader(
    loading,
    "key",
    () => null,
    () => first.promise,
  );
  const second = Promise.withResolvers<number>();
  const takenOver = withOneLoader(
    loading,
    "key",
    () => null,
    () => second.promise,
  );
  await scheduler.wait(4_000);
  first.resolve(1);
  await slow;
  expect(loading.has("key")).toBe(true);
  second.resolve(2);
  expect(await takenOver).toBe(2);
  expect(loading.size).toBe(0);
});
