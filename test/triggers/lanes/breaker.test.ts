import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  attemptEnded,
  attemptStarted,
  type Breaker,
  breakerRoom,
  breakerToKeep,
  CLOSED,
  FIRST_OPEN_MS,
  type Health,
  LONGEST_OPEN_MS,
} from "../../../src/triggers/lanes/breaker.ts";

const NOW = 1_000_000_000;

function following(outcomes: readonly Health[], from: Breaker = CLOSED, nowMs = NOW): Breaker {
  return outcomes.reduce<Breaker>((breaker, health) => attemptEnded(breaker, 0, health, nowMs), from);
}
const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value);
const OPEN = following(times<Health>(10, "failed"));

/** Attempts that each fail with this probability, always the same ones (mulberry32). */
function atRandom(count: number, failing: number): Health[] {
  let state = 20_261_122;
  return Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 < failing ? "failed" : "ok";
  });
}

describe("it opens", () => {
  test("after ten failures in a row, and not before", () => {
    expect(following(times<Health>(9, "failed")).state).toBe("closed");
    expect(OPEN).toEqual({ state: "open", opens: 1, probeAtMs: NOW + FIRST_OPEN_MS });
    const broken: Health[] = [...times<Health>(9, "failed"), "ok", ...times<Health>(9, "failed")];
    expect(following(broken).state).toBe("closed");
    expect(following([...broken, "failed"]).state).toBe("open");
  });

  test("not for what is neither success nor failure, which does not break a row either", () => {
    const nine = following(times<Health>(9, "failed"));
    expect(following([null, null, "failed"], nine).state).toBe("open");
  });

  test("by no bad luck: not once in 10,000 attempts of which 30 % fail at random", () => {
    const attempts = atRandom(10_000, 0.3);
    expect(attempts.filter((health) => health === "failed").length).toBeGreaterThan(2_900);
    let breaker = CLOSED;
    for (const health of attempts) {
      breaker = attemptEnded(breaker, 0, health, NOW);
      expect(breaker.state).toBe("closed");
    }
  });

  test("not for attempts that say nothing of the destination", () => {
    expect(following(times<Health>(50, null))).toBe(CLOSED);
  });
});

describe("fault 64 while it is open", () => {
  test("nothing starts before its time, and one attempt then", () => {
    expect(breakerRoom(OPEN, 0, NOW + FIRST_OPEN_MS - 1)).toEqual({ room: 0, wakeAtMs: NOW + FIRST_OPEN_MS });
    expect(breakerRoom(OPEN, 0, NOW + FIRST_OPEN_MS).room).toBe(1);
    const probing = attemptStarted(OPEN, 7, NOW + 90_000);
    expect(breakerRoom(probing, 1, NOW + FIRST_OPEN_MS)).toEqual({ room: 0, wakeAtMs: NOW + 90_000 });
  });

  test("what was under way when it opened neither closes nor prolongs it", () => {
    for (const health of ["ok", "failed", null] as const) expect(attemptEnded(OPEN, 3, health, NOW + 10)).toBe(OPEN);
    const probing = attemptStarted(OPEN, 7, NOW + 90_000);
    for (const health of ["ok", "failed", null] as const) expect(attemptEnded(probing, 3, health, NOW)).toBe(probing);
  });

  test("a probe that is lost is followed by another one, and its late answer does not count", () => {
    const probing = attemptStarted(OPEN, 7, NOW + 90_000);
    expect(breakerRoom(probing, 1, NOW + 90_000).room).toBe(1);
    const again = attemptStarted(probing, 8, NOW + 120_000);
    expect(attemptEnded(again, 7, "ok", NOW + 95_000)).toBe(again);
    expect(attemptEnded(again, 8, "ok", NOW + 95_000).state).toBe("closed");
  });

  test("a probe that could not be made leaves the next one free to try at once", () => {
    const probing = attemptStarted(OPEN, 7, NOW + 90_000);
    expect(attemptEnded(probing, 7, null, NOW + 61_000)).toEqual({ state: "open", opens: 1, probeAtMs: NOW + 61_000 });
  });

  test("each probe that fails doubles the time, up to an hour", () => {
    let breaker = OPEN;
    const lengths: number[] = [];
    for (let nowMs = NOW; lengths.length < 11; ) {
      if (breaker.state !== "open") throw new Error("not open");
      lengths.push((breaker.probeAtMs - nowMs) / FIRST_OPEN_MS);
      nowMs = breaker.probeAtMs;
      breaker = attemptEnded(attemptStarted(breaker, 1, nowMs + 1), 1, "failed", nowMs);
    }
    expect(lengths).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360]);
  });
});

describe("fault 64 once the probe has succeeded", () => {
  const recovering = attemptEnded(attemptStarted(OPEN, 7, NOW), 7, "ok", NOW);

  test("what has waited does not come all at once: one, then twice as many with each success", () => {
    const allowances = [0, 1, 2, 3].map(
      (successes) => breakerRoom(following(times<Health>(successes, "ok"), recovering), 0, NOW).room,
    );
    expect(allowances).toEqual([1, 2, 4, Number.POSITIVE_INFINITY]);
    expect(breakerRoom(recovering, 1, NOW).room).toBe(0);
  });

  test("a failure halves it", () => {
    const two = following(["ok", "ok"], recovering);
    expect(breakerRoom(following(["failed"], two), 0, NOW).room).toBe(2);
    expect(breakerRoom(following(["failed", "failed", "failed"], two), 0, NOW).room).toBe(1);
  });

  test("only the probe went well: it opens again for twice the time", () => {
    expect(following(times<Health>(9, "failed"), recovering).state).toBe("closed");
    const again = following(times<Health>(10, "failed"), recovering);
    expect(again).toMatchObject({ state: "open", opens: 2, probeAtMs: NOW + 2 * FIRST_OPEN_MS });
  });

  test("some went well and some did not: if it opens again, it is for the first time", () => {
    const mixed = following(["failed", "failed", "ok"], recovering);
    expect(following(times<Health>(10, "failed"), mixed)).toMatchObject({ opens: 1, probeAtMs: NOW + FIRST_OPEN_MS });
  });
});

test("of a lost memory, an open breaker comes back; a probe that nobody remembers is waited for like any", () => {
  expect(breakerToKeep(CLOSED)).toBeNull();
  expect(breakerToKeep(OPEN)).toEqual({ opens: 1, probeAtMs: NOW + FIRST_OPEN_MS });
  expect(breakerToKeep(attemptStarted(OPEN, 7, NOW + 99))).toEqual({ opens: 1, probeAtMs: NOW + 99 });
});

test("fault 64 in any history: never two probes, never longer than an hour, never stuck", async () => {
  const step = fc.record({
    waitMs: fc.nat(120_000),
    action: fc.constantFrom<"start" | "ok" | "failed" | "unknown" | "lost">("start", "ok", "failed", "unknown", "lost"),
    which: fc.nat(5),
  });
  await fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      let breaker: Breaker = CLOSED;
      let nowMs = NOW;
      let number = 0;
      const underWay: number[] = [];
      for (const { waitMs, action, which } of steps) {
        nowMs += waitMs;
        const { room, wakeAtMs } = breakerRoom(breaker, underWay.length, nowMs);
        if (wakeAtMs !== null) {
          expect(wakeAtMs).toBeGreaterThan(nowMs);
          expect(wakeAtMs - nowMs).toBeLessThanOrEqual(LONGEST_OPEN_MS);
        }
        if (action === "start") {
          if (room === 0) continue;
          underWay.push(++number);
          const wasClosed = breaker.state === "closed";
          breaker = attemptStarted(breaker, number, nowMs + 15_000);
          if (!wasClosed) expect(breakerRoom(breaker, underWay.length, nowMs).room).toBe(0);
        } else if (action === "lost") {
          underWay.splice(which, 1);
        } else {
          const [attempt] = underWay.splice(which, 1);
          if (attempt !== undefined)
            breaker = attemptEnded(breaker, attempt, action === "unknown" ? null : action, nowMs);
        }
      }
      // Whatever happened, some attempt may start within an hour.
      const inAnHour = nowMs + LONGEST_OPEN_MS;
      expect(breakerRoom(breaker, 0, inAnHour).room).toBeGreaterThan(0);
    }),
    { numRuns: 300 },
  );
});
