import type { Connector } from "../../connectors/connector-row.ts";
import { ApiError } from "../../errors.ts";
import type { Services } from "../../services.ts";
import { orConflict } from "../../store/conflict.ts";
import { additionOf, DESTINATION_TAKEN, requireDeployment, type TargetServices } from "./add-destination.ts";
import type { StoredDestination } from "./destination-row.ts";
import { deletionOf, destinationsOf } from "./destination-store.ts";
import { isTypedDestination, type TypedPlace } from "./destination-wire.ts";
import { newDestination, type Target, type TypedDestination, USUAL_DELIVERY } from "./new-destination.ts";

/**
 * The target that typed clients mean: they know no origins, so that one may be set later. Thrown: as of
 * `requireDeployment`.
 */
export async function requireTypedTarget(
  services: TargetServices,
  connector: Pick<Connector, "service">,
  { projectId, path, branch, customEnvironmentId }: TypedDestination,
): Promise<Target> {
  if (branch !== undefined && customEnvironmentId !== undefined) {
    throw new ApiError("bad_request", { message: "branch, customEnvironmentId: send one of them." });
  }
  const environment = customEnvironmentId ?? (branch === undefined ? "production" : "preview");
  return requireDeployment(services, connector, { projectId, environment, path, branch, originLater: true });
}

/**
 * Makes these the destinations that typed clients can say, and leaves the others alone. One that stays keeps its
 * settings and secrets. Answers those that were removed.
 */
export async function replaceTypedDestinations(
  services: Pick<Services, "db" | "keys" | "now" | "randomBytes" | "urlPolicy">,
  { connector, teamId }: { connector: Connector; teamId: string },
  wanted: TypedDestination[],
): Promise<StoredDestination[]> {
  const targets = new Map<string, Target>();
  for (const each of wanted) {
    const target = await requireTypedTarget(services, connector, each);
    if ("projectId" in target) targets.set(placeOf(target), target);
  }
  const current = (await destinationsOf(services.db, connector.id)).filter(isTypedDestination);
  const removed = current.filter((destination) => !targets.has(placeOf(destination)));
  for (const kept of current) targets.delete(placeOf(kept));
  const place = { connectorId: connector.id, teamId };
  const added = await Promise.all(
    [...targets.values()].map((target) => newDestination(services, place, target, USUAL_DELIVERY)),
  );
  const statements = [
    deletionOf(removed.map(({ id }) => id)),
    // Of one moment, but shown in the order in which they were named.
    ...added.flatMap(({ destination }, index) =>
      additionOf(services, { ...destination, createdAtMs: destination.createdAtMs + index }),
    ),
  ];
  await orConflict(services.db.batch(statements), DESTINATION_TAKEN);
  return removed;
}

function placeOf({ projectId, environment, branch, path }: TypedPlace): string {
  return JSON.stringify([projectId, environment, branch, path]);
}
