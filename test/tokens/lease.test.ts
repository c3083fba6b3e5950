import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  CLOCK_MARGIN_MS,
  effectiveBufferMs,
  effectiveByMs,
  isBelievable,
  mayServe,
  memoryLeaseEndMs,
  renewalDue,
  SHORTEST_SNAPSHOT_LEASE_MS,
} from "../../src/tokens/lease.ts";

const token = {
  leaseFromMs: 0,
  leaseUntilMs: 60_000,
  expiresAtMs: 3_600_000,
  lifetimeMs: 3_600_000,
  revokedBeforeMs: 5,
};
const needs = { validityBufferMs: 30_000, revokedBeforeMs: 5, leaseFloorMs: 0 };

describe("an edge serves a leased token", () => {
  test("up to the last millisecond of its lease, and not at its end", () => {
    expect(mayServe(token, needs, 59_999)).toBe(true);
    expect(mayServe(token, needs, 60_000)).toBe(false);
  });
  test("not when it was obtained under an older revocation value", () => {
    expect(mayServe(token, { ...needs, revokedBeforeMs: 6 }, 0)).toBe(false);
    expect(mayServe(token, { ...needs, revokedBeforeMs: 4 }, 0)).toBe(true);
  });
  test("not when it would expire within the caller's buffer", () => {
    const dying = { ...token, expiresAtMs: 40_000 };
    expect(mayServe(dying, needs, 9_999)).toBe(true);
    expect(mayServe(dying, needs, 10_000)).toBe(false);
  });
  test("with a buffer longer than half the token's life clamped to that half", () => {
    expect(effectiveBufferMs(86_400_000, 3_600_000)).toBe(1_800_000);
    const shortLived = { ...token, lifetimeMs: 20_000, expiresAtMs: 20_000 };
    expect(mayServe(shortLived, needs, 9_999)).toBe(true);
    expect(mayServe(shortLived, needs, 10_000)).toBe(false);
  });
});

test("memory lets go of a lease up to a fifth early, never late", () => {
  fc.assert(
    fc.property(fc.nat(300_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (length, random) => {
      const end = memoryLeaseEndMs({ leaseFromMs: 1000, leaseUntilMs: 1000 + length }, random);
      return end <= 1000 + length && end >= 1000 + length * 0.8;
    }),
  );
});

test("a lease that a clock far ahead wrote is not believed: none may end later than the longest honest one", () => {
  const latest = 1_000 + 300_000 + CLOCK_MARGIN_MS;
  const ending = (leaseUntilMs: number) => isBelievable({ leaseFromMs: 0, leaseUntilMs }, 500, 1_000);
  expect([ending(1_000), ending(1_001), ending(latest), ending(latest + 1)]).toEqual([false, true, true, false]);
  expect(isBelievable({ leaseFromMs: 0, leaseUntilMs: 2_000 }, 2_001, 1_000)).toBe(false);
});

test("renewal is due from two thirds of a lease on", () => {
  const lease = { leaseFromMs: 0, leaseUntilMs: 60_000 };
  expect(renewalDue(lease, 39_999)).toBe(false);
  expect(renewalDue(lease, 40_000)).toBe(true);
});

describe("effectiveBy", () => {
  test("is the lease and a clock margin away", () => {
    const settled = { leaseSeconds: 60, previousLeaseSeconds: 300, leaseChangedAtMs: 0 };
    expect(effectiveByMs(settled, 302_000)).toBe(302_000 + 60_000 + CLOCK_MARGIN_MS);
  });
  test("counts a longer lease that was in force within the last five minutes", () => {
    const shortened = { leaseSeconds: 0, previousLeaseSeconds: 300, leaseChangedAtMs: 1_000 };
    const lastMs = 301_000 + CLOCK_MARGIN_MS - 1;
    expect(effectiveByMs(shortened, lastMs)).toBe(lastMs + 300_000 + CLOCK_MARGIN_MS);
    expect(effectiveByMs(shortened, lastMs + 1)).toBe(lastMs + 1 + SHORTEST_SNAPSHOT_LEASE_MS + CLOCK_MARGIN_MS);
  });
});
