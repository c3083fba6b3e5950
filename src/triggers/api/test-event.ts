import type { Connector } from "../../connectors/connector-row.ts";
import { utf8 } from "../../crypto/bytes.ts";
import { sha256Base64url } from "../../crypto/digest.ts";
import { sealBytes } from "../../crypto/envelope.ts";
import { ApiError } from "../../errors.ts";
import type { Services } from "../../services.ts";
import { deliveryId } from "../events/delivery-id.ts";
import { insertDeliveries, type NewDelivery } from "../events/delivery-store.ts";
import { tellLanes } from "../events/dispatch.ts";
import type { EventRecord } from "../events/event.ts";
import { newEventId } from "../events/event-id.ts";
import { finishEvents, recordEvent } from "../events/event-store.ts";
import { payloadContext } from "../events/payload-store.ts";
import { laneOf } from "../events/planning.ts";
import type { StoredDestination } from "../settings/destination-row.ts";
import { eventDeps } from "./event-deps.ts";

const KEPT_DAYS = 1;

/**
 * Sends an event of ours, of the type `connect.test`, to one destination, through the same log and lane as any other, but
 * whatever its filters. Thrown: `conflict` for a destination that is disabled.
 */
export async function sendTestEvent(
  services: Services,
  { connector, teamId }: { connector: Connector; teamId: string },
  destination: StoredDestination,
): Promise<NewDelivery> {
  if (destination.disabledReason !== null) {
    throw new ApiError("conflict", { message: "The destination is disabled. Enable it first." });
  }
  const { keys, randomBytes, now, events } = services;
  const nowMs = now();
  const id = newEventId(nowMs, randomBytes);
  const body = utf8(
    JSON.stringify({ type: "connect.test", id, connector: connector.uid, destination: destination.id, sentAt: nowMs }),
  );
  const event: EventRecord = {
    id,
    connectorId: connector.id,
    type: "connect.test",
    tenants: [],
    dedupKey: `test:${id}`,
    dedupSigned: true,
    receivedAtMs: nowMs,
    sentAtMs: nowMs,
    contentType: "application/json",
    headers: {},
    size: body.length,
    bodySha256: await sha256Base64url(body),
  };
  const sealed = await sealBytes(keys, payloadContext(teamId, id), body, randomBytes);
  const delivery: NewDelivery = {
    id: await deliveryId(id, destination.id, 0),
    eventId: id,
    connectorId: connector.id,
    destinationId: destination.id,
    series: 0,
    lane: laneOf(event, destination),
    state: "pending",
    endedBecause: null,
    attemptCount: 0,
    attempts: [],
    nextAttemptAtMs: nowMs,
    createdAtMs: nowMs,
  };
  // One transaction: at no time is it an event that is still to be fanned out.
  await events.batch([
    recordEvent(event, { kind: "inline", sealed }, KEPT_DAYS),
    insertDeliveries([delivery]),
    finishEvents([{ id, series: 0 }], nowMs),
  ]);
  // What its lane is not told now, it is told by the Housekeeper.
  await tellLanes([delivery], eventDeps(services));
  return delivery;
}
