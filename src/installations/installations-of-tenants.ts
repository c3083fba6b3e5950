import { type Database, sql } from "../store/database.ts";

/** A tenant as the provider's events name it: by its id, or by that of the installation there. */
export interface NamedTenant {
  key: string;
  connectorId: string;
  tenant: string;
}

/** Our installations of these tenants, in whatever state, by `key`. What could be two of them is none. */
export async function installationsOfTenants(
  db: Database,
  named: readonly NamedTenant[],
): Promise<Map<string, string>> {
  if (named.length === 0) return new Map();
  const rows = await db.all<{ key: string; id: string }>(
    sql(
      `SELECT json_each.value ->> 'key' AS key, i.id FROM json_each(?) CROSS JOIN installations AS i
       WHERE i.connector_id = json_each.value ->> 'connectorId'
         AND (i.external_id = json_each.value ->> 'tenant' OR i.tenant_id = json_each.value ->> 'tenant')`,
      JSON.stringify(named),
    ),
  );
  const byKey = Map.groupBy(rows, ({ key }) => key);
  return new Map([...byKey].flatMap(([key, [only, another]]) => (only && !another ? [[key, only.id] as const] : [])));
}
