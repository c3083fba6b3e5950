import type { Attempt, DeliveryState, Ending } from "../events/event.ts";
import type { Report } from "./lane-store.ts";

const STATES: Record<Ending, DeliveryState> = {
  delivered: "delivered",
  attempts_exhausted: "dead",
  permanent_failure: "dead",
  gone: "dead",
  destination_removed: "canceled",
  canceled: "canceled",
};

interface Counted {
  id: string;
  /** Attempts made so far. */
  attemptCount: number;
}

/** That a delivery is over, with its last attempt if it ended by one. */
export function ended(delivery: Counted, because: Ending, nowMs: number, attempt?: Attempt): Report {
  return {
    ...report(delivery, attempt, nowMs, { state: STATES[because], endedBecause: because, nextAttemptAtMs: null }),
    ...(because === "gone" && { gone: true }),
  };
}

/** That an attempt failed and another one follows. */
export function waitsOn(delivery: Counted, attempt: Attempt, nextAttemptAtMs: number, nowMs: number): Report {
  return report(delivery, attempt, nowMs, { state: "pending", endedBecause: null, nextAttemptAtMs });
}

function report(
  { id, attemptCount }: Counted,
  attempt: Attempt | undefined,
  updatedAtMs: number,
  stands: Pick<Report["update"], "state" | "endedBecause" | "nextAttemptAtMs">,
): Report {
  const attempts = attempt === undefined ? [] : [attempt];
  return { update: { deliveryId: id, attempts, attemptCount, ...stands, updatedAtMs } };
}
