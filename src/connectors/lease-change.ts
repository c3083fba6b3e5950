import { type Statement, sql } from "../store/database.ts";
import { LEASE_CHANGE_MEMORY_MS } from "../tokens/lease.ts";

export interface LeaseSettings {
  leaseSeconds: number;
  /** The longest lease that was in force before `leaseChangedAtMs` and may still be held somewhere. */
  previousLeaseSeconds: number;
  leaseChangedAtMs: number;
}

/**
 * Reads the lease settings of a connector or of its tombstone (`LeaseSettings`). Belongs in the transaction that takes
 * something away, or after it: a lease that was made longer just before would otherwise be missing in `effectiveBy`.
 */
export function selectLease(connectorId: string): Statement {
  return sql(
    `SELECT lease_seconds AS leaseSeconds, previous_lease_seconds AS previousLeaseSeconds,
       lease_changed_at_ms AS leaseChangedAtMs FROM connectors WHERE id = ?`,
    connectorId,
  );
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
