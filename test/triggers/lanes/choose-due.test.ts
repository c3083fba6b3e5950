import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CLOSED } from "../../../src/triggers/lanes/breaker.ts";
import { chooseDue, type LaneFacts } from "../../../src/triggers/lanes/choose-due.ts";
import { type TokenBucket, takeTokens } from "../../../src/triggers/lanes/token-bucket.ts";

const NOW = 1_000_000;
const destination = { maxInFlight: 5, ordered: false, ratePerSecond: null, lanes: 1 };
const facts: LaneFacts = { nowMs: NOW, inFlight: 0, destination, breaker: CLOSED, bucket: null, quietUntilMs: 0 };
const rows = (...dueAtMs: number[]) => dueAtMs.map((atMs, index) => ({ id: index, dueAtMs: atMs }));
const idsOf = (choice: { chosen: { id: number }[] }) => choice.chosen.map(({ id }) => id);

describe("what starts now", () => {
  test("is what is due, as many as the destination takes at once", () => {
    const due = rows(NOW - 3, NOW - 2, NOW - 1, NOW, NOW, NOW, NOW + 1);
    expect(idsOf(chooseDue(due, facts))).toEqual([0, 1, 2, 3, 4]);
    expect(idsOf(chooseDue(due, { ...facts, inFlight: 3 }))).toEqual([0, 1]);
    expect(chooseDue(due, { ...facts, inFlight: 5 })).toMatchObject({ chosen: [], wakeAtMs: null });
    expect(idsOf(chooseDue(due, { ...facts, inFlight: 9 }))).toEqual([]);
  });

  test("is nothing before the first is due, and then it is time to look", () => {
    expect(chooseDue(rows(NOW + 7, NOW + 9), facts)).toMatchObject({ chosen: [], wakeAtMs: NOW + 7 });
    expect(chooseDue([], facts)).toMatchObject({ chosen: [], wakeAtMs: null });
  });

  test("is nothing while the destination asked for quiet", () => {
    const quiet = { ...facts, quietUntilMs: NOW + 50 };
    expect(chooseDue(rows(NOW), quiet)).toMatchObject({ chosen: [], wakeAtMs: NOW + 50 });
    expect(chooseDue(rows(NOW + 90), quiet)).toMatchObject({ chosen: [], wakeAtMs: NOW + 90 });
  });

  test("W-12 in order, is the first event alone, and nothing overtakes one that waits", () => {
    const ordered = { ...facts, destination: { ...destination, ordered: true } };
    expect(idsOf(chooseDue(rows(NOW, NOW - 5), ordered))).toEqual([0]);
    expect(idsOf(chooseDue(rows(NOW, NOW - 5), { ...ordered, inFlight: 1 }))).toEqual([]);
    expect(chooseDue(rows(NOW + 30, NOW - 5), ordered)).toMatchObject({ chosen: [], wakeAtMs: NOW + 30 });
  });

  test("is as many as the rate allows, which the lanes of a destination share", () => {
    const limited = { ...facts, destination: { ...destination, ratePerSecond: 3 } };
    const due = rows(NOW, NOW, NOW, NOW, NOW);
    const first = chooseDue(due, limited);
    expect(idsOf(first)).toEqual([0, 1, 2]);
    expect(chooseDue(due, { ...limited, bucket: first.bucket })).toMatchObject({ chosen: [], wakeAtMs: NOW + 334 });
    const shared = { ...limited, destination: { ...limited.destination, lanes: 3 } };
    expect(idsOf(chooseDue(due, shared))).toEqual([0]);
  });
});

describe("the rate", () => {
  test("null is no limit", () => {
    expect(takeTokens(null, null, 99, NOW)).toEqual({ bucket: null, granted: 99, nextAtMs: null });
  });

  test("of less than one a second lets one through at a time", () => {
    const one = takeTokens(null, 0.5, 9, NOW);
    expect(one).toMatchObject({ granted: 1, nextAtMs: NOW + 2000 });
    expect(takeTokens(one.bucket, 0.5, 9, NOW + 1999).granted).toBe(0);
    expect(takeTokens(one.bucket, 0.5, 9, NOW + 2000).granted).toBe(1);
  });

  test("in any history: never more than it promises, and what it promises when asked in time", async () => {
    const step = fc.record({ waitMs: fc.nat(3000), wanted: fc.integer({ min: 1, max: 10 }) });
    await fc.assert(
      fc.property(fc.integer({ min: 1, max: 50 }), fc.array(step, { maxLength: 100 }), (rate, steps) => {
        let bucket: TokenBucket | null = null;
        let nowMs = NOW;
        let granted = 0;
        for (const { waitMs, wanted } of steps) {
          nowMs += waitMs;
          const taken = takeTokens(bucket, rate, wanted, nowMs);
          bucket = taken.bucket;
          granted += taken.granted;
          expect(taken.granted).toBeLessThanOrEqual(wanted);
          expect(granted).toBeLessThanOrEqual(rate + ((nowMs - NOW) * rate) / 1000 + 1e-6);
          if (taken.nextAtMs !== null) expect(takeTokens(bucket, rate, 1, taken.nextAtMs).granted).toBe(1);
        }
      }),
    );
  });

  test("a clock that was set back takes nothing away and gives nothing", () => {
    const { bucket } = takeTokens(null, 2, 1, NOW);
    expect(takeTokens(bucket, 2, 5, NOW - 60_000).granted).toBe(1);
  });
});
