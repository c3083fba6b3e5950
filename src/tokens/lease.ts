/** When a leased thing may be served. Pure: data and `now` in, a decision out. */

/** Clocks of different machines may disagree by this much; added to every promise made to the outside. */
export const CLOCK_MARGIN_MS = 2_000;

/**
 * A connector without leases asks its Grant every time, but what its project's link says is still read at most once
 * a second by an isolate: otherwise every token request would be a database query. Counted in `effectiveBy`.
 */
export const SHORTEST_SNAPSHOT_LEASE_MS = 1_000;

/** A lease shorter than this is not worth a KV entry, whose own staleness could outlive it. */
export const SHORTEST_KV_LEASE_SECONDS = 60;

/** The expiry of a value that has none. */
export const NEVER_MS = Number.MAX_SAFE_INTEGER;

/** Whoever holds a static value comes back at least this often, so that a revocation reaches them. */
const REVISIT_MS = 60 * 60_000;
/** What the answer for a static value outlasts beyond the caller's own buffer. */
const BUFFER_MARGIN_MS = 60_000;

/** The longest lease that a connector may have. */
const LONGEST_LEASE_MS = 5 * 60_000;

/**
 * A change of the lease length binds for this long with the longest length before it: as long as a lease of the old
 * length can be held by whoever's clock is behind the one that recorded the change.
 */
export const LEASE_CHANGE_MEMORY_MS = LONGEST_LEASE_MS + CLOCK_MARGIN_MS;

export interface Leased {
  /** The clock read before the authoritative read. */
  leaseFromMs: number;
  /** Absolute; nothing serves at or after it. */
  leaseUntilMs: number;
}

export interface LeasedCredential extends Leased {
  expiresAtMs: number;
  lifetimeMs: number;
  /** The revocation value under which it was obtained. */
  revokedBeforeMs: number;
}

/** Time left that the caller insists on, but never more than half of what the provider gives at all. */
export function effectiveBufferMs(validityBufferMs: number, lifetimeMs: number): number {
  return Math.min(validityBufferMs, Math.floor(lifetimeMs / 2));
}

/** Whether a token outlives the caller's buffer. */
export function outlivesBuffer(
  token: { expiresAtMs: number; lifetimeMs: number },
  validityBufferMs: number,
  nowMs: number,
): boolean {
  return token.expiresAtMs - nowMs > effectiveBufferMs(validityBufferMs, token.lifetimeMs);
}

/**
 * The expiry that a caller is told. A static value is told to last an hour, or a minute longer than the buffer of the
 * very caller, and never longer than it does.
 */
export function toldExpiryMs(
  token: { expiresAtMs: number; static: boolean },
  validityBufferMs: number,
  nowMs: number,
): number {
  if (!token.static) return token.expiresAtMs;
  return Math.min(nowMs + Math.max(REVISIT_MS, validityBufferMs + BUFFER_MARGIN_MS), token.expiresAtMs);
}

/** Whether an edge may serve a leased token: inside its lease, not revoked since, and valid for long enough. */
export function mayServe(
  token: LeasedCredential,
  needs: { validityBufferMs: number; revokedBeforeMs: number; leaseFloorMs: number },
  nowMs: number,
): boolean {
  return (
    nowMs < token.leaseUntilMs &&
    token.leaseUntilMs >= needs.leaseFloorMs &&
    token.revokedBeforeMs >= needs.revokedBeforeMs &&
    outlivesBuffer(token, needs.validityBufferMs, nowMs)
  );
}

/**
 * Whether a lease that another machine wrote may be acted on: it runs, ends no earlier than `leaseFloorMs`, and is no
 * longer than any honest one. A clock that was ahead must not make a lease outlast what `effectiveBy` promises.
 */
export function isBelievable({ leaseUntilMs }: Leased, leaseFloorMs: number, nowMs: number): boolean {
  const latestEndMs = nowMs + LONGEST_LEASE_MS + CLOCK_MARGIN_MS;
  return nowMs < leaseUntilMs && leaseUntilMs >= leaseFloorMs && leaseUntilMs <= latestEndMs;
}

/** The end of a lease in one isolate's memory: up to a fifth early, at random, so that isolates do not renew together. */
export function memoryLeaseEndMs({ leaseFromMs, leaseUntilMs }: Leased, random: number): number {
  return leaseUntilMs - Math.floor((leaseUntilMs - leaseFromMs) * 0.2 * random);
}

/** From two thirds of a lease on, one request renews it in the background. */
export function renewalDue({ leaseFromMs, leaseUntilMs }: Leased, nowMs: number): boolean {
  return nowMs >= leaseFromMs + ((leaseUntilMs - leaseFromMs) * 2) / 3;
}

/**
 * After which moment nothing that was revoked at `nowMs` is issued any more: the longest lease in force in
 * the last five minutes (at least that of a snapshot), and a clock margin.
 */
export function effectiveByMs(
  lease: { leaseSeconds: number; previousLeaseSeconds: number; leaseChangedAtMs: number },
  nowMs: number,
): number {
  const changedRecently = nowMs - lease.leaseChangedAtMs < LEASE_CHANGE_MEMORY_MS;
  const longestSeconds = changedRecently
    ? Math.max(lease.leaseSeconds, lease.previousLeaseSeconds)
    : lease.leaseSeconds;
  return nowMs + snapshotLeaseMs(longestSeconds) + CLOCK_MARGIN_MS;
}

/** How long an isolate may go on deciding from one reading of connector and link. */
export function snapshotLeaseMs(leaseSeconds: number): number {
  return Math.max(leaseSeconds * 1000, SHORTEST_SNAPSHOT_LEASE_MS);
}
