import { outlivesBuffer } from "../tokens/lease.ts";
import type { GrantTokenRequest } from "./protocol.ts";
import { scopesAbove } from "./reach.ts";

/** A rejected token is replaced at most this often, whatever callers claim. */
const REJECTION_INTERVAL_MS = 30_000;

/** The state of one stored token, as decisions need it. */
export interface StoredFacts {
  tokenId: string;
  mintedAtMs: number;
  expiresAtMs: number;
  lifetimeMs: number;
  /** From then on it is not served, though it may be valid: a static value is read anew. */
  keepUntilMs: number;
  revokedBeforeMs: number;
  scopes: string[];
}

export type Freshness =
  /** Serve it. */
  | "fresh"
  /** Get a new one; while that fails, this one is still good. */
  | "renew"
  /** Get a new one; this one must not be served. */
  | "dead";

/**
 * Whether a stored token answers a request. A revocation it was obtained under, expiry, or a scope above the link's
 * ceiling as it is now, kills it; a buffer it does not outlive, or a rejection by the provider, asks for a better one.
 */
export function decideFreshness(
  stored: StoredFacts | null,
  request: Pick<GrantTokenRequest, "revokedBeforeMs" | "validityBufferMs" | "rejectedTokenId" | "scopeCeiling">,
  nowMs: number,
): Freshness {
  if (stored === null || stored.revokedBeforeMs < request.revokedBeforeMs || stored.keepUntilMs <= nowMs) return "dead";
  if (scopesAbove(stored.scopes, request.scopeCeiling).length > 0) return "dead";
  const rejected = stored.tokenId === request.rejectedTokenId && nowMs - stored.mintedAtMs >= REJECTION_INTERVAL_MS;
  if (rejected || !outlivesBuffer(stored, request.validityBufferMs, nowMs)) return "renew";
  return "fresh";
}
