import { LEASE_CHANGE_MEMORY_MS } from "../tokens/lease.ts";

export interface LeaseSettings {
  leaseSeconds: number;
  /** The longest lease that was in force before `leaseChangedAtMs` and may still be held somewhere. */
  previousLeaseSeconds: number;
  leaseChangedAtMs: number;
}

/** The lease settings after a change at `nowMs`. Quick successive changes keep the longest lease still held. */
export function changeLease(current: LeaseSettings, leaseSeconds: number, nowMs: number): LeaseSettings {
  const { previousLeaseSeconds, leaseChangedAtMs } = current;
  if (leaseSeconds === current.leaseSeconds) return { leaseSeconds, previousLeaseSeconds, leaseChangedAtMs };
  const previousStillBinds = nowMs - leaseChangedAtMs < LEASE_CHANGE_MEMORY_MS;
  return {
    leaseSeconds,
    previousLeaseSeconds: previousStillBinds
      ? Math.max(current.leaseSeconds, previousLeaseSeconds)
      : current.leaseSeconds,
    leaseChangedAtMs: nowMs,
  };
}
