import { fail, ok, type Result } from "../../errors.ts";
import { type Database, sql } from "../../store/database.ts";
import { findDestination } from "../settings/destination-store.ts";
import { deliveryId } from "./delivery-id.ts";
import { deliveriesById, insertDeliveries, type NewDelivery } from "./delivery-store.ts";
import type { EventDeps } from "./deps.ts";
import { tellLanes } from "./dispatch.ts";
import type { DeliveryState } from "./event.ts";
import { eventsById } from "./event-store.ts";
import { laneOf } from "./planning.ts";
import { routesOf } from "./routes.ts";

/** The last delivery of an event to a destination, and what its next one needs. */
interface LatestDelivery {
  eventId: string;
  connectorId: string;
  destinationId: string;
  series: number;
  state: DeliveryState;
  /** JSON. */
  tenants: string;
}

/** The last delivery of these events to each of their destinations; not of events whose payload is gone. */
export async function latestDeliveries(eventIds: readonly string[], events: Database): Promise<LatestDelivery[]> {
  return events.all<LatestDelivery>(
    sql(
      `SELECT d.event_id AS eventId, d.connector_id AS connectorId, d.destination_id AS destinationId, d.series, d.state,
         e.tenants
       FROM deliveries AS d JOIN events AS e ON e.id = d.event_id
       WHERE d.event_id IN (SELECT value FROM json_each(?)) AND e.body_kid IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM deliveries AS n
           WHERE n.event_id = d.event_id AND n.destination_id = d.destination_id AND n.series > d.series)`,
      JSON.stringify(eventIds),
    ),
  );
}

/** The delivery that repeats it; null = the destination is gone or disabled. */
export async function nextSeries(latest: LatestDelivery, { db, now }: EventDeps): Promise<NewDelivery | null> {
  const { eventId, connectorId, destinationId } = latest;
  const { destinations } = await routesOf(db, connectorId, now());
  const destination = destinations.find(({ id }) => id === destinationId);
  if (destination === undefined) return null;
  const series = latest.series + 1;
  return {
    id: await deliveryId(eventId, destinationId, series),
    eventId,
    connectorId,
    destinationId,
    series,
    lane: laneOf({ id: eventId, tenants: JSON.parse(latest.tenants) }, destination),
    state: "pending",
    endedBecause: null,
    attemptCount: 0,
    attempts: [],
    nextAttemptAtMs: now(),
    createdAtMs: now(),
  };
}

/**
 * Delivers once more what was delivered, or was not. `not_found`; `gone` without a payload; `conflict` while its last
 * delivery is under way, and where the destination is disabled or removed.
 */
export async function replayDelivery(id: string, deps: EventDeps): Promise<Result<NewDelivery>> {
  const delivery = (await deliveriesById(deps.events, [id])).get(id);
  if (delivery === undefined) return fail("not_found");
  const event = (await eventsById(deps.events, [delivery.eventId])).get(delivery.eventId);
  if (event === undefined || event.payload.kind === "gone") {
    return fail("gone", { message: "The event's payload is not kept any more." });
  }
  const found = await findDestination(deps.db, delivery.destinationId);
  if (found === null) return fail("conflict", { message: "The destination was removed." });
  if (found.destination.disabledReason !== null) {
    return fail("conflict", { message: "The destination is disabled. Enable it first." });
  }
  const latest = (await latestDeliveries([delivery.eventId], deps.events)).find(
    ({ destinationId }) => destinationId === delivery.destinationId,
  );
  if (latest === undefined || latest.state === "pending") {
    return fail("conflict", { message: "The event is being delivered there." });
  }
  const next = await nextSeries(latest, deps);
  if (next === null) return fail("conflict", { message: "The destination does not take deliveries." });
  await deps.events.run(insertDeliveries([next], true));
  // What its lane is not told now, it is told by the Housekeeper.
  await tellLanes([next], deps);
  return ok(next);
}
