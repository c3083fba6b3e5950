import type { Position } from "../../http/pagination.ts";
import { type Database, sql } from "../../store/database.ts";
import type { EventState, StoredEvent } from "../events/event-store.ts";

/** An event without its payload and headers. */
export interface ListedEvent
  extends Pick<
    StoredEvent,
    | "id"
    | "connectorId"
    | "type"
    | "tenants"
    | "receivedAtMs"
    | "sentAtMs"
    | "contentType"
    | "size"
    | "state"
    | "duplicates"
    | "suspectedReplayOf"
    | "installationId"
  > {
  hasPayload: boolean;
}

/** Null = not filtered. */
export interface EventFilter {
  connectorId: string | null;
  type: string | null;
  state: EventState | null;
}

/** Rows of one page, and where a search that found too few of them stopped; null = at the end. */
export interface Searched<Row, At> {
  rows: Row[];
  stoppedAt: At | null;
}

interface Row extends Omit<ListedEvent, "tenants" | "hasPayload"> {
  tenants: string;
  hasPayload: number;
}

/**
 * How many rows one page looks at. What is rare among many takes several pages, some of them short, instead of an index
 * that every event would have to be written to.
 */
export const EVENTS_SEARCHED = 1000;

/** Comes after every id. */
const LAST_ID = "~";

const LISTED = `e.id, e.connector_id AS connectorId, e.type, e.tenants, e.received_at_ms AS receivedAtMs,
  e.sent_at_ms AS sentAtMs, e.content_type AS contentType, e.size, e.state, e.duplicates,
  e.suspected_replay_of AS suspectedReplayOf, e.installation_id AS installationId, e.body_kid IS NOT NULL AS hasPayload`;

/** At most `limit` events received before `beforeId`, newest first. */
export async function listEvents(
  events: Database,
  { connectorId, type, state }: EventFilter,
  { beforeId, limit }: { beforeId: string | null; limit: number },
): Promise<Searched<ListedEvent, Position<string>>> {
  const before = beforeId ?? LAST_ID;
  const [found, stopped] = await events.batch<[Row, { id: string }]>(
    connectorId === null
      ? [
          sql(
            `SELECT ${LISTED} FROM (SELECT s.id FROM events AS s WHERE s.id < ?1 ORDER BY s.id DESC LIMIT ?2) AS searched
             CROSS JOIN events AS e ON e.id = searched.id
             WHERE (?3 IS NULL OR e.type = ?3) AND (?4 IS NULL OR e.state = ?4) ORDER BY e.id DESC LIMIT ?5`,
            before,
            EVENTS_SEARCHED,
            type,
            state,
            limit,
          ),
          sql(
            "SELECT e.id FROM events AS e WHERE e.id < ? ORDER BY e.id DESC LIMIT 1 OFFSET ?",
            before,
            EVENTS_SEARCHED - 1,
          ),
        ]
      : [
          sql(
            `SELECT ${LISTED} FROM (
               SELECT s.id FROM events AS s WHERE s.connector_id = ?6 AND s.id < ?1 ORDER BY s.id DESC LIMIT ?2) AS searched
             CROSS JOIN events AS e ON e.id = searched.id
             WHERE (?3 IS NULL OR e.type = ?3) AND (?4 IS NULL OR e.state = ?4) ORDER BY e.id DESC LIMIT ?5`,
            before,
            EVENTS_SEARCHED,
            type,
            state,
            limit,
            connectorId,
          ),
          sql(
            "SELECT e.id FROM events AS e WHERE e.connector_id = ? AND e.id < ? ORDER BY e.id DESC LIMIT 1 OFFSET ?",
            connectorId,
            before,
            EVENTS_SEARCHED - 1,
          ),
        ],
  );
  const last = stopped.rows[0]?.id;
  return { rows: found.rows.map(listedOfRow), stoppedAt: last === undefined ? null : { key: last, id: last } };
}

function listedOfRow({ tenants, hasPayload, ...row }: Row): ListedEvent {
  return { ...row, tenants: JSON.parse(tenants), hasPayload: hasPayload === 1 };
}
