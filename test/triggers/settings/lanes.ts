import type { LaneDirectory, LaneStatus } from "../../../src/triggers/lanes/protocol.ts";

/** Lanes that do nothing but note what they are told: [call, destination, lane, …]. */
export function recordingLanes() {
  const calls: unknown[][] = [];
  /** Of each lane by its number; null = it does not answer. */
  const states: (LaneStatus | null)[] = [];
  const directory: LaneDirectory = {
    lane: (destinationId, lane) => ({
      async enqueue(_id, items) {
        calls.push(["enqueue", destinationId, lane, items.map(({ deliveryId }) => deliveryId)]);
      },
      async cancel(ids) {
        calls.push(["cancel", destinationId, lane, ids]);
      },
      async refresh() {
        calls.push(["refresh", destinationId, lane]);
      },
      async status() {
        const state = states[lane];
        if (state === null) throw new Error("the lane is moving");
        return state ?? { waiting: 0, inFlight: 0, breaker: "closed", nextAtMs: null };
      },
    }),
  };
  return { calls, states, directory };
}
