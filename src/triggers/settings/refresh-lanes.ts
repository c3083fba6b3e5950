import type { Services } from "../../services.ts";
import type { Destination } from "./destination.ts";

/**
 * Tells the lanes of destinations that something about them changed. Nothing depends on it: a lane that is not told reads
 * its destination anew within seconds of its next work.
 */
export async function refreshLanes(
  { lanes }: Pick<Services, "lanes">,
  destinations: readonly Pick<Destination, "id" | "lanes">[],
  region: string | null,
): Promise<void> {
  await Promise.all(
    destinations.flatMap((destination) =>
      Array.from({ length: destination.lanes }, (_, lane) => lanes.lane(destination.id, lane, region).refresh()),
    ),
  );
}
