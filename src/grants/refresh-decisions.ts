import type { GrantPolicy } from "../catalog/driver.ts";
import type { Failure } from "../errors.ts";
import type { AuthorizationState } from "./protocol.ts";

/** How far a refresh token has come since it last worked. Times are ms since the epoch. */
export interface RefreshProgress {
  state: AuthorizationState;
  /** How often in a row the provider would not have it. */
  refusals: number;
  firstRefusedAtMs: number | null;
  /** Attempts of which nobody knows what the provider did. */
  unknownAttempts: number;
  /** Attempts without success, of whatever kind. */
  failures: number;
  lastAttemptAtMs: number | null;
  lastOutcome: "ok" | Failure["code"] | null;
  /** Nobody tries before that. */
  nextAttemptAtMs: number | null;
}

/** A refresh token that nothing has happened to yet. */
export const UNTRIED: RefreshProgress = {
  state: "active",
  refusals: 0,
  firstRefusedAtMs: null,
  unknownAttempts: 0,
  failures: 0,
  lastAttemptAtMs: null,
  lastOutcome: null,
  nextAttemptAtMs: null,
};

/** One refusal may be a provider's bad minute; another one this much later is believed. */
const CONFIRM_AFTER_MS = 30_000;

const FIRST_PAUSE_MS = 1_000;
/** Somebody may be waiting. */
const LONGEST_PAUSE_MS = 30_000;
/** Nobody is. */
const LONGEST_IDLE_PAUSE_MS = 60 * 60_000;
const LONGEST_AHEAD_MS = 5 * 60_000;
const LONGEST_EARLY_MS = 60_000;

export type RefreshFailure =
  /** The provider will not have this refresh token. */
  | "refused"
  /** It was not looked at: something about the connector is wrong. */
  | "configuration"
  /** It was not looked at, and will be later. */
  | "transient"
  /** The provider may have taken it, and the answer is lost. */
  | "unknown";

/** What a failed refresh says of the refresh token. What is not known to have left it alone is `unknown`. */
export function classifyRefreshFailure({ code }: Pick<Failure, "code">): RefreshFailure {
  switch (code) {
    case "upstream_grant_refused":
      return "refused";
    case "upstream_invalid_client":
    case "upstream_rejected":
    case "invalid_config":
    case "invalid_scope":
    case "invalid_target":
    case "url_not_allowed":
    case "unresolved_token":
    case "no_token":
    case "key_missing":
    case "decryption_failed":
      return "configuration";
    case "upstream_rate_limited":
    case "rate_limited":
      return "transient";
    default:
      return "unknown";
  }
}

/** What follows a refresh that failed at `nowMs`. */
export function afterFailure(progress: RefreshProgress, failure: Failure, nowMs: number): RefreshProgress {
  const kind = classifyRefreshFailure(failure);
  const failures = progress.failures + 1;
  const tried = { ...progress, failures, lastAttemptAtMs: nowMs, lastOutcome: failure.code };
  if (kind === "refused") return afterRefusal(tried, nowMs);
  if (kind !== "unknown") return { ...tried, nextAttemptAtMs: nowMs + (failure.retryAfterMs ?? pauseMs(failures)) };
  return afterUnknown(tried, nowMs);
}

/**
 * A refusal decides at once where an earlier attempt may have spent the token; else the second one does, half a minute
 * later.
 */
function afterRefusal(progress: RefreshProgress, nowMs: number): RefreshProgress {
  const refusals = progress.refusals + 1;
  const firstRefusedAtMs = progress.firstRefusedAtMs ?? nowMs;
  const refused = { ...progress, refusals, firstRefusedAtMs };
  if (progress.unknownAttempts > 0) return { ...refused, state: "lost_in_flight", nextAttemptAtMs: null };
  if (nowMs - firstRefusedAtMs >= CONFIRM_AFTER_MS) {
    return { ...refused, state: "refused_upstream", nextAttemptAtMs: null };
  }
  return { ...refused, nextAttemptAtMs: firstRefusedAtMs + CONFIRM_AFTER_MS };
}

/** An attempt whose end nobody saw: the first retry may follow at once, the others take their time. */
function afterUnknown(progress: RefreshProgress, nowMs: number): RefreshProgress {
  const unknownAttempts = progress.unknownAttempts + 1;
  return { ...progress, unknownAttempts, nextAttemptAtMs: nowMs + retryAfterUnknown(unknownAttempts) };
}

/** How long after the last of so many unknown attempts the next may follow (ms). */
export function retryAfterUnknown(unknownAttempts: number): number {
  return unknownAttempts < 2 ? 0 : pauseMs(unknownAttempts - 1);
}

/** How long a refresh has to wait (ms); 0 = it may be tried now. `tokenExpiresAtMs`: of the token that it would replace. */
export function waitBeforeRefresh(
  { unknownAttempts, nextAttemptAtMs }: RefreshProgress,
  rotation: GrantPolicy["rotation"],
  tokenExpiresAtMs: number | null,
  nowMs: number,
): number {
  // Where the provider punishes a spent refresh token, presenting one could cost the access token that still works.
  const untouchableUntilMs = unknownAttempts > 0 && rotation === "strict" ? (tokenExpiresAtMs ?? 0) : 0;
  return Math.max((nextAttemptAtMs ?? 0) - nowMs, untouchableUntilMs - nowMs, 0);
}

/** A token, as far as refreshing it ahead of time goes. */
export interface AheadFacts {
  expiresAtMs: number;
  lifetimeMs: number;
  /** Somebody was given it since it came. */
  wanted: boolean;
  /** In [0, 1): always the same for one token. */
  jitter: number;
}

/** When a token is replaced though nobody waits: a fifth of its lifetime or five minutes before its end, or up to half of that later. */
export function refreshAheadAt({ expiresAtMs, lifetimeMs, jitter }: Omit<AheadFacts, "wanted">): number {
  const aheadMs = Math.min(lifetimeMs * 0.2, LONGEST_AHEAD_MS);
  return Math.floor(expiresAtMs - aheadMs * (1 - jitter / 2));
}

/** When the Grant itself goes on with a refresh token (ms); null = when somebody asks. `last`: the group that was tried last. */
export function nextRefreshAt(
  progress: RefreshProgress,
  policy: GrantPolicy,
  last: Pick<AheadFacts, "expiresAtMs"> | null,
): number | null {
  const { state, refusals, unknownAttempts } = progress;
  if (state !== "active" || refusals + unknownAttempts === 0) return null;
  const spared = unknownAttempts > 0 && policy.rotation === "strict" ? (last?.expiresAtMs ?? 0) : 0;
  return Math.max(idleRetryAtMs(progress), spared);
}

/** The same for a token that is to be replaced before its end. */
export function nextAheadAt(progress: RefreshProgress, policy: GrantPolicy, token: AheadFacts): number | null {
  const open = progress.state !== "active" || progress.refusals > 0 || progress.unknownAttempts > 0;
  if (open || policy.oldAccessTokenDies || !token.wanted) return null;
  const atMs = Math.max(refreshAheadAt(token), progress.failures > 0 ? idleRetryAtMs(progress) : 0);
  return atMs < token.expiresAtMs ? atMs : null;
}

/** How much earlier than it does a token is said to end, where replacing it ends it (ms). */
export function earlyByMs(lifetimeMs: number): number {
  return Math.min(LONGEST_EARLY_MS, Math.floor(lifetimeMs * 0.1));
}

function idleRetryAtMs({ failures, unknownAttempts, lastAttemptAtMs, nextAttemptAtMs }: RefreshProgress): number {
  const exponent = Math.max(failures, unknownAttempts) - 1;
  const idleMs = exponent < 1 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** exponent, LONGEST_IDLE_PAUSE_MS);
  return Math.max((lastAttemptAtMs ?? 0) + idleMs, nextAttemptAtMs ?? 0);
}

function pauseMs(count: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** (count - 1), LONGEST_PAUSE_MS);
}
