import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { changeLease, type LeaseSettings } from "../../src/connectors/lease-change.ts";
import {
  effectiveBufferMs,
  effectiveByMs,
  mayServe,
  memoryLeaseEndMs,
  outlivesBuffer,
  renewalDue,
} from "../../src/tokens/lease.ts";

const atMs = fc.nat(2_000_000);
const lengthMs = fc.nat(400_000);
const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const lease = fc.record({ leaseFromMs: atMs, length: lengthMs }).map(({ leaseFromMs, length }) => ({
  leaseFromMs,
  leaseUntilMs: leaseFromMs + length,
}));
const token = fc
  .record({ lease, lifetimeMs: lengthMs, revokedBeforeMs: fc.nat(3), mintedAtMs: atMs })
  .map(({ lease, lifetimeMs, revokedBeforeMs, mintedAtMs }) => ({
    ...lease,
    lifetimeMs,
    revokedBeforeMs,
    expiresAtMs: mintedAtMs + lifetimeMs,
  }));
const needs = fc.record({ validityBufferMs: lengthMs, revokedBeforeMs: fc.nat(3), leaseFloorMs: atMs });
const RUNS = { numRuns: 3000 };

describe("a leased token", () => {
  test("that is served is inside its lease, not revoked, not expired, and no older than asked for", () => {
    fc.assert(
      fc.property(token, needs, atMs, (token, needs, nowMs) => {
        if (!mayServe(token, needs, nowMs)) return;
        expect(nowMs).toBeLessThan(token.leaseUntilMs);
        expect(nowMs).toBeLessThan(token.expiresAtMs);
        expect(token.revokedBeforeMs).toBeGreaterThanOrEqual(needs.revokedBeforeMs);
        expect(token.leaseUntilMs).toBeGreaterThanOrEqual(needs.leaseFloorMs);
      }),
      RUNS,
    );
  });

  test("once refused for its age is refused for ever, and by whoever needs more", () => {
    const more = fc.record({ later: lengthMs, buffer: lengthMs, revoked: fc.nat(2), floor: lengthMs });
    fc.assert(
      fc.property(token, needs, atMs, more, (token, needs, nowMs, { later, buffer, revoked, floor }) => {
        if (mayServe(token, needs, nowMs)) return true;
        const stricter = {
          validityBufferMs: needs.validityBufferMs + buffer,
          revokedBeforeMs: needs.revokedBeforeMs + revoked,
          leaseFloorMs: needs.leaseFloorMs + floor,
        };
        return !mayServe(token, stricter, nowMs + later);
      }),
      RUNS,
    );
  });

  test("fresh from the provider outlives every buffer, however long", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400_000 }), atMs, fc.nat(100_000_000), (lifetimeMs, nowMs, buffer) => {
        expect(outlivesBuffer({ expiresAtMs: nowMs + lifetimeMs, lifetimeMs }, buffer, nowMs)).toBe(true);
        expect(effectiveBufferMs(buffer, lifetimeMs)).toBeLessThanOrEqual(lifetimeMs / 2);
        expect(effectiveBufferMs(buffer, lifetimeMs)).toBeLessThanOrEqual(buffer);
      }),
      RUNS,
    );
  });
});

describe("an isolate's memory of a lease", () => {
  test("ends inside the lease, in its last fifth, and renewal is due before that", () => {
    fc.assert(
      fc.property(lease, random, (lease, random) => {
        const endMs = memoryLeaseEndMs(lease, random);
        const length = lease.leaseUntilMs - lease.leaseFromMs;
        expect(Number.isInteger(endMs)).toBe(true);
        expect(endMs).toBeLessThanOrEqual(lease.leaseUntilMs);
        expect(endMs).toBeGreaterThanOrEqual(lease.leaseFromMs + length * 0.8);
        expect(renewalDue(lease, endMs)).toBe(true);
        if (length > 0) expect(renewalDue(lease, lease.leaseFromMs)).toBe(false);
      }),
      RUNS,
    );
  });
});

describe("effectiveBy", () => {
  test("is no earlier than the end of any lease that was handed out before, however often its length was changed", () => {
    const change = fc.record({ afterMs: fc.nat(400_000), leaseSeconds: fc.constantFrom(0, 1, 30, 60, 299, 300) });
    fc.assert(
      fc.property(fc.array(change, { maxLength: 8 }), fc.nat(700_000), (changes, revokedAfterMs) => {
        let settings: LeaseSettings = { leaseSeconds: 60, previousLeaseSeconds: 0, leaseChangedAtMs: 0 };
        let nowMs = 1_000_000;
        const heldUntilMs: number[] = [];
        for (const { afterMs, leaseSeconds } of changes) {
          nowMs += afterMs;
          // The last lease of the old length is handed out just as the new one is stored.
          heldUntilMs.push(nowMs + settings.leaseSeconds * 1000);
          settings = changeLease(settings, leaseSeconds, nowMs);
        }
        nowMs += revokedAfterMs;
        heldUntilMs.push(nowMs + settings.leaseSeconds * 1000);
        expect(effectiveByMs(settings, nowMs)).toBeGreaterThanOrEqual(Math.max(...heldUntilMs));
      }),
      { numRuns: 5000 },
    );
  });
});
