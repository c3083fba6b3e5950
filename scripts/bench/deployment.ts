import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { D1Database } from "@cloudflare/workers-types";
import { type Call, type Json, request, text } from "../demo/api.ts";
import type { AuthorizationServer } from "../demo/authorization-server.ts";
import { root } from "../paths.ts";
import { freshMasterKeys, freshSetupToken } from "../settings.ts";
import { type BootedWorker, bootWorker } from "./boot.ts";
import { ISSUER, SUBJECT, type WorkloadIssuer } from "./workload-issuer.ts";

/** Also the audience of workload tokens. The name is only compared, never called. */
export const ORIGIN = "http://127.0.0.1:8787";

export interface DeploymentOptions {
  modulePath: string;
  scratch: string;
  provider: AuthorizationServer;
  issuer: WorkloadIssuer;
  /** Connectors `bench/0` and on, each linked to the one project; made through the API. */
  connectors: number;
  leaseSeconds: number;
  /** Where browsers find it, too; absent = nobody comes by browser, and any port will do. */
  port?: number;
  /** A directory for what it stores; absent = one of its own. */
  storage?: string;
  /** False = nobody takes events from the queue. */
  consumers?: boolean;
}

export interface Deployment {
  worker: BootedWorker;
  /** Its `PUBLIC_ORIGIN`. */
  origin: string;
  /** Who may manage it. */
  owner: string;
  uids: string[];
  database: D1Database;
}

/** Boot the product on an empty database and set up what a workload needs, through the public API. */
export async function deploy(options: DeploymentOptions): Promise<Deployment> {
  const { provider, issuer } = options;
  const setupToken = freshSetupToken();
  const origin = options.port === undefined ? ORIGIN : `http://127.0.0.1:${options.port}`;
  const vars = {
    MASTER_KEYS: freshMasterKeys(),
    SETUP_TOKEN: setupToken,
    PUBLIC_ORIGIN: origin,
    ALLOW_LOOPBACK: "true",
  };
  const worker = await bootWorker(options.modulePath, vars, options.scratch, options);
  const database = await worker.miniflare.getD1Database("DB");
  await applySchema(database, "schema.sql");
  await applySchema(await worker.miniflare.getD1Database("EVENTS"), "schema.events.sql");

  const post = async (path: string, body: Json, expect: number, token = ""): Promise<Json> => {
    const call: Call = { method: "POST", path, body, expect, ...(token === "" ? {} : { token }) };
    return (await request(`http://127.0.0.1:${worker.port}`, call)).value;
  };
  const owner = text(await post("/v1/setup", { setupToken }, 201), "accessToken");
  await post("/v1/projects", { slug: "bench" }, 201, owner);
  const jwks = { keys: [issuer.publicJwk] };
  await post("/v1/issuers", { issuer: ISSUER, audience: origin, algorithms: ["RS256"], jwks }, 201, owner);
  const claims = { sub: SUBJECT, environment: "production" };
  await post("/v1/projects/bench/identities", { issuer: ISSUER, environment: "production", claims }, 201, owner);

  const uids = Array.from({ length: options.connectors }, (_, index) => `bench/${index}`);
  const { clientId, clientSecret, authMethod } = provider.clients.basic;
  for (const uid of uids) {
    const data = {
      serverUrl: provider.issuer,
      clientId,
      clientSecret,
      tokenEndpointAuthMethod: authMethod,
      clientCredentials: { enabled: true, scopes: ["reports:read"] },
    };
    const { leaseSeconds } = options;
    await post("/v1/connect/connectors", { type: "oauth", uid, name: uid, data, leaseSeconds }, 201, owner);
    const link = { environments: ["production"] };
    await post(`/v1/connect/connectors/${encodeURIComponent(uid)}/projects/bench`, link, 200, owner);
  }
  return { worker, origin, owner, uids, database };
}

/** Add connectors with their links by SQL, as copies of the first one; nobody asks for them. */
export async function addSilentConnectors(database: D1Database, count: number): Promise<void> {
  const numbers = `WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ${count})`;
  const copy = async (table: string, replaced: Record<string, string>, where: string): Promise<void> => {
    const { results } = await database.prepare(`SELECT * FROM ${table} LIMIT 1`).all();
    const columns = Object.keys(results[0] ?? {});
    const values = columns.map((column) => replaced[column] ?? column);
    await database
      .prepare(
        `INSERT INTO ${table} (${columns.join()}) ${numbers} SELECT ${values.join()} FROM numbers, (SELECT * FROM ${table} WHERE ${where} LIMIT 1)`,
      )
      .run();
  };
  await copy("connectors", { id: "printf('scl_silent%014d', n)", uid: "printf('silent/%d', n)" }, "uid = 'bench/0'");
  const links = { id: "printf('lnk_silent%014d', n)", connector_id: "printf('scl_silent%014d', n)" };
  await copy("links", links, "true");
}

/** The request of the benchmark, as bytes on the wire. */
export function tokenRequest(path: string, token: string, body = '{"subject":{"type":"app"}}'): string {
  return [
    `POST ${path} HTTP/1.1`,
    "host: 127.0.0.1:8787",
    `authorization: Bearer ${token}`,
    "content-type: application/json",
    "accept: application/json",
    "user-agent: bench",
    `content-length: ${body.length}`,
    "",
    body,
  ].join("\r\n");
}

export function tokenPath(uid: string): string {
  return `/v1/connect/token/${encodeURIComponent(uid)}`;
}

export async function applySchema(database: D1Database, file: string): Promise<void> {
  const schema = (await readFile(join(root, file), "utf8")).replaceAll(/--.*$/gm, "");
  const statements = schema.split(";").filter((statement) => statement.trim() !== "");
  await database.batch(statements.map((statement) => database.prepare(statement)));
}
