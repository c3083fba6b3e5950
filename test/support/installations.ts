import { env } from "cloudflare:workers";

/** An installation of a connector, written past the API; fields are columns. */
export async function seedInstallation(
  connectorId: string,
  id: string,
  fields: Record<string, string | number | null> = {},
): Promise<string> {
  const row = {
    id,
    connector_id: connectorId,
    tenant_id: `t-${id}`,
    external_id: `x-${id}`,
    state: "active",
    is_own: 1,
    created_at_ms: 1,
    updated_at_ms: 1,
    ...fields,
  };
  const names = Object.keys(row);
  await env.DB.prepare(`INSERT INTO installations (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`)
    .bind(...Object.values(row))
    .run();
  return id;
}
