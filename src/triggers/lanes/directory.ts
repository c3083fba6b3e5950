import { regionalStub } from "../../grants/directory.ts";
import type { DestinationLaneObject } from "./lane.ts";
import { type LaneDirectory, laneName } from "./protocol.ts";

/** The lanes of a namespace, each made where its connector is. */
export function laneDirectory(namespace: DurableObjectNamespace<DestinationLaneObject>): LaneDirectory {
  return { lane: (destinationId, lane, region) => regionalStub(namespace, laneName(destinationId, lane), region) };
}
