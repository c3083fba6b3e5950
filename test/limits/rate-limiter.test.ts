import { env } from "cloudflare:workers";
import { describe, expect, test } from "vitest";
import { createRateLimiter, type LimitName } from "../../src/limits/rate-limiter.ts";
import { createLogger } from "../../src/log.ts";
import { countingBinding } from "../support/limits.ts";

function world(bindings: { readonly [Limit in LimitName]?: RateLimit }, batched = false) {
  const lines: string[] = [];
  const time = { nowMs: 1_000_000 };
  const log = createLogger((line) => lines.push(line));
  return { lines, time, limits: createRateLimiter(bindings, { now: () => time.nowMs, log, batched }) };
}

describe("U-13 a limit", () => {
  test("lets its number pass for each key, then refuses with the limit's name and a time to wait", async () => {
    const { limits } = world({ ip: countingBinding(2), caller: countingBinding(1) });
    const taken = async (limit: LimitName, key: string) => (await limits.take(limit, key)).ok;
    expect([await taken("ip", "a"), await taken("ip", "a"), await taken("ip", "a")]).toEqual([true, true, false]);
    expect([await taken("ip", "b"), await taken("caller", "a")]).toEqual([true, true]);
    expect(await limits.take("ip", "a")).toEqual({
      ok: false,
      failure: {
        code: "rate_limited",
        limit: "ip",
        retryAfterMs: 10_000,
        reason: "limit=ip",
        message: expect.stringContaining("Retry-After"),
      },
    });
  });

  test("refuses a flood from memory: the platform is asked once a second", async () => {
    const binding = countingBinding(1);
    const { limits, time } = world({ ip: binding });
    for (let request = 0; request < 100; request++) await limits.take("ip", "a");
    expect(binding.total()).toBe(2);
    time.nowMs += 999;
    expect((await limits.take("ip", "a")).ok).toBe(false);
    expect(binding.total()).toBe(2);
    time.nowMs += 1;
    binding.reset();
    expect(limits.refused("ip", "a")).toBeNull();
    expect((await limits.take("ip", "a")).ok).toBe(true);
  });

  test("tells of a refusal without counting, and only where it happened", async () => {
    const binding = countingBinding(0);
    const { limits } = world({ ip: binding, caller: binding });
    expect(limits.refused("ip", "a")).toBeNull();
    await limits.take("ip", "a");
    expect(limits.refused("ip", "a")).toMatchObject({ code: "rate_limited", limit: "ip" });
    expect([limits.refused("ip", "b"), limits.refused("caller", "a")]).toEqual([null, null]);
    expect(binding.total()).toBe(1);
  });

  test("that fails lets everybody pass, and says so once a minute", async () => {
    const broken = { limit: () => Promise.reject(new Error("counter is gone")) };
    const { limits, lines, time } = world({ caller: broken });
    for (let request = 0; request < 50; request++) expect((await limits.take("caller", "a")).ok).toBe(true);
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({
      level: "error",
      event: "limits.unavailable",
      limit: "caller",
      reason: "counter is gone",
    });
    time.nowMs += 60_000;
    await limits.take("caller", "a");
    expect(lines).toHaveLength(2);
  });

  test("counts a crowd in tens, an address one by one, and a caller over the limit one by one too", async () => {
    const [caller, ip] = [countingBinding(3), countingBinding(3)];
    const { limits, time } = world({ caller, ip }, true);
    const passed = async (limit: LimitName, times: number) => {
      let count = 0;
      for (let time = 0; time < times; time++) if ((await limits.take(limit, "a")).ok) count++;
      return count;
    };
    expect([await passed("ip", 3), ip.total()]).toEqual([3, 3]);
    expect([await passed("caller", 39), caller.total()]).toEqual([39, 3]);
    expect([await passed("caller", 20), caller.total()]).toEqual([0, 4]);
    time.nowMs += 1_000;
    expect([await passed("caller", 1), caller.total()]).toEqual([0, 5]);
    time.nowMs += 1_000;
    caller.reset();
    expect([await passed("caller", 10), caller.total()]).toEqual([10, 1]);
  });

  test("without a binding is off", async () => {
    const { limits } = world({});
    for (let request = 0; request < 50; request++) expect((await limits.take("ip", "a")).ok).toBe(true);
  });

  test("is bound in the deployment, and admits a crowd of a thousand by default", { timeout: 30_000 }, async () => {
    const bindings = {
      ip: env.IP_LIMIT,
      caller: env.CALLER_LIMIT,
      connector: env.CONNECTOR_LIMIT,
      bypass: env.BYPASS_LIMIT,
    };
    const { limits, lines } = world(bindings, true);
    for (const limit of ["ip", "caller", "connector", "bypass"] as const) {
      const crowd = await Promise.all(Array.from({ length: 1000 }, () => limits.take(limit, "crowd")));
      expect(crowd.filter(({ ok }) => !ok)).toEqual([]);
    }
    expect(lines).toEqual([]);
  });
});
