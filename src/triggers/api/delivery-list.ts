import type { Position } from "../../http/pagination.ts";
import { type Database, sql } from "../../store/database.ts";
import type { Delivery, DeliveryState } from "../events/event.ts";
import type { Searched } from "./event-list.ts";

/** A delivery without its attempts. */
export type ListedDelivery = Omit<Delivery, "attempts">;

/** Null = not filtered. */
export interface DeliveryFilter {
  connectorId: string | null;
  destinationId: string | null;
  eventId: string | null;
  state: DeliveryState | null;
}

export const DELIVERY_STATES = ["pending", "delivered", "dead", "canceled"] as const satisfies DeliveryState[];

/** How many events one page of all or a connector's deliveries looks at. */
const EVENTS_SEARCHED = 500;
const LAST_ID = "~";

const LISTED = `d.id, d.event_id AS eventId, d.connector_id AS connectorId, d.destination_id AS destinationId, d.series,
  d.lane, d.state, d.ended_because AS endedBecause, d.attempt_count AS attemptCount,
  d.next_attempt_at_ms AS nextAttemptAtMs, d.created_at_ms AS createdAtMs, d.updated_at_ms AS updatedAtMs`;

/** Newest events first; the id decides among the deliveries of one. */
export function deliveryPosition({ eventId, id }: ListedDelivery): Position<string> {
  return { key: eventId, id };
}

/** At most `limit` deliveries after a position. */
export async function listDeliveries(
  events: Database,
  filter: DeliveryFilter,
  page: { after: Position<string> | null; limit: number },
): Promise<Searched<ListedDelivery, Position<string>>> {
  const after = page.after ?? { key: LAST_ID, id: "" };
  if (filter.eventId !== null) return ofEvent(events, filter.eventId, filter, { after, limit: page.limit });
  if (filter.destinationId !== null) {
    return ofDestination(events, filter.destinationId, filter, { after, limit: page.limit });
  }
  return ofEvents(events, filter, { after, limit: page.limit });
}

interface Page {
  after: Position<string>;
  limit: number;
}

async function ofEvent(events: Database, eventId: string, filter: DeliveryFilter, { after, limit }: Page) {
  const rows = await events.all<ListedDelivery>(
    sql(
      `SELECT ${LISTED} FROM deliveries AS d
       WHERE d.event_id = ?1 AND d.id < ?2 AND (?3 IS NULL OR d.destination_id = ?3) AND (?4 IS NULL OR d.state = ?4)
         AND (?5 IS NULL OR d.connector_id = ?5)
       ORDER BY d.id DESC LIMIT ?6`,
      eventId,
      after.id === "" ? LAST_ID : after.id,
      filter.destinationId,
      filter.state,
      filter.connectorId,
      limit,
    ),
  );
  return { rows, stoppedAt: null };
}

/** By each state, since that is how the index has them. */
async function ofDestination(events: Database, destinationId: string, filter: DeliveryFilter, { after, limit }: Page) {
  const states = filter.state === null ? DELIVERY_STATES : [filter.state];
  const results = await events.batch<ListedDelivery[]>(
    states.map((state) =>
      sql(
        `SELECT ${LISTED} FROM deliveries AS d
         WHERE d.destination_id = ?1 AND d.state = ?2 AND (d.event_id, d.id) < (?3, ?4)
           AND (?5 IS NULL OR d.connector_id = ?5)
         ORDER BY d.event_id DESC, d.id DESC LIMIT ?6`,
        destinationId,
        state,
        after.key,
        after.id,
        filter.connectorId,
        limit,
      ),
    ),
  );
  return { rows: newestFirst(results.flatMap(({ rows }) => rows)).slice(0, limit), stoppedAt: null };
}

async function ofEvents(events: Database, { connectorId, state }: DeliveryFilter, { after, limit }: Page) {
  const [found, stopped] = await events.batch<[ListedDelivery, { id: string }]>(
    connectorId === null
      ? [
          sql(
            `SELECT ${LISTED} FROM (
               SELECT s.id FROM events AS s WHERE s.id <= ?1 ORDER BY s.id DESC LIMIT ?2) AS searched
             CROSS JOIN deliveries AS d ON d.event_id = searched.id
             WHERE (d.event_id, d.id) < (?1, ?3) AND (?4 IS NULL OR d.state = ?4)
             ORDER BY d.event_id DESC, d.id DESC LIMIT ?5`,
            after.key,
            EVENTS_SEARCHED,
            after.id,
            state,
            limit,
          ),
          sql(
            "SELECT e.id FROM events AS e WHERE e.id <= ? ORDER BY e.id DESC LIMIT 1 OFFSET ?",
            after.key,
            EVENTS_SEARCHED - 1,
          ),
        ]
      : [
          sql(
            `SELECT ${LISTED} FROM (
               SELECT s.id FROM events AS s WHERE s.connector_id = ?6 AND s.id <= ?1 ORDER BY s.id DESC LIMIT ?2) AS searched
             CROSS JOIN deliveries AS d ON d.event_id = searched.id
             WHERE (d.event_id, d.id) < (?1, ?3) AND (?4 IS NULL OR d.state = ?4)
             ORDER BY d.event_id DESC, d.id DESC LIMIT ?5`,
            after.key,
            EVENTS_SEARCHED,
            after.id,
            state,
            limit,
            connectorId,
          ),
          sql(
            "SELECT e.id FROM events AS e WHERE e.connector_id = ? AND e.id <= ? ORDER BY e.id DESC LIMIT 1 OFFSET ?",
            connectorId,
            after.key,
            EVENTS_SEARCHED - 1,
          ),
        ],
  );
  const last = stopped.rows[0]?.id;
  return { rows: found.rows, stoppedAt: last === undefined ? null : { key: last, id: "" } };
}

function newestFirst(rows: readonly ListedDelivery[]): ListedDelivery[] {
  const place = ({ eventId, id }: ListedDelivery) => `${eventId} ${id}`;
  return rows.toSorted((a, b) => (place(a) < place(b) ? 1 : -1));
}
