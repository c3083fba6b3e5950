import type { StoredDestination } from "./destination-row.ts";

/** A destination as the API shows it. `url` is where events go now; null = its origin is not configured. */
export function destinationToWire(destination: StoredDestination) {
  const { projectId, environment, branch, path } = destination;
  return {
    id: destination.id,
    connectorId: destination.connectorId,
    url: destination.url,
    ...(projectId !== null && { projectId, environment, path, ...(branch !== null && { branch }) }),
    audience: destination.audience,
    events: destination.events,
    filter: destination.filter,
    ordered: destination.ordered,
    lanes: destination.lanes,
    retrySchedule: destination.retrySchedule,
    timeoutMs: destination.timeoutMs,
    maxInFlight: destination.maxInFlight,
    ratePerSecond: destination.ratePerSecond,
    responder: destination.responder,
    enabled: destination.disabledReason === null,
    ...(destination.disabledReason !== null && { disabledReason: destination.disabledReason }),
    createdAt: destination.createdAtMs,
    updatedAt: destination.updatedAtMs,
    revision: destination.revision,
  };
}

/** Where a project's destination is. */
export type TypedPlace = Pick<StoredDestination, "projectId" | "environment" | "path" | "branch">;

/** What typed clients know of destinations: a project's production, a branch's preview, or a custom environment. */
export function typedDestinationToWire({ projectId, environment, path, branch }: TypedPlace) {
  return {
    projectId,
    ...(path !== null && { path }),
    ...(branch !== null && { branch }),
    ...(environment?.startsWith("env_") && { customEnvironmentId: environment }),
  };
}

/** Whether the typed clients' shape can say where this destination is. */
export function isTypedDestination({ environment, branch }: TypedPlace): boolean {
  return environment === "production" || branch !== null || environment?.startsWith("env_") === true;
}
