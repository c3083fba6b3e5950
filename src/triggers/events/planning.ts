import { ApiError, unwrap } from "../../errors.ts";
import { findTeam } from "../../team/team-store.ts";
import { JsonScanner } from "../recipes/json-scanner.ts";
import type { Destination } from "../settings/destination.ts";
import { deliveryId } from "./delivery-id.ts";
import type { NewDelivery } from "./delivery-store.ts";
import type { EventDeps } from "./deps.ts";
import type { EventRecord, IngestMessage, PayloadRef } from "./event.ts";
import { type BodyValues, filterPointers, matchesDestination } from "./matching.ts";
import { readPayload } from "./payload-store.ts";

/** What is to be delivered, and what a destination has answered already. */
export interface Planned {
  event: EventRecord;
  payload: PayloadRef;
  series: number;
  responded: IngestMessage["responded"];
}

/** The deliveries of an event to those of the destinations that want it. The same again for the same event and series. */
export async function planDeliveries(
  { event, payload, series, responded }: Planned,
  destinations: readonly Destination[],
  deps: EventDeps,
): Promise<NewDelivery[]> {
  const body = await bodyValues(event, payload, destinations, deps);
  const wanted = destinations.filter(
    // Who has answered the provider had it, whatever its filter says by now.
    (destination) => matchesDestination(event, body, destination) || destination.id === responded?.destinationId,
  );
  return Promise.all(
    wanted.map(async (destination): Promise<NewDelivery> => {
      const attempt = destination.id === responded?.destinationId ? responded.attempt : null;
      const isDelivered = attempt?.outcome === "delivered";
      const retryMs = (destination.retrySchedule[0] ?? 0) * 1000;
      return {
        id: await deliveryId(event.id, destination.id, series),
        eventId: event.id,
        connectorId: event.connectorId,
        destinationId: destination.id,
        series,
        lane: laneOf(event, destination),
        state: isDelivered ? "delivered" : "pending",
        endedBecause: isDelivered ? "delivered" : null,
        attemptCount: attempt === null ? 0 : 1,
        attempts: attempt === null ? [] : [attempt],
        nextAttemptAtMs: isDelivered ? null : deps.now() + (attempt === null ? 0 : retryMs),
        createdAtMs: deps.now(),
      };
    }),
  );
}

/**
 * Which lane carries an event: all of a tenant take the same one, in order. What is about no tenant stays in order only
 * where that was asked for.
 */
export function laneOf(event: Pick<EventRecord, "id" | "tenants">, { lanes, ordered }: Destination): number {
  if (lanes === 1) return 0;
  const [tenant] = event.tenants.toSorted();
  if (tenant === undefined && ordered) return 0;
  // FNV-1a: spreads well, and is the same everywhere.
  let hash = 0x811c9dc5;
  for (const character of tenant ?? event.id) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193);
  return (hash >>> 0) % lanes;
}

/** What stands in the body where filters look; null = none looks, or it is no JSON. */
async function bodyValues(
  event: EventRecord,
  payload: PayloadRef,
  destinations: readonly Destination[],
  { db, keys, blobs }: EventDeps,
): Promise<BodyValues | null> {
  const pointers = filterPointers(destinations);
  if (pointers.size === 0) return null;
  const team = await findTeam(db);
  if (team === null) throw new ApiError("internal_error", { reason: "an event without a team" });
  const read = await readPayload(payload, event, { keys: await keys(), blobs, teamId: team.id });
  // Without its payload nobody can say who wants it; nor could it be sent.
  if (!read.ok && read.failure.code === "gone") return null;
  const content = unwrap(read);
  const scanner = new JsonScanner(pointers);
  if (content instanceof Uint8Array) scanner.write(content);
  else for await (const piece of content) scanner.write(piece);
  return scanner.finish();
}
