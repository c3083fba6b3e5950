import { runDurableObjectAlarm, runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { accessToken } from "../support/api.ts";
import { clock } from "../support/clock.ts";
import { ask, type Isolate, type Scene } from "../support/connect.ts";

const HOUR_MS = 3_600_000;

/** A Housekeeper that nothing is owed to. Its alarms lie in the platform's future, so that only tests run them. */
export async function standStill(): Promise<void> {
  clock.reset();
  clock.advance(24 * HOUR_MS);
  await env.DB.exec("DELETE FROM revocation_walks");
  await runInDurableObject(housekeeper(), (_, { storage }) => storage.deleteAlarm());
}

export const housekeeper = () => env.HOUSEKEEPERS.getByName("housekeeper");

/** One alarm of the Housekeeper. */
export async function round(): Promise<void> {
  if (await runDurableObjectAlarm(housekeeper())) return;
  throw new Error("the Housekeeper has no alarm");
}

/** In how many milliseconds the Housekeeper's next round is due; null = it sleeps for ever. */
export async function nextRoundInMs(): Promise<number | null> {
  const atMs = await runInDurableObject(housekeeper(), (_, state) => state.storage.getAlarm());
  return atMs === null ? null : atMs - clock.now();
}

/** The alarms of a connector's Grants, where they have one. */
export async function grantAlarms(connectorId: string): Promise<void> {
  for (const name of await grantsOf(connectorId)) await runDurableObjectAlarm(env.GRANTS.getByName(name));
}

export async function grantsOf(connectorId: string): Promise<string[]> {
  const query = env.DB.prepare("SELECT name FROM grants WHERE connector_id = ? ORDER BY name").bind(connectorId);
  return (await query.all<{ name: string }>()).results.map(({ name }) => name);
}

export interface WalkRow {
  revoked_before_ms: number;
  after_name: string | null;
  missed: number;
  due_at_ms: number;
}

export function walkOf(connectorId: string): Promise<WalkRow | null> {
  return env.DB.prepare("SELECT * FROM revocation_walks WHERE connector_id = ?").bind(connectorId).first<WalkRow>();
}

export interface ConnectorRow {
  deleted_at_ms: number | null;
  secrets_sealed: string | null;
}

export function connectorRow(connectorId: string): Promise<ConnectorRow | null> {
  const query = env.DB.prepare("SELECT deleted_at_ms, secrets_sealed FROM connectors WHERE id = ?");
  return query.bind(connectorId).first<ConnectorRow>();
}

/** Index rows of Grants that hold nothing, which is as cheap as a Grant can be. */
export async function addEmptyGrants(connectorId: string, count: number): Promise<void> {
  await env.DB.prepare(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
     INSERT INTO grants (name, connector_id, subject_type, partition, created_at_ms, seen_at_ms)
     SELECT printf('g1:%s-%04d', ?1, i), ?1, 'app', printf('env_%d', i), 0, 0 FROM n`,
  )
    .bind(connectorId, count)
    .run();
}

/** Three Grants of the connector with a token each: those of production, preview and development. */
export async function threeGrants({ api }: Isolate, at: Scene): Promise<void> {
  const { owner, projectId, uid } = at;
  for (const environment of ["production", "preview", "development"]) {
    const runtime = await accessToken(api, owner, { role: "developer", projectId, environment });
    const { status, text } = await ask(api, { uid, runtime });
    if (status !== 200) throw new Error(text);
  }
}

export const connectorPath = ({ connectorId }: Scene) => `/v1/connect/connectors/${connectorId}`;
