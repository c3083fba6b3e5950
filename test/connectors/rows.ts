import { env } from "cloudflare:workers";
import { type Connector, connectorOfRow } from "../../src/connectors/connector-row.ts";
import { sealSecrets } from "../../src/connectors/connector-secrets.ts";
import { insertConnector } from "../../src/connectors/connector-store.ts";
import { loadKeyRing } from "../../src/crypto/key-ring.ts";
import { randomBytes } from "../../src/crypto/random.ts";
import { unwrap } from "../../src/errors.ts";
import { d1Database, sql } from "../../src/store/database.ts";
import { newId } from "../../src/store/ids.ts";

export const db = d1Database(env.DB);
export const keys = unwrap(await loadKeyRing(env.MASTER_KEYS));

/** Writes the team and one project with its environments, as setup and project creation do. */
export async function seedTeam(teamId = "team_test", projectId = "prj_test"): Promise<void> {
  await db.batch([
    sql("INSERT INTO team (id, name, created_at_ms) VALUES (?, 'default', 1)", teamId),
    sql(
      "INSERT INTO projects (id, slug, name, created_at_ms, updated_at_ms) VALUES (?, 'web', 'Web', 1, 1)",
      projectId,
    ),
    sql(
      `INSERT INTO environments (project_id, id, slug, created_at_ms, updated_at_ms)
       SELECT ?, value, value, 1, 1 FROM json_each('["production","preview","development"]')`,
      projectId,
    ),
  ]);
}

/** Writes a connector with those secrets, past the API. */
export async function seedConnector(
  fields: Partial<Connector> = {},
  secrets: Record<string, string> = {},
): Promise<Connector> {
  const id = fields.id ?? newId("scl", randomBytes);
  const blank = connectorOfRow({
    id,
    uid: `test/${id.slice(4)}`,
    name: "Test",
    type: "oauth",
    service: "test",
    config: "{}",
    secretsSealed: null,
    secretsKid: null,
    secretNames: "[]",
    secretsGeneration: 1,
    revision: 1,
    configRevision: 1,
    leaseSeconds: 60,
    previousLeaseSeconds: 0,
    leaseChangedAtMs: 0,
    minimumBinding: "finalize",
    region: null,
    branding: "{}",
    draft: 0,
    connectionMethod: null,
    target: null,
    creationMode: "manual",
    defaultInstallationId: null,
    createdBy: null,
    updatedBy: null,
    createdAtMs: 1,
    updatedAtMs: 1,
    deletedAtMs: null,
  });
  const place = { teamId: "team_test", connectorId: id, generation: 1 };
  const connector = { ...blank, ...(await sealSecrets({ keys, randomBytes }, place, secrets)), ...fields };
  await db.run(insertConnector(connector));
  return connector;
}
