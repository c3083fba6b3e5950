import { type Database, sql } from "../../store/database.ts";
import { isTypedDestination, type TypedPlace } from "./destination-wire.ts";
import { eventsOfRow, type TriggerRow } from "./trigger-store.ts";

/** What a connector itself shows of its triggers. */
export interface ConnectorTriggers {
  enabled: boolean;
  /** Null = unknown to who asks. */
  ingressId: string | null;
  events: string[] | null;
  destinations: TypedPlace[];
}

export const NO_TRIGGERS: ConnectorTriggers = { enabled: false, ingressId: null, events: null, destinations: [] };

interface DestinationRow extends TypedPlace {
  connectorId: string;
  createdAtMs: number;
}

/** By connector, what it shows of its triggers: of those that have any. */
export async function triggersOf(
  db: Database,
  connectorIds: readonly string[],
): Promise<Map<string, ConnectorTriggers>> {
  const ids = JSON.stringify(connectorIds);
  const [triggers, destinations] = await db.batch<
    [Pick<TriggerRow, "connectorId" | "ingressId" | "enabled" | "events">, DestinationRow]
  >([
    sql(
      `SELECT connector_id AS connectorId, ingress_id AS ingressId, enabled, events FROM triggers
       WHERE connector_id IN (SELECT value FROM json_each(?))`,
      ids,
    ),
    sql(
      `SELECT connector_id AS connectorId, project_id AS projectId, environment, path, branch, created_at_ms AS createdAtMs
       FROM destinations WHERE connector_id IN (SELECT value FROM json_each(?)) AND project_id IS NOT NULL`,
      ids,
    ),
  ]);
  const places = Map.groupBy(
    (destinations?.rows ?? []).filter(isTypedDestination).toSorted((a, b) => a.createdAtMs - b.createdAtMs),
    ({ connectorId }) => connectorId,
  );
  return new Map(
    (triggers?.rows ?? []).map((row) => [
      row.connectorId,
      {
        enabled: row.enabled === 1,
        ingressId: row.ingressId,
        events: eventsOfRow(row),
        destinations: places.get(row.connectorId) ?? [],
      },
    ]),
  );
}
