import { messageOf } from "../../errors.ts";
import type { Services } from "../../services.ts";
import type { LaneStatus } from "../lanes/protocol.ts";
import type { Destination } from "../settings/destination.ts";

/** From well to worse. */
const STATES: readonly LaneStatus["breaker"][] = ["closed", "half_open", "open"];

/** How the lanes of a destination stand, as the API shows it: all of them together. */
export interface LaneState {
  /** Of the worst. */
  state: LaneStatus["breaker"];
  queued: number;
  inFlight: number;
  /** Not before then (ms); null = nothing waits, or it is disabled. */
  nextAttemptAt: number | null;
}

/** Null = one of them does not answer, which is logged. */
export async function laneState(
  { lanes, log }: Pick<Services, "lanes" | "log">,
  { id, ordered, lanes: count, disabledReason }: Destination,
  region: string | null,
): Promise<LaneState | null> {
  try {
    const all = await Promise.all(
      Array.from({ length: count }, (_, lane) => lanes.lane(id, lane, region).status(ordered)),
    );
    const sumOf = (key: "waiting" | "inFlight") => all.reduce((sum, status) => sum + status[key], 0);
    const times = all.flatMap(({ nextAtMs }) => nextAtMs ?? []);
    return {
      state: STATES.findLast((state) => all.some(({ breaker }) => breaker === state)) ?? "closed",
      queued: sumOf("waiting"),
      inFlight: sumOf("inFlight"),
      nextAttemptAt: disabledReason !== null || times.length === 0 ? null : Math.min(...times),
    };
  } catch (error) {
    log.warn("lane.not_asked", { destinationId: id, reason: messageOf(error) });
    return null;
  }
}
