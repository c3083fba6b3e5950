import * as z from "zod/mini";
import { jsonOf } from "../../connectors/connector-row.ts";
import { ApiError } from "../../errors.ts";
import { type Database, sql } from "../../store/database.ts";
import { isTypedDestination, type TypedPlace } from "./destination-wire.ts";

/** What a connector itself shows of its triggers. */
export interface ConnectorTriggers {
  enabled: boolean;
  /** Null = unknown to who asks. */
  ingressId: string | null;
  events: string[] | null;
  destinations: TypedPlace[];
}

export const NO_TRIGGERS: ConnectorTriggers = { enabled: false, ingressId: null, events: null, destinations: [] };

interface TriggerRow {
  connectorId: string;
  ingressId: string;
  enabled: number;
  events: string | null;
}

interface DestinationRow extends TypedPlace {
  connectorId: string;
  createdAtMs: number;
}

const Events = z.nullable(jsonOf(z.array(z.string())));

/** By connector, what it shows of its triggers: of those that have any. */
export async function triggersOf(
  db: Database,
  connectorIds: readonly string[],
): Promise<Map<string, ConnectorTriggers>> {
  const ids = JSON.stringify(connectorIds);
  const [triggers, destinations] = await db.batch<[TriggerRow, DestinationRow]>([
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
    (triggers?.rows ?? []).map(({ connectorId, ingressId, enabled, events }) => {
      const named = Events.safeParse(events);
      if (!named.success) throw new ApiError("decryption_failed", { reason: `trigger row ${connectorId}` });
      return [
        connectorId,
        { enabled: enabled === 1, ingressId, events: named.data, destinations: places.get(connectorId) ?? [] },
      ];
    }),
  );
}
