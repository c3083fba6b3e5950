/** So many failures in a row, with no success among them, are no bad luck: it is down. */
const OPENING_FAILURES = 10;
/** How long it stays open at first, and then twice as long each time … */
export const FIRST_OPEN_MS = 10_000;
/** … up to so long. */
export const LONGEST_OPEN_MS = 3_600_000;
/** With so many at once going well, it has recovered. */
const RECOVERED = 8;

/** Whether a destination is worth calling. A value: each step makes a new one. */
export type Breaker =
  | {
      state: "closed";
      /** How often it has opened since an attempt other than a probe succeeded: sets how long the next opening lasts. */
      opens: number;
      /** Since the last success. */
      failures: number;
      /** How many may be in flight while it recovers; null = as many as the destination takes. */
      allowance: number | null;
    }
  | { state: "open"; opens: number; probeAtMs: number }
  /** One attempt finds out for all. Who has heard nothing of it by then sends another. */
  | { state: "half_open"; opens: number; probe: number; lostAtMs: number };

/** A breaker that knows nothing bad. */
export const CLOSED: Breaker = { state: "closed", opens: 0, failures: 0, allowance: null };

/** How an attempt ended, as far as the destination's health goes; null = it says nothing about that. */
export type Health = "ok" | "failed" | null;

/** How many more may start, and when there may be more. */
export function breakerRoom(
  breaker: Breaker,
  inFlight: number,
  nowMs: number,
): { room: number; wakeAtMs: number | null } {
  if (breaker.state === "closed") {
    const { allowance } = breaker;
    return { room: allowance === null ? Number.POSITIVE_INFINITY : Math.max(0, allowance - inFlight), wakeAtMs: null };
  }
  const atMs = breaker.state === "open" ? breaker.probeAtMs : breaker.lostAtMs;
  return nowMs < atMs ? { room: 0, wakeAtMs: atMs } : { room: 1, wakeAtMs: null };
}

/** An attempt starts. Of an open breaker it is the probe, which is taken for lost at `lostAtMs`. */
export function attemptStarted(breaker: Breaker, attempt: number, lostAtMs: number): Breaker {
  return breaker.state === "closed" ? breaker : { state: "half_open", opens: breaker.opens, probe: attempt, lostAtMs };
}

/** An attempt ended. Of an open breaker only the probe counts: what was under way when it opened is old news. */
export function attemptEnded(breaker: Breaker, attempt: number, health: Health, nowMs: number): Breaker {
  switch (breaker.state) {
    case "closed":
      return health === null ? breaker : counted(breaker, health, nowMs);
    case "open":
      return breaker;
    case "half_open":
      if (attempt !== breaker.probe) return breaker;
      if (health === "failed") return opened(breaker.opens + 1, nowMs);
      return health === "ok"
        ? { state: "closed", opens: breaker.opens, failures: 0, allowance: 1 }
        : { state: "open", opens: breaker.opens, probeAtMs: nowMs };
  }
}

/** What is remembered of it when the object's memory is lost; null = nothing. */
export function breakerToKeep(breaker: Breaker): { opens: number; probeAtMs: number } | null {
  if (breaker.state === "closed") return null;
  return { opens: breaker.opens, probeAtMs: breaker.state === "open" ? breaker.probeAtMs : breaker.lostAtMs };
}

type Closed = Extract<Breaker, { state: "closed" }>;

function counted({ opens, failures, allowance }: Closed, health: "ok" | "failed", nowMs: number): Breaker {
  if (health === "ok") {
    const more = allowance === null || allowance * 2 >= RECOVERED ? null : allowance * 2;
    return { state: "closed", opens: 0, failures: 0, allowance: more };
  }
  if (failures + 1 >= OPENING_FAILURES) return opened(opens + 1, nowMs);
  const less = allowance === null ? null : Math.max(1, Math.floor(allowance / 2));
  return { state: "closed", opens, failures: failures + 1, allowance: less };
}

function opened(opens: number, nowMs: number): Breaker {
  return { state: "open", opens, probeAtMs: nowMs + Math.min(FIRST_OPEN_MS * 2 ** (opens - 1), LONGEST_OPEN_MS) };
}
