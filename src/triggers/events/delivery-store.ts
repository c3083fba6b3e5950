import { type Database, type Statement, sql } from "../../store/database.ts";
import type { LaneItem } from "../lanes/protocol.ts";
import type { Attempt, Delivery, DeliveryState, Ending } from "./event.ts";

/** A delivery that is to be there. */
export type NewDelivery = Omit<Delivery, "updatedAtMs">;

/** How a delivery stands after attempts. */
export interface DeliveryUpdate {
  deliveryId: string;
  /** The new attempts, oldest first. */
  attempts: Attempt[];
  /** All that were made, these included. */
  attemptCount: number;
  state: DeliveryState;
  endedBecause: Ending | null;
  nextAttemptAtMs: number | null;
  updatedAtMs: number;
}

const KEPT_ATTEMPTS = 12;

type DeliveryRow = Omit<Delivery, "attempts"> & { attempts: string };

/** The columns of a delivery, of `deliveries AS d`. */
const DELIVERY_COLUMNS = `d.id, d.event_id AS eventId, d.connector_id AS connectorId,
  d.destination_id AS destinationId, d.series, d.lane, d.state, d.ended_because AS endedBecause,
  d.attempt_count AS attemptCount, d.attempts, d.next_attempt_at_ms AS nextAttemptAtMs, d.created_at_ms AS createdAtMs,
  d.updated_at_ms AS updatedAtMs`;

function deliveryOfRow(row: DeliveryRow): Delivery {
  return { ...row, attempts: JSON.parse(row.attempts) };
}

/** The deliveries of these ids that there are. */
export async function deliveriesById(eventsDb: Database, ids: readonly string[]): Promise<Map<string, Delivery>> {
  if (ids.length === 0) return new Map();
  const rows = await eventsDb.all<DeliveryRow>(
    sql(
      `SELECT ${DELIVERY_COLUMNS} FROM deliveries AS d WHERE d.id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    ),
  );
  return new Map(rows.map((row) => [row.id, deliveryOfRow(row)]));
}

/**
 * Stores those that are not there yet, of events that are: while their deliveries of that series are being made, or, as
 * `replayed`, while their payload is there. One value holds all, so that their number meets no limit of bound ones.
 */
export function insertDeliveries(deliveries: readonly NewDelivery[], replayed = false): Statement {
  return sql(
    `INSERT INTO deliveries (id, event_id, connector_id, destination_id, series, lane, state, ended_because,
       attempt_count, attempts, next_attempt_at_ms, created_at_ms, updated_at_ms)
     SELECT json_each.value ->> 'id', e.id, e.connector_id, json_each.value ->> 'destinationId',
       json_each.value ->> 'series',
       json_each.value ->> 'lane', json_each.value ->> 'state', json_each.value ->> 'endedBecause',
       json_each.value ->> 'attemptCount', json_each.value -> 'attempts', json_each.value ->> 'nextAttemptAtMs',
       json_each.value ->> 'createdAtMs', json_each.value ->> 'createdAtMs'
     FROM json_each(?1) CROSS JOIN events AS e
     WHERE e.id = json_each.value ->> 'eventId' AND CASE WHEN ?2 THEN e.body_kid IS NOT NULL
       ELSE e.series = json_each.value ->> 'series' AND e.state = 'recorded' END
     ON CONFLICT (id) DO NOTHING`,
    JSON.stringify(deliveries),
    replayed ? 1 : 0,
  );
}

/** What a lane must be told of a delivery. */
export type PendingDelivery = Pick<
  Delivery,
  "id" | "eventId" | "connectorId" | "destinationId" | "series" | "lane" | "attemptCount" | "nextAttemptAtMs"
>;

const PENDING_COLUMNS = `d.id, d.event_id AS eventId, d.connector_id AS connectorId,
  d.destination_id AS destinationId, d.series, d.lane, d.attempt_count AS attemptCount,
  d.next_attempt_at_ms AS nextAttemptAtMs`;

/** Answers the `PendingDelivery`s of these events. */
export function pendingOf(eventIds: readonly string[]): Statement {
  return sql(
    `SELECT ${PENDING_COLUMNS} FROM deliveries AS d
     WHERE d.event_id IN (SELECT value FROM json_each(?)) AND d.state = 'pending'`,
    JSON.stringify(eventIds),
  );
}

/** Those whose next attempt should have been made before then, the longest due first. */
export async function overdue(eventsDb: Database, beforeMs: number, limit: number): Promise<PendingDelivery[]> {
  return eventsDb.all<PendingDelivery>(
    sql(
      `SELECT ${PENDING_COLUMNS} FROM deliveries AS d
       WHERE d.state = 'pending' AND d.next_attempt_at_ms < ? ORDER BY d.next_attempt_at_ms LIMIT ?`,
      beforeMs,
      limit,
    ),
  );
}

/** Puts them behind the other overdue ones, unless an attempt was made in the meantime. */
export function lookAgainAt(deliveries: readonly PendingDelivery[], atMs: number): Statement {
  return sql(
    `UPDATE deliveries SET next_attempt_at_ms = ?2 FROM json_each(?1)
     WHERE deliveries.id = json_each.value ->> 'id' AND state = 'pending'
       AND next_attempt_at_ms = json_each.value ->> 'nextAttemptAtMs'`,
    JSON.stringify(deliveries.map(({ id, nextAttemptAtMs }) => ({ id, nextAttemptAtMs }))),
    atMs,
  );
}

/** A pending delivery as its lane is told of it; one without a time is due now. */
export function laneItem(delivery: PendingDelivery, nowMs: number): LaneItem {
  const { id, eventId, series, attemptCount, nextAttemptAtMs } = delivery;
  return { deliveryId: id, eventId, series, attemptCount, dueAtMs: nextAttemptAtMs ?? nowMs };
}

/**
 * Records attempts and what came of them. May be repeated: an attempt counts once, and a delivery that has ended stays
 * as it ended, except that one which was canceled in flight may still have arrived.
 */
export async function recordAttempts(eventsDb: Database, updates: readonly DeliveryUpdate[]): Promise<void> {
  if (updates.length === 0) return;
  const text = JSON.stringify(merged(updates));
  const statements = [
    sql(
      `UPDATE deliveries SET
         attempts = (SELECT json_group_array(json(value)) FROM (
           SELECT value FROM (
             SELECT value, key AS position FROM json_each(deliveries.attempts)
             UNION ALL
             SELECT made.value, made.key + ?2 FROM json_each(u.value -> 'attempts') AS made
             WHERE made.value ->> 'id' NOT IN (SELECT known.value ->> 'id' FROM json_each(deliveries.attempts) AS known)
             ORDER BY position DESC LIMIT ?2)
           ORDER BY position)),
         attempt_count = max(attempt_count, u.value ->> 'attemptCount'),
         state = CASE WHEN ends THEN u.value ->> 'state' ELSE state END,
         ended_because = CASE WHEN ends THEN u.value ->> 'endedBecause' ELSE ended_because END,
         next_attempt_at_ms = CASE WHEN ends THEN u.value ->> 'nextAttemptAtMs' ELSE next_attempt_at_ms END,
         updated_at_ms = max(updated_at_ms, u.value ->> 'updatedAtMs')
       FROM (
         SELECT json_each.value, d.id AS delivery, d.state = 'pending' OR (
           d.state = 'canceled' AND json_each.value ->> 'state' = 'delivered') AS ends
         FROM json_each(?1) CROSS JOIN deliveries AS d WHERE d.id = json_each.value ->> 'deliveryId') AS u
       WHERE deliveries.id = u.delivery`,
      text,
      KEPT_ATTEMPTS,
    ),
  ];
  if (updates.some(({ state }) => state === "delivered")) {
    statements.push(forgetDelivered(text, Math.max(...updates.map(({ updatedAtMs }) => updatedAtMs))));
  }
  await eventsDb.batch(statements);
}

/** A payload that is kept only until it is delivered, and now is to all, is due to be purged. */
function forgetDelivered(updates: string, nowMs: number): Statement {
  return sql(
    `UPDATE events SET body_expires_at_ms = ?2
     WHERE id IN (
         SELECT d.event_id FROM json_each(?1) CROSS JOIN deliveries AS d WHERE d.id = json_each.value ->> 'deliveryId')
       AND body_transient = 1 AND body_expires_at_ms > ?2 AND state <> 'recorded'
       AND NOT EXISTS (
         SELECT 1 FROM deliveries AS d WHERE d.event_id = events.id AND d.state IN ('pending', 'dead'))`,
    updates,
    nowMs,
  );
}

/** One update for each delivery: a statement changes a row only once. */
function merged(updates: readonly DeliveryUpdate[]): DeliveryUpdate[] {
  const byId = new Map<string, DeliveryUpdate>();
  for (const update of updates) {
    const former = byId.get(update.deliveryId);
    byId.set(
      update.deliveryId,
      former === undefined ? update : { ...update, attempts: [...former.attempts, ...update.attempts] },
    );
  }
  return [...byId.values()];
}
