import type { LaneDirectory } from "../../../src/triggers/lanes/protocol.ts";

/** Lanes that do nothing but note what they are told: [call, destination, lane, …]. */
export function recordingLanes() {
  const calls: unknown[][] = [];
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
        return { waiting: 0, inFlight: 0, breaker: "closed", probeAtMs: null };
      },
    }),
  };
  return { calls, directory };
}
