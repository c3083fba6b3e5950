import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { D1Database, DurableObjectNamespace, KVNamespace, R2Bucket } from "@cloudflare/workers-types";
import { inject } from "vitest";
import { createTestHarness, type TestHarness, type TestHarnessOptions, type WorkerHandle } from "wrangler";
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from "../../scripts/demo/authorization-server.ts";
import { root } from "../../scripts/paths.ts";
import { freshMasterKeys } from "../../scripts/settings.ts";
import { type Answer, type Call, send } from "./http.ts";

// Wrangler looks up the machine's location unless it is told not to.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";

/** The bindings that tests look into. */
export interface Bindings {
  DB: D1Database;
  EVENTS: D1Database;
  LEASES: KVNamespace;
  BLOBS: R2Bucket;
  GRANTS: DurableObjectNamespace;
  CONNECTOR_GATES: DurableObjectNamespace;
  HOUSEKEEPERS: DurableObjectNamespace;
  LANES: DurableObjectNamespace;
}

export interface Server {
  origin: string;
  harness: TestHarness;
  worker: WorkerHandle<Bindings>;
  provider: AuthorizationServer;
  secrets: { MASTER_KEYS: string; SETUP_TOKEN: string };
  /** One request over plain HTTP, whatever its status. */
  send(call: Call): Promise<Answer>;
  /** The same; throws unless the status is the expected one. */
  expect(status: number, call: Call): Promise<Answer["body"]>;
  stop(): Promise<void>;
}

/** The production bundle with fresh keys and an empty database, beside a real authorization server and other Workers. */
export async function startServer(
  options: AuthorizationServerOptions = {},
  alongside: TestHarnessOptions["workers"] = [],
): Promise<Server> {
  const provider = await startAuthorizationServer(options);
  const secrets = { MASTER_KEYS: freshMasterKeys(), SETUP_TOKEN: randomBytes(24).toString("base64url") };
  // The port is the platform's choice; PUBLIC_ORIGIN, which has to name it, follows once it is known.
  const harness = createTestHarness(harnessOptions({ ...secrets, PUBLIC_ORIGIN: "http://127.0.0.1:1" }, alongside));
  const { origin } = (await harness.listen()).url;
  await harness.update(harnessOptions({ ...secrets, PUBLIC_ORIGIN: origin }, alongside));
  const worker = harness.getWorker<Bindings>();
  const { DB, EVENTS } = await worker.getEnv();
  await applySchema(DB, "schema.sql");
  await applySchema(EVENTS, "schema.events.sql");
  return {
    origin,
    harness,
    worker,
    provider,
    secrets,
    send: (call) => send(origin, call),
    async expect(status, call) {
      const answer = await send(origin, call);
      if (answer.status === status) return answer.body;
      throw new Error(
        `${call.method} ${call.path}: ${answer.status}, not ${status}: ${JSON.stringify(answer.body)}\n${tail(harness)}`,
      );
    },
    async stop() {
      await harness.close();
      await provider.stop();
    },
  };
}

function harnessOptions(secrets: Record<string, string>, alongside: TestHarnessOptions["workers"]): TestHarnessOptions {
  const deployment = {
    configPath: "wrangler.toml",
    prebuiltWorkerDir: inject("workerDir"),
    vars: { ALLOW_LOOPBACK: "true" },
    secrets,
  };
  return { root, workers: [deployment, ...alongside] };
}

async function applySchema(db: D1Database, file: string): Promise<void> {
  const schema = await readFile(join(root, file), "utf8");
  // No statement of the schema has a semicolon within.
  const statements = schema
    .replaceAll(/--.*$/gm, "")
    .split(";")
    .filter((statement) => statement.trim() !== "");
  await db.batch(statements.map((statement) => db.prepare(statement)));
}

function tail(harness: TestHarness): string {
  const lines = harness.getLogs().slice(-5);
  return lines.map(({ message }) => message).join("\n");
}
