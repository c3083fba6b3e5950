import type { ErrorCode } from "../errors.ts";

/**
 * Where an authorization is. `pending`: nobody has agreed yet. `signing_in`: one browser has, and its user signs in
 * first; `verifying`: that answer is being checked. `claimed`: the browser is at the provider. `returned`: it is back, and
 * the app has to complete it. `completing`: the provider or the Grant is being asked. The others are ends.
 */
export const REQUEST_STATUSES = [
  "pending",
  "signing_in",
  "verifying",
  "claimed",
  "returned",
  "completing",
  "success",
  "canceled",
  "error",
  "expired",
] as const;
export type RequestStatus = (typeof REQUEST_STATUSES)[number];

/**
 * Where an installation is. `registering`: the browser is at the provider, to register the connector; `installing`: to
 * install it; `proving`: to show who did. The others are as above.
 */
export const INSTALL_STATUSES = [
  "pending",
  "registering",
  "installing",
  "proving",
  "completing",
  "success",
  "canceled",
  "error",
  "expired",
] as const;
export type InstallStatus = (typeof INSTALL_STATUSES)[number];
export type FlowStatus = RequestStatus | InstallStatus;

export type FinalStatus = Extract<RequestStatus, "success" | "canceled" | "error" | "expired">;

/** What decides is known of an authorization, or of an installation. */
export interface Progress {
  status: FlowStatus;
  /** SHA-256 of the cookie of the browser that claimed it. */
  browserHash: string | null;
  expiresAtMs: number;
  /** Of the way to the provider, or to sign in, and back. */
  legExpiresAtMs: number | null;
  finishedAtMs: number | null;
}

export type Judgement<Go> = { go: Go } | { refuse: ErrorCode };

/** The status as it is now: whoever cleans up may come later than the end. */
export function statusAt({ status, expiresAtMs, finishedAtMs }: Progress, nowMs: number): FlowStatus {
  return finishedAtMs === null && expiresAtMs <= nowMs ? "expired" : status;
}

/** What the app is told. */
export function resultStatus(progress: Progress, nowMs: number): "pending" | FinalStatus {
  const status = statusAt(progress, nowMs);
  return isFinal(status) ? status : "pending";
}

function isFinal(status: FlowStatus): status is FinalStatus {
  return status === "success" || status === "canceled" || status === "error" || status === "expired";
}

/** While an issuer or the Grant is being asked, nobody else ends a request: what they answer does. */
export function isBeingAsked({ status }: Pick<Progress, "status">): boolean {
  return status === "verifying" || status === "completing";
}

/** Of which browser a request is, by the hashes of what it may present. */
export interface Browser {
  hashes: (string | null)[];
}

function isSameBrowser({ browserHash }: Progress, { hashes }: Browser): boolean {
  return browserHash !== null && hashes.includes(browserHash);
}

/**
 * A browser that opens the page, or agrees on it. The first one that agrees has the request: it may come again and goes
 * on from where it is (`resume`), another may not.
 */
export function judgeVisit(
  progress: Progress,
  browser: Browser,
  nowMs: number,
): Judgement<"claim" | "resume" | "ended"> {
  const status = statusAt(progress, nowMs);
  if (status === "expired") return { refuse: "flow_expired" };
  if (status === "pending") return { go: "claim" };
  const isOpen = progress.finishedAtMs === null;
  if (!isSameBrowser(progress, browser)) return { refuse: isOpen ? "request_already_claimed" : "flow_already_used" };
  return { go: isOpen ? "resume" : "ended" };
}

/**
 * A browser that comes back from a leg. Only the one that was sent counts: a stranger's visit neither goes on nor
 * spends anything.
 */
export function judgeReturn(progress: Progress, leg: FlowStatus, browser: Browser, nowMs: number): Judgement<"on"> {
  if (!isSameBrowser(progress, browser)) return { refuse: "state_browser_mismatch" };
  const status = statusAt(progress, nowMs);
  if (status === "expired") return { refuse: "flow_expired" };
  if (status !== leg) return { refuse: "flow_already_used" };
  return (progress.legExpiresAtMs ?? 0) <= nowMs ? { refuse: "flow_expired" } : { go: "on" };
}

/** The app that completes. Whether its code is the right one is another question. */
export function judgeCompletion(progress: Progress, hasCode: boolean, nowMs: number): Judgement<"compare"> {
  if (!hasCode) return { refuse: "binding_required" };
  switch (statusAt(progress, nowMs)) {
    case "expired":
      return { refuse: "flow_expired" };
    case "returned":
      return { go: "compare" };
    case "pending":
    case "signing_in":
    case "verifying":
    case "claimed":
      // No code has been made, so none can be right.
      return { refuse: "binding_mismatch" };
    default:
      return { refuse: "flow_already_used" };
  }
}
