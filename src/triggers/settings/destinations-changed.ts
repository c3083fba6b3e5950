import type { Connector } from "../../connectors/connector-row.ts";
import type { Services } from "../../services.ts";
import { forgetTriggers } from "../ingress/trigger-memory.ts";
import type { Destination } from "./destination.ts";

/**
 * Has a connector's destinations read anew: at once by this isolate's ingress, and by the lanes of those that are given.
 * Nothing depends on the latter: a lane that is not told reads its destination anew within seconds of its next work.
 */
export async function destinationsChanged(
  { lanes, triggerMemory }: Pick<Services, "lanes" | "triggerMemory">,
  connector: Pick<Connector, "id" | "region">,
  destinations: readonly Pick<Destination, "id" | "lanes">[],
): Promise<void> {
  forgetTriggers(triggerMemory, (config) => config.connector.id === connector.id);
  await Promise.all(
    destinations.flatMap(({ id, lanes: count }) =>
      Array.from({ length: count }, (_, lane) => lanes.lane(id, lane, connector.region).refresh()),
    ),
  );
}
