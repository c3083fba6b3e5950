import { readFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { d1Over } from "./d1.ts";
import { namespaceOf, type ObjectClass } from "./objects.ts";

// `cloudflare:workers` for tests that run in Node: see docs/mutation.md. All files of a run share these stores.

class WithContext {
  readonly ctx: unknown;
  readonly env: unknown;
  constructor(ctx: unknown, env: unknown) {
    this.ctx = ctx;
    this.env = env;
  }
}
export class DurableObject extends WithContext {}
export class WorkerEntrypoint extends WithContext {}

/** The classes are loaded when an object is first asked: most tests need none. The path is not the type checker's concern. */
const path = "../worker.ts";
const worker = async (): Promise<Record<"Grant" | "ConnectorGate" | "Housekeeper" | "DestinationLane", ObjectClass>> =>
  import(path);

export const env: object = {
  MASTER_KEYS: process.env.MASTER_KEYS,
  SETUP_TOKEN: process.env.SETUP_TOKEN,
  PUBLIC_ORIGIN: process.env.PUBLIC_ORIGIN,
  ALLOW_LOOPBACK: "true",
  TEST_SCHEMA: readFileSync("schema.sql", "utf8"),
  TEST_EVENTS_SCHEMA: readFileSync("schema.events.sql", "utf8"),
  DB: d1Over(new DatabaseSync(":memory:")),
  EVENTS: d1Over(new DatabaseSync(":memory:")),
  LEASES: keyValueStore(),
  BLOBS: blobStore(),
  GRANTS: namespaceOf(
    async () => (await worker()).Grant,
    () => env,
  ),
  CONNECTOR_GATES: namespaceOf(
    async () => (await worker()).ConnectorGate,
    () => env,
  ),
  HOUSEKEEPERS: namespaceOf(
    async () => (await worker()).Housekeeper,
    () => env,
  ),
  LANES: namespaceOf(
    async () => (await worker()).DestinationLane,
    () => env,
  ),
};

function keyValueStore() {
  const values = new Map<string, string>();
  return {
    get: async (names: string[]) => new Map(names.map((name) => [name, values.get(name) ?? null])),
    put: async (name: string, value: string) => void values.set(name, value),
    delete: async (name: string) => void values.delete(name),
    list: async () => ({ keys: [...values.keys()].map((name) => ({ name })), list_complete: true }),
  };
}

function blobStore() {
  const blobs = new Map<string, Uint8Array>();
  return {
    get: async (name: string) => blobs.get(name) ?? null,
    head: async (name: string) => blobs.get(name) ?? null,
    put: async (name: string, bytes: Uint8Array) => void blobs.set(name, bytes),
    list: async ({ prefix, limit, startAfter = "" }: { prefix: string; limit: number; startAfter?: string }) => {
      const keys = [...blobs.keys()].filter((key) => key.startsWith(prefix) && key > startAfter);
      const objects = keys.toSorted().slice(0, limit);
      return { objects: objects.map((key) => ({ key })) };
    },
  };
}
