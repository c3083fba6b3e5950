import type { Attempt } from "../events/event.ts";
import type { ListedDelivery } from "./delivery-list.ts";
import type { ListedEvent } from "./event-list.ts";

export function eventToWire(event: ListedEvent) {
  return {
    id: event.id,
    connectorId: event.connectorId,
    type: event.type,
    tenants: event.tenants,
    ...(event.installationId && { installationId: event.installationId }),
    state: event.state,
    receivedAt: event.receivedAtMs,
    sentAt: event.sentAtMs,
    contentType: event.contentType,
    size: event.size,
    duplicates: event.duplicates,
    ...(event.suspectedReplayOf !== null && { suspectedReplayOf: event.suspectedReplayOf }),
    /** Whether the payload is still kept. */
    hasPayload: event.hasPayload,
  };
}

export function deliveryToWire(delivery: ListedDelivery) {
  return {
    id: delivery.id,
    eventId: delivery.eventId,
    connectorId: delivery.connectorId,
    destinationId: delivery.destinationId,
    series: delivery.series,
    state: delivery.state,
    endedBecause: delivery.endedBecause,
    attemptCount: delivery.attemptCount,
    nextAttemptAt: delivery.nextAttemptAtMs,
    createdAt: delivery.createdAtMs,
    updatedAt: delivery.updatedAtMs,
  };
}

export function attemptToWire({ startedAtMs, ...attempt }: Attempt) {
  return { ...attempt, startedAt: startedAtMs };
}
