import type { Installations } from "../catalog/installations.ts";
import { type Database, sql } from "../store/database.ts";

/** An installation as the provider's events name it, by one of its ids: the other may be that number for somebody else. */
export interface NamedInstallation extends Partial<Record<Installations["eventsName"], string>> {
  key: string;
  connectorId: string;
}

/** Our ids of these installations, in whatever state, by `key`. */
export async function installationsNamed(
  db: Database,
  named: readonly NamedInstallation[],
): Promise<Map<string, string>> {
  if (named.length === 0) return new Map();
  // The id that is not given is NULL, which no column is equal to.
  const rows = await db.all<{ key: string; id: string }>(
    sql(
      `SELECT json_each.value ->> 'key' AS key, i.id FROM json_each(?) CROSS JOIN installations AS i
       WHERE i.connector_id = json_each.value ->> 'connectorId'
         AND (i.external_id = json_each.value ->> 'externalId' OR i.tenant_id = json_each.value ->> 'tenantId')`,
      JSON.stringify(named),
    ),
  );
  return new Map(rows.map(({ key, id }) => [key, id]));
}
