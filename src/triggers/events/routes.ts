import type { ConnectorType } from "../../catalog/connector-types.ts";
import { type Database, sql } from "../../store/database.ts";
import { LruMap } from "../../store/lru.ts";
import { oncePerObject } from "../../store/once-per-object.ts";
import type { Destination } from "../settings/destination.ts";
import { destinationsOf } from "../settings/destination-store.ts";

/** What fan-out must know of a connector. */
export interface Routes {
  /** Those that are sent events now. */
  destinations: Destination[];
  /** Where its objects are. */
  region: string | null;
  /** Null = there is no such connector. */
  type: ConnectorType | null;
  payloadDays: number;
}

const KEPT_MS = 3000;
const KEPT_CONNECTORS = 1000;
const DEFAULT_PAYLOAD_DAYS = 7;

const cacheOf = oncePerObject(
  (_: Database) => new LruMap<string, { routes: Routes; readAtMs: number }>(KEPT_CONNECTORS),
);

/**
 * A connector's routes, at most three seconds old, and not older than `asOfMs`: who adds a destination and then has an event
 * sent must not miss it. One that was deleted has none; what it received is kept all the same.
 */
export async function routesOf(
  db: Database,
  connectorId: string,
  nowMs: number,
  asOfMs = Number.NEGATIVE_INFINITY,
): Promise<Routes> {
  const known = cacheOf(db).get(connectorId);
  const isFresh = known !== undefined && known.readAtMs + KEPT_MS > nowMs && known.readAtMs <= nowMs;
  if (isFresh && known.readAtMs >= asOfMs) return known.routes;
  const [connector, destinations] = await Promise.all([
    db.first<{
      region: string | null;
      type: ConnectorType;
      deletedAtMs: number | null;
      payloadDays: number | null;
    }>(
      sql(
        `SELECT c.region, c.type, c.deleted_at_ms AS deletedAtMs, t.payload_days AS payloadDays
         FROM connectors AS c LEFT JOIN triggers AS t ON t.connector_id = c.id WHERE c.id = ?`,
        connectorId,
      ),
    ),
    destinationsOf(db, connectorId),
  ]);
  const isLive = connector !== null && connector.deletedAtMs === null;
  const routes = {
    destinations: isLive ? destinations.filter(({ disabledReason }) => disabledReason === null) : [],
    region: connector?.region ?? null,
    type: connector?.type ?? null,
    payloadDays: connector?.payloadDays ?? DEFAULT_PAYLOAD_DAYS,
  };
  cacheOf(db).set(connectorId, { routes, readAtMs: nowMs });
  return routes;
}
