import { expect, test } from "vitest";
import { changeLease } from "../../src/connectors/lease-change.ts";
import { effectiveByMs } from "../../src/tokens/lease.ts";

const settings = { leaseSeconds: 300, previousLeaseSeconds: 0, leaseChangedAtMs: 0 };
const MINUTE = 60_000;

test("a shorter lease does not shorten the promise while the longer one may still be held", () => {
  const shortened = changeLease(settings, 0, 10 * MINUTE);
  expect(shortened).toEqual({ leaseSeconds: 0, previousLeaseSeconds: 300, leaseChangedAtMs: 10 * MINUTE });
  expect(effectiveByMs(shortened, 14 * MINUTE)).toBeGreaterThanOrEqual(14 * MINUTE + 300_000);
  expect(effectiveByMs(shortened, 16 * MINUTE)).toBeLessThan(17 * MINUTE);
});

test("two quick changes keep the longest lease, not the one between", () => {
  const twice = changeLease(changeLease(settings, 60, 10 * MINUTE), 0, 11 * MINUTE);
  expect(twice.previousLeaseSeconds).toBe(300);
});

test("a lease that nobody can hold any more is forgotten", () => {
  const later = changeLease(changeLease(settings, 60, 10 * MINUTE), 0, 20 * MINUTE);
  expect(later.previousLeaseSeconds).toBe(60);
});

test("setting the same lease again does not restart its memory", () => {
  const changed = changeLease(settings, 60, 10 * MINUTE);
  expect(changeLease(changed, 60, 14 * MINUTE)).toEqual(changed);
});

test("only the lease comes back, so that spreading it over a connector overwrites nothing else", () => {
  const connector = { ...settings, name: "Acme" };
  expect(changeLease(connector, 300, 1)).toEqual(settings);
});
