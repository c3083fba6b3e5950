import type { Destination } from "../settings/destination.ts";
import { type Breaker, breakerRoom } from "./breaker.ts";
import { type TokenBucket, takeTokens } from "./token-bucket.ts";

/** What decides how many deliveries may start now. */
export interface LaneFacts {
  nowMs: number;
  inFlight: number;
  destination: Pick<Destination, "maxInFlight" | "ordered" | "ratePerSecond" | "lanes">;
  breaker: Breaker;
  bucket: TokenBucket | null;
  /** Until when the destination asked for quiet. */
  quietUntilMs: number;
}

/** What starts now. */
export interface Choice<Row> {
  chosen: Row[];
  bucket: TokenBucket | null;
  /** If nothing was chosen: when to look again, unless something happens before; null = when it does. */
  wakeAtMs: number | null;
}

/**
 * Which of the waiting deliveries start now. `rows` are the next ones by time, or in ordered mode by event: then it is
 * the first or none, since nothing overtakes it.
 */
export function chooseDue<Row extends { dueAtMs: number }>(rows: readonly Row[], facts: LaneFacts): Choice<Row> {
  const { nowMs, inFlight, destination, breaker, quietUntilMs } = facts;
  const nothing = (wakeAtMs: number | null) => ({ chosen: [], bucket: facts.bucket, wakeAtMs });
  const { maxInFlight, ordered, ratePerSecond, lanes } = destination;
  const [first] = rows;
  if (first === undefined) return nothing(null);
  if (nowMs < quietUntilMs) return nothing(Math.max(quietUntilMs, first.dueAtMs));

  const due = (ordered ? [first] : rows).filter((row) => row.dueAtMs <= nowMs);
  if (due.length === 0) return nothing(first.dueAtMs);
  const { room, wakeAtMs } = breakerRoom(breaker, inFlight, nowMs);
  const free = Math.min(room, (ordered ? 1 : maxInFlight) - inFlight, due.length);
  if (free <= 0) return nothing(wakeAtMs);

  const taken = takeTokens(facts.bucket, ratePerSecond === null ? null : ratePerSecond / lanes, free, nowMs);
  return { chosen: due.slice(0, taken.granted), bucket: taken.bucket, wakeAtMs: taken.nextAtMs };
}
