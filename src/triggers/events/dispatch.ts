import { messageOf } from "../../errors.ts";
import type { Statement } from "../../store/database.ts";
import { insertDeliveries, laneItem, type NewDelivery, type PendingDelivery, pendingOf } from "./delivery-store.ts";
import type { EventDeps } from "./deps.ts";
import { finishEvents, type StoredEvent } from "./event-store.ts";
import { routesOf } from "./routes.ts";

/** Lanes that are told at once. */
const LANES_AT_ONCE = 20;
/** Of one call of a lane. */
const ITEMS_PER_CALL = 500;

/** Null = its deliveries are with their lanes; else why they are not all, in words for the log. */
export type Outcome = string | null;

/** For the log: how many, of which failed, and why the first did. */
export function summaryOf(outcomes: readonly Outcome[]): { events: number; failures: number; reason?: string } {
  const reasons = outcomes.filter((outcome) => outcome !== null);
  return {
    events: outcomes.length,
    failures: reasons.length,
    ...(reasons[0] !== undefined && { reason: reasons[0] }),
  };
}

/**
 * Stores deliveries of events that are `recorded`, in one transaction behind `before`. Answers the rows of those
 * statements, and what is pending now of `eventIds`: whatever was interrupted, here is the truth.
 */
export async function storeDeliveries(
  before: Statement[],
  deliveries: readonly NewDelivery[],
  eventIds: readonly string[],
  { events }: EventDeps,
): Promise<{ rows: unknown[][]; pending: PendingDelivery[] }> {
  const results = await events.batch([...before, insertDeliveries(deliveries), pendingOf(eventIds)]);
  const pending = results.at(-1)?.rows as PendingDelivery[];
  return { rows: results.slice(0, before.length).map(({ rows }) => rows), pending };
}

/** Hands pending deliveries to their lanes, and notes of the events for which that went well that they are dispatched. */
export async function handOver(
  events: readonly Pick<StoredEvent, "id" | "series">[],
  pending: readonly PendingDelivery[],
  deps: EventDeps,
): Promise<Map<string, Outcome>> {
  const ids = new Set(events.map(({ id }) => id));
  const failures = await tellLanes(
    pending.filter(({ eventId }) => ids.has(eventId)),
    deps,
  );
  const done = events.filter(({ id }) => !failures.has(id));
  if (done.length > 0) await deps.events.run(finishEvents(done, deps.now()));
  return new Map(events.map(({ id }) => [id, failures.get(id) ?? null]));
}

/** Gives every lane its deliveries; why it failed, of the events for which it did. */
export async function tellLanes(pending: readonly PendingDelivery[], deps: EventDeps): Promise<Map<string, string>> {
  const byLane = Map.groupBy(pending, ({ destinationId, lane }) => `${destinationId}:${lane}`);
  const calls = [...byLane.values()].flatMap((deliveries) => chunks(deliveries, ITEMS_PER_CALL));
  const failures = new Map<string, string>();
  for (const together of chunks(calls, LANES_AT_ONCE)) {
    await Promise.all(
      together.map(async (deliveries) => {
        try {
          await tellLane(deliveries, deps);
        } catch (error) {
          for (const { eventId } of deliveries) failures.set(eventId, `lane: ${messageOf(error)}`);
        }
      }),
    );
  }
  return failures;
}

async function tellLane(deliveries: readonly PendingDelivery[], { db, lanes, now }: EventDeps): Promise<void> {
  const [first] = deliveries;
  if (first === undefined) return;
  const { region } = await routesOf(db, first.connectorId, now());
  const items = deliveries.map((delivery) => laneItem(delivery, now()));
  await lanes.lane(first.destinationId, first.lane, region).enqueue(first.destinationId, items);
}

function chunks<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, index) =>
    items.slice(index * size, (index + 1) * size),
  );
}
